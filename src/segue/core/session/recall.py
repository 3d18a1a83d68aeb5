"""What a state was at an earlier position: what comes back when the conversation goes back to it.

Nothing of it is written into the log: it is folded again from the events up to there, so an event that is erased is nowhere.
"""

from collections.abc import Callable, Iterable
from typing import Final

from segue.core.log.events import Event
from segue.core.session.state import Past, Recall, State, fold

_DEEP: Final = 16
"""Restores of restores, each far before the last snapshot, before all is folded from the beginning: there each is met once."""


def recalling(session: str, read: Callable[[int, int], Iterable[Event]], known: Callable[[int], State | None]) -> Recall:
    """Return what tells a fold of the log of *session* what was so at earlier positions, each folded once.

    Args:
        session: its id.
        read: (after, upto) -> the events there, with the texts that a state is made of.
        known: position -> a state at or before it that need not be folded, or None.
    """
    found: dict[int, Past] = {}
    last = State(session)
    depth = 0

    def nearest(position: int) -> State:
        if depth > _DEEP:
            return State(session)
        states = (last, known(position))
        return max((s for s in states if s is not None and s.seq <= position), key=lambda s: s.seq, default=State(session))

    def recall(position: int) -> Past:
        nonlocal depth, last
        if position not in found:
            depth += 1
            try:
                begun = nearest(position)
                last = fold(read(begun.seq, position), begun, recall=recall)
            finally:
                depth -= 1
            found[position] = Past(last.work, last.usage)
        return found[position]

    return recall
