"""Hooks and commands in coding agents' configuration: what would change, doing it, and undoing it byte for byte.

Everything is planned first, for all files; a file that cannot be understood or written is an error then, and nothing is
changed. Before a file is replaced it is written down what will be done to it (`receipt`), and what was there is copied.
"""

import json
import shlex
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from segue.core.errors import ConfigurationError
from segue.host.install import agents, codex, commands, files, jsonc, merging, servers, tables
from segue.host.install.agents import AGENTS, Agent
from segue.host.install.receipt import Entry, Receipt


class Setup(NamedTuple):
    """What is installed, and for whom."""

    home: Path
    """The home of segue: hooks spool into it."""
    python: str
    """What runs hooks."""
    program: str
    """What runs segue, as a shell is told it."""
    config: Mapping[str, str]
    """By agent: the directory of the user's settings for it."""
    project: Path | None = None
    """The root of the project whose configuration is changed; None: the user's."""
    state: Path = Path()
    """The file in which Claude Code keeps its state, and the user's servers in it."""
    launch: servers.Launch = servers.Launch((), {})
    """How our MCP server is started."""
    serves: bool = False
    """Whether agents are told of it."""

    @property
    def place(self) -> str:
        """Return how the receipt names it."""
        return "user" if self.project is None else str(self.project)

    def hook(self, agent: Agent) -> Path:
        """Return the stand-alone hook of an agent."""
        return self.home / "hook" / f"{agent.name}.py"

    def folder(self, agent: Agent) -> Path:
        """Return the directory of an agent's configuration."""
        return Path(self.config[agent.name]) if self.project is None else self.project / agent.folder

    def hooks_file(self, agent: Agent) -> Path:
        """Return the file that has an agent's hooks."""
        return self.folder(agent) / (agent.hooks if self.project is None else agent.local_hooks)

    def server_file(self, agent: Agent) -> Path:
        """Return the file that has an agent's MCP servers."""
        return servers.place(agent, self.folder(agent), self.project, self.state)

    @property
    def wanted_server(self) -> servers.Launch | None:
        """How the MCP server is started that agents are to have."""
        return self.launch if self.serves else None


class Change(NamedTuple):
    """What happens to one file."""

    agent: str
    path: Path
    before: bytes | None
    after: bytes | None
    entry: Entry
    """What is known of the file from then on; what was known, where it is undone."""

    @property
    def action(self) -> str:
        """Return `create`, `change`, `remove` or `keep`."""
        if self.before == self.after:
            return "keep"
        return "create" if self.before is None else "remove" if self.after is None else "change"


def command(setup: Setup, agent: Agent, event: str) -> str:
    """Return what an agent runs on an event: silent and 0, whatever became of segue, its hook or the interpreter."""
    hook, python = shlex.quote(str(setup.hook(agent))), shlex.quote(setup.python)
    return f"[ -f {hook} ] && {python} -S -E {hook} {event} >/dev/null 2>&1 || :"


def wanted(setup: Setup, agent: Agent) -> merging.Wanted:
    """Return the hooks that an agent should have."""
    groups: dict[str, dict[str, Any]] = {}
    for event in (*agent.events, *agent.tools):
        handler: dict[str, Any] = {"type": "command", "command": command(setup, agent, event)}
        if agent.timeout:
            handler["timeout"] = agent.timeout
        groups[event] = {"matcher": "*", "hooks": [handler]} if event in agent.tools else {"hooks": [handler]}
    return merging.Wanted(groups, shlex.quote(str(setup.hook(agent))))


def own_files(setup: Setup, agent: Agent) -> dict[Path, str]:
    """Return the files of ours that an agent should have."""
    written = {
        "claude-code": commands.claude_code,
        "codex": commands.codex,
        "gemini-cli": commands.gemini_cli,
        "qwen-code": commands.gemini_cli,
        "opencode": commands.opencode,
    }[agent.name](setup.program)
    found = {setup.folder(agent) / name: text for name, text in written.items()}
    if agent is agents.OPENCODE:
        found[setup.folder(agent) / "plugin" / "segue.js"] = _plugin(setup)
    return found


def _plugin(setup: Setup) -> str:
    text = resources.files(__name__).joinpath("opencode.js").read_text(encoding="utf-8")
    for name, value in (("@HOOK@", setup.hook(agents.OPENCODE)), ("@PYTHON@", setup.python)):
        text = text.replace(f'"{name}"', json.dumps(str(value), ensure_ascii=False))
    return text


