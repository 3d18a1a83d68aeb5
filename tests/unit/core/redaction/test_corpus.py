"""How many of thousands of planted secrets are found: the figure of docs/explanation/secrets.md."""

from collections import Counter

import pytest

from segue.core.redaction.redactor import Redactor
from tests.unit.core.redaction.corpus import FORMS, KINDS, placements, survives


def survivors(seed: int, rounds: int) -> tuple[int, Counter[tuple[str, str]]]:
    redactor = Redactor()
    count = 0
    missed: Counter[tuple[str, str]] = Counter()
    for form, planted, text in placements(seed, rounds):
        count += 1
        assert survives(planted.secret, text), "the corpus plants what can be read"
        missed[form, planted.kind] += survives(planted.secret, redactor.redact(text).value)
    return count, +missed


def test_of_secrets_of_all_kinds_in_all_forms_no_more_than_one_in_a_hundred_survives() -> None:
    count, missed = survivors(1, 4)

    assert count == 4 * len(KINDS) * len(FORMS) >= 1000
    assert missed.total() <= count // 100, missed


@pytest.mark.long
def test_of_forty_thousand_placements_no_more_than_one_in_a_thousand_survives() -> None:
    count, missed = survivors(7, 120)
    print(f"{count} placements, {missed.total()} survived: {dict(missed)}")

    assert missed.total() <= count // 1000, missed
