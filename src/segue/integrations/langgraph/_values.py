"""How a framework's values stand in events: typed bytes as text, lists as what is new in them.

A serialised value is `{"type": "msgpack", "text": "..."}`, its bytes as Latin-1 characters (serialised text stays
readable, searchable and compressible that way), or `"base64"` where that is shorter. Nothing is ever unpickled here:
what the bytes mean is the serialiser's affair.

A list is `{"of": 17, "items": [[0, 56], {...}, {"ahead": 1}]}`: pairs are slices [start, stop) of the same channel's list
as event 17 left it, the others are its new elements: as they are, or in an event of their own, so many places behind this one
(`ahead`) or of that number (`at`). So a list that only grows costs what was added, however long it is.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Hashable, Iterable, Sequence
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from segue.integrations.langgraph._seen import Seen, seen

Typed = tuple[str, bytes]
Packed = dict[str, Any]

MSGPACK: Final = "msgpack"
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
    joins: bool = False
    """Whether a list's msgpack is a header and the msgpack of each element: then all of them can be loaded in one call."""
    seal: Callable[[Typed], Typed] = lambda typed: typed
    open: Callable[[Typed], Typed] = lambda typed: typed

    def pack(self, value: Any) -> Packed:
        """Return *value* serialised, sealed and packed."""
        return pack(self.seal(self.dumps(value)))

    def load(self, packed: Packed) -> Any:
        """Return the value that `pack` was given."""
        return self.loads(self.open(unpack(packed)))

    def load_each(self, plain: Sequence[Typed]) -> list[Any]:
        """Return the values of what the serialiser made of each."""
        if len(plain) > 1 and all(kind == MSGPACK for kind, _ in plain):
            found = self.load_joined(len(plain), (data for _, data in plain))
            if found is not None:  # else: which one it is, is told below
                return found
        return [self.loads(one) for one in plain]

    def load_joined(self, count: int, pieces: Iterable[bytes | memoryview] | None) -> list[Any] | None:
        """Return the values of msgpack that is that of *count* of them, or None where it cannot be loaded in one call."""
        if pieces is None or not self.joins:
            return None
        try:
            found = self.loads((MSGPACK, b"".join((_array(count), *pieces))))
        except ValueError:
            return None
        return found if type(found) is list and len(found) == count else None


def _array(length: int) -> bytes:
    """Return how an array of so many elements begins: https://github.com/msgpack/msgpack/blob/master/spec.md#array-format-family."""
    if length < 16:
        return bytes((0x90 | length,))
    return b"\xdc" + length.to_bytes(2, "big") if length < 1 << 16 else b"\xdd" + length.to_bytes(4, "big")


Recall = Callable[[int], Typed]
"""Gives the element that stands in an event."""
Joined = Callable[[Sequence[int | None]], list[bytes | memoryview] | None]
"""Gives the msgpack of the elements that stand in these events, in some pieces; None where one has none."""


class Element:
    """One element of a stored list, and the event of its own in which it stands, if it does.

    Its plain bytes are recovered when somebody needs them. One that was erased has none, and keeps its place.
    """

    __slots__ = ("_plain", "_recall", "at", "packed", "seen")

    def __init__(
        self, packed: Packed | None, at: int | None = None, plain: Typed | None = None, recall: Recall | None = None
    ) -> None:
        """Keep the packed element, or what the serialiser made of one that stands in an event of its own, or who knows that."""
        self.packed = packed
        self.at = at
        self.seen: Seen | None = None
        """The message that it was made of, or that was made of it."""
        self._plain = plain
        self._recall = recall

    def plain(self, codec: Codec) -> Typed | None:
        """Return what the serialiser made of the element."""
        if self._plain is None:
            if self.packed is not None:
                self._plain = codec.open(unpack(self.packed))
            elif self._recall is not None and self.at is not None:
                self._plain = self._recall(self.at)
        return self._plain

    @property
    def name(self) -> Hashable:
        """What it is known by within its thread."""
        return id(self.packed) if self.at is None else (self.at,)

    def item(self) -> Packed:
        """Return what stands for it in a list that another event keeps."""
        return {"at": self.at} if self.at is not None else self.packed or {}


def loaded(elements: Sequence[Element], codec: Codec, joined: Joined | None = None) -> list[Any]:
    """Return a list's values. What was erased of it is left out."""
    there: Sequence[Element] = elements
    values = joined and codec.load_joined(len(elements), joined([e.at for e in elements]))
    if values is None:
        there, plain = [], []
        for element in elements:
            if (one := element.plain(codec)) is not None:
                there.append(element)
                plain.append(one)
        values = codec.load_each(plain)
    if codec.repeats:
        for element, value in zip(there, values, strict=True):
            element.seen = seen(value)
    return values


def digest(plain: Typed) -> bytes:
    """Return what identifies typed bytes."""
    kind = plain[0].encode()
    return blake2b(len(kind).to_bytes(4, "big") + kind + plain[1], digest_size=16).digest()


def is_list(spec: Packed) -> bool:
    """Return whether a stored value is a list stored by elements."""
    return "items" in spec
