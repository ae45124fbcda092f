"""A file that a command is asked to write never takes the place of what it reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from charlstm.commands.outputs import require_place, write_and_say
from charlstm.errors import CharlstmError
from charlstm.runs.inputs import Inputs


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("texts").mkdir()
    Path("run").mkdir()
    for name in ("texts/a.txt", "run/config.toml", "run/best.safetensors", "model.safetensors", "old.html"):
        Path(name).write_text("x", encoding="utf-8")
    Path("link.html").symlink_to("texts/a.txt")
    Path("lost.html").symlink_to("missing/a.html")
    Path("circle.html").symlink_to("circle.html")


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("none/a.html", "there is no folder 'none'"),
        ("texts", "is not a file"),
        ("", "is not a file"),
        ("lost.html", "a link into 'missing', which is not there"),
        ("circle.html", "too many levels of symbolic links"),
        ("x" * 999, "name too long"),
        ("texts/a.txt", "to be read"),
        ("link.html", "to be read"),
        ("run/best.safetensors", "to be read"),
        ("run/config.toml", "to be read"),
    ],
)
@pytest.mark.parametrize("text", ["texts/a.txt", "texts", "texts/*.txt"])
def test_where_nothing_can_be_written(place: str, reason: str, text: str) -> None:
    with pytest.raises(CharlstmError, match=f"(?i)^html=.*{reason}"):
        require_place("html", Path(place), Inputs([Path("run")], [text]))


def test_a_model_file_is_spared() -> None:
    with pytest.raises(CharlstmError, match="to be read"):
        require_place("npz", Path("model.safetensors"), Inputs([Path("model.safetensors")]))


@pytest.mark.parametrize("place", ["new.html", "old.html", "run/page.html"])
def test_elsewhere_it_is_written_and_said(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    require_place("html", Path(place), Inputs([Path("run")], ["texts", "-", "builtin:python-docs"]))
    write_and_say(Path(place), [b"12", b"3" * 1_240_000], ": look")
    assert Path(place).stat().st_size == 1_240_002
    assert capsys.readouterr().err == f"wrote {place}, 1.2 MB: look\n"


def test_a_device_or_a_link_to_a_new_file_is_a_place_too(capsys: pytest.CaptureFixture[str]) -> None:
    Path("new-link.html").symlink_to("texts/new.html")
    for place in ("/dev/null", "new-link.html"):
        require_place("html", Path(place), Inputs([Path("run")], ["texts/a.txt"]))
        write_and_say(Path(place), [b"123"])
        assert capsys.readouterr().err == f"wrote {place}, 0 kB\n"
    assert Path("texts/new.html").read_bytes() == b"123"
