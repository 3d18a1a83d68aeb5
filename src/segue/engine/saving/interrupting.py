"""Sessions that stop before their work is done: each gets a checkpoint, a reason and a summary, once.

What could not be appended when it happened was kept in an emergency file (`ports.running.Reserve`); it is taken in here.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

from segue.core.errors import GoneError, IllegalTransitionError, InvalidEventError, NotFoundError, SegueError, UsageError
from segue.core.log.events import ABSENT, Damage, Draft, Event
from segue.core.log.times import seconds, stamp
from segue.core.session.interruptions import Interrupt, inactive, lost, outdated, pause, processes
from segue.core.session.lifecycle import allowed
from segue.core.session.state import State
from segue.engine.capture.attending import ending, why_ended
from segue.engine.capture.lines import draft_of
from segue.engine.loading import Timed, load
from segue.engine.saving import checkpoints
from segue.engine.sessions import Interruption, append, interruption, step
from segue.ports import Store
from segue.ports.running import Emergencies, Kept, Processes

_FORMAT = 1
_LATE: Final = 300.0
"""Seconds after which what is in a workspace counts no longer as what a lost session left there."""
_LATELY: Final = 100
"""So many events before the head are looked at for the word of an agent: little follows its last one."""


class Moment(NamedTuple):
    """What there is beside the log when a checkpoint is taken."""

    facts: Mapping[str, Any]
    """What the checkpoint keeps of it: `git`, `workspace`."""
    changes: Mapping[str, Any] | None
    """The uncommitted changes of the workspace."""


NOTHING: Final = Moment({}, None)


class _StoppedError(Exception):
    """The session stopped already."""


def interrupt(
    desk: Timed,
    session: str,
    why: Interrupt,
    key: str,
    *,
    at: str | None = None,
    moment: Callable[[str], Moment] = lambda _: NOTHING,
) -> Interruption | None:
    """Take an automatic checkpoint of *session* and pause it, in one append; return the summary.

    None where it stopped already: an interruption is carried out once, however often and by however many it is noticed.

    Args:
        desk: where.
        session: its id.
        why: the reason.
        key: of the interruption; the same one is carried out once.
        at: when it happened, in UTC; now by default.
        moment: tells what there is beside the log; is asked only where the session has not stopped yet.
    """
    when = at or stamp(desk.clock.now())
    before = load(desk.store, session, on_damage=_pass)
    if "pause" not in allowed(before) or outdated(before, when):
        return None
    facts, changes = moment(session)

    def then(state: State) -> Sequence[Draft]:
        if "pause" not in allowed(state) or outdated(state, when):
            raise _StoppedError
        return pause(state, why, key, when)

    try:
        checkpoints.create(
            desk,
            session,
            description=why.note,
            trigger=f"pause: {why.reason}",
            automatic=True,
            facts=facts,
            changes=changes,
            key=f"{key}:checkpoint",
            at=when,
            then=then,
        )
    except _StoppedError:
        return None
    return interruption(load(desk.store, session, on_damage=_pass))


def stop(
    desk: Timed, session: str, reason: str = "user", note: str = "", *, moment: Callable[[str], Moment] = lambda _: NOTHING
) -> tuple[Interruption, checkpoints.Made]:
    """Take a checkpoint of *session* and pause it as its user asked, in one append; return the summary and the checkpoint.

    Raises:
        IllegalTransitionError: its state does not allow it; nothing was written, and *moment* was not asked.
    """
    step(load(desk.store, session, on_damage=_pass), "pause", reason=reason, note=note)
    facts, changes = moment(session)
    made = checkpoints.create(
        desk,
        session,
        description=note,
        trigger=f"pause: {reason}",
        facts=facts,
        changes=changes,
        then=lambda state: step(state, "pause", reason=reason, note=note),
    )
    return interruption(load(desk.store, session, on_damage=_pass)), made


# --- agents that went without a word


def find_lost(store: Store, sessions: Iterable[str], hosts: Processes) -> dict[str, tuple[State, Interrupt]]:
    """Return those of *sessions* that are noted as running while all their processes are gone, and why they stopped."""
    here = hosts.me()
    found = {}
    for session in sessions:
        try:
            state = load(store, session, on_damage=_pass)
        except SegueError:
            continue
        noted = processes(state)
        if noted and all(hosts.is_gone(process) for process in noted.values()):
            found[session] = (state, lost(next(iter(noted.values())), here))
    return found


def settle(
    desk: Timed, sessions: Iterable[str], hosts: Processes, moment: Callable[[str], Moment] = lambda _: NOTHING
) -> list[Interruption]:
    """Interrupt those of *sessions* whose agents ended without a word, as of their last event; return their summaries.

    An agent whose hook told of its end went with one, though nobody carried that out yet: then its reason is the hook's.
    """
    found = []
    for session, (state, silent) in find_lost(desk.store, sessions, hosts).items():
        told = _told(desk.store, state)
        at = told.at if told else state.activity or state.at
        why, key = (why_ended(told), f"hook:{told.id}") if told else (silent, _key(state))
        done = interrupt(desk, session, why, key, at=at, moment=_of_now(moment, desk.clock.now() - seconds(at)))
        if done is not None:
            found.append(done)
    return found


def _told(store: Store, state: State) -> Event | None:
    """Return the hook that told of the end of a session's agent, where that is among the latest events."""
    latest = store.read(state.session, after=max(state.seq - _LATELY, 0), blobs=False, on_damage=_pass)
    return ending(latest, None)


