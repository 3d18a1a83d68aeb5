"""Whatever damages a store: what any copy has is there again, and what none has is named."""

import json
import random
import shutil
from contextlib import suppress

import pytest

from segue.core.errors import SegueError, StoreTooNewError
from segue.testing.fakes import session_id
from tests.faults.damage import KINDS, Sound

SHORT, LONG = 12, 640
"""Cases of each test; the long form (`make faults`) is 5,120 in all, half an hour."""
NO_DATA = {"lock", "worker.lock"}


def backed_up(shop):
    shop.series().take()


def mirrored(shop):
    shop.mirrored()


def moved_aside(shop):
    shutil.copytree(shop.store.path, shop.home / "store.aside-1")


COPIES = {"backup": backed_up, "mirror": mirrored, "aside": moved_aside}
"""What makes the one copy that is left beside the store."""


@pytest.fixture
def grown(shop, tmp_path):
    """A store, and an older copy of it."""
    shop.begin(9)
    shop.say(9, count=2)
    shop.store.close()
    shutil.copytree(shop.store.path, tmp_path / "older")
    shop.fill()
    shop.say(9, count=5)
    shop.store.close()
    shutil.copytree(shop.store.path, tmp_path / "sound")
    return shop


@pytest.fixture
def sound(grown):
    """The same, with a backup."""
    backed_up(grown)
    return grown


def damage(shop, rng, times=1):
    """Put the store back as it was, damage files of it, and return what was done; none where nothing came of it."""
    shop.store.close()
    shutil.rmtree(shop.store.path)
    shutil.copytree(shop.home / "sound", shop.store.path)
    files = [p.relative_to(shop.store.path) for p in sorted(shop.store.path.rglob("*")) if p.is_file() and p.name not in NO_DATA]
    done = []
    for _ in range(times):
        kind, path = rng.choice(list(KINDS)), rng.choice(files)
        there = (shop.store.path / path).is_file()
        if there and KINDS[kind](shop.store.path, path, Sound(shop.home / "sound", shop.home / "older", None), rng):
            done.append(f"{kind} of {path}")
    return done


def bad(store):
    return [one for one in store.verify() if one.severity in {"damage", "gap"}]


def intact(shop):
    """Return the events that can be read: digest -> number, by session."""
    try:
        store = shop.open("store")
        found = {s: {e.digest: e.seq for e in store.read(s, on_damage=lambda _: None)} for s in store.sessions()}
        store.close()
    except SegueError:
        return {}
    return {session: digests for session, digests in found.items() if digests}


def is_of_next_year(shop):
    """Return whether the damage made the store one of a newer program, in one bit of its header: that is refused, and said."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        if json.loads((shop.store.path / "format.json").read_bytes())["segue"] > 1:
            with pytest.raises(StoreTooNewError):
                shop.recovery().run()
            return True
    return False


def silently_lost(whole, after, told):
    """Return what is missing and was not told of; where only the end is, nothing was left to tell that it had been there."""
    lost = []
    for session, events in whole.items():
        left = after.get(session, {})
        missing = [seq for digest, seq in events.items() if digest not in left]
        end = max((seq for digest, seq in left.items() if digest in events), default=0)
        lost += [(session, seq) for seq in missing if session not in told and seq < end]
        lost += [(session, "all")] * (session not in told and not left)
    return lost


each = pytest.mark.parametrize("cases", [SHORT, pytest.param(LONG, marks=[pytest.mark.long, pytest.mark.timeout(3_000)])])
several = pytest.mark.parametrize("times", [1, 3])


@each
@several
@pytest.mark.parametrize("copy", COPIES)
def test_with_any_one_copy_everything_is_there_again(grown, copy, times, cases):
    COPIES[copy](grown)
    want = grown.told(grown.open("sound"))
    rng = random.Random(f"{copy} {times} {cases}")
    for case in range(cases):
        done = damage(grown, rng, times)
        if is_of_next_year(grown):
            continue
        found = grown.recovery().run()
        store = grown.open("store")
        assert (grown.told(store), bad(store)) == (want, []), (case, done)
        assert (found.splits, [one for one in found.logs if one.lost or one.blobs]) == ([], []), (case, done)
        again = grown.recovery().run()
        assert again.logs == [], (case, done)
        store.close()


@each
@several
def test_without_any_other_copy_what_is_intact_stays_and_what_is_lost_is_named(sound, times, cases):
    whole = intact(sound)
    rng = random.Random(1_000 * cases + times)
    for case in range(cases):
        done = damage(sound, rng, times)
        if is_of_next_year(sound):
            continue
        before = {
            s: events.keys() & whole.get(s, {}).keys() for s, events in intact(sound).items()
        }  # others' lines are none of its
        found = sound.recovery().run(alone=True)
        after = intact(sound)
        store = sound.open("store")
        assert bad(store) == [], (case, done)
        assert all(events <= after.get(session, {}).keys() for session, events in before.items()), (case, done)
        told = {one.session for one in found.logs if one.lost or not one.after}
        told |= {session for session in store.sessions() if any(fork.session in told for fork in store.lineage(session))}
        assert silently_lost(whole, after, told) == [], (case, done)
        assert sound.recovery().run(alone=True).logs == [], (case, done)
        store.close()


@pytest.mark.parametrize("copy", COPIES)
def test_a_store_that_is_gone_is_made_anew_from_any_one_copy(grown, copy):
    want = grown.told(grown.open("sound"))
    COPIES[copy](grown)
    shutil.rmtree(grown.store.path)
    grown.recovery().run()
    store = grown.open("store")
    assert (grown.told(store), bad(store)) == (want, [])


def test_what_a_store_that_is_gone_had_is_said(sound):
    want = sound.told(sound.open("sound"))
    shutil.rmtree(sound.store.path)
    found = sound.recovery().run()
    assert sound.told(sound.open("store")) == want
    assert [(s.kind, s.state) for s in found.sources] == [("store", "missing"), ("backup", "intact")]
    assert found.others[0] == "the store was not there: it is made anew"


def test_a_copy_that_is_damaged_itself_gives_what_it_has(sound):
    """The store lost one event, the backup another: together they have all."""
    want = sound.told(sound.open("sound"))
    for root, at in ((sound.store.path, 2), (next(sound.series().directory.glob("*/store")), 4)):
        log = root / "sessions" / session_id(9) / "log" / "000001.jsonl"
        lines = log.read_bytes().split(b"\n")
        lines[at] = b"?" * 40
        log.write_bytes(b"\n".join(lines))
    sound.recovery().run()
    assert sound.told(sound.open("store")) == want
