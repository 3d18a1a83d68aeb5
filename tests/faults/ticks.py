"""Ticks: signals at every instruction of a run at which Python may come to them, one after the other.

`signals` ends agents at random moments; here each moment is tried. A trace function in C (`ticks.c`) counts the instructions
of the main thread, and sends a signal before the n-th: one anywhere in a run, from before its beginning until behind its
end, and two of which the second comes n instructions after the first, on the way out. Which instruction is the n-th hangs a
little on the other threads and the time; the moments that a sweep misses so, the next one meets.
"""

import ctypes
import dis
import mmap
import os
import random
import signal
import struct
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from tests.faults.harness import Outcome, die_with_parent, file_system, in_fresh_process, replay_line, scratch
from tests.faults.oracle import Subject, Violation
from tests.faults.signals import NUMBERS, UNWATCHED_FOR, app, defaults, end_with, ended, note_time, reason, said_of
from tests.faults.trace import compiled

NAME = "ticks"
UNGUARDED = "segue-unguarded"
"""The control: a signal interrupts what saves a run."""
_STEPS: Final = 3
_FIRST: Final = 40
"""The first of two signals: within the first append."""
_OWN: Final = 0.25
_MORE: Final = 20
"""Instructions beyond the count that are tried too."""
_INERT: Final = (
    *("CACHE", "COPY", "EXTENDED_ARG", "JUMP_FORWARD", "KW_NAMES", "LOAD_CONST", "LOAD_FAST", "LOAD_GLOBAL", "NOP", "POP_EXCEPT"),
    *("POP_TOP", "PRECALL", "PUSH_EXC_INFO", "PUSH_NULL", "RERAISE", "RESUME", "RETURN_VALUE", "STORE_FAST", "SWAP"),
)
"""Instructions that look for no signal and call nothing that does: one before them is one before the next."""
_PLAN: Final = struct.Struct("=qqqqii256s")  # as in ticks.c


class Moment(NamedTuple):
    """When which signals come: the first before instruction *first*, the second *gap* later; 0: there is none.

    *inside*: instructions count from the first one within the run on. *own*: the program has handlers of its own, that exit.
    """

    first: int
    number: int
    gap: int = 0
    second: int = 0
    inside: bool = False
    own: bool = False

    def __str__(self) -> str:
        """Return what a person reads."""
        one = f"{signal.Signals(self.number).name} at {self.first}"
        two = f"{one}, {signal.Signals(self.second).name} {self.gap} later" if self.gap else one
        return f"{two}, own handlers" if self.own else two


def run(subject: Subject, cases: int, seed: int, base: Path | None = None) -> Outcome:
    """Try *cases* moments, spread evenly over a run and over its ways out; which signals come is drawn."""
    outcome = Outcome(NAME, subject.name, "", seed)
    begin = time.monotonic()
    for moment in _moments(cases, random.Random(seed)):
        with scratch(base) as place:
            outcome.where = file_system(place)
            violations = _one(subject, place, moment, outcome)
        outcome.cases += 1
        if violations:
            outcome.fail(str(moment), tuple(violations), replay_line(NAME, subject.name, seed, {"cases": cases}))
    outcome.seconds = time.monotonic() - begin
    return outcome


