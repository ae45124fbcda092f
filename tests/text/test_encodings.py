"""One text in every encoding it may come in: it is read, or what the error names reads it."""

from __future__ import annotations

import codecs
import io
import re

import pytest

from charlstm.cli.wording import said
from charlstm.config import DataConfig
from charlstm.errors import TextError
from charlstm.text.compression import Stream
from charlstm.text.decoding import NoText, TextReader

TEXTS = {
    "English": "“It’s a fine day,” she said – and it was. The café was closed; he’d waited for an hour, maybe more…\n",
    "French": "Où est passé le garçon ? « Là-bas », dit-elle, « près de l’église ». C’était l’été, et les élèves rêvaient.\n",
    "German": "Die Bäume blühen früh, und die Vögel singen schön. Weißt du, wo die Straße nach Köln führt? Über den Fluss!\n",
    "Polish": "Zażółć gęślą jaźń. Śnieg leżał na łąkach, a źrebię piło wodę z rzeki. Pchnąć w tę łódź jeża lub ośm fig.\n",
    "Czech": "Příliš žluťoučký kůň úpěl ďábelské ódy. Děti běžely přes řeku a šťastně se smály. Který muž přišel dřív?\n",
    "Turkish": "Pijamalı hasta yağız şoföre çabucak güvendi. Kış günü güneş ışığı görünmez. Çocuklar şarkı söylüyor.\n",
    "Latvian": "Glāžšķūņa rūķīši čiepj koncertflīģeļu vākus. Šodien ir saulaina diena, un bērni spēlējas pagalmā.\n",
    "Vietnamese": "Tôi yêu tiê\u0301ng nươ\u0301c tôi tư\u0300 khi mơ\u0301i ra đơ\u0300i, ngươ\u0300i ơi.\n",
    "Russian": "Широкая электрификация южных губерний даст мощный толчок. Все счастливые семьи похожи друг на друга.\n",
    "Ukrainian": "Щастя бється в серці, як пташка. Їхні діти грали біля ґанку, а місяць світив ясно. Єдина надія вона.\n",
    "Greek": "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία. Η θάλασσα ήταν ήσυχη και ο ήλιος έλαμπε. Τι όμορφη μέρα! Άλλοτε όχι.\n",
    "Hebrew": "דג סקרן שט בים מאוכזב ולפתע מצא חברה. בראשית ברא אלהים את השמים ואת הארץ. הילדים שיחקו בחצר עד הערב.\n",
    "Arabic": "نص حكيم له سر قاطع وذو شأن عظيم مكتوب على ثوب أخضر. كان الولد يقرأ كتابا في الحديقة والشمس تغرب ببطء.\n",
    "Thai": "เป็นมนุษย์สุดประเสริฐเลิศคุณค่า กว่าบรรดาฝูงสัตว์เดรัจฉาน จงฝ่าฟันพัฒนาวิชาการ\n",
    "Japanese": "いろはにほへと、ちりぬるを。吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。カタカナも。\n",
    "Chinese": "春眠不觉晓,处处闻啼鸟。夜来风雨声,花落知多少。我们在学校学习汉语,老师说话很清楚。\n",
    "Taiwanese": "床前明月光,疑是地上霜。舉頭望明月,低頭思故鄉。我們在學校學習漢語,老師說話很清楚。\n",
    "Korean": "다람쥐 헌 쳇바퀴에 타고파. 나는 학교에 가서 친구를 만났다. 봄이 오면 꽃이 피고 새가 운다.\n",
}
UNICODE = [
    ("utf-8", b""),
    ("utf-8", codecs.BOM_UTF8),
    ("utf-16-le", b""),
    ("utf-16-le", codecs.BOM_UTF16_LE),
    ("utf-16-be", b""),
    ("utf-16-be", codecs.BOM_UTF16_BE),
    ("utf-32-le", b""),
    ("utf-32-le", codecs.BOM_UTF32_LE),
    ("utf-32-be", b""),
    ("utf-32-be", codecs.BOM_UTF32_BE),
]
LEGACY = {
    "English": ["cp1252", "mac-roman", "cp037"],
    "French": ["cp1252", "latin-1", "iso8859-15", "mac-roman"],
    "German": ["cp1252", "latin-1", "iso8859-15", "mac-roman", "cp850", "cp273"],
    "Polish": ["cp1250", "iso8859-2", "cp852"],
    "Czech": ["cp1250", "iso8859-2", "cp852"],
    "Turkish": ["cp1254", "iso8859-9", "cp857"],
    "Latvian": ["cp1257", "iso8859-13"],
    "Vietnamese": ["cp1258"],
    "Russian": ["cp1251", "koi8-r", "iso8859-5", "cp866", "mac-cyrillic"],
    "Ukrainian": ["cp1251", "koi8-u", "iso8859-5"],
    "Greek": ["cp1253", "iso8859-7", "cp737"],
    "Hebrew": ["cp1255", "iso8859-8", "cp862"],
    "Arabic": ["cp1256", "iso8859-6"],
    "Thai": ["cp874", "tis-620"],
    "Japanese": ["shift-jis", "cp932", "euc-jp", "iso2022-jp"],
    "Chinese": ["gb2312", "gbk", "gb18030", "hz"],
    "Taiwanese": ["big5", "cp950", "gb18030"],
    "Korean": ["euc-kr", "cp949", "johab", "iso2022-kr"],
}
LINE_ENDS = ["\n", "\r\n", "\r"]


