"""Backups on the command line: taken, listed, checked, restored, and told of by those who look after the machine."""

import re
import shutil

import pytest
from inline_snapshot import snapshot


@pytest.fixture
def said(shop):
    """Run a command, the store's own hash taken out of its answer."""
    return lambda *arguments: re.sub(r"store-[0-9a-f]{8}", "store-HASH", shop.says(*arguments))


def store_of(cli):
    return cli.home / "segue" / "store"


def test_a_backup_is_taken_listed_and_checked(shop, said):
    assert said("backup") == snapshot("""\
$ segue backup
000001-20260115T093002Z: 1 session, 8 events, the newest of 2026-01-15T09:30:01Z; 3.5 kB, 3.5 kB of them new
in /home/dev/segue/backups/store-HASH/000001-20260115T093002Z
""")
    shop("start", "--task", "sell plums")
    assert said("backup", "list") == snapshot("""\
$ segue backup list
name                     taken     sessions  events  size    new     of
000001-20260115T093002Z  just now  1         8       3.5 kB  3.5 kB  log:///home/dev/s…
""")
    assert said("backup", "check", "last") == snapshot("""\
$ segue backup check last
sound: 000001-20260115T093002Z: 1 session, 8 events, the newest of 2026-01-15T09:30:01Z; 3.5 kB, 3.5 kB of them new
""")
    assert shop("backup", "--json").json["copied"] < shop("backup", "list", "--json").json["backups"][0]["bytes"]


def test_a_store_is_restored_and_what_was_there_is_named(shop, said):
    shop("backup")
    shop("start", "--task", "sell plums")
    assert said("restore-store", "last") == snapshot("""\
$ segue restore-store last
/home/dev/segue/store is as it was in 000001-20260115T093002Z: 1 session and 8 events, the newest of 2026-01-15T09:30:01Z
what was there is in /home/dev/segue/store.aside-1
""")
    assert [row["task"] for row in shop("list", "--json").json["sessions"]] == ["sell pears"]
    aside = str(store_of(shop)) + ".aside-1"
    assert len(shop("list", "--json", "--store", aside).json["sessions"]) == 2


def test_a_store_is_restored_elsewhere_and_stays_as_it_is(shop):
    shop("backup", "--to", str(shop.home / "disk"))
    shop("start", "--task", "sell plums")
    done = shop("restore-store", "1", "--from", str(shop.home / "disk"), "--to", str(shop.home / "again"), "--json").json
    assert (done["store"], done["aside"], done["backup"]["sessions"]) == ("/home/dev/again", None, 1)
    assert len(shop("list", "--json").json["sessions"]) == 2
    assert len(shop("list", "--json", "--store", str(shop.home / "again")).json["sessions"]) == 1


def test_a_store_that_lost_a_session_is_not_backed_up(shop, said):
    shop("backup")
    shop("start", "--task", "sell plums")
    sessions = sorted((store_of(shop) / "sessions").iterdir())
    shutil.rmtree(sessions[0])
    assert said("backup") == snapshot("""\
$ segue backup
! error: store is damaged: session '019bc0fd-89c1-7466-ae0c-494e4f11e5ad', sessions/019bc0fd-89c1-7466-ae0c-494e4f11e5ad: the last backup has this session, the store does not; no backup was taken, the earlier ones stay
! hint: segue recover brings it back; if what is missing may be missing: segue backup --anew
[exit code 6]
""")
    assert shop("backup", "--anew").code == 0


def test_what_is_no_backup_is_not_found(shop):
    assert shop("restore-store", "last", "--json").error["code"] == "not-found"
    assert shop("backup", "check", "12", "--json").error["code"] == "not-found"


def test_a_store_that_is_not_in_files_has_no_backups(cli):
    assert cli("backup", "--store", "memory://", "--json").error["code"] == "usage"


def test_the_worker_takes_one_when_it_is_due_and_only_then(shop):
    shop.env["SEGUE_BACKUP_EVERY"] = "day"
    first = shop("upkeep", "--json").json["backup"]
    assert (first[:6], shop("upkeep", "--json").json["backup"]) == ("000001", None)
    shop.clock.advance(86_400)
    assert shop("upkeep", "--json").json["backup"][:6] == "000002"
    shop.clock.advance(-10 * 86_400)  # the clock was wrong, or is: one more does no harm
    assert shop("upkeep", "--json").json["backup"][:6] == "000003"
    shop.env["SEGUE_BACKUP_EVERY"] = "off"
    shop.clock.advance(9 * 86_400)
    assert shop("upkeep", "--json").json["backup"] is None


def test_one_that_fails_is_told_of_and_not_tried_again_at_once(shop):
    shop.env["SEGUE_BACKUP_EVERY"] = "hour"
    shop("backup")
    shop.clock.advance(7200)
    (log,) = store_of(shop).glob("sessions/*/log/*.jsonl")
    whole = log.read_bytes()
    log.write_bytes(whole.replace(b"pears", b"plums", 1))
    said = shop("upkeep", "--json")
    assert (said.err[:8], '"backup":null' in said.out) == ("warning:", True)
    assert shop("upkeep", "--json").json["backup"] is None
    log.write_bytes(whole)
    shop.clock.advance(3600)
    assert shop("upkeep", "--json").json["backup"][:6] == "000002"


def test_doctor_and_status_tell_how_old_the_last_one_is(shop):
    def told():
        (one,) = [c for c in shop("doctor", "--json").json["checks"] if c["check"] == "backup"]
        return one["status"], re.sub(r"store-[0-9a-f]{8}", "store-HASH", one["what"]), one["hint"]

    assert told() == snapshot(("ok", "there is none: if the disk breaks, the store is gone with it", "segue backup"))
    assert shop("status", "--json").json["backup"] is None
    shop("backup")
    shop.clock.advance(7200)
    assert told() == snapshot(
        ("ok", "/home/dev/segue/backups/store-HASH/000001-20260115T093004Z: taken 2 h ago, 1 session, verified", None)
    )
    assert shop("status", "--json").json["backup"]["age_seconds"] > 7200
    assert "backup" in shop("status").out
    shop.clock.advance(40 * 86_400)
    assert told()[::2] == ("warn", "segue backup")
