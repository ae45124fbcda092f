from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from charlstm.asked import Asked
from charlstm.config import Config, ModelConfig, load_config
from charlstm.model.shapes import count_parameters
from charlstm.runs.records import Setback, StepRecord
from charlstm.text.batches import Batch
from charlstm.text.corpus import corpus_of
from charlstm.training.prepared import prepare
from charlstm.training.trainer import Trainer
from charlstm.tuning.folder import SearchFolder
from charlstm.tuning.records import TrialRecord
from charlstm.tuning.search import Search, TrialBegun
from charlstm.tuning.space import Choices, Range, Space
from tests.conftest import VERSE, make_trainer

CPU = torch.device("cpu")
RATE: Space = {"train.learning_rate": Range(1e-3, 1e-1, log=True)}
LAYERS: Space = {"model.num_layers": Choices((1, 2))}


@pytest.fixture(autouse=True)
def _no_previews(monkeypatch: pytest.MonkeyPatch) -> None:
    """They take most of the time of so small a training, and no part in a search."""
    monkeypatch.setattr(Trainer, "_preview", lambda _: "")


@pytest.fixture
def make_search(make_config: Callable[..., Config], tmp_path: Path) -> Callable[..., Search]:
    def make(*settings: str, space: Space = RATE, text: str = VERSE, name: str = "search") -> Search:
        config = make_config("train.max_steps=12", *settings)
        (tmp_path / name).mkdir(exist_ok=True)
        return Search(
            corpus_of(text, config.data, "verse.txt"), Asked.all_of(config), space, CPU, SearchFolder(tmp_path / name)
        )

    return make


def run(search: Search, most: float, seconds: float | None = None) -> list[TrialRecord]:
    return [record for record in search.run(most, seconds) if isinstance(record, TrialRecord)]


def without_times(records: list[TrialRecord]) -> list[object]:
    return [(r.number, r.values, r.state, r.loss, r.steps) for r in records]


def test_a_search_and_what_it_leaves(make_search: Callable[..., Search]) -> None:
    search = make_search()
    records = run(search, 3)
    assert [(r.number, r.state, r.steps) for r in records] == [(n, "done", 12) for n in (1, 2, 3)]
    assert search.trials.records() == records
    best = min(records, key=lambda r: r.loss or 0)
    folder = search.folder
    assert {p.name for p in folder.path.iterdir()} == {"trials.jsonl", "best.toml"}, "no trial's own folder stays"
    written = load_config(folder.best_config)
    assert written.train.learning_rate == best.values["train.learning_rate"]
    same = {"learning_rate": search.config.train.learning_rate}
    assert written.model_copy(update={"train": written.train.model_copy(update=same)}) == search.config
    first = folder.best_config.read_text(encoding="utf-8").partition("\n")[0]
    assert first.startswith("# ")
    assert f"trial {best.number}: {best.loss:.4f} nats per character on the last tenth of the training part" in first


def test_a_trials_loss_is_that_of_a_training_with_its_values(
    make_search: Callable[..., Search], make_config: Callable[..., Config], tmp_path: Path
) -> None:
    """Trained by hand: on the first 90% of the training part, scored on its last tenth."""
    (record,) = run(make_search(), 1)
    rate = record.values["train.learning_rate"]
    config = make_config("train.max_steps=12", "train.eval_every=2", f"train.learning_rate={rate}")
    learned = VERSE[: int(len(VERSE) * 0.9)]
    prepared = prepare(corpus_of(learned, config.data), Asked.all_of(config))
    (tmp_path / "by-hand").mkdir()
    trainer = make_trainer(prepared)
    list(trainer.fit(SearchFolder(tmp_path / "by-hand")))
    assert record.loss == trainer.position.best_loss
    assert prepared.split == make_search(name="other").prepared.split


def test_what_a_run_reports_decides_nothing(make_search: Callable[..., Search]) -> None:
    """The part that a run is validated on may hold anything."""
    split = int(len(VERSE) * 0.9)
    rest = "".join(np.random.default_rng(1).permutation(list(VERSE[split:])))
    one, other = make_search(name="a"), make_search(name="b", text=VERSE[:split] + rest)
    assert without_times(run(one, 2)) == without_times(run(other, 2))


