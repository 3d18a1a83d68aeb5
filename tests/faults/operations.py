"""The operations that faults are tried on, each with the world that it begins in, and what may be different after it.

Most are commands as a user types them. What has no command is called as the worker, a hook or a program calls it.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from segue.cli.main import run
from segue.core.log.events import Draft
from tests.faults import careless, keyed
from tests.faults.plan import LOOKS as LOOK_NAMES
from tests.faults.world import Call, Work, World, command, lines, message

_FIXTURES: Final = Path(__file__).parents[1] / "fixtures" / "transcripts" / "claude"
_LARGE: Final = "a large thing " * 9_000


def _nothing(_world: World) -> None:
    """The world is as it was made."""


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that is done to a world, once, with a fault in it."""

    name: str
    work: Work
    prepare: Callable[[World], None] = _nothing
    again: Work | None = None
    """How a person or the worker goes on after the fault; the same once more where nothing is given."""
    fine: Sequence[int] = (0,)
    """How that may end."""
    ends: Sequence[int] = (0,)
    """How it ends without a fault."""
    rewrites: bool = False
    """Logs are put together anew: what they say stays, their digests may not."""
    takes_away: str = ""
    """The text of the task whose session may be gone afterwards."""
    excused: tuple[str, ...] = ()
    """The kinds of events that may be missing or say less where a fault hits what is taken along: a checkpoint without files."""
    acked: Callable[[str], Sequence[str]] = lambda _: ()
    """What was acknowledged, to be found in the log again, as its output tells."""
    holds: Callable[[World], Iterable[str]] = lambda _: ()
    """What does not hold in the end, beside what has to hold of all operations."""


# --- worlds


def _transcript(world: World) -> None:
    place = world.user / ".claude" / "projects" / "-shop"
    place.mkdir(parents=True)
    shutil.copyfile(_FIXTURES / "killed-mid-tool.jsonl", place / "killed-mid-tool.jsonl")


def _imported(world: World) -> None:
    _transcript(world)
    world.must("import", str(world.user / ".claude"))
    for path in (world.user / ".claude").rglob("*.jsonl"):
        path.unlink()


def _backed_up(world: World) -> None:
    world.must("backup")
    world.must("append", "current", "--stdin", stdin=lines([message("after the backup")]))


def _spooled(world: World) -> None:
    from segue import hooks

    (world.home / "spool").mkdir(mode=0o700)
    payload = {"session_id": "5e551011", "cwd": str(world.work), "prompt": "spooled words", "hook_event_name": "UserPromptSubmit"}
    for number in range(3):
        text = json.dumps(payload | {"prompt": f"spooled words {number}"})
        hooks.spool(str(world.home), "claude-code", "UserPromptSubmit", text.encode())


def unsealed(world: World) -> None:
    """A session of three segments, two of them closed, and a deleted one whose room is to be had back."""

    def work(call: Call) -> None:
        from segue.stores.log import ending

        ending.SEGMENT_BYTES = 4_096
        app = call.app()
        (first, *_) = app.store.sessions()
        for number in range(6):
            app.store.append(first, [Draft("fault.text", {"text": f"segment {number} " + "x" * 1_500})])
        gone = app.ids.uuid7()
        app.store.create(gone, [Draft("fault.text", {"text": "deleted"})])
        app.store.delete(gone)
        app.close()

    _must(world, work)


def _damaged(world: World) -> None:
    """Backed up, and then a word of a log is another one."""
    world.must("append", "current", "--stdin", stdin=lines([message("before the backup")]))
    _backed_up(world)
    logs = ((path, path.read_bytes()) for path in world.store.glob("sessions/*/log/*.jsonl"))
    ((log, data),) = ((log, data) for log, data in logs if b"before the backup" in data)
    log.write_bytes(data.replace(b"before the backup", b"before the packup"))


def _automatic(world: World) -> None:
    """Ten checkpoints that nobody asked for."""
    for _ in range(4):
        world.must("checkpoint", "create", "--automatic", "--trigger", "autosave")


def _unindexed(world: World) -> None:
    for path in world.store.glob("index.sqlite*"):
        path.unlink()


def _emergency(world: World) -> None:
    """A run ended while its log could not be written: what it had to say waits."""

    def work(call: Call) -> None:
        session = call.app().opened().create(task="a run that ended badly")
        run = session.running()
        run.__enter__()
        path = next(iter(call.world.store.glob(f"sessions/{session.id}/lock")))
        path.rename(path.with_name("lock.kept"))
        path.mkdir()  # a lock that nobody can take
        for number in range(3):
            session.append(Draft("fault.text", {"text": f"kept for later {number}"}))
        run.__exit__(ValueError, ValueError("over"), None)

    world.phase += 1
    world.call(work, world.phase)
    for path in world.store.glob("sessions/*/lock"):
        if path.is_dir():
            path.rmdir()
            path.with_name("lock.kept").rename(path)


