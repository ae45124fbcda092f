"""What is said before and after a training, and the answer of `eval`.

Knows: the words and the rows.
Does not know: how any of the numbers came about.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from rich.text import Text

from charlstm.config import Config
from charlstm.model.device import describe_device, worth_threads
from charlstm.runs.diagnosis import Diagnosis
from charlstm.runs.folder import RunFolder
from charlstm.runs.naming import in_shell
from charlstm.scoring.totals import Evaluation
from charlstm.text.corpus import Corpus
from charlstm.text.vocabulary import Vocabulary
from charlstm.training.estimate import Estimate
from charlstm.training.prepared import Prepared
from charlstm.training.trainer import LOOK_EVERY, LOOK_LENGTH, Trainer
from charlstm.views.console import duration, print_facts, print_json, print_line, print_warning
from charlstm.views.info import loss_in_words, model_in_words
from charlstm.views.left_out import first_few, rows_of_left_out
from charlstm.views.tables import Column, print_table
from charlstm.words import counted

MANY_SYMBOLS = 5_000
"""More make the last layer the widest part of a model."""


def print_prepared(prepared: Prepared, asked: Config) -> None:
    """What was read, how it is split and cut, and what is worth knowing of it."""
    corpus, layout, vocabulary = prepared.corpus, prepared.layout, prepared.vocabulary
    symbols = f" · {counted(vocabulary.size, 'symbol')}" if vocabulary.unit == "char" else ""
    rows = [
        ("text", f"{first_few(corpus.names)} · {counted(len(prepared.ids), vocabulary.noun)}{symbols}"),
        ("split", _split(prepared)),
    ]
    rows += rows_of_left_out(corpus.skipped, corpus.left_out, corpus.repeated)
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
    if corpus.findings.unkept:
        print_warning(f"{corpus.findings.unkept}; until then this text is encoded anew each time")


def _value_of(config: Config, key: str) -> object:
    section, _, name = key.partition(".")
    return getattr(getattr(config, section), name)


def _split(prepared: Prepared) -> str:
    learned, validation, test = prepared.split, prepared.end - prepared.split, len(prepared.ids) - prepared.end
    if not validation:
        rest = f"the last {test:,} kept for a test" if test else "all of it"
        return f"{learned:,} to learn from, {rest}; none to validate on"
    if not test:
        return f"{learned:,} to learn from, the last {validation:,} to validate on"
    return f"{learned:,} to learn from, {validation:,} to validate on, the last {test:,} kept for a test"


def _notes(corpus: Corpus) -> Iterator[str]:
    """What is worth knowing of a text before training on it."""
    found, size = corpus.findings, corpus.vocabulary.size
    for encoding, texts in found.told.items():
        yield f"{counted(texts, 'file', 'was')} read as {encoding.upper()}, as the bytes tell"
    if found.crlf:
        yield f"{counted(found.crlf, 'line', 'ends')} in CRLF, which is kept; data.newlines=lf makes it one character"
    if found.cr:
        yield f"{counted(found.cr, 'line', 'ends')} in CR alone, which is kept; data.newlines=lf makes it LF"
    if found.decomposed:
        yield f"decomposed accents (NFD): {found.decomposed:,}; data.normalize=nfc makes one character of each and its letter"
    if found.byte_order_marks:
        marks = counted(found.byte_order_marks, "byte order mark", "stands")
        yield f"{marks} within the text (U+FEFF), as where files were joined"
    if found.controls:
        kinds = first_few([f"U+{ord(c):04X}" for c in found.controls])
        yield f"{counted(sum(found.controls.values()), 'control character', 'is')} kept: {kinds}"
    if found.replaced:
        yield f"some bytes are not of the text's encoding and were let pass, the first in {found.replaced}"
    if found.rare:
        yield f"{counted(found.rare, 'rare character')} became U+FFFD"
    if corpus.vocabulary.unit == "char" and size > MANY_SYMBOLS:
        yield f"{size:,} symbols make a wide model: data.unit=byte needs 256, data.min_count=5 leaves out rare ones"
    if corpus.alike:
        same = first_few([" and ".join(names) for names in corpus.alike])
        yield f"the same text under several names: {same}; what is validated on may have been learned"
    if found.damaged:
        yield "what the cache held of this text was damaged: it was encoded anew"


def print_plan(trainer: Trainer, folder: RunFolder, epoch: Estimate) -> None:
    """The model, the device, how long it will take, where it goes."""
    train, steps = trainer.config.train, trainer.steps_an_epoch
    left = trainer.total_steps - trainer.position.step
    busy = " on a busy machine" if epoch.is_disturbed else ""
    whole, rest = (f"about {duration(seconds)}{busy}" for seconds in (epoch.seconds, epoch.seconds / steps * left))
    rows = [
        ("model", model_in_words(trainer.model.vocabulary_size, trainer.model.config)),
        ("device", describe_device(trainer.device, worth_threads(trainer.model.multiplied, train.batch_size))),
        (
            "epoch",
            f"{counted(steps, 'step')} of {train.batch_size} x {train.seq_len} characters, {whole} and an evaluation",
        ),
        ("training", f"{counted(left, 'step')}, {counted(f'{left / steps:.3g}', 'epoch')}, {rest}"),
        ("run", str(folder.path) + (f", resumed at step {trainer.position.step:,}" if trainer.position.step else "")),
    ]
    if trainer.looks:
        rows.insert(-1, ("looks", _looks(trainer)))
    print_facts(rows)


def _looks(trainer: Trainer) -> str:
    every = f"every {LOOK_EVERY / 60:.0f} minutes or so"
    part = min(LOOK_LENGTH, trainer.prepared.end - trainer.prepared.split)
    return f"{every} within an epoch" + (
        f", on {part:,} of what there is to validate on; on all of it at its end" if part else ""
    )


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
    print_line(f"next: {program} sample {in_shell(folder.path)} --prime {prime} --length 500")


def print_evaluations(
    results: dict[str, Evaluation], vocabulary: Vocabulary, as_json: bool, skipped: int | None = None
) -> None:
    """A row a protocol; in JSON also how many of the text's characters were left out, where that was asked for."""
    noun = vocabulary.noun
    if as_json:
        more = {} if skipped is None else {"skipped": skipped}
        print_json(
            {
                name: {"nats": e.loss, "bpc": e.bpc, "chars": e.chars, "per": noun, "seconds": round(e.seconds, 3), **more}
                for name, e in results.items()
            }
        )
        return
    titles = ("protocol", f"nats per {noun}", f"bits per {noun}", f"{noun}s scored", "time", "a second")
    columns = [Column(title, gone, is_right=gone > 0) for gone, title in enumerate(titles)]
    print_table(columns, [_evaluation_cells(name, result) for name, result in results.items()])


def _evaluation_cells(name: str, result: Evaluation) -> list[Text]:
    speed = result.chars / max(result.seconds, 1e-9)
    row = (f"{result.loss:.4f}", f"{result.bpc:.4f}", f"{result.chars:,}", duration(result.seconds), f"{speed:,.0f}")
    return [*map(Text, (name, *row))]
