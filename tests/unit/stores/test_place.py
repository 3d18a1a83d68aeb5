"""What a store does that somebody has tidied up by hand."""

import json
import shutil

import pytest

from segue.core.errors import DamagedError, SegueError, StoreUnusableError
from segue.engine.recovery.validating import validate
from segue.stores.log.store import LogStore
from segue.testing.builders import user
from segue.testing.fakes import FakeClock, FakeIds, session_id

A, B = session_id(1), session_id(2)


def opened(path):
    return LogStore(path, clock=FakeClock(), ids=FakeIds(), durability="relaxed")


@pytest.fixture
def path(tmp_path):
    store = opened(tmp_path / "store")
    for session in (A, B):
        store.number("SESSION-260115", session)
        store.create(session, [user("1")])
    store.close()
    return tmp_path / "store"


def told(path):
    return [(f.severity, f.session, f.where, f.reason) for f in validate(opened(path))[1]]


@pytest.mark.parametrize(("data", "why"), [(None, "it was missing"), (b"", "it was empty"), (b"\n", "it was empty")])
def test_a_lost_format_is_made_anew_and_told_of(path, data, why):
    if data is None:
        (path / "format.json").unlink()
    else:
        (path / "format.json").write_bytes(data)
    assert list(opened(path).sessions()) == [A, B]
    assert told(path) == [("stale", None, "format.json", f"{why}, and was made anew")]
    assert json.loads((path / "format.json").read_bytes()) == {"segue": 1, "rebuilt": why}


@pytest.mark.parametrize("bit", range(8 * len(b'{"segue": 1}')))
def test_each_wrong_bit_of_the_format_is_refused(path, bit):
    data = bytearray((path / "format.json").read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    (path / "format.json").write_bytes(data)

    with pytest.raises(SegueError):
        opened(path)


def test_a_format_that_cannot_be_read_is_left_alone_and_the_hint_works(path):
    (path / "format.json").write_bytes(b'{"seg')
    with pytest.raises(DamagedError) as e:
        opened(path)
    assert e.value.hint.startswith(f"mv {path}/format.json {path}/format.json.damaged ")
    (path / "format.json").rename(path / "format.json.damaged")
    assert list(opened(path).sessions()) == [A, B]


@pytest.mark.parametrize("name", ["thesis.tex", ".bashrc", "index.sqlite"])
def test_a_directory_with_other_things_is_no_store_that_lost_its_format(tmp_path, name):
    (tmp_path / name).write_text("")
    with pytest.raises(StoreUnusableError, match="holds something else"):
        opened(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_a_store_whose_sessions_were_removed_is_not_opened_as_if_it_were_new(path):
    shutil.rmtree(path / "sessions")
    with pytest.raises(DamagedError, match="its sessions are gone") as refused:
        opened(path)
    assert refused.value.hint == "see what backups and transcripts hold of them: segue recover --dry-run"
    assert not (path / "sessions").exists()


def test_sessions_that_were_removed_one_by_one_are_missed(path):
    shutil.rmtree(path / "sessions" / A)
    reason = "it was given a number and is not there: it never began, or was removed by something else"
    assert told(path) == [("orphan", A, f"sessions/{A}", reason)]
    shutil.rmtree(path / "sessions" / B)
    assert told(path)[0] == ("gap", None, "sessions", "it is empty: 2 sessions with a number cannot be found")


def test_a_session_that_was_deleted_is_not_missed(path):
    store = opened(path)
    store.delete(A)
    store.close()
    assert told(path) == []
