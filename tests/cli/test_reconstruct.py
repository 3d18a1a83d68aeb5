"""Sessions from whatever is left of them: every gap is named, and nothing in the store is changed."""

import json
import re
import shutil
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from segue.core.log.codec import blob_name

ORIGIN = "019bc0fd-89c1-7466-ae0c-494e4f11e5ad"


def store_of(cli):
    return cli.home / "segue" / "store"


@pytest.fixture
def heap(shop):
    """What is left: a directory, and the lines of the session's only segment; the store is gone."""
    (log,) = store_of(shop).glob("sessions/*/log/000001.jsonl")
    lines = log.read_bytes().splitlines(keepends=True)
    shutil.rmtree(store_of(shop))
    place = shop.home / "left"
    place.mkdir()
    return place, lines


def said(cli, *arguments):
    """Return what a command says, with what is new in every run taken out."""
    text = cli.says(*arguments).replace(str(cli.home), "/home/dev")
    return re.sub(r"019bc0fd-89c4-7[0-9a-f-]{21}", "019bc0fd-89c4-7000-8000-NEWSESSION00", text)


def bodies(cli, ref="last"):
    events = map(json.loads, cli("log", ref, "--json").out.splitlines())
    return [(e["kind"], e["body"]) for e in events]


def test_a_single_segment_of_unknown_name_becomes_a_session(shop, heap):
    place, lines = heap
    (place / "recovered-file-00017.bin").write_bytes(b"".join(lines))
    assert said(shop, "reconstruct", str(place)) == snapshot("""\
$ segue reconstruct /home/dev/left
session             of                  events  lost
SESSION-260115-001  SESSION-260115-001  8       0     made
""")
    assert [kind for kind, _ in bodies(shop)] == [
        "session.created",
        "session.activated",
        "message",
        "constraint.set",
        "message",
        "message",
        "decision.made",
        "plan.set",
    ]
    assert "sell pears" in shop("status", "last").out


def test_gaps_are_named_where_they_are(shop, heap):
    place, lines = heap
    (place / "a.jsonl").write_bytes(b"".join(lines[:3]))
    (place / "b.torn").write_bytes(lines[4] + lines[6][:50])
    (place / "c").write_bytes(b"\0" * 512 + b"garbage" + lines[7] + b"more garbage")
    answer = shop("reconstruct", str(place), "--json")
    assert answer.code == 6
    assert [(one["events"], one["lost"]) for one in answer.json["sessions"]] == [
        (3, []),
        (1, [[1, 4]]),
        (1, [[1, 7]]),
    ]
    assert answer.json["damaged"] == 1


def test_files_that_lay_in_a_sessions_directory_are_of_one_session(shop, heap):
    place, lines = heap
    log = place / "some" / ORIGIN / "log"
    log.mkdir(parents=True)
    (log / "000001.jsonl").write_bytes(b"".join(lines[:3]))
    (log / "000005.jsonl").write_bytes(lines[4])
    (log / "x.torn").write_bytes(lines[7])
    assert said(shop, "reconstruct", str(place)) == snapshot("""\
$ segue reconstruct /home/dev/left
session             of                                    events  lost
SESSION-260115-001  019bc0fd-89c1-7466-ae0c-494e4f11e5ad  5       3     made
SESSION-260115-001: lost: 4, 6 to 7
[exit code 6]
""")
    assert bodies(shop)[3] == ("loss", {"where": f"event 4 of {ORIGIN}", "reason": "nothing that was left has it"})


def test_the_same_again_makes_no_second_session(shop, heap):
    place, lines = heap
    (place / "a").write_bytes(b"".join(lines))
    shop("reconstruct", str(place))
    assert said(shop, "reconstruct", str(place)) == snapshot("""\
$ segue reconstruct /home/dev/left
session                               of                  events  lost
019bc0fd-89c4-7000-8000-NEWSESSION00  SESSION-260115-001  8       0     made before
""")
    assert len(shop("list", "--json").json["sessions"]) == 1


