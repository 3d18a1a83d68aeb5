"""Measure segue against the raw floor and its peers, and write what came out to docs/performance.md.

    make bench                      a few minutes
    python benchmarks/run.py --long more rounds, larger events
    python benchmarks/run.py --only appends --only reads --out -

Sections: appends writers reads sizes searches restores encryption startup imports readers snapshots redaction notes
frameworks.
All contenders of a section run in the same minutes, in turns; ratios are within a round, and what is shown is the median of the
rounds.
"""

import argparse
import json
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from benchmarks import encryption, notes, readers, redaction, report, restores, searching, sizes, snapshots, startup, writers  # noqa: E402
from benchmarks.contenders import CROSSED, FLOOR  # noqa: E402
from benchmarks.conversations import FAMILIES  # noqa: E402
from benchmarks.frameworks import GOALS  # noqa: E402
from benchmarks.measure import environment, shim  # noqa: E402

SAMPLES = "SEGUE_SAMPLES"


class Bench:
    """What is measured, how much of it, and where."""

    def __init__(self, place: Path, *, long: bool) -> None:
        """Measure in *place*."""
        self.place = place
        self.long = long

    def appends(self) -> dict[str, Any]:
        """One writer, batches of 1, 10 and 100; and single events on a disk whose syncs take 2 ms longer."""
        count, commits = (20, 100) if self.long else (8, 40)
        found = {f"{batch}": self._worker(do="appends", batch=batch, count=count, commits=commits) for batch in (1, 10, 100)}
        names = ["raw write + fdatasync", "segue", "SQLite WAL FULL"]
        # frameworks in the same process make every step slower, and the floor least: the goal is measured without them
        found["alone"] = self._worker(do="appends", batch=1, count=2 * count, commits=commits, names=names)
        if shim():
            found["slow"] = self._worker(2000, do="appends", batch=1, count=count, commits=commits, names=names)
        return found

    def writers(self) -> dict[str, Any]:
        """Four processes at once, each committing single events; on this disk, and with 2 ms for each sync."""
        count, seconds = (10, 2.0) if self.long else (5, 1.0)
        found = {"0": writers.measure(self.fresh, count, seconds, 0)}
        if shim():
            found["2000"] = writers.measure(self.fresh, count, seconds, 2000)
        return found

    def reads(self) -> dict[str, Any]:
        """The last events, loading, forking, for logs of 1,000 to 100,000 events."""
        with self.fresh() as place:
            return {f"{n}": sizes.reads(place, n, 1300 if self.long else 400) for n in (1_000, 10_000, 100_000)}

    def sizes(self) -> dict[str, Any]:
        """Sealed stores with a checkpoint at every turn; a LangGraph thread."""
        with self.fresh() as place:
            sealed = {f"{n}": sizes.sealed_size(place / f"sealed{n}", n) for n in (10, 100, 1000)}
            turns = (10, 100, 200, 1000) if self.long else (10, 50, 100, 200)
            return {"sealed": sealed, "langgraph": sizes.langgraph_sizes(place, turns, 200)}

    def searches(self) -> dict[str, Any]:
        """Indexing 100,000 messages (in the long form a million), and finding words again."""
        with self.fresh() as place:
            return searching.measure(place, 1_000 if self.long else 100, 1_000)

    def restores(self) -> dict[str, Any]:
        """Contexts out of sessions of 250,000 and 2 million tokens, in fresh processes."""
        with self.fresh() as place:
            return restores.measure(place, (250_000, 2_000_000), 9 if self.long else 5)

    def encryption(self) -> dict[str, Any]:
        """The same on a store in the clear and on one under a key."""
        with self.fresh() as place:
            return encryption.measure(place, 7 if self.long else 3, 2_000, 1_000 if self.long else 100)

    def startup(self) -> dict[str, Any]:
        """CPU of a start."""
        with self.fresh() as place:
            return startup.measure(place, 40 if self.long else 15)

    def imports(self) -> dict[str, Any] | None:
        """The long samples, where they are."""
        with self.fresh() as place:
            return sizes.imports(place, Path(os.environ.get(SAMPLES, ROOT.parent / "shared" / "samples")) / "long")

    def readers(self) -> dict[str, Any]:
        """Each agent's reader, without a store."""
        with self.fresh() as place:
            return readers.measure(place, 7 if self.long else 3)

    def snapshots(self) -> dict[str, Any]:
        """A snapshot of a work tree of 50,000 files of which 20 changed, beside a walk over them."""
        with self.fresh() as place:
            return snapshots.measure(place, 50_000, 20, 15 if self.long else 5)

    def redaction(self) -> dict[str, Any]:
        """Looking for secrets in what comes in."""
        return redaction.measure(7 if self.long else 3)

    def notes(self) -> dict[str, Any]:
        """Folders of 2,000 and 20,000 notes."""
        with self.fresh() as place:
            return notes.measure(place, (2_000, 20_000), 7 if self.long else 3)

    def frameworks(self) -> dict[str, Any]:
        """Each framework's own stores beside ours: durable writes, loading 10,000 events, a thread of many turns."""
        count, commits = (20, 100) if self.long else (8, 40)
        writes = {}
        for family in ("OpenAI", "LangGraph", "ADK"):  # a process for each: what is loaded makes every step slower
            names = sorted({name for *pair, _ in GOALS for name in pair if name.startswith(family)})
            floors = [FLOOR] if family == "LangGraph" else [FLOOR, CROSSED]  # a saver's `put` is called as it is
            writes[family] = self._worker(do="appends", batch=1, count=count, commits=commits, names=[*floors, *names])
        for family, made in FAMILIES.items():
            writes[family] = self._worker(do="appends", batch=1, count=count, commits=commits, names=[FLOOR, *made])
        turns = (10, 100, 250, 500, 1000) if self.long else (10, 100, 1000)
        return {
            "writes": writes,
            "loads": self._worker(do="loads", events=10_000, rounds=7 if self.long else 3),
            "turns": self._worker(do="turns", at=turns),
        }

    @contextmanager
    def fresh(self) -> Iterator[Path]:
        """Give an empty directory, and take it away afterwards."""
        place = Path(tempfile.mkdtemp(dir=self.place))
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def _worker(self, sync_us: int = 0, **asked: Any) -> dict[str, Any]:
        with self.fresh() as place:
            command = [sys.executable, "-m", "benchmarks.worker", json.dumps({"place": str(place), **asked})]
            done = subprocess.run(command, env=environment(sync_us), capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr[-3000:])
        found: dict[str, Any] = json.loads(done.stdout)
        return found


