"""What each command does: read, train, load, write or score, and show it.

Knows: which rooms make up a command, in which order, and what a signal does to a training.
Does not know: options and their help.

Torch takes seconds to import. So each function first does what needs no torch, and a mistake in what was typed is answered
at once; the imports that follow stand where they are needed.
"""

from __future__ import annotations

import secrets
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charlstm.config import Config, DataConfig, SampleConfig, is_path, load_config, read_toml, validate
from charlstm.corpus import Corpus, read_corpus
from charlstm.errors import CharlstmError, Stopped, UnknownCharactersError
from charlstm.folder import RunFolder, is_unicode, new_run_folder, newest_run
from charlstm.sources import find_sources
from charlstm.vocabulary import Vocabulary

if TYPE_CHECKING:
    from charlstm.train import Trainer


def start_run(
    text: Sequence[str],
    file: Path | None,
    settings: Sequence[str],
    reading: Mapping[str, str],
    *,
    run: Path | None,
    overwrite: bool,
    model: Path | None,
    extend: bool,
    device: str,
    dry_run: bool,
) -> int:
    """Train a new model -> the exit code: 0, or 128 and the number of the signal that stopped it.

    `reading` are the keys of [data] that flags set; `model` is a trained one to begin with, whose vocabulary may be extended.
    """
    if extend and not model:
        raise CharlstmError("--extend-vocabulary extends that of a trained model: name it with --from")
    if model and run and overwrite and run.resolve() in (model.resolve(), model.resolve().parent):
        raise CharlstmError(f"--overwrite would replace the run that --from begins with, {model}: choose another --run")
    asked = load_config(file, settings, data={**({"text": list(text)} if text else {}), **reading})
    folder = RunFolder(run) if run else new_run_folder(_run_name(text, file, asked))
    folder.refuse_held(overwrite)
    with _if_stopped("stopped before the first step; the same command begins again"):
        trainer = _prepare(asked, device, folder, model, extend)
    if dry_run:
        return 0
    with folder.locked():
        folder.start(overwrite)
        return _fit(trainer, folder)


def _prepare(asked: Config, device: str, folder: RunFolder, model: Path | None, extend: bool) -> Trainer:
    """Read the text and the model to begin with, make the trainer, and show it."""
    if not model:
        corpus = _read(asked.data.text, asked.data)  # before torch is loaded: a text that can't be read is said at once

    from charlstm.device import find_device
    from charlstm.finetune import settle
    from charlstm.material import prepare
    from charlstm.store import load_model
    from charlstm.train import Trainer
    from charlstm.views.console import print_facts
    from charlstm.views.summary import print_material, print_plan

    found = find_device(device)
    trained = load_model(model) if model else None
    if trained:
        asked = settle(asked, trained.config, extend)
        try:
            corpus = _read(asked.data.text, asked.data, trained.vocabulary, extend)
        except UnknownCharactersError as error:
            raise UnknownCharactersError(f"{error}; --extend-vocabulary adds them to the model's") from None
    material = prepare(corpus, _with_absolute_paths(asked))
    print_material(material, asked)
    trainer = Trainer(material, found, trained=trained)
    if trained:
        print_facts([("from", f"{model}, trained for {trained.facts.step:,} steps")])
    print_plan(trainer, folder)
    return trainer


def resume_run(run: Path | None, settings: Sequence[str], device: str, dry_run: bool) -> int:
    """Go on with a run -> the exit code, as for `start_run`."""
    folder = RunFolder(run) if run else newest_run()
    folder.require_resume()
    for setting in settings:
        load_config(None, [setting])  # what is wrong with it is said before torch is loaded
    with folder.locked():
        with _if_stopped(f"stopped before the next step; to go on: {_resume_command(folder)}"):
            trainer = _prepare_resume(folder, settings, device, dry_run)
        return 0 if dry_run else _fit(trainer, folder)


def _prepare_resume(folder: RunFolder, settings: Sequence[str], device: str, dry_run: bool) -> Trainer:
    """Read the newest whole save and the text, make the trainer, show them, and put the folder back to where they were."""
    from charlstm.device import find_device
    from charlstm.material import prepare
    from charlstm.resume import load_training, refuse_another
    from charlstm.train import Trainer
    from charlstm.views.console import print_warning
    from charlstm.views.summary import print_material, print_plan

    saved, warning = load_training(folder)
    asked = _with_absolute_paths(load_config(None, settings, **saved.config.model_dump(mode="json")))
    refuse_another(saved.config, asked)
    given = saved.vocabulary if saved.is_vocabulary_given else None
    material = prepare(_read(asked.data.text, asked.data, given), asked)
    print_material(material, asked)
    trainer = Trainer(material, find_device(device), saved)
    print_plan(trainer, folder)
    if warning:
        print_warning(warning)
    if not folder.holds_config(saved.config):
        print_warning(f"{folder.config.name} is not as it was written: the settings of the save hold; --set changes them")
    if not dry_run:
        if warning:
            folder.promote_previous()
        for name in folder.go_back_to(saved.marks):
            print_warning(f"{name} is not as it was written: its whole lines are kept")
    return trainer


