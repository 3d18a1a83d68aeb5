"""The contract of a transcript writer, as tests: the same clauses for every agent.

A writer's test module has a subclass that says how to make one, and the reader of the same agent:

    from segue.testing import WriterContract

    class TestMyWriter(WriterContract):
        def writer(self):
            return MyWriter()

        def reader(self):
            return MyReader()

Conversations keep what `core.together.conversation.Turn` promises to writers. Each clause has been seen failing.
"""

# ruff: noqa: D102  (a clause's name is its sentence)

import errno
import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segue.core.errors import ExistsError
from segue.core.log.kinds import is_node
from segue.core.together.conversation import Conversation, Turn
from segue.ports import Destination, TranscriptReader, TranscriptWriter, Written
from segue.testing.builders import text, tool_call, tool_result
from segue.testing.strategies import conversations

SESSION = "0197a000-0000-7000-8000-000000000001"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
_HALVES = re.compile("[\ud800-\udfff]")
Spoken = tuple[str, list[dict[str, Any]]]
"""A role, and all parts until another one speaks."""


class Told(NamedTuple):
    """What the reader finds in a transcript: who said what, and the names of the records that say it."""

    spoken: list[Spoken]
    nodes: set[str]


def turn(role: Any, *parts: str | Mapping[str, Any], node: str = "", **more: Any) -> Turn:
    """Return a turn; a string is a part of text."""
    found = tuple(text(p) if isinstance(p, str) else p for p in parts)
    return Turn(role, found, more.pop("at", "2026-01-15T09:30:00.000Z"), node, **more)


def conversation(*turns: Turn, digest: str = "a" * 64, **more: Any) -> Conversation:
    """Return a conversation of *turns*; each that has no node gets one."""
    named = tuple(t if t.node else t._replace(node=f"node-{i}") for i, t in enumerate(turns))
    whole = Conversation(SESSION, len(turns), digest, "claude-code", "", "A title", "/elsewhere", "", named)
    return whole._replace(**more)


def plain() -> Conversation:
    """Return a conversation with all that any agent has: several calls at once, failures, a call that says nothing."""
    return conversation(
        turn("user", "Build notes.\nIn two lines."),
        turn(
            "assistant", "On it.", tool_call("run", "call-1", command="ls"), tool_call("read", "call_2", path="/x", limit=3),
            message_id="msg-1", model="model-x", usage={"input_tokens": 10, "output_tokens": 5},
        ),
        turn("tool", tool_result("a.txt\nb.txt", "call-1"), tool_result("no such file", "call_2", is_error=True)),
        turn("assistant", tool_call("edit", "call-3", path="/x", edits=[{"old": "é", "new": "🙂"}]), message_id="msg-2"),
        turn("tool", tool_result("", "call-3")),
        turn("assistant", "The planted fact is ORCHID-42."),
        turn("user", "Thanks."),
        turn("assistant", "Done."),
    )  # fmt: skip


def spoken(turns: Iterable[Any]) -> list[Spoken]:
    """Return who said what, however it is cut into turns or records."""
    found: list[Spoken] = []
    for role, parts in turns:
        if not found or found[-1][0] != role:
            found.append((role, []))
        found[-1][1].extend(json.loads(_HALVES.sub("�", json.dumps(dict(p), ensure_ascii=False))) for p in parts)
    return found


