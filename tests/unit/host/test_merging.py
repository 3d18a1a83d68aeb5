"""Hooks go into settings that are somebody's, and come out again without a trace."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.host.install import jsonc, merging

MARK = "/home/dev/segue/hook/claude-code.py"
WANTED = merging.Wanted(
    {
        event: {"hooks": [{"type": "command", "command": f"python {MARK} {event} || :", "timeout": 10}]}
        for event in ("SessionStart", "Stop", "PreToolUse")
    },
    MARK,
)

SPACE = st.text(" \t", max_size=3)
BLANK = st.one_of(
    SPACE,
    st.sampled_from(["\n", "\n  ", "\r\n\t", "\n\n    "]),
    st.builds("{}// {}\n".format, SPACE, st.text("ab{}[]\"',:/* ü", max_size=8)),
    st.builds("/* {} */".format, st.text("ab{}[]\"',:/ \n", max_size=8)),
)
BLANKS = st.lists(BLANK, max_size=2).map("".join)
STRINGS = st.one_of(st.sampled_from(["hooks", "Stop", "PreToolUse", "//", "/*", MARK[1:3]]), st.text(max_size=5))


def object_of(members):
    return st.builds(
        lambda found, comma, end: "{" + ",".join(found) + (comma if found else "") + end + "}",
        st.lists(members, max_size=4),
        st.sampled_from(["", ","]),
        BLANKS,
    )


def array_of(items):
    return st.builds(
        lambda found, comma, end: "[" + ",".join(found) + (comma if found else "") + end + "]",
        st.lists(st.builds("{}{}{}".format, BLANKS, items, BLANKS), max_size=3),
        st.sampled_from(["", ","]),
        BLANKS,
    )


def member(keys, values):
    return st.builds("{}{}{}:{}{}{}".format, BLANKS, keys.map(json.dumps), BLANKS, BLANKS, values, BLANKS)


SCALARS = st.one_of(
    STRINGS.map(json.dumps), st.integers().map(str), st.floats(allow_nan=False, allow_infinity=False).map(json.dumps)
) | st.sampled_from(["true", "false", "null"])
VALUES = st.recursive(SCALARS, lambda inner: object_of(member(STRINGS, inner)) | array_of(inner), max_leaves=8)
GROUPS = object_of(member(st.sampled_from(["matcher", "hooks", "command"]), VALUES))
EVENTS = object_of(member(st.sampled_from(["Stop", "PreToolUse", "Notification"]), array_of(GROUPS)))
KEYS = STRINGS.filter(lambda key: key != "hooks")
SETTINGS = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "\ufeff", "\n"]),
    object_of(st.one_of(member(KEYS, VALUES), member(st.just("hooks"), EVENTS))),
    BLANKS,
)


@given(SETTINGS)
def test_what_was_put_in_comes_out_byte_for_byte(text):
    merged = merging.merge(text, WANTED)
    assert merging.has(merged.text, WANTED)
    assert merging.unmerge(merged.text, MARK, merged.pieces) == text


@given(SETTINGS)
def test_nothing_but_the_hooks_is_added_and_what_was_there_keeps_its_order(text):
    before, after = jsonc.parse(text).value, jsonc.parse(merging.merge(text, WANTED).text).value
    assert list(before) == [key for key in after if key in before]
    assert {k: v for k, v in after.items() if k != "hooks"} == {k: v for k, v in before.items() if k != "hooks"}
    for event, groups in before.get("hooks", {}).items():
        assert after["hooks"][event][: len(groups)] == groups


@given(SETTINGS, KEYS, SCALARS)
def test_a_member_that_the_user_adds_meanwhile_stays_and_nothing_else_does(text, key, value):
    merged = merging.merge(text, WANTED)

    def with_member(document):
        root = jsonc.parse(document)
        if not root.elements:
            return document[: root.start + 1] + f"{json.dumps(key)}: {value}" + document[root.start + 1 :]
        end = root.elements[-1].end
        return document[:end] + f", {json.dumps(key)}: {value}" + document[end:]

    left = merging.unmerge(with_member(merged.text), MARK, merged.pieces)
    assert jsonc.parse(left).value == jsonc.parse(with_member(text)).value
    if jsonc.parse(text).elements:
        assert left == with_member(text)


PLAIN = st.dictionaries(
    KEYS, st.recursive(st.none() | st.integers() | STRINGS, lambda inner: st.lists(inner, max_size=3), max_leaves=6), max_size=4
)


@given(PLAIN, PLAIN, st.sampled_from([2, 4, "\t"]))
def test_an_agent_that_writes_the_file_anew_takes_nothing_of_ours_with_it(before, more, indent):
    merged = merging.merge(json.dumps(before, indent=indent, ensure_ascii=False), WANTED)
    anew = json.dumps(json.loads(merged.text) | more, indent=indent, ensure_ascii=False)
    left = merging.unmerge(anew, MARK, merged.pieces)
    assert left == json.dumps(before | more, indent=indent, ensure_ascii=False)


def test_a_handler_that_the_user_put_beside_ours_stays():
    merged = merging.merge("{}", WANTED)
    document = json.loads(merged.text)
    document["hooks"]["Stop"][0]["hooks"].append({"type": "command", "command": "mine"})
    left = json.loads(merging.unmerge(json.dumps(document), MARK, merged.pieces))
    assert left == {"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "mine"}]}]}}


def test_hooks_that_were_empty_before_stay_empty():
    text = '{\n  "hooks": {\n    "Stop": []\n  }\n}\n'
    merged = merging.merge(text, WANTED)
    anew = json.dumps(json.loads(merged.text), indent=2) + "\n"
    assert merging.unmerge(anew, MARK, merged.pieces) == text


@pytest.mark.parametrize("text", ["", "  \n", "\ufeff"])
def test_an_empty_file_is_filled_and_emptied(text):
    merged = merging.merge(text, WANTED)
    assert json.loads(merged.text.removeprefix("\ufeff"))["hooks"].keys() == WANTED.groups.keys()
    assert merging.unmerge(merged.text, MARK, merged.pieces) == text


def test_the_line_ends_and_the_indentation_are_the_files_own():
    merged = merging.merge('{\r\n\t"a": 1\r\n}', WANTED).text
    assert merged.count("\n") == merged.count("\r\n") == 7
    assert '\r\n\t"hooks": {\r\n\t\t"SessionStart": ' in merged


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "line 1, column 2: it ends too early"),
        ('{"a": 1,,}', "line 1, column 9: a key in quotes is missing"),
        ('{"a": 1 "b": 2}', "line 1, column 9: ',' or '}' is missing"),
        ("{\n  a: 1}", "line 2, column 3: a key in quotes is missing"),
        ('{"a" 1}', "line 1, column 6: ':' is missing"),
        ('{"a": nope}', "line 1, column 7: no value"),
        ("{} {}", "line 1, column 4: there is more behind the document"),
        ("[]", "line 1, column 1: it is not an object"),
        ('{"hooks": 5}', "line 1: 'hooks' is not an object"),
        ('{"hooks":\n{"Stop": {}}}', "line 2: the hooks of 'Stop' are not a list"),
        ('{"a": ' + "[" * 200 + "]" * 200 + "}", "nested more than 100 deep"),
        ('{"a": "\t"}', "line 1, column 7: no value"),
        ("{/* no end", "line 1, column 2: a key in quotes is missing"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_place(text, reason):
    with pytest.raises(jsonc.NotJsonError) as refused:
        merging.merge(text, WANTED)
    assert reason in str(refused.value)
