"""The MCP servers of Claude Code 2.1: managed ones, or those of the user, of the project (`.mcp.json`), of both, and of plugins.

A server of `.mcp.json` runs once the user approved it; any server can be off in a project: its name is in the list
`disabledMcpServers` of the project in `.claude.json`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from segue.host.mcp.documents import Documents, entries, names, table
from segue.host.mcp.entries import braced, server
from segue.host.mcp.ground import Ground
from segue.ports.mcp import Server

AGENT: Final = "claude-code"
_MANAGED: Final = Path("/etc/claude-code")
OFF: Final = "disabledMcpServers"


def state_file(ground: Ground) -> Path:
    """Return the file in which Claude Code keeps its own state, and servers in it."""
    moved = ground.env.get("CLAUDE_CONFIG_DIR")
    return (Path(moved) if moved else ground.home) / ".claude.json"


def read(ground: Ground, documents: Documents) -> Iterator[Server]:
    """Yield the servers, of those with one name the one that Claude Code takes."""
    state = documents.json(state_file(ground))
    project = table(state, "projects", str(ground.workspace))
    folder = ground.config(AGENT)
    paths = (
        _MANAGED / "managed-settings.json",
        ground.workspace / ".claude/settings.local.json",
        ground.workspace / ".claude/settings.json",
        folder / "settings.json",
    )
    settings = [(path, documents.json(path)) for path in paths]
    off = names(project, OFF)
    denied = tuple(_pattern(rule) for _, found in settings for rule in names(found, "permissions", "deny") if _is_mcp(rule))
    known: set[str] = set()
    for one in _scopes(ground, documents, state, project, settings):
        if one.name in known:
            continue
        known.add(one.name)
        where = one.off or (f"{OFF} of this project in {state_file(ground)}" if one.name in off else "")
        yield one._replace(off=where, without=(*one.without, *denied))


def _scopes(
    ground: Ground,
    documents: Documents,
    state: Mapping[str, Any],
    project: Mapping[str, Any],
    settings: list[tuple[Path, Mapping[str, Any]]],
) -> Iterator[Server]:
    expand, own = braced(ground.env), state_file(ground)
    managed = _MANAGED / "managed-mcp.json"
    if managed.exists():
        for name, entry in entries(documents.json(managed), "mcpServers"):
            yield server(AGENT, name, "managed", managed, entry, expand)
        return
    for name, entry in entries(project, "mcpServers"):
        yield server(AGENT, name, "local", own, entry, expand)
    shared = ground.workspace / ".mcp.json"
    for name, entry in entries(documents.json(shared), "mcpServers"):
        yield server(AGENT, name, "project", shared, entry, expand)._replace(off=_approval(name, project, settings))
    for name, entry in entries(state, "mcpServers"):
        yield server(AGENT, name, "user", own, entry, expand)
    yield from _plugins(ground, documents, settings)


def _approval(name: str, project: Mapping[str, Any], settings: list[tuple[Path, Mapping[str, Any]]]) -> str:
    """Return why a server of the project's shared file does not run; empty where the user approved it."""
    told = [*(found for _, found in settings), project]
    rejected = next((path for path, found in settings if name in names(found, "disabledMcpjsonServers")), None)
    if rejected:
        return f"disabledMcpjsonServers in {rejected}"
    if name in names(project, "disabledMcpjsonServers"):
        return "it was rejected in Claude Code"
    approved = any(
        found.get("enableAllProjectMcpServers") is True or name in names(found, "enabledMcpjsonServers") for found in told
    )
    return "" if approved else "Claude Code waits for your approval of it"


def _plugins(ground: Ground, documents: Documents, settings: list[tuple[Path, Mapping[str, Any]]]) -> Iterator[Server]:
    enabled: dict[str, bool] = {}
    for _, found in reversed(settings):
        enabled |= {name: value is True for name, value in entries(found, "enabledPlugins")}
    installed = table(documents.json(ground.config(AGENT) / "plugins/installed_plugins.json"), "plugins")
    for full, places in installed.items():
        if not enabled.get(full):
            continue
        newest = places[-1] if isinstance(places, list) and places else places
        root = newest.get("installPath") if isinstance(newest, Mapping) else None
        if isinstance(root, str):
            yield from _plugin(ground, documents, full.partition("@")[0], Path(root))


def _plugin(ground: Ground, documents: Documents, plugin: str, root: Path) -> Iterator[Server]:
    expand = braced({**ground.env, "CLAUDE_PLUGIN_ROOT": str(root)})
    manifest = root / ".claude-plugin/plugin.json"
    given = documents.json(manifest).get("mcpServers")
    path = manifest if isinstance(given, Mapping) else root / (given if isinstance(given, str) else ".mcp.json")
    document = {"mcpServers": given} if isinstance(given, Mapping) else documents.json(path)
    for name, entry in entries(document, "mcpServers") if "mcpServers" in document else document.items():
        yield server(AGENT, f"plugin:{plugin}:{name}", "plugin", path, entry, expand)


def _is_mcp(rule: str) -> bool:
    return rule.startswith("mcp__") and "(" not in rule


def _pattern(rule: str) -> str:
    """Return which names of tools a rule is about: `mcp__github` is about all of that server."""
    return rule if rule.count("__") > 1 else f"{rule}__*"
