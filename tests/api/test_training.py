from __future__ import annotations

import hashlib
import signal
from pathlib import Path
from typing import Any

import pytest

import charlstm
from charlstm.cli import main
from tests.conftest import TINY

SMALL: dict[str, Any] = {
    "hidden_size": 16,
    "embedding_size": 8,
    "batch_size": 4,
    "seq_len": 8,
    "warmup_steps": 2,
    "dropout": 0.2,
}


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_training_is_the_one_of_the_command(poems: Path, tmp_path: Path) -> None:
    run = charlstm.train(poems, run=tmp_path / "python", epochs=2, **SMALL, curves=False)
    flags = [part for setting in (*TINY, "train.epochs=2") for part in ("--set", setting)]
    assert main(["train", str(poems), "--run", str(tmp_path / "command"), *flags]) == 0
    for name in ("best.safetensors", "last.safetensors", "config.toml", "samples.txt"):
        assert (run.path / name).read_bytes() == (tmp_path / "command" / name).read_bytes(), name


def test_a_run_goes_on_as_if_it_had_never_been_stopped(poems: Path, tmp_path: Path) -> None:
    whole = charlstm.train(poems, run=tmp_path / "whole", max_steps=30, curves=False, **SMALL)
    training = charlstm.start(poems, run=tmp_path / "parts", max_steps=30, curves=False, **SMALL)
    for record in training:
        if isinstance(record, charlstm.StepRecord) and record.step == 11:
            training.stop()
    assert training.step == 11
    assert not list(training.path.glob(".*.tmp"))
    run = charlstm.train(run=tmp_path / "parts", resume=True)
    assert digest(run.path / "last.safetensors") == digest(whole.path / "last.safetensors")
    with pytest.raises(charlstm.RunError, match="all 30 steps of this run are done: max_steps=60 asks for more"):
        charlstm.train(run=tmp_path / "parts", resume=True)
    longer = charlstm.train(run=tmp_path / "parts", resume=True, max_steps=33)
    assert longer.curve()[-1].step == 33


def test_records_come_one_by_one_and_nothing_is_written_before(poems: Path, tmp_path: Path) -> None:
    training = charlstm.start(poems, run=tmp_path / "r", epochs=1, **SMALL)
    assert not (tmp_path / "r").exists()
    with pytest.raises(charlstm.RunError, match="holds no run"):
        _ = training.run
    records = list(training)
    steps = [record.step for record in records if isinstance(record, charlstm.StepRecord)]
    assert steps == list(range(1, training.total_steps + 1))
    (record,) = [record for record in records if isinstance(record, charlstm.Record)]
    assert training.run.best == training.run.curve()[0]
    assert training.run.curve()[0].validation_loss == record.validation_loss
    assert repr(training) == f"TrainingRun({str(tmp_path / 'r')!r}: step {training.step:,} of {training.total_steps:,})"


def test_a_training_that_is_left_early_lets_go_of_its_folder(poems: Path, tmp_path: Path) -> None:
    for record in charlstm.start(poems, run=tmp_path / "r", save_every="1 steps", **SMALL):
        if isinstance(record, charlstm.StepRecord) and record.step == 3:
            break
    run = charlstm.train(run=tmp_path / "r", resume=True, max_steps=5)
    assert run.curve()[-1].step == 5


@pytest.mark.parametrize("overwrite", [True, False])
def test_iterating_again_goes_on_and_loses_nothing(poems: Path, tmp_path: Path, overwrite: bool) -> None:
    training = charlstm.start(poems, run=tmp_path / "r", max_steps=12, eval_every=4, overwrite=overwrite, curves=False, **SMALL)
    for record in training:
        if isinstance(record, charlstm.Record) and record.step == 8:
            break
    rest = [record.step for record in training if not isinstance(record, charlstm.Setback)]
    assert max(rest) == 12
    assert list(training) == []
    assert [point.step for point in training.run.curve()][-1] == 12
    assert {1, 4, 8} <= {point.step for point in training.run.curve()}
    whole = charlstm.train(poems, run=tmp_path / "w", max_steps=12, eval_every=4, curves=False, **SMALL)
    assert digest(tmp_path / "r" / "last.safetensors") == digest(whole.path / "last.safetensors")


