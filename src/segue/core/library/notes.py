"""Notes: what a Markdown file with front matter says, without opening it.

A note is known by its `id`: what the front matter says, else the number that its file's name begins with (`2026-01-050`,
`PLAY-012`), else its path without the ending. Links are wiki links (`[[id|title]]`, `[[id#heading]]`, `![[embedded]]`) and
relative Markdown links to other notes; what stands in code is none.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from posixpath import normpath
from typing import Any, Final, Literal, NamedTuple
from unicodedata import normalize

Rel = Literal["link", "embed", "parent", "supersedes", "depends"]
"""What a link is for: mentioned, shown in place, or a relation that the front matter states."""

SUFFIXES: Final = (".md", ".markdown")
LONGEST_NAME: Final = 500
MOST_LINKS: Final = 5_000
"""Of one note; further ones are counted as a problem."""

_PREFIXES: Final = {"PLAY": "playbook", "MAP": "map", "MOC": "map", "DEC": "decision", "ADR": "decision"}
_INDEXES: Final = frozenset({"00-index", "00-project-index"})
_NUMBERED: Final = re.compile(r"(\d{4}-\d{2}-\d{3,6}|[A-Z]{2,8}-\d{1,6})(?=[-_ .]|$)")
_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})")
_CODE: Final = re.compile(r"(`{1,3})[^`\n]{1,2000}?\1(?!`)")
_WIKI: Final = re.compile(r"(!?)\[\[([^\[\]\n]{1,1000})\]\]")
_MARKDOWN: Final = re.compile(r"(?<!\])(!?)\[([^\[\]\n]{0,300})\]\(\s{0,4}(?:<([^<>\n]{1,500})>|([^()<>\s]{1,500}))(?=[\s)])")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,30}:|//|#")
_ESCAPED: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_HEADING: Final = re.compile(r" {0,3}#{1,6}[ \t]+(.*)")
_RELATIONS: Final[Mapping[str, Rel]] = {"parent": "parent", "up": "parent", "supersedes": "supersedes", "depends_on": "depends"}


class Link(NamedTuple):
    """A link as it stands in a note: what it names, how it is shown, the line (0: front matter), and what it is for."""

    target: str
    title: str = ""
    line: int = 0
    rel: Rel = "link"
    relative: bool = False
    """It is a path from where the note is: Markdown's own."""


class Note(NamedTuple):
    """A note, in a line. `path` is relative to its folder, with `/`; dates are as its author wrote them."""

    path: str
    id: str
    title: str
    kind: str = "note"
    tags: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    created: str = ""
    updated: str = ""
    status: str = ""
    digest: str = ""
    size: int = 0
    mtime: float = 0.0
    """Seconds since 1970 of the file's last change."""
    folder: str = ""
    """The folder that it is in, an absolute path."""
    problems: tuple[str, ...] = ()
    """What could not be read of it, or is not as it should be."""
    stated: bool = False
    """Its id is its author's choice: in the front matter, or a number. Two notes must not have the same."""

    def to_json(self) -> dict[str, Any]:
        """Return the note as JSON data."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in self._asdict().items() if k != "stated"}


class Content(NamedTuple):
    """A note with its links and the text below its front matter."""

    note: Note
    links: tuple[Link, ...]
    text: str


def key(name: str) -> str:
    """Return what two names have in common that mean the same note: case, Unicode form and blanks do not count."""
    return " ".join(normalize("NFC", name).casefold().split())


def stem(path: str) -> str:
    """Return a note's path without the ending."""
    return next((path[: -len(end)] for end in SUFFIXES if path.lower().endswith(end)), path)


def is_index(path: str) -> bool:
    """Return whether the note at *path* is an index of a library."""
    return stem(path.rsplit("/", 1)[-1]).lower() in _INDEXES


def numbered(name: str) -> str:
    """Return the number that a file's name begins with, `PLAY-012`; empty where it has none."""
    found = _NUMBERED.match(name)
    return found[1] if found else ""


def content_of(path: str, front: Mapping[str, Any], text: str, problems: Iterable[str] = (), *, before: int = 0) -> Content:
    """Return what the file at *path* says: its front matter, read, and the text below, which begins behind *before* lines."""
    name = stem(path.rsplit("/", 1)[-1])
    number = "" if is_index(path) else numbered(name)
    said = next(iter(texts(front.get("id"))), "")[:LONGEST_NAME]
    identity = said or number or stem(path)
    links = [link._replace(line=link.line + before) if link.line else link for link in _links(front, text)]
    found = [*problems]
    if len(links) > MOST_LINKS:
        found.append(f"{len(links):,} links: those behind the first {MOST_LINKS:,} are passed over")
    note = Note(
        path=path,
        id=identity,
        title=_first(front, "title") or _heading(text) or name,
        kind="index" if is_index(path) else (_first(front, "type") or _first(front, "kind") or _kind(identity)).lower(),
        tags=tuple(tag.lstrip("#") for tag in _each(front, "tags")),
        aliases=tuple(_each(front, "aliases")),
        created=_first(front, "created") or _first(front, "date"),
        updated=_first(front, "updated") or _first(front, "modified"),
        status=_first(front, "status"),
        problems=tuple(found),
        stated=bool(said or number),
    )
    return Content(note, tuple(links[:MOST_LINKS]), text)


