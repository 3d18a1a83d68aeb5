"""The conversation as a tree: which events are on the way from the root to a stream's head.

Each pass is linear in the number of events. A parent that is not there (its event was damaged, or the agent's file
began in the middle) is named, and the node takes the place behind what was the stream's head: nothing said is hidden
because something before it was lost.

Agents write what happens at once as siblings: of parallel tool calls, only the last one's answer is what the next message
follows. Such answers, the calls beside them, and what the user typed meanwhile are part of the line all the same.

Where a head is moved to an earlier `position`, what was written between the two is out of sight: no node says what it was
revised to there, nothing of it stands beside the line.
"""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from segue.core.log.events import ABSENT, MAIN, Draft, Event
from segue.core.log.kinds import is_node


class Missing(NamedTuple):
    """A node that names a parent, or a head that names a node, which its stream does not have."""

    stream: str
    node: str
    parent: str
    seq: int


class Branch(NamedTuple):
    """A line of a conversation: from a root to a tip, a node without children."""

    stream: str
    tip: str
    root: str
    length: int
    """Nodes from root to tip."""
    fork: str | None
    """The last node that it shares with the active line; None for the active line itself, or a root of its own."""
    active: bool
    seq: int
    """The number of the tip's newest event."""


class Stream:
    """One stream's tree: nodes by name, each with its newest event, its parent and its place."""

    __slots__ = ("events", "head", "name", "parents", "returns", "revised")

    def __init__(self, name: str) -> None:
        """Begin empty."""
        self.name = name
        self.events: dict[str, Event] = {}
        self.parents: dict[str, str | None] = {}
        self.head: str | None = None
        self.revised: dict[str, list[Event]] = {}
        """Of nodes that were revised: all their events."""
        self.returns: list[tuple[int, list[tuple[int, int]]]] = []
        """The numbers at which it went back to an earlier position, and what is in sight since: spans (after, upto)."""

    def sees(self, seq: int) -> bool:
        """Return whether the event of a number is in sight."""
        return not self.returns or any(after < seq <= upto for after, upto in self.returns[-1][1])

    def chain(self, node: str | None) -> list[Event]:
        """Return the events from the root to *node*; a circle of parents is cut where it closes."""
        found: dict[str, Event] = {}
        while node is not None and node not in found:
            found[node] = self.events[node]
            node = self.parents[node]
        line = list(reversed(found.values()))
        beside = _beside(self, found)
        if not beside:
            return line
        place = {name: i for i, name in enumerate(self.events)}
        merged: list[Event] = []
        done = 0
        for event in line:
            while done < len(beside) and place[beside[done].node] < place[event.node]:
                merged.append(beside[done])
                done += 1
            merged.append(event)
        return merged + beside[done:]


class Tree(NamedTuple):
    """All streams of a log, and the parents that are missing."""

    streams: dict[str, Stream]
    missing: list[Missing]

    def chain(self, stream: str = MAIN) -> list[Event]:
        """Return the events of *stream*'s active line, in the order of the conversation."""
        found = self.streams.get(stream)
        return found.chain(found.head) if found else []


def tree(events: Iterable[Event]) -> Tree:
    """Return the conversations that *events* (in the order of their log) make up."""
    streams: dict[str, Stream] = {}
    links: list[tuple[Stream, Event, str, str | None]] = []
    missing: list[Missing] = []
    for event in events:
        if is_node(event.kind):
            stream = streams.get(event.stream) or streams.setdefault(event.stream, Stream(event.stream))
            _add(stream, event, links)
        elif event.kind == "head.moved":
            stream = streams.get(event.stream) or streams.setdefault(event.stream, Stream(event.stream))
            _move(stream, event, missing)
    for stream, event, parent, behind in links:
        if parent in stream.events and parent != event.node:
            stream.parents[event.node] = parent
        else:
            stream.parents[event.node] = behind
            missing.append(Missing(stream.name, event.node, parent, event.seq))
    return Tree(streams, missing)


def active_chain(events: Iterable[Event], stream: str = MAIN) -> list[Event]:
    """Return the conversation of *stream* as it stands: from its root to its head, each node in its newest revision.

    Abandoned branches are left out, and so are events that are not nodes of a conversation. What was before an agent's
    compaction is part of it.
    """
    return tree(events).chain(stream)


def moves_back(events: Iterable[Event], position: int, **more: Any) -> list[Draft]:
    """Return the events that bring every stream of *events* back to what it was at *position*; *more* goes into their bodies.

    The main stream's is first, and always there: the working state goes with it.
    """
    events = list(events)
    then, now = tree(e for e in events if e.seq <= position).streams, tree(events).streams
    since = {e.stream for e in events if e.seq > position and (is_node(e.kind) or e.kind == "head.moved")}
    found = []
    for name in (MAIN, *sorted(since - {MAIN})):
        body = {"to": then[name].head if name in then else None, "frm": now[name].head if name in now else None}
        found.append(Draft("head.moved", body | {"position": position} | more, stream=name))
    return found


