"""Signals: a Python agent in a run is told to end, once or twice, at a random moment, also while its lock hangs.

It has to end with the exit code that a shell expects, its session paused with the reason and one checkpoint for it, all that
was acknowledged in the log, and the store sound. What could not be appended is taken in from its emergency file.
"""

import fcntl
import os
import random
import select
import signal
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from tests.faults.harness import (
    Acks,
    Outcome,
    die_with_parent,
    file_system,
    in_fresh_process,
    replay_line,
    scratch,
    wait_for_size,
)
from tests.faults.oracle import Subject, Violation

NAME = "signals"
UNWATCHED = "segue-unwatched"
"""The control: nobody ends a process that hangs."""
NUMBERS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
PROMISED = 2.0
"""Seconds from a signal to the end of the process. `segue` ends what hangs after 1.7 of them."""
PATIENCE = 60.0
"""Seconds after which a process counts as hanging. That is more than promised: on a machine whose processors are all taken
the watchdog itself, and the kernel that takes the process down, wait for one. The longest seen is in the results."""
UNWATCHED_FOR = 5.0
"""The same, where it is meant to hang."""
LONGEST = "longest, in ms"


def run(subject: Subject, cases: int, seed: int, base: Path | None = None) -> Outcome:
    """End `cases` agents, each in its own way."""
    outcome = Outcome(NAME, subject.name, "", seed)
    begin = time.monotonic()
    for case in range(cases):
        with scratch(base) as place:
            outcome.where = file_system(place)
            violations = _one(subject, place, seed + case, outcome)
        outcome.cases += 1
        if violations:
            outcome.fail(f"case {case}", tuple(violations), replay_line(NAME, subject.name, seed + case, {"cases": 1}))
    outcome.seconds = time.monotonic() - begin
    return outcome


def _one(subject: Subject, place: Path, seed: int, outcome: Outcome) -> list[Violation]:
    rng = random.Random(seed)
    numbers = rng.choices(NUMBERS, k=rng.choice((1, 1, 2)))
    hangs = rng.random() < (1.0 if subject.name == UNWATCHED else 0.15)
    (place / "acks").touch()
    pid = os.fork()
    if pid == 0:
        die_with_parent()
        end_with(lambda: _agent(place, watched=subject.name != UNWATCHED), place)
    wait_for_size(place / "acks", 0, PATIENCE)
    time.sleep(rng.random() * 0.03)
    lock = _hold(place) if hangs else -1
    begin = time.monotonic()
    for number in numbers:
        os.kill(pid, number)
        if len(numbers) > 1:
            time.sleep(rng.random() * 0.01)
    limit = UNWATCHED_FOR if subject.name == UNWATCHED else PATIENCE
    code = ended(pid, limit)
    took = time.monotonic() - begin
    if lock >= 0:
        os.close(lock)
    outcome.note("with a lock that hangs" if hangs else "with a free lock")
    note_time(outcome, took)
    acked = len((place / "acks").read_bytes())
    outcome.acknowledged += acked
    if code is None:
        return [Violation("I6", f"it did not end within {limit:.0f} s of {[n.name for n in numbers]}")]
    allowed = {128 + n for n in numbers}
    violations = (
        [] if code in allowed else [Violation("I6", f"it ended with {code}, not with one of {sorted(allowed)} {said_of(place)}")]
    )
    return violations + in_fresh_process(lambda: _judge(place, acked, {reason(n) for n in numbers}))


def app(place: Path):
    """Return segue as it is in *place*."""
    from segue.app import App

    env = {"SEGUE_HOME": str(place / "home"), "XDG_RUNTIME_DIR": str(place / "run"), "SEGUE_UPKEEP": "off"}
    return App(env, cwd=str(place))


def end_with(work: Callable[[], object], place: Path) -> NoReturn:
    """Do *work*, then end this process with the exit code that Python gives it; 99 and a traceback for an error."""
    code = 99
    try:
        try:
            work()
            code = 0
        except SystemExit as e:
            code = _code(e)
        except KeyboardInterrupt:
            code = 130
        except Exception:  # noqa: BLE001  (seen by the parent)
            (place / "error").write_text(traceback.format_exc())
    except SystemExit as e:  # a second signal, while this looks at what the first one raised: the run is over
        code = _code(e)
    except KeyboardInterrupt:
        code = 130
    finally:
        os._exit(code)


