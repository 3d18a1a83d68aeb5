"""Two at once: an operation is held at one of its calls, another process does something else from beginning to end, and it goes on.

The calls are those that change something, and each look at a file or directory: what was listed may be gone, sealed or
another one when it is opened. Nothing fails here, so both have to end well, and what both did has to be there.
"""

import contextlib
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Final

from segue.core.log.events import Draft
from tests.faults import keyed
from tests.faults.harness import Outcome, replay_line
from tests.faults.operations import Operation, command, deletes, lines, message, seals, unsealed
from tests.faults.oracle import Violation
from tests.faults.points import HOLD
from tests.faults.trials import Trial, begin, spawn, tell
from tests.faults.world import Call, Said, World

NAME = "meanwhile"
_PATIENCE: Final = 1.5
"""Seconds that the other one gets while the first is held; then it is taken to wait for it, and both go on."""
_LOOK: Final = 0.002
_NOT_THERE: Final = (4, 5)
_SHARE: Final = 6
"""So many cases at least are tried with one other, where there are so many."""


def _appends(call: Call) -> None:
    """Append so much that segments are closed, to all sessions."""
    from segue.stores.log import ending

    ending.SEGMENT_BYTES = 4_096
    app = call.app()
    for session in app.store.sessions():
        for number in range(3):
            app.store.append(session, [Draft("fault.text", {"text": f"meanwhile {number} " + "y" * 1_500})])
    app.close()


OTHERS: Final[Sequence[Operation]] = (
    Operation("seal", seals),
    Operation("append", _appends),
    Operation("checkpoint", command("checkpoint", "create", "-m", "meanwhile"), excused=("checkpoint.created",)),
    Operation("index", command("list")),
    Operation("delete", deletes, takes_away="sell plums"),
    Operation("erase", keyed.erases, keyed.furnished, takes_away="sell plums", holds=keyed.erased),
    Operation("say", command("append", "current", "--stdin", stdin=lines([message("words of another")]))),
)


def run(operation: Operation, cases: int, seed: int, base: Path | None = None) -> Outcome:
    """Try so many calls of one operation, with one of the others at each in turn."""
    return spawn(__name__, operation, cases, seed, base)


class Pair:
    """One operation and another, in a world that suits both."""

    def __init__(self, operation: Operation, other: Operation) -> None:
        """Do each of them alone once, and count the calls of the first."""

        def prepare(world: World) -> None:
            unsealed(world)
            other.prepare(world)
            operation.prepare(world)

        both = replace(operation, prepare=prepare)
        if other.takes_away:  # where the session goes that it works on, it says so, and what it wrote may be gone
            fine = (*operation.fine, *_NOT_THERE)
            both = replace(both, takes_away=other.takes_away, fine=fine, acked=lambda _: ())
        self.trial, self.other = Trial(both, reads=True), other
        self._alone()

    def _alone(self) -> None:
        """Learn what the other one leaves, alone, before the first and behind it: it may be there as well, or be gone."""
        trial = self.trial
        trial.world.bring_back(trial.known.begins)
        self._other()
        trial.world.tidy()
        trial.known.shapes.update(trial.world.shapes())
        self.facts = trial.world.look().facts - trial.known.before.facts
        trial.world.call(trial.operation.work, trial.phase)
        before = trial.world.look().facts
        trial.known.shapes.update(trial.world.shapes())
        trial.world.bring_back(trial.known.begins)
        trial.world.call(trial.operation.work, trial.phase)
        self._other()
        trial.known.shapes.update(trial.world.shapes())
        trial.known = replace(trial.known, facts=trial.known.facts & before & trial.world.look().facts)

    def _other(self) -> None:
        said = self.trial.world.call(self.other.work, _OTHER)
        if said.code not in self.other.ends:
            raise RuntimeError(f"{self.other.name} alone: {said}")

    def tried(self, at: int) -> tuple[list[Violation], str]:
        """Return what does not hold after the first was held at call number *at*."""
        trial = self.trial
        trial.world.bring_back(trial.known.begins)
        trial.points.arm(at, HOLD, reads=True)
        first = trial.world.started(trial.operation.work, trial.phase)
        _until(lambda: trial.points.fired is not None or _is_over(first), 20.0)
        hit = str(trial.points.fired or "not reached")
        second = trial.world.started(self.other.work, _OTHER)
        _until(lambda: _is_over(second), _PATIENCE)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(first, signal.SIGCONT)
        said = trial.world.ended(first, trial.phase)
        beside = trial.world.ended(second, _OTHER)
        trial.points.arm(0)
        violations = list(trial.judged(said))
        violations += self._judged(said, beside)
        return violations, hit

    def _judged(self, said: Said, beside: Said) -> Iterator[Violation]:
        if said.code not in {*self.trial.operation.ends, *self.trial.operation.fine}:
            yield Violation("I6", f"it ended with {said.code}: {said.err[-500:]}{said.out[-300:]}")
        if beside.code not in {*self.other.ends, 5}:
            yield Violation(
                "I6", f"{self.other.name}, meanwhile, ended with {beside.code}: {beside.err[-500:]}{beside.out[-300:]}"
            )
        view = self.trial.world.look()
        gone = (fact for fact in self.facts - view.facts if not fact.startswith(self.other.excused))
        if beside.code == 0 and (missing := list(gone)):
            yield Violation("I1", f"{self.other.name} did it, and it is not there: {min(missing)[:300]}")
        if beside.code == 0:
            yield from (
                Violation("I1", f"after {self.other.name}: {text}") for text in islice(self.other.holds(self.trial.world), 5)
            )


_OTHER: Final = 700
"""The phase of what is done meanwhile: its time and the seed of its ids."""


def _until(holds: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(_LOOK)


def _is_over(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _meanwhile(name: str, wanted: int, seed: int) -> Outcome:
    operation, outcome = begin(NAME, name, seed)
    rng, start = random.Random(f"{seed}/{name}"), time.monotonic()
    others = [other for other in OTHERS if other.name != name]
    rng.shuffle(others)
    del others[max(1, wanted // _SHARE) :]
    for number, other in enumerate(others):
        share = len(range(number, wanted, len(others)))
        if not share:
            continue
        pair = Pair(operation, other)
        calls = len(pair.trial.known.points)
        outcome.note("calls", calls)
        for at in sorted(rng.sample(range(1, calls + 1), min(share, calls))):
            violations, hit = pair.tried(at)
            outcome.cases += 1
            outcome.note(other.name)
            if violations:
                replay = replay_line(NAME, name, seed, {"cases": wanted})
                outcome.fail(f"{name}, {other.name} at call {at}, {hit}", tuple(violations), replay)
        pair.trial.close()
    outcome.seconds = time.monotonic() - start
    return outcome


if __name__ == "__main__":
    _name, _cases, _seed = sys.argv[1:]
    tell(_meanwhile(_name, int(_cases), int(_seed)))
