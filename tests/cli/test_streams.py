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


@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"], ["--help"], ["--version"], ["list", "--help"]])
def test_a_full_disk_is_an_error_and_no_traceback(tmp_path, arguments):
    done = segue(tmp_path, *arguments, redirect=">/dev/full")
    assert done.returncode == 1
    assert b"No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


def test_a_reader_that_went_away_is_no_error(tmp_path):
    assert segue(tmp_path, "--help", redirect="| true").stderr == b""


@pytest.mark.parametrize("name", ["/dev/zero", "-"])
def test_a_document_without_end_is_refused(tmp_path, name):
    done = segue(tmp_path, "start", "--from", name, redirect="</dev/zero")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(f"error: state document {name!r} cannot be read: it has more than 64,000,000 bytes\n".encode())
