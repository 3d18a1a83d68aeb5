"""Saving by itself: the worker looks after every session that somebody works in, at the pace that is configured.

A save that fails is recorded and tried again later; the agent never notices. See `core.session.autosave` for what is due.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final, NamedTuple, Protocol

from segue.core.errors import SegueError
from segue.core.log.events import Damage, Event
from segue.core.log.times import seconds, stamp
from segue.core.session.autosave import (
    CHECKPOINT,
    CONTEXT,
    CONVERSATION,
    MIRROR,
    NOTICE,
    PROJECT,
    TURN,
    Failure,
    Intervals,
    due,
    ends_turn,
    is_news,
    may_trigger,
    trigger,
)
from segue.core.session.interruptions import processes
from segue.core.session.state import State
from segue.engine.capture.attending import STREAM, ending, why_ended
from segue.engine.context.outlining import outline_at, place_before
from segue.engine.loading import Desk, load
from segue.engine.saving.interrupting import Moment, interrupt, settle, time_out
from segue.ports import Filters, Index
from segue.ports.autosaves import Autosaves, Record
from segue.ports.running import Processes

LOOK: Final = 10.0
"""Seconds between two looks at which sessions somebody works in."""
SILENCE: Final = 600.0
"""Seconds without an event after which nobody does, for now."""
_TAIL: Final = 2_000
"""So many events before the head are looked at, in a session that is met for the first time."""
_MOST: Final = 100
_END = "end"


class Budgets(Protocol):
    """What looks after budgets: `engine.crossing.Keeper` has it."""

    def keep(self, session: str) -> str:
        """Return the session that goes on. Nothing is done twice."""
        ...

    def take_live(self) -> None:
        """Take in what agents tell while they work."""
        ...


class Means(NamedTuple):
    """What is saved with: handed in by the wiring."""

    desk: Desk
    catalogue: Index
    hosts: Processes
    records: Autosaves
    take: Callable[[str, str], object]
    """Takes an automatic checkpoint: of a session, for a trigger."""
    moment: Callable[[str], Moment]
    """Tells what there is of a session beside its log."""
    see: Callable[[str], object]
    """Notes branch, commit and uncommitted changes of a session's workspace, where they are others than before."""
    mirror: Callable[[], object] | None = None
    """Brings what is new in the logs into the mirror, where there is to be one."""
    budgets: Budgets | None = None
    """Looks after what a session's context and its spending have come to."""


class Stoppable(Protocol):
    """What the thread waits with: `threading.Event` has it."""

    def wait(self, timeout: float) -> bool:
        """Return whether it was set, at the latest after *timeout* seconds."""
        ...


class _Watched:
    """A session that somebody works in, and what was saved of it."""

    def __init__(self, state: State, now: float) -> None:
        places = state.checkpoints.values()
        latest = max((place["seq"] for place in places), default=0)
        taken = max((seconds(place["at"]) for place in places), default=None)
        begun = seconds(state.lifecycle["created"]) if state.lifecycle["created"] else now
        self.session = state.session
        self.seq = max(latest, state.seq - _TAIL)
        self.stamp = ""
        self.outlined = 0
        """Up to where its outline was made."""
        self.fresh = False
        self.trigger = ""
        self.moved = False
        """Something came since its budget was looked after."""
        self.turned = False
        """A turn ended, and the workspace was not looked at since."""
        self.ended: Event | None = None
        """The hook that told that its agent ended, where nothing told since that it began again."""
        self.worked = state.worked_seconds
        self.saved = dict.fromkeys((CONTEXT, CONVERSATION, PROJECT, NOTICE, MIRROR), now)
        self.saved[CHECKPOINT] = taken if taken is not None else begun
        self.failed: dict[str, Failure] = {}
        self.count = 0
        self.notice = ""


