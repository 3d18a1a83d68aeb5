"""Beside an encrypted store: what is kept in an emergency, or before a risk, is in boxes, and comes out again as it went in."""

import os
import time
from pathlib import Path

import pytest

from segue.core.log.storekeys import id_of
from segue.engine.loading import Desk
from segue.engine.saving.interrupting import Rescued, rescue
from segue.host import boxing, memory
from segue.host.boxing import PART, boxed, opened, parts
from segue.host.clock import SystemClock, SystemIds
from segue.host.emergency import EmergencyFiles, ReserveFile, places
from segue.host.keeping import Keeping
from segue.stores.log import LogStore
from segue.stores.log.cipher import SCHEME, Cipher, Scheme, write_scheme
from tests.encryption import KEY, Ring

OTHER = bytes(32)
CANARY = b"CANARY-7741"
RING = Ring(KEY, OTHER)


@pytest.fixture
def place(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "run").mkdir(mode=0o700)
    write_scheme(tmp_path / "store" / SCHEME, Scheme(id_of(KEY)))
    return tmp_path


@pytest.fixture
def env(place):
    return {"XDG_RUNTIME_DIR": str(place / "run"), "TMPDIR": str(place / "run")}


def cipher(place, ring=RING):
    return Cipher(place / "store", ring).refresh()


def under(place, key, *older):
    write_scheme(place / "store" / SCHEME, Scheme(id_of(key) if key else "", {id_of(one): None for one in older}))
    return cipher(place)


def in_the_clear(place):
    return [str(p.relative_to(place)) for p in sorted(place.rglob("*")) if p.is_file() and CANARY in p.read_bytes()]


# --- rows of boxes


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 2 * PART])
def test_a_file_of_any_size_comes_out_as_it_went_in(place, size):
    content = os.urandom(size)
    source, to = place / "source", place / "boxed"
    source.write_bytes(content)
    with source.open("rb") as file:
        boxing.replace(to, boxed(cipher(place), parts(file), "thing"))

    with to.open("rb") as file:
        assert b"".join(opened(cipher(place), file, "thing")) == content
    assert (to.stat().st_mode & 0o777, len(to.read_bytes()) > size) == (0o600, True)


def spoilt(data):
    end = boxing._FRAME.unpack(data[:8])[1] + 8
    first, second = data[:end], data[end:]
    yield "cut short", data[:-1]
    yield "its end missing", first
    yield "its beginning missing", second
    yield "twice", data + second
    yield "the wrong way round", second + first
    yield "changed", data[:-1] + bytes([data[-1] ^ 1])
    yield "something behind it", data + b"x"


@pytest.mark.parametrize("number", range(7))
def test_a_row_that_was_changed_is_refused(place, number):
    data = b"".join(boxed(cipher(place), [b"x" * PART, b"y"], "thing"))
    what, changed = list(spoilt(data))[number]
    (place / "changed").write_bytes(changed)
    with pytest.raises(ValueError, match=r"."), (place / "changed").open("rb") as file:
        pytest.fail(f"{what}: {len(b''.join(opened(cipher(place), file, 'thing')))} bytes")


def test_a_row_of_something_else_is_refused(place):
    (place / "other").write_bytes(b"".join(boxed(cipher(place), [b"x"], "thing")))
    with pytest.raises(ValueError, match="changed"), (place / "other").open("rb") as file:
        list(opened(cipher(place), file, "other"))


# --- emergencies


def test_what_is_kept_in_an_emergency_is_nowhere_in_the_clear_and_read_again(place, env):
    reserve = ReserveFile(places(place, env), cipher(place))
    reserve.put(b"1 " + CANARY)
    reserve.put_elsewhere(b"2 " + CANARY)
    reserve.close()

    assert in_the_clear(place) == []
    kept = EmergencyFiles(place, env, lambda: cipher(place)).take()
    assert sorted((one.payloads, one.broken, one.locked) for one in kept) == [
        ([b"1 " + CANARY], 0, ""),
        ([b"2 " + CANARY], 0, ""),
    ]
    for one in kept:
        one.done()


def test_an_emergency_of_a_process_that_began_before_the_encryption_is_boxed_as_well(place, env):
    (place / "store" / SCHEME).unlink()
    reserve = ReserveFile(places(place, env), cipher(place))
    under(place, KEY)
    reserve.put(CANARY)
    reserve.close()
    assert in_the_clear(place) == []


def test_without_the_key_nothing_is_kept_in_the_clear(place, env):
    (place / "store" / SCHEME).unlink()
    reserve = ReserveFile(places(place, env), Cipher(place / "store", Ring()).refresh())
    under(place, KEY)
    for put in (reserve.put, reserve.put_elsewhere):
        with pytest.raises(PermissionError, match="there is no key"):
            put(CANARY)
    reserve.close()
    assert in_the_clear(place) == []


def test_an_emergency_file_under_another_key_stays_where_it_is_and_is_named(place, env):
    LogStore(place / "store", clock=SystemClock(), ids=SystemIds(), keys=RING).close()
    reserve = ReserveFile(places(place, env), cipher(place))
    path = reserve.put(CANARY)
    reserve.close()
    before = Path(path).read_bytes()
    under(place, OTHER)
    files = EmergencyFiles(place, env, lambda: Cipher(place / "store", Ring(OTHER)).refresh())
    store = LogStore(place / "store", clock=SystemClock(), ids=SystemIds(), keys=Ring(OTHER))

    done = rescue(Desk(store, SystemClock(), SystemIds()), files)

    assert done == Rescued(0, 0, 0, 1, 0)
    assert Path(path).read_bytes() == before
    (kept,) = files.take()
    assert (kept.path, kept.payloads, kept.locked) == (path, [], f"it is under another key, {id_of(KEY)}")
    kept.leave()
    assert files.rekey() == [f"{path}: it is under another key, {id_of(KEY)}"]
    store.close()


