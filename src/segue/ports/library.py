"""The library: folders of notes, which belong to their author. They are read; written only where that is asked for."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from segue.core.library.checking import Problem
from segue.core.library.notes import Content, Note


class Found(NamedTuple):
    """A note that a search found, the more about it the higher the score (within one answer), and an extract."""

    note: Note
    score: float
    snippet: str


class Gone(NamedTuple):
    """A note that was there when the folder was looked at before."""

    folder: str
    path: str
    id: str
    title: str
    at: float
    """When it was missed, in seconds since 1970."""


class LinkRow(NamedTuple):
    """A link from one note to another, or to nothing: `to` is empty then."""

    path: str
    line: int
    rel: str
    target: str
    to: tuple[Note, ...]


class Listed(NamedTuple):
    """What a folder holds beside its notes: what was left out, and why."""

    folder: str
    notes: int
    left_out: tuple[tuple[str, str], ...]
    read: int
    """Notes that were opened to answer: those that are new or changed since the last look."""


class Library(Protocol):
    """Notes in folders. Every question first looks at what changed in the folders since the last one.

    A folder that is missing has no notes. Symbolic links are not followed. What cannot be read is named, never fatal.
    """

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders, absolute; new notes go to the first."""
        ...

    def notes(self, *, kind: str = "", tag: str = "", under: str = "", since: float = 0.0) -> list[Note]:
        """Return the notes (of one kind, with a tag, at or below the path *under*, changed since a time) by folder and path."""
        ...

    def listed(self) -> list[Listed]:
        """Return what each folder holds beside its notes."""
        ...

    def at(self, path: str) -> Note | None:
        """Return the note at *path*: absolute, or relative to a folder; case does not count. None: there is none."""
        ...

    def find(self, ref: str) -> list[Note]:
        """Return the notes that *ref* means: by id, path, alias, file name or title, or the beginning of one.

        There may be none or several. The first folder that has one decides.
        """
        ...

    def content(self, note: Note) -> Content:
        """Return a note as it is now. Raises NotFoundError: it is gone, or cannot be read."""
        ...

    def raw(self, note: Note) -> str:
        """Return the file of a note as text, byte for byte.

        Raises:
            NotFoundError: it is gone.
            UsageError: it is no UTF-8, or too large to be edited.
        """
        ...

    def links(self, note: Note) -> list[LinkRow]:
        """Return the links of a note, in their order."""
        ...

    def backlinks(self, note: Note) -> list[LinkRow]:
        """Return the links of other notes that lead to this one, by path."""
        ...

    def problems(self) -> list[tuple[str, Problem]]:
        """Return what is wrong, each with its folder."""
        ...

    def search(self, query: str, *, limit: int = 20) -> list[Found]:
        """Return the notes that have all words of *query*, else some of them, the best first. Nothing in it is syntax."""
        ...

    def first_seen(self) -> dict[tuple[str, str], float]:
        """Return when each note, by folder and path, was first met, in seconds since 1970, as far as the catalogue remembers."""
        ...

    def gone(self, since: float) -> list[Gone]:
        """Return the notes that were missed since a time, as far as the catalogue remembers."""
        ...

    def front(self, text: str) -> dict[str, Any]:
        """Return what the front matter of *text* says, as far as it can be read."""
        ...

    def create(self, kind: str, content: Callable[[str], tuple[str, str]]) -> Note:
        """Make a note in the first folder: *content* is given an id that nobody has, and returns path and text.

        Two processes never give the same id. Raises ExistsError, UsageError, OSError.
        """
        ...

    def write(self, note: Note, before: str, after: str) -> Note:
        """Give a note the text *after*, durably, whole or not at all; *before* is the text that the change was made from.

        Raises:
            ChangedError: somebody wrote it meanwhile; what he wrote is there.
            OSError: it cannot be written; it is as it was.
        """
        ...

    def put(self, path: str, after: str) -> Note:
        """Make a note at *path* of the first folder. Raises ExistsError, UsageError, OSError."""
        ...

    def close(self) -> None:
        """Let go of files."""
        ...
