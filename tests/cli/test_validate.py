"""Validation, and what damage is to those who only look."""

import json

from inline_snapshot import snapshot


def test_a_sound_store_is_said_to_be_sound(shop):
    assert shop.says("validate") == snapshot("""\
$ segue validate
sound: 1 session, 8 events checked
""")
    assert shop("validate", "current", "--json").json == snapshot({"valid": True, "sessions": 1, "events": 8, "findings": []})


def test_damage_is_named_and_ends_in_its_own_exit_code(shop):
    log = next((shop.home / "segue" / "store" / "sessions").glob("*/log/*.jsonl"))
    data = log.read_bytes()
    log.write_bytes(data.replace(b"never plums", b"never pluns", 1))
    said = shop("validate", "--json")
    assert said.code == 6
    document = json.loads(said.out)
    assert document["valid"] is False
    assert [f["severity"] for f in document["findings"]] == ["damage"]
    assert json.loads(said.err)["error"]["code"] == "damaged"


def test_damage_is_passed_over_by_those_who_look_and_they_say_so(shop):
    log = next((shop.home / "segue" / "store" / "sessions").glob("*/log/*.jsonl"))
    log.write_bytes(log.read_bytes().replace(b"sell by weight", b"sell by weighs", 1))
    said = shop("log", "--json")
    assert [json.loads(line)["seq"] for line in said.out.splitlines()] == [1, 2, 3, 4, 5, 6, 8]
    assert said.err.startswith("warning: 1 damaged place was passed over: segue validate ")
