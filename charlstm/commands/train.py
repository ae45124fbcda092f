"""`charlstm train`: begin a run or go on with one.

Knows: which rooms make up a training, in which order.
Does not know: options and their help.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from charlstm.asked import Asked, ask
from charlstm.commands.common import command_to_try, program, read_text, run_name, with_absolute_paths
from charlstm.commands.drawing import Drawing
from charlstm.commands.signals import if_stopped, stopping
from charlstm.config import load_config
from charlstm.errors import Argument, CharlstmError, UnknownCharactersError
from charlstm.runs.diagnosis import diagnose
from charlstm.runs.folder import ANOTHER_RUN, RunFolder, new_run_folder, newest_run

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
    if extend and not model:
        remedy = ("name one with ", Argument("begin"))
        raise CharlstmError("it needs a trained model", key="extend_vocabulary", value=True, remedy=remedy)
    if model and run and overwrite and run.resolve() in (model.resolve(), model.resolve().parent):
        lost = (Argument("overwrite", True), " would replace the run that ", Argument("begin"), f" begins with, {model}")
        raise CharlstmError(lost, remedy=ANOTHER_RUN)
    asked = ask(file, settings, data={**({"text": list(text)} if text else {}), **reading})
    folder = RunFolder(run) if run else new_run_folder(run_name(text, file, asked.config))
    folder.refuse_held(overwrite)
    with if_stopped("stopped before the first step; the same command begins again"):
        trainer = _prepare(asked, device, folder, model, extend)
    if dry_run:
        return 0
    with folder.locked():
        folder.start(overwrite)
        return _fit(trainer, folder)


def _prepare(asked: Asked, device: str, folder: RunFolder, model: Path | None, extend: bool) -> Trainer:
    """Read the text and the model to begin with, make the trainer, and show it."""
    data = asked.config.data
    if not model:
        corpus = read_text(data.text, data)  # before torch is loaded: a text that can't be read is said at once

    from charlstm.model.device import find_device
    from charlstm.runs.saved_model import load_model
    from charlstm.training.finetune import settle
    from charlstm.training.prepared import prepare
    from charlstm.training.trainer import Trainer
    from charlstm.views.console import print_facts
    from charlstm.views.summary import print_plan, print_prepared

    found = find_device(device)
    trained = load_model(model) if model else None
    if trained:
        asked = settle(asked, trained.config, extend)
        try:
            corpus = read_text(data.text, asked.config.data, trained.vocabulary, extend)
        except UnknownCharactersError as error:
            remedy = (Argument("extend_vocabulary", True), " adds them to the model's")
            raise UnknownCharactersError(error.problem, remedy=remedy) from None
    prepared = prepare(corpus, replace(asked, config=with_absolute_paths(asked.config)))
    print_prepared(prepared, asked.config)
    trainer = Trainer(prepared, found, trained=trained)
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
        with if_stopped(f"stopped before the next step; to go on: {_resume_command(folder)}"):
            trainer = _prepare_resume(folder, settings, device, dry_run)
        return 0 if dry_run else _fit(trainer, folder)


def _prepare_resume(folder: RunFolder, settings: Sequence[str], device: str, dry_run: bool) -> Trainer:
    """Read the newest whole save and the text, make the trainer, show them, and put the folder back to where they were."""
    from charlstm.model.device import find_device
    from charlstm.training.prepared import prepare
    from charlstm.training.resume import load_training, refuse_another
    from charlstm.training.trainer import Trainer
    from charlstm.views.console import print_warning
    from charlstm.views.summary import print_plan, print_prepared

    saved, warning = load_training(folder)
    config = with_absolute_paths(load_config(None, settings, **saved.config.model_dump(mode="json")))
    refuse_another(saved.config, config)
    given = saved.vocabulary if saved.is_vocabulary_given else None
    prepared = prepare(read_text(config.data.text, config.data, given), Asked.all_of(config))
    print_prepared(prepared, config)
    trainer = Trainer(prepared, find_device(device), saved)
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


def _fit(trainer: Trainer, folder: RunFolder) -> int:
    """Train to the end or to a signal, show it as it goes, and give the exit code."""
    from charlstm.runs.records import Record
    from charlstm.training.trackers import open_trackers
    from charlstm.views.console import print_line, print_warning
    from charlstm.views.summary import print_result
    from charlstm.views.training import make_view

    view = make_view(trainer)
    drawing = Drawing(folder, trainer.config.track.curves)
    trackers = open_trackers(trainer.config, folder, trainer.position.step, print_warning)
    at_once = if_stopped(f"stopped at once; what was saved before is whole; to go on: {_resume_command(folder)}")
    with drawing, trackers:
        try:
            with at_once, stopping(trainer) as received, closing(trainer.fit(folder)) as records:
                for record in records:
                    view.show(record)
                    if isinstance(record, Record):
                        drawing.evaluated()
                        trackers.show(record, trainer.model)
        finally:
            view.close()
        if not received:
            view.finish()
        diagnosis = diagnose(folder.curve(), trainer.config)
        print_result(trainer, folder, program(), diagnosis, command_to_try(diagnosis, folder))
        if received and not trainer.is_finished:
            print_line(f"to go on: {_resume_command(folder)}")
    return 128 + received[0] if received else 0


def _resume_command(folder: RunFolder) -> str:
    return f"{program()} train --resume --run {shlex.quote(str(folder.path))}"
