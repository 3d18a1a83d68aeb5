"""The examples of the pages for frameworks run."""

import asyncio
import contextlib
import io
import json
import re
import sys
from pathlib import Path

import segue
from segue.app import App
from segue.cli.frame import Frame
from segue.cli.main import run
from segue.testing.fakes import FakeClock, FakeIds

ROOT = Path(__file__).parents[2]


def page(name):
    """What the examples of a page define, from top to bottom."""
    scope = {"__name__": "page"}
    for block in re.findall(r"```python\n(.*?)```", (ROOT / "docs/how-to" / name).read_text(encoding="utf-8"), re.DOTALL):
        exec(compile(block, name, "exec"), scope)
    return scope


def without_numbers(said):
    """What was said, but for dates and for the numbers of events: LangGraph saves in threads, in an order of their own."""
    return re.sub(r"\d+", "N", re.sub("(?<=SEGUE-QUOTE )[0-9a-f]{8}", "MARK", said))


def test_the_page_for_the_openai_agents_sdk_runs(tmp_path, monkeypatch, capsys):
    from agents import Agent, set_tracing_disabled

    from tests.integrations.openai_run import Scripted

    monkeypatch.chdir(tmp_path)
    set_tracing_disabled(True)
    scope, agent = page("openai-agents.md"), Agent(name="planner", model=Scripted(calls=False))

    async def story():
        await scope["plan_trip"](agent)
        await scope["try_another_way"](agent)
        return await scope["go_on"](agent, "trip-to-oslo")

    result = asyncio.run(story())

    assert capsys.readouterr().out.splitlines() == ["answer 1", "2", "[('main', 1), ('by-ship', 1)]"]
    assert [i["content"] for i in result.to_input_list() if i["role"] == "user"] == ["Find me a train to Oslo", "Go on"]
    with segue.open() as store:
        short = scope["short_session"](store, "short")
        asyncio.run(short.add_items([{"role": "user", "content": str(n)} for n in range(50)]))
        asyncio.run(short.run_compaction())
        assert [i["content"] for i in asyncio.run(short.get_items())][-3:] == ["47", "48", "49"]
        assert len(asyncio.run(short.get_items())) == 11


def test_the_page_for_pydantic_ai_runs(tmp_path, monkeypatch, capsys):
    from pydantic_ai import Agent

    from tests.integrations.pydantic_run import scripted

    monkeypatch.chdir(tmp_path)
    scope, agent = page("pydantic-ai.md"), Agent(scripted(calls=False))

    async def story():
        await scope["plan_trip"](agent)
        await scope["try_another_way"](agent)
        return await scope["go_on"](agent, "trip-to-oslo")

    result = asyncio.run(story())

    assert capsys.readouterr().out.splitlines() == ["answer 1", "['by-ship', 'trip-to-oslo']"]
    assert result.output == "answer 2"


def test_the_page_for_google_adk_runs(tmp_path, monkeypatch, capsys):
    from google.adk.agents import BaseAgent
    from google.adk.events import Event
    from google.genai import types

    class Echo(BaseAgent):
        breaks: bool = False

        async def _run_async_impl(self, ctx):
            if self.breaks:
                raise ConnectionError
            said = ctx.user_content.parts[0].text
            content = types.Content(role="model", parts=[types.Part(text=f"You said: {said}")])
            yield Event(author=self.name, invocation_id=ctx.invocation_id, content=content)

    monkeypatch.chdir(tmp_path)
    scope, agent = page("google-adk.md"), Echo(name="echo")

    async def story():
        await scope["ask"](agent, "a train to Oslo", "trip-to-oslo")
        with contextlib.suppress(ConnectionError):
            await scope["ask"](Echo(name="echo", breaks=True), "and back", "trip-to-oslo")
        await scope["ask_again"](agent, "trip-to-oslo")
        with segue.open() as store:
            service = scope["SegueSessionService"](store)
            session = await service.get_session(app_name="travel", user_id="ada", session_id="trip-to-oslo")
        return await scope["try_another_way"]("trip-to-oslo", session.events[2].invocation_id)

    assert asyncio.run(story()) == ["a train to Oslo", "You said: a train to Oslo"]
    assert capsys.readouterr().out.splitlines() == ["You said: a train to Oslo", "You said: and back"]
    with segue.open() as store:
        assert [turn.parts[0]["content"] for turn in store.session("trip-to-oslo").convert().conversation.turns] == [
            "a train to Oslo",
            "You said: a train to Oslo",
            "and back",
            "You said: and back",
        ]


def test_the_page_for_the_claude_agent_sdk_runs_as_far_as_it_needs_no_claude_code(tmp_path, monkeypatch, capsys):
    from claude_agent_sdk import project_key_for_directory

    from tests.integrations.claude import LIVE, key, live

    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "claude"))
    file = tmp_path / "claude" / "projects" / project_key_for_directory(str(tmp_path)) / f"{LIVE}.jsonl"
    file.parent.mkdir(parents=True)
    main = live()[0]
    file.write_text("".join(json.dumps(entry) + "\n" for entry in main))
    scope = page("claude-agent-sdk.md")

    async def story():
        assert await scope["take_in"](LIVE) > len(main)
        await scope["look"](str(tmp_path))
        with segue.open() as store:
            return await scope["SegueSessionStore"](store).load(key(project=file.parent.name))

    assert asyncio.run(story()) == main
    assert capsys.readouterr().out.startswith(LIVE)


def test_the_page_for_all_frameworks_shows_what_is_answered(tmp_path, monkeypatch, capsys):
    text = (ROOT / "docs/how-to/frameworks.md").read_text(encoding="utf-8")
    program, within_limits, others = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (shown,) = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    env = {"HOME": str(tmp_path), "SEGUE_HOME": str(tmp_path / "segue"), "SEGUE_UPKEEP": "off", "COLUMNS": "100"}
    means = {"cwd": str(tmp_path), "clock": FakeClock(), "ids": FakeIds()}
    monkeypatch.setattr(segue, "open", lambda: App(env, **means).opened())
    scope = {"__name__": "page"}
    for line in re.findall(r"^\$ .*", shown, re.MULTILINE):
        print(line)
        if line == "$ python trip.py":
            exec(compile(program, "frameworks.md", "exec"), scope)
        else:
            run(line.split()[2:], Frame(env=env, stdin=io.BytesIO(), stdout=sys.stdout, stderr=sys.stdout, **means))

    assert without_numbers(capsys.readouterr().out) == without_numbers(shown)
    exec(compile(within_limits, "frameworks.md", "exec"), scope)
    scope["plan_trip"](scope["app"], "trip-to-oslo", "and back")
    exec(compile(others, "frameworks.md", "exec"), scope)
    assert [message.content for message in scope["known"]][-2:] == ["and back", "You said: and back"]


def test_the_page_for_langgraph_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    page("langgraph.md")
    assert capsys.readouterr().out.splitlines() == ["2", "1 3", "['seat']"]
