"""A small world to try faults on: a home of segue, a git work tree and a user's home, and commands that run in them.

Each command runs in a process of its own, forked from one that has everything imported: as fresh as a new interpreter, at a
tenth of the price. Time and ids are given, so that a command leaves the same behind in every run.
"""

import gc
import importlib
import io
import json
import os
import pkgutil
import re
import select
import shutil
import signal
import subprocess
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, NamedTuple

from segue.app import App
from segue.cli.frame import Frame
from segue.cli.main import run
from segue.core.errors import SegueError
from segue.host.clock import SystemClock
from segue.testing.fakes import START, FakeClock, FakeIds
from tests.faults.harness import in_fresh_process

TIME_LIMIT: Final = 20.0
"""Seconds for one command, a guard against hanging."""

_VARIABLE: Final = re.compile(r"[0-9a-f]{7,}|\d+")
_ODD: Final = re.compile(r"(?<![a-z])[0-9a-f]{2,}(?![g-z])|[0-9]")
GIT: Final = ("-c", "user.name=ann", "-c", "user.email=ann@example.org", "-c", "commit.gpgsign=false", "-c", "core.hooksPath=")


def preload() -> None:
    """Import all of segue that a command may need, once for all processes that are forked from this one."""
    for room in ("cli", "core", "engine", "host", "stores", "transcripts"):
        package = importlib.import_module(f"segue.{room}")
        for found in pkgutil.walk_packages(package.__path__, f"segue.{room}."):
            importlib.import_module(found.name)
    gc.freeze()


class Said(NamedTuple):
    """How a command ended (None: killed, -1: it had to be), and what it said."""

    code: int | None
    out: str
    err: str


@dataclass(slots=True)
class View:
    """What a fresh process sees of a world."""

    sessions: dict[str, list[str]] = field(default_factory=dict)
    """The digests of each session's events, in order."""
    facts: Counter[str] = field(default_factory=Counter)
    """What the events say, but for ids and figures."""
    texts: str = ""
    """All bodies, one a line."""
    damage: list[str] = field(default_factory=list)
    error: str = ""


