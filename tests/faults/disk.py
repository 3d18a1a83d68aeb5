"""A disk as a crash sees it: what is durable, and which changes may or may not have arrived.

A sync of a file makes its data durable, not its name; a sync of a directory makes the names in it durable. Until then
each write, truncation, creation, renaming and removal may have arrived or not, whatever came after it. That is what
POSIX allows; a real file system keeps more order, so what survives here survives there.
"""

import random
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count, islice

from tests.faults.trace import Op, Record

_O_TRUNC = 0o1000
_O_TMPFILE = 0o20000000


class UnknownTraceError(Exception):
    """A record that makes no sense here: the trace has a hole, and nothing may be concluded from it."""


@dataclass(slots=True, eq=False)
class Node:
    """A file or a directory, with what is durable of it and the changes that are pending, in the order of issue."""

    directory: bool = False
    content: bytearray = field(default_factory=bytearray)
    names: "dict[str, Node]" = field(default_factory=dict)
    live: "dict[str, Node]" = field(default_factory=dict)
    data: "list[Data]" = field(default_factory=list)
    renames: "list[Naming]" = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Data:
    """A write (bytes at an offset) or, with no bytes, a truncation of a file to `offset`."""

    number: int
    offset: int
    bytes: bytes | None
    lost: bool = False
    """Its sync failed: the system may have thrown it away and will not try again."""


@dataclass(slots=True, eq=False)
class Naming:
    """A change of names, in one directory or two: entries to take away and one to set, at once."""

    number: int
    removed: tuple[Node, str] | None
    added: tuple[Node, str, Node] | None

    def directories(self) -> list[Node]:
        """Return the directories it changes, each once."""
        both = [part[0] for part in (self.removed, self.added) if part]
        return both[:1] if len(both) == 2 and both[0] is both[1] else both

    def apply(self, names: "Callable[[Node], dict[str, Node]]") -> None:
        """Do it to the names that `names` gives for a directory."""
        if self.removed:
            names(self.removed[0]).pop(self.removed[1], None)
        if self.added:
            names(self.added[0])[self.added[1]] = self.added[2]


Layout = dict[str, bytes | None]
"""Paths below the root and the contents of files; None for a directory."""


