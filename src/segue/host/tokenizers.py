"""Exact token counts, where a tokenizer with its own vocabulary is installed (`pip install segue[tokens]`); else the estimate.

Nothing is loaded before it is asked for, and nothing is ever downloaded: rs-bpe and ctok carry their vocabularies, tiktoken is
used only where its vocabulary is in a cache already. Gemini and unfamiliar models have no public tokenizer.
"""

import importlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

from segue.core.context.tokens import Count, Estimator, Family, Method, family_of

_O200K_FILE: Final = "fb374d419588a4632f3f557e76b4b70aebbca790"
"""What tiktoken calls the o200k vocabulary in a cache."""
_CTOK_VERSION: Final[dict[str, str]] = {"claude-3": "3.0", "claude-4.8": "4.8"}


class Exact:
    """Counts with the family's own tokenizer."""

    method: Method = "exact"
    margin: float = 0.0

    def __init__(self, family: Family, name: str, count: Callable[[str], int], *, slow: bool = False) -> None:
        """Count for *family* by *count*, which takes text that is valid UTF-8; *name* says by what.

        *slow*: it takes seconds for a long history, so a packer counts only the whole by it.
        """
        self.family: Family = family
        self.name = name
        self.slow = slow
        self._count = count

    def count(self, text: str | bytes) -> int:
        """Return the number of tokens of *text*; what is not valid UTF-8 counts as replacement characters."""
        if isinstance(text, bytes):
            text = text.decode("utf-8", "replace")
        elif not text.isascii():
            text = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
        return self._count(text)

    def measure(self, text: str | bytes) -> Count:
        """Return the count of *text* with its family and method."""
        return Count(self.count(text), self.family, self.method, self.margin)


def _by_rs_bpe() -> Callable[[str], int]:
    count: Callable[[str], int] = importlib.import_module("rs_bpe.bpe").openai.o200k_base().count
    return count


def _by_tiktoken() -> Callable[[str], int]:
    folders = [os.environ.get(name) for name in ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR")]
    if not any(folder and (Path(folder) / _O200K_FILE).is_file() for folder in folders):
        message = "tiktoken has no vocabulary here, and would download one"
        raise ImportError(message)
    encoding = importlib.import_module("tiktoken").get_encoding("o200k_base")
    return lambda text: len(encoding.encode_ordinary(text))


def _by_ctok(version: str) -> Callable[[str], int]:
    token_count = importlib.import_module("ctok").token_count
    frame = token_count("", version)  # it counts a message, with what frames it
    return lambda text: token_count(text, version) - frame


@cache
def exact(family: Family) -> Exact | None:
    """Return the exact counter of *family*, or None where none is installed. Loaded once: 0.1 s (rs-bpe) to 1.5 s (ctok)."""
    loaders: list[tuple[str, Callable[[], Callable[[str], int]]]] = []
    if family == "o200k":
        loaders = [("rs-bpe", _by_rs_bpe), ("tiktoken", _by_tiktoken)]
    elif family in _CTOK_VERSION:
        loaders = [("ctok", lambda: _by_ctok(_CTOK_VERSION[family]))]
    for name, load in loaders:
        try:
            return Exact(family, name, load(), slow=name == "ctok")  # 0.3 MB/s; the others 5 and more
        except (ImportError, AttributeError):  # a directory of that name where Python looks first is no tokenizer
            continue
    return None


def counter_for(model: str | None, *, factor: float = 1.0) -> Exact | Estimator:
    """Return what counts best for *model* here: its exact tokenizer, else the estimator times *factor* (see `Anchor`)."""
    family = family_of(model)
    return exact(family) or Estimator(family, factor)