class World:
    """One directory with all that a user has: `home` (segue's), `work`, `user`, `run`, `tmp`."""

    def __init__(self, root: Path, place: Path, extra: Mapping[str, str] | None = None) -> None:
        """Know where it is; copies and what commands say go to *place*. *extra* is added to the environment of every command."""
        self.root, self.place = root, place
        self.home, self.work, self.user = self.root / "home", self.root / "work", self.root / "user"
        self.store = self.home / "store"
        self.env = {
            "SEGUE_HOME": str(self.home),
            "HOME": str(self.user),
            "XDG_RUNTIME_DIR": str(self.root / "run"),
            "TMPDIR": str(self.root / "tmp"),
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "COLUMNS": "100",
            "SEGUE_UPKEEP": "off",
            "TZ": "UTC",
            **(extra or {}),
        }

    # --- making it

    def make(self) -> None:
        """Make the world: a repository with a few files, two sessions with all sorts of events, a checkpoint, a fork."""
        for path in (self.root, self.home, self.work, self.user, self.root / "run", self.root / "tmp"):
            path.mkdir(0o700)
        for name, text in (("pears.txt", "pears 7\n"), ("src/shop.py", "def sell(): ...\n"), ("old.txt", "to go\n")):
            (self.work / name).parent.mkdir(exist_ok=True)
            (self.work / name).write_text(text)
        self.git("init", "-q", "-b", "main")
        self.git("add", ".")
        self.git("commit", "-q", "-m", "pears")
        self.must("start", "--task", "sell pears")
        self.must("append", "current", "--stdin", stdin=lines(EVENTS))
        self.must("checkpoint", "create", "-m", "with seven pears")
        (self.work / "pears.txt").write_text("pears 6\n")
        (self.work / "new.txt").write_text("plums\n")
        (self.work / "old.txt").unlink()
        self.must("fork", "current", "--task", "sell plums")
        self.must("list")

    def git(self, *arguments: str) -> None:
        """Run git in the work tree, as the user."""
        times = {"GIT_AUTHOR_DATE": "1700000000 +0000", "GIT_COMMITTER_DATE": "1700000000 +0000", "GIT_CONFIG_NOSYSTEM": "1"}
        subprocess.run(["git", *GIT, *arguments], cwd=self.work, env=self.env | times, check=True)

    def keep(self, name: str) -> Path:
        """Return a copy of the world as it is."""
        copy = self.place / name
        shutil.copytree(self.root, copy, symlinks=True)
        return copy

    def bring_back(self, copy: Path) -> None:
        """Make the world what it was when it was copied."""
        shutil.rmtree(self.root)
        shutil.copytree(copy, self.root, symlinks=True)

    # --- running something in it

    def must(self, *arguments: str, stdin: bytes = b"") -> Said:
        """Run a command that has to work."""
        self.phase += 1
        said = self.call(command(*arguments, stdin=stdin), self.phase)
        if said.code != 0:
            raise RuntimeError(f"segue {' '.join(arguments)}: {said}")
        return said

    phase: int = 0
    """Every call has a phase of its own: its time, and the seed of its ids."""

    def call(self, work: "Work", phase: int, limit: float = TIME_LIMIT, before: Callable[[], None] | None = None) -> Said:
        """Run *work* in a process group of its own and return how it ended. *before* is called in it first."""
        return self.ended(self.started(work, phase, before), phase, limit)

    def started(self, work: "Work", phase: int, before: Callable[[], None] | None = None) -> int:
        """Start *work* in a process group of its own and return its number, to be given to `ended`."""
        said = self.place / f"said-{phase}"
        said.mkdir(exist_ok=True)
        pid = os.fork()
        if pid == 0:
            os.setsid()
            code = 99
            try:
                with (said / "out").open("w") as out, (said / "err").open("w", buffering=1) as err:
                    os.dup2(err.fileno(), 2)
                    os.chdir(self.work)
                    if before:
                        before()
                    code = _guarded(lambda: work(Call(self, phase, out, err)), err)
            finally:
                os._exit(code)
        return pid

    def ended(self, pid: int, phase: int, limit: float = TIME_LIMIT) -> Said:
        """Wait for what was started, and return how it ended."""
        said = self.place / f"said-{phase}"
        code = _ended(pid, limit)
        return Said(code, (said / "out").read_text(errors="replace"), (said / "err").read_text(errors="replace"))

    def look(self) -> View:
        """Return what a fresh process sees, after it has taken in what waited in an emergency."""
        return in_fresh_process(self._view)

    def _view(self) -> View:
        view = View()
        app = App(self.env, cwd=str(self.work), clock=FakeClock(START + 900_000), ids=FakeIds(900_000))
        try:
            store = app.store
            for session in store.sessions():
                digests = view.sessions.setdefault(session, [])
                for event in store.read(session, on_damage=lambda d: view.damage.append(f"{d.where}: {d.reason}")):
                    digests.append(event.digest)
                    body = json.dumps(event.body, sort_keys=True)
                    view.facts[_VARIABLE.sub("#", f"{event.kind} {event.actor} {body}")] += 1
                    view.texts += body + "\n"
            view.damage += [f"{f.where}: {f.reason}" for f in store.verify() if f.severity in {"damage", "gap"}]
        except SegueError as error:
            view.error = f"{error.code}: {error.message}"
        finally:
            app.close()
        return view

    def tidy(self) -> None:
        """Do the upkeep of some hours later: what was left behind by a crash is old by then."""

        def work() -> None:
            worked = self.store / "worker.lock"
            last = worked.stat().st_mtime if worked.exists() else 0.0
            clock = FakeClock(max(SystemClock().now(), last) + 7200)
            app = App(self.env, cwd=str(self.work), clock=clock, ids=FakeIds(800_000))
            app.store.upkeep()  # type: ignore[attr-defined]
            app.close()

        in_fresh_process(work)

    def shapes(self) -> set[str]:
        """Return the names of all files that are ours, digits taken out: what is left over shows as one that was never there."""
        places = (self.home, self.user, self.root / "run", self.root / "tmp")
        paths = [path for place in places for path in place.rglob("*")]
        paths += [path for path in self.work.rglob("*") if ".git" not in path.parts]
        return {_ODD.sub("#", str(path.relative_to(self.root))) for path in paths}

    def files(self) -> dict[str, str]:
        """Return the user's own files, and a digest of each."""
        paths = [path for place in (self.work, self.user) for path in place.rglob("*") if ".git" not in path.parts]
        return {
            str(path.relative_to(self.root)): str(path.readlink())
            if path.is_symlink()
            else blake2b(path.read_bytes(), digest_size=8).hexdigest()
            for path in sorted(paths)
            if path.is_symlink() or path.is_file()
        }


