"""The process itself: its streams may be closed, and what is written to them may be no character."""

import json
import subprocess
import sys

import pytest


def segue(home, *arguments, stdin="", redirect=""):
    command = f'exec "{sys.executable}" -m segue "$@" {redirect}'
    env = {"HOME": str(home), "SEGUE_HOME": str(home / "segue"), "SEGUE_UPKEEP": "off", "PATH": "/usr/bin:/bin"}
    said = ["sh", "-c", command, "sh", *arguments]
    return subprocess.run(said, input=stdin.encode(), capture_output=True, env=env, cwd=home, check=False)


def test_half_a_character_is_an_escape_in_json(tmp_path):
    segue(tmp_path, "start", "--task", "x")
    line = '{"kind":"message","body":{"role":"user","parts":[{"type":"text","content":"\\ud800"}]}}'
    segue(tmp_path, "append", "last", "--stdin", stdin=line)
    done = segue(tmp_path, "log", "last", "--json")
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout.splitlines()[-1])["body"]["parts"][0]["content"] == "\ud800"


@pytest.mark.parametrize("redirect", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("arguments", [["list", "--json"], ["--help"], ["start", "--task", "x"]])
def test_a_closed_stream_is_an_empty_one(tmp_path, arguments, redirect):
    done = segue(tmp_path, *arguments, redirect=redirect)
    assert (done.returncode, done.stderr) == (0, b"")