class Autosaver:
    """Saves what is due, turn by turn."""

    def __init__(self, means: Means, intervals: Intervals, timeout: float) -> None:
        """Watch nothing yet. *timeout*: seconds of silence after which a session is paused; 0: never."""
        self._means, self._intervals, self._timeout = means, intervals, timeout
        self._watched: dict[str, _Watched] = {}
        self._known: dict[str, tuple[str, State]] = {}
        self._looked = float("-inf")
        self._alive = False

    def run(self, over: Stoppable, poll: float = 1.0) -> None:
        """Take turns until *over* is set."""
        while not over.wait(poll):
            self.turn()
        self._looked = float("-inf")  # what began and ended between two looks
        self.turn()
        self._means.records.write({w.session: _record(w) for w in self._watched.values() if w.failed})

    def is_busy(self) -> bool:
        """Return whether a process of this machine is at work in a session, so that there will be more to save."""
        return self._alive or self._looked == float("-inf")

    def turn(self) -> None:
        """Save what is due now. Nothing that goes wrong leaves it."""
        now = self._means.desk.clock.now()
        if not 0 <= now - self._looked < LOOK:
            self._looked = now
            try:
                self._look(now)
            except (SegueError, OSError):
                return  # the store is not there now: looked at again later
        changed = False
        for watched in list(self._watched.values()):
            changed |= self._save_one(watched, now)
        if changed:
            self._means.records.write({w.session: _record(w) for w in self._watched.values()})

    def _look(self, now: float) -> None:
        """Find the sessions that somebody works in; interrupt those whose agents are gone, or where nothing happens."""
        means = self._means
        if means.budgets is not None:
            means.budgets.take_live()
        rows = means.catalogue.sessions(Filters(status=("active", "recovering", "emergency")), limit=_MOST)
        self._known = {row.id: self._load(row.id) for row in rows}
        states = [state for _, state in self._known.values()]
        gone = [state.session for state in states if self._is_lost(state)]
        self._keep_last(gone)
        settle(means.desk, gone, means.hosts, means.moment)
        if self._timeout:
            old = [s.session for s in states if s.activity and now - seconds(s.activity) >= self._timeout and _is_driven(s)]
            time_out(means.desk, old, self._timeout, means.hosts)
        lately = {s.session: s for s in states if s.activity and now - seconds(s.activity) < SILENCE and s.session not in gone}
        gone_now = means.hosts.is_gone
        self._alive = any(gone_now(process) is False for state in lately.values() for process in processes(state).values())
        for session, state in lately.items():
            if session not in self._watched:
                self._watched[session] = _Watched(state, now)
            self._watched[session].worked = state.worked_seconds
        for session in self._watched.keys() - lately.keys():
            last = self._watched[session]
            self._news(last)
            if last.fresh and not last.failed:
                self._do(last, CHECKPOINT, now, "session end")
            del self._watched[session]

    def _keep_last(self, gone: Iterable[str]) -> None:
        """Look after the budgets of sessions whose agents came and went between two looks."""
        budgets = self._means.budgets
        if budgets is None:
            return
        for session in gone:
            with suppress(SegueError, OSError):
                budgets.keep(session)

    def _load(self, session: str) -> tuple[str, State]:
        store, known = self._means.desk.store, self._known.get(session)
        stamp = store.stamp(session)
        return known if known and known[0] == stamp else (stamp, load(store, session, on_damage=_pass))

    def _is_lost(self, state: State) -> bool:
        noted = processes(state).values()
        return bool(noted) and all(self._means.hosts.is_gone(process) for process in noted)

    def _save_one(self, watched: _Watched, now: float) -> bool:
        """Save what is due of one session; return whether there is something to record."""
        try:
            self._news(watched)
        except (SegueError, OSError):
            return False
        if self._goes_on_elsewhere(watched):
            return False
        if watched.ended is not None:
            self._do(watched, _END, now, "")
            return True
        what = due(self._intervals, watched.saved, watched.failed, worked=watched.worked, fresh=watched.fresh, now=now)
        if PROJECT not in what and self._is_turned(watched, now):
            what = [PROJECT, *what]
        why = "interval"
        since = now - watched.saved[CHECKPOINT]
        if CHECKPOINT not in what and self._may(watched) and may_trigger(watched.trigger, since):
            what, why = [*what, CHECKPOINT], watched.trigger
        if CHECKPOINT in what and MIRROR not in what:
            what = [*what, MIRROR]
        for one in what:
            self._do(watched, one, now, why)
        return bool(set(what) - {CONTEXT, CONVERSATION, MIRROR}) or MIRROR in watched.failed

    def _goes_on_elsewhere(self, watched: _Watched) -> bool:
        """Look after the budget of a session in which something happened, and return whether a successor took over.

        What fails is tried again with what comes next.
        """
        budgets = self._means.budgets
        if budgets is None or not watched.moved:
            return False
        try:
            on = budgets.keep(watched.session)
        except (SegueError, OSError):
            return False
        watched.moved = False
        if on == watched.session:
            return False
        del self._watched[watched.session]  # its last checkpoint was taken
        self._looked = float("-inf")
        return True

    def _is_turned(self, watched: _Watched, now: float) -> bool:
        wanted = watched.turned and bool(self._intervals.project) and PROJECT not in watched.failed
        return wanted and not 0 <= now - watched.saved[PROJECT] < TURN

    def _may(self, watched: _Watched) -> bool:
        return watched.fresh and bool(self._intervals.checkpoint) and CHECKPOINT not in watched.failed

    def _news(self, watched: _Watched) -> None:
        """Look at what came since the last turn."""
        store = self._means.desk.store
        now = store.stamp(watched.session)
        if now == watched.stamp:
            return
        new = list(store.read(watched.session, after=watched.seq, blobs=False, on_damage=_pass))
        watched.stamp = now
        if not new:
            return
        watched.seq, watched.moved = new[-1].seq, True
        watched.ended = ending(new, watched.ended)
        taken = max((event.seq for event in new if event.kind == "checkpoint.created"), default=0)
        if taken:
            watched.fresh, watched.trigger = False, ""
            watched.saved[CHECKPOINT] = max(seconds(event.at) for event in new if event.seq == taken)
        watched.turned |= ends_turn(new)
        rest = [event for event in new if event.seq > taken and is_news(event)]
        watched.fresh |= bool(rest)
        watched.trigger = trigger(rest) or watched.trigger

    def _do(self, watched: _Watched, what: str, now: float, why: str) -> None:
        try:
            self._carry_out(watched, what, why)
        except (SegueError, OSError) as e:
            before = watched.failed.get(what)
            reason = e.message if isinstance(e, SegueError) else str(e)
            watched.failed[what] = Failure(before.times + 1 if before else 1, now, reason)
            return
        watched.failed.pop(what, None)
        watched.saved[what] = now

    def _carry_out(self, watched: _Watched, what: str, why: str) -> None:
        means = self._means
        if what == CONTEXT:
            state = load(means.desk.store, watched.session, on_damage=_pass)
            if (place := place_before(state.seq)) > watched.outlined:  # so that not even its first context reads all of its log
                watched.outlined = place
                outline_at(means.desk.store, watched.session, place, _pass)
        elif what == CONVERSATION:
            means.catalogue.catch_up()
        elif what == _END and watched.ended is not None:
            told = watched.ended
            interrupt(means.desk, watched.session, why_ended(told), f"hook:{told.id}", at=told.at, moment=means.moment)
            watched.ended, watched.fresh = None, False
            self._looked = float("-inf")  # it may have been the last one
        elif what == PROJECT:
            means.see(watched.session)
            watched.turned = False
        elif what == CHECKPOINT:
            means.take(watched.session, why)
            watched.fresh, watched.trigger = False, ""
            watched.count += 1
        elif what == MIRROR and means.mirror is not None:
            means.mirror()
        elif what == NOTICE:
            plural = "checkpoint" if watched.count == 1 else "checkpoints"
            watched.notice = f"{watched.count} automatic {plural} in the hour until {stamp(means.desk.clock.now())[11:16]} UTC"
            watched.count = 0


def _is_driven(state: State) -> bool:
    """Return whether a session is more than what was imported of an agent's past: that is not over because it is silent."""
    return not state.imports or STREAM in state.heads or bool(processes(state))


def _record(watched: _Watched) -> Record:
    failed = {
        what: {"times": failure.times, "at": stamp(failure.at), "reason": failure.reason}
        for what, failure in watched.failed.items()
    }
    return Record({what: stamp(at) for what, at in watched.saved.items()}, failed, watched.notice)


def _pass(_damage: Damage) -> None:
    """Damage is for `validate`."""
