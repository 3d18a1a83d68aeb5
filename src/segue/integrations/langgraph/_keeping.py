"""A thread as a snapshot keeps it: who opens it anew need not read all of its events.

A line of JSON; a line for each checkpoint, and one for the writes of each, as the first says in `places`; behind these what the
serialiser made of each message, as it says in `said`. Who opens a thread reads the first line, and of the others those that he
needs. It has nothing that was erased: of what memory still holds only that which an event has.
"""

import json
from collections.abc import Iterable, Sequence
from itertools import accumulate, chain, groupby, repeat
from operator import itemgetter
from typing import Any, Final

from segue.integrations.langgraph._fold import Fold, Place, Stored, Write
from segue.integrations.langgraph._record import Kept, Record
from segue.integrations.langgraph._said import Said
from segue.integrations.langgraph._shelf import Shelf
from segue.integrations.langgraph._values import MSGPACK
from segue.ports import Snapshot, Store

SCHEMA: Final = "langgraph.thread/3"
_LARGEST: Final = 1 << 28
"""Bytes; a larger one is not kept."""
_MOST: Final = 1 << 24
"""Events; of more none is kept."""
_NOTHING: Final = -1
"""The length of what no event holds."""
_ERASED: Final = -2


def keep(fold: Fold, session: str, store: Store) -> None:
    """Keep a snapshot of *fold*, unless it is too large."""
    data = to_bytes(fold) if fold.seq <= _MOST else b""
    if 0 < len(data) <= _LARGEST:
        store.put_snapshot(session, Snapshot(fold.seq, fold.digest, SCHEMA, data), alone=True)


def recall(fold: Fold, session: str, store: Store) -> bool:
    """Put into *fold*, which knows nothing, what was kept last; return whether there was anything."""
    found = store.snapshot(session, SCHEMA)
    if found is None:
        return False
    try:
        from_bytes(found.data, fold)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):  # another program's: the log has it all
        fold.begin()
        return False
    fold.seq, fold.digest = found.seq, found.digest
    return True


def to_bytes(fold: Fold) -> bytes:
    """Return *fold* as a snapshot keeps it."""
    said = {seq: one if seq in fold.events else None for seq, one in sorted(fold.said.items(), key=itemgetter(0))}
    there = {seq: one for seq, one in said.items() if one is not None}
    live = fold.live()
    kinds: dict[str, list[int]] = {}
    for seq, kind in sorted(fold.events.items()):
        kinds.setdefault(kind, []).append(seq)
    lines = [*fold.checkpoints.lines(_line), *fold.writes.lines(lambda writes: _line([*writes.values()]))]
    record = {
        "places": {"checkpoints": [*fold.checkpoints], "writes": [*fold.writes]},
        "histories": [[*place, *past] for place, past in fold.histories.items()],
        "hidden": sorted(fold.hidden),
        "tips": fold.tips,
        "owners": fold.owners,
        "nodes": sorted(fold.nodes.difference((one.stream, one.node) for one in there.values())),
        "specs": [[*value, spec] for value, spec in fold.specs.items() if value in live],
        "moved": [[*value, at] for value, at in fold.moved.items() if value in live],
        "recent": [[*place, at] for place, at in fold.recent.items()],
        "events": kinds,
        "said": {
            "seqs": [*said],
            "streams": _runs([one.stream if one else "" for one in said.values()]),
            "nodes": [one.node if one else "" for one in said.values()],
            "kinds": _runs([one.element[0] if one and one.element else "" for one in said.values()]),
            "lengths": [*map(_length, said.values())],
        },
    }
    head = b"\n".join((_line(record), *lines, b""))
    return b"".join([head, *(one.element[1] for one in there.values() if one.element)])


