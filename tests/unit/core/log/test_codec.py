"""An event's bytes: what goes in comes out, and nothing changes unseen."""

import json
import math
from types import MappingProxyType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from segue.core.errors import InvalidEventError
from segue.core.log.checks import MAX_DEPTH
from segue.core.log.codec import (
    INLINE,
    LARGE,
    BadLine,
    blob_name,
    blob_refs,
    decode_line,
    encode_content,
    encode_line,
    erase_line,
    genesis,
    split_line,
    verify_line,
)
from segue.core.log.events import ABSENT, MAIN, Draft, Event

SALT = "0123456789abcdef" * 2
AT = "2026-01-15T09:30:00.000000Z"
ID = "019bbf4e-1234-7abc-8def-0123456789ab"
PREV = genesis("s")

# A high surrogate followed by a low one is one character to JSON, so no list of two strings is drawn from such pairs.
texts = st.text(st.characters(), max_size=40) | st.sampled_from(
    ["", "\0", "\ud800", "\udfff tail", "$blob", "$literal", ',"digest":"', '"}\n{"', "\u2028\x85\x1f", "é" * 9000]
)
keys = texts | st.sampled_from(["$blob", "$literal", "bytes", "type", "erased", "salt", "seq"])
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**300, 10**301)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
values = st.recursive(scalars, lambda v: st.lists(v, max_size=4) | st.dictionaries(keys, v, max_size=4), max_leaves=12)
bodies = st.dictionaries(keys, values, max_size=5)
names = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1, max_size=30)


def line_of(draft: Draft, *, seq: int = 1, prev: str = PREV, more: int = 0) -> tuple[bytes, dict[str, bytes]]:
    content = encode_content(draft, SALT)
    line, digest = encode_line(draft, content, seq=seq, id=ID, at=draft.at or AT, prev=prev, more=more, of=more + 1)
    assert verify_line(line) == digest
    return line, content.blobs


def round_trip(draft: Draft) -> Event:
    line, blobs = line_of(draft)
    return decode_line(line, blobs.__getitem__)


@given(bodies, st.none() | bodies)
@example({"$blob": "0" * 64, "bytes": 3}, {"$literal": {"$blob": 1}})
@example({"$literal": 5}, {"a": [{"$literal": {}}, {"$literal": {"x": 1}}]})
@example({"": "x" * (LARGE + 1), "$blob": "y" * (LARGE + 1)}, {"$literal": {"$blob": "z" * LARGE}})
@example({"list": ["word"] * LARGE, "$blob": "y" * INLINE}, {"$literal": ["z"] * LARGE})
@example({"lone": "\ud800" * (5 * LARGE), "and": "text" * INLINE}, None)
@example({"big": 10**4000, "small": -(10**4000), "zero": -0.0}, None)
def test_what_goes_in_comes_out(body, source):
    event = round_trip(Draft("message", body, source=source))
    assert (event.body, event.source) == (body, source)
    assert json.dumps(event.body) == json.dumps(body)  # order, 1 or 1.0 or True, 0.0 or -0.0


@given(
    actor=st.just("") | names,
    stream=names,
    node=st.none() | names,
    parent=st.none() | st.just(ABSENT) | names,
    key=st.none() | names,
    more=st.integers(0, 2000),
)
def test_every_name_of_the_envelope_comes_back(actor, stream, node, parent, key, more):
    draft = Draft("a.kind", {"x": 1}, actor, stream, node, parent, key, scopes={"user:é": {"k": None, "l": [1]}})
    line, _ = line_of(draft, seq=7, more=more)
    digest = verify_line(line)
    assert decode_line(line) == Event(
        v=1, seq=7, id=ID, at=AT, kind="a.kind", actor=actor, stream=stream, node=node or ID, parent=parent, key=key,
        more=more, prev=PREV, digest=digest, body={"x": 1}, scopes={"user:é": {"k": None, "l": [1]}},
    )  # fmt: skip


@given(bodies)
def test_a_line_is_one_line_of_plain_json_without_nul(body):
    line, _ = line_of(Draft("message", body))
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    assert b"\0" not in line
    assert json.loads(line)["kind"] == "message"


