"""Turns what was measured into docs/performance.md: tables, circumstances, and plainly which goals are met."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks import framework_tables
from benchmarks.contenders import FLOOR
from benchmarks.snapshots import KNOWN, WHOLE
from benchmarks.startup import BARE, HELP, HOOK, INSTALLED, NO_OP

Found = Mapping[str, Any]


def write(found: Mapping[str, Found], before: str, *, long: bool) -> str:
    """Return the page. What was not measured is as it was *before*, on an older page; or else it says so."""
    kept = _sections(before)
    goals = {row.split("|")[1].strip(): row for row in kept.get("Goals", "").splitlines() if row.count("|") > 3}
    parts = [
        "# Performance",
        "",
        "Written by `make bench` (`benchmarks/run.py`); not edited by hand. Contenders take turns within each round, in shuffled",
        "order; a ratio is to the raw floor (the same encoded bytes, one write and one fdatasync) of the same round, and the",
        "median of all rounds is shown. CPU, syncs and bytes do not depend on how busy the machine is; times do: where other",
        "programs used more than a sixth of the processors, they are times of waiting, and a goal that goes by them stays open.",
        "What can be counted exactly is held by tests/gates.",
        "",
        "## Goals",
        "",
        *_table(["goal", "measured", ""], _goals(found)),
        "",
    ]
    parts = [goals.get(part.split("|")[1].strip(), part) if "| not measured |" in part else part for part in parts]
    if "appends" not in found and _COMPARED in kept:
        parts += [f"## {_COMPARED}", "", kept[_COMPARED], ""]
    parts += _compared(found)
    for name, title, section in _SECTIONS:
        parts += [f"## {title}", ""]
        if name not in found:
            parts += [kept.get(title, "Not measured this time."), ""]
        elif found[name]["found"] is None:
            parts += ["Not measured: no samples at ../shared/samples/long, nor where SEGUE_SAMPLES says.", ""]
        else:
            parts += [
                _circumstances({**found[name]["at"], "form": "long" if long else "short"}),
                "",
                *section(found[name]["found"]),
            ]
    return "\n".join(parts).rstrip() + "\n"


def _sections(page: str) -> dict[str, str]:
    """Return the sections of a page by their titles."""
    parts = re.split(r"^## (.+)\n", page, flags=re.MULTILINE)[1:]
    return {title: text.strip() for title, text in zip(parts[::2], parts[1::2], strict=True)}


# --- goals


def _goals(found: Mapping[str, Found]) -> Iterator[Sequence[str]]:
    def of(section: str, *keys: str) -> Any:
        value: Any = found.get(section, {}).get("found")
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def row(
        goal: str,
        value: float | None,
        text: str,
        *,
        least: float | None = None,
        most: float | None = None,
        clock: str | None = None,
    ) -> Sequence[str]:
        """Return a goal's row. One that goes by the *clock* of a section is not decided on a machine that was busy then."""
        if value is None:
            return goal, "not measured", ""
        if clock and (load := _load(found[clock]["at"])):
            return goal, text.format(value), f"not decided: {load}"
        met = (least is None or value >= least) and (most is None or value <= most)
        return goal, text.format(value), "met" if met else "**not met**"

    yield row(
        "durable append of one event at most 1.5 times the floor",
        of("appends", "alone", "segue", "ratio"),
        "{:.2f} times",
        most=1.5,
        clock="appends",
    )
    yield row(
        "the same with 2 ms for each sync at most 1.15 times",
        of("appends", "slow", "segue", "ratio"),
        "{:.2f} times",
        most=1.15,
        clock="appends",
    )
    yield row("exactly one sync for an append", of("appends", "1", "segue", "syncs"), "{:.2f}", least=1, most=1)
    own = "segue, own sessions"
    yield row(
        "four writing processes at least half of four raw files",
        of("writers", "0", own, "ratio"),
        "{:.2f}",
        least=0.5,
        clock="writers",
    )
    yield row(
        "the same with 2 ms for each sync at least 0.9", of("writers", "2000", own, "ratio"), "{:.2f}", least=0.9, clock="writers"
    )
    yield row(
        "none starving: slowest to fastest writer at least 0.5",
        of("writers", "0", own, "fairness"),
        "{:.2f}",
        least=0.5,
        clock="writers",
    )
    reads = of("reads")
    small, large = (reads["1000"], reads["100000"]) if reads else ({}, {})
    yield row(
        "the last 200 of 100,000 events as fast as of 1,000 (at most 1.2 times)",
        large["tail, cold"] / small["tail, cold"] if reads else None,
        "{:.2f} times",
        most=1.2,
        clock="reads",
    )
    yield row(
        "loading by snapshot at least 50 times faster than replaying 100,000",
        large["replay"] / large["load by snapshot"] if reads else None,
        "{:.0f} times",
        least=50,
        clock="reads",
    )
    yield row(
        "a fork costs the same (at most 1.5 times)",
        large["fork"] / small["fork"] if reads else None,
        "{:.2f} times",
        most=1.5,
        clock="reads",
    )
    context = of("restores", "2000000", "later", "25000") or {}
    for what, of_it in (("seconds", "ms"), ("cpu", "ms of CPU")):
        yield row(
            f"a context of 25,000 tokens out of 2 million in a fresh process in at most 300 {of_it}",
            context[what] * 1e3 if context else None,
            f"{{:.0f}} {of_it}",
            most=300,
            clock="restores" if what == "seconds" else None,
        )
    yield row("and in at most 256 MB", context.get("mb"), "{:.0f} MB", most=256)
    searches = of("searches") or {}
    searches = searches if searches.get("events", 0) >= 1_000_000 else {}
    for what, of_it in (("p99", "ms"), ("cpu p99", "ms of CPU")):
        yield row(
            f"a search in a million messages, whatever is asked: p99 at most 250 {of_it}",
            max(took[what] for took in searches["answers"].values()) * 1e3 if searches else None,
            f"{{:.0f}} {of_it}",
            most=250,
            clock="searches" if what == "p99" else None,
        )
    yield row("and its process has at most 256 MB", searches.get("memory"), "{:.0f} MB", most=256)
    seen = searches.get("append a message and find it")
    yield row("and a message is found 2 s after it was appended", seen, "{:.2f} s", most=2)
    sealed = of("sizes", "sealed")
    yield row(
        "sealed, with a checkpoint at every turn, at most 0.5 of the raw events (1,000 turns)",
        sealed["1000"][0] / sealed["1000"][1] if sealed else None,
        "{:.2f}",
        most=0.5,
    )
    exponent = _exponent(sealed) if sealed else None
    yield row("growth exponent from 10 to 1,000 turns at most 1.05", exponent, "{:.2f}", most=1.05)
    yield row("`segue --help` at most 2.5 times `python -c pass`", of("startup", HELP, "ratio"), "{:.2f} times", most=2.5)
    yield row("the hook at most 1.1 times `python -S -E -c pass`", of("startup", HOOK, "ratio"), "{:.2f} times", most=1.1)
    more = of("startup", INSTALLED, "more")
    yield row(
        "a hook call at most 40 ms of CPU beside a shell that does nothing",
        more * 1e3 if more is not None else None,
        "{:.0f} ms more",
        most=40,
    )
    imported = of("imports")
    yield row(
        "the long samples import at 10 MB/s or better",
        imported["bytes"] / imported["seconds"] / 1e6 if imported else None,
        "{:.1f} MB/s",
        least=10,
        clock="imports",
    )
    rates = {name: _rate(kinds["realistic"]) for name, kinds in (of("readers") or {}).items()}
    yield row(
        "each agent's reader at 10 MB/s of CPU or better",
        min(rates.values(), default=None),
        f"{{:.1f}} MB/s ({min(rates, key=rates.__getitem__, default='')}, the slowest)",
        least=10,
    )
    for name, most in ((KNOWN, 1.3), (WHOLE, 2.5)):
        yield row(
            f"{name}: at most {most} times the CPU of a walk over the files",
            of("snapshots", "table", name, "cpu_ratio"),
            "{:.2f} times",
            most=most,
        )
    for goal in framework_tables.goals((found.get("frameworks") or {}).get("found")):
        yield row(goal.text, goal.value, goal.shown, least=goal.least, most=goal.most, clock=goal.clock)


