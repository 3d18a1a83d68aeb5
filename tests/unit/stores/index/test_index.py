"""The index answers what the logs say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.core.errors import AmbiguousError, NotFoundError
from segue.core.log.events import Draft, ForkPoint
from segue.core.session.catalogue import place_rows, session_row
from segue.core.session.refs import resolve
from segue.core.session.state import fold
from segue.engine.loading import load
from segue.ports import Filters
from segue.stores.index.index import SqliteIndex
from segue.stores.memory import MemoryStore
from segue.testing.builders import assistant, text, tool_call, tool_result, user
from segue.testing.fakes import FakeClock, FakeIds, session_id
from tests.unit.stores.index.helping import begin, found

# --- the catalogue


def test_one_reads_ones_own_writes(place, index):
    store, _ = place
    a = begin(store, 1, task="ship it", project="launch")
    assert [r.task for r in index.sessions()] == ["ship it"]
    store.append(a, [Draft("session.activated", {}), Draft("session.updated", {"title": "Launch day"})])
    assert (index.session(a).title, index.session(a).status, index.session(a).head) == ("Launch day", "active", 3)
    begin(store, 2)
    assert [r.id for r in index.sessions()] == [session_id(1), session_id(2)]
    store.delete(a)
    assert [r.id for r in index.sessions()] == [session_id(2)]
    with pytest.raises(NotFoundError):
        index.session(a)


def test_a_row_is_that_of_the_state(place, index):
    store, _ = place
    a = begin(
        store,
        1,
        user("hello"),
        assistant("hi", model="m", usage={"input_tokens": 5, "output_tokens": 2, "cost_usd": 0.5}),
        Draft("checkpoint.created", {"name": "RECOVERY-260115-001-090000", "position": 2}),
        Draft("continuation.set", {"name": "CONTINUATION-260115-001-STEP-003", "position": 3}),
        tags=["x", "y"],
        agents=[{"name": "coder"}],
        foreign_ids=["f-1"],
    )
    state = fold(store.read(a), session=a)
    assert index.sessions() == [session_row(state)]
    assert sorted(index.places(a)) == sorted(place_rows(state))
    assert index.places() == index.places(a)


def test_catching_up_takes_in_only_what_is_new(place, index):
    store, _ = place
    a = begin(store, 1, *[user(f"word{i}") for i in range(300)])
    assert index.catch_up() == 301
    assert index.catch_up() == 0
    store.append(a, [user("late")])
    read = []
    whole = store.read
    store.read = lambda *args, **how: (read.append(e.seq) or e for e in whole(*args, **how))
    assert index.catch_up() == 1
    assert len(read) <= 8
    del store.read
    assert found(index, "late") == [(a, 302)]


def test_a_question_about_one_session_looks_at_that_one_alone(place, index):
    store, _ = place
    for n in range(1, 4):
        begin(store, n, user("alpha"))
    asked, stamp = [], store.stamp
    store.stamp = lambda session: asked.append(session) or stamp(session)
    assert index.session(session_id(2)).messages == 1
    assert found(index, "alpha", Filters(session=session_id(2))) == [(session_id(2), 2)]
    assert index.places(session_id(2)) == []
    assert set(asked) == {session_id(2)}
    del store.stamp
    with pytest.raises(NotFoundError):
        index.session("x\ud800")


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        (Filters(), [3, 2, 1]),
        (Filters(project="launch"), [2, 1]),
        (Filters(status=("active", "paused")), [2]),
        (Filters(agent="coder"), [3]),
        (Filters(tag="urgent"), [1]),
        (Filters(since="2026-01-12T00:00:00Z"), [3, 2]),
        (Filters(until="2026-01-12T00:00:00Z"), [1]),
        (Filters(session=session_id(2)), [2]),
        (Filters(project="launch", status=("created",)), [1]),
        (Filters(workspace="/none"), []),
    ],
)
def test_lists_are_filtered_latest_first(place, index, filters, numbers):
    store, _ = place
    begin(store, 1, project="launch", tags=["urgent", "urge"])
    begin(store, 2, Draft("session.activated", {}), project="launch")
    begin(store, 3, agents=[{"name": "coder"}], title="Coder's own")
    assert [r.id for r in index.sessions(filters)] == [session_id(n) for n in numbers]
    assert [r.id for r in index.sessions(filters, limit=1, offset=1)] == [session_id(n) for n in numbers[1:2]]
    assert [r.id for r in index.sessions(text="coder'S")] == [session_id(3)]


def test_references_resolve_as_they_do_over_all_rows(place, index):
    store, _ = place
    for n in range(1, 7):
        begin(
            store,
            n,
            *([Draft("session.ended", {"reason": "done"})] if n % 2 else []),
            Draft("checkpoint.created", {"name": f"RECOVERY-260115-00{n % 4}-090000", "position": 1}),
            workspace=["/w", "/w/a", "/", "/w/a/b/", "", "/w/a"][n - 1],
            foreign_ids=[f"thread-{n}", "Shared"],
        )
    rows, places = index.sessions(), index.places()
    refs = [
        "last",
        "current",
        "thread-3",
        "thread",
        "thread-",
        "Shared",
        "shared",
        "",
        "RECOVERY-260115-001-090000",
        "x\udcffy",
        "a'b\"c",
    ]
    refs += [session_id(2), session_id(2)[:8], session_id(2)[:18], session_id(5).upper(), "RECOVERY-260115-003-090000"]
    refs += [rows[0].name, rows[1].name.lower(), rows[2].slug]
    for ref in refs:
        for workspace in ("/w/a/b/c", "/w/a", "/w/ab", "/", "", "w", "/w/a/\udcff"):
            answers = []
            for ask in (
                lambda: index.resolve(ref, workspace=workspace),  # noqa: B023
                lambda: resolve(ref, rows, places=places, workspace=workspace),  # noqa: B023
            ):
                try:
                    answers.append(ask())
                except (NotFoundError, AmbiguousError) as e:
                    answers.append((type(e), sorted(e.fields.get("candidates", []))))
            assert answers[0] == answers[1], (ref, workspace)


# --- full text


def test_what_was_said_and_done_is_found_newest_first(place, index):
    store, _ = place
    a = begin(
        store, 1, user("Please run the parser tests"), assistant("ok", tool_call("Bash", command="pytest tests/test_parser.py"))
    )
    b = begin(store, 5, Draft("decision.made", {"title": "Use a parser generator", "reason": "speed"}), user("thanks"))
    store.append(
        a,
        [
            Draft(
                "message", {"role": "tool", "parts": [tool_result("3 failed: parsing HeadMovedError")]}, at="2026-01-10T10:00:00Z"
            )
        ],
    )
    assert found(index, "parser") == [(b, 2), (a, 3), (a, 2)]
    assert found(index, "parsed") == [(a, 4)]
    assert found(index, "tests run") == [(a, 2)]
    assert found(index, '"parser generator"') == [(b, 2)]
    assert found(index, '"generator parser"') == []
    assert found(index, "test_parser.py") == [(a, 3)]
    assert found(index, "moved") == [(a, 4)]
    assert found(index, "parser", limit=1) == [(b, 2)]
    assert index.search("parser", limit=1).more is True
    assert index.search("failing").hits[0].snippet == "3 [failed]: parsing HeadMovedError"


def test_hits_say_where_and_what(place, index):
    store, _ = place
    a = begin(store, 1, user("find the needle", actor="me"))
    (hit,) = index.search("needle").hits
    assert hit._replace(score=0) == (a, 2, "2026-01-11T09:00:00Z", "message", "user", "me", "find the [needle]", 0)
    assert hit.score > 0


def test_search_is_filtered(place, index):
    store, _ = place
    a = begin(store, 1, user("alpha"), assistant("alpha"), project="p", agents=[{"name": "coder"}])
    b = begin(store, 3, Draft("decision.made", {"title": "alpha"}), project="q")
    assert found(index, "alpha", Filters(session=a)) == [(a, 3), (a, 2)]
    assert found(index, "alpha", Filters(project="q")) == [(b, 2)]
    assert found(index, "alpha", Filters(agent="coder"), role="user") == [(a, 2)]
    assert found(index, "alpha", kind="decision.made") == [(b, 2)]
    assert found(index, "alpha", Filters(since="2026-01-12T00:00:00Z")) == [(b, 2)]
    assert found(index, "alpha", Filters(until="2026-01-12T00:00:00Z")) == [(a, 3), (a, 2)]
    assert found(index, "alpha", Filters(project="none")) == []
    assert found(index, "alpha", kind="nothing.of_it") == []


def test_the_best_come_first_when_asked_and_a_question_needs_not_all_its_words(place, index):
    store, _ = place
    a = begin(
        store,
        1,
        user("the database is slow"),
        user("the migration of the database failed because the database was locked"),
        user("lunch"),
    )
    assert found(index, "why did the database migration fail?", order="best")[0] == (a, 3)
    assert found(index, "database lunch") == [(a, 4), (a, 3), (a, 2)]


def test_what_is_told_over_several_turns_ranks_before_one_that_stands_alone(place, index):
    store, _ = place
    a = begin(
        store, 1, user("alpha one"), *[user(f"other {i}") for i in range(5)], user("alpha two"), user("alpha three"), user("end")
    )
    assert [seq for _, seq in found(index, "alpha", order="best")][2] == 2
    assert found(index, "alpha")[-1] == (a, 2)


def test_large_texts_are_part_of_the_state_and_what_tools_gave_back_is_not_read_for_it(place, index):
    store, _ = place
    long, parts = "t" * 60_000, [text(f"part {i} " + "x" * 300) for i in range(900)]
    results = [Draft("message", {"role": "tool", "parts": [tool_result("r" * 60_000 + str(i))]}) for i in range(3)]
    a = begin(store, 1, user("i" * 60_000), user(*parts), *results, task=long, constraint="c")
    loaded, blob = [], store.blob
    store.blob = lambda name: loaded.append(name) or blob(name)
    state = load(store, a)
    assert len(loaded) == 3
    assert (state.header["task"], index.session(a).task) == (f"{'t' * 7_999}…",) * 2
    assert [s["text"][:6] for s in state.work["instructions"]] == ["iiiiii", "part 0"]
    assert index.session(a) == session_row(state)


def test_a_revision_shows_once(place, index):
    store, _ = place
    a = begin(store, 1, user("draft of alpha", node="n1"), user("final alpha", node="n1"))
    assert found(index, "alpha") == [(a, 3)]


def test_a_fork_does_not_repeat_its_parents_words(place, index):
    store, _ = place
    a = begin(store, 1, user("shared alpha"), user("later alpha"))
    event = list(store.read(a))[1]
    parent = {"session": a, "seq": 2, "digest": event.digest}
    store.create(
        session_id(2), [Draft("session.forked", {"parent": parent}), user("own alpha")], fork=ForkPoint(a, 2, event.digest)
    )
    assert sorted(found(index, "alpha")) == [(a, 2), (a, 3), (session_id(2), 4)]
    assert (index.session(session_id(2)).parent, index.session(session_id(2)).messages) == (a, 1)


def test_large_texts_are_found_and_encoded_ones_are_no_words(place, index):
    store, _ = place
    big = "filler " * 20_000 + "needle"
    a = begin(store, 1, user(big), user(text("x"), {"type": "blob", "content": "QUJD" * 100}), user("QUJD" * 100))
    assert found(index, "needle") == [(a, 2)]
    assert found(index, "QUJD" * 100) == []


@given(
    st.text(max_size=30)
    | st.sampled_from(
        ['"', '""', "a AND", "NEAR(", "text:", "*", "^a", "{names}: x", "a\0b", "-a", "(", "x\ud800", "'; DROP TABLE words"]
    )
)
def test_a_query_is_text_whatever_is_in_it(query):
    store = MemoryStore(clock=FakeClock(), ids=FakeIds())
    begin(store, 1, user("a AND text NEAR b"))
    index = SqliteIndex(store, ":memory:")
    for order in ("newest", "best"):
        assert len(index.search(query, order=order).hits) <= 2


def test_operators_are_words(place, index):
    store, _ = place
    a = begin(store, 1, user("salt AND pepper"), user("salt or pepper"), user("salt"))
    assert found(index, "salt AND pepper") == [(a, 2)]
    assert sorted(found(index, "salt NOT")) == [(a, 2), (a, 3), (a, 4)]


# --- bounded


def test_the_work_of_a_question_does_not_grow_with_the_sessions(monkeypatch):
    monkeypatch.setattr("segue.stores.index.looking.QUOTA", 200)
    monkeypatch.setattr("segue.stores.index.looking._SAMPLE", 200)

    def costs(sessions):
        store = MemoryStore(clock=FakeClock(), ids=FakeIds())
        for n in range(1, sessions + 1):
            begin(store, n, user(f"alpha w{n % 7}"), project=f"p{n % 10}")
        index = SqliteIndex(store, ":memory:")
        index.catch_up()
        index._catch_up = lambda *_: 0  # which looks at every session's stamp, in one statement
        db = index._data._connection()
        statements, steps = [], []
        db.set_trace_callback(statements.append)
        db.set_progress_handler(lambda: steps.append(1) and None, 100)
        found = []
        for ask in (
            lambda: index.sessions(limit=50),
            lambda: index.sessions(Filters(project="p3"), limit=50),
            lambda: index.resolve(session_id(77)),
            lambda: index.resolve("last"),
            lambda: index.search("alpha", limit=20),
            lambda: index.search("alpha", Filters(session=session_id(9)), limit=20),
            lambda: index.search("w3", limit=20),
            lambda: index.search("alpha w3", limit=20, order="best"),
            lambda: index.search("alpha w3", role="user", limit=20, order="best"),
            lambda: index.rank("alpha w3", limit=50),
        ):
            statements.clear()
            steps.clear()
            ask()
            found.append((len(statements), len(steps)))
        return found

    few, many = costs(300), costs(3_000)
    for (asked, small), (asked_more, large) in zip(few, many, strict=True):
        assert asked_more <= asked * 1.5 + 20 <= 1_000  # most are of the full text itself: its trees get deeper
        assert large <= small * 1.5 + 3


def test_a_common_word_is_ranked_within_a_window(place, index):
    store, _ = place
    a = begin(store, 1, *[user("common") for _ in range(300)])
    index.catch_up()
    answer = index.search("common", order="best", limit=5)
    assert (len(answer.hits), answer.more, answer.window) == (5, True, None)
    with pytest.MonkeyPatch.context() as m:
        m.setattr("segue.stores.index.looking.QUOTA", 100)
        answer = index.search("common", order="best", limit=5)
    assert (min(h.seq for h in answer.hits) > 200, answer.window) == (True, 100)
    assert answer.hits[0].session == a


def test_a_text_with_very_many_matches_is_shown_like_any_other(place, index):
    begin(place[0], 1, user("word " * 100_000 + "in a rare place"))
    (hit,) = index.search("word rare").hits
    assert hit.snippet.endswith("[word] in a [rare]…")
