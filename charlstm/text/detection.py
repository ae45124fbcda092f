"""In which encoding a text probably is, by its bytes alone.

Every encoding is tried, and each reading is judged by how probable its characters are in the languages that are written in
that encoding: `languages` says which letters these use most. A wrong reading has rare letters, capitals within words, scripts
side by side.

Knows: zero bytes, escapes, probabilities of characters.
Does not know: where bytes come from, and whether a guess is right for the rest of a text.
"""

from __future__ import annotations

import codecs
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from operator import add

from charlstm.text.languages import LANGUAGES, Language

_WIDE = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
_EBCDIC = ("cp037", "cp273", "cp500")
_HEAD = 4096
"""Bytes at the beginning of a text by which an encoding is known that spells ASCII otherwise."""
_SAMPLE = 4096
"""Bytes of words with others than ASCII in them, on each side of the first wrong byte."""
_BACK = 2**16  # how far back such words are looked for
_WORD_BEYOND_ASCII = re.compile(rb"[^\s]*[\x80-\xff][^\s]*")
_WHITE = (b" ", b"\n", b"\r", b"\t")
_HOPELESS = 5
"""A reading is none where every so manieth character stands for wrong bytes."""
_SURE = 3.0  # a natural logarithm: what is 20 times less probable than the best is not worth a word
_PLAUSIBLE = -9.3
"""The mean logarithm of a character's probability from which on a wide reading is a text: -8 in a poem, -10.5 by chance."""
_EBCDIC_SPACE, _SPACES = 0x40, 0.05  # what stands between words there, and how much of a text it is at least

_ESCAPED = {
    "iso2022-kr": re.compile(rb"\x1b\$\)C.*?\x0e[\x21-\x7e]+", re.DOTALL),
    "iso2022-jp": re.compile(rb"\x1b\$[@B][\x21-\x7e]+"),
    "iso2022-jp-2004": re.compile(rb"\x1b\$\([QPO][\x21-\x7e]+"),
    "iso2022-jp-2": re.compile(rb"\x1b\$(?:A|\([CD])[\x21-\x7e]+"),
    "hz": re.compile(rb"~\{(?:[\x21-\x77][\x21-\x7e])+~\}"),
}
"""What switches to other characters in a text whose bytes are all ASCII."""

_RARITY = (
    ("utf-8", "cp1252"),
    (
        "cp1250",
        "cp1251",
        "cp1253",
        "cp1254",
        "cp1255",
        "cp1256",
        "cp1257",
        "cp874",
        "shift-jis",
        "euc-jp",
        "gb18030",
        "big5",
        "cp949",
    ),
    ("cp1258", "koi8-r", "iso8859-15", "iso8859-2", "iso8859-5", "iso8859-7", "iso8859-9"),
    ("koi8-u", "mac-roman", "cp866", "iso8859-6", "iso8859-8", "iso8859-13"),
)
"""Encodings by how seldom one meets them; all others come after."""
_SELDOM = 1.5  # the logarithm of how much less probable each of these rows is than the one before

# Logarithms of probabilities of characters that are no letters of a language.
_ONE_OF_ASCII = math.log(1 / 60)
_QUOTATION = math.log(1 / 50)
_TYPOGRAPHIC = math.log(1 / 150)
_SYMBOL = math.log(1e-5)
_FOREIGN = math.log(1e-6)  # a letter of another script, a control character, or a byte that is not allowed
_IMPOSSIBLE = math.log(1e-8)
_BREACH = -2.5  # a capital within a word, another script within one, or an apostrophe before one
_CAPITAL = -1.6
_QUOTES = "“”‘’…–"
_PUNCTUATION = "\u00a0«»„‚—°§¿¡·•€£©®²½、。「」『』《》，！？：；（）・"


def wide_encoding(head: bytes) -> str | None:
    """UTF-16 or UTF-32 without a mark, where zero bytes betray it: they are halves or more of a character of ASCII."""
    return _best_wide(head[:_HEAD], ("utf-8",)) if b"\0" in head[:_HEAD] else None


def escaped_encoding(head: bytes) -> str | None:
    """An encoding that spells all its characters in ASCII, where the bytes are only ASCII and have its escapes."""
    if not head.isascii() or not (b"\x1b$" in head or b"~{" in head):
        return None
    return next((name for name, escape in _ESCAPED.items() if escape.search(head) and _is_read(head, name)), None)


def unlike_ascii(head: bytes) -> str | None:
    """UTF-16 without any zero byte, or EBCDIC."""
    data = head[:_HEAD]
    if data.count(_EBCDIC_SPACE) > max(data.count(b" "), _SPACES * len(data)):
        best = max((*_narrow(), *_EBCDIC), key=lambda name: _fitness(data, name))
        return best if best in _EBCDIC else None
    return _best_wide(data, _narrow())


