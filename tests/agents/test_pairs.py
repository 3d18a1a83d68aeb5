"""A session of every real agent goes on in every other: the first request carries what was said and done."""

from dataclasses import replace
from itertools import permutations

import pytest

from segue.transcripts import writers
from tests.agents.programs import PROGRAMS
from tests.agents.segue import Segue
from tests.agents.story import first_request, unsound

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]

NEXT = "And now go on [[say I go on]]"
WRITTEN = {writer.agent for writer in writers()}
PAIRS = [(a, b) for a, b in permutations(PROGRAMS, 2) if b.name in WRITTEN]
NAMES = [f"{a.__name__}-{b.__name__}" for a, b in PAIRS]


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=NAMES)
def test_a_session_of_one_agent_goes_on_in_another(begun, place, server, source, target):
    first = begun(source)
    second = target(replace(place, project=first.project))
    segue = Segue(second)
    session = segue.take_in(first.program.transcripts()[-1])

    going = segue.goes_on(session["id"], target.name)
    for command in going["prepare"]:
        second.run_plainly(command)
    second.run_command(going["command"], NEXT)

    request = first_request(server.requests, NEXT)
    assert (going["way"], going["workspace"]) == ("converted", str(first.project))
    assert first.story.missing(request) == []
    assert unsound(request) == []
    assert len(first.story.items) == 14  # prompt, four times text, call and result, and the fact
