"""`segue checkpoint list`, `show`, `diff` and `restore`: what people and programs are told."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from inline_snapshot import snapshot

FIXTURES = Path(__file__).parents[1] / "fixtures" / "transcripts"
PLAN = "7dcc6b33-a8e7-41fa-a76f-5d0f155f452e"


def say(shop, *texts):
    lines = []
    for i, text in enumerate(texts):
        role = ("user", "assistant")[i % 2]
        lines.append(json.dumps({"kind": "message", "body": {"role": role, "parts": [{"type": "text", "content": text}]}}))
    shop("append", "current", "--stdin", stdin="\n".join(lines) + "\n")


@pytest.fixture
def two(shop):
    """A session with two checkpoints, and something said and done between and after them."""
    say(shop, "Which shelf for plums?", "The lower one.")
    (shop.workspace / "shelves.txt").write_text("lower: plums\n")
    (shop.workspace / ".env").write_text("TOKEN=1\n")
    shop("checkpoint", "create", "-m", "plums are placed")
    say(shop, "Now the pears.", "Beside the plums.")
    (shop.workspace / "shelves.txt").write_text("lower: plums, pears\n")
    (shop.workspace / "prices.txt").write_text("pears: 3\n")
    shop("checkpoint", "create", "-m", "pears are placed")
    return shop


def names(shop):
    return [row["name"] for row in shop("checkpoint", "list", "--json").json["checkpoints"]]


def test_checkpoints_are_listed_shown_and_compared(two):
    second, first = names(two)[:2]
    assert two.says("checkpoint", "list") == snapshot("""\
$ segue checkpoint list
name                        event  taken     about
RECOVERY-260115-001-093005  13     just now  pears are placed
RECOVERY-260115-001-093003  10     just now  plums are placed
""")
    assert two.says("checkpoint", "show", first) == snapshot("""\
$ segue checkpoint show RECOVERY-260115-001-093003
RECOVERY-260115-001-093003  plums are placed
  taken         just now, 2026-01-15T09:30:03Z, for user
  session       SESSION-260115-001 at event 10
  conversation  5 messages; the user had said last: Which shelf for plums?
  code          /shop; 1 place not taken
    not taken   .env: secret
come back with: segue checkpoint restore RECOVERY-260115-001-093003
""")
    assert two.says("checkpoint", "diff", first, second) == snapshot("""\
$ segue checkpoint diff RECOVERY-260115-001-093003 RECOVERY-260115-001-093005
code: 2 files from RECOVERY-260115-001-093003 to RECOVERY-260115-001-093005
  added     prices.txt
  modified  shelves.txt
conversation: 5 messages in both
  2 only in RECOVERY-260115-001-093005
        12  user: Now the pears.
        13  assistant: Beside the plums.
""")
    assert two.says("checkpoint", "diff", first, "--patch") == snapshot("""\
$ segue checkpoint diff RECOVERY-260115-001-093003 --patch
diff --git a/prices.txt b/prices.txt
new file mode 100644
index 0000000..af98dc7
--- /dev/null
+++ b/prices.txt
@@ -0,0 +1 @@
+pears: 3
diff --git a/shelves.txt b/shelves.txt
index 046e13d..a548227 100644
--- a/shelves.txt
+++ b/shelves.txt
@@ -1 +1 @@
-lower: plums
+lower: plums, pears
""")
    assert two.says("checkpoint", "diff", second) == snapshot("""\
