"""Asking git about the user's repository, so that nothing of his runs, nothing is written, and it always comes to an end.

No hook, filter, monitor, pager, external diff, transport or signing program that a configuration names is started. The user's own
settings are read for all else: what he ignores is ignored.
"""

import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterable, Mapping
from typing import Final

_QUIET: Final = (
    "--no-pager", "--no-optional-locks", "--literal-pathspecs",
    "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "log.showSignature=false", "-c", "core.quotePath=false",
    "-c", "core.alternateRefsCommand=",
)  # fmt: skip
_ONE: Final = 5.0
"""Seconds for one answer."""
_LONGEST: Final = 8 << 20
"""Bytes of one answer."""


class Git:
    """git in one directory, with a limit on the time of all questions together."""

    def __init__(self, directory: str, seconds: float = 10.0) -> None:
        """Ask about the repository around *directory*."""
        self.directory = directory
        self.limits: list[str] = []
        """What was not answered, or not to its end, and why."""
        self._until = time.monotonic() + seconds
        self._settings: dict[str, str] | None = None

    def ask(self, *arguments: str, of: str = "") -> str | None:
        """Return what git answers; None where it fails, or has no time left. *of*: what is missing then, for `limits`.

        Bytes that are no UTF-8 are lone surrogates, as `os.fsdecode` has them.
        """
        program = _program()
        left = min(_ONE, self._until - time.monotonic())
        if program is None or left <= 0:
            self._miss(of, "git had no time left" if program else "there is no git")
            return None
        try:
            with subprocess.Popen(
                [program, *_QUIET, *arguments],
                cwd=self.directory,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            ) as process:
                return self._answer(process, time.monotonic() + left, of)
        except (OSError, ValueError):
            return None

    def lines(self, *arguments: str, of: str = "") -> list[str]:
        """Return the lines of an answer; none where there is none."""
        return (self.ask(*arguments, of=of) or "").splitlines()

    def says(self, *arguments: str) -> bool:
        """Return whether git agrees."""
        return self.ask(*arguments) is not None

    def complaint(self, *arguments: str) -> str:
        """Return why git does not answer, in its words; empty where it does."""
        program = _program()
        if program is None:
            return "there is no git"
        command = [program, *_QUIET, *arguments]
        try:
            done = subprocess.run(
                command, cwd=self.directory, env=self._environment(), stdin=subprocess.DEVNULL, capture_output=True,
                timeout=_ONE, check=False,
            )  # fmt: skip
        except (OSError, ValueError, subprocess.TimeoutExpired) as e:
            return str(e)
        said = done.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
        return said.removeprefix("fatal: ") if done.returncode else ""

    def _answer(self, process: "subprocess.Popen[bytes]", until: float, of: str) -> str | None:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        found, size = [], 0
        while True:
            ready, _, _ = select.select([process.stdout], [], [], max(until - time.monotonic(), 0))
            data = os.read(process.stdout.fileno(), 1 << 16) if ready else None
            if data is None or size > _LONGEST:
                process.kill()
                self._miss(of, "it takes git too long" if data is None else "it is too much")
                return None
            if not data:
                break
            found.append(data)
            size += len(data)
        return os.fsdecode(b"".join(found)) if process.wait() == 0 else None

    def _miss(self, of: str, why: str) -> None:
        if of and f"{of}: {why}" not in self.limits:
            self.limits.append(f"{of}: {why}")

    def _environment(self) -> dict[str, str]:
        env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")} | {
            "LC_ALL": "C",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": "",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
        }
        return env | _as_config(self._settings or {})

    def unfiltered(self) -> None:
        """From now on compare files as they are: filters that the configuration names are programs."""
        names = self.ask("config", "-z", "--name-only", "--get-regexp", r"^filter\.") or ""
        drivers = {name.rpartition(".")[0] for name in names.split("\0") if name}
        off = {"clean": "", "smudge": "", "process": "", "required": "false"}
        self._settings = {f"{driver}.{name}": value for driver in sorted(drivers) for name, value in off.items()}


def is_object(name: str) -> bool:
    """Return whether *name* can be given to git as an object's: no option, no expression."""
    return bool(name) and all(c in "0123456789abcdef" for c in name)


def _as_config(given: Mapping[str, str]) -> dict[str, str]:
    env = {"GIT_CONFIG_COUNT": str(len(given))}
    env |= {f"GIT_CONFIG_KEY_{n}": name for n, name in enumerate(given)}
    return env | {f"GIT_CONFIG_VALUE_{n}": value for n, value in enumerate(given.values())}


def _program() -> str | None:
    """Return the path of git. A directory that a workspace could have put into PATH is none of those looked in."""
    places: Iterable[str] = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return shutil.which("git", path=os.pathsep.join(place for place in places if os.path.isabs(place)))  # noqa: PTH117
