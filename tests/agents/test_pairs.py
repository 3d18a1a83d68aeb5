"""A session of every real agent goes on in every other: the first request carries what was said and done."""

from dataclasses import replace
from itertools import permutations

import pytest

from segue.transcripts import writers
from tests.agents.beginnings import killed, long, moved, planned
from tests.agents.programs import PROGRAMS, Claude, Codex, Gemini
from tests.agents.segue import Segue
from tests.agents.story import first_request, unsound

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

NEXT = "And now go on [[say I go on]]"
WRITTEN = {writer.agent for writer in writers()}
PAIRS = [(a, b) for a, b in permutations(PROGRAMS, 2) if b.name in WRITTEN]
HARD = list(permutations((Claude, Codex, Gemini), 2))


def named(pairs):
    return [f"{a.__name__}-{b.__name__}" for a, b in pairs]


@pytest.fixture
def go_on(begun, place, server):
    """Takes a session in, goes on with it in another agent, and returns its beginning, what segue said, and the first request."""

    def go(source, how, target, *options):
        first = begun(source, how)
        second = target(replace(place, project=first.project))
        segue = Segue(second)
        session = segue.take_in(*first.program.transcripts())
        going = segue.goes_on(session["id"], target.name, *(str(option(first)) for option in options))
        for command in going["prepare"]:
            second.run_plainly(command)
        second.run_command(going["command"], NEXT)
        return first, going, first_request(server.requests, NEXT)

    return go


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=named(PAIRS))
def test_a_session_of_one_agent_goes_on_in_another(go_on, source, target):
    first, going, request = go_on(source, planned, target)

    assert (going["way"], going["workspace"]) == ("converted", str(first.project))
    assert (first.story.missing(request), unsound(request)) == ([], [])
    assert len(first.story.items) == 14  # prompt, four times text, call and result, and the fact


@pytest.mark.parametrize(("source", "target"), HARD, ids=named(HARD))
def test_a_session_that_was_killed_in_mid_tool_goes_on_in_another_agent(go_on, source, target):
    first, going, request = go_on(source, killed, target)

    assert going["way"] == "converted"
    assert (first.story.missing(request), unsound(request)) == ([], [])
    calls = 4 if source is Gemini else 5  # Gemini CLI writes a call when its tool has ended
    assert len(request.calls) == calls


@pytest.mark.parametrize(("source", "target"), HARD, ids=named(HARD))
def test_a_session_goes_on_in_another_agent_and_another_directory(go_on, source, target):
    first, going, request = go_on(source, moved, target, lambda _: "--cwd", lambda first: first.project)

    assert (going["way"], going["workspace"]) == ("converted", str(first.project))
    assert (first.story.missing(request), unsound(request)) == ([], [])
    assert str(first.program.place.project) not in str(request.calls)


@pytest.mark.parametrize(("source", "target"), HARD, ids=named(HARD))
def test_a_session_of_a_thousand_records_that_was_compacted_goes_on_in_another_agent(go_on, source, target):
    first, going, request = go_on(source, long, target)

    assert (going["way"], going["condensed"]) == ("converted", 0)
    assert (first.story.missing(request), unsound(request)) == ([], [])
