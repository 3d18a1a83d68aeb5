"""`resume --in`: natively, converted, or as a text; and what the agent does then follows our own events."""

import json
import multiprocessing
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segue.core.errors import UsageError
from segue.core.log.events import Draft
from segue.core.session.tree import tree
from segue.core.together.counting import things
from segue.host.clock import SystemClock, SystemIds
from segue.stores.log.store import LogStore
from segue.stores.memory import MemoryStore
from segue.testing import FakeClock, FakeIds
from segue.testing.builders import assistant, created, tool, tool_call, tool_result, user
from segue.testing.strategies import stories, texts, values
from segue.transcripts import writers
from tests.unit.engine.kit import FIXTURES, PLAN, Kit, native, reply
from tests.unit.transcripts.json_lines import records_in

KILLED = FIXTURES / "claude" / "killed-mid-tool.jsonl"


CONVERTERS = [w.agent for w in writers()]
FORMS = ["atif", "messages"]
"""What other tools read: no program goes on in them."""
AGENTS = [agent for agent in CONVERTERS if agent not in FORMS]
CALLING = [w.agent for w in writers() if w.agent in AGENTS and w.accepts.tools != "text"]
"""Those whose transcripts have calls: aider's are text."""
PAIRS = [(a, b) for a in CALLING for b in CALLING] + [(a, "claude-code") for a in FORMS] + [("codex", a) for a in FORMS]


def test_a_session_is_converted_verified_and_recorded_on_both_sides(kit):
    session = kit.take(PLAN).id
    events = kit.store.info(session).head.seq
    done = kit.go(session)
    assert (done.way, done.session, done.warnings) == ("converted", session, ())
    assert done.command == ("claude", "--resume", done.foreign_id)
    assert done.checked.events == events
    assert done.checked.findings == ()
    assert done.checked.things == sum(c.number for c in done.carried if c.fate != "added" and c.what != "usage")
    assert Path(done.files[0]).is_file()
    carried = [e for e in kit.store.read(session) if e.kind == "session.carried"]
    assert [(e.body["agent"], e.body["foreign_id"], e.body["to"]) for e in carried] == [
        ("claude-code", done.foreign_id, done.continuation)
    ]
    parent = kit.store.info(done.continuation).parent
    assert parent is not None
    assert (parent.session, parent.digest) == (session, done.checked.last)


def test_the_same_position_gives_the_same_session_and_adds_nothing(kit):
    session = kit.take(PLAN).id
    first = kit.go(session)
    heads = kit.heads()
    again = kit.go(session)
    assert (again.foreign_id, again.files, again.continuation) == (first.foreign_id, first.files, first.continuation)
    assert kit.heads() == heads


def test_a_condensed_session_is_the_same_again_too(kit):
    session = kit.take(PLAN).id
    first = kit.go(session, window=1_000)
    assert first.condensed
    assert kit.go(session, window=1_000).foreign_id == first.foreign_id


def test_calls_told_in_another_way_are_another_session(kit):
    session = kit.take(PLAN).id
    assert len({kit.go(session, tools=tools).foreign_id for tools in ("keep", "text", None)}) == 2
    assert len({kit.go(session, "codex", tools=tools).foreign_id for tools in ("map", "keep", "text", None)}) == 3


@pytest.mark.parametrize("agent", AGENTS)
def test_what_we_wrote_is_not_imported_as_new_words(kit, agent):
    session = kit.take(PLAN).id
    done = kit.go(session, agent)
    before = kit.said(done.continuation)
    assert before == kit.said(session)
    taken = kit.take(done.files[0])
    assert (taken.id, taken.new_events) == (done.continuation, 0)
    assert kit.said(done.continuation) == before
    assert tree(kit.store.read(done.continuation)).missing == []


def test_what_the_agent_says_then_follows_our_own_events(kit):
    session = kit.take(PLAN).id
    done = kit.go(session)
    reply(done.files[0], "and now?")
    taken = kit.take(done.files[0])
    assert taken.id == done.continuation
    said = kit.said(done.continuation)
    assert said == [*kit.said(session), ("user", {"type": "text", "content": "and now?"})]
    assert tree(kit.store.read(done.continuation)).missing == []


