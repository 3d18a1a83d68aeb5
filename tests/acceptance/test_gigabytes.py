"""A home with more than a gigabyte of transcripts: imported in bounded memory, gone on with after a kill, then not read again."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]

MEGABYTE = 1 << 20
WHOLE = int(os.environ.get("SEGUE_GIGABYTES_MB") or 1100) * MEGABYTE
PEAK = 256
"""Megabytes that an import may take, whatever there is to import."""

RUN = """
import re, sys
from segue.__main__ import main
try:
    code = main()
finally:  # of this program alone: ru_maxrss begins with that of the process which started it
    print(int(re.search("VmHWM:\\\\s+([0-9]+)", open("/proc/self/status").read())[1]) >> 10, file=sys.stderr)
sys.exit(code)
"""


def records(session, size, dice):
    """Yield lines of a session of about *size* bytes: mostly what tools gave back, some of it large."""
    words = [f"{dice.getrandbits(40):x}" for _ in range(4000)]
    parent, number = None, 0
    while size > 0:
        number += 1
        uuid = f"{dice.getrandbits(32):08x}-0000-4000-8000-{number:012d}"
        at = f"2026-01-{1 + number // 86400 % 28:02d}T{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}.000Z"
        length = dice.choice([80, 400, 400, 3_000, 3_000, 12_000, 40_000, 200_000 if number % 9 == 0 else 2_000])
        start = dice.randrange(len(words))
        text = " ".join((words[start:] + words[:start])[: length // 11] * (1 + length // 44_000))[:length]
        if number % 3 == 1:
            kind, message = "user", {"role": "user", "content": text[:300]}
        elif number % 3 == 2:
            call = {"type": "tool_use", "id": f"t{number}", "name": "Bash", "input": {"command": text[:60]}}
            usage = {"input_tokens": number, "output_tokens": 10}
            kind, message = (
                "assistant",
                {"role": "assistant", "id": f"m{number}", "model": "m", "content": [call], "usage": usage},
            )
        else:
            kind = "user"
            message = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": f"t{number - 1}", "content": text}]}
        told = {"parentUuid": parent, "isSidechain": False, "type": kind, "uuid": uuid, "timestamp": at, "sessionId": session}
        line = json.dumps({**told, "cwd": "/home/dev/project", "version": "2.1.329", "message": message}).encode() + b"\n"
        parent = uuid
        size -= len(line)
        yield line


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """One session of a quarter of it all, some hundreds of middling ones, two thousand small ones."""
    place = tmp_path_factory.mktemp("gigabytes")
    dice = random.Random(4)
    sizes = [WHOLE // 4] + [WHOLE // 500] * 300 + [WHOLE // 14_000] * 2_000
    for number, size in enumerate(sizes):
        session = f"{number:08x}-1111-4222-8333-444455556666"
        file = place / ".claude" / "projects" / f"-home-dev-p{number % 40}" / f"{session}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as out:
            out.writelines(records(session, size, dice))
    return place


def start(home, *arguments):
    env = {k: v for k, v in os.environ.items() if k in {"PATH", "LANG", "PYTHONPATH"}}
    env |= {"HOME": str(home), "SEGUE_HOME": str(home / "segue"), "SEGUE_UPKEEP": "off", "SEGUE_DURABILITY": "relaxed"}
    command = [sys.executable, "-c", RUN, *arguments]
    return subprocess.Popen(command, env=env, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_gigabytes_are_imported_in_bounded_memory_after_a_kill_and_then_not_read_again(home):
    files = list((home / ".claude").rglob("*.jsonl"))
    size = sum(f.stat().st_size for f in files)
    lines = sum(map(count, files))

    killed = start(home, "import", "--all", "--json")
    time.sleep(20)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    sessions, before = kept(home)

    begun = time.monotonic()
    out, err = (process := start(home, "import", "--all", "--json")).communicate()
    took, peak = time.monotonic() - begun, int(err.split()[-1])
    assert process.returncode == 0, err
    first = json.loads(out)

    begun = time.monotonic()
    out, err = start(home, "import", "--all", "--json").communicate()
    again, peak_again = time.monotonic() - begun, int(err.split()[-1])
    second = json.loads(out)

    print(
        f"\n{size / MEGABYTE:,.0f} MB in {len(files):,} files, {lines:,} records; {before:,} of them before the kill at 20 s, then {took:.0f} s, "
        f"peak {peak} MB; again: {again:.1f} s, peak {peak_again} MB"
    )
    assert 0 < before < lines
    assert (sessions - 1 <= first["unchanged"] <= sessions, first["losses"]) == (True, [])  # the last one was in the middle
    assert (second["sessions"], second["losses"], second["unchanged"]) == ([], [], len(files))
    assert max(peak, peak_again) <= PEAK
    assert kept(home) == (len(files), lines)


def count(file):
    """Return how many lines a file has."""
    with file.open("rb") as lines:
        return sum(1 for _ in lines)


def kept(home):
    """Return how many sessions and records are in the log, each record once."""
    from segue.host.clock import SystemClock, SystemIds
    from segue.stores.log.store import LogStore

    store = LogStore(Path(home, "segue", "store"), clock=SystemClock(), ids=SystemIds())
    sessions = list(store.sessions())
    records_ = sum(1 for s in sessions for e in store.read(s, blobs=False) if e.source and "line" in e.source)
    store.close()
    return len(sessions), records_
