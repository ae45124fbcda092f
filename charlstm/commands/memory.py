"""`charlstm memory`: how long a model remembers.

Knows: which text it is measured on, and what that must hold.
Does not know: options and their help; how anything is measured or drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from charlstm.commands.outputs import picture_kind
from charlstm.commands.text import piped_text, read_text, say_left_out, say_what_was_skipped
from charlstm.config import DataConfig, SampleConfig, load_config
from charlstm.errors import Argument, CharlstmError, TextError
from charlstm.files import write_output
from charlstm.runs.differences import text_name
from charlstm.runs.folder import RunFolder
from charlstm.runs.inputs import Inputs
from charlstm.runs.model_file import Weights, read_weights
from charlstm.text.reading import as_trained
from charlstm.text.sources import find_sources
from charlstm.text.types import Ids
from charlstm.text.vocabulary import Vocabulary
from charlstm.words import counted

if TYPE_CHECKING:
    from charlstm.model.char_lstm import CharLSTM

_OWN = 16_384
"""Characters that a model writes to be measured on, where there is no other text: some seconds."""


def show_memory(
    model: Path,
    text: Sequence[str],
    places: int,
    output: Path | None,
    device: str,
    as_json: bool,
    reading: Mapping[str, str],
    skip_unknown: bool = False,
) -> None:
    """Measure on a text; else on the validation part of the run's own text; else on what the model writes itself.

    `reading` are the keys of [data] that flags set.
    """
    text = text or _piped()
    without = ("leave out ", Argument("output"))
    kind = picture_kind(output, "charlstm memory", without, _what_is_read(model, text)) if output else None
    if text:
        find_sources(text)  # only to find what is wrong with them before the model is read
    load_config(data=reading)  # the same
    weights = read_weights(model)
    vocabulary = weights.vocabulary
    ids: Ids | None
    skipped = 0
    if text:
        data = as_trained([weights.config.data], reading, [vocabulary])
        corpus = read_text(text, data, vocabulary, skip_unknown=skip_unknown)
        ids, what, skipped = corpus.ids, text_name(text), corpus.findings.unknown
        say_what_was_skipped(corpus, "it is measured on the others")
        say_left_out(corpus)
    else:
        ids, what = _own_validation(model, vocabulary)

    from charlstm.insight.memory import is_enough, least_ids, measure_memory, require_enough
    from charlstm.model.device import find_device
    from charlstm.runs.saved_model import model_of
    from charlstm.views.bars import scoring_bar
    from charlstm.views.console import print_line
    from charlstm.views.memory import print_memory

    least = least_ids(places)
    if text and ids is not None:
        require_enough(ids, places, vocabulary)
    network = model_of(weights, find_device(device))
    if ids is None or not is_enough(ids, places):
        why = what if ids is None else f"{what} has {counted(len(ids), vocabulary.noun)}, and {least:,} are needed"
        ids, what = _own_text(network, weights, max(_OWN, least)), "what the model writes itself"
        print_line(f"{why}: measuring on {what}")
        require_enough(ids, places, vocabulary)
    print_line(f"text: {what}, {counted(len(ids), vocabulary.noun)}; {counted(places, 'place')} in it")
    with scoring_bar() as progress:
        memory = measure_memory(network, ids, places, progress=progress)
    about = {"text": what, "characters": len(ids), **({"skipped": skipped} if skip_unknown else {})}
    print_memory(memory, vocabulary.noun, as_json, about)
    if output and kind:
        from charlstm.views.memory_picture import draw_memory

        write_output(output, [draw_memory(memory, vocabulary.noun, weights.config.train.seq_len, kind)])
        print_line(f"picture: {output}")


def _piped() -> list[str]:
    """What stands for standard input, where there is something in it: a model can be measured without."""
    with suppress(TextError):
        return piped_text()
    return []


def _what_is_read(model: Path, text: Sequence[str]) -> Inputs:
    """What is read: a model, and a text or else the run's own, where that is still there."""
    if not text and model.is_dir():
        with suppress(CharlstmError):
            return Inputs([model], load_config(RunFolder(model).config).data.text)
    return Inputs([model], text)


def _own_validation(model: Path, vocabulary: Vocabulary) -> tuple[Ids | None, str]:
    """The validation part of the text that a run learned from, or None; what it is, or why it is not to be had."""
    folder = RunFolder(model)
    if not model.is_dir() or not folder.config.is_file():
        return None, "no TEXT, and a model file does not say where its text was"
    try:
        data: DataConfig = load_config(folder.config).data
        if not data.validation:
            return None, "no TEXT, and the run kept no part of its own for validation"
        if "-" in data.text:
            return None, "no TEXT, and the run's own came from standard input"
        corpus = read_text(data.text, data, vocabulary)
        begin, end = corpus.split(data)
    except CharlstmError as error:
        error.remedy = ""  # how its own text is read, no one is asked
        return None, f"no TEXT, and the run's own can't be read ({error})"
    return corpus.ids[begin:end], "the validation part of the run's text"


def _own_text(model: CharLSTM, weights: Weights, length: int) -> Ids:
    """What a model writes itself: every character drawn from all of its distribution."""
    from charlstm.sampling.controls import Controls
    from charlstm.sampling.engines.selection import engine_of
    from charlstm.sampling.generate import generate_text

    prime = weights.config.sample.prime or weights.vocabulary.decode([0])
    settings = SampleConfig(prime=prime, length=length, top_k=0, temperature=1.0)
    controls = Controls(settings, weights.vocabulary)
    return weights.vocabulary.encode("".join(generate_text(engine_of(model), controls, seed=0)))
