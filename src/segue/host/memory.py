"""Directories in memory, this user's alone: for what must lie in the clear for a moment beside an encrypted store.

What a process that was killed left in them is removed by the next one; all of it is gone when the machine is switched off. A
system may write memory to its swap space: who minds encrypts that.
"""

import fcntl
import os
import shutil
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_SYSTEMS: Final = {"tmpfs", "ramfs"}
_LOCK: Final = "lock"
_DAY: Final = 86400.0


def place(env: Mapping[str, str]) -> Path | None:
    """Return a directory of ours in memory, made where there is none; None where this machine has no place for it."""
    found = env.get("XDG_RUNTIME_DIR", "")
    for base in (Path("/dev/shm"), *([Path(found)] if found.startswith("/") else [])):  # noqa: S108 - what is in it is checked
        if not _is_memory(base):
            continue
        directory = base / f"segue-{os.geteuid()}"
        try:
            directory.mkdir(mode=0o700, exist_ok=True)
            if is_ours(directory):
                return directory
        except OSError:
            continue
    return None


def is_ours(directory: Path) -> bool:
    """Return whether a directory is this user's, and nobody else may look into it. Raises OSError."""
    found = directory.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


@contextmanager
def room(base: Path) -> Iterator[Path]:
    """Give a new directory in *base* that is gone in the end; those that killed processes left are removed. Raises OSError."""
    _sweep(base)
    directory = base / f"room-{os.getpid()}-{os.urandom(8).hex()}"
    directory.mkdir(mode=0o700)
    descriptor = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        os.close(descriptor)


def forget(base: Path, now: float | None = None) -> None:
    """Remove the files in *base* that are older than a day."""
    until = (time.time() if now is None else now) - _DAY
    with suppress(OSError):
        for path in base.iterdir():
            if path.is_file() and not path.is_symlink() and path.stat().st_mtime < until:
                path.unlink(missing_ok=True)


def _sweep(base: Path) -> None:
    for directory in base.glob("room-*-*"):
        try:
            descriptor = os.open(directory / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            if time.time() - _changed(directory) > 60:  # it is being made, or it was left just then
                shutil.rmtree(directory, ignore_errors=True)
            continue
        except OSError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(directory, ignore_errors=True)
        except BlockingIOError:
            pass  # somebody is at work in it
        finally:
            os.close(descriptor)


def _changed(directory: Path) -> float:
    try:
        return directory.stat().st_mtime
    except OSError:
        return time.time()


def _is_memory(base: Path) -> bool:
    """Return whether a directory lies in memory, by what Linux says of mounts."""
    try:
        rows = [line.split(" - ") for line in Path("/proc/self/mountinfo").read_text("utf-8", "replace").splitlines()]
        real = base.resolve()
    except OSError:
        return False
    mounts = {row[0].split()[4]: row[1].split()[0] for row in rows if len(row) == 2}
    above = next((str(one) for one in (real, *real.parents) if str(one) in mounts), "")
    return real.is_dir() and mounts.get(above) in _SYSTEMS