def test_a_search_goes_on_where_it_stopped(make_search: Callable[..., Search]) -> None:
    expected = without_times(run(make_search(name="a"), 3))
    stopped = make_search(name="b")
    records: list[TrialRecord] = []
    for record in stopped.run(3, None):
        if isinstance(record, StepRecord) and records and record.step == 5:
            stopped.stop()
        elif isinstance(record, TrialRecord):
            records.append(record)
    assert [(r.number, r.state, r.steps) for r in records] == [(1, "done", 12), (2, "unfinished", 5)]
    assert [p.name for p in stopped.folder.path.iterdir() if p.is_dir()] == []
    resumed = make_search(name="b")
    assert resumed.trials.counted() == 1
    assert without_times(run(resumed, 3)) == expected[1:]
    assert without_times(resumed.trials.records()) == expected
    assert run(resumed, 3) == [], "all that were asked for are done"


def test_an_interrupted_trial_is_unfinished_and_not_lost(make_search: Callable[..., Search]) -> None:
    search = make_search()
    for _ in range(3):  # more often than what would be counted as the trial's fault
        records = make_search().run(1, None)
        assert isinstance(next(records), TrialBegun)
        next(records)
        records.close()
    search = make_search()
    assert [r.state for r in search.trials.records()] == ["unfinished"]
    assert [r.state for r in run(search, 1)] == ["done"]


def test_time_ends_a_search(make_search: Callable[..., Search]) -> None:
    search = make_search("train.max_steps=1000000", "train.epochs=100000")
    begin = time.monotonic()
    records = run(search, float("inf"), 0.5)
    assert time.monotonic() - begin < 30
    assert [r.state for r in records] == ["unfinished"]
    assert not search.folder.best_config.exists()


def test_all_choices_tried_is_an_end(make_search: Callable[..., Search]) -> None:
    records = run(make_search(space=LAYERS), float("inf"))
    assert sorted(str(r.values) for r in records) == ["{'model.num_layers': 1}", "{'model.num_layers': 2}"]


def test_a_bad_trial_ends_early(make_search: Callable[..., Search], monkeypatch: pytest.MonkeyPatch) -> None:
    search = make_search()
    monkeypatch.setattr(search.trials, "report", lambda loss, part: part >= 5)
    (record,) = run(search, 1)
    assert (record.state, record.steps) == ("pruned", 6)


def test_divergence_is_a_trials_and_not_the_searchs_end(
    make_search: Callable[..., Search], monkeypatch: pytest.MonkeyPatch
) -> None:
    search, step = make_search(), Trainer._step

    def poisoned(self: Trainer, batch: Batch) -> StepRecord:
        if search.trials.counted() == 0 and self.position.step == 3:
            with torch.no_grad():
                self._training.model.head.bias[0] = float("nan")
        return step(self, batch)

    monkeypatch.setattr(Trainer, "_step", poisoned)
    records = list(search.run(2, None))
    assert not any(isinstance(r, Setback) for r in records)
    first, second = (r for r in records if isinstance(r, TrialRecord))
    assert (first.state, first.steps, second.state) == ("diverged", 3, "done")
    assert "step 4 is not a finite number" in first.reason
    assert search.trials.best() == second


@pytest.mark.parametrize("where", ["charlstm.tuning.search.new_training", "charlstm.training.trainer.take_step"])
def test_a_lack_of_memory_is_a_trials_and_not_the_searchs_end(
    make_search: Callable[..., Search], monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    search, (module, name) = make_search(space=LAYERS), where.rsplit(".", 1)
    real = getattr(sys.modules[module], name)

    def too_large(*arguments: object) -> object:
        if search.trials.counted() == 0:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return real(*arguments)

    monkeypatch.setattr(where, too_large)
    records = run(search, 5)
    assert [r.state for r in records] == ["failed", "done"]
    assert "out of memory" in records[0].reason


def test_a_model_that_is_too_large_is_a_failed_trial(
    make_search: Callable[..., Search], monkeypatch: pytest.MonkeyPatch
) -> None:
    search = make_search(space=LAYERS)
    one, two = (
        count_parameters(search.prepared.vocabulary.size, ModelConfig(embedding_size=8, hidden_size=16, num_layers=n))
        for n in (1, 2)
    )
    monkeypatch.setattr("charlstm.model.shapes.MAX_PARAMETERS", (one + two) // 2)
    records = run(search, 5)
    assert {r.values["model.num_layers"]: r.state for r in records} == {1: "done", 2: "failed"}
    assert any("parameters" in r.reason for r in records)


def test_an_error_that_is_no_trials_ends_the_search(
    make_search: Callable[..., Search], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise OSError("no such disk")

    monkeypatch.setattr(Trainer, "_step", fails)
    with pytest.raises(OSError, match="no such disk"):
        run(make_search(), 2)
    assert [r.state for r in make_search().trials.records()] == ["unfinished"]
