"""segue beside four programs that read coding agents' sessions: damage that is accepted, and time and space.

    python benchmarks/peers.py --write docs/peers.md

Each peer is installed, pinned, into an environment of its own under `.cache/peers` (their dependencies clash), and run by its own
command in a home that holds Claude Code sessions. Every program is run in turn in each round; medians are told, as seconds of
processes that start, work and end. segue's background worker is off, so that it disturbs nobody, and its work is timed on its
own. What a program cannot do is a dash. The whole takes two to four minutes.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

PEERS = {"session-migrate": "0.12.0", "sessionfs": "0.18.0", "fast-resume": "2.14.0", "portable-resume": "0.4.5"}
PLACE = Path(".cache/peers").resolve()
NEEDLE = "zyxquince"
TURNS = 30
RECORDS = 4 * TURNS
_BEGIN, _END = "<!-- results: written by benchmarks/peers.py -->", "<!-- end of results -->"


# --- the sessions


def session(number: int, directory: str) -> tuple[str, list[bytes]]:
    """Return a session of Claude Code's, id and lines: turns of a prompt, a call, its result and an answer."""
    foreign = str(uuid.uuid5(uuid.NAMESPACE_URL, f"session {number}"))  # sessionfs takes those that begin alike for one
    lines: list[bytes] = []
    parent: str | None = None

    def add(kind: str, content: Any, **more: Any) -> None:
        nonlocal parent
        i = len(lines)
        record: dict[str, Any] = {
            "parentUuid": parent,
            "isSidechain": False,
            "userType": "external",
            "cwd": directory,
            "sessionId": foreign,
        }
        record |= {"version": "2.1.197", "gitBranch": "main", "type": kind, "message": {"role": kind, "content": content, **more}}
        parent = f"{number:08d}-0000-4000-8000-{i:012d}"
        record |= {"uuid": parent, "timestamp": f"2026-01-15T09:{i // 60:02d}:{i % 60:02d}.000Z"}
        lines.append(json.dumps(record).encode() + b"\n")

    for turn in range(TURNS):
        model = {"type": "message", "model": "claude-opus-4-6", "usage": {"input_tokens": 100 + turn, "output_tokens": 20}}
        call = {"type": "tool_use", "id": f"toolu_{number}_{turn}", "name": "Bash", "input": {"command": f"echo {turn}"}}
        add("user", f"Please do step {turn} of {number}" + (f" {NEEDLE}{number}" if turn == 7 else ""))
        add("assistant", [call], id=f"msg_{number}_{turn}a", stop_reason="tool_use", **model)
        add("user", [{"type": "tool_result", "tool_use_id": call["id"], "content": f"{turn}\n"}])
        add(
            "assistant",
            [{"type": "text", "text": f"Step {turn} is done."}],
            id=f"msg_{number}_{turn}b",
            stop_reason="end_turn",
            **model,
        )
    return foreign, lines


DAMAGE: dict[str, Callable[[list[bytes]], bytes]] = {
    "none": b"".join,
    "torn last line": lambda lines: b"".join(lines)[:-100],
    "garbage in the middle": lambda lines: b"".join([*lines[:60], b"\x01garbage\n", *lines[60:]]),
    "NUL tail": lambda lines: b"".join(lines) + bytes(4096),
    "a call's record is missing": lambda lines: b"".join([*lines[:41], *lines[42:]]),
    "raw U+2028": lambda lines: b"".join([*lines[:80], lines[80].replace(b"do step", "do\u2028step".encode()), *lines[81:]]),
    "ten repeated records": lambda lines: b"".join([*lines, *lines[50:60]]),
    "not UTF-8": lambda lines: b"".join([*lines[:80], lines[80].replace(b"do step", b"do st\xe9p"), *lines[81:]]),
    "empty file": lambda _: b"",
}


class Home(NamedTuple):
    """A home with sessions of Claude Code's in it."""

    path: Path
    project: Path
    ids: list[str]

    @classmethod
    def make(cls, path: Path, number: int, damage: str = "none") -> "Home":
        """Return a home with that many sessions, the first one damaged."""
        project = path / "project"
        project.mkdir(parents=True)
        folder = path / ".claude" / "projects" / str(project).replace("/", "-").replace("_", "-")
        folder.mkdir(parents=True)
        ids = []
        for n in range(number):
            foreign, lines = session(n, str(project))
            ids.append(foreign)
            (folder / f"{foreign}.jsonl").write_bytes(DAMAGE[damage if n == 0 else "none"](lines))
        return cls(path, project, ids)

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a peer's program, or ours, in this home."""
        keep = {k: v for k, v in os.environ.items() if k in {"PATH", "LANG", "TERM"}}
        env = {**keep, "HOME": str(self.path), "SEGUE_HOME": str(self.path / ".segue"), "SEGUE_UPKEEP": "off", "NO_COLOR": "1"}
        command = [str(Path(sys.executable).parent / "segue") if program == "segue" else program]
        return subprocess.run(
            [*command, *arguments],
            cwd=self.project,
            env=env,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=300,
            check=False,
        )


