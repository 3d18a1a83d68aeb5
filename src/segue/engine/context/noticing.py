"""Which notes of the library were created, updated or deleted while a session was away."""

from typing import Final

from segue.core.delta.report import NoteChange
from segue.core.library.notes import Note, key
from segue.core.log.times import seconds, stamp
from segue.core.session.sections import Item
from segue.core.session.state import State
from segue.ports.library import Library

_MOST: Final = 500


def note_changes(library: Library, then: State, now: State) -> list[NoteChange]:
    """Return what became of notes since the state *then* of a session, by id.

    What the session itself loaded is compared by content, whenever it was changed. Of the others the time of the file counts, and
    whether it was there before: what its author wrote (`created`), else whether the catalogue has known it longer.
    """
    since = _moment(then)
    used = {(key(name), item["path"]): item for name, item in now.items.items() if item["kind"] != "file"}
    read = {item["path"] or name for name, item in now.items.items() if item["kind"] == "file"}
    first = library.first_seen()
    remembers = bool(first) and min(first.values()) <= since
    found, there = [], set()
    for note in library.notes():
        place = f"{note.folder}/{note.path}"
        there.add(place)
        item = used.get((key(note.id), place))
        loaded = item is not None or place in read
        if not _changed(note, item, since):
            continue
        day = note.created[:10]
        begun = day >= stamp(since)[:10] if _is_day(day) else remembers and first.get((note.folder, note.path), 0.0) > since
        found.append(NoteChange(note.id, "created" if begun and not loaded else "updated", note.path, loaded=loaded))
    gone = {f"{one.folder}/{one.path}": one.id for one in library.gone(since)}
    folders = tuple(f"{folder}/" for folder in library.folders)
    lost = {path: name for (name, path) in used if path.startswith(folders) and path not in there}
    names = {path: name for name, item in now.items.items() if (path := item["path"]) in lost}
    for path in sorted({**gone, **lost}.keys() - there):
        shown = next((path.removeprefix(folder) for folder in folders if path.startswith(folder)), path)
        found.append(NoteChange(names.get(path) or gone[path], "deleted", shown, loaded=path in lost or path in read))
    return sorted(found)[:_MOST]


def _changed(note: Note, item: Item | None, since: float) -> bool:
    if item is not None and item["hash"]:
        return item["hash"] != note.digest
    return note.mtime > since


def _moment(state: State) -> float:
    try:
        return seconds(state.activity or state.at)
    except ValueError:
        return 0.0


def _is_day(text: str) -> bool:
    return len(text) == 10 and text[4] == text[7] == "-" and text.replace("-", "").isdigit()
