"""Files that belong to somebody else: read, compared, and replaced in one step."""

import os
import stat
from pathlib import Path

from segue.core.errors import ChangedError, ConfigurationError
from segue.host.beside import beside


def read(path: Path) -> bytes | None:
    """Return what is in the file at *path*; None where there is none.

    Raises:
        ConfigurationError: it is no file, or cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        if path.is_symlink():
            raise ConfigurationError(str(path), "it is a link to a file that is gone", hint=f"rm {path}") from None
        return None
    except NotADirectoryError:
        raise ConfigurationError(str(path), "there is a file where its directory should be") from None
    except OSError as e:
        raise ConfigurationError(str(path), e.strerror or str(e)) from e


def check(path: Path) -> None:
    """Raise ConfigurationError where the file at *path* cannot be replaced, or cannot be made."""
    real = path.resolve()
    try:
        mode = real.stat().st_mode
    except FileNotFoundError:
        above = next(p for p in real.parents if p.exists())
        if not above.is_dir():
            raise ConfigurationError(str(path), f"{above} is no directory") from None
        _writable(path, above)
        return
    if not mode & 0o222 or not os.access(real, os.W_OK):
        raise ConfigurationError(str(path), "it is read-only", hint=f"chmod u+w {path}")
    _writable(path, real.parent)


def _writable(path: Path, directory: Path) -> None:
    if not directory.stat().st_mode & 0o222 or not os.access(directory, os.W_OK | os.X_OK):
        raise ConfigurationError(str(path), f"its directory {directory} cannot be written")


def replace(path: Path, before: bytes | None, after: bytes) -> None:
    """Replace what is in the file at *path*, which was *before*, by *after*: all or nothing, durable, its mode kept.

    A link stays a link: the file that it leads to is replaced. A file with several names is written in place, so that it
    keeps them.

    Raises:
        ChangedError: somebody else wrote it since; nothing was done.
        OSError: it cannot be written; nothing was done.
    """
    real = path.resolve()
    temporary = beside(real)
    known = None if before is None else real.stat()
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(after)
            os.fchmod(fd, 0o600 if known is None else stat.S_IMODE(known.st_mode))
            if known is not None and (known.st_uid, known.st_gid) != (os.getuid(), os.getgid()):
                os.fchown(fd, known.st_uid, known.st_gid)
            file.flush()
            os.fsync(fd)
        _unchanged(path, before)
        if known is not None and known.st_nlink > 1:
            real.write_bytes(after)
            temporary.unlink()
        else:
            temporary.rename(real)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync(real.parent)


def remove(path: Path, before: bytes) -> None:
    """Remove the file at *path*, in which was *before*. Raises ChangedError, OSError."""
    _unchanged(path, before)
    path.unlink()
    sync(path.parent)


def _unchanged(path: Path, before: bytes | None) -> None:
    if read(path) != before:
        raise ChangedError(str(path))


def sync(directory: Path) -> None:
    """Make a directory's names durable."""
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_directories(directory: Path) -> list[str]:
    """Make *directory* and what is missing above it; return what was made, the innermost first."""
    missing = [p for p in (directory, *directory.parents) if not p.exists()]
    for one in reversed(missing):
        one.mkdir(mode=0o700, exist_ok=True)
    return [str(p) for p in missing]
