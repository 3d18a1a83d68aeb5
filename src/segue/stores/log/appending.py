"""Several appends of one session, each for itself, with as few syncs as can be."""

from collections.abc import Sequence
from itertools import groupby

from segue.core.errors import SegueError, WithdrawnError
from segue.core.log.events import Commit
from segue.ports import Asked
from segue.stores.log.env import Env, Request
from segue.stores.log.files import told
from segue.stores.log.journal import Journal
from segue.stores.log.scopes import Scopes

Outcome = Commit | SegueError


def append_each(journal: Journal, scopes: Scopes, env: Env, asked: Sequence[Asked]) -> list[Outcome]:
    """Return the outcome of each. What changes shared state is written by itself, since its scopes are locked first."""
    found: list[Outcome] = []
    for scoped, some in groupby(asked, _changes_scopes):
        if scoped:
            found += [_append_scoped(journal, scopes, env, one) for one in some]
        else:
            found += _append_together(journal, env, list(some))
    return found


def _append_together(journal: Journal, env: Env, asked: Sequence[Asked]) -> list[Outcome]:
    requests = [_request(env, one) for one in asked]
    going = [one for one in requests if isinstance(one, Request)]
    try:
        journal.append_each(going)
        return [told(one.result, "append") if isinstance(one, Request) else one for one in requests]
    finally:
        for request in going:
            request.let_go()


def _append_scoped(journal: Journal, scopes: Scopes, env: Env, asked: Asked) -> Outcome:
    if not asked.begins():
        return WithdrawnError("append to", journal.session)
    request = _request(env, asked)
    if not isinstance(request, Request):
        return request
    try:
        return told(lambda: scopes.append(journal, request), "append")
    finally:
        request.let_go()


def _request(env: Env, asked: Asked) -> Request | SegueError:
    request = told(lambda: env.request(asked.drafts, asked.expect, asked.on_key, asked.fence), "append")
    if isinstance(request, Request):
        request.begins = asked.begins
    return request


def _changes_scopes(asked: Asked) -> bool:
    return any(draft.scopes for draft in asked.drafts)
