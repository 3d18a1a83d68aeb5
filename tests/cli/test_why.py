"""Why a file is not in the log, or how it is."""

import os
import shutil
from pathlib import Path

import pytest
from inline_snapshot import snapshot

FIXTURES = Path(__file__).parents[1] / "fixtures" / "transcripts"
PLAN = "7dcc6b33-a8e7-41fa-a76f-5d0f155f452e"
TASK = "a0edc6ad-81f1-4d48-9902-29dc3fc4830f"
RECORD = '{"type":"user","uuid":"new","parentUuid":null,"sessionId":"x","message":{"role":"user","content":"more"}}\n'


class Place:
    def __init__(self, cli):
        self.cli = cli
        self.file = cli.workspace / f"{PLAN}.jsonl"
        shutil.copy(FIXTURES / "claude" / "headless-plan.jsonl", self.file)

    def take(self):
        assert self.cli("import", str(self.file)).code == 0

    def why(self, path=None):
        (found,) = self.cli("why", str(path or self.file), "--json").json["files"]
        return found


@pytest.fixture
def place(cli):
    return Place(cli)


def said(found, *names):
    return tuple(found[name] for name in names)


def test_a_transcript_that_is_in_the_log(place):
    place.take()
    assert place.cli.says("why", place.file.name) == snapshot("""\
$ segue why 7dcc6b33-a8e7-41fa-a76f-5d0f155f452e.jsonl
/shop/7dcc6b33-a8e7-41fa-a76f-5d0f155f452e.jsonl: in the log
  all of it is in the log
  a transcript of claude-code, its session 7dcc6b33-a8e7-41fa-a76f-5d0f155f452e
  session SESSION-261121-001: 44 events of this file, from 3 to 46
next: segue log 095dd1bc-2453-8f54-8e24-6b5dc7df2243
""")
    assert said(place.why(), "verdict", "records", "first", "last", "losses") == snapshot(("imported", 44, 3, 46, []))


def test_one_that_was_not_imported(place):
    assert place.cli.says("why", place.file.name) == snapshot("""\
$ segue why 7dcc6b33-a8e7-41fa-a76f-5d0f155f452e.jsonl
/shop/7dcc6b33-a8e7-41fa-a76f-5d0f155f452e.jsonl: not imported
  it was not imported yet
  a transcript of claude-code, its session 7dcc6b33-a8e7-41fa-a76f-5d0f155f452e
next: segue import /shop/7dcc6b33-a8e7-41fa-a76f-5d0f155f452e.jsonl
""")


def test_one_that_was_written_to_since(place):
    place.take()
    with place.file.open("a") as file:
        file.write(RECORD)
    assert said(place.why(), "verdict", "why") == (
        "behind",
        [f"{len(RECORD)} bytes were written to it since it was last imported"],
    )


def test_one_whose_last_line_is_torn(place):
    place.take()
    with place.file.open("a") as file:
        file.write(RECORD[:40])
    assert said(place.why(), "verdict", "why") == snapshot(
        ("torn", ["torn last line: 40 bytes without a newline; it is read when it is whole"])
    )


def test_one_that_was_rewritten(place):
    place.take()
    place.file.write_bytes(place.file.read_bytes().replace(b"hello", b"howdy"))
    assert said(place.why(), "verdict", "why") == snapshot(
        (
            "rewritten",
            [
                "rewritten: the 36516 bytes that were read of it have changed; what was read is kept",
                "the next import reads it again from its start",
            ],
        )
    )


def test_one_that_is_gone_and_kept(place):
    place.take()
    place.file.unlink()
    assert place.cli.says("why", place.file.name).replace(
        place.cli("list", "--json").json["sessions"][0]["id"], "ID"
    ) == snapshot("""\
$ segue why 7dcc6b33-a8e7-41fa-a76f-5d0f155f452e.jsonl
/shop/7dcc6b33-a8e7-41fa-a76f-5d0f155f452e.jsonl: in the log, the file is gone
  the file is gone; all that was read of it is in the log
  session SESSION-261121-001: 44 events of this file, from 3 to 46
next: segue restore-transcript ID
""")


def test_one_that_never_was(place):
    assert place.cli.says("why", "nowhere.jsonl") == snapshot("""\
$ segue why nowhere.jsonl
! error: transcript 'nowhere.jsonl' was not found
! hint: segue list --found
[exit code 4]
""")


def test_an_empty_one(place):
    place.file.write_bytes(b"")
    assert said(place.why(), "verdict", "why", "agent") == snapshot(
        ("empty", ["the file is empty: the agent has not written anything yet"], "claude-code")
    )


