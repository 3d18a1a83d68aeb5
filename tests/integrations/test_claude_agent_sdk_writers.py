"""Several processes that hand over entries of one session at once, and one that is killed."""

import subprocess
import sys

import pytest
from claude_agent_sdk import fold_session_summary

from segue.integrations.claude_agent_sdk import SegueSessionStore
from tests.integrations.claude import LIVE, PROJECT, key, run, session_of

WRITE = """
import asyncio, os, sys
from segue.host.clock import SystemClock, SystemIds
from segue.integrations.claude_agent_sdk import SegueSessionStore
from segue.stores.log import LogStore

async def main(place, who, turns, project, session):
    store = LogStore(place, clock=SystemClock(), ids=SystemIds())
    sdk = SegueSessionStore(store)
    key = {"project_key": project, "session_id": session}
    for n in range(turns):
        said = {"type": "user", "uuid": f"{who}-{n}", "parentUuid": None, "timestamp": "2026-01-01T00:00:00Z"}
        said["message"] = {"role": "user", "content": f"{who} says {n}"}
        title = {"type": "custom-title", "customTitle": f"{who}-{n}", "sessionId": session}
        shared = {"type": "user", "uuid": f"shared-{n}", "message": {"role": "user", "content": "said by all"}}
        await sdk.append(key, [said, title, {"type": "mode", "mode": "same"}, shared])
        print(n, flush=True)

place, processes, turns, project, session = sys.argv[1:]
children = []
for n in range(int(processes)):  # what is imported is imported once
    children.append(os.fork())
    if not children[-1]:
        asyncio.run(main(place, f"p{n}", int(turns), project, session))
        os._exit(0)
if not children:
    asyncio.run(main(place, "p", int(turns), project, session))
sys.exit(any([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]))
"""


def start(store, processes, turns):
    """Return so many processes (none: one alone) that hand over."""
    command = [sys.executable, "-c", WRITE, str(store.path), str(processes), str(turns), PROJECT, LIVE]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("store_kind", ["log"], indirect=True)
def test_of_four_processes_at_once_no_entry_is_lost_or_doubled_and_the_summary_is_that_of_the_order(store):
    turns = 10
    processes = start(store, 4, turns)
    processes.communicate(timeout=240)

    sdk = SegueSessionStore(store)
    loaded = run(sdk.load(key()))
    (summary,) = run(sdk.list_session_summaries(PROJECT))

    assert processes.returncode == 0
    uuids = [e["uuid"] for e in loaded if "uuid" in e]
    assert sorted(uuids) == sorted([f"p{p}-{n}" for p in range(4) for n in range(turns)] + [f"shared-{n}" for n in range(turns)])
    for p in range(4):
        assert [u for u in uuids if u.startswith(f"p{p}")] == [f"p{p}-{n}" for n in range(turns)]
    assert sum(e["type"] == "mode" for e in loaded) == sum(e["type"] == "custom-title" for e in loaded) == 4 * turns
    assert summary["data"] == fold_session_summary(None, key(), loaded)["data"]


@pytest.mark.parametrize("store_kind", ["log"], indirect=True)
def test_what_a_process_that_was_killed_had_handed_over_is_there_whole_and_another_goes_on(store):
    process = start(store, 0, 10_000)
    acknowledged = [int(process.stdout.readline()) for _ in range(5)]
    process.kill()
    process.communicate(timeout=60)

    sdk = SegueSessionStore(store)
    loaded = run(sdk.load(key()))
    run(sdk.append(key(), [{"type": "user", "uuid": "after", "parentUuid": "p-0"}]))

    assert len(loaded) % 4 == 0
    assert [e["uuid"] for e in loaded if e.get("uuid", "").startswith("p-")][:5] == [f"p-{n}" for n in acknowledged]
    assert run(sdk.load(key())) == [*loaded, {"type": "user", "uuid": "after", "parentUuid": "p-0"}]
    assert list(store.verify(session_of(store))) == []
