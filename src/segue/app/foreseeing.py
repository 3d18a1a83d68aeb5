"""Wiring of predictive loading."""

from pathlib import Path
from typing import TYPE_CHECKING

from segue.core.context import known
from segue.engine.context.foreseeing import Foreseen, Surroundings, foresee
from segue.engine.context.offering import Offered
from segue.host.project.tracked import tracked

if TYPE_CHECKING:
    from segue.app.wiring import App
    from segue.core.session.state import State

_SESSIONS = 200
_NOTES = 5


def foreseen(app: "App", state: "State", task: str = "", limit: int = 10) -> Foreseen:
    """Return what a session will likely need next."""
    place = state.header["workspace"]
    files, commits = tracked(place) if place and Path(place).is_dir() else ([], [])
    around = Surroundings(app.index.sessions(limit=_SESSIONS), files, commits, app.library)
    return foresee(app.store, state, around, task=task, limit=limit)


def offer_foreseen(app: "App", state: "State", task: str = "") -> Offered:
    """Return what the library offers a session, and what it will likely need next: files by name, notes beside those offered."""
    offered = app.offer(state, task)
    found = foreseen(app, state, task)
    lines = [f"- {one.path}: {'; '.join(one.why[:2])}" for one in found.files]
    guess = [known.Note("foreseen", "files that will likely be needed next, not opened yet", "\n".join(lines))] if lines else []
    names = {note.name for note in offered.notes}
    more = [
        known.Note(one.note.id, one.note.title, app.library.content(one.note).text, "; ".join(one.why[:2]))
        for one in found.notes[:_NOTES]
        if one.note.id not in names
    ]
    essential = [note for note in offered.notes if note.essential]
    others = sorted([*offered.notes[len(essential) :], *more], key=lambda note: -note.priority)
    return offered._replace(notes=(*essential, *guess, *others))