@pytest.mark.parametrize("body", [{"t": "ab", "n": [1, None]}, {"$blob": "é"}])
@pytest.mark.parametrize("erased", [False, True])
def test_every_change_of_a_single_byte_is_found(body, erased):
    draft = Draft("message", body, actor='c"', node="n", parent=None, key="k", stream="sub", scopes={"app:x": {"k": 1}})
    line, _ = line_of(draft, more=2)
    line = erase_line(line) if erased else line
    for i in range(len(line) - 1):  # the newline is the file's, not the event's
        for value in range(256):
            if value != line[i]:
                with pytest.raises(BadLine):
                    verify_line(line[:i] + bytes([value]) + line[i + 1 :])


@pytest.mark.parametrize("erased", [False, True])
def test_every_byte_taken_out_or_put_in_is_found(erased):
    line, _ = line_of(Draft("message", {"t": "aab"}))
    line = erase_line(line) if erased else line
    for i in range(len(line) - 1):
        for changed in (line[:i] + line[i + 1 :], line[:i] + b"0" + line[i:], line[:i] + b"\0" + line[i:], line[: i + 1]):
            if changed != line and changed + b"\n" != line:
                with pytest.raises(BadLine):
                    verify_line(changed)


def test_a_line_without_its_newline_is_whole():
    line, _ = line_of(Draft("message", {"t": 1}))
    assert decode_line(line[:-1]) == decode_line(line)


@pytest.mark.parametrize("blank", [b"", b"\n", b"\0" * 4096, b"  \n"])
def test_unwritten_blocks_are_called_blank(blank):
    with pytest.raises(BadLine, match="blank"):
        verify_line(blank)


@given(st.binary(max_size=300))
@example(b'{"v":1,"digest":"' + b"0" * 64 + b'",}')
@example(b'{,"digest":"' + b"\xff" * 64 + b'","erased":"' + b"g" * 64 + b'"}')
def test_anything_else_is_a_bad_line_and_nothing_worse(data):
    for look in (verify_line, decode_line):
        with pytest.raises(BadLine):
            look(data)


def forged(content: bytes, head: bytes = b'{"v":1,"seq":1,"id":"i","at":"t","kind":"k","prev":"p"') -> bytes:
    """A line whose digest fits, from somebody who knows how."""
    from hashlib import blake2b

    inner = blake2b(content, digest_size=32).digest()
    digest = blake2b(head + inner, digest_size=32).hexdigest()
    return head + b',"digest":"' + digest.encode() + b'",' + content + b"}\n"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b'"body":5',
        b'"body":null',
        b'"body":[]',
        b'"body":{"$literal":5}',
        b'"body":{"$blob":"../../etc/passwd"}',
        b'"body":{"$blob":"' + b"A" * 64 + b'"}',
        b'"body":{"$literal":{"$literal":{"$literal":[]}}}',
        b'"body":' + b"[" * 100_000,
        b'"body":{"\xff":1}',
        b'"body":{"n":' + b"9" * 5000 + b"}",
    ],
)
def test_a_forged_line_whose_digest_fits_is_a_bad_line(content):
    line = forged(content)
    verify_line(line)
    with pytest.raises(BadLine):
        decode_line(line, lambda _: pytest.fail("nothing is loaded by a forged name"))


@pytest.mark.parametrize("data", [b"\xff", b"not json", b"[" * 100_000])
def test_a_blob_that_is_not_what_it_should_be_makes_a_bad_line(data):
    name = blob_name(data).encode()
    with pytest.raises(BadLine):
        decode_line(forged(b'"body":{"$blob":"' + name + b'","type":"json"}'), lambda _: data)


def test_the_number_in_the_head_is_the_one_that_counts():
    line = forged(b'"body":{}')
    assert decode_line(line).digest == verify_line(line)
    with pytest.raises(BadLine):
        decode_line(forged(b'"body":{}', head=b'{"v":1,"seq":"1","id":"i","at":"t","kind":"k","prev":"p"'))


def test_a_line_from_next_years_version_is_refused_by_name():
    with pytest.raises(BadLine, match="version is 2, this program knows 1"):
        decode_line(forged(b'"body":{}', head=b'{"v":2,"seq":1,"id":"i","at":"t","kind":"k","prev":"p"'))


