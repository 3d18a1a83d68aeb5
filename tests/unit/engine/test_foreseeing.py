"""Predictive loading over a store: the session, those beside it, commits, and notes."""

import pytest

from segue.core.log.events import Draft
from segue.engine.context.foreseeing import Surroundings, foresee
from segue.engine.loading import Desk, load
from segue.engine.scanning import ScanIndex
from segue.engine.sessions import start
from segue.host.library.folders import Folders
from segue.stores.memory import MemoryStore
from segue.testing.fakes import FakeClock, FakeIds


@pytest.fixture
def desk():
    clock, ids = FakeClock(), FakeIds()
    return Desk(MemoryStore(clock=clock, ids=ids), clock, ids)


def session(desk, task, *paths, workspace="/shop", notes=()):
    """Begin a session that read *paths* and loaded *notes*."""
    begun = start(desk, {"task": task, "workspace": workspace, "project": workspace.strip("/")}).id
    drafts = []
    for n, path in enumerate(paths):
        call = {"type": "tool_call", "id": f"c{n}", "name": "Read", "arguments": {"file_path": f"{workspace}/{path}"}}
        effect = {"call": f"c{n}", "op": "read", "path": f"{workspace}/{path}"}
        drafts.append(Draft("message", {"role": "assistant", "parts": [call], "effects": [effect]}))
    drafts += [Draft("note.used", {"id": note, "action": "loaded"}) for note in notes]
    desk.store.append(begun, drafts)
    return begun


def foreseen(desk, name, **around):
    rows = ScanIndex(desk.store).sessions()
    return foresee(desk.store, load(desk.store, name), Surroundings(rows, **around))


def test_files_of_earlier_sessions_and_commits_that_went_with_those_at_hand_are_foreseen(desk):
    earlier = session(desk, "prices", "prices.py", "till.py", "stock.py")
    session(desk, "elsewhere", "prices.py", "other.py", workspace="/farm")
    now = session(desk, "prices again", "prices.py")
    found = foreseen(
        desk, now, files=["prices.py", "till.py", "stock.py", "far.py"], commits=[("commit 1", frozenset({"far.py"}))]
    )
    name = load(desk.store, earlier).header["name"]
    assert {one.path: one.why[0] for one in found.files if one.why and one.why[0].startswith("went")} == {
        "stock.py": f"went with prices.py in {name}",
        "till.py": f"went with prices.py in {name}",
    }
    assert "other.py" not in {one.path for one in found.files}


def test_another_work_tree_of_the_same_project_counts_by_the_files_that_they_share(desk):
    session(desk, "prices", "a.py", "b.py", "c.py", "gone.py", workspace="/worktrees/other")
    now = session(desk, "again", "a.py")
    assert {one.path for one in foreseen(desk, now, files=["a.py", "b.py", "c.py", "d.py"]).files} >= {"b.py", "c.py", "gone.py"}


def test_notes_are_foreseen_by_task_by_links_and_by_what_other_sessions_used(desk, tmp_path):
    for name, text in {
        "PLAY-001-release.md": "# How we release\nSee [[MAP-001]].\n",
        "MAP-001-shop.md": "# The shop\n",
        "DEC-001-weight.md": "# Sell by weight\n[[PLAY-001]] comes after this.\n",
        "2026-01-001-ann.md": "# Ann\n",
        "00-INDEX.md": "[[PLAY-001]] [[MAP-001]]\n",
    }.items():
        (tmp_path / name).write_text(text)
    library = Folders([str(tmp_path)], tmp_path / "home", desk.clock, keep=False)
    earlier = session(desk, "x", "a.py", notes=["2026-01-001"])
    now = session(desk, "weight", "a.py", notes=["play-001"])
    name = load(desk.store, earlier).header["name"]
    assert [(one.note.id, one.why) for one in foreseen(desk, now, library=library).notes] == [
        ("DEC-001", ("about the task", "leads to PLAY-001")),
        ("MAP-001", ("linked from PLAY-001",)),
        ("2026-01-001", (f"used in {name}",)),
    ]


def test_an_empty_session_in_an_empty_place_is_told_nothing(desk):
    now = session(desk, "", workspace="/nowhere")
    assert foreseen(desk, now) == ([], [])


def test_notes_that_share_a_common_word_with_the_talk_are_not_foreseen_beside_those_about_it(desk, tmp_path):
    for n in range(200):
        (tmp_path / f"n{n:03}.md").write_text(f"# Note {n}\nThe terminal was closed on day {n}, and opened again.\n" * 5)
    (tmp_path / "wheel.md").write_text("# Scrolling with the wheel\ntmux keeps the scrollback of a terminal.\n")
    (tmp_path / "back.md").write_text("# Scrollback\nScrolling back in tmux needs the wheel.\n")
    library = Folders([str(tmp_path)], tmp_path / "home", desk.clock, keep=False)
    now = session(desk, "scrolling back in the terminal with the wheel, in tmux", "a.py")

    found = foreseen(desk, now, library=library).notes

    assert {one.note.id for one in found} == {"wheel", "back"}
    assert found[0].score > found[1].score
