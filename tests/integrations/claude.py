"""What tests of the Claude Agent SDK's session store have in common."""

import asyncio
import json
from pathlib import Path

from segue.core.session.tree import active_chain
from segue.engine.capture.importing import import_paths
from segue.engine.foreign import Foreign, find
from segue.host.clock import SystemClock
from segue.transcripts import transcripts

FIXTURES = Path(__file__).parents[1] / "fixtures" / "transcripts" / "claude"
PROJECT = "-tmp-project"
LIVE = "a0edc6ad-81f1-4d48-9902-29dc3fc4830f"
PLAN = "7dcc6b33-a8e7-41fa-a76f-5d0f155f452e"
AGENT = "subagents/agent-af84c04076f3af957"


def key(session=LIVE, subpath=None, project=PROJECT):
    """Return a key of the SDK's."""
    return {"project_key": project, "session_id": session} | ({"subpath": subpath} if subpath else {})


def records_of(name):
    """Return the records of a recorded transcript."""
    return [json.loads(line) for line in (FIXTURES / name).read_text().splitlines()]


def entries_of(name):
    """Return those of them that Claude Code hands over."""
    return [r for r in records_of(name) if not r["type"].startswith("api-request")]


def live():
    """Return a session with hooks, a compaction and a subagent: its entries, its subagent's, and what is told of that."""
    meta = json.loads((FIXTURES / "subagents" / "agent.meta.json").read_text())
    return entries_of("hooks-subagent-compact.jsonl"), entries_of("subagents/agent.jsonl"), {**meta, "type": "agent_metadata"}


def line_of(entry):
    """Return a record as Claude Code writes it."""
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":")) + "\n"


def write(home, main, subagent=(), meta=None, session=LIVE):
    """Write Claude Code's own files of a session."""
    file = home / "projects" / PROJECT / f"{session}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(map(line_of, main)))
    if subagent:
        below = file.with_suffix("") / f"{AGENT}.jsonl"
        below.parent.mkdir(parents=True)
        below.write_text("".join(map(line_of, subagent)))
        told = {k: meta[k] for k in reversed(meta) if k != "type"}  # in another order, as Claude Code writes it
        below.with_suffix(".meta.json").write_text(line_of(told).rstrip("\n"))
    return file


def take_in(store, home):
    """Import Claude Code's own files."""
    return import_paths(store, transcripts(), [str(home)], clock=SystemClock())


def session_of(store, session=LIVE):
    """Return our id of a session."""
    return find(store, Foreign("claude-code", (session,)))


def told(store, session=LIVE):
    """Return the events of a session that its transcript is made into, without what only says how they came here."""
    found = []
    for event in store.read(session_of(store, session)):
        if event.source is None or event.source.get("agent") != "claude-code":
            continue
        by_place = event.node.startswith(("@", "=")) or event.kind in {"agent.set", "loss"}
        body = {k: v for k, v in event.body.items() if k != "where"}
        at = event.at if event.kind != "agent.set" else ""
        found.append((event.kind, event.actor, event.stream, "" if by_place else event.node, event.parent, at, body))
    return found


def said(store, session=LIVE):
    """Return the messages of the conversation as it is now."""
    return [e for e in active_chain(store.read(session_of(store, session))) if e.kind == "message"]


def run(call):
    """Return what a call of the SDK's gives."""
    return asyncio.run(call)
