"""The names of the protocols by which a text is scored, and which of them go together.

Knows: their names, the widths of windows.
Does not know: torch, how a text is scored.
"""

from __future__ import annotations

from typing import Literal, get_args

from charlstm.errors import Argument, CharlstmError, require_choice

Protocol = Literal["stateful", "cold"]
"""With the state carried through the whole text, or in windows that each begin at a zero state."""
COLD_WINDOW = 256
"""The window of nanoGPT's character config, so that figures compare."""
_WIDEST_WINDOW = 10**9


def require_protocol(protocol: Protocol | None, window: int | None, is_dynamic: bool) -> None:
    """CharlstmError where these say no way to score a text, or contradict each other."""
    if protocol is not None:
        require_choice("protocol", protocol, get_args(Protocol))
    if window is not None and not (type(window) is int and 1 <= window <= _WIDEST_WINDOW):
        raise CharlstmError(f"expected from 1 to {_WIDEST_WINDOW:,} characters", key="window", value=window)
    if protocol == "stateful" and window:
        remedy = ("leave it out, or use ", Argument("protocol", "cold"))
        raise CharlstmError("the stateful protocol has no windows", key="window", value=window, remedy=remedy)
    if protocol == "cold" and is_dynamic:
        problem = (Argument("dynamic", True), " carries the state through the text")
        raise CharlstmError(problem, remedy=("leave out ", Argument("protocol", "cold")))
