"""At how many places of a text a model's memory can be measured.

Knows: their range.
Does not know: torch, what is measured there.
"""

from __future__ import annotations

from charlstm.errors import CharlstmError

_MOST_PLACES = 2000


def require_places(places: int) -> None:
    """CharlstmError where a measurement can't be made at so many places."""
    if type(places) is not int or not 2 <= places <= _MOST_PLACES:
        raise CharlstmError(f"expected from 2 to {_MOST_PLACES:,}", key="places", value=places)
