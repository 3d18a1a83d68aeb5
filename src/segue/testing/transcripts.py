"""The contract of a transcript reader, as tests: the same clauses for every agent.

A reader's test module has a subclass that says how to make one, and gives it a sound transcript of its agent:

    from segue.testing import TranscriptContract

    class TestMyReader(TranscriptContract):
        name = "session.jsonl"
        distinct = 3  # the index of a record that has an id of its own

        def reader(self):
            return MyReader()

        def sample(self):
            return Path("fixtures/mine.jsonl").read_bytes()

The sample is JSON Lines, each record one line that is sound. Damage is done to copies of it. Each clause has been seen failing.
"""

# ruff: noqa: D102  (a clause's name is its sentence)

import json
from base64 import b64decode
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from segue.core.log.events import Draft
from segue.core.log.kinds import is_node, validate
from segue.ports import Noted, TranscriptReader

ID = "00000000-0000-4000-8000-000000000001"
"""The foreign id under which samples are read."""


class Read(NamedTuple):
    """What a reader made of a file."""

    drafts: list[Draft]
    position: dict[str, Any] | None
    facts: dict[str, Any]
    noted: list[Noted]

    @property
    def events(self) -> list[Draft]:
        """The events of records; one that holds several messages has further events, without its bytes."""
        return [d for d in self.drafts if d.kind != "loss" and {"raw", "raw_b64"} & set(d.source or ())]

    @property
    def losses(self) -> list[str]:
        """The reasons of the losses that are events."""
        return [d.body["reason"] for d in self.drafts if d.kind == "loss"]


def read(reader: TranscriptReader, path: Path, position: dict[str, Any] | None = None) -> Read:
    """Read a file to its end, as an import does: its position goes through JSON."""
    drafts: list[Draft] = []
    facts: dict[str, Any] = {}
    noted: list[Noted] = []
    for batch in reader.read(str(path), ID, position):
        drafts += batch.drafts
        facts |= batch.facts
        noted += batch.noted
        if batch.position is not None:
            position = json.loads(json.dumps(batch.position))
    return Read(drafts, position, facts, noted)


def raw(draft: Draft) -> bytes:
    """Return the record's bytes that an event carries."""
    source = draft.source or {}
    return b64decode(source["raw_b64"]) if "raw_b64" in source else source["raw"].encode("utf-8", "surrogatepass")


def said(drafts: Sequence[Draft]) -> list[tuple[Any, ...]]:
    """Return what events say, without what tells at which line they stood: names by line move when lines do."""
    return [(d.kind, d.body, d.actor, d.stream, _fixed(d.node), _fixed(d.parent), d.at, raw(d)) for d in drafts]


def _fixed(name: str | None) -> str | None:
    return "@" if name is not None and name.startswith("@") else name


