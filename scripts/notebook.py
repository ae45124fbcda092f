"""Run a notebook that trains, scores and looks inside, as a user's would, and picture what it shows.

    python scripts/notebook.py docs/notebook.png     # in a folder with the demo's run and a text, poems.txt

Standard output has what each cell showed, as JSON. The picture needs Chromium.

Knows: how to run cells in a real kernel, and what a front end makes of their outputs.
Does not know: what any of the outputs is.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from html import escape
from pathlib import Path
from typing import Any

import nbclient
import nbformat

CELLS = (
    "import charlstm\n\nrun = charlstm.train('poems.txt', epochs=4, hidden_size=64, run='runs/poems', overwrite=True)",
    "run",
    "model = charlstm.load('runs/demo')\nmodel.score('The value of the expression is a sequence of zebras.', unknown='skip')",
    "model.trace('The value of the expression is a sequence.', unknown='skip')",
)


def executed(folder: Path) -> list[dict[str, Any]]:
    """Of each cell its outputs by MIME type, and what it wrote to standard error and output."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    return [_shown(cell) for cell in notebook.cells]


def _shown(cell: Any) -> dict[str, Any]:
    shown: dict[str, Any] = {"source": cell.source, "stderr": "", "stdout": ""}
    for output in cell.outputs:
        if output.output_type == "stream":
            shown[output.name] += output.text
        else:
            shown |= dict(output.data)
    return shown


def page_of(cells: list[dict[str, Any]]) -> str:
    """What a front end shows of them: of each output its HTML, and of a bar its last state."""
    parts = []
    for number, cell in enumerate(cells, 1):
        code = f'<pre style="background:#f5f5f5;padding:.6em;margin:.2em 0">[{number}] {escape(cell["source"])}</pre>'
        bar = escape(cell["stderr"].rstrip().rpartition("\r")[2])
        text = f'<pre style="background:#fdd;padding:.4em">{bar}</pre>' if bar else ""
        parts.append(code + text + str(cell.get("text/html", "")))
    style = "font-family:system-ui,sans-serif;max-width:1000px;margin:1em auto"
    return f'<!doctype html><meta charset="utf-8"><body style="{style}">{"".join(parts)}'


def picture(page: str, file: Path) -> list[str]:
    """Show a page in Chromium, save a picture of it -> the errors that its scripts met."""
    from playwright.sync_api import sync_playwright

    errors: list[str] = []
    chromium = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1040, "height": 1760})
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.set_content(page, wait_until="load")
        tab.frame_locator("iframe").locator("#text span").first.wait_for()
        tab.wait_for_timeout(500)  # the page measures its characters and colours them in steps
        tab.screenshot(path=str(file))
        browser.close()
    return errors


def main() -> int:
    """Run, show, picture -> exit code."""
    parser = argparse.ArgumentParser(description="Run a notebook and picture what it shows.")
    parser.add_argument("picture", type=Path, help="where the PNG goes")
    options = parser.parse_args()
    cells = executed(Path.cwd())
    errors = picture(page_of(cells), options.picture)
    json.dump({"cells": cells, "errors": errors}, sys.stdout)
    return int(bool(errors))


if __name__ == "__main__":
    sys.exit(main())
