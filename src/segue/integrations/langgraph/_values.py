"""How a framework's values stand in events: typed bytes as text, lists as what is new in them.

A serialised value is `{"type": "msgpack", "text": "..."}`, its bytes as Latin-1 characters (serialised text stays
readable, searchable and compressible that way), or `"base64"` where that is shorter. Nothing is ever unpickled here:
what the bytes mean is the serialiser's affair.

A list is `{"of": 17, "items": [[0, 56], {...}, {"ahead": 1}]}`: pairs are slices [start, stop) of the same channel's list
as event 17 left it, the others are its new elements: as they are, or in an event of their own, so many places behind this one
(`ahead`) or of that number (`at`). So a list that only grows costs what was added, however long it is.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Hashable, Iterator, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from segue.integrations.langgraph._seen import Seen, seen

Typed = tuple[str, bytes]
Packed = dict[str, Any]

_PLAIN = bytes(i for i in range(0x20, 0x7F) if i not in b'"\\')
_HIGH = bytes(range(0x80, 0x100))


def pack(typed: Typed) -> Packed:
    """Return typed bytes as JSON, in the shorter of two forms."""
    kind, data = typed
    data = bytes(data)
    if not data:
        return {"type": kind}
    special = data.translate(None, _PLAIN)
    escaped = len(special.translate(None, _HIGH))
    if len(data) + (len(special) - escaped) + 5 * escaped <= len(data) * 4 // 3:
        return {"type": kind, "text": data.decode("latin-1")}
    return {"type": kind, "base64": b64encode(data).decode("ascii")}


def unpack(packed: Packed) -> Typed:
    """Return what `pack` was given."""
    if "text" in packed:
        return packed["type"], packed["text"].encode("latin-1")
    return packed["type"], b64decode(packed.get("base64", ""), validate=True)


class Codec(NamedTuple):
    """A serialiser, its encryption apart: what is compared is plain, what is stored is sealed."""

    dumps: Callable[[Any], Typed]
    loads: Callable[[Typed], Any]
    readable: bool = False
    """Whether what is stored is for everybody who has the store to read: what is said in it may stand as messages."""
    repeats: bool = False
    """Whether equal messages always serialise to the same bytes: then one that was not changed need not be serialised again."""
    seal: Callable[[Typed], Typed] = lambda typed: typed
    open: Callable[[Typed], Typed] = lambda typed: typed

    def pack(self, value: Any) -> Packed:
        """Return *value* serialised, sealed and packed."""
        return pack(self.seal(self.dumps(value)))

    def load(self, packed: Packed) -> Any:
        """Return the value that `pack` was given."""
        return self.loads(self.open(unpack(packed)))


class Element:
    """One element of a stored list, and the event of its own in which it stands, if it does.

    Its plain bytes are recovered when somebody compares. One that was erased is None, and keeps its place.
    """

    __slots__ = ("_plain", "at", "packed", "seen")

    def __init__(self, packed: Packed | None, at: int | None = None) -> None:
        """Keep the packed element."""
        self.packed = packed
        self.at = at
        self.seen: Seen | None = None
        """The message that it was made of, or that was made of it."""
        self._plain: Typed | None = None

    def plain(self, codec: Codec) -> Typed | None:
        """Return what the serialiser made of the element."""
        if self._plain is None and self.packed is not None:
            self._plain = codec.open(unpack(self.packed))
        return self._plain

    @property
    def name(self) -> Hashable:
        """What it is known by within its thread."""
        return id(self.packed) if self.at is None else (self.at,)

    def item(self) -> Packed:
        """Return what stands for it in a list that another event keeps."""
        return {"at": self.at} if self.at is not None else self.packed or {}


def digest(plain: Typed) -> bytes:
    """Return what identifies typed bytes."""
    kind = plain[0].encode()
    return blake2b(len(kind).to_bytes(4, "big") + kind + plain[1], digest_size=16).digest()


def is_list(spec: Packed) -> bool:
    """Return whether a stored value is a list stored by elements."""
    return "items" in spec


Keep = Callable[[int, Typed, Element | None], Packed | None]
"""Called with the index of a new element, its plain bytes and the known one that it follows: what is to stand for it."""


def describe(
    values: Sequence[Any], base: Sequence[Element], base_seq: int | None, codec: Codec, keep: Keep | None = None
) -> Packed:
    """Return *values* as slices of *base* (the list that event *base_seq* left) and new elements."""
    plain, fresh = _serialised(values, base, codec)
    items: list[Any] = []
    last: Element | None = None
    done = 0
    for start, stop, new in runs(plain, [e.plain(codec) for e in base]):
        if start < stop:
            items.append([start, stop])
            last = base[stop - 1]
            for i in fresh & {*range(done, done + stop - start)} if fresh else ():
                base[start + i - done].seen = seen(values[i])
            done += stop - start
            continue
        for i in new:
            items.append((keep and keep(i, plain[i], last)) or pack(codec.seal(plain[i])))
            last = None
        done = new.stop
    return {"items": items} if base_seq is None else {"of": base_seq, "items": items}


def _serialised(values: Sequence[Any], base: Sequence[Element], codec: Codec) -> tuple[list[Typed], set[int]]:
    """Return *values* serialised, and which of them had to be."""
    if not codec.repeats:
        return [codec.dumps(value) for value in values], set()
    known = {e.seen.number: e for e in base if e.seen is not None}
    plain: list[Typed] = []
    fresh: set[int] = set()
    for i, value in enumerate(values):
        element = known.get(id(value))
        before = element.plain(codec) if element and element.seen and element.seen.is_still(value) else None
        if before is None:
            fresh.add(i)
            before = codec.dumps(value)
        plain.append(before)
    return plain, fresh


def redescribe(elements: Sequence[Element], base: Sequence[Element], base_seq: int | None) -> Packed:
    """Return a stored list as slices of another one, and elements: nothing is serialised."""
    items: list[Any] = []
    for start, stop, new in runs([e.name for e in elements], [e.name for e in base]):
        items += [[start, stop]] if start < stop else [elements[i].item() for i in new]
    return {"items": items} if base_seq is None else {"of": base_seq, "items": items}


def runs(new: Sequence[Hashable], old: Sequence[Hashable]) -> Iterator[tuple[int, int, range]]:
    """Yield slices of *old* (start < stop) and ranges of *new* (start == stop) that together give *new*."""
    where: dict[Hashable, int] | None = None
    i, at = 0, 0  # `at`: where in the old list the next element most likely is
    while i < len(new):
        start, first = at, i
        while i < len(new) and at < len(old) and new[i] == old[at]:
            i, at = i + 1, at + 1
        if i > first:
            yield start, at, range(0)
            continue
        if where is None:
            where = {one: k for k, one in reversed(list(enumerate(old)))}
        while i < len(new) and new[i] not in where:
            i += 1
        if i > first:
            yield 0, 0, range(first, i)
            at += i - first  # an element that was replaced: what follows it most likely did before
        if i < len(new) and not (at < len(old) and old[at] == new[i]):
            at = where[new[i]]