def test_a_branch_that_the_agent_begins_in_what_we_wrote_begins_in_our_past(kit):
    session = kit.take(PLAN).id
    done = kit.go(session)
    second = next(r for r in records_in(done.files[0]) if r["type"] == "assistant")
    reply(done.files[0], "no, otherwise", parent=second["uuid"])
    kit.take(done.files[0])
    whole = kit.said(session)
    said = kit.said(done.continuation)
    assert said[-1] == ("user", {"type": "text", "content": "no, otherwise"})
    assert said[:-1] == whole[: len(said) - 1]
    assert [role for role, _ in said] == ["user", "assistant", "assistant", "tool", "user"]


def test_a_fork_that_the_agent_makes_by_itself_of_what_we_wrote_names_where_it_comes_from(kit):
    session = kit.take(PLAN).id
    done = kit.go(session)
    path = Path(done.files[0])
    copy = path.with_name("11111111-1111-4111-8111-111111111111.jsonl")
    copy.write_text(path.read_text().replace(done.foreign_id, copy.stem))
    reply(copy, "another way")
    forked = kit.take(copy)
    first = next(kit.store.read(forked.id))
    assert forked.id != done.continuation
    assert first.body["forked_from"]["session"] == done.continuation
    assert kit.said(forked.id) == [*kit.said(session), ("user", {"type": "text", "content": "another way"})]


def test_a_transcript_that_is_read_again_from_its_start_adds_nothing(kit):
    session = kit.take(PLAN).id
    done = kit.go(session)
    path = Path(done.files[0])
    path.write_text(path.read_text() + "\n")
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[1:], lines[0]]) + "\n")
    kit.take(path)
    assert kit.said(done.continuation) == kit.said(session)


def test_from_agent_to_agent_each_call_is_told_in_the_words_of_the_next(kit):
    session = kit.take(PLAN).id
    there = kit.go(session, "codex")
    said = [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "list again"}]},
        {"type": "function_call", "name": "exec_command", "arguments": '{"cmd": "ls -a"}', "call_id": "call_x"},
        {"type": "function_call_output", "call_id": "call_x", "output": "notes.txt"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "One file."}]},
    ]
    with Path(there.files[0]).open("a") as file:
        file.writelines(
            json.dumps({"timestamp": "2026-11-21T09:00:00.000Z", "type": "response_item", "payload": payload}) + "\n"
            for payload in said
        )
    kit.take(there.files[0])
    back = kit.go(there.continuation, "gemini-cli")
    text = Path(back.files[0]).read_text()
    assert kit.said(back.continuation) == kit.said(there.continuation)
    assert len(kit.said(back.continuation)) == len(kit.said(session)) + 4
    assert text.count('"name":"run_shell_command"') >= 3
    assert '"command":"ls -a"' in text
    mapped = {c.why: c.number for c in back.carried if c.fate == "mapped"}
    assert mapped["exec_command to run_shell_command"] == 1
    assert mapped["Bash to run_shell_command"] == 2


def test_processes_that_hand_over_at_once_make_one_continuation(kit, tmp_path):
    session = kit.take(PLAN).id
    with multiprocessing.get_context("fork").Pool(4) as pool:
        found = pool.starmap(hand_over_apart, [(tmp_path, session, n) for n in range(4)])
    assert len(set(found)) == 1
    assert len(list(kit.store.sessions())) == 2
    assert kit.said(found[0]) == kit.said(session)


def hand_over_apart(place, session, number):
    """Hand over in a process of its own, with a store of its own."""
    store = LogStore(place / "store", clock=SystemClock(), ids=SystemIds())
    kit = object.__new__(Kit)
    kit.__dict__.update(Kit.bare(place, store, place / f"scratch-{number}"))
    try:
        return kit.go(session).continuation
    finally:
        store.close()


few = st.sampled_from(["c1", "c2", "c3", ""])
parts = st.one_of(
    st.builds(lambda content: {"type": "text", "content": content}, texts),
    st.builds(lambda content: {"type": "reasoning", "content": content}, texts),
    st.builds(lambda call, name, args: {"type": "tool_call", "id": call, "name": name, "arguments": args}, few, texts, values),
    st.builds(lambda value, call: {"type": "tool_call_response", "id": call, "response": value}, values, few),
    st.just({"type": "blob", "modality": "image", "mime_type": "image/png", "content": "iVBORw0KGgo="}),
)
said = st.builds(
    lambda role, parts, more: Draft("message", {"role": role, "parts": parts, **more}),
    st.sampled_from(["user", "assistant", "assistant", "tool", "system"]),
    st.lists(parts, max_size=4),
    st.sampled_from([{}, {}, {"meta": True}, {"message_id": "m1"}]),
)


