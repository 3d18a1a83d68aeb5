"""Finding transcripts: files that are named, and those in directories."""

import os
from collections.abc import Container, Iterable, Iterator, Sequence
from pathlib import Path

from segue.core.errors import UsageError
from segue.ports import Found, ManySessions, TranscriptReader
from segue.transcripts._lines import read_head

_SUFFIXES = (".jsonl", ".jsonl.gz", ".db", ".json")
_HEAD = 256 * 1024
_UNKNOWN = "not a transcript of an agent that is known"


class Readers:
    """Transcripts in files of this machine. See `ports.Transcripts`."""

    def __init__(self, readers: Sequence[TranscriptReader]) -> None:
        """Ask *readers* in this order whose a file is."""
        self._readers = readers
        self._shared: dict[str, ManySessions] = {}

    def find(self, paths: Iterable[str], agent: str | None = None, *, known: Container[str] = ()) -> Iterator[Found]:
        """See `Transcripts.find`."""
        readers = [r for r in self._readers if agent in {None, r.agent}]
        if not readers:
            names = ", ".join(r.agent for r in self._readers)
            raise UsageError(f"there is no reader for agent {agent!r}", hint=f"one of: {names}", agent=agent)
        only = readers[0] if agent is not None else None
        for path in paths:
            name = os.path.abspath(path)  # noqa: PTH100  (Path.resolve would follow links: a file's name is its session's)
            if Path(name).is_dir():
                for file in _walk(name):
                    if file not in known:
                        yield from (f for f in self._look(file, readers, None) if f.path not in known)
            elif name not in known:
                found = self._look(name, readers, only) or [Found(name, None, reason=_UNKNOWN)]
                yield from (f for f in found if f.path not in known)

    def stamp(self, path: str) -> str:
        """See `Transcripts.stamp`."""
        try:
            found = Path(path).stat()
        except (OSError, ValueError):
            return self._shared[path].stamp(path) if path in self._shared else ""
        return f"{found.st_dev}:{found.st_ino}:{found.st_size}:{found.st_mtime_ns}"

    def _look(self, path: str, readers: Sequence[TranscriptReader], only: TranscriptReader | None) -> list[Found]:
        """Return what a file holds: a session, several, or nothing that is anybody's."""
        file = path
        try:
            if "#" in path and not Path(path).exists():
                file = path.rpartition("#")[0]  # one session of a file that holds many
            head = read_head(file, _HEAD)
            reader = only or next((r for r in readers if r.sniff(file, head)), None)
            if reader is None:
                return []
            if not isinstance(reader, ManySessions):
                return [Found(file, reader, reader.identify(file, head))]
            sessions = reader.sessions(file)
        except (OSError, ValueError) as e:  # ValueError: a NUL in the path
            return [Found(path, None, reason=f"cannot be read: {getattr(e, 'strerror', None) or e}")]
        found = [Found(name, reader, foreign_id) for name, foreign_id in sessions if path in {file, name}]
        self._shared.update((f.path, reader) for f in found)
        return found or [Found(path, None, reason="no such session in it")]


def _walk(directory: str) -> Iterator[str]:
    """Yield the files below a *directory* that may be transcripts; links to directories are not followed."""
    below: list[str] = []
    files: list[str] = []
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    below.append(entry.path)
                elif entry.name.endswith(_SUFFIXES):
                    files.append(entry.path)
    except OSError:
        return
    yield from sorted(files)
    for inner in sorted(below):
        yield from _walk(inner)
