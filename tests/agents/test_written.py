"""What our writers write, the real agents go on from: their first request carries all of it."""

import json
import re
from pathlib import Path

import pytest

from segue.ports import Destination
from segue.testing.builders import tool_call, tool_result
from segue.testing.writers import PIXEL, WriterContract, conversation, plain, turn
from segue.transcripts.claude_code.writer import ClaudeCodeWriter
from segue.transcripts.codex.writer import CodexWriter
from segue.transcripts.gemini.writer import GeminiWriter
from segue.transcripts.opencode.writer import OpenCodeWriter
from segue.transcripts.qwen.writer import QwenWriter
from tests.agents import programs
from tests.agents.conftest import PREFIX
from tests.agents.model_server import Call, Result, Said
from tests.agents.programs import Claude, Codex, Gemini, OpenCode, Qwen
from tests.agents.story import Story, first_request, unsound

pytestmark = pytest.mark.long

WRITTEN = [
    (ClaudeCodeWriter, Claude),
    (CodexWriter, Codex),
    (GeminiWriter, Gemini),
    (QwenWriter, Qwen),
    (OpenCodeWriter, OpenCode),
]
NEXT = "And now go on [[say I go on]]"


def story_of(given):
    """Return what a request must carry of a conversation; halves of characters are replaced in it."""
    found = []
    for t in given.turns:
        for part in json.loads(re.sub("[\ud800-\udfff]", "\ufffd", json.dumps(t.parts, ensure_ascii=False))):
            if part["type"] == "text":
                found.append(Said(t.role, part["content"]))
            elif part["type"] == "tool_call":
                found.append(Call(part["id"], part["name"], part["arguments"]))
            elif part["type"] == "tool_call_response":
                found.append(Result(part["id"], part["response"]))
    return Story(tuple(found))


def resumed(make, program, place, given):
    """Write a conversation, let the agent go on from it, and return its first request."""
    writer = make()
    to = Destination(writer.home(program.environment()), str(place.project))
    written = writer.write(given, to)
    assert writer.validate(written.files[0]) == []
    before = Path(written.files[0]).read_bytes()
    for command in written.prepare:
        program.run_plainly(command)
    program.run_command(written.command, NEXT)
    assert Path(written.files[0]).read_bytes().startswith(before)  # it goes on in the same file
    assert writer.validate(written.files[0]) == []
    return written


@pytest.mark.parametrize(("make", "kind"), WRITTEN)
def test_every_turn_is_in_the_first_request(place, server, make, kind):
    resumed(make, kind(place), place, plain())
    request = first_request(server.requests, NEXT)
    assert story_of(plain()).missing(request) == []
    assert unsound(request) == []


@pytest.mark.parametrize(("make", "kind"), [w for w in WRITTEN if w[1] is not Gemini])  # it puts long answers into files
def test_odd_texts_images_and_many_calls_at_once_are_in_the_first_request(place, server, make, kind):
    odd = WriterContract.odd
    names = [f"call-{i}" for i in range(60)]
    image = {"type": "blob", "modality": "image", "mime_type": "image/png", "content": PIXEL}
    given = conversation(
        turn("user", "Summary: ZEBRA.", meta=True, summary=True),
        turn("user", *(f"{i}: {text}" for i, text in enumerate(odd)), image),
        turn("assistant", "Many.", *(tool_call("Bash", n, command=odd[i % len(odd)]) for i, n in enumerate(names))),
        turn("tool", *(tool_result(f"{n} {odd[i % len(odd)]}", n, is_error=i % 3 == 0) for i, n in enumerate(names))),
        turn("assistant", tool_call("Read", "shot", file_path="/shot.png")),
        turn("tool", tool_result([{"type": "text", "content": "SHOT"}, image], "shot")),
        turn("assistant", "long " * 20_000, tool_call("Bash", "wide", command="x"), tool_call("Bash", "wider", command="y")),
        turn("tool", tool_result("é" * 60_000, "wide"), tool_result("line\n" * 80_000, "wider")),
        turn("assistant", "All read."),
        turn("user", "A reminder: MEERKAT.", meta=True),
    )
    resumed(make, kind(place), place, given)
    request = first_request(server.requests, NEXT)
    simple = [t._replace(parts=tuple(p for p in t.parts if p.get("id") != "shot")) for t in given.turns]
    assert story_of(given._replace(turns=tuple(simple))).missing(request) == []
    assert unsound(request) == []
    assert [len(r.text.strip()) for r in request.results if r.id in {"wide", "wider"}] == [60_000, 5 * 80_000 - 1]
    sighted = kind is not Qwen  # its model here is one that it holds for blind
    assert json.dumps(request.raw).count(PIXEL) == (2 if sighted else 0)
    assert "SHOT" in json.dumps(request.raw)