def _must(world: World, work: Work) -> None:
    world.phase += 1
    said = world.call(work, world.phase)
    if said.code != 0:
        raise RuntimeError(str(said))


# --- what has no command


def _scopes(call: Call) -> None:
    app = call.app()
    (first, *_) = app.store.sessions()
    for number in range(2):
        draft = Draft(
            "fault.text", {"text": f"scoped {number}"}, key=f"scope{number}", scopes={"app:shop": {f"n{number}": number}}
        )
        app.store.append(first, [draft])
        call.out.write(f"acked scoped {number}\n")
        call.out.flush()
    assert app.store.scope("app:shop").values.items() >= {"n0": 0, "n1": 1}.items()
    app.close()


def _imports(call: Call) -> int:
    return run(("import", str(call.world.user / ".claude")), call.frame(b""))


def _goes_back(call: Call) -> int:
    """Restore, and where an interrupted restore is in the way, bring that one to its end."""
    code = run(("checkpoint", "restore", _CHECKPOINT, "--code", "--yes", "--take-over"), call.frame(b""))
    return run(("checkpoint", "restore", "--finish", "--yes"), call.frame(b"")) if code == 5 else code


def deletes(call: Call) -> None:
    """Delete the fork."""
    app = call.app()
    for row in app.index.sessions():
        if row.task == "sell plums":
            app.store.delete(row.id)
    app.close()


def seals(call: Call) -> None:
    """Seal all that can be, and do what waits."""
    app = call.app()
    for session in app.store.sessions():
        app.store.seal(session, whole=True)  # type: ignore[attr-defined]
    app.store.upkeep()  # type: ignore[attr-defined]
    app.close()


def _snapshots(call: Call) -> None:
    """Fold a state, and keep it."""
    from segue.ports import Snapshot

    app = call.app()
    for session in app.store.sessions():
        last = next(iter(app.store.read(session, reverse=True)))
        app.store.put_snapshot(session, Snapshot(last.seq, last.digest, "faults", b"a fold"))
    app.close()


def _leases(call: Call) -> None:
    app = call.app()
    (first, *_) = app.store.sessions()
    lease = app.store.acquire(first, f"call {call.phase}", 60.0, take_over=True)
    app.store.append(first, [Draft("fault.text", {"text": "driven"}, key="driven")], fence=lease.token)
    call.out.write("acked driven\n")
    app.store.release(app.store.renew(lease, 60.0))
    app.close()


def _runs(call: Call) -> int:
    """An agent's run that ends by an error, on a disk that fails."""
    app = call.app()
    store = app.opened()
    session = store.session("current")
    run = session.running()
    with suppress(ZeroDivisionError), run:
        for number in range(3):
            session.append(Draft("fault.text", {"text": f"run {number}"}))
            call.out.write(f"acked run {number}\n")
            call.out.flush()
        raise ZeroDivisionError
    app.close()
    if run.interruption is None and not run.kept:
        call.err.write("error: how the run ended can be kept nowhere: no permission, no room, no memory, too many open files\n")
        return 1
    return 0


def _hooks(call: Call) -> int:
    """A hook, as `segue init` writes it and an agent runs it."""
    from segue.host.hookfile import hook_text

    script = call.world.place / "hook.py"
    script.write_text(hook_text(str(call.world.home), "claude-code"))
    payload = json.dumps({"session_id": "5e551011", "cwd": str(call.world.work), "prompt": "hooked words"}).encode()
    done = subprocess.run(
        [sys.executable, "-S", "-E", str(script), "UserPromptSubmit"],
        input=payload,
        check=False,
        env={**os.environ, **call.world.env},
    )
    return done.returncode


def _last_lines(out: str) -> list[str]:
    return [line.removeprefix("acked ") for line in out.splitlines() if line.startswith("acked ")]


def _sent(out: str) -> list[str]:
    """Each answer of `append --stdin` acknowledges one more of the lines that were sent."""
    return [f"fresh pears {number}" for number, _ in enumerate(out.splitlines())]


_FRESH: Final = [message(f"fresh pears {number}", key=f"fresh{number}") for number in range(3)]
_CHECKPOINT: Final = "RECOVERY-260115-001-093300"