def test_what_the_store_has_whole_is_not_made_again(shop):
    copy = shop.home / "copy"
    shutil.copytree(store_of(shop), copy)
    assert said(shop, "reconstruct", str(copy)) == snapshot("""\
$ segue reconstruct /home/dev/copy
session                               of                                    events  lost
019bc0fd-89c1-7466-ae0c-494e4f11e5ad  019bc0fd-89c1-7466-ae0c-494e4f11e5ad  8       0     in the store
""")
    assert len(shop("list", "--json").json["sessions"]) == 1


def test_a_dry_run_makes_nothing(shop, heap):
    place, lines = heap
    (place / "a").write_bytes(b"".join(lines))
    assert said(shop, "reconstruct", "--dry-run", str(place)) == snapshot("""\
$ segue reconstruct --dry-run /home/dev/left
session                               of                  events  lost
019bc0fd-89c4-7000-8000-NEWSESSION00  SESSION-260115-001  8       0     would be made
""")
    assert shop("list", "--json").json["sessions"] == []


def test_transcripts_among_the_files_are_imported(shop, heap):
    place, lines = heap
    (place / "a").write_bytes(b"".join(lines))
    shutil.copy(Path(__file__).parents[1] / "fixtures/transcripts/claude/killed-mid-tool.jsonl", place / "b.jsonl")
    answer = shop("reconstruct", str(place), "--json").json
    assert [(one["agent"], one["new_events"] > 0) for one in answer["imported"]] == [("claude-code", True)]
    assert len(shop("list", "--json").json["sessions"]) == 2


def test_a_sealed_segment_with_a_damaged_frame_and_large_values_elsewhere(shop):
    text = "pears and plums " * 4_000
    events = [
        {"kind": "message", "body": {"role": "user", "parts": [{"type": "text", "content": f"{n} {text}"}]}} for n in range(40)
    ]
    shop("append", "current", "--stdin", stdin="\n".join(json.dumps(one) for one in events))
    from segue.app import App

    app = App(shop.env, clock=shop.clock, ids=shop.ids)
    (session,) = app.store.sessions()
    app.store.seal(session, whole=True)
    app.close()
    place = shop.home / "left"
    place.mkdir()
    (sealed,) = store_of(shop).glob("sessions/*/log/*.zst")
    data = bytearray(sealed.read_bytes())
    at = data.find(b"\x28\xb5\x2f\xfd", 10)
    data[at + 30] ^= 0xFF
    (place / "half").write_bytes(bytes(data))
    values = place / "values"
    values.mkdir()
    missing = blob_name(f"5 {text}".encode())
    for n, blob in enumerate(sorted(store_of(shop).glob("blobs/*/*.zst"))):
        if blob.name != f"{missing}.zst":
            shutil.copy(blob, values / f"chunk-{n}")
    shutil.rmtree(store_of(shop))
    answer = shop("reconstruct", str(place), "--json")
    (one,) = answer.json["sessions"]
    assert (answer.code, one["lost"], one["events"], len(one["blobs"])) == (6, [[17, 32]], 32, 1)
    messages = [body["parts"][0] for kind, body in bodies(shop) if kind == "message"]
    assert messages[-1]["content"] == f"39 {text}"
    assert bodies(shop)[-1][0] == "loss"


def test_a_mirror_that_is_found_somewhere_is_read(shop):
    from segue.app import App

    app = App(shop.env, clock=shop.clock, ids=shop.ids)
    app.copies.mirroring.run()
    app.close()
    shutil.rmtree(store_of(shop))
    shutil.move(shop.home / "segue" / "mirrors", shop.home / "found")
    (one,) = shop("reconstruct", str(shop.home / "found"), "--json").json["sessions"]
    assert (one["origin"], one["events"], one["lost"]) == (ORIGIN, 8, [])


def test_nothing_of_ours_is_an_error(shop):
    place = shop.home / "holiday"
    place.mkdir()
    (place / "pears.jpg").write_bytes(b"\xff\xd8 pears")
    assert said(shop, "reconstruct", str(place)) == snapshot("""\
$ segue reconstruct /home/dev/holiday
! error: session, or a part of one, in '/home/dev/holiday' was not found
! hint: give files, or directories that hold some
[exit code 4]
""")
    assert shop("reconstruct", "/nowhere", "--json").error["code"] == "not-found"
