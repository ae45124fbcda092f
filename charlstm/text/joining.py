"""Sources -> the one text that they are together, in pieces.

Knows: what stands between two texts, which of them hold no text, which are the same.
Does not know: ids, what is done with the pieces.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from charlstm.config import DataConfig
from charlstm.errors import TextError
from charlstm.text.compression import Stream
from charlstm.text.decoding import NoText, TextReader, in_pieces
from charlstm.text.normalization import nfc_pieces
from charlstm.text.source_kinds import Source
from charlstm.text.types import Progress
from charlstm.words import counted


class JoinedTexts:
    """The text of all sources in pieces, joined with the separator; afterwards also what was found on the way."""

    def __init__(
        self,
        sources: Sequence[Source],
        data: DataConfig,
        progress: Progress,
        tell_skipped: Callable[[str], object] = lambda name: None,
    ) -> None:
        self._sources, self._data, self._progress, self._tell_skipped = sources, data, progress, tell_skipped
        sizes = [source.size() for source in sources]
        self._total = None if None in sizes else sum(size or 0 for size in sizes)
        self.reader = TextReader(data)
        self.skipped: list[int] = []
        """Which texts hold none, counted from 0."""
        self._prints: dict[str, list[int]] = defaultdict(list)
        self._count = 0

    @property
    def alike(self) -> list[list[int]]:
        """Which texts are the same, byte for byte, counted from 0."""
        return [group for group in self._prints.values() if len(group) > 1]

    def __iter__(self) -> Iterator[str]:
        texts = self._joined()
        return in_pieces(nfc_pieces(texts) if self._data.normalize == "nfc" else texts)

    def _joined(self) -> Iterator[str]:
        for source in self._sources:
            for stream in source.streams():
                yield from self._one(stream)
                self._count += 1
        if self._count == len(self.skipped):
            where = ", ".join(source.where for source in self._sources[:3])
            raise TextError(f"no text in {where}: {counted(self._count, 'file')}, none of them with text in it")

    def _one(self, stream: Stream) -> Iterator[str]:
        try:
            pieces = self.reader.read(stream)
        except NoText:
            if not stream.skippable:
                raise
            self.skipped.append(self._count)
            self._tell_skipped(stream.where)
            return
        if self._count > len(self.skipped):
            yield self._data.separator
        for piece in pieces:
            self._progress(self.reader.bytes, self._total)
            yield piece
        self._prints[stream.fingerprint()].append(self._count)
