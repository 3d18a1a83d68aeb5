"""What an append does with idempotency keys: one pure decision, the same in every store."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, get_args

from segue.core.errors import DuplicateKeyError, UsageError
from segue.core.log.events import Appended, Draft, KeyPolicy

_POLICIES = get_args(KeyPolicy)


class Known(NamedTuple):
    """The latest event that has a key: its place and its node."""

    seq: int
    id: str
    node: str
    stream: str


class Planned(NamedTuple):
    """What becomes of one draft: it is written (`draft`), or it is known already (`known`, or `same_as`: the index of an
    earlier draft of the same append).

    A written draft with `same_as` revises that earlier one: its node is the node of the event that the earlier one becomes.
    """

    draft: Draft | None
    known: Known | None = None
    same_as: int | None = None


def plan(session: str, drafts: Sequence[Draft], policy: KeyPolicy, find: Callable[[str], Known | None]) -> list[Planned]:
    """Decide for each draft whether it is written; *find* looks a key up in the log.

    Raises:
        DuplicateKeyError: the policy is `refuse` and a key is known, or twice in *drafts*.
        UsageError: there is no such policy.
    """
    if policy not in _POLICIES:
        raise UsageError(f"key policy {policy!r} is unknown: it is one of {', '.join(_POLICIES)}")
    planned: list[Planned] = []
    mine: dict[str, int] = {}
    for i, draft in enumerate(drafts):
        if draft.key is None:
            planned.append(Planned(draft))
            continue
        known = find(draft.key)
        earlier = mine.setdefault(draft.key, i)
        if known is None and earlier == i:
            planned.append(Planned(draft))
        elif policy == "refuse":
            raise DuplicateKeyError(session, draft.key, known.seq if known else None)
        elif policy == "ignore":
            planned.append(Planned(None, known) if known else Planned(None, same_as=earlier))
        elif known is not None:
            planned.append(Planned(draft._replace(node=known.node, stream=known.stream), known))
        else:
            first = drafts[earlier]
            planned.append(Planned(draft._replace(node=first.node, stream=first.stream), same_as=earlier))
    return planned


def placed(planned: Planned, entries: Sequence[Appended]) -> Draft | None:
    """Return the draft to write, in its node; *entries* are what the earlier drafts of the same append became."""
    draft = planned.draft
    if draft is None or draft.node is not None or planned.same_as is None:
        return draft
    return draft._replace(node=entries[planned.same_as].id)


def found(planned: Planned, entries: Sequence[Appended]) -> Appended:
    """Return the known event that stands for a draft that is not written."""
    if planned.same_as is not None:
        return entries[planned.same_as]._replace(new=False)
    assert planned.known is not None  # noqa: S101  (a draft is written, or the same as another, or known)
    return Appended(planned.known.seq, planned.known.id, new=False)
