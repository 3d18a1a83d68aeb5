"""Bodies of the events that tell how full a context is and what is spent. See `bodies`."""

from typing import Any, Literal, Required, TypedDict


class Crossed(TypedDict, total=False):
    """The context's size went from one band into another. The event is the crossing: there is one of each."""

    band: Required[str]
    frm: str
    percent: float
    used: int
    window: int
    family: str
    method: str
    model: str


class Handled(TypedDict, total=False):
    """What a crossing asked for was done (`done`), or failed for good with a reason; `crossing` is its event's number.

    `by`: by the worker, or a program's own function was `called`.
    """

    crossing: Required[int]
    by: Literal["worker", "called"]
    outcome: Required[Literal["done", "failed"]]
    reason: str


class Condensed(TypedDict, total=False):
    """The context was condensed: what is to be gone on with takes `after` tokens in the place of `before`.

    It is what is restored at `position` within `budget` tokens: the log has it once, so that what is erased is erased there too.
    `applied`: whoever goes on has this and nothing else; otherwise it is at hand, and his context is as it was.
    """

    trigger: Required[str]
    before: int
    after: int
    freed: int
    family: str
    method: str
    position: int
    budget: int
    applied: bool
    kept: dict[str, Any]
    """By kind of content: `[how many, tokens]` that stay whole."""
    shortened: dict[str, Any]
    dropped: dict[str, Any]


class Forgotten(TypedDict, total=False):
    """What the summary of the agent's own compaction says nothing of, by the numbers of the events that have it."""

    compaction: Required[int]
    seqs: list[int]
    counts: dict[str, Any]
    """`instruction`, `decision`, `constraint`, `preference`, `file` -> how many."""


class Succeeding(TypedDict, total=False):
    """A successor is about to take over, written before it is made: its id, and why."""

    by: Required[str]
    why: str


class Spending(TypedDict, total=False):
    """A limit on what the session may cost is set, reached, or answered.

    `choice` says what is to be done from then on: `continue` (its agents only react), `pause`, or `raise` to `limit`.
    """

    limit: float | None
    spent: float
    reached: bool
    choice: Literal["continue", "pause", "raise"]
