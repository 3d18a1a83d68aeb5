"""All copies of one log, joined: what it follows, which lines are its own, and where each stands."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol

from segue.core.errors import DamagedError
from segue.core.log.codec import BadLine, decode_line, genesis
from segue.core.log.events import ForkPoint, Head
from segue.core.log.rejoining import Node, Rejoined, rejoin
from segue.stores.log import segments
from segue.stores.log.cipher import PLAIN, Cipher
from segue.stores.log.marks import read_fork
from segue.stores.log.recovery.lines import Copy, Lines, Where, scan
from segue.stores.log.scopes import name_in, places_of


class Asked(Protocol):
    """What the other logs tell of this one."""

    def is_foreign(self, name: str, digest: str) -> bool:
        """Return whether an event belongs to another log than *name*."""
        ...

    def is_fork(self, session: str, parent: str) -> bool:
        """Return whether *parent* may have a fork *session*."""
        ...

    def parent_of(self, session: str) -> str:
        """Return the session that has a mark of the fork *session*; empty where none has, or several have."""
        ...

    def digest_at(self, session: str, seq: int) -> str:
        """Return the digest of a session's own event; empty where it has no such event."""
        ...


class Gathered(NamedTuple):
    """One log out of all copies."""

    fork: ForkPoint | None
    base: Head
    copies: Sequence[Copy]
    where: Mapping[str, Where]
    joined: Rejoined


def gather(name: str, owner: str, directories: Sequence[tuple[str, Path]], asked: Asked, cipher: Cipher = PLAIN) -> Gathered:
    """Return the log *name* (`sessions/<id>`, `scopes/<hash>`) out of its copies: pairs of a source's place and a directory.

    *owner* is what its first event follows from: the session's id, or `scope:` and the scope's name. A line of another log's,
    which damage or a person brought here, is left out.
    """
    copies = [scan(source, directory / "log", cipher) for source, directory in directories]
    where: dict[str, Where] = {}
    for copy in copies:
        for digest, place in copy.where.items():
            where.setdefault(digest, place)
    for copy in copies:
        where |= {digest: copy.where[digest] for digest in copy.erased}  # what is erased in one copy is so in all
    nodes = [node for copy in copies for node in copy.nodes]
    root = Head(0, genesis(owner))
    begins = any((node.seq, node.prev) == (1, root.digest) for node in nodes)
    fork = None if begins else _fork(name, directories, copies, where, asked)
    base = Head(fork.seq, fork.digest) if fork else root
    own = [_own(copy, base, lambda digest: asked.is_foreign(name, digest)) for copy in copies]
    return Gathered(fork, base, copies, where, rejoin(base, own))


def _own(copy: Copy, base: Head, foreign: Callable[[str], bool]) -> list[Node]:
    """Return the nodes that can be this log's: not those of a run that begins where the log does, and otherwise."""
    kept: list[Node] = []
    runs: list[list[Node]] = []
    by_digest: dict[str, list[Node]] = {}
    for node in copy.nodes:
        run = by_digest.get(node.prev)
        if run is None or run[-1].digest != node.prev or node.digest in copy.begins:
            run = []
            runs.append(run)
        run.append(node)
        by_digest[node.digest] = run
    for run in runs:
        first = run[0]
        follows = first.seq == base.seq + 1 and first.prev == base.digest
        later = first.seq > base.seq + 1 and first.digest not in copy.begins
        if follows or (later and (first.prev in by_digest or not foreign(first.digest))):
            kept += run
    return sorted(kept)


def _fork(
    name: str, directories: Sequence[tuple[str, Path]], copies: Sequence[Copy], where: Mapping[str, Where], asked: Asked
) -> ForkPoint | None:
    """Return where the log left its parent: as its first event says, else as a header does that fits its events."""
    follows = {(node.seq - 1, node.prev): node for copy in copies for node in copy.nodes}
    begins = {digest for copy in copies for digest in copy.begins}
    lines = Lines(copies[0].cipher) if copies else Lines()
    own_first = [node for node in follows.values() if node.digest in begins and not asked.is_foreign(name, node.digest)]
    told = [_from_event(lines.get(where[node.digest])) for node in own_first]
    headers = []
    for _, directory in directories:
        with suppress(DamagedError, OSError):
            headers.append(read_fork(directory))
    own = name.partition("/")[2]
    for candidates in (told, headers):  # an event is believed before a header: it has a digest
        fits = [one for one in candidates if one is not None and (one.seq, one.digest) in follows]
        sure = [one for one in fits if asked.is_fork(own, one.session)]
        if sure or fits:
            return (sure or fits)[0]
    for header in headers:  # no event of its own is left that would tell
        if header is not None:
            parent = asked.parent_of(own) or header.session
            return ForkPoint(parent, header.seq, asked.digest_at(parent, header.seq) or header.digest)
    return _from_names(own, directories, asked)


def _from_names(own: str, directories: Sequence[tuple[str, Path]], asked: Asked) -> ForkPoint | None:
    """Return where a log left its parent, as the name of its first segment and the parent's mark of it tell."""
    first = 1
    for _, directory in directories:
        with suppress(OSError):
            first = max([first, *(segment.first for segment in segments.listed(directory / "log")[:1])])
    parent = asked.parent_of(own) if first > 1 else ""
    return ForkPoint(parent, first - 1, asked.digest_at(parent, first - 1)) if parent else None


def _from_event(line: bytes) -> ForkPoint | None:
    if b'"kind":"session.forked"' not in line:
        return None
    try:
        parent = decode_line(line).body["parent"]
        return ForkPoint(str(parent["session"]), int(parent["seq"]), str(parent["digest"]))
    except (BadLine, ValueError, KeyError, TypeError):
        return None


def scope_name(directories: Iterable[Path], cipher: Cipher = PLAIN) -> str:
    """Return the name of the scope whose log is in *directories*, as one of them says it; empty where none does."""
    for directory in directories:
        with suppress(OSError, ValueError):
            name = name_in(directory, cipher)
            if directory.name in places_of(name, cipher):
                return name
    return ""


def scopes_in(log: Path, cipher: Cipher = PLAIN) -> set[str]:
    """Return the names of the scopes that the events of a session's log changed."""
    found: set[str] = set()
    copy, lines = scan("", log, cipher), Lines(cipher)
    for node in copy.nodes:
        line = lines.get(copy.where[node.digest])
        if b'"scopes":{' in line:
            with suppress(BadLine):
                found.update(decode_line(line).scopes or ())
    return found
