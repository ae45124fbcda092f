"""Fetching, against a server on this machine that is as bad as the network can be."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from charlstm.cli import main
from charlstm.commands import data as command
from charlstm.config import load_config
from charlstm.text import datasets
from charlstm.text.corpus import read_corpus
from charlstm.text.datasets import DATASETS, Dataset
from tests.conftest import SHAKESPEARE, TINY, VERSE


def zipped(text: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("verse8", text)
    return file.getvalue()


PACKED = zipped(VERSE)


class Server(HTTPServer):
    """Gives `body` to whoever asks, but only its first `sent` bytes."""

    body = PACKED
    sent: int | None = None
    status = 200
    asked = 0


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked += 1
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body[: self.server.sent])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def verse8(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: Server) -> Dataset:
    """A data set of that server's, and a cache folder of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    url = f"http://127.0.0.1:{server.server_port}/verse8.zip"
    digest = hashlib.sha256(PACKED).hexdigest()
    dataset = Dataset("verse8", "a song", len(VERSE), "char", url, "verse8.zip", len(PACKED), digest, "none")
    for room in (datasets, command):
        monkeypatch.setattr(room, "DATASETS", (*DATASETS, dataset))
    return dataset


Said = Callable[..., tuple[int, str, str]]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Runs a command line -> its exit code, standard output and standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        return main(arguments), *capsys.readouterr()

    return run


def assert_one_line(result: tuple[int, str, str], code: int, *parts: str) -> None:
    assert result[:2] == (code, ""), result
    assert result[2].startswith("charlstm: ")
    assert result[2].count("\n") == 1
    for part in parts:
        assert part in result[2]


def in_folder(dataset: Dataset) -> list[str]:
    folder = dataset.path.parent
    return [file.name for file in folder.iterdir()] if folder.exists() else []


def test_get_then_train_on_it(verse8: Dataset, server: Server, said: Said, tmp_path: Path) -> None:
    code, out, err = said("data", "get", "verse8")
    assert (code, out, err) == (0, "", f"data:verse8 is here: {verse8.path}\n")
    assert in_folder(verse8) == ["verse8.zip"]
    assert verse8.path.read_bytes() == PACKED
    settings = [part for setting in (*TINY, "train.max_steps=1") for part in ("--set", setting)]
    code, _, err = said("train", "data:verse8", *settings)
    assert code == 0, err
    assert f"{len(VERSE):,} characters" in err
    assert load_config(tmp_path / "runs" / "verse8" / "config.toml").data.text == ("data:verse8",)
    assert server.asked == 1


def test_what_is_here_is_not_fetched_again(verse8: Dataset, server: Server, said: Said) -> None:
    for _ in range(2):
        assert said("data", "get", "verse8", "verse8")[0] == 0
    assert server.asked == 1


def test_an_interrupted_download_leaves_nothing_and_the_next_one_works(verse8: Dataset, server: Server, said: Said) -> None:
    server.sent = len(PACKED) // 2
    assert_one_line(said("data", "get", "verse8"), 1, verse8.url, "the connection broke off", "try again", str(verse8.path))
    assert in_folder(verse8) == []
    server.sent = None
    assert said("data", "get", "verse8")[0] == 0
    assert verse8.path.read_bytes() == PACKED


def test_another_file_is_refused_and_does_not_stay(verse8: Dataset, server: Server, said: Said) -> None:
    server.body = zipped(VERSE + "!")
    found = hashlib.sha256(server.body).hexdigest()
    assert_one_line(said("data", "get", "verse8"), 1, verse8.url, "data:verse8", found[:12], verse8.sha256[:12])
    assert in_folder(verse8) == []


@pytest.mark.parametrize("damaged", [PACKED[:-1], bytes(len(PACKED))], ids=["short", "zeros"])
def test_what_lies_there_damaged_is_fetched_anew(verse8: Dataset, said: Said, damaged: bytes) -> None:
    verse8.path.parent.mkdir(parents=True)
    verse8.path.write_bytes(damaged)
    assert said("data", "get", "verse8")[0] == 0
    assert verse8.path.read_bytes() == PACKED


