"""Stores for asynchronous tests: one whose syncs can be held, and one whose threads are steps of the loop."""

import asyncio
import errno
import os
import threading

import pytest

from segue import aio
from segue.aio import _lanes
from segue.app import App
from segue.host.threads import threads
from segue.stores.log import LogStore
from segue.testing import FakeIds
from segue.testing.builders import said
from segue.testing.fakes import FakeClock


class Disk:
    """Syncs that wait, or fail, as they are told to."""

    def __init__(self):
        self.count, self.fails, self.entered = 0, False, None
        self.go = threading.Event()
        self.go.set()

    def sync(self, _fd):
        self.count += 1
        if self.entered is not None:
            loop, event = self.entered
            loop.call_soon_threadsafe(event.set)
            assert self.go.wait(60)
        if self.fails:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def hold(self):
        """Keep syncs from returning until `let_go`; return what is set when one is under way."""
        self.go.clear()
        event = asyncio.Event()
        self.entered = (asyncio.get_running_loop(), event)
        return event

    def let_go(self, *, fails=False):
        self.fails, self.entered = fails, None
        self.go.set()


@pytest.fixture
def disk():
    disk = Disk()
    yield disk
    disk.go.set()


@pytest.fixture
def store(tmp_path, disk, monkeypatch):
    """An asynchronous store on *disk*."""
    monkeypatch.setattr(_lanes, "PATIENCE", 60.0)  # nothing here is timed: a busy machine may be slow
    env = {"SEGUE_HOME": str(tmp_path / "home"), "SEGUE_UPKEEP": "off", "XDG_RUNTIME_DIR": str(tmp_path / "run")}
    log = LogStore(tmp_path / "store", clock=FakeClock(), ids=FakeIds(), sync=disk.sync)
    yield aio.Store(App(env, cwd=str(tmp_path), clock=FakeClock(), ids=FakeIds(), store=log).opened())
    log.close()


@pytest.fixture
def stepwise(monkeypatch):
    """What is asked of threads is done by the loop itself, some steps later: nothing depends on when a thread runs."""

    def submit(job, steps=3):
        loop = asyncio.get_running_loop()
        loop.call_soon(*((submit, job, steps - 1) if steps else (job,)))

    monkeypatch.setattr(threads, "submit", submit)


def texts(session):
    """Return what the messages of a session say."""
    return [said(event.body) for event in session.sync.events() if event.kind == "message"]


async def turns(count=20):
    """Let the loop go round some times."""
    for _ in range(count):
        await asyncio.sleep(0)
