"""The catalogue of one folder: what its notes are, what they link to, and their words, in a SQLite file that may be deleted.

A look at the folder compares the stamp of every file with the one that is known; only those that changed are opened. So an
answer costs a walk over the folder's names, and for the rest grows with what changed. Beside an encrypted store nothing of it is
written: it is held in memory, and made anew by each process.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from segue.core.library.checking import Names
from segue.core.library.editing import split
from segue.core.library.notes import Content, Link, Note, content_of, names_of, target_key
from segue.core.session.scripts import spaced
from segue.host import private
from segue.host.library import files, frontmatter
from segue.ports import Clock

VERSION: Final = "segue-library-3"
"""Another version in the file: it is made anew."""
_SETTLED: Final = 2.0
"""Seconds after which a file's time tells whether it changed: within one moment it may be written twice."""
_MOST_GONE: Final = 1_000
_PATIENCE: Final = 10.0
"""Seconds that another process may write, before a catalogue of one's own is made in memory."""
_SLACK: Final = 1_000
"""Old versions of notes whose words are kept, at least."""
_TABLES: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE notes (no INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL UNIQUE, stamp TEXT NOT NULL, seen REAL NOT NULL,
  id TEXT NOT NULL, title TEXT NOT NULL, kind TEXT NOT NULL, lists TEXT NOT NULL, created TEXT NOT NULL, updated TEXT NOT NULL,
  status TEXT NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL, mtime REAL NOT NULL, stated INTEGER NOT NULL);
CREATE TABLE names (name TEXT NOT NULL, rank INTEGER NOT NULL, no INTEGER NOT NULL, PRIMARY KEY (name, rank, no)) WITHOUT ROWID;
CREATE INDEX names_note ON names (no);
CREATE TABLE links (no INTEGER NOT NULL, place INTEGER NOT NULL, goal TEXT NOT NULL, link TEXT NOT NULL, PRIMARY KEY (no, place))
  WITHOUT ROWID;
