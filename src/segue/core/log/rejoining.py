"""Several copies of one log, each perhaps damaged, become one log again: the longest, and what went on separately.

What stands in a copy is one intact event after another, each naming the digest of the one before. So events of different copies
join wherever one has what another lacks. Where an event is in no copy there is a gap, and the copy says what stood before it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from segue.core.log.events import Head

Range = tuple[int, int]
"""Numbers of events from the first to the last, both included."""


class Node(NamedTuple):
    """An intact event, as far as joining goes."""

    seq: int
    prev: str
    digest: str


class Line(NamedTuple):
    """Events in a row, and the numbers among them that no copy has."""

    nodes: list[Node]
    lost: list[Range]


class Branch(NamedTuple):
    """A line that leaves another one behind the event *after*."""

    after: Head
    line: Line


class Rejoined(NamedTuple):
    """One log out of all copies."""

    main: Line
    branches: list[Branch]
    """What went on separately, longest first. With the main line they hold every intact event."""


def rejoin(base: Head, copies: Sequence[Sequence[Node]]) -> Rejoined:
    """Return the longest line behind *base* that the copies' events make, and the branches that leave it.

    Args:
        base: what the first event follows.
        copies: the intact events of each copy, by rising numbers. Where lines are equally long, an earlier copy's wins.
    """
    nodes: dict[str, Node] = {}
    rank: dict[str, int] = {}
    for i, copy in enumerate(copies):
        for node in copy:
            if node.seq > base.seq:
                nodes.setdefault(node.digest, node)
                rank.setdefault(node.digest, i)
    parents = _parents(base, copies, nodes)
    length = {base.digest: 0}
    for node in sorted(nodes.values()):
        length[node.digest] = length[parents[node.digest]] + 1
    inner = {*parents.values()}
    leaves = sorted((n for n in nodes.values() if n.digest not in inner), key=lambda n: (-length[n.digest], rank[n.digest], n))
    placed = {base.digest}
    lines = []
    for leaf in leaves:
        path = []
        at = leaf.digest
        while at not in placed:
            path.append(nodes[at])
            placed.add(at)
            at = parents[at]
        after = Head(nodes[at].seq, at) if at in nodes else base
        path.reverse()
        lines.append(Branch(after, Line(path, gaps(after.seq, (n.seq for n in path)))))
    return Rejoined(lines[0].line if lines else Line([], []), lines[1:])


def gaps(before: int, seqs: Iterable[int]) -> list[Range]:
    """Return the numbers that are missing in *seqs*, which rise, behind *before*."""
    found = []
    for seq in seqs:
        if seq > before + 1:
            found.append((before + 1, seq - 1))
        before = seq
    return found


def united(ranges: Iterable[Range]) -> list[Range]:
    """Return *ranges* sorted, those that touch or overlap as one."""
    found: list[Range] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


def _parents(base: Head, copies: Sequence[Sequence[Node]], nodes: Mapping[str, Node]) -> dict[str, str]:
    """Return for each event the one that it follows: the one that it names, else the nearest before it that a copy tells of."""
    named: dict[str, str] = {}
    nearest: dict[str, Node] = {}
    for copy in copies:
        before = last = Node(base.seq, "", base.digest)
        for node in copy:
            if node.seq <= base.seq:
                continue
            before, last = (last, node) if node.seq > last.seq else (before, last)  # a copy may have two of one number
            other = nodes.get(node.prev)
            if (other is not None and other.seq == node.seq - 1) or (node.prev == base.digest and node.seq == base.seq + 1):
                named[node.digest] = node.prev
            elif node.digest not in nearest or nearest[node.digest].seq < before.seq:
                nearest[node.digest] = before
    children: dict[str, list[Node]] = {}
    for digest, parent in named.items():
        children.setdefault(parent, []).append(nodes[digest])
    parents = dict(named)
    for node in sorted(nodes[digest] for digest in nearest if digest not in named):
        before = _last_before(nearest[node.digest], node, children)
        parents[node.digest] = before.digest
        children.setdefault(before.digest, []).append(node)
    return parents


def _last_before(before: Node, node: Node, children: Mapping[str, list[Node]]) -> Node:
    """Return how far other copies go on from *before* towards *node*; *before* itself where they go another way."""
    at = before
    while nearer := [child for child in children.get(at.digest, ()) if child.seq < node.seq]:
        at = nearer[0]
    return before if at.seq == node.seq - 1 else at
