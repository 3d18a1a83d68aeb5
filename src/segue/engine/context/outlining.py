"""Reading a log with the budget and not with its length: the newest part as it is, and the outline of what is before that.

Where the newest part begins depends on the log, the position and the budget alone, never on what is cached. The outline is kept
as snapshots, at positions that are multiples of STEP; without them, or where the conversation took a turn that an outline
cannot follow, the log is read from an earlier one, or from its beginning: the outcome is the same, only later.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from segue.core.context.condense import Unit, units
from segue.core.context.items import from_events, items_of
from segue.core.context.outline import SCHEMA, Outline, Turned, outlined
from segue.core.errors import DamagedError
from segue.core.log.events import MAIN, Damage, Event
from segue.ports import OnDamage, Snapshot, Store

STEP: Final = 256
"""Events between places where a newest part may begin."""
_CHARACTERS: Final = 24
"""Of the newest part, for each token of the budget: four to eight times what goes into the context."""
_LEAST_CHARACTERS: Final = 800_000
_LEAST_MESSAGES: Final = 2_048
_EVENTS_PER_MESSAGE: Final = 8
"""Events of other streams that are passed over for each message of the main one, at most."""
_RETRIEVED: Final = 16
"""Events of the older part that are read because they are about the task, at most."""
_BESIDE: Final = 3
"""Events beside each of them in which a call and its answer are looked for."""
_KEPT_EVERY: Final = 4
"""An outline that is made on the way is kept at every so manyth place."""


class Reading(NamedTuple):
    """What was read of a conversation: its newest part, and the outline of what is before it."""

    units: list[Unit]
    older: Outline | None
    """None: all of it was read."""
    events: list[Event]
    """Those that were read."""
    damage: tuple[Damage, ...]


def read(store: Store, session: str, at: int, budget: int) -> Reading:
    """Return what a context of *budget* tokens is made of, as it was at position *at*."""
    damage: list[Damage] = []
    base, events = _newest(store, session, at, budget, damage.append)
    if not base:
        return Reading(units(from_events(events)), None, events, tuple(damage))
    older = outline_at(store, session, base, damage.append)
    if not older.goes_on_in(events):
        damage.clear()
        events = list(store.read(session, upto=at, on_damage=damage.append))
        older = outlined(events, base)
    found = [unit for unit in units(from_events(events)) if max(unit.seq, unit.answer) > base]
    return Reading(found, older, events, tuple(dict.fromkeys(damage)))


def retrieved(store: Store, session: str, older: Outline, seqs: Iterable[int]) -> list[Unit]:
    """Return the things said and done at or beside the events *seqs* of the older part, calls with their answers, in order.

    What the user said is in the outline already, and what is not of the line, or cannot be read, is left out.
    """
    found: dict[int, Event] = {}
    wanted = {seq for seq in list(seqs)[:_RETRIEVED] if older.is_of_the_line(seq)}
    for seq in sorted(wanted):
        if seq + _BESIDE not in found:
            upto = min(seq + _BESIDE, older.seq)
            found |= {e.seq: e for e in store.read(session, after=max(seq - _BESIDE - 1, 0), upto=upto, on_damage=_overlook)}
    events = [e for _, e in sorted(found.items()) if e.stream == MAIN and older.is_of_the_line(e.seq)]
    near = {seq + step for seq in wanted for step in (-1, 0, 1)}
    return [
        unit
        for unit in units([item for event in events for item in items_of(event)])
        if (unit.kind == "prose" or (unit.kind == "exchange" and unit.answer > unit.seq)) and {unit.seq, unit.answer} & near
    ]


def place_before(seq: int) -> int:
    """Return the last place before event *seq* at which an outline is kept that contexts of any budget begin from."""
    return seq // (STEP * _KEPT_EVERY) * (STEP * _KEPT_EVERY)


def outline_at(store: Store, session: str, seq: int, on_damage: OnDamage) -> Outline:
    """Return the outline of the first *seq* events, and keep it for the next time."""
    outline = _kept(store, session, seq)
    if outline.seq == seq:
        return outline
    damaged: list[Damage] = []

    def hear(damage: Damage) -> None:
        damaged.append(damage)
        on_damage(damage)

    for event in store.read(session, after=outline.seq, upto=seq, on_damage=hear):
        try:
            outline.take(event)
        except Turned:
            outline = outlined(store.read(session, upto=seq, on_damage=hear))
            break
        if event.seq % (STEP * _KEPT_EVERY) == 0 and event.seq < seq and not damaged:
            _keep(store, session, outline)
    if not damaged:
        _keep(store, session, outline)
    return outline


def _newest(store: Store, session: str, at: int, budget: int, on_damage: OnDamage) -> tuple[int, list[Event]]:
    """Return the position, a multiple of STEP, behind which the newest part begins, and its events.

    It is so large that a context of *budget* tokens can be chosen from it; where little is before it, it is all.
    """
    characters = max(_LEAST_CHARACTERS, budget * _CHARACTERS)
    messages = max(_LEAST_MESSAGES, budget // 8)
    most = messages * _EVENTS_PER_MESSAGE
    chunks: list[list[Event]] = []
    base = at
    while base > 0 and (base <= STEP or (characters > 0 and messages > 0 and most > 0)):
        after = (base - 1) // STEP * STEP
        chunks.append(list(store.read(session, after=after, upto=base, on_damage=on_damage)))
        said = [event for event in chunks[-1] if event.stream == MAIN and event.kind in {"message", "compaction"}]
        characters -= sum(_size(event.body) for event in said)
        messages -= len(said)
        most -= base - after
        base = after
    return base, [event for chunk in reversed(chunks) for event in chunk]


def _size(value: object) -> int:
    """Return the characters of all texts in a JSON value."""
    size, waiting = 0, [value]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, str):
            size += len(inner)
        elif isinstance(inner, dict):
            waiting += inner.values()
        elif isinstance(inner, list):
            waiting += inner
    return size


def _kept(store: Store, session: str, seq: int) -> Outline:
    found = store.snapshot(session, SCHEMA, seq)
    if found is None:
        return Outline()
    try:
        outline = Outline.from_bytes(found.data)
    except DamagedError:
        return Outline()
    return outline if outline.seq == found.seq else Outline()


def _keep(store: Store, session: str, outline: Outline) -> None:
    store.put_snapshot(session, Snapshot(outline.seq, outline.digest, SCHEMA, outline.to_bytes()))


def _overlook(_damage: Damage) -> None:
    """What is damaged there is told of where the whole log is looked at."""
