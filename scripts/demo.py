"""`make demo`: a recorded session of a coding agent is captured live, everything is killed, and the work goes on, nothing lost.

What stands behind a check mark was compared just now, with what stands there. The exit code is 1 where something did not hold.
Everything happens in a directory of its own, which goes away; nothing of yours is read or written. Name a directory to keep it.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from segue.core.context.tokens import FAMILY_NAMES

ROOT = Path(__file__).parents[1]
RECORDED = ROOT / "tests" / "fixtures" / "transcripts" / "claude"
EARLIER, LIVE = RECORDED / "headless-plan.jsonl", RECORDED / "hooks-subagent-compact.jsonl"
BUDGET = 2_000
PACE = 0.02
"""Seconds between two records of the agent that is played back."""

AGENT = """
import sys, time
source, target, pace = sys.argv[1:]
with open(source, "rb") as lines, open(target, "wb", buffering=0) as out:
    for line in lines:
        half = len(line) // 2
        out.write(line[:half])
        time.sleep(float(pace))
        out.write(line[half:])
time.sleep(600)
"""
"""Plays a coding agent: writes a recorded transcript as it was written, a piece at a time, until it is killed."""

failed: list[str] = []


def step(title: str) -> None:
    """Print what comes next."""
    print(f"\n\033[1m{title}\033[0m" if sys.stdout.isatty() else f"\n{title}")


def prove(holds: bool, text: str) -> None:  # noqa: FBT001 - what is proved comes first
    """Print whether something holds, and remember it if not."""
    print(f"  {'✓' if holds else '✗ DOES NOT HOLD:'} {text}")
    if not holds:
        failed.append(text)


class Demo:
    """A machine with nothing on it but a home, an agent's directory and segue."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.transcripts = place / "agent" / "projects" / "-home-dev-project"
        self.transcripts.mkdir(parents=True)
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("SEGUE_")}
        self.env |= {"SEGUE_HOME": str(place / "segue"), "NO_COLOR": "1", "COLUMNS": "100"}

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start `segue` in a process of its own."""
        return subprocess.Popen([sys.executable, "-m", "segue", *arguments], env=self.env, cwd=self.place, stdout=subprocess.PIPE)

    def run(self, *arguments: str) -> str:
        """Run `segue` to its end and return what it said."""
        done = subprocess.run(
            [sys.executable, "-m", "segue", *arguments], env=self.env, cwd=self.place, capture_output=True, text=True, check=False
        )
        if done.returncode:
            print(done.stderr, file=sys.stderr)
            raise SystemExit(f"segue {' '.join(arguments)} ended with {done.returncode}")
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """Return the document that `segue ... --json` prints."""
        return json.loads(self.run(*arguments, "--json"))

    def events(self, session: str) -> list[dict[str, Any]]:
        """Return all events of a session."""
        return [json.loads(line) for line in self.run("log", session, "--json").splitlines()]


def whole_records(file: Path) -> list[str]:
    """Return the records of a transcript that end in a newline."""
    return [line.decode() for line in file.read_bytes().split(b"\n")[:-1]]


def kept(events: list[dict[str, Any]]) -> list[str]:
    """Return the agent's own records that events carry, in order."""
    return [e["source"]["raw"] for e in events if e["source"] and "raw" in e["source"]]


def take_in(demo: Demo) -> None:
    """Import a transcript that is there already."""
    step(f"1  A recorded session of Claude Code is taken in ({EARLIER.stat().st_size:,} bytes)")
    file = demo.transcripts / EARLIER.name
    file.write_bytes(EARLIER.read_bytes())
    begun = time.perf_counter()
    first = demo.json("import", str(file))["sessions"][0]
    took = time.perf_counter() - begun
    records = whole_records(file)
    prove(
        kept(demo.events(first["id"])) == records,
        f"all {len(records)} of its records are in the log, word for word ({took:.1f} s)",
    )
    again = demo.json("import", str(file))["sessions"][0]
    prove(again["new_events"] == 0, f"importing it again added {again['new_events']} events to its {again['events']}")


