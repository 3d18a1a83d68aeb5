"""Files as the session knows them: what was read and written, with the edits since put into it.

A session reads a file, edits it, reads a part of it again; the record of that is several times as long as the file. Here it
becomes what an agent needs: the lines as they stand now, each with the unit that last showed or changed it. What commands did
to files is not seen, and an edit whose text is not among the known lines is only counted.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from segue.core.context.condense import Change, Unit

_AROUND: Final = 3
"""Lines around a change that are shown with it."""
_HEAD: Final = 8
"""Lines at the beginning of a file that are shown with whatever else is."""
_LARGEST: Final = 2_000_000
"""Characters of a file up to which it is put together."""


class Line(NamedTuple):
    """A line of a file, and the place of the unit that last showed or changed it."""

    text: str
    place: int


class Stretch:
    """Lines that follow one another; `first` is the number of the first one, 0 where that is not known."""

    __slots__ = ("first", "lines")

    def __init__(self, first: int, lines: list[Line]) -> None:
        """Hold *lines*."""
        self.first = first
        self.lines = lines

    @property
    def last(self) -> int:
        """The number of the last line, 0 where that is not known."""
        return self.first + len(self.lines) - 1 if self.first else 0


class File:
    """A file as the session knows it: stretches in order, the units that they come from, and what could not be put in."""

    def __init__(self, path: str) -> None:
        """Know nothing of the file at *path*."""
        self.path = path
        self.stretches: list[Stretch] = []
        self.sources: list[int] = []
        """Places of the units whose content is here."""
        self.missed: list[int] = []
        """Places of edits that could not be put in."""

    def read(self, place: int, first: int, text: str) -> None:
        """The lines from number *first* on (0: the whole file) were shown."""
        lines = [Line(each, place) for each in text.split("\n")]
        if not first:
            self._replace_all(place, lines)
            return
        last = first + len(lines) - 1
        kept: list[Stretch] = []
        for old in self.stretches:
            if not old.first or old.last < first or old.first > last:
                kept.append(old)
                continue
            if old.first < first:
                kept.append(Stretch(old.first, old.lines[: first - old.first]))
            if old.last > last:
                kept.append(Stretch(last + 1, old.lines[last + 1 - old.first :]))
        kept.append(Stretch(first, lines))
        self.stretches = _joined(kept)
        self.sources.append(place)

    def write(self, place: int, text: str) -> None:
        """The whole file was written."""
        self._replace_all(place, [Line(each, place) for each in text.rstrip("\n").split("\n")])

    def edit(self, place: int, changes: Sequence[Change]) -> None:
        """Texts of the file were replaced by others."""
        done = [self._change(place, change) for change in changes]
        if all(done):
            self.sources.append(place)
        else:
            self.missed.append(place)

    def _replace_all(self, place: int, lines: list[Line]) -> None:
        self.stretches = [Stretch(1, lines)]
        self.sources.append(place)
        self.missed = []

    def _change(self, place: int, change: Change) -> bool:
        if not change.old:
            return False
        found = False
        for stretch in self.stretches:
            start = 0
            while True:
                moved = _replace(stretch, change, place, start)
                if moved is None:
                    break
                found = True
                start, delta, at = moved
                for other in self.stretches:
                    if other is not stretch and other.first > at > 0:
                        other.first += delta
                if not change.everywhere:
                    return True
        return found


def _replace(stretch: Stretch, change: Change, place: int, start: int) -> tuple[int, int, int] | None:
    """Replace the first occurrence from character *start* on; return where to go on, how many lines were added, and where."""
    text = "\n".join(line.text for line in stretch.lines)
    at = text.find(change.old, start)
    if at < 0:
        return None
    top = text.count("\n", 0, at)
    bottom = top + change.old.count("\n")
    before = text[text.rfind("\n", 0, at) + 1 : at]
    end = at + len(change.old)
    stop = text.find("\n", end)
    after = text[end : stop if stop >= 0 else len(text)]
    new = [Line(each, place) for each in (before + change.new + after).split("\n")]
    stretch.lines[top : bottom + 1] = new
    return at + len(change.new), len(new) - (bottom - top + 1), stretch.first + top if stretch.first else 0


def _joined(stretches: list[Stretch]) -> list[Stretch]:
    """Return stretches in order, neighbours joined."""
    known = sorted((s for s in stretches if s.first and s.lines), key=lambda s: s.first)
    joined: list[Stretch] = []
    for stretch in known:
        if joined and joined[-1].last + 1 == stretch.first:
            joined[-1] = Stretch(joined[-1].first, joined[-1].lines + stretch.lines)
        else:
            joined.append(stretch)
    return joined + [s for s in stretches if not s.first]


def files(units: Sequence[Unit]) -> dict[str, File]:
    """Return the files whose content a conversation shows, by path."""
    found: dict[str, File] = {}
    searched: set[int] = set()
    """Places of searches: what they show is taken of files that nothing else shows."""
    for place, unit in enumerate(units):
        path = file_of(unit)
        if not path or len(unit.text) > _LARGEST:
            continue
        file = found.setdefault(path, File(path))
        if unit.op == "read":
            if unit.touches[0].last or not file.stretches:
                file.read(place, unit.touches[0].first, unit.text)
        elif unit.op == "write":
            file.write(place, unit.text)
        elif unit.op == "edit":
            file.edit(place, unit.changes)
        elif unit.op != "search" or not set(file.sources) - searched:
            for first, lines in unit.shown:
                file.read(place, first, lines)
            if unit.op == "search":
                searched.add(place)
    return {path: file for path, file in found.items() if file.stretches}


def file_of(unit: Unit) -> str:
    """Return the path of the one file whose content *unit* shows or changes; empty: it is none, or several."""
    shows = unit.op in {"read", "edit", "write"} or unit.shown
    return unit.touches[0].path if shows and not unit.failed and len(unit.touches) == 1 else ""


def view(file: File, most: int | None = None) -> tuple[str, int]:
    """Return the lines of a file as text, in stretches with the numbers of their lines, and how many lines are left out.

    With *most*, only so many lines: the first few and those that were shown or changed last; what is left out between them
    is said.
    """
    chosen = _latest(file, most) if most is not None else None
    parts: list[str] = []
    gone = 0
    for stretch in file.stretches:
        run: list[str] = []
        for offset, each in enumerate(stretch.lines):
            if chosen is not None and (id(stretch), offset) not in chosen:
                gone += 1
                if run:
                    parts.append(_run(stretch, offset - len(run), run))
                    run = []
                continue
            run.append(each.text)
        if run:
            parts.append(_run(stretch, len(stretch.lines) - len(run), run))
    return "\n".join(parts), gone


def _run(stretch: Stretch, offset: int, run: list[str]) -> str:
    text = "\n".join(run)
    if not stretch.first:
        return f"[lines]\n{text}"
    first = stretch.first + offset
    return f"[{first}-{first + len(run) - 1}]\n{text}" if len(run) > 1 else f"[{first}]\n{text}"


def _latest(file: File, most: int) -> set[tuple[int, int]]:
    """Return which lines were shown or changed last, with those around them: by stretch and offset."""
    ranked: list[tuple[int, int, int, int]] = []
    for order, stretch in enumerate(file.stretches):
        places = [line.place for line in stretch.lines]
        for offset in range(len(places)):
            newest = max(places[max(offset - _AROUND, 0) : offset + _AROUND + 1])
            ranked.append((-newest, order, offset, id(stretch)))
    head = _head(file, most)
    return {
        *head,
        *[(stretch, offset) for _, _, offset, stretch in sorted(ranked) if (stretch, offset) not in head][: most - len(head)],
    }


def _head(file: File, most: int) -> set[tuple[int, int]]:
    """Return the first lines of a file, a fourth of *most* at the most: what it imports is what edits build on."""
    opening = next((stretch for stretch in file.stretches if stretch.first == 1), None)
    return {(id(opening), offset) for offset in range(min(_HEAD, most // 4, len(opening.lines)))} if opening else set()


def home_of(conversation: Sequence[Unit]) -> str:
    """Return the directory that the files read and changed have in common."""
    paths = {t.path for u in conversation if u.op in {"read", "edit", "write"} for t in u.touches if t.path.startswith("/")}
    split = [path.split("/")[:-1] for path in paths]
    if not split:
        return ""
    common: list[str] = []
    for parts in zip(*split, strict=False):
        most = max(set(parts), key=lambda part: (parts.count(part), part))
        if parts.count(most) * 10 < len(split) * 7:
            break
        common.append(most)
        split = [p for p in split if p[: len(common)] == common]
    return "/".join(common) if len(common) > 2 else ""