@pytest.mark.parametrize(("make", "kind"), [w for w in WRITTEN if w[1] is not Gemini])  # it compresses so much at once
def test_a_session_of_thousands_of_turns_and_more_than_five_megabytes_is_whole(place, server, make, kind):
    class Patient(kind):
        """Does not compact by itself."""

        def env(self):
            return {**super().env(), "DISABLE_AUTO_COMPACT": "1", "CLAUDE_CODE_BLOCKING_LIMIT_OVERRIDE": "100000000"}

    turns = [turn("user", "Begin.")]
    for i in range(700):
        turns += [
            turn("assistant", f"Step {i}.", tool_call("Bash", f"call-{i}", command=f"step {i}", uuid=f"{i}")),
            turn("tool", tool_result(f"done {i}\n" + f"line of {i}\n" * 700, f"call-{i}")),
        ]
    given = conversation(*turns, turn("assistant", "The planted fact is ORCHID-42."))
    written = resumed(make, Patient(place), place, given)
    assert Path(written.files[0]).stat().st_size > 5 << 20
    request = first_request(server.requests, NEXT)
    assert [c.id for c in request.calls] == [f"call-{i}" for i in range(700)]
    assert [r.text.split("\n")[0] for r in request.results] == [f"done {i}" for i in range(700)]
    assert "ORCHID-42" in request.said("assistant")[-1]


@pytest.mark.parametrize(("make", "kind", "model"), [(*WRITTEN[0], "claude-haiku-4-5"), (*WRITTEN[1], "gpt-of-next-year")])
def test_the_command_asks_for_the_model_that_was_chosen(place, server, make, kind, model):
    program, writer = kind(place), make()
    to = Destination(writer.home(program.environment()), str(place.project), model=model)
    program.run_command(writer.write(plain(), to).command, NEXT)
    assert first_request(server.requests, NEXT).model == model


@pytest.mark.parametrize(("make", "kind"), WRITTEN[:2])
def test_a_model_of_another_provider_is_not_asked_for(place, server, make, kind):
    program = kind(place)
    program.run("hello [[say hello]]")
    usual = first_request(server.requests, "hello").model
    given = plain()
    foreign = tuple(t._replace(model="gemini-3-pro") if t.role == "assistant" else t for t in given.turns)
    resumed(make, program, place, given._replace(turns=foreign))
    assert first_request(server.requests, NEXT).model == usual


def test_codex_has_on_its_screen_what_was_said_and_lists_the_session(place):
    program, writer = Codex(place), CodexWriter()
    written = writer.write(plain(), Destination(writer.home(program.environment()), str(place.project)))
    asked = [
        {"id": 1, "method": "initialize", "params": {"clientInfo": {"name": "tests", "version": "1"}}},
        {"method": "initialized"},
        {"id": 2, "method": "thread/list", "params": {}},
        {"id": 3, "method": "thread/read", "params": {"threadId": written.foreign_id, "includeTurns": True}},
    ]
    answers = program.ask_app_server(asked)
    assert [t["preview"] for t in answers[2]["data"]] == ["Build notes.\nIn two lines."]
    items = [item for turn in answers[3]["thread"]["turns"] for item in turn["items"]]
    shown = [item.get("text") or item["content"][0]["text"] for item in items]
    assert shown == ["Build notes.\nIn two lines.", "On it.", "The planted fact is ORCHID-42.", "Thanks.", "Done."]


# --- what a version demands is what the check asks for


def _fields(record, path=()):
    for name, value in record.items():
        yield (*path, name)
        if isinstance(value, dict) and not path:
            yield from _fields(value, (name,))


def _without(records, kind, path):
    """Leave out a field of all records of a kind."""
    *outer, name = path
    for record in (r for r in records if r["type"] == kind):
        holder = record
        for step in outer:
            holder = holder.get(step, {})
        holder.pop(name, None)


@pytest.mark.parametrize(("make", "kind"), WRITTEN[:2])
@pytest.mark.timeout(1200)  # many runs of the program, one after another
def test_a_field_whose_absence_loses_something_is_one_that_the_check_asks_for(tmp_path, server, monkeypatch, make, kind):
    story = story_of(plain())

    def tried(name, cut=None):
        """Return whether all is carried, and whether the check has something against it, when a field is left out."""
        home, project = tmp_path / name / "home", tmp_path / name / "project"
        home.mkdir(parents=True)
        project.mkdir()
        program = kind(programs.Place(home, project, PREFIX, server.url))
        writer = make()
        written = writer.write(plain(), Destination(writer.home(program.environment()), str(project)))
        path = Path(written.files[0])
        records = [json.loads(line) for line in path.read_text().splitlines()]
        fields = {(record["type"], *field) for record in records for field in _fields(record)}
        if cut:
            _without(records, cut[0], cut[1:])
            path.write_text("".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records))
        noted = bool(writer.validate(str(path)))
        server.forget()
        try:
            program.run(NEXT, resume=written.foreign_id)
            carried = story.missing(first_request(server.requests, NEXT)) == []
        except AssertionError:
            carried = False
        return carried, noted, fields

    carried, noted, fields = tried("whole")
    assert (carried, noted) == (True, False)
    trials = sorted(field for field in fields if field[1:] != ("type",))
    with monkeypatch.context() as patched:
        patched.setattr(programs, "TIMEOUT", 20)  # without some fields a program never ends
        found = {field: tried(str(i), field)[:2] for i, field in enumerate(trials)}
    lost = [field for field, (carried, noted) in found.items() if not carried and not noted]
    assert [field for i, field in enumerate(lost) if not tried(f"again-{i}", field)[0]] == []  # it may have been slow
    assert sum(not carried for carried, _ in found.values()) >= 5  # the trial itself tells something
