"""The one oracle of all fault tests: what must hold in a store after a fault.

A writer logs every acknowledgement outside the store, and only after its append has returned. After the
fault a fresh process opens the store and `judge` compares what it reads with what was acknowledged:

I1  every acknowledged event is there, in order, byte for byte
I2  at most one unacknowledged append more for each writer, whole, and no event twice
I3  the digest chain holds and the state that is folded from it agrees
I4  nothing committed refers to something that is missing
I5  the state of each session is legal, and none is driven by an owner that is gone
I6  the store opens by itself, within the time limit, and takes the next append
I7  no temporary file or lock is left over
I8  files are 0600 and directories 0700, as before
"""

import hashlib
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

OPEN_LIMIT = 60.0
"""Seconds within which a store has to open again (I6). A guard against hanging, not a benchmark."""

_SIZES = (40, 90, 160, 160, 240, 400, 900, 2_500)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a store says of itself: the invariant that it breaks (none: told only), the session, and what."""

    invariant: str
    session: str
    text: str


@dataclass(slots=True)
class Reading:
    """What a fresh process read from a store: per session the texts in log order, and the store's complaints."""

    sessions: dict[str, list[str]]
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken invariant."""

    invariant: str
    text: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.text}"


class Writer(Protocol):
    """An open store, seen from one writer."""

    def append(self, texts: Sequence[str]) -> None:
        """Add the texts in one append. They are acknowledged once this has returned."""

    def close(self) -> None:
        """Let go of the store."""


class Subject(Protocol):
    """A store under test, reduced to what the oracle needs."""

    @property
    def name(self) -> str:
        """The name on the command line and in reports."""

    def create(self, root: Path, label: str) -> str:
        """Create a session under root and return its reference; it is acknowledged once this has returned."""

    def open(self, root: Path, session: str) -> Writer:
        """Open one session for writing."""

    def read(self, root: Path) -> Reading:
        """Open the store as a fresh process does, recover by itself, and read and check all of it."""

    def leftovers(self, root: Path) -> Sequence[str]:
        """Name the temporary files and locks that are still there after `read`."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must be there: the sessions, and how many events of each (session, writer) were acknowledged."""

    seed: int
    sessions: frozenset[str]
    events: Mapping[tuple[str, str], int]
    latest: Mapping[tuple[str, str], int] | None = None
    """Where known, the last acknowledgements before the writers were gone; `events` is then an earlier sample."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `judge` found, and how many events of each (session, writer) it saw."""

    violations: tuple[Violation, ...]
    seen: Mapping[tuple[str, str], int]


