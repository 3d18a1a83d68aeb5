"""Snapshots of workspaces go with the checkpoints that named them, and never while one names them still."""

import os

import pytest

from segue.core.errors import NotFoundError, WorkspaceError
from segue.core.session.retention import Policy
from segue.engine.forks import fork
from segue.engine.saving.checkpoints import create, forget
from segue.engine.saving.forgetting import Forgetting
from segue.engine.saving.releasing import Releasing
from segue.host.workspace.snapshots import GitSnapshots
from segue.host.workspace.workspace import GitWorkspace
from tests.unit.engine.test_forgetting import Shop

NONE = Policy(last=1, daily=0, weekly=0, automatic=0)


class Worked(Shop):
    """Sessions that take checkpoints with the files of a directory."""

    def __init__(self, place):
        super().__init__(place / "store")
        self.project = place / "project"
        self.project.mkdir()
        self.workspace = GitWorkspace(str(self.project), place / "ours", self.clock)
        self.snapshots = GitSnapshots(place / "ours", {"PATH": os.environ["PATH"]})
        self.policy = NONE

    def save(self, session, text):
        """Take an automatic checkpoint of a workspace that holds *text*; return its name and its snapshot's id."""
        self.clock.advance(1)
        (self.project / "a.txt").write_text(text)
        taken = self.workspace.take()
        made = create(self.desk, session, automatic=True, facts={"workspace": taken.to_json()})
        return made.name, taken.id

    def there(self, snapshot):
        try:
            return self.workspace.content(snapshot, "a.txt").decode()[:9]
        except NotFoundError:
            return None


@pytest.fixture
def worked(tmp_path):
    found = Worked(tmp_path)
    yield found
    found.index.close()
    found.store.close()


def test_what_retention_drops_frees_its_snapshots_and_says_how_much_before(worked):
    session = worked.start()
    kept = [worked.save(session, f"{n} " + "".join(f"{n}{i}" for i in range(9_000)))[1] for n in range(4)]
    forgetting = worked.forgetting
    size = forgetting.size([forgetting.plan(session)])
    assert [worked.there(one) is not None for one in kept] == [True] * 4
    forgetting.forget(session)
    freed = forgetting.let_go()
    assert [worked.there(one) is not None for one in kept] == [False] * 3 + [True]
    assert 10_000 < size <= freed
    assert (forgetting.let_go(), worked.snapshots.released()) == (0, [])


def test_a_fork_that_knows_the_checkpoint_keeps_its_snapshot_until_it_forgets_it_too(worked):
    session = worked.start()
    name, first = worked.save(session, "first")
    child = fork(worked.desk, session).id
    worked.save(session, "second")
    releasing = Releasing(worked.store, worked.index, worked.snapshots)
    forget(worked.desk, session, name, intend=releasing.intend)
    releasing.settle()
    assert (worked.there(first), worked.snapshots.released()) == ("first", [])
    assert releasing.size({child: [name]}) > 0
    forget(worked.desk, child, name, intend=releasing.intend)
    releasing.settle()
    assert worked.there(first) is None


def test_one_that_is_killed_before_they_go_is_gone_on_from_by_the_next(worked):
    session = worked.start()
    (name, first), (_, second) = worked.save(session, "first"), worked.save(session, "second")
    forget(worked.desk, session, name, intend=worked.forgetting._releasing.intend)  # and killed
    assert worked.there(first) == "first"
    worked.forgetting.let_go()
    assert (worked.there(first), worked.there(second)) == (None, "second")


def test_one_that_is_killed_before_they_are_forgotten_loses_nothing(worked):
    session = worked.start()
    name, first = worked.save(session, "first")
    worked.save(session, "second")

    class Killed(BaseException):
        pass

    def intend(state, names):
        Releasing(worked.store, worked.index, worked.snapshots).intend(state, names)
        raise Killed

    with pytest.raises(Killed):
        forget(worked.desk, session, name, intend=intend)
    worked.forgetting.let_go()
    assert (worked.there(first), worked.snapshots.released()) == ("first", [])
    assert worked.left(session)[0] == name


def test_what_an_interrupted_restore_relies_on_stays_until_that_is_settled(worked):
    session = worked.start()
    (name, first), _ = worked.save(session, "first"), worked.save(session, "second")
    plan = worked.workspace.preview(first)
    (worked.workspace._ours.own / "restoring.json").write_text(
        f'{{"v": 1, "target": "{first}", "before": "{plan.now}", "at": 0, "changes": []}}'
    )
    releasing = Releasing(worked.store, worked.index, worked.snapshots)
    forget(worked.desk, session, name, intend=releasing.intend)
    releasing.settle()
    assert (worked.there(first), len(worked.snapshots.released())) == ("first", 1)
    worked.workspace.finish()
    releasing.settle()
    assert (worked.there(first), worked.snapshots.released()) == (None, [])


def test_another_stores_snapshots_are_left_to_it(worked, tmp_path):
    session = worked.start()
    (name, first), _ = worked.save(session, "first"), worked.save(session, "second")
    forget(worked.desk, session, name, intend=worked.forgetting._releasing.intend)
    other = Shop(tmp_path / "other")
    Forgetting(other.store, other.index, NONE, Releasing(other.store, other.index, worked.snapshots)).let_go()
    assert worked.there(first) == "first"
    other.index.close()
    other.store.close()


def test_where_the_list_cannot_be_read_nothing_is_forgotten(worked):
    session = worked.start()
    worked.save(session, "first")
    worked.save(session, "second")
    (worked.workspace._ours.path / "segue" / "released.json").write_text("[torn")
    with pytest.raises(WorkspaceError):
        worked.forgetting.forget(session)
    assert len(worked.left(session)) == 2


def test_few_are_left_for_later_where_that_is_asked_for(worked):
    session = worked.start()
    (name, first), _ = worked.save(session, "first"), worked.save(session, "second")
    releasing = Releasing(worked.store, worked.index, worked.snapshots)
    forget(worked.desk, session, name, intend=releasing.intend)
    assert (releasing.settle(2), worked.there(first)) == (0, "first")
    assert (releasing.settle(1) > 0, worked.there(first)) == (True, None)
