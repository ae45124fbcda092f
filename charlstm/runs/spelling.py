"""Names of files that not everyone can spell.

Knows: how Python holds bytes of a name that are not UTF-8, and when that is the locale's doing.
Does not know: what the files are.
"""

from __future__ import annotations

import os

ANOTHER_LOCALE = "set LC_ALL=C.UTF-8 in the environment"
"""What helps where Python takes names of files for ASCII."""


def is_unicode(name: str) -> bool:
    """False for names with bytes that are not UTF-8, which neither TOML nor safetensors can spell."""
    return not any("\ud800" <= c <= "\udfff" for c in name)


def is_locale_to_blame(name: str) -> bool:
    """Whether the bytes of such a name are UTF-8 after all, and Python was told by the locale that names are ASCII."""
    try:
        return is_unicode(os.fsencode(name).decode())
    except UnicodeError:
        return False