FRAMEWORKS = ("langgraph", "langgraph-checkpoint-sqlite", "openai-agents", "google-adk", "pydantic-ai-slim", "claude-agent-sdk")


def circumstances(place: Path) -> dict[str, str]:
    """Return where and with what this was measured."""
    shown = {}
    for name in (
        "langgraph",
        "langgraph-checkpoint-sqlite",
        "openai-agents",
        "google-adk",
        "pydantic-ai-slim",
        "claude-agent-sdk",
    ):
        try:
            shown[name] = version(name)
        except PackageNotFoundError:
            shown[name] = "absent"
    cpu = next((line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "")
    mounts = [line.split()[1:3] for line in _lines("/proc/mounts")]
    kind = max((m for m in mounts if str(place).startswith(m[0])), key=lambda m: len(m[0]), default=["", "unknown"])[1]
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "machine": f"{os.cpu_count()} cores, {cpu or platform.machine()}",
        "system": f"{platform.system()} {platform.release()}, {kind}",
        "python": f"{platform.python_implementation()} {platform.python_version()}, SQLite {sqlite3.sqlite_version}",
        "load": " ".join(f"{x:.1f}" for x in os.getloadavg()),
        **shown,
    }


class Others:
    """How much of the processors somebody else used since this was made. A benchmark's own processes are not load."""

    def __init__(self) -> None:
        """Begin to count."""
        self._start = self._now()

    def share(self) -> str:
        """Return the share in percent, or "unknown" where the system does not tell."""
        (busy, idle, ours), (busy0, idle0, ours0) = self._now(), self._start
        whole = busy + idle - busy0 - idle0
        return f"{max(0.0, 100 * (busy - busy0 - ours + ours0) / whole):.0f} %" if whole else "unknown"

    @staticmethod
    def _now() -> tuple[float, float, float]:
        ticks = next((line.split()[1:9] for line in _lines("/proc/stat") if line.startswith("cpu ")), ["0"] * 8)
        user, nice, system, idle, iowait, irq, softirq, steal = (int(t) / os.sysconf("SC_CLK_TCK") for t in ticks)
        used = os.times()
        ours = used.user + used.system + used.children_user + used.children_system
        return user + nice + system + irq + softirq + steal, idle + iowait, ours


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text("utf-8", "replace").splitlines()
    except OSError:
        return []


SECTIONS: tuple[str, ...] = (
    "appends",
    "writers",
    "reads",
    "sizes",
    "searches",
    "restores",
    "encryption",
    "startup",
    "imports",
    "readers",
    "snapshots",
    "redaction",
    "notes",
    "frameworks",
)


def main() -> None:
    """Measure what is asked for and write it down; sections that were not asked for stay as the page has them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", action="store_true", help="more rounds, larger events")
    parser.add_argument("--only", action="append", choices=SECTIONS, help="measure this section only; may be repeated")
    parser.add_argument("--place", type=Path, default=ROOT / ".cache", help="a directory on the disk to be measured")
    parser.add_argument("--out", default=str(ROOT / "docs" / "performance.md"), help="where to write; - prints it")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    asked.place.mkdir(parents=True, exist_ok=True)
    bench = Bench(asked.place.resolve(), long=asked.long)
    page = ROOT / "docs" / "performance.md"
    found: dict[str, Any] = {}
    for name in asked.only or SECTIONS:
        start, before = time.perf_counter(), circumstances(bench.place)
        measure: Callable[[], Any] = getattr(bench, name)
        others = Others()
        found[name] = {"found": measure(), "at": before}
        found[name]["at"]["others"] = others.share()
        print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
    text = report.write(found, page.read_text() if asked.only and page.exists() else "", long=asked.long)
    if asked.out == "-":
        print(text)
    else:
        Path(asked.out).write_text(text)


if __name__ == "__main__":
    main()
