"""opencode's database while it is written: what is followed step by step is what is read at once, and what it counted itself."""

import sqlite3
import threading
from contextlib import closing

import pytest

from segue.core.session.state import fold
from segue.core.session.tree import active_chain
from segue.engine.capture.following import follow
from segue.engine.capture.importing import import_paths
from segue.host.clock import SystemClock, SystemIds
from segue.stores.log import LogStore
from segue.transcripts import transcripts
from tests.agents.programs import OpenCode

pytestmark = pytest.mark.long


def told(store, session):
    """Return the conversation, and what it cost."""
    events = list(store.read(session))
    figures = fold(events).metrics
    return [(e.node, e.body) for e in active_chain(events) if e.kind == "message"], figures["tokens"], figures["cost_usd"]


def taken(store, session):
    """Return all that the log has of the agent's records; how far it was read is told again where a row was only touched."""
    return [(e.kind, e.key) for e in store.read(session) if e.kind != "import.advanced"]


def test_a_session_that_is_followed_is_the_one_that_is_read_at_once(place, server, tmp_path):
    del server
    program = OpenCode(place)
    home = place.home / ".local" / "share" / "opencode"
    home.mkdir(parents=True)
    followed = LogStore(tmp_path / "followed", clock=SystemClock(), ids=SystemIds())
    done = threading.Event()
    steps = []
    watching = threading.Thread(
        target=lambda: steps.extend(follow(followed, transcripts(), [str(home)], done.is_set, clock=SystemClock()))
    )
    watching.start()
    try:
        program.run("Please build notes [[plan]]")
        program.run("more [[sh for i in 1 2 3 4; do echo line $i; sleep 0.5; done]]", resume=program.session())
    finally:
        done.set()
        watching.join()
    (database,) = program.transcripts()
    at_once = LogStore(tmp_path / "at-once", clock=SystemClock(), ids=SystemIds())
    (session,) = import_paths(at_once, transcripts(), [str(database)], clock=SystemClock()).sessions

    assert len(steps) > 10
    assert [step.losses for step in steps if step.losses] == []
    assert told(followed, steps[-1].id) == told(at_once, session.id)
    before = taken(followed, session.id)
    import_paths(followed, transcripts(), [str(database)], clock=SystemClock())
    assert taken(followed, session.id) == before
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        own = db.execute("SELECT cost, tokens_input + tokens_cache_read, tokens_output FROM session").fetchone()
    _, tokens, cost = told(at_once, session.id)
    assert (cost, tokens["input"], tokens["output"]) == (pytest.approx(own[0]), own[1], own[2])
