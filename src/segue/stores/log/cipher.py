r"""What stands between the bytes of a store and the disk: nothing, or AES-256-GCM under the store's key.

In an encrypted store

- a line of an open segment is `{"v":1,"seq":<n>,"box":"<base64 of key id, nonce, ciphertext>"}`: its number stays readable, so
  that lines are found and a torn end is seen as ever; the line itself, digest and all, is inside;
- everything else is a row of *boxes*, each a frame that zstd skips (RFC 8878, 3.1.2), so that a sealed segment keeps its seek
  table and no tool chokes on one:

    0x184D2A53, length of the rest (4 bytes each, little-endian), key id (4), nonce (12), ciphertext with its tag (16)

  A box holds at most `CHUNK` bytes; what each is and whether it is the last of its row is authenticated with it;
- names that would tell something (of blobs, scopes, prefixes of session names) are HMACs.

What is not encrypted is read as it is, whatever the store's key says: while a store is being encrypted, rotated or decrypted its
files are of both kinds. What is written is always of the newest kind. `encryption.json` says which that is:

    {"segue-encryption": 1, "key": "<id, or nothing>", "older": {"<id>": "<boxed under the newest>" | null}, "changing": false,
     "place": "file:/home/me/segue.key"}

It is looked at again whenever it may have changed, so that a process which began before the change writes as all others do.
"""

import base64
import hmac
import json
import os
import re
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from segue.core.errors import DamagedError, SegueError, StoreTooNewError, WrongKeyError
from segue.core.log.storekeys import derived, id_of
from segue.ports.keys import Keys
from segue.stores.log import files

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SCHEME: Final = "encryption.json"
VERSION: Final = 1
MAGIC: Final = b"\x53\x2a\x4d\x18"
CHUNK: Final = 16 << 20
_HEAD: Final = struct.Struct("<4sI4s12s")
_NONCE: Final = 12
_TAG: Final = 16
_LINE_START: Final = b'{"v":1,"seq":'
_BOX: Final = b',"box":"'
_LINE_END: Final = b'"}'
_NUMBER: Final = re.compile(rb'\{"v":1,"seq":(\d{1,20}),')
_BLANKS: Final = 4096
_FRAMED: Final = 8
"""Bytes of a box before what its length counts."""


class BadBox(ValueError):  # noqa: N818  (a finding of the reader, not an error of ours)
    """Bytes that are no box of ours, or were changed."""


class Scheme(NamedTuple):
    """What `encryption.json` says."""

    key: str = ""
    """The key that is written with; empty: nothing is encrypted."""
    older: dict[str, str | None] = {}  # noqa: RUF012  (nobody changes it)
    """Keys that something may still be under, each in a box under the newest; None: the user has it.

    Where nothing is encrypted any more they are there only if something could not be read when it was written in the clear.
    """
    changing: bool = False
    """Whether not everything is of the newest kind yet."""
    place: str = ""
    """Where the user has the key: `keyring`, `file:` and a path, `environment`."""


class _Set(NamedTuple):
    """One key, ready for use."""

    id: bytes
    key: bytes
    box: "AESGCM"
    names: bytes
    for_index: bytes


