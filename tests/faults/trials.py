"""An operation tried in a small world, with a fault in it, and what has to hold afterwards.

It is run once without a fault. Then it is run anew for each fault in a world that is as before, and judged: nothing that was
there is lost, what it acknowledged is there, the store is sound or opens again by itself, what it said is a sentence of ours,
going on works and leaves what a run without a fault leaves, and no file is left over.
"""

import ctypes
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from tests.faults.harness import ChildError, Failure, Outcome, file_system, scratch
from tests.faults.operations import NAMED, Operation
from tests.faults.oracle import Violation
from tests.faults.points import Points, environment
from tests.faults.world import Said, View, World, preload

PROJECT = Path(__file__).resolve().parents[2]
_OURS: Final = re.compile(
    r"/index\.(sqlite-(wal|shm|journal)|new)$|/keys(-#)?$|/lease\.json$|/\.lock$|/lock$|/aside(/|$)|/workspaces/segue/#/incoming"
    r"|/store\.aside-#/todo/[^/]*$"
    r"|/workspaces/refs/segue/(latest|snapshots)(/#)?$"
    r"|/mirrors/store/(segue/joined|objects/pack/pack-#\.(pack|idx|rev|bitmap))$"
)
"""Files that may be there or not, whatever happened: caches, locks, leases, what was set aside, segments that a store moved aside had to seal, names of snapshots loose or packed, what the next snapshot makes anew, how the mirror's objects are packed."""


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


class Trial:
    """Tries faults on one operation. Its process counts the points of all that it starts."""

    def __init__(self, operation: Operation, *, reads: bool = False) -> None:
        """Make the world and run the operation once without a fault; *reads*: where it looks are points too."""
        root, control = Path(os.environ["FAULTS_ROOT"]), Path(os.environ["FAULTS_CONTROL"])
        self.operation, self.points = operation, Points(control)
        self.world = World(root, control.parent, {name: os.environ[name] for name in environment(root, control)})
        self.world.make()
        operation.prepare(self.world)
        self.world.tidy()
        self.phase = self.world.phase + 1
        self.known = self._learn(reads=reads)

    def _learn(self, *, reads: bool) -> Known:
        begins = self.world.keep("begins")
        before, files = self.world.look(), self.world.files()
        self.world.bring_back(begins)
        self.points.arm(0, reads=reads)
        said = self.world.call(self.operation.work, self.phase)
        sorts = self.points.sorts
        self.points.arm(0)
        if said.code not in self.operation.ends:
            raise RuntimeError(f"{self.operation.name} without a fault: {said}")
        facts, after = self.world.look().facts, self.world.files()
        again = self.world.call(self.operation.again or self.operation.work, self.phase + 1)
        if again.code not in self.operation.fine:
            raise RuntimeError(f"{self.operation.name} again, without a fault: {again}")
        self.world.tidy()
        if broken := [*self.operation.holds(self.world)]:
            raise RuntimeError(f"{self.operation.name} without a fault: {broken}")
        return Known(begins, before, files, sorts, facts, after, self.world.shapes())

    def close(self) -> None:
        """Take the world away: another may be made in its place."""
        shutil.rmtree(self.world.root)
        shutil.rmtree(self.known.begins)

    def tried(
        self, hits: AbstractContextManager[object], limit: Callable[[], None] | None = None, *, names: str = ""
    ) -> tuple[list[Violation], str]:
        """Return what does not hold after the operation ran within *hits*, and which point was hit.

        *limit* is called first in its process. Where it fails, what it says has to match *names*.
        """
        self.world.bring_back(self.known.begins)
        self.points.arm(0)
        with hits:
            said = self.world.call(self.operation.work, self.phase, before=limit)
            hit = str(self.points.fired or "not reached")
            self.points.arm(0)
            meanwhile = self.world.look()
        violations = list(self.judged(said))
        if not self.operation.rewrites:  # while it lasts, what is there can be read
            violations += self._kept(meanwhile)
        if said.code not in {None, 0, *self.operation.ends} and not re.search(names, said.err + said.out, re.IGNORECASE):
            violations.append(Violation("I6", f"it does not say why: {said.err[-300:]}"))
        return violations, hit

    def judged(self, said: Said) -> Iterator[Violation]:
        """Yield what does not hold in the world as the operation left it, and when it is gone on with."""
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
            yield Violation("I6", f"going on ended with {again.code}: {again.err[-300:]}{again.out[-900:]}")
            return
        try:
            self.world.tidy()
        except ChildError as error:
            yield Violation("I6", f"upkeep fails: {str(error)[-900:]}")
        view = self.world.look()
        yield from self._kept(view)
        yield from self._there(view, excused=self.operation.excused if done else ())
        left = {name for name in self.world.shapes() - self.known.shapes if not _OURS.search(name)}
        yield from (Violation("I7", f"left over: {name}") for name in sorted(left)[:5])
        yield from (Violation("I8", text) for text in _open_to_others(self.world.home)[:3])
        yield from (Violation("I1", text) for text in islice(self.operation.holds(self.world), 5))

    def _kept(self, view: View, *, rolled_back: bool = False) -> Iterator[Violation]:
        """All that was there is there, and nothing is damaged. Where a store is rolled back, only once it is put together."""
        if view.error:
            yield Violation("I6", f"it does not open: {view.error}")
            return
        if rolled_back:
            return
        if not self.operation.rewrites:
            yield from (Violation("I3", text) for text in view.damage if text not in self.known.before.damage)
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

    def _there(self, view: View, *, excused: tuple[str, ...]) -> Iterator[Violation]:
        """What it did is there."""
        missing = [fact for fact in self.known.facts - view.facts if not fact.startswith(excused)]
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


def begin(method: str, name: str, seed: int) -> tuple[Operation, Outcome]:
    """Prepare this process for trials, and return the operation and where its outcome goes."""
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: what a killed command started is waited for
    preload()
    outcome = Outcome(method, name, "", seed)
    outcome.where = file_system(Path(os.environ["FAULTS_CONTROL"]).parent)
    return NAMED[name], outcome


def tell(outcome: Outcome) -> None:
    """Print an outcome for `spawn`."""
    print(json.dumps(asdict(outcome)))


def spawn(module: str, operation: Operation, cases: int, seed: int, base: Path | None, *more: str) -> Outcome:
    """Run the program that *module* is, in a process that counts its points, and return the outcome that it tells."""
    with scratch(base) as made:
        place = made.resolve()
        (place / "disk").mkdir()
        Points(place / "control")
        env = {**os.environ, **environment(place / "disk" / "world", place / "control"), "PYTHONHASHSEED": "0"}
        env["PYTHONPATH"] = os.pathsep.join([str(PROJECT), str(PROJECT / "src")])
        command = [sys.executable, "-m", module, operation.name, str(cases), str(seed), *more]
        done = subprocess.run(command, env=env, cwd=PROJECT, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{module} of {operation.name} ended with {done.returncode}: {done.stderr[-3000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    found["failures"] = [
        Failure(one["case"], tuple(Violation(**item) for item in one["violations"]), one["replay"]) for one in found["failures"]
    ]
    return Outcome(**found)
