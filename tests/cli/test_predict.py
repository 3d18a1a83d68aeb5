"""What comes next, on the command line and in a restored context."""

import json
import os
import subprocess

import pytest
from inline_snapshot import snapshot


@pytest.fixture
def shop(cli):
    """A git project in which prices and stock went together, a note, and a session that read the prices."""
    env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"}
    dates = {"GIT_AUTHOR_DATE": "2026-01-15T00:00:00Z", "GIT_COMMITTER_DATE": "2026-01-15T00:00:00Z"}
    who = ["git", "-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false"]

    def git(*arguments):
        subprocess.run([*who, *arguments], cwd=cli.workspace, check=True, capture_output=True, env={**env, **dates})

    git("init", "-q")
    for name in ("prices.py", "stock.py", "test_prices.py"):
        (cli.workspace / name).write_text("x\n")
    git("add", ".")
    git("commit", "-qm", "prices and stock")
    cli("start", "--task", "weigh the pears")
    cli("note", "new", "Weigh pears", "-k", "decision", "--project", "shop")
    call = {"type": "tool_call", "id": "c1", "name": "Read", "arguments": {"file_path": f"{cli.workspace}/prices.py"}}
    events = [{"kind": "note.used", "body": {"id": "DEC-001", "action": "deleted"}}]
    events += [{"kind": "message", "body": {"role": "assistant", "parts": [call]}}]
    said = cli("append", "current", "--stdin", stdin="\n".join(map(json.dumps, events)))
    assert said.code == 0, said.err
    return cli


def test_files_and_notes_are_told_with_reasons_the_likeliest_first(shop):
    assert shop.says("predict") == snapshot("""\
$ segue predict
test_prices.py
  went with prices.py in commit 0bb4fab prices and stock; test of prices.py; beside others in the t…
stock.py
  went with prices.py in commit 0bb4fab prices and stock; beside others in the top directory
note DEC-001: Weigh pears
  about the task
""")
    found = shop("predict", "--json", "-n", "1").json
    assert [(one["path"], one["score"] > 0) for one in found["files"]] == [("test_prices.py", True)]
    assert [one["id"] for one in found["notes"]] == ["DEC-001"]


def test_without_anything_to_tell_by_that_is_said(cli):
    cli("start", "--task", "x")
    assert cli.says("predict") == snapshot("""\
$ segue predict
nothing tells what comes next: no files, no commits, no notes
""")


def test_a_restored_context_has_what_is_foreseen_where_that_is_asked_for(shop):
    assert "likely be needed next" not in shop("restore", "current").out
    asked = shop("restore", "current", "--predict").out
    assert "files that will likely be needed next, not opened yet\n- test_prices.py: " in asked