class TranscriptContract:
    """Every promise of `segue.ports.TranscriptReader`. Subclass it."""

    name = "session.jsonl"
    """What a file of the agent may be called."""
    distinct = 0
    """The index of a record of the sample that has an id of its own, and no other record depends on."""

    def reader(self) -> TranscriptReader:
        """Return a reader."""
        raise NotImplementedError(f"{type(self).__name__}.reader returns the reader that is looked at")

    def sample(self) -> bytes:
        """Return a sound transcript."""
        raise NotImplementedError(f"{type(self).__name__}.sample returns a sound transcript of the agent")

    # --- the sample as it is

    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        """A file that holds the sample."""
        file = tmp_path / self.name
        file.write_bytes(self.sample())
        return file

    @pytest.fixture
    def sound(self, file: Path) -> Read:
        """What the reader makes of the sample."""
        return read(self.reader(), file)

    def lines(self) -> list[bytes]:
        """Return the sample's records."""
        return self.sample().splitlines()

    def test_the_agents_own_file_is_known_by_its_beginning(self, file: Path) -> None:
        assert self.reader().sniff(str(file), file.read_bytes()[:65536])

    @pytest.mark.parametrize(
        "head",
        [
            b"",
            b"\n\n",
            b"\xff\xfe\x00garbage",
            b"{}\n[]\n17\nnull\n",
            b'{"v":1,"seq":1,"id":"x","at":"2026-01-15T09:30:00Z","kind":"message"}\n',
            b'{"name": "package", "version": "1.0.0"}\n',
        ],
    )
    def test_a_strangers_file_is_not_its_own(self, head: bytes) -> None:
        assert not self.reader().sniff("notes.jsonl", head)

    def test_every_record_is_one_event_in_order_with_its_exact_bytes(self, sound: Read) -> None:
        assert [raw(d) for d in sound.drafts] == self.lines()
        assert (sound.losses, sound.noted) == ([], [])

    def test_every_event_names_its_source(self, sound: Read, file: Path) -> None:
        reader = self.reader()
        sources = [d.source or {} for d in sound.drafts]
        assert [(s["agent"], s["file"], s["line"], s["reader"]) for s in sources] == [
            (reader.agent, str(file), i, f"{reader.agent}/{reader.version}") for i in range(1, len(sources) + 1)
        ]
        assert all(s["record"] for s in sources)

    def test_every_body_is_what_its_kind_says(self, sound: Read) -> None:
        for draft in sound.drafts:
            validate(draft.kind, draft.body)

    def test_every_node_has_a_name_of_its_own_in_its_stream(self, sound: Read) -> None:
        names = [(d.stream, d.node) for d in sound.drafts if is_node(d.kind)]
        assert None not in {node for _, node in names}
        assert len(set(names)) == len(names)

    def test_every_record_has_a_key_of_its_own(self, sound: Read) -> None:
        assert len({d.key for d in sound.drafts}) == len(sound.drafts)
        assert None not in {d.key for d in sound.drafts}

    def test_reading_twice_gives_the_same(self, sound: Read, file: Path) -> None:
        assert read(self.reader(), file) == sound

    def test_identifying_needs_the_beginning_alone(self, file: Path) -> None:
        reader, data = self.reader(), self.sample()
        assert reader.identify(str(file), data) == reader.identify(str(file), data[: len(data) // 2])

    # --- reading on

    def test_nothing_new_yields_nothing(self, sound: Read, file: Path) -> None:
        assert list(self.reader().read(str(file), ID, sound.position)) == []

    def test_reading_on_from_any_place_gives_what_reading_at_once_gives(self, sound: Read, file: Path) -> None:
        data = self.sample()
        ends = [i + 1 for i, byte in enumerate(data) if byte == 0x0A]
        cuts = sorted({cut for end in ends for cut in (end - 2, end - 1, end, end + 1, end + 40) if 0 < cut <= len(data)})
        for cut in cuts[:: max(len(cuts) // 60, 1)]:
            file.write_bytes(data[:cut])
            first = read(self.reader(), file)
            file.write_bytes(data)
            second = read(self.reader(), file, first.position)
            assert first.drafts + second.drafts == sound.drafts, f"cut at byte {cut}"
            assert second.position == sound.position

    def test_reading_line_by_line_as_they_are_written_gives_what_reading_at_once_gives(self, sound: Read, file: Path) -> None:
        found: list[Draft] = []
        position = None
        file.write_bytes(b"")
        for line in self.lines():
            with file.open("ab") as out:
                out.write(line + b"\n")
            step = read(self.reader(), file, position)
            found, position = found + step.drafts, step.position
        assert found == sound.drafts

    def test_a_last_line_without_newline_is_read_once_if_it_is_whole(self, sound: Read, file: Path) -> None:
        file.write_bytes(self.sample().rstrip(b"\n"))
        first = read(self.reader(), file)
        file.write_bytes(self.sample().rstrip(b"\n") + b"\n")
        second = read(self.reader(), file, first.position)
        assert first.drafts == sound.drafts
        assert second.drafts == []

    def test_a_file_that_was_cut_is_noted_and_read_again(self, sound: Read, file: Path) -> None:
        file.write_bytes(b"".join(line + b"\n" for line in self.lines()[:3]))
        again = read(self.reader(), file, sound.position)
        assert again.events == sound.drafts[:3]
        assert [reason.split(":")[0] for reason in again.losses] == ["cut short"]

    def test_a_changed_record_is_a_revision_in_its_place(self, sound: Read, file: Path) -> None:
        lines = self.lines()
        record = json.loads(lines[self.distinct])
        record["changed"] = True
        lines[self.distinct] = json.dumps(record).encode()
        file.write_bytes(b"".join(line + b"\n" for line in lines))
        again = read(self.reader(), file, sound.position)
        before, after = sound.drafts[self.distinct], again.events[self.distinct]
        assert (after.stream, after.node) == (before.stream, before.node)
        assert after.key != before.key
        assert [reason.split(":")[0] for reason in again.losses] == ["rewritten"]
        others = [i for i in range(len(lines)) if i != self.distinct]
        assert [again.events[i] for i in others] == [sound.drafts[i] for i in others]

    def test_a_position_of_another_program_is_none(self, sound: Read, file: Path) -> None:
        for position in (
            {},
            {"offset": "x"},
            {"offset": -1, "line": 0, "chain": ""},
            {"offset": 1 << 70, "line": 1, "chain": "x" * 99},
        ):
            again = read(self.reader(), file, position)
            assert again.events == sound.drafts

    # --- damage

    def test_a_torn_last_line_is_noted_and_waited_for(self, sound: Read, file: Path) -> None:
        lines = self.lines()
        file.write_bytes(b"".join(line + b"\n" for line in lines[:-1]) + lines[-1][: len(lines[-1]) // 2])
        torn = read(self.reader(), file)
        assert torn.drafts == sound.drafts[:-1]
        size = len(lines[-1]) // 2
        reason = f"torn last line: {size} bytes without a newline; it is read when it is whole"
        assert torn.noted == [Noted(f"{file}:{len(lines)}", reason)]

    def test_a_torn_line_that_was_written_on_behind_is_a_loss_and_hides_nothing(self, sound: Read, file: Path) -> None:
        lines = self.lines()
        file.write_bytes(b"".join(line + b"\n" for line in [*lines, lines[-1][:20], lines[-1]]))
        found = read(self.reader(), file)
        assert said(found.events)[: len(lines)] == said(sound.drafts)
        assert [raw(d) for d in found.drafts if d.kind == "loss"] == [lines[-1][:20]]
        assert all(reason.startswith("not JSON: ") for reason in found.losses)

    @pytest.mark.parametrize(
        "garbage", [b"\x80\x81 garbage \xff", b"garbage", b"{", b'{"type":', b"[1,2]", b'"text"', b"17", b"null"]
    )
    def test_garbage_in_the_middle_is_a_loss_with_its_bytes_and_hides_nothing(
        self, sound: Read, file: Path, garbage: bytes
    ) -> None:
        lines = self.lines()
        middle = len(lines) // 2
        file.write_bytes(b"".join(line + b"\n" for line in [*lines[:middle], garbage, *lines[middle:]]))
        found = read(self.reader(), file)
        assert said(found.events) == said(sound.drafts)
        losses = [d for d in found.drafts if d.kind == "loss"]
        assert [(d.body["where"], raw(d)) for d in losses] == [(f"{file}:{middle + 1}", garbage)]
        for draft in losses:
            validate(draft.kind, draft.body)

    def test_a_tail_of_nul_bytes_is_noted_and_read_over_when_the_file_goes_on(self, sound: Read, file: Path) -> None:
        lines = self.lines()
        begun = b"".join(line + b"\n" for line in lines[:-1]) + bytes(4096)
        file.write_bytes(begun)
        first = read(self.reader(), file)
        file.write_bytes(begun + lines[-1] + b"\n")
        second = read(self.reader(), file, first.position)
        assert first.drafts == sound.drafts[:-1]
        assert first.noted == [Noted(f"{file}:{len(lines)}", "4096 NUL bytes at the end (disk blocks that were never written)")]
        assert second.events == sound.drafts[-1:]
        assert second.losses == ["4096 NUL bytes (disk blocks that were never written)"]

    def test_a_missing_record_takes_nothing_else_away(self, sound: Read, file: Path) -> None:
        lines = self.lines()
        for gone in range(len(lines)):
            file.write_bytes(b"".join(line + b"\n" for i, line in enumerate(lines) if i != gone))
            found = read(self.reader(), file)
            assert [raw(d) for d in found.events] == [line for i, line in enumerate(lines) if i != gone]

    def test_line_separators_of_unicode_do_not_end_a_line(self, file: Path) -> None:
        lines = [line[:-1] + ',"said":"a\u2028b\u2029c\x85d"}'.encode() for line in self.lines()]
        file.write_bytes(b"".join(line + b"\n" for line in lines))
        found = read(self.reader(), file)
        assert [raw(d) for d in found.drafts] == lines
        assert found.losses == []

    def test_a_record_that_stands_there_twice_is_one_event(self, sound: Read, file: Path) -> None:
        lines = self.lines()
        again = [lines[self.distinct]] * 3
        file.write_bytes(b"".join(line + b"\n" for line in [*lines[: self.distinct + 1], *again, *lines[self.distinct + 1 :]]))
        found = read(self.reader(), file)
        keys = [d.key for d in found.events]
        assert keys.count(sound.drafts[self.distinct].key) == 4
        once = list({d.key: d for d in reversed(found.events)}.values())[::-1]
        assert said(once) == said(sound.drafts)
        assert found.losses == []

    def test_bytes_that_are_not_utf8_are_kept_and_the_record_is_read(self, sound: Read, file: Path) -> None:
        lines = self.lines()
        spoilt = lines[self.distinct][:-1] + b',"said":"caf\xe9"}'
        file.write_bytes(b"".join(line + b"\n" for line in [*lines[: self.distinct], spoilt, *lines[self.distinct + 1 :]]))
        found = read(self.reader(), file)
        assert [raw(d) for d in found.events] == [*lines[: self.distinct], spoilt, *lines[self.distinct + 1 :]]
        assert [reason.split(" ")[:2] for reason in found.losses] == [["not", "UTF-8"]]
        before, after = sound.drafts[self.distinct], found.events[self.distinct]
        assert (after.kind, after.body, after.node) == (before.kind, before.body, before.node)

    def test_an_empty_file_is_noted(self, file: Path) -> None:
        file.write_bytes(b"")
        assert read(self.reader(), file)[::3] == ([], [Noted(str(file), "empty file")])

    def test_blank_lines_are_nothing(self, sound: Read, file: Path) -> None:
        file.write_bytes(b"\n \n" + b"\n\n".join(self.lines()) + b"\n\n\t\n")
        found = read(self.reader(), file)
        assert (said(found.drafts), found.noted) == (said(sound.drafts), [])

    def test_a_byte_order_mark_and_line_ends_of_windows_change_nothing_that_is_said(self, sound: Read, file: Path) -> None:
        file.write_bytes(b"\xef\xbb\xbf" + b"".join(line + b"\r\n" for line in self.lines()))
        found = read(self.reader(), file)
        assert [s[:-1] for s in said(found.drafts)] == [s[:-1] for s in said(sound.drafts)]
        assert [raw(d) for d in found.drafts] == [b"\xef\xbb\xbf" + self.lines()[0], *self.lines()[1:]]

    @pytest.mark.parametrize(
        "value",
        [
            '"\\ud800 alone \\udfff"',
            "1" * 5000,
            "-" + "9" * 400,
            "NaN",
            "-Infinity",
            "1e999",
            '"a\tb"',
            '"\\u0000"',
            "[" * 50 + "]" * 50,
        ],
        ids=["surrogates", "digits", "integer", "nan", "infinity", "float", "control", "nul", "nested"],
    )
    def test_values_that_json_readers_dispute_are_read(self, sound: Read, file: Path, value: str) -> None:
        lines = self.lines()
        odd = lines[self.distinct][:-1] + f',"odd":{value}}}'.encode()
        file.write_bytes(b"".join(line + b"\n" for line in [*lines[: self.distinct], odd, *lines[self.distinct + 1 :]]))
        found = read(self.reader(), file)
        assert [raw(d) for d in found.drafts] == [*lines[: self.distinct], odd, *lines[self.distinct + 1 :]]
        assert said(found.drafts)[self.distinct][:-1] == said(sound.drafts)[self.distinct][:-1]
        assert found.losses == []

    @pytest.mark.parametrize("levels", [101, 5_000, 200_000])
    def test_what_is_nested_too_deep_is_kept_as_a_loss(self, sound: Read, file: Path, levels: int) -> None:
        deep = b'{"deep":' + b'{"a":[' * (levels // 2) + b"]}" * (levels // 2) + b"}"
        lines = self.lines()
        file.write_bytes(b"".join(line + b"\n" for line in [*lines, deep]))
        found = read(self.reader(), file)
        assert found.drafts[: len(lines)] == sound.drafts
        assert [(d.kind, raw(d)) for d in found.drafts[len(lines) :]] == [("loss", deep)]
        assert found.losses == ["nested deeper than 100 levels"]

    def test_a_line_that_is_too_long_is_kept_in_pieces(self, sound: Read, file: Path) -> None:
        lines = self.lines()
        giant = b'{"said":"' + "€".encode() * 6_000_000 + b'"}'
        file.write_bytes(b"".join(line + b"\n" for line in [*lines[:3], giant, *lines[3:]]))
        found = read(self.reader(), file)
        pieces = [d for d in found.drafts if d.kind == "loss"]
        assert b"".join(raw(d) for d in pieces) == giant
        assert [d.body["piece"] for d in pieces] == list(range(1, len(pieces) + 1))
        assert said(found.events) == said(sound.drafts)

    def test_what_is_not_a_file_is_an_error_of_the_system(self, tmp_path: Path) -> None:
        with pytest.raises(OSError, match=r"Is a directory|not a regular file"):
            read(self.reader(), tmp_path)
        with pytest.raises(FileNotFoundError):
            read(self.reader(), tmp_path / "gone.jsonl")

    # --- what may come

    def test_records_of_next_years_version_are_kept_as_they_are(self, sound: Read, file: Path) -> None:
        new = [self.strange(json.loads(line)) for line in self.lines()]
        lines = [json.dumps(record).encode() for record in new]
        file.write_bytes(b"".join(line + b"\n" for line in lines))
        found = read(self.reader(), file)
        assert [(d.kind, raw(d)) for d in found.drafts] == [("record", line) for line in lines]
        assert [(d.stream, d.node) for d in found.drafts if d.kind != "usage"] == [
            (d.stream, d.node) if is_node(d.kind) else (d.stream, n.node) for d, n in zip(sound.drafts, found.drafts, strict=True)
        ]

    def strange(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return *record* with a type that nobody knows."""
        return {**record, "type": "of-next-year", "role": "of-next-year"}