def plan(setup: Setup, chosen: Iterable[Agent], receipt: Receipt) -> list[Change]:
    """Return what must change so that *chosen* agents have our hooks and commands. Changes nothing.

    Raises:
        ConfigurationError: a file cannot be understood, read or written; or one of our names is taken by another's file.
    """
    changes = []
    for agent in chosen:
        if agent.hooks:
            changes.append(hooks := _hooks(setup, agent, receipt))
            if agent is agents.CODEX:
                changes.append(_trust(setup, receipt, (hooks.after or b"").decode()))
        if setup.server_file(agent) not in {change.path for change in changes}:
            changes.append(_server(setup, agent, receipt))
        changes += [_own(setup, agent, receipt, path, text) for path, text in own_files(setup, agent).items()]
    changes = [change for change in changes if change.before is not None or change.after is not None]
    for change in changes:
        if change.action != "keep":
            files.check(change.path)
    return changes


def plan_removal(setup: Setup, chosen: Iterable[Agent], receipt: Receipt) -> list[Change]:
    """Return what must change so that nothing of ours is left in the configuration of *chosen* agents. Changes nothing.

    Raises:
        ConfigurationError: a file that has something of ours cannot be understood, read or written.
    """
    names = {agent.name for agent in chosen}
    entries = {e.path: e for e in receipt if e.agent in names and e.place == setup.place}
    for agent in chosen:
        if agent.hooks:  # also where the receipt is lost
            path = str(setup.hooks_file(agent))
            entries.setdefault(path, Entry(agent.name, path, setup.place, "hooks", server=_lost(setup, agent, path)))
        if agent is agents.CODEX:
            path = str(Path(setup.config[agent.name]) / "config.toml")
            entries.setdefault(path, Entry(agent.name, path, setup.place, "trust", server=_lost(setup, agent, path)))
        path = str(setup.server_file(agent))
        entries.setdefault(path, Entry(agent.name, path, setup.place, "server", server=_lost(setup, agent, path)))
    changes = [_undone(setup, entry) for entry in entries.values()]
    for change in changes:
        if change.action != "keep":
            files.check(change.path)
    return changes


def apply(changes: Iterable[Change], receipt: Receipt) -> None:
    """Do what was planned, file by file; each is written down first.

    Raises:
        ChangedError: somebody else wrote a file since it was planned. Those before it are done; plan again.
        OSError: a file cannot be written.
    """
    for change in changes:
        if change.after is None or change.action == "keep":
            continue
        receipt.directories[:0] = files.make_directories(change.path.parent)
        receipt.keep(change.entry, change.before)
        files.replace(change.path, change.before, change.after)


def undo(changes: Iterable[Change], receipt: Receipt) -> None:
    """Do what `plan_removal` planned, and forget what was done. Raises ChangedError, OSError."""
    for change in changes:
        if change.action == "change" and change.after is not None:
            files.replace(change.path, change.before, change.after)
        elif change.action == "remove" and change.before is not None:
            files.remove(change.path, change.before)
        receipt.forget(change.entry)
    receipt.tidy()


def _hooks(setup: Setup, agent: Agent, receipt: Receipt) -> Change:
    path, want = setup.hooks_file(agent), wanted(setup, agent)
    before = files.read(path)
    entry = receipt.get(setup.place, path) or Entry(agent.name, str(path), setup.place, "hooks", made=before is None)
    text = _text(path, before or b"")
    try:
        if before is None or not merging.has(text, want):
            merged = merging.merge(merging.unmerge(text, want.mark, entry.pieces), want)
            text, entry = merged.text, entry._replace(pieces=merged.pieces)
        if path == setup.server_file(agent):
            put = servers.with_server(agent, text, setup.wanted_server, entry.server)
            text, entry = put.text, entry._replace(server=put.server)
    except jsonc.NotJsonError as e:
        raise ConfigurationError(str(path), f"it is not JSON that is understood: {e}", hint=f"mend it: {path}") from e
    return Change(agent.name, path, before, text.encode(), entry)


def _server(setup: Setup, agent: Agent, receipt: Receipt) -> Change:
    """Return what tells an agent of our MCP server, in a file that has nothing else of ours."""
    path = setup.server_file(agent)
    before = files.read(path)
    entry = receipt.get(setup.place, path) or Entry(agent.name, str(path), setup.place, "server", made=before is None)
    text = _text(path, before or b"")
    try:
        put = servers.with_server(agent, text, setup.wanted_server, entry.server)
    except (jsonc.NotJsonError, tables.NotTomlError) as e:
        raise ConfigurationError(str(path), f"it is not understood: {e}", hint=f"mend it: {path}; or: --no-mcp") from e
    after = before if put.text == text else put.text.encode()
    return Change(agent.name, path, before, after, entry._replace(server=put.server))


