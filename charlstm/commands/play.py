"""`charlstm play`: a person and a model add to a text in turns.

Knows: what each command does, what is said of it, and what Ctrl-C stops.
Does not know: how a line is typed, how a model draws.
"""

from __future__ import annotations

import secrets
import signal
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, nullcontext
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from charlstm.asked import Asked, ask_sampling
from charlstm.commands.play_commands import COMMANDS, Command, command_in, completions
from charlstm.commands.sample_request import MOST_PRIME
from charlstm.commands.signals import noting_interrupts
from charlstm.errors import CharlstmError, Stopped, shown
from charlstm.files import write_output
from charlstm.runs.inputs import Inputs
from charlstm.sampling.stops import impossible_stops
from charlstm.text.vocabulary import to_bytes
from charlstm.values import escape_hint, unescaped
from charlstm.words import counted

if TYPE_CHECKING:
    from charlstm.sampling.session import Draft, Place
    from charlstm.views.prompt import Prompt

_SEEN = 200  # characters at the end of a text that a prompt or a line may show


def play(model: Path, file: Path | None, assignments: Sequence[str], seed: int | None, device: str) -> int:
    """Go on in turns until the input ends -> exit code: 0, or that of the last error where no person was there to read it."""
    asked = _asked(file, assignments)
    seed = _checked_seed("--seed", secrets.randbelow(2**32) if seed is None else seed)

    from charlstm.runs.model_file import read_weights
    from charlstm.sampling.controls import Controls
    from charlstm.sampling.engines.selection import open_engine
    from charlstm.sampling.session import Draft
    from charlstm.views.console import print_line
    from charlstm.views.prompt import open_prompt

    weights = read_weights(model)
    settings = asked.over(weights.config.sample)
    draft = Draft(open_engine(weights, device=device).engine, Controls(settings, weights.vocabulary), seed)
    prompt = open_prompt(lambda line: completions(line, draft.branches), MOST_PRIME)
    _say_what_cannot_stop(draft)
    if sys.stdin.isatty():
        print_line("Type, and the model goes on. /help lists the commands, Ctrl-D ends.", "dim")
    return _Play(draft, prompt, Inputs([model], files=[file] if file else ())).run()


def _say_what_cannot_stop(draft: Draft) -> None:
    from charlstm.views.console import print_line

    for stop in impossible_stops(draft.settings, draft.vocabulary):
        hint = f"; {how}" if (how := escape_hint(stop)) else ""
        print_line(f"the stop text {shown(stop)} can't occur: it has a character that is never written{hint}", "yellow")


def _asked(file: Path | None, assignments: Sequence[str]) -> Asked:
    """What was asked for; what is wrong with it is said before the model is loaded."""
    for assignment in assignments:
        if not assignment.lstrip().startswith("sample."):
            raise CharlstmError(f"--set {shown(assignment)}: play has the settings of [sample], such as sample.temperature=0.7")
    return ask_sampling(file, assignments)


def _checked_seed(name: str, seed: int) -> int:
    if seed < 0:
        raise CharlstmError(f"{name} {shown(seed)}: expected a whole number at least 0")
    return seed


