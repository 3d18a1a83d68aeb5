"""What was measured of the frameworks' own stores and of ours, as tables and goals."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from benchmarks.contenders import FLOOR
from benchmarks.frameworks import GOALS, PAIRS

Found = Mapping[str, Any]
Rows = tuple[Sequence[str], Sequence[Sequence[str]]]
"""Titles and rows of a table."""


class Goal(NamedTuple):
    """A goal and what was measured."""

    text: str
    value: float | None
    shown: str
    least: float | None = None
    most: float | None = None
    clock: str | None = None


def goals(found: Found | None) -> Iterator[Goal]:
    """Yield the goals, with figures where there are any."""
    for peer, ours, least in GOALS:
        family = found["writes"][peer.split()[0]] if found else None
        value = family[peer]["ratio"] / family[ours]["ratio"] if family else None
        text = f"durable writes a second at least {least:g} times those of {peer}"
        yield Goal(text, value, "{:.1f} times", least=least, clock="frameworks")
    for peer, ours in PAIRS:
        value = found["loads"][ours]["cpu"] / found["loads"][peer]["cpu"] if found else None
        text = f"10,000 events load in at most half of the CPU time of {peer}"
        yield Goal(text, value, "{:.2f} times", most=0.5)
    size = found["turns"]["bytes"].get("1000") if found else None
    text = "1,000 turns of a LangGraph chat in at most 20 MB (its own saver: 3,605 MB)"
    yield Goal(text, size / 1e6 if size else None, "{:.1f} MB", most=20)


def tables(found: Found) -> Iterator[str | Rows]:
    """Yield paragraphs and tables of the section."""
    yield "Each framework's own stores, as they come but with full syncs (SQLite: `synchronous=FULL`; ADK's are so by"
    yield "themselves), beside ours (`strict`: one write, one fdatasync), in turns in a process for each framework. No store can"
    yield "be faster than the raw floor: so many times the floor a peer takes is the most that a goal against it can reach"
    yield "on this disk."
    yield ""
    titles = ["durable writes, one event each", "median us", "times the floor", "CPU us", "syncs", "kB written"]
    rows = []
    for costs in found["writes"].values():
        for name, c in sorted(costs.items(), key=lambda item: (item[0] != FLOOR, item[1]["ratio"])):
            shown = (f"{c['median'] * 1e6:,.0f}", f"{c['ratio']:.2f}", f"{c['cpu'] * 1e6:,.0f}")
            rows.append((name, *shown, f"{c['syncs']:.2f}", f"{c['bytes'] / 1e3:,.1f}"))
    yield titles, rows
    yield ""
    rows = [
        (name, f"{f['seconds'] * 1e3:,.0f}", f"{f['cpu'] * 1e3:,.0f}", f"{f['bytes'] / 1e6:.1f}")
        for name, f in found["loads"].items()
    ]
    yield ["a session of 10,000 events of 2 kB, opened and loaded", "ms", "CPU ms", "MB on disk"], rows
    yield ""
    taken = found["turns"]
    rows = [
        (n, f"{taken['bytes'][n] / 1e6:.2f}", f"{taken['put'][n] * 1e6:,.0f}", f"{taken['serialiser'][n] * 1e6:,.0f}")
        for n in taken["bytes"]
    ]
    yield ["turns of a chat with LangGraph on segue", "MB", "a put, CPU us", "of the whole state, its serialiser alone"], rows
    yield ""
    yield "Medians of the last 30 puts. A message of 400 and one of 1,600 bytes a turn, three checkpoints a turn."
    yield ""
