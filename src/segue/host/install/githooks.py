"""Hooks of a git repository, on demand: before git changes something, segue saves; what was there before runs as ever.

A hook that exists is moved aside in its own directory (`pre-commit.segue-kept`) with its mode, or as the link that it is, and
ours runs it: its exit code, output and arguments are the hook's. Ours never fails and, but for a rebase, is not waited for.
The directory is the one that git says (`core.hooksPath`, linked worktrees); one whose files belong to the repository is left
alone.
"""

import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from segue.core.errors import ConfigurationError
from segue.host.beside import beside

NAMES: Final = ("pre-commit", "pre-rebase", "post-checkout", "post-merge")
WAITED: Final = frozenset({"pre-rebase"})
"""What changes the workspace next: it is saved first, in two seconds at most."""
_MARK: Final = "# segue's hook: it saves, and goes on with what was here before. Take it out: segue init --git-hooks --remove"
_MADE: Final = "# The directory was made for it."
_KEPT: Final = ".segue-kept"


class Hook(NamedTuple):
    """What happens to one hook: `install`, `remove`, or `keep` as it is."""

    name: str
    path: Path
    action: str
    chained: bool
    """Whether another's hook is run by it."""


class Program(NamedTuple):
    """What a hook runs."""

    python: str
    home: str

    def call(self, name: str) -> str:
        """Return the command of a hook, for a shell."""
        words = [self.python, "-E", "-P", "-m", "segue", "git-hook", name]
        line = f"SEGUE_HOME={shlex.quote(self.home)} {shlex.join(words)} </dev/null >/dev/null 2>&1"
        return f"{line} || :" if name in WAITED else f"({line} &)"


def directory(workspace: str) -> Path:
    """Return the directory of a repository's hooks.

    Raises:
        ConfigurationError: *workspace* is in no repository, git is not there, or the directory's files belong to the repository.
    """
    found = _git(workspace, "rev-parse", "--show-toplevel", "--git-path", "hooks")
    if found is None:
        raise ConfigurationError(workspace, "it is in no git repository", hint="run it in one")
    top, hooks = found.split("\n")[:2]
    place = Path(workspace, hooks)
    if _is_in_tree(place.resolve(), Path(top).resolve()) and _git(workspace, "check-ignore", "-q", str(place / NAMES[0])) is None:
        raise ConfigurationError(
            str(place),
            "the hooks there belong to the repository's own files",
            hint="call it from them: segue git-hook pre-commit",
        )
    return place


def _is_in_tree(place: Path, top: Path) -> bool:
    return place.is_relative_to(top) and ".git" not in place.relative_to(top).parts


def plan(place: Path, program: Program) -> list[Hook]:
    """Return what installing does to each hook. Changes nothing. Raises ConfigurationError."""
    return [_planned(place / name, program) for name in NAMES]


def install(place: Path, program: Program) -> list[Hook]:
    """Install the hooks and return what was done; a second time nothing is. Raises ConfigurationError."""
    hooks = plan(place, program)
    made = not place.exists()
    try:
        place.mkdir(parents=True, exist_ok=True)
        for hook in hooks:
            if hook.action == "install":
                _install(hook.path, _text(hook.name, program, made=made or _was_made(place)))
    except OSError as e:
        raise ConfigurationError(str(place), (e.strerror or str(e)).lower()) from e
    return hooks


def plan_removal(place: Path) -> list[Hook]:
    """Return what taking them out does to each hook. Changes nothing."""
    return [
        Hook(name, place / name, "remove" if _is_there(place / name) else "keep", os.path.lexists(_kept(place / name)))
        for name in NAMES
    ]


def remove(place: Path) -> list[Hook]:
    """Take the hooks out, those before them in their places again, and return what was done. Raises ConfigurationError."""
    hooks, made = plan_removal(place), _was_made(place)
    try:
        for hook in hooks:
            kept = _kept(hook.path)
            if hook.action == "remove" and os.path.lexists(kept):
                kept.replace(hook.path)
            elif hook.action == "remove":
                hook.path.unlink()
    except OSError as e:
        raise ConfigurationError(str(place), (e.strerror or str(e)).lower()) from e
    if made:
        with suppress(OSError):
            place.rmdir()
    return hooks


def _planned(path: Path, program: Program) -> Hook:
    kept = os.path.lexists(_kept(path))
    if _is_ours(path):
        same = path.read_text(encoding="utf-8") in {_text(path.name, program, made=made) for made in (True, False)}
        return Hook(path.name, path, "keep" if same else "install", kept)
    if os.path.lexists(path) and kept:
        raise ConfigurationError(
            str(path), "another hook took the place of segue's", hint=f"put them together by hand: {_kept(path)} was there first"
        )
    return Hook(path.name, path, "install", os.path.lexists(path) or kept)


def _install(path: Path, text: str) -> None:
    temporary = beside(path)
    with os.fdopen(
        os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o755), "w", encoding="utf-8"
    ) as file:
        file.write(text)
    if os.path.lexists(path) and not _is_ours(path):
        path.rename(_kept(path))
    temporary.replace(path)


def _text(name: str, program: Program, *, made: bool) -> str:
    return "\n".join(_lines(name, program, made=made)) + "\n"


def _lines(name: str, program: Program, *, made: bool) -> Iterator[str]:
    yield "#!/bin/sh"
    yield _MARK
    if made:
        yield _MADE
    yield program.call(name)
    kept = f'"$(dirname "$0")/{name}{_KEPT}"'
    yield f'if [ -x {kept} ]; then exec {kept} "$@"; fi'
    yield "exit 0"


def _kept(path: Path) -> Path:
    return path.with_name(path.name + _KEPT)


def _is_ours(path: Path) -> bool:
    try:
        return not path.is_symlink() and _MARK in path.read_text(encoding="utf-8", errors="replace").split("\n")[:3]
    except OSError:
        return False


def _is_there(path: Path) -> bool:
    """Return whether something of ours is to be taken away: our hook, or what was moved aside and has no successor."""
    return _is_ours(path) or (os.path.lexists(_kept(path)) and not os.path.lexists(path))


def _was_made(place: Path) -> bool:
    return any(_is_ours(place / name) and _MADE in (place / name).read_text(encoding="utf-8") for name in NAMES)


def _git(directory: str, *args: str) -> str | None:
    env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")} | {"LC_ALL": "C"}
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", *args],
            cwd=directory,
            env=env,
            capture_output=True,
            check=False,
            timeout=10,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "surrogateescape") if done.returncode == 0 else None
