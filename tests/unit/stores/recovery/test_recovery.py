"""Copies that went on separately, stores that do not open, and what is said of each."""

import json
import shutil
from pathlib import Path

import pytest

from segue.core.errors import NotFoundError, StoreTooNewError, StoreUnusableError
from segue.engine.loading import Desk, load
from segue.engine.recovery.recovering import recover
from segue.testing.builders import user
from segue.testing.fakes import session_id


def texts(store, session):
    return [e.body["parts"][0]["content"] for e in store.read(session) if e.kind == "message"]


def run(shop, **more):
    store = []

    def desk():
        store[:] = store or [shop.open("store")]
        return Desk(store[0], shop.clock, shop.ids)

    return recover(shop.recovery(), desk, **more)


@pytest.fixture
def parted(shop):
    """A store that was set back to an older copy and went on, while its backup holds how it went on before."""
    shop.begin(1)
    shop.say(1, "both")
    shop.store.close()
    shutil.copytree(shop.store.path, shop.home / "older")
    shop.say(1, "backed up", count=3)
    shop.store.close()
    shop.series().take()
    shutil.rmtree(shop.store.path)
    (shop.home / "older").rename(shop.store.path)
    shop.say(1, "here", count=2)
    shop.store.close()
    return shop


def test_where_two_copies_went_on_separately_the_longer_is_the_log_and_the_other_is_a_fork(parted):
    found, (kept,) = run(parted)
    store = parted.open("store")
    assert texts(store, session_id(1)) == ["both 0", "backed up 0", "backed up 1", "backed up 2"]
    assert texts(store, kept.session) == ["both 0", "here 0", "here 1"]
    assert (kept.of, kept.after, kept.events, store.lineage(kept.session)[0].seq) == (session_id(1), 2, 2, 2)
    assert load(store, kept.session).header["title"] == "went on separately from event 2"
    assert [(one.was, one.before, one.after, one.lost) for one in found.logs] == [("split", 4, 5, ())]
    assert [one for one in store.verify() if one.severity in {"damage", "gap"}] == []


def test_to_recover_again_makes_no_second_fork(parted):
    run(parted)
    found, kept = run(parted)
    assert (found.logs, kept, len(list(parted.open("store").sessions()))) == ([], [], 2)


def test_a_dry_run_says_it_and_does_nothing(parted):
    before = sorted((p, p.stat().st_mtime_ns) for p in parted.store.path.rglob("*") if p.is_file())
    found, kept = run(parted, dry_run=True)
    assert ([one.was for one in found.logs], [one.events for one in kept]) == (["split"], [2])
    assert sorted((p, p.stat().st_mtime_ns) for p in parted.store.path.rglob("*") if p.is_file()) == before


def test_a_store_that_was_set_back_has_its_end_again(shop):
    shop.begin(1)
    shop.store.close()
    shutil.copytree(shop.store.path, shop.home / "older")
    shop.say(1, "backed up", count=3)
    shop.store.close()
    shop.series().take()
    shutil.rmtree(shop.store.path)
    (shop.home / "older").rename(shop.store.path)
    found, kept = run(shop)
    assert ([(one.was, one.before, one.after) for one in found.logs], kept) == ([("behind", 1, 4)], [])
    assert len(texts(shop.open("store"), session_id(1))) == 3


def test_what_was_moved_aside_is_a_copy_too(shop):
    shop.begin(1)
    series = shop.series()
    series.take()
    shop.say(1, "after the backup", count=2)
    shop.store.close()
    series.restore("last")
    found, _ = run(shop)
    assert [one.kind for one in found.sources] == ["store", "backup", "aside"]
    assert len(texts(shop.open("store"), session_id(1))) == 2


def test_a_session_that_was_deleted_stays_deleted(shop):
    shop.begin(1)
    shop.series().take()
    shop.store.delete(session_id(1))
    shop.store.close()
    found, _ = run(shop)
    assert (list(shop.open("store").sessions()), found.logs) == ([], [])


