"""What befell a store is said in words of its own: set back, a segment or a large value lost, strangers in it, two that parted."""

import json
import re
import shutil

import pytest
from inline_snapshot import snapshot

from segue.app import App


def store_of(cli):
    return cli.home / "segue" / "store"


@pytest.fixture
def said(shop):
    """Run a command, what is new in every run taken out of its answer."""

    def say(*arguments):
        text = re.sub(r"store-[0-9a-f]{8}", "store-HASH", shop.says(*arguments))
        text = re.sub(r"store-[0-9a-f]*…", "store-…", text)
        return re.sub(r"019bc0fd-89[0-9a-f]{2}-7[0-9a-f]{3}(?!.*4f11e5ad)[0-9a-f-]{18}", "NEW-SESSION", text)

    return say


def add(cli, *texts):
    events = [{"kind": "message", "body": {"role": "user", "parts": [{"type": "text", "content": text}]}} for text in texts]
    assert cli("append", "current", "--stdin", stdin="\n".join(map(json.dumps, events))).code == 0


def mirror(cli):
    app = App(cli.env, clock=cli.clock, ids=cli.ids)
    app.copies.mirroring.run()
    app.close()


def set_back(cli, copy, *then):
    """Go on after a copy of the store was made, copy that as well, and put the older one in its place."""
    older = cli.home / "older"
    shutil.copytree(store_of(cli), older)
    add(cli, "later", "and later")
    copy(cli)
    shutil.rmtree(store_of(cli))
    older.rename(store_of(cli))
    if then:
        add(cli, *then)


def backup(cli):
    cli("backup")


@pytest.mark.parametrize("copy", [backup, mirror])
def test_a_store_that_was_set_back_is_found_out(shop, said, copy):
    set_back(shop, copy)
    told = said("validate").replace(copy.__name__, "COPY")
    assert told == snapshot("""\
$ segue validate
finding  session             event  where and why
gap      SESSION-260115-001  9      the end of the log: events 9 to 10 are in a COPY: the store i…
1 session, 8 events checked
! error: the store is damaged: a place of it is not what was written
! hint: segue recover --dry-run
[exit code 6]
""")
    assert shop("recover", "--json").code == 0
    assert shop("validate").code == 0


def test_a_session_that_only_a_copy_has_is_named(shop, said):
    add(shop, "pears")
    mirror(shop)
    shutil.rmtree(next(store_of(shop).glob("sessions/*")))
    assert said("validate") == snapshot("""\
$ segue validate
finding  session                               event  where and why
gap      the store                                    sessions: it is empty: a session with a numbe…
orphan   019bc0fd-89c1-7466-ae0c-494e4f11e5ad         sessions/019bc0fd-89c1-7466-ae0c-494e4f11e5ad…
gap      019bc0fd-89c1-7466-ae0c-494e4f11e5ad         the session: a mirror has it, the store does …
0 sessions, 0 events checked
! error: the store is damaged: 2 places of it are not what was written
! hint: segue recover --dry-run
[exit code 6]
""")


@pytest.mark.parametrize("copy", [backup, mirror])
@pytest.mark.parametrize("here", [["here"], ["here", "and", "here", "again"]])
def test_where_two_copies_parted_both_are_there_afterwards(shop, said, copy, here):
    set_back(shop, copy, *here)
    assert shop("validate").code == 6
    shop("recover")
    texts = set()
    for row in shop("list", "--json").json["sessions"]:
        events = map(json.loads, shop("log", row["id"], "--kind", "message", "--json").out.splitlines())
        texts |= {event["body"]["parts"][0].get("content") for event in events}
    assert {"later", "and later", *here} <= texts
    assert [f for f in shop("validate", "--json").json["findings"] if f["severity"] in {"damage", "gap"}] == []
    assert shop("recover", "--json").json["logs"] == []


def test_what_parted_is_said(shop, said):
    set_back(shop, backup, "here")
    assert said("validate") == snapshot("""\
$ segue validate
finding  session             event  where and why
gap      SESSION-260115-001  10     the end of the log: event 10 is in a backup: the store is an ol…
1 session, 9 events checked
! error: the store is damaged: a place of it is not what was written
! hint: segue recover --dry-run
[exit code 6]
""")
    assert said("recover", "--dry-run") == snapshot("""\
$ segue recover --dry-run
source  is      sessions  events  newest               where
store   intact  1         9                            /home/dev/segue/store
backup  intact  1         10      2026-01-15T09:30:02  /home/dev/segue/backups/store-…
019bc0fd-89c1-7466-ae0c-494e4f11e5ad: split (a copy of it went on separately); 10 events would be there, 9 were
  from /home/dev/segue/backups/store-HASH/000001-20260115T093003Z/store
019bc0fd-89c1-7466-ae0c-494e4f11e5ad: 1 event behind event 8 went on separately: would be kept as NEW-SESSION
0 logs are sound
""")


