"""What git says of a workspace. Read only, and nothing of the repository's configuration is run."""

import os
import subprocess
from collections.abc import Mapping
from typing import Final, NamedTuple

_QUIET: Final = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-optional-locks")
_TIMEOUT: Final = 10.0


class Seen(NamedTuple):
    """A work tree as it is: `files` are those with uncommitted changes, each `{"path", "status"}`."""

    root: str
    branch: str
    commit: str
    files: list[dict[str, str]]

    def to_json(self) -> dict[str, object]:
        """Return what a checkpoint keeps of it."""
        return {"branch": self.branch, "commit": self.commit, "dirty": bool(self.files)}


def look(directory: str) -> Seen | None:
    """Return what git says of the work tree around *directory*; None where there is none, or no git."""
    root = _git(directory, "rev-parse", "--show-toplevel")
    command = ("status", "--porcelain=v2", "--branch", "-z", "--untracked-files=normal", "--ignore-submodules=dirty")
    status = _git(directory, *command, settings=_unfiltered(directory))
    if root is None or status is None:
        return None
    branch, commit, files = "", "", []
    records = iter(status.split("\0"))
    for record in records:
        if record.startswith("# branch.oid "):
            commit = record[13:].removeprefix("(initial)")
        elif record.startswith("# branch.head "):
            branch = record[14:]
        elif record.startswith("1 "):
            files.append(_file(record, 8))
        elif record.startswith("2 "):
            files.append(_file(record, 9))
            next(records, None)  # where it was renamed from
        elif record.startswith("u "):
            files.append(_file(record, 10))
        elif record.startswith("? "):
            files.append({"path": record[2:], "status": "??"})
    return Seen(root.rstrip("\n"), branch, commit, files)


def commits_since(directory: str, commit: str, limit: int = 20) -> list[str] | None:
    """Return the commits from *commit* to HEAD, newest first, a line each; None where *commit* is not in its history."""
    if not commit or not all(c in "0123456789abcdef" for c in commit):
        return None
    if _git(directory, "merge-base", "--is-ancestor", commit, "HEAD") is None:
        return None
    found = _git(directory, "log", f"--max-count={limit}", "--format=%h %s", f"{commit}..HEAD", "--")
    return None if found is None else found.splitlines()


def commit_of(directory: str) -> str:
    """Return the commit that a work tree is at; empty where there is none, or no such directory."""
    found = _git(directory, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    return (found or "").strip()


def has_commit(directory: str, commit: str) -> bool:
    """Return whether the repository around *directory* has a commit, on whatever branch."""
    if not commit or not all(c in "0123456789abcdef" for c in commit):
        return False
    return _git(directory, "cat-file", "-e", f"{commit}^{{commit}}") is not None


def _unfiltered(directory: str) -> dict[str, str]:
    """Return the settings by which git compares files as they are: filters that the configuration names are programs."""
    names = _git(directory, "config", "-z", "--name-only", "--get-regexp", r"^filter\.") or ""
    drivers = {name.rpartition(".")[0] for name in names.split("\0") if name}
    off = {"clean": "", "smudge": "", "process": "", "required": "false"}
    return {f"{driver}.{name}": value for driver in sorted(drivers) for name, value in off.items()}


def _file(record: str, fields: int) -> dict[str, str]:
    parts = record.split(" ", fields)
    return {"path": parts[-1], "status": parts[1].replace(".", " ")}


def _git(directory: str, *args: str, settings: Mapping[str, str] | None = None) -> str | None:
    env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")} | {
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "",
        "GIT_NO_LAZY_FETCH": "1",
    }
    given = (settings or {}).items()
    env["GIT_CONFIG_COUNT"] = str(len(given))
    env |= {f"GIT_CONFIG_KEY_{n}": name for n, (name, _) in enumerate(given)}
    env |= {f"GIT_CONFIG_VALUE_{n}": value for n, (_, value) in enumerate(given)}
    try:
        done = subprocess.run(
            ["git", *_QUIET, *args],
            cwd=directory,
            env=env,
            capture_output=True,
            check=False,
            timeout=_TIMEOUT,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None
