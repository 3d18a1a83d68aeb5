"""Looking for words in every byte below a directory, however they may be written there.

    words = canaries("title", "user text")     # one for each place, so that a finding says what leaked
    ... write words["title"] somewhere ...
    assert traces(place, words) == set()

A test that finds nothing must show that it would: do the same where the words are not hidden, and see each of them found.
"""

import base64
import os
import random
import subprocess
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from segue.stores.log import zstd

_LETTERS = "bcdfghjkmnpqrtvwxz"
"""No vowels, no s and no y: the stemmer of the full text leaves such words alone."""
_LIMIT = 1 << 28
_DEEP = 3


class Trace(NamedTuple):
    """A word that was found."""

    word: str
    """The place that it was written to, as `canaries` was told."""
    file: str
    how: str


def canaries(*places: str, seed: int = 0) -> dict[str, str]:
    """Two words for each place, of twelve letters each, that begin like no others: a dictionary keeps only where words differ."""
    rng = random.Random(seed)
    starts = [a + b for a in _LETTERS for b in _LETTERS]
    rng.shuffle(starts)
    return {place: " ".join(starts.pop() + "".join(rng.choices(_LETTERS, k=10)) for _ in range(2)) for place in places}


def traces(place: Path, words: Mapping[str, str], *, but: Iterable[str] = ()) -> set[Trace]:
    """Where and how *words* stand in names and contents of files below *place*; those whose paths begin with one of *but* aside.

    Contents are looked at as they are, and what is in them as zstd, zlib or gzip, three deep; of git repositories each object.
    """
    wanted = [(name, how, form) for name, text in words.items() for how, form in _forms(text)]
    found = set()
    for file, data in _contents(place):
        if not file.startswith(tuple(but)):
            for view in _views(data):
                low = view.lower()
                found |= {Trace(name, file, how) for name, how, form in wanted if form in low}
    return found


def _forms(text: str) -> Iterator[tuple[str, bytes]]:
    for word in text.split():
        core = word[1:]  # where many words are kept in order, a first letter may stand in the one before
        yield "utf-8", core.encode()
        yield "utf-16-le", core.encode("utf-16-le")
        yield "utf-16-be", core.encode("utf-16-be")
        yield "hex", core.encode().hex().encode()
        for shift in range(3):
            whole = base64.b64encode(b"\0" * shift + core.encode())
            yield "base64", whole[-(-shift * 8 // 6) : (shift + len(core)) * 8 // 6].lower()  # what no neighbour changes


def _contents(place: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(place.rglob("*")):
        name = str(path.relative_to(place))
        if path.is_symlink():
            yield name, f"{name} {path.readlink()}".encode()
        elif path.is_file():
            with suppress(FileNotFoundError):  # gone since it was listed
                yield name, name.encode() + b"\n" + path.read_bytes()
        elif path.is_dir():
            yield name, name.encode()
            if path.name == "objects" and (path / "pack").is_dir():
                yield name, _objects(path)


def _objects(objects: Path) -> bytes:
    """All that is in a directory of git's objects; its repository need not be whole."""
    with TemporaryDirectory() as bare:
        subprocess.run(["git", "init", "-q", "--bare", bare], check=True)
        command = ["git", "--git-dir", bare, "cat-file", "--batch-all-objects", "--batch", "--unordered"]
        env = {**os.environ, "GIT_OBJECT_DIRECTORY": str(objects)}
        return subprocess.run(command, env=env, capture_output=True, check=True).stdout


def _views(data: bytes, deep: int = _DEEP) -> Iterator[bytes]:
    yield data
    if deep:
        for inner in _unpacked(data):
            yield from _views(inner, deep - 1)


def _unpacked(data: bytes) -> Iterator[bytes]:
    for start in _starts(data, zstd.MAGIC):
        try:
            yield zstd.split(data[start:], _LIMIT)[0]
        except zstd.BadFrame:
            continue
    for magic, window in ((b"\x1f\x8b\x08", 31), (b"\x78\x01", 15), (b"\x78\x9c", 15), (b"\x78\xda", 15)):
        for start in _starts(data, magic):
            decoder = zlib.decompressobj(window)
            try:
                yield decoder.decompress(data[start:], _LIMIT)
            except zlib.error:
                continue


def _starts(data: bytes, magic: bytes) -> Iterator[int]:
    at = data.find(magic)
    while at >= 0:
        yield at
        at = data.find(magic, at + 1)
