"""The estimate is near the exact count on text that it was not fitted on, adds up, and takes anything."""

import json
from importlib.metadata import files as files_of
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.core.context.tokens import FAMILIES, Anchor, Count, Estimator, Tally, estimate, family_of
from segue.host.tokenizers import exact

GOLDEN = [json.loads(line) for line in (Path(__file__).parents[2] / "golden/token-counts.jsonl").read_text("utf-8").splitlines()]
families = st.sampled_from(FAMILIES)


def error_at(values, share):
    return sorted(map(abs, values))[int(len(values) * share)]


@pytest.mark.parametrize("family", ["o200k", "claude-3", "claude-4.8"])
def test_the_estimate_of_all_golden_texts_together_is_within_its_margin(family):
    real = sum(row["exact"][family] for row in GOLDEN)

    guessed = sum(estimate(row["text"], family) for row in GOLDEN)

    assert abs(guessed / real - 1) <= 0.03


def test_on_code_and_documents_that_were_not_fitted_the_estimate_is_near_the_exact_count():
    exactly = exact("o200k")
    errors = []
    for package in ("click", "pytest", "hypothesis"):
        for file in sorted(map(str, files_of(package))):
            if not file.endswith((".py", "METADATA")):
                continue
            text = Path(next(f for f in files_of(package) if str(f) == file).locate()).read_text("utf-8")
            chunks = [text[at : at + 4000] for at in range(0, len(text) - 3999, 4000)][:6]
            numbered = ["\n".join(f"{n:6}→{line}" for n, line in enumerate(c.split("\n"), 1)) for c in chunks[:2]]
            calls = [json.dumps({"file_path": f"/home/dev/{file}", "content": c}) for c in chunks[2:4]]
            errors += [estimate(c, "o200k") / exactly.count(c) - 1 for c in chunks + numbered + calls]

    assert len(errors) > 300
    assert error_at(errors, 0.5) <= 0.045
    assert error_at(errors, 0.9) <= 0.10
    assert abs(sum(errors) / len(errors)) <= 0.03


def test_exact_counts_are_those_that_the_golden_file_was_made_with():
    exactly = exact("o200k")

    assert [exactly.count(row["text"]) for row in GOLDEN] == [row["exact"]["o200k"] for row in GOLDEN]


def test_the_unknown_family_counts_no_less_than_any_real_text_needs():
    real = sum(max(row["exact"].values()) for row in GOLDEN)

    assert sum(estimate(row["text"]) for row in GOLDEN) >= 0.97 * real


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_is_no_tokens_and_one_character_is_at_least_one(family):
    assert estimate("", family) == 0
    assert estimate(b"", family) == 0
    assert all(estimate(letter, family) >= 1 for letter in "aZ5 \n{é中🎉")


@given(text=st.binary(max_size=400), more=st.binary(max_size=50), family=families)
def test_more_text_is_never_fewer_tokens(text, more, family):
    assert estimate(text + more, family) >= estimate(text, family)


@given(pieces=st.lists(st.text(max_size=60) | st.binary(max_size=60), max_size=12), family=families)
def test_counting_in_pieces_gives_what_counting_at_once_gives(pieces, family):
    tally = Tally(Estimator(family))
    whole = b"".join(p if isinstance(p, bytes) else p.encode("utf-8", "surrogatepass") for p in pieces)

    for piece in pieces:
        tally.add(piece)

    assert tally.tokens == estimate(whole, family)


