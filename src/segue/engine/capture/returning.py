"""A transcript that its agent deleted is put together again from the raw records that events carry."""

from array import array
from base64 import b64decode
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from segue.core.errors import NotFoundError
from segue.core.log.events import Event
from segue.engine.capture.positions import position_of
from segue.ports import Store
from segue.ports.returning import Kept, Returned, Shelf


def kept_files(store: Store, session: str) -> list[Kept]:
    """Return the transcripts that the records of *session* were read from, the one read first before the others.

    Raises:
        NotFoundError: no event of it comes from a transcript in files.
    """
    files: dict[str, _File] = {}
    positions: dict[str, dict[str, Any]] = {}
    for event in store.read(session, blobs=False, on_damage=lambda _: None):
        source = event.source or {}
        path, line = source.get("file"), source.get("line")
        if isinstance(path, str) and isinstance(line, int) and ("raw" in source or "raw_b64" in source):
            piece = event.body.get("piece", 0) if event.kind == "loss" else 0
            files.setdefault(path, _File(str(source.get("agent", "")))).add(line, piece, event.seq)
        elif event.kind == "import.advanced" and isinstance(event.body.get("path"), str):
            stored = event.body["position"]
            positions[event.body["path"]] = position_of(store, stored) or stored
    found = {p: f for p, f in files.items() if PurePath(p).is_absolute() and "#" not in PurePath(p).name}
    if not found:
        what = "sessions in a database have no file of their own" if files else "it was not read from one"
        raise NotFoundError(
            "transcript of session", session, hint=f"{what}; go on elsewhere with: segue resume {session} --in AGENT"
        )
    return [_kept(store, session, path, file, positions) for path, file in found.items()]


def put_back(
    kept: list[Kept], shelf: Shelf, *, to: str | None = None, moved: tuple[str, str] | None = None, rewrite: bool = False,
    anyway: bool = False,
) -> list[Returned]:  # fmt: skip
    """Write the files of a session where they were, and return what became of each.

    Args:
        kept: what `kept_files` returned.
        shelf: who knows where agents look.
        to: a directory to write them to instead, as they lie to each other.
        moved: they are put where the agent looks for sessions of the second directory, which was the first.
        rewrite: with *moved*, the directory in the records is changed as well.
        anyway: files that can't be had byte for byte are written as far as they are known.

    Raises:
        ExistsError: something else is there; files before it are written.
        UsageError: see `Shelf.moved`.
        OSError: a file cannot be written.
    """
    base = PurePath(kept[0].path).parent
    targets = []
    for one in kept:
        if to is not None:
            path = PurePath(one.path)
            targets.append(str(PurePath(to, path.relative_to(base) if path.is_relative_to(base) else path.name)))
        else:
            targets.append(shelf.moved(one, *moved) if moved else one.path)
    change = moved if rewrite else None
    return [shelf.put(one, target, rewrite=change, anyway=anyway) for one, target in zip(kept, targets, strict=True)]


class _File:
    """Where the records of one file are: its lines, and the events that carry them."""

    def __init__(self, agent: str) -> None:
        self.agent = agent
        self._lines, self._pieces, self._seqs = array("q"), array("q"), array("q")

    def add(self, line: int, piece: int, seq: int) -> None:
        self._lines.append(line)
        self._pieces.append(piece)
        self._seqs.append(seq)

    def order(self) -> Iterator[tuple[int, int]]:
        """Yield line and event, in the order of the file; of several events of one line the last one."""
        place = sorted(range(len(self._seqs)), key=lambda i: (self._lines[i], self._pieces[i], self._seqs[i]))
        for i, following in zip(place, [*place[1:], -1], strict=True):
            same = following >= 0 and self._lines[i] == self._lines[following] and self._pieces[i] == self._pieces[following]
            if not same:
                yield self._lines[i], self._seqs[i]

    def numbers(self) -> set[int]:
        return set(self._lines)


def _kept(store: Store, session: str, path: str, file: _File, positions: dict[str, dict[str, Any]]) -> Kept:
    return Kept(path, file.agent, len(file.numbers()), positions.get(path), lambda: _read(store, session, file))


def _read(store: Store, session: str, file: _File) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a file. Where they follow each other in the log as in the file, the log is read once."""
    events: Iterator[Event] = iter(())
    at = -1
    for line, seq in file.order():
        if at < 0 or seq <= at or seq > at + _NEAR:
            events = store.read(session, after=seq - 1, on_damage=lambda _: None)
        event = next((e for e in events if e.seq >= seq), None)
        at = event.seq if event is not None else -1
        if event is not None and event.seq == seq:
            data = _raw(event)
            if data is not None:
                yield line, data


_NEAR = 1000
"""So many events are rather read over than begun again behind."""


def _raw(event: Event) -> bytes | None:
    source = event.source or {}
    if isinstance(source.get("raw"), str):
        return str(source["raw"]).encode("utf-8", "surrogatepass")
    if isinstance(source.get("raw_b64"), str):
        return b64decode(source["raw_b64"])
    return None