def _moments(cases: int, rng: random.Random) -> Iterator[Moment]:
    """Yield a third of *cases* with one signal, anywhere in a run, and the others with a second one on the way out."""
    with scratch() as place:
        _agent(place, lambda: None)  # so that what it imports is there, and is not counted: `signals` tries agents without
    singles = max(1, cases // 3)
    pairs = cases - singles
    whole = _counted(Moment(0, 0)) + _MORE
    after = _counted(Moment(_FIRST, signal.SIGTERM, inside=True)) + _MORE - _FIRST
    for case in range(singles):
        yield Moment(1 + int((case + rng.random()) * whole / singles), rng.choice(NUMBERS), own=rng.random() < _OWN)
    for case in range(pairs):
        number, second = rng.choices(NUMBERS, k=2)
        yield Moment(_FIRST, number, 1 + int((case + rng.random()) * after / pairs), second, inside=True, own=rng.random() < _OWN)


def _counted(moment: Moment) -> int:
    """Return how many instructions a run has that gets these signals."""
    with scratch() as place:
        return _run(place, moment)[1]


def _one(subject: Subject, place: Path, moment: Moment, outcome: Outcome) -> list[Violation]:
    """Run an agent and send it signals; return what is wrong."""
    begin = time.monotonic()
    code, _, sent = _run(place, moment, guarded=subject.name != UNGUARDED)
    note_time(outcome, time.monotonic() - begin)
    marks = (place / "marks").read_bytes()
    numbers = {moment.number, moment.second} if sent > 1 else {moment.number} if sent else set()
    acked = len((place / "acks").read_bytes())
    outcome.acknowledged += acked
    outcome.note(f"{sent} signals")
    where = "inside" if marks == b"(" else "at an edge"
    allowed = {128 + n for n in numbers} or {0}
    violations = (
        [] if code in allowed else [Violation("I6", f"it ended with {code}, not with one of {sorted(allowed)} {said_of(place)}")]
    )
    return violations + in_fresh_process(lambda: _judge(place, acked, {reason(n) for n in numbers}, where))


def _run(place: Path, moment: Moment, *, guarded: bool = True) -> tuple[int | None, int, int]:
    """Run an agent and send it signals; return its exit code, how many instructions it carried out, and how many signals came."""
    for name in ("acks", "marks"):
        (place / name).touch()
    library = ctypes.PyDLL(str(compiled("ticks.c")))
    with mmap.mmap(-1, _PLAN.size) as plan:
        counted = bytes(name not in _INERT for name in dis.opname[:256])
        _PLAN.pack_into(plan, 0, 0, moment.first, moment.gap, 0, moment.number, moment.second, counted)
        begin = partial(library.begin, ctypes.byref(ctypes.c_char.from_buffer(plan)))
        pid = os.fork()
        if pid == 0:
            die_with_parent()
            defaults()
            if moment.own:
                for number in NUMBERS:
                    signal.signal(number, _exit)
            if not guarded:
                _open_the_edges()
            end_with(partial(_counted_agent, place, moment, begin, plan), place)
        del begin  # it keeps the plan from being closed
        code = ended(pid)
        count, _, _, sent, _, _, _ = _PLAN.unpack_from(plan)
    return code, count, sent


def _counted_agent(place: Path, moment: Moment, begin: Callable[[], object], plan: mmap.mmap) -> None:
    _agent(place, begin, inside=moment.inside)
    _wait_for_signals(plan)


def _agent(place: Path, begin: Callable[[], object], *, inside: bool = False) -> None:
    """Begin a run, append, take a checkpoint, and end it, all of it counted once *begin* was called."""
    acks, marks = (os.open(place / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) for name in ("acks", "marks"))
    session = app(place).opened().create(task="faults")
    (place / "session").write_text(session.id)
    sys._getframe().f_trace_opcodes = True
    if not inside:
        begin()
    with session.running():
        os.write(marks, b"(")
        if inside:
            begin()
        for number in range(_STEPS):
            session.append("fault.step", {"n": number})
            os.write(acks, b".")
        session.checkpoint("on the way")
        os.write(marks, b")")


def _exit(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def _open_the_edges() -> None:
    """Let signals raise wherever they come, as Python does."""
    from segue.host import signals

    signals._APART = 0.0  # type: ignore[misc]
    signals.signals.leaving = lambda by: None  # type: ignore[method-assign]
    signals.signals._is_at_an_edge = lambda frame: False  # type: ignore[method-assign]


def _wait_for_signals(plan: mmap.mmap) -> None:
    """Give a signal that was sent the time to end this process: at the edges of a run it may be repeated a little later."""
    end = time.monotonic() + UNWATCHED_FOR
    while _PLAN.unpack_from(plan)[3] and time.monotonic() < end:
        time.sleep(0.005)


def _judge(place: Path, acked: int, reasons: set[str], where: str) -> list[Violation]:
    session = app(place).opened().session((place / "session").read_text())
    events = list(session.events())
    steps = [event.body["n"] for event in events if event.kind == "fault.step"]
    state = session.state()
    life, agents = state.lifecycle, {name: agent["status"] for name, agent in state.agents.items()}
    pauses = [event for event in events if event.kind == "session.paused"]
    taken = [e for e in events if e.kind == "checkpoint.created" and str(e.body["trigger"]).startswith(("pause: ", "run ended"))]
    told = f"{where}: it is {life['status']} {life['reason']!r}, {agents}, {len(pauses)} pauses, {len(taken)} checkpoints"
    paused = life["status"] == "paused" and life["reason"] in reasons
    left = where != "inside" and not pauses and "running" not in agents.values()  # not begun yet, or over
    return [
        *([] if steps[:acked] == list(range(acked)) else [Violation("I1", f"{len(steps)} of {acked} acknowledged steps")]),
        *([] if len(steps) <= acked + 1 and steps == sorted(set(steps)) else [Violation("I2", f"steps {steps} of {acked}")]),
        *([] if left or (paused and (len(pauses), len(taken)) == (1, 1)) else [Violation("I6", told)]),
        *([] if not list(place.glob("home/emergency/*")) else [Violation("I7", "an emergency file is left")]),
    ]
