"""Predictive loading: which files, notes and decisions a session will likely need next, and why.

From what is at hand in it, what is talked about, the files of its workspace, commits, other sessions that worked on the same
files, and links between notes. Bounded: the latest events, sessions and commits are looked at, not all.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from segue.core.context.items import Item, from_events
from segue.core.context.prediction import Evidence, Group, Prediction, predict
from segue.core.errors import SegueError
from segue.core.library.notes import Note, is_index, key
from segue.core.session.catalogue import SessionRow
from segue.core.session.state import State
from segue.engine.context.offering import FITS
from segue.engine.context.predicting import SESSION_WEIGHT, at_hand, named_in, relative, talk_of
from segue.engine.loading import load
from segue.ports import Store
from segue.ports.library import Library

_EVENTS: Final = 4_000
"""The latest events of the session that are read."""
_SESSIONS: Final = 60
"""The latest other sessions that are looked at."""
_FILES: Final = 60
"""Files of one of them, those used most and latest."""
_COMMON: Final = 3
"""Files that a session of another project must have in common with this workspace: then it is another work tree of it."""
_NOTES: Final = 200


class Surroundings(NamedTuple):
    """What is known outside the session: other sessions, files and commits of its workspace, and notes."""

    sessions: Sequence[SessionRow] = ()
    files: Sequence[str] = ()
    commits: Sequence[tuple[str, frozenset[str]]] = ()
    library: Library | None = None


class NotePrediction(NamedTuple):
    """A note that may be needed, how much speaks for it, and what."""

    note: Note
    score: float
    why: tuple[str, ...]


class Foreseen(NamedTuple):
    """What will likely be needed next, the likeliest first."""

    files: list[Prediction]
    notes: list[NotePrediction]

    def to_json(self) -> dict[str, Any]:
        """Return the shape that `segue predict --json` prints."""
        return {
            "files": [{**one._asdict(), "why": list(one.why)} for one in self.files],
            "notes": [{**one.note.to_json(), "score": one.score, "why": list(one.why)} for one in self.notes],
        }


def foresee(store: Store, state: State, around: Surroundings, *, task: str = "", limit: int = 10) -> Foreseen:
    """Return what *state*'s session will likely need next and did not touch yet. The same surroundings give the same answer."""
    after = max(state.seq - _EVENTS, 0)
    items = from_events(store.read(state.session, after=after, upto=state.seq, on_damage=lambda _: None))
    workspace = state.header["workspace"]
    recent = list(dict.fromkeys([*at_hand(items, workspace), *_older(state, workspace)]))
    talk = talk_of(items, task or _task(state))
    others = list(_others(store, state, around))
    groups = [group for group, _ in others] + [Group(*commit) for commit in around.commits]
    evidence = Evidence(recent, talk, named_in(items, workspace, recent), groups, around.files)
    return Foreseen(predict(evidence, limit), _notes(state, around.library, talk, items, others, limit))


def _task(state: State) -> str:
    current = state.work["tasks"].get(state.work["task"])
    return (current["title"] if current else "") or state.header["task"]


def _older(state: State, workspace: str) -> list[str]:
    """Return the files that the session touched, whenever, those touched last first."""
    files = [(item["seq"], item["path"] or name) for name, item in state.items.items() if item["kind"] == "file"]
    return [path for _, name in sorted(files, reverse=True) if (path := relative(name, workspace))]


def _others(store: Store, state: State, around: Surroundings) -> Iterable[tuple[Group, set[str]]]:
    """Yield the files of other sessions that worked on the same project, and the ids of the notes that they used."""
    here = set(around.files)
    for row in around.sessions[: _SESSIONS * 4]:
        if row.id == state.session:
            continue
        try:
            other = load(store, row.id, on_damage=lambda _: None)
        except SegueError:  # deleted meanwhile, or under another key
            continue
        paths = frozenset(_older(other, row.workspace)[:_FILES])
        same = row.workspace == state.header["workspace"] or (row.project and row.project == state.header["project"])
        if paths and (same or len(paths & here) >= _COMMON):
            notes = {key(name) for name, item in other.items.items() if item["kind"] != "file"}
            yield Group(row.name or row.id, paths, SESSION_WEIGHT), notes


def _about(library: Library, topic: str, limit: int) -> Iterable[tuple[Note, float]]:
    """Yield the notes about *topic*, and how well each fits beside the best; one that shares a common word with it does not."""
    hits = library.search(topic, limit=limit)
    return ((hit.note, hit.score / (hits[0].score or 1.0)) for hit in hits if hit.score >= FITS * hits[0].score)


def _notes(
    state: State,
    library: Library | None,
    talk: Sequence[tuple[str, float]],
    items: Sequence[Item],
    others: Sequence[tuple[Group, set[str]]],
    limit: int,
) -> list[NotePrediction]:
    notes = library.notes() if library is not None else []
    if library is None or not notes:
        return []
    used = {key(name) for name, item in state.items.items() if item["kind"] != "file"}
    places = {f"{note.folder}/{note.path}": note for note in notes}
    used |= {key(places[path].id) for item in items for touch in item.touches if (path := touch.path) in places}
    by_id = {key(note.id): note for note in notes}
    found: dict[str, tuple[float, list[str]]] = {}

    def speak(note: Note, score: float, why: str) -> None:
        name = key(note.id)
        if name not in used and not is_index(note.path):
            before, reasons = found.get(name, (0.0, []))
            found[name] = (before + score, [*reasons, why])

    for note, share in _about(library, " ".join(text[:500] for text, _ in talk[:2]), 2 * limit):
        speak(note, 0.8 * share, "about the task")
    for name in sorted(used & by_id.keys())[:_NOTES]:
        for row in library.links(by_id[name]):
            for to in row.to[:1]:
                speak(to, 0.5, f"linked from {by_id[name].id}")
        for row in library.backlinks(by_id[name])[:limit]:
            back = places.get(f"{by_id[name].folder}/{row.path}")
            if back is not None:
                speak(back, 0.3, f"leads to {by_id[name].id}")
    for n, (group, ids) in enumerate(others):
        for name in sorted(ids & by_id.keys())[:_NOTES]:
            speak(by_id[name], 0.4 * 0.9**n, f"used in {group.what}")
    best = sorted(found, key=lambda name: (-round(found[name][0], 6), name))[:limit]
    return [NotePrediction(by_id[name], round(found[name][0], 4), tuple(dict.fromkeys(found[name][1]))) for name in best]
