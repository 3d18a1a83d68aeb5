"""What the library offers a restored context, in which order, and what is missing of it."""

import os

import pytest

from segue.core.log.events import Draft
from segue.engine.context.offering import offer
from segue.engine.loading import Desk, load
from segue.engine.sessions import start
from segue.host.library.folders import Folders
from segue.stores.memory import MemoryStore
from segue.testing.fakes import FakeClock, FakeIds

DAY = 86_400


@pytest.fixture
def desk():
    clock, ids = FakeClock(), FakeIds()
    return Desk(MemoryStore(clock=clock, ids=ids), clock, ids)


@pytest.fixture
def offered(desk, tmp_path):
    """What a folder of notes (text, and how many days old) offers a session with some events."""

    def make(notes, *events, task="", **header):
        for path, (text, age) in notes.items():
            file = tmp_path / "vault" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            then = desk.clock.now() - age * DAY
            os.utime(file, (then, then))
        session = start(desk, {"task": task, **header}).id
        drafts = [Draft(kind, body) for kind, body in events]
        if drafts:
            desk.store.append(session, drafts)
        library = Folders([str(tmp_path / "vault")], tmp_path / "home", desk.clock, keep=False)
        found = offer(library, load(desk.store, session))
        return [(note.name, note.why, note.essential) for note in found.notes], found.missing

    return make


def test_indexes_and_the_focus_are_essential_then_what_is_linked_and_about_the_task_then_recent_then_loaded_before(offered):
    place = "organizations/Acme/projects/Shop/context-library"
    notes = {
        "organizations/acme/context-library/00-INDEX.md": ("# Acme\n", 99),
        f"{place}/00-PROJECT-INDEX.md": ("# Shop\n", 99),
        f"{place}/PLAY-001.md": ("# Release\n[[MAP-001]]\n", 99),
        f"{place}/MAP-001.md": ("# Map\n", 99),
        f"{place}/2026-01-001.md": ("# Plums and pears\n", 99),
        f"{place}/2026-01-002.md": ("# Lately changed\n", 2),
        f"{place}/DEC-001.md": ("---\ncreated: 2026-01-10\n---\n# New decision\n", 99),
        f"{place}/DEC-002.md": ("---\ncreated: 2025-06-10\n---\n# Old decision\n", 99),
        f"{place}/2026-01-003.md": ("# Loaded\n", 99),
    }
    used = ("note.used", {"id": "2026-01-003", "action": "loaded"})
    focus = ("focus.set", {"note": "play-001"})
    found, missing = offered(notes, used, focus, task="sell the pears", organisation="acme", project="shop")
    assert found == [
        ("organizations/acme/context-library/00-INDEX", "index of the organisation", True),
        (f"{place}/00-PROJECT-INDEX", "index of the project", True),
        ("PLAY-001", "the focus", True),
        ("2026-01-001", "about the task", False),
        ("MAP-001", "linked from the focus", False),
        ("2026-01-002", "changed lately", False),
        ("DEC-001", "a decision of the last 30 days", False),
        ("2026-01-003", "loaded before", False),
    ]
    assert missing == ()


def test_within_a_priority_what_is_about_the_task_comes_first(offered):
    notes = {
        f"DEC-00{n}.md": (f"---\ncreated: 2026-01-{10 + n}\n---\n# {word}\n", 99) for n, word in enumerate(("Till", "Pears"))
    }
    notes |= {f"pears{n}.md": ("# Pears pears pears\n", 99) for n in range(6)}
    found, _ = offered(notes, task="till")
    assert [name for name, why, _ in found if why != "about the task"] == ["DEC-001"]
    assert found[0] == ("DEC-000", "about the task", False)


def test_what_the_session_relies_on_and_is_gone_is_missing_and_stops_nothing(offered):
    used = ("note.used", {"id": "PLAY-009", "action": "loaded", "path": "/elsewhere/PLAY-009.md"})
    found, missing = offered({"a.md": ("# A\n", 99)}, used, ("focus.set", {"note": "nothing"}))
    assert (found, missing) == (
        [],
        (("PLAY-009", "loaded before, and no longer at /elsewhere/PLAY-009.md"), ("nothing", "the focus; no note of that name")),
    )


def test_a_note_that_an_agent_read_as_a_file_was_loaded_before(offered, tmp_path):
    path = str(tmp_path / "vault" / "a.md")
    effects = [{"call": "c1", "op": "read", "path": path}]
    found, _ = offered({"a.md": ("# A\n", 99)}, ("message", {"role": "tool", "parts": [], "effects": effects}))
    assert found == [("a", "loaded before", False)]
