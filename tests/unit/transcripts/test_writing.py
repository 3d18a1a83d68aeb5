"""What writers share, and what is each one's own: forms by version, folds, directories.

One written transcript per form is in `tests/golden/written`; UPDATE_GOLDEN=1 writes them anew, to be read before they are
committed.
"""

import errno
import io
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from segue.core.errors import ExistsError
from segue.core.together.conversation import Carried
from segue.ports import Destination
from segue.testing.builders import tool_call, tool_result
from segue.testing.writers import PIXEL, conversation, plain, turn
from segue.transcripts import writers
from segue.transcripts._writing import Tally, form_for, make_file, milliseconds
from segue.transcripts.aider import writer as aider
from segue.transcripts.aider.writer import AiderWriter
from segue.transcripts.atif import profile as atif
from segue.transcripts.atif.writer import AtifWriter
from segue.transcripts.claude_code import profile as claude
from segue.transcripts.claude_code.writer import ClaudeCodeWriter
from segue.transcripts.codex import profile as codex
from segue.transcripts.codex.writer import CodexWriter
from segue.transcripts.gemini import profile as gemini
from segue.transcripts.gemini.writer import GeminiWriter
from segue.transcripts.messages.writer import MessagesWriter
from segue.transcripts.opencode import profile as opencode
from segue.transcripts.opencode.writer import OpenCodeWriter
from segue.transcripts.qwen import profile as qwen
from segue.transcripts.qwen.writer import QwenWriter

GOLDEN = Path(__file__).parents[2] / "golden" / "written"
UPDATE = bool(os.environ.get("UPDATE_GOLDEN"))
FORMS = [
    *((ClaudeCodeWriter, form.version) for form in claude.PROFILES),
    *((CodexWriter, form.version) for form in codex.PROFILES),
    *((GeminiWriter, form.version) for form in gemini.PROFILES),
    *((QwenWriter, form.version) for form in qwen.PROFILES),
    *((OpenCodeWriter, form.version) for form in opencode.PROFILES),
    *((AiderWriter, form.version) for form in aider.PROFILES),
    *((AtifWriter, form.version) for form in atif.PROFILES),
    (MessagesWriter, "1"),
]


def everything():
    """A conversation with all that a form has a place for."""
    image = {"type": "blob", "modality": "image", "mime_type": "image/png", "content": PIXEL}
    more = [
        turn("user", "Look at this.", image),
        turn("assistant", tool_call("Read", "call-4", file_path="/shot.png")),
        turn("tool", tool_result([{"type": "text", "content": "a picture"}, image], "call-4")),
        turn("assistant", "I see a pixel.", at="2026-01-15T09:31:02.123456789Z"),
        turn("user", "Half \ud800 of it, \0 and \u2028 as well.", meta=True),
    ]
    summary = turn("user", "Before: ZEBRA.", meta=True, summary=True)
    return conversation(summary, *(t._replace(node="") for t in (*plain().turns, *more)))


@pytest.mark.parametrize(("make", "version"), FORMS)
def test_a_form_is_written_byte_for_byte(make, version, tmp_path, monkeypatch):
    monkeypatch.setattr(os.path, "realpath", lambda path: path)
    written = make().write(everything(), Destination(str(tmp_path), "/home/ann/project", version))
    path = Path(written.files[0])
    golden = GOLDEN / f"{make.agent}-{version}.jsonl"
    found = f"{path.relative_to(tmp_path)}\n{path.read_text()}"
    if UPDATE:
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(found)
    assert found == golden.read_text()
    assert make().validate(str(path)) == []


def test_every_agent_has_one_writer():
    names = [writer.agent for writer in writers()]
    assert len(set(names)) == len(names)
    assert {"claude-code", "codex"} <= set(names)


@pytest.mark.parametrize(
    ("version", "form", "warned"),
    [
        ("", "2.1.329", False),
        ("2.1.329", "2.1.329", False),
        ("2.1.197", "2.1.39", False),
        ("2.1.197-beta.1", "2.1.39", False),
        ("2.1.330", "2.1.329", True),
        ("3.0", "2.1.329", True),
        ("1.0.88", "2.1.39", True),
        ("next", "2.1.329", True),
    ],
)
def test_the_form_is_the_last_that_the_version_knows(version, form, warned):
    found, warnings = form_for(version, claude.PROFILES, claude.NEWEST, "Claude Code")
    assert (found.version, bool(warnings)) == (form, warned)


@pytest.mark.parametrize(
    ("at", "found"),
    [
        ("2026-01-15T09:30:00Z", "2026-01-15T09:30:00.000Z"),
        ("2026-01-15T09:30:00.123456789Z", "2026-01-15T09:30:00.123Z"),
        ("2026-01-15T09:30:00.5Z", "2026-01-15T09:30:00.500Z"),
        ("", "1970-01-01T00:00:00.000Z"),
        ("yesterday", "1970-01-01T00:00:00.000Z"),
        ("2026-01-15T09:30:00", "1970-01-01T00:00:00.000Z"),
    ],
)
def test_a_time_is_written_with_milliseconds(at, found):
    assert milliseconds(at) == found


def test_what_is_counted_is_told_once_per_reason():
    tally = Tally()
    tally.add("image", "folded", "no place")
    tally.add("text", "dropped", "blank", 2)
    tally.add("image", "folded", "no place", 3)
    tally.add("image", "kept", "", 0)
    assert tally.carried() == (Carried("image", "folded", 4, "no place"), Carried("text", "dropped", 2, "blank"))


def _no_links(*_):
    raise OSError(errno.EPERM, "Operation not permitted")