def _code(error: SystemExit) -> int:
    return error.code if isinstance(error.code, int) else 98


def _agent(place: Path, *, watched: bool) -> None:
    """Append and checkpoint until the end."""
    defaults()
    if not watched:
        _leave_alone()
    acks = Acks(place / "acks")
    session = app(place).opened().create(task="faults")
    (place / "session").write_text(session.id)
    with session.running():
        number = 0
        while True:
            session.append("fault.step", {"n": number})
            os.write(acks.fd, b".")
            number += 1
            if number % 7 == 0:
                session.checkpoint("on the way")


def defaults() -> None:
    """Have signals do what they do in a new interpreter, whatever the parent ignored."""
    for number in NUMBERS:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def said_of(place: Path) -> str:
    """Return the end of the traceback that an agent left, if it left one."""
    return (place / "error").read_text()[-1500:] if (place / "error").exists() else ""


def note_time(outcome: Outcome, took: float) -> None:
    """Note within which time an agent ended, and the longest that one took."""
    limit = next((limit for limit in (0.1, 0.5, 1.0, PROMISED, PATIENCE) if took <= limit), took)
    outcome.note(f"ended within {limit:g} s")
    outcome.notes[LONGEST] = max(outcome.notes.get(LONGEST, 0), round(took * 1000))


def _leave_alone() -> None:
    """Take the watchdog away, and the patience."""
    from segue.engine.runs import ending
    from segue.host.signals import signals

    signals._end = lambda _code: None
    ending._HURRY = 1e6  # type: ignore[misc]


def _hold(place: Path) -> int:
    """Return the session's lock, held as by a process that does not go on."""
    (path,) = (place / "home" / "store" / "sessions").glob("*/lock")
    fd = os.open(path, os.O_RDWR)
    fcntl.flock(fd, fcntl.LOCK_EX)
    return fd


def ended(pid: int, limit: float = PATIENCE) -> int | None:
    """Return the exit code of a process, as a shell has it; None where it had to be killed, after *limit* seconds."""
    watch = os.pidfd_open(pid)
    try:
        done = bool(select.select([watch], [], [], limit)[0])
    finally:
        os.close(watch)
    if not done:
        os.kill(pid, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return (code if code >= 0 else 128 - code) if done else None


def reason(number: int) -> str:
    """Return the reason that a session is paused with for a signal."""
    return "user" if number == signal.SIGINT else "system"


def _judge(place: Path, acked: int, reasons: set[str]) -> list[Violation]:
    store = app(place).opened()
    session = store.session((place / "session").read_text())
    events = list(session.events())
    steps = [event.body["n"] for event in events if event.kind == "fault.step"]
    life = session.state().lifecycle
    pauses = [event for event in events if event.kind == "session.paused"]
    taken = [e for e in events if e.kind == "checkpoint.created" and str(e.body["trigger"]).startswith("pause: ")]
    found = [
        *([] if steps[:acked] == list(range(acked)) else [Violation("I1", f"{len(steps)} of {acked} acknowledged steps")]),
        *([] if len(steps) <= acked + 1 and steps == sorted(set(steps)) else [Violation("I2", f"steps {steps[-4:]} of {acked}")]),
        *([] if life["status"] == "paused" and life["reason"] in reasons else [Violation("I6", f"it is {dict(life)}")]),
        *([] if (len(pauses), len(taken)) == (1, 1) else [Violation("I2", f"{len(pauses)} pauses, {len(taken)} checkpoints")]),
        *(Violation("I3", f"{f.where}: {f.reason}") for f in store.verify() if f.severity in {"damage", "gap"}),
    ]
    if list((place / "home" / "emergency").iterdir()):
        found.append(Violation("I7", "an emergency file is left"))
    if not found:
        session.resume()
    return found