class Cipher:
    """The cipher of the store at a path. Safe between threads; cheap to ask where nothing is encrypted."""

    def __init__(self, store: Path | None = None, keys: Keys | None = None) -> None:
        """Without *store* nothing is encrypted."""
        self._path = store / SCHEME if store else None
        self._keys = keys
        self._mutex = threading.RLock()
        self._seen: tuple[int, int, int] | None = None
        self._sets: dict[str, _Set] = {}
        self._unknown: set[str] = set()
        self.scheme = Scheme()

    # --- which key

    def refresh(self) -> "Cipher":
        """Take in what another process changed, and return this. Raises WrongKeyError, DamagedError, StoreUnusableError."""
        if self._path is not None and self._stamp() != self._seen:
            with self._mutex:
                seen = self._stamp()
                scheme = read_scheme(self._path)
                before, self.scheme = self.scheme, scheme
                try:
                    if scheme.key:
                        self._set(scheme.key)
                except SegueError:
                    self.scheme = before
                    raise
                self._seen, self._unknown = seen, set()
        return self

    @property
    def tag(self) -> str:
        """The key that is written with; empty where nothing is encrypted. Caches that depend on it bear it in their names."""
        return self.scheme.key

    def index_key(self) -> str:
        """Return what the index is locked with, in hex; empty where nothing is encrypted."""
        self.refresh()
        return self._set(self.scheme.key).for_index.hex() if self.scheme.key else ""

    # --- lines

    def box_line(self, line: bytes) -> bytes:
        """Return a *line* of a log (with its newline) as it is written."""
        if not self.scheme.key or line.find(_BOX, len(_LINE_START), len(_LINE_START) + 40) >= 0:
            return line
        found = _NUMBER.match(line)
        number = found[1] if found else b"0"  # a damaged line: it keeps its place, and is as hard to read as the others
        used = self._set(self.scheme.key)
        nonce = os.urandom(_NONCE)
        text = base64.b64encode(used.id + nonce + used.box.encrypt(nonce, line.rstrip(b"\n"), b"line " + number))
        return b"".join((_LINE_START, number, _BOX, text, _LINE_END, b"\n"))

    def open_line(self, line: bytes) -> bytes:
        """Return the line that a written *line* (without its newline) holds; itself where it cannot be opened.

        A box in a line is no event: whoever verifies it says so.

        Raises:
            WrongKeyError: nothing here is encrypted, as far as is known, and that line is, under a key that was never used here.
        """
        at = line.find(_BOX, len(_LINE_START), len(_LINE_START) + 40)
        if at < 0 or not line.startswith(_LINE_START) or not line.endswith(_LINE_END):
            return line
        if self._seen is None and self._path is not None:
            self.refresh()
        text = line[at + len(_BOX) : -2]
        try:
            data = base64.b64decode(text, validate=True)
        except ValueError:
            return line
        if base64.b64encode(data[-(len(data) % 3 or 3) :]) != text[-4:]:  # bits that say nothing are not as they were written
            return line
        used = self._known(data[:4].hex())  # also one that was used here: the line may be from before the store was decrypted
        if used is None and not self.scheme.key and not self.scheme.older:
            raise WrongKeyError(
                "the log cannot be read: it is encrypted, and the store's encryption.json is gone", hint="segue recover"
            )
        if used is None or len(data) < 4 + _NONCE + _TAG:
            return line
        try:
            return used.box.decrypt(data[4 : 4 + _NONCE], data[4 + _NONCE :], b"line " + line[len(_LINE_START) : at])
        except _invalid():
            return line

    # --- everything else

    def box(self, data: bytes, what: str) -> bytes:
        """Return *data* as it is written; *what* it is must be said again to open it."""
        return self._boxed(data, what, self._set(self.scheme.key)) if self.scheme.key else data

    def open(self, data: bytes, what: str) -> bytes:
        """Return what was boxed as *what*; *data* itself where it is no box. Raises BadBox."""
        if not data.startswith(MAGIC):
            return data
        parts: list[bytes] = []
        at, last = 0, False
        while at < len(data):
            if last:
                raise BadBox("something follows its end")
            part, at, last = self._open_one(data, at, what, len(parts))
            parts.append(part)
        if not last:
            raise BadBox("its end is missing")
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def is_current(self, data: bytes) -> bool:
        """Return whether *data*, the beginning of a box or a line or of neither, is of the kind that is written now."""
        if data.startswith(MAGIC):
            return data[_FRAMED : _FRAMED + 4].hex() == self.scheme.key
        at = data.find(_BOX, len(_LINE_START), len(_LINE_START) + 40) if data.startswith(_LINE_START) else -1
        if at < 0:
            return not self.scheme.key
        start = at + len(_BOX)
        return base64.b64decode(data[start : start + 8])[:4].hex() == self.scheme.key

    def write(self, path: Path, data: bytes, what: str, *, durable: bool = True) -> None:
        """Give the file *path* the content *data*, all or nothing."""
        files.replace(path, self.box(data, what), durable=durable)

    def read(self, path: Path, what: str) -> bytes:
        """Return the content of a file that `write` wrote. Raises OSError, BadBox."""
        return self.open(files.read_file(path), what)

    # --- names

    def name(self, plain: str, size: int = 32) -> str:
        """Return what something is called on disk: *plain* itself where nothing is encrypted, else *size* bytes in hex."""
        return self._named(self.scheme.key, plain, size) if self.scheme.key else plain

    def names(self, plain: str, size: int = 32) -> list[str]:
        """Return all that something may be called while kinds are mixed, the newest first."""
        if not self.scheme.key and not self.scheme.older:
            return [plain]
        mixed = self.scheme.changing or not self.scheme.key  # decrypted, and something could not be read
        older = [one for one in self.scheme.older if one != self.scheme.key and self._known(one)] if mixed else []
        newest = [self._named(self.scheme.key, plain, size)] if self.scheme.key else [plain]
        return [*newest, *(self._named(one, plain, size) for one in older), *([plain] if self.scheme.key else [])]

    # --- keys

    def key_of(self, id: str) -> bytes:
        """Return the key *id*. Raises WrongKeyError, DamagedError."""
        return self._set(id).key

    def wrapped(self, key: bytes, *, under: str) -> str:
        """Return a *key* in a box under another, as text."""
        return base64.b64encode(self._boxed(key, "key", self._set(under))).decode()

    def adopt(self, key: bytes) -> str:
        """Know *key* from now on, and return its name."""
        name = id_of(key)
        self._sets.setdefault(name, _ready(key))
        return name

    def _set(self, id: str) -> _Set:
        found = self._sets.get(id)
        if found is None:
            found = self._sets[id] = _ready(self._find(id))
        return found

    def _known(self, id: str) -> _Set | None:
        """Return a key that something says it is under; None where it is not to be had: what is damaged may say anything."""
        if id not in self._sets and id not in self._unknown:
            self.refresh()  # somebody may just have begun to use it
            try:
                return self._set(id)
            except SegueError:
                self._unknown.add(id)
        return self._sets.get(id)

    def _find(self, id: str) -> bytes:
        wrapped = self.scheme.older.get(id)
        if wrapped:
            try:
                return self.open(base64.b64decode(wrapped), "key")
            except ValueError as e:
                raise DamagedError(f"key {id}", f"encryption.json holds it, but: {e}") from e
        if self._keys is None:
            raise WrongKeyError(f"the store cannot be opened: it is encrypted under key {id}, and none was given", key=id)
        return self._keys.key(id, self.scheme.place)

    # --- inside

    def _stamp(self) -> tuple[int, int, int]:
        assert self._path is not None  # noqa: S101  (asked only where there is one)
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            return (0, 0, 0)
        return (found.st_ino, found.st_mtime_ns, found.st_size)

    def _named(self, id: str, plain: str, size: int) -> str:
        return hmac.digest(self._set(id).names, plain.encode(), "sha256")[:size].hex()

    def _boxed(self, data: bytes, what: str, used: _Set) -> bytes:
        boxes = []
        for n, start in enumerate(range(0, max(len(data), 1), CHUNK)):
            part, nonce = data[start : start + CHUNK], os.urandom(_NONCE)
            sealed = used.box.encrypt(nonce, part, _about(what, n, last=start + CHUNK >= len(data)))
            boxes.append(_HEAD.pack(MAGIC, len(sealed) + 4 + _NONCE, used.id, nonce) + sealed)
        return b"".join(boxes)

    def _open_one(self, data: bytes, at: int, what: str, n: int) -> tuple[bytes, int, bool]:
        end = box_end(data, at)
        _, _, key, nonce = _HEAD.unpack_from(data, at)
        used = self._known(key.hex())
        if used is None:
            raise BadBox(f"it is under another key, {key.hex()}")
        sealed = data[at + _HEAD.size : end]
        for last in (True, False):
            try:
                return used.box.decrypt(nonce, sealed, _about(what, n, last=last)), end, last
            except _invalid():
                continue
        raise BadBox("its bytes were changed")


