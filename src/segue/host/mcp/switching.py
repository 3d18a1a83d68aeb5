"""A server switched off and on in its agent's configuration: planned as text, checked by its meaning, undone byte for byte.

Each agent is told in its own words: a name in a list (Claude Code, Gemini CLI, Qwen Code), `enabled` in the server's entry
(Codex, opencode). Cursor and VS Code keep no such word in a file: there the entry is taken out, and kept to be put back.
"""

from hashlib import blake2b
from pathlib import Path
from typing import Final

from segue.core.errors import ConfigurationError
from segue.host.install import Change, Receipt, files, jsonc
from segue.host.install.receipt import Entry
from segue.host.mcp import claude_code, entries, json_switch, toml_switch
from segue.host.mcp.ground import Ground
from segue.ports.mcp import Server

FOLDER: Final = "mcp"
"""Where in the home of segue the receipt and the copies are."""
KIND: Final = "mcp"
_ENTRIES: Final = {"cursor": "mcpServers", "vscode": "servers"}
_LISTED: Final = {"gemini-cli", "qwen-code"}


def plan(server: Server, ground: Ground, receipt: Receipt, *, on: bool) -> Change:
    """Return what must change so that the agent starts *server*, or no longer does. Changes nothing.

    Raises:
        ConfigurationError: the file cannot be understood, read or written, or who switched the server off is not us to undo.
    """
    path = _path(server, ground)
    before = files.read(path)
    known = receipt.get(server.name, path)
    if on and known is not None and before is not None and _digest(before) == known.digest:
        after = None if known.made else (receipt.directory / known.backup).read_bytes()
        change = Change(server.agent, path, before, after, known)
    else:
        change = _changed(server, ground, path, before, known, on=on)
    if change.action != "keep":
        files.check(path)
    return change


def taken_out(receipt: Receipt) -> list[Server]:
    """Return the servers whose entries were taken out of a file: only the receipt knows of them."""
    found = []
    for entry in receipt:
        if entry.kind == KIND and entry.pieces:
            raw = jsonc.parse(f"{{{entry.pieces[0]}}}").value.get(entry.place)
            one = entries.server(entry.agent, entry.place, "", Path(entry.path), raw, str)
            found.append(one._replace(off="its entry was taken out by segue mcp off"))
    return found


def apply(change: Change, receipt: Receipt, *, on: bool) -> None:
    """Do what was planned; before a server is switched off it is written down, and the file is copied.

    Raises:
        ChangedError: somebody else wrote the file since. Nothing was done; plan again.
        OSError: it cannot be written.
    """
    old = receipt.get(change.entry.place, change.path)
    if not on and change.action != "keep":
        if old is not None:
            receipt.forget(old)
        receipt.directories[:0] = files.make_directories(change.path.parent)
        receipt.keep(change.entry, change.before)
    if change.after is None and change.before is not None:
        files.remove(change.path, change.before)
    elif change.action != "keep" and change.after is not None:
        files.replace(change.path, change.before, change.after)
    if on and old is not None:
        receipt.forget(old)


def _path(server: Server, ground: Ground) -> Path:
    if server.agent == "claude-code":
        return claude_code.state_file(ground)
    if server.scope == "managed":
        raise ConfigurationError(server.path, "it is managed by the administrator of this machine")
    if server.scope == "plugin" and server.agent in _LISTED:
        return ground.config(server.agent) / "settings.json"
    return Path(server.path)


def _changed(server: Server, ground: Ground, path: Path, before: bytes | None, known: Entry | None, *, on: bool) -> Change:
    try:
        text = (before or b"").decode()
    except UnicodeDecodeError as e:
        raise ConfigurationError(str(path), f"it is not UTF-8: {e.reason} at byte {e.start}") from e
    piece, name = "", server.name
    try:
        if server.agent == "codex":
            after = toml_switch.switched(text, name, on=on)
        elif server.agent == "opencode":
            after = json_switch.flagged(text, ("mcp", name, "enabled"), value=on)
        elif server.agent == "claude-code":
            after = json_switch.listed(text, ("projects", str(ground.workspace), claude_code.OFF), name, on=on)
        elif server.agent in _LISTED:
            after = json_switch.listed(text, ("mcp", "excluded"), name, on=on)
        elif on:
            after = json_switch.put_back(text, (_ENTRIES[server.agent], name), known.pieces[0]) if known else text
        else:
            after, piece = json_switch.taken_out(text, (_ENTRIES[server.agent], name))
    except (jsonc.NotJsonError, toml_switch.NotSwitchableError) as e:
        raise ConfigurationError(str(path), f"it is not understood: {e}", hint=f"switch {name!r} there yourself: {path}") from e
    data, pieces = after.encode(), (piece,) if piece else ()
    entry = Entry(server.agent, str(path), name, KIND, made=before is None, pieces=pieces, digest=_digest(data))
    return Change(server.agent, path, before, before if after == text else data, entry)


def _digest(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()