def names_of(note: Note) -> list[tuple[int, str]]:
    """Return what *note* may be called, each with its rank: the lowest rank that fits decides."""
    path = stem(note.path)
    found = [(0, note.id), (1, path), *((2, alias) for alias in note.aliases), (3, path.rsplit("/", 1)[-1]), (4, note.title)]
    return [(rank, key(name)) for rank, name in found if name.strip()]


def target_key(link: Link, path: str) -> str:
    """Return what the link of the note at *path* looks for, in the form of `names_of`; empty: it leads out of the folder."""
    name = link.target.partition("#")[0].strip()
    if (link.relative or name.startswith(("./", "../"))) and not name.startswith("/"):
        name = normpath(f"{path.rpartition('/')[0] or '.'}/{name}")
    return "" if name == ".." or name.startswith("../") else key(stem(name.lstrip("/")))


def is_attachment(link: Link) -> bool:
    """Return whether a link leads to a file that is no note: an image, a PDF."""
    name = link.target.split("#", 1)[0].rsplit("/", 1)[-1]
    ending = name.rpartition(".")[2] if "." in name else ""
    return (
        bool(ending) and f".{ending.lower()}" not in SUFFIXES and ending.isalnum() and len(ending) <= 5 and not ending.isdigit()
    )


def texts(value: Any) -> list[str]:
    """Return the texts in a value of the front matter; `[[links]]` without their brackets."""
    found: list[str] = []
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, list):
            stack.extend(reversed(one))
        elif isinstance(one, str) and one.strip():
            text = one.strip()
            found.append(text[2:-2].split("|", 1)[0].strip() if text.startswith("[[") and text.endswith("]]") else text)
    return found


def _first(front: Mapping[str, Any], name: str) -> str:
    return " ".join(next(iter(texts(front.get(name))), "")[:LONGEST_NAME].split())


def _each(front: Mapping[str, Any], name: str) -> list[str]:
    """Return a list; what stands in one text is divided by commas, as Obsidian does."""
    value = front.get(name)
    found = value.split(",") if isinstance(value, str) else texts(value)
    return [one.strip()[:LONGEST_NAME] for one in found[:200] if one.strip()]


def _kind(identity: str) -> str:
    return _PREFIXES.get(identity.partition("-")[0], "note")


def _heading(text: str) -> str:
    """Return the first heading."""
    for line in prose(text[:20_000]):
        if found := _HEADING.match(line[1]):
            return " ".join(found[1].rstrip("# \t").split())[:LONGEST_NAME]
    return ""


def prose(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of *text* that stand in no block of code, with their numbers."""
    fence = ""
    for number, line in enumerate(text.splitlines(), 1):
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not line[mark.end() :].strip():
                fence = ""
            continue
        if mark:
            fence = mark[1]
            continue
        yield number, line


def _links(front: Mapping[str, Any], text: str) -> Iterator[Link]:
    for name, rel in _RELATIONS.items():
        for target in texts(front.get(name)):
            yield Link(target[:LONGEST_NAME], "", 0, rel)
    if "](" not in text and "[[" not in text:
        return
    for number, whole in prose(text):
        if "[" not in whole:
            continue
        line = _CODE.sub("", whole) if "`" in whole else whole
        for embed, inner in _WIKI.findall(line):
            target, _, title = inner.replace("\\|", "|").partition("|")
            if target.strip() and not target.strip().startswith("#"):
                yield Link(target.strip()[:LONGEST_NAME], title.strip()[:LONGEST_NAME], number, "embed" if embed else "link")
        for image, title, angled, plain in _MARKDOWN.findall(line):
            target = _ESCAPED.sub(_unescaped, angled or plain)
            path = target.partition("#")[0]
            if not image and not _SCHEME.match(target) and stem(path) != path:
                yield Link(target, title, number, relative=True)


def _unescaped(found: "re.Match[str]") -> str:
    """Return what percent signs stand for in a path."""
    return bytes.fromhex(found[0].replace("%", "")).decode("utf-8", "replace")