@given(st.lists(said, max_size=8) | stories(wild=True), st.sampled_from(AGENTS), st.sampled_from(["map", "keep", "text"]))
@settings(max_examples=40)
def test_whatever_a_session_holds_it_goes_on_and_nothing_of_it_is_unaccounted_for(drafts, agent, tools):
    with TemporaryDirectory() as place:
        (Path(place) / "home").mkdir()
        kit = object.__new__(Kit)
        store = MemoryStore(clock=FakeClock(), ids=FakeIds())
        kit.__dict__ |= Kit.bare(Path(place), store, Path(place) / "scratch")
        session = "01890000-0000-7000-8000-00000000000a"
        store.create(session, [created(title="anything"), *(d._replace(scopes=None) for d in drafts)])
        done = kit.go(session, agent, tools=tools)
        if done.way == "prompt":  # nothing in it was said
            return
        given = things(store.read(session, upto=done.checked.events))
        told = Counter()
        for line in done.carried:
            if line.fate != "added" and line.what in given:
                told[line.what] += line.number
        assert told == given
        assert set(done.warnings) <= {kit.means.writers[agent].risk}
        assert kit.take(done.files[0]).new_events == 0
        assert kit.said(done.continuation) == kit.said(session)


def test_from_an_earlier_position_only_what_was_before_it_is_carried(kit):
    session = kit.take(PLAN).id
    position = next(e.seq for e in kit.store.read(session) if e.kind == "message" and e.body["role"] == "tool")
    done = kit.go(session, position=position)
    assert done.checked.events == position
    assert kit.said(done.continuation) == kit.said(session)[: len(kit.said(done.continuation))]
    assert len(kit.said(done.continuation)) < len(kit.said(session))


def test_a_session_that_was_killed_in_a_tool_has_an_answer_that_says_so(kit):
    session = kit.take(KILLED).id
    done = kit.go(session)
    assert [c.number for c in done.carried if c.fate == "added" and c.what == "tool_call_response"] == [1]
    assert "interrupted before it answered" in Path(done.files[0]).read_text()


def test_without_a_writer_the_agent_reads_the_restored_context(kit):
    session = kit.take(PLAN).id
    kit.means = kit.means._replace(writers={})
    done = kit.go(session, "codex")
    assert done.way == "prompt"
    assert done.command[0] == "codex"
    assert done.files[0] in done.command[1]
    assert "Restored context" in Path(done.files[0]).read_text()


def test_an_agent_that_nobody_knows_is_named_with_those_that_are(kit):
    session = kit.take(PLAN).id
    with pytest.raises(UsageError) as e:
        kit.go(session, "hal")
    assert "claude-code" in (e.value.hint or "")


def test_where_a_transcript_has_no_calls_they_are_told_as_text(kit):
    session = kit.take(PLAN).id
    done = kit.go(session, "aider")
    texts, calls, answers = told(kit, session)
    written = Path(done.files[0]).read_text()
    folded = {c.what: c.number for c in done.carried if c.fate == "folded"}
    assert folded == {"tool_call": len(calls), "tool_call_response": len(answers)}
    assert all(text in written for text in texts)
    assert all(answer.splitlines()[0] in written for answer in answers)


@pytest.mark.parametrize("form", FORMS)
def test_a_form_that_no_program_goes_on_in_is_written_without_a_command(kit, form):
    session = kit.take(PLAN).id
    heads = kit.heads()
    done = kit.go(session, form)
    assert (done.way, done.command, done.continuation) == ("converted", (), "")
    assert Path(done.files[0]).is_file()
    assert kit.heads() == heads


def test_a_dry_run_writes_nothing(kit):
    session = kit.take(PLAN).id
    heads = kit.heads()
    done = kit.go(session, dry=True)
    assert (done.way, done.dry, done.files, done.continuation) == ("converted", True, (), "")
    assert kit.heads() == heads
    assert list(kit.home.rglob("*")) == []
    assert done.foreign_id == kit.go(session).foreign_id


def test_what_the_agents_resume_may_destroy_is_copied_first(kit):
    class Risky(type(kit.means.writers["claude-code"])):
        risk = "it deletes the session when it is resumed"

    session, path, _ = native(kit)
    kit.means = kit.means._replace(writers={"claude-code": Risky()})
    done = kit.go(session)
    assert [Path(copy).read_bytes() for copy in done.copies] == [path.read_bytes()]
    assert done.warnings == ("it deletes the session when it is resumed",)
    assert kit.go(session).copies == done.copies


