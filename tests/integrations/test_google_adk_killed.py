"""Google ADK's runner with a scripted model and a tool: killed at every point, gone on with; and four writers at once."""

import json
import subprocess
import sys
from collections import Counter

import pytest

from tests.integrations.adk import texts

PROGRAM = """
import asyncio, json, os, signal, sys
from google.adk.agents import LlmAgent
from google.adk.errors import StaleSessionError
from google.adk.events import Event
from google.adk.models import BaseLlm, LlmResponse
from google.adk.runners import Runner
from google.genai import types
from segue.core.session.tree import active_chain
from segue.engine.foreign import Foreign, find
from segue.host.clock import SystemClock, SystemIds
from segue.integrations.google_adk import SegueSessionService
from segue.stores.log import LogStore

QUESTIONS = ["one", "two", "three"]


class Scripted(BaseLlm):
    async def generate_content_async(self, llm_request, stream=False):
        last = llm_request.contents[-1].parts[-1]
        if last.function_response:
            part = types.Part(text=f"counted {last.function_response.response['n']}")
        else:
            part = types.Part(function_call=types.FunctionCall(name="count", args={"word": last.text}))
        yield LlmResponse(content=types.Content(role="model", parts=[part]))


def count(word: str, tool_context) -> dict:
    tool_context.state["n"] = (tool_context.state.get("n") or 0) + 1
    return {"n": tool_context.state["n"]}


class Dying(LogStore):
    left = -1
    late = False

    def append(self, *args, **kwargs):
        type(self).left -= 1
        if self.left == 0 and not self.late:
            os.kill(os.getpid(), signal.SIGKILL)
        found = super().append(*args, **kwargs)
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return found


def opened(place):
    return Dying(place, clock=SystemClock(), ids=SystemIds())


def active(session):
    found = []
    for event in session.events:
        if back := event.actions.rewind_before_invocation_id:
            found = found[: next(i for i, e in enumerate(found) if e.invocation_id == back)]
        else:
            found.append(event)
    return found


def is_final(event):
    return event.author == "bot" and bool(event.content.parts[0].text)


async def work(place):
    store = opened(place)
    service = SegueSessionService(store)
    runner = Runner(app_name="app", agent=LlmAgent(name="bot", model=Scripted(model="m"), tools=[count]), session_service=service)
    who = {"user_id": "ada", "session_id": "s"}
    session = await service.get_session(app_name="app", **who) or await service.create_session(app_name="app", **who)
    found = active(session)
    if found and not is_final(found[-1]):  # it was killed in the middle of a turn
        await runner.rewind_async(**who, rewind_before_invocation_id=found[-1].invocation_id)
        found = [e for e in found if e.invocation_id != found[-1].invocation_id]
    for question in QUESTIONS[sum(map(is_final, found)):]:
        message = types.Content(role="user", parts=[types.Part(text=question)])
        async for _ in runner.run_async(**who, new_message=message):
            pass
    session = await service.get_session(app_name="app", **who)
    chain = active_chain(store.read(find(store, Foreign("google_adk", ("app", "ada", "s")))))
    print(json.dumps({
        "said": [[e.author, e.content.parts[0].text or "call"] for e in active(session)],
        "n": session.state["n"],
        "kept": [e.body["role"] for e in chain if e.kind == "message"],
        "findings": [list(f) for f in store.verify()],
    }), flush=True)


async def write(place, who, turns):
    service = SegueSessionService(opened(place))
    told = 0
    for n in range(turns):
        while True:
            session = await service.get_session(app_name="app", user_id="ada", session_id="s")
            try:
                await service.append_event(session, Event(author=who, invocation_id=f"{who}-{n}", content=types.Content(
                    role="model", parts=[types.Part(text=f"{who}-{n}")]), actions={"state_delta": {f"user:{who}": n}}))
                break
            except StaleSessionError:
                told += 1
    print(json.dumps({"told": told}), flush=True)


def apart(call):
    child = os.fork()
    if not child:
        asyncio.run(call)
        os._exit(0)
    call.close()
    return child


what, place, *more = sys.argv[1:]
if what == "work":
    os.makedirs(place)
    asyncio.run(work(os.path.join(place, "whole")))  # here, so that what ADK imports is imported once
    for point in more:
        where = os.path.join(place, point)
        Dying.left, Dying.late = int(point[1:]), point[0] == "l"
        status = os.waitpid(apart(work(where)), 0)[1]
        assert os.WIFSIGNALED(status), f"{point}: it has ended by itself"
        Dying.left = -1
        assert os.waitpid(apart(work(where)), 0)[1] == 0
else:
    children = [apart(write(place, f"w{n}", int(more[0]))) for n in range(4)]
    sys.exit(any([os.waitpid(child, 0)[1] for child in children]))
"""
POINTS = ["e1", "l1", "l2", "e3", "l4", "e7", "l12"]
"""How many appends were begun when it was killed: early, before one is made, or late, when it is made and nobody has heard of it."""


def run(*args):
    """Return what the program prints, a line of JSON each."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, args)], capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_runner_that_was_killed_at_any_point_goes_on_to_an_equal_end(tmp_path):
    whole, *others = run("work", tmp_path / "stores", *POINTS)

    assert whole == {
        "said": [[a, s] for n, q in enumerate(["one", "two", "three"], 1) for a, s in (("user", q), *_turn(n))],
        "n": 3,
        "kept": ["user", "assistant", "tool", "assistant"] * 3,
        "findings": [],
    }
    assert others == [whole] * len(POINTS)


def _turn(n):
    return (("bot", "call"), ("bot", "call"), ("bot", f"counted {n}"))


@pytest.mark.parametrize("store_kind", ["log"], indirect=True)
def test_of_four_processes_at_once_every_event_that_was_taken_is_there_once_and_every_other_was_told(store, adk):
    adk.create()

    printed = run("write", store.path, 6)

    written = texts(adk.get())
    assert Counter(written) == Counter(f"w{w}-{n}" for w in range(4) for n in range(6))
    for w in range(4):
        assert [t for t in written if t.startswith(f"w{w}")] == [f"w{w}-{n}" for n in range(6)]
    assert len(printed) == 4
    assert adk.user_state() == {f"w{w}": 5 for w in range(4)}