def branches(events: Iterable[Event]) -> list[Branch]:
    """Return every line of every stream: the active one of each stream first, then the others, latest first."""
    found: list[Branch] = []
    for stream in tree(events).streams.values():
        active = {e.node for e in stream.chain(stream.head)}
        inner = active.union(stream.parents.values())
        tips = [n for n in stream.events if n == stream.head or n not in inner]
        places = _places(stream, active)
        lines = [_branch(stream, tip, places) for tip in tips]
        found += sorted(lines, key=lambda b: (not b.active, -b.seq))
    return found


def _beside(stream: Stream, line: dict[str, Event]) -> list[Event]:
    """Return what belongs to a *line* without being on it, in the order of the log.

    That is a further record of a message of the model (a parallel call), an answer to a call of the line, and what the user
    typed while the agent worked there.
    """
    said = {e.node: e.body for e in line.values() if e.kind == "message"}
    ids = {m for body in said.values() if isinstance(m := body.get("message_id"), str) and body.get("role") == "assistant"}
    calls = {name for body in said.values() for name in _calls(body, "tool_call")}
    found: list[Event] = []
    for node, event in stream.events.items():
        if event.kind != "message" or node in line or not stream.sees(event.seq):
            continue
        body = event.body
        role = body.get("role")
        if role == "assistant":
            belongs = body.get("message_id") in ids
            calls |= _calls(body, "tool_call") if belongs else set()
        elif role == "tool":
            answers = _calls(body, "tool_call_response")
            belongs = bool(answers) and answers <= calls
        else:
            parent = stream.parents[node]
            belongs = body.get("queued") is True and (parent is None or parent in said)
        if belongs:
            said[node] = body
            found.append(event)
    return found


def _calls(body: dict[str, Any], kind: str) -> set[str]:
    parts: Any = body.get("parts")
    return {
        part["id"]
        for part in (parts if isinstance(parts, list) else ())
        if isinstance(part, dict) and part.get("type") == kind and isinstance(part.get("id"), str) and part["id"]
    }


def _add(stream: Stream, event: Event, links: list[tuple[Stream, Event, str, str | None]]) -> None:
    node = event.node
    if node in stream.events:  # a revision: it takes the place of the earlier one, and moves no head
        stream.revised.setdefault(node, [stream.events[node]]).append(event)
        stream.events[node] = event
        return
    stream.events[node] = event
    parent = _parent(event)
    if parent == ABSENT:
        stream.parents[node] = stream.head
    elif parent is None:
        stream.parents[node] = None
    else:
        stream.parents[node] = None
        links.append((stream, event, parent, stream.head))  # its parent may come later in the log
    stream.head = node


def _parent(event: Event) -> str | None:
    if event.kind == "compaction":
        follows: Any = event.body.get("follows")
        if isinstance(follows, str) and follows:
            return follows
    return event.parent


def _move(stream: Stream, event: Event, missing: list[Missing]) -> None:
    to: Any = event.body.get("to")
    if to is None and "to" in event.body:
        stream.head = None
    elif isinstance(to, str) and to in stream.events:
        stream.head = to
    else:
        missing.append(Missing(stream.name, event.node, str(to)[:200], event.seq))
    position = event.body.get("position")
    if type(position) is int and 0 <= position < event.seq:
        _go_back(stream, position, event.seq)


def _go_back(stream: Stream, position: int, seq: int) -> None:
    """Let what is in sight at *seq* be what was at *position*; what comes is as well."""
    spans = next((spans for since, spans in reversed(stream.returns) if since <= position), [(0, _END)])
    spans = [(after, min(upto, position)) for after, upto in spans if after < position]
    stream.returns.append((seq, [*spans, (seq, _END)]))
    for node, events in stream.revised.items():
        stream.events[node] = next((e for e in reversed(events) if stream.sees(e.seq)), stream.events[node])


_END: Final = 2**63


class _Place(NamedTuple):
    root: str
    depth: int
    fork: str | None


def _places(stream: Stream, active: set[str]) -> dict[str, _Place]:
    """Return root, depth and last shared node of every node: each is walked once."""
    places: dict[str, _Place] = {}
    for start in stream.events:
        path: list[str] = []
        node: str | None = start
        seen: set[str] = set()
        while node is not None and node not in places and node not in seen:
            seen.add(node)
            path.append(node)
            node = stream.parents[node]
        above = places.get(node) if node is not None else None
        for name in reversed(path):
            if above is None:
                above = _Place(name, 1, name if name in active else None)
            else:
                above = _Place(above.root, above.depth + 1, name if name in active else above.fork)
            places[name] = above
    return places


def _branch(stream: Stream, tip: str, places: dict[str, _Place]) -> Branch:
    place = places[tip]
    active = tip == stream.head
    fork = None if active else place.fork
    return Branch(stream.name, tip, place.root, place.depth, fork, active, stream.events[tip].seq)
