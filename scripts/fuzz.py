"""Look for bytes that make the program fail otherwise than by a CharlstmError, guided by what code they reach.

pip install -c constraints.txt -e '.[fuzz]'
python scripts/fuzz.py model --seconds 600     one target: config, vocabulary, corpus or model
python scripts/fuzz.py model crash-1a2b...     only the inputs in these files

What it finds is kept in a file `crash-...` and belongs into the tests.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris
import numpy as np

with atheris.instrument_imports(include=["charlstm"]):
    from charlstm.config import load_config
    from charlstm.errors import CharlstmError
    from charlstm.model.char_lstm import CharLSTM
    from charlstm.runs.folder import RunFolder
    from charlstm.runs.model_file import Facts, digest
    from charlstm.runs.position import Position
    from charlstm.runs.save_header import SaveHeader
    from charlstm.runs.saved_model import SavedModel, load_model, save_model
    from charlstm.runs.tensor_header import METADATA
    from charlstm.text.corpus import read_corpus
    from charlstm.text.vocabulary import CharVocabulary, vocabulary_from_json
    from charlstm.training.resume import load_training
    from charlstm.values import is_unicode

HOME = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
SMALL = load_config(None, ["model.hidden_size=2", "model.embedding_size=1", "model.num_layers=1"])
ENDINGS = [".txt", ".gz", ".xz", ".bz2", ".zip"]
ENCODINGS = ["utf-8", "utf-16", "latin-1", "shift_jis", "utf-7", "cp1252", "gb18030", "hex"]


def config(data: bytes) -> None:
    """A TOML file, and what `--set` makes of its lines."""
    file = HOME / "c.toml"
    file.write_bytes(data)
    lines = data.decode("utf-8", errors="surrogateescape").splitlines()
    sources: list[tuple[Path | None, list[str]]] = [(file, []), (None, lines[:1]), (None, lines)]
    for source, assignments in sources:
        try:
            made = load_config(source, assignments)
        except CharlstmError as error:
            one_line(error)
        else:
            if not all(map(is_unicode, made.data.text)):
                return  # a path that train refuses later, when it is the text's
            again = load_config(written(made.to_toml()))
            assert (again.model, again.train, again.sample) == (made.model, made.train, made.sample)


def written(text: str) -> Path:
    """A file with this text."""
    file = HOME / "again.toml"
    file.write_text(text, encoding="utf-8")
    return file


def vocabulary(data: bytes) -> None:
    """What a model file says of its vocabulary, and a text for it."""
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        said = {"unit": "char", "symbols": "".join(sorted(set(data.decode("utf-8", errors="replace"))))}
    text = data.decode("utf-8", errors="surrogateescape")
    try:
        found = vocabulary_from_json(said)
        assert vocabulary_from_json(json.loads(json.dumps(found.to_json()))) == found
        ids = found.encode(text)
        assert len(ids) == 0 or int(ids.max()) < found.size
        found.decode(ids.tolist())
    except CharlstmError as error:
        one_line(error)


def corpus(data: bytes) -> None:
    """A file of text, in one of the ways in which files are read."""
    how = atheris.FuzzedDataProvider(data[:8])
    settings = {
        "encoding": how.PickValueInList(ENCODINGS),
        "errors": how.PickValueInList(["strict", "replace", "ignore"]),
        "newlines": how.PickValueInList(["keep", "lf"]),
        "normalize": how.PickValueInList(["none", "nfc"]),
        "unit": how.PickValueInList(["char", "byte"]),
        "min_count": how.PickValueInList([1, 2]),
    }
    file = HOME / f"t{how.PickValueInList(ENDINGS)}"
    file.write_bytes(data[8:])
    try:
        read = read_corpus([str(file)], load_config(data=settings).data)
        assert int(read.ids.max()) < read.vocabulary.size
        read.vocabulary.decode(read.ids[:1000].tolist())
    except CharlstmError as error:
        one_line(error)


def model(data: bytes) -> None:
    """A model file: of these bytes, or whole but for a piece that they replace, its digest made to fit. Or so a save."""
    file, run = HOME / "m.safetensors", RunFolder(HOME)
    try:
        if data[:1] == b"\2":
            run.resume.write_bytes(forged(data[1:]))
            load_training(run)
        else:
            file.write_bytes(forged(data[1:]) if data[:1] == b"\1" else data)
            load_model(file)
    except CharlstmError as error:
        one_line(error)


def forged(about: bytes) -> bytes:
    """The file of a small model, with another text in its metadata."""
    saved = CharLSTM(2, SMALL.model)
    tensors = {name: np.zeros(p.shape, np.float32) for name, p in saved.state_dict().items()}
    text, place, header = about.decode("utf-8", errors="replace"), 0, {}
    for name, p in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(p.shape), "data_offsets": [place, place := place + p.nbytes]}
    raw = json.dumps({"__metadata__": {METADATA: f"{digest(text, tensors)} {text}"}, **header}).encode()
    return len(raw).to_bytes(8, "little") + raw + bytes(place)


def one_line(error: CharlstmError) -> None:
    """Every message must be one line, and not a flood."""
    assert "\n" not in str(error), str(error)
    assert len(str(error)) < 2000, len(str(error))


def seeds(folder: Path) -> None:
    """Inputs to begin with."""
    save_model(folder / "model", SavedModel(CharLSTM(2, SMALL.model), CharVocabulary("ab"), SMALL, Facts(1, 1, 1)))
    about = {
        "format_version": 1,
        "config": SMALL.model_dump(mode="json", exclude={"data": {"text"}}),
        "vocabulary": {"unit": "char", "symbols": "ab"},
        "facts": {"step": 1, "epoch": 1, "characters": 1, "train_loss": None, "validation_loss": 2.5},
    }
    (folder / "about").write_bytes(b"\1" + json.dumps(about).encode())
    marks = {"metrics.jsonl": (0, "0a"), "samples.txt": (0, "0a")}
    training = SaveHeader(SMALL, "0a", CharVocabulary("ab"), False, marks, Position(), {}).to_json()
    (folder / "training").write_bytes(b"\2" + json.dumps(training).encode())
    (folder / "toml").write_text(SMALL.to_toml(), encoding="utf-8")
    (folder / "set").write_text('train.epochs=3\ndata.text=["a"]\nsample.prime=A', encoding="utf-8")
    (folder / "json").write_text('{"unit": "char", "symbols": "abc"}', encoding="utf-8")
    (folder / "text").write_bytes(bytes(8) + "naïve\r\n中 e\u0301\0\ufeff".encode() * 3)
    for ending, make in archives().items():
        (folder / ending).write_bytes(bytes(8) + make(b"to be or not to be\n" * 9))


def archives() -> dict[str, Callable[[bytes], bytes]]:
    """Compressors, by name."""
    import bz2
    import gzip
    import io
    import lzma
    import zipfile

    def zipped(data: bytes) -> bytes:
        with zipfile.ZipFile(buffer := io.BytesIO(), "w") as archive:
            archive.writestr("a.txt", data)
            archive.writestr("b/c.txt", data)
        return buffer.getvalue()

    return {"gz": gzip.compress, "xz": lzma.compress, "bz2": bz2.compress, "zip": zipped}


def run() -> None:
    """The command line."""
    targets = {"config": config, "vocabulary": vocabulary, "corpus": corpus, "model": model}
    parser = argparse.ArgumentParser(description="Fuzz a target.")
    parser.add_argument("target", choices=targets)
    parser.add_argument("inputs", nargs="*", help="only these files")
    parser.add_argument("--seconds", type=int, default=600)
    arguments = parser.parse_args()
    inputs = arguments.inputs
    if not inputs:
        (HOME / "seeds").mkdir()
        seeds(HOME / "seeds")
        inputs = [
            str(HOME / "seeds"),
            f"-max_total_time={arguments.seconds}",
            "-max_len=4096",
            "-timeout=10",
            "-rss_limit_mb=4096",
        ]
    atheris.Setup([sys.argv[0], *inputs], targets[arguments.target])
    atheris.Fuzz()


if __name__ == "__main__":
    run()
