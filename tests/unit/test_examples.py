"""The examples in docstrings and documents run."""

import asyncio
import doctest
import importlib
import re
from pathlib import Path

import pytest

import segue

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    ".".join(path.relative_to(ROOT / "src").with_suffix("").parts).removesuffix(".__init__")
    for path in (ROOT / "src").rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_docstrings_give_what_they_say(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples():
    assert "segue.engine.api" in MODULES


def test_the_page_for_python_runs_from_top_to_bottom(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/how-to/python.md").read_text(encoding="utf-8"), re.DOTALL)
    with segue.open() as store:
        scope = {"__name__": "page", "store": store}
        for block in blocks[:2]:
            exec(compile(block, "python.md", "exec"), scope)
        scope["session"] = store.session("last")
        for block in blocks[2:]:
            exec(compile(block, "python.md", "exec"), scope)
        assert scope["other"].state().header["task"] == "The same with another layout"
    assert "Build the report" in capsys.readouterr().out


def test_the_page_for_asynchronous_programs_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/how-to/async.md").read_text(encoding="utf-8"), re.DOTALL)
    page = {"__name__": "page"}
    for block in blocks:
        exec(compile(block, "async.md", "exec"), page)

    async def story():
        async with page["aio"].open() as store:
            session = await store.session("last")
            kinds, name, other, hits, context, used = await page["look_around"](store)
            assert (kinds, name[:9], other != session.id) == (["message", "decision.made"], "RECOVERY-", True)
            assert (3 in hits, used) == (True, 0)
            assert "Build the report" in context
            session = await store.session(session.id)
            await page["crowd"](session)
            await page["follow"](session)
            assert await page["append_in_time"](session, {"role": "user", "parts": []}) is None
            monkeypatch.setattr(asyncio, "timeout", lambda _: timeout(0))
            told = await page["append_in_time"](session, {"role": "user", "parts": []})
            assert told.startswith(("nothing was written", "event "))  # a fast thread has begun by then
            await page["work"](session)
            return [place["trigger"] for place in (await session.state()).checkpoints.values()], (await session.state()).seq

    timeout = asyncio.timeout
    triggers, seq = asyncio.run(story())
    assert (triggers, seq > 104) == (["user", "run ended"], True)
    assert capsys.readouterr().out.splitlines() == [
        "4", "1 session.created", "2 session.activated", "3 message", "4 decision.made",
    ]  # fmt: skip


def test_the_page_for_checkpoints_runs_and_goes_back_and_forth(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/how-to/checkpoints.md").read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(block, "checkpoints.md", "exec"), {"__name__": "page"})
    assert capsys.readouterr().out.splitlines() == [
        "['prices.txt']", "plums: 2", " ['prices.txt'] []", "plums: 2, pears: 3", "",
    ]  # fmt: skip


@pytest.mark.parametrize("name", segue.__all__)
def test_every_public_name_is_there_and_explained(name):
    assert getattr(segue, name).__doc__


def test_public_names_are_sorted():
    assert segue.__all__ == sorted(segue.__all__)
