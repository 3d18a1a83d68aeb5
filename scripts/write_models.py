"""Write what is known of models, their windows and their prices, from the library that keeps it up.

    pip install genai-prices && python scripts/write_models.py [--date YYYY-MM-DD]

The library (MIT, by the authors of Pydantic) is needed by this script alone: it takes seconds to import and brings an HTTP
client with it, while what segue needs of it is a table of some hundred lines. Taken are the makers of models, not those who
host them, and of prices those of text, per million tokens.
"""

import argparse
import datetime as dt
import re
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parent.parent / "src/segue/core/context/modeltable.py"
MAKERS = (
    *(
        "anthropic",
        "openai",
        "google",
        "deepseek",
        "mistral",
        "x-ai",
        "moonshotai",
        "zai",
        "zhipuai",
        "minimax",
        "cohere",
        "meta",
    ),
)
KINDS = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok")
HEAD = '''# ruff: noqa: E501 - a model is a line
"""Windows and prices of models: written by `scripts/write_models.py`, not by hand.

Source: genai-prices {version} (MIT), {date}. A line of `TABLE` is a model: names, beginnings of names and regular expressions
(each list divided by spaces), its window in tokens (empty: not known), and its prices.

Prices are US dollars per million tokens `input/output/cache read/cache write` (empty: none of its own), from a day on where
they changed (`2026-03-13=...`), and above so many tokens of input where they differ (`>200000=...`); divided by `;`.
"""

from typing import Final

SOURCE: Final = "genai-prices {version}"
DATE: Final = "{date}"
TABLE: Final = r"""
{lines}"""
'''


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--date", default=dt.datetime.now(tz=dt.UTC).date().isoformat())
    date = parser.parse_args().date
    try:
        from genai_prices.data import providers
    except ImportError:
        sys.exit("genai-prices is needed: pip install genai-prices")
    by_id = {provider.id: provider for provider in providers}
    lines = [line for maker in MAKERS for model in by_id[maker].models if (line := line_of(maker, model))]
    TARGET.write_text(HEAD.format(version=metadata.version("genai-prices"), date=date, lines="".join(lines)), encoding="utf-8")
    print(f"{len(lines)} models, {TARGET.stat().st_size:,} bytes")


def line_of(maker: str, model: Any) -> str:
    """Return the line of a model; empty where nothing is known of it that could be told, or another's maker tells it."""
    if maker != "anthropic" and "claude" in model.id:
        return ""
    prices = ";".join(periods(model.prices))
    if not prices and not model.context_window:
        return ""
    names, begins, others = [], [], []
    for kind, text in clauses(model.match):
        {"name": names, "begin": begins, "other": others}[kind].append(text)
    columns = (" ".join(names), " ".join(begins), " ".join(others), str(model.context_window or ""), prices)
    return "|".join(columns) + "\n" if any(columns[:3]) else ""


def clauses(match: Any) -> Iterator[tuple[str, str]]:
    """Yield what a model's name must be, one of them."""
    name = type(match).__name__
    if name == "ClauseOr":
        for part in match.or_:
            yield from clauses(part)
    elif name == "ClauseEquals":
        yield "name", match.equals.lower()
    elif name == "ClauseStartsWith":
        yield "begin", match.starts_with.lower()
    else:
        pattern = regex(match)
        if pattern and not {" ", "|"} & set(pattern):  # those divide the table
            yield "other", pattern


def regex(match: Any) -> str:
    """Return a clause as a regular expression of the whole name; empty where there is none."""
    name = type(match).__name__
    if name == "ClauseEquals":
        return re.escape(match.equals.lower())
    if name == "ClauseStartsWith":
        return re.escape(match.starts_with.lower()) + ".*"
    if name == "ClauseEndsWith":
        return ".*" + re.escape(match.ends_with.lower())
    if name == "ClauseContains":
        return ".*" + re.escape(match.contains.lower()) + ".*"
    if name == "ClauseRegex":
        found = match.regex
        return (
            ("" if found[:1] == "^" else ".*") + found.removeprefix("^").removesuffix("$") + ("" if found[-1:] == "$" else ".*")
        )
    if name == "ClauseAnd":
        return "".join(f"(?={regex(part)}$)" for part in match.and_) + ".*"
    return ""


def periods(prices: Any) -> Iterator[str]:
    """Yield the prices of each time, the oldest first; those of a time of day are left out."""
    for one in prices if isinstance(prices, list) else [prices]:
        constraint = getattr(one, "constraint", None)
        since = getattr(constraint, "start_date", None)
        if constraint is not None and since is None:
            continue
        for above, price in tiers(getattr(one, "prices", one)):
            if price.strip("/"):
                yield (f"{since}=" if since else "") + (f">{above}=" if above else "") + price


def tiers(price: Any) -> Iterator[tuple[int, str]]:
    """Yield the prices from each size of input on."""
    values = [getattr(price, kind, None) for kind in KINDS]
    starts = sorted({tier.start for value in values for tier in getattr(value, "tiers", ())})
    for start in (0, *starts):
        yield start, "/".join(shown(at(value, start)) for value in values)


def at(value: Any, start: int) -> Any:
    """Return a price as it is above *start* tokens of input."""
    if not hasattr(value, "tiers"):
        return value
    fitting: Iterable[Any] = [tier for tier in value.tiers if tier.start <= start]
    return max(fitting, key=lambda tier: tier.start).price if start and fitting else value.base


def shown(price: Any) -> str:
    """Return a price in as few digits as it needs."""
    return "" if price is None else format(price.normalize(), "f")


if __name__ == "__main__":
    main()
