"""Lines of unknown logs, found here and there, become logs again: by what follows what, and by what lay together.

A line names its predecessor, so most lines join by themselves. What lost the line before it joins the log that it lay with, in
the directory of a session or in a file, unless the two have different lines of one number: then it is a log of its own. What a
fork shares with its parent is put before it, where that is among what was found.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from segue.core.log.codec import genesis
from segue.core.log.events import Head
from segue.core.log.rejoining import Node, Range, gaps, rejoin


class Sight(NamedTuple):
    """A line as it was found."""

    node: Node
    file: str
    home: str
    """The id of the session in whose directory it stood; empty where it was in none."""
    begins: bool
    """Whether it is an event that a session begins with."""


class Pieced(NamedTuple):
    """A log as far as it can be told."""

    nodes: list[Node]
    """From the first event on, those that a fork shares with its parent included."""
    lost: list[Range]
    session: str
    """The session's id; empty where nothing tells it."""
    files: list[str]


class _Log:
    """Lines that are of one log."""

    def __init__(self, digests: set[str], nodes: Mapping[str, Node], begins: set[str], sights: Iterable[Sight]) -> None:
        self.nodes = {digest: nodes[digest] for digest in digests}
        self.sights = [sight for sight in sights if sight.node.digest in digests]
        roots = [node for node in self.nodes.values() if node.digest in begins or node.seq == 1]
        self.base = Head(roots[0].seq - 1, roots[0].prev) if roots else None
        """What its first event follows; None where that event is lost."""
        self.seqs = {node.seq for node in self.nodes.values()}

    @property
    def homes(self) -> set[str]:
        return {sight.home for sight in self.sights if sight.home}

    @property
    def session(self) -> str:
        """The session that it is: the one whose first event it has, else the one in whose directory it was."""
        homes = sorted(self.homes)
        sure = [home for home in homes if self.base is not None and genesis(home) == self.base.digest]
        return (sure or (homes if len(homes) == 1 else [""]))[0]

    def is_at_home(self, home: str) -> bool:
        """Return whether it is the log of the session in whose directory it was, and not brought there."""
        if self.base is not None and self.base.seq == 0:
            return genesis(home) == self.base.digest
        return self.homes == {home}

    def take(self, other: "_Log") -> None:
        self.nodes |= other.nodes
        self.sights += other.sights
        self.seqs |= other.seqs


def piece(sights: Sequence[Sight]) -> list[Pieced]:
    """Return the logs that *sights* make, those with the earliest events first; each line is in one at least."""
    nodes = {sight.node.digest: sight.node for sight in sights}
    begins = {sight.node.digest for sight in sights if sight.begins}
    logs = [_Log(members, nodes, begins, sights) for members in _chained(nodes, begins)]
    logs = _laid_together(logs, sights)
    found = [one for log in logs for one in _lines(log)]
    return sorted((_with_past(log, own, found) for log, own in found), key=lambda one: one.nodes[0])


def _chained(nodes: Mapping[str, Node], begins: set[str]) -> list[set[str]]:
    """Return the lines by what follows what. A session's first event follows nothing of its own log."""
    above = {digest: digest for digest in nodes}

    def top(digest: str) -> str:
        while above[digest] != digest:
            above[digest] = digest = above[above[digest]]
        return digest

    for node in nodes.values():
        before = nodes.get(node.prev)
        if before is not None and before.seq == node.seq - 1 and node.digest not in begins:
            above[top(node.digest)] = top(before.digest)
    siblings: dict[tuple[int, str], str] = {}  # what went on separately from one lost line, or from the very beginning
    for node in nodes.values():
        if node.prev not in nodes:
            other = siblings.setdefault((node.seq, node.prev), node.digest)
            above[top(node.digest)] = top(other)
    found: dict[str, set[str]] = {}
    for digest in nodes:
        found.setdefault(top(digest), set()).add(digest)
    return list(found.values())


def _laid_together(logs: Sequence[_Log], sights: Sequence[Sight]) -> list[_Log]:
    """Give what lost the line before it to the log that it lay with."""
    of = {digest: log for log in logs for digest in log.nodes}
    kept = list(logs)
    for log in sorted(logs, key=lambda one: min(one.seqs)):
        if log.base is not None:
            continue
        for other in _neighbours(log, kept, of, sights):
            begins = other.base.seq if other.base else 0
            if other is not log and not other.seqs & log.seqs and min(log.seqs) > begins:
                other.take(log)
                kept.remove(log)
                of |= dict.fromkeys(log.nodes, other)
                break
    return kept


def _neighbours(log: _Log, kept: Sequence[_Log], of: Mapping[str, _Log], sights: Sequence[Sight]) -> list[_Log]:
    """Return the logs that *log* may be a part of, the likeliest first."""
    found = [other for home in sorted(log.homes) for other in kept if home in other.homes and other.is_at_home(home)]
    if log.homes:
        return found
    before: dict[str, _Log] = {}
    for sight in sights:
        if of[sight.node.digest] is log:
            if sight.file in before:
                found.append(before[sight.file])
        else:
            before[sight.file] = of[sight.node.digest]
    return found


def _lines(log: _Log) -> list[tuple[_Log, list[Node]]]:
    """Return the longest line of a log, and those that leave it, each from the log's beginning on."""
    base = log.base or Head(0, "")
    copies: dict[str, list[Node]] = {}
    for sight in _in_order(log):
        copies.setdefault(sight.file if not sight.home else sight.home, []).append(sight.node)
    joined = rejoin(base, list(copies.values()))
    lines = [joined.main.nodes]
    for branch in joined.branches:
        shared = next((line[: i + 1] for line in lines for i, node in enumerate(line) if node.digest == branch.after.digest), [])
        lines.append([*shared, *branch.line.nodes])
    return [(log, line) for line in lines]


def _in_order(log: _Log) -> list[Sight]:
    """Return where a log's lines were found, by their numbers."""
    return sorted(log.sights, key=lambda sight: sight.node)


def _with_past(log: _Log, own: list[Node], found: Sequence[tuple[_Log, list[Node]]]) -> Pieced:
    """Return a log with what it shares with its parents before it, and what is lost of all of it."""
    nodes, base, seen = own, log.base, {log.base.digest if log.base else ""}
    while base is not None and base.seq > 0:
        above = next(((one, line) for one, line in found if any(node.digest == base.digest for node in line)), None)
        if above is None:
            break
        shared = [node for node in above[1] if node.seq <= base.seq]
        nodes, base = [*shared, *nodes], above[0].base
        if base is None or base.digest in seen:
            break
        seen.add(base.digest)
        nodes = [node for node in nodes if node.seq > base.seq]
    return Pieced(nodes, gaps(0, (node.seq for node in nodes)), log.session, sorted({sight.file for sight in log.sights}))
