"""Retention: which checkpoints of a session stay, each with the reasons why, and which may be forgotten.

The order is that of the log. What time it is now is not asked, and no age counts: a day counts because a checkpoint was taken
on it, so a clock that is years ahead makes nothing old. Where two neighbours contradict each other (the clock went back to an
earlier day, or forward by more than a month), nobody knows which of the two days is right: all checkpoints of both are kept,
and neither takes the place of another day.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from itertools import groupby, pairwise
from typing import Any, Final, NamedTuple, Protocol

LEAP: Final = 31
"""Days from one checkpoint to the next after which a clock is doubted. A long rest looks the same, and costs nothing."""
SAFE: Final = frozenset({"handoff", "fork", "merge", "milestone"})
"""What a checkpoint was taken for, when others rely on it."""
_WEEK: Final = 7


class Policy(NamedTuple):
    """How many checkpoints stay. What several rules keep stays once: the sets are united."""

    last: int = 5
    """The latest, whatever they are."""
    daily: int = 7
    """The last one of each of so many days on which there is one."""
    weekly: int = 4
    """The last one of each of so many weeks, which begin on Monday."""
    automatic: int = 10
    """Further automatic ones, the latest."""


class Taken(NamedTuple):
    """A checkpoint, as retention looks at it."""

    name: str
    seq: int
    position: int
    at: str
    automatic: bool
    trigger: str = ""
    description: str = ""


class Verdict(NamedTuple):
    """What becomes of a checkpoint: why it is kept; with no reason it may be forgotten."""

    checkpoint: Taken
    kept: tuple[str, ...]

    @property
    def why(self) -> str:
        """The reason, in words."""
        return ", ".join(self.kept) or "no rule keeps it"


class HasPlaces(Protocol):
    """What is asked of a state: `State` has it."""

    checkpoints: Any
    continuations: Any
    lineage: Any


def verdicts(state: HasPlaces, policy: Policy, forked: Collection[int] = ()) -> list[Verdict]:
    """Return what becomes of each checkpoint of a session's own, latest first.

    Kept whatever the policy says: those that a person took, described or named (`CONTINUATION-...`), those that a handoff,
    fork or merge was made at, and the positions in *forked*, at which forks left the session. To decide again after
    forgetting forgets nothing more.
    """
    named = {place["position"] for place in state.continuations.values()}
    return decide(_own(state), policy, {*forked, *named})


def decide(checkpoints: Sequence[Taken], policy: Policy, held: Collection[int] = ()) -> list[Verdict]:
    """Return what becomes of *checkpoints*, latest first. *held* are positions whose checkpoints others rely on."""
    ordered = sorted(checkpoints, key=lambda one: one.seq)
    why: dict[int, list[str]] = {one.seq: [] for one in ordered}
    for one in ordered:
        why[one.seq] += _safe(one, held)
    for one in ordered[len(ordered) - max(policy.last, 0) :]:
        why[one.seq].append(f"last {policy.last}")
    _by_days(ordered, policy, why)
    further = [one for one in ordered if not why[one.seq]]
    for one in further[len(further) - max(policy.automatic, 0) :] if policy.automatic > 0 else ():
        why[one.seq].append(f"one of {policy.automatic} further automatic ones")
    return [Verdict(one, tuple(why[one.seq])) for one in reversed(ordered)]


def _own(state: HasPlaces) -> list[Taken]:
    """Return the checkpoints that stand in the session's own log; those of its parent's past are the parent's."""
    parent: Mapping[str, Any] | None = state.lineage["parent"]
    first = parent["seq"] + 1 if parent else 1
    return [
        Taken(name, p["seq"], p["position"], p["at"], p["automatic"], p["trigger"], p["description"])
        for name, p in state.checkpoints.items()
        if p["seq"] >= first
    ]


def _safe(one: Taken, held: Collection[int]) -> list[str]:
    found = []
    if not one.automatic:
        found.append("named" if one.description else "taken by hand")
    if one.position in held:
        found.append("a fork or a continuation begins there")
    if one.trigger in SAFE:
        found.append(f"taken for a {one.trigger}")
    return found


def _by_days(ordered: Sequence[Taken], policy: Policy, why: Mapping[int, list[str]]) -> None:
    runs = [(day, list(group)) for day, group in groupby(ordered, key=lambda one: _day(one.at))]
    doubtful = {i for i, (day, _) in enumerate(runs) if day is None}
    for i, ((before, _), (after, _)) in enumerate(pairwise(runs)):
        if before is not None and after is not None and not before <= after <= before + LEAP:
            doubtful |= {i, i + 1}
    for i in doubtful:
        for one in runs[i][1]:
            why[one.seq].append("the clock contradicts the log here")
    sure = [(day, group[-1]) for i, (day, group) in enumerate(runs) if i not in doubtful and day is not None]
    unsure = {day for i, (day, _) in enumerate(runs) if i in doubtful and day is not None}
    _last_of_each(sure, unsure, policy.daily, "day", why)
    weeks = [((day - 1) // _WEEK, one) for day, one in sure]
    _last_of_each(weeks, {(day - 1) // _WEEK for day in unsure}, policy.weekly, "week", why)


def _last_of_each(
    taken: Sequence[tuple[int, Taken]], unsure: Collection[int], most: int, unit: str, why: Mapping[int, list[str]]
) -> None:
    """Give the last one of each of the latest *most* units its reason; a unit that is not sure is none of so many."""
    lasts = dict(taken)  # later ones take the place of earlier ones
    counted = sorted((one for n, one in lasts.items() if n not in unsure), key=lambda one: one.seq)
    latest = counted[max(len(counted) - most, 0) :] if most > 0 else []
    extra = [one for n, one in lasts.items() if n in unsure] if most > 0 else []
    for one in [*latest, *extra]:
        why[one.seq].append(f"last of its {unit}")


def _day(at: str) -> int | None:
    """Return the number of a time's UTC day; UTC has no summer time. None for what is no time."""
    try:
        return date.fromisoformat(at[:10]).toordinal()
    except ValueError:
        return None
