"""What the writers for Gemini CLI and Qwen Code do that is their own: directories, prompts that would be left out, checks."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.ports import Destination
from segue.testing.builders import tool_call, tool_result
from segue.testing.transcripts import read
from segue.testing.writers import PIXEL, conversation, plain, turn
from segue.transcripts.gemini.profile import marked, project_directory, unmarked
from segue.transcripts.gemini.reader import Gemini
from segue.transcripts.gemini.writer import GeminiWriter
from segue.transcripts.qwen.profile import directory_of
from segue.transcripts.qwen.reader import Qwen
from segue.transcripts.qwen.writer import QwenWriter
from tests.unit.transcripts.json_lines import records_in, rewritten

WRITERS = [GeminiWriter, QwenWriter]


@pytest.fixture
def to(tmp_path):
    (tmp_path / "My Project").mkdir()
    return Destination(str(tmp_path / "home"), str(tmp_path / "My Project"))


# --- Gemini CLI's directories


def test_a_project_without_a_directory_gets_one_that_says_whose_it_is(to):
    path = Path(GeminiWriter().write(plain(), to).files[0])
    assert path.parent.parent == Path(to.home, "tmp", "my-project")
    assert (path.parent.parent / ".project_root").read_text() == to.workspace
    assert not Path(to.home, "projects.json").exists()


def test_the_directory_that_the_program_chose_is_taken(to):
    Path(to.home).mkdir()
    Path(to.home, "projects.json").write_text(json.dumps({"projects": {to.workspace: "chosen"}}))
    assert "/tmp/chosen/chats/" in GeminiWriter().write(plain(), to).files[0]


def test_a_directory_that_says_that_it_is_the_project_s_is_taken(to):
    mark = Path(to.home, "history", "older", ".project_root")
    mark.parent.mkdir(parents=True)
    mark.write_text(to.workspace + "\n")
    assert project_directory(to.home, to.workspace) == "older"
    assert "/tmp/older/chats/" in GeminiWriter().write(plain(), to).files[0]


def test_another_project_s_directory_is_never_taken(to):
    for slug, owner in (("my-project", "/elsewhere/My Project"), ("my-project-1", "/third/My Project")):
        Path(to.home, "tmp", slug).mkdir(parents=True)
        Path(to.home, "tmp", slug, ".project_root").write_text(owner)
    Path(to.home, "projects.json").write_text(json.dumps({"projects": {"/fourth": "my-project-2"}}))
    assert "/tmp/my-project-3/chats/" in GeminiWriter().write(plain(), to).files[0]


@pytest.mark.parametrize("registry", ["", "{", "[]", '{"projects": {"/x": "../up"}}', '{"projects": 17}', "[" * 100_000])
def test_a_registry_that_cannot_be_read_is_none(to, registry):
    Path(to.home).mkdir()
    Path(to.home, "projects.json").write_text(registry)
    assert "/tmp/my-project/chats/" in GeminiWriter().write(plain(), to).files[0]


def test_the_mark_goes_when_the_transcript_cannot_be_made(to):
    blocked = Path(to.home, "tmp", "my-project", "chats")
    blocked.parent.mkdir(parents=True)
    blocked.write_text("a file where a directory should be")
    with pytest.raises(OSError, match=r"Not a directory|File exists"):
        GeminiWriter().write(plain(), to)
    assert [p.name for p in blocked.parent.iterdir()] == ["chats"]


def test_the_stub_that_resuming_leaves_is_not_the_session(to):
    writer = GeminiWriter()
    written = writer.write(plain(), to)
    path = Path(written.files[0])
    assert not path.stem.endswith(written.foreign_id[:8])
    header = records_in(path)[0] | {"lastUpdated": "2027-01-01T00:00:00.000Z"}
    stub = path.with_name(f"session-2027-01-01T00-00-{written.foreign_id[:8]}.jsonl")
    context = {"id": "e", "timestamp": header["lastUpdated"], "type": "user", "content": [{"text": "<session_context>x"}]}
    stub.write_text(json.dumps(header) + "\n" + json.dumps({"$set": {"messages": [context]}}) + "\n")
    assert writer.find(written.foreign_id, to) == written.files[0]


# --- prompts that Gemini CLI would leave out


@pytest.mark.parametrize(
    "text",
    ["/help me", "?", " \n/x", "<session_context>a", "<hook_context>b</hook_context> c", "\ufeff", "\u200b/x", "\u200b\u200b?"],
)
def test_a_prompt_that_would_be_left_out_is_sent_and_read_back_as_it_was(to, text):
    writer = GeminiWriter()
    written = writer.write(conversation(turn("user", text), turn("assistant", "Yes.")), to)
    assert writer.validate(written.files[0]) == []
    assert [c.fate for c in written.carried if c.what == "text"] == ["mapped"]
    said = next(d.body for d in read(Gemini(), Path(written.files[0])).drafts if d.kind == "message")
    assert said == {"role": "user", "parts": [{"type": "text", "content": text}]}


@given(st.text(alphabet=" \n/?<\u200b\ufeffsession_context>hook", max_size=24))
def test_the_mark_of_a_prompt_can_always_be_taken_away(text):
    assert unmarked(marked(text)) == text


# --- messages whose parts are in another order than their fields


def test_a_text_behind_a_call_stays_behind_it(to):
    given = conversation(
        turn("user", "go"),
        turn("assistant", tool_call("run", "c1", command="ls"), "and then", tool_call("run", "c2", command="pwd")),
        turn("tool", tool_result("a", "c1"), tool_result("b", "c2")),
    )
    writer = GeminiWriter()
    written = writer.write(given, to)
    assert writer.validate(written.files[0]) == []
    parts = read(Gemini(), Path(written.files[0])).drafts[2].body["parts"]
    assert [p.get("content") or p["id"] for p in parts] == ["c1", "and then", "c2", "c1", "c2"]


@pytest.mark.parametrize(("make", "reader"), [(GeminiWriter, Gemini), (QwenWriter, Qwen)])
def test_what_a_tool_answered_keeps_its_pictures(to, make, reader):
    image = {"type": "blob", "modality": "image", "mime_type": "image/png", "content": PIXEL}
    answer = [{"type": "text", "content": "a shot"}, image, {"type": "text", "content": "of it"}]
    given = conversation(turn("user", "go"), turn("assistant", tool_call("read", "c1")), turn("tool", tool_result(answer, "c1")))
    written = make().write(given, to)
    parts = [p for d in read(reader(), Path(written.files[0])).drafts for p in d.body.get("parts", [])]
    assert parts[-1] == {"type": "tool_call_response", "id": "c1", "response": answer}


@pytest.mark.parametrize("make", WRITERS)
def test_a_picture_that_the_provider_does_not_take_is_told_of(to, make):
    gif = {"type": "blob", "modality": "image", "mime_type": "image/gif", "content": PIXEL}
    link = {"type": "uri", "modality": "image", "uri": "https://example.org/a.png"}
    written = make().write(conversation(turn("user", "look", gif, link)), to)
    assert [(c.what, c.fate, c.number) for c in written.carried] == [("image", "folded", 2)]
    assert "[image image/gif: not carried over]" in Path(written.files[0]).read_text()


# --- what the checks find


def _message(records, kind):
    return next(r for r in records if r.get("type") == kind)


GEMINI = {
    "its header": (lambda r: r[1:], "a header with sessionId and projectHash is missing"),
    "the project": (lambda r: r[0].update(projectHash="0" * 64), "it is of another project"),
    "its age": (lambda r: r[0].update(lastUpdated="soon"), "the header's lastUpdated is no time"),
    "a subagent": (lambda r: r[0].update(kind="subagent"), "it is a subagent's"),
    "a type": (lambda r: r[1].update(type="of-next-year"), "its type is 'of-next-year'"),
    "a command": (lambda r: r[1].update(content=[{"text": "/quit"}]), "begins with / or ?"),
    "an id": (lambda r: r[2].update(id=r[1]["id"]), "occurs twice"),
    "an answer": (lambda r: _message(r, "gemini")["toolCalls"][0].pop("result") and None, "call call-1 has no answer"),
    "its name": (lambda r: _message(r, "gemini")["toolCalls"][0].update(name="other"), "has another name"),
    "arguments": (lambda r: _message(r, "gemini")["toolCalls"][0].update(args="ls"), "are no object"),
    "the beginning": (lambda r: [r[0], *r[2:]], "does not begin with the user"),
    "nothing": (lambda r: r[:1], "nothing was said in it"),
    "a stranger": (lambda r: [*r, {"a": 1}], "neither a header nor a message"),
    "an answer twice": (
        lambda r: [*r, {**r[1], "id": "x", "content": _message(r, "gemini")["toolCalls"][0]["result"]}],
        "is sent twice",
    ),
    "an empty one": (lambda r: [*r, {**_message(r, "gemini"), "id": "x", "content": "", "toolCalls": []}], "it says nothing"),
}
QWEN = {
    "the directory": (lambda r: r[0].update(cwd="/elsewhere"), "the directory of /elsewhere is -elsewhere"),
    "no directory": (lambda r: r[0].pop("cwd") and None, "no cwd"),
    "the session": (lambda r: r[0].update(sessionId="other"), "another sessionId"),
    "a parent": (lambda r: r[3].update(parentUuid="gone"), "its parent gone is not there"),
    "a branch": (lambda r: r[3].update(parentUuid=r[1]["uuid"]), "it is not on the line"),
    "an id": (lambda r: r[3].update(uuid=r[2]["uuid"]), "occurs twice"),
    "no id": (lambda r: r[-1].pop("uuid") and None, "it has no uuid"),
    "a role": (lambda r: r[1]["message"].update(role="assistant"), "the role in a record of type assistant"),
    "parts": (lambda r: r[1]["message"].update(parts=[]), "it has no parts"),
    "arguments": (lambda r: r[1]["message"]["parts"][1]["functionCall"].update(args=1), "are no object"),
    "an answer": (
        lambda r: [*r[:2], {**r[3], "parentUuid": r[1]["uuid"]}, *r[4:]],
        "call call-1 is left out: it has no answer right behind it",
    ),
    "a call": (lambda r: r[1]["message"]["parts"].pop(1) and None, "answer call-1 is left out"),
    "the beginning": (lambda r: [{**r[1], "parentUuid": None}, *r[2:]], "does not begin with the user"),
}


@pytest.mark.parametrize(
    ("make", "change", "reason"),
    [*((GeminiWriter, *v) for v in GEMINI.values()), *((QwenWriter, *v) for v in QWEN.values())],
    ids=[*(f"gemini: {k}" for k in GEMINI), *(f"qwen: {k}" for k in QWEN)],
)
def test_what_the_loader_would_refuse_or_drop_is_noted(to, make, change, reason):
    writer = make()
    path = writer.write(plain(), to).files[0]
    assert writer.validate(path) == []
    rewritten(path, change)
    assert reason in " | ".join(n.reason for n in writer.validate(path))


@pytest.mark.parametrize("make", WRITERS)
def test_a_name_that_the_program_does_not_look_for_is_noted(to, make):
    writer = make()
    path = Path(writer.write(plain(), to).files[0])
    other = path.rename(path.with_name("mine.jsonl"))
    assert any("its name is not" in n.reason for n in writer.validate(str(other)))


@pytest.mark.parametrize(("workspace", "name"), [("/home/ann/my.project_1", "-home-ann-my-project-1"), ("/é🙂", "----")])
def test_a_projects_directory_is_named_as_qwen_code_names_it(workspace, name):
    assert directory_of(workspace) == name


def test_qwen_code_takes_the_id_for_an_id_and_not_for_a_title(to):
    assert QwenWriter().write(plain(), to).foreign_id[14] == "4"  # it knows UUIDs of versions 1 to 5 (0.15.10)
