"""The sweep: every call of an operation that changes a file or a name fails, is short, or is the last one of its process.

An operation is run once to count its points. Then it is run anew for each point and each fault in a world that is as before,
and judged: nothing that was there is lost, what it acknowledged is there, the store is sound or opens again by itself, what it
said is a sentence of ours, going on works and leaves what a run without a fault leaves, and no file is left over.
"""

import ctypes
import errno
import json
import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from tests.faults.harness import ChildError, Failure, Outcome, file_system, replay_line, scratch
from tests.faults.operations import CONTROLS, NAMED, Operation
from tests.faults.oracle import Violation
from tests.faults.plan import ALL
from tests.faults.points import AFTER, BEFORE, SHORT, Points, environment, interrupted_by
from tests.faults.world import Said, View, World, preload

NAME = "sweep"
PROJECT = Path(__file__).resolve().parents[2]

_EIO, _FULL, _CLOSED = errno.EIO, errno.ENOSPC, errno.EACCES
FAULTS: Final[Mapping[str, Sequence[int]]] = {
    "o": (_CLOSED, errno.EMFILE),
    "w": (_EIO, SHORT),
    "s": (_EIO,),
    "t": (_EIO,),
    "a": (_FULL,),
    "r": (_EIO, _CLOSED),
    "l": (_EIO, _FULL),
    "u": (_CLOSED,),
    "d": (_CLOSED,),
    "m": (_FULL,),
}
"""How each sort of call fails; beside it every point ends the process before and after it, and is where a disk gets full."""
_ROOM: Final = "womla"
_OURS: Final = re.compile(
    r"/index\.(sqlite-(wal|shm|journal)|new)$|/keys(-#)?$|/lease\.json$|/numbers/\.lock$|/lock$|/aside(/|$)"
)
"""Files that may be there or not, whatever happened: caches, locks, leases, what was set aside, an index that the next snapshot makes anew."""


@dataclass(frozen=True, slots=True)
class Case:
    """One point of an operation and what happens there."""

    at: int
    fault: int
    lasting: int = 0

    def __str__(self) -> str:
        names = {SHORT: "short", BEFORE: "killed before it", AFTER: "killed behind it"}
        name = names.get(self.fault) or (errno.errorcode[self.fault] if self.fault > 0 else f"signal {-100 - self.fault}")
        return f"point {self.at}: {name}{', and so on' if self.lasting else ''}"


def cases(sorts: str) -> Iterator[Case]:
    """Yield every fault of every point."""
    for at, sort in enumerate(sorts, 1):
        yield from (Case(at, fault) for fault in (*FAULTS[sort], BEFORE, AFTER))
        if sort in _ROOM:
            yield Case(at, _FULL, lasting=1)
        if sort == "w":
            yield Case(at, interrupted_by(2))


@dataclass(frozen=True, slots=True)
class Known:
    """An operation before its faults: the world that it begins in, and what it leaves where nothing fails."""

    begins: Path
    before: View
    files: dict[str, str]
    points: str
    facts: Counter[str]
    files_after: dict[str, str]
    shapes: set[str]


class Sweeper:
    """Tries the faults of one operation. Its process counts the points of all that it starts."""

    def __init__(self, operation: Operation, place: Path, points: Points) -> None:
        """Make the world and run the operation once without a fault."""
        self.operation, self.points = operation, points
        self.world = World(place, {name: os.environ[name] for name in environment(place, place)})
        self.world.make()
        operation.prepare(self.world)
        self.world.tidy()
        self.phase = self.world.phase + 1
        self.known = self._learn()

    def _learn(self) -> Known:
        begins = self.world.keep("begins")
        before, files = self.world.look(), self.world.files()
        self.world.bring_back(begins)
        self.points.arm(0)
        said = self.world.call(self.operation.work, self.phase)
        sorts = self.points.sorts
        if said.code not in self.operation.ends:
            raise RuntimeError(f"{self.operation.name} without a fault: {said}")
        facts, after = self.world.look().facts, self.world.files()
        again = self.world.call(self.operation.again or self.operation.work, self.phase + 1)
        if again.code not in self.operation.fine:
            raise RuntimeError(f"{self.operation.name} again, without a fault: {again}")
        self.world.tidy()
        return Known(begins, before, files, sorts, facts, after, self.world.shapes())

    def tried(self, case: Case) -> tuple[list[Violation], str]:
        """Return what does not hold after *case*, and what was hit."""
        self.world.bring_back(self.known.begins)
        self.points.arm(case.at, case.fault, lasting=case.lasting)
        said = self.world.call(self.operation.work, self.phase)
        hit = str(self.points.fired or "not reached")
        self.points.arm(0)
        return list(self._judge(said)), hit

    def _judge(self, said: Said) -> Iterator[Violation]:
        yield from _spoken(said)
        yield from self._users_files()
        view = self.world.look()
        yield from self._kept(view, rolled_back=self.operation.rewrites)
        done = said.code in self.operation.ends
        if done:
            yield from self._there(view, excused=self.operation.excused)
        yield from (
            Violation("I1", f"acknowledged and gone: {text}") for text in self.operation.acked(said.out) if text not in view.texts
        )
        again = self.world.call(self.operation.again or self.operation.work, self.phase + 1)
        yield from _spoken(again)
        if again.code not in self.operation.fine:
            yield Violation("I6", f"going on ended with {again.code}: {again.err[-300:]}")
            return
        try:
            self.world.tidy()
        except ChildError as error:
            yield Violation("I6", f"upkeep fails: {str(error)[-900:]}")
        view = self.world.look()
        yield from self._kept(view)
        yield from self._there(view, excused=self.operation.excused if done else "")
        left = {name for name in self.world.shapes() - self.known.shapes if not _OURS.search(name)}
        yield from (Violation("I7", f"left over: {name}") for name in sorted(left)[:5])
        yield from (Violation("I8", text) for text in _open_to_others(self.world.home)[:3])

    def _kept(self, view: View, *, rolled_back: bool = False) -> Iterator[Violation]:
        """All that was there is there, and nothing is damaged. Where a store is rolled back, only once it is put together."""
        if view.error:
            yield Violation("I6", f"it does not open: {view.error}")
            return
        if rolled_back:
            return
        if not self.operation.rewrites:
            yield from (Violation("I3", text) for text in view.damage[:3])
            for session, digests in self.known.before.sessions.items():
                if view.sessions.get(session, [])[: len(digests)] != digests and not self._may_go(session, view):
                    yield Violation(
                        "I1", f"{session} has {len(view.sessions.get(session, []))} of {len(digests)} events as they were"
                    )
        elif missing := self.known.before.facts - view.facts - self._lost:
            yield Violation("I1", f"lost: {min(missing)[:200]}")

    @property
    def _lost(self) -> Counter[str]:
        """What is lost without a fault as well."""
        return self.known.before.facts - self.known.facts

    def _may_go(self, session: str, view: View) -> bool:
        return bool(self.operation.takes_away) and session not in view.sessions

    def _there(self, view: View, *, excused: str) -> Iterator[Violation]:
        """What it did is there."""
        missing = [fact for fact in self.known.facts - view.facts if not (excused and fact.startswith(excused))]
        if missing and not view.error:
            yield Violation("I1", f"done, and not there: {min(missing)[:300]}")

    def _users_files(self) -> Iterator[Violation]:
        """Each of the user's files is as it was or as it is to be."""
        now = self.world.files()
        for path, digest in self.known.files.items():
            if now.get(path) not in {digest, self.known.files_after.get(path)}:
                yield Violation("I1", f"the user's {path} is neither as it was nor as it is to be")


