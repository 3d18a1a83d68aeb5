"""Numbers for names: one file a prefix, one line of fixed length for each number that was given. Its size is the last one."""

import os
import re
from pathlib import Path

from segue.core.errors import InvalidEventError
from segue.core.log.ids import is_uuid
from segue.stores.log import files
from segue.stores.log.cipher import PLAIN, Cipher
from segue.stores.log.files import Sync
from segue.stores.log.kinds import PREFIX
from segue.stores.log.locks import LogLock

_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z")
_WIDTH = 37
_NAMED = ".prefix"
"""What follows a file's name where that is an HMAC: the file that holds the prefix, encrypted."""


def take(directory: Path, prefix: str, owner: str, sync: Sync, cipher: Cipher = PLAIN) -> int:
    """Return the next number of *prefix*, from 1; it is durable that it was given."""
    if not _PREFIX.match(prefix):
        raise InvalidEventError(f"names cannot begin with {prefix[:80]!r}")
    held = lock(directory)
    with held.exclusive():
        path = _path(directory, prefix, cipher.refresh())
        new = not path.exists()
        if new and cipher.tag:
            cipher.write(directory / f"{path.name}{_NAMED}", prefix.encode(), PREFIX)
        fd = files.open_or_create(path)
        try:
            size = os.fstat(fd).st_size
            if size % _WIDTH:  # cut short by a crash: that number was never given, but skipping it is free
                files.write_all(fd, b"-" * (_WIDTH - 1 - size % _WIDTH) + b"\n")
                size += _WIDTH - size % _WIDTH
            files.write_all(fd, f"{_plain(owner):<36.36}\n".encode())
            sync(fd)
        finally:
            os.close(fd)
        if new:
            files.sync_dir(directory)
    held.close()
    return size // _WIDTH + 1


def owners(directory: Path) -> set[str]:
    """Return the sessions that were given numbers."""
    found: set[str] = set()
    for name in os.listdir(directory) if directory.is_dir() else ():
        if _PREFIX.match(name) and not name.endswith(_NAMED):
            data = files.read_file(directory / name).decode("ascii", "replace")
            found.update(owner for line in data.splitlines() if is_uuid(owner := line.strip()))
    return found


def lock(directory: Path) -> LogLock:
    """Return the lock under which numbers are given, and their files get their names."""
    path = directory / ".lock"
    if not path.exists():
        os.close(files.open_or_create(path))
    return LogLock(path)


def rename(directory: Path, cipher: Cipher) -> int:
    """Give all files the names that they have under the store's key now; return how many had another."""
    held, done = lock(directory), 0
    with held.exclusive():
        for name in sorted(os.listdir(directory)):
            if not _PREFIX.match(name) or name.endswith(_NAMED):
                continue
            told = directory / f"{name}{_NAMED}"
            prefix = cipher.read(told, PREFIX).decode() if told.exists() else name
            new = cipher.name(prefix)
            if new == name:
                continue
            if cipher.tag:  # first: whoever finds a file under such a name must be able to tell what it counts
                cipher.write(directory / f"{new}{_NAMED}", prefix.encode(), PREFIX)
            (directory / name).rename(directory / new)
            files.sync_dir(directory)
            told.unlink(missing_ok=True)
            done += 1
        for name in os.listdir(directory):  # of a name that a crash kept from being given
            if name.endswith(_NAMED) and not (directory / name.removesuffix(_NAMED)).exists():
                (directory / name).unlink()
    held.close()
    return done


def _path(directory: Path, prefix: str, cipher: Cipher) -> Path:
    found = [directory / name for name in cipher.names(prefix)]
    return next((path for path in found if path.exists()), found[0])


def _plain(owner: str) -> str:
    return "".join(c if c.isascii() and c.isprintable() else "-" for c in owner)
