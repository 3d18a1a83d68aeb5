"""Finding transcripts: files that are named, and those in directories."""

import os
from collections.abc import Container, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from segue.core.errors import UsageError
from segue.ports import Found, ManySessions, TranscriptReader
from segue.ports.transcripts import Asked
from segue.transcripts._lines import read_head
from segue.transcripts._records import parse

_SUFFIXES = (".jsonl", ".jsonl.gz", ".db", ".json", ".aider.chat.history.md")
_HEAD = 256 * 1024
_LINES = 50
_UNKNOWN = "not a transcript of an agent that is known"
_WANTS = {
    "claude-code": "records with `type` and `sessionId`, or with `uuid` and `parentUuid`",
    "codex": "records with `timestamp`, `type` and `payload`",
    "gemini-cli": "a header with `sessionId` and `projectHash`, or messages with `id` and `type` (user, gemini)",
    "qwen-code": "records with `uuid`, `sessionId` and `message.parts`",
    "opencode": "an SQLite database with opencode's tables",
    "aider": "a line `# aider chat started at`",
    "atif": "a document with `schema_version` (ATIF-v1...) and `steps`",
    "messages": "records with `role` and `content`, or `messages`",
}
"""What readers look for, in words."""
_BESIDE = ("-wal", ".meta.json")
"""What is written beside a transcript and belongs to it: behind its name, or in the place of its suffix."""


class Readers:
    """Transcripts in files of this machine. See `ports.Transcripts`."""

    def __init__(self, readers: Sequence[TranscriptReader], exclude: Sequence[str] = ()) -> None:
        """Ask *readers* in this order whose a file is; those whose path fits a pattern of *exclude* are not opened."""
        self._readers = readers
        self._exclude = exclude
        self._shared: dict[str, ManySessions] = {}
        self.agents = tuple(r.agent for r in readers)
        self.readers = " ".join(f"{r.agent}/{r.version}" for r in readers)

    def find(
        self, paths: Iterable[str], agent: str | None = None, *, known: Container[str] = (), others: bool = False
    ) -> Iterator[Found]:
        """See `Transcripts.find`."""
        readers = [r for r in self._readers if agent in {None, r.agent}]
        if not readers:
            raise UsageError(f"there is no reader for agent {agent!r}", hint=f"one of: {', '.join(self.agents)}", agent=agent)
        only = readers[0] if agent is not None else None
        for path in paths:
            name = os.path.abspath(path)  # noqa: PTH100  (Path.resolve would follow links: a file's name is its session's)
            if Path(name).is_dir():
                for file in _walk(name):
                    if file not in known:
                        found = self._look(file, readers, None)
                        yield from (f for f in found if f.path not in known and (others or not f.stranger))
            elif name not in known:
                yield from (f for f in self._look(name, readers, only) if f.path not in known)

    def stamp(self, path: str) -> str:
        """See `Transcripts.stamp`."""
        own = _stamp(path)
        if not own:
            return self._shared[path].stamp(path) if path in self._shared else ""
        stem = path.removesuffix(".gz").removesuffix(".jsonl")
        beside = [_stamp((path if suffix.startswith("-") else stem) + suffix) for suffix in _BESIDE]
        return "+".join(filter(None, [own, *beside]))

    def size(self, path: str) -> tuple[int, float]:
        """See `Transcripts.size`."""
        try:
            if path in self._shared:
                return self._shared[path].size(path), Path(path.rpartition("#")[0]).stat().st_mtime
            found = Path(path).stat()
        except (OSError, ValueError):
            return 0, 0.0
        return found.st_size, found.st_mtime

    def ask(self, path: str) -> list[Asked]:
        """See `Transcripts.ask`."""
        head = read_head(path, _HEAD)
        return [Asked(r.agent, _missed(r, head)) for r in self._readers if not r.sniff(path, head)]

    def _look(self, path: str, readers: Sequence[TranscriptReader], only: TranscriptReader | None) -> list[Found]:
        """Return what a file holds: a session, several, or nothing that is anybody's."""
        pattern = next((p for p in self._exclude if fnmatchcase(path, p)), None)
        if pattern is not None:
            return [Found(path, None, reason=f"excluded by the setting import.exclude: {pattern}", stranger=True)]
        file = path
        try:
            if "#" in path and not Path(path).exists():
                file = path.rpartition("#")[0]  # one session of a file that holds many
            head = read_head(file, _HEAD)
            reader = only or next((r for r in readers if r.sniff(file, head)), None)
            if reader is None:
                return [Found(path, None, reason=_UNKNOWN, stranger=True)]
            if not isinstance(reader, ManySessions):
                return [Found(file, reader, reader.identify(file, head))]
            sessions = reader.sessions(file)
        except (OSError, ValueError) as e:  # ValueError: a NUL in the path
            return [Found(path, None, reason=f"cannot be read: {getattr(e, 'strerror', None) or e}")]
        found = [Found(n, reader, foreign_id, shared=n != file) for n, foreign_id in sessions if path in {file, n}]
        self._shared.update((f.path, reader) for f in found if f.path != file)
        return found or [Found(path, None, reason="no such session in it")]


def _stamp(path: str) -> str:
    try:
        found = Path(path).stat()
    except (OSError, ValueError):
        return ""
    return f"{found.st_dev}:{found.st_ino}:{found.st_size}:{found.st_mtime_ns}"


def _missed(reader: TranscriptReader, head: bytes) -> str:
    """Return what *reader* looks for, and what a *head* has in its place."""
    lines = [line for line in head.split(b"\n")[:_LINES] if line.strip(b"\0 \t\r")]
    whole = sum(parse(line.strip(b"\0\r")).record is not None for line in lines)
    wants = _WANTS.get(reader.agent, "records of its own form")
    if not lines:
        return f"looks for {wants}; the file has no line with anything in it"
    return f"looks for {wants}; lines looked at: {len(lines)}, JSON objects among them: {whole}, of that form: none that tells"


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
