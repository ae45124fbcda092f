"""Training for programs and notebooks: a call that trains to the end, and a training that is taken step by step.

Knows: which packages make up a training, who is told of its records.
Does not know: the loop, how a bar looks.
"""

from __future__ import annotations

import os
import signal
import threading
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Unpack

from charlstm.api.run import Run
from charlstm.api.settings import TrainingSettings, in_sections
from charlstm.api.text import warned_of
from charlstm.api.wording import in_keywords, worded
from charlstm.asked import ask
from charlstm.errors import CharlstmError, RunError
from charlstm.files import write_atomically
from charlstm.runs.claiming import claimed, new_run_folder, newest_run
from charlstm.runs.folder import RunFolder
from charlstm.runs.inputs import refuse_losing, refuse_replacing
from charlstm.runs.naming import run_name
from charlstm.runs.records import AnyRecord, Look, Record, read_columns
from charlstm.runs.save_header import read_saved_step
from charlstm.text.corpus import Corpus, read_corpus

if TYPE_CHECKING:
    from charlstm.config import DataConfig
    from charlstm.text.vocabulary import Vocabulary
    from charlstm.training.trainer import Trainer


@worded
def train(
    *text: str | os.PathLike[str],
    run: str | os.PathLike[str] | None = None,
    config: str | os.PathLike[str] | None = None,
    resume: bool = False,
    overwrite: bool = False,
    begin: str | os.PathLike[str] | None = None,
    extend_vocabulary: bool = False,
    device: str = "auto",
    progress: Callable[[AnyRecord], object] | None = None,
    **settings: Unpack[TrainingSettings],
) -> Run:
    """Train to the end -> the run. `progress` is called with every record; without it a bar shows where someone sees it.

    The arguments are those of `start`, and so are the errors. What was saved before an error is whole: `resume=True` goes on.
    Ctrl-C ends it after the step that it is in, saves, and is raised then.
    """
    training = start(
        *text,
        run=run,
        config=config,
        resume=resume,
        overwrite=overwrite,
        begin=begin,
        extend_vocabulary=extend_vocabulary,
        device=device,
        **settings,
    )
    if progress is None:
        from charlstm.views.bars import training_bar

        with training_bar(training.total_steps, training.step) as show:
            _to_the_end(training, show)
    else:
        _to_the_end(training, progress)
    return training.run


def _to_the_end(training: TrainingRun, show: Callable[[AnyRecord], object]) -> None:
    with _stopping(training), closing(iter(training)) as records:
        for record in records:
            show(record)


@contextmanager
def _stopping(training: TrainingRun) -> Iterator[None]:
    """While open, a first Ctrl-C ends a training as `stop` does, saved, and is raised then; a second one at once."""
    if threading.current_thread() is not threading.main_thread():  # only there can a signal be dealt with
        yield
        return
    received: list[int] = []
    before = signal.getsignal(signal.SIGINT)

    def handle(number: int, frame: FrameType | None) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(number)
        training.stop()

    signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if received:
        raise KeyboardInterrupt


@worded
def start(
    *text: str | os.PathLike[str],
    run: str | os.PathLike[str] | None = None,
    config: str | os.PathLike[str] | None = None,
    resume: bool = False,
    overwrite: bool = False,
    begin: str | os.PathLike[str] | None = None,
    extend_vocabulary: bool = False,
    device: str = "auto",
    **settings: Unpack[TrainingSettings],
) -> TrainingRun:
    """A training that is ready to be iterated over; nothing is written before its first record is asked for.

    `text` are files, folders, globs, `builtin:NAME` or `data:NAME`; without any, those of the TOML file `config`, or the
    built-in text. `settings` are those of [data], [model], [train], [sample] and [track], and come before the file's. The run
    goes to `run`, or under `runs/` by the name of its text. With `resume` it goes on exactly, with other settings where given;
    `text` then says where its text lies now, if that was moved.
    `begin` is a trained model to begin with, whose vocabulary `extend_vocabulary` lets the text extend.

    ConfigError, TextError, RunError, ModelError and DeviceError say what is wrong with what was asked for.
    """
    if resume:
        if config or overwrite or begin:
            problem = "a run goes on with its own text, file of settings and model"
            raise CharlstmError(problem, key="resume", value=True, remedy="leave them out")
        return TrainingRun(*_resumed([os.fspath(one) for one in text], Path(run) if run else None, settings, device))
    return TrainingRun(
        *_new(
            [os.fspath(one) for one in text],
            Path(run) if run else None,
            Path(config) if config else None,
            overwrite,
            Path(begin) if begin else None,
            extend_vocabulary,
            device,
            settings,
        )
    )


