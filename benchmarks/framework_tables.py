"""What was measured of the frameworks' own stores and of ours, as tables and goals."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.contenders import CROSSED, FLOOR
from benchmarks.frameworks import GOALS

Found = Mapping[str, Any]
Rows = tuple[Sequence[str], Sequence[Sequence[str]]]
"""Titles and rows of a table."""


def tables(found: Found) -> Iterator[str | Rows]:
    """Yield paragraphs and tables of the section."""
    yield "Each framework's own stores, as they come but with full syncs (SQLite: `synchronous=FULL`; ADK's are so by"
    yield "themselves), beside ours (`strict`: one write, one fdatasync), in turns in a process for each framework. No store can"
    yield "be faster than the raw floor: so many times the floor a peer takes is the most that a goal against it can reach"
    yield "on this disk. Who is asked from asyncio crosses into a thread besides, or keeps the loop waiting for the disk: the"
    yield "second floor does nothing else."
    yield ""
    titles = ["durable writes, one event each", "median us", "times the floor", "CPU us", "syncs", "kB written"]
    rows = []
    for costs in found["writes"].values():
        for name, c in sorted(costs.items(), key=lambda item: (item[0] != FLOOR, item[0] != CROSSED, item[1]["ratio"])):
            shown = (f"{c['median'] * 1e6:,.0f}", f"{c['ratio']:.2f}", f"{c['cpu'] * 1e6:,.0f}")
            rows.append((name, *shown, f"{c['syncs']:.2f}", f"{c['bytes'] / 1e3:,.1f}"))
    yield titles, rows
    yield ""
    yield from _reach(found["writes"])
    rows = [
        (name, *(f"{f[what] * 1e3:,.0f}" if what in f else "" for what in ("seconds", "cpu", "first")), f"{f['bytes'] / 1e6:.1f}")
        for name, f in found["loads"].items()
    ]
    yield ["a session of 10,000 events of 2 kB, opened and loaded", "ms", "CPU ms", "the first time, CPU ms", "MB on disk"], rows
    yield ""
    yield from _spent()
    yield "Pydantic AI and the Claude Agent SDK bring no durable store: *in memory* keeps nothing; *as one JSON* writes all"
    yield "messages anew each time, as Pydantic AI tells its users to; *a file of lines* is what Claude Code writes, synced, as"
    yield "it is not there. On segue each of their messages is written twice in a line, as it is and as what everything else here"
    yield "reads, and each line is verified when it is read: that is what a first load takes more than reading a file of theirs."
    yield ""
    taken = found["turns"]
    rows = [
        (n, f"{taken['bytes'][n] / 1e6:.2f}", f"{taken['put'][n] * 1e6:,.0f}", f"{taken['serialiser'][n] * 1e6:,.0f}")
        for n in taken["bytes"]
    ]
    yield ["turns of a chat with LangGraph on segue", "MB", "a put, CPU us", "of the whole state, its serialiser alone"], rows
    yield ""
    yield "Medians of the last 30 puts. A message of 400 and one of 1,600 bytes a turn, three checkpoints a turn. A saver that"
    yield "stores the whole state serialises all of it at every put, as in the last column, before it writes anything; ours looks"
    yield "whether each message is the object that it was, unchanged, and serialises the others."
    yield ""


def _spent() -> Iterator[str]:
    """Yield what loads are spent on."""
    yield "Each load opens its store anew. Who reads much of a log of ours for the first time keeps a snapshot of what the"
    yield "framework is given, from which the others start: verified, and never of what was erased. What a framework"
    yield "takes *alone* is spent on making its own objects of bytes in memory: no store that returns them takes less, so half of"
    yield "a peer's time can be had only where the peer takes more than twice that. OpenAI's items are JSON themselves: alone is"
    yield "what `json.loads` takes for one document of all of them. Our snapshot keeps their long texts beside the JSON, and"
    yield "zstd's part is the larger one."
    yield ""
    yield "Of the 480 ms of CPU of a first load of OpenAI's items, measured apart, 45 read the file and split its lines, 90"
    yield "verify each line by its digest, 20 decode UTF-8, 140 parse JSON (each text stands in a line twice: as the framework"
    yield "has it and as everything else here reads it), 40 make events and hand them on, 20 fold them, 45 pack the snapshot and"
    yield "75 compress it. The garbage collector has no part in it that can be measured. Of its 52.0 MB 46.4 are the log, and 7.2"
    yield "once that is sealed in the background, where a first load takes 30 ms more; 5.6 are the snapshot. One is kept, in the"
    yield "place of the one before, when an eighth of the session came since. A session that grows to 10,000 items, loaded by"
    yield "another process after each 200, takes 3.0 s of CPU for all 50 loads, the writing of snapshots included (the last 25:"
    yield "median 63 ms, largest 211), SQLiteSession 2.5 (73, 102), and 4.3 (110, 323) where half of it had to come since."
    yield ""
    yield "Of the 370 ms of CPU of a load of ADK's events, measured apart, 295 are ADK's validation of them, 40 make the records"
    yield "of the snapshot, 25 read and decompress it, and 10 open the store and find the session. Validation is given records"
    yield "rather than their JSON (440, in one document or in 10,000), and while the list is made the cyclic garbage collector,"
    yield "which goes through all of it again and again and finds nothing, is put off: with it the same validation takes 590. A"
    yield "first load takes 1,000: besides validation 450 read and verify the log, 115 pack the snapshot and 90 compress it."
    yield "Pydantic AI's messages are kept as the text of their JSON, which its validator reads as it says, in 140; the Claude"
    yield "Agent SDK's entries are JSON themselves."
    yield ""
    yield "Of the 256 ms of CPU of a load of LangGraph's messages, measured apart beside a saver of 187 (its deserialiser alone"
    yield "164), 130 are the deserialiser with the collector put off, 30 copies of the messages' fields, which tell the next put"
    yield "what it need not serialise again, 31 read and decompress the snapshot, 20 find the end of the log behind one write of"
    yield "24 MB, and 13 make the thread's checkpoints of it. A first load reads and verifies the log besides, in 280, and makes"
    yield "the snapshot, in 110."
    yield ""


def _reach(writes: Mapping[str, Any]) -> Iterator[str | Rows]:
    """Yield how far each goal is in reach: how often the floor could be done while a peer does one write."""
    rows = []
    for peer, ours, least in GOALS:
        costs = writes[peer.split()[0]]
        floor = CROSSED if CROSSED in costs else FLOOR
        most, times = (costs[peer]["ratio"] / costs[name]["ratio"] for name in (floor, ours))
        cpu = costs[peer]["cpu"] / costs[ours]["cpu"]
        rows.append(
            (peer, f"{least:g}", f"{most:.1f}", f"{times:.1f}", f"{costs[peer]['cpu'] / costs[floor]['cpu']:.1f}", f"{cpu:.1f}")
        )
    yield ["times a peer's writes a second", "goal", "the floor's", "ours", "by CPU: the floor's", "ours"], rows
    yield ""
    yield "The floor is the one asked from asyncio where the framework asks from there. No file is made longer in advance, which"
    yield "would save a third of a sync here: docs/decisions/0023."
    yield ""
