"""What an append does with idempotency keys: one pure decision, the same in every store."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from segue.core.errors import DuplicateKeyError
from segue.core.log.events import Draft, KeyPolicy


class Known(NamedTuple):
    """The latest event that has a key: its place and its node."""

    seq: int
    id: str
    node: str
    stream: str


class Planned(NamedTuple):
    """What becomes of one draft: to be written (`draft`), or known already (`known`), or the same as an earlier one of the
    same append (`same_as`, its index).
    """

    draft: Draft | None
    known: Known | None = None
    same_as: int | None = None


def plan(session: str, drafts: Sequence[Draft], policy: KeyPolicy, find: Callable[[str], Known | None]) -> list[Planned]:
    """Decide for each draft whether it is written; *find* looks a key up in the log.

    Raises:
        DuplicateKeyError: the policy is `refuse` and a key is known, or twice in *drafts*.
    """
    planned: list[Planned] = []
    mine: dict[str, int] = {}
    for i, draft in enumerate(drafts):
        if draft.key is None:
            planned.append(Planned(draft))
            continue
        known = find(draft.key)
        earlier = mine.get(draft.key)
        if known is None and earlier is None:
            mine[draft.key] = i
            planned.append(Planned(draft))
        elif policy == "refuse":
            raise DuplicateKeyError(session, draft.key, known.seq if known else 0)
        elif policy == "replace":
            mine[draft.key] = i
            planned.append(Planned(_revision(draft, known, planned[earlier].draft if earlier is not None else None), known))
        elif earlier is not None:
            planned.append(Planned(None, same_as=earlier))
        else:
            planned.append(Planned(None, known))
    return planned


def _revision(draft: Draft, known: Known | None, earlier: Draft | None) -> Draft:
    """Return *draft* in the node of what it replaces."""
    if earlier is not None and earlier.node is not None:
        return draft._replace(node=earlier.node, stream=earlier.stream)
    if known is not None:
        return draft._replace(node=known.node, stream=known.stream)
    return draft