def test_a_run_that_went_on_meanwhile_is_not_rolled_back(poems: Path, tmp_path: Path) -> None:
    run = charlstm.train(poems, run=tmp_path / "r", max_steps=3, curves=False, **SMALL)
    stale = charlstm.start(run=run.path, resume=True, max_steps=9)
    charlstm.train(run=run.path, resume=True, max_steps=6)
    with pytest.raises(charlstm.RunError, match="has gone on meanwhile: resume it anew"):
        list(stale)
    assert run.curve()[-1].step == 6


def test_ctrl_c_saves_and_is_raised(poems: Path, tmp_path: Path) -> None:
    def interrupt(record: object) -> None:
        if isinstance(record, charlstm.StepRecord) and record.step == 5:
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        charlstm.train(poems, run=tmp_path / "r", progress=interrupt, **SMALL)
    assert signal.getsignal(signal.SIGINT) is before
    resumed = charlstm.start(run=tmp_path / "r", resume=True)
    assert resumed.step in (5, 6)


def test_the_advice_of_a_diagnosis_can_be_taken(poems: Path, tmp_path: Path) -> None:
    run = charlstm.train(poems, run=tmp_path / "r", max_steps=2, curves=False, **SMALL)
    advice: Any = run.diagnosis().settings_to_try
    assert advice == {"train.max_steps": 4}
    assert charlstm.train(run=run, resume=True, **advice).curve()[-1].step == 4


def test_a_callback_gets_the_records_and_what_it_raises_comes_out(poems: Path, tmp_path: Path) -> None:
    records: list[object] = []
    charlstm.train(poems, run=tmp_path / "r", max_steps=4, progress=records.append, **SMALL)
    assert [type(record) for record in records] == [charlstm.StepRecord] * 4 + [charlstm.Record]

    def complain(record: object) -> None:
        raise LookupError(str(record))

    with pytest.raises(LookupError):
        charlstm.train(poems, run=tmp_path / "s", progress=complain, **SMALL)


