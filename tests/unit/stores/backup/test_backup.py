"""Backups: whole, verified, linked where nothing changed, and none at all where something is wrong."""

import json
import os
import shutil
import stat
from operator import methodcaller
from pathlib import Path

import pytest

from segue.core.errors import DamagedError, GoneError, NotFoundError, StoreTooNewError, UsageError
from segue.core.log.needles import literal
from segue.stores.log.backup import manifest
from segue.stores.log.backup import series as series_
from segue.stores.log.locks import BusyError, share, try_lock
from segue.testing.fakes import session_id


def names(series):
    return [one.name.partition("-")[0] for one in series.all()]


def inodes(path):
    return {p.relative_to(path).as_posix(): p.stat().st_ino for p in path.rglob("*") if p.is_file() and p.stat().st_size}


def in_it(backup):
    return Path(backup.path) / "store"


def flip(path, at=-20):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def test_what_is_restored_from_a_backup_says_all_that_the_store_said(shop):
    shop.fill()
    before = shop.told(shop.store)
    taken = shop.series().take()
    made = shop.series().restore("last", str(shop.home / "again"))
    again = shop.open("again")
    assert shop.told(again) == before
    assert [one for one in again.verify() if one.severity in {"damage", "gap"}] == []
    assert (taken.sessions, taken.events, made.aside) == (3, sum(1 for s in (1, 2) for _ in again.read(session_id(s))) + 2, "")
    with pytest.raises(GoneError):
        again.info(session_id(4))
    assert again.number("SESSION-260115-", "x") == shop.store.number("SESSION-260115-", "x")


def test_a_backup_is_itself_a_store_that_can_be_looked_into(shop):
    shop.fill()
    backup = shop.series().take()
    assert shop.told(shop.open(in_it(backup).relative_to(shop.home))) == shop.told(shop.store)


def test_what_has_not_changed_is_linked_to_the_last_backup_and_never_to_the_store(shop):
    shop.fill()
    series = shop.series()
    first = series.take()
    shop.say(2)
    second = series.take()
    old, new, live = (inodes(path) for path in (in_it(first), in_it(second), shop.store.path))
    changed = {name for name in new if name in old and new[name] != old[name]}
    assert changed == {f"sessions/{session_id(2)}/log/000001.jsonl", f"sessions/{session_id(2)}/lock"} & set(new)
    assert not set(live.values()) & (set(old.values()) | set(new.values()))
    assert second.copied == (in_it(second) / "sessions" / session_id(2) / "log" / "000001.jsonl").stat().st_size


def test_so_many_stay_as_are_to_be_kept_and_the_latest_do(shop):
    shop.begin(1)
    series = shop.series(keep=2)
    for _ in range(4):
        series.take()
    assert names(series) == ["000004", "000003"]
    assert series.last().name.startswith("000004")


def test_the_order_is_that_of_the_numbers_whatever_the_clock_says(shop):
    shop.begin(1)
    series = shop.series(keep=2)
    series.take()
    shop.clock.at += 1e9
    series.take()
    shop.clock.at = -1e6
    series.take()
    assert names(series) == ["000003", "000002"]


def test_all_that_was_acknowledged_before_is_in_it(shop):
    shop.begin(1)
    shop.say(1, count=3)
    head = shop.store.info(session_id(1)).head
    shop.series().take()
    made = shop.series().restore("1", str(shop.home / "again"))
    assert shop.open(Path(made.path).relative_to(shop.home)).info(session_id(1)).head == head


def damaged_line(shop):
    flip(shop.store.path / "sessions" / session_id(1) / "log" / "000001.jsonl", 400)


def missing_segment(shop):
    (shop.store.path / "sessions" / session_id(1) / "log" / "000001.jsonl").unlink()


def missing_session(shop):
    shutil.rmtree(shop.store.path / "sessions" / session_id(1))


