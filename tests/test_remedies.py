"""Every remedy that an error names is followed here, as its reader would, and helps.

Each place in the program that names a remedy has a command line that goes wrong, a piece of what is said then, and the command
lines that do what it asks for; or the test is named that does the same where that takes more than command lines.
"""

from __future__ import annotations

import ast
import gzip
import json
import re
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

import charlstm as front_door
from charlstm.errors import CharlstmError
from charlstm.text.datasets import find
from tests.command_lines import PACKAGE, charlstm
from tests.conftest import TINY, VERSE

TESTS = Path(__file__).parent

CASES = r"""
commands.compare compare_models
  $ compare runs/verse runs/verse --prime ★
  : both models must be able to start from it
  $ compare runs/verse runs/verse --prime green

commands.explain explain
  $ explain runs/verse ''
  : give the text itself
  $ explain runs/verse green

commands.explain explain
  $ explain runs/verse star.txt
  : charlstm inspect reads files
  $ inspect runs/verse star.txt --unknown skip

commands.explain explain
  $ explain runs/verse 'green ★'
  : --unknown skip leaves such characters out
  $ explain runs/verse 'green ★' --unknown skip

commands.explain _require_index
  $ explain runs/verse green --at 9
  : the text has 5
  $ explain runs/verse green --at 4

commands.common require_neuron
  $ explain runs/verse green --neuron 1:99
  : 16 neurons a layer, counted from 0
  $ explain runs/verse green --neuron 1:15

commands.inspect inspect
  $ inspect runs/verse verse.txt --length 9 --npz a --html a
  : give each a file of its own
  $ inspect runs/verse verse.txt --length 9 --npz a --html b

commands.outputs require_spared
  $ inspect runs/verse verse.txt --length 9 --html verse.txt
  : name another file
  $ inspect runs/verse verse.txt --length 9 --html a.html

commands.outputs require_spared
  $ sample runs/verse --length 9 --novelty verse.txt --output verse.txt
  : name another file
  $ sample runs/verse --length 9 --novelty verse.txt --output v.txt

commands.plot _read_run
  $ plot runs/verse/metrics.jsonl --terminal
  : name the run folder it lies in
  $ plot runs/verse --terminal

commands.plot _read_run
  $ plot runs --terminal
  : name these, such as runs/*
  $ plot runs/verse --terminal

commands.plot plot_runs
  $ plot RUNS --terminal
  : at most 52
  $ plot runs/verse runs/verse --terminal

config _rare_characters_need_characters
  $ train verse.txt QUICK --set data.unit=byte --set data.min_count=2
  : leave it at 1, or have --set data.unit=char
  $ train verse.txt QUICK --set data.unit=byte
  $ train verse.txt QUICK --set data.min_count=2 --set data.unit=char

config _controls_agree
  $ sample runs/verse --allow ab --ban b
  : leave it out of one of them
  $ sample runs/verse --allow a --ban b
  $ sample runs/verse --allow ab

config _wrong_bias
  $ sample runs/verse --bias e=1 --bias e=2
  : give each character one number
  $ sample runs/verse --bias e=2

config _wrong_bias
  $ sample runs/verse --bias e=1 --ban e
  : leave it out of one
  $ sample runs/verse --ban e

config _explained
  $ train verse.txt QUICK --encoding latin1x
  : did you mean latin_1? try utf-8, latin-1 or cp1252
  $ train verse.txt QUICK --encoding latin_1
  $ train verse.txt QUICK --encoding cp1252

config _unknown
  $ train verse.txt QUICK --set trian.epochs=1
  : did you mean train?
  $ train verse.txt QUICK --set train.epochs=1

config _unknown
  $ train verse.txt QUICK --set train.epoch=1
  : did you mean train.epochs?
  $ train verse.txt QUICK --set train.epochs=1

model.device find_device
  $ eval runs/verse verse.txt --device cuda:7
  : there is cpu
  $ eval runs/verse verse.txt --device cpu

model.shapes refuse_too_large
  $ train verse.txt FEW --dry-run --set model.hidden_size=8192 --set model.num_layers=16
  : lower model.hidden_size
  $ train verse.txt FEW --dry-run --set model.hidden_size=8 --set model.num_layers=1

runs.folder refuse_held
  = a search in s
  $ train verse.txt QUICK --run s
  : another --run
  $ train verse.txt QUICK --run r

runs.folder refuse_held
  $ train verse.txt QUICK --run runs/verse
  : --resume continues it, --overwrite replaces it, another --run spares it
  $ train --resume --run runs/verse --set train.epochs=3
  $ train verse.txt QUICK --overwrite --run runs/verse
  $ train verse.txt QUICK --run another

runs.inputs refuse_losing
  $ train verse.txt QUICK --extend-vocabulary
  : name one with --from
  $ train star.txt FEW --extend-vocabulary --from runs/verse

runs.inputs refuse_losing
  $ train verse.txt FEW --from runs/verse --run runs/verse --overwrite
  : another --run
  $ train verse.txt FEW --from runs/verse --run another --overwrite

runs.claiming newest_run
  = the run elsewhere
  $ train --resume --set train.epochs=3
  : name its folder with --run
  $ train --resume --run elsewhere --set train.epochs=3

runs.inputs refuse_replacing
  = a text that is called like a log of a run
  $ train r/samples.txt QUICK --run r
  : another --run
  $ train r/samples.txt QUICK --run another

runs.overview overviews
  $ runs star.txt
  : name a folder with run folders in it
  $ runs runs

sampling.controls _bias
  = all characters in c.toml
  $ sample runs/verse --config c.toml
  : take some out of it
  $ sample runs/verse --ban aei

sampling.controls _ids
  $ sample runs/verse --ban a★
  : leave them out
  $ sample runs/verse --ban a

sampling.controls _ids
  = a run of bytes
  $ sample bytes --ban é
  : with data.unit=byte only ASCII can be given
  $ sample bytes --ban e

sampling.engines.selection open_engine
  $ sample runs/verse --engine onnx --device cuda
  : leave out one of the two
  $ sample runs/verse --engine onnx

sampling.generate encode_prime
  $ sample runs/verse --prime 'green ★'
  : use --unknown skip to leave them out
  $ sample runs/verse --prime 'green ★' --unknown skip

sampling.job require_all
  $ sample runs/verse --length 5 --require '^zzzzz$' --tries 2 --seed 1
  : give more --tries, another --seed, or a pattern that fits more
  $ sample runs/verse --length 5 --require ^.*$ --tries 2 --seed 1

sampling.request __post_init__
  $ sample runs/verse --prime ''
  : give it at least one character to start from
  $ sample runs/verse --prime g

sampling.request require_agreement
  $ sample runs/verse --beam 2 --seed 3
  : leave out one of them
  $ sample runs/verse --beam 2 --length 9
  $ sample runs/verse --seed 3 --length 9

sampling.request require_agreement
  $ sample runs/verse --tries 3
  : give both or neither
  $ sample runs/verse --tries 3 --require e
  $ sample runs/verse

scoring.protocols require_protocol
  $ eval runs/verse verse.txt --protocol stateful --window 9
  : leave it out, or use --protocol cold
  $ eval runs/verse verse.txt --protocol stateful
  $ eval runs/verse verse.txt --protocol cold --window 9

scoring.protocols require_protocol
  $ eval runs/verse verse.txt --protocol cold --dynamic
  : leave out --protocol cold
  $ eval runs/verse verse.txt --dynamic

scoring.surprise _known
  $ score runs/verse star.txt
  : --unknown skip leaves such characters out
  $ score runs/verse star.txt --unknown skip

scoring.surprise _known
  $ score runs/verse - < green★
  : --unknown skip leaves such characters out
  $ score runs/verse - --unknown skip < green★

text.excerpts _encoded_known
  $ inspect runs/verse star.txt
  : --unknown skip leaves such characters out
  $ inspect runs/verse star.txt --unknown skip

text.excerpts _encoded_known
  $ inspect runs/verse - < green★
  : --unknown skip leaves such characters out
  $ inspect runs/verse - --unknown skip < green★

text.excerpts excerpt_of
  $ inspect runs/verse - < g
  : at least 2 are needed
  $ inspect runs/verse - < gr

text.datasets find
  $ train data:tinyshakespear QUICK
  : there is tinyshakespeare, text8, enwik8
  $ data list

text.sources _builtin
  $ eval runs/verse builtin:python
  : there is builtin:python-docs
  $ train builtin:python-docs QUICK --dry-run

training.beginning prepare_new
  $ train star.txt FEW --from runs/verse
  : --extend-vocabulary adds them to the model's
  $ train star.txt FEW --from runs/verse --extend-vocabulary

training.finetune settle
  $ train verse.txt FEW --from runs/verse --set model.hidden_size=8
  : leave the setting out
  $ train verse.txt FEW --from runs/verse

training.resume refuse_finished
  $ train --resume --run runs/verse
  : --set train.epochs=3 asks for more
  $ train --resume --run runs/verse --set train.epochs=3

training.resume refuse_finished
  = a run of two steps in r
  $ train --resume --run r
  : --set train.max_steps=4 asks for more
  $ train --resume --run r --set train.max_steps=4

training.resume refuse_another
  $ train --resume --run runs/verse --set train.seed=2
  : start a new run for that
  $ train verse.txt QUICK --set train.seed=2

tuning.folder refuse_other
  = a search in t.toml
  $ tune t.toml verse.txt --trials 1 --run runs/verse
  : another --run
  $ tune t.toml verse.txt --trials 1 --run s

tuning.folder refuse_other
  = a search in t.toml
  $ tune t.toml verse.txt --trials 1 --run .
  : another --run
  $ tune t.toml verse.txt --trials 1 --run s

tuning.trials _refuse_another
  = a search in s
  $ tune t.toml star.txt --trials 2 --run s
  : another --run
  $ tune t.toml star.txt --trials 1 --run s2

tuning.trials _refuse_another
  = a search in s
  $ tune t.toml verse.txt --trials 2 --run s --set train.seed=4
  : another --run
  $ tune t.toml verse.txt --trials 1 --run s2 --set train.seed=4

tuning.trials _refuse_another
  = a search in s, and another table
  $ tune t.toml verse.txt --trials 2 --run s
  : another --run
  $ tune t.toml verse.txt --trials 1 --run s2

tuning.trials _open_study
  = a search in s, damaged
  $ tune t.toml verse.txt --trials 2 --run s
  : another --run
  $ tune t.toml verse.txt --trials 1 --run s2

tuning.space read_space
  $ tune none.toml verse.txt --trials 1
  : give it a table [tune] with lines such as
  = a search in t.toml
  $ tune t.toml verse.txt --trials 1

tuning.space read_space
  = a search in t.toml
  $ tune t.toml verse.txt --trials 1 --set model.dropout=0.1
  : take one of them away
  $ tune t.toml verse.txt --trials 1

tuning.space _kind
  = a search for the seed in t.toml
  $ tune t.toml verse.txt --trials 1
  : expected one of the settings of
  = a search in t.toml
  $ tune t.toml verse.txt --trials 1

tuning.space _range_from
  = a search with a wrong range in t.toml
  $ tune t.toml verse.txt --trials 1
  : did you mean high? a range has low, high, log
  = a search with a range in t.toml
  $ tune t.toml verse.txt --trials 1

tuning.space _range_from
  = a search with half a range in t.toml
  $ tune t.toml verse.txt --trials 1
  : else list choices
  = a search in t.toml
  $ tune t.toml verse.txt --trials 1

text.counting _refuse_missing
  $ eval runs/verse - < green★
  : --unknown skip leaves such characters out
  $ eval runs/verse - --unknown skip < green★

insight.memory require_enough
  = a text of one character
  $ memory runs/verse one.txt --places 2
  : another character is needed
  $ memory runs/verse verse.txt --places 2

text.compression spend
  = a text that shrinks much
  $ train much.txt.gz QUICK
  : unpack it yourself if it is no bomb
  = it is unpacked
  $ train much.txt QUICK

text.counting _refuse_too_many
  = six characters are too many
  $ train verse.txt QUICK
  : --set data.unit=byte needs only 256, --set data.min_count=2 leaves out rare ones
  $ train verse.txt QUICK --set data.unit=byte

text.datasets path_of
  $ train data:tinyshakespeare QUICK
  : charlstm data get tinyshakespeare
  = the data set is fetched
  $ train data:tinyshakespeare QUICK --dry-run

text.archives _sorted_out
  = an archive of three texts, one too many
  $ train three.zip QUICK
  : unpack it yourself
  = it is unpacked
  $ train three QUICK

runs.folder locked
  = another training writes to runs/verse
  $ train --resume --run runs/verse --set train.epochs=3
  : wait for it, or choose another --run
  $ train verse.txt QUICK --run another
  = it ends
  $ train --resume --run runs/verse --set train.epochs=3

commands.tune _run
  = a search in t.toml
  $ tune t.toml verse.txt --minutes 0.0001 --run s
  : allow more time or shorter trials
  $ tune t.toml verse.txt --minutes 1 --trials 1 --run s

views.colours require_colours
  $ score runs/verse verse.txt --show
  : and --json --per-char gives numbers
  $ score runs/verse verse.txt --json --per-char

commands.explain _require_room
  $ explain runs/verse LONG
  : give a shorter text
  $ explain runs/verse green

commands.outputs picture_kind
  = no matplotlib
  $ memory runs/verse --places 2 --output m.png
  : or leave out --output
  $ memory runs/verse --places 2

runs.model_file write_tensors
  = a text of many characters
  $ train many.txt QUICK
  : fewer distinct characters, --set data.unit=byte, or a folder
  $ train verse.txt QUICK
  $ train many.txt QUICK --set data.unit=byte

config _patience_needs_losses
  $ train verse.txt QUICK --set data.validation=0 --set train.patience=2
  : leave it at 0, or keep a part with --set data.validation=0.1
  $ train verse.txt QUICK --set data.validation=0
  $ train verse.txt QUICK --set data.validation=0.1 --set train.patience=2

commands.text require_text_for
  $ eval runs/verse
  : name files, folders, globs, -, builtin:NAME or data:NAME
  $ eval runs/verse verse.txt

runs.naming with_absolute_paths
  = a text with a name that is not UTF-8
  $ train NOTUTF8.txt QUICK
  : move or rename the text
  $ train *txt/v.txt QUICK

text.archives _refuse
  = a Word document
  $ train book.zip QUICK
  : pandoc book.zip -t plain -o text.txt
  = text.txt is made of it
  $ train text.txt QUICK

text.cache writing
  = a large text, and no room
  $ train verse.txt QUICK
  : make room there, or let XDG_CACHE_HOME name another folder
  = XDG_CACHE_HOME names another folder
  $ train verse.txt QUICK

text.counting _refuse_missing
  $ eval runs/verse star.txt
  : --unknown skip leaves such characters out
  $ eval runs/verse star.txt --unknown skip

text.decoding _way
  = a PDF
  $ train book.pdf QUICK
  : pdftotext book.pdf text.txt
  = text.txt is made of it
  $ train text.txt QUICK

text.decoding _decode
  = curly quotes of Windows
  $ train curly.txt QUICK
  : name its encoding (probably --encoding cp1252)
  $ train curly.txt QUICK --encoding cp1252

text.decoding _decode
  = curly quotes of Windows
  $ score runs/verse curly.txt
  : name its encoding (probably --encoding cp1252)
  $ score runs/verse curly.txt --encoding cp1252 --unknown skip

text.decoding _decode
  = a wrong byte
  $ train wrong.txt QUICK
  : most of it is UTF-8: go on without such bytes (--errors replace)
  $ train wrong.txt QUICK --errors replace

text.decoding _refuse_escapes
  = Japanese in escapes
  $ train escapes.txt QUICK
  : name its encoding (--encoding iso2022-jp), or keep them as they are (--encoding ascii)
  $ train escapes.txt QUICK --encoding iso2022-jp
  $ train escapes.txt QUICK --encoding ascii

text.decoding _refuse_unlike_ascii
  = Japanese in UTF-16 without a mark
  $ train wide.txt QUICK
  : name its encoding (probably --encoding utf-16-le)
  $ train wide.txt QUICK --encoding utf-16-le

text.decoding _decode
  = a text from a mainframe
  $ train mainframe.txt QUICK
  : name its encoding (probably --encoding cp037)
  $ train mainframe.txt QUICK --encoding cp037

text.walking in_folder
  $ train runs/verse QUICK
  : name the files in it that are one
  $ train runs/verse/samples.txt QUICK

text.sources add
  = a run of two steps in r
  = its text lies elsewhere
  $ train --resume --run r --set train.max_steps=4
  : --set data.text=PATH says where the text of this run lies now
  $ train --resume --run r --set train.max_steps=4 --set data.text=there.txt

training.prepared _prime
  $ train verse.txt QUICK --set sample.prime=green\\n
  : a shell's way to write a newline is $'\n'
  $ train verse.txt QUICK --set 'sample.prime=greenNEWLINE'

training.resume check_text
  $ train --resume --run runs/verse --set train.epochs=3 --set data.text=star.txt
  : start a new run for it, which --from RUN lets begin with what this one has learned
  $ train star.txt FEW --from runs/verse --extend-vocabulary

"""
SEARCHED = "[model]\nhidden_size = 8\nembedding_size = 4\n[train]\nmax_steps = 2\nbatch_size = 4\nseq_len = 8\n[tune]\n"
TABLES = {
    "a search in t.toml": '"model.dropout" = [0.0, 0.1]',
    "a search for the seed in t.toml": '"train.seed" = [1, 2]',
    "a search with a range in t.toml": '"model.dropout" = { low = 0.0, high = 0.1 }',
    "a search with a wrong range in t.toml": '"model.dropout" = { low = 0.0, hihg = 0.1 }',
    "a search with half a range in t.toml": '"model.dropout" = { low = 0.0 }',
}


