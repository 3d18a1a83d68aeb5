"""How far token figures are off, on sessions that nothing was fitted on: estimates of 4 KB, and the size of the next request.

    python benchmarks/token_errors.py

The estimate is held against the family's own tokenizer (o200k; with Python 3.12 both of Claude). The anchored size of a
context (last usage record, and an estimate of what came after it) is held against the usage record of the next request.
"""

import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from json import dumps
from typing import Final

import context_data
from context_data import Session
from intervals import mean_of
from recall import imported

from segue.core.context.anchoring import requests
from segue.core.context.items import from_events
from segue.core.context.tokens import FAMILIES, Family, estimate, family_of
from segue.core.log.events import Event
from segue.host.tokenizers import exact

CHUNK: Final = 4_000
_FEWEST: Final = 10
"""Chunks below which a quantile says nothing."""
TARGETS: Final = (0.03, 0.08)
"""Median and 90th percentile of the absolute error of a chunk."""
ANCHORED: Final = 0.015
"""The 99th percentile of the error of an anchored total."""


def main(_arguments: Sequence[str]) -> int:
    """Measure and report; return 1 where a target is missed, or there is no data."""
    sessions = [session for session in context_data.sessions() if session.split == "held out"]
    families = [family for family in FAMILIES if exact(family)]
    if not sessions or not families:
        print("tokens: nothing measured: no sessions, or no exact tokenizer; docs/context-quality.md says what to fetch")
        return 1
    missed = [line for session in sessions for line in measure(session, families)]
    for line in missed:
        print(f"MISSED: {line}")
    return 1 if missed else 0


def measure(session: Session, families: Sequence[Family]) -> Iterator[str]:
    """Print the errors of a session; yield the targets that it misses."""
    place = imported(session.path)
    events = list(place.store.read(place.session))
    text = list(chunks(events))
    for family in families if len(text) >= _FEWEST else ():
        counter = exact(family)
        errors = [estimate(chunk, family) / counter.count(chunk) - 1 for chunk in text] if counter else []
        size = sorted(map(abs, errors))
        found = quantile(size, 0.5), quantile(size, 0.9)
        print(f"{session.name}, {family}: {len(size)} chunks, median {found[0]:.1%}, p90 {found[1]:.1%}, mean {mean_of(errors)}")
        for name, error, target in zip(("median", "p90"), found, TARGETS, strict=True):
            if error > target:
                yield f"{session.name}, {family}: {name} of a chunk is {error:.1%}, the target is {target:.0%}"
    off = sorted(abs(error) for error in anchored_errors(events))
    if len(off) >= _FEWEST:
        print(
            f"{session.name}, anchored: {len(off)} requests, "
            + ", ".join(f"p{100 * q:.0f} {quantile(off, q):.2%}" for q in (0.5, 0.9, 0.99))
        )
        if quantile(off, 0.99) > ANCHORED:
            yield f"{session.name}: the anchored total is off by {quantile(off, 0.99):.2%} at p99, the target is {ANCHORED:.1%}"


def chunks(events: Sequence[Event]) -> Iterator[str]:
    """Yield what a session says, calls as JSON, in pieces of CHUNK bytes."""
    said = (dumps(dict(item.arguments), ensure_ascii=False) if item.kind == "call" else item.text for item in from_events(events))
    data = "\n".join(said).encode("utf-8", "replace")
    for start, end in pairwise(range(0, len(data), CHUNK)):
        yield data[start:end].decode("utf-8", "ignore")


def anchored_errors(events: Sequence[Event]) -> Iterator[float]:
    """Yield for each request whose size is told, and was to be known before, by how much of it the anchored size is off."""
    models = [event.body.get("model") for event in events if isinstance(event.body.get("model"), str)]
    family = family_of(max(models, key=models.count)) if models else "unknown"
    for expected, told in requests(events, family):
        if expected.method == "anchored":
            yield expected.tokens / told - 1


def quantile(values: Sequence[float], share: float) -> float:
    """Return a quantile of sorted values."""
    return values[min(int(len(values) * share), len(values) - 1)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
