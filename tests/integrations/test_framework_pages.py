"""The examples of the pages for frameworks run."""

import asyncio
import re
from pathlib import Path

import segue

ROOT = Path(__file__).parents[2]


def page(name):
    """What the examples of a page define, from top to bottom."""
    scope = {"__name__": "page"}
    for block in re.findall(r"```python\n(.*?)```", (ROOT / "docs/how-to" / name).read_text(encoding="utf-8"), re.DOTALL):
        exec(compile(block, name, "exec"), scope)
    return scope


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
