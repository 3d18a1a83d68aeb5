"""The key that hashes of redacted records are masked with: in segue's home, not in the store, its backups or what is shared."""

import os
from pathlib import Path
from typing import Final

_NAME: Final = "redaction.key"
_SIZE: Final = 32


def mask_key(home: Path) -> bytes:
    """Return the key of this home; made where there is none. Any number of processes may ask at once.

    Raises:
        OSError: it cannot be read or written.
    """
    path = home / _NAME
    found = _read(path)
    if found is None:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = home / f".{_NAME}.{os.getpid()}.{os.urandom(4).hex()}"
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as file:
            file.write(os.urandom(_SIZE))
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            pass  # another process was first
        finally:
            temporary.unlink()
        found = _read(path)
    if found is None:
        raise FileNotFoundError(2, os.strerror(2), str(path))
    return found


def _read(path: Path) -> bytes | None:
    try:
        found = path.read_bytes()
    except FileNotFoundError:
        return None
    if len(found) != _SIZE:  # torn by a power loss: what it masked is read again
        path.unlink(missing_ok=True)
        return None
    return found
