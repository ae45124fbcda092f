"""`charlstm eval` and `charlstm info`: what a model is worth, and what it says of itself.

Knows: which packages score a text and describe a model.
Does not know: options and their help.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from charlstm.commands.common import command_to_try
from charlstm.commands.text import read_text, require_text_for, say_left_out, say_what_was_skipped
from charlstm.config import Config, load_config
from charlstm.errors import ConfigError
from charlstm.runs.diagnosis import diagnose
from charlstm.runs.folder import RunFolder
from charlstm.runs.model_file import read_weights
from charlstm.text.reading import as_trained
from charlstm.text.sources import find_sources

if TYPE_CHECKING:
    from charlstm.scoring.parts import Part
    from charlstm.scoring.protocols import Protocol


def evaluate_texts(
    model: Path,
    text: Sequence[str],
    part: Part,
    protocol: Protocol | None,
    window: int | None,
    is_dynamic: bool,
    device: str,
    as_json: bool,
    reading: Mapping[str, str],
    skip_unknown: bool = False,
) -> None:
    """Score a text, or one part of it, by one protocol or both, and in the end by a model that learns from it.

    `reading` are the keys of [data] that flags set.
    """
    text = require_text_for("score", text)
    find_sources(text)  # only to find what is wrong with them before torch and the model are loaded
    load_config(data=reading)  # the same

    from charlstm.model.device import find_device
    from charlstm.runs.saved_model import load_model
    from charlstm.scoring.parts import evaluate_part, require_part
    from charlstm.views.bars import scoring_bar
    from charlstm.views.summary import print_evaluations

    saved = load_model(model, find_device(device))
    require_part(part, saved.config.data, str(model))
    data = as_trained([saved.config.data], reading, [saved.vocabulary])
    corpus = read_text(text, data, saved.vocabulary, skip_unknown=skip_unknown)
    say_what_was_skipped(corpus, "losses are over the others")
    say_left_out(corpus)
    with scoring_bar() as progress:
        results = evaluate_part(saved, corpus, part, protocol, window, is_dynamic, progress)
    print_evaluations(results, saved.vocabulary, as_json, corpus.findings.unknown if skip_unknown else None)


def show_info(model: Path, as_json: bool) -> None:
    """Show what a model file says of itself, and of a run folder also what its curves say. It takes no torch."""
    from charlstm.views.info import print_info

    weights = read_weights(model)
    _ = weights.tensors  # only to find out whether they are whole
    diagnosis = command = None
    if model.is_dir() and (curve := RunFolder(model).curve()):
        diagnosis = diagnose(curve, _own_settings(RunFolder(model), weights.config))
        command = command_to_try(diagnosis, RunFolder(model))
    print_info(model, weights, diagnosis, command, as_json)


def _own_settings(folder: RunFolder, saved: Config) -> Config:
    """A run's own, as its best model may be older than a resume that changed them; else those that this was saved with."""
    from charlstm.views.console import print_warning

    if not folder.config.is_file():
        return saved
    try:
        return load_config(folder.config)
    except ConfigError as error:
        error.remedy = ""  # nobody wrote it by hand: it is of another version
        print_warning(f"{folder.config} is not one that this version can read ({error}): the model's own settings count")
        return saved
