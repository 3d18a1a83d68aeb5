"""The contract of readers bites: each of its clauses fails on a reader that breaks its promise."""

import inspect
import itertools
from pathlib import Path

import pytest

from segue.core.errors import InvalidEventError
from segue.testing import TranscriptContract
from segue.testing.transcripts import read
from segue.transcripts.claude_code.reader import ClaudeCode

SAMPLE = (Path(__file__).parents[2] / "fixtures/transcripts/claude/headless-plan.jsonl").read_bytes()


class Broken(ClaudeCode):
    """Claude Code's reader, with something done to each batch."""

    def change(self, batch):
        return batch

    def read(self, path, foreign_id, position=None, *, trusted=False):
        for batch in super().read(path, foreign_id, position, trusted=trusted):
            yield self.change(batch)


def each(do):
    """A reader that does something to each draft."""

    class Each(Broken):
        def change(self, batch):
            return batch._replace(drafts=[d for d in map(do, batch.drafts) if d is not None])

    return Each


def _source(draft, **more):
    return draft._replace(source={**draft.source, **more})


class Forgetful(Broken):
    def read(self, path, foreign_id, position=None, *, trusted=False):
        return super().read(path, foreign_id, None, trusted=trusted)


class Brittle(Broken):
    def read(self, path, foreign_id, position=None, *, trusted=False):
        Path(path).read_bytes().decode()
        yield from super().read(path, foreign_id, position, trusted=trusted)


class Silent(Broken):
    def change(self, batch):
        return batch._replace(noted=(), drafts=[d for d in batch.drafts if d.kind != "loss"])


class Greedy(Broken):
    def sniff(self, path, head):
        return True


class Blind(Broken):
    def sniff(self, path, head):
        return False


class Fickle(Broken):
    def identify(self, path, head):
        return str(len(head))


class Universal(Broken):
    """Takes every line end of Unicode for one."""

    def read(self, path, foreign_id, position=None, *, trusted=False):
        file = Path(path)
        file.write_bytes(file.read_bytes().replace("\u2028".encode(), b"\n"))
        yield from super().read(path, foreign_id, position, trusted=trusted)


class Welcoming(Broken):
    def read(self, path, foreign_id, position=None, *, trusted=False):
        return iter(()) if Path(path).is_dir() else super().read(path, foreign_id, position, trusted=trusted)


class Choosy(Broken):
    def change(self, batch):
        known = [d for d in batch.drafts if '"of-next-year"' not in d.source.get("raw", "")]
        return batch._replace(drafts=known)


def _nameless(draft):
    return draft._replace(node=None)


def _keyed_by_line(draft):
    return draft._replace(key=f"{draft.source['line']}", node=f"line {draft.source['line']}")


COUNT = itertools.count()

BROKEN = {
    "the_agents_own_file_is_known": [(Blind, {})],
    "a_strangers_file": [(Greedy, {"head": b"{}\n"})],
    "every_record_is_one_event": [
        (each(lambda d: None if d.kind == "record" else d), {}),
        (each(lambda d: _source(d, raw=d.source["raw"].replace(" ", ""))), {}),
    ],
    "every_event_names_its_source": [(each(lambda d: _source(d, line=0)), {})],
    "every_body_is_what_its_kind_says": [(each(lambda d: d._replace(body={})), {})],
    "every_node_has_a_name": [(each(_nameless), {}), (each(lambda d: d._replace(node="same")), {})],
    "every_record_has_a_key": [(each(lambda d: d._replace(key=None)), {}), (each(lambda d: d._replace(key="same")), {})],
    "identifying_needs_the_beginning": [(Fickle, {})],
    "nothing_new_yields_nothing": [(Forgetful, {})],
    "reading_on_from_any_place": [(Forgetful, {})],
    "reading_line_by_line": [(Forgetful, {})],
    "a_last_line_without_newline": [(Forgetful, {})],
    "a_file_that_was_cut": [(Silent, {})],
    "a_changed_record": [(each(_keyed_by_line), {}), (Silent, {})],
    "a_torn_last_line": [(Silent, {})],
    "a_torn_line_that_was_written_on": [(Silent, {})],
    "garbage_in_the_middle": [(Silent, {"garbage": b"\x80 garbage"}), (Brittle, {"garbage": b"\x80 garbage"})],
    "a_tail_of_nul_bytes": [(Silent, {})],
    "a_missing_record": [(each(lambda d: None if d.kind == "record" and d.source["line"] > 40 else d), {})],
    "line_separators_of_unicode": [(Universal, {})],
    "a_record_that_stands_there_twice": [(each(_keyed_by_line), {})],
    "bytes_that_are_not_utf8": [(Brittle, {}), (Silent, {})],
    "an_empty_file": [(Silent, {})],
    "what_is_nested_too_deep": [(Silent, {"levels": 5_000})],
    "a_line_that_is_too_long": [(Silent, {})],
    "what_is_not_a_file": [(Welcoming, {})],
    "records_of_next_years_version": [(Choosy, {})],
    "blank_lines": [(each(lambda d: d._replace(at=f"{d.source['line']}")), {})],
    "a_byte_order_mark": [(each(lambda d: _source(d, raw=d.source["raw"].removeprefix("\ufeff"))), {})],
    "values_that_json_readers_dispute": [(each(lambda d: None if '"odd":' in d.source["raw"] else d), {"value": "NaN"})],
    "a_position_of_another_program": [(each(lambda d: None if d.source["line"] == 7 and d.kind != "loss" else d), {})],
    "reading_twice": [(each(lambda d: d._replace(key=f"{next(COUNT)}")), {})],
}
CASES = [(clause, reader, more) for clause, readers in BROKEN.items() for reader, more in readers]


@pytest.mark.parametrize(("clause", "reader", "more"), CASES, ids=[f"{clause}-{i}" for i, (clause, _, _) in enumerate(CASES)])
def test_a_clause_fails_on_a_reader_that_breaks_it(clause, reader, more, tmp_path):
    class Suite(TranscriptContract):
        name = "7dcc6b33-a8e7-41fa-a76f-5d0f155f452e.jsonl"
        distinct = 4

        def reader(self):
            return reader()

        def sample(self):
            return SAMPLE

    suite = Suite()
    (method,) = [m for name, m in inspect.getmembers(suite, inspect.ismethod) if name.startswith(f"test_{clause}")][:1]
    file = tmp_path / suite.name
    file.write_bytes(SAMPLE)
    given = {"file": file, "tmp_path": tmp_path, **more}
    if "sound" in inspect.signature(method).parameters:
        whole = clause == "a_position_of_another_program"  # what is compared with must be sound itself
        given["sound"] = read(ClaudeCode() if whole else reader(), file)
    wanted = {name: given[name] for name in inspect.signature(method).parameters}
    with pytest.raises((AssertionError, pytest.fail.Exception, ValueError, InvalidEventError)):
        method(**wanted)


def test_every_clause_is_broken_by_somebody():
    clauses = [name.removeprefix("test_") for name in dir(TranscriptContract) if name.startswith("test_")]
    missing = [c for c in clauses if not any(c.startswith(clause) for clause in BROKEN)]
    assert missing == []
