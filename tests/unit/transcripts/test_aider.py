"""aider's chat history: whose each line is, in steps or at once, and in whatever state it is."""

import json
import shutil
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segue.core.log.kinds import is_node, validate
from segue.core.session.state import fold
from segue.core.session.tree import active_chain
from segue.engine.capture.importing import import_paths
from segue.host.clock import SystemIds
from segue.ports import Destination
from segue.stores.log import LogStore
from segue.testing import FakeClock
from segue.testing.builders import tool_call, tool_result
from segue.testing.writers import conversation, turn
from segue.transcripts import transcripts
from segue.transcripts.aider.reader import Aider
from segue.transcripts.aider.writer import AiderWriter

SAMPLES = Path(__file__).parents[2] / "fixtures" / "transcripts" / "aider"
NAME = ".aider.chat.history.md"
SAMPLE = (SAMPLES / NAME).read_bytes()


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.fixture
def file(tmp_path):
    found = tmp_path / NAME
    found.write_bytes(SAMPLE)
    return found


@pytest.fixture
def segue(tmp_path):
    return LogStore(tmp_path / "store", clock=FakeClock(), ids=SystemIds())


def read(path, position=None):
    """Read on from a position; return drafts, position, facts and what was noted."""
    drafts, facts, noted = [], {}, []
    for batch in Aider().read(str(path), "a", position):
        drafts += batch.drafts
        facts |= batch.facts
        noted += batch.noted
        position = json.loads(json.dumps(batch.position))
    return drafts, position, facts, noted


def said(drafts):
    return [(d.body["role"], d.body["parts"][0]["content"]) for d in drafts if d.kind == "message" and not d.body.get("meta")]


def latest(drafts):
    """Return the newest revision of each event, in order."""
    found = {}
    for draft in drafts:
        found[draft.node or draft.body.get("message_id")] = draft
    return list(found.values())


TALK = [
    ("user", "Count the lines of notes.txt.\n\nThen add one."),
    (
        "assistant",
        (
            "I count them:\n\n# The count\n\nThere are **three**.\n\n```\nnotes.txt\n<<<<<<< SEARCH\ngamma\n=======\ngamma\ndelta\n"
            ">>>>>>> REPLACE\n```"
        ),
    ),
    ("user", "/run cat notes.txt"),
    ("user", "Thanks."),
    ("assistant", "You are welcome.  "),
]


def test_who_said_what_is_told_by_the_beginnings_of_lines(file):
    drafts, _, facts, noted = read(file)
    assert said(drafts) == TALK
    assert facts == {
        "workspace": str(file.parent),
        "agent_version": "0.86.2",
        "model": "openai/gpt-x",
        "title": "Count the lines of notes.txt.",
    }
    assert noted == []
    for draft in drafts:
        validate(draft.kind, draft.body)


def test_what_was_done_and_what_it_cost_is_in_the_notes(file, segue):
    state = fold(segue.read(import_paths(segue, transcripts(), [str(file)], clock=FakeClock()).sessions[0].id))
    assert state.metrics["tokens"]["input"] == 6_600
    assert (state.metrics["tokens"]["output"], state.metrics["tokens"]["cache_read"]) == (200, 3_000)
    assert state.metrics["cost_usd"] == pytest.approx(0.0042)
    effects = [e for d in read(file)[0] for e in d.body.get("effects", [])]
    assert effects == [
        {"op": "read", "path": "notes.txt"},
        {"op": "edit", "path": "notes.txt"},
        {"op": "commit"},
        {"op": "run"},
    ]


def test_every_line_that_is_not_blank_is_kept_in_order(file):
    drafts, *_ = read(file)
    kept = "".join(d.source["raw"] for d in drafts if "raw" in d.source)
    assert [line for line in kept.split("\n") if line.strip()] == [line for line in SAMPLE.decode().split("\n") if line.strip()]
    assert [d.source["line"] for d in drafts if "raw" in d.source] == sorted(
        d.source["line"] for d in drafts if "raw" in d.source
    )


