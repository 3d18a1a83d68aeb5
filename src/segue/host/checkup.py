"""What a machine is worth as a home for logs: each check says `ok`, `warn` or `fail`, what it found, and what to do."""

import contextlib
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from segue.host.beside import beside

Check = dict[str, Any]

RACE_FIXED: Final = (3, 51, 3)
"""From here on SQLite's WAL reset race is mended; before, an index can be damaged, and is then rebuilt from the logs."""
_LITTLE: Final = 1 << 30


def checkup(store: str, home: Path, env: Mapping[str, str]) -> list[Check]:
    """Return what was found. Only files of our own are written, and taken away again."""
    checks = [_python(), _zstd(), _sqlite(), _git(env)]
    place = Path(store.removeprefix("log://")) if store.startswith(("log://", "/")) else home
    return checks + _place(place)


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return _check("python", f"{version} on {sys.platform}, {sys.executable}")


def _zstd() -> Check:
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            import zstandard as zstd
    except ImportError as e:
        return _check("compression", f"logs cannot be sealed: {e}", "fail", "reinstall segue")
    return _check("compression", f"zstd {getattr(zstd, '__version__', '')}".strip())


def _sqlite() -> Check:
    try:
        import sqlite3
    except ImportError as e:
        return _check(
            "sqlite", f"this Python has none: {e}; lists and search read the logs instead", "warn", "install Python with sqlite3"
        )
    with contextlib.closing(sqlite3.connect(":memory:")) as db:
        options = {row[0] for row in db.execute("PRAGMA compile_options")}
    if "ENABLE_FTS5" not in options:
        return _check("sqlite", f"{sqlite3.sqlite_version} without full text", "warn", "use a Python whose SQLite has FTS5")
    if sqlite3.sqlite_version_info < RACE_FIXED:
        return _check(
            "sqlite", f"{sqlite3.sqlite_version}: has the WAL reset race; the index is rebuilt should it be hit, no event is lost"
        )
    return _check("sqlite", sqlite3.sqlite_version)


def _git(env: Mapping[str, str]) -> Check:
    git = shutil.which("git", path=env.get("PATH"))
    if git is None:
        return _check("git", "not found: checkpoints say nothing of the code", "warn", "install git")
    done = subprocess.run([git, "--version"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    return _check("git", done.stdout.strip() or git)


def _place(place: Path) -> list[Check]:
    there = next(p for p in (place, *place.parents) if p.exists())
    if not os.access(there, os.W_OK):
        return [_check("store's place", f"{there} cannot be written", "fail", "give another: SEGUE_STORE=log:///directory")]
    checks = [_permissions(place), _room(there)]
    probe = beside((place if place.exists() else there) / "doctor")
    try:
        checks.append(_probed("sync", lambda: _sync(probe)))
        checks.append(_probed("locks", lambda: _locks(probe)))
    finally:
        with contextlib.suppress(OSError):
            probe.unlink()
    return checks


def _permissions(place: Path) -> Check:
    if not place.exists():
        return _check("permissions", f"{place} is not there yet: made at the first use")
    mode = stat.S_IMODE(place.stat().st_mode)
    if mode & 0o077:
        return _check("permissions", f"{place} is open to others ({mode:04o})", "warn", f"chmod 700 {place}")
    return _check("permissions", f"{place} is yours alone ({mode:04o})")


def _room(there: Path) -> Check:
    free = shutil.disk_usage(there).free
    text = f"{free / (1 << 30):,.1f} GiB free"
    return _check("disk", text) if free >= _LITTLE else _check("disk", text, "warn", "make room: a full disk stops every append")


def _probed(name: str, probe: Callable[[], Check]) -> Check:
    try:
        return probe()
    except OSError as e:
        return _check(name, f"does not work there: {e}", "fail", "give a local file system: SEGUE_STORE=log:///directory")


def _sync(probe: Path) -> Check:
    fd = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    took = []
    try:
        for _ in range(5):
            os.write(fd, b"x" * 512)
            begun = time.perf_counter()
            os.fsync(fd)
            took.append(time.perf_counter() - begun)
    finally:
        os.close(fd)
    return _check("sync", f"{sorted(took)[2] * 1000:.2f} ms for a durable write (median of 5)")


def _locks(probe: Path) -> Check:
    """Take a lock, and see that another process cannot."""
    import fcntl

    with probe.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        code = "import fcntl, sys; f = open(sys.argv[1], 'ab'); fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)"
        done = subprocess.run([sys.executable, "-S", "-E", "-c", code, str(probe)], capture_output=True, check=False, timeout=30)
    if done.returncode == 0:
        return _check(
            "locks", "two processes got the same lock", "fail", "give a local file system: SEGUE_STORE=log:///directory"
        )
    return _check("locks", "flock keeps other processes out")


def _check(name: str, what: str, status: str = "ok", hint: str | None = None) -> Check:
    return {"check": name, "status": status, "what": what, "hint": hint}
