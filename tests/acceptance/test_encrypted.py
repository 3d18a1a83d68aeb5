"""A home whose store is encrypted: commands work as before, and none of its files tells what was said, before or after."""

import json

from tests.canary import canaries, traces

WORDS = canaries("task before", "said before", "large before", "task", "said", "output", "large", "decided", "note", "tag", "key")


def said(place, times=1):
    text = f"{WORDS[place]} " * times
    return {"kind": "message", "body": {"role": "user", "parts": [{"type": "text", "content": text}]}}


def lines(*events):
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def start(segue, task):
    return segue.json("start", "--task", WORDS[task])["id"]


def append(segue, session, *events):
    done = segue("append", session, "--stdin", stdin=lines(*events))
    assert done.returncode == 0, done


def hits(segue, place):
    return [hit["session"] for hit in segue.json("search", WORDS[place])["hits"]]


def test_a_home_is_encrypted_and_nothing_in_it_can_be_read(segue):
    segue.env["SEGUE_UPKEEP"] = "off"  # what is scanned holds still
    place = segue.home / "segue"
    first = start(segue, "task before")
    append(segue, first, said("said before"), said("large before", 9_000))
    assert hits(segue, "said before") == [first]
    assert segue("upkeep").returncode == 0
    assert {trace.word for trace in traces(place, WORDS)} == {"task before", "said before", "large before"}

    assert segue("encrypt", "--key-file", str(segue.home / "segue.key")).returncode == 0
    second = start(segue, "task")
    output = {"type": "tool_call_response", "id": "c", "response": WORDS["output"]}
    append(
        segue,
        second,
        {**said("said"), "key": WORDS["key"]},
        {"kind": "message", "body": {"role": "tool", "parts": [output]}},
        said("large", 9_000),
        {"kind": "decision.made", "body": {"title": WORDS["decided"]}},
        {"kind": "session.updated", "body": {"tags": WORDS["tag"].split()}},
        *[said("said") for _ in range(150)],
    )
    assert segue("checkpoint", "create", second, "-m", WORDS["note"]).returncode == 0
    for command in (("upkeep",), ("backup",), ("validate",), ("doctor",), ("status", second), ("restore", second)):
        done = segue(*command)
        assert done.returncode == 0, done

    assert [hits(segue, place) for place in ("said before", "output")] == [[first], [second]]
    assert {row["id"] for row in segue.json("list")["sessions"]} == {first, second}
    assert traces(place, WORDS) == set()
