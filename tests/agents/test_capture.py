"""Real coding agents: what they did is in the log, completely and in order, also when they were killed."""

import pytest

from segue.core.session.tree import active_chain
from segue.engine.capture.importing import import_paths
from segue.host.clock import SystemClock, SystemIds
from segue.stores.log import LogStore
from segue.transcripts import transcripts
from tests.agents.model_server import Call, Result, Said
from tests.agents.programs import PROGRAMS, Claude, Codex, Gemini, OpenCode, Qwen

pytestmark = pytest.mark.long

READ = [Claude, Codex, Gemini, OpenCode, Qwen]
"""The agents that there is a reader for."""
OWN = {"Got it. Thanks for the context!"}
"""What programs put into the model's mouth, and do not write down."""


def plain(item):
    """Return *item* with the model's own id of a call: Gemini CLI puts the tool's name in front."""
    return type(item)(item.id.rpartition("__")[2], *list(vars(item).values())[1:])


@pytest.fixture
def store(tmp_path):
    return LogStore(tmp_path / "store", clock=SystemClock(), ids=SystemIds())


def taken_in(store, program):
    """Import what the agent wrote, and return its conversation in the model server's shape."""
    report = import_paths(store, transcripts(), [str(p) for p in program.transcripts()], clock=SystemClock())
    assert [loss for s in report.sessions for loss in s.losses] == []
    found = []
    for event in active_chain(store.read(report.sessions[-1].id)):
        if event.kind != "message" or event.body.get("meta"):
            continue
        for part in event.body["parts"]:
            if part["type"] == "text":
                text = part["content"].strip('"') if isinstance(program, OpenCode) else part["content"]  # it quotes a prompt
                found.append(Said(event.body["role"], text))
            elif part["type"] == "tool_call":
                found.append(Call(part["id"], part["name"], part["arguments"]))
            elif part["type"] == "tool_call_response":
                found.append(Result(part["id"], str(part["response"])))
    return found


@pytest.mark.parametrize("kind", PROGRAMS)
def test_every_agent_works_with_the_scripted_model(place, server, project, kind):
    kind(place).run("Please build notes [[plan]]")
    assert (project / "notes.txt").read_text() == "alpha\nBETA\ngamma\n"
    assert len(server.last.results) == 4


@pytest.mark.parametrize("kind", READ)
def test_a_run_is_in_the_log_as_the_model_saw_it(store, place, server, kind):
    program = kind(place)
    program.run("Please build notes [[plan]]")

    found = taken_in(store, program)

    seen = server.last
    assert [plain(item) for item in found if isinstance(item, Call)] == seen.calls
    assert [plain(item).id for item in found if isinstance(item, Result)] == [item.id for item in seen.results]
    assert [item.text for item in found if isinstance(item, Said) and item.role == "user"] == ["Please build notes [[plan]]"]
    said = [item.text.strip() for item in found if isinstance(item, Said) and item.role == "assistant"]
    assert said[:-1] == [text.strip() for text in seen.said("assistant") if text not in OWN]
    assert "PLANTED-FACT-7741" in said[-1]


@pytest.mark.parametrize("kind", READ)
def test_an_agent_killed_in_the_middle_of_a_tool_loses_nothing_that_it_wrote(store, place, server, project, kind):
    program = kind(place)
    program.kill_in_tool(
        "wait [[sh ls; sleep 1; touch begun; for i in 1 2 3 4 5 6 7 8 9; do read -t 1 < /dev/zero; done]]", project / "begun"
    )

    found = taken_in(store, program)

    written = [] if kind is Gemini else [Call]  # it writes a call when its tool ends
    assert [type(item) for item in found if not isinstance(item, Said)] == written
    assert next(item.text for item in found if isinstance(item, Said) and item.role == "user").startswith("wait [[sh")


@pytest.mark.parametrize("kind", READ)
def test_a_session_that_goes_on_is_taken_in_from_where_the_last_import_stopped(store, place, server, kind):
    program = kind(place)
    program.run("first [[say the word is ORCHID]]")
    first = taken_in(store, program)
    program.run("second [[say and the number is 42]]", resume=program.session())
    second = taken_in(store, program)

    assert second[: len(first)] == first
    assert [i.text.strip() for i in second if isinstance(i, Said) and i.role == "assistant"] == [
        "the word is ORCHID",
        "and the number is 42",
    ]