$ segue checkpoint diff RECOVERY-260115-001-093005
code: 0 files from RECOVERY-260115-001-093005 to now
conversation: 7 messages in both
""")


def test_every_form_of_a_reference_means_a_checkpoint_to_each_command(two):
    two("checkpoint", "create", "--automatic", "--name", "weighed")
    weighed, automatic, second, first = names(two)
    session = two("list", "--json").json["sessions"][0]["id"]
    meant = {
        "last": automatic,
        "latest": automatic,
        "current": automatic,
        "SESSION-260115-001": automatic,
        session: automatic,
        session[:-2]: automatic,
        first: first,
        first.lower(): first,
        automatic[:-2]: automatic,
        "093005": second,
        "auto-save-1": automatic,
        "weighed": weighed,
        weighed[:-3]: weighed,
    }
    for ref, name in meant.items():
        assert two("checkpoint", "show", ref, "--json").json["name"] == name, ref
        assert two("checkpoint", "diff", ref, "--json").json["old"] == name, ref
        assert two("checkpoint", "restore", ref, "--dry-run", "--json").json["checkpoint"] == name, ref


def test_a_reference_that_fits_several_checkpoints_or_none_is_an_error(two):
    second, first = names(two)[:2]
    several, none = two("checkpoint", "show", "RECOVERY-260115-001", "--json"), two("checkpoint", "show", "plums", "--json")
    assert (several.code, several.error["candidates"]) == (2, sorted([first, second]))
    assert (none.code, none.error["message"]) == (4, "checkpoint 'plums' was not found")


def test_what_git_says_of_the_workspace_is_looked_at_again_after_files_went_back(cli):
    def git(*args):
        named = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *named, *args], cwd=cli.workspace, check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    (cli.workspace / "a.txt").write_text("one\n")
    git("add", ".")
    git("commit", "-qm", "one")
    cli("start", "--task", "sell pears")
    cli("checkpoint", "create")
    (cli.workspace / "a.txt").write_text("two\n")
    cli("checkpoint", "create")
    assert [f["path"] for f in cli("status", "--json").json["changes"]["files"]] == ["a.txt"]
    cli("checkpoint", "restore", names(cli)[1], "--code")
    assert cli("status", "--json").json["changes"]["files"] == []


def test_a_session_goes_back_and_forth(two):
    second, first = names(two)[:2]
    assert two.says("checkpoint", "restore", first, "--dry-run") == snapshot("""\
$ segue checkpoint restore RECOVERY-260115-001-093003 --dry-run
SESSION-260115-001 would go back to RECOVERY-260115-001-093003: code and conversation (nothing was written)
code          /shop: 1 written, 1 deleted
  writes shelves.txt
  deletes prices.txt
conversation  5 messages (7 now); the user had said last: Which shelf for plums?
""")
    assert two.says("checkpoint", "restore", first) == snapshot("""\
$ segue checkpoint restore RECOVERY-260115-001-093003
SESSION-260115-001 went back to RECOVERY-260115-001-093003: code and conversation
code          /shop: 1 written, 1 deleted
  writes shelves.txt
  deletes prices.txt
conversation  5 messages (7 before); the user had said last: Which shelf for plums?
what was there: RECOVERY-260115-001-093008; undo with: segue checkpoint restore RECOVERY-260115-001-093008
""")
    assert two.says("checkpoint", "diff", second) == snapshot("""\
$ segue checkpoint diff RECOVERY-260115-001-093005
code: 2 files from RECOVERY-260115-001-093005 to now
  deleted   prices.txt
  modified  shelves.txt
conversation: 5 messages in both
  2 only in RECOVERY-260115-001-093005
        12  user: Now the pears.
        13  assistant: Beside the plums.
""")
    assert two.says("checkpoint", "restore", second, "--code") == snapshot("""\
$ segue checkpoint restore RECOVERY-260115-001-093005 --code
SESSION-260115-001 went back to RECOVERY-260115-001-093005: code
code          /shop: 2 written
  writes prices.txt
  writes shelves.txt
what was there: RECOVERY-260115-001-093010; undo with: segue checkpoint restore RECOVERY-260115-001-093010
""")
    assert two.says("checkpoint", "restore", second) == snapshot("""\
$ segue checkpoint restore RECOVERY-260115-001-093005
SESSION-260115-001 went back to RECOVERY-260115-001-093005: code and conversation
code          /shop: nothing differs
conversation  7 messages (5 before); the user had said last: Now the pears.
what was there: RECOVERY-260115-001-093011; undo with: segue checkpoint restore RECOVERY-260115-001-093011
""")
    assert two.says("checkpoint", "list") == snapshot("""\
