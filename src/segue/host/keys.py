"""Where this machine has the key of an encrypted store: in the environment, in a file, in the system's keyring.

Looked at in this order: the variable SEGUE_KEY, the file that the setting `key.file` names, the place that the store itself
names. A key is never an argument of a command: other users see those.
"""

import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from segue.core.errors import StoreUnusableError, UsageError, WrongKeyError
from segue.core.log.storekeys import from_text, id_of, to_text

if TYPE_CHECKING:
    from types import ModuleType

VARIABLE: Final = "SEGUE_KEY"
KEYRING: Final = "keyring"
ENVIRONMENT: Final = "environment"
FILE: Final = "file:"
_SERVICE: Final = "segue"
_LARGEST: Final = 64 * 1024
_LIBRARY: Final = "pip install 'segue[encryption]'"


class MachineKeys:
    """The keys at hand. Passes for `ports.Keys`; each place is looked at when it is its turn."""

    def __init__(self, env: Mapping[str, str], file: str = "") -> None:
        """*file* is the key file that the configuration names, empty without one."""
        self._env, self._file = env, file

    def key(self, id: str, place: str = "") -> bytes:
        """See `Keys.key`."""
        looked: list[str] = []
        for where, keys in self._places(id, place):
            for key in keys:
                if id_of(key) == id:
                    return key
            others = f", which has {', '.join(id_of(key) for key in keys)}" if keys else ""
            looked.append(f"{where}{others}")
        raise WrongKeyError(
            f"the store cannot be opened: it is under key {id}, and that is not in " + "; nor in ".join(looked),
            hint=f"set {VARIABLE}, or name a file that holds it: SEGUE_KEY_FILE=/path",
            key=id,
        )

    def _places(self, id: str, place: str) -> "list[tuple[str, list[bytes]]]":
        found = []
        if self._env.get(VARIABLE):
            found.append((f"the variable {VARIABLE}", [from_text(self._env[VARIABLE])]))
        else:
            found.append((f"the variable {VARIABLE}, which is not set", []))
        named = [self._file, place.removeprefix(FILE) if place.startswith(FILE) else ""]
        for file in dict.fromkeys(str(Path(one).expanduser()) for one in named if one):
            keys = read_file(Path(file))
            found.append((f"the file {file!r}" + ("" if keys is not None else ", which is not there"), keys or []))
        if place in {KEYRING, ""} and not any(id_of(key) == id for _, keys in found for key in keys):
            found.append(_in_keyring(id, asked=place == KEYRING))
        return found


def keep(key: bytes, place: str) -> str:
    """Put a new *key* where *place* says, so that it is found there again, and return the place as the store names it.

    Args:
        key: the key.
        place: `keyring`, `environment` (it is there already), or `file:` and a path. A file is made, 0600, or gets one line more.

    Raises:
        UsageError: there is no such place.
        StoreUnusableError: it cannot be kept there.
    """
    if place == ENVIRONMENT:
        return place
    if place == KEYRING:
        _keep_in_keyring(key)
        return place
    if not place.startswith(FILE) or place == FILE:
        raise UsageError(f"a key cannot be kept in {place!r}", hint="keyring, environment, or file:/path")
    path = Path(place.removeprefix(FILE)).expanduser().absolute()
    _keep_in_file(key, path)
    return f"{FILE}{path}"


def read_file(path: Path) -> list[bytes] | None:
    """Return the keys in a file, one a line, empty lines and those that begin with `#` apart; None where it is not there.

    Raises:
        WrongKeyError: others may read the file, or it holds what is no key.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as e:
        raise WrongKeyError(f"key file {str(path)!r} cannot be read: {(e.strerror or str(e)).lower()}") from e
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_size > _LARGEST:
            raise WrongKeyError(f"key file {str(path)!r} cannot be read: it is not a small file")
        if os.name != "nt" and (found.st_mode & 0o077 or found.st_uid not in {os.geteuid(), 0}):
            raise WrongKeyError(f"key file {str(path)!r} cannot be trusted: others may read it", hint=f"chmod 600 {str(path)!r}")
        text = os.read(fd, _LARGEST).decode("ascii", "replace")
    finally:
        os.close(fd)
    lines = [line.strip() for line in text.splitlines()]
    return [from_text(line) for line in lines if line and not line.startswith("#")]


def _keep_in_file(key: bytes, path: Path) -> None:
    if key in ((path.exists() and read_file(path)) or []):
        return
    line = f"# key {id_of(key)} of a segue store: whoever has it can read the store, without it nobody can\n{to_text(key)}\n"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0), 0o600)
        try:
            os.write(fd, line.encode())
            os.fsync(fd)
        finally:
            os.close(fd)
        directory = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as e:
        raise StoreUnusableError(f"key file {str(path)!r} cannot be written: {(e.strerror or str(e)).lower()}") from e
    if key not in (read_file(path) or []):
        raise StoreUnusableError(f"key file {str(path)!r} does not hold what was written to it")


def _keep_in_keyring(key: bytes) -> None:
    ring = _keyring()
    if ring is None:
        raise StoreUnusableError("the key cannot be kept in the keyring: the library for it is not installed", hint=_LIBRARY)
    text, name = to_text(key), id_of(key)
    try:
        ring.set_password(_SERVICE, name, text)
        kept = ring.get_password(_SERVICE, name)
    except Exception as e:
        raise StoreUnusableError(
            f"the key cannot be kept in the keyring: {_reason(e)}", hint="keep it in a file: --key-file PATH"
        ) from e
    if kept != text:
        raise StoreUnusableError("the key cannot be kept in the keyring: it does not give back what it was given")


def _in_keyring(id: str, *, asked: bool) -> tuple[str, list[bytes]]:
    ring = _keyring()
    if ring is None:
        return "the system's keyring, for which the library is not installed" if asked else "the system's keyring", []
    text = None
    try:
        text = ring.get_password(_SERVICE, id)
    except Exception as e:  # noqa: BLE001 - as above
        return f"the system's keyring ({_reason(e)})", []
    keys = []
    with suppress(WrongKeyError):
        keys = [from_text(text)] if text else []
    return "the system's keyring", keys


def _keyring() -> "ModuleType | Any | None":
    try:
        import keyring
    except ImportError:
        return None
    return keyring


def _reason(error: Exception) -> str:
    return (str(error).partition("\n")[0].partition(". ")[0] or type(error).__name__)[:200].rstrip(".")
