"""Redaction of decoded JSON: each secret in it is replaced by `[REDACTED:kind]`, and counted by kind.

What is put there says nothing of the secret but its kind: no hash, no tag, whose holder could guess short ones.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from segue.core.redaction.finding import Span, announced, find, united
from segue.core.redaction.known import with_forms
from segue.core.redaction.values import Located, Redacted
from segue.core.redaction.views import Found, decoded, filler, joined, unescaped, unquoted

_SHORT: Final = 6
_KEY: Final = 12
"""Characters from which on the name of a member may hold a secret."""
_PASSES: Final = 4
_NEAR: Final = 4096
"""Characters on each side of the seam of two texts that follow each other in a list."""
_BINARY: Final = frozenset(map(chr, (*range(9), *range(0x80, 0xA0))))


class Slot(NamedTuple):
    """A text in a value: the container, its place in it, the text; `is_name`: it is the name of a member; which value."""

    container: Any
    place: Any
    text: str
    is_name: bool = False
    value: int = 0


class Redactor:
    """Finds and replaces secrets. It holds nothing of what it saw; any number of threads may use it."""

    def __init__(self, known: Iterable[tuple[str, str]] = (), *, emails: bool = False) -> None:
        """Look for the rules' secrets, and for *known* values: (kind, value) of each. *emails*: for addresses as well."""
        self._find = partial(find, known=tuple(with_forms(known)), emails=emails)

    def redact(self, value: Any) -> Redacted:
        """Return *value* (what JSON decodes to) with each secret replaced; itself where there is none.

        Nothing is an error. Redacting again changes nothing. The value's structure stays, but for members whose names held
        secrets: these get others.
        """
        return self.redact_each([value])[0]

    def redact_each(self, values: Sequence[Any]) -> list[Redacted]:
        """Return each of *values* redacted: much quicker than one by one, where they are small."""
        done = list(values)
        counts: list[Counter[str]] = [Counter() for _ in values]
        left = list(range(len(done)))
        for _ in range(_PASSES):
            slots = [slot for number in left for slot in _slots(done[number], number)]
            marks = self._marks(slots)
            left = sorted({slots[number].value for number in marks})
            if not left:
                break
            by_value: dict[int, dict[int, list[Found]]] = {}
            firsts = _firsts(slots)
            for number, found in marks.items():
                value = slots[number].value
                counts[value].update(one.span.kind for one in _ordered(found))
                by_value.setdefault(value, {})[number - firsts[value]] = found
            for value, each in by_value.items():
                done[value] = _replaced(done[value], each)
        return [Redacted(value, dict(count)) for value, count in zip(done, counts, strict=True)]

    def text(self, text: str) -> tuple[str, dict[str, int]]:
        """Return *text* without its secrets, and how many of each kind there were."""
        redacted = self.redact([text])
        return redacted.value[0], redacted.counts

    def locate(self, value: Any) -> list[Located]:
        """Return where the secrets in *value* stand, in the order of its members. Nothing of them is in it."""
        slots = list(_slots(value))
        marks = self._marks(slots)
        paths = _paths(value) if marks else {}
        found = []
        for number in sorted(marks):
            slot = slots[number]
            path = self.text(paths.get((id(slot.container), slot.place), "$"))[0]
            found += [Located(f.span.kind, path, f.span.start, f.span.end) for f in _ordered(marks[number])]
        return found

    def _marks(self, slots: list[Slot]) -> dict[int, list[Found]]:
        """Return what is to be replaced, by the number of the slot."""
        marks: dict[int, list[Found]] = {}
        same: dict[str, list[int]] = {}
        for number, slot in enumerate(slots):
            same.setdefault(slot.text, []).append(number)
            if not slot.is_name and slot.container is not None and (kind := _announcement(slot)):
                marks.setdefault(number, []).append(Found(Span(0, len(slot.text), kind)))
        texts = list(same)
        whole = Stretch.of(enumerate(texts), "\0")
        once: dict[int, list[Found]] = {}
        for found in self._everywhere(whole.text):
            whole.place(found, once)
        for number, each in once.items():
            for other in same[texts[number]]:
                marks.setdefault(other, []).extend(each)
        for chain in _chains(slots):
            together = Stretch.of(((number, slots[number].text) for number in chain), "")
            for found in self._everywhere(together.text):
                together.place(found._replace(instead=None), marks)
        return marks

    def _everywhere(self, text: str) -> Iterator[Found]:
        """Yield the secrets in *text* as it is and as it reads."""
        for span in self._find(text):
            yield Found(span)
        yield from unescaped(text, self._find)
        yield from unquoted(text, self._find)
        yield from joined(text, self._find)
        yield from decoded(text, self._deeper)

    def _deeper(self, text: str) -> list[Span]:
        """Return the secrets in what was encoded, which may have been quoted before."""
        found = self._find(text)
        return [*found, *(f.span for f in unquoted(text, self._find))] if "%" in text else found


