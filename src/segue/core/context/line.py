"""Whether a conversation simply goes on: known from its last nodes, without the tree of all of them.

`segue.core.session.tree` says what is of a line, and needs the whole log for it. Nearly always a new node follows the last
one, or stands beside it: agents write the calls of one message, and their answers, as siblings. A line knows its last nodes
and says of a new one whether all that was of the line still is. Where it says no, the tree is asked.
"""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple, Self

from segue.core.context.items import message_id
from segue.core.log.events import ABSENT, MAIN, Event
from segue.core.log.kinds import is_node

NEAR: Final = 128
"""Nodes back to which a sibling, a revision or an answer is recognised."""


class _Node(NamedTuple):
    """One of the last nodes: what it follows, and by what it can be of a line without being on it."""

    parent: str | None
    sort: str
    """`call` (a record of a message of the model), `answer`, `queued` (typed while the agent worked), `record`, or `turn`."""
    message: str
    """The provider's id of the message."""
    on: bool = True
    """It is of the line now."""


class Line:
    """The end of a stream's active line."""

    __slots__ = ("head", "nodes")

    def __init__(self) -> None:
        """Begin empty."""
        self.head = ""
        """The last node."""
        self.nodes: dict[str, _Node] = {}
        """The last ones, in the order of the log."""

    def goes_on(self, event: Event) -> bool:
        """Return whether *event*, the next of the stream, leaves all of the line where it is."""
        if event.kind == "head.moved":
            return bool(event.body.get("to") == self.head)
        if not is_node(event.kind):
            return True
        node, known = self._node(event), self.nodes.get(event.node)
        if known is not None:  # a revision: it moves no head
            return node[1:] == known[1:]
        return node.parent == (self.head or None) or self._stays(node.parent)

    def take(self, event: Event) -> None:
        """Take in the next node."""
        if event.node not in self.nodes:
            self.nodes[event.node] = self._node(event)
            self.head = event.node
            if len(self.nodes) > NEAR:
                self.nodes.pop(next(iter(self.nodes)))

    def end(self, nodes: Iterable[Event], line: set[str], head: str) -> None:
        """Be where the tree says that a stream is: *nodes* are all of it in their order, *line* are those of the line."""
        for event in nodes:
            if event.node in self.nodes:  # its newest revision counts, in the place of the first
                self.nodes[event.node] = self._node(event)._replace(parent=self.nodes[event.node].parent)
            self.take(event)
        self.head = head
        self.nodes = {name: node._replace(on=name in line) for name, node in self.nodes.items()}

    def copy(self) -> Self:
        """Return a line of its own."""
        return self.of(self.to_json())

    def to_json(self) -> list[Any]:
        """Return it as JSON data."""
        return [self.head, [[name, *node] for name, node in self.nodes.items()]]

    @classmethod
    def of(cls, data: Any) -> Self:
        """Return the line of `to_json`. Raises ValueError, TypeError."""
        line = cls()
        line.head, nodes = data
        line.nodes = {name: _Node(*rest) for name, *rest in nodes}
        return line

    def _node(self, event: Event) -> _Node:
        follows = event.body.get("follows") if event.kind == "compaction" else None
        parent = follows if isinstance(follows, str) and follows else event.parent
        parent = (self.head or None) if parent == ABSENT else parent
        if event.kind != "message":
            return _Node(parent, "turn" if event.kind == "compaction" else "record", "")
        role, name = event.body.get("role"), message_id(event)
        if role == "assistant" and name:
            return _Node(parent, "call", name)
        if role == "user" and event.body.get("queued") is True:
            return _Node(parent, "queued", name)
        return _Node(parent, "answer" if role == "tool" else "turn", name)

    def _stays(self, parent: str | None) -> bool:
        """Return whether the same nodes are of the line where it ends in *parent*."""
        if parent not in self.nodes:
            return False
        on: set[str] = set()
        at: str | None = parent
        while at in self.nodes and at not in on:
            on.add(at)
            at = self.nodes[at].parent
        messages = {self.nodes[name].message for name in on if self.nodes[name].sort == "call"}
        said = {name for name in on if self.nodes[name].sort != "record"}
        for name, node in self.nodes.items():
            if node.sort == "record":  # it says nothing
                continue
            if node.sort != "turn" and node.parent is not None and node.parent not in self.nodes:
                belongs = node.on  # what it stands beside is long ago
            else:
                belongs = name in on or _belongs(node, messages, said)
            if belongs != node.on:
                return False
            if belongs:
                said.add(name)
        return True


def _belongs(node: _Node, messages: set[str], said: set[str]) -> bool:
    """Return whether a node that is not on a line is of it all the same."""
    if node.sort == "call":
        return node.message in messages
    if node.sort == "queued":
        return node.parent is None or node.parent in said
    return node.sort == "answer" and node.parent in said


def goes_on_in(line: Line, events: Iterable[Event], upto: int) -> bool:
    """Return whether *events*, those of the log behind position *upto*, go on where *line* ends and never go back before it."""
    line = line.copy()
    known: set[str] = set()
    for event in events:
        if event.stream != MAIN:
            continue
        if event.kind == "head.moved":
            position = event.body.get("position")
            if event.body.get("to") not in known or (type(position) is int and position <= upto):
                return False
            line.head = event.body["to"]
        elif is_node(event.kind) and event.node not in known:
            if event.node not in line.nodes and not (event.parent in known or line.goes_on(event)):
                return False
            line.take(event)
            known.add(event.node)
    return True