def write_sample(
    model: Path,
    file: Path | None,
    given: Mapping[str, Any],
    seed: int | None,
    no_prime: bool,
    skip_unknown: bool,
    raw: bool,
    device: str,
) -> None:
    """Write text to standard output; `given` are the keys of [sample] that flags set."""
    load_config(file, sample=given)  # only to find what is wrong with it before torch and the model are loaded
    if seed is not None and seed < 0:
        raise CharlstmError(f"--seed {seed}: expected a whole number at least 0")
    if given.get("prime") == "":
        raise CharlstmError("--prime is empty: give it at least one character to start from")

    from charlstm.device import find_device
    from charlstm.engines import open_engine
    from charlstm.sample import without_unknown, write_text
    from charlstm.store import load_model
    from charlstm.views.console import print_line
    from charlstm.views.text import stream_out

    saved = load_model(model, find_device(device))
    chosen = _sample_config(saved.config.sample, file, given)
    if skip_unknown:
        chosen = without_unknown(chosen, saved.vocabulary)
    # A fresh seed is chosen here and not further down, so that it can be told and used again.
    seed = secrets.randbelow(2**32) if seed is None else seed
    pieces = write_text(open_engine(saved.model), saved.vocabulary, chosen, seed)
    begin = time.perf_counter()
    stream_out(pieces if no_prime else chain([chosen.prime], pieces), raw)
    if sys.stdout.isatty():
        speed = chosen.length / (time.perf_counter() - begin)
        print_line(f"seed {seed} · {speed:,.0f} characters a second", "dim")


def score(model: Path, text: Sequence[str], validation: bool, device: str, as_json: bool, reading: Mapping[str, str]) -> None:
    """Score a text, or only its validation part, by both protocols; `reading` are the keys of [data] that flags set."""
    if not text:
        raise CharlstmError("no TEXT to score: name files, folders, globs, - or builtin:NAME")
    find_sources(text)  # only to find what is wrong with them before torch and the model are loaded
    asked = load_config(data=reading).data

    from charlstm.device import find_device
    from charlstm.evaluate import evaluate_text
    from charlstm.store import load_model
    from charlstm.views.summary import print_evaluations

    saved = load_model(model, find_device(device))
    # Line ends and what stands between files are the model's; in which encoding a text lies is the text's.
    kept = {"newlines": saved.config.data.newlines, "separator": saved.config.data.separator}
    corpus = _read(text, asked.model_copy(update={**kept, **reading}), saved.vocabulary)
    context = corpus.split(saved.config.data.validation) if validation else 0
    results = evaluate_text(saved.model, corpus.ids, context)
    print_evaluations(results, saved.vocabulary, as_json)


def show_info(model: Path, as_json: bool) -> None:
    """Show what a model file says of itself."""
    from charlstm.store import load_model
    from charlstm.views.summary import print_info

    print_info(model, load_model(model), as_json)


def _read(text: Sequence[str], data: DataConfig, vocabulary: Vocabulary | None = None, extend: bool = False) -> Corpus:
    from charlstm.views.reading import reading_bar

    with reading_bar() as progress:
        return read_corpus(text, data, vocabulary, extend, progress)


def _fit(trainer: Trainer, folder: RunFolder) -> int:
    """Train to the end or to a signal, show it, and give the exit code."""
    from charlstm.views.console import print_line
    from charlstm.views.summary import print_result
    from charlstm.views.training import make_view

    view = make_view(trainer)
    at_once = _if_stopped(f"stopped at once; what was saved before is whole; to go on: {_resume_command(folder)}")
    try:
        with at_once, _stopping(trainer) as received, closing(trainer.fit(folder)) as records:
            for record in records:
                view.show(record)
    finally:
        view.close()
    if not received:
        view.finish()
    print_result(trainer, folder, _program())
    if received and not trainer.is_finished:
        print_line(f"to go on: {_resume_command(folder)}")
    return 128 + received[0] if received else 0


@contextmanager
def _if_stopped(message: str) -> Iterator[None]:
    """What Ctrl-C and SIGTERM say while this is open."""
    try:
        yield
    except Stopped as stopped:
        raise Stopped(stopped.number, message) from None


@contextmanager
def _stopping(trainer: Trainer) -> Iterator[list[int]]:
    """While open, a first Ctrl-C or SIGTERM asks for a stop and is listed; a second Ctrl-C stops at once."""
    received: list[int] = []

    def handle(number: int, _frame: object) -> None:
        if received and number == signal.SIGINT:
            trainer.stop_at_once()
            raise Stopped(number)
        received.append(number)
        trainer.stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run_name(text: Sequence[str], file: Path | None, config: Config) -> str:
    """A run is called after its config file, or else after its text."""
    if file and not text:
        return file.stem
    source = config.data.text[0]
    path = Path(source.removeprefix("builtin:"))
    name = "stdin" if source == "-" else path.with_suffix("").stem if path.suffix in (".gz", ".xz", ".bz2") else path.stem
    return "".join(c if c.isalnum() or c in "._-" else "-" for c in name).strip(".-")[:60] or "run"


def _with_absolute_paths(config: Config) -> Config:
    """The run's own config.toml names its text from wherever it is read."""
    text = tuple(str(Path(source).absolute()) if is_path(source) else source for source in config.data.text)
    if odd := [source for source in text if not is_unicode(source)]:
        raise CharlstmError(f"the path {odd[0]!r} is not UTF-8: move or rename the text")
    return config.model_copy(update={"data": config.data.model_copy(update={"text": text})})


def _sample_config(trained: SampleConfig, file: Path | None, given: Mapping[str, Any]) -> SampleConfig:
    """The run's own settings < those in the file < flags."""
    in_file = {key: value for key, value in (read_toml(file).get("sample", {}) if file else {}).items() if value != ""}
    return validate({"sample": {**trained.model_dump(), **in_file, **given}}).sample


def _resume_command(folder: RunFolder) -> str:
    return f"{_program()} train --resume --run {shlex.quote(str(folder.path))}"


def _program() -> str:
    """How the user can call this program again: by name where the shell finds it, else as it was called."""
    if shutil.which("charlstm"):
        return "charlstm"
    called = sys.argv[0]
    return shlex.join([sys.executable, "-m", "charlstm"] if Path(called).name == "__main__.py" else [called])
