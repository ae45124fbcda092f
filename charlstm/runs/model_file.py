"""The model file: its format, its writing and its checked reading, without torch.

A model file is self-contained: the weights as tensors, and beside them, as JSON in the safetensors metadata, all that is
needed to use them. A SHA-256 over both is kept with them, because neither safetensors nor torch notices a flipped bit.

Knows: what is in a model file, and how to tell that it is whole and means what it says.
Does not know: torch; how files in a run folder are called; what training, sampling or evaluating do.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from functools import cached_property, partial
from io import BufferedReader
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

from charlstm.config import Config, validate
from charlstm.errors import Argument, CharlstmError, DamagedError, ModelError, OutOfMemoryError, SaveError, shown
from charlstm.files import write_atomically
from charlstm.model.shapes import refuse_too_large, tensor_shapes
from charlstm.model.types import Array
from charlstm.out_of_memory import out_of_memory
from charlstm.runs.folder import RunFolder
from charlstm.runs.tensor_header import (
    MAX_HEADER,
    METADATA,
    Header,
    HeaderError,
    TensorEntry,
    open_without_waiting,
    read_header,
    require_keys,
)
from charlstm.text.line_ends import LINE_ENDS, LineEnds
from charlstm.text.vocabulary import Vocabulary, vocabulary_from_json

FORMAT_VERSION = 1
_TYPES: dict[str, npt.DTypeLike] = {"F32": "<f4", "U8": "u1"}
_NAMES = {np.dtype(dtype): name for name, dtype in _TYPES.items()}
_DIGEST_NAMES = {"F32": "torch.float32", "U8": "torch.uint8"}
"""What a type is called in the SHA-256; part of the format."""


@dataclass(frozen=True)
class Facts:
    """What is known about a trained model beside its weights."""

    step: int
    epoch: int
    characters: int
    """Characters trained on, each as often as it was read."""
    train_loss: float | None = None
    """Nats per character, with dropout on, between the last two evaluations; None before the first."""
    validation_loss: float | None = None
    """Nats per character, stateful, at the last evaluation."""


class Weights:
    """A model file's content: all that is needed to use a model at once, and its numbers when they are asked for."""

    def __init__(self, vocabulary: Vocabulary, config: Config, facts: Facts, key: str, read: Callable[[], dict[str, Array]]):
        self.vocabulary = vocabulary
        self.config = config
        self.facts = facts
        self.key = key
        """In hexadecimal: one for each content that a model file claims to have."""
        self._read = read

    @cached_property
    def tensors(self) -> dict[str, Array]:
        """In float32, by the names of `shapes.tensor_shapes`. ModelError where the file is damaged."""
        return self._read()


def write_weights(path: Path, weights: Mapping[str, Array], vocabulary: Vocabulary, config: Config, facts: Facts) -> None:
    """Write a model file. SaveError where it can't be written; a file that was there before then stays as it was."""
    about = {
        "format_version": FORMAT_VERSION,
        # Where the text lies on the machine that trained on it, and who watched, is nobody else's business.
        "config": config.model_dump(mode="json", exclude={"data": {"text"}, "track": True}),
        "vocabulary": vocabulary.to_json(),
        "facts": asdict(facts),
        **_line_ends_to_json(vocabulary),
    }
    write_tensors(path, about, weights)


def read_weights(path: Path) -> Weights:
    """Read a run folder (its best model) or a model file. ModelError says what is wrong with it.

    The file may come from a stranger: all that its header claims is checked before a tensor is read.
    """
    file = _model_file(path)
    with _opened(file) as (_, header), explained(file):
        vocabulary, config, facts = _believe(header.about)
        _require_tensors(header.entries, tensor_shapes(vocabulary.size, config.model))
    said = header.text.encode(errors="surrogatepass")  # as it is, which the SHA-256 may say should be otherwise
    key = f"{header.digest}-{xxhash.xxh3_64_hexdigest(said)}"
    return Weights(vocabulary, config, facts, key, partial(_read_numbers, file, header))


def _read_numbers(file: Path, believed: Header) -> dict[str, Array]:
    with _opened(file) as (stream, header):
        if header != believed:
            raise ModelError(f"{file} is another one now than a moment ago")
        tensors = _read_all(file, stream, header)
    with explained(file):
        _require_finite(tensors)
    return tensors


