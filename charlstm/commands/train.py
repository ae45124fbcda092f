"""`charlstm train`: begin a run or go on with one.

Knows: which packages make up a training, in which order.
Does not know: options and their help.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from charlstm.asked import Asked, ask
from charlstm.commands.common import command_to_try, program
from charlstm.commands.drawing import Drawing
from charlstm.commands.signals import if_stopped, stopping
from charlstm.commands.streams import READER_LEFT, unread
from charlstm.commands.text import NAME_IT, piped_text, read_text
from charlstm.config import BUILTIN, DataConfig, load_config
from charlstm.runs.claiming import claimed, new_run_folder, newest_run
from charlstm.runs.diagnosis import diagnose
from charlstm.runs.folder import RunFolder
from charlstm.runs.inputs import refuse_losing, refuse_replacing
from charlstm.runs.naming import in_shell, run_name
from charlstm.text.corpus import Corpus
from charlstm.text.vocabulary import Vocabulary
from charlstm.views.console import print_warning
from charlstm.words import counted

if TYPE_CHECKING:
    from charlstm.training.trainer import Trainer


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
    refuse_losing(run, overwrite, model, extend)
    asked = _asked_or_piped(text, file, settings, reading)
    if run:
        refuse_replacing(RunFolder(run), asked.config.data.text, file)
    name = run_name(text, file, asked.config)
    with ExitStack() as held:
        if run or dry_run:
            folder = RunFolder(run) if run else new_run_folder(name)
        else:  # now, so that what is shown of the run names its folder
            folder = held.enter_context(claimed(RunFolder, name, print_warning))
        folder.refuse_held(overwrite)
        with if_stopped("stopped before the first step; the same command begins again"):
            trainer = _prepare(asked, device, folder, model, extend)
        if dry_run:
            return 0
        if run:
            held.enter_context(folder.locked(print_warning))
        folder.start(overwrite)
        return _fit(trainer, folder)


def _asked_or_piped(text: Sequence[str], file: Path | None, settings: Sequence[str], reading: Mapping[str, str]) -> Asked:
    """What was asked for; the text is what is piped in, where nothing else names one."""
    asked = ask(file, settings, data={**({"text": list(text)} if text else {}), **reading})
    if asked.has("data.text") or not (piped := piped_text(f"{NAME_IT}; {BUILTIN} is the one that is built in")):
        return asked
    return ask(file, settings, data={"text": piped, **reading})


def _prepare(asked: Asked, device: str, folder: RunFolder, model: Path | None, extend: bool) -> Trainer:
    """Read the text and the model to begin with, make the trainer, and show it."""
    read = _reading
    if not model:  # before torch is loaded: a text that can't be read is said at once
        corpus = _reading(asked.config.data)
        read = lambda *_: corpus  # noqa: E731

    from charlstm.model.device import find_device
    from charlstm.runs.saved_model import load_model
    from charlstm.training.beginning import prepare_new
    from charlstm.training.state import new_training
    from charlstm.training.trainer import Trainer
    from charlstm.views.console import print_facts
    from charlstm.views.summary import print_plan, print_prepared

    found = find_device(device)
    trained = load_model(model) if model else None
    prepared = prepare_new(asked, trained, extend, read)
    print_prepared(prepared, asked.config)
    trainer = Trainer(prepared, new_training(prepared, found, trained))
    if trained:
        print_facts([("from", f"{model}, trained for {counted(trained.facts.step, 'step')}")])
    print_plan(trainer, folder, trainer.seconds_an_epoch())
    return trainer


def _reading(data: DataConfig, vocabulary: Vocabulary | None = None, extend: bool = False, as_before: bool = False) -> Corpus:
    return read_text(data.text, data, vocabulary, extend, as_before=as_before)


def resume_run(run: Path | None, settings: Sequence[str], device: str, dry_run: bool) -> int:
    """Go on with a run -> the exit code, as for `start_run`."""
    folder = RunFolder(run) if run else newest_run()
    folder.require_resume()
    for setting in settings:
        load_config(None, [setting])  # what is wrong with it is said before torch is loaded
    with folder.locked(print_warning):
        with if_stopped(f"stopped before the next step; to go on: {_resume_command(folder)}"):
            trainer = _prepare_resume(folder, settings, device, dry_run)
        return 0 if dry_run else _fit(trainer, folder)


def _prepare_resume(folder: RunFolder, settings: Sequence[str], device: str, dry_run: bool) -> Trainer:
    """Read the newest whole save and the text, make the trainer, show them, and put the folder back to where they were."""
    from charlstm.model.device import find_device
    from charlstm.training.beginning import prepare_resumed
    from charlstm.training.trainer import Trainer
    from charlstm.views.summary import print_plan, print_prepared

    resumed = prepare_resumed(folder, _reading, settings)
    print_prepared(resumed.prepared, resumed.prepared.config)
    trainer = Trainer(resumed.prepared, resumed.training(find_device(device)))
    print_plan(trainer, folder, trainer.seconds_an_epoch())
    for note in resumed.notes():
        print_warning(note)
    for note in () if dry_run else resumed.put_back():
        print_warning(note)
    return trainer


def _fit(trainer: Trainer, folder: RunFolder) -> int:
    """Train to the end or to a signal, show it as it goes, and give the exit code."""
    from charlstm.runs.records import Look, Record
    from charlstm.training.trackers import open_trackers
    from charlstm.views.console import print_line
    from charlstm.views.summary import print_result
    from charlstm.views.training import make_view

    view = make_view(trainer)
    drawing = Drawing(folder, trainer.config.track.curves)
    trackers = open_trackers(trainer.config, folder, trainer.position.step, print_warning)
    go_on = _resume_command(folder, is_piped="-" in trainer.config.data.text)
    at_once = if_stopped(f"stopped at once; what was saved before is whole; to go on: {go_on}")
    with unread(trainer.stop), drawing, trackers:
        try:
            with at_once, stopping(trainer) as received, closing(trainer.fit(folder)) as records:
                for record in records:
                    view.show(record)
                    if isinstance(record, Record | Look):
                        drawing.evaluated()
                        trackers.show(record, trainer.model)
        finally:
            view.close()
        if not received:
            view.finish()
        diagnosis = diagnose(folder.curve(), trainer.config)
        print_result(trainer, folder, program(), diagnosis, command_to_try(diagnosis, folder))
        if trainer.stop_asked and not trainer.is_finished:
            print_line(f"to go on: {go_on}")
    return 128 + received[0] if received else READER_LEFT if trainer.stop_asked and not trainer.is_finished else 0


def _resume_command(folder: RunFolder, is_piped: bool = False) -> str:
    """How to go on; what came from standard input has to come again."""
    return f"{'cat TEXT | ' * is_piped}{program()} train --resume --run {in_shell(folder.path)}"
