"""Tokens, counted or estimated."""

from typing import Protocol


class Tokens(Protocol):
    """Counts tokens for a family of models."""

    family: str
    method: str

    def count(self, text: str) -> int:
        """Return the number of tokens of *text*."""
        ...
