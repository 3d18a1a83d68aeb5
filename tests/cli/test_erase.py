"""Secrets planted in every place that segue writes to; after `segue erase` none of them is anywhere, whoever looks."""

import base64
import json
import subprocess
import zlib
from pathlib import Path
from urllib.parse import quote

import pytest

from segue.app import App
from segue.core.log.events import Draft
from segue.engine.saving.interrupting import record
from segue.stores.log import zstd

ELSEWHERE = "0199a5d2-0000-7000-8000-000000000001"
KINDS = {
    "aws": "AKIAQ3EGPXW7LTB5NZ42",
    "github": "ghp_m3R8vT5kQ1zX7cB9nL2pD4sF6hJ0wE8yU3aG",
    "openai": "sk-proj-Zt81mQpLw93kXvBn27RdYc64HsGf05Ua",
    "anthropic": "sk-ant-api03-Lk29dMzPq84TbXv17NcRw35YhGs60F",
    "slack": "xoxb-2938475610-8374651920-aBcDeFgHiJkLmNoPqRsTuVwX",
    "stripe": "sk_live_51HqZ8rT2mYx9KbWv4NcPd7Le",
    "google": "AIzaSyB7x2Kq9LmN4pR8tVwZ1cY5dF3gH6jS0aE",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0NzExIn0.Qx8Zr2Lm5Tn7Vp3Ws9Yc",
    "password": 'p4"ss\\wörd / with everything',
    "url": "postgres://shop:T0p-s3cret!@db.example/pears",
    "pem": "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7",
    "card": "4929 1883 0274 6615",
}


def everything_in(root: Path):
    """Yield every file below *root*, each as its bytes and as what is packed in it, whoever packed it."""
    for path in sorted(one for one in root.rglob("*") if one.is_file()):
        data = path.read_bytes()
        yield str(path), data
        if data.startswith(zstd.MAGIC):
            while data.startswith(zstd.MAGIC):
                plain, data = zstd.split(data, 1 << 30)
                yield f"{path} unpacked", plain
        elif path.parent.parent.name == "objects" and len(path.name) == 38:
            yield f"{path} inflated", zlib.decompress(data)
    for head in root.rglob("HEAD"):
        command = ["git", "--git-dir", str(head.parent), "cat-file", "--batch-all-objects", "--batch"]
        yield f"{head.parent} objects", subprocess.run(command, capture_output=True, check=False).stdout


def places_of(root: Path, text: str):
    raw = text.encode()
    forms = {raw, json.dumps(text)[1:-1].encode(), base64.b64encode(raw), quote(text, safe="").encode(), raw.hex().encode()}
    return [where for where, data in everything_in(root) if any(form in data for form in forms)]


def message(text: str, **more):
    return json.dumps({"kind": "message", "body": {"role": "user", "parts": [{"type": "text", "content": text}]}, **more})


@pytest.fixture
def planted(shop):
    """Every kind in the current session: said, encoded, large, sealed, in a fork, in backups, in the workspace, beside the store."""
    texts = [*KINDS.values()]
    lines = [message(f"the key is {text}") for text in texts]
    lines += [message("again " + base64.b64encode(f"{{{text}}}".encode()).decode()) for text in texts]
    lines += [message("large " * 20_000 + text) for text in texts[:3]]
    lines += [message(f"nothing {i}") for i in range(20)]
    assert shop("append", "current", "--stdin", stdin="\n".join(lines) + "\n").code == 0
    for i, text in enumerate(texts):
        (shop.workspace / f"settings-{i}.txt").write_text(f"key = {text}\n")
    (shop.workspace / "prices.txt").write_text("pears 7\n")
    assert shop("checkpoint", "create").code == 0
    assert shop("search", "nothing", "--json").code == 0
    assert shop("backup").code == 0
    assert shop("upkeep").code == 0
    assert shop("fork", "current").code == 0
    assert shop("append", "last", "--stdin", stdin=message(f"in the fork {texts[0]}") + "\n").code == 0
    assert shop("restore", "current").code == 0
    assert shop("backup").code == 0
    home = Path(shop.env["SEGUE_HOME"])
    for place in ("kept/claude-code", "restored", "spool"):
        (home / place).mkdir(parents=True, exist_ok=True)
    (home / "kept/claude-code/4711.jsonl").write_text("\n".join(lines))
    (home / "restored/context.md").write_text("\n".join(texts))
    (home / "spool/gone~4711").write_text("\n".join(texts))
    return shop


def test_of_twelve_kinds_of_secrets_none_is_left_anywhere(planted):
    home = Path(planted.env["SEGUE_HOME"])
    assert {kind: len(places_of(home, text)) > 3 for kind, text in KINDS.items()} == dict.fromkeys(KINDS, True)
    shown = planted("erase", "--pattern-file", "-", "--json", stdin="\n".join(KINDS.values())).json
    assert not shown["erased"]
    assert {place["place"] for place in shown["places"] if place["found"]} >= {"store", "backups", "workspace snapshots"}

    done = planted("erase", "--pattern-file", "-", "--why", "leaked", "--yes", "--json", stdin="\n".join(KINDS.values()))

    assert done.code == 0, done
    assert [place["found"] for place in done.json["places"]] == [0, 0, 0, 0, 0]
    assert [place["unread"] for place in done.json["places"]] == [[], [], [], [], []]
    assert {kind: places_of(home, text) for kind, text in KINDS.items()} == {kind: [] for kind in KINDS}
    assert planted("validate").code == 0
    assert planted("backup", "check", "last").code == 0
    assert planted("backup").code == 0
    assert planted("search", "nothing", "--json").json["hits"]
    assert {kind: places_of(home, text) for kind, text in KINDS.items()} == {kind: [] for kind in KINDS}