def test_fields_that_a_newer_program_adds_are_passed_over():
    line = forged(b'"body":{"a":1},"new":2', head=b'{"v":1,"seq":1,"id":"i","at":"t","kind":"k","later":{},"prev":"p"')
    assert decode_line(line).body == {"a": 1}


# --- erasing, chaining


def test_erasing_takes_the_content_and_keeps_the_digest():
    secret = {"token": "hunter2" * 10_000}
    line, blobs = line_of(Draft("message", secret, actor="me", key="k", source={"record": "hunter2"}))
    bare = erase_line(line)
    event = decode_line(bare)
    assert verify_line(bare) == verify_line(line)
    assert (event.erased, event.body, event.source, event.key) == (True, {}, None, "k")
    assert blobs
    assert b"hunter2" not in bare
    assert SALT.encode() not in bare
    assert blob_refs(bare) == {}
    assert erase_line(bare) == bare


def test_the_same_content_with_another_salt_has_another_hash():
    draft = Draft("message", {"pin": "0000"})
    assert encode_content(draft, SALT).hash != encode_content(draft, "f" * 32).hash


def test_a_log_cannot_pass_for_another_sessions():
    draft = Draft("message", {"t": "same"})
    content = encode_content(draft, SALT)
    lines = [encode_line(draft, content, seq=1, id=ID, at=AT, prev=genesis(s)) for s in ("one", "two")]
    assert lines[0][1] != lines[1][1]
    assert decode_line(lines[0][0]).prev == genesis("one") != genesis("two")


def test_a_changed_event_changes_every_digest_behind_it():
    def chain(*texts: str) -> list[str]:
        prev, digests = PREV, []
        for i, text in enumerate(texts):
            draft = Draft("message", {"t": text})
            _, prev = encode_line(draft, encode_content(draft, SALT), seq=i + 1, id=ID, at=AT, prev=prev)
            digests.append(prev)
        return digests

    assert [a == b for a, b in zip(chain("a", "b", "c", "d"), chain("a", "x", "c", "d"), strict=True)] == [
        True,
        False,
        False,
        False,
    ]


# --- large values


def test_a_small_content_has_no_blobs():
    assert encode_content(Draft("message", {"t": "x" * (LARGE - 1000)}), SALT).blobs == {}


def test_large_strings_become_blobs_named_by_their_content():
    large, small = "é" * LARGE, "x" * 100
    line, blobs = line_of(Draft("message", {"a": [large, small]}, source={"again": large}))
    assert blobs == {blob_name(large.encode()): large.encode()}
    assert blob_refs(line) == dict.fromkeys(blobs, False)
    assert len(line) < 1000
    assert decode_line(line).body == {"a": [{"$blob": blob_name(large.encode()), "bytes": 2 * LARGE}, small]}


def test_a_content_of_many_small_pieces_becomes_one_blob_and_its_strings_are_found_through_it():
    body = {"pieces": list(range(LARGE)), "text": "t" * LARGE}
    line, blobs = line_of(Draft("message", body))
    ((whole, is_json),) = blob_refs(line).items()
    assert is_json
    assert set(blobs) == {whole, blob_name(b"t" * LARGE)}
    assert blob_refs(blobs[whole]) == {blob_name(b"t" * LARGE): False}
    assert decode_line(line, blobs.__getitem__).body == body


@given(bodies)
@example({"$blob": "0" * 64})
@example({"a": [{"$blob": "0" * 64, "x": {"$literal": {"$blob": "0" * 64}}}]})
def test_what_only_looks_like_a_reference_is_none(body):
    line, blobs = line_of(Draft("message", body, source=body, scopes={"app:x": {"$blob": "0" * 64, **body}}))
    refs = blob_refs(line)
    for name in [name for name, is_json in refs.items() if is_json]:
        refs |= blob_refs(blobs[name])
    assert set(refs) == set(blobs)


def test_of_a_damaged_line_all_that_looks_like_a_reference_counts():
    line, blobs = line_of(Draft("message", {"t": "x" * LARGE * 2}))
    assert blob_refs(line[: len(line) - 4]) == dict.fromkeys(blobs, True)


def test_blobs_can_be_named_otherwise():
    content = encode_content(Draft("message", {"t": "x" * LARGE * 2}), SALT, lambda data: blob_name(b"key" + data))
    assert list(content.blobs) == [blob_name(b"key" + b"x" * LARGE * 2)]