def test_it_shows_nothing_where_nobody_sees_it(poems: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    charlstm.train(poems, run=tmp_path / "r", max_steps=2, **SMALL)
    assert capsys.readouterr() == ("", "")


def test_a_run_gets_its_name_from_its_text_and_settings_from_a_file(
    poems: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text("[train]\nmax_steps = 2\n[model]\nhidden_size = 99\n", encoding="utf-8")
    run = charlstm.train(poems, config="mine.toml", **SMALL)
    assert run.path == Path("runs/poems")
    assert (run.config.train.max_steps, run.config.model.hidden_size) == (2, 16)
    assert charlstm.train(poems, config="mine.toml", **SMALL).path == Path("runs/poems-2")
    assert [one.name for one in charlstm.overviews(Path("runs"))] == ["poems", "poems-2"]


def test_a_trained_model_can_be_begun_with(poems: Path, run: charlstm.Run, tmp_path: Path) -> None:
    new = tmp_path / "new.txt"
    new.write_text(poems.read_text(encoding="utf-8")[:3000] + "★", encoding="utf-8")
    with pytest.raises(charlstm.UnknownCharactersError, match="extend_vocabulary=True adds them to the model's"):
        charlstm.train(new, begin=run.path, run=tmp_path / "r")
    extended = charlstm.train(new, begin=run.path, extend_vocabulary=True, run=tmp_path / "r", max_steps=1).model()
    assert extended.vocabulary.size == run.model().vocabulary.size + 1


def test_curves_are_drawn_at_the_end(poems: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    run = charlstm.train(poems, run=tmp_path / "r", max_steps=2, **SMALL)
    assert (run.path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert 'src="data:image/svg+xml;base64,' in run._repr_html_()
    assert "<style" not in run._repr_html_()


def test_a_run_without_matplotlib_shows_a_table(run: charlstm.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("charlstm.views.notebook.find_spec", lambda name: None)
    html = run._repr_html_()
    assert html.count("<tr>") == 1 + len(run.curve())
    assert f"{run.curve()[0].validation_loss:.4f}" in html


def test_what_was_changed_by_hand_is_a_warning(poems: Path, tmp_path: Path) -> None:
    run = charlstm.train(poems, run=tmp_path / "r", max_steps=3, **SMALL)
    (run.path / "config.toml").write_text("", encoding="utf-8")
    with pytest.warns(UserWarning, match=r"config.toml is not as it was written: the settings of the save hold"):
        charlstm.train(run=run.path, resume=True, max_steps=4)
    assert run.config.train.max_steps == 4


@pytest.mark.parametrize(
    ("arguments", "settings", "kind", "message"),
    [
        ((), {"epochs": 0}, charlstm.ConfigError, "epochs=0: expected a whole number at least 1"),
        ((), {"epoch": 3}, charlstm.ConfigError, "epoch=3: no such setting; did you mean epochs?"),
        (("nowhere.txt",), {}, charlstm.TextError, "no such file: nowhere.txt"),
        ((), {"config": "nowhere.toml"}, charlstm.ConfigError, "no such config file: nowhere.toml"),
        ((), {"resume": True, "overwrite": True}, charlstm.CharlstmError, "resume=True: a run goes on with its own text"),
        ((), {"run": "nowhere", "resume": True}, charlstm.RunError, "nothing to resume in nowhere"),
        ((), {"extend_vocabulary": True}, charlstm.CharlstmError, "extend_vocabulary=True: it needs a trained model; name one"),
        ((), {"device": "tpu"}, charlstm.DeviceError, "device="),
        ((), {"begin": "nowhere"}, charlstm.ModelError, "no such model: nowhere"),
    ],
)
def test_errors_are_worded_for_python(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    settings: Any,
    kind: type[Exception],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(kind) as caught:
        charlstm.start(*arguments, **settings)
    assert message in str(caught.value)
    assert "--" not in str(caught.value)
    assert not list(tmp_path.iterdir()), "nothing was written"


def test_a_run_that_is_there_already_stays(run: charlstm.Run, poems: Path) -> None:
    before = digest(run.path / "last.safetensors")
    with pytest.raises(charlstm.RunError, match="resume=True continues it, overwrite=True replaces it, another run spares it"):
        charlstm.train(poems, run=run.path)
    assert digest(run.path / "last.safetensors") == before


def test_a_run_is_what_its_folder_says(run: charlstm.Run, tmp_path: Path) -> None:
    assert repr(run) == f"Run({str(run.path)!r})"
    assert run.best == min(run.curve(), key=lambda point: point.validation_loss or 0.0)
    assert run.model(newest=True).facts.step == run.curve()[-1].step
    assert run.diagnosis().sentence
    for wrong in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(charlstm.RunError, match="holds no run"):
            charlstm.Run(wrong)


def test_trainings_without_a_name_each_take_the_next_as_they_begin(
    poems: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first, second, third = (charlstm.start(poems, max_steps=2, curves=False, **SMALL) for _ in range(3))
    assert not list(tmp_path.iterdir()), "nothing is written before the first record"
    under_way = [iter(training) for training in (first, second)]
    for records in under_way:
        next(records)
    assert [training.path.name for training in (first, second)] == ["poems", "poems-2"]
    for records in reversed(under_way):
        records.close()
    list(first)
    list(third)
    assert first.path.name == "poems", "going on is no new run"
    assert [path.name for path in sorted((tmp_path / "runs").iterdir())] == ["poems", "poems-2", "poems-3"]
    assert third.run.path == third.path