def probable_encodings(block: bytes, at: int) -> list[str]:
    """Encodings of a text that has a byte at `at` of this block that is not UTF-8, the most probable first.

    UTF-8 may be among them: then it has wrong bytes. All others of them are nearly as probable as the first.
    """
    sample = _words(block, at)
    scores = {name: _fitness(sample, name) for name in _narrow()}
    best = max(scores.values())
    return sorted((name for name, score in scores.items() if score > best - _SURE), key=lambda name: -scores[name])


def _best_wide(data: bytes, encodings: Sequence[str]) -> str | None:
    """The most probable wide encoding, where the bytes are a text in it, and less probable in `encodings`."""
    best = max(_WIDE, key=lambda name: _fitness(data, name))
    score = _fitness(data, best)
    characters = len(data) // (4 if best.startswith("utf-32") else 2)
    if score < _PLAUSIBLE * characters:  # most binary files, which would be tried in vain in all others
        return None
    return best if score > max(_fitness(data, name) for name in encodings) else None


def _is_read(data: bytes, encoding: str) -> bool:
    """Whether it is allowed, and says something else than ASCII would."""
    try:
        return not codecs.getincrementaldecoder(encoding)().decode(data).isascii()
    except UnicodeError:
        return False


def _words(block: bytes, at: int) -> bytes:
    """Words with other bytes than ASCII before and after a place. No encoding has white space within a character."""
    begin = 1 + max(block.rfind(white, 0, at) for white in _WHITE)
    before = _first(_WORD_BEYOND_ASCII.finditer(block, max(0, begin - _BACK), begin))
    return before + b"\n" + _first(_WORD_BEYOND_ASCII.finditer(block, begin))


def _first(words: Iterable[re.Match[bytes]]) -> bytes:
    taken, size = [], 0
    for word in words:
        taken.append(word[0][: _SAMPLE - size])
        size += len(taken[-1])
        if size >= _SAMPLE:
            break
    return b"\n".join(taken)


@cache
def _narrow() -> tuple[str, ...]:
    return ("utf-8", *dict.fromkeys(name for language in LANGUAGES for name in language.encodings))


def _fitness(data: bytes, encoding: str) -> float:
    """The logarithm of how probable the bytes are in an encoding, in the language that fits best."""
    try:
        text = codecs.getincrementaldecoder(encoding)("strict" if encoding in _WIDE else "replace").decode(
            data, encoding not in _WIDE
        )
    except UnicodeError:
        return -math.inf
    if text.count("\ufffd") * _HOPELESS > len(text):
        return -math.inf
    counts, is_any = Counter(text), encoding in ("utf-8", *_WIDE, *_EBCDIC)
    fitting = max(
        _letters_of(language).log_probability(counts) for language in LANGUAGES if is_any or encoding in language.encodings
    )
    breaches = sum(n for pair, n in Counter(map(add, text, text[1:])).items() if _is_breach(*pair))
    return fitting + _BREACH * breaches + _prior(encoding)


def _prior(encoding: str) -> float:
    return -_SELDOM * next((row for row, names in enumerate(_RARITY) if encoding in names), len(_RARITY))


@cache
def _is_breach(before: str, after: str) -> bool:
    if after == "’" and before.isspace():
        return True
    if not (before.isalpha() and after.isalpha()) or (before.isascii() and after.isascii()):
        return False
    return (before.islower() and after.isupper()) or (before.isascii() != after.isascii() and _script(before) != _script(after))


@cache
def _script(character: str) -> str:
    """The first word of its name: LATIN, CYRILLIC, HANGUL, CJK."""
    return unicodedata.name(character, "").split(" ")[0]


class _Letters:
    """How probable characters are in a language."""

    def __init__(self, language: Language) -> None:
        weights = {c: 1 / (rank + 3) for rank, c in enumerate(language.letters)}
        half = sum(weights.values()) / ((1 - language.others) / 2)  # the other half of a text is ASCII
        self._known = {c: math.log(weight / half) for c, weight in weights.items()}
        self._known |= {
            c.upper(): self._known[c] + _CAPITAL for c in weights if len(c.upper()) == 1 and c.upper() not in weights
        }
        self._scripts = {_script(c) for c in language.letters}
        self._other = math.log(language.others / 5000)

    def log_probability(self, counts: Counter[str]) -> float:
        """Of a text with so many of each character."""
        for c in counts.keys() - self._known.keys():
            self._known[c] = self._of_other(c)
        return sum(n * self._known[c] for c, n in counts.items())

    def _of_other(self, c: str) -> float:
        if c.isascii() and (c.isprintable() or c.isspace()):
            return _ONE_OF_ASCII
        if c in _QUOTES + _PUNCTUATION:
            return _QUOTATION if c in _QUOTES else _TYPOGRAPHIC
        kind = unicodedata.category(c)
        if kind in ("Cn", "Co", "Cs") or "\x7f" <= c <= "\x9f":
            return _IMPOSSIBLE
        if kind[0] in "LM" and _script(c) in self._scripts:
            return self._other
        return _FOREIGN if kind[0] in "LMC" or c == "\ufffd" else _SYMBOL


@cache
def _letters_of(language: Language) -> _Letters:
    return _Letters(language)
