"""Our MCP server in the configuration of coding agents: put in as one piece of text, and taken out as such.

Formats as in `host.mcp`: an object of servers by name in JSON (`mcpServers`, of opencode `mcp`), tables in Codex's TOML. Who has
a server of that name already keeps it as it is.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from segue.host.install import jsonc, tables
from segue.host.install.agents import CLAUDE_CODE, CODEX, OPENCODE, Agent

NAME: Final = "segue"
_TABLE: Final = ("mcp_servers", NAME)
LOST: Final = ("",)
"""In the place of what was put in, where the list of that is lost: what is exactly ours is taken out."""
Keys = tuple[str, ...]


class Launch(NamedTuple):
    """How the server is started."""

    command: tuple[str, ...]
    env: Mapping[str, str]


class Put(NamedTuple):
    """A file with our server, or without it."""

    text: str
    server: tuple[str, ...]
    """What was put in."""


def place(agent: Agent, folder: Path, project: Path | None, state: Path) -> Path:
    """Return the file in which an agent looks for servers: of the user, in *folder* or Claude Code's *state*, or of a project."""
    if agent is CLAUDE_CODE:
        return state if project is None else project / ".mcp.json"
    if agent is CODEX:
        return folder / "config.toml"
    if agent is OPENCODE:
        known = (folder / name for name in ("opencode.jsonc", "opencode.json"))
        return next((path for path in known if path.exists()), folder / "opencode.json")
    return folder / "settings.json"


def with_server(agent: Agent, text: str, launch: Launch | None, server: tuple[str, ...]) -> Put:
    """Return *text* with our server as it is to be started, with None without it; *server* is what was put in before.

    Raises:
        NotJsonError, NotTomlError: the text is of a form that cannot be changed by itself.
    """
    if agent is CODEX:
        return _with_table(text, launch, server)
    keys = _keys(agent)
    wanted = None if launch is None else _entry(agent, launch)
    there = _at(jsonc.parse(text or "{}"), keys)
    if there is not None and (not server or _says(there.value, wanted)):
        return Put(text, server)  # it is somebody else's, or as it is to be
    text = _without(text, keys, server) if there is not None else text
    return Put(text, ()) if wanted is None else _put_in(text, keys, wanted)


def without_server(agent: Agent, text: str, launch: Launch, server: tuple[str, ...]) -> str:
    """Return *text* without our server; with *server* LOST where it stands there exactly as it would be put in."""
    if not server:
        return text
    if agent is CODEX:
        if server == LOST and not tables.has(text, _tables(launch)):
            return text
        return tables.unmerge(text, {(*_TABLE, "env"), _TABLE}, () if server == LOST else server)
    keys = _keys(agent)
    there = _at(jsonc.parse(text or "{}"), keys)
    if there is None or (server == LOST and there.value != _entry(agent, launch)):
        return text
    return _without(text, keys, server)


# --- JSON


def _keys(agent: Agent) -> Keys:
    return ("mcp" if agent is OPENCODE else "mcpServers", NAME)


def _entry(agent: Agent, launch: Launch) -> dict[str, Any]:
    env = dict(launch.env)
    if agent is OPENCODE:
        return {"type": "local", "command": list(launch.command)} | ({"environment": env} if env else {})
    program, *arguments = launch.command
    kind = {"type": "stdio"} if agent is CLAUDE_CODE else {}
    return {**kind, "command": program, "args": arguments} | ({"env": env} if env else {})


def _put_in(text: str, keys: Keys, value: Any) -> Put:
    if not text.strip("\ufeff \t\r\n"):
        whole = json.dumps({keys[0]: {keys[1]: value}}, ensure_ascii=False, indent=2) + "\n"
        return Put(text + whole, (whole,))
    root = jsonc.parse(text)
    if not isinstance(root.value, dict):
        raise jsonc.NotJsonError("line 1, column 1: it is not an object")
    holder = root.get(keys[0])
    if holder is not None and not isinstance(holder.value, dict):
        raise jsonc.NotJsonError(f"{keys[0]!r} is not an object")
    if holder is None:
        piece = jsonc.first_in(text, root, lambda _: f"{_shown(keys[0])}: {_shown({keys[1]: value})}")
    else:
        piece = jsonc.first_in(text, holder, lambda _: f"{_shown(keys[1])}: {_shown(value)}")
    return Put(jsonc.put(text, [piece]), (piece.text,))


def _without(text: str, keys: Keys, server: tuple[str, ...]) -> str:
    """Return *text* without the member at *keys*: word for word as it was put in, else by its meaning."""
    expected = jsonc.parse(text).value
    del expected[keys[0]][keys[1]]
    made = any(_shown(keys[0]) in piece for piece in server)  # the object around it came with it
    if made and not expected[keys[0]]:
        del expected[keys[0]]
    for piece in server:
        if piece and text.count(piece) == 1:
            rest = text.replace(piece, "")
            if (not rest.strip("\ufeff \t\r\n") and not expected) or _value(rest) == expected:
                return rest
    for depth in (2, 1) if keys[0] not in expected else (2,):
        root = jsonc.parse(text)
        holder = root if depth == 1 else root.get(keys[0])
        assert holder is not None  # noqa: S101 - it was found above
        number = max(n for n, element in enumerate(holder.elements) if element.key == keys[depth - 1])
        text = jsonc.cut(text, holder, number)
    return text


def _at(root: jsonc.Node, keys: Keys) -> jsonc.Node | None:
    node: jsonc.Node | None = root
    for key in keys:
        node = node.get(key) if node is not None and isinstance(node.value, dict) else None
    return node


def _value(text: str) -> Any:
    try:
        return jsonc.parse(text).value
    except jsonc.NotJsonError:
        return None


def _says(value: Any, wanted: Any) -> bool:
    """Return whether an entry says what is wanted, whatever else it says: it may have been switched off."""
    return isinstance(value, dict) and wanted is not None and wanted.items() <= value.items()


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


# --- TOML


def _tables(launch: Launch) -> dict[Keys, dict[str, Any]]:
    program, *arguments = launch.command
    found: dict[Keys, dict[str, Any]] = {_TABLE: {"command": program, "args": arguments}}
    return found | ({(*_TABLE, "env"): dict(launch.env)} if launch.env else {})


def _with_table(text: str, launch: Launch | None, server: tuple[str, ...]) -> Put:
    named = tables.parse(text).get(_TABLE[0])
    is_there = isinstance(named, dict) and NAME in named
    if is_there and (not server or (launch is not None and tables.has(text, _tables(launch)))):
        return Put(text, server)
    if is_there:
        text = tables.unmerge(text, {(*_TABLE, "env"), _TABLE}, server)
    if launch is None:
        return Put(text, ())
    merged = tables.merge(text, _tables(launch))
    return Put(merged.text, merged.pieces)