class Disk:
    """Follows a trace record by record; `layout` says what a crash would leave under a choice of pending changes."""

    def __init__(self, rng: random.Random) -> None:
        """Begin with an empty, durable root; *rng* decides the fate of data whose sync has failed."""
        self.root = Node(directory=True)
        self.rng = rng
        self.root_inode = 0
        self.inodes: dict[int, Node] = {}
        self.numbers = count()
        self.syncing: dict[tuple[int, int, int], int] = {}

    # --- following the trace --------------------------------------------------------------------

    def apply(self, record: Record) -> None:  # noqa: C901, PLR0912  (one case for each kind of record)
        """Take in one record."""
        match record.op:
            case Op.OPEN:
                self._open(record)
            case Op.MKDIR:
                self._name(record.path, Node(directory=True), record.inode)
            case Op.WRITE:
                self._inode(record).data.append(Data(next(self.numbers), record.offset, record.data))
            case Op.TRUNCATE:
                self._inode(record).data.append(Data(next(self.numbers), record.offset, None))
            case Op.SYNC_BEGIN:
                self._inode(record)
                self.syncing[record.pid, record.tid, record.inode] = next(self.numbers)
            case Op.SYNC_END:
                self._synced(self._inode(record), self._begun(record))
            case Op.SYNC_FAILED:
                begun = self._begun(record)
                for change in self._inode(record).data:
                    change.lost |= change.number < begun
            case Op.RENAME:
                self._rename(record)
            case Op.LINK:
                self._name(record.other, self._find(record.path), record.inode)
            case Op.UNLINK | Op.RMDIR:
                parent, name = self._parent(record.path)
                self._naming(Naming(next(self.numbers), (parent, name), None))
            case Op.ROOT:
                self.root_inode = record.inode
            case Op.ACK:
                pass

    def _open(self, record: Record) -> None:
        if record.flags & _O_TMPFILE == _O_TMPFILE:
            raise UnknownTraceError("O_TMPFILE is not followed")
        if not record.path:
            return
        parent, name = self._parent(record.path)
        node = parent.live.get(name)
        if node is None:
            node = self._name(record.path, Node(), record.inode)
        elif self.inodes.get(record.inode) is not node:
            raise UnknownTraceError(f"{record.path} is another file than the trace says")
        if record.flags & _O_TRUNC and (node.content or node.data):
            node.data.append(Data(next(self.numbers), 0, None))

    def _name(self, path: str, node: Node, inode: int) -> Node:
        parent, name = self._parent(path)
        self.inodes[inode] = node
        self._naming(Naming(next(self.numbers), None, (parent, name, node)))
        return node

    def _rename(self, record: Record) -> None:
        old, new = self._parent(record.path), self._parent(record.other)
        node = self._find(record.path)
        self._naming(Naming(next(self.numbers), old, (*new, node)))

    def _naming(self, change: Naming) -> None:
        change.apply(lambda directory: directory.live)
        for directory in change.directories():
            directory.renames.append(change)

    def _inode(self, record: Record) -> Node:
        if record.inode == self.root_inode:
            return self.root
        node = self.inodes.get(record.inode)
        if node is None:
            raise UnknownTraceError(f"no file has inode {record.inode}")
        return node

    def _begun(self, record: Record) -> int:
        return self.syncing.pop((record.pid, record.tid, record.inode))

    def _parent(self, path: str) -> tuple[Node, str]:
        where, _, name = path.rpartition("/")
        return self._find(where), name

    def _find(self, path: str) -> Node:
        node = self.root
        for name in filter(None, path.split("/")):
            found = node.live.get(name)
            if found is None:
                raise UnknownTraceError(f"the trace has not shown how {path} came to be")
            node = found
        return node

    # --- making durable -------------------------------------------------------------------------

    def _synced(self, node: Node, begun: int) -> None:
        if node.directory:
            self._sync_names(node, begun)
            return
        for change in node.data:
            if change.number < begun and not (change.lost and self.rng.random() < 0.7):
                _apply_data(node.content, change.offset, change.bytes)
        node.data = [change for change in node.data if change.number >= begun]

    def _sync_names(self, directory: Node, begun: int) -> None:
        """Make the changes of names durable. One that spans two directories takes with it what came before in the other."""
        while directory.renames and directory.renames[0].number < begun:
            change = directory.renames[0]
            for other in change.directories():
                if other is not directory:
                    self._sync_names(other, change.number)
            change.apply(lambda node: node.names)
            for other in change.directories():
                other.renames.remove(change)

    # --- crashing -------------------------------------------------------------------------------

    def pending(self) -> tuple[list[tuple[Node, Data]], list[Naming]]:
        """Return all changes that a crash may lose, of files and of names, each in the order of issue."""
        nodes = {id(node): node for node in (self.root, *self.inodes.values())}.values()
        data = [(node, change) for node in nodes for change in node.data]
        names = {change.number: change for node in nodes for change in node.renames}
        return sorted(data, key=lambda pair: pair[1].number), [names[number] for number in sorted(names)]

    def layout(self, data: Mapping[int, list[tuple[int, bytes | None]]], names: set[int]) -> Layout:
        """Return what is on the disk when of the pending changes only these have arrived.

        *data* maps the number of a change to the pieces of it that arrived, *names* holds the numbers of changed names.
        """
        entries: dict[int, dict[str, Node]] = {}

        def entries_of(node: Node) -> dict[str, Node]:
            if id(node) not in entries:
                entries[id(node)] = dict(node.names)
            return entries[id(node)]

        for change in self.pending()[1]:
            if change.number in names:
                change.apply(entries_of)
        found: Layout = {}

        def walk(node: Node, path: str, seen: frozenset[int]) -> None:
            for name, child in entries_of(node).items():
                where = f"{path}/{name}" if path else name
                if not child.directory:
                    found[where] = _content(child, data)
                elif id(child) not in seen:
                    found[where] = None
                    walk(child, where, seen | {id(child)})

        walk(self.root, "", frozenset())
        return found


_NAMING = {Op.OPEN, Op.MKDIR, Op.RENAME, Op.LINK, Op.UNLINK, Op.RMDIR}
_NEAR = 200


def ordered(records: Iterable[Record]) -> list[Record]:
    """Return the records in an order that makes sense.

    A record is written after its call, so that another process may have seen the call's effect, and written its own record,
    before. Such a record is put behind the one that it cannot have come before. Each thread's own order stays.

    Raises:
        UnknownTraceError: no order makes sense.
    """
    disk, waiting, found = Disk(random.Random(0)), deque(records), list[Record]()
    while waiting:
        record = waiting.popleft()
        try:
            disk.apply(record)
        except UnknownTraceError:
            earlier = _cause(waiting, record)
            if earlier is None:
                raise
            del waiting[earlier[0]]
            waiting.extendleft((record, earlier[1]))
            continue
        found.append(record)
    return found


def _cause(waiting: "deque[Record]", record: Record) -> tuple[int, Record] | None:
    """Return the first record of another thread that may explain what *record* takes for granted."""
    threads = {(record.pid, record.tid)}
    for place, other in enumerate(islice(waiting, _NEAR)):
        if (other.pid, other.tid) in threads:
            continue
        paths = [path for path in (record.path, record.other) if path]
        named = any(f"{path}/".startswith(f"{name}/") for path in paths for name in (other.path, other.other) if name)
        if other.op in _NAMING and (named or (record.inode and other.inode == record.inode)):
            return place, other
        threads.add((other.pid, other.tid))
    return None


def _content(node: Node, data: Mapping[int, list[tuple[int, bytes | None]]]) -> bytes:
    chosen = [piece for change in node.data for piece in data.get(change.number, ())]
    if not chosen:
        return bytes(node.content)
    content = bytearray(node.content)
    for offset, piece in chosen:
        _apply_data(content, offset, piece)
    return bytes(content)


def _apply_data(content: bytearray, offset: int, data: bytes | None) -> None:
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    if data is None:
        del content[offset:]
    else:
        content[offset : offset + len(data)] = data