def search(patch: pytest.MonkeyPatch) -> None:
    prepare("a search in t.toml", patch)
    assert charlstm("tune t.toml verse.txt --trials 1 --run s") == 0


def search_with_another_table(patch: pytest.MonkeyPatch) -> None:
    search(patch)
    prepare("a search with a range in t.toml", patch)


def damaged_search(patch: pytest.MonkeyPatch) -> None:
    search(patch)
    Path("s/trials.jsonl").write_text('{"op_code": 99}\n', encoding="utf-8")


def text_that_shrinks(_: object) -> None:
    with gzip.open("much.txt.gz", "wt", encoding="utf-8") as file:
        file.write(VERSE + "a" * 3_000_000)


def unpack(_: object) -> None:
    if (packed := Path("much.txt.gz")).exists():
        Path("much.txt").write_bytes(gzip.decompress(packed.read_bytes())[:10_000])
    else:
        shutil.unpack_archive("three.zip", "three")


def archive(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("charlstm.text.archives.MAX_MEMBERS", 2)
    with zipfile.ZipFile("three.zip", "w") as file:
        for name in "abc":
            file.writestr(f"{name}.txt", VERSE)


def fetched(patch: pytest.MonkeyPatch) -> None:
    path = find("tinyshakespeare").path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(VERSE, encoding="utf-8")
    patch.setattr("charlstm.text.datasets.Dataset.is_here", True)


def badly_named(_: object) -> None:
    Path("txt").mkdir()
    for name in ("\udcff.txt", "txt/v.txt"):
        Path(name).write_text(VERSE, encoding="utf-8")


def word_document(_: object) -> None:
    with zipfile.ZipFile("book.zip", "w") as file:
        for name in ("[Content_Types].xml", "word/document.xml"):
            file.writestr(name, "<xml/>")


def no_room(patch: pytest.MonkeyPatch) -> None:
    for name in ("IN_MEMORY", "MOST_IN_MEMORY"):
        patch.setattr(f"charlstm.text.corpus.{name}", 100)
    patch.setattr("charlstm.text.spool.temporary_folder", lambda: Path("verse.txt"))
    Path("taken").mkdir()
    Path("taken/charlstm").write_text("no folder", encoding="utf-8")
    patch.setenv("XDG_CACHE_HOME", str(Path("taken").absolute()))


def named_like_a_log(_: object) -> None:
    Path("r").mkdir()
    Path("r/samples.txt").write_text(VERSE, encoding="utf-8")


def many_characters(patch: pytest.MonkeyPatch) -> None:
    Path("many.txt").write_text("".join(map(chr, range(0x4E00, 0x5E00))), encoding="utf-8")
    patch.setattr("charlstm.runs.model_file.MAX_HEADER", 9000)


def another_training(_: object) -> None:
    ANOTHER.append(FileLock("runs/verse/.lock"))
    ANOTHER[0].acquire(blocking=False)


ANOTHER: list[FileLock] = []
"""The lock of a run folder in which a training seems to be."""
CURLY = "“Well,” she said, “it’s café time – or isn’t it?”\n"
ALL = f"[sample]\nban = {json.dumps(''.join(sorted(set(VERSE))))}\n"
STEPS: dict[str, Callable[[pytest.MonkeyPatch], object]] = {
    "the run elsewhere": lambda _: Path("runs/verse").rename("elsewhere"),
    "all characters in c.toml": lambda _: Path("c.toml").write_text(ALL, encoding="utf-8"),
    "a run of bytes": lambda _: charlstm("train verse.txt QUICK --set data.unit=byte --run bytes"),
    "a run of two steps in r": lambda _: charlstm("train verse.txt QUICK --run r"),
    "a search in s": search,
    "a search in s, and another table": search_with_another_table,
    "a search in s, damaged": damaged_search,
    "no matplotlib": lambda patch: patch.setattr("charlstm.commands.outputs.find_spec", lambda _: None),
    "a text of many characters": many_characters,
    "a text with a name that is not UTF-8": badly_named,
    "a text that is called like a log of a run": named_like_a_log,
    "a PDF": lambda _: Path("book.pdf").write_bytes(b"%PDF-1.7\n\xe2\xe3\xcf\xd3\n" + bytes(2000)),
    "a Word document": word_document,
    "text.txt is made of it": lambda _: Path("text.txt").write_text(VERSE, encoding="utf-8"),
    "a large text, and no room": no_room,
    "XDG_CACHE_HOME names another folder": lambda patch: patch.setenv("XDG_CACHE_HOME", str(Path("cache").absolute())),
    "curly quotes of Windows": lambda _: Path("curly.txt").write_text(CURLY * 50, encoding="cp1252"),
    "a wrong byte": lambda _: Path("wrong.txt").write_bytes(CURLY.encode() * 50 + b"\x81" + CURLY.encode() * 50),
    "Japanese in escapes": lambda _: Path("escapes.txt").write_text("吾輩は猫である。\n" * 50, encoding="iso2022-jp"),
    "Japanese in UTF-16 without a mark": lambda _: Path("wide.txt").write_text("吾輩は猫である。" * 50, encoding="utf-16-le"),
    "a text from a mainframe": lambda _: Path("mainframe.txt").write_bytes(VERSE.encode("cp037")),
    "its text lies elsewhere": lambda _: Path("verse.txt").rename("there.txt"),
    "a text of one character": lambda _: Path("one.txt").write_text("a" * 5000, encoding="utf-8"),
    "a text that shrinks much": text_that_shrinks,
    "an archive of three texts, one too many": archive,
    "it is unpacked": unpack,
    "six characters are too many": lambda patch: patch.setattr("charlstm.text.counting.MAX_SYMBOLS", 5),
    "the data set is fetched": fetched,
    "another training writes to runs/verse": another_training,
    "it ends": lambda _: ANOTHER.pop().release(),
}


def prepare(what: str, patch: pytest.MonkeyPatch) -> None:
    """Make the current folder ready for a case."""
    if what in TABLES:
        Path("t.toml").write_text(SEARCHED + TABLES[what], encoding="utf-8")
    else:
        STEPS[what](patch)


@dataclass(frozen=True)
class Case:
    """Lines that begin with `=` (to be prepared), `$` (a command line) or `:` (a piece of what the first one said)."""

    place: str
    lines: tuple[tuple[str, str], ...]


def cases() -> list[Case]:
    blocks = [block.splitlines() for block in CASES.strip().split("\n\n")]
    return [Case(place, tuple((line[2], line[4:]) for line in lines)) for place, *lines in blocks]


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory, filled_once: Callable[..., Path]) -> Path:
    """A folder with two texts and the run of one, for copies."""

    def fill(folder: Path) -> None:
        (folder / "verse.txt").write_text(VERSE, encoding="utf-8")
        (folder / "star.txt").write_text("green ★ bottles\n" * 30, encoding="utf-8")
        (folder / "none.toml").write_text("[train]\nepochs = 1\n", encoding="utf-8")
        quick = " ".join(f"--set {setting}" for setting in TINY)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            assert charlstm(f"train verse.txt {quick}") == 0

    return filled_once("remedies", fill)


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.place.replace(" ", "-"))
def test_what_an_error_says_helps(
    case: Case, workshop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(shutil.copytree(workshop, tmp_path / "here"))
    raised_by: list[str] = []
    told = CharlstmError.__init__

    def tell(error: CharlstmError, *args: object, **parts: object) -> None:
        frame = sys._getframe(1)
        raised_by.append(f"{frame.f_globals['__name__'].removeprefix('charlstm.')} {frame.f_code.co_name}")
        told(error, *args, **parts)  # type: ignore[arg-type]

    monkeypatch.setattr(CharlstmError, "__init__", tell)
    said, is_helped = "", False
    for kind, line in case.lines:
        if kind == "=":
            prepare(line, monkeypatch)
        elif kind == ":":
            assert line in said
            assert case.place in raised_by
            is_helped = True
        else:
            capfd.readouterr()
            code = charlstm(line)
            said = capfd.readouterr().err
            assert (code == 0) is is_helped, said


@pytest.mark.parametrize(
    ("wrong", "says", "right"),
    [
        ("/branch a\n/branch a", "take another name, or /branch! a to replace it", "/branch a\n/branch! a\n/branch b"),
        ("/branch ab\n/go abc", "did you mean ab? /branch NAME makes one of where the text stands", "/branch ab\n/go ab"),
        ("green ★", "write it without", "green"),
    ],
)
def test_what_is_said_at_the_prompt_helps(
    workshop: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], wrong: str, says: str, right: str
) -> None:
    monkeypatch.chdir(workshop)
    assert charlstm(f"play runs/verse --set sample.length=3 < {wrong}") == 2
    assert says in capfd.readouterr().err
    assert charlstm(f"play runs/verse --set sample.length=3 < {right}") == 0


