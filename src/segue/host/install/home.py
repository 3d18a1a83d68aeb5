"""What `segue init` keeps in the home of segue: the hooks, and the spool that they write to."""

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from segue.host.hookfile import hook_text
from segue.host.install import files
from segue.host.install.agents import Agent
from segue.host.install.servers import Launch
from segue.host.spool import WORKER

if TYPE_CHECKING:
    from segue.host.install import Setup
    from segue.host.install.receipt import Entry, Receipt


def program(env: Mapping[str, str], home: str) -> str:
    """Return what a shell is told to run segue: by its name where that leads here, for another home than the default one."""
    script = Path(sys.executable).with_name("segue")
    found = shutil.which("segue", path=env.get("PATH", os.defpath))
    command = "segue" if found and Path(found).resolve() == script.resolve() else shlex.quote(str(script))
    if not script.exists():
        command = f"{shlex.quote(sys.executable)} -m segue"
    return f"env SEGUE_HOME={shlex.quote(home)} {command}" if env.get("SEGUE_HOME") else command


def launch(env: Mapping[str, str], home: str) -> Launch:
    """Return how an agent starts our MCP server: by the name of segue where that leads here, in the home that is in use."""
    script = Path(sys.executable).with_name("segue")
    found = shutil.which("segue", path=env.get("PATH", os.defpath))
    by_name = found is not None and Path(found).resolve() == script.resolve()
    command = ("segue",) if by_name else (str(script),) if script.exists() else (sys.executable, "-m", "segue")
    return Launch((*command, "mcp", "serve"), {"SEGUE_HOME": home} if env.get("SEGUE_HOME") else {})


def prepare(setup: "Setup", receipt: "Receipt", agents: Iterable[Agent]) -> None:
    """Write the agents' hooks and make their spool. What is there already stays."""
    receipt.directories[:0] = files.make_directories(setup.home)
    spool = setup.home / "spool"
    for directory in (spool, setup.home / "hook"):
        directory.mkdir(mode=0o700, exist_ok=True)
    worker = spool / WORKER
    if not worker.exists():
        worker.touch(mode=0o600)
        os.utime(worker, (0, 0))
    for agent in agents:
        path = setup.hook(agent)
        before, after = files.read(path), _hook(setup.home, agent.name, setup.python)
        if before != after:
            files.replace(path, before, after)


def _hook(home: Path, agent: str, python: str) -> bytes:
    return hook_text(str(home), agent, python, str(resources.files("segue").joinpath("__main__.py"))).encode()


def faults(home: Path, entries: "Iterable[Entry]") -> list[str]:
    """Return what keeps installed hooks from being run, or from starting this segue; reads a few small files."""
    found = []
    for entry in entries:
        if entry.kind == "file":
            continue
        if entry.kind == "server":
            if entry.server and "segue" not in _read(Path(entry.path)):
                found.append(f"{entry.path} was written anew and has lost the MCP server")
            continue
        path = home / "hook" / f"{entry.agent}.py"
        if not path.exists():
            found.append(f"the hook of {entry.agent} is gone: {path}")
        elif path.read_bytes() != _hook(home, entry.agent, sys.executable):
            found.append(f"the hook of {entry.agent} is of another segue or Python than this one: {path}")
        settings = Path(entry.path)
        marks = [str(path)] if entry.kind == "hooks" else [piece.strip().partition("\n")[0] for piece in entry.pieces]
        text = _read(settings)
        if not all(mark in text for mark in marks):
            found.append(f"{settings} was written anew and has lost its hooks")
    return sorted(set(found))


def _read(path: Path) -> str:
    return path.read_text("utf-8", "replace") if path.exists() else ""


def clear(setup: "Setup", receipt: "Receipt", agents: Iterable[Agent], take_in: Callable[[], None]) -> None:
    """Take away the hooks that nobody calls any more; with the last one the worker and the spool, once *take_in* was called."""
    used = {entry.agent for entry in receipt}
    for agent in agents:
        if agent.name not in used:
            setup.hook(agent).unlink(missing_ok=True)
    if used:
        return
    spool = setup.home / "spool"
    (spool / WORKER).unlink(missing_ok=True)  # the worker sees that, and leaves
    take_in()
    shutil.rmtree(spool, ignore_errors=True)
    with suppress(OSError):
        (setup.home / "hook").rmdir()
    receipt.tidy()
