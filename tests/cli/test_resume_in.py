"""`segue resume SESSION --in AGENT`: what people and programs are told."""

import json
import re
import shutil
from pathlib import Path

import pytest
from inline_snapshot import snapshot

FIXTURES = Path(__file__).parents[1] / "fixtures" / "transcripts"
PLAN = "7dcc6b33-a8e7-41fa-a76f-5d0f155f452e"


@pytest.fixture
def agents(cli):
    """A home in which Claude Code worked, everything imported."""
    place = cli.home / ".claude" / "projects" / "-home-dev-project"
    place.mkdir(parents=True)
    shutil.copy(FIXTURES / "claude" / "headless-plan.jsonl", place / f"{PLAN}.jsonl")
    cli("import", "--all")
    return cli


def steady(said):
    """Digests, ids and counts of tokens hold paths of this run."""
    said = re.sub(r"(about )?[\d,]+ tokens", "N tokens", said)
    said = re.sub(r"first [0-9a-f]{12}, last [0-9a-f]{12}", "first DIGEST, last DIGEST", said)
    return re.sub(r"(resume) [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", r"\1 ID", said)


def test_a_session_goes_on_in_another_agent(agents):
    assert steady(agents.says("resume", "last", "--in", "codex", "--cwd", ".")) == snapshot("""\
$ segue resume last --in codex --cwd .
SESSION-261121-001 goes on in codex, with a transcript that was written for it
verified  47 events, sound; first DIGEST, last DIGEST
carried   10 turns; N tokens of a window of 258,400 (the usual one of codex)
paths     4 places now in /shop
taken up  as SESSION-260115-001

                    kept  mapped  folded  dropped  added
record                                    33
text                3
tool_call                 4
tool_call_response  4
usage                                     5
33 record dropped: no part of what was said
5 usage dropped: the tokens were spent by the session that it comes from
2 tool_call mapped: Bash to exec_command
1 tool_call mapped: Edit to apply_patch
1 tool_call mapped: Write to apply_patch

codex resume ID
""")


def test_a_session_goes_on_where_its_agent_has_it(agents):
    assert steady(agents.says("resume", "last", "--in", "claude-code")) == snapshot("""\
$ segue resume last --in claude-code
SESSION-261121-001 goes on in claude-code, which has it
verified  47 events, sound; first DIGEST, last DIGEST
context   N tokens of a window of 200,000 (claude-opus-5-5), as its provider counted last
warning: /home/dev/project is not there: say where it goes on with --cwd DIR

cd /home/dev/project && claude --resume ID
""")


def test_a_dry_run_says_what_would_be(shop):
    assert steady(shop.says("resume", "--in", "claude-code", "--dry-run")) == snapshot("""\
$ segue resume --in claude-code --dry-run
SESSION-260115-001 goes on in claude-code, with a transcript that was written for it (nothing was written)
verified  8 events, sound; first DIGEST, last DIGEST
carried   4 turns; N tokens of a window of 200,000 (the usual one of claude-code)

                    kept  mapped  folded  dropped  added
text                2                              1
tool_call           1
tool_call_response  1
usage                                     1
1 text added: what segue knows beside the conversation
1 usage dropped: the tokens were spent by the session that it comes from

claude --resume ID
""")
    assert not (shop.home / ".claude").exists()


def test_a_fresh_session_reads_the_restored_context(shop):
    said = steady(shop.says("resume", "--in", "codex", "--fresh"))
    assert said == snapshot("""\
$ segue resume --in codex --fresh
SESSION-260115-001 goes on in codex, with the restored context to read
verified  8 events, sound; first DIGEST, last DIGEST
to read   /home/dev/segue/restored/SESSION-260115-001-8.md, N tokens

codex 'Read /home/dev/segue/restored/SESSION-260115-001-8.md first: it is the restored context of the session that you go on with. Then go on from there.'
""")
    assert "never plums" in (shop.home / "segue" / "restored" / "SESSION-260115-001-8.md").read_text()


def test_as_json_everything_is_there(agents):
    found = agents("resume", "last", "--in", "codex", "--json").json
    assert sorted(found) == snapshot(
        [
            "agent",
            "carried",
            "checked",
            "command",
            "command_line",
            "condensed",
            "continuation",
            "copies",
            "dry",
            "files",
            "foreign_id",
            "freed",
            "from",
            "method",
            "name",
            "paths",
            "prepare",
            "profile",
            "session",
            "tokens",
            "turns",
            "validation",
            "warnings",
            "way",
            "window",
            "window_by",
            "window_model",
            "workspace",
        ]
    )
    assert found["way"] == "converted"
    assert found["command"] == ["codex", "resume", found["foreign_id"]]
    assert found["command_line"] == f"cd /home/dev/project && codex resume {found['foreign_id']}"
    assert found["checked"]["things"] == sum(
        c["number"] for c in found["carried"] if c["fate"] != "added" and c["what"] != "usage"
    )
    assert agents("log", found["continuation"], "--json").out.count('"kind":"session.carried"') == 1


def test_the_status_of_a_session_says_where_it_went_on_and_that_of_the_other_where_it_came_from(agents):
    done = agents("resume", "last", "--in", "codex", "--cwd", ".", "--json").json
    first, second = (agents("status", done[name], "--json").json for name in ("session", "continuation"))
    between = {"position": 46, "by": "resume", "at": first["went_on"][0]["at"]}
    assert first["went_on"] == [{"session": second["id"], "name": "SESSION-260115-001", "agent": "codex"} | between]
    assert second["came_from"] | {"at": ""} == {
        "session": first["id"],
        "name": first["name"],
        "agent": "claude-code",
    } | between | {"at": ""}
    assert "went on in - SESSION-260115-001 (codex) at event 46, by segue resume --in\n" in agents("status", done["session"]).out
    assert (
        "came from  SESSION-261121-001 (claude-code) at event 46, by segue resume --in\n"
        in agents("status", done["continuation"]).out
    )


def test_the_continuation_is_found_by_the_agents_id_and_is_its_agents(agents):
    found = agents("resume", "last", "--in", "codex", "--json").json
    rows = agents("list", "--json").json["sessions"]
    row = next(r for r in rows if r["id"] == found["continuation"])
    assert (row["agent"], row["foreign_ids"], row["parent"]) == ("codex", [found["foreign_id"]], found["session"])
    assert agents("status", found["foreign_id"], "--json").json["id"] == found["continuation"]


@pytest.mark.parametrize(
    "arguments",
    [("--tools", "text"), ("--cwd", "."), ("--dry-run",), ("--run",)],
)
def test_how_to_go_on_in_an_agent_needs_an_agent(shop, arguments):
    said = shop("resume", "current", *arguments, "--json")
    assert said.code == 2
    assert said.error["hint"] == "say in which: --in codex"


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (("current", "--in", "hal"), 2, "usage"),
        (("nobody", "--in", "codex"), 4, "not-found"),
        (("current", "--in", "codex", "--cwd", "/nowhere/at/all"), 2, "usage"),
    ],
)
def test_what_cannot_be_is_an_error(shop, arguments, code, error):
    said = shop("resume", *arguments, "--json")
    assert (said.code, said.error["code"]) == (code, error)


def test_to_print_is_what_a_program_gets_anyway(agents):
    plain = agents("resume", "SESSION-261121-001", "--in", "codex", "--json")
    assert (
        json.loads(agents("resume", "SESSION-261121-001", "--in", "codex", "--print", "--json").out)["command"]
        == plain.json["command"]
    )
