"""Files of ours beside the store: copies of what an agent might destroy, and texts that one is to read."""

import os
import shutil
from hashlib import blake2b
from pathlib import Path, PurePath

_CHUNK = 1 << 20


class Keeping:
    """Keeps files in a directory of ours."""

    def __init__(self, home: Path) -> None:
        """Keep them below *home*, which is made when it is needed."""
        self._home = home

    def keep(self, path: str, name: str) -> str:
        """Copy the file *path* durably into the directory *name* of ours, and return the copy's path.

        A copy of the same bytes is made once; earlier ones of other bytes stay. Raises OSError.
        """
        source = Path(path)
        directory = self._directory("kept", name)
        digest = blake2b(digest_size=8)
        with source.open("rb") as file:
            while data := file.read(_CHUNK):
                digest.update(data)
        copy = directory / f"{source.stem}-{digest.hexdigest()}{source.suffix}"
        if not copy.exists():
            temporary = directory / f".{copy.name}.{os.getpid()}"
            with source.open("rb") as file, open(_new(temporary), "wb") as out:
                shutil.copyfileobj(file, out, _CHUNK)
                out.flush()
                os.fsync(out.fileno())
            temporary.replace(copy)
            _sync(directory)
        return str(copy)

    def leave(self, name: str, text: str) -> str:
        """Write *text* as the file *name* of ours, whole or not at all, and return its path. Raises OSError."""
        directory = self._directory("restored", "")
        path = directory / PurePath(name).name
        temporary = directory / f".{path.name}.{os.getpid()}"
        with open(_new(temporary), "wb") as out:
            out.write(text.encode("utf-8", "replace"))
        temporary.replace(path)
        return str(path)

    def _directory(self, kind: str, name: str) -> Path:
        words = [word for word in name.replace("\\", "/").split("/") if word not in {"", ".", ".."}]
        directory = self._home.joinpath(kind, *words)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return directory


def _new(path: Path) -> int:
    path.unlink(missing_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0), 0o600)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
