"""Damage: every file of a store is flipped, zeroed, cut, emptied, doubled, deleted, swapped, or set back to an older version.

Validating has to find all of it in files that hold the truth; where events are missing it has to say so; other sessions
read as before; no damage hides the whole store.
"""

import json
import random
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from segue.stores.log.zstd import MAGIC, BadFrame, split
from tests.faults.harness import Acks, Job, Outcome, in_fresh_process, replay_line, scratch
from tests.faults.oracle import Finding, Reading, Subject, Violation, payload
from tests.faults.writer import Stubborn

NAME = "damage"
PER_STORE = 60
"""Damages tried on one store, each on a fresh copy."""

_NOT_FILES_OF_DATA = {"lock", ".lock", "worker.lock"}


@dataclass(frozen=True, slots=True)
class Sound:
    """A store before it is damaged: its directory, an older copy of it, and how it reads."""

    root: Path
    older: Path
    reading: Reading


def run(subject: Subject, cases: int, seed: int, base: Path | None = None) -> Outcome:
    """Damage stores `cases` times."""
    outcome = Outcome(NAME, subject.name, "", seed)
    begin = time.monotonic()
    part = 0
    while outcome.cases < cases:
        wanted = min(PER_STORE, cases - outcome.cases)
        ours = seed + part
        with scratch(base) as place:
            sound = _build(subject, place, ours)
            outcome.add(in_fresh_process(lambda: _damage_all(subject, place, sound, ours, wanted), limit=600))  # noqa: B023
        part += 1
    outcome.where = "any"
    outcome.seconds = time.monotonic() - begin
    return outcome


def _build(subject: Subject, place: Path, seed: int) -> Sound:
    """Write three sessions, copying the store half way."""
    root, older = place / "store", place / "older"
    root.mkdir(0o700)

    def some(begin: int, end: int) -> None:
        for i in range(3):
            writer = Stubborn(subject, root, Acks(place / "acks"), seed, Job(f"w{i}x{begin}", f"s{i}", create=True, limit=end))
            writer.run()
            if writer.errors:
                raise RuntimeError(writer.errors[0])

    in_fresh_process(lambda: some(0, 20))
    shutil.copytree(root, older, symlinks=True)
    in_fresh_process(lambda: some(20, 35))
    return Sound(root, older, in_fresh_process(lambda: subject.read(root)))


def _damage_all(subject: Subject, place: Path, sound: Sound, seed: int, wanted: int) -> Outcome:
    outcome = Outcome(NAME, subject.name, "", seed)
    rng = random.Random(seed)
    paths = [path.relative_to(sound.root) for path in sorted(sound.root.rglob("*")) if path.is_file()]
    files = [path for path in paths if path.name not in _NOT_FILES_OF_DATA]
    rng.shuffle(files)
    number = 0
    while outcome.cases < wanted:
        path = files[number % len(files)]
        kind = rng.choice(list(KINDS))
        copy = place / f"copy{number}"
        number += 1
        shutil.copytree(sound.root, copy, symlinks=True)
        changed = KINDS[kind](copy, path, sound, rng)
        if changed:
            violations = _judge(subject, copy, sound, path, again=rng.random() < 0.3)
            outcome.cases += 1
            outcome.note(kind)
            if violations:
                replay = replay_line(NAME, subject.name, seed, {"cases": wanted})
                outcome.fail(f"{kind} of {path}", tuple(violations), replay)
        shutil.rmtree(copy)
    return outcome


def _judge(subject: Subject, root: Path, sound: Sound, path: Path, *, again: bool) -> list[Violation]:
    truth: Callable[[Path], bool] = getattr(subject, "truth", lambda _: True)
    promised: type[BaseException] = getattr(subject, "promised", OSError)
    try:
        after = subject.read(root)
    except promised as error:
        alone = len(path.parts) == 1 and path.suffix == ".json"  # the store's own header: nothing can be believed without it
        return [] if alone else [Violation("I6", f"damage hides the whole store: {error!r}")]
    except Exception as error:  # noqa: BLE001  (whatever leaks is the result)
        return [Violation("I6", f"damage hides the whole store, by an error that nobody promised: {error!r}")]
    new = _new(sound.reading, after)
    before = sound.reading.sessions
    hurt = [name for name, texts in before.items() if after.sessions.get(name) != texts]
    owner = getattr(subject, "owner", lambda p: p.stem)(path)
    violations = [Violation("I1", f"another session is hurt: {name}") for name in hurt if owner and name != owner]
    if len(hurt) > 1:
        violations.append(Violation("I1", f"one file hurts {len(hurt)} sessions"))
    if hurt and not new:
        violations.append(Violation("I3", "events are missing or changed, and nothing is said"))
    elif hurt and not any(item.invariant for item in new):
        violations.append(
            Violation("I3", f"events are missing, and it does not count as damage: {[item.text for item in new][:3]}")
        )
    elif truth(path) and not new and not _says_the_same(root / path, sound.root / path):
        violations.append(Violation("I3", "the damage is not found"))
    if again and not violations:
        violations += _goes_on(subject, root, after, promised)
    return violations