CREATE INDEX links_goal ON links (goal);
CREATE TABLE gone (path TEXT PRIMARY KEY, id TEXT NOT NULL, title TEXT NOT NULL, at REAL NOT NULL) WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5(title, tags, text, content='', tokenize='porter unicode61 remove_diacritics 2');
"""
_COLUMNS: Final = "path, id, title, kind, lists, created, updated, status, digest, size, mtime, stated"


class Catalogue:
    """What is known of one folder. Every question follows a `refresh`, which its caller does once for each answer."""

    def __init__(self, folder: str, place: Path | None, clock: Clock) -> None:
        """Keep it at *place*; None: in memory."""
        self.folder = folder
        self.left_out: list[tuple[str, str]] = []
        self.opened = 0
        """Notes that the last refresh opened."""
        self._clock = clock
        self._place = place
        self._db: sqlite3.Connection | None = None

    # --- keeping up

    def refresh(self) -> None:
        """Take in what changed in the folder since the last time."""
        seen, left = files.look(self.folder)
        self.left_out = list(left)
        try:
            self._take_in(seen)
        except sqlite3.Error as e:  # damaged, or somebody holds it: what it says can be had again
            self.left_out = list(left)
            self._restart(e)
            self._take_in(seen)

    def _take_in(self, seen: list[files.Seen]) -> None:
        db = self._open()
        changed, lost = _compared(db, seen)
        self.opened = len(changed)
        if not changed and not lost:
            return
        db.execute("BEGIN IMMEDIATE")
        try:
            changed, lost = _compared(db, seen)  # another process may have been faster
            now = self._clock.now()
            self._drop(db, lost, now)
            for one, no in changed:
                self._read(db, one, no, now)
            self._tidy(db)
            db.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                db.execute("ROLLBACK")
            raise

    def _drop(self, db: sqlite3.Connection, paths: Iterable[str], now: float) -> None:
        for path in sorted(paths):
            row = db.execute("SELECT no, id, title FROM notes WHERE path = ?", (path,)).fetchone()
            if row is not None:
                self._forget(db, row[0])
                db.execute("INSERT OR REPLACE INTO gone VALUES (?, ?, ?, ?)", (path, *row[1:], now))
        db.execute("DELETE FROM gone WHERE path NOT IN (SELECT path FROM gone ORDER BY at DESC, path LIMIT ?)", (_MOST_GONE,))

    def _read(self, db: sqlite3.Connection, one: files.Seen, no: int, now: float) -> None:
        first = now
        if no:
            row = db.execute("SELECT seen FROM notes WHERE no = ?", (no,)).fetchone()
            first = row[0] if row else now
            self._forget(db, no)
        try:
            content, stamp = content_at(self.folder, one.path)
        except OSError as e:
            self.left_out.append((one.path, e.strerror or "it cannot be read"))
            return
        if now - content.note.mtime < _SETTLED:
            stamp = ""
        n = content.note
        db.execute("DELETE FROM gone WHERE path = ?", (n.path,))
        lists = json.dumps([n.tags, n.aliases, n.problems])
        row = (n.path, stamp, first, n.id, n.title, n.kind, lists, n.created, n.updated, n.status, n.digest, n.size, n.mtime)
        marks = ", ".join("?" * (len(row) + 1))
        columns = "path, stamp, seen, id, title, kind, lists, created, updated, status, digest, size, mtime, stated"
        new = db.execute(f"INSERT INTO notes ({columns}) VALUES ({marks})", (*row, n.stated)).lastrowid  # noqa: S608 - own names
        names = {(name, rank, new) for rank, name in names_of(n)}
        db.executemany("INSERT OR IGNORE INTO names VALUES (?, ?, ?)", names)
        links = [(new, place, target_key(link, n.path), json.dumps(link)) for place, link in enumerate(content.links)]
        db.executemany("INSERT INTO links VALUES (?, ?, ?, ?)", links)
        _put_words(db, new, f"{n.title} {n.id}", " ".join((*n.tags, *n.aliases)), content.text)

    def _forget(self, db: sqlite3.Connection, no: int) -> None:
        """Take a note out. Its words stay, of a number that no note has, until they are many."""
        for table in ("notes", "names", "links"):
            db.execute(f"DELETE FROM {table} WHERE no = ?", (no,))  # noqa: S608 - own names

    def _tidy(self, db: sqlite3.Connection) -> None:
        """Make the words anew where more of them are dead than alive: the file does not grow with every edit."""
        last = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'notes'").fetchone()
        alive = db.execute("SELECT count(*) FROM notes").fetchone()[0]
        begun = int((db.execute("SELECT value FROM meta WHERE name = 'words'").fetchone() or ("0",))[0])
        if last is None or last[0] - begun <= 2 * alive + _SLACK:
            return
        db.execute("INSERT INTO words (words) VALUES ('delete-all')")
        for no, path, title, id_, lists in db.execute("SELECT no, path, title, id, lists FROM notes").fetchall():
            with suppress(OSError):
                text = content_at(self.folder, path)[0].text
                tags = " ".join(name for names in json.loads(lists)[:2] for name in names)
                _put_words(db, no, f"{title} {id_}", tags, text)
        db.execute("INSERT OR REPLACE INTO meta VALUES ('words', ?)", (str(last[0] - alive),))

    # --- the file

    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            try:
                self._db = self._connect(self._place)
            except (sqlite3.Error, OSError) as e:
                self._restart(e)
        assert self._db is not None  # noqa: S101 - it was opened, or made anew
        return self._db

    def _anew(self) -> sqlite3.Connection:
        try:
            return self._connect(self._place)
        except (sqlite3.Error, OSError):  # no place for it: then for this process alone
            return self._connect(None)

    def _restart(self, why: Exception) -> None:
        """Begin again with nothing; in memory where the file cannot be had, or somebody holds it for long."""
        self.close()
        if "locked" in str(why):
            self._db = self._connect(None)
            return
        with suppress(OSError):
            if self._place is not None:
                self._place.unlink(missing_ok=True)
        self._db = self._anew()

    def _connect(self, place: Path | None) -> sqlite3.Connection:
        if place is not None:
            private.make(place.parent)
            place.touch(mode=0o600)
        db = sqlite3.connect(place or ":memory:", timeout=_PATIENCE, isolation_level=None)
        try:
            db.execute("PRAGMA trusted_schema=OFF")
            db.execute("PRAGMA synchronous=OFF")  # what a power loss takes is read again from the notes
            db.execute("PRAGMA temp_store=MEMORY")
            _check(db)
        except BaseException:
            db.close()
            raise
        return db

    def close(self) -> None:
        """Let go of the file."""
        if self._db is not None:
            self._db.close()
            self._db = None

    # --- questions

    def _ask(self, sql: str, values: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a question; of a catalogue that is damaged after all, those of a new one."""
        values = tuple(values)
        try:
            return self._open().execute(sql, values).fetchall()
        except sqlite3.DatabaseError as e:
            self._restart(e)
            self.refresh()
            return self._open().execute(sql, values).fetchall()

    def notes(self, where: str = "1", values: Iterable[Any] = ()) -> list[Note]:
        """Return the notes that a condition on `notes` leaves, by path."""
        rows = self._ask(f"SELECT {_COLUMNS} FROM notes WHERE {where} ORDER BY path", tuple(values))  # noqa: S608
        return [self._note(row) for row in rows]

    def named(self, name: str, beside: str = "") -> list[Note]:
        """Return the notes that *name*, a key, means; of files of one name the one beside the note at *beside*."""
        if not name:
            return []
        rows = self._ask("SELECT rank, no FROM names WHERE name = ? ORDER BY rank", (name,))
        numbers = [no for rank, no in rows if rank == rows[0][0]]
        found = [note for no in numbers[:100] for note in self.notes("no = ?", (no,))]
        if len(found) > 1 and rows[0][0] == 3 and beside:
            return [note for path in Names(found).paths(name, beside) for note in found if note.path == path]
        return sorted(found)

    def count(self) -> int:
        """Return how many notes there are."""
        return int(self._ask("SELECT count(*) FROM notes")[0][0])

    def placed(self, path: str) -> list[Note]:
        """Return the notes of which *path*, a key, is the path without its ending."""
        rows = self._ask("SELECT no FROM names WHERE name = ? AND rank = 1", (path,))
        return sorted(note for (no,) in rows for note in self.notes("no = ?", (no,)))

    def beginning(self, name: str) -> list[Note]:
        """Return the notes of which a name begins with *name*, a key."""
        sql = "SELECT DISTINCT no FROM names WHERE name >= ? AND name < ? LIMIT 20"
        return sorted(note for (no,) in self._ask(sql, (name, f"{name}\U0010ffff")) for note in self.notes("no = ?", (no,)))

    def links_of(self, path: str) -> list[Link]:
        """Return the links of a note, in their order."""
        sql = "SELECT link FROM links JOIN notes USING (no) WHERE path = ? ORDER BY place"
        return [Link(*json.loads(link)) for (link,) in self._ask(sql, (path,))]

    def links(self) -> dict[str, list[Link]]:
        """Return all links by the path of their note."""
        found: dict[str, list[Link]] = {}
        for path, link in self._ask("SELECT path, link FROM links JOIN notes USING (no) ORDER BY path, place"):
            found.setdefault(path, []).append(Link(*json.loads(link)))
        return found

    def leading_to(self, note: Note) -> Iterator[tuple[str, Link]]:
        """Yield the links that may lead to a note, with the path of the note that they are in."""
        names = sorted({name for _, name in names_of(note)})
        marks = ", ".join("?" * len(names))
        sql = f"SELECT path, link FROM links JOIN notes USING (no) WHERE goal IN ({marks}) ORDER BY path, place"  # noqa: S608
        for path, link in self._ask(sql, names):
            yield path, Link(*json.loads(link))

    def search(self, query: str, limit: int) -> list[tuple[Note, float]]:
        """Return the notes that fit an expression of FTS5, the best first, titles and tags counting more than the text."""
        columns = ", ".join(f"notes.{name.strip()}" for name in _COLUMNS.split(","))
        sql = (
            f"SELECT bm25(words, 8.0, 4.0, 1.0) AS score, {columns} FROM words JOIN notes ON notes.no = words.rowid "  # noqa: S608
            "WHERE words MATCH ? ORDER BY score, path LIMIT ?"
        )
        return [(self._note(row[1:]), -row[0]) for row in self._ask(sql, (query, limit))]

    def gone(self, since: float) -> list[tuple[str, str, str, float]]:
        """Return path, id, title and time of the notes that were missed since a time."""
        return self._ask("SELECT path, id, title, at FROM gone WHERE at >= ? ORDER BY path", (since,))

    def first_seen(self) -> dict[str, float]:
        """Return when each note was first met, by path."""
        return dict(self._ask("SELECT path, seen FROM notes"))

    def ids(self, begin: str) -> list[str]:
        """Return the ids that begin so, in any case."""
        return [id_ for (id_,) in self._ask("SELECT id FROM notes WHERE id LIKE ? ESCAPE '\\'", (f"{begin}%",))]

    def _note(self, row: tuple[Any, ...]) -> Note:
        path, id_, title, kind, lists, created, updated, status, digest, size, mtime, stated = row
        tags, aliases, problems = (tuple(one) for one in json.loads(lists))
        return Note(
            path,
            id_,
            title,
            kind,
            tags,
            aliases,
            created,
            updated,
            status,
            digest,
            size,
            mtime,
            self.folder,
            problems,
            bool(stated),
        )


