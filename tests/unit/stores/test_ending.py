"""What a writer that died left unfinished at the end of a log is finished by the next writer, whoever read it before."""

import os
from pathlib import Path

import pytest

from segue.core.errors import ExistsError
from segue.core.log.events import Draft
from segue.core.log.ids import named_uuid
from segue.host.clock import SystemClock, SystemIds
from segue.stores.log import LogStore

S = named_uuid("session")


def opened(place):
    return LogStore(place, clock=SystemClock(), ids=SystemIds())


def calls(monkeypatch):
    """Return what is written and synced from now on, as words and the names of files."""
    seen = []
    for name in ("fsync", "fdatasync", "write"):
        original = getattr(os, name)

        def told(fd, *args, original=original, name=name):
            seen.append((name, Path(f"/proc/self/fd/{fd}").readlink().name))
            return original(fd, *args)

        monkeypatch.setattr(os, name, told)
    return seen


def test_a_segments_name_is_durable_before_its_first_event_though_somebody_read_first(tmp_path, monkeypatch):
    opened(tmp_path).create(S, [Draft("session.created", {})])
    (tmp_path / "sessions" / S / "log" / "000002.jsonl").touch(0o600)  # its maker died before it synced the directory
    store = opened(tmp_path)
    assert len(list(store.read(S))) == 1
    seen = calls(monkeypatch)

    store.append(S, [Draft("message", {"role": "user", "parts": []})])

    assert seen[:3] == [("fsync", "log"), ("write", "000002.jsonl"), ("fdatasync", "000002.jsonl")]


def test_a_logs_own_name_is_durable_before_its_next_event_though_somebody_read_first(tmp_path, monkeypatch):
    opened(tmp_path).create(S, [Draft("session.created", {})])
    os.truncate(tmp_path / "sessions" / S / "lock", 1)  # its maker died before it said so
    store = opened(tmp_path)
    assert len(list(store.read(S))) == 1
    seen = calls(monkeypatch)

    store.append(S, [Draft("message", {"role": "user", "parts": []})])

    assert seen[:2] == [("fsync", "sessions"), ("write", "000001.jsonl")]


def test_who_is_told_that_a_session_is_there_may_rely_on_it(tmp_path, monkeypatch):
    opened(tmp_path).create(S, [Draft("session.created", {})])
    os.truncate(tmp_path / "sessions" / S / "lock", 1)  # its maker has not come to that yet
    store = opened(tmp_path)
    seen = calls(monkeypatch)

    with pytest.raises(ExistsError):
        store.create(S, [Draft("session.created", {})])

    assert ("fsync", "sessions") in seen
