"""The sections of docs/performance.md: what was measured as tables, and what they mean."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks import framework_tables
from benchmarks.contenders import FLOOR
from benchmarks.goals import exponent, rate
from benchmarks.startup import BARE, HELP, INSTALLED, NO_OP

Found = Mapping[str, Any]


def table(titles: Sequence[str], rows: Iterator[Sequence[str]] | Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table."""
    yield f"| {' | '.join(titles)} |"
    yield f"|{' --- |' * len(titles)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


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
    yield "LangGraph's batches are messages of one put, ADK's are one call for each event. The frameworks' own savers and"
    yield "services are run as they come, with full syncs; *relaxed* gives up what a power loss may take."
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
    yield from table(["store", "median us", "ratio", "p10 ratio", "CPU us", "syncs", "kB written"], rows)


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
        yield from table(["store", "events/s", "ratio", "slowest/fastest writer", "p99 ms", "longest ms"], rows)
        yield ""


def _reads(found: Found) -> Iterator[str]:
    names = ["tail, cold", "tail, warm", "load by snapshot", "replay", "fork"]
    titles = ["events", "last 200, opening the store", "last 200, open", "load: snapshot and tail", "load: replay of all", "fork"]
    rows = [(f"{int(n):,}", *(f"{f[name] * 1e3:,.1f}" for name in names)) for n, f in found.items()]
    yield from table(titles, rows)
    yield ""
    yield "Milliseconds, medians. A load opens the store, and folds the state; the snapshot is 100 events behind the end."
    yield ""


def _sizes(found: Found) -> Iterator[str]:
    rows = [(n, f"{raw:,}", f"{size:,}", f"{size / raw:.2f}") for n, (size, raw) in found["sealed"].items()]
    yield from table(["turns", "bytes of the events' bodies", "bytes of the sealed store", "share"], rows)
    yield ""
    yield "Four messages a turn, with a checkpoint event and a snapshot of the state after each; everything in the store's"
    yield "directory counts."
    yield f"The store grows with the exponent {exponent(found['sealed']):.2f} of what was said."
    yield ""
    graph = found["langgraph"]
    rows = [(f"{n}", *(f"{graph[k][n]:,}" if n in graph[k] else "" for k in graph)) for n in graph["segue"]]
    yield from table(["turns of a chat with LangGraph", *graph], rows)
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
    yield from table(["question", "median ms", "p99 ms", "median CPU ms", "p99 CPU ms"], rows)
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
    yield from table(["session", "context", "ms", "CPU ms", "memory MB"], rows)
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
    yield from table(["", "clear ms", "encrypted ms", "ratio", "clear CPU ms", "encrypted CPU ms", "CPU ratio"], rows)
    yield ""
    logs, index, alone = found["bytes"], found["index"], found["in memory"]
    yield f"Room: logs {logs['encrypted'] / logs['plain']:.2f} times (open ones are base64, sealed ones are not), index"
    yield f"{index['encrypted'] / index['plain']:.2f} times. Without `sqlcipher3` each command that asks the index"
    yield f"takes everything in anew: {alone['sessions']:,.0f} sessions of {alone['entries']:,.0f} entries"
    yield f"in {alone['seconds']:.1f} s, {alone['cpu']:.1f} s of CPU."
    yield ""


def _startup(found: Found) -> Iterator[str]:
    rows = [(name, f"{f['cpu'] * 1e3:.1f}", f"{f['ratio']:.2f}") for name, f in found.items()]
    yield from table(["process", "CPU ms", "ratio to the bare interpreter"], rows)
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


def _readers(found: Found) -> Iterator[str]:
    yield "Of one processor, drafts of events made and let go of, nothing stored; the best of several runs. Realistic records are"
    yield "as measured on agents' transcripts; tiny ones say a word each: it is their number that costs, not their size."
    yield ""
    rows = [
        (
            name,
            f"{rate(real):.1f}",
            f"{tiny['bytes'] / tiny['events']:.0f}",
            f"{rate(tiny):.1f}",
            f"{tiny['events'] / tiny['cpu']:,.0f}",
        )
        for name, real, tiny in ((name, f["realistic"], f["tiny"]) for name, f in found.items())
    ]
    yield from table(["transcripts", "realistic MB/s", "tiny: bytes an event", "tiny MB/s", "tiny events/s"], rows)
    yield ""


def _snapshots(found: Found) -> Iterator[str]:
    yield f"A repository of {found['files']:,} files, {found['changed']} of them changed before each snapshot, which is on disk"
    yield "when it returns. The first one takes the user's index and objects over."
    yield ""
    rows = [
        (name, f"{f['seconds'] * 1e3:,.0f}", f"{f['cpu'] * 1e3:,.0f}", f"{f['ratio']:.2f}", f"{f['cpu_ratio']:.2f}")
        for name, f in found["table"].items()
    ]
    yield from table(["", "ms", "CPU ms", "time beside the walk", "CPU beside the walk"], rows)
    yield ""


def _redaction(found: Found) -> Iterator[str]:
    yield "Of one processor, nothing stored; the least of several runs. Beside it, parsing the same as JSON."
    yield ""
    rows = [(name, f"{rate(f):.1f}", f"{f['bytes'] / f['parse'] / 1e6:.0f}") for name, f in found.items()]
    yield from table(["texts", "redacted MB/s", "parsed MB/s"], rows)
    yield ""


def _notes(found: Found) -> Iterator[str]:
    yield "Folders of Markdown notes of 1.8 kB. The least of several runs, of the first look the only one; each look is"
    yield "that of a new process, without its start."
    yield ""
    rows = [(name, *(f"{figures[name] * 1e3:,.0f}" for figures in found.values())) for name in next(iter(found.values()))]
    yield from table(["CPU ms", *(f"{int(count):,} notes" for count in found)], rows)
    yield ""


def _frameworks(found: Found) -> Iterator[str]:
    for part in framework_tables.tables(found):
        if isinstance(part, str):
            yield part
        else:
            yield from table(*part)


SECTIONS = (
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