def _of_now(moment: Callable[[str], Moment], late: float) -> Callable[[str], Moment]:
    """Return what tells the moment; of one noticed *late* (seconds) without the uncommitted changes.

    What is uncommitted by then may be somebody else's doing: the last look that the log has is nearer to what the session left.
    """
    if late <= _LATE:
        return moment
    return lambda session: moment(session)._replace(changes=None)


def time_out(desk: Timed, sessions: Iterable[str], after: float, hosts: Processes) -> list[Interruption]:
    """Interrupt those of *sessions* in which nothing happened for *after* seconds, and no process is known to be at work."""
    found = []
    for session in sessions:
        try:
            state = load(desk.store, session, on_damage=_pass)
        except SegueError:
            continue
        why = inactive(state, desk.clock.now(), after)
        if why is None or any(hosts.is_gone(process) is False for process in processes(state).values()):
            continue
        done = interrupt(desk, session, why, _key(state), at=state.activity)
        if done is not None:
            found.append(done)
    return found


def _key(state: State) -> str:
    """Return the key of an interruption that is noticed from outside: one for each time that the session was taken up."""
    return f"interrupted:{state.lifecycle['entered'].get('active', 0)}:{state.seq}"


# --- what was kept in an emergency


class Rescued(NamedTuple):
    """What was taken in of emergency files."""

    files: int
    events: int
    """New ones: what was in the log already adds nothing."""
    interruptions: int
    waiting: int
    """Files that could not be taken in now: their store is another one, it has no room yet, or their key is not at hand."""
    broken: int
    """Bytes that are no whole record; their files are set aside as `*.broken`."""


def record(
    url: str, session: str, drafts: Sequence[Draft], why: Interrupt | None = None, *, key: str = "", at: str = ""
) -> bytes:
    """Return what is kept in an emergency of *drafts* that could not be appended, or of an interruption."""
    document = {
        "segue_emergency": _FORMAT,
        "store": url,
        "session": session,
        "at": at,
        "events": [_line(draft) for draft in drafts],
        "interrupt": {"reason": why.reason, "note": why.note, "key": key} if why else None,
    }
    return json.dumps(document, separators=(",", ":")).encode("utf-8", "backslashreplace")


def rescue(desk: Timed, emergencies: Emergencies) -> Rescued:
    """Take in what was kept of the events of this store, each once, and remove the files of which all is in the log."""
    files = events = interruptions = waiting = broken = 0
    for kept in emergencies.take():
        if kept.locked:
            kept.leave()
            waiting += 1
            continue
        try:
            new, paused = _rescue_file(desk, kept)
        except (SegueError, OSError):
            kept.leave()
            waiting += 1
            continue
        kept.done()
        files += 1
        events, interruptions, broken = events + new, interruptions + paused, broken + kept.broken
    return Rescued(files, events, interruptions, waiting, broken)


def _rescue_file(desk: Timed, kept: Kept) -> tuple[int, int]:
    """Return how many events and interruptions were new. Raises SegueError where some cannot be appended now."""
    events = interruptions = 0
    for document in map(_document, kept.payloads):
        if document["store"] != desk.store.url:
            raise NotFoundError("store", document["store"])
        with suppress(GoneError):  # deleted since: what its run still had to say goes with it
            for line in document["events"]:
                events += _append(desk.store, document["session"], line)
            interruptions += _rescue_interrupt(desk, document)
    return events, interruptions


def _rescue_interrupt(desk: Timed, document: Mapping[str, Any]) -> bool:
    """Note the interruption that a record tells of; return whether it is new."""
    told = document["interrupt"]
    if not told:
        return False
    why = Interrupt(str(told["reason"]), str(told.get("note", "")))
    return interrupt(desk, document["session"], why, str(told["key"]), at=document["at"]) is not None


def _document(payload: bytes) -> dict[str, Any]:
    """Return a kept record. Raises UsageError: it is none, or one of a newer program."""
    try:
        found = json.loads(payload)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or found.get("segue_emergency") != _FORMAT or not isinstance(found.get("events"), list):
        raise UsageError("emergency record cannot be taken in: it is none that this program knows")
    return found


def _append(store: Store, session: str, line: dict[str, Any]) -> int:
    scopes = line.pop("scopes", None)
    draft = draft_of(json.dumps(line).encode())._replace(scopes=scopes)
    try:
        return sum(entry.new for entry in append(store, session, [draft]).entries)
    except (InvalidEventError, IllegalTransitionError) as e:  # it could never have been appended: told, not kept for ever
        key = f"{draft.key}:refused"
        loss = Draft("loss", {"where": "emergency file", "reason": f"{draft.kind}: {e.message}"}, key=key)
        return sum(entry.new for entry in store.append(session, [loss]).entries)


def _line(draft: Draft) -> dict[str, Any]:
    """Return a draft in the form of `segue append`, which is what `draft_of` reads."""
    found = {name: value for name, value in draft._asdict().items() if value not in (None, "")}
    if draft.parent is None:
        found["parent"] = None
    elif draft.parent == ABSENT:
        found.pop("parent", None)
    return found


def _pass(_damage: Damage) -> None:
    """Damage is for `validate`."""