@pytest.mark.parametrize(("before", "after"), [(None, KEY), (KEY, OTHER), (KEY, None), (None, None), (KEY, KEY)])
def test_what_waits_is_brought_under_another_key(place, env, before, after):
    under(place, before)
    reserve = ReserveFile(places(place, env), cipher(place))
    reserve.put(b"1 " + CANARY)
    reserve.put(b"2 " + CANARY)
    path = Path(reserve.put(b"torn " + CANARY))
    reserve.close()
    broken = path.with_name(f"{path.name}.broken")
    broken.write_bytes(cipher(place).box(b"broken " + CANARY, ".broken"))
    under(place, after, *([before] if before else []))
    files = EmergencyFiles(place, env, lambda: cipher(place))

    assert files.rekey() == []

    assert bool(in_the_clear(place)) == (after is None)
    under(place, after)
    for _ in range(2):  # and a second time changes nothing
        (kept,) = EmergencyFiles(place, env, lambda: Cipher(place / "store", Ring(*[after] * bool(after))).refresh()).take()
        assert (kept.payloads, kept.locked) == ([b"1 " + CANARY, b"2 " + CANARY, b"torn " + CANARY], "")
        kept.leave()
        assert files.rekey() == []
    assert cipher(place).open(broken.read_bytes(), ".broken") == b"broken " + CANARY


# --- copies


def copied(place):
    return [p for p in sorted((place / "kept").rglob("*")) if p.is_file()]


def test_a_copy_is_in_boxes_and_read_again(place, env, tmp_path_factory):
    transcript = tmp_path_factory.mktemp("agent") / "abc.jsonl"
    transcript.write_bytes(CANARY * (1 << 20))
    keeping = Keeping(place, cipher(place), env)

    copy = keeping.keep(str(transcript), "claude-code/abc")

    assert keeping.keep(str(transcript), "claude-code/abc") == copy
    assert copied(place) == [Path(copy)]
    assert (in_the_clear(place), copy.endswith(".jsonl.box")) == ([], True)
    assert b"".join(keeping.content(copy)) == transcript.read_bytes()


@pytest.mark.parametrize(("before", "after"), [(None, KEY), (KEY, OTHER), (KEY, None), (None, None)])
def test_copies_are_brought_under_another_key(place, env, tmp_path_factory, before, after):
    transcript = tmp_path_factory.mktemp("agent") / "abc.jsonl"
    transcript.write_bytes(CANARY)
    under(place, before)
    keeping = Keeping(place, cipher(place), env)
    keeping.keep(str(transcript), "codex/abc")
    (place / "restored").mkdir()
    (place / "restored" / "S.md").write_bytes(CANARY)
    under(place, after, *([before] if before else []))

    for _ in range(2):
        assert keeping.rekey() == []

    under(place, after)
    (copy,) = copied(place)
    assert (copy.suffix == ".box", bool(in_the_clear(place))) == (after is not None, after is None)
    assert b"".join(Keeping(place, cipher(place), env).content(str(copy))) == CANARY


def test_a_copy_under_a_key_that_nobody_has_stays_and_is_named(place, env, tmp_path_factory):
    transcript = tmp_path_factory.mktemp("agent") / "abc.jsonl"
    transcript.write_bytes(CANARY)
    copy = Keeping(place, cipher(place), env).keep(str(transcript), "codex/abc")
    before = Path(copy).read_bytes()
    under(place, OTHER)

    left = Keeping(place, Cipher(place / "store", Ring(OTHER)), env).rekey()

    assert (left, Path(copy).read_bytes()) == ([f"{copy}: it is under another key, {id_of(KEY)}"], before)


def test_a_text_for_an_agent_lies_in_memory_and_goes_after_a_day(place, env):
    keeping = Keeping(place, cipher(place), env)

    first = Path(keeping.leave("S-1.md", CANARY.decode()))
    assert (first.read_bytes(), first.stat().st_mode & 0o777, in_the_clear(place)) == (CANARY, 0o600, [])
    os.utime(first, (0, time.time() - 100_000))
    second = Path(keeping.leave("S-2.md", CANARY.decode()))

    assert (first.exists(), second.exists()) == (False, True)
    second.unlink()
    second.parent.rmdir()


# --- memory


def test_a_room_is_private_and_gone_in_the_end(tmp_path):
    tmp_path.chmod(0o700)
    with memory.room(tmp_path) as directory:
        assert (directory.stat().st_mode & 0o777, directory.parent) == (0o700, tmp_path)
        (directory / "x").mkdir()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_and_what_another_works_in_is_not(tmp_path):
    pid = os.fork()
    if not pid:
        room = memory.room(tmp_path)
        room.__enter__()
        os._exit(0)
    os.waitpid(pid, 0)
    (left,) = tmp_path.iterdir()

    with memory.room(tmp_path) as first, memory.room(tmp_path) as second:
        assert sorted(tmp_path.iterdir()) == sorted([first, second])
        assert not left.exists()


def test_a_directory_of_somebody_else_is_no_place(tmp_path):
    (tmp_path / "open").mkdir(mode=0o777)
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "mine").mkdir(mode=0o700)
    assert [memory.is_ours(tmp_path / name) for name in ("open", "link", "mine")] == [False, False, True]
