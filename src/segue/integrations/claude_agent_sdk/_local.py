"""Claude Code's own files of a session, and what the store has not of them.

A session that goes on from a store is written into a directory of its own, which the SDK makes among the temporary files and
deletes at the end: where the program was killed, what it did last is there.
"""

import json
import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from segue.integrations.claude_agent_sdk._entries import META, Row, is_handed_over, row_of
from segue.integrations.claude_agent_sdk._mirror import Mirror
from segue.integrations.claude_agent_sdk._names import Name
from segue.transcripts._reading import called

_LEFT: Final = "claude-resume-*"
"""What the SDK (0.2.187) calls the directories that it makes for sessions which go on from a store."""


class Local:
    """The files below Claude Code's directory, and below those that the SDK left behind."""

    def __init__(self, home: Path) -> None:
        """Look into *home*, which need not be there."""
        self._home = home

    def find(self, session: str, project: str | None) -> Name:
        """Return the name of a session that has a file here. Raises FileNotFoundError."""
        if project is None:
            homes = [self._home, *Path(tempfile.gettempdir()).glob(_LEFT)]
            projects = (found.name for home in homes for found in sorted(home.glob("projects/*")))
            project = next((found for found in projects if self._files(Name(found, session))), "")
        name = Name(project, session)
        if not self._files(name):
            raise FileNotFoundError(f"Claude Code has no file of session {session} in {self._home / 'projects'}")
        return name

    def reconcile(self, mirror: Mirror, name: Name) -> int:
        """Have *mirror* take in what the files of a session have and it has not; return how many events are new."""
        new = 0
        for main in self._files(name):
            new += _take_in(mirror, name, list(_entries(main)))
            for file in sorted((main.with_suffix("") / "subagents").rglob("agent-*.jsonl")):
                subpath = file.relative_to(main.with_suffix("")).with_suffix("").as_posix()
                new += _take_in(mirror, name._replace(subpath=subpath), [*_entries(file), *_meta(file)])
        return new

    def _files(self, name: Name) -> list[Path]:
        """Return the main files of a session, the one that was written to last at the end."""
        if not _is_plain(name.project) or not _is_plain(name.session):
            return []
        below = Path("projects", name.project, f"{name.session}.jsonl")
        left = [home / below for home in Path(tempfile.gettempdir()).glob(_LEFT) if _is_mine(home)]
        found: list[tuple[float, Path]] = []
        for file in (self._home / below, *left):
            with suppress(OSError):  # not there, or deleted meanwhile
                found.append((file.stat().st_mtime, file))
        return [file for _, file in sorted(found)]


def _take_in(mirror: Mirror, name: Name, entries: Sequence[dict[str, Any]]) -> int:
    return mirror.append_chosen(name, lambda *_: _missing(mirror.load(name) or (), entries))


def _missing(known: Sequence[dict[str, Any]], entries: Sequence[dict[str, Any]]) -> list[Row]:
    """Return those of *entries* that are not *known*; one with known ones behind it says what it stands behind."""
    rows = [row_of(entry) for entry in entries]
    there = [row_of(entry) for entry in known]
    uuids = {row.uuid for row in there}
    left = Counter(row.data for row in there if not row.uuid)
    seen: Counter[bytes] = Counter()
    missing: list[tuple[int, Row]] = []
    last_known = -1
    before = ""
    for at, row in enumerate(rows):
        seen[row.data] += 1
        by_content = seen[row.data] <= left[row.data] or (row.is_meta and entries[at] in known)  # its file is in another order
        if row.uuid in uuids if row.uuid else by_content:
            last_known = at
        else:
            missing.append((at, row._replace(after=before)))
        before = row.uuid or called(row.data, seen[row.data])
    return [row if at < last_known else row._replace(after=None) for at, row in missing]


def _entries(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of a file that would have been handed over; what is torn or damaged is left where it is."""
    with file.open("rb") as opened:
        for line in opened:
            try:
                entry = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(entry, dict) and is_handed_over(entry.get("type")):
                yield entry


def _meta(file: Path) -> Iterator[dict[str, Any]]:
    try:
        told = json.loads(file.with_suffix(".meta.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return
    if isinstance(told, dict):
        yield {**told, "type": META}


def _is_mine(home: Path) -> bool:
    """Return whether a directory among the temporary files was made by this user."""
    try:
        return home.stat().st_uid == os.getuid() and not home.is_symlink()
    except OSError:
        return False


def _is_plain(name: str) -> bool:
    """Return whether a file of that name stays in its directory."""
    return name not in {"", ".", ".."} and not any(c in name for c in "/\\\0") and name.isprintable()
