"""A framework's session is a session like any other: every command takes it, on a store in the clear and on one under a key."""

import json
import tempfile
from pathlib import Path

import pytest

from segue.app import App
from segue.core.log.ids import is_uuid
from segue.engine.capture.importing import import_paths
from segue.stores.memory import MemoryStore
from segue.testing import builders as b
from segue.transcripts import transcripts, writers
from tests.cli.conftest import Cli
from tests.integrations.talks import FRAMEWORKS, told, turns

AGENTS = ("claude-code", "codex", "gemini-cli", "opencode", "qwen-code", "messages")


@pytest.fixture(params=sorted(FRAMEWORKS))
def framework(request):
    return FRAMEWORKS[request.param]()


@pytest.fixture(params=["log", "encrypted"])
def cli(request):
    """The command line, beside a program that uses the framework on the same store."""
    with tempfile.TemporaryDirectory(prefix="cli-") as place:
        found = Cli(Path(place).resolve())
        if request.param == "encrypted":
            assert found("encrypt", "--key-file", str(found.home / "key")).code == 0
        yield found


@pytest.fixture
def store(cli):
    """What a program has of the store that the commands use."""
    app = App(cli.env, cwd=str(cli.workspace), clock=cli.clock, ids=cli.ids)
    with app.opened() as opened:
        yield opened
    app.close()


@pytest.fixture
def kept(store, framework):
    """A conversation that the framework keeps: the session."""
    first = told(store)
    name = framework.keep(store, "priced", framework.messages(first))
    first.delete()
    return store.session(name)


def said(store, framework, session):
    """What the framework itself has of its conversation."""
    return [str(message) for message in framework.load(store, session.state().header["foreign_ids"][-1])]


def test_every_command_that_looks_takes_it(cli, store, framework, kept):
    before = said(store, framework, kept)

    (row,) = cli("list", "--json").json["sessions"]
    assert (row["id"], row["agent"], row["status"]) == (kept.id, framework.agent, "active")
    called = kept.state().header["foreign_ids"][-1]
    assert is_uuid(called) or called in cli("list").out  # by its name alone nobody would know it
    assert cli("search", '"priced"', "--json").json["hits"][1:] == []  # its record of itself is not what was said
    shown = cli("show", kept.id).out
    assert "And the plums?" in shown
    assert "Three." in shown
    hits = cli("search", '"pears cost"', "--json").json["hits"]
    assert [(hit["session"], hit["role"]) for hit in hits] == [(kept.id, "user")]
    restored = cli("restore", kept.id, "--budget", "2000", "--format", "json").json
    assert "What do the pears cost?" in restored["text"]
    assert restored["tokens"] <= restored["budget"] == 2000
    size = cli("budget", kept.id, "--json").json
    if framework.counts:
        assert (kept.budget.position().used, size["method"], size["window"]) == (150, "anchored", 200_000)
    seen = [
        json.loads(line)
        for line in cli("watch", kept.id, "--after", "0", "--until-seq", str(kept.state().seq), "--json").out.splitlines()
    ]
    assert [event["digest"] for event in seen] == [
        json.loads(line)["digest"] for line in cli("log", kept.id, "--json").out.splitlines()
    ]
    assert cli("status", kept.id).code == cli("validate", kept.id).code == 0

    assert said(store, framework, kept) == before


@pytest.mark.parametrize("cli", ["log"], indirect=True)
def test_it_is_opened_as_it_was_at_a_checkpoint(cli, store, framework, kept):
    name = cli("checkpoint", "create", kept.id, "--json").json["name"]
    before, many = turns(kept), len(framework.messages(kept))
    kept.append(b.user("And what do the figs cost?"))

    assert turns(store.session(name)) == before != turns(kept)
    assert len(framework.messages(store.session(name))) == many < len(framework.messages(kept))
    done = cli("checkpoint", "restore", name, "--conversation", "--json")
    if framework.rewinds:
        assert (done.code, done.json["conversation"]["now"] - done.json["conversation"]["then"]) == (0, 1)
    else:
        assert (done.code, "by its own means" in done.error["hint"]) == (2, True)


@pytest.mark.parametrize("cli", ["log"], indirect=True)
@pytest.mark.parametrize("agent", AGENTS)
def test_it_goes_on_in_a_coding_agent(cli, store, framework, kept, agent):
    found = cli("resume", kept.id, "--in", agent, "--print", "--json").json
    (file,) = (Path(path.replace("/home/dev", str(cli.home))) for path in found["files"])

    assert found["way"] == "converted"
    assert {writer.agent: writer for writer in writers()}[agent].validate(str(file)) == []
    (again,) = import_paths(MemoryStore(clock=cli.clock, ids=cli.ids), transcripts(), [str(file)], clock=cli.clock).sessions
    assert not again.losses
    assert again.new_events >= 8
    written = file.read_text()
    assert [text in written for text in ("What do the pears cost?", "pears: 3", "Three.", "And the plums?")] == [True] * 4