def program(peer: str, name: str) -> str:
    """Return the path of a peer's program."""
    return str(PLACE / peer / "bin" / name)


# --- what each makes of damage


def segue_reads(home: Home) -> str:
    """Say what segue makes of the first session."""
    report = json.loads(home.run("segue", "import", str(home.path / ".claude"), "--json").stdout)
    mine = next((s for s in report["sessions"] if s["foreign_id"] == home.ids[0]), None)
    named = len(mine["losses"] if mine else report["losses"])
    log = home.run("segue", "log", mine["id"], "--json").stdout.splitlines() if mine else []
    read = sum(json.loads(line)["kind"] == "message" for line in log)
    return f"{read}" + (f", {named} named" if named else "")


def migrate_reads(home: Home) -> str:
    """Say what session-migrate makes of it."""
    tool = program("session-migrate", "smigrate")
    home.run(tool, "catalog", "refresh")
    done = home.run(tool, "transfer", home.ids[0], "--from", "claude", "--to", "codex", "--cwd", str(home.project))
    return "read" if done.returncode == 0 else "refused"


def sessionfs_reads(home: Home) -> str:
    """Say what sessionfs makes of it."""
    tool = program("sessionfs", "sfs")
    home.run(tool, "import", "--from", "claude-code")
    told = home.run(tool, "list", "--json").stdout
    found = json.loads(told) if told.lstrip().startswith("[") else []  # words where there is none
    return next((str(s["message_count"]) for s in found if s["original_session_id"] == home.ids[0]), "skipped")


def fast_reads(home: Home) -> str:
    """Say what fast-resume makes of it: whether it is found, since it keeps no messages."""
    tool = program("fast-resume", "fr")
    home.run(tool, "--rebuild", "--list", "--limit", "3")
    told = home.run(tool, "--json", "--limit", "50", "step").stdout
    found = json.loads(told) if told.lstrip().startswith("{") else {"sessions": []}
    return "listed" if any(s["id"] == home.ids[0] for s in found["sessions"]) else "not listed"


def portable_reads(home: Home) -> str:
    """Say what portable-resume makes of it."""
    done = home.run(
        program("portable-resume", "portable-resume"), "claude", "show", home.ids[0], "--cwd", str(home.project), "--json"
    )
    try:
        (found,) = json.loads(done.stdout)["sessions"]
    except (ValueError, KeyError):
        return "refused"
    return str(max((len(v) for v in found.values() if isinstance(v, list)), default=0)) if done.returncode == 0 else "refused"


READS = {
    "segue": segue_reads,
    "session-migrate": migrate_reads,
    "sessionfs": sessionfs_reads,
    "fast-resume": fast_reads,
    "portable-resume": portable_reads,
}


def damage_table() -> list[tuple[str, ...]]:
    """Return what each makes of each damage."""
    rows: list[tuple[str, ...]] = [("damage", *READS)]
    for damage in DAMAGE:
        cells = []
        for read in READS.values():
            with tempfile.TemporaryDirectory() as place:
                cells.append(read(Home.make(Path(place) / "home", 2, damage)))
        rows.append((damage, *cells))
    return rows


# --- time and space

Steps = dict[str, list[tuple[str, ...]]]

IMPORT: Steps = {
    "segue": [("segue", "import", ".claude", "--json")],
    "session-migrate": [(program("session-migrate", "smigrate"), "catalog", "refresh")],
    "sessionfs": [
        (program("sessionfs", "sfs"), "import", "--from", "claude-code"),
        (program("sessionfs", "sfs"), "mcp", "index"),
    ],
    "fast-resume": [(program("fast-resume", "fr"), "--rebuild", "--list", "--limit", "3")],
}
SEARCH: Steps = {
    "segue": [("segue", "search", "NEEDLE", "--json")],
    "sessionfs": [(program("sessionfs", "sfs"), "search", "NEEDLE")],
    "fast-resume": [(program("fast-resume", "fr"), "--json", "--limit", "5", "NEEDLE")],
}
GO_ON: Steps = {
    "segue": [("segue", "resume", "ID", "--in", "codex", "--print", "--json")],
    "session-migrate": [
        (program("session-migrate", "smigrate"), "transfer", "ID", "--from", "claude", "--to", "codex", "--cwd", "CWD")
    ],
}
WORK: tuple[tuple[str, Steps], ...] = (
    ("import or index, s", IMPORT),
    ("search at once, s", SEARCH),
    ("work in the background, s", {"segue": [("segue", "upkeep", "--json")]}),
    ("search later, s", SEARCH),
    ("go on in Codex, s", GO_ON),
)
INDEX = {
    "segue": (".segue/store/index.sqlite*",),
    "session-migrate": (".local/state/session-migrate/*",),
    "sessionfs": (".sessionfs/*.db*",),
    "fast-resume": (".cache/fast-resume/**/*", ".local/share/fast-resume/**/*"),
}
KEPT = {"segue": (".segue/**/*",), "sessionfs": (".sessionfs/**/*",)}


