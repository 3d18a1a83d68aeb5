"""A log's lines are changed in their places: whoever reads, appends or is killed meanwhile, it stays the same log."""

import os

import pytest

from segue.core.log.codec import BadLine, erase_line, split_line
from segue.core.log.storekeys import id_of
from segue.stores.log import LogStore, rewriting, segments
from segue.stores.log.cipher import SCHEME, Scheme, write_scheme
from segue.testing import builders as b
from segue.testing.fakes import FakeClock, FakeIds, session_id

S = session_id(1)
CALLS = ("open", "write", "fsync", "replace", "unlink", "ftruncate")
"""The system calls that change something."""


@pytest.fixture
def log(shop):
    """A session with a sealed segment of 33 events and an open one of 4."""
    shop.begin(1)
    shop.say(1, "before", count=32)
    shop.store.seal(S, whole=True)
    shop.say(1, "behind", count=4)
    return shop


def journal(shop):
    return shop.store._logs.any(S)


def erased(*seqs):
    """Return a change that takes the contents of events away; of all where none is named."""
    return lambda line: erase_line(line) if not seqs or segments.seq_of(line) in seqs else line


def shape(store):
    """Return what no erasure changes."""
    return [(e.seq, e.id, e.at, e.kind, e.prev, e.digest) for e in store.read(S)]


def contents(store):
    return ["" if e.erased else b.said(e.body) if e.kind == "message" else e.kind for e in store.read(S)]


def test_lines_are_changed_in_sealed_and_open_segments_and_nothing_else_is(log):
    before = shape(log.store)

    changed = rewriting.rewrite(journal(log), erased(3, 35))

    assert changed == 2
    assert shape(log.store) == before
    assert [e.seq for e in log.store.read(S) if e.erased] == [3, 35]
    assert list(log.store.verify()) == []


def test_frames_whose_lines_stay_are_not_written_anew(log):
    (sealed,) = (s.path for s in segments.listed(journal(log).directory / "log") if s.sealed)
    before = [part.stored for part in rewriting.parts(sealed)]

    rewriting.rewrite(journal(log), erased(20))

    after = [part.stored for part in rewriting.parts(sealed)]
    assert [i for i, (old, new) in enumerate(zip(before, after, strict=True)) if old != new] == [1]
    assert len(before) == 3


def test_without_a_change_no_file_is_touched_unless_it_is_asked_for(log):
    paths = rewriting.segment_files(journal(log).directory / "log")
    before = [(path.stat().st_ino, path.stat().st_mtime_ns) for path in paths]

    assert rewriting.rewrite(journal(log), lambda line: line) == 0
    untouched = [(path.stat().st_ino, path.stat().st_mtime_ns) for path in paths]
    assert rewriting.rewrite(journal(log), lambda line: line, anew=True) == 0

    assert untouched == before
    assert not {(path.stat().st_ino, path.stat().st_mtime_ns) for path in paths} & {*before}
    assert list(log.store.verify()) == []


def test_a_store_that_was_open_before_goes_on_behind_the_new_form(log):
    other = log.open("store")
    other.append(S, [b.user("opened")])

    rewriting.rewrite(journal(log), erased(36))
    other.append(S, [b.user("went on")])
    log.store.append(S, [b.user("and on")])

    assert contents(other)[-4:] == ["behind 3", "opened", "went on", "and on"][-4:]
    assert [e.seq for e in other.read(S) if e.erased] == [36]
    assert list(log.open("store").verify()) == []


@pytest.mark.parametrize("reverse", [False, True])
def test_who_is_in_the_middle_of_reading_gets_every_event_in_one_form_or_the_other(log, reverse):
    before = list(log.store.read(S, reverse=reverse))
    reading = log.open("store").read(S, reverse=reverse)
    read = [next(reading) for _ in range(3)]

    rewriting.rewrite(journal(log), erased())
    log.say(1, "later", count=3)  # the file is as long again as it was
    read += reading

    assert [e._replace(body={}, erased=False) for e in read] == [e._replace(body={}) for e in before]


def test_lines_that_become_longer_hide_none_from_who_saw_a_shorter_file(log):
    source = journal(log).view()
    rewriting.rewrite(journal(log), erased())
    log.say(1, "x", count=40)

    read = [line for block in segments.blocks(source, 34) for line in block.lines]

    assert [segments.seq_of(line) for line in read][:4] == [34, 35, 36, 37]


def test_a_line_may_not_become_another_event(log):
    def other(line):
        return line.replace(b'"kind":"message"', b'"kind":"massage"')

    before = contents(log.store)
    with pytest.raises(ValueError, match="another event"):
        rewriting.rewrite(journal(log), other)

    assert contents(log.store) == before


def test_what_cannot_be_read_stays_byte_for_byte(log):
    sealed, last = (s.path for s in segments.listed(journal(log).directory / "log"))
    data = bytearray(sealed.read_bytes())
    data[4:40] = bytes(36)
    sealed.write_bytes(data)
    with last.open("r+b") as file:
        file.seek(40)
        file.write(b"#")
    damage = []
    list(log.store.read(S, on_damage=damage.append))
    (bad,) = (part.stored for part in rewriting.parts(sealed) if part.error)
    line = last.read_bytes().split(b"\n")[0]

    rewriting.rewrite(journal(log), lambda x: erase_line(x) if is_line(x) and segments.seq_of(x) in (20, 36) else x)

    again = []
    assert [e.seq for e in log.store.read(S, on_damage=again.append) if e.erased] == [20, 36]
    assert again == damage
    assert [part.stored for part in rewriting.parts(sealed) if part.error] == [bad]
    assert last.read_bytes().split(b"\n")[0] == line