def test_what_was_put_there_by_hand_is_taken(verse8: Dataset, server: Server, said: Said) -> None:
    verse8.path.parent.mkdir(parents=True)
    verse8.path.write_bytes(PACKED)
    assert said("data", "get", "verse8")[0] == 0
    assert read_corpus(["data:verse8"]).ids.size == len(VERSE)
    assert server.asked == 0


def test_no_network(verse8: Dataset, server: Server, said: Said) -> None:
    server.socket.close()  # what listens there is gone, and nothing comes in its place
    assert_one_line(said("data", "get", "verse8"), 1, verse8.url, "no connection", "try again", str(verse8.path))


def test_a_server_that_has_no_such_file(verse8: Dataset, server: Server, said: Said) -> None:
    server.status = 404
    assert_one_line(said("data", "get", "verse8"), 1, verse8.url, "the server says 404 Not Found")


def test_a_folder_that_can_not_be_written(verse8: Dataset, said: Said) -> None:
    verse8.path.parent.parent.mkdir(parents=True)
    verse8.path.parent.write_bytes(b"in the way")
    assert_one_line(said("data", "get", "verse8"), 1, "can't write", str(verse8.path), "XDG_CACHE_HOME")


def test_a_wrong_name_is_said_before_anything_is_fetched(verse8: Dataset, server: Server, said: Said) -> None:
    parts = ("'txt8'", "did you mean text8?", "tinyshakespeare, text8, enwik8")
    assert_one_line(said("data", "get", "verse8", "txt8"), 2, *parts)
    assert_one_line(said("train", "data:txt8"), 2, *parts)
    assert_one_line(said("data", "get", "\x1b[2J"), 2, "'\\x1b[2J': there is tinyshakespeare")
    assert server.asked == 0


def test_what_is_not_here_yet_says_how_it_comes_here(verse8: Dataset, said: Said) -> None:
    assert_one_line(said("train", "data:verse8"), 2, "data:verse8 is not here yet: charlstm data get verse8\n")
    verse8.path.parent.mkdir(parents=True)
    verse8.path.write_bytes(PACKED[:-1])
    assert_one_line(said("train", "data:verse8"), 2, "data:verse8 is not here yet")


def test_list(verse8: Dataset, said: Said) -> None:
    rows = said("data", "list")[1].splitlines()
    assert ["no" in row.split() for row in rows if "data:" in row] == [True] * 4
    said("data", "get", "verse8")
    table = said("data", "list")[1]
    assert "yes" in next(row for row in table.splitlines() if "data:verse8" in row).split()
    listed = json.loads(said("data", "list", "--json")[1])
    assert {name: one["is_here"] for name, one in listed.items()} == {
        "tinyshakespeare": False, "text8": False, "enwik8": False, "verse8": True,
    }  # fmt: skip
    assert listed["verse8"]["path"] == str(verse8.path)
    assert listed["text8"]["length"] == 100_000_000


def test_a_terminal_gets_a_bar(verse8: Dataset, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    err = said("data", "get", "verse8")[2]
    assert "data:verse8: " in err
    assert str(verse8.path) in err


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda dataset: dataset.name)
def test_the_registry_is_in_order(dataset: Dataset) -> None:
    assert len(bytes.fromhex(dataset.sha256)) == 32
    assert dataset.unit in ("char", "byte")
    assert dataset.path.name == dataset.file
    assert dataset.url.endswith(dataset.path.suffix)
    assert all(dataclasses.astuple(dataset))


def test_the_digest_of_tiny_shakespeare_is_that_of_the_text() -> None:
    if not SHAKESPEARE.exists():
        pytest.skip(f"tiny Shakespeare is not at {SHAKESPEARE}")
    data, dataset = SHAKESPEARE.read_bytes(), datasets.find("tinyshakespeare")
    assert (hashlib.sha256(data).hexdigest(), len(data)) == (dataset.sha256, dataset.size)
    assert len(data.decode()) == dataset.length