def test_what_is_said_in_python_helps(workshop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = workshop / "runs/verse"
    model = front_door.load(run)

    def says(remedy: str, wrong: Callable[[], object], right: Callable[[], object]) -> None:
        with pytest.raises(CharlstmError, match=re.escape(remedy)):
            wrong()
        right()

    says(
        "give a list, of one text perhaps",
        lambda: front_door.classify({"a": model, "b": model}, "green"),
        lambda: front_door.classify({"a": model, "b": model}, ["green"]),
    )
    says("read the file first", lambda: model.score(Path("a")), lambda: model.score(VERSE[:50]))  # type: ignore[arg-type]
    verse = workshop / "verse.txt"
    says(
        "did you mean epochs?",
        lambda: front_door.start(verse, **{"epoch": 1}),  # type: ignore[arg-type]
        lambda: front_door.start(verse, epochs=1, run=tmp_path / "r"),
    )
    says(
        "leave them out",
        lambda: front_door.start(run=run, resume=True, overwrite=True, epochs=3),
        lambda: front_door.start(run=run, resume=True, epochs=3),
    )
    says("unknown='skip' leaves", lambda: model.score("green ★"), lambda: model.score("green ★", unknown="skip"))
    says("unknown='skip' to", lambda: model.generate("★ a"), lambda: model.generate("★ a", length=2, unknown="skip"))


ELSEWHERE = {
    "api.classification classify": "tests/test_remedies.py test_what_is_said_in_python_helps",
    "api.settings in_sections": "tests/test_remedies.py test_what_is_said_in_python_helps",
    "api.settings require_text": "tests/test_remedies.py test_what_is_said_in_python_helps",
    "api.training put_back": "tests/api/test_training.py test_a_run_that_went_on_meanwhile_is_not_rolled_back",
    "api.training start": "tests/test_remedies.py test_what_is_said_in_python_helps",
    "commands.play _branch": "tests/test_remedies.py test_what_is_said_at_the_prompt_helps",
    "commands.play _go": "tests/test_remedies.py test_what_is_said_at_the_prompt_helps",
    "sampling.session add": "tests/test_remedies.py test_what_is_said_at_the_prompt_helps",
    "sampling.session branch": "tests/test_remedies.py test_what_is_said_at_the_prompt_helps",
    "sampling.session go_to": "tests/test_remedies.py test_what_is_said_at_the_prompt_helps",
    "training.beginning _read_again": "tests/commands/test_text.py test_a_run_from_standard_input_goes_on_as_its_messages_say",
    "text.datasets checked": "tests/text/test_datasets.py test_what_was_put_there_by_hand_is_taken",
    "text.datasets fetch": "tests/text/test_datasets.py test_what_was_put_there_by_hand_is_taken",
}
"""Where following takes more than command lines: the test that does it."""
NO_TEST = {
    "api.plotting plot": "a package is to be installed",
    "api.tuning tune": "a package is to be installed, or more time to be given",
    "cli.completion install_completion": "a home is to be named",
    "cli.completion _shell": "another shell is to be used: tests/cli/test_completion.py does so in three",
    "commands.tune search_recipe": "a package is to be installed",
    "commands.text piped_text": "something is to be piped in: tests/commands/test_text.py does so",
    "out_of_memory out_of_memory": "how small is small enough is a matter of the machine",
    "runs.folder start": "it takes two trainings at one moment: scripts/torture.py has many",
    "runs.model_file explained": "it passes on what another place says",
    "scoring.dynamic dynamic": "it takes a model that diverges as it learns",
    "training.trainer _go_back": "how low is low enough is a matter of the text",
}
"""And why there is none."""


def named_remedies() -> set[str]:
    """Every function of the program that gives an error a remedy."""
    found = set()
    for file in PACKAGE.rglob("*.py"):
        module = ".".join(file.relative_to(PACKAGE).with_suffix("").parts)
        found |= {f"{module} {name}" for name in with_remedies(ast.parse(file.read_text(encoding="utf-8")), "")}
    return found


def with_remedies(node: ast.AST, function: str) -> Iterator[str]:
    """The functions under a node in which a call has a remedy that is not empty."""
    for child in ast.iter_child_nodes(node):
        name = child.name if isinstance(child, ast.FunctionDef) else function
        if isinstance(child, ast.keyword) and child.arg == "remedy" and not is_empty(child.value):
            yield name
        yield from with_remedies(child, name)


def is_empty(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value == ""


def test_no_remedy_is_left_out() -> None:
    named, followed, others = named_remedies(), {case.place for case in cases()}, {*ELSEWHERE, *NO_TEST}
    assert named <= followed | others
    assert others <= named - followed, "and none is excused that is followed, or not there any more"
    for where in ELSEWHERE.values():
        file, test = where.split()
        assert f"def {test}(" in (TESTS.parent / file).read_text(encoding="utf-8")
