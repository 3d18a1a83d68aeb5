"""Turns what was measured into docs/performance.md: tables, circumstances, and plainly which goals are met."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.goals import Goal, goals
from benchmarks.sections import SECTIONS, table

Found = Mapping[str, Any]


def write(found: Mapping[str, Found], before: str, *, long: bool) -> str:
    """Return the page. What was not measured is as it was *before*, on an older page; or else it says so."""
    kept = _sections(before)
    decided = {row.split("|")[1].strip(): row for row in kept.get("Goals", "").splitlines() if row.count("|") > 3}
    parts = [
        "# Performance",
        "",
        "Written by `make bench` (`benchmarks/run.py`); not edited by hand. Contenders take turns within each round, in shuffled",
        "order; a ratio is to the raw floor (the same encoded bytes, one write and one fdatasync) of the same round, and the",
        "median of all rounds is shown. Syncs and bytes do not depend on how busy the machine is; CPU does by up to a half, and",
        "times do altogether: where other programs used more than a sixth of the processors, they are times of waiting, and a",
        "goal that goes by them stays open. What can be counted exactly is held by tests/gates.",
        "",
        "## Goals",
        "",
        *table(["goal", "measured", ""], [_decided(goal, found) for goal in goals(found)]),
        "",
    ]
    parts = [decided.get(part.split("|")[1].strip(), part) if "| not measured |" in part else part for part in parts]
    if "appends" not in found and _COMPARED in kept:
        parts += [f"## {_COMPARED}", "", kept[_COMPARED], ""]
    parts += _compared(found)
    for name, title, section in SECTIONS:
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


def _decided(goal: Goal, found: Mapping[str, Found]) -> Sequence[str]:
    """Return a goal's row. One that goes by the clock of a section is not decided on a machine that was busy then."""
    if goal.value is None:
        return goal.text, "not measured", ""
    measured = goal.shown.format(goal.value)
    if goal.clock and (load := _load(found[goal.clock]["at"])):
        return goal.text, measured, f"not decided: {load}"
    met = (goal.least is None or goal.value >= goal.least) and (goal.most is None or goal.value <= goal.most)
    return goal.text, measured, "met" if met else "**not met**"


_QUIET = 16
"""Percent of the processors that others may use while times are taken."""


def _load(at: Mapping[str, str]) -> str:
    """Return what others used of the processors where it was much: then times are those of waiting."""
    share = at["others"].split()[0]
    return f"others used {at['others']} of the processors" if share == "unknown" or int(share) > _QUIET else ""


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
    yield from table(["one event a commit: how many times as much", "time", "CPU", "syncs", "bytes"], rows)
    yield ""


def _circumstances(at: Mapping[str, str]) -> str:
    return "; ".join(f"{name} {value}" for name, value in at.items()) + "."
