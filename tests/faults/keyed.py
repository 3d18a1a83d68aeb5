"""Putting a store under a key, under another, under none, and erasing from it: what begins there, and what has to hold after it.

The world has a word in every place that segue writes to. While and after the key changes all of it can be read with the key;
in the end nothing of it can be read without. What is erased is nowhere, and all else is there.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from segue.cli.main import run
from segue.core.log.events import Draft
from segue.engine.saving.interrupting import record
from segue.ports import Snapshot
from tests.canary import canaries, traces
from tests.faults.harness import in_fresh_process
from tests.faults.world import Call, Work, World, lines, message

WORDS: Final = canaries("message", "large", "shared", "folded", "emergency", "transcript", "file")
GONE: Final = canaries("message", "large", "shared", "transcript", "file", "emergency", seed=1)
_NOT_WHOLE: Final = ("emergency", "transcript")
"""What is erased from line by line: of a snapshot of a workspace with something in it nothing stays."""
_ELSEWHERE: Final = "0199a5d2-0000-7000-8000-000000000001"


def furnished(world: World) -> None:
    """A word in every place: in the log, a large value, shared state, a sealed segment, a fold, a snapshot, beside the store."""
    for words in (WORDS, GONE):
        (world.work / f"{words['file'][:5]}.txt").write_text(f"{words['file']}\n")
        (world.user / "agent.jsonl").write_text(f"{words['transcript']}\nsells pears\n")
        large = message(f"{words['large']} " + "a large thing " * 9_000)
        world.must("append", "current", "--stdin", stdin=lines([message(words["message"]), large]))
        _must(world, lambda call, words=words: _beside(call, words))
        world.must("checkpoint", "create", "-m", "with words")
    _must(world, _sealed)
    (world.user / "agent.jsonl").unlink()
    (world.user / "erase").write_text("\n".join(word for text in GONE.values() for word in text.split()))
    world.must("upkeep")


def encrypted(world: World) -> None:
    """The same, under a key."""
    furnished(world)
    world.must("encrypt", "--key-file", str(world.user / "key"))


def encrypts(call: Call) -> int:
    """Put it under a key."""
    return run(("encrypt", "--key-file", str(call.world.user / "key")), call.frame(b""))


def rotates(call: Call) -> int:
    """Put it under a new one."""
    return run(("key", "rotate", "--key-file", str(call.world.user / "key-2")), call.frame(b""))


def decrypts(call: Call) -> int:
    """Put it under none."""
    return run(("decrypt", "--yes"), call.frame(b""))


def erases(call: Call) -> int:
    """Erase the words that are to go."""
    return run(("erase", "--pattern-file", str(call.world.user / "erase"), "--yes"), call.frame(b""))


def going_on(work: Work, is_done: Callable[[Call], bool]) -> Work:
    """Return what a person does after a change was interrupted: he finishes it; where none was begun yet, he begins it again."""

    def again(call: Call) -> int:
        code = run(("key", "continue"), call.frame(b""))
        return code if code or is_done(call) else int(work(call))

    return again


def is_encrypted(call: Call) -> bool:
    """Return whether the store is under a key."""
    return (call.world.store / "encryption.json").exists()


def is_in_the_clear(call: Call) -> bool:
    """Return whether it is under none."""
    return not is_encrypted(call)


def is_rotated(call: Call) -> bool:
    """Return whether the store's key is not its first one."""
    return bool(json.loads((call.world.store / "encryption.json").read_bytes())["older"])


def hidden(world: World) -> Iterator[str]:
    """Nothing can be read without the key, all of it with the key."""
    yield from (f"{found.word} can be read in {found.file}, as {found.how}" for found in sorted(traces(world.home, WORDS | GONE)))
    yield from readable(world)


def readable(world: World) -> Iterator[str]:
    """What lies beside the store can be read: copies, what was kept in an emergency, snapshots of workspaces."""
    if any(fact.startswith("erased ") for fact in world.look().facts):  # by another, meanwhile
        yield from _missing(world, (WORDS,), _NOT_WHOLE)
    else:
        yield from _missing(world, (WORDS, GONE))


def erased(world: World) -> Iterator[str]:
    """What was erased is nowhere, and all else is there."""
    said = world.call(
        lambda call: run(("erase", "--pattern-file", str(call.world.user / "erase"), "--verify"), call.frame(b"")), 900
    )
    if said.code:
        yield f"erase --verify ends with {said.code}: {said.out}{said.err}"
    if not (world.store / "encryption.json").exists():
        yield from (f"{found.word} is in {found.file}, as {found.how}" for found in sorted(traces(world.home, GONE)))
    yield from _missing(world, (WORDS,), _NOT_WHOLE)


def _missing(
    world: World, sets: Sequence[dict[str, str]], places: Sequence[str] = ("emergency", "transcript", "file")
) -> Iterator[str]:
    try:
        found = in_fresh_process(lambda: _read(world))
    except Exception as error:  # noqa: BLE001  (said of the world)
        yield f"what is beside the store cannot be read: {str(error)[-600:]}"
        return
    yield from (
        f"the {name} is lost: it is not in {found[name][:200]}"
        for words in sets
        for name in places
        if words[name] not in found[name]
    )


def _read(world: World) -> dict[str, str]:
    from segue.app import App
    from segue.testing.fakes import START, FakeClock, FakeIds

    app = App(world.env, cwd=str(world.work), clock=FakeClock(START + 950_000), ids=FakeIds(950_000))
    try:
        found = {"transcript": "", "emergency": "", "file": ""}
        assert app.store  # with the key
        for path in sorted((world.home / "kept").rglob("*")):
            if path.is_file():
                found["transcript"] += b"".join(app.keeping.content(str(path))).decode()
        for kept in app.emergencies.take():
            found["emergency"] += b"".join(kept.payloads).decode()
            kept.leave()
        with app.saving.vault.opened(whole=True):
            from segue.host.workspace.gitting import Git

            path = app.saving.vault.path
            git = Git(path, str(path), app.env)
            git.run("fsck", "--full", "--strict")
            found["file"] = git.run("cat-file", "--batch-all-objects", "--batch").decode("utf-8", "replace")
        return found
    finally:
        app.close()


def _beside(call: Call, words: dict[str, str]) -> None:
    app = call.app()
    (first, *_) = app.store.sessions()
    app.store.append(
        first, [Draft("fault.text", {"text": "shared"}, scopes={"app:shop": {words["shared"].split()[0]: words["shared"]}})]
    )
    app.keeping.keep(str(call.world.user / "agent.jsonl"), "claude-code/abc")
    reserve = app.host.reserve()
    text = {"role": "user", "parts": [{"type": "text", "content": words["emergency"]}]}
    reserve.put(record("log:///elsewhere", _ELSEWHERE, [Draft("message", text, "ann")]))
    reserve.close()
    app.close()


def _sealed(call: Call) -> None:
    from segue.stores.log import ending

    ending.SEGMENT_BYTES = 4_096
    app = call.app()
    (first, *_) = app.store.sessions()
    for number in range(4):
        app.store.append(first, [Draft("fault.text", {"text": f"segment {number} " + "x" * 1_500})])
    app.store.seal(first)  # type: ignore[attr-defined]
    last = next(iter(app.store.read(first, reverse=True)))
    app.store.put_snapshot(first, Snapshot(last.seq, last.digest, "faults", WORDS["folded"].encode()))
    app.store.upkeep()  # type: ignore[attr-defined]
    app.close()


def _must(world: World, work: Work) -> None:
    world.phase += 1
    said = world.call(work, world.phase)
    if said.code != 0:
        raise RuntimeError(str(said))
