"""In the home of an encrypted store no word can be read of what was said, done, or lies in a workspace: beside the store as well."""

import json
from pathlib import Path

import pytest

from segue import hooks
from segue.app import App
from segue.core.log.events import Draft
from segue.engine.saving.interrupting import record
from tests.canary import canaries, traces

PLACES = ("message", "prompt", "tool", "emergency", "transcript", "file", "name", "restored")


@pytest.fixture
def app(shop):
    """The wiring of one call."""

    def made():
        return App(shop.env, cwd=str(shop.workspace), clock=shop.clock, ids=shop.ids)

    return made


def work(shop, app, words):
    """Leave something everywhere in the home."""
    line = {"kind": "message", "actor": "ann", "body": {"role": "user", "parts": [{"type": "text", "content": words["message"]}]}}
    assert shop("append", "current", "--stdin", stdin=json.dumps(line)).code == 0
    payload = {
        "session_id": "unknown",
        "transcript_path": "/late.jsonl",
        "prompt": words["prompt"],
        "tool_input": {"x": words["tool"]},
    }
    home = shop.home / "segue"
    (home / "spool").mkdir(exist_ok=True)
    hooks.spool(str(home), "claude-code", "Stop", json.dumps(payload).encode())
    one = app()
    reserve = one.host.reserve()
    text = {"role": "user", "parts": [{"type": "text", "content": words["emergency"]}]}
    reserve.put(record("log:///elsewhere", "0199a5d2-0000-7000-8000-000000000001", [Draft("message", text, "ann")]))
    reserve.close()
    transcript = shop.home / "agent" / "abc.jsonl"
    transcript.parent.mkdir(exist_ok=True)
    transcript.write_text(words["transcript"])
    one.means.keeping.keep(str(transcript), "claude-code/abc")
    left = Path(one.means.keeping.leave("S-1.md", words["restored"]))
    one.close()
    (shop.workspace / f"{words['name'].replace(' ', '-')}.txt").write_text(words["file"])
    assert shop("checkpoint", "create", "--json").json["workspace"]["id"]
    return left


def test_no_word_can_be_read_anywhere_in_the_home_of_an_encrypted_store(shop, app):
    before, after = canaries(*PLACES), canaries(*PLACES, seed=1)
    assert not set(before.values()) & set(after.values())
    home = shop.home / "segue"
    work(shop, app, before)
    assert {found.word for found in traces(home, before)} == set(PLACES)  # each would be found

    done = shop("encrypt", "--key-file", str(shop.home / "key"))
    assert (done.code, done.err) == (0, "")
    left = work(shop, app, after)

    assert (traces(home, before), traces(home, after)) == (set(), set())
    assert left.read_text() == after["restored"]
    left.unlink()
    left.parent.rmdir()


def test_all_that_lies_beside_the_store_goes_with_its_key_and_is_used_as_ever(shop, app):
    first, second, third = (canaries(*PLACES, seed=n) for n in (2, 3, 4))
    file = shop.workspace / f"{first['name'].replace(' ', '-')}.txt"
    work(shop, app, first)
    name = shop("checkpoint", "create", "--json").json["name"]
    shop("encrypt", "--key-file", str(shop.home / "key"))
    work(shop, app, second)
    done = shop("key", "rotate", "--key-file", str(shop.home / "key-2"))
    assert (done.code, done.err) == (0, "")
    left = work(shop, app, third)
    left.unlink()
    left.parent.rmdir()
    file.write_text("changed")

    assert shop("checkpoint", "restore", name, "--code", "--yes").code == 0
    assert file.read_text() == first["file"]
    assert [found for words in (first, second, third) for found in traces(shop.home / "segue", words)] == []

    assert shop("decrypt", "--yes").code == 0
    one = app()
    waiting = one.emergencies.take()
    found = sorted(
        json.loads(payload)["events"][0]["body"]["parts"][0]["content"] for kept in waiting for payload in kept.payloads
    )
    for kept in waiting:
        kept.leave()
    one.close()
    assert found == sorted(words["emergency"] for words in (first, second, third))
    kept = [path.read_text() for path in (shop.home / "segue" / "kept").rglob("*.jsonl")]
    assert sorted(kept) == sorted(words["transcript"] for words in (first, second, third))
    assert not (shop.home / "segue" / "sealed").exists()
    file.write_text("changed")
    assert shop("checkpoint", "restore", name, "--code", "--yes").code == 0
    assert file.read_text() == first["file"]
