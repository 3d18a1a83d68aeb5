"""An agent may be named by the beginning of its name, wherever a command asks for one."""

import shutil
from pathlib import Path

import pytest

SAMPLE = Path(__file__).parents[1] / "fixtures" / "transcripts" / "claude" / "headless-plan.jsonl"


@pytest.fixture
def agents(cli):
    place = cli.home / ".claude" / "projects" / "-home-dev-project"
    place.mkdir(parents=True)
    shutil.copy(SAMPLE, place / "7dcc6b33-a8e7-41fa-a76f-5d0f155f452e.jsonl")
    cli("import", "--all", "--agent", "claude")
    return cli


def test_the_beginning_is_enough(agents):
    listed = agents("list", "--agent", "Claude", "--json").json
    assert [row["agent"] for row in listed["sessions"]] == ["claude-code"]
    assert agents("resume", "last", "--in", "gem", "--dry-run", "--json").json["agent"] == "gemini-cli"


def test_what_begins_several_names_or_none_is_told_as_it_was_typed(agents):
    assert "'c'" in agents("resume", "last", "--in", "c").err
    assert "'clod'" in agents("resume", "last", "--in", "clod").err
