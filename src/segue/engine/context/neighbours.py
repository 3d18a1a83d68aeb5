"""What other sessions did in a workspace meanwhile."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from segue.core.delta.knowing import below
from segue.core.delta.report import Neighbour, NoteChange
from segue.core.delta.tasks import TaskChange, elsewhere
from segue.core.errors import SegueError
from segue.core.log.events import Event
from segue.core.session.catalogue import SessionRow
from segue.core.session.state import State
from segue.engine.loading import load
from segue.engine.sessions import current_task
from segue.ports import Index, Store

_MOST: Final = 10
_TAIL: Final = 2_000
"""So many of a neighbour's last events are read."""
_NAMED: Final = 50
_WRITES: Final = frozenset({"write", "edit", "delete"})
_NOTED: Final = frozenset({"created", "updated", "deleted"})


class Told(NamedTuple):
    """What neighbours' logs say of things that are not theirs alone."""

    tasks: tuple[TaskChange, ...]
    notes: tuple[NoteChange, ...]


def neighbours(
    store: Store, catalogue: Index, state: State, after: str, homes: Sequence[str], *, deep: bool
) -> tuple[tuple[Neighbour, ...], int, Told]:
    """Return the sessions in which something happened since *after* in one of the directories *homes*, the latest first; how many
    there are; and what they tell of this session's tasks and notes.

    *deep*: their logs are read too, for the files and notes that they wrote.
    """
    rows = [row for row in catalogue.sessions() if _is_one(row, state.session, after, homes)] if homes else []
    found: list[Neighbour] = []
    tasks: list[TaskChange] = []
    notes: list[NoteChange] = []
    for row in rows[:_MOST]:
        try:
            theirs = load(store, row.id, on_damage=_overlook)
            events = list(_lately(store, theirs, after)) if deep else []
        except SegueError:
            continue  # it was deleted meanwhile
        name = row.name or row.id
        found.append(_neighbour(row, theirs, after, _written(events, theirs.header["workspace"])))
        tasks += elsewhere(state.work, theirs.work, name, after)
        notes += _notes(events, name, state)
    return tuple(found), len(rows), Told(tuple(tasks), tuple(notes))


def _is_one(row: SessionRow, session: str, after: str, homes: Iterable[str]) -> bool:
    inside = any(row.workspace == home or row.workspace.startswith(f"{home}/") for home in homes)
    return inside and row.id != session and row.last_activity > after


def _lately(store: Store, state: State, after: str) -> Iterable[Event]:
    events = store.read(state.session, after=max(state.seq - _TAIL, 0), blobs=False, on_damage=_overlook)
    return (event for event in events if event.at > after and not event.erased)


def _neighbour(row: SessionRow, state: State, after: str, written: tuple[str, ...]) -> Neighbour:
    work = state.work
    completed = [e["text"] for e in (*work["recent_completions"], *work["completed_steps"]) if e["at"] > after]
    decisions = [d["title"] for d in work["decisions"].values() if d["at"] > after]
    return Neighbour(
        row.id, row.name, row.agent, row.status, current_task(state)[:200], row.last_activity,
        tuple(completed[-_NAMED:]), tuple(decisions[-_NAMED:]), written,
    )  # fmt: skip


def _written(events: Iterable[Event], root: str) -> tuple[str, ...]:
    """Return the files that tools say they wrote."""
    paths = [
        effect["path"]
        for event in events
        if event.kind == "message"
        for effect in _list(event.body.get("effects"))
        if isinstance(effect, dict) and effect.get("op") in _WRITES and isinstance(effect.get("path"), str)
    ]
    return tuple(dict.fromkeys(below(path, root) or path for path in paths))[:_NAMED]


def _notes(events: Iterable[Event], by: str, state: State) -> list[NoteChange]:
    found: dict[str, NoteChange] = {}
    for event in events:
        name, what = event.body.get("id"), event.body.get("action")
        if event.kind == "note.used" and isinstance(name, str) and what in _NOTED:
            path = event.body.get("path")
            found[name] = NoteChange(name, what, path if isinstance(path, str) else "", by, name in state.items)
    return list(found.values())[:_NAMED]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _overlook(_damage: object) -> None:
    """What is damaged is told of by `validate`."""