# --- what is refused


def nested(depth: int) -> object:
    value: object = 0
    for i in range(depth):
        value = [value] if i % 2 else {"k": value}
    return value


def test_nesting_up_to_the_limit_comes_back_also_for_a_caller_deep_in_calls():
    line, _ = line_of(Draft("message", {"v": nested(MAX_DEPTH - 2), "$blob": 1}))

    def call(depth: int) -> Event:
        return call(depth - 1) if depth else decode_line(line)

    assert call(300).body == {"v": nested(MAX_DEPTH - 2), "$blob": 1}


cyclic: dict[str, object] = {}
cyclic["self"] = cyclic


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"body": {"x": math.nan}}, "not JSON"),
        ({"body": {"x": [math.inf]}}, "not JSON"),
        ({"body": {"x": b"bytes"}}, "not JSON"),
        ({"body": {"x": {1, 2}}}, "not JSON"),
        ({"body": {"x": object()}}, "not JSON"),
        ({"body": cyclic}, "not JSON"),
        ({"body": {"x": 10**5000}}, "not JSON"),
        ({"body": {"x": nested(100_000)}}, "not JSON"),
        ({"body": {"x": nested(MAX_DEPTH)}}, "nested more than 200 deep"),
        ({"body": {"x": {1: "a", "1": "b"}}}, "a key that is not text: 1"),
        ({"source": {"x": [{None: "a"}]}}, "a key that is not text: None"),
        ({"scopes": {"app:x": {True: "a"}}}, "a key that is not text: True"),
        ({"body": [1]}, "body is not an object"),
        ({"body": None}, "body is not an object"),
        ({"source": "file"}, "source is not an object"),
        ({"scopes": ["app:x"]}, "scopes are not an object"),
        ({"scopes": {"app:x": 1}}, "change to scope 'app:x' is not an object"),
        ({"scopes": {"": {}}}, "scope's name is not text"),
        ({"scopes": {1: {}}}, "scope's name is not text"),
        ({"kind": ""}, "a kind is a lower case word"),
        ({"kind": "Message"}, "a kind is a lower case word"),
        ({"kind": "mess age"}, "a kind is a lower case word"),
        ({"kind": "message\n"}, "a kind is a lower case word"),
        ({"kind": "k" * 65}, "a kind is a lower case word"),
        ({"kind": None}, "a kind is a lower case word"),
        ({"actor": "a\0b"}, "actor is not text"),
        ({"actor": 7}, "actor is not text"),
        ({"stream": ""}, "stream is not text"),
        ({"stream": "\ud800"}, "stream is not text"),
        ({"node": ""}, "node is not text"),
        ({"parent": ""}, "parent is not text"),
        ({"parent": "x" * 1025}, "parent is not text"),
        ({"key": ""}, "key is not text"),
        ({"key": 3}, "key is not text"),
        ({"at": "yesterday"}, "time is not RFC 3339"),
        ({"at": "2026-01-15T09:30:00+01:00"}, "time is not RFC 3339"),
        ({"at": "2026-02-30T09:30:00Z"}, "time is not RFC 3339"),
        ({"at": "2026-01-15T25:30:00Z"}, "time is not RFC 3339"),
        ({"at": "٢٠٢٦-01-15T09:30:00Z"}, "time is not RFC 3339"),
        ({"at": 1768469400}, "time is not RFC 3339"),
    ],
)
def test_what_cannot_be_written_is_refused_with_its_reason(change, reason):
    with pytest.raises(InvalidEventError, match=reason):
        encode_content(Draft("message", {"t": 1})._replace(**change), SALT)


def test_other_mappings_and_tuples_are_written_as_objects_and_lists():
    body = MappingProxyType({"m": MappingProxyType({"t": (1, 2)}), "$literal": ()})
    assert round_trip(Draft("message", body)).body == {"m": {"t": [1, 2]}, "$literal": []}


def test_the_usual_stream_actor_and_parent_take_no_room():
    line, _ = line_of(Draft("message", {}))
    head, _, _ = split_line(line)
    assert json.loads(head + b"}").keys() == {"v", "seq", "id", "at", "kind", "prev"}
    assert decode_line(line).stream == MAIN