def test_when_a_prompt_was_typed_is_told_by_the_history_beside_it(file):
    shutil.copy(SAMPLES / ".aider.input.history", file.parent)
    drafts, *_ = read(file)
    assert [d.at for d in drafts if d.actor == "user"] == [
        "2026-01-15T09:30:41.000000Z",
        "2026-01-15T09:31:30.000000Z",
        "2026-01-16T10:00:05.000000Z",
    ]


def test_nothing_new_yields_nothing(file):
    _, position, *_ = read(file)
    assert list(Aider().read(str(file), "a", position)) == []


def test_reading_line_by_line_as_they_are_written_comes_to_the_same(file, segue):
    shutil.copy(SAMPLES / ".aider.input.history", file.parent)
    at_once, at_end, *_ = read(file)
    found, position = [], None
    for line in SAMPLE.splitlines(keepends=True):
        with (file.parent / "grown.aider.chat.history.md").open("ab") as out:
            out.write(line)
        drafts, position, *_ = read(file.parent / "grown.aider.chat.history.md", position)
        found += drafts
    once = latest(found)
    assert [(d.kind, d.node, d.body, d.key, d.at) for d in once] == [
        (d.kind, d.node, d.body, d.key, d.at) for d in latest(at_once)
    ]
    assert {k: position[k] for k in ("offset", "line", "digest")} == {k: at_end[k] for k in ("offset", "line", "digest")}


def test_a_session_that_goes_on_is_taken_in_from_where_the_last_import_stopped(file, segue):
    first = import_paths(segue, transcripts(), [str(file)], clock=FakeClock()).sessions[0]
    assert import_paths(segue, transcripts(), [str(file)], clock=FakeClock()).sessions[0].new_events == 0
    with file.open("ab") as out:
        out.write(b"\n\n#### And now?  \n\nNothing.\n\n")
    again = import_paths(segue, transcripts(), [str(file)], clock=FakeClock()).sessions[0]
    assert again.id == first.id
    assert said(active_chain(segue.read(first.id))) == [*TALK, ("user", "And now?"), ("assistant", "Nothing.")]


def test_every_node_has_a_name_of_its_own(file):
    drafts, *_ = read(file)
    names = [d.node for d in drafts if is_node(d.kind)]
    assert len(set(names)) == len(names)
    assert len({d.key for d in drafts}) == len(drafts)


def test_a_command_line_of_several_lines_is_not_said_by_the_model(tmp_path):
    file = tmp_path / NAME
    file.write_text(
        "# aider chat started at 2026-01-15 09:30:00\n\n> aider --message one\ntwo\n\n> three\n> Aider v1  \n\n#### one  \n\nyes\n"
    )
    assert said(read(file)[0]) == [("user", "one"), ("assistant", "yes")]


# --- damage


def test_a_torn_last_line_is_noted_and_waited_for(file):
    file.write_bytes(SAMPLE.rstrip()[:-5])
    drafts, position, _, noted = read(file)
    assert said(drafts) == TALK[:-1]
    assert [n.reason for n in noted] == ["torn last line: 11 bytes without a newline; it is read when it is whole"]
    file.write_bytes(SAMPLE)
    assert said(read(file, position)[0]) == TALK[-1:]


def test_a_file_that_was_cut_or_rewritten_is_noted_and_read_again(file):
    _, position, *_ = read(file)
    file.write_bytes(SAMPLE[:400])
    assert [d.body["reason"].split(":")[0] for d in read(file, position)[0] if d.kind == "loss"] == ["cut short"]
    file.write_bytes(SAMPLE.replace(b"three", b"seven"))
    drafts = read(file, position)[0]
    assert [d.body["reason"].split(":")[0] for d in drafts if d.kind == "loss"] == ["rewritten"]
    assert len(said(drafts)) == len(TALK)