def read(data: bytes, **settings: str) -> str:
    return "".join(TextReader(DataConfig(**settings)).read(Stream(io.BytesIO(data), "given.txt")))  # type: ignore[arg-type]


def followed(data: bytes) -> str:
    """The text that is read by the options which the error names first, as they stand there."""
    with pytest.raises(TextError) as refused:
        read(data)
    assert not isinstance(refused.value, NoText)
    named = re.search(r"--encoding ([\w-]+)(?: with --errors (\w+))?", said(refused.value))
    assert named, said(refused.value)
    return read(data, encoding=named[1], errors=named[2] or "strict")


@pytest.mark.parametrize("line_end", LINE_ENDS, ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("language", TEXTS)
def test_a_text_in_unicode_is_read_with_and_without_a_mark(language: str, line_end: str) -> None:
    text = TEXTS[language].replace("\n", line_end)
    for encoding, mark in UNICODE:
        reader = TextReader(DataConfig())
        data = mark + text.encode(encoding)
        assert "".join(reader.read(Stream(io.BytesIO(data), "given.txt"))) == text, encoding
        assert list(reader.told) == ([] if encoding == "utf-8" else [encoding])


@pytest.mark.parametrize(
    ("line_end", "count"), [("\n", 1), ("\r\n", 1), ("\r", 2), ("\n", 100)], ids=["LF", "CRLF", "CR", "long"]
)
@pytest.mark.parametrize("language", TEXTS)
def test_a_text_in_another_encoding_is_read_as_the_error_says(language: str, line_end: str, count: int) -> None:
    for encoding in LEGACY[language]:
        data = TEXTS[language].replace("\n", line_end).encode(encoding, "ignore") * count
        assert followed(data) == data.decode(encoding), encoding


def test_there_are_enough_of_them() -> None:
    assert len(TEXTS) == len(LEGACY) >= 16
    assert len({name for names in LEGACY.values() for name in names} | {name for name, _ in UNICODE}) >= 40


@pytest.mark.parametrize("language", ["Chinese", "Taiwanese", "Japanese"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_single_zero_byte_is_named(language: str, encoding: str) -> None:
    text = TEXTS[language].strip().replace(",", "，").replace(" ", "\u3000")
    assert b"\0" not in text.encode(encoding)
    assert followed(text.encode(encoding)) == text


PROSE = b"plain words, one after the other, and so on.\n" * 30_000  # more than a block


@pytest.mark.parametrize(
    ("data", "said_of_it"),
    [
        (PROSE + "“It’s”\n".encode("cp1252") + PROSE, "(probably --encoding cp1252)"),
        (PROSE + TEXTS["French"].encode("cp1252") + PROSE + b"\x81", "(probably --encoding cp1252 with --errors replace)"),
        (TEXTS["Japanese"].encode("shift-jis") * 500 + "①".encode("cp932"), "(probably --encoding cp932)"),
        (TEXTS["Korean"].encode("euc-kr") * 500 + "똠".encode("cp949"), "(probably --encoding cp949)"),
        ("naïve\n".encode("cp1252"), "(probably --encoding cp1252, or else --encoding cp1257)"),
    ],
    ids=["far in", "wrong in it too", "Windows-31J", "its Korean kin", "one letter"],
)
def test_what_is_named_was_tried_on_all_of_the_text(data: bytes, said_of_it: str) -> None:
    with pytest.raises(TextError) as refused:
        read(data)
    assert said(refused.value).endswith(said_of_it)
    followed(data)


@pytest.mark.parametrize(
    ("data", "settings", "offset"),
    [
        (PROSE + TEXTS["Russian"].encode() * 3 + b"\xff", {}, 1_350_558),
        (TEXTS["French"].encode() * 50 + b"\x92" + TEXTS["French"].encode() * 50, {}, 6_500),
        (TEXTS["French"].encode("utf-16") + b"\n", {}, 218),
        (TEXTS["French"].encode("utf-16-le") + b"\n", {"encoding": "utf-16-le"}, 216),
        (TEXTS["German"].encode("cp1252") + b"\x81", {"encoding": "cp1252"}, 108),
    ],
    ids=["far in", "amid", "half a character", "asked for", "undefined"],
)
def test_a_wrong_byte_makes_no_other_encoding(data: bytes, settings: dict[str, str], offset: int) -> None:
    with pytest.raises(TextError) as refused:
        read(data, **settings)
    assert f"at offset {offset:,}; most of it is " in said(refused.value)
    assert said(refused.value).endswith(": go on without such bytes (--errors replace)")
    assert read(data, errors="replace", **settings).count("\ufffd") == 1


@pytest.mark.parametrize(
    ("data", "asked", "named"),
    [
        (TEXTS["English"].encode(), "cp1253", "utf-8"),
        (TEXTS["English"].encode("utf-16-le"), "utf-16", "utf-16-le"),
        (TEXTS["English"].encode("utf-16-le"), "cp1252", "utf-16-le"),
        (TEXTS["Greek"].encode("cp1253"), "utf-16", "cp1253"),
        (TEXTS["Japanese"].encode("euc-jp"), "shift-jis", "euc-jp"),
        (TEXTS["Chinese"].encode("gb2312") * 20_000 + "镕".encode("gb18030"), "gb2312", "gb18030"),
        (TEXTS["Japanese"].encode("shift-jis") * 20_000 + "①".encode("cp932"), "shift-jis", "cp932"),
    ],
)
def test_another_encoding_than_the_one_that_was_asked_for_is_named(data: bytes, asked: str, named: str) -> None:
    with pytest.raises(TextError, match=f"given.txt is not {asked.upper()}.*name its encoding") as refused:
        read(data, encoding=asked)
    assert f"(probably --encoding {named}" in said(refused.value)
    assert read(data, encoding=named) == data.decode(named)


def test_escapes_can_be_kept_as_they_are() -> None:
    data = TEXTS["Japanese"].encode("iso2022-jp")
    with pytest.raises(TextError, match="as ISO2022-JP does"):
        read(data)
    assert read(data, encoding="ascii") == data.decode("ascii")


@pytest.mark.parametrize("text", ["\x1b[31mred\x1b[0m ~{ x ~} \n", "a ~{ b\n", "Gr\x1b$ab, +AGE- a\n"])
def test_what_only_looks_like_an_escape_is_text(text: str) -> None:
    assert read(text.encode() * 20) == text * 20


BINARY = {
    "PNG": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0\0\0\1\0\x08\6\0\0\0" + bytes((i * i) % 251 for i in range(3000)),
    "WAV": b"RIFF\x24\x08\0\0WAVEfmt \x10\0\0\0\1\0\1\0"
    + b"".join(((i * 37) % 500 - 250).to_bytes(2, "little", signed=True) for i in range(2000)),
    "loud": b"".join(((i * i * 7) % 60_000 - 30_000).to_bytes(2, "little", signed=True) for i in range(2000)),
    "tokens": b"".join(((i * i * 31) % 50_257).to_bytes(2, "little") for i in range(2000)),
    "counts": b"".join(((i * 17) % 3_000).to_bytes(4, "little") for i in range(2000)),
    "SQLite": b"SQLite format 3\0\x10\0\1\1\0\x40\x20\x20"
    + bytes(range(64))
    + b"\0" * 900
    + b"CREATE TABLE words(word TEXT)"
    + b"\0" * 900,
    "safetensors": (90).to_bytes(8, "little")
    + b'{"w":{"dtype":"F32","shape":[9,9],"data_offsets":[0,324]}}'
    + bytes((i * 91) % 256 for i in range(324)),
}


@pytest.mark.parametrize("kind", BINARY)
def test_a_binary_file_stays_one(kind: str) -> None:
    with pytest.raises(NoText, match=r"given\.txt is a binary file, not text"):
        read(BINARY[kind])