def is_line(data):
    try:
        split_line(data)
    except BadLine:
        return False
    return True


def test_a_torn_end_stays_torn(log):
    last = segments.listed(journal(log).directory / "log")[-1].path
    log.store.close()
    with last.open("ab") as file:
        file.write(b'{"v":1,"seq":38,"id":"0')

    rewriting.rewrite(journal(log), lambda x: erase_line(x) if is_line(x) else x)
    log.say(1, "gone on")

    assert [e.seq for e in log.store.read(S)] == list(range(1, 39))
    assert [f.severity for f in log.store.verify()] == ["aside"]


def test_a_segment_that_a_crash_left_in_both_forms_is_changed_in_both(log):
    sealed = segments.listed(journal(log).directory / "log")[0].path
    plain = sealed.with_name(sealed.name.removesuffix(".zst"))
    plain.write_bytes(b"".join(b"\n".join(part.lines) for part in rewriting.parts(sealed)))

    assert rewriting.rewrite(journal(log), erased(3)) == 2
    log.store.seal(S)

    assert not plain.exists()
    assert [e.seq for e in log.store.read(S) if e.erased] == [3]
    assert list(log.store.verify()) == []


def fail_at(monkeypatch, number, what):
    """Let *what* happen in the place of the system call of that *number* which changes something; return a list of the calls."""
    seen = []
    for name in CALLS:
        original = getattr(os, name)

        def call(*args, original=original, name=name, **more):
            if name != "open" or args[1] & os.O_CREAT:
                seen.append(name)
                if len(seen) == number:
                    what()
            return original(*args, **more)

        monkeypatch.setattr(os, name, call)
    return seen


def count_of_calls(log, monkeypatch):
    with monkeypatch.context() as patch:
        seen = fail_at(patch, 0, lambda: None)
        rewriting.rewrite(journal(log), erased())
    return seen


def fail():
    raise OSError(5, "Input/output error")


def die():
    os._exit(9)


@pytest.mark.parametrize("number", range(1, 18))
def test_a_system_call_that_fails_leaves_the_same_log_and_doing_it_again_finishes(log, monkeypatch, number):
    before = shape(log.store)
    with monkeypatch.context() as patch:
        seen = fail_at(patch, number, fail)
        try:
            rewriting.rewrite(journal(log), erased())
            failed = False
        except OSError:
            failed = True
    assert failed == (len(seen) >= number)

    assert shape(log.store) == before
    assert [*log.store.verify()] == []
    rewriting.rewrite(journal(log), erased())
    assert all(e.erased for e in log.store.read(S))


@pytest.mark.parametrize("number", range(1, 18))
def test_a_kill_at_any_system_call_leaves_the_same_log_and_doing_it_again_finishes(log, monkeypatch, number):
    before = shape(log.store)
    other = log.open("store")
    assert shape(other) == before
    log.store.close()
    child = os.fork()
    if not child:
        try:
            fail_at(monkeypatch, number, die)
            rewriting.rewrite(journal(log), erased())
        finally:
            os._exit(0)
    os.waitpid(child, 0)

    assert shape(other) == before
    assert [*other.verify()] == []
    other.append(S, [b.user("went on")])
    rewriting.rewrite(journal(log), erased())
    assert [e.seq for e in other.read(S) if not e.erased] == []
    assert shape(log.store)[:-1] == before


def test_the_sweep_of_system_calls_is_complete(log, monkeypatch):
    seen = count_of_calls(log, monkeypatch)

    assert 10 < len(seen) < 17
    assert {*seen} == {*CALLS}


def test_under_a_cipher_no_line_gets_out_of_its_box(tmp_path):
    clock, ids = FakeClock(), FakeIds()
    LogStore(tmp_path, clock=clock, ids=ids).create(S, [b.created(task="sell pears")])
    write_scheme(tmp_path / SCHEME, Scheme(id_of(KEY)))
    store = LogStore(tmp_path, clock=clock, ids=ids, keys=Ring())
    for i in range(20):
        store.append(S, [b.user(f"pears {i}")])
    log = store._logs.any(S)

    assert rewriting.rewrite(log, erased(5)) == 1
    half = log.directory.joinpath("log/000001.jsonl").read_bytes()
    assert rewriting.rewrite(log, lambda line: line, anew=True) == 0
    store.seal(S, whole=True)
    assert rewriting.rewrite(log, erased(6)) == 1

    assert half.count(b"pears") == 1  # the line that was written before there was a key
    assert b"pears" not in b"".join(path.read_bytes() for path in rewriting.segment_files(log.directory / "log"))
    assert [e.seq for e in store.read(S) if e.erased] == [5, 6]
    assert list(store.verify()) == []


KEY = bytes(range(32))


class Ring:
    """A key that is at hand."""

    def key(self, _, place=""):
        return KEY