def box_end(data: bytes, at: int = 0) -> int:
    """Return where the box that begins at *at* ends. Raises BadBox."""
    if len(data) < at + _HEAD.size or not data.startswith(MAGIC, at):
        raise BadBox("not a box")
    _, length, _, _ = _HEAD.unpack_from(data, at)
    end = at + _FRAMED + length
    if length < 4 + _NONCE + _TAG or end > len(data):
        raise BadBox("it is cut short")
    return int(end)


def read_scheme(path: Path) -> Scheme:
    """Return what the file says; where there is none, nothing is encrypted. Raises DamagedError."""
    try:
        data = files.read_file(path)
    except FileNotFoundError:
        return Scheme()
    try:
        found: Any = json.loads(data)
        if found["segue-encryption"] != VERSION:
            raise StoreTooNewError(str(path.parent), found["segue-encryption"], VERSION)
        older = {str(key): None if box is None else str(box) for key, box in found["older"].items()}
        return Scheme(str(found["key"]), older, bool(found["changing"]), str(found["place"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as e:
        error = DamagedError(f"{path.name} of store {str(path.parent)!r}", str(e))
        error.hint = "segue recover"
        raise error from e


def write_scheme(path: Path, scheme: Scheme) -> None:
    """Make *scheme* what the store's writers go by.

    Two writings hardly ever have one size: a clock's tick may be long, and an inode's number is given out again, so that
    whoever looks at these alone might take a new one for the one before.
    """
    record = {"segue-encryption": VERSION, **scheme._asdict()}
    blanks = b" " * (int.from_bytes(os.urandom(2), "big") % _BLANKS)
    files.replace(path, json.dumps(record).encode() + blanks + b"\n")


PLAIN: Final = Cipher()
"""Nothing is encrypted."""


def check_library() -> None:
    """Return where the library that encrypts is installed. Raises WrongKeyError."""
    try:
        import cryptography.hazmat.primitives.ciphers.aead  # noqa: F401
    except ImportError as e:
        raise WrongKeyError(
            "no store can be put under a key or opened with one: the library for that is not installed",
            hint="pip install 'segue[encryption]'",
        ) from e


def _ready(key: bytes) -> _Set:
    check_library()
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return _Set(bytes.fromhex(id_of(key)), key, AESGCM(derived(key, "content")), derived(key, "names"), derived(key, "index"))


def _about(what: str, n: int, *, last: bool) -> bytes:
    return f"{what} {n} {'last' if last else 'more'}".encode()


def _invalid() -> tuple[type[Exception], ...]:
    """Return what the library raises for changed bytes; it is loaded where something was decrypted at all."""
    try:
        from cryptography.exceptions import InvalidTag
    except ImportError:
        return ()
    return (InvalidTag,)


Opened = Callable[[bytes], bytes]
"""Gives the line that a written one holds."""
