"""What is sent of a training to those who watch it: to TensorBoard's files, or to a service.

A tracker is a package that others wrote, and often a network: whatever it raises ends it with one warning, and the training
goes on.

Knows: what is sent, under which names; the only importer of tensorboard and of the services' packages.
Does not know: the training; how a warning is shown.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np

from charlstm.config import Config
from charlstm.model.types import Floats
from charlstm.runs.folder import RunFolder

if TYPE_CHECKING:
    from charlstm.model.char_lstm import CharLSTM
    from charlstm.runs.records import Look, Record

PROJECT = "charlstm"
_BINS = 64
_SERVICES = {
    "train_loss": "loss/train",
    "validation_loss": "loss/validation",
    "part_loss": "loss/part_of_validation",
    "bpc": "loss/bpc",
    "learning_rate": "optimizer/learning_rate",
    "grad_norm": "optimizer/grad_norm",
    "chars_per_second": "speed/chars_per_second",
}


class Tracker(Protocol):
    """Someone who watches."""

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Numbers by name."""

    def text(self, name: str, value: str, step: int) -> None:
        """A text, to be shown as it is."""

    def histogram(self, name: str, values: Floats, step: int) -> None:
        """How numbers of any shape are distributed."""

    def close(self) -> None:
        """Nothing will follow. All of it is to be where it belongs."""


class TensorBoard:
    """Event files in the run folder, with its settings as a text. A resumed run hides what it is going to write again."""

    def __init__(self, folder: RunFolder, config: Config, step: int) -> None:
        from torch.utils.tensorboard.writer import SummaryWriter

        self._writer: Any = SummaryWriter(str(folder.tensorboard), purge_step=step + 1 if step else None)
        self.text("config", config.to_toml(), step)

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """As TensorBoard's scalars."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()  # a crash of the training takes nothing away from what was seen of it

    def text(self, name: str, value: str, step: int) -> None:
        """TensorBoard takes texts for Markdown, where an indented block is one that stays as it is."""
        self._writer.add_text(name, "\n".join(f"    {line}" for line in value.split("\n")), step)

    def histogram(self, name: str, values: Floats, step: int) -> None:
        """As TensorBoard's histograms."""
        self._writer.add_histogram(name, values, step, bins=_BINS)

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()


class Service:
    """Weights & Biases, or Trackio, whose package has the same functions under the same names."""

    def __init__(self, package: str, folder: RunFolder, config: Config) -> None:
        self._package: Any = import_module(package)
        name = folder.path.resolve().name
        settings = config.model_dump(mode="json", exclude={"data": {"text"}, "track": True})
        self._run: Any = self._package.init(project=PROJECT, name=name, config=settings)

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """As one row of the run."""
        self._run.log(dict(values), step=step)

    def text(self, name: str, value: str, step: int) -> None:
        """As a table of one cell, which both show as it is."""
        self._run.log({name: self._package.Table(columns=["text"], data=[[value]])}, step=step)

    def histogram(self, name: str, values: Floats, step: int) -> None:
        """Counted here, so that counts are sent and not weights."""
        self._run.log({name: self._package.Histogram(np_histogram=np.histogram(values, bins=_BINS))}, step=step)

    def close(self) -> None:
        """Wait until all is sent."""
        self._run.finish()


class Trackers:
    """Those who watch a training, while it is open; use it with `with`. What fails is warned of once and left out."""

    def __init__(self, openers: Mapping[str, Callable[[], Tracker]], warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._open: dict[str, Tracker] = {}
        for name, opener in openers.items():
            with self._forgiving(name):
                self._open[name] = opener()

    def show(self, record: Record | Look, model: CharLSTM) -> None:
        """An evaluation, and the weights that were evaluated."""
        if not self._open:
            return
        metrics = record.metrics()
        scalars = {shown: value for name, shown in _SERVICES.items() if (value := metrics.get(name)) is not None}
        weights = {f"weights/{name}": p.detach().cpu().numpy() for name, p in model.state_dict().items()}
        for name, tracker in list(self._open.items()):
            with self._forgiving(name):
                tracker.text("sample", record.sample, record.step)
                for weight, values in weights.items():
                    tracker.histogram(weight, values, record.step)
                tracker.scalars(scalars, record.step)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for name, tracker in list(self._open.items()):
            with self._forgiving(name):
                tracker.close()

    @contextmanager
    def _forgiving(self, name: str) -> Iterator[None]:
        """What goes wrong ends this tracker alone; what it prints goes to standard error, and nobody answers its questions."""
        before = sys.stdin
        try:
            with redirect_stdout(sys.stderr), Path(os.devnull).open(encoding="utf-8") as sys.stdin:
                yield
        except Exception as error:
            self._open.pop(name, None)
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            hint = f"; pip install {_PACKAGES[name]}" if isinstance(error, ImportError) else ""
            self._warn(f"tracking with {name} ended: {reason}{hint}; training goes on without it")
        finally:
            sys.stdin = before


_PACKAGES = {"tensorboard": "'charlstm[track]'", "wandb": "wandb", "trackio": "trackio"}


def open_trackers(config: Config, folder: RunFolder, step: int, warn: Callable[[str], None]) -> Trackers:
    """Those that [track] asks for, of a training that stands at a step; `warn` shows a line."""
    openers: dict[str, Callable[[], Tracker]] = {}
    if config.track.tensorboard:
        openers["tensorboard"] = lambda: TensorBoard(folder, config, step)
    if config.track.service != "none":
        service = config.track.service
        openers[service] = lambda: Service(service, folder, config)
    return Trackers(openers, warn)
