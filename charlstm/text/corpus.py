"""Sources -> one text as ids, with the vocabulary that they need.

    sources -> pieces of text -> provisional ids, counted -> vocabulary -> ids
    (read once)                  (memory, or the disk)      (memory, or mapped from the cache)

Knows: the way from TEXT arguments to ids, and what a cached text depends on.
Does not know: batches, models, how a note is worded.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import xxhash

from charlstm.config import DataConfig
from charlstm.errors import TextError
from charlstm.text.cache import MOST_IN_MEMORY, CacheEntry, DamagedEntry, TextCache
from charlstm.text.counting import choose_vocabulary, controls, make_tally, rare_characters, unknown_characters
from charlstm.text.joining import JoinedTexts
from charlstm.text.source_kinds import Given, Source
from charlstm.text.sources import Sources, find_sources
from charlstm.text.spool import Disk, Spool
from charlstm.text.types import Ids, Progress
from charlstm.text.vocabulary import Vocabulary, vocabulary_from_json
from charlstm.values import size_of
from charlstm.words import counted

IN_MEMORY = 64 * 2**20
"""Bytes of ids up to which a text stays in memory, and out of the cache."""
_AS_IT_IS = DataConfig()
_CACHE_VERSION = 3  # of all that leads from bytes to ids: another one makes all entries of the cache unknown


@dataclass(frozen=True)
class Findings:
    """What someone who trains on a text might want to know of it."""

    crlf: int = 0
    """Line ends of two characters, kept as they are."""
    cr: int = 0
    """Carriage returns alone, kept likewise."""
    decomposed: int = 0
    """Letters whose accents are characters of their own, where there is one character for both."""
    byte_order_marks: int = 0
    """U+FEFF within the text, where files with such a mark were joined before."""
    told: dict[str, int] = field(default_factory=dict)
    """Encodings that nobody asked for, as a text's bytes told them, and how many texts were read in each."""
    controls: dict[str, int] = field(default_factory=dict)
    """Control characters, but tabs and line ends, and how often each occurs."""
    replaced: str = ""
    """The file and offset of the first byte that the encoding does not allow, where such bytes were let pass."""
    rare: int = 0
    """Characters that became U+FFFD."""
    unknown: int = 0
    """Characters that the given vocabulary lacks, which were left out."""
    damaged: bool = False
    """The text was in the cache, but not whole."""
    unkept: str = ""
    """Why a text that belongs into the cache can't be kept there."""


@dataclass(frozen=True, eq=False)
class Corpus:
    """One text, made of the texts of `names` in that order."""

    ids: Ids
    vocabulary: Vocabulary
    digest: str
    """Of vocabulary and ids, in hexadecimal: two texts with the same digest are the same to a model."""
    findings: Findings = Findings()
    names: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    """Files in folders, globs and archives that hold no text: binary or empty ones."""
    left_out: tuple[str, ...] = ()
    """What lies beside them and was not looked into, each with the reason: runs, links that lead nowhere, special files."""
    repeated: tuple[str, ...] = ()
    """Further names of files that were read once."""
    alike: tuple[tuple[str, ...], ...] = ()
    """Texts that are the same byte for byte, by where they lie."""
    is_vocabulary_given: bool = False
    """Whether it comes from elsewhere, and was not learned from this text."""

    def split(self, data: DataConfig, least: int = 1) -> tuple[int, int]:
        """Where the validation part begins, and where it ends and the test part begins. Shares are rounded up.

        TextError where fewer than `least` ids are left to learn from.

        >>> corpus_of("a" * 1_115_394).split(DataConfig())  # tiny Shakespeare: the last 111,540 are for validation
        (1003854, 1115394)
        >>> corpus_of("a" * 1_000).split(DataConfig(validation=50, test=0.2))
        (750, 800)
        """
        count = len(self.ids)
        end = count - size_of(data.test, count)
        begin = end - size_of(data.validation, count)
        if begin < least:
            noun, left = self.vocabulary.noun, max(begin, 0)
            kept = f"data.validation = {data.validation} and data.test = {data.test}"
            raise TextError(
                f"the text has {counted(count, noun)}; {kept} leave {left:,} to learn from, and the minimum is {least}"
            )
        return begin, end


@dataclass(frozen=True)
class _Plan:
    """All that decides the ids of a text beside its bytes."""

    data: DataConfig
    given: Vocabulary | None = None
    extend: bool = False
    skip_unknown: bool = False

    def key(self, sources: Sequence[Source]) -> str | None:
        """The name of the text in the cache; None where its bytes can be read only once."""
        files = [(source.kind, source.skippable, source.fingerprint()) for source in sources]
        if any(fingerprint is None for *_, fingerprint in files):
            return None
        given = self.given.to_json() if self.given else None
        settings = self.data.model_dump(mode="json", exclude={"text", "validation", "test"})
        # What NFC makes of a text depends on the version of Unicode.
        skips = ["skip"] * self.skip_unknown
        return _hash([_CACHE_VERSION, unicodedata.unidata_version, settings, given, self.extend, files, *skips]).hexdigest()


