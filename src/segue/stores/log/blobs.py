"""Large values, stored once by content hash: `blobs/ab/abcdef....zst`."""

import os
from pathlib import Path

from segue.core.errors import DamagedError, NotFoundError
from segue.core.log.codec import blob_name
from segue.stores.log import files, zstd
from segue.stores.log.files import Sync

LIMIT = 4 << 30


class Blobs:
    """The blobs of a store. A name that `put` returned is durable."""

    def __init__(self, directory: Path, sync: Sync) -> None:
        """Name the directory; it is made with the store."""
        self._directory = directory
        self._sync = sync
        self._durable: set[str] = set()
        self._durable_parts: set[Path] = set()

    def put(self, name: str, data: bytes) -> None:
        """Keep *data* under *name*, its hash."""
        if name in self._durable:
            return
        path = self.path(name)
        if not path.exists():
            self._write(path, zstd.compress(data))
        files.sync_dir(path.parent)  # also where another process wrote it: its name may not be durable yet
        if path.parent not in self._durable_parts:
            files.sync_dir(self._directory)
            self._durable_parts.add(path.parent)
        self._durable.add(name)

    def get(self, name: str) -> bytes:
        """Return a blob. Raises NotFoundError, DamagedError."""
        try:
            packed = files.read_file(self.path(name))
        except FileNotFoundError as e:
            raise NotFoundError("blob", name) from e
        try:
            data = zstd.decompress(packed, LIMIT)
        except zstd.BadFrame as e:
            raise DamagedError(f"blob {name!r}", str(e), blob=name) from e
        if blob_name(data) != name:
            raise DamagedError(f"blob {name!r}", "its hash does not fit its name", blob=name)
        return data

    def path(self, name: str) -> Path:
        """Return where a blob is. Raises NotFoundError for what cannot be a name."""
        if len(name) != 64 or not all(c in "0123456789abcdef" for c in name):
            raise NotFoundError("blob", name)
        return self._directory / name[:2] / f"{name}.zst"

    def names(self) -> list[str]:
        """Return the names of all blobs, sorted."""
        return sorted(p.name.removesuffix(".zst") for p in self._directory.glob("??/*.zst") if not p.name.startswith("."))

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
