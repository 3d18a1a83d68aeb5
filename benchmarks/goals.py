"""What is to be reached, beside what was measured."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from benchmarks.frameworks import GOALS, PAIRS
from benchmarks.snapshots import KNOWN, WHOLE
from benchmarks.startup import HELP, HOOK, INSTALLED

Found = Mapping[str, Any]


class Goal(NamedTuple):
    """A goal and what was measured."""

    text: str
    value: float | None
    shown: str
    least: float | None = None
    most: float | None = None
    clock: str | None = None


def goals(found: Mapping[str, Found]) -> Iterator[Goal]:
    """Yield the goals, with figures where there are any."""
    for group in (_writing, _reading, _restoring, _searching, _room, _starting, _taking_in, _snapshots):
        yield from group(found)
    yield from _framework_goals((found.get("frameworks") or {}).get("found"))


def _of(found: Mapping[str, Found], section: str, *keys: str) -> Any:
    value: Any = found.get(section, {}).get("found")
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _writing(found: Mapping[str, Found]) -> Iterator[Goal]:
    yield Goal(
        "durable append of one event at most 1.5 times the floor",
        _of(found, "appends", "alone", "segue", "ratio"),
        "{:.2f} times",
        most=1.5,
        clock="appends",
    )
    yield Goal(
        "the same with 2 ms for each sync at most 1.15 times",
        _of(found, "appends", "slow", "segue", "ratio"),
        "{:.2f} times",
        most=1.15,
        clock="appends",
    )
    yield Goal("exactly one sync for an append", _of(found, "appends", "1", "segue", "syncs"), "{:.2f}", least=1, most=1)
    own = "segue, own sessions"
    for text, delay, what, least in (
        ("four writing processes at least half of four raw files", "0", "ratio", 0.5),
        ("the same with 2 ms for each sync at least 0.9", "2000", "ratio", 0.9),
        ("none starving: slowest to fastest writer at least 0.5", "0", "fairness", 0.5),
    ):
        yield Goal(text, _of(found, "writers", delay, own, what), "{:.2f}", least=least, clock="writers")


def _reading(found: Mapping[str, Found]) -> Iterator[Goal]:
    reads = _of(found, "reads")
    small, large = (reads["1000"], reads["100000"]) if reads else ({}, {})
    yield Goal(
        "the last 200 of 100,000 events as fast as of 1,000 (at most 1.2 times)",
        large["tail, cold"] / small["tail, cold"] if reads else None,
        "{:.2f} times",
        most=1.2,
        clock="reads",
    )
    yield Goal(
        "loading by snapshot at least 50 times faster than replaying 100,000",
        large["replay"] / large["load by snapshot"] if reads else None,
        "{:.0f} times",
        least=50,
        clock="reads",
    )
    yield Goal(
        "a fork costs the same (at most 1.5 times)",
        large["fork"] / small["fork"] if reads else None,
        "{:.2f} times",
        most=1.5,
        clock="reads",
    )


def _restoring(found: Mapping[str, Found]) -> Iterator[Goal]:
    context = _of(found, "restores", "2000000", "later", "25000") or {}
    for what, of_it in (("seconds", "ms"), ("cpu", "ms of CPU")):
        yield Goal(
            f"a context of 25,000 tokens out of 2 million in a fresh process in at most 300 {of_it}",
            context[what] * 1e3 if context else None,
            f"{{:.0f}} {of_it}",
            most=300,
            clock="restores" if what == "seconds" else None,
        )
    yield Goal("and in at most 256 MB", context.get("mb"), "{:.0f} MB", most=256)


def _searching(found: Mapping[str, Found]) -> Iterator[Goal]:
    searches = _of(found, "searches") or {}
    searches = searches if searches.get("events", 0) >= 1_000_000 else {}
    for what, of_it in (("p99", "ms"), ("cpu p99", "ms of CPU")):
        yield Goal(
            f"a search in a million messages, whatever is asked: p99 at most 250 {of_it}",
            max(took[what] for took in searches["answers"].values()) * 1e3 if searches else None,
            f"{{:.0f}} {of_it}",
            most=250,
            clock="searches" if what == "p99" else None,
        )
    yield Goal("and its process has at most 256 MB", searches.get("memory"), "{:.0f} MB", most=256)
    seen = searches.get("append a message and find it")
    yield Goal("and a message is found 2 s after it was appended", seen, "{:.2f} s", most=2)


def _room(found: Mapping[str, Found]) -> Iterator[Goal]:
    sealed = _of(found, "sizes", "sealed")
    yield Goal(
        "sealed, with a checkpoint at every turn, at most 0.5 of the raw events (1,000 turns)",
        sealed["1000"][0] / sealed["1000"][1] if sealed else None,
        "{:.2f}",
        most=0.5,
    )
    grown = exponent(sealed) if sealed else None
    yield Goal("growth exponent from 10 to 1,000 turns at most 1.05", grown, "{:.2f}", most=1.05)


def _starting(found: Mapping[str, Found]) -> Iterator[Goal]:
    yield Goal(
        "`segue --help` at most 2.5 times `python -c pass`", _of(found, "startup", HELP, "ratio"), "{:.2f} times", most=2.5
    )
    yield Goal(
        "the hook at most 1.1 times `python -S -E -c pass`", _of(found, "startup", HOOK, "ratio"), "{:.2f} times", most=1.1
    )
    more = _of(found, "startup", INSTALLED, "more")
    yield Goal(
        "a hook call at most 40 ms of CPU beside a shell that does nothing",
        more * 1e3 if more is not None else None,
        "{:.0f} ms more",
        most=40,
    )


def _taking_in(found: Mapping[str, Found]) -> Iterator[Goal]:
    imported = _of(found, "imports")
    yield Goal(
        "the long samples import at 10 MB/s or better",
        imported["bytes"] / imported["seconds"] / 1e6 if imported else None,
        "{:.1f} MB/s",
        least=10,
        clock="imports",
    )
    rates = {name: rate(kinds["realistic"]) for name, kinds in (_of(found, "readers") or {}).items()}
    yield Goal(
        "each agent's reader at 10 MB/s of CPU or better",
        min(rates.values(), default=None),
        f"{{:.1f}} MB/s ({min(rates, key=rates.__getitem__, default='')}, the slowest)",
        least=10,
    )


def _snapshots(found: Mapping[str, Found]) -> Iterator[Goal]:
    for name, most in ((KNOWN, 1.3), (WHOLE, 2.5)):
        yield Goal(
            f"{name}: at most {most} times the CPU of a walk over the files",
            _of(found, "snapshots", "table", name, "cpu_ratio"),
            "{:.2f} times",
            most=most,
        )


def _framework_goals(found: Found | None) -> Iterator[Goal]:
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


def exponent(sealed: Mapping[str, Sequence[int]]) -> float:
    """Return the exponent with which a store grows with what is said in it."""
    (small, raw_small), (large, raw_large) = sealed["10"], sealed["1000"]
    return math.log(large / small) / math.log(raw_large / raw_small)


def rate(found: Found) -> float:
    """Return megabytes a second of CPU."""
    return float(found["bytes"] / found["cpu"] / 1e6)
