from __future__ import annotations

from pathlib import Path

import pytest

from charlstm.config import DataConfig
from charlstm.errors import ConfigError
from charlstm.text.corpus import read_corpus
from charlstm.text.line_ends import with_line_ends
from charlstm.text.reading import as_trained

LF, KEEP = DataConfig(newlines="lf"), DataConfig(newlines="keep")


def test_line_ends_separator_and_normalisation_are_the_models() -> None:
    trained = DataConfig(newlines="lf", separator="\n\n", normalize="nfc")
    assert as_trained([trained]) == trained
    assert as_trained([DataConfig()]) == DataConfig()


def test_where_a_text_lies_and_how_its_bytes_are_read_is_the_texts() -> None:
    trained = DataConfig(
        text=("a.txt",), encoding="latin-1", errors="ignore", unit="byte", validation=0.3, test=0.2, newlines="lf"
    )
    assert as_trained([trained]) == LF


def test_what_is_asked_for_comes_first() -> None:
    assert as_trained([LF], {"newlines": "keep", "encoding": "cp1252"}) == DataConfig(encoding="cp1252")
    with pytest.raises(ConfigError, match="no such encoding of texts"):
        as_trained([LF], {"encoding": "klingon"})


@pytest.mark.parametrize("models", [[LF, KEEP], [KEEP, LF]])
def test_several_models_get_one_text_that_all_of_them_can_read(models: list[DataConfig]) -> None:
    assert as_trained(models) == LF
    assert as_trained([KEEP, DataConfig(normalize="nfc")]) == DataConfig(normalize="nfc")
    assert as_trained(models, {"newlines": "keep"}).newlines == "keep"


@pytest.mark.parametrize("data", [LF, KEEP], ids=["lf", "keep"])
def test_a_text_in_memory_has_the_line_ends_of_one_in_a_file(tmp_path: Path, data: DataConfig) -> None:
    text = "\r\na\r\rb\r\n\n\rc\r"
    (tmp_path / "a.txt").write_bytes(text.encode())
    read = read_corpus([str(tmp_path / "a.txt")], data)
    assert read.vocabulary.decode(read.ids.tolist()) == with_line_ends(text, data.newlines)
