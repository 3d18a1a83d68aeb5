"""Large values, stored once by content hash: `blobs/ab/abcdef....zst`.

In an encrypted store a file's name is an HMAC of the hash.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from segue.core.errors import DamagedError, NotFoundError
from segue.core.log.codec import blob_name
from segue.stores.log import files, locks, zstd
from segue.stores.log.cipher import PLAIN, BadBox, Cipher
from segue.stores.log.files import Sync
from segue.stores.log.kinds import BLOB

LIMIT = 4 << 30
_LOOKS = 3


class Blobs:
    """The blobs of a store. A name that `put` returned is durable."""

    def __init__(self, directory: Path, sync: Sync, cipher: Cipher = PLAIN) -> None:
        """Name the directory; it is made with the store."""
        self._cipher = cipher
        self._directory = directory
        self._sync = sync
        self._durable: set[str] = set()
        self._durable_under = ""
        self._durable_parts: set[Path] = set()

    def put(self, name: str, data: bytes) -> None:
        """Keep *data* under *name*, its hash."""
        if self._durable_under != self._cipher.refresh().tag:
            self._durable_under, self._durable = self._cipher.tag, set()
        path = self.path(name)
        if name in self._durable and path.exists():  # it may have been erased
            return
        if not path.exists():
            self._write(path, self._cipher.box(zstd.compress(data), BLOB))
        files.sync_dir(path.parent)  # also where another process wrote it: its name may not be durable yet
        if path.parent not in self._durable_parts:
            files.sync_dir(self._directory)
            self._durable_parts.add(path.parent)
        self._durable.add(name)

    def has(self, name: str) -> bool:
        """Return whether a blob is there as it is written now, and reads back."""
        try:
            packed = files.read_file(self.path(name))
            return blob_name(zstd.decompress(self._cipher.open(packed, BLOB), LIMIT)) == name
        except (FileNotFoundError, zstd.BadFrame, BadBox):
            return False

    def hold(self) -> int:
        """Return a descriptor that keeps `alone` waiting until it is closed: between a `put` and the event that names it."""
        return locks.share(self._directory / ".lock")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep others from putting what they are about to name: what no event names now, none will. Raises BusyError."""
        os.close(files.open_or_create(self._directory / ".lock"))
        lock = locks.LogLock(self._directory / ".lock")
        try:
            with lock.exclusive():
                yield
        finally:
            lock.close()

    def drop(self, name: str) -> None:
        """Unlink a blob, whatever its file is called. `alone` must be held."""
        for path in self.paths(name):
            with suppress(FileNotFoundError):
                path.unlink()
                files.sync_dir(path.parent)

    def get(self, name: str) -> bytes:
        """Return a blob. Raises NotFoundError, DamagedError."""
        packed = self._read(name)
        try:
            data = zstd.decompress(self._cipher.open(packed, BLOB), LIMIT)
        except (zstd.BadFrame, BadBox) as e:
            raise DamagedError(f"blob {name!r}", str(e), blob=name) from e
        if blob_name(data) != name:
            raise DamagedError(f"blob {name!r}", "its hash does not fit its name", blob=name)
        return data

    def path(self, name: str) -> Path:
        """Return where a blob is written to. Raises NotFoundError for what cannot be a name."""
        return self.paths(name)[0]

    def paths(self, name: str) -> list[Path]:
        """Return where a blob may be, of every key and of none. Raises NotFoundError for what cannot be a name."""
        if len(name) != 64 or not all(c in "0123456789abcdef" for c in name):
            raise NotFoundError("blob", name)
        return [self._directory / one[:2] / f"{one}.zst" for one in self._cipher.names(name)]

    def unused(self, used: Iterable[str]) -> list[str]:
        """Return the files of those blobs that are not among *used*, sorted."""
        needed = {path.name for name in used for path in self.paths(name)}
        return [f"{name[:2]}/{name}.zst" for name in self.names() if f"{name}.zst" not in needed]

    def names(self) -> list[str]:
        """Return what the files of all blobs are called, sorted."""
        return sorted(p.name.removesuffix(".zst") for p in self._directory.glob("??/*.zst") if not p.name.startswith("."))

    def contents(self) -> Iterator[bytes]:
        """Yield all blobs that can be read."""
        for name in self.names():
            with suppress(FileNotFoundError, zstd.BadFrame, BadBox):
                packed = files.read_file(self._directory / name[:2] / f"{name}.zst")
                yield zstd.decompress(self._cipher.open(packed, BLOB), LIMIT)

    def _read(self, name: str) -> bytes:
        for _ in range(_LOOKS):  # it may get another name while we look
            for path in self.paths(name):
                try:
                    return files.read_file(path)
                except FileNotFoundError:
                    continue
            if not self._cipher.refresh().scheme.changing:
                break
        for path in self.paths(name):
            with suppress(FileNotFoundError):
                return files.read_file(path)
        raise NotFoundError("blob", name)

    def _write(self, path: Path, packed: bytes) -> None:
        path.parent.mkdir(mode=files.DIR_MODE, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
        fd = files.create(temporary)
        try:
            files.write_all(fd, packed)
            self._sync(fd)
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        finally:
            os.close(fd)