def from_bytes(data: bytes, fold: Fold) -> None:
    """Put into *fold*, which knows nothing, what `to_bytes` was given. Raises ValueError, LookupError, TypeError."""
    end = data.index(b"\n")
    record: dict[str, Any] = _read(data[:end])
    places, begin = record["places"], end + 1
    lines, begin = _split(data, begin, len(places["checkpoints"]))
    fold.checkpoints = Shelf(dict(zip(map(_place, places["checkpoints"]), lines, strict=True)), lambda line: Stored(*_read(line)))
    fold.find_latest()
    lines, begin = _split(data, begin, len(places["writes"]))
    fold.writes = Shelf(dict(zip(map(_place, places["writes"]), lines, strict=True)), _writes)
    fold.histories = {(ns, checkpoint): (seq, past) for ns, checkpoint, seq, past in record["histories"]}
    fold.hidden = {(ns, checkpoint) for ns, checkpoint in record["hidden"]}
    fold.tips, fold.owners = record["tips"], record["owners"]
    fold.specs = {(seq, channel): spec for seq, channel, spec in record["specs"]}
    fold.moved = {(seq, channel): at for seq, channel, at in record["moved"]}
    fold.recent = {(ns, channel): at for ns, channel, at in record["recent"]}
    for kind, seqs in record["events"].items():
        fold.events.update(dict.fromkeys(seqs, kind))
    fold.nodes = {(stream, node) for stream, node in record["nodes"]}
    _recall_said(record["said"], data, begin, fold)


def _length(one: Said | None) -> int:
    if one is None:
        return _ERASED
    return len(one.element[1]) if one.element else _NOTHING


def _recall_said(columns: dict[str, list[Any]], data: bytes, begin: int, fold: Fold) -> None:
    """Have what the columns say. Most is left as it stands; what has no element, or one of another kind, is taken out."""
    lengths, nodes = columns["lengths"], columns["nodes"]
    seqs, streams, kinds = columns["seqs"], _run_out(columns["streams"]), _run_out(columns["kinds"])
    starts = [*accumulate((max(length, 0) for length in lengths), initial=begin)]
    if starts[-1] != len(data) or not len(seqs) == len(streams) == len(nodes) == len(kinds) == len(lengths):
        raise ValueError("a snapshot of a thread is cut short")
    fold.nodes.update(zip(streams, nodes, strict=True))
    fold.said = Record(Kept(dict(zip(seqs, range(len(seqs)), strict=True)), streams, nodes, starts, data))
    for n, kind in enumerate(kinds):
        if kind == MSGPACK and lengths[n] >= 0:
            continue
        if lengths[n] == _ERASED:
            fold.nodes.discard((streams[n], nodes[n]))
            fold.said[seqs[n]] = None
        else:
            element = (kind, data[starts[n] : starts[n + 1]]) if lengths[n] >= 0 else None
            fold.said[seqs[n]] = Said(element, streams[n], nodes[n])


def _line(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _read(line: bytes) -> Any:
    return json.loads(line.decode("utf-8", "surrogatepass"))


def _place(names: Sequence[str]) -> Place:
    ns, checkpoint = names
    return ns, checkpoint


def _writes(line: bytes) -> dict[tuple[str, int], Write]:
    return {(write.task, write.idx): write for write in (Write(*row) for row in _read(line))}


def _split(data: bytes, begin: int, count: int) -> tuple[list[bytes], int]:
    """Return so many lines from *begin* on, and where what follows them begins."""
    lines = []
    for _ in range(count):
        end = data.index(b"\n", begin)
        lines.append(data[begin:end])
        begin = end + 1
    return lines, begin


def _runs(texts: Iterable[str]) -> list[list[Any]]:
    """Return texts as [text, how often] of those that are repeated."""
    return [[text, len([*same])] for text, same in groupby(texts)]


def _run_out(runs: Sequence[Sequence[Any]]) -> list[str]:
    if sum(abs(count) for _, count in runs) > _MOST:
        raise ValueError("a snapshot of a thread claims too much")
    return [*chain.from_iterable(repeat(text, count) for text, count in runs)]