def write_tensors(path: Path, about: Mapping[str, Any], tensors: Mapping[str, Array], previous: Path | None = None) -> None:
    """Write tensors and what JSON says about them, with a SHA-256 over both.

    What the file held before goes to `previous`, if that is given. SaveError where it can't be written, or where the header
    would be longer than `read_tensors` believes.
    """
    # As itself, a character takes at most 4 bytes, escaped up to 14. Only lone surrogates, which UTF-8 can't spell, need that;
    # Python's way to escape them is JSON's.
    text = json.dumps(about, ensure_ascii=False, allow_nan=False).encode("utf-8", errors="backslashreplace").decode()
    names = sorted(tensors, key=lambda name: (-tensors[name].itemsize, name))  # so that each begins at a multiple of its size
    header = _header(f"{digest(text, tensors)} {text}", {name: tensors[name] for name in names})
    if len(header) > MAX_HEADER:
        raise SaveError(
            f"can't write {path}: its header would take {len(header):,} bytes, at most {MAX_HEADER:,} are possible",
            remedy=(
                "fewer distinct characters, ",
                Argument("data.unit", "byte"),
                ", or a folder in place of many files make it shorter",
            ),
        )
    # Piece by piece, and not by safetensors, which would copy all of it into memory once more.
    pieces = (_bytes(tensors[name]) for name in names)
    write_atomically(path, chain([len(header).to_bytes(8, "little"), header], pieces), previous)


def _header(metadata: str, tensors: Mapping[str, Array]) -> bytes:
    entries: dict[str, Any] = {"__metadata__": {METADATA: metadata}}
    place = 0
    for name, tensor in tensors.items():
        end = place + tensor.nbytes
        entries[name] = {"dtype": _NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [place, end]}
        place = end
    raw = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode()
    return raw + b" " * (-len(raw) % 8)  # tensors begin at a multiple of 8, as safetensors has it


def _bytes(tensor: Array) -> memoryview:
    return np.ascontiguousarray(tensor).reshape(-1).view(np.uint8).data


def read_tensors(file: Path) -> tuple[dict[str, Any], dict[str, Array]]:
    """What `write_tensors` wrote. ModelError where it is damaged, or something else."""
    with _opened(file) as (stream, header):
        return header.about, _read_all(file, stream, header)


def _model_file(path: Path) -> Path:
    try:
        if not path.exists():
            raise ModelError(f"no such model: {path}")
        return RunFolder(path).model() if path.is_dir() else path
    except OSError as error:
        raise ModelError(f"no such model: {str(path)[:100]!r} ({error.strerror})") from None


@contextmanager
def _opened(file: Path) -> Iterator[tuple[BufferedReader, Header]]:
    """The file at its first tensor, and its header, checked."""
    try:
        with open(file, "rb", opener=open_without_waiting) as stream:
            yield stream, read_header(stream)
    except HeaderError as error:
        raise DamagedError(f"{file} is not a model file: {error}") from None
    except FileNotFoundError:
        raise DamagedError(f"{file} is missing") from None
    except OSError as error:
        raise ModelError(f"{file} can't be read: {error.strerror}") from None


@contextmanager
def explained(file: Path) -> Iterator[None]:
    """While open, what is wrong with a model is said with the name of its file, and a lack of memory as such."""
    where = f"{file} does not hold a model that this version can read: "
    try:
        with out_of_memory(f"the model in {file} does not fit; close other programs, or take a smaller one"):
            yield
    except OutOfMemoryError:
        raise
    except CharlstmError as error:
        raise ModelError(error.problem, key=error.key, value=error.value, remedy=error.remedy, where=where) from None
    except RuntimeError as error:  # torch's, where weights don't fit
        raise ModelError(f"{where}{_one_line(error)}") from None