def test_a_lost_segment_is_said(shop, said):
    add(shop, *(f"pears {n}" for n in range(20)))
    app = App(shop.env, clock=shop.clock, ids=shop.ids)
    app.store.seal(next(iter(app.store.sessions())), whole=True)
    app.close()
    add(shop, "plums")
    next(store_of(shop).glob("sessions/*/log/000001.jsonl.zst")).unlink()
    assert said("validate") == snapshot("""\
$ segue validate
finding  session                               event  where and why
gap      019bc0fd-89c1-7466-ae0c-494e4f11e5ad  1      000029.jsonl line 1: events 1 to 28 are missi…
1 session, 1 event checked
! error: the store is damaged: a place of it is not what was written
! hint: segue recover --dry-run
[exit code 6]
""")
    assert said("recover", "--no-import") == snapshot("""\
$ segue recover --no-import
source  is       sessions  events  newest  where
store   damaged  1         1               /home/dev/segue/store
019bc0fd-89c1-7466-ae0c-494e4f11e5ad: damaged (events 1 to 28 are missing); 1 event is there, 1 was
  lost: 1 to 28
  as it was: /home/dev/segue/store/sessions/019bc0fd-89c1-7466-ae0c-494e4f11e5ad/aside/log-1
0 logs are sound
[exit code 6]
""")


def test_a_missing_large_value_is_said(shop, said):
    add(shop, "pears " * 10_000)
    next(store_of(shop).glob("blobs/*/*.zst")).unlink()
    assert said("validate") == snapshot("""\
$ segue validate
finding  session             event  where and why
damage   SESSION-260115-001  9      blobs/b3/b35cb1464580....zst: blob 'b35cb1464580...' was not fo…
1 session, 9 events checked
! error: the store is damaged: a place of it is not what was written
! hint: segue recover --dry-run
[exit code 6]
""")
    assert said("recover", "--no-import") == snapshot("""\
$ segue recover --no-import
source  is       sessions  events  newest  where
store   damaged  1         9               /home/dev/segue/store
019bc0fd-89c1-7466-ae0c-494e4f11e5ad: damaged (blob 'DIGEST' was not found); 9 events are there, 9 were
  lost: 1 large value
0 logs are sound
[exit code 6]
""")


def test_files_of_others_are_named_and_left_alone(shop, said):
    session = next(store_of(shop).glob("sessions/*"))
    strangers = [store_of(shop) / "holiday.jpg", session / "notes.txt", session / "log" / "README"]
    for stranger in strangers:
        stranger.write_text("pears")
    assert said("validate") == snapshot("""\
$ segue validate
finding  session             event  where and why
orphan   SESSION-260115-001         notes.txt: not a file of segue's
orphan   SESSION-260115-001         log/README: not a segment
orphan   the store                  holiday.jpg: not a file of segue's
1 session, 8 events checked
""")
    assert shop("recover", "--no-import", "--json").json["sound"] == 1
    assert all(stranger.read_text() == "pears" for stranger in strangers)


def test_what_is_no_store_is_not_touched(shop, said):
    shutil.rmtree(store_of(shop))
    store_of(shop).mkdir()
    (store_of(shop) / "holiday.jpg").write_text("pears")
    assert said("recover") == snapshot("""\
$ segue recover
! error: store '/home/dev/segue/store' cannot be opened: the directory holds something else, 'holiday.jpg'
! hint: segue recover --force-recovery moves it aside and begins from all copies that there are
[exit code 1]
""")
    assert said("recover", "--dry-run", "--force-recovery") == snapshot("""\
$ segue recover --dry-run --force-recovery
source  is      sessions  events  newest  where
store   intact  0         0               /home/dev/segue/store
what is in the store's place would be moved aside: it is no store
0 logs are sound
""")
    assert [path.name for path in store_of(shop).iterdir()] == ["holiday.jpg"]


def test_doctor_says_how_the_mirror_is(shop):
    def told():
        return [c["what"].partition(": ")[2] for c in shop("doctor", "--json").json["checks"] if c["check"] == "mirror"]

    assert told() == []
    mirror(shop)
    assert told() == ["up to date"]
    add(shop, "more")
    assert told() == ["something is not in it yet"]


def test_the_mirror_is_due_once_a_minute_and_after_a_checkpoint(shop):
    def due(*, checkpoint=False, **env):
        app = App({**shop.env, **env}, clock=shop.clock, ids=shop.ids)
        app.copies.checkpointed = checkpoint
        found = app.copies.mirror_is_due()
        app.close()
        return found

    assert due()
    mirror(shop)
    add(shop, "more")
    assert (due(), due(checkpoint=True)) == (False, True)
    assert due(checkpoint=True, SEGUE_MIRROR="off") is False
    shop.clock.advance(61)
    assert (due(), due(SEGUE_MIRROR="checkpoints"), due(checkpoint=True, SEGUE_MIRROR="checkpoints")) == (True, False, True)
    mirror(shop)
    shop.clock.advance(61)
    assert (due(), due()) == (False, False)
