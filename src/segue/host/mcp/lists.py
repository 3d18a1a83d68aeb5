"""The lists of MCP servers that coding agents have: what each file says, which one counts, what is off.

As read by Codex 0.169, Gemini CLI 0.61, Qwen Code 0.15 and opencode 1.18; those of Cursor and VS Code as their manuals say.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from segue.host.mcp import claude_code
from segue.host.mcp.documents import Documents, entries, names, table
from segue.host.mcp.entries import Expand, Unfit, bare, braced, editor, expanded, in_braces, server
from segue.host.mcp.ground import Ground
from segue.ports.mcp import Misread, Named, Server

Read = Callable[[Ground, Documents], Iterator[Server]]


class ConfiguredServers:
    """See `ports.mcp.ServerLists`."""

    def __init__(self, ground: Ground) -> None:
        """Read where *ground* says."""
        self._ground = ground

    def read(self) -> Named:
        """See `ServerLists.read`."""
        servers: list[Server] = []
        misread: list[Misread] = []
        for agent, reader in READERS.items():
            documents = Documents(agent)
            servers += reader(self._ground, documents)
            misread += documents.misread
        return Named(tuple(servers), tuple(misread))


def _codex(ground: Ground, documents: Documents) -> Iterator[Server]:
    own = ground.config("codex") / "config.toml"
    user = documents.toml(own)
    shared = ground.workspace / ".codex/config.toml"
    trusted = table(user, "projects", str(ground.workspace)).get("trust_level") == "trusted"
    found: dict[str, Server] = {}
    for path, scope, document in ((own, "user", user), (shared, "project", documents.toml(shared) if shared != own else {})):
        for name, entry in entries(document, "mcp_servers"):
            one = server("codex", name, scope, path, entry, braced(ground.env))
            off = f"enabled = false in {path}" if table(entry).get("enabled") is False else ""
            if scope == "project" and not trusted:
                off = "Codex does not trust this project"
            if not (off and scope == "project" and name in found):
                found[name] = one._replace(off=off)
    yield from found.values()


def _gemini(ground: Ground, documents: Documents) -> Iterator[Server]:
    paths = _settings(ground, "gemini-cli", ".gemini", "/etc/gemini-cli/settings.json")
    switched = ground.config("gemini-cli") / "mcp-server-enablement.json"
    disabled = {
        name.lower(): f"enabled is false in {switched}"
        for name, entry in documents.json(switched).items()
        if table(entry).get("enabled") is False
    }
    extensions = sorted((ground.config("gemini-cli") / "extensions").glob("*/gemini-extension.json"))
    for one in _of_settings("gemini-cli", [*((path, "plugin") for path in extensions), *paths], ground, documents):
        yield one._replace(off=one.off or disabled.get(one.name.lower(), ""))


def _qwen(ground: Ground, documents: Documents) -> Iterator[Server]:
    extensions = sorted((ground.config("qwen-code") / "extensions").glob("*/qwen-extension.json"))
    paths = _settings(ground, "qwen-code", ".qwen", "/etc/qwen-code/settings.json")
    yield from _of_settings("qwen-code", [*((path, "plugin") for path in extensions), *paths], ground, documents)


def _settings(ground: Ground, agent: str, folder: str, system: str) -> list[tuple[Path, str]]:
    """Return the files of settings, what is nearer last."""
    own, shared = ground.config(agent) / "settings.json", ground.workspace / folder / "settings.json"
    return [(own, "user"), *([(shared, "project")] if shared != own else []), (Path(system), "managed")]


def _of_settings(agent: str, paths: list[tuple[Path, str]], ground: Ground, documents: Documents) -> Iterator[Server]:
    found: dict[str, Server] = {}
    read = [(path, scope, documents.json(path)) for path, scope in paths]
    for path, scope, document in read:
        for name, entry in entries(document, "mcpServers"):
            found[name] = server(agent, name, scope, path, entry, bare(ground.env))
    allowed = next((names(d, "mcp", "allowed") for _, _, d in reversed(read) if "allowed" in table(d, "mcp")), None)
    for name, one in found.items():
        off = next((f"mcp.excluded in {path}" for path, _, d in read if name in names(d, "mcp", "excluded")), "")
        if not off and allowed and name not in allowed:
            off = "mcp.allowed does not name it"
        yield one._replace(off=off)


def _opencode(ground: Ground, documents: Documents) -> Iterator[Server]:
    folder = ground.config("opencode")
    own = [(folder / name, "user") for name in ("config.json", "opencode.json", "opencode.jsonc")]
    named = ground.env.get("OPENCODE_CONFIG")
    shared = [(ground.workspace / name, "project") for name in ("opencode.json", "opencode.jsonc")]
    shared += [(ground.workspace / ".opencode" / name, "project") for name in ("opencode.json", "opencode.jsonc")]
    merged: dict[str, tuple[dict[str, tuple[Any, Path]], Path, str]] = {}
    tools: dict[str, Any] = {}
    for path, scope in (*own, *([(Path(named), "user")] if named else []), *shared):
        document = documents.json(path)
        tools |= table(document, "tools")
        for name, entry in entries(document, "mcp"):
            before = merged[name][0] if name in merged else {}
            merged[name] = ({**before, **{key: (value, path.parent) for key, value in table(entry).items()}}, path, scope)
    without = tuple(pattern for pattern, wanted in tools.items() if wanted is False)
    for name, (members, path, scope) in merged.items():
        try:
            entry = {key: expanded(value, in_braces(ground.env, folder)) for key, (value, folder) in members.items()}
            one = server("opencode", name, scope, path, entry, str)
        except Unfit as e:
            one = Server("opencode", name, scope, str(path), problem=str(e))
        off = f"enabled is false in {path}" if members.get("enabled", (True, path))[0] is False else ""
        yield one._replace(off=off, without=without)


def _cursor(ground: Ground, documents: Documents) -> Iterator[Server]:
    paths = [(ground.home / ".cursor/mcp.json", "user"), (ground.workspace / ".cursor/mcp.json", "project")]
    yield from _of_editor("cursor", paths, "mcpServers", ground, documents)


def _vscode(ground: Ground, documents: Documents) -> Iterator[Server]:
    base = ".config/Code" if sys.platform != "darwin" else "Library/Application Support/Code"
    paths = [(ground.home / base / "User/mcp.json", "user"), (ground.workspace / ".vscode/mcp.json", "project")]
    yield from _of_editor("vscode", paths, "servers", ground, documents)


def _of_editor(agent: str, paths: list[tuple[Path, str]], key: str, ground: Ground, documents: Documents) -> Iterator[Server]:
    expand: Expand = editor(ground.env, str(ground.workspace))
    found: dict[str, Server] = {}
    for path, scope in paths:
        for name, entry in entries(documents.json(path), key):
            found[name] = server(agent, name, scope, path, entry, expand)
    yield from found.values()


READERS: Final[Mapping[str, Read]] = {
    "claude-code": claude_code.read,
    "codex": _codex,
    "gemini-cli": _gemini,
    "qwen-code": _qwen,
    "opencode": _opencode,
    "cursor": _cursor,
    "vscode": _vscode,
}