_forget: Final = command(
    "forget", "--all", "--keep-last", "1", *(f"--keep-{which}=0" for which in ("daily", "weekly", "automatic"))
)

OPERATIONS: Final = (
    Operation("append", command("append", "current", "--stdin", stdin=lines(_FRESH)), acked=_sent),
    Operation("append-blob", command("append", "current", "--stdin", stdin=lines([message(_LARGE, key="large")]))),
    Operation("create", command("start", "--task", "sell quinces")),
    Operation("fork", command("fork", "current", "--task", "try quinces")),
    Operation("scope", _scopes, acked=_last_lines),
    Operation("lease", _leases, acked=_last_lines),
    Operation("delete", deletes, takes_away="sell plums"),
    Operation("seal", seals, unsealed),
    Operation("snapshot", _snapshots),
    Operation("index", command("search", "pears"), _unindexed),
    Operation("import", _imports, _transcript),
    Operation(
        "restore-transcript", command("restore-transcript", "2b6480e5-a021-48bb-9ea7-112366b32361"), _imported, fine=(0, 1, 5)
    ),
    Operation("spool", command("upkeep"), _spooled),
    Operation("hook", _hooks, lambda world: (world.home / "spool").mkdir(mode=0o700)),
    Operation("checkpoint", command("checkpoint", "create", "-m", "two"), excused=("checkpoint.created",)),
    Operation(
        "restore-code",
        command("checkpoint", "restore", _CHECKPOINT, "--code", "--yes"),
        again=_goes_back,
        excused=("changes.seen",),  # where looking fails the next look tells
    ),
    Operation("forget", _forget, _automatic),
    Operation("pause", command("pause", "-m", "enough"), fine=(0, 5), excused=("checkpoint.created",)),
    Operation("end", command("end"), fine=(0, 5), excused=("checkpoint.created",)),
    Operation("run", _runs, acked=_last_lines, fine=(0, 5), excused=("agent.set", "checkpoint.created")),
    Operation("emergency", command("list"), _emergency),
    Operation("backup", command("backup"), _backed_up),
    Operation("restore-store", command("restore-store", "last"), _backed_up, again=command("recover"), rewrites=True),
    Operation("recover", command("recover"), _damaged, rewrites=True),
    Operation("repair", command("repair"), _damaged, ends=(6,), fine=(0, 6), rewrites=True),
    Operation("init", command("init", "claude-code", "--yes", "--no-import"), _transcript),
    Operation("git-hooks", command("init", "--git-hooks", "--yes")),
    *(
        Operation(name, work, prepare, again=keyed.going_on(work, is_done), holds=holds)
        for name, work, prepare, is_done, holds in (
            ("encrypt", keyed.encrypts, keyed.furnished, keyed.is_encrypted, keyed.hidden),
            ("rotate", keyed.rotates, keyed.encrypted, keyed.is_rotated, keyed.hidden),
            ("decrypt", keyed.decrypts, keyed.encrypted, keyed.is_in_the_clear, keyed.readable),
        )
    ),
    Operation("erase", keyed.erases, keyed.furnished, holds=keyed.erased),
    Operation("erase-encrypted", keyed.erases, keyed.encrypted, holds=keyed.erased),
)
_LOOKS: Final[Mapping[str, tuple[Callable[[World], None], Sequence[int]]]] = {
    "validate": (_backed_up, (0,)),
    "doctor": (_backed_up, (0, 1)),
    "backup+list": (_backed_up, (0,)),
    "backup+check+last": (_backed_up, (0,)),
    "recover+--dry-run": (_damaged, (0, 6)),
    "why+pears.txt": (_nothing, (0, 4)),
}
LOOKS: Final = tuple(
    Operation(f"look-{name}", command(*name.split("+")), prepare, fine=fine, ends=fine)
    for name, prepare, fine in ((name, *_LOOKS.get(name, (_nothing, (0,)))) for name in LOOK_NAMES)
)
"""Commands that change nothing of the user's: they are tried where there is nothing left of something (`scarce`)."""
CONTROLS: Final = (
    Operation("careless-write", careless.short_write_unseen),
    Operation("careless-file", careless.written_in_place, lambda world: careless.settings(world.user)),
    Operation("careless-answer", careless.told_before, acked=_last_lines),
    Operation("careless-temporary", careless.left_over),
    Operation("careless-error", careless.raw_error),
    Operation("careless-listing", careless.listed_first),
)
NAMED: Final = {operation.name: operation for operation in (*OPERATIONS, *LOOKS, *CONTROLS)}
