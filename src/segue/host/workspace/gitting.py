"""Calling git so that nothing of the user's runs: no configuration, no hook, no filter, no pager, no transport."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from segue.core.errors import WorkspaceError

_TIMEOUT: Final = 600.0


class Git:
    """git on a repository of ours.

    The repository is named to it, so that it looks at no other; there is no configuration but the one in there.
    """

    def __init__(self, repository: Path, root: str, env: Mapping[str, str]) -> None:
        """Work with *repository* for the workspace *root*, which errors name; *env* is the user's environment."""
        self.repository = repository
        self.env = {name: value for name, value in env.items() if not name.startswith("GIT_")}
        self.root = root
        self._program: str | None = None

    def run(
        self,
        *arguments: str,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        work_tree: bool = False,
    ) -> bytes:
        """Return what git writes. With *work_tree* it runs in the workspace. Raises WorkspaceError."""
        return self.tell(*arguments, stdin=stdin, env=env, work_tree=work_tree)[0]

    def tell(
        self,
        *arguments: str,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        work_tree: bool = False,
        fine: tuple[int, ...] = (0,),
    ) -> tuple[bytes, bytes]:
        """Return what git writes and what it complains about. Raises WorkspaceError."""
        where = {"GIT_WORK_TREE": self.root} if work_tree else {}
        try:
            done = subprocess.run(
                [self.program, *arguments],
                input=stdin,
                env=self.environment() | where | dict(env or {}),
                cwd=self.root if work_tree else self.repository,
                capture_output=True,
                check=False,
                timeout=_TIMEOUT,
                umask=0o077,
            )
        except (OSError, subprocess.TimeoutExpired, ValueError) as e:
            raise WorkspaceError(self.root, f"git cannot be run: {e}") from e
        if done.returncode not in fine:
            said = done.stderr.decode("utf-8", "backslashreplace").strip()[-400:]
            raise WorkspaceError(self.root, f"git {arguments[0]} failed: {said or _ended(done.returncode)}")
        return done.stdout, done.stderr

    @contextmanager
    def talk(self, *arguments: str) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
        """Give the two ends of a git that is asked and answers. Raises WorkspaceError."""
        try:
            process = subprocess.Popen(
                [self.program, *arguments],
                env=self.environment(),
                cwd=self.repository,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                umask=0o077,
            )
        except OSError as e:
            raise WorkspaceError(self.root, f"git cannot be run: {e}") from e
        with process:
            try:
                assert process.stdin is not None  # noqa: S101 - both are pipes
                assert process.stdout is not None  # noqa: S101
                yield process.stdin, process.stdout
            finally:
                process.kill()

    @property
    def program(self) -> str:
        """The path of git. A directory that the workspace could have put into PATH is none of those looked in."""
        if self._program is None:
            places = [place for place in self.env.get("PATH", os.defpath).split(os.pathsep) if os.path.isabs(place)]
            found = shutil.which("git", path=os.pathsep.join(places))
            if found is None:
                raise WorkspaceError(self.root, "there is no git on this machine", hint="install git")
            self._program = found
        return self._program

    def environment(self) -> dict[str, str]:
        """Return the environment that git gets."""
        nowhere = str(self.repository / "segue" / "nobody")
        return self.env | {
            "GIT_DIR": str(self.repository),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_SYSTEM": os.devnull,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1",
            "HOME": nowhere,
            "XDG_CONFIG_HOME": nowhere,
            "GIT_ALLOW_PROTOCOL": "",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_LITERAL_PATHSPECS": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_PAGER": "cat",
            "LC_ALL": "C",
        }

    @property
    def home(self) -> str:
        """The user's home directory."""
        return self.env.get("HOME") or os.path.expanduser("~")

    def settings_of(self, git_dir: str | None) -> dict[str, str]:
        """Return the settings that the user's git has for his repository, or outside of any, by lower-case name.

        They are read, and that is all: `git config` runs nothing.
        """
        env = self.env | {"GIT_DIR": git_dir or str(self.repository), "LC_ALL": "C"}
        try:
            done = subprocess.run(
                [self.program, "config", "-z", "--includes", "--list"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                env=env,
                cwd="/",
                timeout=_TIMEOUT,
            )
        except (OSError, subprocess.TimeoutExpired):
            return {}
        found = {}
        for record in done.stdout.split(b"\0"):
            name, _, value = record.partition(b"\n")
            found[os.fsdecode(name)] = os.fsdecode(value)
        return found


def _ended(code: int) -> str:
    """Return how a program ended that said nothing."""
    return f"exit {code}" if code >= 0 else f"it was killed: {signal.strsignal(-code) or -code}"
