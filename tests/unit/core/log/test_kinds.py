"""Kinds of events: known fields are checked, unknown ones kept, old shapes brought to new ones."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segue.core.errors import InvalidEventError
from segue.core.log import kinds
from segue.core.log.kinds import KINDS, Kind, fields, is_node, upcast, validate
from segue.testing.strategies import typed_bodies, values


@pytest.mark.parametrize("kind", sorted(KINDS))
@settings(max_examples=25)
@given(data=st.data())
def test_every_body_of_a_kinds_type_is_valid_with_unknown_fields_too(kind, data):
    body = data.draw(typed_bodies(kind))
    validate(kind, body)
    validate(kind, {**body, "from_next_year": data.draw(values)})


@pytest.mark.parametrize("kind", sorted(k.name for k in KINDS.values() if k.body.__required_keys__))
@settings(max_examples=25)
@given(data=st.data())
def test_a_body_without_a_required_field_is_refused_by_its_name(kind, data):
    body = data.draw(typed_bodies(kind))
    missing = data.draw(st.sampled_from(sorted(KINDS[kind].body.__required_keys__)))
    with pytest.raises(InvalidEventError, match=f"body lacks '{missing}'"):
        validate(kind, {k: v for k, v in body.items() if k != missing})


TYPED = {kind: [name for name, hint in fields(k.body).items() if hint is not Any] for kind, k in KINDS.items()}


@pytest.mark.parametrize("kind", sorted(kind for kind, names in TYPED.items() if names))
@settings(max_examples=25)
@given(data=st.data())
def test_a_value_of_no_known_type_is_refused_wherever_one_is_expected(kind, data):
    body = {**data.draw(typed_bodies(kind)), data.draw(st.sampled_from(TYPED[kind])): object()}
    with pytest.raises(InvalidEventError, match=r"body\.\w+ is "):
        validate(kind, body)


@pytest.mark.parametrize(
    ("kind", "body", "reason"),
    [
        ("message", [], "body is not an object"),
        ("message", {"role": "user"}, "body lacks 'parts'"),
        ("message", {"role": "robot", "parts": []}, "body.role is str, not 'system' or 'developer' or 'user'"),
        ("message", {"role": "user", "parts": "hello"}, "body.parts is not a list"),
        ("message", {"role": "user", "parts": ["hello"]}, r"body.parts\[0\] is not an object"),
        (
            "message",
            {"role": "user", "parts": [{"type": "text", "text": "hi"}]},
            r"parts\[0\] has its text in 'text'; .* 'content'",
        ),
        ("message", {"role": "user", "parts": [{"type": "text"}, {}]}, r"body.parts\[1\] lacks 'type'"),
        ("message", {"role": "user", "parts": [], "usage": {"input_tokens": True}}, "usage.input_tokens is bool, not int"),
        ("message", {"role": "user", "parts": [], "usage": {"cost_usd": "1"}}, "usage.cost_usd is str, not float"),
        ("message", {"role": "user", "parts": [], "finish_reason": 1}, "finish_reason is int, not str or null"),
        ("session.created", {"tags": ["a", 1]}, r"tags\[1\] is int, not str"),
        ("checkpoint.created", {"name": "x", "position": 1.0}, "position is float, not int"),
        ("progress.set", {"percent": True}, "percent is bool, not float"),
        ("scope.delta", {"session": "s", "event": "e", "delta": {}, "prior": "x"}, "prior is str, not 'done' or 'void' or null"),
    ],
)
def test_a_wrong_field_is_refused_by_its_path(kind, body, reason):
    with pytest.raises(InvalidEventError, match=reason):
        validate(kind, body)


@given(values)
def test_an_unknown_kind_is_kept_as_it_is(body):
    validate("from.next.year", {"x": body})
    assert not is_node("from.next.year")
    assert upcast("from.next.year", {"x": body}) == {"x": body}


def test_what_is_said_is_a_node_of_the_conversation_and_what_is_done_about_it_is_not():
    assert {k for k in KINDS if is_node(k)} == {"message", "compaction", "record"}


@pytest.fixture
def thrice(monkeypatch):
    """A kind whose shape changed twice."""
    steps = (lambda b: {**b, "two": True}, lambda b: {"three": b})
    monkeypatch.setattr(kinds, "KINDS", {"old": Kind("old", dict, version=3, upcast=steps)})


@pytest.mark.usefixtures("thrice")
@pytest.mark.parametrize(
    ("body", "new"),
    [
        ({"a": 1}, {"three": {"a": 1, "two": True}}),
        ({"a": 1, "_v": 1}, {"three": {"a": 1, "_v": 1, "two": True}}),
        ({"a": 1, "_v": 2}, {"three": {"a": 1, "_v": 2}}),
        ({"a": 1, "_v": 3}, {"a": 1, "_v": 3}),
        ({"a": 1, "_v": 9}, {"a": 1, "_v": 9}),
        ({"a": 1, "_v": 0}, {"a": 1, "_v": 0}),
        ({"a": 1, "_v": -1}, {"a": 1, "_v": -1}),
        ({"a": 1, "_v": "x"}, {"a": 1, "_v": "x"}),
        ({"a": 1, "_v": True}, {"a": 1, "_v": True}),
    ],
)
def test_an_old_body_is_brought_to_the_new_shape_and_a_newer_one_left_alone(body, new):
    before = dict(body)
    assert upcast("old", body) == new
    assert body == before


def test_every_kind_has_an_upcaster_for_each_version_it_left_behind():
    assert {k.name: len(k.upcast) for k in KINDS.values()} == {k.name: k.version - 1 for k in KINDS.values()}