def _put_words(db: sqlite3.Connection, no: int | None, *texts: str) -> None:
    said = [spaced(text.replace("\0", " ").encode("utf-8", "replace").decode()) for text in texts]
    db.execute("INSERT INTO words (rowid, title, tags, text) VALUES (?, ?, ?, ?)", (no, *said))


def _compared(db: sqlite3.Connection, seen: list[files.Seen]) -> tuple[list[tuple[files.Seen, int]], set[str]]:
    """Return the files that are not as they are known, each with the number of its note or 0, and the paths that are gone."""
    known = {path: (stamp, no) for path, stamp, no in db.execute("SELECT path, stamp, no FROM notes")}
    new = ("", 0)
    changed = [(one, known.get(one.path, new)[1]) for one in seen if known.get(one.path, new)[0] != one.stamp]
    return changed, known.keys() - {one.path for one in seen}


def _check(db: sqlite3.Connection) -> None:
    """Make the tables where there are none. Raises sqlite3.Error: they are of another version, or damaged."""
    db.execute("BEGIN IMMEDIATE")  # two that begin at once: the second finds what the first made
    if db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
        row = db.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()
        if row != (VERSION,):
            raise sqlite3.DatabaseError("another version")
    else:
        for statement in _TABLES.split(";\n"):
            db.execute(statement)
        db.execute("INSERT INTO meta VALUES ('version', ?)", (VERSION,))
    db.execute("COMMIT")