def test_where_there_are_no_hard_links_a_file_is_made_all_the_same_and_never_replaced(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "link", _no_links)
    path = tmp_path / "a" / "session.jsonl"
    make_file(str(path), b"one\n", "agent", "session")
    make_file(str(path), b"one\n", "agent", "session")
    with pytest.raises(ExistsError):
        make_file(str(path), b"two\n", "agent", "session")
    assert [(p.name, p.read_bytes()) for p in path.parent.iterdir()] == [("session.jsonl", b"one\n")]


@pytest.mark.parametrize("call", ["open", "fsync", "link", "write"])
@pytest.mark.parametrize("make", [ClaudeCodeWriter, CodexWriter])
def test_wherever_writing_fails_nothing_is_left_behind(make, call, tmp_path, monkeypatch):
    class Full(io.BufferedWriter):
        def write(self, data):
            super().write(data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")

    def refuse(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        if call == "write":
            patched.setattr(os, "fdopen", lambda descriptor, _: Full(io.FileIO(descriptor, "w")))
        else:
            patched.setattr(os, call, refuse)
        with pytest.raises(OSError, match="No space left"):
            make().write(plain(), Destination(str(tmp_path), "/w"))
    assert [p for p in tmp_path.rglob("*") if not p.is_dir()] == []


def test_many_who_write_the_same_at_once_write_one_file(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: CodexWriter().write(plain(), Destination(str(tmp_path), "/w")), range(32)))
    assert len({w.files for w in found}) == 1
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [Path(found[0].files[0])]


def test_a_link_in_the_place_of_the_file_is_not_written_through(tmp_path):
    writer, to = CodexWriter(), Destination(str(tmp_path / "home"), "/w")
    path = Path(writer.write(plain(), to).files[0])
    path.unlink()
    (tmp_path / "mine").write_bytes(b"mine")
    path.symlink_to(tmp_path / "mine")
    with pytest.raises(ExistsError):
        writer.write(plain(), to)
    assert (tmp_path / "mine").read_bytes() == b"mine"


# --- Claude Code's own


@pytest.mark.parametrize(
    ("workspace", "name"),
    [  # the answers are the program's own function's, run in Node
        ("/home/ann/my.project_1", "-home-ann-my-project-1"),
        ("/home/ann/ünïcode 🙂 (x)", "-home-ann--n-code-----x-"),
        ("/" + "long/" * 50 + "end", "-long" * 40 + "-flqre4"),
        ("/" + "é🙂" * 100, "-" * 201 + "xoxstr"),
        ("/" + "a" * 199, "-" + "a" * 199),
        ("/" + "a" * 200, "-" + "a" * 199 + "-b6ymvl"),
        ("/" + "zz~" * 90, "-" + "zz-" * 66 + "z-1akqb3"),
    ],
)
def test_a_projects_directory_is_named_as_claude_code_names_it(workspace, name):
    assert claude.directory_of(workspace) == name


def test_newer_versions_find_a_session_in_other_projects(tmp_path):
    writer, here = ClaudeCodeWriter(), Destination(str(tmp_path), "/somewhere")
    written = writer.write(plain(), here)
    elsewhere = here._replace(workspace="/elsewhere")
    assert writer.find(written.foreign_id, elsewhere._replace(version="2.1.329")) == written.files[0]
    assert writer.find(written.foreign_id, elsewhere._replace(version="2.1.197")) is None


def test_a_link_to_the_workspace_is_the_workspace(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    writer = ClaudeCodeWriter()
    first = writer.write(plain(), Destination(str(tmp_path / "home"), str(tmp_path / "real")))
    assert writer.find(first.foreign_id, Destination(str(tmp_path / "home"), str(tmp_path / "link"))) == first.files[0]


ODD_PARTS = [
    ({"type": "blob", "modality": "image", "mime_type": "image/tiff", "content": PIXEL}, "image", "folded"),
    ({"type": "blob", "modality": "audio", "mime_type": "audio/wav", "content": PIXEL}, "audio", "folded"),
    ({"type": "uri", "modality": "video", "uri": "https://example.com/film"}, "video", "folded"),
    ({"type": "hologram", "depth": 3}, "hologram", "folded"),
    ({"type": "reasoning", "content": "Hm."}, "reasoning", "dropped"),
    ({"type": "text", "content": " \n"}, "text", "dropped"),
]


@pytest.mark.parametrize(("part", "what", "fate"), ODD_PARTS)
@pytest.mark.parametrize("make", [ClaudeCodeWriter, CodexWriter])
def test_what_has_no_place_is_folded_or_dropped_and_counted(make, part, what, fate, tmp_path):
    given = conversation(turn("user", "Hello.", part), turn("assistant", "Yes.", part))
    written = make().write(given, Destination(str(tmp_path), "/w"))
    assert make().validate(written.files[0]) == []
    if make is ClaudeCodeWriter or part.get("mime_type") != "image/tiff":
        assert [(c.what, c.fate, c.number) for c in written.carried] == [(what, fate, 2)]
    else:
        assert [(c.what, c.fate, c.number) for c in written.carried] == [("image", "folded", 1)]  # of the assistant


def test_a_turn_of_which_nothing_is_left_leaves_no_record(tmp_path):
    silent = turn("assistant", {"type": "reasoning", "content": "Hm."})
    given = conversation(turn("user", "Hello."), silent, turn("user", "Still there?"))
    for make in (ClaudeCodeWriter, CodexWriter):
        written = make().write(given, Destination(str(tmp_path), "/w"))
        assert [node for _, node in written.nodes] == ["node-0", "node-2"]
        assert make().validate(written.files[0]) == []
