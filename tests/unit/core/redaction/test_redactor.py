import base64
import json
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segue.core.redaction.known import of_environment
from segue.core.redaction.redactor import Redactor
from segue.core.redaction.values import Located
from tests.unit.core.redaction.corpus import ALNUM, FORMS, KINDS, _some, survives

TOKEN = "gh" + "p_" + _some(Random(5), ALNUM, 36)
REDACTOR = Redactor()

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=60),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=20), inner, max_size=5),
    max_leaves=25,
)
SEEDS = st.integers(0, 10**9)


def planted(seed: int) -> tuple[str, str]:
    """Return a secret and a text that it stands in."""
    r = Random(seed)
    found = r.choice(KINDS)(r)
    return found.secret, r.choice(list(FORMS.values()))(found, r)


def shape(value: Any) -> Any:
    """Return the structure of a value without its texts."""
    if isinstance(value, dict):
        return [shape(item) for item in value.values()]
    return [shape(item) for item in value] if isinstance(value, list) else "" if isinstance(value, str) else value


def test_a_secret_is_replaced_by_its_kind_and_counted() -> None:
    value = {"parts": [{"type": "text", "content": f"use {TOKEN} now"}], "n": 1}

    assert REDACTOR.redact(value) == (
        {"parts": [{"type": "text", "content": "use [REDACTED:github-token] now"}], "n": 1},
        {"github-token": 1},
    )
    assert value["parts"] == [{"type": "text", "content": f"use {TOKEN} now"}], "what was given is as it was"


def test_a_value_without_secrets_is_returned_itself() -> None:
    value = {"role": "user", "parts": [{"type": "text", "content": "the password is not here"}]}

    assert REDACTOR.redact(value).value is value


def test_where_a_secret_stands_is_told_without_it() -> None:
    assert REDACTOR.locate({TOKEN: [{"password": "hunter22!"}]}) == [
        Located("github-token", "$.[REDACTED:github-token]", 0, 40),
        Located("password", "$.[REDACTED:github-token][0].password", 0, 9),
    ]


@pytest.mark.parametrize(
    ("value", "redacted"),
    [
        ({"password": "hunter22!"}, {"password": "[REDACTED:password]"}),
        ({"name": "DB_PASSWORD", "value": "hunter22!"}, {"name": "DB_PASSWORD", "value": "[REDACTED:password]"}),
        (["deploy", "--password", "hunter22!"], ["deploy", "--password", "[REDACTED:password]"]),
        (["password=", "hunter22!"], ["password=", "[REDACTED:password]"]),
        ({"password": {"type": "string"}}, {"password": {"type": "string"}}),
        ({"usage": {"input_tokens": "1234567890123456"}}, {"usage": {"input_tokens": "1234567890123456"}}),
        ("<password>a1b2c3d4</password>", "<password>[REDACTED:password]</password>"),
        ("curl -u me:hunter22! https://x", "curl -u me:[REDACTED:password] https://x"),
        ("PASSWORD=a1&b2;c3 x", "PASSWORD=[REDACTED:password] x"),
        ("?password=a1b2c3d4&x=1", "?password=[REDACTED:password]&x=1"),
        ("\x81\xa8" + TOKEN, "\x81\xa8[REDACTED:github-token]" + "*" * 17),
    ],
)
def test_what_stands_beside_a_text_says_what_it_is(value: Any, redacted: Any) -> None:
    assert REDACTOR.redact(value).value == redacted


def test_what_stands_in_base64_is_replaced_there_and_the_rest_can_still_be_read() -> None:
    blob = base64.b64encode(b"\x93\xa6before" + TOKEN.encode() + b"\xa5after").decode()

    redacted = REDACTOR.redact({"data": blob}).value["data"]

    assert base64.b64decode(redacted) == b"\x93\xa6before[REDACTED:github-token]" + b"*" * 17 + b"\xa5after"


