"""A note's text with one thing changed, and nothing else."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from segue.core.library.editing import appended, changed, made, scalar, split

NOTE = """\ufeff---\r
# mine\r
title: 'Old'   # why\r
tags:\r
  - a\r
- b\r
odd: {x: 1}\r
---\r
# Old\r
\r
text\r
"""


def test_a_key_is_replaced_with_its_list_and_all_else_stays_byte_for_byte():
    assert changed(NOTE, {"tags": ["b", "c: d"]}) == NOTE.replace("  - a\r\n- b\r\n", '  - b\r\n  - "c: d"\r\n')
    assert changed(NOTE, {"title": "New one"}) == NOTE.replace("title: 'Old'   # why", "title: New one")
    assert changed(NOTE, {"odd": None, "status": "draft"}) == NOTE.replace("odd: {x: 1}\r\n", "status: draft\r\n")
    assert changed(NOTE, {}, "new\nbody\n") == NOTE.replace("# Old\r\n\r\ntext\r\n", "new\r\nbody\r\n")
    assert changed(NOTE, {}) == NOTE


def test_a_note_without_front_matter_gets_one():
    assert changed("# Pears\n", {"status": "draft"}) == "---\nstatus: draft\n---\n# Pears\n"
    assert made({"id": "PLAY-001", "tags": []}, "") == "---\nid: PLAY-001\ntags: []\n---\n"


@pytest.mark.parametrize(
    "text", ["---\nnever: ends\n", "---\n" + "x: y\n" * 20_000 + "---\n", "----\nno: mark\n---\n", "", "---"]
)
def test_what_does_not_close_is_no_front_matter(text):
    parts = split(text)
    assert (parts.front, parts.body) == (None, text)


@settings(max_examples=40)
@given(st.text(alphabet="aZ09-: #'\"\\[]{}|>\n\r\t\u2028\u0085\ufeffé🙂,&*!%@`~?.", max_size=30))
def test_a_file_is_its_parts_joined_and_a_scalar_is_read_back_as_it_was(text):
    document = f"---\nx: {scalar(text)}\n---\n{text}"
    parts = split(document)
    assert f"{parts.begin}{parts.front}{parts.end}{parts.body}" == document
    if text.isprintable():
        assert yaml.safe_load(f"x: {scalar(text)}")["x"] == text


def test_a_paragraph_is_put_behind_the_text_with_one_empty_line_between():
    assert [appended(body, "new\n", "\n") for body in ("", "a", "a\n", "a\n\n")] == [
        "new\n",
        "a\n\nnew\n",
        "a\n\nnew\n",
        "a\n\nnew\n",
    ]
