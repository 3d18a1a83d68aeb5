"""Redaction: who finds secrets, and a store that lets none in."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from segue.core.log.events import Draft
from segue.core.redaction.values import Redacted


class Redactor(Protocol):
    """Finds secrets and replaces them."""

    def redact_each(self, values: Sequence[Any]) -> list[Redacted]:
        """Return each of *values* (what JSON decodes to) with its secrets replaced, and how many of each kind there were.

        Nothing is an error. Redacting again changes nothing.
        """
        ...


@runtime_checkable
class Redacts(Protocol):
    """A store that takes secrets out of what it is given, before a byte is written."""

    def without_secrets(self, drafts: Sequence[Draft]) -> list[Draft]:
        """Return *drafts* as they would be written; `source.redacted` of each says how many secrets of which kind it had."""
        ...

    def position_of(self, stored: dict[str, Any]) -> dict[str, Any] | None:
        """Return a position of a transcript that the log has, as its reader takes it; None: read it from its beginning."""
        ...

    def taken_out(self, session: str) -> Mapping[str, int]:
        """Return how many secrets of each kind were taken out of new events of *session* since the last call."""
        ...
