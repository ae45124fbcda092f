from __future__ import annotations

from pathlib import Path

import pytest

import charlstm
from charlstm.text import datasets


def test_a_standard_text_is_fetched_by_its_name(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[str] = []

    def fetch(dataset: datasets.Dataset, progress: datasets.DownloadBar) -> Path:
        asked.append(dataset.name)
        progress.update(1)
        return dataset.path

    monkeypatch.setattr(datasets, "fetch", fetch)
    assert charlstm.fetch("text8") == datasets.find("text8").path
    assert asked == ["text8"]
    assert capsys.readouterr() == ("", "")


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    with pytest.raises(charlstm.TextError, match="text9"):
        charlstm.fetch("text9")
