"""Ids, and every form in which a person may refer to a session."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.core.log.ids import (
    autosave_name,
    continuation_name,
    is_uuid,
    name_stem,
    parse_ref,
    recovery_name,
    session_name,
    session_prefix,
    slug,
    slug_word,
    stem_of,
    uuid7,
    uuid7_ms,
    uuid7_of,
)

UUID = "019bbf4e-1234-7abc-8def-0123456789ab"


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_a_uuid_has_version_7_the_variant_and_its_time(ms, random):
    made = uuid7(ms, random)
    assert is_uuid(made)
    assert (made[14], made[19] in "89ab", uuid7_ms(made)) == ("7", True, ms)


def test_the_example_of_rfc_9562_comes_out():
    random = bytes.fromhex("0cc3" + "18c4dc0c0c07398f")
    assert uuid7(0x017F22E279B0, random) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
    assert uuid7_of(0x017F22E279B0 << 74 | 0xCC3 << 62 | 0x18C4DC0C0C07398F) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**12 - 1), st.integers(0, 2**62 - 1))
def test_a_uuid_made_of_its_bits_is_the_one_made_of_its_parts(ms, high, low):
    assert uuid7_of(ms << 74 | high << 62 | low) == uuid7(ms, (high << 64 | low).to_bytes(10, "big"))


@given(st.integers(0, 2**48 - 2), st.binary(min_size=10, max_size=10), st.binary(min_size=10, max_size=10))
def test_later_uuids_sort_later(ms, one, two):
    assert uuid7(ms, one) < uuid7(ms + 1, two)


@pytest.mark.parametrize("text", ["", UUID[:-1], UUID + "0", UUID.upper(), UUID.replace("-", ""), UUID + "\n", f"{{{UUID}}}"])
def test_a_uuid_is_written_in_one_way(text):
    assert not is_uuid(text)


def test_names_are_made_as_the_product_says():
    assert session_prefix("260115") == "SESSION-260115"
    assert [session_name("260115", n) for n in (1, 42, 999, 1000)] == [
        "SESSION-260115-001",
        "SESSION-260115-042",
        "SESSION-260115-999",
        "SESSION-260115-1000",
    ]
    stem = name_stem("SESSION-260115-004")
    assert stem == "260115-004"
    assert recovery_name(stem, "093000") == "RECOVERY-260115-004-093000"
    assert autosave_name(stem, 15) == "RECOVERY-260115-004-AUTO-SAVE-15"
    assert continuation_name(stem, step=3) == "CONTINUATION-260115-004-STEP-003"
    assert continuation_name(stem, name="after the review") == "CONTINUATION-260115-004-AFTER-THE-REVIEW"
    assert continuation_name(stem, name="日本") == "CONTINUATION-260115-004-POINT"


def test_two_recovery_points_in_one_second_get_a_suffix():
    first = recovery_name("260115-004", "093000")
    second = recovery_name("260115-004", "093000", frozenset({first}))
    third = recovery_name("260115-004", "093000", frozenset({first, second}))
    assert (second, third) == (f"{first}-2", f"{first}-3")
    assert [parse_ref(n).forms[0] for n in (first, second, third)] == ["recovery"] * 3


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("last", ("last", "foreign")),
        ("CURRENT", ("current", "foreign")),
        (UUID, ("id", "foreign")),
        (UUID.upper(), ("id", "foreign")),
        (f"  {UUID}\n", ("id", "foreign")),
        ("0", ("prefix", "foreign")),
        ("019BBF4E", ("prefix", "foreign")),
        ("019bbf4e-", ("prefix", "foreign")),
        ("019bbf4e-1234-7abc-8def-0123456789a", ("prefix", "foreign")),
        ("019bbf4e1234", ("foreign",)),
        ("019b-bf4e", ("foreign",)),
        ("SESSION-260115-004", ("name", "foreign")),
        ("session-260115-1004", ("name", "foreign")),
        ("SESSION-260115-04", ("foreign",)),
        ("SESSION-2601150-004", ("foreign",)),
        ("SESSION-٢٦٠١١٥-٠٠٤", ("foreign",)),
        ("ſESSION-260115-004", ("foreign",)),
        ("RECOVERY-260115-004-093000", ("recovery", "foreign")),
        ("RECOVERY-260115-004-093000-2", ("recovery", "foreign")),
        ("recovery-260115-004-auto-save-15", ("recovery", "foreign")),
        ("RECOVERY-260115-004", ("foreign",)),
        ("CONTINUATION-260115-004-STEP-003", ("continuation", "foreign")),
        ("continuation-260115-004-after-the-review", ("continuation", "foreign")),
        ("CONTINUATION-260115-004-", ("foreign",)),
        ("2026-01-15-focus-product-launch-001", ("slug", "foreign")),
        ("2026-01-15-focus-product-launch", ("foreign",)),
        ("conversation_7f", ("foreign",)),
        ("", ("foreign",)),
    ],
)
def test_a_reference_is_told_by_its_form_and_may_always_be_foreign(text, forms):
    assert parse_ref(text) == (text.strip(), forms)


@given(st.text(max_size=80))
def test_any_text_is_some_reference(text):
    assert parse_ref(text).forms[-1] == "foreign"


@given(st.integers(0, 36))
def test_every_beginning_of_an_id_is_a_prefix(length):
    assert parse_ref(UUID[:length]).forms[0] == ("foreign" if not length else "id" if length == 36 else "prefix")


def test_all_names_of_a_session_carry_its_stem():
    stem = "260115-1004"
    made = [
        session_name("260115", 1004),
        recovery_name(stem, "093000"),
        autosave_name(stem, 1),
        continuation_name(stem, step=1),
        continuation_name(stem, name="x"),
    ]
    assert [stem_of(n.lower()) for n in made] == [stem] * 5
    assert [stem_of(n) for n in ("last", UUID, "2026-01-15-focus-x-001")] == [None] * 3


def test_a_slug_says_day_type_project_and_the_first_free_number():
    first = slug("2026-01-15", "focus", "Product Launch!")
    assert first == "2026-01-15-focus-product-launch-001"
    assert slug("2026-01-15", "focus", "Product Launch!", frozenset({first})) == "2026-01-15-focus-product-launch-002"
    assert slug("2026-01-15", "", "日本") == "2026-01-15-work-001"


@given(st.text(max_size=100), st.text(max_size=100))
def test_every_slug_is_a_slug(type_, project):
    made = slug("2026-01-15", type_, project)
    assert "slug" in parse_ref(made).forms
    assert len(slug_word(project)) <= 48
    assert re.fullmatch(r"[a-z0-9-]+", made)