def content_at(folder: str, path: str) -> tuple[Content, str]:
    """Return what the note at *path* says now, and the stamp of its file. Raises OSError."""
    data, known = files.read(folder, path)
    problems = []
    if len(data) > files.LARGEST:
        data = data[: files.LARGEST]
        problems.append(f"{known.st_size:,} bytes: what is behind the first {files.LARGEST:,} is not read")
    text, problem = _text(data, cut=bool(problems))
    problems += [problem] if problem else []
    parts = split(text)
    front: dict[str, Any] = {}
    if parts.problem:
        problems.append(parts.problem)
    if parts.front:
        front, wrong = frontmatter.read(parts.front)
        problems += wrong
    before = (parts.begin + (parts.front or "") + parts.end).count("\n")
    content = content_of(path, front, parts.body, problems, before=before)
    digest = blake2b(data, digest_size=16).hexdigest()
    note = content.note._replace(digest=digest, size=known.st_size, mtime=known.st_mtime, folder=folder)
    return content._replace(note=note), files.stamp_of(known)


def _text(data: bytes, *, cut: bool) -> tuple[str, str]:
    """Return bytes as text, and what is wrong with them."""
    encoding = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}.get(data[:2], "utf-8")
    text = data.decode(encoding, "replace")
    lost = text.rstrip("\ufffd") if cut else text
    if encoding != "utf-8":
        return text, "UTF-16: it is read, and cannot be edited"
    decode: Callable[[], str] = data.decode
    with suppress(UnicodeDecodeError):
        return decode(), ""
    return text, "" if cut and "\ufffd" not in lost else "no UTF-8: what is none is shown as \ufffd"
