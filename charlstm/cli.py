"""The commands: parse, call, show. A `CharlstmError` becomes one line on standard error and an exit code.

Exit codes: 0 done, 1 failed, 2 wrong usage or input, 130 after Ctrl-C, 143 after SIGTERM.

Knows: options, and which room answers which command.
Does not know: how anything is done. Torch is imported inside commands, so that `--help` is fast.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from charlstm import __version__
from charlstm.errors import CharlstmError

if TYPE_CHECKING:
    from charlstm.config import Config, SampleConfig
    from charlstm.store import RunFolder
    from charlstm.train import Trainer

app = typer.Typer(
    help="Train a character-level LSTM on any text, and write more of it.",
    context_settings={"help_option_names": ["-h", "--help"]},
    add_completion=False,
    pretty_exceptions_enable=False,
)

ModelArgument = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A run folder or a .safetensors file.", show_default=False)
]
TextArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="TEXT...", help="Files, folders, globs, - or builtin:NAME.", show_default=False),
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="A TOML file with settings.", show_default=False)
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="One setting, such as train.epochs=3; may be repeated.", show_default=False
    ),
]
DeviceOption = Annotated[str, typer.Option("--device", metavar="DEVICE", help="auto, cpu, cuda or mps.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


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
    device: DeviceOption = "auto",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would happen before the first step, and stop.")] = False,
) -> None:
    """Learn a text. Without TEXT and --config: the Python documentation that is built in."""
    from charlstm.store import RunFolder, new_run_folder

    if resume:
        if text or config or overwrite:
            raise CharlstmError("--resume takes text and configuration from its run: leave out TEXT, --config and --overwrite")
        _resume(run, settings or (), device, dry_run)
        return
    from charlstm.config import load_config
    from charlstm.corpus import read_corpus

    asked = load_config(config, settings or (), **({"data": {"text": text}} if text else {}))
    folder = RunFolder(run) if run else new_run_folder(_run_name(text, config, asked))
    folder.refuse_held(overwrite)
    corpus = read_corpus(asked.data.text)

    # Only now torch: a mistake in what was typed is answered at once.
    from charlstm.device import find_device
    from charlstm.material import prepare
    from charlstm.train import Trainer
    from charlstm.views.summary import print_material, print_plan

    found = find_device(device)
    material = prepare(corpus, _with_absolute_paths(asked))
    print_material(material, asked)
    trainer = Trainer(material, found)
    print_plan(trainer, folder)
    if not dry_run:
        folder.start(material.config)
        _fit(trainer, folder)


@app.command()
def sample(
    model: ModelArgument,
    prime: Annotated[
        str | None,
        typer.Option(
            "--prime",
            metavar="TEXT",
            help="What to start from; by default A, or else the training text's first character.",
            show_default=False,
        ),
    ] = None,
    length: Annotated[
        int | None,
        typer.Option("--length", metavar="N", help="Characters to write after the prime.", show_default="500"),
    ] = None,
    top_k: Annotated[
        int | None,
        typer.Option("--top-k", metavar="K", help="Draw from the K most probable characters; 0 for all.", show_default="0"),
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(
            "--temperature", metavar="T", help="Lower is more cautious; 0 takes the most probable.", show_default="0.8"
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
    config: ConfigOption = None,
    device: DeviceOption = "cpu",
) -> None:
    """Write text. What is not given here comes from --config, or else from the settings that the run was trained with."""
    flags = {"prime": prime, "length": length, "top_k": top_k, "temperature": temperature}
    given = {key: value for key, value in flags.items() if value is not None}
    _check_sample(config, given, seed)

    from charlstm.device import find_device
    from charlstm.engines import open_engine
    from charlstm.sample import without_unknown, write_text
    from charlstm.store import load_model
    from charlstm.views.console import print_line
    from charlstm.views.text import stream_out

    saved = load_model(model, find_device(device))
    chosen = _sample_config(saved.config.sample, config, given)
    if unknown == "skip":
        chosen = without_unknown(chosen, saved.vocabulary)
    # A fresh seed is chosen here and not further down, so that it can be told and used again.
    seed = secrets.randbelow(2**32) if seed is None else seed
    pieces = write_text(open_engine(saved.model), saved.vocabulary, chosen, seed)
    begin = time.perf_counter()
    stream_out(pieces if no_prime else chain([chosen.prime], pieces))
    if sys.stdout.isatty():
        speed = chosen.length / (time.perf_counter() - begin)
        print_line(f"seed {seed} · {speed:,.0f} characters a second", "dim")


@app.command(name="eval")
def evaluate(
    model: ModelArgument,
    text: TextArgument = None,
    validation: Annotated[
        bool, typer.Option("--validation", help="Score only the part at the end that training kept for validation.")
    ] = False,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Score a text: nats and bits per character, with the state carried, and from cold starts of 256 characters."""
    if not text:
        raise CharlstmError("no TEXT to score: name files, folders, globs, - or builtin:NAME")
    from charlstm.corpus import read_corpus

    corpus = read_corpus(text)

    from charlstm.device import find_device
    from charlstm.evaluate import evaluate_text
    from charlstm.store import load_model
    from charlstm.views.summary import print_evaluations

    saved = load_model(model, find_device(device))
    context = corpus.text[: corpus.split(saved.config.data.validation)] if validation else ""
    results = evaluate_text(saved.model, saved.vocabulary.encode(corpus.text), len(saved.vocabulary.encode(context)))
    print_evaluations(results, as_json)


