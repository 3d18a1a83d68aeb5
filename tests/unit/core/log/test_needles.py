"""A text is found in every form in which it may have been written, wherever it begins, and blanked byte by byte."""

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.core.errors import UsageError
from segue.core.log.needles import expression, literal

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=9, max_size=60).filter(lambda t: "\0" not in t)
AROUND = st.binary(max_size=20)


@given(TEXTS, AROUND, AROUND)
def test_a_text_is_found_in_every_form(text, before, after):
    raw = text.encode()
    written = [
        raw,
        json.dumps(text).encode(),
        json.dumps(text, ensure_ascii=False).encode(),
        json.dumps(json.dumps({"key": text})).encode(),
        base64.b64encode(before + raw + after),
        base64.urlsafe_b64encode(before + raw + after),
        base64.b64encode(json.dumps({"key": text}).encode()),
        quote(text).encode(),
        quote(text, safe="").lower().encode() if text.islower() else quote(text, safe="").encode(),
        quote_plus(text).encode(),
        raw.hex().encode(),
        raw.hex().upper().encode(),
        text.encode("utf-16-le"),
    ]
    needle = literal([text])

    for one in written:
        assert needle.is_in(before + one + after), one


@given(TEXTS, AROUND)
def test_what_is_blanked_is_as_long_and_holds_it_no_more(text, around):
    data = around + json.dumps({"a": text, "b": [text]}).encode()

    blanked = literal([text]).blanked(data)

    assert len(blanked) == len(data)
    assert text.encode() not in blanked
    assert json.loads(blanked[len(around) :]).keys() == {"a", "b"}


def test_a_needle_of_several_texts_finds_each():
    needle = literal(["first secret", "second secret"])

    assert [needle.count(data) for data in (b"first secret, second secret", b"second secret", b"secret")] == [2, 1, 0]


@pytest.mark.parametrize("texts", [["abc"], [""], []])
def test_what_is_too_short_is_refused(texts):
    with pytest.raises(UsageError):
        literal(texts)


def test_an_expression_is_looked_for_as_it_is_written():
    needle = expression(r"sk-[a-z0-9]{8,}")

    assert list(needle.spans(b"key sk-abc12345 and sk-no")) == [(4, 15)]


@pytest.mark.parametrize("text", ["(", "a*", ""])
def test_an_expression_that_is_none_or_fits_everything_is_refused(text):
    with pytest.raises(UsageError):
        expression(text)