def test_of_an_encrypted_store_every_file_is_looked_into_and_none_of_them_is_left(planted):
    home = Path(planted.env["SEGUE_HOME"])
    texts = [*KINDS.values()]
    assert planted("encrypt", "--key-file", str(planted.home / "key")).code == 0
    transcript = planted.home / "4711.jsonl"
    transcript.write_text("\n".join(texts))
    app = App(planted.env, cwd=str(planted.workspace), clock=planted.clock, ids=planted.ids)
    app.keeping.keep(str(transcript), "codex")
    reserve = app.host.reserve()
    reserve.put(record("log:///elsewhere", ELSEWHERE, [Draft("note", {"text": [f"first, {text}" for text in texts]})]))
    reserve.close()
    app.store.acquire(next(iter(app.store.sessions())), "worker", 60.0)
    app.close()
    (planted.workspace / "settings-0.txt").write_text("changed\n" + "\n".join(texts))
    assert planted("checkpoint", "create").code == 0
    assert planted("backup").code == 0
    assert [where for text in texts for where in places_of(home / "store", text)] == []
    shown = planted("erase", "--pattern-file", "-", "--json", stdin="\n".join(texts)).json
    assert {place["place"]: bool(place["found"]) for place in shown["places"]} == {
        "store": True,
        "backups": True,
        "mirror": False,
        "workspace snapshots": True,
        "beside the store": True,
    }
    assert [place["unread"] for place in shown["places"]] == [[], [], [], [], []]

    done = planted("erase", "--pattern-file", "-", "--yes", "--json", stdin="\n".join(texts))

    assert done.code == 0, done
    assert [(place["found"], place["unread"]) for place in done.json["places"]] == [(0, [])] * 5
    assert planted("validate").code == 0
    assert planted("backup", "check", "last").code == 0
    assert planted("decrypt", "--yes").code == 0
    assert {kind: places_of(home, text) for kind, text in KINDS.items()} == {kind: [] for kind in KINDS}


def test_what_a_pattern_does_not_find_stays(planted):
    planted("erase", "--pattern", KINDS["aws"], "--yes")

    events = [json.loads(line) for line in planted("log", "current", "--json").out.splitlines()]
    texts = [part.get("content") for event in events for part in event["body"].get("parts", ())]
    assert f"the key is {KINDS['github']}" in texts
    assert f"the key is {KINDS['aws']}" not in texts
    told = [one for event in events if event["kind"] == "erased" for one in event["body"]["seqs"]]
    assert sorted(seq for low, high in told for seq in range(low, high + 1)) == [e["seq"] for e in events if e.get("erased")]


def test_events_are_erased_with_all_that_only_they_hold(planted):
    home = Path(planted.env["SEGUE_HOME"])
    planted("append", "current", "--stdin", stdin=message("only here: a pelican in the pantry") + "\n")
    planted("backup")
    events = [json.loads(line) for line in planted("log", "current", "--json").out.splitlines()]
    seq = events[-1]["seq"]
    assert places_of(home, "pelican in the pantry")

    done = planted("erase", f"current#{seq}", "--yes", "--json")

    assert done.code == 0, done
    assert done.json["sessions"][0]["events"] == 1
    assert places_of(home, "pelican in the pantry") == []
    assert "(erased)" in planted("log", "current").out


def test_a_session_is_erased_and_keeps_its_name(planted):
    home = Path(planted.env["SEGUE_HOME"])
    name = "SESSION-260115-001"
    planted("append", name, "--stdin", stdin=message("only here: a pelican in the pantry") + "\n")

    done = planted("erase", name, "--yes", "--json")

    assert done.code == 0, done
    assert places_of(home, "pelican in the pantry") == []
    (row,) = [row for row in planted("list", "--json").json["sessions"] if row["name"] == name]
    assert (row["name"], row["task"]) == (name, "")
    assert planted("validate").code == 0


def test_looking_is_not_erasing(planted):
    found = planted("erase", "--verify", "--pattern", KINDS["jwt"])
    assert found.code == 3
    assert planted("erase", "--pattern", KINDS["jwt"]).code == 0
    assert planted("erase", "--verify", "--pattern", KINDS["jwt"]).out == found.out
    assert planted("erase", "--verify", "--pattern", "a text that is nowhere").code == 0


@pytest.mark.parametrize(
    ("words", "stdin"),
    [
        (["erase"], ""),
        (["erase", "--pattern", "abc"], ""),
        (["erase", "current", "--pattern", "abcdef"], ""),
        (["erase", "--pattern", "(", "--regex"], ""),
        (["erase", "--pattern", "abcdef", "--pattern-file", "-"], ""),
        (["erase", "--pattern-file", "-"], "\n"),
        (["erase", "--pattern-file", "/nowhere"], ""),
        (["erase", "current#x"], ""),
    ],
)
def test_what_makes_no_sense_is_refused(shop, words, stdin):
    assert shop(*words, stdin=stdin).code == 2


def test_an_event_that_is_not_there_is_refused(shop):
    assert shop("erase", "current#4711", "--yes").code == 4
