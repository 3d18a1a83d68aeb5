"""What a commit of the mirror says: a tree, and in one line of JSON what the log was."""

import json

from segue.core.errors import MirrorError
from segue.core.log.times import stamp
from segue.host.mirror.reading import Reader
from segue.ports.mirror import Mirrored


def commit_data(tree: str, mirrored: Mirrored, now: float) -> bytes:
    """Return the commit of a log."""
    facts = {name: value for name, value in mirrored._asdict().items() if name not in {"id", "parted"}}
    subject = json.dumps({**facts, "mirrored": stamp(now)}, separators=(",", ":"))
    who = f"segue <segue> {int(now)} +0000"
    return f"tree {tree}\nauthor {who}\ncommitter {who}\n\n{subject}\n".encode()


def find_commit(reader: Reader, id: str, *, parted: bool = False) -> tuple[str, Mirrored]:
    """Return the tree of a commit, and what it says. Raises MirrorError."""
    head, _, subject = reader.find(id).data.partition(b"\n\n")
    try:
        said = json.loads(subject)
        log, at = str(said["log"]), str(said["at"])
        told = Mirrored(
            log,
            id,
            int(said["seq"]),
            str(said["digest"]),
            at,
            int(said["events"]),
            int(said["lacks"]),
            said["deleted"] is True,
            parted,
        )
        return head.split()[1].decode(), told
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as e:
        raise MirrorError("", f"object {id} is no commit of a mirror: {e}") from e
