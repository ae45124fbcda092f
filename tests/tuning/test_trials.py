from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from charlstm.config import Config, load_config
from charlstm.errors import RunError
from charlstm.tuning.folder import SearchFolder
from charlstm.tuning.records import Outcome, TrialRecord
from charlstm.tuning.space import Choices, Range, Space, Value
from charlstm.tuning.trials import RUNGS, Trials

SPACE: Space = {"train.learning_rate": Range(1e-4, 1.0, log=True), "model.num_layers": Choices((1, 2))}
GRID: Space = {"model.num_layers": Choices((1, 2)), "train.epochs": Range(3, 4)}


def open_trials(path: Path, space: Space = SPACE, text: str = "digest", config: Config | None = None) -> Trials:
    return Trials(SearchFolder(path), text, config or Config(), space)


def loss_of(values: Mapping[str, Any]) -> float:
    """Lowest at a learning rate of 0.01, and a little lower with one layer."""
    return float(1 + (math.log10(values.get("train.learning_rate", 1)) + 2) ** 2 + 0.1 * values["model.num_layers"])


def train(trials: Trials, state: Outcome = "done") -> TrialRecord:
    """What a search does with a trial, in no time."""
    values = trials.ask()
    record = TrialRecord(trials.counted() + 1, values, state, loss_of(values), steps=3, seconds=0.5)
    for part in range(1, RUNGS + 1):
        if trials.report(loss_of(values) + 1 / part, part):
            record = replace(record, state="pruned")
            break
    trials.tell(record)
    return record


def test_it_finds_what_is_best_and_leaves_early_what_is_not(tmp_path: Path) -> None:
    trials = open_trials(tmp_path)
    records = [train(trials) for _ in range(30)]
    best = trials.best()
    assert best is not None
    assert best.loss == min(r.loss for r in records if r.state == "done" and r.loss)
    assert best.loss < 1.15
    assert best.values["model.num_layers"] == 1
    states = [r.state for r in records]
    assert states[:5] == ["done"] * 5, "a median of fewer says little"
    assert "pruned" in states
    worst_done = max(r.loss for r in records[10:] if r.state == "done" and r.loss)
    assert any(r.loss > worst_done for r in records if r.state == "pruned" and r.loss)


def test_the_seed_decides_all_values(tmp_path: Path) -> None:
    runs = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / name).mkdir()
        trials = open_trials(tmp_path / name, config=load_config(None, [f"train.seed={seed}"]))
        runs.append([train(trials).values for _ in range(4)])
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]
    assert len({str(values) for values in runs[0]}) == 4


def test_a_search_that_goes_on_is_the_one_that_never_stopped(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    never_stopped = open_trials(tmp_path / "a")
    expected = [train(never_stopped) for _ in range(14)]
    for i in range(14):
        trials = open_trials(tmp_path / "b")
        if i == 3:
            trials.tell(replace(TrialRecord(4, trials.ask()), steps=1))  # stopped in an orderly way
            assert [r.state for r in trials.records()] == ["done"] * 3 + ["unfinished"]
        if i == 7:
            trials.ask()  # and by what leaves no time for that
        trials = open_trials(tmp_path / "b")
        train(trials)
    assert open_trials(tmp_path / "b").records() == expected == never_stopped.records()


def test_values_have_few_digits_and_stay_in_their_range(tmp_path: Path) -> None:
    trials = open_trials(tmp_path)
    rates = [str(train(trials).values["train.learning_rate"]) for _ in range(5)]
    assert all(len(rate.partition(".")[2].lstrip("0").partition("e")[0]) <= 4 for rate in rates)


def test_a_range_narrower_than_its_digits_can_be_searched(tmp_path: Path) -> None:
    trials = open_trials(tmp_path, {"train.learning_rate": Range(0.00123456, 0.00123459), "model.num_layers": Choices((1, 2))})
    for _ in range(4):
        rate = train(trials).values["train.learning_rate"]
        assert isinstance(rate, float)
        assert 0.00123456 <= rate <= 0.00123459


def test_no_trial_is_made_twice(tmp_path: Path) -> None:
    trials = open_trials(tmp_path, GRID)
    assert trials.count() == 4
    tried = []
    for _ in range(4):
        trials = open_trials(tmp_path, GRID)
        tried.append(train(trials).values)
    assert sorted(map(str, tried)) == sorted(str({"model.num_layers": n, "train.epochs": e}) for n in (1, 2) for e in (3, 4))
    assert [r.number for r in trials.records()] == [1, 2, 3, 4]


def test_a_trial_that_ends_the_process_twice_is_not_begun_a_third_time(tmp_path: Path) -> None:
    train(open_trials(tmp_path))
    values: list[Mapping[str, Value]] = [open_trials(tmp_path).ask() for _ in range(3)]
    assert values[0] == values[1] != values[2]
    records = open_trials(tmp_path).records()
    assert [r.state for r in records] == ["done", "failed", "unfinished"]
    assert "twice" in records[1].reason


def test_what_diverged_counts_and_is_never_the_best(tmp_path: Path) -> None:
    trials = open_trials(tmp_path)
    trials.tell(replace(TrialRecord(1, trials.ask()), state="diverged", loss=0.001, reason="not a number"))
    assert trials.best() is None
    assert trials.counted() == 1
    done = train(trials)
    assert trials.best() == done


def test_importance_is_said_only_of_enough_trials(tmp_path: Path) -> None:
    trials = open_trials(tmp_path)
    while sum(r.state == "done" for r in trials.records()) < 20:
        assert trials.importance() == {}
        train(trials)
    seen = trials.importance()
    assert sum(seen.values()) == pytest.approx(1)
    assert max(seen, key=seen.__getitem__) == "train.learning_rate"


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"text": "another"}, "a search on another text"),
        ({"space": GRID}, r"another \[tune\] table"),
        ({"config": load_config(None, ["model.dropout=0.1"])}, r"model.dropout = 0.3, not 0.1"),
        ({"config": load_config(None, ["train.seed=3"])}, r"train.seed = 1, not 3"),
    ],
)
def test_another_search_is_refused(tmp_path: Path, other: dict[str, Any], message: str) -> None:
    train(open_trials(tmp_path))
    with pytest.raises(RunError, match=message):
        open_trials(tmp_path, **other)


def test_what_changes_no_loss_may_change(tmp_path: Path) -> None:
    train(open_trials(tmp_path))
    config = load_config(None, ["train.save_every=2 min", "train.eval_every=7", "sample.top_k=3", "train.learning_rate=0.5"])
    assert open_trials(tmp_path, config=config).counted() == 1


def test_half_a_line_and_a_lock_that_a_crash_left_are_no_loss(tmp_path: Path) -> None:
    expected = train(open_trials(tmp_path))
    journal = tmp_path / "trials.jsonl"
    with journal.open("ab") as file:
        file.write(b'{"op_code": 4, "wor')
    (tmp_path / "trials.jsonl.lock").touch()
    trials = open_trials(tmp_path)
    assert trials.records() == [expected]
    train(trials)
    assert len(open_trials(tmp_path).records()) == 2


@pytest.mark.parametrize("damage", [b"nonsense\n", b'{"op_code": 3}\n', b"[]\n", b"\xff\xfe\n"])
def test_a_damaged_journal_is_named(tmp_path: Path, damage: bytes) -> None:
    train(open_trials(tmp_path))
    journal = tmp_path / "trials.jsonl"
    journal.write_bytes(damage + journal.read_bytes())
    with pytest.raises(RunError, match=r"trials\.jsonl is damaged"):
        open_trials(tmp_path)
