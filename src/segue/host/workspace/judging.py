"""Which files are not taken, by name, size and kind."""

import os
import re
import stat
from collections.abc import Iterable
from fnmatch import translate
from functools import cache
from typing import Final, NamedTuple

from segue.ports.workspace import LeftOut, Reason


class Limits(NamedTuple):
    """What is not taken by choice."""

    file_bytes: int = 32 << 20
    """The size of the largest file that is taken."""
    files: int = 100_000
    """The most files that are taken beside those that the user's repository tracks, at once."""
    bytes: int = 4 << 30
    """Their size in all."""
    secrets: bool = False
    """Take files that look like secrets."""


SECRET_NAMES: Final = (
    ".env", ".env.*", "*.env", ".envrc", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx", "*.ppk", "*.p8",
    "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_*_sk", ".netrc", "_netrc", ".pgpass", ".my.cnf", ".npmrc", ".pypirc",
    ".git-credentials", ".htpasswd", ".vault-token", ".dockercfg", ".s3cfg", ".boto", "kubeconfig", "credentials",
    "credentials.json", "client_secret*.json", "service-account*.json", "service_account*.json", "secrets.json", "secrets.yml",
    "secrets.yaml", "secrets.toml", "*.tfvars", "*.tfstate", "*.tfstate.backup",
)  # fmt: skip
"""Names of files that hold secrets, compared without regard to case."""

_HARMLESS: Final = ("*.example", "*.sample", "*.template", "*.dist", "*.defaults", "example.env", "sample.env", "*.pub")
_BY_PLACE: Final = (".docker/config.json", ".kube/config", ".aws/config", ".ssh/config")
_PRIVATE_KEY: Final = re.compile(rb"\s*-----BEGIN [A-Z0-9 ]*PRIVATE KEY")
_HEAD: Final = 128


def looks_secret(path: str) -> bool:
    """Return whether a file of this name most likely holds a secret."""
    lower = path.lower()
    name = lower.rpartition("/")[2]
    if _any_of(SECRET_NAMES).match(name) is None:
        return lower.endswith(_BY_PLACE)
    return _any_of(_HARMLESS).match(name) is None


@cache
def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(translate(pattern) for pattern in patterns))


class Verdict(NamedTuple):
    """What becomes of a path."""

    do: str
    """`take`, `gone`, `drop` (it is no file any more), `leave` (it is not taken), `keep` (what was taken last stays)."""
    stamp: tuple[int, ...] = ()
    """What tells whether the file was changed since."""
    left_out: LeftOut | None = None


_GONE: Final = Verdict("gone")


class Judge:
    """Says of the paths of one scan what becomes of them."""

    def __init__(self, root: str, limits: Limits) -> None:
        """Judge what is below *root*."""
        self._root = root
        self._limits = limits
        self._real: dict[str, bool] = {"": True}
        self._files = self._bytes = 0

    def judge(self, path: str, *, tracked: bool, submodule: bool = False) -> Verdict:
        """Return what becomes of *path*. What is not *tracked* counts towards the limits on all of them together."""
        if path.endswith("/"):
            return self._leave(path, "nested-repository")
        if not self._is_below(path):
            return Verdict("drop")
        place = f"{self._root}/{path}"
        try:
            found = os.lstat(place)
        except (FileNotFoundError, NotADirectoryError):
            return _GONE
        except (OSError, ValueError):
            return self._leave(path, "unreadable", do="keep")
        if stat.S_ISDIR(found.st_mode):
            return Verdict("take", stamp_of(found)) if submodule else Verdict("drop")
        if stat.S_ISLNK(found.st_mode):
            return Verdict("take", stamp_of(found))
        if not stat.S_ISREG(found.st_mode):
            return self._leave(path, "special")
        reason = self._reason(path, found.st_size)
        if reason is None and not tracked:
            reason = self._count(found.st_size)
        if reason is None:
            reason = self._look_into(place)
        if reason == "unreadable":
            return self._leave(path, reason, found.st_size, do="keep")
        return Verdict("take", stamp_of(found)) if reason is None else self._leave(path, reason, found.st_size)

    def by_name(self, path: str, size: int) -> Reason | None:
        """Return why a file of this name and size is not taken, without looking at it."""
        return self._reason(path, size)

    def stamp(self, path: str) -> tuple[int, ...]:
        """Return what tells whether a file was changed since; empty where there is none."""
        try:
            return stamp_of(os.lstat(f"{self._root}/{path}"))
        except OSError:
            return ()

    def _reason(self, path: str, size: int) -> Reason | None:
        if not self._limits.secrets and looks_secret(path):
            return "secret"
        return "too-large" if size > self._limits.file_bytes else None

    def _count(self, size: int) -> Reason | None:
        self._files += 1
        self._bytes += size
        return "too-many" if self._files > self._limits.files or self._bytes > self._limits.bytes else None

    def _look_into(self, place: str) -> Reason | None:
        try:
            descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        except OSError:
            return "unreadable"
        try:
            head = os.read(descriptor, _HEAD)
        except OSError:
            return "unreadable"
        finally:
            os.close(descriptor)
        return "secret" if not self._limits.secrets and _PRIVATE_KEY.match(head) else None

    def _is_below(self, path: str) -> bool:
        """Return whether no directory on the way is a symbolic link: what is beyond one is not ours."""
        above = path.rpartition("/")[0]
        known = self._real.get(above)
        if known is None:
            known = self._real[above] = self._is_below(above) and not os.path.islink(f"{self._root}/{above}")
        return known

    @staticmethod
    def _leave(path: str, reason: Reason, size: int = 0, do: str = "leave") -> Verdict:
        return Verdict(do, left_out=LeftOut(path, reason, size))


def stamp_of(found: os.stat_result) -> tuple[int, ...]:
    """Return what tells whether a file was changed since."""
    return (found.st_mode, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def covers(left_out: Iterable[str], path: str) -> bool:
    """Return whether *path* is one of *left_out*, or below one of them; a directory has a `/` at its end there, or not."""
    names = left_out if isinstance(left_out, (set, frozenset, dict)) else set(left_out)
    if path in names:
        return True
    at = path.find("/")
    while at >= 0:
        if path[: at + 1] in names or path[:at] in names:
            return True
        at = path.find("/", at + 1)
    return False