@pytest.mark.parametrize(
    "position", [{}, {"offset": "x"}, {"offset": -1, "state": {}}, {"offset": 1 << 70, "state": {}}, {"offset": 3, "state": 7}]
)
def test_a_position_of_another_program_is_none(file, position):
    assert said(read(file, position)[0]) == TALK


def test_bytes_that_are_not_utf8_are_kept_and_the_rest_is_read(file):
    file.write_bytes(SAMPLE.replace(b"welcome", b"w\xe9lcome"))
    drafts, *_ = read(file)
    assert said(drafts)[-1] == ("assistant", "You are w\ufffdlcome.  ")
    assert [d.body["reason"].split(" at ")[0] for d in drafts if d.kind == "loss"] == ["not UTF-8"]
    assert [d for d in drafts if "raw_b64" in d.source] != []


def test_an_empty_file_is_noted(file):
    file.write_bytes(b"")
    assert [n.reason for n in read(file)[3]] == ["empty file"]


def said_in(drafts):
    """Return the newest revisions; a loss is named where it is seen, which may be behind the event that it is of."""
    return [d for d in latest(drafts) if d.kind != "loss"]


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_reading_in_steps_is_reading_at_once_wherever_a_file_is_cut_or_damaged(tmp_path_factory, data):
    lines = SAMPLE.splitlines(keepends=True)
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        new = data.draw(
            st.sampled_from([b"", b"\xff\n", b"\0\0", b"> x\n", b"#### y  \n", b"\n\n", b"# z\n", b"\r\n", b"long " * 999])
        )
        lines[at] = new
    whole = b"".join(lines)
    file = tmp_path_factory.mktemp("cut") / NAME
    file.write_bytes(whole)
    at_once, _end, *_ = read(file)
    found, position = [], None
    for cut in [*sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=4))), len(whole)]:
        file.write_bytes(whole[:cut])
        drafts, position, *_ = read(file, position)
        found += drafts
    assert [(d.node, d.body, d.key) for d in said_in(found)] == [(d.node, d.body, d.key) for d in said_in(at_once)]
    assert {d.key for d in found if d.kind == "loss"} >= {d.key for d in at_once if d.kind == "loss"}
    for draft in found:
        validate(draft.kind, draft.body)


# --- writing


def test_calls_and_answers_are_text(tmp_path):
    turns = [
        turn("user", "Do."),
        turn("assistant", tool_call("run", "c1", command="ls")),
        turn("tool", tool_result("a.txt", "c1", is_error=True)),
        turn("assistant", "# Done\n> quoted\u2028# hidden"),
    ]
    written = AiderWriter().write(conversation(*turns), Destination(str(tmp_path), "/w"))
    assert said(read(written.files[0])[0]) == [
        ("user", "Do."),
        ("assistant", '[called run: {"command":"ls"}]'),
        ("user", "[c1 failed answered]\na.txt"),
        ("assistant", " # Done\n > quoted\n # hidden"),
    ]
    assert {(c.what, c.fate, c.number) for c in written.carried} == {
        ("tool_call", "folded", 1),
        ("tool_call_response", "folded", 1),
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("#### a  \n\n# heading\n", "aider leaves a line out that begins with '# '"),
        ("#### a  \n\nb\u2028c\n", "aider ends a line in the middle of it"),
        ("an answer\n", "it holds nothing that the user said"),
    ],
)
def test_what_aider_would_misread_is_found(tmp_path, text, reason):
    file = tmp_path / NAME
    file.write_text(text)
    assert [n.reason for n in AiderWriter().validate(str(file))] == [reason]


def test_a_history_of_aiders_own_is_found_by_its_path(file):
    to = Destination(str(file.parent / "home"), str(file.parent))
    assert AiderWriter().find(str(file), to) == str(file)
    assert AiderWriter().command(str(file), to)[-1] == str(file)
    file.unlink()
    assert AiderWriter().find(str(file), to) is None
