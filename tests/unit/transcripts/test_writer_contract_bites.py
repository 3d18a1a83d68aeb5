"""The contract of writers bites: each of its clauses fails on a writer that breaks its promise."""

import inspect
import os
from pathlib import Path

import pytest

from segue.ports import Destination, Noted
from segue.testing import WriterContract
from segue.transcripts.claude_code.reader import ClaudeCode
from segue.transcripts.claude_code.writer import ClaudeCodeWriter


class Broken(ClaudeCodeWriter):
    """Claude Code's writer, with something done to what it writes."""

    def turns(self, turns):
        return turns

    def bytes(self, data):
        return data

    def written(self, written):
        return written

    def write(self, conversation, to):
        made = super().write(conversation._replace(turns=tuple(self.turns(conversation.turns))), to)
        path = Path(made.files[0])
        data = path.read_bytes()
        if (changed := self.bytes(data)) != data:
            path.write_bytes(changed)
        return self.written(made)


class Forgetful(Broken):
    def turns(self, turns):
        return [t for t in turns if t.role != "tool"]


class Brief(Broken):
    def turns(self, turns):
        for t in turns:
            yield t._replace(parts=tuple({**p, "content": p["content"][:9]} if p["type"] == "text" else p for p in t.parts))


class Proud(Broken):
    """Keeps to itself what was put in."""

    def turns(self, turns):
        return [t for t in turns if not t.meta]


class Cleaning(Broken):
    """Takes out what it cannot print."""

    def turns(self, turns):
        for t in turns:
            yield t._replace(parts=tuple(self.clean(p) for p in t.parts))

    def clean(self, part):
        if part["type"] != "text":
            return part
        return {**part, "content": "".join(c for c in part["content"] if c.isprintable() or c == "\n")}


class Imageless(Broken):
    def turns(self, turns):
        for t in turns:
            yield t._replace(parts=tuple(p for p in t.parts if p["type"] != "blob"))


class Torn(Broken):
    def bytes(self, data):
        return data[:-20]


class Content(Broken):
    """Has nothing against anything."""

    def validate(self, path):
        return []


class Fussy(Broken):
    def validate(self, path):
        return [Noted(path, "I do not like it")]


class Nodeless(Broken):
    def written(self, written):
        return written._replace(nodes=())


class Misnaming(Broken):
    def written(self, written):
        return written._replace(nodes=tuple((f"not-{record}", node) for record, node in written.nodes))


class Crediting(Broken):
    def written(self, written):
        return written._replace(nodes=(*written.nodes, ("x", "")))


class Random(Broken):
    def bytes(self, data):
        return data.replace(b'"userType"', b'"salt":"%s","userType"' % os.urandom(8).hex().encode())


class Fixed(Broken):
    def written(self, written):
        return written._replace(foreign_id="00000000-0000-4000-8000-000000000001")


class Lost(Broken):
    def find(self, foreign_id, to):
        return None


class Sure(Broken):
    def find(self, foreign_id, to):
        return str(Path(to.home, foreign_id))


class Interactive(Broken):
    def command(self, foreign_id, to):
        return ("claude", "--continue")


class Homeless(Broken):
    def home(self, env):
        return "/var/lib/agent"


class Careless(Broken):
    def written(self, written):
        return written._replace(warnings=())


class Alarmed(Broken):
    def written(self, written):
        return written._replace(warnings=("something",))


class Nameless(Broken):
    def bytes(self, data):
        return data.replace(b"0197a000-0000-7000-8000-000000000001", b"")


class Rewriting(Broken):
    """Makes its file anew each time."""

    def write(self, conversation, to):
        path = self.find(super().write(conversation, to._replace(home=to.home + ".aside")).foreign_id, to)
        if path is not None:
            Path(path).unlink()
        return super().write(conversation, to)


class Open(Broken):
    def written(self, written):
        Path(written.files[0]).chmod(0o644)
        return written


class Wide(Broken):
    def written(self, written):
        Path(written.files[0]).parent.chmod(0o755)
        return written


class Greedy(Broken):
    """Clears the directory first."""

    def write(self, conversation, to):
        for path in Path(to.home).rglob("*.jsonl"):
            path.unlink()
        return super().write(conversation, to)


class Littering(Broken):
    def written(self, written):
        Path(written.files[0]).with_suffix(".tmp").write_bytes(b"")
        return written


class Hasty(Broken):
    """Syncs nothing."""

    def write(self, conversation, to):
        kept, os.fsync = os.fsync, lambda _: None
        try:
            return super().write(conversation, to)
        finally:
            os.fsync = kept


class Forcing(Broken):
    """Makes room for its directory."""

    def write(self, conversation, to):
        if Path(to.home).is_file():
            Path(to.home).unlink()
        return super().write(conversation, to)


BROKEN = {
    "every_turn_is_there": [(Forgetful, {}), (Brief, {})],
    "the_agents_loader_has_nothing": [(Torn, {}), (Fussy, {})],
    "what_was_put_in_or_stands": [(Proud, {})],
    "odd_text_survives": [(Cleaning, {"index": 0})],
    "a_text_of_megabytes": [(Brief, {})],
    "any_conversation_is_read_back": [(Cleaning, {})],
    "an_image_that_is_accepted": [(Imageless, {})],
    "each_turn_says_which_record": [(Nodeless, {}), (Misnaming, {})],
    "what_was_put_in_is_no_node": [(Crediting, {})],
    "the_same_conversation_is_the_same": [(Random, {})],
    "another_position_is_another": [(Fixed, {})],
    "it_is_found_by_its_id": [(Lost, {}), (Sure, {}), (Interactive, {})],
    "the_agents_directory": [(Homeless, {})],
    "a_version_that_is_not_known": [(Careless, {}), (Alarmed, {})],
    "it_says_which_session": [(Nameless, {})],
    "writing_again_changes_nothing": [(Rewriting, {})],
    "what_the_agent_went_on_with": [(Rewriting, {})],
    "files_are_their_users_alone": [(Open, {}), (Wide, {})],
    "files_that_were_there": [(Greedy, {}), (Littering, {})],
    "a_disk_that_does_not_confirm": [(Hasty, {})],
    "a_place_that_cannot_be_written": [(Forcing, {})],
    "a_torn_transcript": [(Content, {})],
    "an_empty_transcript": [(Content, {})],
}
CASES = [(clause, writer, more) for clause, writers in BROKEN.items() for writer, more in writers]


@pytest.mark.parametrize(("clause", "writer", "more"), CASES, ids=[f"{clause}-{w.__name__}" for clause, w, _ in CASES])
def test_a_clause_fails_on_a_writer_that_breaks_it(clause, writer, more, tmp_path, tmp_path_factory, monkeypatch):
    class Suite(WriterContract):
        def writer(self):
            return writer()

        def reader(self):
            return ClaudeCode()

    suite = Suite()
    (method,) = [m for name, m in inspect.getmembers(suite, inspect.ismethod) if name.startswith(f"test_{clause}")]
    workspace = tmp_path / "project"
    workspace.mkdir()
    given = {
        "to": Destination(str(tmp_path / "home" / ".agent"), str(workspace)),
        "tmp_path": tmp_path,
        "tmp_path_factory": tmp_path_factory,
        "monkeypatch": monkeypatch,
        **more,
    }
    wanted = {name: given[name] for name in inspect.signature(method).parameters if name in given}
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        method(**wanted)


def test_every_clause_is_broken_by_somebody():
    clauses = [name.removeprefix("test_") for name in dir(WriterContract) if name.startswith("test_")]
    missing = [c for c in clauses if not any(c.startswith(clause) for clause in BROKEN)]
    assert missing == []
