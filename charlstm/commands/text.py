"""The text that a command works on: where it comes from where none was named, and what is said of it.

    TEXT on the command line, or in a config   >   what is piped in   >   what the command has instead, if anything

Knows: when something is piped in, when nothing comes, how a text is read with a bar, what of it was left out.
Does not know: what the text is for.
"""

from __future__ import annotations

import select
import sys
from collections.abc import Sequence
from io import BufferedReader
from typing import cast

from charlstm.config import DataConfig
from charlstm.errors import Argument, CharlstmError, Phrase, TextError
from charlstm.text.corpus import Corpus, read_corpus
from charlstm.text.source_kinds import is_piped
from charlstm.text.sources import Sources
from charlstm.text.vocabulary import Vocabulary

_SILENCE = 1.5
"""Seconds after which somebody may wonder why nothing happens."""
NAME_IT = "name files, folders, globs, builtin:NAME or data:NAME"


def read_text(
    text: Sequence[str],
    data: DataConfig,
    vocabulary: Vocabulary | None = None,
    extend: bool = False,
    skip_unknown: bool = False,
    as_before: bool = False,
) -> Corpus:
    """Read a text, with a bar where it is long; see `read_corpus`."""
    from charlstm.views.bars import reading_bar

    say_if_waiting(text)
    with reading_bar() as progress:
        return read_corpus(text, data, vocabulary, extend, progress, skip_unknown, as_before)


def piped_text(remedy: Phrase = NAME_IT) -> list[str]:
    """What stands for standard input, where something is piped in; nothing where it is a terminal, /dev/null or closed.

    TextError with the remedy where the pipe ends without a byte.
    """
    if not is_piped():
        return []
    say_if_waiting(["-"])
    if not cast(BufferedReader, sys.stdin.buffer).peek(1):
        raise TextError(("no ", Argument("text"), " is named, and standard input is empty"), remedy=remedy)
    return ["-"]


def require_text_for(purpose: str, text: Sequence[str]) -> Sequence[str]:
    """What was named, or else what is piped in. CharlstmError where there is neither."""
    found = text or piped_text()
    if not found:
        remedy = "name files, folders, globs, -, builtin:NAME or data:NAME"
        raise CharlstmError(("no ", Argument("text"), f" to {purpose}"), remedy=remedy)
    return found


def say_if_waiting(text: Sequence[str]) -> None:
    """A line where standard input is to be read and nothing comes from it."""
    if "-" not in text:
        return
    try:
        has_come, _, _ = select.select([sys.stdin], [], [], _SILENCE)
    except (OSError, ValueError):  # nothing that a system can wait for; on Windows, a pipe
        return
    if not has_come:
        from charlstm.views.console import print_line

        print_line("reading standard input: nothing has come yet")


def say_what_was_skipped(corpus: Corpus, purpose: str) -> None:
    """A line on the characters of a text that a model lacks and that were left out."""
    if count := corpus.findings.unknown:
        from charlstm.views.console import print_line

        of = count + len(corpus.ids)
        print_line(f"left out: {count:,} of the text's {of:,} characters, which the model never saw; {purpose}")


def say_left_out(corpus: Corpus) -> None:
    """What of a text was not read, or only once though it was named twice."""
    from charlstm.views.left_out import print_left_out

    print_left_out(corpus.skipped, corpus.left_out, corpus.repeated)


def say_left_out_of(sources: Sources, skipped: Sequence[str] = ()) -> None:
    """The same of a text that is not read as a whole; `skipped` are its files without text."""
    from charlstm.views.left_out import print_left_out

    left_out = [*sources.left_out, *(one for source in sources.all for one in source.left_out())]
    print_left_out(skipped, left_out, sources.repeated)
