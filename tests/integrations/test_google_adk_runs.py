"""Google ADK's own runner on sessions in a store: what it goes on from, takes back, and leaves to be read."""

import asyncio

from google.adk.agents import BaseAgent
from google.adk.events import Event, EventActions
from google.adk.events.event_actions import EventCompaction
from google.adk.runners import Runner
from google.genai import types

from segue.core.session.state import fold
from segue.core.session.tree import active_chain
from segue.engine import foreign
from segue.engine.foreign import Foreign
from segue.integrations.google_adk import SegueSessionService
from tests.integrations.adk import APP, USER, said, texts


class Counter(BaseAgent):
    """An agent without a model: it counts its calls in the session's state and the user's."""

    async def _run_async_impl(self, ctx):
        n = ctx.session.state.get("n", 0) + 1
        delta = {"n": n, "user:calls": ctx.session.state.get("user:calls", 0) + 1}
        yield Event(
            author=self.name,
            invocation_id=ctx.invocation_id,
            content=types.Content(role="model", parts=[types.Part(text=f"call {n}")]),
            actions=EventActions(state_delta=delta),
        )


def ask(service, text, session_id="s"):
    async def run():
        runner = Runner(app_name=APP, agent=Counter(name="counter"), session_service=service)
        message = types.Content(role="user", parts=[types.Part(text=text)])
        return [e async for e in runner.run_async(user_id=USER, session_id=session_id, new_message=message)]

    return asyncio.run(run())


def test_a_runner_goes_on_in_another_process(store, adk):
    adk.create()
    for n in range(3):
        ask(SegueSessionService(store), f"question {n}")

    session = adk.get()

    assert texts(session) == [t for n in range(3) for t in (f"question {n}", f"call {n + 1}")]
    assert (session.state["n"], adk.user_state()) == (3, {"calls": 3})


def test_a_rewind_is_kept_and_applied(store, adk):
    adk.create()
    for n in range(3):
        ask(SegueSessionService(store), f"question {n}")
    second = adk.get().events[2].invocation_id

    async def rewind():
        runner = Runner(app_name=APP, agent=Counter(name="counter"), session_service=SegueSessionService(store))
        await runner.rewind_async(user_id=USER, session_id="s", rewind_before_invocation_id=second)

    asyncio.run(rewind())

    session = adk.get()
    assert session.state["n"] == 1
    assert session.events[-1].actions.rewind_before_invocation_id == second
    assert len(session.events) == 7


def condensed(used):
    """Return the event by which ADK condenses what was said, which counts the tokens of who did it."""
    summary = types.Content(role="model", parts=[types.Part(text="a summary")])
    return Event(
        author="user",
        invocation_id="c",
        usage_metadata=types.GenerateContentResponseUsageMetadata(prompt_token_count=used),
        actions=EventActions(compaction=EventCompaction(start_timestamp=0, end_timestamp=1, compacted_content=summary)),
    )


def test_what_condensing_used_is_counted_and_is_not_the_sessions_context(store, adk):
    session = adk.create()
    answer = said("an answer", author="bot")
    answer.usage_metadata = types.GenerateContentResponseUsageMetadata(prompt_token_count=700)
    for event in (answer, condensed(30)):
        adk.append(session, event)

    state = fold(store.read(foreign.find(store, Foreign("google_adk", (APP, USER, "s")))))

    assert (state.usage["context_tokens"], state.metrics["tokens"]["input"]) == (700, 730)
    assert len(adk.get().events) == 2


def test_a_rewind_to_behind_what_says_nothing_takes_back_what_was_said(store, adk):
    session = adk.create()
    second = said("two")
    second.invocation_id = "second"
    for event in (said("one"), condensed(30), second):
        adk.append(session, event)

    adk.append(session, Event(author="user", invocation_id="r", actions=EventActions(rewind_before_invocation_id="second")))

    at = foreign.find(store, Foreign("google_adk", (APP, USER, "s")))
    assert [e.body["parts"][0]["content"] for e in active_chain(store.read(at)) if e.kind == "message"] == ["one"]


def test_a_long_session_is_loaded_from_a_snapshot_of_its_state_and_the_tail(store, adk, monkeypatch):
    session = adk.create()
    for n in range(150):
        adk.append(session, said(f"{n}", delta={f"k{n % 10}": n}))
    expected = adk.get().state
    read, seen = store.read, []

    def counted(at, **options):
        for event in read(at, **options):
            seen.append(event.seq)
            yield event

    monkeypatch.setattr(store, "read", counted)

    recent = adk.get(num_recent_events=5)

    assert (texts(recent), recent.state) == ([f"{n}" for n in range(145, 150)], expected)
    assert len(seen) <= 64 + 5

    store.drop_snapshots(next(store.sessions()))
    assert adk.get().state == expected


def test_what_was_said_reads_as_messages_beside_the_record(store, adk):
    session = adk.create()
    adk.append(session, said("hello"))
    call = types.Part(function_call=types.FunctionCall(id="c", name="look", args={"q": 1}))
    answer = types.Part(function_response=types.FunctionResponse(id="c", name="look", response={"found": 2}))
    usage = types.GenerateContentResponseUsageMetadata(prompt_token_count=10, candidates_token_count=4, thoughts_token_count=3)
    model = Event(author="bot", invocation_id="i", content=types.Content(role="model", parts=[call]), usage_metadata=usage)
    tool = Event(author="bot", invocation_id="i", content=types.Content(role="user", parts=[answer]))
    for event in (model, tool, Event(author="bot", invocation_id="i")):
        adk.append(session, event)

    bodies = [(e.kind, e.body) for e in store.read(next(store.sessions()), after=2)]

    assert bodies == [
        ("message", {"role": "user", "parts": [{"type": "text", "content": "hello"}]}),
        (
            "message",
            {
                "role": "assistant",
                "parts": [{"type": "tool_call", "id": "c", "name": "look", "arguments": {"q": 1}}],
                "usage": {"input_tokens": 10, "output_tokens": 7, "cache_read_tokens": 0, "reasoning_tokens": 3},
            },
        ),
        ("message", {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c", "response": {"found": 2}}]}),
        ("record", {"type": "event"}),
    ]
