"""How a run ends: its session is interrupted, or the run is noted as over, within the seconds that there are.

What the store cannot take in them is kept in an emergency file (`ports.running.Reserve`).
"""

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from segue.core.errors import SegueError
from segue.core.log.events import Damage, Draft
from segue.core.log.times import stamp
from segue.core.session.interruptions import Interrupt
from segue.engine.loading import Desk, load
from segue.engine.runs.patience import begin, within
from segue.engine.saving import checkpoints
from segue.engine.saving.interrupting import NOTHING, Moment, interrupt, record
from segue.engine.secrecy.redacting import without_secrets
from segue.engine.sessions import Interruption, interruption

if TYPE_CHECKING:
    from segue.ports.running import Reserve

PATIENCE: Final = 10.0
"""Seconds that the store has for an interruption while nothing ends the process."""
_HURRY: Final = 1.0
"""The same, when the process is about to end; then it is kept in an emergency."""
_KEEP: Final = 0.3
"""Seconds for each place that it may be kept in."""


class Ending:
    """The end of one run: it comes once, however often and by however many it is asked for."""

    def __init__(self, desk: Desk, session: str, agent: str, moment: Callable[[str], Moment] | None) -> None:
        self._desk, self._session, self._agent, self._moment = desk, session, agent, moment
        self._lock = threading.RLock()  # a handler of the user's may interrupt the run while this thread does
        self._settled = threading.Event()
        self._saving = False
        self._patience, self._at = PATIENCE, ""
        self.reserve: Reserve | None = None
        """Where it is kept what the store cannot take; None: nowhere."""
        self.key = ""
        """The run's own: what is appended at its end is appended once under it."""
        self.why: Interrupt | None = None
        """Why the run is interrupted, where it is."""
        self.interruption: Interruption | None = None
        """The summary, where the store could take the interruption."""
        self.kept = ""
        """The emergency file that holds what could not be appended."""

    def hurry(self) -> None:
        """The process is about to end: less time is left."""
        self._patience = _HURRY

    def interrupt(self, why: Interrupt) -> None:
        """Interrupt the session, once, within the seconds that there are; return when it is done or cannot be."""
        with self._lock:
            if self.why is None:
                self._at = stamp(self._desk.clock.now())
                self.why = why
            if not self._saving:  # also where a signal kept the first one from coming so far: twice is once, by its keys
                begin(self._carry_out)
                self._saving = True
        self._settled.wait(self._patience + 2 * _KEEP)

    def finish(self) -> None:
        """Note that the run is over, with a checkpoint where there is something new."""
        over = Draft(
            "agent.set",
            {"name": self._agent, "status": "idle", "set": {"process": None}},
            self._agent,
            key=f"{self.key}:over",
            at=stamp(self._desk.clock.now()),
        )

        def finish() -> bool:
            checkpoints.create(
                self._desk,
                self._session,
                trigger="run ended",
                automatic=True,
                key=f"{self.key}:checkpoint",
                then=lambda _: (over,),
            )
            return True

        if not within(PATIENCE, finish):
            self.keep([over])

    def keep(self, drafts: Sequence[Draft]) -> bool:
        """Keep in an emergency file what could not be appended; return whether it is."""
        return self._keep(record(self._desk.store.url, self._session, without_secrets(self._desk.store, drafts)))

    def _carry_out(self) -> None:
        try:
            if not within(self._patience, self._pause):
                self._keep(self._record())
        finally:
            self._settled.set()

    def _pause(self) -> bool:
        if self.why is None:
            return False
        seen = self._seen()
        interrupt(self._desk, self._session, self.why, self.key, at=self._at, moment=lambda _: seen)
        try:
            self.interruption = interruption(load(self._desk.store, self._session, on_damage=_pass))
        except (SegueError, OSError):
            return True  # the summary can be had later: segue status
        return True

    def _seen(self) -> Moment:
        """Return what there is beside the log, where there is time to look."""
        moment, found = self._moment, [NOTHING]
        if moment is None or self._patience <= _HURRY:
            return NOTHING

        def look() -> bool:
            found.append(moment(self._session))
            return True

        within(self._patience / 2, look)
        return found[-1]

    def _record(self) -> bytes:
        why = self.why
        if why is not None:
            (told,) = without_secrets(self._desk.store, [Draft("session.paused", {"note": why.note})])
            why = why._replace(note=told.body["note"])
        return record(self._desk.store.url, self._session, (), why, key=self.key, at=self._at)

    def _keep(self, payload: bytes) -> bool:
        """Keep *payload* in the reserve, else elsewhere; a disk that hangs is left behind."""
        reserve = self.reserve
        if reserve is None:
            return False
        return within(_KEEP, lambda: self._kept(reserve.put(payload))) or within(
            _KEEP, lambda: self._kept(reserve.put_elsewhere(payload))
        )

    def _kept(self, path: str) -> bool:
        self.kept = path
        return True


def _pass(_damage: Damage) -> None:
    """Damage is for `validate`."""
