"""What is wrong with the notes of a folder: links that lead nowhere or to several notes, ids given twice, cycles."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from segue.core.library.notes import Link, Note, is_attachment, key, names_of, target_key

Fault = Literal["broken", "ambiguous", "duplicate", "cycle", "case", "unread"]

_CYCLIC: Final = ("embed", "parent", "supersedes", "depends")
"""Relations of which a cycle says what cannot be. Mere links may lead round."""
_SHOWN: Final = 12


class Problem(NamedTuple):
    """Something that is not as it should be, and where."""

    fault: Fault
    path: str
    line: int
    what: str


class Names:
    """Which notes of one folder go by which name."""

    def __init__(self, notes: Iterable[Note]) -> None:
        """Take the names of *notes*."""
        self._found: dict[str, list[tuple[int, str]]] = {}
        for note in notes:
            for rank, name in names_of(note):
                self._found.setdefault(name, []).append((rank, note.path))

    def paths(self, name: str, beside: str = "") -> list[str]:
        """Return the paths of the notes that *name*, a `key`, means: more than one where it is ambiguous.

        The lowest rank with a match decides (id, path, alias, file name, title); of files of one name, the one in the directory
        of *beside*, a path.
        """
        found = self._found.get(name, [])
        least = min((rank for rank, _ in found), default=0)
        paths = sorted({path for rank, path in found if rank == least})
        near = [path for path in paths if path.rpartition("/")[0] == beside.rpartition("/")[0]] if beside else []
        return near if len(near) == 1 and least == 3 else paths


def problems_of(notes: Sequence[Note], links: Mapping[str, Sequence[Link]]) -> list[Problem]:
    """Return the problems of one folder's *notes*, whose links are given by path; in the order of paths and lines."""
    names = Names(notes)
    found = [Problem("unread", note.path, 0, what) for note in notes for what in note.problems]
    edges: dict[str, dict[str, list[str]]] = {rel: {} for rel in _CYCLIC}
    for note in notes:
        for link in links.get(note.path, ()):
            if is_attachment(link):
                continue
            paths = names.paths(target_key(link, note.path), note.path)
            if not paths:
                found.append(Problem("broken", note.path, link.line, f"{_shown(link)} leads to no note"))
            elif len(paths) > 1:
                found.append(Problem("ambiguous", note.path, link.line, f"{_shown(link)} may be {_listed(paths)}"))
            elif link.rel in edges:
                edges[link.rel].setdefault(note.path, []).append(paths[0])
    found += _duplicates(notes)
    for rel, graph in edges.items():
        found += [Problem("cycle", path[0], 0, f"{rel}: {' -> '.join([*path[:_SHOWN], path[0]])}") for path in cycles(graph)]
    return sorted(found, key=lambda p: (p.path, p.line, p.fault, p.what))


def _shown(link: Link) -> str:
    return f"({link.target})" if link.relative else f"[[{link.target}]]"


def _listed(paths: Sequence[str]) -> str:
    return ", ".join(paths[:5]) + (f" or {len(paths) - 5} others" if len(paths) > 5 else "")


def _duplicates(notes: Sequence[Note]) -> list[Problem]:
    ids: dict[str, list[Note]] = {}
    paths: dict[str, list[Note]] = {}
    for note in notes:
        paths.setdefault(key(note.path), []).append(note)
        if note.stated:
            ids.setdefault(key(note.id), []).append(note)
    found = []
    for same in ids.values():
        what = f"id {same[0].id} is that of {same[0].path} too"
        found += [Problem("duplicate", note.path, 0, what) for note in same[1:]]
    for same in paths.values():
        what = f"where case does not count this is the same file as {same[0].path}"
        found += [Problem("case", note.path, 0, what) for note in same[1:]]
    return found


def cycles(graph: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Return one cycle of each group of nodes that lead to one another, from its least node on; sorted."""
    found = []
    for group in _groups(graph):
        start = min(group)
        if len(group) > 1 or start in graph.get(start, ()):
            found.append(_round(graph, start, group))
    return sorted(found)


def _round(graph: Mapping[str, Sequence[str]], start: str, group: set[str]) -> list[str]:
    """Return the shortest way from *start* back to it within *group*."""
    came: dict[str, str] = {}
    queue = [start]
    for node in queue:
        for after in graph.get(node, ()):
            if after == start:
                way = [node]
                while way[-1] != start:
                    way.append(came[way[-1]])
                return way[::-1]
            if after in group and after not in came:
                came[after] = node
                queue.append(after)
    return [start]


def _groups(graph: Mapping[str, Sequence[str]]) -> list[set[str]]:
    """Return the strongly connected groups (Tarjan's way, without recursion: a chain may be as long as there are notes)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on: set[str] = set()
    found: list[set[str]] = []
    for root in graph:
        if root in order:
            continue
        work = [(root, iter(graph.get(root, ())))]
        order[root] = low[root] = len(order)
        stack.append(root)
        on.add(root)
        while work:
            node, ahead = work[-1]
            after = next(ahead, None)
            if after is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == order[node]:
                    place = stack.index(node)
                    group = set(stack[place:])
                    del stack[place:]
                    on -= group
                    found.append(group)
            elif after not in order:
                order[after] = low[after] = len(order)
                stack.append(after)
                on.add(after)
                work.append((after, iter(graph.get(after, ()))))
            elif after in on:
                low[node] = min(low[node], order[after])
    return found
