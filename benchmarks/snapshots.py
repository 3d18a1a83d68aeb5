"""What a snapshot of a workspace costs, beside a walk that looks at every file and does nothing with it."""

import os
import random
import resource
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segue.host.workspace.vault import Vault

WALK, KNOWN, WHOLE = "os.scandir and stat of every file", "snapshot, changed files known", "snapshot, whole work tree"
SEALED, COMPARED = "snapshot, changed files known, encrypted store", "comparing with it, encrypted store: every pack is opened"
FIRST = "first snapshot"


def measure(place: Path, files: int, changed: int, rounds: int) -> dict[str, Any]:
    """Return seconds, CPU seconds and their ratios to the walk of the same round, medians, for a repository of *files* files."""
    from segue.host.clock import SystemClock
    from segue.host.workspace.workspace import GitWorkspace

    root = place / "project"
    paths = _make(root, files)
    workspace = GitWorkspace(str(root), place / "home", SystemClock())
    sealed = GitWorkspace(str(root), place / "sealed", SystemClock(), vault=_vault(place / "sealed"))
    _walk(root)
    before = sealed.take().id
    first, base = _cost(workspace.take), _cost(lambda: _walk(root))
    found: dict[str, list[tuple[float, float, float, float]]] = {FIRST: [_beside(first, base)], WALK: [], KNOWN: [], WHOLE: []}
    found |= {SEALED: [], COMPARED: []}
    chosen = random.Random(1)
    for turn in range(rounds):
        order = [KNOWN, WHOLE, SEALED]
        chosen.shuffle(order)
        for name in order:
            touched = chosen.sample(paths, changed)
            for path in touched:
                Path(path).write_text(f"{name} {turn}\n")
            base = _cost(lambda: _walk(root))
            taker = sealed if name == SEALED else workspace
            cost = _cost(lambda touched=touched, name=name, taker=taker: taker.take(None if name == WHOLE else touched))
            found[WALK].append(_beside(base, base))
            found[name].append(_beside(cost, base))
            if name == SEALED:
                found[COMPARED].append(_beside(_cost(lambda: sealed.diff(before, before)), base))
    figures = ("seconds", "cpu", "ratio", "cpu_ratio")
    table = {
        name: dict(zip(figures, map(statistics.median, zip(*costs, strict=True)), strict=True)) for name, costs in found.items()
    }
    return {"files": files, "changed": changed, "table": table}


def _vault(home: Path) -> "Vault":
    """Return what has the snapshots of a home whose store is encrypted."""
    from segue.core.log.storekeys import id_of, to_text
    from segue.host.keys import MachineKeys
    from segue.host.workspace.vault import Vault
    from segue.stores.log.cipher import SCHEME, Cipher, Scheme, write_scheme

    key = os.urandom(32)
    home.mkdir()
    write_scheme(home / SCHEME, Scheme(id_of(key)))
    return Vault(home / "workspaces", Cipher(home, MachineKeys({"SEGUE_KEY": to_text(key)})), os.environ)


def _make(root: Path, files: int) -> list[str]:
    """Make a repository of *files* small files, 25 to a directory, all committed; return their paths."""
    paths = []
    for n in range(files):
        directory = root / f"part{n // 500:03}" / f"unit{n // 25 % 20:02}"
        if n % 25 == 0:
            directory.mkdir(parents=True)
        path = directory / f"module{n}.py"
        path.write_text(f"print({n})\n" * 20)
        paths.append(str(path))
    git = ["git", "-C", str(root), "-c", "user.name=segue", "-c", "user.email=segue"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "all"], check=True)
    subprocess.run([*git, "repack", "-adq"], check=True)  # as in a clone
    return paths


def _walk(directory: Path | str) -> None:
    with os.scandir(directory) as entries:
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                entry.stat(follow_symlinks=False)
            elif entry.name != ".git":
                _walk(entry.path)


def _cost(work: Callable[[], object]) -> tuple[float, float]:
    cpu, start = _cpu(), time.perf_counter()
    work()
    return time.perf_counter() - start, _cpu() - cpu


def _cpu() -> float:
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def _beside(cost: tuple[float, float], base: tuple[float, float]) -> tuple[float, float, float, float]:
    return (*cost, cost[0] / base[0], cost[1] / base[1])