def test_what_no_copy_has_is_lost_and_the_log_tells_it_and_goes_on(shop):
    shop.begin(1)
    shop.say(1, count=4)
    shop.store.close()
    log = shop.store.path / "sessions" / session_id(1) / "log" / "000001.jsonl"
    lines = log.read_bytes().split(b"\n")
    lines[2] = lines[2].replace(b"pears", b"plums")
    log.write_bytes(b"\n".join(lines))
    found, _ = run(shop)
    (one,) = found.logs
    assert (one.was, one.before, one.after, one.lost, one.sources) == ("damaged", 4, 4, ((3, 3),), ())
    store = shop.open("store")
    events = list(store.read(session_id(1)))
    assert [e.seq for e in events] == [1, 2, 4, 5, 6]
    assert (events[-1].kind, events[-1].body["reason"]) == ("loss", "event 3 is in no copy")
    assert Path(one.aside).is_dir()
    shop.say(1, "and on")
    assert [e.seq for e in store.read(session_id(1), reverse=True)] == [7, 6, 5, 4, 2, 1]
    assert [f.severity for f in store.verify()] == ["aside", "aside"]
    store.close()
    assert shop.series().take().events == 6


def test_a_lost_event_that_turns_up_in_a_copy_later_is_put_back(shop):
    shop.begin(1)
    shop.say(1, count=4)
    shop.store.close()
    shutil.copytree(shop.store.path, shop.home / "store.aside-1")
    log = shop.store.path / "sessions" / session_id(1) / "log" / "000001.jsonl"
    lines = log.read_bytes().split(b"\n")
    lines[2] = lines[2].replace(b"pears", b"plums")
    log.write_bytes(b"\n".join(lines))
    assert [one.lost for one in shop.recovery().run(alone=True).logs] == [((3, 3),)]
    assert [one.lost for one in shop.recovery().run().logs] == [()]
    store = shop.open("store")
    assert [e.seq for e in store.read(session_id(1))] == [1, 2, 3, 4, 5, 6]
    assert [f.severity for f in store.verify() if f.where == "lost.json"] == []


def test_a_directory_that_holds_something_else_is_left_alone_unless_told_otherwise(shop):
    shop.begin(1)
    shop.store.close()
    shop.series().take()
    shutil.rmtree(shop.store.path)
    shop.store.path.mkdir()
    (shop.store.path / "holiday.jpg").write_bytes(b"pears")
    with pytest.raises(StoreUnusableError, match="holds something else"):
        shop.recovery().run()
    found = shop.recovery(force=True).run()
    assert found.others == [f"what was in the store's place is in {shop.store.path}.aside-1: it did not open"]
    assert (shop.home / "store.aside-1" / "holiday.jpg").read_bytes() == b"pears"
    assert list(shop.open("store").sessions()) == [session_id(1)]


def test_a_store_of_a_newer_program_is_never_touched(shop):
    (shop.store.path / "format.json").write_text(json.dumps({"segue": 99}))
    for force in (False, True):
        with pytest.raises(StoreTooNewError):
            shop.recovery(force=force).run()
    assert (shop.store.path / "format.json").read_text() == '{"segue": 99}'


def test_a_damaged_header_is_made_anew_and_kept(shop):
    shop.begin(1)
    shop.store.close()
    (shop.store.path / "format.json").write_text("{")
    found, _ = run(shop)
    assert found.others == ["format.json was damaged: it is made anew, the damaged one is kept"]
    assert [p.read_text() for p in (shop.store.path / "aside").iterdir()] == ["{"]
    assert list(shop.open("store").sessions()) == [session_id(1)]


