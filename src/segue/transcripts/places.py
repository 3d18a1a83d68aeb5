"""Where each coding agent keeps its sessions: one table, read by import, writers, `init` and `doctor`.

The variables and directories are those of Claude Code 2.1.197, Codex 0.169.0, Gemini CLI 0.61.0, Qwen Code 0.15.10 and
opencode 1.18.33, read in the programs themselves; aider's are of 0.86.2.
"""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from glob import escape, glob
from pathlib import Path, PurePath
from typing import Final

from segue.core.errors import UsageError
from segue.ports.places import Hazard, Place

_VERSION = re.compile(r"v?(\d+\.\d+(?:\.\d+)*(?:[-+][0-9A-Za-z.-]+)?)\Z")
_PACKAGE_LIMIT: Final = 1024 * 1024


class Machine:
    """The agents of a user, by the user's environment. See `ports.Places`."""

    def __init__(self, env: Mapping[str, str]) -> None:
        """Take HOME, PATH and the variables that move agents' homes from *env*."""
        self._env = env

    def all(self) -> tuple[Place, ...]:
        """See `Places.all`."""
        return tuple(make(self) for make in _PLACES.values())

    def of(self, agent: str) -> Place:
        """See `Places.of`."""
        if agent not in _PLACES:
            raise UsageError(f"there is no agent {agent!r}", hint="one of: " + ", ".join(_PLACES), agent=agent)
        return _PLACES[agent](self)

    def roots(self, place: Place) -> list[str]:
        """See `Places.roots`."""
        return [path for pattern in place.transcripts for path in sorted(glob(pattern))]  # noqa: PTH207  (absolute patterns)

    def version(self, place: Place) -> str:
        """See `Places.version`: what the package around the program says, or the directory that it was installed into."""
        program = shutil.which(place.program, path=self._env.get("PATH", os.defpath))
        if program is None:
            return ""
        real = PurePath(os.path.realpath(program))
        package = _PACKAGES[place.agent]
        return _packaged(real, package) or _installed(real, place.program) or _distributed(real, package)

    def hazards(self, place: Place) -> list[Hazard]:
        """See `Places.hazards`."""
        from segue.transcripts._hazards import hazards

        return hazards(place, self.version(place))

    def files(self, place: Place) -> Iterator[tuple[str, float]]:
        """See `Places.files`."""
        for root in self.roots(place):
            below = [(root, None, [""])] if os.path.isfile(root) else os.walk(root)  # noqa: PTH113
            for directory, _, names in below:
                for name in names:
                    path = os.path.join(directory, name) if name else directory  # noqa: PTH118
                    with suppress(OSError):
                        yield path, os.stat(path).st_mtime  # noqa: PTH116

    # --- what the table is made of

    def home(self, *below: str) -> str:
        """Return a path below the user's home."""
        return str(PurePath(self._env.get("HOME") or Path.home(), *below))

    def moved(self, variable: str, *default: str) -> str:
        """Return the directory that *variable* names, else the default one below the user's home."""
        value = self._env.get(variable, "")
        if not value:
            return self.home(*default)
        value = self.home(value[2:]) if value.startswith("~/") else value
        return os.path.abspath(value)  # noqa: PTH100  (a name, not what links lead to)

    def shared(self, variable: str, *default: str) -> str:
        """Return a directory of the XDG kind: relative ones do not count."""
        value = self._env.get(variable, "")
        return value if value.startswith("/") else self.home(*default)

    def variable(self, name: str) -> str:
        """Return a variable's value, empty where it is not set."""
        return self._env.get(name, "")


def _claude(m: Machine) -> Place:
    home = m.moved("CLAUDE_CONFIG_DIR", ".claude")
    return Place("claude-code", "Claude Code", "claude", home, home, _below(home, "projects"))


def _codex(m: Machine) -> Place:
    home = m.moved("CODEX_HOME", ".codex")
    return Place("codex", "Codex", "codex", home, home, _below(home, "sessions", "archived_sessions"))


