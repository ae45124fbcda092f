from __future__ import annotations

import copy
import itertools
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.hooks import RemovableHandle

from charlstm.asked import Asked
from charlstm.config import Config
from charlstm.errors import DivergedError, OutOfMemoryError
from charlstm.runs.folder import RunFolder
from charlstm.runs.records import Look, Record, Setback, StepRecord
from charlstm.runs.saved_model import load_model
from charlstm.scoring.evaluation import stateful
from charlstm.text.batches import batches
from charlstm.training.optim import learning_rate_at
from charlstm.training.prepared import Prepared, prepare
from charlstm.training.resume import load_training, snapshot
from charlstm.training.trainer import PREVIEW_LENGTH, Trainer
from tests.conftest import VERSE as VERSES
from tests.conftest import make_trainer, prepare_text

CPU = torch.device("cpu")
VERSE = VERSES[:1000]
"""28 steps an epoch."""


@pytest.fixture
def prepared(make_config: Callable[..., Config]) -> Prepared:
    return prepare_text(VERSE, make_config())


def run(prepared: Prepared, folder: Path) -> tuple[Trainer, list[StepRecord | Record | Setback | Look]]:
    trainer = make_trainer(prepared)
    return trainer, list(trainer.fit(RunFolder(folder)))


def evaluations(records: list[StepRecord | Record | Setback | Look]) -> list[Record]:
    return [r for r in records if isinstance(r, Record)]


