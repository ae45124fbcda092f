from __future__ import annotations

from pathlib import Path

import pytest

import charlstm

pytest.importorskip("matplotlib")


@pytest.mark.parametrize(("name", "begins"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml")])
def test_runs_are_drawn(run: charlstm.Run, tmp_path: Path, name: str, begins: bytes) -> None:
    path = charlstm.plot(run, run.path, output=tmp_path / name, x="minutes")
    assert path.read_bytes().startswith(begins)


def test_what_can_not_be_drawn_is_said(run: charlstm.Run, tmp_path: Path) -> None:
    with pytest.raises(charlstm.CharlstmError, match="x='epochs': expected steps, characters or minutes"):
        charlstm.plot(run, output=tmp_path / "a.png", x="epochs")  # type: ignore[arg-type]
    with pytest.raises(charlstm.RunError, match="holds no run"):
        charlstm.plot(tmp_path, output=tmp_path / "a.png")
    with pytest.raises(charlstm.CharlstmError, match="runs: expected at least one run"):
        charlstm.plot(output=tmp_path / "a.png")
    with pytest.raises(charlstm.CharlstmError, match=r"expected a name that ends in \.png or \.svg"):
        charlstm.plot(run, output=tmp_path / "a.jpg")
