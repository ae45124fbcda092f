from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from charlstm.config import load_config
from charlstm.errors import ModelError, RunError
from charlstm.model.char_lstm import CharLSTM
from charlstm.runs import model_file
from charlstm.runs.folder import RunFolder
from charlstm.runs.model_file import Facts, read_weights
from charlstm.runs.saved_model import SavedModel, load_model, save_model
from charlstm.text.line_ends import LineEnds
from charlstm.text.vocabulary import CharVocabulary

FACTS = Facts(step=7, epoch=1, characters=99, train_loss=2.5, validation_loss=2.25)


@pytest.fixture
def saved(make_model: Callable[..., CharLSTM]) -> SavedModel:
    model = make_model(11)
    config = load_config(None, ["data.text=/home/someone/secret.txt"]).model_copy(update={"model": model.config})
    return SavedModel(model, CharVocabulary("\0\n é\u202e★😀abcd"), config, FACTS)


def test_a_model_file_is_all_that_is_needed(saved: SavedModel, tmp_path: Path) -> None:
    file = tmp_path / "m.safetensors"
    save_model(file, saved)
    loaded = load_model(file)
    assert (loaded.vocabulary, loaded.facts) == (saved.vocabulary, FACTS)
    assert loaded.config.model == saved.config.model
    ids = torch.randint(11, (9, 2))
    assert torch.equal(loaded.model(ids)[0], saved.model(ids)[0])
    assert not loaded.model.training
    assert b"someone" not in file.read_bytes(), "where the text lay is nobody else's business"


def test_saving_twice_gives_the_same_bytes(saved: SavedModel, tmp_path: Path) -> None:
    files = [tmp_path / name for name in "ab"]
    for file in files:
        save_model(file, saved)
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_flipped_bit_anywhere_and_a_truncation_are_found(saved: SavedModel, tmp_path: Path) -> None:
    file = tmp_path / "m.safetensors"
    save_model(file, saved)
    data = file.read_bytes()
    generator = torch.Generator().manual_seed(0)
    inside_header = int.from_bytes(data[:8], "little") + 8
    places = [*range(0, inside_header, 97), *torch.randint(len(data), (60,), generator=generator).tolist()]
    for place in places:
        file.write_bytes(data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :])
        with pytest.raises(ModelError):
            load_model(file)
        file.write_bytes(data[:place])
        with pytest.raises(ModelError):
            load_model(file)


def test_files_that_are_no_models(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model"):
        load_model(tmp_path / "none")
    with pytest.raises(ModelError, match="no model in"):
        load_model(tmp_path)
    (tmp_path / "text").write_text("hello", encoding="utf-8")
    with pytest.raises(ModelError, match="not a model file"):
        load_model(tmp_path / "text")
    save_file({"a": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(ModelError, match="not one of charlstm's"):
        load_model(tmp_path / "other.safetensors")


def test_a_model_of_a_later_format_is_refused(saved: SavedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("charlstm.runs.model_file.FORMAT_VERSION", 2)
    save_model(tmp_path / "new.safetensors", saved)
    monkeypatch.undo()
    with pytest.raises(ModelError, match="format version 2, expected 1"):
        load_model(tmp_path / "new.safetensors")


def test_weights_of_another_shape_are_refused(saved: SavedModel, tmp_path: Path) -> None:
    wrong = dataclasses.replace(saved, vocabulary=CharVocabulary("abc"))
    save_model(tmp_path / "wrong.safetensors", wrong)
    with pytest.raises(ModelError, match="does not hold a model") as error:
        load_model(tmp_path / "wrong.safetensors")
    assert "\n" not in str(error.value)


def test_a_run_folder_gives_its_best_model(saved: SavedModel, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    save_model(folder.last, saved)
    assert load_model(tmp_path).facts.step == 7
    save_model(folder.best, dataclasses.replace(saved, facts=dataclasses.replace(FACTS, step=5)))
    assert load_model(tmp_path).facts.step == 5


def test_a_run_is_replaced_only_when_asked(saved: SavedModel, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    save_model(folder.best, saved)
    (folder.path / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(RunError, match="overwrite=True replaces it"):
        folder.refuse_held(overwrite=False)
    with pytest.raises(RunError, match="began meanwhile"):
        folder.start()
    assert folder.best.exists()
    folder.refuse_held(overwrite=True)
    folder.start(overwrite=True)
    assert sorted(p.name for p in folder.path.iterdir()) == [".lock", "notes.txt"]


def test_tensors_are_plain_safetensors(saved: SavedModel, tmp_path: Path) -> None:
    save_model(tmp_path / "m.safetensors", saved)
    assert set(load_file(tmp_path / "m.safetensors")) == set(saved.model.state_dict())


@pytest.mark.parametrize("learned", [("\n", "\r\n"), ("\r",), ()])
def test_line_ends_are_kept_where_the_symbols_do_not_tell_them(
    saved: SavedModel, tmp_path: Path, learned: tuple[str, ...]
) -> None:
    """And where they do, such a file is what it always was."""
    vocabulary = CharVocabulary("abcdefghi\r\n").knowing(LineEnds(learned))
    save_model(tmp_path / "m", dataclasses.replace(saved, vocabulary=vocabulary))
    assert read_weights(tmp_path / "m").vocabulary.line_ends == LineEnds(learned)
    assert (b"line_ends" in (tmp_path / "m").read_bytes()) == bool(learned)


@pytest.mark.parametrize("learned", [("\r\n", "\r\n"), ("x",), (), ("\r", None)])
def test_line_ends_that_are_none_are_refused(
    saved: SavedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, learned: tuple[str, ...]
) -> None:
    monkeypatch.setattr(model_file, "_line_ends_to_json", lambda _: {"line_ends": list(learned)})
    save_model(tmp_path / "m", saved)
    with pytest.raises(ModelError, match=r"line_ends = \[.*expected some of LF, CRLF and CR, each once"):
        load_model(tmp_path / "m")