$ segue checkpoint list
name                        event  taken     about
RECOVERY-260115-001-093011  24     just now  before RECOVERY-260115-001-093005 was restored
RECOVERY-260115-001-093010  20     just now  before RECOVERY-260115-001-093005 was restored
RECOVERY-260115-001-093008  15     just now  before RECOVERY-260115-001-093003 was restored
RECOVERY-260115-001-093005  13     just now  pears are placed
RECOVERY-260115-001-093003  10     just now  plums are placed
""")
    assert two("validate").out.startswith("sound: 1 session")


def test_what_cannot_be_restored_is_said(two):
    second = names(two)[0]
    assert two.says("checkpoint", "restore") == snapshot("""\
$ segue checkpoint restore
! error: no checkpoint was given
! hint: segue checkpoint list
[exit code 2]
""")
    assert two.says("checkpoint", "restore", "plums") == snapshot("""\
$ segue checkpoint restore plums
! error: checkpoint 'plums' was not found
! hint: segue checkpoint list
[exit code 4]
""")
    assert two.says("checkpoint", "restore", "RECOVERY-260115-009-101010") == snapshot("""\
$ segue checkpoint restore RECOVERY-260115-009-101010
! error: checkpoint 'RECOVERY-260115-009-101010' was not found
! hint: segue checkpoint list
[exit code 4]
""")
    assert two.says("checkpoint", "restore", second, "--session", "SESSION-991231-001") == snapshot("""\
$ segue checkpoint restore RECOVERY-260115-001-093005 --session SESSION-991231-001
! error: session 'SESSION-991231-001' was not found
! hint: segue list
[exit code 4]
""")
    assert two.says("checkpoint", "restore", "--finish") == snapshot("""\
$ segue checkpoint restore --finish
no restore is open here
""")


def test_without_a_snapshot_of_what_is_there_code_stays(two):
    first = names(two)[1]
    two.env["SEGUE_SNAPSHOTS"] = "off"
    (two.workspace / "shelves.txt").write_text("the user's own\n")
    assert two.says("checkpoint", "restore", first, "--both") == snapshot("""\
$ segue checkpoint restore RECOVERY-260115-001-093003 --both
! error: the code of checkpoint 'RECOVERY-260115-001-093003' could not be restored, and the conversation stays as it is: what is there could not be saved first: snapshots are switched off
! hint: segue doctor
[exit code 1]
""")
    assert (two.workspace / "shelves.txt").read_text() == "the user's own\n"


def test_a_workspace_that_is_gone_comes_back_where_it_was(two):
    second, first = names(two)[:2]
    files = {path.name: path.read_bytes() for path in two.workspace.iterdir() if path.name != ".env"}
    shutil.rmtree(two.workspace)
    assert two.says("checkpoint", "create").splitlines()[2] == "without the files of the workspace: the directory is not there"
    assert two.says("checkpoint", "restore", second, "--code", "--dry-run") == snapshot("""\
$ segue checkpoint restore RECOVERY-260115-001-093005 --code --dry-run
SESSION-260115-001 would go back to RECOVERY-260115-001-093005: code (nothing was written)
code          /shop: 2 written, 1 left
  writes prices.txt
  writes shelves.txt
  leaves .env: left-out, secret
