"""What is said before and after a training, and the answer of `eval`.

Knows: the words and the rows.
Does not know: how any of the numbers came about.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from rich.table import Table

from charlstm.config import Config
from charlstm.model.device import describe_device, worth_threads
from charlstm.runs.diagnosis import Diagnosis
from charlstm.runs.folder import RunFolder
from charlstm.scoring.totals import Evaluation
from charlstm.text.corpus import Corpus
from charlstm.text.vocabulary import Vocabulary
from charlstm.training.prepared import Prepared
from charlstm.training.trainer import Trainer
from charlstm.views.console import console, duration, print_facts, print_json, print_line
from charlstm.views.info import loss_in_words, model_in_words

MANY_SYMBOLS = 5_000
"""More make the last layer the widest part of a model."""


def print_prepared(prepared: Prepared, asked: Config) -> None:
    """What was read, how it is split and cut, and what is worth knowing of it."""
    corpus, layout, vocabulary = prepared.corpus, prepared.layout, prepared.vocabulary
    symbols = f" · {vocabulary.size:,} symbols" if vocabulary.unit == "char" else ""
    rows = [
        ("text", f"{_first_few(corpus.names)} · {len(prepared.ids):,} {vocabulary.noun}s{symbols}"),
        ("split", _split(prepared)),
    ]
    if corpus.skipped:
        files = "file" if len(corpus.skipped) == 1 else "files"
        rows.append(("skipped", f"{len(corpus.skipped):,} {files} without text: {_first_few(corpus.skipped)}"))
    rows += [("note", note) for note in _notes(corpus)]
    if prepared.chosen:
        values = (f"{key} {_value_of(prepared.config, key)}" for key in prepared.chosen)
        rows.append(("chosen", f"{', '.join(values)}, for a text of this length"))
    wanted_batch = layout.batch_size if "train.batch_size" in prepared.chosen else asked.train.batch_size
    if (layout.batch_size, layout.seq_len) != (wanted_batch, asked.train.seq_len):
        wanted = f"{wanted_batch} x {asked.train.seq_len}"
        instead = f"batch_size {layout.batch_size}, seq_len {layout.seq_len}"
        rows.append(("note", f"the text is too short for {wanted}: {instead} instead"))
    print_facts(rows)


def _value_of(config: Config, key: str) -> object:
    section, _, name = key.partition(".")
    return getattr(getattr(config, section), name)


def _split(prepared: Prepared) -> str:
    learned, validation, test = prepared.split, prepared.end - prepared.split, len(prepared.ids) - prepared.end
    if not test:
        return f"{learned:,} to learn from, the last {validation:,} to validate on"
    return f"{learned:,} to learn from, {validation:,} to validate on, the last {test:,} kept for a test"


def _notes(corpus: Corpus) -> Iterator[str]:
    """What is worth knowing of a text before training on it."""
    found, size = corpus.findings, corpus.vocabulary.size
    if found.crlf:
        yield f"{found.crlf:,} lines end in CRLF, which is kept; --newlines lf makes it one character"
    if found.controls:
        kinds = _first_few([f"U+{ord(c):04X}" for c in found.controls])
        yield f"{sum(found.controls.values()):,} control characters are kept: {kinds}"
    if found.replaced:
        yield f"some bytes are not of the text's encoding and were let pass, the first in {found.replaced}"
    if found.rare:
        yield f"{found.rare:,} rare characters became U+FFFD"
    if corpus.vocabulary.unit == "char" and size > MANY_SYMBOLS:
        yield f"{size:,} symbols make a wide model: data.unit=byte needs 256, data.min_count=5 leaves out rare ones"
    if found.damaged:
        yield "what the cache held of this text was damaged: it was encoded anew"
    if found.unkept:
        yield f"{found.unkept}; until then it is encoded anew each time"


def _first_few(names: Sequence[str], most: int = 3) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")


def print_plan(trainer: Trainer, folder: RunFolder, seconds_an_epoch: float) -> None:
    """The model, the device, how long it will take, where it goes."""
    train, steps = trainer.config.train, trainer.steps_an_epoch
    left = trainer.total_steps - trainer.position.step
    whole, rest = duration(seconds_an_epoch), duration(seconds_an_epoch / steps * left)
    rows = [
        ("model", model_in_words(trainer.model.vocabulary_size, trainer.model.config)),
        ("device", describe_device(trainer.device, worth_threads(trainer.model.multiplied, train.batch_size))),
        ("epoch", f"{steps:,} steps of {train.batch_size} x {train.seq_len} characters, about {whole} and an evaluation"),
        ("training", f"{left:,} steps, {left / steps:.3g} epochs, about {rest}"),
        ("run", str(folder.path) + (f", resumed at step {trainer.position.step:,}" if trainer.position.step else "")),
    ]
    print_facts(rows)


def print_result(trainer: Trainer, folder: RunFolder, program: str, diagnosis: Diagnosis, to_try: str | None) -> None:
    """Where the model lies, what the curves say, and how to go on from here."""
    best = folder.best if folder.best.exists() else folder.last
    loss = trainer.position.best_loss
    noun = trainer.prepared.vocabulary.noun
    rows = [("best", f"validation {loss_in_words(loss, noun)}")] if loss is not None else []
    prime = shlex.quote(trainer.config.sample.prime)
    at = f"at step {trainer.position.step:,}"
    if trainer.is_out_of_patience:
        rows.append(("ended", f"{at}: nothing better in a row of evaluations, {trainer.position.without_best} of them"))
    elif trainer.stop_asked:
        rows.append(("stopped", f"{at}; the model as it was then is {folder.last.name}"))
    print_facts([*rows, ("curves", diagnosis.sentence), ("model", str(best))])
    # On lines of their own, never wrapped by us: they are there to be copied.
    if to_try and trainer.is_finished:
        print_line(f"to try: {to_try}")
    print_line(f"next: {program} sample {shlex.quote(str(folder.path))} --prime {prime} --length 500")


def print_evaluations(results: dict[str, Evaluation], vocabulary: Vocabulary, as_json: bool) -> None:
    """A row a protocol."""
    noun = vocabulary.noun
    if as_json:
        print_json(
            {
                name: {"nats": e.loss, "bpc": e.bpc, "chars": e.chars, "per": noun, "seconds": round(e.seconds, 3)}
                for name, e in results.items()
            }
        )
        return
    table = Table(box=None, pad_edge=False)
    for name in ("protocol", f"nats per {noun}", f"bits per {noun}", f"{noun}s scored", "time", "a second"):
        table.add_column(name, justify="left" if name == "protocol" else "right", no_wrap=name == "protocol")
    for name, result in results.items():
        speed = result.chars / max(result.seconds, 1e-9)
        row = (f"{result.loss:.4f}", f"{result.bpc:.4f}", f"{result.chars:,}", duration(result.seconds), f"{speed:,.0f}")
        table.add_row(name, *row)
    console(stderr=False).print(table)
