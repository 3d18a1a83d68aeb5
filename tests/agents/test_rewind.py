"""Real coding agents go back to a checkpoint and forth again: code and conversation, as they were there and nothing else."""

import json

import pytest

from tests.agents.model_server import Request, Said
from tests.agents.model_server.scenario import FACT
from tests.agents.programs import Claude, Codex, Gemini, OpenCode, Qwen
from tests.agents.segue import Segue
from tests.agents.story import Story, first_request, unsound

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

DONE = "Done after 1 steps."
PROMPTS = [
    ("Please build notes [[plan]]", FACT),
    ("Put them elsewhere [[sh mkdir -p kept && cp notes.txt kept/two.txt && rm notes.txt]]", DONE),
    ("Change them [[sh printf changed > kept/two.txt && printf new > three.txt]]", DONE),
]


def picture(root):
    """Return every file by path, git's own left out."""
    files = (path for path in root.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


class Worked:
    """An agent's session with a checkpoint behind each of its runs."""

    def __init__(self, program, server):
        self.program, self.segue, self.server = program, Segue(program), server
        self.project = program.place.project
        self.stories, self.names, self.pictures = [], [], []
        session = None
        for i, (prompt, answer) in enumerate(PROMPTS):
            program.run(prompt, resume=program.session() if i else None)
            session = self.segue.take_in(program.transcripts()[-1])["id"]
            made = json.loads(self.segue.run("checkpoint", "create", session, "-m", f"behind run {i + 1}", "--json"))
            self.names.append(made["name"])
            self.stories.append(Story.of(server.last, [p for p, _ in PROMPTS[: i + 1]], answer))
            self.pictures.append(picture(self.project))

    def goes_on(self, done, prompt):
        """Say *prompt* in what a restore has written."""
        for command in done["conversation"]["prepare"]:
            self.program.run_plainly(command)
        self.program.run_command(done["conversation"]["command"], prompt)

    def restore(self, name, *options):
        return json.loads(self.segue.run("checkpoint", "restore", name, *options, "--json"))


def exactly(story, request, prompts):
    """Return what *request* does not carry of the story, and what it carries beside it."""
    carried = Story.of(request, prompts)
    return story.missing(request) + carried.missing(Request("", "", story.items))


TURNS = {Claude: [0, 2, 1, 0, 2], Codex: [0, 2, 1, 0, 2], Gemini: [0, 2, 1, 0, 2], Qwen: [0, 2], OpenCode: [0, 2]}


@pytest.mark.parametrize("kind", TURNS)
def test_code_and_conversation_go_back_to_any_checkpoint_and_forth_again(place, server, kind):
    worked = Worked(kind(place), server)
    # opencode's are all in one database
    own = {path: path.read_bytes() for path in worked.program.transcripts() if kind is not OpenCode}
    for turn, there in enumerate(TURNS[kind]):
        edit = worked.project / f"mine-{turn}.txt"
        edit.write_text("what the user wrote and never committed")
        before = picture(worked.project)
        server.forget()

        done = worked.restore(worked.names[there], "--both")
        assert done["what"] == ["code", "conversation"]
        assert picture(worked.project) == worked.pictures[there]
        say = f"And now go on, {turn} [[say I go on]]"
        worked.goes_on(done, say)

        request = first_request(server.requests, say)
        story = Story((*worked.stories[there].items, Said("user", say)))
        assert not any("[segue" in text for text in request.said("user"))  # nothing is put in
        assert (exactly(story, request, [*(p for p, _ in PROMPTS[: there + 1]), say]), unsound(request)) == ([], [])
        worked.restore(done["before"], "--code")  # the user's edit is not lost
        assert picture(worked.project) == before
        edit.unlink()
    assert {path: path.read_bytes() for path in own} == own


@pytest.mark.parametrize("kind", [Claude, Codex, Gemini])
def test_what_the_agent_does_after_going_back_is_taken_in_behind_the_checkpoint(place, server, kind):
    worked = Worked(kind(place), server)
    done = worked.restore(worked.names[1], "--conversation")
    worked.goes_on(done, "Another way [[sh printf other > other.txt]]")

    made = worked.restore(worked.names[0], "--conversation")  # takes in what the agent wrote, and saves it

    assert made["session"] == done["conversation"]["continuation"]
    server.forget()
    again = worked.restore(made["before"], "--conversation")
    worked.goes_on(again, "Go on [[say I go on]]")
    request = first_request(server.requests, "Go on [[say")
    said = request.said("user")
    prompts = [PROMPTS[0][0], PROMPTS[1][0], "Another way [[sh printf other > other.txt]]", "Go on [[say I go on]]"]
    assert [p for p in prompts if any(p in text for text in said)] == prompts
    assert not any(PROMPTS[2][0] in text for text in said)
    assert unsound(request) == []
