"""The command line: options, help, and errors as one line on standard error with an exit code.

Exit codes: 0 done, 1 failed, 2 wrong usage or input, 130 after Ctrl-C, 143 after SIGTERM.

Knows: options and their help.
Does not know: how anything is done. It imports nothing heavy, so that `--help` is fast.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from charlstm import __version__
from charlstm.errors import CharlstmError, Stopped, shown
from charlstm.memory import out_of_memory
from charlstm.options import (
    ConfigOption,
    DeviceOption,
    EncodingOption,
    ErrorsOption,
    JsonOption,
    ModelArgument,
    NewlinesOption,
    NormalizeOption,
    SetOption,
    TextArgument,
)

app = typer.Typer(
    help="Train a character-level LSTM on any text, and write more of it.",
    context_settings={"help_option_names": ["-h", "--help"]},
    add_completion=False,
    pretty_exceptions_enable=False,
)
data = typer.Typer(help="Standard texts: fetch one, then data:NAME names it wherever TEXT goes.")
app.add_typer(data, name="data")


@app.callback(invoke_without_command=True)
def _start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        typer.echo(f"charlstm {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def train(
    text: TextArgument = None,
    config: ConfigOption = None,
    settings: SetOption = None,
    run: Annotated[
        Path | None,
        typer.Option("--run", metavar="DIR", help="The run folder; by default a new one in runs/.", show_default=False),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with the run in --run, or with the newest one in runs/, as if never stopped."),
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the run that --run holds.")] = False,
    model: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="MODEL", help="Begin with the weights and vocabulary of a trained model.", show_default=False
        ),
    ] = None,
    extend: Annotated[
        bool, typer.Option("--extend-vocabulary", help="With --from: learn the characters too that the model lacks.")
    ] = False,
    device: DeviceOption = "auto",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would happen before the first step, and stop.")] = False,
    encoding: EncodingOption = None,
    errors: ErrorsOption = None,
    newlines: NewlinesOption = None,
    normalize: NormalizeOption = None,
) -> None:
    """Learn a text. Without TEXT and --config: the Python documentation that is built in."""
    from charlstm.commands import train as command

    reading = _given(encoding=encoding, errors=errors, newlines=newlines, normalize=normalize)
    if not resume:
        code = command.start_run(
            text or (),
            config,
            settings or (),
            reading,
            run=run,
            overwrite=overwrite,
            model=model,
            extend=extend,
            device=device,
            dry_run=dry_run,
        )
    elif text or config or overwrite or reading or model or extend:
        what = ", ".join(["TEXT", "--config", "--overwrite", "--from", *(f"--{name}" for name in reading)])
        raise CharlstmError(f"--resume takes text and configuration from its run: leave out {what}")
    else:
        code = command.resume_run(run, settings or (), device, dry_run)
    raise typer.Exit(code)


@app.command()
def sample(
    model: ModelArgument,
    prime: Annotated[
        str | None,
        typer.Option(
            "--prime",
            metavar="TEXT",
            help="What to start from; the run's is A unless set, or else the training text's first character.",
            show_default="the run's",
        ),
    ] = None,
    length: Annotated[
        int | None,
        typer.Option("--length", metavar="N", help="Characters to write after the prime.", show_default="the run's"),
    ] = None,
    top_k: Annotated[
        int | None,
        typer.Option(
            "--top-k", metavar="K", help="Draw from the K most probable characters; 0 for all.", show_default="the run's"
        ),
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(
            "--temperature", metavar="T", help="Lower is more cautious; 0 takes the most probable.", show_default="the run's"
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", metavar="S", help="The same seed writes the same text.", show_default="a fresh one"),
    ] = None,
    no_prime: Annotated[bool, typer.Option("--no-prime", help="Print only what follows the prime.")] = False,
    unknown: Annotated[
        Literal["error", "skip"],
        typer.Option("--unknown", help="What to do with characters of the prime that the model never saw."),
    ] = "error",
    raw: Annotated[bool, typer.Option("--raw", help="Exact bytes on a terminal too, control characters obeyed.")] = False,
    config: ConfigOption = None,
    device: DeviceOption = "cpu",
) -> None:
    """Write text. What is not given here comes from --config, or else from the settings that the run was trained with."""
    flags = {"prime": prime, "length": length, "top_k": top_k, "temperature": temperature}
    given = {key: value for key, value in flags.items() if value is not None}
    from charlstm.commands.sample import write_sample

    write_sample(model, config, given, seed, no_prime, unknown == "skip", raw, device)


@app.command(name="eval")
def evaluate(
    model: ModelArgument,
    text: TextArgument = None,
    validation: Annotated[
        bool, typer.Option("--validation", help="Score only the part at the end that training kept for validation.")
    ] = False,
    test: Annotated[bool, typer.Option("--test", help="Score only the part after it that training never looked at.")] = False,
    protocol: Annotated[
        Literal["stateful", "cold"] | None,
        typer.Option(
            "--protocol", help="Carry the state through the text, or start cold in every window.", show_default="both"
        ),
    ] = None,
    window: Annotated[
        int | None,
        typer.Option("--window", metavar="W", help="Characters in a cold window.", show_default="256"),
    ] = None,
    dynamic: Annotated[
        bool, typer.Option("--dynamic", help="Score a copy too that learns from the text as it goes; takes minutes.")
    ] = False,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
    encoding: EncodingOption = None,
    errors: ErrorsOption = None,
    newlines: NewlinesOption = None,
) -> None:
    """Score a text: nats and bits per character, with the state carried, and from cold starts of 256 characters."""
    if window is not None and not 1 <= window <= 10**9:
        raise CharlstmError(f"--window {shown(window)}: expected from 1 to 1,000,000,000 characters")
    if protocol == "stateful" and window:
        raise CharlstmError(f"--window {window}: the stateful protocol has no windows; leave it out, or use --protocol cold")
    if protocol == "cold" and dynamic:
        raise CharlstmError("--dynamic carries the state through the text: leave out --protocol cold")
    if validation and test:
        raise CharlstmError("--validation and --test are two parts of a text: score one, then the other")
    from charlstm.commands.score import score

    reading = _given(encoding=encoding, errors=errors, newlines=newlines)
    part: Literal["all", "validation", "test"] = "validation" if validation else "test" if test else "all"
    score(model, text or (), part, protocol, window, dynamic, device, as_json, reading)


@app.command()
def tune(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG", help="A TOML file with settings and a [tune] table.", show_default=False)
    ],
    text: TextArgument = None,
    settings: SetOption = None,
    trials: Annotated[
        int | None,
        typer.Option(
            "--trials",
            metavar="N",
            help="End with so many trials, those of the run before counted.",
            show_default="20, or no limit with --minutes",
        ),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option("--minutes", metavar="M", help="End after so many minutes.", show_default="no limit"),
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(
            "--run",
            metavar="DIR",
            help="A search to go on with, or where to keep a new one.",
            show_default="a new one in runs/",
        ),
    ] = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Search for the best values of what CONFIG lists under [tune], on the part of the text that is learned from."""
    from charlstm.commands.tune import search_recipe

    code = search_recipe(
        config, text or (), settings or (), trials=trials, minutes=minutes, run=run, device=device, as_json=as_json
    )
    raise typer.Exit(code)