def test_one_session_is_recovered_alone(shop):
    for n in (1, 2):
        shop.begin(n)
    shop.store.close()
    shop.series().take()
    for n in (1, 2):
        shutil.rmtree(shop.store.path / "sessions" / session_id(n))
    found, _ = run(shop, session=session_id(2))
    assert [one.session for one in found.logs] == [session_id(2)]
    assert list(shop.open("store").sessions()) == [session_id(2)]
    with pytest.raises(NotFoundError):
        shop.recovery().run(session=session_id(7))


def test_backups_of_a_store_that_was_elsewhere_count_when_they_are_asked_for(shop):
    shop.begin(1)
    shop.store.close()
    shop.series().take()
    shop.store.path.rename(shop.home / "elsewhere")
    shop.home.joinpath("elsewhere").rename(shop.home / "gone")
    manifest = next(shop.series().directory.glob("*/manifest.jsonl"))
    assert b"/store" in manifest.read_bytes()
    from segue.stores.log.recovery import Others, StoreRecovery

    new = StoreRecovery(shop.home / "new", Others(shop.series()), clock=shop.clock, ids=shop.ids)
    assert (new.run().logs, list(shop.open("new").sessions())) == ([], [])
    new = StoreRecovery(shop.home / "new", Others(shop.series(), any_store=True), clock=shop.clock, ids=shop.ids)
    assert [one.was for one in new.run().logs] == ["missing"]
    assert list(shop.open("new").sessions()) == [session_id(1)]


@pytest.mark.parametrize("opened_by", ["a reader", "repair"])
def test_a_repair_that_was_killed_between_two_logs_is_finished_by_whoever_comes_next(shop, opened_by):
    shop.begin(1)
    shop.say(1, count=3)
    shop.store.close()
    directory = shop.store.path / "sessions" / session_id(1)
    shutil.copytree(directory / "log", directory / "log.new")  # as it is behind the step that moves the old one aside
    (directory / "aside").mkdir(mode=0o700)
    (directory / "log").rename(directory / "aside" / "log-1")
    if opened_by == "repair":
        found = shop.recovery().run(alone=True)
        assert (found.others, found.sound) == ([], 1)
    store = shop.open("store")
    assert texts(store, session_id(1)) == ["pears 0", "pears 1", "pears 2"]
    assert sorted(path.name for path in directory.iterdir() if path.name in {"log", "log.new"}) == ["log"]
    store.append(session_id(1), [user("and on")])
    assert [f.severity for f in store.verify()] == ["aside"]
    store.close()


def test_a_fork_whose_header_names_nobody_finds_its_parent_by_its_own_event(shop):
    shop.fill().store.close()
    parent, fork = (shop.store.path / "sessions" / session_id(n) for n in (1, 3))
    header = (fork / "fork.json").read_bytes()
    (fork / "fork.json").write_bytes(header.replace(b"000000000001", b"000002000001"))
    (parent / "forks" / fork.name).unlink()
    shop.recovery().run(alone=True)
    assert (fork / "fork.json").read_bytes() == header
    assert [one for one in shop.open("store").verify() if one.severity in {"damage", "gap"}] == []


@pytest.mark.parametrize("marked", [True, False])
def test_a_fork_that_lost_its_header_and_its_first_event_is_sound_again(shop, marked):
    shop.fill().store.close()
    parent, fork = (shop.store.path / "sessions" / session_id(n) for n in (1, 3))
    (fork / "fork.json").write_bytes(b"")
    log = fork / "log" / "000011.jsonl"
    log.write_bytes(log.read_bytes().replace(b"session.forked", b"session.forged"))
    if not marked:
        (parent / "forks" / fork.name).unlink()
    (one,) = shop.recovery().run(alone=True).logs
    store = shop.open("store")
    assert [finding for finding in store.verify() if finding.severity in {"damage", "gap"}] == []
    assert [point.seq for point in store.lineage(fork.name)] == ([10] if marked else [])
    assert one.lost == (((11, 11),) if marked else ((1, 11),))
    assert texts(store, fork.name)[-1:] == ["plums"]
    assert shop.recovery().run(alone=True).logs == []