@pytest.fixture
def whole_previews(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as a user's."""
    monkeypatch.setattr("charlstm.training.trainer.PREVIEW_LENGTH", PREVIEW_LENGTH)


@pytest.mark.usefixtures("whole_previews")
def test_it_learns_a_tiny_text_by_heart(make_config: Callable[..., Config], tmp_path: Path) -> None:
    settings = ("model.hidden_size=64", "model.dropout=0.0", "train.epochs=12", "train.learning_rate=1e-2", "train.seq_len=32")
    text = "The quick brown fox jumps over the lazy dog. " * 60
    _, records = run(prepare_text(text, make_config(*settings)), tmp_path)
    last = evaluations(records)[-1]
    assert last.train_loss < 0.1
    assert (last.validation_loss or math.inf) < 0.1
    assert "fox jumps over the lazy dog" in last.sample


def test_the_same_seed_gives_the_same_weights(prepared: Prepared, tmp_path: Path) -> None:
    assert prepared.config.model.dropout > 0
    for name in "abc":
        (tmp_path / name).mkdir()
    one, two = (run(prepared, tmp_path / name)[0].model.state_dict() for name in "ab")
    assert all(torch.equal(one[name], two[name]) for name in one)
    train = prepared.config.train.model_copy(update={"seed": 2})
    other, _ = run(replace(prepared, config=prepared.config.model_copy(update={"train": train})), tmp_path / "c")
    assert any(not torch.equal(one[name], p) for name, p in other.model.state_dict().items())


def test_each_epoch_has_its_own_offset_and_carries_its_state(make_config: Callable[..., Config], tmp_path: Path) -> None:
    prepared = prepare_text(VERSE, make_config("train.reset=0"))
    trainer = make_trainer(prepared)
    seen: list[tuple[torch.Tensor, object, object]] = []
    learner = trainer._training.model
    forward = learner.forward

    def spy(ids: torch.Tensor, state: object = None, generator: object = None) -> object:
        result = forward(ids, state, generator)  # type: ignore[arg-type]
        if learner.training:
            seen.append((ids, state, result[1]))
        return result

    learner.forward = spy  # type: ignore[method-assign, assignment]
    list(trainer.fit(RunFolder(tmp_path)))
    steps = prepared.layout.steps
    assert len(seen) == 2 * steps
    for (_, _, after), (_, state, _) in itertools.pairwise(seen[:steps]):
        for a, b in zip(after, state, strict=True):  # type: ignore[call-overload]
            assert torch.equal(a, b)
            assert not b.requires_grad
    assert seen[0][1] is None
    assert seen[steps][1] is None, "an epoch starts from a zero state"
    offsets = []
    for ids, _, _ in (seen[0], seen[steps]):
        every_offset = range(prepared.layout.slack + 1)
        offsets.append([o for o in every_offset if torch.equal(next(batches(prepared.ids, prepared.layout, o)).inputs, ids)])
    assert offsets[0]
    assert offsets[0] != offsets[1]


@pytest.mark.usefixtures("whole_previews")
def test_records_say_what_happened(prepared: Prepared, tmp_path: Path) -> None:
    trainer, records = run(prepared, tmp_path)
    steps, found = [r for r in records if isinstance(r, StepRecord)], evaluations(records)
    assert [r.step for r in steps] == list(range(1, trainer.total_steps + 1))
    assert [(r.epoch, r.step) for r in found] == [(1, trainer.steps_an_epoch), (2, 2 * trainer.steps_an_epoch)]
    first_epoch = [r.loss for r in steps if r.epoch == 1]
    assert found[0].train_loss == pytest.approx(np.mean(first_epoch))
    assert found[1].characters == 2 * prepared.layout.steps * prepared.layout.batch_size * prepared.layout.seq_len
    assert found[1].validation_loss == stateful(trainer.model, prepared.ids, prepared.split).loss
    assert found[1].bpc == pytest.approx(found[1].validation_loss / math.log(2))
    assert len(found[0].sample) == len(prepared.config.sample.prime) + PREVIEW_LENGTH
    lines = [json.loads(line) for line in RunFolder(tmp_path).metrics.read_text(encoding="utf-8").splitlines()]
    assert lines == [r.metrics() for r in found]
    assert set(lines[0]) == {
        "step", "epoch", "characters", "seconds", "train_loss", "validation_loss", "bpc", "learning_rate", "grad_norm",
        "chars_per_second", "ends_epoch",
    }  # fmt: skip


def test_the_first_loss_is_that_of_guessing(prepared: Prepared, tmp_path: Path) -> None:
    _, records = run(prepared, tmp_path)
    assert isinstance(records[0], StepRecord)
    assert records[0].loss == pytest.approx(math.log(prepared.vocabulary.size), abs=0.15)


def test_last_is_the_newest_and_best_the_best(make_config: Callable[..., Config], tmp_path: Path) -> None:
    # Digits in the validation part that training never predicts: the more it learns, the worse that part looks.
    text = "abcdefgh" * 200 + "hgfedcba" * 23
    settings = ("train.epochs=5", "train.learning_rate=0.02", "model.dropout=0.0")
    trainer, records = run(prepare_text(text, make_config(*settings)), tmp_path)
    losses = [r.validation_loss or 0.0 for r in evaluations(records)]
    assert min(losses) < losses[-1]
    assert [r.is_best for r in evaluations(records)] == [loss == min(losses[: i + 1]) for i, loss in enumerate(losses)]
    folder = RunFolder(tmp_path)
    assert load_model(folder.best).facts.validation_loss == min(losses) == trainer.position.best_loss
    assert load_model(folder.last).facts.validation_loss == losses[-1]
    ids = torch.tensor([[0, 1, 2]])
    assert torch.equal(load_model(folder.last).model(ids)[0], trainer.model.eval()(ids)[0])


def test_evaluations_within_an_epoch(make_config: Callable[..., Config], prepared: Prepared, tmp_path: Path) -> None:
    every = prepare(prepared.corpus, Asked.all_of(make_config("train.eval_every=10")))
    _, records = run(every, tmp_path)
    found = [(r.epoch, r.batch, r.ends_epoch) for r in evaluations(records)]
    last = every.layout.steps
    within = list(range(10, last, 10))
    assert found == [(1, b, b == last) for b in (1, *within, last)] + [(2, b, b == last) for b in (*within, last)]


def test_max_steps_ends_within_an_epoch(make_config: Callable[..., Config], prepared: Prepared, tmp_path: Path) -> None:
    trainer, records = run(prepare(prepared.corpus, Asked.all_of(make_config("train.max_steps=7"))), tmp_path)
    assert trainer.position.step == 7
    assert [(r.step, r.ends_epoch) for r in evaluations(records)] == [(7, True)]


def poison(trainer: Trainer, kind: str) -> Callable[[], None]:
    """Make the next loss, gradient or validation loss one that is not a finite number -> what takes the cause away."""
    learner = trainer._training.model
    if kind == "loss":
        with torch.no_grad():
            learner.head.bias[0] = math.nan
        return lambda: None  # going back brings the weight back
    if kind == "gradient":
        hook: RemovableHandle = learner.head.bias.register_hook(lambda gradient: gradient * math.inf)
        return hook.remove
    spoil = lambda model, _, out: out if model.training else (out[0] * math.nan, out[1])  # noqa: E731
    return trainer.model.register_forward_hook(spoil).remove


def train_poisoned(trainer: Trainer, folder: RunFolder, kind: str, at: int, times: int = 1) -> list[Setback]:
    """Train to the end, poisoned at a step as often as asked."""
    setbacks: list[Setback] = []
    cure: Callable[[], None] = lambda: None  # noqa: E731
    for record in trainer.fit(folder):
        if isinstance(record, Setback):
            cure()
            setbacks.append(record)
        elif isinstance(record, StepRecord) and record.step == at and len(setbacks) < times:
            cure = poison(trainer, kind)
    return setbacks


@pytest.mark.parametrize("kind", ["loss", "gradient", "validation"])
def test_divergence_goes_back_to_the_last_save_with_half_the_rate(
    make_config: Callable[..., Config], tmp_path: Path, kind: str
) -> None:
    folder = RunFolder(tmp_path)
    trainer = make_trainer(prepare_text(VERSE, make_config("train.epochs=3")))
    steps = trainer.steps_an_epoch
    (setback,) = train_poisoned(trainer, folder, kind, steps + 5)
    assert (setback.back_to, setback.number) == (steps, 1)
    assert kind in setback.reason
    assert "not a finite number" in setback.reason
    lines = [json.loads(line) for line in folder.metrics.read_text(encoding="utf-8").splitlines()]
    assert [line["step"] for line in lines] == [steps, 2 * steps, 3 * steps], "each once"
    assert lines[1]["learning_rate"] == learning_rate_at(2 * steps - 1, 3 * steps, trainer.config.train) / 2
    for file in (folder.last, folder.best):
        model = load_model(file)
        assert all(p.isfinite().all() for p in model.model.parameters())
        assert model.facts.validation_loss is not None
        assert math.isfinite(model.facts.validation_loss)


def test_after_three_setbacks_a_training_stops_and_explains(make_config: Callable[..., Config], tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    trainer = make_trainer(prepare_text(VERSE, make_config("train.epochs=3")))
    steps = trainer.steps_an_epoch
    with pytest.raises(DivergedError, match=r"for the 4th time .*halved 3 times: try a lower train.learning_rate"):
        train_poisoned(trainer, folder, "loss", steps + 5, times=4)
    assert load_training(folder)[0].position.step == steps
    assert load_model(folder.best).facts.step == load_model(folder.last).facts.step == steps


def test_divergence_before_anything_was_evaluated(make_config: Callable[..., Config], tmp_path: Path) -> None:
    trainer = make_trainer(prepare_text(VERSE, make_config()))
    (setback,) = train_poisoned(trainer, RunFolder(tmp_path), "loss", 1)
    assert setback.back_to == 0


def test_weights_that_are_not_finite_are_never_saved(make_config: Callable[..., Config], tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    trainer = make_trainer(prepare_text(VERSE, make_config("train.save_every=5 steps")))
    setbacks = []
    for record in trainer.fit(folder):
        if isinstance(record, Setback):
            setbacks.append(record)
        elif isinstance(record, StepRecord) and record.step == 10 and not setbacks:
            with torch.no_grad():
                trainer.model.lstm.get_parameter("bias_hh_l0")[0] = math.inf
    assert [s.back_to for s in setbacks] == [5]
    assert "not a finite number" in setbacks[0].reason


def test_a_sample_that_cannot_be_written_is_no_reason_to_stop(prepared: Prepared, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.samples.mkdir()
    _, records = run(prepared, tmp_path)
    found = evaluations(records)
    assert [r.epoch for r in found] == [1, 2]
    assert all("samples.txt" in r.unwritten for r in found)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux to see how much memory is in use")
def test_out_of_memory_is_one_line_and_spares_what_was_saved(make_config: Callable[..., Config], tmp_path: Path) -> None:
    import resource

    folder = RunFolder(tmp_path)
    settings = ("train.batch_size=2000", "train.seq_len=64", "model.hidden_size=512", "model.num_layers=1")
    trainer = make_trainer(prepare_text(VERSE * 600, make_config(*settings)))
    in_use = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (in_use + 2**28, before[1]))
    try:
        with pytest.raises(OutOfMemoryError, match=r"train.batch_size 2000 .* train.batch_size=1000 .*seq_len=32") as error:
            list(trainer.fit(folder))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    assert "\n" not in str(error.value)
    assert load_training(folder)[0].position.step == 0


@pytest.mark.parametrize("at", [1, 40])
def test_a_stop_saves_the_step_it_is_in(prepared: Prepared, tmp_path: Path, at: int) -> None:
    trainer = make_trainer(prepared)
    for record in trainer.fit(RunFolder(tmp_path)):
        if isinstance(record, StepRecord) and record.step == at:
            trainer.stop()
    assert load_model(RunFolder(tmp_path).last).facts.step == at


def moving(trainer: Trainer) -> dict[str, torch.Tensor]:
    """A copy of every tensor that a training moves, its random states among them."""
    return dict(snapshot(trainer._training, trainer.prepared, {}).tensors)


def assert_same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_the_estimate_changes_nothing(make_config: Callable[..., Config], tmp_path: Path) -> None:
    prepared = prepare_text(VERSE, make_config("train.reset=0.2"))
    plain, _ = run(prepared, tmp_path)
    trainer = make_trainer(prepared)
    before, position, everyones = moving(trainer), copy.deepcopy(trainer.position), torch.random.get_rng_state()
    assert trainer.seconds_an_epoch().seconds > 0
    assert_same(moving(trainer), before)
    assert trainer.position == position
    assert torch.equal(torch.random.get_rng_state(), everyones)
    list(trainer.fit(RunFolder(tmp_path)))
    assert_same(moving(trainer), moving(plain))


def test_the_estimate_of_a_training_that_goes_on_changes_nothing(prepared: Prepared, tmp_path: Path) -> None:
    trainer = make_trainer(prepared)
    for record in trainer.fit(RunFolder(tmp_path)):
        if record.step == 5:  # type: ignore[union-attr]
            trainer.stop()
    before, position = moving(trainer), copy.deepcopy(trainer.position)
    trainer.seconds_an_epoch()
    assert_same(moving(trainer), before)
    assert trainer.position == position


def test_trainings_side_by_side_are_what_each_is_alone(make_config: Callable[..., Config], tmp_path: Path) -> None:
    """Step by step in turns, while others draw from torch's generator too."""
    ways = (("train.seed=1", "train.eval_every=9"), ("train.seed=2", "model.num_layers=1", "train.average=0"))
    every = [prepare_text(VERSE, make_config("model.dropout=0.3", "train.reset=0.2", *way)) for way in ways]
    folders = [tmp_path / name for name in ("alone 1", "alone 2", "together 1", "together 2")]
    for folder in folders:
        folder.mkdir()
    alone = [run(prepared, folder)[0] for prepared, folder in zip(every, folders[:2], strict=True)]
    together = [make_trainer(prepared) for prepared in every]
    fits = [trainer.fit(RunFolder(folder)) for trainer, folder in zip(together, folders[2:], strict=True)]
    for _ in itertools.zip_longest(*fits):
        torch.rand(1)
    for one, other in zip(alone, together, strict=True):
        assert_same(moving(one), moving(other))


def test_training_leaves_torchs_own_generator_alone(prepared: Prepared, tmp_path: Path) -> None:
    trainer = make_trainer(prepared)
    before = torch.random.get_rng_state()
    list(trainer.fit(RunFolder(tmp_path)))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_stop_at_once_before_training_began_waits_for_nothing(prepared: Prepared) -> None:
    make_trainer(prepared).stop_at_once()


def test_what_is_scored_and_saved_is_the_average(make_config: Callable[..., Config], tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    trainer = make_trainer(prepare_text(VERSE, make_config("train.average=0.9")))
    records = [record for record in trainer.fit(folder) if isinstance(record, Record)]
    parts = load_training(folder)[0].tensors
    saved = load_model(folder.last)
    assert torch.equal(saved.model.head.weight, parts["average.head.weight"])
    assert not torch.equal(saved.model.head.weight, parts["model.head.weight"])
    scored = stateful(saved.model, trainer.prepared.ids, trainer.prepared.split)
    assert scored.loss == pytest.approx(records[-1].validation_loss, abs=1e-5)
