"""What a training looks like while it runs: a bar an epoch, a line and a sample an evaluation.

Knows: how records are shown.
Does not know: what makes them.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text
from tqdm import tqdm

from charlstm.runs.records import AnyRecord, Look, Record, Setback, StepRecord
from charlstm.training.trainer import MAX_SETBACKS, Trainer
from charlstm.views.console import console, duration, print_warning, room
from charlstm.views.heartbeat import Heartbeat
from charlstm.views.tables import Column, layout
from charlstm.views.terminal import visible

_SAMPLE_LINES = 3
_SIDE_BY_SIDE = 50  # columns: in fewer two samples do not stand side by side


class TrainingView:
    """One line an evaluation with a short sample below it."""

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._console = console()
        self._bits = "bpc" if trainer.prepared.vocabulary.unit == "char" else "bits/byte"
        self._bar: tqdm[Any] | None = None
        self._newest: StepRecord | None = None
        self._since = time.monotonic(), trainer.position.step
        self._heartbeat = Heartbeat(self._say_how_far)

    def show(self, record: AnyRecord | Look) -> None:
        """Show one record."""
        if isinstance(record, StepRecord):
            self._newest = record
            self._heartbeat.begin()
            self._advance(record)
            return
        self._heartbeat.wrote()
        if isinstance(record, Look):
            self._interrupt_bar(ends=False)
            self._show_look(record)
        elif isinstance(record, Setback):
            self._interrupt_bar(ends=True)
            self._show_setback(record)
        else:
            self._interrupt_bar(record.ends_epoch)
            self._show_evaluation(record)
        if not isinstance(record, Setback) and record.unwritten:
            print_warning(f"{record.unwritten}; training goes on without it")

    def close(self) -> None:
        """Take the bar away: also when the training ended early."""
        self._heartbeat.close()
        self._interrupt_bar(ends=True)

    def finish(self) -> None:
        """What is shown after the last epoch."""

    def _advance(self, record: StepRecord) -> None:
        description = f"epoch {record.epoch}/{self._trainer.config.train.epochs}  loss {record.loss:.3f}"
        if self._bar is None:
            steps = min(self._trainer.steps_an_epoch, self._trainer.total_steps - record.step + record.batch)
            self._bar = tqdm(
                total=steps * record.characters,
                initial=(record.batch - 1) * record.characters,
                desc=description,
                unit="char",
                unit_scale=True,
                leave=False,
                dynamic_ncols=True,
                disable=not sys.stderr.isatty(),
                bar_format="{desc} {percentage:3.0f}% {bar} {rate_fmt}, {remaining} left",
            )
        self._bar.set_description_str(description, refresh=False)
        self._bar.update(record.characters)

    def _say_how_far(self) -> None:
        """How far it is, where no bar shows it; the newest step may have been some minutes ago."""
        total, (since, begin) = self._trainer.total_steps, self._since
        if self._newest is None:
            self._console.print(f"step {begin:,} of {total:,}", soft_wrap=True)
            return
        step, seconds = self._newest.step, time.monotonic() - since
        done = max(1, step - begin)
        speed, left = done * self._newest.characters / seconds, seconds / done * (total - step)
        line = (
            f"step {step:,} of {total:,}  loss {self._newest.loss:.3f}  {speed:,.0f} characters/s  about {duration(left)} left"
        )
        self._console.print(line, soft_wrap=True)

    def _interrupt_bar(self, ends: bool) -> None:
        if self._bar is None:
            return
        if ends:
            self._bar.close()
            self._bar = None
        else:
            self._bar.clear()

    def _show_setback(self, record: Setback) -> None:
        again = f"back to step {record.back_to:,} with half the learning rate ({record.number} of at most {MAX_SETBACKS} times)"
        print_warning(f"{record.reason}: {again}")

    def _show_look(self, look: Look) -> None:
        parts = [(0, Text(f"step {look.step:,}")), (1, Text(f"train {look.train_loss:.3f}"))]
        if look.part_loss is not None:
            parts.append((0, Text("part of validation ").append(f"{look.part_loss:.3f}", "bold")))
        self._print_line([*parts, (2, Text(duration(look.seconds)))], look.sample)

    def _print_line(self, parts: Sequence[tuple[int, Text]], sample: str) -> None:
        self._console.print(_joined(parts, room()), soft_wrap=True)
        self._console.print(Text(_excerpt(sample, self._console, room()), "dim"), soft_wrap=True)

    def _show_evaluation(self, record: Record) -> None:
        width = len(str(self._trainer.config.train.epochs))
        at = f"epoch {record.epoch:{width}}" if record.ends_epoch else f"step {record.step:,}"
        parts = [(0, Text(f"{at:<{6 + width}}")), (2, Text(f"train {record.train_loss:.3f}"))]
        if record.validation_loss is not None and record.bpc is not None:
            parts.append((0, Text("validation ").append(f"{record.validation_loss:.3f}", "bold")))
            parts.append((3, Text(f"{record.bpc:.3f} {self._bits}")))
        parts += [(4, Text(duration(record.seconds))), (1, Text("↓ best" if record.is_best else "", "green"))]
        self._print_line([part for part in parts if part[1]], record.sample)


class LessonView(TrainingView):
    """The lines of the classic lesson, which counts from 0; in the end its first and last sample side by side."""

    def __init__(self, trainer: Trainer) -> None:
        super().__init__(trainer)
        self._samples: list[tuple[int, str]] = []

    def _show_evaluation(self, record: Record) -> None:
        batch = record.batch if record.step > 1 else 0  # the very first evaluation is the lesson's batch 0
        losses = f"Train Loss: {record.train_loss:.6f}"
        if record.validation_loss is not None:
            losses += f", Validation Loss: {record.validation_loss:.6f}"
        self._console.print(f"Epoch: {record.epoch - 1}, Batch: {batch}, {losses}", soft_wrap=True)
        if record.ends_epoch:
            self._samples = [*self._samples[:1], (record.epoch - 1, record.sample)]

    def finish(self) -> None:
        """The samples of the first and the last epoch, side by side, or on a narrow terminal one below the other."""
        width = room()
        if width and width < _SIDE_BY_SIDE:
            for epoch, sample in self._samples:
                self._console.print(Text(f"Epoch {epoch}\n", "bold").append(visible(sample), "not bold"), soft_wrap=True)
            return
        table = Table(show_lines=False, expand=True)
        for epoch, _ in self._samples:
            table.add_column(f"Epoch {epoch}", ratio=1, overflow="fold")
        table.add_row(*(Text(visible(sample)) for _, sample in self._samples))
        self._console.print(table)


def make_view(trainer: Trainer) -> TrainingView:
    """The view that `train.style` asks for."""
    return LessonView(trainer) if trainer.config.train.style == "lesson" else TrainingView(trainer)


def _joined(parts: Sequence[tuple[int, Text]], most: int | None) -> Text:
    """A line of parts. On a narrow terminal those with the highest number are left out first, those with 0 never."""
    columns, texts = [Column("", gone) for gone, _ in parts], [text for _, text in parts]
    return Text("  ").join(texts[i] for i in layout(columns, [cell_len(text.plain) for text in texts], most))


def _excerpt(sample: str, on: Console, most: int | None) -> str:
    """The first lines of a sample, on a terminal each within it, behind a rule that sets them apart."""
    text = Text(visible(sample).expandtabs(4))
    lines = text.split("\n", allow_blank=True) if most is None else text.wrap(on, max(1, most - 4))
    return "\n".join(f"  │ {line.plain}".rstrip() for line in lines[:_SAMPLE_LINES])