_QUIET = 16
"""Percent of the processors that others may use while times are taken."""


def _load(at: Mapping[str, str]) -> str:
    """Return what others used of the processors where it was much: then times are those of waiting."""
    share = at["others"].split()[0]
    return f"others used {at['others']} of the processors" if share == "unknown" or int(share) > _QUIET else ""


def _exponent(sealed: Mapping[str, Sequence[int]]) -> float:
    (small, raw_small), (large, raw_large) = sealed["10"], sealed["1000"]
    return math.log(large / small) / math.log(raw_large / raw_small)


_COMPARED = "Against others"
PEERS = (
    ("SQLite WAL FULL", "segue"),
    ("OpenAI SQLiteSession", "segue"),
    ("LangGraph SqliteSaver, 1 message", "LangGraph on segue, 1 message"),
    ("LangGraph SqliteSaver, 200 messages", "LangGraph on segue, 200 messages"),
    ("ADK SqliteSessionService", "ADK on segue"),
    ("ADK DatabaseSessionService", "ADK on segue"),
)


def _compared(found: Mapping[str, Found]) -> Iterator[str]:
    if "appends" not in found:
        return
    costs = found["appends"]["found"]["1"]
    yield f"## {_COMPARED}"
    yield ""
    rows = [
        (
            f"{peer} / {ours}",
            f"{costs[peer]['ratio'] / costs[ours]['ratio']:.1f}",
            f"{costs[peer]['cpu'] / costs[ours]['cpu']:.1f}",
            f"{costs[peer]['syncs'] / costs[ours]['syncs']:.1f}",
            f"{costs[peer]['bytes'] / costs[ours]['bytes']:.1f}",
        )
        for peer, ours in PEERS
    ]
    yield from _table(["one event a commit: how many times as much", "time", "CPU", "syncs", "bytes"], rows)
    yield ""


