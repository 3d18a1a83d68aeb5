"""What people of the world write is found as they write it."""

from unicodedata import normalize

import pytest

from segue.core.context.relevance import words
from segue.core.session.words import words_of
from segue.testing.builders import user
from segue.testing.events import written
from tests.unit.stores.index.helping import begin, found


def decomposed(said):
    return normalize("NFD", said)


@pytest.mark.parametrize(
    ("said", "query"),
    [
        ("デバッグする", decomposed("バッグ")),
        (decomposed("デバッグする"), '"バッグ"'),
        (decomposed("서버가 멈췄습니다"), "서버"),
        ("サーバーのﾃｽﾄ", "テスト"),
        ("tiếng Việt", decomposed("Việt")),
        (decomposed("triển khai"), '"triển khai"'),
        ("tiếng Việt", "tieng viet"),
        ("le système déployé", decomposed('"système déployé"')),
        ("İSTANBUL", '"istanbul"'),
        ("كَتَبَ المُهَنْدِسُ", '"كتب المهندس"'),
        ("שָׁלוֹם עוֹלָם", "עולם"),
        ("ＡＢＣ１２３ ｆａｉｌｅｄ", "abc123"),
        ("the o\ufb03ce", "office"),
    ],
)
def test_a_word_is_found_in_whatever_form_it_was_written(place, index, said, query):
    store, _ = place
    begin(store, 1, user(said), user("something else"))

    assert [seq for _, seq in found(index, query)] == [2]


@pytest.mark.parametrize("query", ["request", "xml", "parser", "url", "login"])
def test_parts_of_names_with_capitals_in_a_row_and_of_names_within_other_scripts_are_found(place, index, query):
    store, _ = place
    begin(store, 1, user("XMLHttpRequest getURLParser 修正FixLoginBugを"), user("something else"))

    assert [seq for _, seq in found(index, query)] == [2]


def test_a_word_in_colour_is_found(place, index):
    store, _ = place
    begin(store, 1, user("\x1b[1m\x1b[31mFAILED\x1b[0m tests"), user("something else"))

    assert [seq for _, seq in found(index, "failed")] == [2]


def test_what_a_million_blank_lines_say_is_told_at_once():
    assert words_of(written([user("\n" * 1_000_000 + "12→def pears")])[0]).text.split() == ["def", "pears"]


def test_a_snippet_shows_what_was_written(place, index):
    store, _ = place
    begin(store, 1, user("Größe: " + decomposed("déjà vu") + " x²"))

    assert [hit.snippet for hit in index.search("deja").hits] == ["Größe: [déjà] vu x²"]


def test_a_text_in_a_script_without_spaces_has_the_words_that_a_task_asks_for():
    assert set(words("索引問題")) <= set(words("昨日は索引問題を直した"))
