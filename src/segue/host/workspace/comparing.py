"""What two snapshots have differently."""

import os
from collections.abc import Iterable, Iterator
from typing import Final

from segue.core.errors import NotFoundError
from segue.host.workspace.gitting import Git
from segue.ports.workspace import Entry, FileChange

_NONE: Final = "0" * 40
_CHUNK: Final = 1 << 16
_PLAIN: Final = ("-r", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color")


def changes(git: Git, old: str, new: str, paths: Iterable[str] = ()) -> list[FileChange]:
    """Return what differs from *old* to *new*, by path. Raises WorkspaceError."""
    said = git.run("diff-tree", *_PLAIN, "-z", "--raw", "--no-abbrev", old, new, "--", *paths)
    fields = iter(said.split(b"\0"))
    found = []
    for facts, path in zip(fields, fields, strict=False):
        old_mode, new_mode, old_id, new_id, _ = facts.decode().lstrip(":").split(" ")
        found.append(FileChange(os.fsdecode(path), _entry(old_mode, old_id), _entry(new_mode, new_id)))
    return sorted(found)


def patch(git: Git, old: str, new: str, paths: Iterable[str] = ()) -> Iterator[bytes]:
    """Yield the same as a unified diff. Raises WorkspaceError."""
    with git.talk("diff-tree", *_PLAIN, "-p", old, new, "--", *paths) as (asked, answer):
        asked.close()
        while data := answer.read(_CHUNK):
            yield data


def content(git: Git, snapshot: str, path: str) -> bytes:
    """Return the bytes of a file in a snapshot. Raises NotFoundError, WorkspaceError."""
    said = git.run("ls-tree", "-z", "--full-tree", snapshot, "--", path)
    facts, _, name = said.rstrip(b"\0").partition(b"\t")
    words = facts.decode().split(" ")
    if os.fsdecode(name) != path or words[1:2] != ["blob"]:
        raise NotFoundError("file", path)
    return git.run("cat-file", "blob", words[2])


def _entry(mode: str, name: str) -> Entry | None:
    return None if name == _NONE else Entry(mode, name)