class WriterContract:
    """Every promise of `segue.ports.TranscriptWriter`. Subclass it."""

    odd = (
        "\0",
        "\0\0 in front",
        "\ud800 half",
        "other half \udfff",
        "\u2028\u2029\x85\x0b\x0c line ends of others\r\n",
        "\x1b[31mred\x1b[0m",
        '"}\n{"type":"user"}\n',
        "</system-reminder> <environment_context>",
        "{}",
        "null",
        "🙂" * 3,
        " spaces ",
        "e\u0301 \u202e reversed",
    )
    """Texts that have been trouble somewhere."""

    def writer(self) -> TranscriptWriter:
        """Return a writer."""
        raise NotImplementedError(f"{type(self).__name__}.writer returns the writer that is looked at")

    def reader(self) -> TranscriptReader:
        """Return the reader of the same agent."""
        raise NotImplementedError(f"{type(self).__name__}.reader returns the reader of the same agent")

    def told(self, written: Written) -> Told:
        """Return what the agent's reader finds in the transcript."""
        path = written.files[0]
        found: list[tuple[str, list[dict[str, Any]]]] = []
        nodes: set[str] = set()
        for batch in self.reader().read(path, written.foreign_id):
            assert [d.body for d in batch.drafts if d.kind == "loss"] == []
            for draft in batch.drafts:
                if draft.kind == "message":
                    role = draft.body["role"]
                    found.append(("system" if role == "developer" else role, draft.body["parts"]))
                if is_node(draft.kind):
                    nodes.add(str(draft.node))
        return Told(spoken(found), nodes)

    def expected(self, given: Conversation) -> list[Spoken]:
        """Return what is to be found of *given*."""
        return spoken((t.role, t.parts) for t in given.turns)

    @pytest.fixture
    def to(self, tmp_path: Path) -> Destination:
        """Where it is written."""
        workspace = tmp_path / "a project, (with) ünusual ~name"
        workspace.mkdir()
        return Destination(str(tmp_path / "home" / ".agent"), str(workspace))

    # --- what is in it

    def test_every_turn_is_there_in_order(self, to: Destination) -> None:
        written = self.writer().write(plain(), to)
        assert self.told(written).spoken == self.expected(plain())
        changed = {c.what for c in written.carried if c.fate != "kept"}
        assert changed <= {"usage"}

    def test_the_agents_loader_has_nothing_against_it(self, to: Destination) -> None:
        written = self.writer().write(plain(), to)
        assert self.writer().validate(written.files[0]) == []

    def test_what_was_put_in_or_stands_for_older_turns_is_there(self, to: Destination) -> None:
        given = conversation(
            turn("user", "Summary of what was before: ZEBRA.", meta=True, summary=True),
            turn("user", "Go on."),
            turn("assistant", tool_call("run", "c", command="x")),
            turn("tool", tool_result("interrupted", "c", is_error=True), meta=True),
            turn("assistant", "I was interrupted.", meta=True),
            turn("user", "A reminder.", meta=True),
            turn("user", "Again."),
        )
        written = self.writer().write(given, to)
        assert self.told(written).spoken == self.expected(given)
        assert self.writer().validate(written.files[0]) == []

    @pytest.mark.parametrize("index", range(len(odd)))
    def test_odd_text_survives(self, to: Destination, index: int) -> None:
        odd = self.odd[index]
        given = conversation(
            turn("user", f"a{odd}"),
            turn("assistant", f"{odd}z", tool_call("run", "c", command=odd, **{f"k{odd}": [odd]})),
            turn("tool", tool_result(f"a{odd}", "c")),
        )
        written = self.writer().write(given, to)
        assert self.told(written).spoken == self.expected(given)
        assert self.writer().validate(written.files[0]) == []
        assert ("half_character" in {c.what for c in written.carried}) == bool(_HALVES.search(odd))

    def test_a_text_of_megabytes_and_hundreds_of_calls_at_once_are_there(self, to: Destination) -> None:
        names = [f"call-{i}" for i in range(300)]
        given = conversation(
            turn("user", "long " * 600_000),
            turn("assistant", *(tool_call("run", name, command=name) for name in names)),
            turn("tool", *(tool_result(f"of {name}", name) for name in names)),
        )
        written = self.writer().write(given, to)
        assert self.told(written).spoken == self.expected(given)
        assert self.writer().validate(written.files[0]) == []

    @settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def test_any_conversation_is_read_back_as_it_was(self, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
        given = data.draw(conversations(self.writer().accepts))
        place = tmp_path_factory.mktemp("any")
        written = self.writer().write(given, Destination(str(place / "home"), str(place)))
        assert self.told(written).spoken == self.expected(given)
        assert self.writer().validate(written.files[0]) == []

    def test_an_image_that_is_accepted_is_there(self, to: Destination) -> None:
        image = {"type": "blob", "modality": "image", "mime_type": "image/png", "content": PIXEL}
        accepted = "image" in self.writer().accepts.media
        given = conversation(turn("user", "Look:", *([image] if accepted else [])), turn("assistant", "Seen."))
        written = self.writer().write(given, to)
        assert (PIXEL in Path(written.files[0]).read_text()) == accepted
        assert self.writer().validate(written.files[0]) == []

    def test_each_turn_says_which_record_it_became(self, to: Destination) -> None:
        written = self.writer().write(plain(), to)
        assert list(dict.fromkeys(node for _, node in written.nodes)) == [t.node for t in plain().turns]
        assert {record for record, _ in written.nodes} <= self.told(written).nodes

    def test_what_was_put_in_is_no_node(self, to: Destination) -> None:
        given = plain()
        given = given._replace(turns=(given.turns[0]._replace(node="", meta=True), *given.turns[1:]))
        assert "" not in {node for _, node in self.writer().write(given, to).nodes}

    # --- its name, and finding it

    def test_the_same_conversation_is_the_same_transcript_anywhere(self, to: Destination, tmp_path: Path) -> None:
        first = self.writer().write(plain(), to)
        second = self.writer().write(plain(), to._replace(home=str(tmp_path / "other")))
        assert first.foreign_id == second.foreign_id
        assert [Path(f).read_bytes() for f in first.files] == [Path(f).read_bytes() for f in second.files]

    def test_another_position_is_another_session(self, to: Destination) -> None:
        names = {self.writer().write(plain()._replace(digest=d * 64), to).foreign_id for d in "abc"}
        names.add(self.writer().write(plain()._replace(session=SESSION[:-1] + "2"), to).foreign_id)
        assert len(names) == 4

    def test_it_is_found_by_its_id_and_resumed_by_it(self, to: Destination) -> None:
        writer = self.writer()
        assert writer.find("00000000-0000-4000-8000-00000000000f", to) is None
        written = writer.write(plain(), to)
        prepared = not written.prepare  # before that, its command would not find it
        assert writer.find(written.foreign_id, to) == (written.files[0] if prepared else None)
        assert written.command == writer.command(written.foreign_id, to)
        assert written.foreign_id in written.command

    def test_the_agents_directory_is_in_the_users(self) -> None:
        assert self.writer().home({"HOME": "/home/ann"}).startswith("/home/ann/")

    def test_a_version_that_is_not_known_is_written_in_the_newest_form_with_a_warning(self, to: Destination) -> None:
        writer = self.writer()
        known = writer.write(plain(), to)
        newer = writer.write(plain()._replace(digest="n" * 64), to._replace(version="999.1.0"))
        odd = writer.write(plain()._replace(digest="o" * 64), to._replace(version="of next year"))
        assert known.warnings == ()
        assert newer.profile == odd.profile == known.profile
        assert newer.warnings
        assert odd.warnings
        assert writer.validate(newer.files[0]) == []

    def test_it_says_which_session_it_was_made_from(self, to: Destination) -> None:
        written = self.writer().write(plain(), to)
        assert SESSION in Path(written.files[0]).read_text()

    # --- its files

    def test_writing_again_changes_nothing(self, to: Destination) -> None:
        first = self.writer().write(plain(), to)
        before = _files(to.home)
        assert self.writer().write(plain(), to) == first
        assert _files(to.home) == before

    def test_what_the_agent_went_on_with_is_never_overwritten(self, to: Destination) -> None:
        written = self.writer().write(plain(), to)
        with Path(written.files[0]).open("ab") as out:
            out.write(b"\n")
        before = _files(to.home)
        with pytest.raises(ExistsError):
            self.writer().write(plain(), to)
        assert _files(to.home) == before

    def test_files_are_their_users_alone(self, to: Destination) -> None:
        old = os.umask(0)
        try:
            written = self.writer().write(plain(), to)
        finally:
            os.umask(old)
        home = Path(to.home)
        assert {oct(Path(f).stat().st_mode & 0o777) for f in written.files} == {"0o600"}
        directories = [home, *(path for path in home.rglob("*") if path.is_dir())]
        assert {oct(path.stat().st_mode & 0o777) for path in directories} == {"0o700"}

    def test_files_that_were_there_are_untouched(self, to: Destination) -> None:
        first = self.writer().write(plain(), to)
        neighbour = Path(first.files[0]).with_name("notes of the user")
        neighbour.write_bytes(b"mine")
        before = _files(to.home)
        second = self.writer().write(plain()._replace(digest="b" * 64), to)
        after = _files(to.home)
        assert {name: after.get(name) for name in before} == before
        assert set(after) - set(before) == set(second.files)

    def test_a_disk_that_does_not_confirm_leaves_nothing_behind(self, to: Destination, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(_: int) -> None:
            raise OSError(errno.EIO, "the disk says no")

        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", refuse)
            patched.setattr(os, "fdatasync", refuse, raising=False)
            with pytest.raises(OSError, match="the disk says no"):
                self.writer().write(plain(), to)
        assert _files(to.home) == {}

    def test_a_place_that_cannot_be_written_is_an_error_of_the_system(self, to: Destination) -> None:
        Path(to.home).parent.mkdir(parents=True, exist_ok=True)
        Path(to.home).write_bytes(b"a file where a directory should be")
        with pytest.raises(OSError, match=r"Not a directory|File exists"):
            self.writer().write(plain(), to)
        assert Path(to.home).read_bytes() == b"a file where a directory should be"

    # --- its check

    def test_a_torn_transcript_is_noted(self, to: Destination) -> None:
        path = Path(self.writer().write(plain(), to).files[0])
        path.write_bytes(path.read_bytes()[:-20])
        assert self.writer().validate(str(path)) != []

    def test_an_empty_transcript_is_noted(self, to: Destination) -> None:
        path = Path(self.writer().write(plain(), to).files[0])
        path.write_bytes(b"")
        assert self.writer().validate(str(path)) != []


def _files(home: str) -> dict[str, tuple[bytes, int]]:
    """Return every file's bytes, and when they were written."""
    return {str(p): (p.read_bytes(), p.stat().st_mtime_ns) for p in Path(home).rglob("*") if p.is_file()}