def _says_the_same(damaged: Path, sound: Path) -> bool:
    """Return whether all that the file holds is still there: zstd ignores a bit of its frames, JSON the space around it."""
    try:
        if sound.suffix == ".json":
            return bool(json.loads(damaged.read_bytes()) == json.loads(sound.read_bytes()))
        return sound.suffix == ".zst" and _unpacked(damaged) == _unpacked(sound)
    except (OSError, ValueError, BadFrame):
        return False


def _unpacked(path: Path) -> bytes:
    rest, out = path.read_bytes(), b""
    while rest.startswith(MAGIC):
        part, rest = split(rest, 1 << 26)
        out += part
    return out + rest


def _goes_on(subject: Subject, root: Path, after: Reading, promised: type[BaseException]) -> list[Violation]:
    """Append to every session: what could be read stays readable."""
    wanted = {name: list(texts) for name, texts in after.sessions.items()}
    for name, texts in wanted.items():
        text = payload(0, "after", 0)
        try:
            writer = subject.open(root, name)
            writer.append([text])
            writer.close()
            texts.append(text)
        except promised:
            continue
        except Exception as error:  # noqa: BLE001  (whatever leaks is the result)
            return [Violation("I6", f"an append to a damaged store raises what nobody promised: {error!r}")]
    try:
        found = subject.read(root)
    except Exception as error:  # noqa: BLE001  (as above)
        return [Violation("I6", f"after an append the store does not open: {error!r}")]
    return [
        Violation("I1", f"{name} reads {len(found.sessions.get(name, []))} events after an append, not {len(texts)}")
        for name, texts in wanted.items()
        if found.sessions.get(name) != texts
    ]


def _new(before: Reading, after: Reading) -> list[Finding]:
    known = set(before.findings)
    return [item for item in after.findings if item not in known]


# --- kinds of damage: each returns whether it changed anything ---------------------------------------


def _bit(root: Path, path: Path, _: Sound, rng: random.Random) -> bool:
    data = bytearray((root / path).read_bytes())
    if not data:
        return False
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return _put(root / path, bytes(data))


def _page(root: Path, path: Path, _: Sound, rng: random.Random) -> bool:
    data = (root / path).read_bytes()
    size = rng.choice((512, 4096))
    begin = rng.randrange(len(data) // size + 1) * size
    end = min(begin + size, len(data))
    return _put(root / path, data[:begin] + bytes(end - begin) + data[end:])


def _cut(root: Path, path: Path, _: Sound, rng: random.Random) -> bool:
    data = (root / path).read_bytes()
    lines = [at + 1 for at, byte in enumerate(data[:-1]) if byte == 10]
    at = rng.choice(lines) if lines and rng.random() < 0.4 else rng.randrange(len(data)) if data else 0
    return _put(root / path, data[:at])


def _empty(root: Path, path: Path, _: Sound, rng: random.Random) -> bool:
    return _put(root / path, b"")


def _doubled(root: Path, path: Path, _: Sound, rng: random.Random) -> bool:
    return _put(root / path, (root / path).read_bytes() * 2)


def _deleted(root: Path, path: Path, _: Sound, rng: random.Random) -> bool:
    empty = not (root / path).stat().st_size  # nothing is lost with it
    (root / path).unlink()
    return not empty


def _swapped(root: Path, path: Path, _: Sound, rng: random.Random) -> bool:
    others = [
        other for other in sorted((root).rglob(f"*{path.suffix}")) if other.is_file() and other.name not in _NOT_FILES_OF_DATA
    ]
    return _put(root / path, rng.choice(others).read_bytes())


def _older(root: Path, path: Path, sound: Sound, rng: random.Random) -> bool:
    old = sound.older / path
    return old.is_file() and _put(root / path, old.read_bytes())


def _put(path: Path, data: bytes) -> bool:
    if path.read_bytes() == data:
        return False
    path.write_bytes(data)
    return True


KINDS: dict[str, Callable[[Path, Path, Sound, random.Random], bool]] = {
    "bit": _bit,
    "page": _page,
    "cut": _cut,
    "empty": _empty,
    "doubled": _doubled,
    "deleted": _deleted,
    "swapped": _swapped,
    "older": _older,
}
