"""What the rest of segue sees of a session of the OpenAI Agents SDK, what is counted, and what is condensed."""

from types import SimpleNamespace

import pytest
from agents import Usage
from agents.extensions.memory.encrypt_session import EncryptedSession
from agents.memory import OpenAIResponsesCompactionSession
from agents.run_context import RunContextWrapper

import segue
from segue.core.errors import NotFoundError, StorageFullError
from segue.core.session.state import fold
from segue.integrations.openai_agents import SegueSession, messages
from tests.integrations.openai_items import answer, at, call, conversation, output, run, user


@pytest.fixture
def session(store):
    return SegueSession("s", store)


@pytest.fixture
def other(store):
    """Another process's."""
    return SegueSession("s", store)


def test_what_was_said_reads_as_messages(store, session):
    thought = {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "hm"}]}
    picture = {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo=", "detail": "auto"}
    hosted = {"type": "web_search_call", "id": "w", "status": "completed", "action": {"type": "search", "query": "pears"}}
    said = [
        {"role": "user", "content": [{"type": "input_text", "text": "what is it?"}, picture]},
        thought,
        hosted,
        call(1),
        output(1),
        answer("a pear"),
        {"type": "compaction", "encrypted_content": "x"},
    ]
    run(session.add_items(said))

    assert conversation(store) == [
        (
            "user",
            [
                {"type": "text", "content": "what is it?"},
                {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "iVBORw0KGgo="},
            ],
        ),
        ("assistant", [{"type": "reasoning", "content": "hm"}]),
        (
            "assistant",
            [
                {
                    "type": "tool_call",
                    "id": "w",
                    "name": "web_search",
                    "arguments": {"action": {"type": "search", "query": "pears"}},
                }
            ],
        ),
        ("assistant", [{"type": "tool_call", "id": "c1", "name": "look", "arguments": {"n": 1}}]),
        ("tool", [{"type": "tool_call_response", "id": "c1", "response": "seen"}]),
        ("assistant", [{"type": "text", "content": "a pear"}]),
    ]


PICTURE = {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "iVBORw0KGgo="}
SHOWN = "data:image/png;base64,iVBORw0KGgo="


@pytest.mark.parametrize(
    ("item", "arguments", "response", "failed"),
    [
        (
            {"type": "shell_call", "call_id": "c", "action": {"commands": ["cd src", "ls"], "timeout_ms": 5}},
            {"command": "cd src\nls", "timeout_ms": 5},
            None,
            False,
        ),
        (
            {
                "type": "shell_call_output",
                "call_id": "c",
                "output": [
                    {"stdout": "a.py\n", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}},
                    {"stdout": "", "stderr": "no such file", "outcome": {"type": "exit", "exit_code": 2}},
                ],
            },
            None,
            [{"type": "text", "content": "a.py\n"}, {"type": "text", "content": "no such file\nexit code 2"}],
            False,
        ),
        (
            {"type": "apply_patch_call", "call_id": "c", "operation": {"type": "update_file", "path": "a.py", "diff": "+b"}},
            {"type": "update_file", "path": "a.py", "diff": "+b"},
            None,
            False,
        ),
        (
            {"type": "computer_call_output", "call_id": "c", "output": {"type": "computer_screenshot", "image_url": SHOWN}},
            None,
            [PICTURE],
            False,
        ),
        ({"type": "image_generation_call", "id": "c", "result": "iVBORw0KGgo="}, {}, [PICTURE], False),
        (
            {
                "type": "code_interpreter_call",
                "id": "c",
                "code": "1",
                "outputs": [{"type": "logs", "logs": "1"}, {"type": "image", "url": "https://x/y.png"}],
            },
            {"code": "1"},
            [{"type": "text", "content": "1"}, {"type": "uri", "modality": "image", "uri": "https://x/y.png"}],
            False,
        ),
        (
            {"type": "file_search_call", "id": "c", "queries": ["q"], "results": [{"file_id": "f", "text": "found"}]},
            {"queries": ["q"]},
            [{"type": "text", "content": "found"}],
            False,
        ),
        ({"type": "mcp_call", "id": "c", "name": "x", "arguments": "{}", "output": None, "error": "broke"}, {}, "broke", True),
        ({"type": "program_output", "call_id": "c", "result": "3"}, None, "3", False),
        (
            {"type": "next_years_call_output", "call_id": "c", "output": ["a", 1, {"type": ["b"]}]},
            None,
            [{"type": "text", "content": text} for text in ("a", "1", '{"type": ["b"]}')],
            False,
        ),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) and "type" in value else "",
)
def test_what_each_tool_was_given_and_answered_is_told(store, session, item, arguments, response, failed):
    run(session.add_items([item]))

    ((_, parts),) = conversation(store)
    assert run(session.get_items()) == [item]
    assert [part["arguments"] for part in parts if part["type"] == "tool_call"] == ([] if arguments is None else [arguments])
    assert [part["response"] for part in parts if part["type"] == "tool_call_response"] == (
        [] if response is None else [response]
    )
    assert any(part.get("is_error") for part in parts) == failed


