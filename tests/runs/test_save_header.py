from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from charlstm.config import Config
from charlstm.errors import ModelError
from charlstm.runs import save_header
from charlstm.runs.model_file import write_tensors
from charlstm.runs.position import Meter, Position
from charlstm.runs.save_header import SaveHeader, header_from_json, read_saved_step
from charlstm.text.vocabulary import CharVocabulary

FILE = Path("resume.safetensors")


@pytest.fixture
def header(make_config: Callable[..., Config]) -> SaveHeader:
    """One in which no number is what it would be without being read."""
    position = Position(9, 2, 3, 4, 5, 6.5, 0.1, 0.2, 0.3, 7, True, 1, Meter(1.5, 2.5, 3, 4.5, 5.5))
    marks = {"metrics.jsonl": (12, "0a"), "samples.txt": (0, "0b")}
    offsets = dict(np.random.default_rng(5).bit_generator.state)
    return SaveHeader(make_config(), "0c", CharVocabulary("ab"), True, marks, position, offsets)


def write(header: SaveHeader, file: Path) -> None:
    write_tensors(file, header.to_json(), {"x": np.zeros(3, np.float32)})


def test_what_is_written_is_read(header: SaveHeader) -> None:
    plain, meter = Position(), Meter()
    assert all(getattr(header.position, f.name) != getattr(plain, f.name) for f in fields(plain))
    assert all(getattr(header.position.meter, f.name) != getattr(meter, f.name) for f in fields(meter))
    read = header_from_json(json.loads(json.dumps(header.to_json())), FILE)
    assert read.vocabulary.to_json() == header.vocabulary.to_json()
    assert replace(read, vocabulary=header.vocabulary) == header


@pytest.mark.parametrize("key", [f.name for f in fields(SaveHeader)])
def test_every_key_is_needed(header: SaveHeader, key: str) -> None:
    about = {name: value for name, value in header.to_json().items() if name != key}
    with pytest.raises(ModelError, match=r"resume.safetensors does not hold a training that this version can resume"):
        header_from_json(about, FILE)


def test_a_meter_from_before_there_were_weights_counted_all_that_was_read(header: SaveHeader) -> None:
    about = header.to_json()
    del about["position"]["meter"]["count"]
    assert header_from_json(about, FILE).position.meter == replace(header.position.meter, count=3)


@pytest.mark.parametrize("version", [None, 1, 3, "2"])
def test_another_version_is_refused(header: SaveHeader, version: object) -> None:
    with pytest.raises(ModelError, match=r"resume.safetensors is not what a run is resumed from, or of another version"):
        header_from_json({**header.to_json(), "resume_version": version}, FILE)


def test_where_a_save_stands(header: SaveHeader, tmp_path: Path) -> None:
    file = tmp_path / "save"
    assert read_saved_step(file) is None
    write(header, file)
    assert read_saved_step(file) == 9


def test_a_save_of_another_version_says_where_it_stands_too(
    header: SaveHeader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(save_header, "SAVE_VERSION", 99)
    write(header, tmp_path / "save")
    assert read_saved_step(tmp_path / "save") == 9


@pytest.mark.parametrize("position", [None, 3, [], {}, {"step": "x"}, {"step": True}, {"step": 1.5}])
def test_nonsense_says_nothing(header: SaveHeader, tmp_path: Path, position: object) -> None:
    write_tensors(tmp_path / "save", {**header.to_json(), "position": position}, {"x": np.zeros(3, np.float32)})
    assert read_saved_step(tmp_path / "save") is None


def test_it_is_read_without_torch() -> None:
    code = "import sys, charlstm.runs.save_header, charlstm.runs.overview; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
