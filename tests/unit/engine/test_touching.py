"""Snapshots within a turn look at the files that tools touched; after a command in a shell, and between turns, at all."""

import pytest

from segue.engine.saving.checkpoints import create
from segue.engine.saving.touching import touched
from segue.testing.builders import assistant, user
from tests.unit.core.session.test_touched import did
from tests.unit.engine.test_rewinding_code import Worked


@pytest.fixture
def worked(tmp_path):
    found = Worked(tmp_path)
    yield found
    found.store.close()


def write(worked, name, text):
    """A tool writes a file and says so."""
    (worked.project / name).write_text(text)
    worked.store.append(worked.session, did("Write", "write", str(worked.project / name)))


def save(worked):
    known = touched(worked.store, worked.session)
    taken = worked.workspace.take(known)
    worked.meanwhile = []
    worked.clock.advance(1)

    create(worked.desk, worked.session, automatic=True, facts={"workspace": taken.to_json()})
    return taken, known


def test_within_a_turn_only_what_tools_touched_is_looked_at(worked):
    first, _ = save(worked)
    write(worked, "a.txt", "one")
    (worked.project / "by hand.txt").write_text("the user's")
    second, known = save(worked)
    assert (first.full, second.full, known) == (True, False, [str(worked.project / "a.txt")])
    assert worked.workspace.content(second.id, "a.txt") == b"one"

    write(worked, "a.txt", "two")
    worked.store.append(worked.session, [assistant("Done.")])
    third, known = save(worked)
    assert (third.full, known) == (True, None)
    assert worked.workspace.content(third.id, "by hand.txt") == b"the user's"


@pytest.mark.parametrize("between", [did("Bash", "run"), [user("and the pears")]], ids=["a shell", "the user"])
def test_after_what_may_have_touched_anything_all_is_looked_at(worked, between):
    save(worked)
    write(worked, "a.txt", "one")
    worked.store.append(worked.session, between)
    (worked.project / "b.txt").write_text("by the command")
    write(worked, "a.txt", "two")
    taken, known = save(worked)
    assert (taken.full, known) == (True, None)
    assert worked.workspace.content(taken.id, "b.txt") == b"by the command"


def test_without_a_snapshot_to_go_on_from_all_is_looked_at(worked):

    write(worked, "a.txt", "one")
    assert touched(worked.store, worked.session) is None
    create(worked.desk, worked.session)
    assert touched(worked.store, worked.session) is None