# --- texts and their places


def _slots(value: Any, number: int = 0) -> Iterator[Slot]:
    """Yield the texts in *value*, the one with that *number*, in an order that its structure alone decides.

    Members that are too short to hold a secret are left out; in a list they may be pieces of one.
    """
    if isinstance(value, str):
        yield Slot(None, None, value, False, number)
        return
    stack: list[Any] = [value] if isinstance(value, (Mapping, list, tuple)) else []
    while stack:
        container = stack.pop()
        is_list = isinstance(container, (list, tuple))
        least = 0 if is_list else _SHORT
        members: Iterable[tuple[Any, Any]] = enumerate(container) if is_list else container.items()
        for place, item in members:
            if least and isinstance(place, str) and len(place) >= _KEY:
                yield Slot(container, place, place, True, number)
            kind: object = type(item)
            if kind is str:
                if len(item) >= least:
                    yield Slot(container, place, item, False, number)
            elif kind is dict or kind is list or (kind not in _PLAIN and isinstance(item, (Mapping, list, tuple))):
                stack.append(item)
            elif kind not in _PLAIN and isinstance(item, str):
                yield Slot(container, place, item, False, number)


_PLAIN: Final = frozenset({int, float, bool, type(None)})


def _announcement(slot: Slot) -> str:
    """Return the kind of the secret that a text is because of what stands beside it; empty: it is none."""
    container, place, text = slot[:3]
    if type(place) is str:
        if place == "value":
            name = container.get("name", container.get("key"))
            if isinstance(name, str) and (kind := announced(name, text)):
                return kind
        return announced(place, text)
    before = container[place - 1] if place else ""
    if isinstance(before, str) and before.startswith("--"):
        return announced(before[:_NEAR].lstrip("-"), text)
    return ""


class Stretch(NamedTuple):
    """Several texts as one."""

    text: str
    numbers: list[int]
    starts: list[int]
    """Where each begins."""
    gap: int

    @classmethod
    def of(cls, texts: Iterable[tuple[int, str]], between: str) -> "Stretch":
        """Return numbered texts, one after another."""
        numbers: list[int] = []
        starts: list[int] = []
        parts: list[str] = []
        at = 0
        for number, text in texts:
            numbers.append(number)
            starts.append(at)
            parts.append(text)
            at += len(text) + len(between)
        return cls(between.join(parts), numbers, starts, len(between))

    def place(self, found: Found, marks: dict[int, list[Found]]) -> None:
        """Add what was found to the marks of the texts that it is in."""
        start, end, kind = found.span
        i = bisect_right(self.starts, start) - 1
        while i < len(self.starts) and self.starts[i] < end:
            begin = self.starts[i]
            stop = (self.starts[i + 1] - self.gap) if i + 1 < len(self.starts) else len(self.text)
            local = Span(max(start, begin) - begin, min(end, stop) - begin, kind)
            if local.start < local.end:
                marks.setdefault(self.numbers[i], []).append(Found(local, found.instead))
            i += 1