def test_a_session_begun_with_segue_goes_on_in_any_agent(kit, tmp_path):
    session = "01890000-0000-7000-8000-00000000000a"
    drafts = [user("hello"), assistant("Hi.", tool_call("Bash", command="ls")), tool(tool_result("a"))]
    kit.store.create(session, [created(title="greetings"), Draft("session.activated", {}), *drafts])
    done = kit.go(session)
    assert (done.way, done.workspace) == ("converted", str(tmp_path))
    assert kit.said(done.continuation) == kit.said(session)


def test_damage_in_the_log_is_told_of_and_hides_nothing_else(kit, tmp_path):
    session = kit.take(PLAN).id
    kit.store.close()
    segment = next((tmp_path / "store").rglob("000001.jsonl*"))
    lines = segment.read_bytes().splitlines(True)
    lines[9] = lines[9].replace(b'"kind":"', b'"kind":"x', 1)
    segment.write_bytes(b"".join(lines))
    kit.store = LogStore(tmp_path / "store", clock=FakeClock(), ids=FakeIds())
    kit.desk = kit.desk._replace(store=kit.store)
    kit.means = kit.means._replace(desk=kit.desk)
    done = kit.go(session)
    assert done.way == "converted"
    assert done.checked.findings
    assert done.warnings


# --- all pairs


def told(kit, session):
    """Texts, calls and answers of a conversation, each in order; ids of calls are an agent's own affair."""
    parts = [part for _, part in kit.said(session)]
    return (
        [p["content"] for p in parts if p["type"] == "text"],
        [(p["name"], p["arguments"]) for p in parts if p["type"] == "tool_call"],
        [p["response"] for p in parts if p["type"] == "tool_call_response"],
    )


@pytest.mark.parametrize(
    ("home", "there", "tools", "source"),
    [
        *((*pair, "keep", PLAN) for pair in PAIRS),
        *((*pair, "map", PLAN) for pair in PAIRS),
        *(("claude-code", agent, "map", KILLED) for agent in CALLING),
    ],
    ids=lambda value: value.stem if isinstance(value, Path) else value,
)
def test_there_and_back_again_every_message_call_and_result_is_kept(tmp_path, home, there, tools, source):
    """Each step begins with nothing but the file of the step before."""
    found, path, names = [], source, []
    for number, agent in enumerate((home, there, home, None)):
        place = tmp_path / str(number)
        place.mkdir()
        kit = Kit(place)
        session = kit.take(path).id
        found.append(told(kit, session))
        if agent is not None:
            done = kit.go(session, agent, tools=tools)
            assert done.way == "converted"
            assert done.warnings == tuple(filter(None, (kit.means.writers[agent].risk,)))
            dropped = [c for c in done.carried if c.fate == "dropped" and c.what in {"text", "tool_call", "tool_call_response"}]
            assert dropped == []
            path = done.files[0]
            names.append(agent)
        kit.store.close()
    _, first, second, third = found
    assert second[0] == first[0] == third[0]
    assert second[2] == first[2] == third[2]
    assert len(second[1]) == len(first[1])
    assert third[1] == first[1] if tools == "keep" else len(third[1]) == len(first[1])


def test_the_window_is_the_models_or_the_configured_one_or_the_agents_usual_and_the_report_says_which(kit):
    session = kit.take(PLAN).id

    def window(agent, **more):
        done = kit.go(session, agent, **more)
        return done.window, done.window_by, done.window_model

    assert window("codex") == (258_400, "agent", "")
    assert window("codex", model="gpt-6.1-terra") == (475_000, "model", "gpt-6.1-terra")
    assert window("codex", model="gpt-6.1-terra", window=5_000) == (5_000, "wish", "gpt-6.1-terra")
    assert window("opencode", model="anthropic/claude-opus-4.6") == (1_000_000, "model", "anthropic/claude-opus-4.6")
    kit.means = kit.means._replace(windows={"codex": 30_000, "gpt-6": 40_000})
    assert window("codex") == (30_000, "configuration", "")
    assert window("codex", model="gpt-6.1-terra") == (40_000, "configuration", "gpt-6.1-terra")


def test_a_past_that_is_too_long_for_the_models_window_is_condensed(kit):
    session = kit.take(PLAN).id
    kit.means = kit.means._replace(windows={"tiny": 1_000})
    done = kit.go(session, "opencode", model="tiny-1")
    assert (done.window, done.condensed > 0, done.tokens <= 600) == (1_000, True, True)
    assert kit.go(session, "opencode", model="other").condensed == 0
