"""How near texts are to a question in meaning: what words alone do not tell."""

from collections.abc import Sequence
from typing import Protocol


class Nearness(Protocol):
    """Tells how near texts are to a question. Nothing leaves this machine for it."""

    def near(self, question: str, texts: Sequence[str]) -> Sequence[float]:
        """Return for each of *texts* how near it is to *question*: the more the nearer, comparable within one answer."""
        ...
