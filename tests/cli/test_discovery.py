"""Finding what agents left on this machine: `import --all`, `list --found`, and imports of what is no transcript."""

import json
import shutil
from pathlib import Path

import pytest
from inline_snapshot import snapshot

FIXTURES = Path(__file__).parents[1] / "fixtures" / "transcripts"
PLAN = "7dcc6b33-a8e7-41fa-a76f-5d0f155f452e"


@pytest.fixture
def agents(cli):
    """A home in which an agent worked."""
    place = cli.home / ".claude" / "projects" / "-home-dev-project"
    place.mkdir(parents=True)
    shutil.copy(FIXTURES / "claude" / "headless-plan.jsonl", place / f"{PLAN}.jsonl")
    return cli


def test_everything_is_found_then_imported_then_known(agents):
    found = agents("list", "--found", "--json").json
    assert [(w["agent"], w["foreign_id"], w["state"], w["session"]) for w in found["found"]] == [("claude-code", PLAN, "new", "")]
    assert agents.says("import", "--all") + agents.says("import", "--all") + agents.says("list", "--found") == snapshot("""\
$ segue import --all
1 session, 47 new events
session             agent        new  events  about
SESSION-261121-001  claude-code  47   47      Please build notes [[plan]]
see one: segue status last    go on with it: segue restore last
$ segue import --all
1 file of claude-code as before: not opened
nothing is new
$ segue list --found
all transcripts of claude-code are in the log
""")


def test_all_in_json_has_the_shape_of_an_import_and_the_number_of_unchanged_files(agents):
    first, second = agents("import", "--all", "--json").json, agents("import", "--all", "--json").json
    assert (len(first["sessions"]), first["losses"], first["unchanged"]) == (1, [], 0)
    assert second == {"sessions": [], "losses": [], "unchanged": 1}


def test_a_home_without_agents_says_so(cli):
    assert cli.says("import", "--all") + cli.says("list", "--found") == snapshot("""\
$ segue import --all
no agent that is known has transcripts on this machine
$ segue list --found
no agent that is known has transcripts here
""")


def test_a_missing_path_is_named_and_the_others_come_in(agents):
    good = agents.home / ".claude"
    said = agents("import", str(good / "nowhere"), str(good), "--json")
    assert (said.code, len(said.json["sessions"])) == (0, 1)
    assert said.json["losses"] == [{"where": "/home/dev/.claude/nowhere", "reason": "cannot be read: No such file or directory"}]


def test_a_file_that_is_no_transcript_is_a_failure_with_its_reason(cli):
    (cli.workspace / "song.jsonl").write_text('{"la": "la"}\n')
    said = cli("import", "/shop/song.jsonl".replace("/shop", str(cli.workspace)), "--json")
    assert said.code == 1
    assert json.loads(said.out)["losses"] == [
        {"where": "/shop/song.jsonl", "reason": "not a transcript of an agent that is known"}
    ]
    assert json.loads(said.err)["error"]["message"] == (
        "'/shop/song.jsonl' was not imported: not a transcript of an agent that is known"
    )


def test_a_directory_without_transcripts_is_a_failure(cli):
    said = cli("import", str(cli.workspace), "--json")
    assert (said.code, json.loads(said.err)["error"]["code"]) == (4, "not-found")


def test_an_empty_transcript_is_no_failure(cli):
    (cli.workspace / f"{PLAN}.jsonl").touch()
    assert cli("import", str(cli.workspace / f"{PLAN}.jsonl"), "--json") == (
        0,
        '{"sessions":[],"losses":[{"where":"/shop/' + PLAN + '.jsonl","reason":"empty file"}]}\n',
        "",
    )


def test_what_the_user_excluded_is_not_taken_in(agents):
    agents("config", "set", "import.exclude", "*/-home-dev-*")
    assert agents("import", "--all", "--json").json == {"sessions": [], "losses": [], "unchanged": 0}
    assert agents("import", str(agents.home / ".claude"), "--json").code == 4
