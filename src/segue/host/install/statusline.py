"""Claude Code's status line in the user's settings: put in, beside one that is there, and taken out again byte for byte.

The agent runs one command. Where the user has one of his own, ours runs it with the same input, shows what it prints, and
prints below it; his setting is kept word for word, beside a copy of the file, and comes back when ours is taken out.
"""

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from segue.core.errors import ConfigurationError
from segue.host.hookfile import statusline_text
from segue.host.install import files, jsonc
from segue.host.install.agents import CLAUDE_CODE

if TYPE_CHECKING:
    from segue.host.install import Setup

_KEY = "statusLine"


class Plan(NamedTuple):
    """What happens to the settings."""

    path: Path
    before: bytes | None
    after: bytes | None
    own: str
    """The user's command that is shown as well; empty: he has none."""
    kept: str | None
    """His setting, word for word."""
    piece: str = ""
    """What was put in, where he has none."""

    @property
    def action(self) -> str:
        """Return `create`, `change`, `remove` or `keep`."""
        if self.before == self.after:
            return "keep"
        return "create" if self.before is None else "remove" if self.after is None else "change"


def plan(setup: "Setup") -> Plan:
    """Return what must change so that the status line is ours. Changes nothing.

    Raises:
        ConfigurationError: the settings cannot be understood, read or written, or have a status line of a kind that is not known.
    """
    path = setup.hooks_file(CLAUDE_CODE)
    before = files.read(path)
    text, root = _parsed(path, before)
    node = root.get(_KEY)
    if node is not None and _is_ours(setup, node.value):
        return Plan(path, before, before, "", None)
    if before != b"":
        files.check(path)
    if node is None:
        ours = json.dumps({"type": "command", "command": command(setup)}, ensure_ascii=False)
        piece = jsonc.first_in(text, root, lambda _: f'"{_KEY}": {ours}')
        return Plan(path, before, jsonc.put(text, [piece]).encode(), "", None, piece.text)
    own = node.value.get("command") if isinstance(node.value, dict) and node.value.get("type") == "command" else None
    if not isinstance(own, str) or not own.strip():
        raise ConfigurationError(str(path), f"its {_KEY!r} is of a kind that is not known", hint=f"look at it: {path}")
    shown = json.dumps({**node.value, "command": command(setup, own)}, ensure_ascii=False)
    return Plan(path, before, (text[: node.start] + shown + text[node.end :]).encode(), own, text[node.start : node.end])


def install(setup: "Setup", found: Plan) -> None:
    """Do what was planned; what was there is written down first.

    Raises:
        ChangedError: somebody else wrote the file since it was planned.
        OSError: it cannot be written.
    """
    program = _program(setup)
    program.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = statusline_text(str(setup.home)).encode()
    was = files.read(program)
    if was != text:
        files.replace(program, was, text)
    if found.after is None or found.action == "keep":
        return
    files.make_directories(found.path.parent)
    kept = _record(setup) | {str(found.path): {"made": found.before is None, "value": found.kept, "piece": found.piece}}
    _write(setup, kept)
    if found.before is not None:
        copy = program.with_suffix(".before")
        files.replace(copy, files.read(copy), found.before)
    files.replace(found.path, found.before, found.after)


def plan_removal(setup: "Setup") -> Plan:
    """Return what must change so that the status line is what it was. Raises ConfigurationError."""
    path = setup.hooks_file(CLAUDE_CODE)
    before = files.read(path)
    text, root = _parsed(path, before)
    node = root.get(_KEY)
    if node is None or not _is_ours(setup, node.value):
        return Plan(path, before, before, "", None)
    known = _record(setup).get(str(path), {})
    value = known.get("value")
    if isinstance(value, str):
        return Plan(path, before, (text[: node.start] + value + text[node.end :]).encode(), value, value)
    piece = known.get("piece")
    is_whole = isinstance(piece, str) and piece and text.count(piece) == 1
    rest = text.replace(str(piece), "") if is_whole else jsonc.drop(text, _KEY)  # the latter where it was reformatted
    is_empty = known.get("made") is True and rest.strip() in {"", "{}"}
    return Plan(path, before, None if is_empty else rest.encode(), "", None)


def remove(setup: "Setup") -> Plan:
    """Take the status line out, and what was kept for it where no settings use it any more. Raises ChangedError, OSError."""
    found = plan_removal(setup)
    if found.before is not None and found.action == "change" and found.after is not None:
        files.replace(found.path, found.before, found.after)
    elif found.before is not None and found.action == "remove":
        files.remove(found.path, found.before)
    rest = {path: entry for path, entry in _record(setup).items() if path != str(found.path)}
    if rest:
        _write(setup, rest)
    else:
        for suffix in (".py", ".json", ".before"):
            _program(setup).with_suffix(suffix).unlink(missing_ok=True)
    return found


def command(setup: "Setup", own: str = "") -> str:
    """Return what the agent runs: harmless where segue was uninstalled, and then the user's *own* alone."""
    program, python = shlex.quote(str(_program(setup))), shlex.quote(setup.python)
    ours = f"{python} -S -E {program} 2>/dev/null"
    if not own:
        return f"[ -f {program} ] && {ours} || :"
    return f'i=$(cat); printf %s "$i" | ( {own}\n); [ -f {program} ] && printf %s "$i" | {ours} || :'


def _parsed(path: Path, data: bytes | None) -> tuple[str, jsonc.Node]:
    try:
        text = (data or b"").decode()
        text = text if text.strip("\ufeff \t\r\n") else "{}\n"
        root = jsonc.parse(text)
    except (UnicodeDecodeError, jsonc.NotJsonError) as e:
        raise ConfigurationError(str(path), f"it is not JSON that is understood: {e}", hint=f"mend it: {path}") from e
    if not isinstance(root.value, dict):
        raise ConfigurationError(str(path), "it is no JSON object", hint=f"mend it: {path}")
    return text, root


def _is_ours(setup: "Setup", value: Any) -> bool:
    told = value.get("command") if isinstance(value, dict) else None
    return isinstance(told, str) and str(_program(setup)) in told


def _program(setup: "Setup") -> Path:
    return setup.home / "hook" / "statusline.py"


def _record(setup: "Setup") -> dict[str, Any]:
    try:
        found = json.loads(_program(setup).with_suffix(".json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and all(isinstance(one, dict) for one in found.values()) else {}


def _write(setup: "Setup", kept: dict[str, Any]) -> None:
    path = _program(setup).with_suffix(".json")
    files.replace(path, files.read(path), json.dumps(kept).encode())
