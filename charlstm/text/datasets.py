"""The field's standard texts: where each comes from, how a copy is known to be the right one, and where it lies here.

A file is fetched under another name, and gets its own once its digest is right: what is there under that name is whole.

Knows: addresses, digests and sizes; the network, through pooch; how what goes wrong on it is told.
Does not know: how progress is shown, what is in a file.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from charlstm.errors import FetchError, SaveError, TextError, shown
from charlstm.user_folders import cache_folder

if TYPE_CHECKING:
    from requests import RequestException

_TIMEOUT = 30  # seconds without a byte
_FETCHED_AT_ONCE = 2**16


@dataclass(frozen=True)
class Dataset:
    """One text, as its source gives it."""

    name: str
    """`data:NAME` is how it is asked for."""
    what: str
    length: int
    """Of the text, in the unit that published figures count in."""
    unit: str
    """`char` or `byte`, as in `data.unit`."""
    url: str
    file: str
    """Its name here; what it ends in tells how it is read."""
    size: int
    """Of the file, in bytes."""
    sha256: str
    """Of the file."""
    licence: str

    @property
    def path(self) -> Path:
        """Where it lies, or would."""
        return cache_folder("data") / self.file

    @property
    def is_here(self) -> bool:
        """Whether a file of the right size is there; `fetch` looks at its digest too."""
        try:
            return self.path.is_file() and self.path.stat().st_size == self.size
        except OSError:  # a folder that this user may not look into
            return False


# The source of text8 and enwik8 gives no digest of its archives, only MD5 and SHA-1 of what is in enwik8's. Those here are what
# several projects, each by itself, have pinned for years; that of tiny Shakespeare was computed from a copy of the text.
DATASETS = (
    Dataset(
        "tinyshakespeare",
        "scenes from Shakespeare's plays",
        1_115_394,
        "char",
        "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
        "tinyshakespeare.txt",
        1_115_394,
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        "public domain",
    ),
    Dataset(
        "text8",
        "Wikipedia of 2006, only a to z and spaces",
        100_000_000,
        "char",
        "http://mattmahoney.net/dc/text8.zip",
        "text8.zip",
        31_344_016,
        "a6640522afe85d1963ad56c05b0ede0a0c000dddc9671758a6cc09b7a38e5232",
        "GFDL, as Wikipedia was in 2006",
    ),
    Dataset(
        "enwik8",
        "Wikipedia of 2006 with its markup",
        100_000_000,
        "byte",
        "http://mattmahoney.net/dc/enwik8.zip",
        "enwik8.zip",
        36_445_475,
        "547994d9980ebed1288380d652999f38a14fe291a6247c157c3d33d4932534bc",
        "GFDL, as Wikipedia was in 2006",
    ),
)


class DownloadBar(Protocol):
    """What is told of the bytes as they come; a bar of tqdm is one."""

    total: Any

    def update(self, n: int) -> Any:
        """So many bytes more."""

    def reset(self) -> Any:
        """From the beginning again."""

    def close(self) -> Any:
        """That was the last."""


def find(name: str) -> Dataset:
    """The data set of that name. TextError gives the nearest, and all there are."""
    names = {dataset.name: dataset for dataset in DATASETS}
    if name not in names:
        near = difflib.get_close_matches(name, names, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise TextError(f"no data set {shown(name)}", remedy=f"{hint}there is {', '.join(names)}")
    return names[name]


def path_of(name: str) -> Path:
    """Where a data set lies. TextError where it was not fetched yet."""
    dataset = find(name)
    if not dataset.is_here:
        raise TextError(f"data:{name} is not here yet", remedy=f"charlstm data get {name}")
    return dataset.path


def fetch(dataset: Dataset, progress: DownloadBar) -> Path:
    """Fetch a data set, unless it is here already and its digest is right -> where it lies.

    FetchError where there is no way to it, where it broke off, and where it is another file; nothing of it stays then.
    SaveError where it can't be written.
    """
    import pooch  # here, as no other command needs it
    from requests import RequestException

    pooch.get_logger().setLevel("ERROR")
    by_hand = f"try again, or fetch it by other means and put it at {dataset.path}"
    download = pooch.HTTPDownloader(progressbar=progress, chunk_size=_FETCHED_AT_ONCE, timeout=_TIMEOUT)

    def checked(url: str, output: str, _: object) -> None:
        download(url, output, None)
        if (found := pooch.file_hash(output)) != dataset.sha256:
            digests = f"SHA-256 {found[:12]}... and not {dataset.sha256[:12]}..."
            raise FetchError(f"{url} is not data:{dataset.name} as it should be, but has {digests}", remedy=by_hand)

    try:
        pooch.retrieve(dataset.url, dataset.sha256, dataset.file, dataset.path.parent, downloader=checked)
    except RequestException as error:
        raise FetchError(f"can't fetch {dataset.url}: {_network_reason(error)}", remedy=by_hand) from None
    except OSError as error:
        remedy = "make room there, or let XDG_CACHE_HOME name another folder"
        raise SaveError(f"can't write {dataset.path}: {error.strerror or error}", remedy=remedy) from None
    return dataset.path


def _network_reason(error: RequestException) -> str:
    """What went wrong, without the classes and addresses in memory that the libraries add to it."""
    from requests import exceptions

    if isinstance(error, exceptions.HTTPError) and error.response is not None:
        return f"the server says {error.response.status_code} {error.response.reason}"
    if isinstance(error, exceptions.SSLError):
        return "the server's certificate can't be trusted"
    if isinstance(error, exceptions.ChunkedEncodingError):
        return "the connection broke off"
    return "no connection, or the server does not answer"
