"""A fork of a thread that is made smaller meanwhile: it is whole, or there is none."""

from typing import NamedTuple

import pytest

from segue.core.errors import TakenAwayError
from segue.engine import foreign
from segue.engine.foreign import Foreign
from segue.engine.forks import fork
from segue.engine.loading import Desk
from segue.host.clock import SystemClock, SystemIds
from segue.integrations.langgraph import SegueSaver
from segue.integrations.langgraph._thread import Thread
from tests.integrations.graphs import chat, config_of, say, texts


class Held(NamedTuple):
    """What somebody has of a thread who opens its session."""

    messages: list
    written: list


def begun(store, turns=3):
    """A thread of so many turns, its session, and who forks it."""
    say(chat(SegueSaver(store)), config_of("t"), turns)
    return foreign.find(store, Foreign("langgraph", ("t",))), Desk(store, SystemClock(), SystemIds())


def prune(store):
    SegueSaver(store).prune(["t"])


def held(store, session):
    """What the latest checkpoint holds, all of it loaded; damage is not passed over."""
    thread, codec = Thread(session), SegueSaver(store)._codec()
    thread.catch_up(store)
    assert thread.damage == []
    latest = thread.latest("")
    values = {channel: thread.value(seq, channel, codec) for channel, seq in latest.values.items()}
    return Held(texts(values["messages"]), [write.channel for write in thread.pending(latest.place)])


def once(monkeypatch, store, method, before=None, after=None):
    """Have something happen right before, or right after, the store does *method* for the first time."""
    real, done = getattr(store, method), []

    def instead(*args, **named):
        first = not done
        done.append(args)
        if first and before:
            before()
        found = real(*args, **named)
        if first and after:
            after()
        return found

    monkeypatch.setattr(store, method, instead)


def test_a_fork_whose_thread_is_pruned_before_it_is_there_is_whole(store, monkeypatch):
    session, desk = begun(store)
    whole = held(store, session)
    once(monkeypatch, store, "create", before=lambda: prune(store))

    made = fork(desk, session).id

    assert held(store, made) == held(store, session) == whole
    assert {*store.sessions()} == {session, made}


def test_a_fork_whose_thread_is_pruned_as_soon_as_it_is_there_is_whole(store, monkeypatch):
    session, desk = begun(store)
    whole = held(store, session)
    once(monkeypatch, store, "create", after=lambda: prune(store))

    made = fork(desk, session).id

    assert held(store, made) == held(store, session) == whole


def test_a_fork_that_is_made_between_a_prune_and_its_erasing_is_whole(store, monkeypatch):
    session, desk = begun(store)
    whole, made = held(store, session), []
    once(monkeypatch, store, "erase", before=lambda: made.append(fork(desk, session).id))

    prune(store)

    assert held(store, made[0]) == held(store, session) == whole


def test_a_fork_that_chose_its_place_before_a_prune_and_is_made_before_its_erasing_is_refused(store, monkeypatch):
    session, desk = begun(store)
    chosen, heard = store.info(session).head.seq, []

    def late():
        with pytest.raises(TakenAwayError) as refused:
            fork(desk, session, chosen)
        heard.append(refused.value.fields)

    once(monkeypatch, store, "erase", before=late)

    prune(store)

    dropped = store.lookup(session, foreign.DROPPED).seq
    assert heard == [{"session": session, "position": chosen, "by": dropped}]
    assert [*store.sessions()] == [session]


def test_a_fork_that_was_there_before_a_prune_stays_whole_and_can_be_forked(store):
    session, desk = begun(store)
    first = fork(desk, session).id
    whole = held(store, first)

    prune(store)

    assert held(store, first) == whole
    assert held(store, fork(desk, first).id) == whole


def test_there_is_no_fork_at_a_place_that_was_pruned_since(store):
    session, desk = begun(store)
    head = store.info(session).head.seq
    prune(store)

    for at in (1, head):
        with pytest.raises(TakenAwayError, match=rf"cannot be forked at event {at}: event \d+ took away what was there"):
            fork(desk, session, at)

    assert held(store, fork(desk, session).id) == held(store, session)