def payload(seed: int, writer: str, number: int) -> str:
    """Return the text of a writer's event: a function of its place, so that nobody has to remember it."""
    digest = hashlib.blake2b(f"{seed}/{writer}/{number}".encode(), digest_size=16).hexdigest()
    roll = int(digest[:4], 16)
    size = 70_000 if roll < 400 else 9_000 if roll < 2_500 else _SIZES[roll % len(_SIZES)]
    return f"{writer} {number} " + (digest * (size // 32 + 1))[:size]


def batch_size(seed: int, writer: str, number: int) -> int:
    """Return how many events the append that begins with this event has: mostly one, at most five."""
    roll = hashlib.blake2b(f"batch/{seed}/{writer}/{number}".encode(), digest_size=1).digest()[0]
    return 1 if roll < 200 else 2 + roll % 4


def judge(subject: Subject, root: Path, expected: Expectation, *, append: bool = False, tidy: bool = True) -> Verdict:
    """Open the store, compare it with what was acknowledged, and return what does not hold.

    Without *tidy* nothing is asked about leftovers: on a full disk nobody can clean up.

    With `append` one more event is written to every session afterwards (by a writer named `after`, which the
    verdict counts as seen), because a store that can be read but not continued has not recovered.
    """
    begin = time.monotonic()
    try:
        reading = subject.read(root)
    except Exception:  # noqa: BLE001  (whatever a broken store throws is the result)
        return Verdict((Violation("I6", "does not open: " + _last_lines()),), {})
    took = time.monotonic() - begin
    violations = [Violation(item.invariant, f"{item.session}: {item.text}") for item in reading.findings if item.invariant]
    if took > OPEN_LIMIT:
        violations.append(Violation("I6", f"took {took:.1f} s to open"))
    seen = _compare(reading, expected, violations)
    if tidy:
        violations += [Violation("I7", f"left over: {name}") for name in subject.leftovers(root)]
    if append and not violations:
        _continue(subject, root, reading, expected.seed, seen, violations)
    violations += [Violation("I8", text) for text in wrong_modes(root)]
    return Verdict(tuple(violations), seen)


def _compare(reading: Reading, expected: Expectation, violations: list[Violation]) -> dict[tuple[str, str], int]:
    seen: dict[tuple[str, str], int] = {}
    lost = expected.sessions - reading.sessions.keys()
    violations += [Violation("I1", f"session {name} was created and is gone") for name in sorted(lost)]
    for session, texts in reading.sessions.items():
        for text in texts:
            writer, number = _who(text)
            have = seen.get((session, writer), 0)
            if number != have:
                kind = "I2" if number < have else "I1"
                violations.append(Violation(kind, f"{session}: {writer} event {number} where {have} belongs"))
            elif text != payload(expected.seed, writer, number):
                violations.append(Violation("I1", f"{session}: {writer} event {number} has other bytes"))
            seen[session, writer] = max(have, number + 1)
    for (session, writer), count in sorted(expected.events.items()):
        have = seen.get((session, writer), 0)
        if have < count:
            violations.append(Violation("I1", f"{session}: {writer} has {have} of {count} acknowledged events"))
    latest = expected.events if expected.latest is None else expected.latest
    for (session, writer), have in sorted(seen.items()):
        count = begin = expected.events.get((session, writer), 0)
        while count < have:
            begin, count = count, count + batch_size(expected.seed, writer, count)
        last = latest.get((session, writer), 0)
        if have > expected.events.get((session, writer), 0) and (count != have or begin > last):
            violations.append(Violation("I2", f"{session}: {writer} has {have} events, acknowledged {last}"))
    return seen


def _continue(
    subject: Subject,
    root: Path,
    before: Reading,
    seed: int,
    seen: dict[tuple[str, str], int],
    violations: list[Violation],
) -> None:
    """Append one event to every session and read everything again."""
    wanted = {session: list(texts) for session, texts in before.sessions.items()}
    try:
        for session, texts in wanted.items():
            number = seen.get((session, "after"), 0)
            text = payload(seed, "after", number)
            writer = subject.open(root, session)
            writer.append([text])
            writer.close()
            texts.append(text)
            seen[session, "after"] = number + 1
        found = subject.read(root)
    except Exception:  # noqa: BLE001  (as above)
        violations.append(Violation("I6", "does not take the next append: " + _last_lines()))
        return
    wrong = [item for item in found.findings if item.invariant]
    violations += [Violation(item.invariant, f"after an append: {item.session}: {item.text}") for item in wrong]
    for session, texts in wanted.items():
        if found.sessions.get(session) != texts:
            violations.append(Violation("I1", f"{session}: reads differently after one more append"))


def wrong_modes(root: Path) -> list[str]:
    """Return what under root is readable or writable by others (I8)."""
    wrong = []
    for path in sorted(root.rglob("*")):
        mode = path.lstat().st_mode & 0o7777
        if path.is_symlink() or mode == (0o700 if path.is_dir() else 0o600) or path.name == "lost+found":
            continue
        wrong.append(f"{path.relative_to(root)} has mode {mode:04o}")
    return wrong


def _who(text: str) -> tuple[str, int]:
    writer, _, rest = text.partition(" ")
    number, _, _ = rest.partition(" ")
    return (writer, int(number)) if number.isdigit() else (text[:40], -1)


def _last_lines() -> str:
    return " | ".join(line.strip() for line in traceback.format_exc().splitlines()[-5:])
