"""How a session begins in one agent, before it goes on in another, and what the other must be told of it."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.agents.model_server import Call, ModelServer, Said
from tests.agents.model_server.scenario import FACT
from tests.agents.programs import Gemini, Program
from tests.agents.story import Story

PLAN = "Please build notes [[plan]]"
WAIT = "touch begun; for i in 1 2 3 4 5 6 7 8 9; do read -t 1 < /dev/zero; done"
KILLED = f"Now wait [[sh {WAIT}]]"
AFTER = "After it [[say the word is ORCHID]]"
STEPS = {"claude-code": 320, "codex": 150, "gemini-cli": 200}
"""Calls of a session that has more than a thousand records in the agent's own transcript."""


class Begun(NamedTuple):
    """A session that an agent began, to go on elsewhere: nothing may be written into its home."""

    program: Program
    project: Path
    """Where it goes on."""
    story: Story


Beginning = Callable[[Program, ModelServer], Begun]


def planned(program: Program, server: ModelServer) -> Begun:
    """Four calls that write, read, edit and list, and a fact."""
    program.run(PLAN)
    return Begun(program, program.place.project, Story.of(server.last, [PLAN], FACT))


def killed(program: Program, server: ModelServer) -> Begun:
    """The same, and then the agent is killed while a tool of the next prompt runs."""
    program.run(PLAN)
    program.kill_in_tool(KILLED, program.place.project / "begun", resume=program.session())
    cut = [Said("assistant", "Step 1."), Call("", "", {"command": WAIT})]
    if isinstance(program, Gemini):
        cut = []  # it writes neither before the tool has ended
    story = Story.of(server.last, [PLAN, KILLED])
    return Begun(program, program.place.project, Story((*story.items, *cut)))


def moved(program: Program, server: ModelServer) -> Begun:
    """The first one, and then the project's directory gets another name."""
    first = planned(program, server)
    old, new = first.project, first.project.with_name("renamed")
    old.rename(new)
    return Begun(program, new, first.story.moved(str(old), str(new)))


def long(program: Program, server: ModelServer) -> Begun:
    """More than a thousand records, then the agent condenses its context, then one more prompt."""
    steps = STEPS[program.name]
    prompt = f"Work long [[many {steps}]]"
    program.run(prompt)
    before = Story.of(server.last, [prompt], f"Done after {steps} steps.")
    records = sum(len(path.read_bytes().splitlines()) for path in program.transcripts())
    assert records > 1000, f"{program.name}: {records} records"
    program.compacted(AFTER)
    after = (Said("user", AFTER), Said("assistant", "the word is ORCHID"))
    return Begun(program, program.place.project, Story(before.items + after))
