"""Notes of the library as a session uses them: found, made and changed, each use an event of the session."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from segue.core.context.tokens import estimate
from segue.core.errors import AmbiguousError, NotFoundError, UsageError
from segue.core.library import editing, indexing
from segue.core.library.naming import (
    FOLDERS,
    KINDS,
    ORGANISATION_INDEX,
    PROJECT_INDEX,
    is_name,
    organisation_place,
    project_place,
)
from segue.core.library.naming import slug as slug_of
from segue.core.library.notes import Note, key, stem
from segue.core.log.events import Draft
from segue.core.log.times import stamp
from segue.ports import Clock, Store
from segue.ports.library import Library

Action = Literal["loaded", "created", "updated", "deleted"]

LINKS: Final = "## Links"
"""The heading below which `link` puts its lines."""


class Place(NamedTuple):
    """Whose notes are meant: of an organisation, and within it of a project where one is named."""

    organisation: str
    project: str = ""

    @property
    def written(self) -> str:
        """The path of their index as it would be, whatever the names are."""
        above = project_place(*self) if self.project else organisation_place(self.organisation)
        return f"{above}/{PROJECT_INDEX if self.project else ORGANISATION_INDEX}"

    @property
    def path(self) -> str:
        """The directory of a library in which they are. Raises UsageError."""
        for name in filter(None, (self.organisation, self.project)):
            if not is_name(name):
                raise UsageError(f"{name!r} cannot be the name of a directory", hint="segue config set organisation NAME")
        return project_place(*self) if self.project else organisation_place(self.organisation)


class Change(NamedTuple):
    """What is to be changed of a note: None and empty leave it as it is."""

    title: str | None = None
    add_tags: tuple[str, ...] = ()
    drop_tags: tuple[str, ...] = ()
    fields: Mapping[str, str | None] = {}
    """Keys of the front matter; None takes one out."""
    body: str | None = None
    append: str = ""


def find(library: Library, ref: str) -> Note:
    """Return the one note that *ref* means.

    Raises:
        NotFoundError: no note.
        AmbiguousError: several; `candidates` has their ids, or where those are the same their paths.
    """
    found = library.find(ref)
    if not found:
        raise NotFoundError("note", ref, hint=f"segue note search {ref!r}, or: segue note list")
    if len(found) > 1:
        ids = [note.id for note in found]
        raise AmbiguousError(ref, ids if len(set(ids)) == len(ids) else [note.path for note in found], "notes")
    return found[0]


def make(library: Library, clock: Clock, title: str, kind: str, place: str, *, tags: Sequence[str] = (), body: str = "") -> Note:
    """Make a note in the directory *place* of the library's first folder, under the next free id, and return it.

    Raises:
        UsageError: no such kind, or no title.
        ExistsError: there is a file of that name.
    """
    title = " ".join(title.split())
    if not title or kind not in KINDS:
        raise UsageError(f"a note of kind {kind!r} titled {title!r} cannot be made", hint=f"kinds: {', '.join(KINDS)}")

    def content(identity: str) -> tuple[str, str]:
        front: dict[str, editing.Value] = {"id": identity, "title": title, "type": kind, "created": stamp(clock.now())[:10]}
        if tags:
            front["tags"] = list(tags)
        name = "-".join(filter(None, (identity, slug_of(title)))) + ".md"
        heading = f"# {title}\n"
        return f"{place}/{name}" if place else name, editing.made(front, f"{heading}\n{body}" if body.strip() else heading)

    return library.create(kind, content)


def edit(library: Library, clock: Clock, note: Note, change: Change) -> Note:
    """Change a note as its author left it, and return it as it is now; `updated` is set where the note has it.

    Raises:
        ChangedError: somebody wrote it meanwhile.
        UsageError: its front matter is of a form that cannot be changed line by line, or it is no UTF-8.
    """
    before = library.raw(note)
    parts, said = editing.split(before), library.front(before)
    front: dict[str, editing.Value] = dict(change.fields)
    if change.title is not None:
        front["title"] = change.title
    tags = _tags(note.tags, change)
    if tags is not None:
        front["tags"] = tags
    body = change.body
    if change.append.strip():
        body = editing.appended(parts.body if body is None else body, change.append, parts.newline)
    if editing.changed(before, front, body) == before:
        return note
    if "updated" in said:
        front.setdefault("updated", stamp(clock.now())[:10])
    after = editing.changed(before, front, body)
    wanted = {name: value for name, value in {**said, **front}.items() if value is not None or name not in front}
    if library.front(after) != wanted:
        where = f"{note.folder}/{note.path}"
        raise UsageError(f"front matter of {note.path!r} cannot be changed by itself", hint=f"edit the file: {where}")
    return library.write(note, before, after)


def link(library: Library, clock: Clock, note: Note, to: Note, title: str = "") -> tuple[Note, bool]:
    """Put a link to another note at the end of *note*; return it, and whether it is new: one that is there already is enough."""
    if to.folder != note.folder:
        raise UsageError("notes of different folders cannot be linked", hint="links lead within a folder")
    if any(len(row.to) == 1 and row.to[0].path == to.path for row in library.links(note)):
        return note, False
    name = to.id if [one.path for one in library.find(to.id)] == [to.path] else stem(to.path)
    line = f"- [[{name}|{indexing.shown(title or to.title)}]]"
    text = editing.split(library.raw(note)).body.replace("\r\n", "\n").rstrip()
    under = any(one.strip() == LINKS for one in text.splitlines()) and text.rpartition("\n")[2].lstrip().startswith("- [[")
    body = f"{text}\n{line}\n" if under else editing.appended(text, f"{LINKS}\n\n{line}", "\n")
    return edit(library, clock, note, Change(body=body)), True


def index(library: Library, place: Place, *, write: bool) -> tuple[str, Note | None, bool]:
    """Return the index of an organisation or a project, the note that it stands in, and whether that is as it should be.

    With *write* that note is made or brought up to date; what its author wrote around the list stays.
    """
    directory, path = place.path, place.written
    notes = [note for note in library.notes(under=directory) if note.folder == _first(library) and note.kind != "index"]
    if not place.project:
        begin = f"organizations/{place.organisation}/projects/"
        notes += [one for one in library.notes(kind="index", under=begin) if one.folder == _first(library)]
    text = indexing.index(notes)
    there = next((one for one in library.notes(under=path) if one.folder == _first(library)), None)
    before = library.raw(there) if there is not None else ""
    after = indexing.put(before, text, place.project or place.organisation)
    if after == before or not write:
        return text, there, after == before
    return text, library.write(there, before, after) if there is not None else library.put(path, after), True


def use(
    store: Store,
    session: str,
    note: Note,
    action: Action,
    text: str = "",
    *,
    actor: str = "",
    source: Mapping[str, str] | None = None,
) -> None:
    """Append to a session that a note was loaded, created, updated or deleted in it; by whom (*actor*), and through what."""
    body: dict[str, Any] = {"id": note.id, "action": action, "path": f"{note.folder}/{note.path}", "kind": note.kind}
    body["hash"] = note.digest
    if text:
        body["tokens"] = estimate(text)
    store.append(session, [Draft("note.used", body, actor, source=source)])


def place_of_new(place: Place, kind: str, *, structured: bool) -> str:
    """Return the directory for a new note: by organisation and project in a library, the top of any other folder."""
    return f"{place.path}/{FOLDERS[kind]}" if structured and kind in FOLDERS else ""


def _first(library: Library) -> str:
    return library.folders[0] if library.folders else ""


def _tags(now: Sequence[str], change: Change) -> list[str] | None:
    if not change.add_tags and not change.drop_tags:
        return None
    drop = {key(tag.lstrip("#")) for tag in change.drop_tags}
    kept = [tag for tag in now if key(tag) not in drop]
    known = {key(tag) for tag in kept}
    return [*kept, *(tag.lstrip("#") for tag in dict.fromkeys(change.add_tags) if key(tag.lstrip("#")) not in known)]
