"""Text for people: what others wrote is shown, not obeyed, and JSON data becomes YAML that reads back the same."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from segue.cli.render import ago, around, json_text, line, safe, span, style, table
from segue.cli.yaml import dump

STEERING = [*range(9), *range(11, 32), *range(0x7F, 0xA0), 0x061C, 0x200E, 0x200F, 0x2028, *range(0x202A, 0x202F), 0xFEFF, 0xD800]
STEERING += [0xAD, 0x200B, 0x2066, 0x2069, 0xFFF9, 0xE0041]

data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize("colour", [True, False])
def test_no_character_that_steers_a_terminal_gets_through(colour):
    text = safe("".join(map(chr, STEERING)) + "\n\tpears", colour=colour)
    assert {ord(c) for c in text} & set(STEERING) == set()
    assert text.endswith("\n\tpears")


@pytest.mark.parametrize("compact", [True, False])
def test_json_has_no_such_character_either_and_reads_back_the_same(compact):
    document = {"".join(map(chr, STEERING)): ["naïve 读 👩\u200d💻", *map(chr, STEERING)]}
    text = json_text(document, compact=compact)
    assert {ord(c) for c in text} & {*STEERING} == set()
    assert "naïve 读 👩\u200d💻" in text
    assert json.loads(text) == document


def test_yaml_has_no_such_character_and_reads_back_the_same():
    odd = [chr(c) for c in STEERING if c != 0xD800]  # a lone surrogate is no character of YAML's
    document = {"steering": odd, "lines": [f"one{c}\ntwo\n" for c in odd], "kept": "naïve 读 👩\u200d💻"}
    text = dump(document)
    assert {ord(c) for c in text} & {*STEERING} == set()
    assert yaml.safe_load(text) == document


def test_a_style_is_a_colour_only_where_colours_are_wanted_and_its_text_is_made_safe_as_well():
    assert safe(style("red", "a\x1b[2Jb"), colour=True) == "\x1b[31ma\\x1b[2Jb\x1b[0m"
    assert safe(style("red", "a\x1b[2Jb")) == "a\\x1b[2Jb"


@given(st.text(), st.integers(1, 60))
def test_a_line_is_one_line_and_not_too_long(text, width):
    found = line(text, width)
    assert len(found) <= width
    assert "\n" not in found


def test_a_table_is_as_wide_as_its_content():
    assert safe(table([("a", "bbb"), ("aaaa", "b" * 40)], ("x", "y"), 24)) == f"x     y\na     bbb\naaaa  {'b' * 17}…\n"
    assert table([], ("x",), 80) == ""


def test_a_snippet_on_a_narrow_line_has_its_first_hit():
    assert around("a [hit] and more", 12) == "a [hit] and…"
    assert around("x" * 30 + " [hit] " + "y" * 30, 20) == "…xxxxx [hit] yyyyyy…"
    assert around("x" * 30 + f" [{'hit' * 20}] y", 20) == "…[hithithithithithi…"
    assert around("nothing in it, however long", 10) == "nothing i…"
    assert around("", 10) == ""


def test_a_table_without_room_for_its_last_column_leaves_out_what_is_dispensable_the_first_first():
    rows, names = [("name", "12", "agent", "a story of pears again")], ("who", "n", "by", "about")
    assert safe(table(rows, names, 29, ("n", "by"))) == "who   n   by     about\nname  12  agent  a story of …\n"
    assert safe(table(rows, names, 28, ("n", "by"))) == "who   by     about\nname  agent  a story of pea…\n"
    assert safe(table(rows, names, 10, ("n", "by"))) == "who   about\nname  a story of …\n"


def test_times_are_told_in_their_largest_unit():
    assert [ago(s) for s in (-5, 3, 65, 3700, 90_000)] == ["in the future", "just now", "1 min ago", "1 h ago", "1 d ago"]
    assert [span(s) for s in (3, 65, 3700)] == ["3 s", "1 min", "1 h 01 min"]


@given(data)
def test_yaml_reads_back_as_the_same_data(value):
    text = dump(value)
    read = yaml.safe_load(text)
    assert json.dumps(read, sort_keys=True) == json.dumps(value, sort_keys=True)


@pytest.mark.parametrize(
    "text",
    ["", " ", "yes", "No", "null", "~", "1", "1e5", "0x1f", "1:30", "2026-01-15", "- a", "a: b", "a #b", "#", "&a", "*a", "!a", "%", "@", "`",
     "a\nb", "a\nb\n", "a\n\nb\n\n\n", "\na", " a\nb", "a\r\nb", "\t", "a\tb\nc", "---", "...", "\u2028", "\ufeff", "'", '"', "\\", "ä", "\U0001f350",
     "=", "<<", "? a", "| a", "> a", "[a]", "{a}", ",", "a:", ":a", "-", "?"],
)  # fmt: skip
def test_every_text_survives_yaml(text):
    assert yaml.safe_load(dump({"k": text, text: [text, {text: text}]})) == {"k": text, text: [text, {text: text}]}