def test_a_sound_that_a_user_sends_is_told(store, session):
    run(session.add_items([user([{"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}])]))

    sound = {"type": "blob", "modality": "audio", "mime_type": "audio/wav", "content": "UklGRg=="}
    assert conversation(store) == [("user", [sound])]


def test_each_request_of_a_run_is_counted_once(store, session):
    usage = Usage()
    wrapper = RunContextWrapper(context=None, usage=usage)
    run(session.get_items(wrapper=wrapper))
    run(session.add_items([user("a")], wrapper=wrapper))
    for n in (1, 2):
        usage.add(Usage(requests=1, input_tokens=10 * n, output_tokens=n, total_tokens=11 * n))
        run(session.add_items([answer(str(n))], wrapper=wrapper))
    run(session.store_run_usage(SimpleNamespace(context_wrapper=wrapper)))
    run(session.store_run_usage(SimpleNamespace(context_wrapper=wrapper)))

    told = [e.body for e in store.read(at(store)) if e.kind == "usage"]
    assert [(u["input_tokens"], u["output_tokens"]) for u in told] == [(10, 1), (20, 2)]
    assert {k: v for k, v in run(session.get_turn_usage(1)).items() if "details" not in k} == {
        "requests": 2,
        "input_tokens": 30,
        "output_tokens": 3,
        "total_tokens": 33,
    }


def test_agents_that_are_tools_have_contexts_of_their_own(store, session):
    usage = Usage()
    wrapper = RunContextWrapper(context=None, usage=usage)
    run(session.add_items([user("a")], wrapper=wrapper))
    for size in (700, 30, 40):  # the agent asks, then two that are its tools do
        usage.add(Usage(requests=1, input_tokens=size, output_tokens=0, total_tokens=size))
    run(session.add_items([call(1), call(2), output(1), output(2)], wrapper=wrapper))
    after = fold(store.read(at(store)))
    for size in (710, 720):  # what is stored at the end of a run alone has several turns
        usage.add(Usage(requests=1, input_tokens=size, output_tokens=0, total_tokens=size))
    run(session.add_items([call(3), output(3), answer("b")], wrapper=wrapper))

    assert (after.usage["context_tokens"], after.metrics["tokens"]["input"]) == (700, 770)
    assert fold(store.read(at(store))).usage["context_tokens"] == 720


def test_what_a_run_used_before_it_was_resumed_here_is_not_counted_again(store, session):
    usage = Usage()
    usage.add(Usage(requests=1, input_tokens=10, output_tokens=1, total_tokens=11))
    wrapper = RunContextWrapper(context=None, usage=usage)

    run(session.get_items(wrapper=wrapper))
    run(session.add_items([user("a")], wrapper=wrapper))

    assert [e.kind for e in store.read(at(store)) if e.kind == "usage"] == []


def test_what_was_used_is_recorded_by_the_next_call_where_one_stores_nothing(store, session, monkeypatch):
    usage = Usage()
    wrapper = RunContextWrapper(context=None, usage=usage)
    run(session.get_items(wrapper=wrapper))
    usage.add(Usage(requests=1, input_tokens=10, output_tokens=1, total_tokens=11))

    run(session.add_items([], wrapper=wrapper))
    run(session.store_run_usage(SimpleNamespace(context_wrapper=wrapper)))  # there is no turn yet
    with monkeypatch.context() as patch:
        patch.setattr(store, "append", full)
        patch.setattr(store, "create", full)
        with pytest.raises(StorageFullError):
            run(session.add_items([user("a")], wrapper=wrapper))
    run(session.add_items([user("a")], wrapper=wrapper))
    run(session.add_items([answer("b")], wrapper=wrapper))

    assert [e.body["input_tokens"] for e in store.read(at(store)) if e.kind == "usage"] == [10]


def full(*_, **__):
    raise StorageFullError("no space is left")


def test_the_rest_of_segue_finds_and_reads_the_session(tmp_path):
    with segue.open(tmp_path / "store") as store:
        run(SegueSession("trip", store, header={"project": "travel"}).add_items([user("to Oslo, by train"), answer("booked")]))

        session = store.session("trip")

        assert (session.state().header["project"], session.state().status) == ("travel", "active")
        assert [hit.session for hit in store.search("Oslo").hits] == [session.id]
        assert "to Oslo, by train" in session.restore(budget=2_000).text
        assert messages(session) == [user("to Oslo, by train"), {"role": "assistant", "content": "booked"}]


def test_a_restored_checkpoint_takes_the_session_back(tmp_path):
    with segue.open(tmp_path / "store") as store:
        session = SegueSession("trip", store)
        run(session.add_items([user("a"), answer("b")]))
        place = store.session("trip").checkpoint(description="before")
        run(session.add_items([user("c")]))
        run(session.pop_item())
        run(session.pop_item())

        store.session("trip").restore_checkpoint(place, conversation=True)

        assert run(session.get_items()) == run(SegueSession("trip", store).get_items(9)) == [user("a"), answer("b")]


# --- compaction


def test_a_summary_replaces_what_it_was_made_of_and_the_whole_past_stays_in_sight(store):
    async def condense(items):
        return [{"role": "user", "content": f"summary of {len(items)}"}] if len(items) > 2 else None

    session = SegueSession("s", store, condense=condense)
    run(session.add_items([user("a"), answer("b")]))
    run(session.run_compaction())
    before = run(session.get_items())
    run(session.add_items([user("c")]))
    run(session.run_compaction({"force": True}))

    assert before == [user("a"), answer("b")]
    assert run(session.get_items()) == run(SegueSession("s", store).get_items(9)) == [user("summary of 3")]
    assert [parts[0]["content"] for _, parts in conversation(store)] == ["a", "b", "c", "summary of 3"]


def test_a_snapshot_replaces_only_what_is_still_as_it_was(session, other):
    async def talk():
        await session.add_items([user(str(n)) for n in range(4)])
        snapshot = await session._get_compaction_snapshot(3)
        late = await session._get_compaction_snapshot(3)
        first = await snapshot.replace_suffix(1, [user("new")])
        await other.add_items([user("more")])
        return snapshot.items, snapshot.complete, first, await late.replace_suffix(0, []), await session.get_items()

    assert run(talk()) == (
        [user("1"), user("2"), user("3")],
        False,
        True,
        False,
        [user("0"), user("1"), user("new"), user("more")],
    )


def test_it_works_within_the_sdks_own_wrappers(store, session):
    class Compacts:
        def __init__(self):
            self.responses = self

        async def compact(self, **_):
            return SimpleNamespace(output=[user("compacted")], usage=None)

    inner = OpenAIResponsesCompactionSession("s", session, client=Compacts(), compaction_mode="input")
    sealed = EncryptedSession("s", inner, encryption_key="synthetic-key")

    async def talk():
        await sealed.add_items([user("a"), answer("b")])
        plain = await sealed.get_items()
        await sealed.run_compaction({"force": True})
        return plain, await sealed.get_items()

    assert run(talk()) == ([user("a"), answer("b")], [user("compacted")])
    assert "compacted" not in str([e.source for e in store.read(at(store))])


def test_without_the_sdks_private_class_there_is_no_snapshot(session, monkeypatch):
    monkeypatch.setattr("segue.integrations.openai_agents._CompactionSnapshot", None)

    assert run(session._get_compaction_snapshot(5)) is None


def test_nothing_is_found_under_another_id(store, session):
    run(session.add_items([user("a")]))

    assert run(SegueSession("t", store).get_items()) == []
    with pytest.raises(NotFoundError):
        store.stamp("019a0000-0000-7000-8000-000000000000")