# --- sections


def _appends(found: Found) -> Iterator[str]:
    for batch in ("1", "10", "100"):
        yield f"### {'One event' if batch == '1' else f'{batch} events'} a commit, one writer"
        yield ""
        yield from _costs(found[batch])
        yield ""
    yield "### One event a commit, no framework loaded"
    yield ""
    yield from _costs(found["alone"])
    yield ""
    if "slow" in found:
        yield "### One event a commit, 2 ms more for each sync"
        yield ""
        yield from _costs(found["slow"])
        yield ""
    yield "LangGraph's batches are messages of one put, ADK's are one call for each event. Its own savers and services are run as"
    yield "they come, with full syncs; *relaxed* gives up what a power loss may take."
    yield ""


def _costs(found: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    rows = [
        (
            name,
            f"{c['median'] * 1e6:,.0f}",
            f"{c['ratio']:.2f}",
            f"{c['p10_ratio']:.2f}",
            f"{c['cpu'] * 1e6:,.0f}",
            f"{c['syncs']:.2f}",
            f"{c['bytes'] / 1e3:,.1f}",
        )
        for name, c in sorted(found.items(), key=lambda item: (item[0] != FLOOR, item[1]["ratio"]))
    ]
    yield from _table(["store", "median us", "ratio", "p10 ratio", "CPU us", "syncs", "kB written"], rows)


def _writers(found: Found) -> Iterator[str]:
    for us, title in (("0", "this disk"), ("2000", "2 ms more for each sync")):
        if us not in found:
            continue
        yield f"### Four processes, one event a commit, {title}"
        yield ""
        rows = [
            (
                kind,
                f"{f['rate']:,.0f}",
                f"{f['ratio']:.2f}",
                f"{f['fairness']:.2f}",
                f"{f['p99'] * 1e3:.1f}",
                f"{f['max'] * 1e3:,.0f}",
            )
            for kind, f in found[us].items()
        ]
        yield from _table(["store", "events/s", "ratio", "slowest/fastest writer", "p99 ms", "longest ms"], rows)
        yield ""


def _reads(found: Found) -> Iterator[str]:
    names = ["tail, cold", "tail, warm", "load by snapshot", "replay", "fork"]
    titles = ["events", "last 200, opening the store", "last 200, open", "load: snapshot and tail", "load: replay of all", "fork"]
    rows = [(f"{int(n):,}", *(f"{f[name] * 1e3:,.1f}" for name in names)) for n, f in found.items()]
    yield from _table(titles, rows)
    yield ""
    yield "Milliseconds, medians. A load opens the store, and folds the state; the snapshot is 100 events behind the end."
    yield ""


def _sizes(found: Found) -> Iterator[str]:
    rows = [(n, f"{raw:,}", f"{size:,}", f"{size / raw:.2f}") for n, (size, raw) in found["sealed"].items()]
    yield from _table(["turns", "bytes of the events' bodies", "bytes of the sealed store", "share"], rows)
    yield ""
    yield "Four messages a turn, with a checkpoint event and a snapshot of the state after each; everything in the store's"
    yield "directory counts."
    yield f"The store grows with the exponent {_exponent(found['sealed']):.2f} of what was said."
    yield ""
    graph = found["langgraph"]
    rows = [(f"{n}", *(f"{graph[k][n]:,}" if n in graph[k] else "" for k in graph)) for n in graph["segue"]]
    yield from _table(["turns of a chat with LangGraph", *graph], rows)
    yield ""
    yield "A one-node graph, a message of 400 and one of 1,600 bytes a turn, three checkpoints a turn (`durability` as it comes)."
    yield ""


def _searches(found: Found) -> Iterator[str]:
    rate = found["events"] / found["indexing"]
    cpu, seen, memory = found["indexing cpu"], found["append a message and find it"] * 1e3, found["memory"]
    yield f"{found['events']:,} messages of about 300 bytes: {rate:,.0f} events/s are indexed ({cpu:.0f} s of CPU); the store"
    yield f"has {found['bytes'] / 1e6:.1f} MB, its index {found['index'] / 1e6:.1f} MB. A message is found {seen:.1f} ms after it"
    yield f"was appended. A fresh process that asks has {memory:.0f} MB at most. Twenty hits with their snippets, best first:"
    yield ""
    rows = [
        (name, *(f"{took[k] * 1e3:.1f}" for k in ("median", "p99", "cpu", "cpu p99"))) for name, took in found["answers"].items()
    ]
    yield from _table(["question", "median ms", "p99 ms", "median CPU ms", "p99 CPU ms"], rows)
    yield ""


def _restores(found: Found) -> Iterator[str]:
    yield "Whole fresh processes, interpreter and imports included (`only opened`: one that opens the store and ends). The first"
    yield "context of a session reads all of its log and keeps an outline (while an agent works, the worker does); later ones"
    bare = ", ".join(f"{one['bare'] * 1e3:.1f}" for one in found.values())
    yield f"read the newest part. `python -c pass` took {bare} ms of CPU in the same rounds: it is more where a machine is busy."
    yield ""
    rows = []
    for tokens, one in found.items():
        about = f"{int(tokens):,} tokens, {one['events']:,} events, {one['bytes'] / 1e6:.1f} MB"
        runs = {"only opened": one["later"]["0"], "25,000, the first": one["first"]}
        runs |= {f"{int(budget):,}": run for budget, run in one["later"].items() if budget != "0"}
        for name, run in runs.items():
            rows.append((about, name, f"{run['seconds'] * 1e3:,.0f}", f"{run['cpu'] * 1e3:,.0f}", f"{run['mb']:,.0f}"))
    yield from _table(["session", "context", "ms", "CPU ms", "memory MB"], rows)
    yield ""


def _encryption(found: Found) -> Iterator[str]:
    yield "The same work on a store in the clear and on one under a key, in turns; the median of the rounds' ratios. The index of"
    yield "the latter is under SQLCipher."
    yield ""
    rows = [
        (
            name,
            *(f"{f[kind]['seconds'] * 1e3:,.2f}" for kind in ("plain", "encrypted")),
            f"{f['ratio']['seconds']:.2f}",
            *(f"{f[kind]['cpu'] * 1e3:,.2f}" for kind in ("plain", "encrypted")),
            f"{f['ratio']['cpu']:.2f}",
        )
        for name, f in found["table"].items()
    ]
    yield from _table(["", "clear ms", "encrypted ms", "ratio", "clear CPU ms", "encrypted CPU ms", "CPU ratio"], rows)
    yield ""
    logs, index, alone = found["bytes"], found["index"], found["in memory"]
    yield f"Room: logs {logs['encrypted'] / logs['plain']:.2f} times (open ones are base64, sealed ones are not), index"
    yield f"{index['encrypted'] / index['plain']:.2f} times. Without `sqlcipher3` each command that asks the index"
    yield f"takes everything in anew: {alone['sessions']:,.0f} sessions of {alone['entries']:,.0f} entries"
    yield f"in {alone['seconds']:.1f} s, {alone['cpu']:.1f} s of CPU."
    yield ""


def _startup(found: Found) -> Iterator[str]:
    rows = [(name, f"{f['cpu'] * 1e3:.1f}", f"{f['ratio']:.2f}") for name, f in found.items()]
    yield from _table(["process", "CPU ms", "ratio to the bare interpreter"], rows)
    yield ""
    if HELP not in found:
        yield f"`{HELP}` was not there to be measured."
        yield ""
    yield "The hook, which makes a durable append and looks after the worker besides, is held against `python -S -E -c pass`;"
    yield f"as an agent calls it, in a shell, against `{NO_OP}`: {found[INSTALLED]['more'] * 1e3:.1f} ms more. The others"
    yield f"are held against `{BARE}`."
    yield ""


def _imports(found: Found) -> Iterator[str]:
    mb = found["bytes"] / 1e6
    rate, of_cpu = mb / found["seconds"], mb / found["cpu"]
    yield f"{mb:.1f} MB in {found['events']:,} events: {rate:.1f} MB/s by the clock, {of_cpu:.1f} MB/s of CPU"
    yield f"(best of three). Importing again took {found['again'] * 1e3:,.0f} ms and added {found['new']} events."
    yield ""


def _rate(found: Found) -> float:
    """Return megabytes a second of CPU."""
    return float(found["bytes"] / found["cpu"] / 1e6)


def _readers(found: Found) -> Iterator[str]:
    yield "Of one processor, drafts of events made and let go of, nothing stored; the best of several runs. Realistic records are"
    yield "as measured on agents' transcripts; tiny ones say a word each: it is their number that costs, not their size."
    yield ""
    rows = [
        (
            name,
            f"{_rate(real):.1f}",
            f"{tiny['bytes'] / tiny['events']:.0f}",
            f"{_rate(tiny):.1f}",
            f"{tiny['events'] / tiny['cpu']:,.0f}",
        )
        for name, real, tiny in ((name, f["realistic"], f["tiny"]) for name, f in found.items())
    ]
    yield from _table(["transcripts", "realistic MB/s", "tiny: bytes an event", "tiny MB/s", "tiny events/s"], rows)
    yield ""


def _snapshots(found: Found) -> Iterator[str]:
    yield f"A repository of {found['files']:,} files, {found['changed']} of them changed before each snapshot, which is on disk"
    yield "when it returns. The first one takes the user's index and objects over."
    yield ""
    rows = [
        (name, f"{f['seconds'] * 1e3:,.0f}", f"{f['cpu'] * 1e3:,.0f}", f"{f['ratio']:.2f}", f"{f['cpu_ratio']:.2f}")
        for name, f in found["table"].items()
    ]
    yield from _table(["", "ms", "CPU ms", "time beside the walk", "CPU beside the walk"], rows)
    yield ""


def _redaction(found: Found) -> Iterator[str]:
    yield "Of one processor, nothing stored; the least of several runs. Beside it, parsing the same as JSON."
    yield ""
    rows = [(name, f"{_rate(f):.1f}", f"{f['bytes'] / f['parse'] / 1e6:.0f}") for name, f in found.items()]
    yield from _table(["texts", "redacted MB/s", "parsed MB/s"], rows)
    yield ""


def _notes(found: Found) -> Iterator[str]:
    yield "Folders of Markdown notes of 1.8 kB. The least of several runs, of the first look the only one; each look is"
    yield "that of a new process, without its start."
    yield ""
    rows = [(name, *(f"{figures[name] * 1e3:,.0f}" for figures in found.values())) for name in next(iter(found.values()))]
    yield from _table(["CPU ms", *(f"{int(count):,} notes" for count in found)], rows)
    yield ""


def _frameworks(found: Found) -> Iterator[str]:
    for part in framework_tables.tables(found):
        if isinstance(part, str):
            yield part
        else:
            yield from _table(*part)


_SECTIONS = (
    ("appends", "Durable appends", _appends),
    ("writers", "Writers at the same time", _writers),
    ("reads", "Reading", _reads),
    ("sizes", "Room", _sizes),
    ("searches", "Searching", _searches),
    ("restores", "Restoring contexts", _restores),
    ("encryption", "Encrypted stores", _encryption),
    ("startup", "Starting", _startup),
    ("imports", "Importing", _imports),
    ("readers", "Reading transcripts", _readers),
    ("snapshots", "Snapshots of workspaces", _snapshots),
    ("redaction", "Redaction on the way in", _redaction),
    ("notes", "Notes", _notes),
    ("frameworks", "Agent frameworks", _frameworks),
)


def _circumstances(at: Mapping[str, str]) -> str:
    return "; ".join(f"{name} {value}" for name, value in at.items()) + "."


def _table(titles: Sequence[str], rows: Iterator[Sequence[str]] | Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(titles)} |"
    yield f"|{' --- |' * len(titles)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
