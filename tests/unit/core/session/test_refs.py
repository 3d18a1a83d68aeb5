"""A reference resolves to one session, or says why not."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.core.errors import AmbiguousError, NotFoundError
from segue.core.session.catalogue import PlaceRow, SessionRow
from segue.core.session.refs import Target, resolve

A = "0199aaaa-0000-7000-8000-000000000001"
B = "0199aabb-0000-7000-8000-000000000002"
C = "0199ccdd-0000-7000-8000-000000000003"
ROWS = [
    SessionRow(
        A,
        name="SESSION-260115-001",
        slug="2026-01-15-focus-launch-001",
        title="Launch",
        workspace="/home/x/launch",
        status="ended",
        last_activity="2026-01-15T12:00:00Z",
        foreign_ids=("258c7280-1111-4222-8333-444455556666",),
    ),
    SessionRow(
        B,
        name="SESSION-260115-002",
        slug="2026-01-15-focus-launch-002",
        workspace="/home/x/launch",
        status="paused",
        last_activity="2026-01-15T11:00:00Z",
        foreign_ids=("258c7281-1111-4222-8333-444455556666", "thread-7"),
    ),
    SessionRow(C, name="SESSION-260116-001", workspace="/home/x", status="archived", last_activity="2026-01-17T00:00:00Z"),
]
PLACES = [
    PlaceRow("RECOVERY-260115-001-143022", A, 41, 42),
    PlaceRow("CONTINUATION-260115-002-STEP-003", B, 7, 8),
    PlaceRow("RECOVERY-260115-001-AUTO-SAVE-15", A, 3, 4),
    PlaceRow("RECOVERY-260115-001-AUTO-SAVE-15", C, 5, 6),
]


@pytest.mark.parametrize(
    ("ref", "target"),
    [
        (A, Target(A)),
        (A.upper(), Target(A)),
        ("0199aaa", Target(A)),
        ("SESSION-260115-002", Target(B)),
        (" session-260115-002 ", Target(B)),
        ("2026-01-15-focus-launch-001", Target(A)),
        ("thread-7", Target(B)),
        ("258c7280-1111-4222-8333-444455556666", Target(A)),
        ("258c7281", Target(B)),
        ("last", Target(A)),
        ("RECOVERY-260115-001-143022", Target(A, 41, "RECOVERY-260115-001-143022")),
        ("continuation-260115-002-step-003", Target(B, 7, "CONTINUATION-260115-002-STEP-003")),
    ],
)
def test_each_form_resolves(ref, target):
    assert resolve(ref, ROWS, places=PLACES) == target


@pytest.mark.parametrize("ref", ["", "0199ff", "SESSION-260115-009", "RECOVERY-260115-001-000000", "thr", "current", "a\0b"])
def test_what_fits_nothing_is_not_found(ref):
    with pytest.raises(NotFoundError):
        resolve(ref, ROWS, places=PLACES)


def test_an_ambiguous_reference_lists_the_candidates():
    with pytest.raises(AmbiguousError) as e:
        resolve("0199aa", ROWS)
    assert e.value.fields["candidates"] == ["SESSION-260115-001 (Launch)", "SESSION-260115-002"]
    with pytest.raises(AmbiguousError):
        resolve("258c728", ROWS)
    with pytest.raises(AmbiguousError) as e:
        resolve("RECOVERY-260115-001-AUTO-SAVE-15", ROWS, places=PLACES)
    assert e.value.fields["candidates"] == [
        "RECOVERY-260115-001-AUTO-SAVE-15 in SESSION-260115-001 (Launch)",
        "RECOVERY-260115-001-AUTO-SAVE-15 in SESSION-260116-001",
    ]
    assert e.value.hint == "name the session that you mean, with --at and the position"


@pytest.mark.parametrize(
    ("workspace", "target"),
    [
        ("/home/x/launch", B),
        ("/home/x/launch/src/deep", B),
        ("/home/x/launch/", B),
        ("/home/x/launcher", None),
        ("/", None),
        ("", None),
    ],
)
def test_current_is_the_live_session_of_the_nearest_workspace(workspace, target):
    if target is None:
        with pytest.raises(NotFoundError):
            resolve("current", ROWS, workspace=workspace)
    else:
        assert resolve("current", ROWS, workspace=workspace) == Target(target)


def test_the_more_exact_form_wins():
    odd = SessionRow(C, name="SESSION-260116-001", foreign_ids=(A, "last"))
    assert resolve(A, [ROWS[0], odd]) == Target(A)
    assert resolve("last", [odd._replace(status="archived")]) == Target(C)


@given(st.text() | st.sampled_from([A[:n] for n in range(36)]))
def test_any_text_resolves_or_is_an_error_of_ours(ref):
    with suppress(NotFoundError, AmbiguousError):
        assert resolve(ref, ROWS, places=PLACES, workspace="/home/x/launch").session in {A, B, C}


SHELVES = SessionRow(
    A,
    name="SESSION-260115-001",
    workspace="/home/x/launch",
    tasks=(("T1", "price the shelves"),),
    last_activity="2026-01-15T12:00:00Z",
)
SCALES = SessionRow(B, name="SESSION-260115-002", workspace="/home/x/scales", task="Buy\n a scale", tasks=(("T1", "weigh"),))


@pytest.mark.parametrize(
    ("ref", "target"),
    [("price the Shelves", Target(A, task="T1")), ("buy a scale", Target(B, task="")), ("weigh", Target(B, task="T1"))],
)
def test_a_task_is_the_session_that_has_it(ref, target):
    assert resolve(ref, [SHELVES, SCALES]) == target


def test_a_task_that_two_sessions_have_is_that_of_this_workspace():
    assert resolve("t1", [SHELVES, SCALES], workspace="/home/x/scales/src") == Target(B, task="T1")
    with pytest.raises(AmbiguousError):
        resolve("T1", [SHELVES, SCALES], workspace="/elsewhere")


def test_a_task_that_forks_share_is_where_it_went_on_last():
    early = SHELVES._replace(id=B, parent=A, last_activity="2026-01-15T12:30:00Z")
    late = SHELVES._replace(id=C, parent=A, last_activity="2026-01-15T13:00:00Z")
    assert resolve("T1", [SHELVES, late, early]) == Target(C, task="T1")
    assert resolve("T1", [late, early]) == Target(C, task="T1")
    assert resolve("T1", [SHELVES._replace(last_activity="2026-01-16T00:00:00Z"), late]) == Target(A, task="T1")


def test_a_name_of_a_session_comes_before_a_task_that_is_called_so():
    named = SHELVES._replace(id=C, tasks=(), foreign_ids=("T1",))
    assert resolve("T1", [SHELVES, named]) == Target(C)


def test_one_that_was_superseded_is_the_last_one_only_where_there_is_no_other():
    old = ROWS[0]._replace(reason="superseded", last_activity="2026-01-18T00:00:00Z")
    assert resolve("last", [old, ROWS[1]]) == Target(B)
    assert resolve("last", [old]) == Target(A)
