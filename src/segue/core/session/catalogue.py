"""The catalogue: a row for each session, as lists show it and references are resolved with."""

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from segue.core.log.ids import is_uuid
from segue.core.session.lifecycle import LIVE
from segue.core.session.values import LINE

if TYPE_CHECKING:
    from segue.core.session.state import State

_TASKS: Final = 50


class SessionRow(NamedTuple):
    """A session, in a line. Times are of events (UTC), empty where unknown; `tokens` is input plus output."""

    id: str
    name: str = ""
    slug: str = ""
    title: str = ""
    organisation: str = ""
    project: str = ""
    type: str = ""
    task: str = ""
    model: str = ""
    owner: str = ""
    workspace: str = ""
    agent: str = ""
    agents: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    foreign_ids: tuple[str, ...] = ()
    status: str = "created"
    reason: str = ""
    since: str = ""
    created: str = ""
    last_activity: str = ""
    head: int = 0
    messages: int = 0
    tokens: int = 0
    cost_usd: float = 0
    context_tokens: int | None = None
    """How full the context was by the last usage record."""
    progress: float | None = None
    parent: str = ""
    """The session that it is a fork of."""
    origin: str = ""
    """The session that the agent itself forked this one from: our id of it, or the agent's."""
    losses: int = 0
    tasks: tuple[tuple[str, str], ...] = ()
    """Its tasks that have an id, each with its title; the current one first."""

    @property
    def live(self) -> bool:
        """Whether it is neither ended nor archived."""
        return self.status in LIVE

    @property
    def about(self) -> str:
        """What it is about, or else what whoever had it calls it: a thread's or a conversation's id that says something."""
        return self.title or self.task or next((name for name in self.foreign_ids if not is_uuid(name)), "")

    def to_json(self) -> dict[str, Any]:
        """Return the row as JSON data."""
        found = {k: list(v) if isinstance(v, tuple) else v for k, v in self._asdict().items()}
        return found | {"tasks": [{"id": key, "title": title} for key, title in self.tasks]}


class PlaceRow(NamedTuple):
    """A checkpoint or continuation of a session."""

    name: str
    session: str
    position: int
    """The sequence number that it names."""
    seq: int
    """The event that named it."""
    at: str = ""
    automatic: bool = False
    description: str = ""


def session_row(state: "State") -> SessionRow:
    """Return the catalogue's row of a session."""
    header, life, tokens = state.header, state.lifecycle, state.metrics["tokens"]
    origin = state.lineage["origin"] or {}
    named = [a for a in (header["agent"], *state.agents) if a]
    return SessionRow(
        id=state.session,
        name=header["name"],
        slug=header["slug"],
        title=header["title"],
        organisation=header["organisation"],
        project=header["project"],
        type=header["type"],
        task=header["task"],
        model=header["model"],
        owner=header["owner"],
        workspace=header["workspace"],
        agent=header["agent"],
        agents=tuple(dict.fromkeys(named)),
        tags=tuple(header["tags"]),
        foreign_ids=tuple(header["foreign_ids"]),
        status=life["status"],
        reason=life["reason"],
        since=life["since"],
        created=life["created"],
        last_activity=state.activity or life["created"],
        head=state.seq,
        messages=int(state.metrics["counts"].get("messages", 0)),
        tokens=tokens["input"] + tokens["output"],
        cost_usd=state.metrics["cost_usd"],
        context_tokens=state.usage["context_tokens"] if state.usage else None,
        progress=state.work["progress"],
        parent=state.lineage["parent"]["session"] if state.lineage["parent"] else "",
        origin=origin.get("session") or origin.get("foreign_id") or "",
        losses=state.losses["count"],
        tasks=_tasks(state),
    )


def called(task: str) -> str:
    """Return how a task is called: by its beginning, in lower case, on one line."""
    return " ".join(task.split()).lower()[:LINE]


def _tasks(state: "State") -> tuple[tuple[str, str], ...]:
    work = state.work
    current, rest = work["tasks"].get(work["task"]), work["tasks"].values()
    found = [(t["id"], t["title"]) for t in ([current] if current else []) + list(rest)]
    found += [(e["id"], e["text"]) for e in reversed(work["recent_completions"])]
    return tuple({key: (key, title[:LINE]) for key, title in reversed(found) if key}.values())[: -_TASKS - 1 : -1]


def place_rows(state: "State") -> list[PlaceRow]:
    """Return a session's own checkpoints and continuations; those of its parent's past are the parent's."""
    first = state.lineage["parent"]["seq"] + 1 if state.lineage["parent"] else 1
    return [
        PlaceRow(name, state.session, p["position"], p["seq"], p["at"], p["automatic"], p["description"])
        for places in (state.checkpoints, state.continuations)
        for name, p in places.items()
        if p["seq"] >= first
    ]
