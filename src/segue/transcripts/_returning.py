"""Transcripts go back into files: as they were, or for a project that has moved."""

import gzip
import json
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path, PurePath
from typing import IO, Any, Final, Literal

from segue.core.errors import ExistsError, UsageError
from segue.ports.places import Place, Places
from segue.ports.returning import Kept, Returned
from segue.transcripts._beside import beside
from segue.transcripts._lines import Lines, open_file

_CHUNK: Final = 1 << 20
_NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)


class Shelves:
    """Where agents look for their transcripts on this machine. See `ports.returning.Shelf`."""

    def __init__(self, places: Places, directory_of: Callable[[str], str]) -> None:
        """Name the agents' homes, and how Claude Code names the directory of a project."""
        self._places = places
        self._directory_of = directory_of

    def moved(self, kept: Kept, old: str, new: str) -> str:
        """See `Shelf.moved`."""
        place = self._places.of(kept.agent)
        path = PurePath(kept.path)
        if kept.agent == "codex":  # its files lie by date
            return kept.path
        if kept.agent == "claude-code":
            return _within(place, path, "projects", self._directory_of(new))
        if kept.agent == "qwen-code":
            return _within(place, path, "projects", re.sub(r"[^a-zA-Z0-9]", "-", new))
        if kept.agent == "gemini-cli":
            return _within(place, path, "tmp", _gemini_project(place, new))
        raise UsageError(f"where {place.title} would look for a session of {new!r} is not known", hint="--to DIRECTORY")

    def put(self, kept: Kept, target: str, *, rewrite: tuple[str, str] | None = None, anyway: bool = False) -> Returned:
        """See `Shelf.put`."""
        path = Path(target)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = beside(path)
        try:
            exact = _write_as_it_was(kept, temporary)
            size = temporary.stat().st_size
            if not exact and not anyway:
                reason = "not every byte of it is in the log: lines without a record, the same ones twice, or rewritten ones"
                return Returned(target, "refused", size, False, reason)
            if rewrite is not None:
                size = _rewrite(temporary, kept.agent, *rewrite)
            if path.name.endswith(".gz"):
                _pack(temporary)
            try:
                os.link(temporary, path)  # unlike a rename, it never replaces
            except FileExistsError:
                return Returned(target, _compared(path, temporary), size, exact)
        finally:
            with suppress(FileNotFoundError):
                temporary.unlink()
        _sync_directory(path.parent)
        return Returned(target, "written", size, exact, "" if exact else "not byte for byte what it was")


def _write_as_it_was(kept: Kept, file: Path) -> bool:
    """Write the lines into *file*; return whether its bytes are those that were read, as the position's digest says."""
    position = kept.position or {}
    lines = position.get("line")
    if not isinstance(lines, int):
        whole = kept.lines == 1 and kept.path.endswith(".json")  # one record, the file itself
        _write(kept, file, b"\n", closed=not whole)
        return whole
    for end in (b"\n", b"\r\n"):
        _write(kept, file, end, lines, closed=not position.get("open"))
        if _is_as(file, position):
            return True
        if file.stat().st_size + lines != position.get("offset"):
            break  # carriage returns are not all that is missing
    _write(kept, file, b"\n")
    return False


def _write(kept: Kept, file: Path, end: bytes, lines: int | None = None, *, closed: bool = True) -> None:
    """Write lines, *end* between them, and behind the last where the file is *closed*.

    There are *lines* of them: those of no record were empty, those behind are of an older form of the file.
    """
    at = 0
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | _NO_FOLLOW, 0o600)
    with os.fdopen(descriptor, "wb", buffering=_CHUNK) as out:
        for line, data in kept.read():
            if lines is not None and line > lines:
                break
            if line > at:
                out.write(end * (line - max(at, 1)))
                at = line
            out.write(data)
        behind = max(lines or at, at) - max(at, 1) + 1
        out.write(end * (behind if closed else behind - 1))
        out.flush()
        os.fsync(out.fileno())


def _is_as(file: Path, position: Mapping[str, Any]) -> bool:
    with open_file(str(file)) as opened:
        return file.stat().st_size == position.get("offset") and not Lines(opened, position).rewritten


def _compared(path: Path, ours: Path) -> Literal["there", "longer"]:
    """Return how the file that is there is more than ours. Raises ExistsError where it is another."""
    with suppress(OSError), open_file(str(path)) as theirs, open_file(str(ours)) as mine:
        while (data := _some(mine)) and _some(theirs, len(data)) == data:
            pass
        if not data:
            return "longer" if _some(theirs, 1) else "there"
    error = ExistsError("another file", str(path))
    error.hint = "write the session's beside it: --to DIRECTORY"
    raise error


def _some(file: IO[bytes], size: int = _CHUNK) -> bytes:
    pieces: list[bytes] = []
    while size > 0 and (data := file.read(size)):
        pieces.append(data)
        size -= len(data)
    return b"".join(pieces)


def _pack(file: Path) -> None:
    packed = file.with_name(f"{file.name}.packed")
    with file.open("rb") as plain, packed.open("wb") as to, gzip.GzipFile("", "wb", fileobj=to, mtime=0) as out:
        while data := plain.read(_CHUNK):
            out.write(data)
    packed.chmod(0o600)
    packed.replace(file)


# --- for a project that has moved


def _within(place: Place, path: PurePath, above: str, directory: str) -> str:
    """Return *path* with the directory behind *above* replaced, in the agent's home."""
    parts = path.parts
    if above not in parts or parts.index(above) + 2 >= len(parts):
        return str(PurePath(place.home, above, directory, path.name))
    at = len(parts) - 1 - parts[::-1].index(above)
    return str(PurePath(place.home, above, directory, *parts[at + 2 :]))


def _gemini_project(place: Place, workspace: str) -> str:
    """Return what Gemini CLI calls the project in *workspace*: it gives the names itself."""
    with suppress(OSError, ValueError, AttributeError):
        names = json.loads(Path(place.home, "projects.json").read_bytes()).get("projects")
        if (
            isinstance(names, dict)
            and isinstance(names.get(workspace), str)
            and PurePath(names[workspace]).name == names[workspace]
        ):
            return str(names[workspace])
    raise UsageError(
        f"Gemini CLI does not know {workspace!r} yet", hint=f"start it there once: cd {workspace} && gemini --list-sessions"
    )


def _rewrite(file: Path, agent: str, old: str, new: str) -> int:
    """Change the directory that the records of *file* name as theirs, and return the file's size."""
    changes = [(re.compile(rb'("cwd"\s*:\s*")' + re.escape(_json(old)) + rb'(?=["/\\])'), rb"\g<1>" + _escaped(_json(new)))]
    if agent == "gemini-cli":
        hashes = [sha256(path.encode()).hexdigest().encode() for path in (old, new)]
        changes.append((re.compile(rb'("projectHash"\s*:\s*")' + hashes[0] + rb'(?=")'), rb"\g<1>" + hashes[1]))
    changed = file.with_name(f"{file.name}.moved")
    with file.open("rb") as lines, changed.open("wb") as out:
        for line in lines:
            for pattern, by in changes:
                line = pattern.sub(by, line)  # noqa: PLW2901
            out.write(line)
        out.flush()
        os.fsync(out.fileno())
    changed.chmod(0o600)
    changed.replace(file)
    return file.stat().st_size


def _json(text: str) -> bytes:
    return json.dumps(text, ensure_ascii=False)[1:-1].encode("utf-8", "surrogatepass")


def _escaped(data: bytes) -> bytes:
    return data.replace(b"\\", b"\\\\")


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
