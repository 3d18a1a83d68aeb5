"""The library on this machine: one catalogue for each folder. Passes for `ports.Library`."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from segue.core.context.relevance import words as telling_words
from segue.core.errors import NotFoundError, UsageError
from segue.core.library.checking import Problem, problems_of
from segue.core.library.editing import split
from segue.core.library.naming import next_id, prefix_of
from segue.core.library.notes import Content, Link, Note, is_attachment, key, stem, target_key
from segue.core.log.times import stamp
from segue.core.session.scripts import composed, parts, spaced
from segue.host import private
from segue.host.library import files, frontmatter
from segue.host.library.catalogue import Catalogue, content_at
from segue.ports import Clock
from segue.ports.library import Found, Gone, LinkRow, Listed

_TERMS: Final = 32
_WORD: Final = re.compile(r"\w+")
_AROUND: Final = 90


class Folders:
    """Notes in folders of this machine. See `ports.Library`."""

    def __init__(self, folders: Sequence[str], home: Path, clock: Clock, *, keep: bool = True) -> None:
        """Take the *folders*, in order; *keep* their catalogues below segue's *home*, or in memory alone."""
        self.folders = tuple(dict.fromkeys(os.path.realpath(folder) for folder in folders))
        self._home = home / "library"
        self._clock = clock
        self._catalogues = [Catalogue(folder, self._place(folder, ".sqlite") if keep else None, clock) for folder in self.folders]
        self._there: list[Catalogue] = []
        self._fresh = False
        if not keep:
            for folder in self.folders:  # of a time when the store was in the clear
                self._place(folder, ".sqlite").unlink(missing_ok=True)

    def notes(self, *, kind: str = "", tag: str = "", under: str = "", since: float = 0.0) -> list[Note]:
        """See `Library.notes`."""
        asked: list[tuple[str, str | float]] = [("mtime >= ?", since)] if since else []
        asked += [("kind = ?", kind)] if kind else []
        where, values = " AND ".join(sql for sql, _ in asked) or "1", [value for _, value in asked]
        found = [note for catalogue in self._looked() for note in catalogue.notes(where, values)]
        wanted = key(tag.lstrip("#"))
        place = stem(under.strip("/"))
        return [
            note
            for note in found
            if (not wanted or any(key(one) == wanted or key(one).startswith(f"{wanted}/") for one in note.tags))
            and (not place or stem(note.path) == place or note.path.startswith(f"{place}/"))
        ]

    def listed(self) -> list[Listed]:
        """See `Library.listed`."""
        there = {c.folder: c for c in self._looked()}
        return [
            Listed(c.folder, c.count(), tuple(c.left_out), c.opened) if c.folder in there else Listed(c.folder, 0, (), 0)
            for c in self._catalogues
        ]

    def at(self, path: str) -> Note | None:
        """See `Library.at`."""
        for catalogue in self._looked():
            inside = path.removeprefix(f"{catalogue.folder}/")
            for note in catalogue.placed(key(stem(inside))) if not inside.startswith("/") else ():
                if key(note.path) == key(inside):
                    return note
        return None

    def find(self, ref: str) -> list[Note]:
        """See `Library.find`."""
        catalogues = self._looked()
        name = ref.strip()
        name = key(stem((name[2:-2] if name.startswith("[[") and name.endswith("]]") else name).partition("|")[0]))
        for look in (Catalogue.named, Catalogue.beginning):
            for catalogue in catalogues:
                if name and (found := look(catalogue, name)):
                    return found
        return []

    def content(self, note: Note) -> Content:
        """See `Library.content`."""
        try:
            return content_at(note.folder, note.path)[0]
        except OSError as e:
            raise _gone(note.path) from e

    def raw(self, note: Note) -> str:
        """See `Library.raw`."""
        try:
            data, _ = files.read(note.folder, note.path)
        except OSError as e:
            raise _gone(note.path) from e
        if len(data) > files.LARGEST:
            raise UsageError(f"note {note.path!r} is too large to be edited here", hint="open it in an editor", path=note.path)
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            raise UsageError(f"note {note.path!r} is not UTF-8", hint="iconv -t UTF-8 makes it so", path=note.path) from None

    def links(self, note: Note) -> list[LinkRow]:
        """See `Library.links`."""
        catalogue = self._catalogue(note)
        return [_row(catalogue, note.path, link) for link in catalogue.links_of(note.path)]

    def backlinks(self, note: Note) -> list[LinkRow]:
        """See `Library.backlinks`."""
        catalogue = self._catalogue(note)
        rows = [_row(catalogue, path, link) for path, link in catalogue.leading_to(note) if path != note.path]
        return [row for row in rows if any(one.path == note.path for one in row.to)]

    def problems(self) -> list[tuple[str, Problem]]:
        """See `Library.problems`."""
        found = []
        for catalogue in self._looked():
            found += [(catalogue.folder, problem) for problem in problems_of(catalogue.notes(), catalogue.links())]
            found += [(catalogue.folder, Problem("unread", path, 0, f"left out: {why}")) for path, why in catalogue.left_out]
        return found

    def search(self, query: str, *, limit: int = 20) -> list[Found]:
        """See `Library.search`."""
        said = composed(query.encode("utf-8", "replace").decode().lower())
        words = list(dict.fromkeys(part for word in _WORD.findall(said) for part in parts(word)))[:_TERMS]
        if not words:
            return []
        catalogues = self._looked()
        telling = [word for word in words if telling_words(word)] or words
        for join, terms in ((" AND ", words), (" OR ", telling)):
            expression = join.join(f'"{spaced(term)}"' for term in terms)
            hits = [hit for catalogue in catalogues for hit in catalogue.search(expression, limit)]
            if hits:
                best = sorted(hits, key=lambda hit: (-hit[1], hit[0].path))[:limit]
                return [Found(note, round(score, 4), self._snippet(note, words)) for note, score in best]
        return []

    def gone(self, since: float) -> list[Gone]:
        """See `Library.gone`."""
        return [Gone(c.folder, *row) for c in self._looked() for row in c.gone(since)]

    def first_seen(self) -> dict[tuple[str, str], float]:
        """See `Library.first_seen`."""
        return {(c.folder, path): at for c in self._looked() for path, at in c.first_seen().items()}

    def front(self, text: str) -> dict[str, Any]:
        """See `Library.front`."""
        front = split(text).front
        return frontmatter.read(front)[0] if front else {}

    def create(self, kind: str, content: Callable[[str], tuple[str, str]]) -> Note:
        """See `Library.create`."""
        with self._locked():
            there = [c for c in self._looked(again=True) if c.folder == self._first()]
            day = stamp(self._clock.now())[:10]
            ids = [one for c in there for one in c.ids(prefix_of(kind, day))]
            return self._made(*content(next_id(kind, day, ids)))

    def write(self, note: Note, before: str, after: str) -> Note:
        """See `Library.write`."""
        files.replace(note.folder, note.path, before.encode(), after.encode())
        return self._now(note.folder, note.path)

    def put(self, path: str, after: str) -> Note:
        """See `Library.put`."""
        with self._locked():
            return self._made(path, after)

    def close(self) -> None:
        """See `Library.close`."""
        for catalogue in self._catalogues:
            catalogue.close()

    def _made(self, path: str, text: str) -> Note:
        folder = self._first()
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - a folder is a text here
        files.create(folder, path, text.encode())
        return self._now(folder, path)

    def _now(self, folder: str, path: str) -> Note:
        self._fresh = False
        return content_at(folder, path)[0].note

    def _first(self) -> str:
        if not self.folders:
            raise UsageError("there is no folder for notes", hint="segue config set library DIRECTORY")
        return self.folders[0]

    def _looked(self, *, again: bool = False) -> list[Catalogue]:
        """Return the catalogues of the folders that are there, brought up to date once for each answer of this process."""
        if again or not self._fresh:
            self._there = [one for one in self._catalogues if os.path.isdir(one.folder)]  # noqa: PTH112 - a folder is a text here
            for catalogue in self._there:
                catalogue.refresh()
            self._fresh = True
        return self._there

    def _catalogue(self, note: Note) -> Catalogue:
        return next(c for c in self._looked() if c.folder == note.folder)

    def _snippet(self, note: Note, words: Sequence[str]) -> str:
        try:
            text = content_at(note.folder, note.path)[0].text
        except OSError:
            return ""
        low = text.lower()
        places = [place for word in words if (place := low.find(word[:12])) >= 0]
        start = max(min(places, default=0) - _AROUND // 3, 0)
        return ("…" if start else "") + " ".join(text[start : start + 2 * _AROUND].split())

    def _place(self, folder: str, ending: str) -> Path:
        name = blake2b(os.fsencode(folder), digest_size=8).hexdigest()
        return self._home / f"{name}{ending}"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Let nobody else of this home give numbers meanwhile. The lock is ours; nothing of it is in the folder."""
        import fcntl

        place = self._place(self._first(), ".lock")
        private.make(place.parent)
        with place.open("ab") as file:
            place.chmod(0o600)
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _row(catalogue: Catalogue, path: str, link: Link) -> LinkRow:
    to = () if is_attachment(link) else tuple(catalogue.named(target_key(link, path), path))
    return LinkRow(path, link.line, link.rel, link.target, to)


def _gone(path: str) -> NotFoundError:
    return NotFoundError("note", path, hint="segue note list")
