"""Values with their long texts beside them: what was packed comes out, and nothing else is taken for it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from segue.core.log.texts import pack, unpack
from segue.testing.strategies import texts, values

LONG = st.builds(lambda text, times: text * times, texts.filter(bool), st.integers(49, 60))


@given(st.lists(values | LONG | st.fixed_dictionaries({"said": LONG, "of": values}), max_size=4))
@example(["é" * 49, "\ud800" * 60, "NaN", "NaN " * 20, {"NaN": "x" * 100}])
@example([{"x" * 100: "x" * 100}])
def test_what_was_packed_comes_out(value):
    assert unpack(pack(value)) == value


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], {"a": -float("inf")}, {"a": object()}])
def test_what_is_no_json_is_refused(value):
    with pytest.raises((ValueError, TypeError)):
        pack(value)


PACKED = pack(["a" * 60, {"b": "ü" * 60}, 1])


@pytest.mark.parametrize("end", range(len(PACKED)))
def test_what_was_cut_short_is_none(end):
    with pytest.raises(ValueError, match=r".+"):
        unpack(PACKED[:end])


WRONG = {
    "JSON": b'{"seq": 1, "texts": []}',
    "more": PACKED + b"x",
    "a text that nothing names": PACKED.replace(b"NaN", b"123", 1),
    "a text that is not there": PACKED.replace(b"1]", b"NaN]").replace(b'"b"', b'""', 1),
    "numbers beyond all": b"\xff" * 16 + PACKED[16:],
    "another number": PACKED[:7] + b"\3" + PACKED[8:],
}


@pytest.mark.parametrize("data", WRONG.values(), ids=WRONG)
def test_what_was_not_packed_is_none(data):
    with pytest.raises(ValueError, match=r".+"):
        unpack(data)