def _spoken(said: Said) -> Iterator[Violation]:
    """A command says what is wrong in a sentence, and ends in time."""
    if said.code == -1:
        yield Violation("I6", "it had to be killed")
    if "Traceback" in said.err or "Exception ignored" in said.err:
        yield Violation("I6", f"a traceback on the screen: {said.err[-700:]}")
    if said.code is not None and said.code > 0 and not (said.err + said.out).strip() and said.code != 130:
        yield Violation("I6", f"it ended with {said.code} and said nothing")


def _open_to_others(home: Path) -> list[str]:
    """Return what in the home another user may read or write."""
    return [
        f"{path.relative_to(home)} has mode {path.lstat().st_mode & 0o7777:04o}"
        for path in sorted(home.rglob("*"))
        if not path.is_symlink() and path.lstat().st_mode & 0o077
    ]


def sweep(name: str, wanted: int, seed: int, only: int | None = None) -> Outcome:
    """Try so many cases of one operation (of a control until one is caught), in this process, which has the library preloaded."""
    operation = NAMED[name]
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: what a killed command started is waited for
    preload()
    outcome = Outcome(NAME, name, "", seed)
    place = Path(os.environ["FAULTS_ROOT"]).parent
    outcome.where = file_system(place)
    sweeper = Sweeper(operation, place, Points(Path(os.environ["FAULTS_CONTROL"])))
    every = list(cases(sweeper.known.points))
    rng = random.Random(f"{seed}/{name}")
    chosen = [case for case in every if only in {None, case.at}]
    if wanted < len(chosen):
        chosen = rng.sample(chosen, wanted)
    begin = time.monotonic()
    for case in chosen:
        if outcome.failed and operation in CONTROLS:
            break
        violations, hit = sweeper.tried(case)
        outcome.cases += 1
        outcome.note(f"{hit.partition(' of ')[0]}")
        if violations:
            replay = replay_line(NAME, name, seed, {"cases": ALL, "point": case.at})
            outcome.fail(f"{name}, {case}, {hit}", tuple(violations), replay)
    outcome.note("points", len(sweeper.known.points))
    outcome.note("cases in all", len(every))
    outcome.seconds = time.monotonic() - begin
    return outcome


def run(operation: Operation, cases: int, seed: int, base: Path | None = None, point: int | None = None) -> Outcome:
    """Run `sweep` in a process that has the library preloaded."""
    name = operation.name
    with scratch(base) as made:
        place = made.resolve()
        Points(place / "control")
        env = {**os.environ, **environment(place / "world", place / "control"), "PYTHONHASHSEED": "0"}
        env["PYTHONPATH"] = os.pathsep.join([str(PROJECT), str(PROJECT / "src")])
        command = [sys.executable, "-m", "tests.faults.sweep", name, str(cases), str(seed), *([str(point)] if point else [])]
        done = subprocess.run(command, env=env, cwd=PROJECT, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"the sweep of {name} ended with {done.returncode}: {done.stderr[-3000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    found["failures"] = [
        Failure(one["case"], tuple(Violation(**item) for item in one["violations"]), one["replay"]) for one in found["failures"]
    ]
    return Outcome(**found)


if __name__ == "__main__":
    _name, _cases, _seed, *_only = sys.argv[1:]
    print(json.dumps(asdict(sweep(_name, int(_cases), int(_seed), int(_only[0]) if _only else None))))
