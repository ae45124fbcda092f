"""Single values of settings: what they may be, where a type and a range can't say it.

Each check takes a value and gives it back, or raises a ValueError: what is wrong, and as its second argument what helps.

Knows: encodings, parts of a text as shares or counts, and how a bias is written.
Does not know: which setting a value is for, or how an error is worded around it.
"""

from __future__ import annotations

import codecs
import difflib
import encodings.aliases
import io
import math
import os
import re

MANY = 10**12
"""More steps, or characters to choose from, than there will ever be; unlimited whole numbers can't be computed with."""
_MOST_BIAS = 1000
"""A difference of logits that nothing outweighs; much larger ones would only overflow once divided by a temperature."""
ANOTHER_LOCALE = "set LC_ALL=C.UTF-8 in the environment"
"""What helps where Python takes what comes from outside for ASCII."""
_ESCAPES = {"\\n": "\n", "\\t": "\t", "\\0": "\0", "\\\\": "\\"}
_PART = "a share from 0.001 to 0.5, or a whole number of characters from 1"


def one_or_many(value: object) -> object:
    """One text or a list of them, as a tuple."""
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


def text_encoding(name: str) -> str:
    """The name of an encoding that makes text."""
    try:
        io.TextIOWrapper(io.BytesIO(), encoding=name)  # refuses codecs such as hex too, which make no text
        codecs.getincrementaldecoder(name)("replace").decode(b"a", True)  # and this idna, which can't replace anything
    except (LookupError, ValueError):
        near = difflib.get_close_matches(name.lower().replace("-", "_"), encodings.aliases.aliases.values(), 1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise ValueError("no such encoding of texts", f"{hint}try utf-8, latin-1 or cp1252") from None
    return name


def unicode(value: str) -> str:
    """A text that a file can hold: a byte on a command line that is not UTF-8 comes in as half a character."""
    try:
        value.encode()
    except UnicodeEncodeError:
        if is_locale_to_blame(value):
            raise ValueError("this locale can't spell it", ANOTHER_LOCALE) from None
        raise ValueError("expected a text that UTF-8 can spell") from None
    return value


def is_unicode(name: str) -> bool:
    """False for texts and names with bytes that are not UTF-8, which neither TOML nor safetensors can spell."""
    return not any("\ud800" <= c <= "\udfff" for c in name)


def is_locale_to_blame(name: str) -> bool:
    """Whether the bytes of a text or name are UTF-8 after all, and Python was told by the locale that they are ASCII."""
    try:
        return is_unicode(os.fsencode(name).decode())
    except UnicodeError:
        return False


def unescaped(text: str) -> str:
    r"""A text in which `\n`, `\t`, `\0` and `\\` were typed for what they stand for; any other backslash stays.

    >>> unescaped(r"one\n\ttwo \d")
    'one\n\ttwo \\d'
    """
    return re.sub(r"\\[nt0\\]", lambda found: _ESCAPES[found[0]], text)


def escape_hint(text: str) -> str:
    r"""How a newline or a tab is written, for who gave a backslash and a letter; empty where a text has none of these.

    >>> escape_hint(r"The\n"), escape_hint("The")
    ("a shell's way to write a newline is $'\\n'", '')
    """
    named = {r"\n": "a newline", r"\t": "a tab"}
    return next((f"a shell's way to write {name} is $'{typed}'" for typed, name in named.items() if typed in text), "")


def stop_text(value: str) -> str:
    """A text at which writing can stop: the empty one is everywhere."""
    if not value:
        raise ValueError("expected at least one character")
    return unicode(value)


def character_bias(value: str) -> str:
    """A character, `=` and a finite number: `e=-0.5`."""
    parse_bias(unicode(value))
    return value


def parse_bias(text: str) -> tuple[str, float]:
    """`CHAR=NUMBER` as both.

    >>> parse_bias("e=-0.5"), parse_bias("==1")
    (('e', -0.5), ('=', 1.0))
    """
    try:
        character, number = text[0], float(text[2:])
    except (IndexError, ValueError):
        number = math.nan
    if not math.isfinite(number) or text[1] != "=" or abs(number) > _MOST_BIAS:
        expected = f"expected CHAR=NUMBER, such as e=-0.5, with a number from -{_MOST_BIAS} to {_MOST_BIAS}"
        raise ValueError(*filter(None, (expected, escape_hint(text[:2]))))
    return character, number


def part_or_none(value: object) -> object:
    """A part of a text, a share of it as a float or a count as an int: 0.5 is a half, 1 is one character, 0 is none."""
    if value == 0 and not isinstance(value, bool):
        return 0  # for 0.0 too
    if not _is_part(value):
        raise ValueError(f"expected {_PART}, or 0 for none")
    return value


def _is_part(value: object) -> bool:
    if isinstance(value, float):
        return 0.001 <= value <= 0.5
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MANY


def size_of(part: float | int, whole: int) -> int:
    """How many of `whole` ids a part is; a share is rounded up, as floats round.

    >>> size_of(0.1, 1_115_394), size_of(5_000, 1_115_394)
    (111540, 5000)
    """
    return part if isinstance(part, int) else whole - int(whole * (1 - part))