def _lost(setup: Setup, agent: Agent, path: str) -> tuple[str, ...]:
    """Return what stands for our server in a file of which nothing is known, where it may be."""
    return servers.LOST if path == str(setup.server_file(agent)) else ()


def _trust(setup: Setup, receipt: Receipt, hooks: str) -> Change:
    """Return what makes Codex run our hooks, as they will stand in its file."""
    agent = agents.CODEX
    path = Path(setup.config[agent.name]) / "config.toml"
    wanted_tables = codex.trust(setup.hooks_file(agent), hooks, wanted(setup, agent))
    before = files.read(path)
    entry = receipt.get(setup.place, path) or Entry(agent.name, str(path), setup.place, "trust", made=before is None)
    text = _text(path, before or b"")
    try:
        if not tables.has(text, wanted_tables):
            ours = set(wanted_tables) | codex.paths(text, setup.hooks_file(agent), entry.pieces)
            merged = tables.merge(tables.unmerge(text, ours, entry.pieces), wanted_tables)
            text, entry = merged.text, entry._replace(pieces=merged.pieces)
        if path == setup.server_file(agent):
            put = servers.with_server(agent, text, setup.wanted_server, entry.server)
            text, entry = put.text, entry._replace(server=put.server)
    except tables.NotTomlError as e:
        raise ConfigurationError(str(path), f"it is not TOML that is understood: {e}", hint=f"mend it: {path}") from e
    return Change(agent.name, path, before, text.encode(), entry)


def _own(setup: Setup, agent: Agent, receipt: Receipt, path: Path, text: str) -> Change:
    before, after = files.read(path), text.encode()
    known = receipt.get(setup.place, path)
    if before not in {None, after} and (known is None or _digest(before) != known.digest):
        if known is not None:  # the user made it his own
            return Change(agent.name, path, before, before, known)
        if commands.MARK.encode() not in (before or b""):
            raise ConfigurationError(str(path), "it is there already, and is not ours", hint=f"move it away: {path}")
    entry = known or Entry(agent.name, str(path), setup.place, "file", made=True)
    return Change(agent.name, path, before, after, entry._replace(digest=_digest(after)))


def _undone(setup: Setup, entry: Entry) -> Change:
    path = Path(entry.path)
    before = files.read(path)
    if before is None or entry.kind == "file":
        return Change(entry.agent, path, before, None, entry)
    text = _text(path, before)
    agent = next(a for a in AGENTS if a.name == entry.agent)
    mark = shlex.quote(str(setup.hook(agent)))
    try:
        rest = servers.without_server(agent, text, setup.launch, entry.server)
        if entry.kind == "trust":
            rest = tables.unmerge(rest, _trusted(setup, rest, entry.pieces), entry.pieces)
        elif entry.kind == "hooks":
            rest = merging.unmerge(rest, mark, entry.pieces)
    except (jsonc.NotJsonError, tables.NotTomlError) as e:
        if mark not in text and not entry.pieces and entry.server in {(), servers.LOST}:
            return Change(entry.agent, path, before, before, entry)
        raise ConfigurationError(str(path), f"it is not understood: {e}", hint=f"mend it: {path}") from e
    is_empty = rest.strip() in {"", "{}"}
    return Change(entry.agent, path, before, None if entry.made and is_empty else rest.encode(), entry)


def _trusted(setup: Setup, text: str, pieces: tuple[str, ...]) -> set[tuple[str, ...]]:
    """Return which tables in *text* trust hooks of ours; where it is lost what was put in, those of the hooks that are there."""
    path = setup.hooks_file(agents.CODEX)
    found = codex.paths(text, path, pieces)
    hooks, want = files.read(path), wanted(setup, agents.CODEX)
    if not pieces and hooks is not None and merging.has(_text(path, hooks), want):
        for keys, values in codex.trust(path, _text(path, hooks), want).items():
            found |= {keys} if tables.has(text, {keys: values}) else set()
    return found


def _text(path: Path, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as e:
        raise ConfigurationError(str(path), f"it is not UTF-8: {e.reason} at byte {e.start}") from e


def _digest(data: bytes | None) -> str:
    return blake2b(data or b"", digest_size=16).hexdigest()


__all__ = ["AGENTS", "Agent", "Change", "Receipt", "Setup", "apply", "plan", "plan_removal", "undo"]
