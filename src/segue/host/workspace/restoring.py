"""Going back to a snapshot: each file at once, the intention written down before, so that it can be finished or undone."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from segue.core.errors import WorkspaceError
from segue.host.workspace.files import Blocked, Files
from segue.host.workspace.repository import Repository, sync, write
from segue.ports.workspace import Entry, FileChange, Restored, Unfinished, Untouched

_CHUNK: Final = 1 << 20


class Intention(NamedTuple):
    """A restore that is under way."""

    target: str
    before: str
    at: float
    changes: list[FileChange]

    def unfinished(self) -> Unfinished:
        """Return what is said of it when it was interrupted."""
        return Unfinished(self.target, self.before, self.at, len(self.changes))

    def backwards(self) -> "Intention":
        """Return the restore that takes it back."""
        return self._replace(target=self.before, changes=[FileChange(c.path, c.new, c.old) for c in self.changes])


def intended(ours: Repository) -> Intention | None:
    """Return the restore of this workspace that was not brought to an end. Raises WorkspaceError."""
    try:
        said = json.loads(_record(ours).read_bytes())
        changes = [FileChange(path, _entry(old), _entry(new)) for path, old, new in said["changes"]]
        return Intention(said["target"], said["before"], said["at"], changes)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise WorkspaceError(ours.root, f"the record of an interrupted restore cannot be read: {e}") from e


def perform(ours: Repository, intention: Intention, leaves: list[Untouched]) -> Restored:
    """Write the intention down, carry it out and take it off again; return what was done. Raises WorkspaceError, OSError."""
    record = [[path, old, new] for path, old, new in intention.changes]
    said = {"v": 1, "target": intention.target, "before": intention.before, "at": intention.at, "changes": record}
    write(_record(ours), json.dumps(said).encode())
    ours.vault.flush()
    return carry_out(ours, intention, leaves)


def carry_out(ours: Repository, intention: Intention, leaves: list[Untouched], *, again: bool = False) -> Restored:
    """Do what is intended, or the rest of it; return what was done. Raises WorkspaceError, OSError."""
    os.makedirs(ours.root, exist_ok=True)
    files = Files(ours.root)
    numbered = list(enumerate(intention.changes))
    written: list[str] = []
    deleted: list[str] = []
    left = list(leaves)
    for number, change in numbered if again else ():
        with _noting(change.path, left):
            files.recover(change.path, (change.old, change.new), number)
    for number, change in numbered:
        if change.new is None and change.old is not None:
            with _noting(change.path, left):
                if files.take_away(change.path, change.old, number):
                    deleted.append(change.path)
    for path in deleted:
        files.prune(path)
    with _contents(ours) as content:
        for number, change in numbered:
            if change.new is not None:
                with _noting(change.path, left):
                    if files.put(change.path, change.old, change.new, content, number):
                        written.append(change.path)
    _clear_up(files, intention, left)
    files.sync()
    _record(ours).unlink()
    sync(ours.own)
    return Restored(intention.target, intention.before, written, deleted, sorted(left))


def _clear_up(files: Files, intention: Intention, left: list[Untouched]) -> None:
    """Try once more to take away what stands beside the files that failed: nobody comes to it later."""
    failed = {one.path for one in left if one.why == "failed"}
    for number, change in enumerate(intention.changes):
        if change.path in failed:
            with suppress(Blocked, OSError):
                files.recover(change.path, (change.old, change.new), number)


@contextmanager
def _noting(path: str, left: list[Untouched]) -> Iterator[None]:
    """Note that a file was left as it is, and why, and go on with the next."""
    try:
        yield
    except Blocked as e:
        left.append(Untouched(path, e.why, e.detail))
    except OSError as e:
        left.append(Untouched(path, "failed", str(e)))


@contextmanager
def _contents(ours: Repository) -> Iterator[Callable[[Entry, Callable[[bytes], object]], None]]:
    """Give what copies the bytes of an entry to where they are wanted."""
    with ours.git.talk("cat-file", "--batch") as (asked, answer):

        def content(entry: Entry, give: Callable[[bytes], object]) -> None:
            asked.write(f"{entry.id}\n".encode())
            asked.flush()
            _, kind, size = _head(ours, answer)
            if kind != "blob":
                raise WorkspaceError(ours.root, f"object {entry.id} is no file")
            left = int(size)
            while left:
                data = answer.read(min(left, _CHUNK))
                if not data:
                    raise WorkspaceError(ours.root, f"object {entry.id} cannot be read whole")
                give(data)
                left -= len(data)
            answer.read(1)

        yield content


def _head(ours: Repository, answer: IO[bytes]) -> tuple[str, str, str]:
    words = answer.readline().decode("utf-8", "replace").split()
    if len(words) != 3:
        raise WorkspaceError(ours.root, f"an object of the snapshot is not there: {' '.join(words)}")
    return words[0], words[1], words[2]


def _entry(said: Any) -> Entry | None:
    return None if said is None else Entry(*said)


def _record(ours: Repository) -> Path:
    return ours.own / "restoring.json"
