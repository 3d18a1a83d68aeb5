"""Claude Code compacts its context: what was before is saved, a successor takes over, and the agent's work goes on in it."""

import json
import time

import pytest

from tests.agents.programs import Claude
from tests.agents.segue import Segue

pytestmark = pytest.mark.long


def until(look, seconds=60):
    """Return the first true answer of *look*, or its last one."""
    end = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < end:
        time.sleep(0.3)
    return found


def test_a_compaction_is_taken_over_by_a_successor_in_which_the_agents_work_goes_on(place, server):
    program = Claude(place)
    program.prepare()
    segue = Segue(program)
    segue.run("init", "claude-code", "--yes", "--no-import")
    program.run("Please build notes [[plan]]")
    program.run("first [[say the word is ORCHID]]", resume=program.session())
    until(lambda: json.loads(segue.run("list", "--json"))["sessions"])
    program.run("/compact keep the fact", resume=program.session())

    def superseded():
        rows = sorted(json.loads(segue.run("list", "--all", "--json"))["sessions"], key=lambda row: row["created"])
        return rows if len(rows) == 2 and rows[0]["status"] == "ended" else []  # the successor begins before the other ends

    old, new = until(superseded)
    program.run("second [[say and the number is 42]]", resume=program.session())

    def told():
        log = segue.run("log", new["id"], "--json")
        return log if "the number is 42" in log and '"compaction"' in log else ""

    assert "ORCHID" in until(told)
    status = json.loads(segue.run("status", new["id"], "--json"))
    assert (status["came_from"]["session"], status["came_from"]["by"]) == (old["id"], "superseded")
    before = segue.run("log", old["id"], "--json")
    assert "the number is 42" not in before
    assert "the agent compacts" in before
    again = json.loads(segue.run("import", *map(str, program.transcripts()), "--json"))
    assert [one["new_events"] for one in again["sessions"]] == [0]