def test_values_of_the_environment_are_found_in_every_form() -> None:
    secret = "plain but/known+one"  # noqa: S105 - planted
    redactor = Redactor(of_environment({"APP_TOKEN": secret, "HOME": "/home/somebody", "KEY": "short"}))
    texts = ["x " + secret, "plain%20but%2Fknown%2Bone", "plain+but%2Fknown%2Bone", secret.encode().hex()]
    texts += [base64.b64encode((" " * n + secret + "  ").encode()).decode() for n in range(3)]
    texts += [json.dumps(secret).replace("/", "\\/"), '"plain but/kn" + "own+one"']

    assert [survives(secret, redactor.redact(text).value) for text in texts] == [False] * len(texts)
    assert redactor.redact(texts[0]) == ("x [REDACTED:env:APP_TOKEN]", {"env:APP_TOKEN": 1})


def test_of_the_environment_what_is_no_secret_is_not_looked_for() -> None:
    env = {
        "PWD": "/home/me/project", "TOKEN_LIMIT": "100000000", "DB_PASSWORD": "postgres", "KEY_FILE": "/etc/keys/one",
        "DATABASE_URL": "postgres://me:s3cr3t-enough@h/d", "MY_SECRET": "correct horse battery", "SSH_AUTH_SOCK": "agent-socket-1",
        "EDITOR": "vim --with-options",
    }  # fmt: skip

    assert of_environment(env) == [("env:DATABASE_URL", "s3cr3t-enough"), ("env:MY_SECRET", "correct horse battery")]


def test_addresses_of_persons_are_left_unless_they_are_asked_for() -> None:
    text = "write to jane.doe@example.org, or look at git@github.com:org/repo.git"

    assert REDACTOR.redact(text).value is text
    assert Redactor(emails=True).redact(text).value == "write to [REDACTED:email], or look at [REDACTED:email]:org/repo.git"


@given(JSON)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_whatever_json_there_is_its_structure_stays_and_nothing_raises(value: Any) -> None:
    redacted = REDACTOR.redact(value)

    assert shape(redacted.value) == shape(value)
    assert REDACTOR.redact(redacted.value) == (redacted.value, {})


@given(SEEDS, JSON)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_redacting_what_was_redacted_changes_nothing(seed: int, value: Any) -> None:
    secret, text = planted(seed)
    first = REDACTOR.redact({"value": value, "text": text, "list": [text, {"deep": text}]})

    assert first.counts
    assert not survives(secret, first.value["text"])
    assert REDACTOR.redact(first.value) == (first.value, {})


@given(SEEDS, st.lists(st.floats(0, 1), min_size=1, max_size=6))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_no_secret_survives_in_texts_that_were_cut_into_pieces(seed: int, cuts: list[float]) -> None:
    r = Random(seed)
    found = r.choice(KINDS)(r)
    text = f"here: {found.text} that was it"
    places = sorted({0, len(text), *(round(cut * len(text)) for cut in cuts)})
    pieces = [text[a:b] for a, b in pairwise(places)]

    redacted = REDACTOR.redact({"source": pieces, "n": 1}).value

    assert not survives(found.secret, "".join(redacted["source"]))
    assert len(redacted["source"]) == len(pieces)


def test_json_that_is_nested_ten_thousand_deep_is_redacted() -> None:
    value: Any = TOKEN
    for _ in range(10_000):
        value = [value]

    redacted = REDACTOR.redact(value).value

    while isinstance(redacted, list):
        (redacted,) = redacted
    assert redacted == "[REDACTED:github-token]"


HOSTILE = [
    "eyJ", "sk-", "sk-ant-", "ghp_", "xoxb-", "AKIA", "://", "://a:b", "://:@", "password=", 'password="', "password: ", "token ", "key", "-----",
    "-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\\n", "%41", "%", "\\u0041", "\\\\", "\\", '"+"', '" + "', "''", '"', "\\\n", "a" * 30,
    "A" * 19 + " ", "ab" * 20, "A1" * 50 + "\n", "login a password ", "bearer ", "Bearer a", "basic YTpi", "=", " ", "\0", "\n", "\x80", "İ",
    "Private-Lines: 1\nA\n", "-u a:", "a.", "a@", "\ud800", "[REDACTED:", "[REDACTED:jwt]", "eyJa.", "SG.", '\\"', "\\n+",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_no_text_takes_for_ever(piece: str) -> None:
    text = piece * (150_000 // len(piece))

    redacted = REDACTOR.redact([text, text[1:]]).value

    assert len(redacted) == 2