def read_corpus(
    sources: Sequence[str],
    data: DataConfig = _AS_IT_IS,
    vocabulary: Vocabulary | None = None,
    extend: bool = False,
    progress: Progress = lambda done, total: None,
    skip_unknown: bool = False,
    as_before: bool = False,
) -> Corpus:
    """Read TEXT arguments as `data` says; its own `text` is left aside.

    With a given `vocabulary` its unit and normalisation hold, and TextError counts and lists the characters that it lacks,
    unless it may be extended by them, or they are to be left out. TextError also names a file that can't be read, and where.
    For `as_before` see `find_sources`.
    """
    if vocabulary:
        data = data.model_copy(update={"unit": vocabulary.unit, "normalize": vocabulary.normalize})
    return _read_sources(find_sources(sources, as_before), _Plan(data, vocabulary, extend, skip_unknown), progress)


def stream_text(
    sources: Sequence[str],
    data: DataConfig,
    vocabulary: Vocabulary,
    skipped: Callable[[str], object] = lambda name: None,
) -> Generator[str, None, None]:
    """The same text in pieces, as the vocabulary looks it up, for who needs only some of it: nothing is encoded or cached.

    `skipped` is told of files without text.
    """
    asked = data.model_copy(update={"unit": vocabulary.unit, "normalize": vocabulary.normalize})
    yield from JoinedTexts(find_sources(sources).all, asked, lambda done, total: None, skipped)


def corpus_of(text: str, data: DataConfig = _AS_IT_IS, name: str = "text") -> Corpus:
    """The same for a text that is in memory already."""
    return _read_sources(Sources((Given(name, name, text=text),)), _Plan(data), lambda done, total: None)


def _read_sources(found: Sources, plan: _Plan, progress: Progress) -> Corpus:
    sources = found.all
    disk = Disk()
    cache = disk.cache
    cache.tidy()
    before = [source.state() for source in sources]
    key = plan.key(sources)
    entry, damaged = None, False
    try:
        entry = cache.load(key) if key else None
    except DamagedEntry:
        damaged = True

    def key_afterwards() -> str | None:
        """None where the sources are not any more what the key was made of."""
        return key if [source.state() for source in sources] == before else None

    entry = entry or _encode(JoinedTexts(sources, plan.data, progress), plan, disk, key_afterwards)
    about, names = entry.about, [name for source in sources for name in source.names()]
    places = [source.where + name.removeprefix(source.name) for source in sources for name in source.names()]
    skipped = set(about["skipped"])
    return Corpus(
        entry.ids,
        vocabulary_from_json(about["vocabulary"]),
        about["digest"],
        replace(Findings(**about["findings"]), damaged=damaged, unkept="".join(map(str, disk.refused[:1]))),
        tuple(name for i, name in enumerate(names) if i not in skipped),
        tuple(name for i, name in enumerate(names) if i in skipped),
        found.left_out + tuple(one for source in sources for one in source.left_out()),
        found.repeated,
        tuple(tuple(places[i] for i in group) for group in about.get("alike", ())),  # an older entry says nothing of it
        is_vocabulary_given=plan.given is not None,
    )


def _encode(texts: JoinedTexts, plan: _Plan, disk: Disk, key: Callable[[], str | None]) -> CacheEntry:
    tally = make_tally(plan.data.unit)
    with Spool(disk, IN_MEMORY, MOST_IN_MEMORY) as spool:
        for piece in texts:
            spool.add(tally.add(piece))
        counts = tally.counts()
        skipping = plan.given if plan.skip_unknown else None
        vocabulary = skipping or choose_vocabulary(counts, plan.data, plan.given, plan.extend, tally.is_binary)
        digest = _hash(vocabulary.to_json())
        recode = tally.recoder(vocabulary)
        unknown = unknown_characters(counts, vocabulary)
        findings = Findings(
            crlf=texts.reader.crlf,
            cr=texts.reader.cr,
            decomposed=tally.decomposed(),
            byte_order_marks=counts.get("\ufeff", 0),
            told=dict(texts.reader.told),
            controls={} if tally.is_binary else controls(counts),
            replaced=texts.reader.replaced,
            rare=sum(rare_characters(counts, vocabulary).values()),
            unknown=sum(unknown.values()),
        )

        def blocks() -> Iterator[Ids]:
            nonlocal digest
            digest = _hash(vocabulary.to_json())
            for ids in map(recode, spool):
                digest.update(ids.tobytes())
                yield ids

        def about() -> dict[str, Any]:
            return {
                "vocabulary": vocabulary.to_json(),
                "digest": digest.hexdigest(),
                "findings": asdict(findings),
                "skipped": texts.skipped,
                "alike": texts.alike,
            }

        def save(place: TextCache) -> CacheEntry:
            return place.save(key() if place is disk.cache else None, blocks(), about)

        entry = None if spool.in_memory else disk.put(save)
        return entry or _in_memory(blocks(), about, disk)


def _in_memory(blocks: Iterator[Ids], about: Callable[[], Mapping[str, Any]], disk: Disk) -> CacheEntry:
    """A text that no file holds. SaveError where it is large enough for one and no disk took it."""
    kept: list[Ids] = []
    size = 0
    for ids in blocks:
        kept.append(ids)
        size += ids.nbytes
        if disk.refused and size > MOST_IN_MEMORY:
            raise disk.refused[0]
    return CacheEntry(np.concatenate(kept), dict(about()))


def _hash(value: object) -> xxhash.xxh3_128:
    return xxhash.xxh3_128(json.dumps(value, sort_keys=True).encode())