def test_a_text_of_many_blocks_counts_like_its_halves():
    text = "def read(path): return open(path).read()\n" * 20_000
    half = text[: len(text) // 2]

    assert abs(estimate(text, "o200k") - 2 * estimate(half, "o200k")) <= 1


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("byte", list(b"eB7 \n_\x80\xe2\xff"))
def test_a_run_of_one_byte_counts_in_proportion_however_long_it_is(byte, family):
    tokens = {size: estimate(bytes([byte]) * size, family) for size in (20, 120, 2_020, 200_020)}

    each = (tokens[200_020] - tokens[20]) / 200_000
    assert tokens[2_020] - tokens[20] == pytest.approx(2_000 * each, abs=1)
    assert tokens[120] - tokens[20] == pytest.approx(100 * each, abs=1)


@given(text=st.binary(max_size=300), family=families)
def test_bytes_that_are_no_utf8_are_counted_too(text, family):
    assert 0 <= estimate(text, family) <= 4 * len(text)


def test_a_lone_surrogate_is_counted_and_not_an_error():
    assert estimate("torn \ud83d here", "o200k") > estimate("torn  here", "o200k")


def test_a_factor_scales_and_a_measure_says_what_it_is():
    text = "the quick brown fox " * 500
    plain = Estimator("o200k").count(text)

    measured = Estimator("o200k", factor=1.2, margin=0.03).measure(text)

    assert measured == Count(pytest.approx(plain * 1.2, abs=1), "o200k", "anchored", 0.03)
    assert Count(1000, "o200k", "estimate", 0.05).upper == 1050
    assert Count(1001, "o200k", "estimate", 0.05).upper == 1052
    assert Count(7, "o200k", "exact", 0.0).upper == 7


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("claude-opus-4-6", "claude-3"),
        ("claude-opus-4-6[1m]", "claude-3"),
        ("claude-3-5-sonnet-20241022", "claude-3"),
        ("claude-sonnet-4-20250514", "claude-3"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-3"),
        ("claude-opus-4@20250514", "claude-3"),
        ("claude-2.1", "claude-3"),
        ("claude-opus-4-7", "claude-4.8"),
        ("anthropic/claude-opus-4.8", "claude-4.8"),
        ("claude-sonnet-5", "claude-4.8"),
        ("claude-opus-10-2", "claude-4.8"),
        ("claude", "claude-4.8"),
        ("opus", "claude-4.8"),
        ("gpt-4o-mini", "o200k"),
        ("GPT-5-codex", "o200k"),
        ("openai/gpt-4.1", "o200k"),
        ("o3-mini", "o200k"),
        ("gpt-oss-120b", "o200k"),
        ("gpt-4-turbo", "unknown"),
        ("gemini-3-pro", "gemini"),
        ("models/gemini-2.5-flash", "gemini"),
        ("qwen3-coder", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_model_has_the_family_of_its_tokenizer(model, family):
    assert family_of(model) == family


def test_gemini_counts_a_fifth_more_than_o200k():
    text = GOLDEN[0]["text"]

    assert estimate(text, "gemini") == pytest.approx(1.2 * estimate(text, "o200k"), rel=0.01)


def test_without_a_usage_record_an_anchor_only_estimates():
    anchor = Anchor("o200k")
    anchor.add("hello there, this is the task")

    assert anchor.measure() == Estimator("o200k").measure("hello there, this is the task")


def test_a_usage_record_is_the_truth_and_only_what_follows_is_estimated():
    anchor = Anchor("claude-3")
    anchor.add("x " * 4000)
    anchor.record(50_000)
    anchor.add("a new message", calls=1)
    after = estimate("a new message", "claude-3") + 88

    count = anchor.measure()

    assert count == Count(50_000 + after, "claude-3", "anchored", pytest.approx(0.07 * after / (50_000 + after)))


def test_real_growth_teaches_a_factor_and_neither_a_compaction_nor_a_hidden_step_does():
    anchor = Anchor("o200k")
    text = "some output of a tool, line after line\n" * 300
    step = estimate(text, "o200k")
    anchor.record(10_000)
    for n in range(1, 9):
        anchor.add(text)
        anchor.record(10_000 + round(n * step * 1.3))
    learned = anchor.factor

    anchor.add(text)
    anchor.record(4_000)
    anchor.add(text)
    anchor.record(90_000)

    assert 1.2 < learned < 1.3
    assert anchor.factor == learned
    assert anchor.estimator.count(text) == pytest.approx(step * learned, abs=1)


def test_a_forgotten_context_is_estimated_again_and_keeps_the_factor():
    anchor = Anchor("o200k")
    anchor.record(80_000)

    anchor.forget()
    anchor.record(0)

    assert anchor.measure() == Count(0, "o200k", "estimate", 0.12)
