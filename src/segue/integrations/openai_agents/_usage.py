"""What runs used, as `usage` events: each request once, however often its run tells of it."""

import weakref
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

from segue.core.log.events import Draft
from segue.integrations.openai_agents._items import AGENT
from segue.integrations.openai_agents._turns import spent

WITHIN: Final = "agents-as-tools"
"""The stream of what agents within the agent used: they have contexts of their own."""
_MOST: Final = 16
"""So many runs at once are told apart."""


class Counted:
    """How many requests of each run that goes on were recorded: a run's usage only ever grows.

    Used by one thread at a time: what a call records is recorded before the next one asks.
    """

    def __init__(self) -> None:
        """Know no run."""
        self._runs: dict[int, tuple[weakref.ref[Any], int]] = {}

    def seen(self, usage: Any) -> None:
        """Take what a run used before it was first seen (resumed from elsewhere) as recorded where it was used."""
        if self._known(usage) is None:
            self._set(usage, len(usage.request_usage_entries))

    def new(self, usage: Any) -> "tuple[list[Draft], int]":
        """Return a `usage` event for each request of the run that was not recorded yet, and how many are when these are."""
        known = self._known(usage)
        entries = usage.request_usage_entries
        if not entries and known is None and (usage.input_tokens or usage.output_tokens):
            entries = [usage]  # a sum without its requests
        there = list(entries)
        return [Draft("usage", {**spent(entry)}, actor=AGENT) for entry in there[known or 0 :]], len(there)

    def took(self, usage: Any, number: int) -> None:
        """Take so many requests of the run as recorded: they are in the log."""
        self._set(usage, number)

    def beside(self, usage: Any, items: Sequence[Any]) -> "tuple[list[Draft], int]":
        """Return what `new` does, for a call that adds *items*: in a turn the agent asks first, then those that are its tools."""
        drafts, number = self.new(usage)
        if _turns_of(items) == 1:
            drafts[1:] = [draft._replace(stream=WITHIN) for draft in drafts[1:]]
        return drafts, number

    def _known(self, usage: Any) -> int | None:
        ref, number = self._runs.get(id(usage), (None, None))
        return number if ref is not None and ref() is usage else None

    def _set(self, usage: Any, number: int) -> None:
        self._runs.pop(id(usage), None)
        self._runs[id(usage)] = weakref.ref(usage), number
        while len(self._runs) > _MOST:
            del self._runs[next(iter(self._runs))]


def _turns_of(items: Sequence[Any]) -> int:
    """Return in how many turns a model made items: what tools answer and what users say is between them."""
    made = [_is_made(item) for item in items]
    return sum(now and not before for before, now in pairwise([False, *made]))


def _is_made(item: Any) -> bool:
    if not isinstance(item, dict):
        return True
    return item.get("role") in {None, "assistant"} and not str(item.get("type")).endswith("_output")