def _gemini(m: Machine) -> Place:
    home = str(PurePath(m.moved("GEMINI_CLI_HOME"), ".gemini"))
    return Place("gemini-cli", "Gemini CLI", "gemini", home, home, _below(home, "tmp/*/chats"))


def _qwen(m: Machine) -> Place:
    config = m.moved("QWEN_HOME", ".qwen")
    home = m.moved("QWEN_RUNTIME_DIR") if m.variable("QWEN_RUNTIME_DIR") else config
    return Place(
        "qwen-code", "Qwen Code", "qwen", home, config, _below(home, "projects/*/chats", "projects/*/subagents", "tmp/*/chats")
    )


def _opencode(m: Machine) -> Place:
    home = str(PurePath(m.shared("XDG_DATA_HOME", ".local", "share"), "opencode"))
    config = str(PurePath(m.shared("XDG_CONFIG_HOME", ".config"), "opencode"))
    named = m.variable("OPENCODE_DB")  # absolute, or a name in the home
    database = escape(str(PurePath(home, named))) if named and named != ":memory:" else f"{escape(home)}/opencode*.db"
    return Place("opencode", "opencode", "opencode", home, config, (database,))


def _aider(m: Machine) -> Place:
    named = m.variable("AIDER_CHAT_HISTORY_FILE")
    in_project = () if named.startswith("/") else (named or ".aider.chat.history.md",)
    return Place("aider", "aider", "aider", m.home(".aider"), m.home(), (escape(named),) if not in_project else (), in_project)


_PLACES: Final[Mapping[str, Callable[[Machine], Place]]] = {
    "claude-code": _claude,
    "codex": _codex,
    "gemini-cli": _gemini,
    "opencode": _opencode,
    "qwen-code": _qwen,
    "aider": _aider,
}
_PACKAGES: Final = {
    "claude-code": "@anthropic-ai/claude-code",
    "codex": "@openai/codex",
    "gemini-cli": "@google/gemini-cli",
    "opencode": "opencode-ai",
    "qwen-code": "@qwen-code/qwen-code",
    "aider": "aider-chat",
}
"""What each agent's package is called: on npm, aider's on PyPI."""


def _below(home: str, *patterns: str) -> tuple[str, ...]:
    return tuple(f"{escape(home)}/{pattern}" for pattern in patterns)


def _packaged(program: PurePath, package: str) -> str:
    """Return the version in the `package.json` around a *program* that npm installed."""
    for directory in program.parents:
        try:
            with (Path(directory) / "package.json").open("rb") as file:
                found = json.loads(file.read(_PACKAGE_LIMIT))
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(found, dict) and found.get("name") == package:
            return _version_in(found.get("version"))
    return ""


def _installed(program: PurePath, name: str) -> str:
    """Return the version that a directory of the program's path is: `claude/versions/2.1.329`, `Cellar/codex/0.169.0/bin/codex`.

    A version of something else (`node/v22.3.0/bin`) does not stand behind the program's name.
    """
    parts = program.parts
    named = (part for i, part in enumerate(parts) if name in parts[max(i - 2, 0) : i])
    return next(filter(None, map(_version_in, named)), "")


def _distributed(program: PurePath, package: str) -> str:
    """Return the version of the Python package that is installed beside a *program*."""
    stem = package.replace("-", "_")
    pattern = f"{escape(str(program.parent.parent))}/lib/python3*/site-packages/{stem}-*.dist-info"
    return next(filter(None, map(_version_in, _dist_versions(pattern, stem))), "")


def _dist_versions(pattern: str, stem: str) -> Iterator[str]:
    for path in glob(pattern):  # noqa: PTH207
        yield PurePath(path).name.removeprefix(f"{stem}-").removesuffix(".dist-info")


def _version_in(value: object) -> str:
    found = _VERSION.match(value) if isinstance(value, str) else None
    return found[1] if found else ""
