"""What a question is about: which entries are looked at, how they are ranked, and what of it is read."""

import pytest

from segue.core.log.events import Draft
from segue.ports import Filters
from segue.testing.builders import assistant, text, tool_call, user
from tests.unit.stores.index.helping import begin, found


def usage():
    return Draft("usage", {"tokens": {"input": 1}})


def test_a_rare_word_is_found_however_old_and_no_word_is_left_out_for_being_common(place, index, monkeypatch):
    store, _ = place
    old = begin(store, 1, user("the harbour of the zebra"), user("a harbour"))
    begin(store, 9, *[user(f"harbour {i}") for i in range(300)])
    monkeypatch.setattr("segue.stores.index.looking.QUOTA", 60)
    answer = index.search("zebra harbour", order="best", limit=3)
    assert (answer.hits[0].session, answer.hits[0].seq, answer.window is not None) == (old, 2, True)
    assert len(index.search("harbour", order="best", limit=500).hits) == 60


def test_what_is_counted_for_a_filtered_question_is_what_the_filter_leaves(place, index, monkeypatch):
    store, _ = place
    old = begin(store, 1, user("alpha here"), assistant("alpha there"), project="p")
    begin(store, 9, *[user(f"alpha {i}") for i in range(200)])
    monkeypatch.setattr("segue.stores.index.looking.QUOTA", 40)
    assert sorted(found(index, "alpha", Filters(session=old), order="best")) == [(old, 2), (old, 3)]
    assert found(index, "alpha", Filters(project="p"), role="assistant", order="best") == [(old, 3)]
    assert found(index, "alpha", role="assistant", order="best") == [(old, 3)]


def test_neighbours_are_entries_whatever_silent_events_lie_between(place, index):
    store, _ = place
    a = begin(
        store,
        1,
        user("when is the lantern festival?"),
        usage(),
        usage(),
        assistant("in June"),
        usage(),
        user("thanks"),
        user("z"),
    )
    spots = [(s.seq, s.step) for s in index.rank("lantern festival").spots]
    assert spots[:2] == [(2, 0), (2, 1)]
    assert {s.session for s in index.rank("lantern").spots} == {a}


def test_what_stands_between_quotes_must_be_there_word_for_word(place, index):
    store, _ = place
    a = begin(store, 1, user("we ran the tests"), user("running a test"), user("Run_the\nTests!"), user("the tests ran"))
    for order in ("newest", "best"):
        assert sorted(found(index, '"run the tests"', order=order)) == [(a, 4)]
        assert found(index, '"ran" "tests ran"', order=order) == [(a, 5)]
        assert found(index, '"the running test"', order=order) == []
    assert len(found(index, "run tests", order="best")) == 4


def test_stop_words_are_left_out_where_a_question_has_others(place, index):
    store, _ = place
    a = begin(store, 1, user("what is it that you were to do"), user("the falcon"))
    assert found(index, "what is the falcon's name?", order="best") == [(a, 3)]
    assert found(index, "what is it", order="best") == [(a, 2)]


@pytest.mark.parametrize(
    ("query", "hits"),
    [
        ("東京", [2]),
        ("天気はどう", [2]),
        ("明日は雨", [3]),
        ("数据库", [4]),
        ('"数据库连接"', [4]),
        ('"库数据"', []),
        ("데이터베이스", [5]),
        ("สวัสดี", [6]),
        ("café", [7]),
        ("CAFE", [7]),
        ("parser東京", [2]),
        ("мир", [8]),
    ],
)
def test_other_scripts_are_found(place, index, query, hits):
    store, _ = place
    a = begin(
        store,
        1,
        user("東京の天気はどうですか"),
        user("明日は雨が降ります"),
        user("修复数据库连接超时的问题"),
        user("데이터베이스를 고쳐 주세요"),
        user("สวัสดีครับ"),
        user("the café is closed"),
        user("привет, мир"),
    )
    assert found(index, query, order="best", limit=len(hits) or 1) == [(a, seq) for seq in hits]


def test_a_snippet_in_another_script_reads_as_it_was_written(place, index):
    begin(place[0], 1, user("東京の天気はどう ok [x] [y]?"))
    assert [h.snippet for h in index.search("天気 ok").hits] == ["東京の[天気]はどう [ok] [x] [y]?"]


def touching(*paths):
    return Draft("message", {"role": "tool", "parts": [text("done")], "effects": [{"path": p, "op": "edit"} for p in paths]})


def test_a_file_narrows_to_what_touched_it(place, index):
    store, _ = place
    a = begin(
        store,
        1,
        touching("/shop/src/app.py", "/shop/src/till.py"),
        touching("/shop/src/my_app.py"),
        user("app.py is done"),
        touching("/shop/docs/app/py.md"),
    )
    assert found(index, "done", file="app.py") == [(a, 2)]
    assert sorted(found(index, "done", file="/shop/src")) == [(a, 2), (a, 3)]
    assert found(index, "done", file="src/my_app.py", order="best") == [(a, 3)]
    assert found(index, "done", file="app.p") == []
    assert found(index, "done", file='"') == []
    assert [(s.seq, s.step) for s in index.rank("done", file="till.py").spots] == [(2, 0)]


def test_parts_of_identifiers_and_of_paths_are_found(place, index):
    store, _ = place
    a = begin(
        store,
        1,
        assistant("", tool_call("Edit", file_path="/src/HeadMovedError.py")),
        user("call load_head_state now"),
        user("x"),
    )
    assert found(index, "moved") == [(a, 2)]
    assert found(index, "HeadMovedError") == [(a, 2)]
    assert found(index, "load_head_state") == [(a, 3)]
    assert sorted(found(index, "head", order="best")) == [(a, 2), (a, 3)]


@pytest.mark.parametrize(
    "query", ["x" * 1_000_000, "word " * 200_000, '"' * 999_999, "\0" * 10_000, "的" * 300_000, "the of and"]
)
def test_hostile_queries_get_an_answer(place, index, query):
    begin(place[0], 1, user("the word of it"))
    for order in ("newest", "best"):
        assert len(index.search(query, order=order).hits) <= 1
    assert len({spot.seq for spot in index.rank(query).spots}) <= 1
