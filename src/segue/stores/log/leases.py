"""Who drives a session: a small file beside its log.

The fencing token is the number of the event that took the lease, so it rises by itself and is in the log; the file only says
until when. If it is lost, nobody drives the session, and no token that was given before is good.
"""

import json
from pathlib import Path

from segue.core.errors import FencedError
from segue.ports import Lease
from segue.stores.log.cipher import PLAIN, Cipher
from segue.stores.log.kinds import LEASE

_NAME = "lease.json"


def read(directory: Path, session: str, cipher: Cipher = PLAIN) -> Lease | None:
    """Return the lease that was written last, also when its time is over."""
    try:
        found = json.loads(cipher.read(directory / _NAME, LEASE))
        return Lease(session, str(found["holder"]), int(found["token"]), float(found["until"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write(directory: Path, lease: Lease, cipher: Cipher = PLAIN) -> None:
    """Keep *lease*. The log's lock must be held."""
    record = {"holder": lease.holder, "token": lease.token, "until": lease.until}
    cipher.write(directory / _NAME, json.dumps(record).encode() + b"\n", LEASE, durable=False)


def clear(directory: Path) -> None:
    """Take the lease away. The log's lock must be held."""
    (directory / _NAME).unlink(missing_ok=True)


def check(directory: Path, session: str, token: int, now: float, cipher: Cipher = PLAIN) -> None:
    """Raise FencedError unless the lease of *token* holds. The log's lock must be held."""
    held = read(directory, session, cipher)
    current = held.token if held is not None and held.until > now else None
    if current != token:
        raise FencedError(session, token, current)
