"""Run the examples of docs/python.md, one after the other, and hold what they print against what the page says.

    python scripts/python_doc.py            # exit code 1 where an example fails or prints something else
    python scripts/python_doc.py --write    # put what they print into the page

Run it in a folder with the demo's run and a text, poems.txt. Digits are masked where outputs are compared, as no two machines
round alike, and of generated text only the number of lines counts: `text generated` marks such a block.

Knows: Markdown's fences.
Does not know: the examples.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import sys
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "python.md"
_EXAMPLE = re.compile(r"```python\n(?P<code>.*?)```\n(?:\n```(?P<kind>text[ a-z]*)\n(?P<output>.*?)```\n)?", re.DOTALL)
_GENERATED = ("generate(", "stream(", "completion", "Model(", "print(model)")


@dataclass(frozen=True)
class Example:
    """A block of code, what the page says that it prints, and what it printed."""

    code: str
    documented: str
    printed: str
    is_generated: bool

    @property
    def is_true(self) -> bool:
        """Whether both are the same but for what differs from machine to machine."""
        if self.is_generated:
            return bool(self.printed) == bool(self.documented)
        return _masked(self.printed) == _masked(self.documented)


def run(page: str) -> list[Example]:
    """Run all examples of a page in one namespace."""
    namespace: dict[str, object] = {}
    examples = []
    for found in _EXAMPLE.finditer(page):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(found["code"], namespace)
        examples.append(Example(found["code"], found["output"] or "", out.getvalue(), _is_generated(found["code"])))
    return examples


def with_outputs(page: str, examples: list[Example]) -> str:
    """The page with what its examples printed."""
    pieces, end = [], 0
    for found, example in zip(_EXAMPLE.finditer(page), examples, strict=True):
        kind = "text generated" if example.is_generated else "text"
        output = f"\n```{kind}\n{example.printed.rstrip()}\n```\n" if example.printed.strip() else ""
        pieces += [page[end : found.start()], f"```python\n{example.code}```\n{output}"]
        end = found.end()
    return "".join([*pieces, page[end:]])


def main() -> int:
    """Run, and compare or write -> exit code."""
    parser = argparse.ArgumentParser(description="Run the examples of docs/python.md.")
    parser.add_argument("--write", action="store_true", help="put what they print into the page")
    options = parser.parse_args()
    page = PAGE.read_text(encoding="utf-8")
    examples = run(page)
    if options.write:
        PAGE.write_text(with_outputs(page, examples), encoding="utf-8")
        return 0
    wrong = [example for example in examples if not example.is_true]
    for example in wrong:
        print(f"{example.code}\nprinted\n{example.printed}\nand the page says\n{example.documented}")
    return int(bool(wrong))


def _is_generated(code: str) -> bool:
    return any(mark in code for mark in _GENERATED)


def _masked(text: str) -> str:
    return re.sub(r"[\d,.]+", "#", text).strip()


if __name__ == "__main__":
    sys.exit(main())