def missing_blob(shop):
    shutil.rmtree(shop.store.path / "blobs")


def cut_short(shop):
    path = shop.store.path / "sessions" / session_id(1) / "log" / "000001.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-2]))


@pytest.mark.parametrize("harm", [damaged_line, missing_segment, missing_session, missing_blob, cut_short])
def test_a_store_that_is_damaged_or_lost_something_is_not_backed_up_and_the_earlier_ones_stay(shop, harm):
    shop.begin(1)
    shop.say(1, "x" * 50_000)
    shop.say(1, count=9)
    series = shop.series(keep=1)
    first = series.take()
    shop.store.close()
    harm(shop)
    with pytest.raises(DamagedError, match="no backup was taken"):
        series.take()
    assert series.all() == [series.check("1")] == [first]
    assert sorted(path.name for path in series.directory.iterdir()) == [first.name, "lock"]


def test_a_store_that_was_rolled_back_is_not_backed_up_unless_that_is_said(shop):
    shop.begin(1)
    shop.store.close()
    shutil.copytree(shop.store.path, shop.home / "old")
    shop.say(1, count=5)
    series = shop.series()
    series.take()
    shop.store.close()
    shutil.rmtree(shop.store.path)
    (shop.home / "old").rename(shop.store.path)
    with pytest.raises(DamagedError, match="events 2 to 6 are in the last backup: the store is an older copy"):
        series.take()
    shop.say(1, "another way", count=7)
    with pytest.raises(DamagedError, match="event 6 is another in the last backup: the store went on separately"):
        series.take()
    assert series.take(anew=True).events == 8


def test_a_damaged_backup_is_not_linked_to_and_the_next_one_is_whole(shop):
    shop.fill()
    series = shop.series()
    first = series.take()
    bad = in_it(first) / "sessions" / session_id(2) / "log" / "000001.jsonl"
    flip(bad)
    second = series.take()
    assert (series.check(second.name), second.copied) == (second, bad.stat().st_size)
    with pytest.raises(DamagedError, match="not as they were written"):
        series.check(first.name)


def test_a_change_of_any_file_of_a_backup_is_found(shop):
    shop.fill()
    series = shop.series()
    backup = series.take()
    for name in json_lines(backup):
        path = in_it(backup) / name
        whole = path.read_bytes()
        for harm in (lambda p: flip(p, 0), lambda p: p.write_bytes(whole[:-1]), lambda p: p.unlink()):  # noqa: B023
            if not whole and harm.__code__.co_names != ("unlink",):
                continue
            harm(path)
            with pytest.raises(DamagedError):
                series.check("last")
            with pytest.raises(DamagedError):
                series.restore("last", str(shop.home / "again"))
            path.write_bytes(whole)
    assert not (shop.home / "again").exists()
    assert series.check("last") == backup


def json_lines(backup):
    lines = (Path(backup.path) / "manifest.jsonl").read_text().splitlines()
    return [record["file"] for record in map(json.loads, lines) if "file" in record]


def test_a_manifest_that_is_cut_changed_or_gone_makes_it_no_backup(shop):
    shop.begin(1)
    series = shop.series()
    backup = series.take()
    path = Path(backup.path) / "manifest.jsonl"
    whole = path.read_bytes()
    for harmed in (b"", whole[:-1], whole[:40], whole.replace(b'"size":', b'"size":1', 1), b"[" * 9000):
        path.write_bytes(harmed)
        with pytest.raises(DamagedError):
            series.check(backup.name)
    path.unlink()
    assert (series.last(), len(series.all()), bool(series.all()[0].damaged)) == (None, 1, True)


def test_a_manifest_that_names_a_file_elsewhere_is_not_believed(shop):
    shop.begin(1)
    backup = shop.series().take()
    path = Path(backup.path)
    found = manifest.read(path)
    (path / "manifest.jsonl").unlink()
    manifest.write(path, found._replace(files={"../../evil": next(iter(found.files.values()))}), events=1, copied=0)
    with pytest.raises(DamagedError, match="not a file of a store"):
        shop.series().check("1")


