"""Taking checkpoints out of a thread: what is left stays whole.

One event tells of it: which checkpoints are gone, and, of what is left, all that it had of theirs: values (described anew), and
for channels that store their changes only, the history that they are rebuilt from. From then on nothing relies on what is gone,
and its contents can be erased.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from segue.integrations.langgraph._describing import redescribe
from segue.integrations.langgraph._fold import CHECKPOINT, DROPPED, Stored, Value, dropped
from segue.integrations.langgraph._putting import reserved
from segue.integrations.langgraph._thread import Thread
from segue.integrations.langgraph._values import Codec, Element, Packed, is_list

Choose = Callable[[Thread, Codec], dict[str, Any]]
"""What is to go, as a drop's event says it: `before` and `checkpoints`, by namespace."""


def older(thread: Thread, _: Codec) -> dict[str, Any]:
    """Choose all but the newest checkpoint of each namespace."""
    newest: dict[str, str] = {}
    for ns, checkpoint in thread.checkpoints:
        newest[ns] = max(checkpoint, newest.get(ns, ""))
    return {"before": newest}


def of_runs(runs: Collection[str]) -> Choose:
    """Choose the checkpoints of runs."""

    def choose(thread: Thread, codec: Codec) -> dict[str, Any]:
        found: dict[str, list[str]] = {}
        for (ns, checkpoint), stored in thread.checkpoints.items():
            if codec.load(stored.metadata).get("run_id") in runs:
                found.setdefault(ns, []).append(checkpoint)
        return {"checkpoints": found}

    return choose


def decide(thread: Thread, choose: Choose, codec: Codec, *, shared: int, said: bool) -> tuple[dict[str, Any] | None, set[int]]:
    """Return what `plan` makes of what is chosen, and, if *said*, the messages that came with that."""
    chosen = choose(thread, codec)
    return plan(thread, chosen, codec, shared=shared), said_in(thread, chosen) if said else set()


def plan(thread: Thread, chosen: dict[str, Any], codec: Codec, *, shared: int) -> dict[str, Any] | None:
    """Return the body of the event that drops what was *chosen*, or None where that is nothing.

    *shared* is the last event that is its source's as well, where the thread is a copy: it stays, whatever goes, so what was
    dropped of it before is dropped again: earlier drops need not be kept.
    """
    gone = dropped(chosen, {*thread.checkpoints, *thread.writes})
    if not gone:
        return None
    kept = [stored for place, stored in thread.checkpoints.items() if place not in gone]
    histories = [
        [stored.ns, stored.id, found]
        for stored in kept
        if stored.parent and (stored.ns, stored.parent) in gone and (found := _history(thread, stored, codec))
    ]
    named = {ns: [*ids] for ns, ids in chosen.get("checkpoints", {}).items()}
    for ns, checkpoint in sorted(thread.hidden) if shared else ():
        named.setdefault(ns, []).append(checkpoint)
    return {**chosen, "checkpoints": named, "values": _moved(thread, kept, shared), "histories": histories}


def dead(thread: Thread, *, first: int, said: Collection[int]) -> tuple[set[int], set[int]]:
    """Return the events that nothing needs: those with contents, and earlier drops, to be erased after these.

    Args:
        thread: as it is after a drop.
        first: the thread's own first event.
        said: messages that may go, where no checkpoint has them.
    """
    kept = thread.kept()
    last = max((seq for seq, kind in thread.events.items() if kind == DROPPED), default=0)
    own = {seq: kind for seq, kind in thread.events.items() if first <= seq < last and seq not in kept}
    contents = {seq for seq, kind in own.items() if kind != DROPPED and (kind != "message" or seq in said)}
    return contents, {seq for seq, kind in own.items() if kind == DROPPED}


def said_in(thread: Thread, chosen: Mapping[str, Any]) -> set[int]:
    """Return the messages that came with the checkpoints that were *chosen*."""
    places = dropped(chosen, thread.checkpoints)
    seqs = {thread.checkpoints[place].seq for place in places}
    return thread.messages(value for value in thread.specs if value[0] in seqs)


# --- what is left is made whole


def _moved(thread: Thread, kept: Collection[Stored], shared: int) -> list[list[Any]]:
    """Return the values of *kept* that rely on events which will not stay, described anew: event, channel, description."""
    stays = {stored.seq for stored in kept}
    roots = {(seq, channel) for stored in kept for channel, seq in stored.values.items() if (seq, channel) in thread.specs}
    whole: dict[Value, bool] = {}
    found = []
    for value in sorted(roots):
        fresh: list[Value] = []
        link: Value | None = value
        while link is not None and link not in whole:
            fresh.append(link)
            link = _earlier(thread, link)
        for one in reversed(fresh):
            holder, base = thread.holder(one), _earlier(thread, one)
            held = holder in stays or holder <= shared or thread.events.get(holder) != CHECKPOINT
            whole[one] = held and (whole[base] if base else thread.specs[one].get("of") is None)
        if not whole[value]:
            base = _earlier(thread, value)
            while base is not None and base not in roots and not whole[base]:
                base = _earlier(thread, base)
            found.append([*value, _anew(thread, value, base)])
    return found


def _earlier(thread: Thread, value: Value) -> Value | None:
    """Return the value that one is described by, if it is there."""
    of = thread.specs[value].get("of")
    return (of, value[1]) if of is not None and (of, value[1]) in thread.specs else None


def _anew(thread: Thread, value: Value, base: Value | None) -> Packed:
    spec = thread.specs[value]
    if not is_list(spec):
        return spec
    known: list[Element] = [] if base is None else thread.elements(*base)
    anew = redescribe(thread.elements(*value), known, base and base[0])
    return {**anew, "as": spec["as"]} if "as" in spec else anew


# --- channels that store their changes only


class History:
    """What one channel is rebuilt from: its writes, oldest first, and the value before them."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.writes: list[tuple[str, Packed]] = []
        self.seed: Value | Packed | None = None
        """The value that an event stored, or one that is described without any other."""


def history(thread: Thread, at: Stored, channels: Collection[str]) -> dict[str, History]:
    """Return what *channels* are rebuilt from at a checkpoint: along its parents, each back to where it has a value."""
    found = {channel: History() for channel in channels}
    left, seen, here = {*channels}, {at.place}, at
    while left:
        if past := thread.histories.get(here.place):
            for channel in left & past[1].keys():
                found[channel].writes += [(task, value) for task, value in reversed(past[1][channel]["writes"])]
                found[channel].seed = past[1][channel].get("seed")
            break
        parent = thread.checkpoints.get((here.ns, here.parent)) if here.parent else None
        if parent is None or parent.place in seen:
            break
        seen.add(parent.place)
        for write in reversed(thread.pending(parent.place)):
            if write.channel in left:
                found[write.channel].writes.append((write.task, write.value))
        for channel in left & parent.values.keys():
            found[channel].seed = parent.values[channel], channel
        left -= parent.values.keys()
        here = parent
    for one in found.values():
        one.writes.reverse()
    return found


def _history(thread: Thread, stored: Stored, codec: Codec) -> dict[str, Any]:
    versions = codec.load(stored.state).get("channel_versions", {})
    channels = [channel for channel in versions if channel not in stored.values and not reserved(channel)]
    found: dict[str, Any] = {}
    for channel, one in history(thread, stored, channels).items():
        if one.writes or one.seed is not None:
            found[channel] = {"writes": [[task, value] for task, value in one.writes]}
        if one.seed is not None:
            found[channel]["seed"] = _anew(thread, one.seed, None) if isinstance(one.seed, tuple) else one.seed
    return found
