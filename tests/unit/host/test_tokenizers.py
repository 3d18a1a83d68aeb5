"""An exact tokenizer is used where it is installed, and never fetched."""

import sys

import pytest

from segue.core.context.tokens import Count, Estimator
from segue.host import tokenizers


@pytest.fixture(autouse=True)
def _fresh():
    tokenizers.exact.cache_clear()
    yield
    tokenizers.exact.cache_clear()


def test_for_openai_models_the_exact_tokenizer_counts():
    counter = tokenizers.counter_for("gpt-5")

    assert counter.measure("hello world, hello world") == Count(5, "o200k", "exact", 0.0)
    assert counter.count("") == 0


def test_text_that_is_no_utf8_is_counted_with_replacement_characters():
    counter = tokenizers.exact("o200k")

    assert counter.count("torn \ud83d here") == counter.count("torn ��� here")
    assert counter.count(b"torn \xff here") == counter.count("torn � here")


@pytest.mark.parametrize("model", ["gemini-3-pro", "qwen3-coder", None])
def test_without_a_public_tokenizer_the_estimator_counts_with_the_factor_of_the_session(model):
    counter = tokenizers.counter_for(model, factor=1.1)

    assert isinstance(counter, Estimator)
    assert counter.factor == 1.1


@pytest.fixture
def tiktoken(monkeypatch, tmp_path):
    """A stand-in for tiktoken, alone: it counts words, and its cache is an empty directory."""
    (tmp_path / "tiktoken.py").write_text(
        "class Encoding:\n    encode_ordinary = staticmethod(str.split)\n"
        "def get_encoding(name):\n    assert name == 'o200k_base'\n    return Encoding\n"
    )
    monkeypatch.setitem(sys.modules, "rs_bpe.bpe", None)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    yield tmp_path
    sys.modules.pop("tiktoken", None)


def test_tiktoken_counts_where_its_vocabulary_is_in_its_cache(tiktoken):
    (tiktoken / "fb374d419588a4632f3f557e76b4b70aebbca790").write_bytes(b"")

    counter = tokenizers.exact("o200k")

    assert (counter.name, counter.count("three little words")) == ("tiktoken", 3)


def test_tiktoken_without_its_vocabulary_is_not_asked_since_it_would_download(tiktoken):
    assert tokenizers.exact("o200k") is None


def test_claude_is_counted_exactly_where_ctok_is_installed_and_estimated_elsewhere():
    counter = tokenizers.counter_for("claude-sonnet-5")

    assert counter.family == "claude-4.8"
    assert (counter.method, counter.margin) == (("exact", 0.0) if sys.version_info >= (3, 12) else ("estimate", 0.07))
    assert counter.count("hello, world") in range(3, 7)
