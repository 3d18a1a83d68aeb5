"""What the library is asked for a restored context, and which notes get the room that is left."""

from segue.core.context.known import Note
from segue.engine.context.offering import Offered
from segue.engine.context.restoring import Wanted, restore
from segue.engine.loading import Desk
from segue.engine.sessions import start
from segue.host.tokenizers import exact
from segue.stores.memory import MemoryStore
from segue.testing.builders import assistant, user
from segue.testing.fakes import FakeClock, FakeIds
from tests.unit.context.test_items import run

LONG = "\n".join(f"line {n} of a note about something else" for n in range(3_000))


def session(*drafts, task=""):
    clock, ids = FakeClock(), FakeIds()
    desk = Desk(MemoryStore(clock=clock, ids=ids), clock, ids)
    begun = start(desk, {"workspace": "/w", **({"task": task} if task else {})}).id
    desk.store.append(begun, list(drafts))
    return desk.store, begun


def asked(place, **wanted):
    topics = []

    def offer(_state, task):
        topics.append(task)
        return Offered()

    restore(*place, Wanted(offer=offer, **wanted), lambda _: exact("o200k"))
    return topics


def test_what_the_user_said_last_and_first_stands_for_the_task_that_an_imported_session_lacks():
    said = [user("Find the fault."), assistant("I look."), user("No, the other one."), user("Scroll the panes.")]

    assert asked(session(*said)) == ["Scroll the panes. Find the fault."]
    assert asked(session(*said, task="weigh")) == [""]
    assert asked(session(*said), task="sell") == ["sell"]
    assert asked(session()) == [""]


def test_notes_about_the_task_get_the_room_that_the_conversation_leaves_and_what_only_changed_lately_does_not():
    def offer(_state, _task):
        small = [Note(f"about-{n}", "", f"{n} pears in a crate " * 60, "about the task") for n in range(6)]
        lately = [Note(f"lately-{n}", "", LONG, "changed lately", priority=0.8) for n in range(2)]
        return Offered((*small, *lately))

    place = session(user("Count the pears."), *run("c", "make", "a line\n" * 60))
    found = restore(*place, Wanted(offer=offer, budget=5_000), lambda _: exact("o200k")).context
    status = {entry.what.split(":")[0]: entry.status for entry in found.items if entry.what.startswith("note")}

    assert {name for name, how in status.items() if how == "loaded"} == {f"note about-{n}" for n in range(6)}
    assert status["note lately-1"] == "skipped"
    assert found.text.count("a line") >= 60
