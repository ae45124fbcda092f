"""charlstm: train a character-level LSTM on any text, and write more of it.

    import charlstm

    model = charlstm.load("runs/demo")
    print(model.generate("The ", length=300, top_k=5, temperature=0.8, seed=7))

docs/python.md shows all of it. Importing this loads neither torch nor ONNX Runtime: what needs them does, once it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from charlstm.errors import (
    CharlstmError,
    ConfigError,
    DamagedError,
    DeviceError,
    DivergedError,
    FetchError,
    ModelError,
    NoneFitError,
    OutOfMemoryError,
    RunError,
    SaveError,
    SearchError,
    TextError,
    UnknownCharactersError,
)
from charlstm.libraries import forbid_reports
from charlstm.threads import tidy_asked

if TYPE_CHECKING:
    from charlstm.api.classification import classify
    from charlstm.api.datasets import fetch
    from charlstm.api.model import Model, load
    from charlstm.api.plotting import overviews, plot
    from charlstm.api.run import Run
    from charlstm.api.scores import CharacterSurprise, TextScore
    from charlstm.api.trace import TextTrace
    from charlstm.api.training import TrainingRun, start, train
    from charlstm.api.tuning import Tuned, tune
    from charlstm.config import Config
    from charlstm.insight.explanation import LayerStep
    from charlstm.insight.memory import Memory
    from charlstm.runs.diagnosis import Diagnosis
    from charlstm.runs.model_file import Facts
    from charlstm.runs.overview import Overview
    from charlstm.runs.records import Point, Record, Setback, StepRecord
    from charlstm.sampling.completions import Choice, Completion
    from charlstm.scoring.totals import Evaluation
    from charlstm.text.vocabulary import Vocabulary
    from charlstm.tuning.records import TrialRecord

__version__ = "0.1.0"

forbid_reports()  # here, as every way to a library leads past here
tidy_asked()

__all__ = [
    "CharacterSurprise",
    "CharlstmError",
    "Choice",
    "Completion",
    "Config",
    "ConfigError",
    "DamagedError",
    "DeviceError",
    "Diagnosis",
    "DivergedError",
    "Evaluation",
    "Facts",
    "FetchError",
    "LayerStep",
    "Memory",
    "Model",
    "ModelError",
    "NoneFitError",
    "OutOfMemoryError",
    "Overview",
    "Point",
    "Record",
    "Run",
    "RunError",
    "SaveError",
    "SearchError",
    "Setback",
    "StepRecord",
    "TextError",
    "TextScore",
    "TextTrace",
    "TrainingRun",
    "TrialRecord",
    "Tuned",
    "UnknownCharactersError",
    "Vocabulary",
    "__version__",
    "classify",
    "fetch",
    "load",
    "overviews",
    "plot",
    "start",
    "train",
    "tune",
]

_HOMES = {
    "api.classification": ("classify",),
    "api.datasets": ("fetch",),
    "api.model": ("Model", "load"),
    "api.plotting": ("overviews", "plot"),
    "api.run": ("Run",),
    "api.scores": ("CharacterSurprise", "TextScore"),
    "api.trace": ("TextTrace",),
    "api.training": ("TrainingRun", "start", "train"),
    "api.tuning": ("Tuned", "tune"),
    "config": ("Config",),
    "insight.explanation": ("LayerStep",),
    "insight.memory": ("Memory",),
    "runs.diagnosis": ("Diagnosis",),
    "runs.model_file": ("Facts",),
    "runs.overview": ("Overview",),
    "runs.records": ("Point", "Record", "Setback", "StepRecord"),
    "sampling.completions": ("Choice", "Completion"),
    "scoring.totals": ("Evaluation",),
    "text.vocabulary": ("Vocabulary",),
    "tuning.records": ("TrialRecord",),
}
_HOME_OF = {name: f"charlstm.{home}" for home, names in _HOMES.items() for name in names}
"""The module of each name that is imported when it is asked for (PEP 562); a test holds it against the imports above."""


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'charlstm' has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_HOME_OF[name]), name)
    return found


def __dir__() -> list[str]:
    return __all__