class _Play:
    """The loop: a line, what it asks for, the next line."""

    def __init__(self, draft: Draft, prompt: Prompt, inputs: Inputs) -> None:
        self._draft, self._prompt, self._inputs = draft, prompt, inputs
        self._has_person = sys.stdin.isatty()
        self._does: dict[str, Callable[[Command], None]] = {
            "undo": self._undo,
            "redo": self._redo,
            "retry": self._retry,
            "branch": self._branch,
            "branches": self._branches,
            "go": self._go,
            "set": self._set,
            "show": self._show,
            "seed": self._seed,
            "text": self._text,
            "save": self._save,
            "new": self._new,
            "help": self._help,
        }

    def run(self) -> int:
        code, refused = 0, ""
        while True:
            line = ""
            try:
                line, refused = self._prompt.ask(self._end(self._draft.place), refused), ""
                if self._does_end(line):
                    break
            except EOFError:
                break
            except CharlstmError as error:
                self._say(str(error), "red")
                code, refused = error.exit_code, "" if line.startswith("/") else line  # a text is not typed twice
            except Stopped as stopped:
                if stopped.number != signal.SIGINT or not self._has_person:
                    raise
                self._say("")  # the terminal shows ^C
        return 0 if self._has_person else code

    def _does_end(self, line: str) -> bool:
        command = command_in(line)
        if command is None:
            self._add(unescaped(line.removeprefix("/") if line.startswith("//") else line))
            return False
        if command.name == "quit":
            return True
        self._does[command.name](command)
        return False

    def _add(self, text: str) -> None:
        """A typed text, none where the model is to go on by itself."""
        draft = self._draft
        before, text = draft.place, text or ("" if draft.place.length else draft.settings.prime)
        draft.add(text)
        self._show_text(draft.go_on(), self._end(before), draft.place.added if text else "")

    def _retry(self, _: Command) -> None:
        draft = self._draft
        before = draft.before_retry
        self._show_text(draft.retry(), self._end(before))

    def _end(self, place: Place) -> str:
        """What may be shown of the end of a text, a newline for each line end."""
        return self._draft.vocabulary.line_ends.as_newlines(place.end(_SEEN))

    def _show_text(self, pieces: Generator[str, None, None], before: str, typed: str = "") -> None:
        """Show what a text goes on with, until it ends or Ctrl-C comes; `before` is its end so far, `typed` what was added."""
        from charlstm.views.console import print_start
        from charlstm.views.terminal import stream_out

        place = self._draft.place
        with noting_interrupts() if self._has_person else nullcontext(()) as received, closing(pieces):
            if sys.stdout.isatty():
                line_ends = self._draft.vocabulary.line_ends
                print_start(before.rpartition("\n")[2], line_ends.as_newlines(typed))
                stream_out(_until(received, pieces), ends_in_cr=line_ends.newlines == "cr")
            else:
                stream_out(chain([typed], _until(received, pieces)))
        if self._draft.place is place and not received:
            self._say("nothing was written: a stop text came at once; /set min_length 1 lets it pass")

    def _undo(self, _: Command) -> None:
        self._draft.undo()
        self._say_length()

    def _redo(self, _: Command) -> None:
        self._draft.redo()
        self._say_length()

    def _branch(self, command: Command) -> None:
        name = command.argument
        try:
            self._draft.branch(name, command.is_forced)
        except CharlstmError as error:
            raise CharlstmError(error.problem, remedy=f"take another name, or /branch! {name} to replace it") from None
        self._say_length()

    def _branches(self, _: Command) -> None:
        from charlstm.views.console import print_facts

        rows = [(name, counted(place.length, "character")) for name, place in sorted(self._draft.branches.items())]
        print_facts(rows or [("none", "/branch NAME makes one")])

    def _go(self, command: Command) -> None:
        try:
            self._draft.go_to(command.argument)
        except CharlstmError as error:
            remedy = f"{error.remedy} /branch NAME makes one of where the text stands".lstrip()
            raise CharlstmError(error.problem, remedy=remedy) from None
        self._say_length()

    def _set(self, command: Command) -> None:
        name, _, value = command.argument.partition(" ")
        value = value.strip()
        if not value:
            raise CharlstmError(f'/set {name}: expected a value too; "" is none')
        self._draft.set(name, value if value[0] in "\"'[" else unescaped(value))
        _say_what_cannot_stop(self._draft)

    def _show(self, _: Command) -> None:
        from charlstm.views.console import print_facts

        settings = self._draft.settings.model_dump().items()
        rows = [(key, repr(list(value) if isinstance(value, tuple) else value)) for key, value in settings]
        print_facts([*rows, ("seed", str(self._draft.seed))])

    def _seed(self, command: Command) -> None:
        digits = command.argument
        if not digits.isdecimal() or len(digits) > 80:
            raise CharlstmError(f"/seed {shown(digits)}: expected a whole number at least 0")
        self._draft.seed = int(digits)

    def _text(self, _: Command) -> None:
        from charlstm.views.terminal import stream_out

        stream_out([self._draft.place.text()], ends_in_cr=self._draft.vocabulary.line_ends.newlines == "cr")

    def _save(self, command: Command) -> None:
        name, text = command.argument, self._draft.place.text()
        try:
            path = Path(name).expanduser()
            if self._inputs.hold(path):
                raise CharlstmError(f"{shown(name)} is what was read to play: take another name")
            if path.exists() and not (command.is_forced and path.is_file()):
                what = f"/save! {name} replaces it" if path.is_file() else "it is not a file"
                raise CharlstmError(f"{shown(name)} is there already: {what}")
            write_output(path, [to_bytes(text)])
        except (OSError, ValueError, RuntimeError) as error:  # too long, with a NUL, in a home that nobody has
            raise CharlstmError(f"can't save {shown(name)}: {getattr(error, 'strerror', None) or error}") from None
        self._say(f"{counted(self._draft.place.length, 'character')} in {path}")

    def _new(self, _: Command) -> None:
        self._draft.start_anew()
        self._say_length()

    def _help(self, _: Command) -> None:
        from charlstm.views.console import print_facts

        print_facts([(f"/{name} {about.takes}".rstrip(), about.does) for name, about in COMMANDS.items()])
        self._say(
            "Other lines are text; an empty one lets the model go on. \\n is a newline, \\\\ a backslash, // a slash at the "
            "beginning. Names may be cut short. Ctrl-C stops what the model writes."
        )

    def _say_length(self) -> None:
        self._say(counted(self._draft.place.length, "character"))

    def _say(self, text: str, style: str = "dim") -> None:
        from charlstm.views.console import print_line

        print_line(text, style)


def _until(received: Sequence[int], pieces: Iterable[str]) -> Iterator[str]:
    for piece in pieces:
        yield piece
        if received:  # only now, as a piece that was taken belongs to the text
            return
