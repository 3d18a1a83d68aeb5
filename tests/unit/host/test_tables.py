"""Tables go behind a user's TOML, and come out again without a trace."""

import json
import string
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.host.install import tables

OURS = {
    ("hooks", "state", "/home/dev/.codex/hooks.json:stop:0:0"): {"trusted_hash": "sha256:11"},
    ("hooks", "state", "/home/dev/.codex/hooks.json:pre_tool_use:1:0"): {"trusted_hash": "sha256:22"},
}

WORDS = st.text(string.ascii_lowercase, min_size=1, max_size=6)
VALUES = st.one_of(
    st.integers(-99, 99).map(str),
    st.text(string.printable, max_size=8).map(json.dumps).filter(lambda t: "\\u" not in t and "\x7f" not in t),
    st.sampled_from(["true", "1979-05-27T07:32:00Z", "[ 1, # one\n 2 ]", "'''\n[no.table]\n'''", "{ a = 1, b.c = 2 }"]),
)
NOTES = st.sampled_from(["", " # a note", "  "])
ENDS = st.sampled_from(["\n", "\r\n"])


@st.composite
def documents(draw):
    end = draw(ENDS)
    lines = []
    for header in ["", *draw(st.lists(WORDS, unique=True, max_size=3))]:
        lines += [f"[{header}]{draw(NOTES)}"] if header else []
        lines += [
            f"{key} = {draw(VALUES)}{draw(NOTES)}" for key in draw(st.lists(WORDS.map("k{}".format), unique=True, max_size=3))
        ]
        lines += draw(st.lists(st.sampled_from(["", "# a comment", "  # [not.a.table]"]), max_size=2))
    text = draw(st.sampled_from(["", "\ufeff"])) + end.join(line.replace("\n", end) for line in lines)
    return text + draw(st.sampled_from(["", end]))


@given(documents())
def test_what_was_put_in_comes_out_byte_for_byte(text):
    before = tables.parse(text)
    merged = tables.merge(text, OURS)
    assert tables.has(merged.text, OURS)
    assert not tables.has(text, OURS)
    assert {k: v for k, v in tables.parse(merged.text).items() if k != "hooks"} == before
    assert merged.text.startswith(text)
    assert tables.unmerge(merged.text, set(OURS), merged.pieces) == text


@given(documents(), WORDS)
def test_tables_that_were_added_meanwhile_stay(text, name):
    merged = tables.merge(text, OURS)
    more = f'\n[hooks.state."{name}"]\ntrusted_hash = "sha256:33"\n'
    assert tables.unmerge(merged.text + more, set(OURS), merged.pieces) == text + more


def test_a_table_that_was_changed_is_taken_out_whole():
    text = 'model = "o" # mine\n\n# about the provider\n[model_providers.fake]\nname = "fake"\n'
    merged = tables.merge(text, OURS)
    changed = merged.text.replace('"sha256:11"\n', '"sha256:11"\nenabled = false\n')
    assert tables.unmerge(changed, set(OURS), merged.pieces) == text


def test_tables_join_those_of_the_same_kind():
    text = '[hooks.state]\n\n[hooks.state."mine:stop:0:0"]\ntrusted_hash = "sha256:44"\n'
    merged = tables.merge(text, OURS)
    assert set(tomllib.loads(merged.text)["hooks"]["state"]) == {"mine:stop:0:0", *(path[-1] for path in OURS)}
    assert tables.unmerge(merged.text, set(OURS), merged.pieces) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("model = ", "Invalid value"),
        ("hooks = 5", "hooks.state is no table"),
        ("hooks = { state = {} }", "hooks.state is written in a form that takes no further table"),
        ('[hooks]\nstate = "none"', "hooks.state is no table"),
    ],
)
def test_what_takes_no_table_is_refused(text, reason):
    with pytest.raises(tables.NotTomlError) as refused:
        tables.merge(text, OURS)
    assert reason in str(refused.value)