@app.command()
def info(model: ModelArgument, as_json: JsonOption = False) -> None:
    """Show what a model is: configuration, vocabulary, parameters, step, losses."""
    from charlstm.commands.score import show_info

    show_info(model, as_json)


@data.command(name="list")
def list_data(as_json: JsonOption = False) -> None:
    """Show the data sets, how long they are, and which are here."""
    from charlstm.commands.data import show_datasets

    show_datasets(as_json)


@data.command(name="get")
def get_data(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="As charlstm data list shows them.")],
) -> None:
    """Fetch data sets into the user's cache folder, and check that they are what they should be."""
    from charlstm.commands.data import get_datasets

    get_datasets(names)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (by default the process's own) -> its exit code. What goes wrong is one line on standard error."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by whoever started this process
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 (for as long as the process lives)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that can't show a character gets its number
    try:
        with _stoppable(), out_of_memory("use a smaller model, train.batch_size or train.seq_len, or close other programs"):
            code = app(arguments, standalone_mode=False)
            sys.stdout.flush()  # here, where a full disk still has an exit code
        return code if isinstance(code, int) else 0
    except (CharlstmError, Stopped) as error:
        return _fail(str(error), error.exit_code)
    except BrokenPipeError:
        # The reader (`| head`) has what it wanted. Python would complain once more when it closes stdout: give it another.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _fail(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}", 1)
    except Exception as error:
        # Typer's own errors of usage; where it keeps their class differs between its versions.
        if not hasattr(error, "format_message"):
            raise
        return _fail(f"{' '.join(error.format_message().split())} (try --help)", 2)


def _given(**flags: str | None) -> dict[str, str]:
    """Those that were used."""
    return {name: value for name, value in flags.items() if value is not None}


@contextmanager
def _stoppable() -> Iterator[None]:
    """While open, Ctrl-C and SIGTERM end in the same orderly way, wherever the program is."""

    def handle(number: int, _frame: object) -> None:
        raise Stopped(number)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _fail(message: str, code: int) -> int:
    from charlstm.views.text import visible

    one_line = visible(message).replace("\n", "\\n").replace("\t", " ")
    print(f"charlstm: {one_line}", file=sys.stderr)  # noqa: T201
    return code
