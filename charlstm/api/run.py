"""A run: what a training left in its folder, as values.

Knows: where a run's curve, its settings and its models are.
Does not know: how a training goes; torch.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from charlstm.config import Config, load_config
from charlstm.errors import ConfigError, RunError
from charlstm.runs.diagnosis import Diagnosis, diagnose
from charlstm.runs.folder import RunFolder
from charlstm.runs.model_file import read_weights
from charlstm.runs.records import Point, read_columns

if TYPE_CHECKING:
    from charlstm.api.model import Model


class Run:
    """A run folder. RunError where there is none at `path`.

    In a notebook it shows its curves.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._folder = RunFolder(self.path)
        if not self.path.is_dir() or not self._folder.held():
            raise RunError(f"{self.path} holds no run")

    def __fspath__(self) -> str:
        return os.fspath(self.path)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @property
    def config(self) -> Config:
        """Every setting, as it was used. ConfigError where its config.toml can't be read."""
        return load_config(self._folder.config)

    def curve(self) -> list[Point]:
        """Its evaluations in their order: steps, and losses in nats per character (or byte)."""
        return self._folder.curve()

    @property
    def best(self) -> Point | None:
        """The evaluation with the lowest validation loss; None before the first, or where nothing is kept for validation."""
        scored = ((point.validation_loss, point) for point in self.curve() if point.validation_loss is not None)
        return min(scored, key=lambda pair: pair[0], default=(None, None))[1]

    def columns(self) -> dict[str, list[float]]:
        """The same as numbers by name: step, seconds, losses, learning_rate and more; NaN where one is missing."""
        return read_columns(self._folder.logged())

    @property
    def own_config(self) -> Config | None:
        """The same, but None where it can't be read: settings of another version take nothing from the curves."""
        try:
            return self.config
        except ConfigError:
            return None

    @property
    def noun(self) -> str:
        """What losses are counted by: `character` or `byte`."""
        config = self.own_config
        return "byte" if config and config.data.unit == "byte" else "character"

    def diagnosis(self) -> Diagnosis:
        """What its curves say of it, and the settings to try next, for `charlstm.train(run=..., resume=True, ...)`."""
        return diagnose(self.curve(), self.own_config or read_weights(self.path).config)

    def model(self, newest: bool = False) -> Model:
        """The model with the lowest validation loss, or the newest one, also where nothing is kept for validation.

        ModelError where there is none yet.
        """
        from charlstm.api.model import load

        return load(self._folder.last if newest else self.path)

    def _repr_html_(self) -> str:
        from charlstm.views.notebook import curves_html

        return curves_html(self.path.name, self.columns(), self.noun)
