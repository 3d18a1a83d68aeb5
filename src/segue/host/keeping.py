"""Files of ours beside the store: copies of what an agent might destroy, and texts that one is to read.

Beside an encrypted store copies are in boxes. A text that an agent reads cannot be: it lies in memory then, where there is a
place for it, and goes after a day.
"""

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import Path, PurePath
from typing import Final

from segue.core.errors import SegueError
from segue.host import boxing, memory
from segue.host.boxing import SUFFIX
from segue.host.private import make
from segue.ports.boxes import CLEAR, Boxes

KIND: Final = "kept"


class Keeping:
    """Keeps files in a directory of ours."""

    def __init__(self, home: Path, boxes: Boxes = CLEAR, env: Mapping[str, str] | None = None) -> None:
        """Keep them below *home*, which is made when it is needed, in *boxes*."""
        self._home, self._boxes, self._env = home, boxes, env or {}

    def keep(self, path: str, name: str) -> str:
        """Copy the file *path* durably into the directory *name* of ours, and return the copy's path.

        A copy of the same bytes is made once; earlier ones of other bytes stay. Raises OSError, WrongKeyError.
        """
        boxes = self._boxes.refresh()
        source = Path(path)
        directory = self._directory(self._home / "kept", name)
        digest = blake2b(digest_size=8)
        with source.open("rb") as file:
            for part in boxing.parts(file):
                digest.update(part)
        suffix = source.suffix + (SUFFIX if boxes.tag else "")
        copy = directory / f"{source.stem}-{boxes.name(digest.hexdigest(), 8)}{suffix}"
        if not copy.exists():
            with source.open("rb") as file:
                boxing.replace(copy, boxing.boxed(boxes, boxing.parts(file), KIND))
        return str(copy)

    def content(self, copy: str) -> Iterator[bytes]:
        """Yield the bytes of a copy that `keep` made. Raises OSError, ValueError, WrongKeyError."""
        with Path(copy).open("rb") as file:
            yield from boxing.opened(self._boxes, file, KIND)

    def leave(self, name: str, text: str) -> str:
        """Write *text* as the file *name* of ours, whole or not at all, and return its path. Raises OSError, WrongKeyError."""
        place = self._home / "restored"
        if self._boxes.refresh().tag:
            base = memory.place(self._env)
            tag = blake2b(str(self._home).encode("utf-8", "surrogateescape"), digest_size=6).hexdigest()
            place = base / "restored" / tag if base else place
            memory.forget(place)
        path = self._directory(place, "") / PurePath(name).name
        boxing.replace(path, [text.encode("utf-8", "replace")])
        return str(path)

    def rekey(self) -> list[str]:
        """Bring the copies under the newest key, or under none; return those that stay as they are, and why.

        Each is whole in its old form or in its new one. Texts that agents were to read go, where there is a key: they can be had
        again. Raises OSError.
        """
        boxes = self._boxes.refresh()
        left = []
        for directory in {path.parent for path in _files(self._home / "kept")}:
            boxing.sweep(directory)
        for path in _files(self._home / "kept"):
            try:
                if not boxing.is_current(boxes, path):
                    self._rewrite(path)
            except (ValueError, SegueError) as e:
                left.append(f"{path}: {e}")
        if boxes.tag:
            for path in _files(self._home / "restored"):
                path.unlink(missing_ok=True)
        return left

    def _rewrite(self, path: Path) -> None:
        to = path.with_name(path.name.removesuffix(SUFFIX) + (SUFFIX if self._boxes.tag else ""))
        with path.open("rb") as file:
            boxing.replace(to, boxing.boxed(self._boxes, boxing.opened(self._boxes, file, KIND), KIND))
        if to != path:
            path.unlink()

    def _directory(self, base: Path, name: str) -> Path:
        words = [word for word in name.replace("\\", "/").split("/") if word not in {"", ".", ".."}]
        directory = base.joinpath(*words)
        make(directory)
        boxing.sweep(directory)
        return directory


def _files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file() and not path.is_symlink())
