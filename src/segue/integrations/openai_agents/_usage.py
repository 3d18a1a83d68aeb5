"""What runs used, as `usage` events: each request once, however often its run tells of it."""

import weakref
from typing import Any, Final

from segue.core.log.events import Draft
from segue.integrations.openai_agents._items import AGENT
from segue.integrations.openai_agents._turns import spent

_MOST: Final = 16
"""So many runs at once are told apart."""


class Counted:
    """How many requests of each run that goes on were recorded: a run's usage only ever grows."""

    def __init__(self) -> None:
        """Know no run."""
        self._runs: dict[int, tuple[weakref.ref[Any], int]] = {}

    def seen(self, usage: Any) -> None:
        """Take what a run used before it was first seen (resumed from elsewhere) as recorded where it was used."""
        if self._known(usage) is None:
            self._set(usage, len(usage.request_usage_entries))

    def new(self, usage: Any) -> list[Draft]:
        """Return a `usage` event for each request of the run that was not recorded yet, and take it as recorded."""
        known = self._known(usage)
        entries = usage.request_usage_entries
        if not entries and known is None and (usage.input_tokens or usage.output_tokens):
            entries = [usage]  # a sum without its requests
        self._set(usage, len(entries))
        return [Draft("usage", {**spent(entry)}, actor=AGENT) for entry in entries[known or 0 :]]

    def _known(self, usage: Any) -> int | None:
        ref, number = self._runs.get(id(usage), (None, None))
        return number if ref is not None and ref() is usage else None

    def _set(self, usage: Any, number: int) -> None:
        self._runs.pop(id(usage), None)
        self._runs[id(usage)] = weakref.ref(usage), number
        while len(self._runs) > _MOST:
            del self._runs[next(iter(self._runs))]
