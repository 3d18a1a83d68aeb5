"""Each real agent goes on with its own sessions: what the matrix of pairs is measured against."""

import pytest

from tests.agents.model_server.scenario import FACT
from tests.agents.programs import PROGRAMS
from tests.agents.story import Story, first_request

pytestmark = pytest.mark.long

PROMPT = "Please build notes [[plan]]"
NEXT = "And now go on [[say I go on]]"


@pytest.mark.parametrize("kind", PROGRAMS)
def test_an_agents_own_resume_carries_what_was_said_and_done(place, server, kind):
    program = kind(place)
    program.run(PROMPT)
    story = Story.of(server.last, [PROMPT], FACT)
    server.forget()

    program.run(NEXT, resume=program.session())

    request = first_request(server.requests, NEXT)
    assert story.missing(request) == []
    assert len(story.items) == 14  # prompt, four times text, call and result, and the fact