class Call(NamedTuple):
    """One process's work in a world: where, when, and the streams."""

    world: World
    phase: int
    out: io.TextIOWrapper
    err: io.TextIOWrapper

    def frame(self, stdin: bytes) -> Frame:
        """Return what a command works with."""
        return Frame(
            env=self.world.env,
            cwd=str(self.world.work),
            stdin=io.BytesIO(stdin),
            stdout=self.out,
            stderr=self.err,
            clock=FakeClock(START + 60 * self.phase),
            ids=FakeIds(self.phase),
        )

    def app(self) -> App:
        """Return the application."""
        frame = self.frame(b"")
        return frame.app


Work = Callable[[Call], Any]
"""Returns an exit code, or nothing."""


def command(*arguments: str, stdin: bytes = b"") -> Work:
    """Return the work of a command line."""
    return lambda call: run(arguments, call.frame(stdin))


def lines(events: Sequence[Mapping[str, Any]]) -> bytes:
    """Return events as JSON Lines."""
    return "".join(json.dumps(event) + "\n" for event in events).encode()


def message(text: str, role: str = "user", **more: Any) -> dict[str, Any]:
    """Return a message as `segue append` reads it."""
    return {"kind": "message", "body": {"role": role, "parts": [{"type": "text", "content": text}]}, **more}


EVENTS: Final = (
    message("sell pears, never plums", key="k1", actor="ann"),
    message("I look at the stock.", "assistant"),
    {"kind": "decision.made", "body": {"title": "sell by weight", "reason": "pears differ in size"}},
    {"kind": "plan.set", "body": {"steps": [{"text": "weigh", "status": "completed"}, {"text": "print a price list"}]}},
    {"kind": "of.next.year", "body": {"unknown": [1, {"deep": None}]}},
    message("the whole list: " + "pear apple quince " * 5000, "assistant"),
)


def _guarded(work: Callable[[], Any], err: io.TextIOWrapper) -> int:
    try:
        code = work()
    except SystemExit as e:
        return e.code if isinstance(e.code, int) else 98
    except KeyboardInterrupt:
        return 130
    except SegueError as e:  # as a program would tell
        err.write(f"error: {e.message}\n")
        return e.exit_code
    except BaseException:  # noqa: BLE001  (seen by the parent as what it is: a traceback on the screen)
        err.write(traceback.format_exc())
        return 97
    return code if isinstance(code, int) else 0


def _ended(pid: int, limit: float) -> int | None:
    """Wait for a process and its group; return its exit code, None where it was killed, -1 where it had to be."""
    watch = os.pidfd_open(pid)
    try:
        in_time = bool(select.select([watch], [], [], limit)[0])
    finally:
        os.close(watch)
    if not in_time:
        os.killpg(pid, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    try:
        os.killpg(pid, signal.SIGKILL)  # what it started does not outlive it here
        while os.waitpid(-pid, 0):  # adopted: see `adopt`
            pass
    except (ProcessLookupError, ChildProcessError):
        pass
    return -1 if not in_time else code if code >= 0 else None
