"""What redaction returns."""

from typing import Any, NamedTuple


class Redacted(NamedTuple):
    """A value without its secrets, and how many of each kind there were."""

    value: Any
    counts: dict[str, int]


class Located(NamedTuple):
    """A secret: its kind, and where it stands: the member (`$.parts[0].content`) and from which character to which."""

    kind: str
    where: str
    start: int
    end: int
