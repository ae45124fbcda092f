"""What a save for a resume says of itself: the JSON that lies beside its tensors.

Knows: the version of a save, its keys, what they may hold, and where a run stands by it.
Does not know: torch; which tensors a save holds, what is done with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from charlstm.config import Config, validate
from charlstm.errors import CharlstmError, ModelError
from charlstm.runs.folder import Marks
from charlstm.runs.position import Position
from charlstm.runs.tensor_header import HeaderError, open_without_waiting, read_header
from charlstm.text.vocabulary import Vocabulary, vocabulary_from_json

SAVE_VERSION = 2


@dataclass(frozen=True)
class SaveHeader:
    """A training at one moment, but for its tensors."""

    config: Config
    text: str
    """The text's digest."""
    vocabulary: Vocabulary
    is_vocabulary_given: bool
    """Whether the vocabulary is a trained model's, and not the text's own."""
    marks: Marks
    """How the logs were then."""
    position: Position
    offsets: Mapping[str, Any]
    """The state of the generator of offsets."""

    def to_json(self) -> dict[str, Any]:
        """What is written, and `header_from_json` reads."""
        return {
            "resume_version": SAVE_VERSION,
            "config": self.config.model_dump(mode="json"),
            "text": self.text,
            "vocabulary": self.vocabulary.to_json(),
            "is_vocabulary_given": self.is_vocabulary_given,
            "marks": self.marks,
            "position": asdict(self.position),
            "offsets": self.offsets,
        }


def header_from_json(about: Mapping[str, Any], file: Path) -> SaveHeader:
    """What `SaveHeader.to_json` gave. ModelError, with the name of the file, where it is something else."""
    if about.get("resume_version") != SAVE_VERSION:
        raise ModelError(f"{file} is not what a run is resumed from, or of another version")
    try:
        return SaveHeader(
            validate(about["config"]),
            str(about["text"]),
            vocabulary_from_json(about["vocabulary"]),
            bool(about["is_vocabulary_given"]),
            TypeAdapter(Marks).validate_python(about["marks"]),
            _position(about["position"]),
            dict(about["offsets"]),
        )
    except (CharlstmError, KeyError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{file} does not hold a training that this version can resume: {reason}") from None


def _position(value: Mapping[str, Any]) -> Position:
    # Before characters had weights, a meter counted all that it read.
    meter = {"count": value["meter"]["characters"], **value["meter"]}
    return TypeAdapter(Position).validate_python({**value, "meter": meter})


def read_saved_step(file: Path) -> int | None:
    """The step that a save was made after, by its head alone; None where that tells nothing.

    Also of a save of another version: it says where a run stands, though the run can't be resumed from it.
    """
    with suppress(HeaderError, OSError, KeyError, TypeError), open(file, "rb", opener=open_without_waiting) as stream:
        step = read_header(stream).about["position"]["step"]
        return step if type(step) is int else None
    return None