def test_a_backup_of_a_newer_program_is_named_and_not_used(shop):
    shop.begin(1)
    backup = shop.series().take()
    path = Path(backup.path) / "manifest.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"segue-backup":2', b'"segue-backup":3', 1))
    assert "newer program" in shop.series().all()[0].damaged
    assert shop.series().last() is None
    with pytest.raises(StoreTooNewError):
        manifest.read(Path(backup.path))


def test_files_are_the_users_alone(shop):
    shop.fill()
    series = shop.series()
    series.take()
    series.restore("last", str(shop.home / "again"))
    assert series.clear(literal(["plums"]), (), lambda _: False) > 0
    for top in (series.directory, shop.home / "again"):
        for path in (top, *top.rglob("*")):
            assert stat.S_IMODE(path.lstat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_a_store_is_restored_in_its_place_and_what_was_there_is_moved_aside(shop):
    shop.begin(1)
    series = shop.series()
    series.take()
    shop.say(1, count=4)
    now = shop.told(shop.store)
    shop.store.close()
    made = series.restore("last")
    assert (made.path, made.aside) == (str(shop.store.path), f"{shop.store.path}.aside-1")
    assert shop.told(shop.open("store.aside-1")) == now
    assert shop.open("store").info(session_id(1)).head.seq == 1
    assert series.restore("last").aside == f"{shop.store.path}.aside-2"


def test_one_takes_a_backup_at_a_time(shop):
    shop.begin(1)
    series = shop.series()
    series.take()
    fd = try_lock(series.directory / "lock")
    with pytest.raises(BusyError):
        series.take()
    os.close(fd)
    series.take()


@pytest.mark.parametrize("name", ["check", "restore", "bring_back"])
def test_a_backup_that_others_change_is_not_taken_for_damaged(shop, name, monkeypatch):
    reading = methodcaller(name, "last", *{"check": (), "restore": (str(shop.home / "again"),), "bring_back": ((),)}[name])
    shop.begin(1)
    series = shop.series()
    series.take()
    monkeypatch.setattr(series_, "PATIENCE", 0.0)
    fd = try_lock(series.directory / "lock")
    with pytest.raises(BusyError, match="backups cannot be read: another process is changing them"):
        reading(series)
    os.close(fd)
    reading(series)


def test_who_reads_backups_does_not_wait_for_one_that_reads(shop):
    shop.begin(1)
    series = shop.series()
    series.take()
    fd = share(series.directory / "lock")
    assert series.check("last").sessions == 1
    os.close(fd)


def test_where_there_is_no_store_there_is_no_backup_of_it(shop):
    with pytest.raises(NotFoundError):
        shop.series(store="nowhere").take()
    assert not (shop.home / "nowhere").exists()


def test_a_backup_is_never_in_the_store_that_it_is_of(shop):
    with pytest.raises(UsageError):
        shop.series(place="store/backups").take()


def test_two_stores_in_one_place_do_not_take_each_others_turn(shop):
    shop.begin(1)
    other = shop.open("other")
    shop.series(keep=1).take()
    shop.series(keep=1, store="other").take()
    other.close()
    assert [Path(one.store).name for one in shop.series(keep=1, store="other").all()] == ["other", "store"]
    with pytest.raises(NotFoundError):
        shop.series().check("7")


def test_what_a_killed_restore_left_is_taken_away_by_the_next_one_and_by_upkeep(shop):
    shop.begin(1)
    series = shop.series()
    series.take()
    left = shop.home / ".store.restoring-4711-00c0ffee"
    for again in (lambda: series.restore("last"), lambda: shop.open("store").upkeep()):
        (left / "sessions").mkdir(parents=True)
        shop.clock.advance(7200)
        again()
        assert not left.exists()