def time_table(sessions: int, rounds: int) -> list[tuple[str, ...]]:
    """Return the median seconds of each step, and the size of what is kept.

    segue is searched at once in a home of its own: there the search feeds the index, elsewhere its background work did.
    """
    taken: dict[tuple[str, str], list[float]] = {}
    indexes, kept = dict[str, int](), dict[str, int]()
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as place:
            homes = {peer: Home.make(Path(place) / peer, sessions) for peer in READS}
            other = Home.make(Path(place) / "segue-at-once", sessions)
            _time(other, IMPORT["segue"])
            for what, peers in WORK:
                for peer, commands in peers.items():
                    home = other if (what, peer) == ("search at once, s", "segue") else homes[peer]
                    taken.setdefault((what, peer), []).append(_time(home, commands))
            indexes = {peer: _size(homes[peer], patterns) for peer, patterns in INDEX.items()}
            kept = {peer: _size(homes[peer], patterns) - indexes[peer] for peer, patterns in KEPT.items()}
    rows: list[tuple[str, ...]] = [("", *READS)]
    rows += [(what, *(_median(taken.get((what, peer))) for peer in READS)) for what, _ in WORK]
    rows += [("index on disk, kB", *(_kilobytes(indexes.get(peer)) for peer in READS))]
    rows += [("sessions kept on disk, kB", *(_kilobytes(kept.get(peer)) for peer in READS))]
    return rows


def _time(home: Home, commands: list[tuple[str, ...]]) -> float:
    words = {"NEEDLE": f"{NEEDLE}3", "ID": home.ids[3], "CWD": str(home.project), ".claude": str(home.path / ".claude")}
    began = time.perf_counter()
    for name, *arguments in commands:
        done = home.run(name, *(words.get(word, word) for word in arguments))
        if done.returncode or not done.stdout.strip():
            raise SystemExit(f"{name} {arguments} ended with {done.returncode}:\n{done.stdout[-500:]}\n{done.stderr[-500:]}")
    return time.perf_counter() - began


def _median(times: list[float] | None) -> str:
    return f"{statistics.median(times):.2f}" if times else "–"


def _kilobytes(size: int | None) -> str:
    return "–" if size is None else f"{size // 1000:,}"


def _size(home: Home, patterns: tuple[str, ...]) -> int:
    """Return the room that files take on disk, in whole blocks; directories are not counted."""
    files = {file for pattern in patterns for file in home.path.glob(pattern) if file.is_file()}
    return sum(file.stat().st_blocks * 512 for file in files)


# --- the page


def install() -> None:
    """Install the peers that are not there."""
    for peer, version in PEERS.items():
        if not (PLACE / peer / ".installed").exists():
            shutil.rmtree(PLACE / peer, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", str(PLACE / peer)], check=True)
            pip = [program(peer, "pip"), "install", "--quiet", "--disable-pip-version-check", f"{peer}=={version}"]
            subprocess.run(pip, check=True)
            (PLACE / peer / ".installed").touch()


def main() -> None:
    """Measure, print, and write into a page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", type=Path, metavar="PAGE")
    options = parser.parse_args()
    install()
    machine = f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.0f}"
    text = f"Run {datetime.now(UTC):%Y-%m-%d}, {machine}.\n\n"
    text += f"What is read of a session of {RECORDS} messages (one damage each):\n\n{_markdown(damage_table())}\n"
    size = sum(len(line) for n in range(options.sessions) for line in session(n, "/home/dev/project")[1]) // 1000
    text += f"{options.sessions} sessions of {RECORDS} messages ({size:,} kB of transcripts), median of {options.rounds}:\n\n"
    text += _markdown(time_table(options.sessions, options.rounds))
    print(text)
    if options.write:
        page = options.write.read_text()
        begin, end = page.index(_BEGIN) + len(_BEGIN), page.index(_END)
        options.write.write_text(f"{page[:begin]}\n{text}{page[end:]}")


def _markdown(rows: list[tuple[str, ...]]) -> str:
    head, *rest = rows
    lines = [head, tuple("---" for _ in head), *rest]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    main()