class TrainingRun:
    """A training that is under way: iterating over it trains. `charlstm.start` makes one."""

    def __init__(self, trainer: Trainer, folder: RunFolder, name: str, put_back: Callable[[RunFolder], None]) -> None:
        """`name` is that of the run where it was given no folder: it takes the first that is free once it begins."""
        self._trainer, self._folder, self._name = trainer, folder, name
        self._put_back: Callable[[RunFolder], None] | None = put_back
        """Makes the folder ready for the first record; None from then on."""

    def __repr__(self) -> str:
        return f"TrainingRun({str(self.path)!r}: step {self.step:,} of {self.total_steps:,})"

    @property
    def path(self) -> Path:
        """The run folder. One that was not named is settled with the first record: another training may take it before."""
        return self._folder.path

    @property
    def run(self) -> Run:
        """What the training has left so far. RunError before its first record."""
        return Run(self.path)

    @property
    def step(self) -> int:
        """Steps that are done."""
        return self._trainer.position.step

    @property
    def total_steps(self) -> int:
        """Steps in all, patience left aside."""
        return self._trainer.total_steps

    def stop(self) -> None:
        """End after the step or within the evaluation that it is in, saved. Safe to call from another thread."""
        self._trainer.stop()

    def __iter__(self) -> Generator[AnyRecord, None, None]:
        """Train on, and report: a `StepRecord` each step, a `Record` each evaluation, a `Setback` where it diverged.

        Left early, it has what was last saved, and iterating again goes on where it was left. DivergedError, SaveError or
        OutOfMemoryError where it can't go on.
        """
        return self._records()

    def _records(self) -> Generator[AnyRecord, None, None]:
        from charlstm.training.trackers import open_trackers

        def warn(message: str) -> None:
            warnings.warn(message, stacklevel=3)

        with in_keywords(), self._locked(warn) as self._folder:
            if self._put_back:
                self._put_back(self._folder)
                self._put_back = None
            trackers = open_trackers(self._trainer.config, self._folder, self.step, warn)
            with trackers, closing(self._trainer.fit(self._folder)) as records:
                for record in records:
                    if isinstance(record, Record | Look):
                        trackers.show(record, self._trainer.model)
                    if not isinstance(record, Look):  # which comes by the clock, and is for those who watch
                        yield record
            self._draw()

    def _locked(self, warn: Callable[[str], None]) -> AbstractContextManager[RunFolder]:
        is_free = self._name and self._put_back
        return claimed(RunFolder, self._name, warn) if is_free else self._folder.locked(warn)

    def _draw(self) -> None:
        """The picture of the curves, where it is wanted and matplotlib is there."""
        if not self._trainer.config.track.curves or find_spec("matplotlib") is None:
            return
        from charlstm.views.curves import Drawn, draw_curves

        columns, noun = read_columns(self._folder.logged()), self._trainer.prepared.vocabulary.noun
        write_atomically(self._folder.curves, [draw_curves([Drawn(self.path.name, columns)], "steps", noun, "png")])


def _new(
    text: list[str],
    run: Path | None,
    config: Path | None,
    overwrite: bool,
    model: Path | None,
    extend: bool,
    device: str,
    settings: TrainingSettings,
) -> tuple[Trainer, RunFolder, str, Callable[[RunFolder], None]]:
    refuse_losing(run, overwrite, model, extend)
    sections = in_sections(settings)
    if text:
        sections["data"] = {**sections.get("data", {}), "text": text}
    asked = ask(config, **sections)
    if run:
        refuse_replacing(RunFolder(run), asked.config.data.text, config)
    name = run_name(text, config, asked.config)
    folder = RunFolder(run) if run else new_run_folder(name)
    folder.refuse_held(overwrite)

    from charlstm.model.device import find_device
    from charlstm.runs.saved_model import load_model
    from charlstm.training.beginning import prepare_new
    from charlstm.training.state import new_training
    from charlstm.training.trainer import Trainer

    found = find_device(device)
    trained = load_model(model) if model else None
    prepared = prepare_new(asked, trained, extend, _read)
    trainer = Trainer(prepared, new_training(prepared, found, trained))
    return trainer, folder, "" if run else name, lambda folder: folder.start(overwrite)


def _resumed(
    text: list[str], run: Path | None, settings: TrainingSettings, device: str
) -> tuple[Trainer, RunFolder, str, Callable[[RunFolder], None]]:
    sections = in_sections(settings)
    if text:
        sections["data"] = {**sections.get("data", {}), "text": text}
    folder = RunFolder(run) if run else newest_run()
    folder.require_resume()

    from charlstm.model.device import find_device
    from charlstm.training.beginning import prepare_resumed
    from charlstm.training.trainer import Trainer

    resumed = prepare_resumed(folder, _read, sections=sections)
    trainer = Trainer(resumed.prepared, resumed.training(find_device(device)))

    def put_back(folder: RunFolder) -> None:
        if read_saved_step(folder.resume) not in (resumed.saved.position.step, None) and not resumed.damage:
            raise RunError(f"the run in {folder.path} has gone on meanwhile", remedy="resume it anew")
        for note in [*resumed.notes(), *resumed.put_back()]:
            warnings.warn(note, stacklevel=3)

    return trainer, folder, "", put_back


def _read(data: DataConfig, vocabulary: Vocabulary | None = None, extend: bool = False, as_before: bool = False) -> Corpus:
    return warned_of(read_corpus(data.text, data, vocabulary, extend, as_before=as_before))