def _believe(about: dict[str, Any]) -> tuple[Vocabulary, Config, Facts]:
    """All that is said about a model, each part checked."""
    version = about.get("format_version")
    if type(version) is not int or version != FORMAT_VERSION:
        raise ModelError(f"format version {shown(version)}, expected {FORMAT_VERSION}")
    said = {key: value for key, value in about.items() if key != "line_ends"}
    require_keys(said, ("format_version", "config", "vocabulary", "facts"), "the metadata")
    config, vocabulary = validate(about["config"]), vocabulary_from_json(about["vocabulary"])
    refuse_too_large(vocabulary.size, config.model)
    if "line_ends" in about:
        vocabulary = vocabulary.knowing(_checked_line_ends(about["line_ends"], vocabulary))
    return vocabulary, config, _checked_facts(about["facts"])


def _line_ends_to_json(vocabulary: Vocabulary) -> dict[str, Any]:
    """Nothing where the symbols tell all that is known, so that such a model file is what it always was."""
    told = vocabulary_from_json(vocabulary.to_json()).line_ends
    return {} if told == vocabulary.line_ends else {"line_ends": list(vocabulary.line_ends.learned)}


def _checked_line_ends(value: object, vocabulary: Vocabulary) -> LineEnds:
    kinds = value if isinstance(value, list) else []
    is_some = 0 < len(kinds) == len([kind for kind in LINE_ENDS.values() if kind in kinds])
    if not is_some or vocabulary.unknown("".join(kinds)):
        raise ModelError(f"line_ends = {shown(value)}: expected some of LF, CRLF and CR, each once")
    return LineEnds(tuple(kinds))


def _checked_facts(value: object) -> Facts:
    values = require_keys(value, [field.name for field in fields(Facts)], "facts")
    for name in ("step", "epoch", "characters"):
        if type(values[name]) is not int or not 0 <= values[name] < 2**63:
            raise ModelError(f"{name} = {shown(values[name])}: expected a whole number from 0")
    for name in ("train_loss", "validation_loss"):
        loss = values[name]
        if loss is not None and not (type(loss) is float and 0 <= loss < math.inf):
            raise ModelError(f"{name} = {shown(loss)}: expected a loss, from 0, or null")
    return Facts(**values)


def _require_tensors(entries: Mapping[str, TensorEntry], shapes: Mapping[str, tuple[int, ...]]) -> None:
    """ModelError where a file does not hold exactly the weights of its model."""
    for name in [*shapes, *entries]:
        if name not in entries:
            raise ModelError(f"the tensor {name} is missing")
        if name not in shapes:
            raise ModelError(f"the tensor {shown(name)} does not belong to its model")
        entry = entries[name]
        if (entry.dtype, entry.shape) != ("F32", shapes[name]):
            raise ModelError(f"the tensor {name} is {entry.dtype} {shown(entry.shape)}, expected F32 {shapes[name]}")


def _require_finite(tensors: Mapping[str, Array]) -> None:
    for name, tensor in tensors.items():
        # A NaN anywhere is both; several times as fast as `isfinite` on all of them.
        if not (np.isfinite(tensor.min()) and np.isfinite(tensor.max())):
            raise ModelError(f"the tensor {name} has numbers that are infinite, or not numbers")


def _read_all(file: Path, stream: BufferedReader, header: Header) -> dict[str, Array]:
    """The tensors that follow the header. ModelError where their SHA-256 is not the one it claims."""
    with explained(file):
        tensors = {name: _read_one(stream, entry) for name, entry in header.entries.items()}
    if header.digest != digest(header.text, tensors):
        raise DamagedError(f"{file} is damaged: its content does not match its SHA-256")
    return tensors


def _read_one(stream: BufferedReader, entry: TensorEntry) -> Array:
    # Not by safetensors: the header that was checked is then the one that is used, and there is only one.
    tensor = np.zeros(entry.shape, dtype=_TYPES[entry.dtype])
    # A file that has become shorter leaves zeros, which the SHA-256 finds.
    stream.readinto(_bytes(tensor))
    return tensor


def digest(metadata: str, tensors: Mapping[str, Array]) -> str:
    """SHA-256 over the metadata, then each tensor's name, type, shape and bytes, by name."""
    sha = hashlib.sha256(metadata.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        sha.update(f"\0{name}\0{_DIGEST_NAMES[_NAMES[tensor.dtype]]}\0{tensor.shape}\0".encode())
        sha.update(_bytes(tensor))
    return sha.hexdigest()


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