def _chains(slots: list[Slot]) -> Iterator[list[int]]:
    """Yield the numbers of texts that follow each other in a list."""
    chain: list[int] = []
    last = slots[0] if slots else None
    for number, slot in enumerate(slots):
        if type(slot.place) is not int:
            continue
        if not chain or last is None or last.container is not slot.container or last.place + 1 != slot.place:
            if len(chain) > 1:
                yield chain
            chain = []
        chain.append(number)
        last = slot
    if len(chain) > 1:
        yield chain


def _ordered(found: Iterable[Found]) -> list[Found]:
    """Return what was found in one text in its order, what overlaps as one."""
    each = sorted(found, key=lambda f: (f.span.start, -f.span.end))
    result: list[Found] = []
    for one in each:
        if result and one.span.start < result[-1].span.end:
            if one.span.end > result[-1].span.end or result[-1].instead is not None:
                result[-1] = Found(united([result[-1].span, one.span])[0])
        else:
            result.append(one)
    return result


def _without(text: str, found: Iterable[Found]) -> str:
    """Return *text* with what was found replaced; one that holds bytes keeps its length, so that it still can be read."""
    binary = not _BINARY.isdisjoint(text)
    parts: list[str] = []
    at = 0
    for (start, end, kind), instead in found:
        marker = instead or (filler(kind, end - start) if binary else f"[REDACTED:{kind}]")
        parts += (text[at:start], marker)
        at = end
    return "".join((*parts, text[at:]))


def _firsts(slots: list[Slot]) -> dict[int, int]:
    """Return the number of each value's first text."""
    firsts: dict[int, int] = {}
    for number, slot in enumerate(slots):
        firsts.setdefault(slot.value, number)
    return firsts


def _replaced(value: Any, marks: Mapping[int, list[Found]]) -> Any:
    """Return a copy of *value* with the texts that are marked replaced."""
    if isinstance(value, str):
        return _without(value, _ordered(marks[0]))
    copy = _copied(value)
    renamed = []
    for number, slot in enumerate(list(_slots(copy))):
        if number not in marks:
            continue
        text = _without(slot.text, _ordered(marks[number]))
        if slot.is_name:
            renamed.append((slot.container, slot.place, text))
        else:
            slot.container[slot.place] = text
    for container, old, new in renamed:
        _rename(container, old, new)
    return copy


def _rename(container: dict[str, Any], old: str, new: str) -> None:
    """Give a member another name, in its place; one that is taken gets a number."""
    name, number = new, 1
    while name in container:
        number += 1
        name = f"{new}-{number}"
    members = [(name if key == old else key, item) for key, item in container.items()]
    container.clear()
    container.update(members)


def _copied(value: Any) -> Any:
    """Return *value* with containers of its own, however deep."""
    copy = dict(value) if isinstance(value, Mapping) else list(value)
    stack: list[Any] = [copy]
    while stack:
        container = stack.pop()
        for place, item in list(container.items() if isinstance(container, dict) else enumerate(container)):
            if isinstance(item, (Mapping, list, tuple)):
                container[place] = dict(item) if isinstance(item, Mapping) else list(item)
                stack.append(container[place])
    return copy


def _paths(value: Any) -> dict[tuple[int, Any], str]:
    """Return the path of each member of *value*: `$.parts[0].content`."""
    paths: dict[tuple[int, Any], str] = {}
    stack = [] if isinstance(value, str) else [(value, "$")]
    while stack:
        container, path = stack.pop()
        members = container.items() if isinstance(container, Mapping) else enumerate(container)
        for place, item in members:
            paths[id(container), place] = f"{path}.{place}" if isinstance(place, str) else f"{path}[{place}]"
            if isinstance(item, (Mapping, list, tuple)):
                stack.append((item, paths[id(container), place]))
    return paths
