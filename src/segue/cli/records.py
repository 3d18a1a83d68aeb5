"""The shapes that `--json` prints. Scripts rely on them: a field may be added, none may change."""

from typing import TYPE_CHECKING, Any

from segue.core.log.events import ABSENT, Event
from segue.core.session.catalogue import PlaceRow
from segue.engine.saving.checkpoints import Made
from segue.engine.sessions import Begun
from segue.ports import Finding

if TYPE_CHECKING:
    from segue.core.session.retention import Verdict
    from segue.engine.budget.auditing import AgentCost, Audit, ServerCost
    from segue.engine.capture.importing import Import
    from segue.engine.recovery.reconstructing import Reconstructed
    from segue.engine.recovery.recovering import Kept
    from segue.engine.saving.forgetting import Forgotten
    from segue.ports.backups import Backup
    from segue.ports.encryption import Changed, Encrypted
    from segue.ports.erasing import Scan
    from segue.ports.mcp import Server
    from segue.ports.recovery import Recovered, Sifted


def begun(session: Begun, **more: Any) -> dict[str, Any]:
    """A session that was begun."""
    return {**session._asdict(), **more}


def event(e: Event) -> dict[str, Any]:
    """An event of a log, and its place in the conversation; `parent` where one was given (null: a root)."""
    shape = {
        "seq": e.seq,
        "id": e.id,
        "at": e.at,
        "kind": e.kind,
        "actor": e.actor,
        "body": e.body,
        "source": e.source,
        "digest": e.digest,
        "stream": e.stream,
        "node": e.node,
        "parent": e.parent,
        "key": e.key,
    }
    if e.parent == ABSENT:
        del shape["parent"]
    if e.erased:
        shape["erased"] = True
    return shape


def checkpoint(made: Made) -> dict[str, Any]:
    """A checkpoint that was taken."""
    return made._asdict()


def place(row: PlaceRow) -> dict[str, Any]:
    """A checkpoint or continuation of the catalogue."""
    return row._asdict()


def recovered(found: "Recovered", kept: "list[Kept]") -> dict[str, Any]:
    """What recovery found and did."""
    return {
        "sources": [one._asdict() for one in found.sources],
        "logs": [one._asdict() for one in found.logs],
        "kept": [one._asdict() for one in kept],
        "others": list(found.others),
        "sound": found.sound,
    }


def reconstructed(found: "Sifted", made: "list[Reconstructed]", imported: "Import | None") -> dict[str, Any]:
    """What was left of sessions, and what was made of it."""
    return {
        "sessions": [one._asdict() for one in made],
        "imported": [one.to_json() for one in imported.sessions] if imported else [],
        "unread": dict(found.unread),
        "damaged": found.damaged,
        "shared": found.shared,
    }


def backup(b: "Backup") -> dict[str, Any]:
    """A backup, and what is in it."""
    return b._asdict()


def encrypted(state: "Encrypted", changed: "Changed | None", elsewhere: list[str]) -> dict[str, Any]:
    """How the store is encrypted, what a change of that did, and which backups are not under its key."""
    shape = {**state._asdict(), "older": list(state.older), "backups_elsewhere": elsewhere}
    return shape if changed is None else {**shape, "changed": {**changed._asdict(), "left": list(changed.left)}}


def forgotten(f: "Forgotten") -> dict[str, Any]:
    """What retention made of a session's checkpoints."""

    def shape(v: "Verdict") -> dict[str, Any]:
        c = v.checkpoint
        return {"name": c.name, "position": c.position, "at": c.at, "automatic": c.automatic, "why": v.why}

    kept = [shape(v) for v in f.verdicts if v.kept]
    return {"session": f.session, "name": f.name, "forgotten": [shape(v) for v in f.gone], "kept": kept}


def finding(f: Finding) -> dict[str, Any]:
    """Something that validation saw."""
    return f._asdict()


def scanned(name: str, scan: "Scan") -> dict[str, Any]:
    """Return a look at every byte of a place."""
    return {
        "place": name,
        "files": scan.files,
        "bytes": scan.bytes,
        "found": scan.times,
        "left": [one._asdict() for one in scan.left],
        "unread": [one._asdict() for one in scan.unread],
    }


def mcp_server(server: "Server", shown: str) -> dict[str, Any]:
    """An MCP server as an agent's configuration names it; nothing of its variables, headers or address but the host."""
    return {
        "agent": server.agent,
        "name": server.name,
        "scope": server.scope,
        "path": server.path,
        "transport": server.transport,
        "started_by": shown,
        "on": not server.off,
        "off": server.off,
        "problem": server.problem,
    }


def mcp_audit(found: "Audit") -> dict[str, Any]:
    """What MCP servers cost, by agent; `families`: how the tokens of each family of models were counted."""
    return {
        "agents": [_agent_cost(one) for one in found.agents],
        "misread": [one._asdict() for one in found.misread],
        "task": found.task,
        "since": found.since,
        "families": dict(found.families),
    }


def _agent_cost(one: "AgentCost") -> dict[str, Any]:
    shape = {name: value for name, value in one._asdict().items() if name != "servers"}
    return {**shape, "warning": one.is_much, "servers": [_server_cost(cost) for cost in one.servers]}


def _server_cost(cost: "ServerCost") -> dict[str, Any]:
    server, listing = cost.server, cost.listing
    return {
        "name": server.name,
        "scope": server.scope,
        "path": server.path,
        "off": server.off,
        "failure": listing.failure if listing else "",
        "notes": list(listing.notes) if listing else [],
        "version": listing.version if listing else "",
        "seconds": round(listing.seconds, 3) if listing else None,
        "tokens": cost.tokens,
        "families": dict(cost.families),
        "instructions": cost.instructions,
        "raw": cost.raw,
        "whole": cost.whole,
        "calls": cost.calls,
        "last": cost.last or None,
        "advice": cost.advice.say if cost.advice else None,
        "why": cost.advice.why if cost.advice else "",
        "left_out": cost.left_out,
        "tools": [{**tool._asdict(), "families": dict(tool.families), "last": tool.last or None} for tool in cost.tools],
    }
