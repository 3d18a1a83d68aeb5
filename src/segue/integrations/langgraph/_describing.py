"""How a list is described by another one, of which it has most elements: as slices of that one, and what is new."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, Final, Protocol

from segue.integrations.langgraph._seen import Seen, seen
from segue.integrations.langgraph._values import Codec, Element, Packed, Typed, pack

_FEW: Final = 4
"""Values at the end of a list that are rather serialised than looked for among the known objects."""

Keep = Callable[[int, Typed, Seen | None, Element | None], Packed | None]
"""Called with the index of a new element, what the serialiser made of it and of which object, and the known element that it
follows: what is to stand for it."""


def describe(
    values: Sequence[Any], base: Sequence[Element], base_seq: int | None, codec: Codec, keep: Keep | None = None
) -> Packed:
    """Return *values* as slices of *base* (the list that event *base_seq* left) and new elements."""
    match = _ByValue(values, base, codec)
    items: list[Any] = []
    last: Element | None = None
    for start, stop, new in runs(match):
        if start < stop:
            items.append([start, stop])
            last = base[stop - 1]
        for i in new:
            plain, object_ = match.plain(i)
            items.append((keep and keep(i, plain, object_, last)) or pack(codec.seal(plain)))
            last = None
    return {"items": items} if base_seq is None else {"of": base_seq, "items": items}


def redescribe(elements: Sequence[Element], base: Sequence[Element], base_seq: int | None) -> Packed:
    """Return a stored list as slices of another one, and elements: nothing is serialised."""
    items: list[Any] = []
    for start, stop, new in runs(_ByName([e.name for e in elements], [e.name for e in base])):
        items += [[start, stop]] if start < stop else [elements[i].item() for i in new]
    return {"items": items} if base_seq is None else {"of": base_seq, "items": items}


class Match(Protocol):
    """Which elements of a new list are which of an old one."""

    new: int
    old: int
    """How many there are."""

    def follow(self, i: int, at: int) -> int:
        """Return how many elements from the new one's *i* on are those from the old one's *at* on."""

    def find(self, i: int) -> int | None:
        """Return where in the old list the new one's *i* is."""


def runs(match: Match) -> Iterator[tuple[int, int, range]]:
    """Yield slices of the old list (start < stop) and ranges of the new one (start == stop) that together give the new one."""
    i, at = 0, 0  # `at`: where in the old list the next element most likely is
    while i < match.new:
        same = match.follow(i, at)
        if same:
            yield at, at + same, range(0)
            i, at = i + same, at + same
            continue
        first, found = i, match.find(i)
        while found is None and i + 1 < match.new:
            i += 1
            found = match.find(i)
        if found is None:
            i += 1
        if i > first:
            yield 0, 0, range(first, i)
            at += i - first  # an element that was replaced: what follows it most likely did before
        if found is not None and not match.follow(i, at):
            at = found


class _ByName:
    def __init__(self, new: Sequence[Hashable], old: Sequence[Hashable]) -> None:
        self.new, self.old = len(new), len(old)
        self._new, self._old = new, old
        self._where = {name: k for k, name in reversed(list(enumerate(old)))}

    def follow(self, i: int, at: int) -> int:
        count = 0
        while i + count < self.new and at + count < self.old and self._new[i + count] == self._old[at + count]:
            count += 1
        return count

    def find(self, i: int) -> int | None:
        return self._where.get(self._new[i])


class _ByValue:
    """By what the serialiser makes of the values. An object that is known to be as it was need not be serialised for that."""

    def __init__(self, values: Sequence[Any], base: Sequence[Element], codec: Codec) -> None:
        self.new, self.old = len(values), len(base)
        self._values, self._base, self._codec = values, base, codec
        self._plain: dict[int, tuple[Typed, Seen | None]] = {}
        self._known: dict[int, int] | None = None
        self._where: dict[Typed | None, int] | None = None

    def plain(self, i: int) -> tuple[Typed, Seen | None]:
        """Return what the serialiser makes of a value, and of which object as it was then."""
        if i not in self._plain:
            self._plain[i] = self._kept(i) or self._serialised(i)
        return self._plain[i]

    def follow(self, i: int, at: int) -> int:
        values, base = self._values, self._base
        for count in range(min(self.new - i, self.old - at)):
            element = base[at + count]
            if element.seen is None or not element.seen.is_still(values[i + count]):
                plain, object_ = self.plain(i + count)
                if plain != element.plain(self._codec):
                    return count
                element.seen = object_
        return max(min(self.new - i, self.old - at), 0)

    def find(self, i: int) -> int | None:
        known = None if i in self._plain else self._known_at(i)
        if known is not None:
            return known
        if self._where is None:
            plain = [e.plain(self._codec) for e in self._base]
            self._where = dict(zip(reversed(plain), range(self.old - 1, -1, -1), strict=True))
        return self._where.get(self.plain(i)[0])

    def _kept(self, i: int) -> tuple[Typed, Seen | None] | None:
        """Return what a value was before, if the object is known and was not changed since."""
        at = self._known_at(i)
        plain = None if at is None else self._base[at].plain(self._codec)
        return plain and (plain, self._base[at or 0].seen)

    def _known_at(self, i: int) -> int | None:
        """Return where the object is that a value is, if it was not changed since."""
        if self._known is None:
            if self.new - i <= _FEW:
                return None
            self._known = {e.seen.number: k for k, e in enumerate(self._base) if e.seen is not None}
        at = self._known.get(id(self._values[i]))
        known = None if at is None else self._base[at].seen
        return at if known is not None and known.is_still(self._values[i]) else None

    def _serialised(self, i: int) -> tuple[Typed, Seen | None]:
        object_ = seen(self._values[i]) if self._codec.repeats else None  # before: a change meanwhile makes it another one
        return self._codec.dumps(self._values[i]), object_