warning: /shop is not there: it is made anew; if it was moved, say so first: segue moved /shop DIRECTORY
""")
    assert "is not there: nothing of" in two("checkpoint", "diff", second).err
    assert two("checkpoint", "restore", second, "--code").code == 0
    assert {path.name: path.read_bytes() for path in two.workspace.iterdir()} == files
    assert two("checkpoint", "restore", first, "--code").code == 0
    assert (two.workspace / "shelves.txt").read_text() == "lower: plums\n"


def test_what_a_delta_compares_with_is_what_files_went_back_to(two):
    first = names(two)[1]
    two("checkpoint", "restore", first, "--code")
    assert two("delta", "--json").json["files"]["named"] == []
    shutil.rmtree(two.workspace)
    assert f"segue checkpoint restore {first} --code" in two("delta").out
    two("checkpoint", "restore", first, "--code")
    two("checkpoint", "create")
    (two.workspace / "shelves.txt").write_text("none\n")
    assert [one["path"] for one in two("delta", "--json").json["files"]["named"]] == ["shelves.txt"]


@pytest.mark.parametrize("gone", [".git", "."])
def test_files_come_back_to_where_their_repository_was_not_to_where_the_session_works_in_it(cli, gone):
    top, below = cli.workspace, cli.workspace / "shop"
    subprocess.run(["git", "init", "-q", top], check=True)
    below.mkdir()
    (top / "a.txt").write_text("above\n")
    (below / "b.txt").write_text("below\n")
    cli.workspace = below
    cli("start", "--task", "sell pears")
    cli("checkpoint", "create")
    (top / "a.txt").write_text("changed\n")
    shutil.rmtree(top / gone)
    went = cli("checkpoint", "restore", names(cli)[0], "--code")
    assert (went.code, (top / "a.txt").read_text(), (below / "b.txt").read_text()) == (0, "above\n", "below\n")
    assert not (below / "shop").exists()
    cli("checkpoint", "restore", names(cli)[0], "--code")
    assert (top / "a.txt").exists() == (gone == ".git")


def test_a_person_is_asked(two):
    first = names(two)[1]
    asked = two("checkpoint", "restore", first, typed="no\n")
    assert (asked.code, asked.out[-48:]) == snapshot(
        (
            3,
            """\
lums?
Go back? Enter does it, Ctrl-C does not. \n\
""",
        )
    )
    assert two("checkpoint", "restore", first, typed="\n").code == 0
    assert two("checkpoint", "restore", first, "--yes", typed="").code == 0


def test_an_agents_session_goes_on_in_a_new_transcript(cli):
    place = cli.home / ".claude" / "projects" / "-home-dev-project"
    place.mkdir(parents=True)
    lines = (FIXTURES / "claude" / "headless-plan.jsonl").read_text().splitlines(keepends=True)
    path = place / f"{PLAN}.jsonl"
    path.write_text("".join(lines[:32]))
    cli("import", "--all")
    name = cli("checkpoint", "create", "last", "--json").json["name"]
    path.write_text("".join(lines))

    assert steady(cli.says("checkpoint", "restore", name)) == snapshot("""\
$ segue checkpoint restore RECOVERY-261121-001-093001
SESSION-261121-001 went back to RECOVERY-261121-001-093001: conversation
conversation  6 messages (11 before); the user had said last: Please build notes [[plan]]
goes on as    SESSION-260115-001 in claude-code, with a transcript of its own
warning: RECOVERY-261121-001-093001 has no snapshot of the workspace: code stays as it is
what was there: RECOVERY-261121-001-093002; undo with: segue checkpoint restore RECOVERY-261121-001-093002

cd /home/dev/project && claude --resume ID
""")
    found = cli("checkpoint", "restore", name, "--json").json
    assert sorted(found) == snapshot(
        ["before", "checkpoint", "code", "command_line", "conversation", "dry", "name", "position", "session", "warnings", "what"]
    )
    assert sorted(found["conversation"]) == snapshot(
        [
            "agent",
            "carried",
            "command",
            "condensed",
            "continuation",
            "files",
            "foreign_id",
            "last",
            "name",
            "now",
            "prepare",
            "then",
            "turns",
            "workspace",
        ]
    )
    assert found["command_line"] == f"cd /home/dev/project && claude --resume {found['conversation']['foreign_id']}"


def steady(said):
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", said)


def test_files_of_a_nested_work_tree_that_is_gone_do_not_go_into_the_one_around_it(two):
    subprocess.run(["git", "init", "-q"], cwd=two.workspace.parent, check=True)
    second = names(two)[0]
    outer = two.workspace.parent / "outer.txt"
    outer.write_text("stays\n")
    shutil.rmtree(two.workspace)
    refused = two("checkpoint", "restore", second, "--code")
    assert (refused.code != 0, "git init" in refused.err, outer.read_text()) == (True, True, "stays\n")
    subprocess.run(["git", "init", "-q", two.workspace], check=True)
    assert two("checkpoint", "restore", second, "--code").code == 0
    assert ((two.workspace / "prices.txt").exists(), outer.read_text()) == (True, "stays\n")
