"""Writes the tables of docs/reliability.md from the kept results: what ran, where, with which seeds, and what was found."""

import json
import os
import platform
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.faults.plan import LONG
from tests.faults.signals import LONGEST

_BEGIN, _END = "<!-- results: written by make faults -->", "<!-- end of results -->"

_METHODS = {
    "kill": "kill -9, 1 to 8 writers",
    "states": "crash states of a recorded run",
    "errors": "crash states after failing syncs and writes, killed processes",
    "power-ext4": "power loss, ext4",
    "power-xfs": "power loss, xfs",
    "full": "full disk, file size limit, read-only",
    "damage": "bit flips, zeroed pages, truncated, duplicated, deleted, swapped, empty files",
    "caches": "index and caches lost or damaged",
    "holders": "lock holders forked, frozen, killed",
    "sweep": "every changing call of an operation fails, is short, or is the last one",
    "scarce": "a command on a full or read-only disk, without quota, rights, descriptors, memory, or with small files alone",
    "meanwhile": "an operation held at one of its calls while another process does something else",
    "signals": "SIGTERM, SIGINT, SIGHUP, SIGQUIT in a run, once and twice",
    "ticks": "the same at every instruction of a run, one after the other",
}


_OPERATIONS = {"sweep", "scarce", "meanwhile"}
"""Methods that are tried on operations, not on stores: one line for all of them."""


def write_report(results: Path, target: Path) -> None:
    """Replace the results in *target* by tables of what is in *results*."""
    entries = [json.loads(line) for line in results.read_text().splitlines()]
    text = target.read_text()
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    target.write_text(f"{before}{_BEGIN}\n{tables(entries)}\n{_END}{after}")


def tables(entries: list[dict[str, Any]]) -> str:
    """Return both tables, stores and controls, with where and when they ran."""
    stores = _rows(entry for entry in entries if not entry["part"]["control"])
    controls = _rows(entry for entry in entries if entry["part"]["control"])
    first, last = min(entry["at"] for entry in entries), max(entry["at"] for entry in entries)
    skipped = sorted({f"{e['part']['method']}: {e['outcome']['skipped']}" for e in entries if e["outcome"]["skipped"]})
    lines = [
        (
            f"Run {_date(first)} to {_date(last)} UTC on Linux {platform.release().split('-')[0]}, {platform.machine()},"
            f" {os.cpu_count()} cores, Python {platform.python_version()}."
        ),
        "",
        "| method | store | where | cases | acknowledged events | violations | seeds |",
        "| --- | --- | --- | ---: | ---: | ---: | --- |",
        *(
            f"| {_METHODS[method]} | {row['subject']} | {where} | {row['cases']:,} | {row['acknowledged']:,} | {row['failed']} | {row['seeds']} |"
            for (method, _, where), row in stores
        ),
        *_short_of_plan(stores),
        *_swept(entries),
        *_longest(entries),
        "",
        "The controls, each of which has to be caught:",
        "",
        "| method | control | where | cases | caught in |",
        "| --- | --- | --- | ---: | ---: |",
        *(
            f"| {_METHODS[method]} | {subject} | {where} | {row['cases']:,} | {row['failed']:,} |"
            for (method, subject, where), row in controls
        ),
        *(f"\nNot run here: {what}." for what in skipped),
    ]
    return "\n".join(lines)


def _short_of_plan(stores: list[tuple[tuple[str, str, str], dict[str, Any]]]) -> list[str]:
    """Return a line that says how much of the long form was run, where it was not all."""
    ran, planned = Counter[str](), Counter[str]()
    for (method, subject, _), row in stores:
        ran[method] += row["cases"] if subject.startswith("segue") else 0
    for part in LONG:
        planned[part.method] += part.cases if part.subject.startswith("segue") and not part.control else 0
    less = [f"{method} {ran[method]:,} of {planned[method]:,}" for method in _METHODS if ran[method] < planned[method]]
    return ["", f"The long form was ended early; it ran {', '.join(less)}."] if less else []


def _swept(entries: Iterable[dict[str, Any]]) -> list[str]:
    """Return a line that says how many of the points of which operations were swept."""
    done, known = Counter[str](), dict[str, int]()
    for entry in entries:
        if entry["part"]["method"] == "sweep" and not entry["part"]["control"]:
            done[entry["part"]["subject"]] += entry["outcome"]["cases"]
            known[entry["part"]["subject"]] = entry["outcome"]["notes"]["cases in all"]
    if not known:
        return []
    whole = sorted(name for name in known if done[name] >= known[name])
    part = [f"{name} {done[name]:,} of {known[name]:,}" for name in sorted(known) if name not in whole]
    lines = [f"Swept, every fault of every point: {', '.join(whole) or 'none'}."]
    return ["", *lines, *([f"Swept in part, a seeded sample: {', '.join(part)}."] if part else [])]


def _longest(entries: Iterable[dict[str, Any]]) -> list[str]:
    """Return a line that says how long the slowest agent took to end after a signal, where that was noted."""
    seen = [
        e["outcome"]["notes"].get(LONGEST, 0) for e in entries if e["part"]["method"] == "signals" and not e["part"]["control"]
    ]
    noted = list(filter(None, seen))
    if not noted:
        return []
    runs = f"{len(noted)} of {len(seen)} parts"
    return [
        "",
        f"The longest that an agent took to end after a signal: {max(noted) / 1000:.2f} s (noted in {runs}; promised: 2 s).",
    ]


def _rows(entries: Iterable[dict[str, Any]]) -> list[tuple[tuple[str, str, str], dict[str, Any]]]:
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for entry in entries:
        part, outcome = entry["part"], entry["outcome"]
        if outcome["skipped"]:
            continue
        whole = part["method"] in _OPERATIONS and not part["control"]
        subject = "operations" if whole else part["subject"]
        key = (part["method"], subject, outcome["where"])
        row = rows.setdefault(key, {"cases": 0, "acknowledged": 0, "failed": 0, "all": [], "tried": set()})
        row["tried"].add(part["subject"])
        for name in ("cases", "acknowledged", "failed"):
            row[name] += outcome[name]
        row["all"].append(outcome["seed"])
    for (_, subject, _), row in rows.items():
        row["subject"] = f"{len(row['tried'])} operations" if subject == "operations" else subject
        seeds = sorted(row["all"])
        row["seeds"] = str(seeds[0]) if len(seeds) == 1 else f"{len(seeds)} from {seeds[0]} to {seeds[-1]}"
    order = list(_METHODS)
    return sorted(rows.items(), key=lambda item: (order.index(item[0][0]), item[0][1:]))


def _date(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(at))
