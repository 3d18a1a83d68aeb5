"""What the library offers a restored context: indexes, notes about the task, recent ones, decisions, and what was loaded before.

By the product's priorities: essential 1.0, recommended 0.9, recent 0.8, formerly loaded 0.5; within each, what is more about the
task comes first. A note that the session relies on and that is gone is named.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from segue.core.context import known
from segue.core.errors import NotFoundError
from segue.core.library.indexing import BEGIN, END
from segue.core.library.naming import ENTRANCES
from segue.core.library.notes import Note, is_index, key
from segue.core.log.times import seconds
from segue.core.session.hints import recommended
from segue.core.session.state import State
from segue.engine.notes import Place
from segue.ports.library import Library

_ABOUT: Final = 5
_RANKED: Final = 50
FITS: Final = 0.4
"""The share of the best score from which on a note is about the task."""
_RECENT: Final = 5
_RECENT_DAYS: Final = 7
_DECISIONS: Final = 5
_DECISION_DAYS: Final = 30
_FORMER: Final = 10
_FEWEST_WORDS: Final = 2
_LONGEST: Final = 40_000
"""Characters of a note that are offered: more than the lanes of the largest level take."""
_DAY: Final = 86_400


class Offer(NamedTuple):
    """A note that may be given, with its priority and what speaks for it."""

    note: Note
    priority: float
    why: str


class Offered(NamedTuple):
    """What the library offers, the most important first, and what is missing of it: name and reason."""

    notes: tuple[known.Note, ...] = ()
    missing: tuple[tuple[str, str], ...] = ()


def offer(library: Library, state: State, task: str = "") -> Offered:
    """Return the notes for the context of a session, with their texts, and those that are missing. Never fails for a note."""
    about = (task or _task(state))[:2_000]
    hits = library.search(about, limit=_RANKED) if about else []
    scores = {(hit.note.folder, hit.note.path): hit.score for hit in hits}
    chosen: dict[tuple[str, str], Offer] = {}
    missing: dict[str, str] = {}
    best = max(scores.values(), default=0.0)
    fit = [hit.note for hit in hits if hit.score >= FITS * best and not is_index(hit.note.path)]
    for one in _offers(library, state, fit, missing):
        chosen.setdefault((one.note.folder, one.note.path), one)
    found = []
    ranked = sorted(chosen, key=lambda place: (-chosen[place].priority, -scores.get(place, 0.0)))  # else as they were offered
    for one in (chosen[place] for place in ranked):
        try:
            text = library.content(one.note).text.replace(f"{BEGIN}\n", "").replace(f"{END}\n", "")
        except NotFoundError:
            missing[one.note.id] = "it went while it was read"
            continue
        found.append(known.Note(one.note.id, one.note.title, text[:_LONGEST], one.why, one.priority >= 1, one.priority))
    return Offered(tuple(found), tuple(sorted(missing.items())))


def _offers(library: Library, state: State, about: Sequence[Note], missing: dict[str, str]) -> Iterator[Offer]:
    yield from _indexes(library, state)
    focus = state.work["focus"]
    if focus and focus["note"]:
        found = library.find(focus["note"])
        if len(found) == 1:
            yield Offer(found[0], 1.0, "the focus")
            yield from (Offer(to, 0.9, "linked from the focus") for row in library.links(found[0]) for to in row.to[:1])
        else:
            missing[focus["note"]] = "the focus; no note of that name" if not found else "the focus; several notes of that name"
    yield from (Offer(note, 0.9, "about the task") for note in about[:_ABOUT])
    now = seconds(state.at) if state.at else 0.0
    if now:
        yield from _recent(library.notes(since=now - _RECENT_DAYS * _DAY))
    yield from _decisions(library.notes(kind="decision"), now)
    yield from _former(library, state, missing)


def _task(state: State) -> str:
    current = state.work["tasks"].get(state.work["task"])
    return (current["title"] if current else "") or state.header["task"]


def _indexes(library: Library, state: State) -> Iterator[Offer]:
    """Yield the index of the session's organisation and of its project; of a folder that is no library, what it is entered by."""
    header = state.header
    for organisation in dict.fromkeys((header["organisation"], "default")):
        for place, what in ((Place(organisation), "organisation"), (Place(organisation, header["project"]), "project")):
            if organisation and (place.project or what == "organisation"):
                note = library.at(place.written)
                if note is not None:
                    yield Offer(note, 1.0, f"index of the {what}")
    for name in ENTRANCES:
        entrance = library.at(name)
        if entrance is not None:
            yield Offer(entrance, 1.0 if name != ENTRANCES[-1] else 0.9, "what the folder is entered by")
            break


def _recent(notes: Iterable[Note]) -> Iterator[Offer]:
    found = [note for note in notes if note.kind != "index"]
    for note in sorted(found, key=lambda note: (-note.mtime, note.path))[:_RECENT]:
        yield Offer(note, 0.8, "changed lately")


def _decisions(notes: Iterable[Note], now: float) -> Iterator[Offer]:
    found = []
    for note in notes:
        if note.kind == "decision":
            made = _moment(note)
            if not now or now - made <= _DECISION_DAYS * _DAY:
                found.append((-made, note.path, note))
    for _, _, note in sorted(found)[:_DECISIONS]:
        yield Offer(note, 0.8, f"a decision of the last {_DECISION_DAYS} days")


def _moment(note: Note) -> float:
    try:
        return seconds(f"{note.created[:10]}T00:00:00Z")
    except ValueError:
        return note.mtime


def _former(library: Library, state: State, missing: dict[str, str]) -> Iterator[Offer]:
    """Yield what was loaded before, what was used most and latest first: noted as notes, or read as files of the folders."""
    folders = tuple(f"{folder}/" for folder in library.folders)
    taken = 0
    for item in recommended(state, most=200):
        path = item["path"] or item["id"]
        note = library.at(path) if path.startswith(folders) else None
        if note is None and item["kind"] != "file":
            note = next((one for one in library.find(item["id"]) if key(one.id) == key(item["id"])), None)
            if note is None:
                missing[item["id"]] = (
                    f"loaded before, and no longer at {item['path']}" if item["path"] else "loaded before, and gone"
                )
        if note is not None and taken < _FORMER:
            taken += 1
            yield Offer(note, 0.5, "loaded before")
