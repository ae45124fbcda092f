"""How much each character of many texts surprised a model, the texts side by side.

    texts by length   a b c d e f g        T characters of all that are so long are read at once; a text that has ended
                      h i j k l            leaves the batch, so that little is read only to fill it up
                      m n

Knows: batches of texts of different lengths, nats and ranks; what is read before a text, and which of its characters count.
Does not know: files, how a number is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

from charlstm.errors import Argument, UnknownCharactersError
from charlstm.model.char_lstm import CharLSTM
from charlstm.model.types import Floats
from charlstm.scoring.evaluation import MAX_LOGITS, evaluating, steps_at_once
from charlstm.scoring.totals import Total
from charlstm.text.passages import Passage
from charlstm.text.types import Ids
from charlstm.text.vocabulary import Vocabulary, describe, to_bytes

_MAX_TEXTS = 128
"""Texts side by side; more brought nothing on two cores."""

Ranks = npt.NDArray[np.uint32]
Count = Callable[[int], None]
"""Is called with the characters that were read since it was called before; it may raise."""


@dataclass(frozen=True, eq=False)
class Surprise:
    """Of each scored character of a text, shape (N,)."""

    nats: Floats
    """-ln of the probability that it had."""
    ranks: Ranks
    """1 where no other was more probable."""


@dataclass(frozen=True, eq=False)
class Score:
    """A passage, and the surprise of those of its characters (in a byte vocabulary, bytes) that were scored."""

    passage: Passage
    surprise: Surprise
    characters: str
    """Those that the surprise belongs to, normalised as the vocabulary's text was."""

    @property
    def total(self) -> Total:
        """Of all its characters."""
        s = self.surprise
        return Total(float(s.nats.sum(dtype=np.float64)), len(s.nats), int(s.ranks.sum(dtype=np.int64)))


@torch.no_grad()
def surprises(
    model: CharLSTM, texts: Sequence[Ids], before: int | None = None, progress: Count = lambda chars: None
) -> list[Surprise]:
    """The surprise of every character of texts, each ids (N,) read from a zero state; in the order of the texts.

    `before` is the id that each is read after. Without one its first character is only read, and N - 1 are scored.
    Besides the result, which takes 8 bytes a character, memory is bounded however many and long the texts are.
    """
    skipped = int(before is None)
    found = [Surprise(np.empty(n, np.float32), np.empty(n, np.uint32)) for n in (max(0, len(t) - skipped) for t in texts)]
    order = sorted((i for i, one in enumerate(found) if len(one.nats)), key=lambda i: -len(found[i].nats))
    lanes = max(1, min(_MAX_TEXTS, MAX_LOGITS // model.vocabulary_size))
    with evaluating(model, min(lanes, len(order))):
        for begin in range(0, len(order), lanes):
            side_by_side = order[begin : begin + lanes]
            _fill_in([texts[i] for i in side_by_side], before, [found[i] for i in side_by_side], model, progress)
    return found


def _fill_in(texts: Sequence[Ids], before: int | None, found: Sequence[Surprise], model: CharLSTM, progress: Count) -> None:
    """Fill in what is found of texts that stand in the order of their lengths, the longest first."""
    lengths = np.array([len(one.nats) for one in found])
    device = model.head.weight.device
    state, begin = None, 0
    while B := int((lengths > begin).sum()):  # those that go on
        size = min(steps_at_once(model, B), int(lengths[0]) - begin)
        # Row t holds what is read before the character begin + t is predicted; the last row only is predicted. (T + 1, B)
        ids = torch.from_numpy(np.stack([_part(text, before, begin, size + 1) for text in texts[:B]], 1)).to(device)
        if state is not None:
            state = (state[0][:, :B].contiguous(), state[1][:, :B].contiguous())
        logits, state = model(ids[:-1], state)
        flat, targets = logits.float().flatten(0, 1), ids[1:].flatten()
        nats = F.cross_entropy(flat, targets, reduction="none").view(size, B).cpu().numpy()
        higher = flat > flat.gather(1, targets[:, None])
        ranks = 1 + higher.sum(1).view(size, B).cpu().numpy()
        for b, one in enumerate(found[:B]):
            end = min(begin + size, int(lengths[b]))
            one.nats[begin:end] = nats[: end - begin, b]
            one.ranks[begin:end] = ranks[: end - begin, b]
        begin += size
        progress(int(np.minimum(lengths[:B] - begin + size, size).sum()))


def _part(text: Ids, before: int | None, begin: int, size: int) -> npt.NDArray[np.int64]:
    """`size` ids from `begin` on of the text with `before` in front of it, and zeros where there are no more."""
    part = np.zeros(size, np.int64)
    if before is None:
        ids = text[begin : begin + size]
        part[: len(ids)] = ids
    else:
        ids = text[max(0, begin - 1) : begin + size - 1]
        first = int(begin == 0)
        part[first : first + len(ids)] = ids
        part[:first] = before
    return part


class Scorer:
    """A model with its vocabulary: scores passages, each read as the beginning of a line."""

    def __init__(self, model: CharLSTM, vocabulary: Vocabulary, skip_unknown: bool = False) -> None:
        self.vocabulary = vocabulary
        newline = vocabulary.line_ends.typed("\n")[-1]
        self.newline = None if vocabulary.unknown(newline) else int(vocabulary.encode(newline)[0])
        """What each is read after, so that its first character counts too, the last character of a line end; None where the
        vocabulary has none."""
        self._model = model
        self._skip_unknown = skip_unknown

    def score(self, passages: Sequence[Passage], progress: Count = lambda chars: None) -> list[Score]:
        """Score passages. UnknownCharactersError names the first one with characters that the vocabulary lacks."""
        texts = [self._known(passage) for passage in passages]
        found = surprises(self._model, [self.vocabulary.encode(text) for text in texts], self.newline, progress)
        return [Score(*one) for one in zip(passages, found, texts, strict=True)]

    def _known(self, passage: Passage) -> str:
        if self._skip_unknown:
            return self.vocabulary.without_unknown(passage.text)
        if unknown := self.vocabulary.unknown(passage.text):
            lacking = f"{passage.where}: not in the model's vocabulary: {describe(unknown)}"
            raise UnknownCharactersError(lacking, remedy=(Argument("unknown", "skip"), " leaves such characters out"))
        return self.vocabulary.normalized(passage.text)


def by_character(score: Score, vocabulary: Vocabulary) -> Iterator[tuple[str, float | None, int | None]]:
    """Each character of the scored text, its nats and its rank; None for the first one where that could not be scored.

    Of a character of several bytes, in a byte vocabulary: the nats of all its bytes, and the worst of their ranks.
    """
    nats, ranks = score.surprise.nats, score.surprise.ranks
    widths = [1] * len(score.characters)
    if vocabulary.unit == "byte":
        widths = [len(to_bytes(c)) for c in score.characters]
    at = 0 if sum(widths) == len(nats) else -1
    for character, width in zip(score.characters, widths, strict=True):
        begin, at = at, at + width
        if begin < 0:
            yield character, None, None
        else:
            yield character, float(nats[begin:at].sum(dtype=np.float64)), int(ranks[begin:at].max())
