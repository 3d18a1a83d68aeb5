"""One record by itself: its times, its names, its JSON."""

import pytest

from segue.transcripts._lines import _whole_characters
from segue.transcripts._parts import title_of
from segue.transcripts._records import later, name_of, parse, short, time_of


@pytest.mark.parametrize(
    ("told", "at"),
    [
        ("2026-01-15T09:30:00Z", "2026-01-15T09:30:00Z"),
        ("2026-01-15T09:30:00.123Z", "2026-01-15T09:30:00.123Z"),
        ("2026-01-15T10:30:00.5+01:00", "2026-01-15T09:30:00.500000Z"),
        ("2026-01-15T09:30:00", "2026-01-15T09:30:00.000000Z"),
        ("2026-01-15 09:30", "2026-01-15T09:30:00.000000Z"),
        (1768469400, "2026-01-15T09:30:00.000000Z"),
        (1768469400.25, "2026-01-15T09:30:00.250000Z"),
        (1768469400250, "2026-01-15T09:30:00.250000Z"),
        (-30_610_224_001, "0999-12-31T23:59:59.000000Z"),
        ("2026-13-15T09:30:00Z", None),
        ("2026-01-15T09:30:60Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
        (10**30, None),
        (-(10**30), None),
        (float("nan"), None),
        (True, None),
        (None, None),
        ([], None),
    ],
)
def test_times_of_every_kind_become_an_events_or_none(told, at):
    assert time_of(told) == at


def test_a_time_with_a_fraction_is_later_than_the_same_without():
    assert later("2026-01-15T09:30:00.5Z", "2026-01-15T09:30:00Z")
    assert not later("2026-01-15T09:30:00Z", "2026-01-15T09:30:00.5Z")
    assert later("2026-01-15T09:30:00Z", "")


@pytest.mark.parametrize(
    ("name", "kept"), [("u1", "u1"), ("", ""), ("a\0", ""), ("\ud800", ""), ("x" * 257, ""), (7, ""), ("é 😀", "é 😀")]
)
def test_a_name_is_sound_text_of_moderate_length(name, kept):
    assert name_of({"id": name}, "id") == kept


def test_a_title_is_the_first_line_that_says_something():
    assert short("\n\n  Build\tit \nnow") == "Build it"
    assert short("x" * 100) == "x" * 79 + "…"
    assert short("") == ""


@pytest.mark.parametrize(
    ("prompt", "title"),
    [
        (
            "<command-message>plan</command-message>\n<command-name>/plan</command-name>\n<command-args>the\nporch</command-args>",
            "/plan the",
        ),
        ("<command-name>/mcp</command-name>\n<command-message>mcp</command-message>\n<command-args></command-args>", "/mcp"),
        ("<command-message>torn", "<command-message>torn"),
        ("why does <command-name>/mcp</command-name> stand here?", "why does <command-name>/mcp</command-name> stand here?"),
    ],
)
def test_the_title_of_a_slash_command_is_the_command(prompt, title):
    assert title_of([{"type": "text", "content": prompt}]) == title


def test_a_whole_record_behind_a_torn_one_is_found_and_a_fragment_is_not():
    def recognise(record):
        return "type" in record

    assert parse(b'{"type":"a","x":"to{"type":"b"}', recognise).record == {"type": "b"}
    assert parse(b'{"type":"a","inner":{"id":1}', recognise).record is None
    assert parse(b'{"type":"a"}{"type":"b"}', recognise).record == {"type": "b"}
    assert parse(b'{"' * 10_000, recognise).record is None


@pytest.mark.parametrize("character", ["a", "é", "€", "😀"])
def test_pieces_end_between_characters(character):
    data = (character * 5).encode()
    width = len(character.encode())
    for end in range(width, len(data) + 1):
        assert _whole_characters(data[:end]) == data[: end - end % width]


def test_pieces_of_what_is_not_text_end_anywhere():
    assert _whole_characters(b"\x80\x80\x80\x80") == b"\x80\x80\x80\x80"
    assert _whole_characters(b"\xff") == b"\xff"
