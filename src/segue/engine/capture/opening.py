"""What a session says of itself that begins with an agent's transcript: its name, where it works, what its agent is."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from segue.core.log.events import Draft
from segue.core.log.ids import session_name, session_prefix, slug_word
from segue.core.log.times import day, stamp
from segue.ports import Batch, Clock, Store


def opening(
    store: Store, clock: Clock, agent: str, batch: Batch, session: str, parent: str | None = None, note: str = "imported"
) -> list[Draft]:
    """Return the events that begin a session: what is known of it, and that it is there.

    Args:
        store: gives the session its name.
        clock: the time of a session that does not tell when it began.
        agent: whose transcript it is.
        batch: the first stretch of the transcript.
        session: its id.
        parent: the session that the agent copied under a new id, where it did.
        note: how it came here.
    """
    began = batch.began or stamp(clock.now())
    number = store.number(session_prefix(day(began)), session)
    header: dict[str, Any] = {"type": "general", **placed(batch.facts), "name": session_name(day(began), number)}
    header["slug"] = f"{began[:10]}-general-{_project(header)}-{number:03d}"
    if parent is not None:
        header["forked_from"] = {"session": parent, "node": batch.facts.get("root")}
    return [
        Draft("session.created", header, agent, at=began, key=_key(agent, batch)),
        Draft("session.activated", {"note": note}, agent, at=began),
    ]


def news(store: Store, session: str, agent: str, batch: Batch, at: str | None) -> Draft:
    """Return the event that tells what a further stretch told of its session."""
    facts = _renamed(store, session, batch.facts) if "workspace" in batch.facts else batch.facts
    return Draft("session.updated", facts, agent, key=_key(agent, batch), at=at)


def placed(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return *facts* with the project that the workspace's name says."""
    workspace = facts.get("workspace")
    name = workspace.replace("\\", "/").rstrip("/").rpartition("/")[2] if isinstance(workspace, str) else ""
    return {"project": name, **facts} if name else dict(facts)


def _renamed(store: Store, session: str, facts: dict[str, Any]) -> dict[str, Any]:
    """Return *facts* with the slug of a session that did not know yet where it works when it began."""
    first = store.info(session).first
    created = next(store.read(session, after=first - 1, upto=first), None)
    slug = created.body.get("slug") if created is not None else None
    if created is None or "workspace" in created.body or not isinstance(slug, str):
        return facts
    stem, _, number = slug.rpartition("-work-")
    return {**placed(facts), "slug": f"{stem}-{_project(facts)}-{number}"} if stem else facts


def _project(header: Mapping[str, Any]) -> str:
    return slug_word(placed(header).get("project", "")) or "work"


def _key(agent: str, batch: Batch) -> str:
    """Return a key for what a stretch told of its session: the same stretch, read again, adds nothing."""
    record = (next((d.key for d in batch.drafts if d.kind != "loss"), "") or "").rpartition(":")[0]  # not its content
    told = f"{record} {sorted(batch.facts.items())!r}".encode("utf-8", "replace")
    return f"{agent}:facts:{blake2b(told, digest_size=16).hexdigest()}"