@app.command()
def info(model: ModelArgument, as_json: JsonOption = False) -> None:
    """Show what a model is: configuration, vocabulary, parameters, step, losses."""
    from charlstm.store import load_model
    from charlstm.views.summary import print_info

    print_info(model, load_model(model), as_json)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (by default the process's own) -> its exit code. What goes wrong is one line on standard error."""
    try:
        code = app(arguments, standalone_mode=False)
        return code if isinstance(code, int) else 0
    except CharlstmError as error:
        return _fail(str(error), error.exit_code)
    except BrokenPipeError:
        # The reader (`| head`) has what it wanted. Python would complain once more when it closes stdout: give it another.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (KeyboardInterrupt, typer.Abort):
        return _fail("stopped", 130)
    except Exception as error:
        # Typer's own errors of usage; where it keeps their class differs between its versions.
        if not hasattr(error, "format_message"):
            raise
        return _fail(f"{' '.join(error.format_message().split())} (try --help)", 2)


def _fail(message: str, code: int) -> int:
    from charlstm.views.text import visible

    print(f"charlstm: {visible(message)}", file=sys.stderr)  # noqa: T201
    return code


def _resume(run: Path | None, settings: Sequence[str], device: str, dry_run: bool) -> None:
    from charlstm.config import load_config
    from charlstm.corpus import read_corpus
    from charlstm.device import find_device
    from charlstm.material import prepare
    from charlstm.resume import load_training, refuse_another
    from charlstm.store import RunFolder, newest_run
    from charlstm.train import Trainer
    from charlstm.views.summary import print_material, print_plan

    folder = RunFolder(run) if run else newest_run()
    saved = load_training(folder.resume)
    asked = load_config(folder.config, settings)
    refuse_another(saved.config, asked)
    material = prepare(read_corpus(asked.data.text), asked)
    print_material(material, asked)
    trainer = Trainer(material, find_device(device), saved)
    print_plan(trainer, folder)
    if not dry_run:
        folder.write_config(material.config)
        folder.forget_after(trainer.position.recorded_step)
        _fit(trainer, folder)


def _fit(trainer: Trainer, folder: RunFolder) -> None:
    """Train to the end or to a signal, and show it. A signal ends in its exit code."""
    from charlstm.views.summary import print_result
    from charlstm.views.training import make_view

    view = make_view(trainer)
    with _stopping(trainer.stop) as received:
        try:
            for record in trainer.fit(folder):
                view.show(record)
        finally:
            view.close()
    if not received:
        view.finish()
    print_result(trainer, folder, _program())
    if received:
        raise typer.Exit(128 + received[0])


@contextmanager
def _stopping(stop: Callable[[], None]) -> Iterator[list[int]]:
    """While open, a first Ctrl-C or SIGTERM asks for a stop and is listed; a second Ctrl-C stops at once."""
    received: list[int] = []

    def handle(number: int, _frame: object) -> None:
        if received and number == signal.SIGINT:
            raise KeyboardInterrupt
        received.append(number)
        stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run_name(text: list[str] | None, file: Path | None, config: Config) -> str:
    """A run is called after its config file, or else after its text."""
    if file and not text:
        return file.stem
    source = config.data.text[0]
    name = "stdin" if source == "-" else Path(source.removeprefix("builtin:")).stem
    return "".join(c if c.isalnum() or c in "._-" else "-" for c in name).strip(".-") or "run"


def _with_absolute_paths(config: Config) -> Config:
    """The run's own config.toml names its text from wherever it is read."""
    from charlstm.config import is_path

    text = tuple(str(Path(source).absolute()) if is_path(source) else source for source in config.data.text)
    return config.model_copy(update={"data": config.data.model_copy(update={"text": text})})


def _check_sample(file: Path | None, given: dict[str, Any], seed: int | None) -> None:
    """Answer a wrong value before torch and the model are loaded."""
    from charlstm.config import load_config

    load_config(file, sample=given)
    if seed is not None and seed < 0:
        raise CharlstmError(f"--seed {seed}: expected a whole number at least 0")
    if given.get("prime") == "":
        raise CharlstmError("--prime is empty: give it at least one character to start from")


def _sample_config(trained: SampleConfig, file: Path | None, given: dict[str, Any]) -> SampleConfig:
    """The run's own settings < those in the file < flags."""
    from charlstm.config import read_toml, validate

    in_file = read_toml(file).get("sample", {}) if file else {}
    return validate({"sample": {**trained.model_dump(), **in_file, **given}}).sample


def _program() -> str:
    """How the user can call this program again: by name where the shell finds it, else as it was called."""
    if shutil.which("charlstm"):
        return "charlstm"
    called = Path(sys.argv[0])
    return f"{sys.executable} -m charlstm" if called.name == "__main__.py" else str(called)
