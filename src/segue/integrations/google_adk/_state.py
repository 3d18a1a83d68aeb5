"""ADK's state in its three scopes: the session's own, the user's, the app's."""

import json
from collections.abc import Mapping
from typing import Any

from google.adk.events.event_actions import EventActions
from google.adk.sessions import State

from segue.core.log.ids import named_uuid

_NULL = "$null"
"""In a scope null deletes; ADK keeps null as a value: it stands there as `{"$null": 0}`, and `{"$null": 1}` as itself."""

_LONGEST = 1000
"""Characters of a scope's name; that of a longer one is made from it."""

StateValues = dict[str, Any]


def app_scope(app: str) -> str:
    """Return the scope of an app's state."""
    return _scope(app)


def user_scope(app: str, user: str) -> str:
    """Return the scope of a user's state in an app."""
    return _scope(app, user)


def _scope(*names: str) -> str:
    found = json.dumps(["google_adk", *names], separators=(",", ":"))
    return found if len(found) <= _LONGEST else named_uuid("google_adk", "scope", *names)


def is_scoped(key: str) -> bool:
    """Return whether a key is not of the session's own state."""
    return key.startswith((State.APP_PREFIX, State.USER_PREFIX, State.TEMP_PREFIX))


def json_state(actions: EventActions) -> StateValues:
    """Return a state delta as JSON; what has no JSON form becomes its description, as ADK does it."""
    delta: StateValues = json.loads(actions.model_dump_json(include={"state_delta"}))["state_delta"]
    return delta


def split(app: str, user: str, delta: Mapping[str, Any]) -> tuple[StateValues, dict[str, StateValues]]:
    """Return the session's own changes, and those of the scopes."""
    own = {key: value for key, value in delta.items() if not is_scoped(key)}
    scopes: dict[str, StateValues] = {}
    for prefix, scope in ((State.APP_PREFIX, app_scope(app)), (State.USER_PREFIX, user_scope(app, user))):
        changed = {k.removeprefix(prefix): _to_scope(v) for k, v in delta.items() if k.startswith(prefix)}
        if changed:
            scopes[scope] = changed
    return own, scopes


def _to_scope(value: Any) -> Any:
    if value is None:
        return {_NULL: 0}
    return {_NULL: value[_NULL] + 1} if _is_escape(value) else value


def from_scope(value: Any) -> Any:
    """Return a value of a scope as ADK has it."""
    if not _is_escape(value):
        return value
    return {_NULL: value[_NULL] - 1} if value[_NULL] else None


def _is_escape(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {_NULL} and type(value[_NULL]) is int and value[_NULL] >= 0
