"""Restoring: what an agent is given to go on with, within a budget, as it would have been at any position."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Literal, NamedTuple

from segue.core.context.anchoring import anchored
from segue.core.context.condense import Unit
from segue.core.context.known import Fact, known_of
from segue.core.context.lanes import restore as pack
from segue.core.context.pack import LEVELS, Context, Counter, Entry
from segue.core.errors import UsageError
from segue.core.log.events import Damage
from segue.core.session.state import State
from segue.engine.context.offering import Offered
from segue.engine.context.outlining import read, retrieved
from segue.engine.context.summarising import Summariser, summarised
from segue.engine.loading import load
from segue.ports import Store

_NAMED: Final = 5
"""Missing notes that are named in the context; all are among its items."""
_LEARNED_FROM: Final = 512
"""Of the latest events the usage records tell how far the estimate of tokens is off."""
_SAID: Final = 500
"""Characters of what the user said that stand for a task."""
Level = Literal["minimal", "balanced", "full"]


class Wanted(NamedTuple):
    """What is asked for. `budget` in tokens wins over `level`; None elsewhere means the session's own."""

    at: int | None = None
    budget: int | None = None
    level: Level = "balanced"
    task: str = ""
    model: str | None = None
    changed: str = ""
    """A report of what changed since, a line each."""
    offer: Callable[[State, str], Offered] | None = None
    """What of the library may be given, for a state and a task; None: nothing."""
    find: Callable[[str], Iterable[int]] | None = None
    """Tells which events of the session are about a task, the best first: of a long log they are read, however old they are."""
    fits: Callable[[State, str | None, int], int] | None = None
    """Tells how much of a level's tokens a model's window leaves room for; None: all of it."""
    summarise: Summariser | None = None
    """What writes a summary of what has no room; None: nothing does."""


class Restored(NamedTuple):
    """A restored context, and the state that it was made from."""

    context: Context
    state: State
    damage: tuple[Damage, ...]
    """Places of the log that could not be read: what they held is missing."""

    def to_json(self) -> dict[str, Any]:
        """Return the shape that `segue restore --format json` prints."""
        return {
            "session": self.state.session,
            "name": self.state.header["name"],
            "position": self.state.seq,
            **self.context.to_json(),
            "damage": [d._asdict() for d in self.damage],
        }


def restore(store: Store, session: str, wanted: Wanted, counter: Callable[[str | None], Counter]) -> Restored:
    """Return the context to go on with *session*, never over its budget.

    The same position and wishes give the same text, whatever was appended later. Damaged places are passed over and named.

    Raises:
        NotFoundError: no such session or position.
        UsageError: the budget is not positive, or there is no such level.
    """
    if wanted.budget is not None and wanted.budget < 1:
        raise UsageError(f"a context of {wanted.budget} tokens cannot be made", hint="--budget 5000, or --level minimal")
    if wanted.level not in LEVELS:
        raise UsageError(f"there is no level {wanted.level!r}", hint=f"one of: {', '.join(LEVELS)}")
    state = load(store, session, wanted.at, on_damage=_overlook)
    model = wanted.model or (state.usage["model"] if state.usage else "") or state.header["model"] or None
    most = LEVELS[wanted.level]
    budget = wanted.budget or (wanted.fits(state, wanted.model, most) if wanted.fits is not None else most)
    found = read(store, session, state.seq, budget)
    changed = wanted.changed
    damage = found.damage
    if damage:
        changed = "\n".join(
            filter(None, (changed, f"{len(damage)} places of the log are damaged; what they held is missing here"))
        )
    offered = wanted.offer(state, wanted.task or _talk(state, found.units)) if wanted.offer else Offered()
    gone = [f"note {name} is missing: {why}" for name, why in offered.missing[:_NAMED]]
    known = known_of(state, task=wanted.task, changed="\n".join(filter(None, (changed, *gone))), notes=offered.notes)
    if wanted.task and wanted.find is not None and found.older is not None:
        found = found._replace(units=[*retrieved(store, session, found.older, wanted.find(wanted.task)), *found.units])
    counts = anchored(counter(model), found.events[-_LEARNED_FROM:])
    context = pack(found.units, known, budget, counts, found.older)
    missing: list[Entry] = []
    if wanted.summarise is not None:
        summary = summarised(wanted.summarise, found.units, context)
        if summary.text:
            known = known._replace(facts=(*known.facts, Fact("summary", summary.text)))
            context = pack(found.units, known, budget, counts, found.older)
        missing += [Entry(0, "summary", "missing", summary.failure)] if summary.failure else []
    missing += [Entry(d.seq or 0, d.where, "missing", d.reason) for d in damage]
    missing += [Entry(0, f"note {name}", "missing", reason) for name, reason in offered.missing]
    return Restored(context._replace(items=(*context.items, *missing)), state, damage)


def _talk(state: State, units: Sequence[Unit]) -> str:
    """Return what stands for the task of a session that has none, as an imported one: what the user said last, and first."""
    if state.header["task"] or state.work["task"]:
        return ""
    said = [unit.text for unit in units if unit.kind == "instruction"]
    return " ".join(text[:_SAID] for text in dict.fromkeys([*said[-1:], *said[:1]]))


def _overlook(_damage: Damage) -> None:
    """What was damaged is told of by what is read for the context."""