def capture(demo: Demo) -> tuple[str, Path, dict[int, str]]:
    """Follow an agent while it writes; kill both. Return the session, the transcript, and digests of what was acknowledged."""
    step("2  Another session is captured live, by a process of its own, while the agent writes it")
    file = demo.transcripts / LIVE.name
    file.touch()
    total = LIVE.read_bytes().count(b"\n")
    recorder = demo.start("import", "--follow", str(file), "--json")
    agent = subprocess.Popen([sys.executable, "-c", AGENT, str(LIVE), str(file), str(PACE)])
    acknowledged: dict[str, Any] = {}
    assert recorder.stdout is not None
    try:
        while acknowledged.get("events", 0) < total // 2:
            acknowledged = json.loads(recorder.stdout.readline())
        session = acknowledged["id"]
        before = {e["seq"]: e["digest"] for e in demo.events(session) if e["seq"] <= acknowledged["events"]}
        behind = len(whole_records(file))
        print(f"    the agent has written {behind} of {total} records, {acknowledged['events']} events are acknowledged")
        step("3  kill -9: first the recorder, a little later the agent, in the middle of a record")
    finally:
        os.kill(recorder.pid, signal.SIGKILL)
        recorder.stdout.close()
        recorder.wait()
    time.sleep(PACE * 20)
    agent.kill()
    agent.wait()
    torn = file.read_bytes().rpartition(b"\n")[2]
    print(
        f"    the transcript ends with {len(whole_records(file))} whole records and {len(torn)} bytes of one that was cut short"
    )
    return session, file, before


def recover(demo: Demo, session: str, file: Path, before: dict[int, str]) -> None:
    """Open the store again: nothing acknowledged is gone, and the rest of the transcript comes in."""
    step("4  The store is opened again, nothing is repaired by hand")
    after = {e["seq"]: e["digest"] for e in demo.events(session)}
    lost = [seq for seq, digest in before.items() if after.get(seq) != digest]
    prove(
        not lost and bool(before),
        f"{len(before)} events were acknowledged before the kill, {len(before) - len(lost)} of them are there, digests the same",
    )
    found = demo.json("validate")
    prove(found["valid"], f"every byte of {found['sessions']} sessions is sound ({found['events']} events)")
    taken = demo.json("import", str(file))["sessions"][0]
    records = whole_records(file)
    prove(
        kept(demo.events(session)) == records,
        f"{taken['new_events']} events that nobody captured came from the transcript: all {len(records)} whole records are there",
    )
    torn = len(file.read_bytes().rpartition(b"\n")[2])
    named = any("torn" in loss["reason"] for loss in taken["losses"])
    if torn:
        how = taken["losses"][0]["reason"] if named else taken["losses"]
        prove(named, f"the {torn} bytes of the record that was cut short are named: {how}")


def go_on(demo: Demo, session: str) -> None:
    """Show what is known, and make the context for whoever goes on."""
    step("5  What is known now")
    print("    " + demo.run("status", session).rstrip().replace("\n", "\n    "))
    step(f"6  The context for another agent, in at most {BUDGET:,} tokens")
    wanted = ("restore", session, "--budget", str(BUDGET))
    found = demo.json(*wanted)
    most = found["tokens"] * (1 + found["margin"])
    how = "exactly" if found["method"] == "exact" else f"estimated, {found['margin']:.0%} kept free"
    prove(0 < most <= BUDGET, f"{found['tokens']:,} tokens for {FAMILY_NAMES[found['family']]} ({how}), budget {BUDGET:,}")
    said = [
        part["content"]
        for event in demo.events(session)
        if event["kind"] == "message"
        and event["body"]["role"] == "user"
        and not event["body"].get("meta")
        and event["stream"] == "main"
        for part in event["body"]["parts"]
        if part["type"] == "text"
    ]
    missing = [text for text in said if " ".join(text.split()) not in " ".join(found["text"].split())]
    prove(bool(said) and not missing, f"all {len(said)} instructions of the user are in it, word for word")
    prove(demo.run(*wanted) == found["text"], "made twice, it is the same to the byte")
    fates = [item["status"] for item in found["items"]]
    counted = ", ".join(
        f"{fates.count(status)} {status}" for status in ("loaded", "shortened", "skipped", "missing") if status in fates
    )
    print(f"    what became of each item is in it: {counted}")
    print("\n" + "\n".join(f"    | {line}" for line in found["text"].splitlines()[:14]) + "\n    | ...")
    name = demo.json("status", session)["name"]
    print(f"\n  going on with it, in any agent that takes a prompt: segue restore {name} | claude -p")


def main() -> int:
    """Run the demo and return whether everything held."""
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="segue-demo-") as temporary:
        place = Path(sys.argv[1]).absolute() if sys.argv[1:] else Path(temporary)
        demo = Demo(place)
        take_in(demo)
        session, file, before = capture(demo)
        recover(demo, session, file, before)
        go_on(demo, session)
    took = time.perf_counter() - begun
    print(f"\n{'everything held' if not failed else f'{len(failed)} things did not hold'} ({took:.0f} s)")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