def test_a_file_that_is_nobodys_says_what_each_reader_missed(place):
    (place.cli.workspace / "song.jsonl").write_text('{"la": "la"}\nnot json\n\n')
    found = place.why(place.cli.workspace / "song.jsonl")
    asked = {a["agent"]: a["missed"] for a in found["asked"]}
    assert said(found, "verdict", "why") == ("stranger", ["not a transcript of an agent that is known"])
    assert asked["codex"] == (
        "looks for records with `timestamp`, `type` and `payload`; "
        "lines looked at: 2, JSON objects among them: 1, of that form: none that tells"
    )
    assert {"claude-code", "codex", "gemini-cli", "opencode", "messages"} <= asked.keys()


def test_one_that_the_user_excluded(place):
    place.cli("config", "set", "import.exclude", "*/shop/*")
    assert said(place.why(), "verdict", "why") == snapshot(("excluded", ["excluded by the setting import.exclude: */shop/*"]))


def test_one_that_cannot_be_read(place):
    os.mkfifo(place.cli.workspace / "pipe.jsonl")
    assert said(place.why(place.cli.workspace / "pipe.jsonl"), "verdict", "why") == snapshot(
        ("unreadable", ["cannot be read: not a regular file"])
    )


def test_a_subagents_belongs_to_its_session(place):
    directory = place.cli.workspace / "p"
    directory.mkdir()
    shutil.copy(FIXTURES / "claude" / "hooks-subagent-compact.jsonl", directory / f"{TASK}.jsonl")
    shutil.copytree(FIXTURES / "claude" / "subagents", directory / TASK / "subagents")
    place.cli("import", str(directory))
    (file,) = (directory / TASK / "subagents").glob("*.jsonl")
    found = place.why(file)
    assert said(found, "verdict", "subagent", "foreign_id") == snapshot(
        ("imported", "af84c04076f3af957", "a0edc6ad-81f1-4d48-9902-29dc3fc4830f")
    )


def test_a_copy_of_one_that_is_in_the_log(place):
    place.take()
    copy = place.cli.workspace / "copies" / place.file.name
    copy.parent.mkdir()
    shutil.copy(place.file, copy)
    before = place.why(copy)
    place.cli("import", str(copy))
    assert (said(before, "verdict", "why"), said(place.why(copy), "verdict", "why")) == snapshot(
        (
            ("new", ["the session is in the log, this file was never read into it"]),
            (
                "imported",
                ["its records are in the session from another file, where the same ones stood before", "all of it is in the log"],
            ),
        )
    )


def test_a_line_that_could_not_be_read_is_named(place):
    with place.file.open("a") as file:
        file.write("garbage\n")
    place.take()
    assert said(place.why(), "verdict", "losses") == snapshot(
        ("imported", ["/shop/7dcc6b33-a8e7-41fa-a76f-5d0f155f452e.jsonl:45: not JSON: Expecting value at character 0"])
    )


def test_a_directory_is_told_file_by_file(place):
    place.take()
    (place.cli.workspace / "song.jsonl").write_text('{"la": "la"}\n')
    (place.cli.workspace / "text.txt").touch()
    assert place.cli.says("why", ".") == snapshot("""\
$ segue why .
it is     agent        session             file
imported  claude-code  SESSION-261121-001  7dcc6b33-a8e7-41fa-a76f-5d0f155f452e.jsonl
stranger  -            -                   song.jsonl
more of one: segue why FILE
""")


def test_a_deleted_transcript_is_put_back(place):
    place.take()
    data = place.file.read_bytes()
    place.file.unlink()
    assert place.cli.says("restore-transcript", "last") + place.cli.says("restore-transcript", "last") == snapshot("""\
$ segue restore-transcript last
/shop/7dcc6b33-a8e7-41fa-a76f-5d0f155f452e.jsonl
  put back, 36,516 bytes, byte for byte
$ segue restore-transcript last
/shop/7dcc6b33-a8e7-41fa-a76f-5d0f155f452e.jsonl
  there already, the same, 36,516 bytes
""")
    assert (place.file.read_bytes(), place.why()["verdict"]) == (data, "imported")


def test_what_stands_in_the_way_of_a_transcript_is_left(place):
    place.take()
    place.file.write_text("my own notes\n")
    said = place.cli("restore-transcript", "last", "--json")
    assert (said.code, said.error["code"], place.file.read_text()) == (5, "exists", "my own notes\n")


def test_words_of_restoring_that_do_not_go_together(place):
    place.take()
    assert place.cli.says("restore-transcript", "last", "--rewrite") == snapshot("""\
$ segue restore-transcript last --rewrite
! error: --rewrite needs the directory that the project has moved to
! hint: --workspace DIRECTORY
[exit code 2]
""")
    assert place.cli.says("restore-transcript", "last", "--to", "a", "--workspace", "b") == snapshot("""\
$ segue restore-transcript last --to a --workspace b
! error: either --to or --workspace can be given
! hint: segue restore-transcript --help
[exit code 2]
""")


def test_what_could_not_be_read_is_not_said_to_be_known(cli):
    assert cli.says("import", "/dev/null") == snapshot("""\
$ segue import /dev/null
! error: '/dev/null' was not imported: cannot be read: not a regular file
! hint: segue why /dev/null
[exit code 1]
""")
