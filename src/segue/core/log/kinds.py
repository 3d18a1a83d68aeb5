"""The kinds of event: one type per kind, from which validation and the reference page are made.

A body may always carry more than its type names: unknown fields are kept. An unknown kind (from a newer program, or a
caller's own) is kept as it is and has no effect on state. A body is never rewritten: when the shape of a kind changes, its
`version` rises, the body carries it as `_v`, and an upcaster brings old bodies to the new shape as they are read.
"""

from collections.abc import Callable, Mapping
from types import NoneType, UnionType
from typing import Any, Final, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints, is_typeddict

from segue.core.errors import InvalidEventError
from segue.core.log import bodies, budget_bodies


class Kind(NamedTuple):
    """A kind of event: its name, the type of its body, whether its events are nodes of a conversation, its version."""

    name: str
    body: Any
    node: bool = False
    version: int = 1
    upcast: tuple[Callable[[dict[str, Any]], dict[str, Any]], ...] = ()
    """`upcast[i]` brings a body of version i+1 to version i+2."""


KINDS: Final[Mapping[str, Kind]] = {
    k.name: k
    for k in (
        Kind("session.created", bodies.Created),
        Kind("session.forked", bodies.Forked),
        Kind("session.updated", bodies.Updated),
        Kind("session.activated", bodies.Why),
        Kind("session.paused", bodies.Why),
        Kind("session.resumed", bodies.Why),
        Kind("session.recovering", bodies.Why),
        Kind("session.emergency", bodies.Why),
        Kind("session.validated", bodies.Validated),
        Kind("session.ended", bodies.Ended),
        Kind("session.archived", bodies.Why),
        Kind("session.unarchived", bodies.Why),
        Kind("session.merged", bodies.Merged),
        Kind("session.succeeding", budget_bodies.Succeeding),
        Kind("session.carried", bodies.Carried),
        Kind("message", bodies.Message, node=True),
        Kind("compaction", bodies.Compaction, node=True),
        Kind("record", bodies.Record, node=True),
        Kind("head.moved", bodies.HeadMoved),
        Kind("checkpoint.created", bodies.Checkpoint),
        Kind("checkpoint.forgotten", bodies.Named),
        Kind("checkpoint.restoring", bodies.Restoring),
        Kind("checkpoint.restored", bodies.Restored),
        Kind("continuation.set", bodies.Continuation),
        Kind("focus.set", bodies.Focus),
        Kind("task.set", bodies.Task),
        Kind("step.completed", bodies.Step),
        Kind("plan.set", bodies.Plan),
        Kind("action.next", bodies.Text),
        Kind("action.done", bodies.Cleared),
        Kind("blocker.raised", bodies.Text),
        Kind("blocker.cleared", bodies.Cleared),
        Kind("progress.set", bodies.Progress),
        Kind("thread.set", bodies.Thread),
        Kind("question.asked", bodies.Question),
        Kind("question.answered", bodies.Answer),
        Kind("decision.made", bodies.Decision),
        Kind("preference.set", bodies.Text),
        Kind("preference.dropped", bodies.Cleared),
        Kind("constraint.set", bodies.Text),
        Kind("constraint.dropped", bodies.Cleared),
        Kind("changes.seen", bodies.Changes),
        Kind("project.set", bodies.Facts),
        Kind("conversation.set", bodies.Facts),
        Kind("context.set", bodies.Facts),
        Kind("usage", bodies.UsageRecorded),
        Kind("metric", bodies.Count),
        Kind("budget.crossed", budget_bodies.Crossed),
        Kind("budget.handled", budget_bodies.Handled),
        Kind("budget.condensed", budget_bodies.Condensed),
        Kind("budget.forgotten", budget_bodies.Forgotten),
        Kind("budget.spending", budget_bodies.Spending),
        Kind("note.used", bodies.Note),
        Kind("memory.set", bodies.Memory),
        Kind("agent.set", bodies.Agent),
        Kind("lease.taken", bodies.Lease),
        Kind("lease.released", bodies.Lease),
        Kind("loss", bodies.Loss),
        Kind("import.advanced", bodies.ImportAdvanced),
        Kind("erased", bodies.Erased),
        Kind("scope.delta", bodies.ScopeDelta),
    )
}


def is_node(kind: str) -> bool:
    """Return whether events of *kind* are nodes of their stream's conversation."""
    known = KINDS.get(kind)
    return known is not None and known.node


def validate(kind: str, body: Mapping[str, Any]) -> None:
    """Check the known fields of a known *kind*; unknown fields and kinds pass.

    Raises:
        InvalidEventError: a required field is missing, or a known one has another type.
    """
    known = KINDS.get(kind)
    if known is not None:
        _check_typed(kind, "body", body, known.body)


def upcast(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    """Return *body* in the newest shape of its kind; a body from a newer program is returned as it is."""
    known = KINDS.get(kind)
    version = body.get("_v", 1)
    if known is None or type(version) is not int or version < 1:
        return body
    for step in known.upcast[version - 1 :]:
        body = step(body)
    return body


_HINTS: dict[Any, dict[str, Any]] = {}


def fields(typed: Any) -> dict[str, Any]:
    """Return the fields of a body's type with their annotations, `Required` taken off."""
    if typed not in _HINTS:
        _HINTS[typed] = get_type_hints(typed)
    return _HINTS[typed]


def _check_typed(kind: str, path: str, value: Any, typed: Any) -> None:
    if not isinstance(value, Mapping):
        raise InvalidEventError(f"{path} is not an object", kind=kind)
    for name in sorted(typed.__required_keys__):
        if name not in value:
            raise InvalidEventError(f"{path} lacks {name!r}", kind=kind)
    hints = fields(typed)
    for name, item in value.items():
        if name in hints:
            _check_value(kind, f"{path}.{name}", item, hints[name])
    if typed is bodies.Part:
        _check_said(kind, path, value)


def _check_said(kind: str, path: str, part: Mapping[str, Any]) -> None:
    """Check that a part does not say its text as the providers write it: that would be kept, and nobody would read it."""
    if part["type"] in {"text", "reasoning"} and "text" in part and "content" not in part:
        raise InvalidEventError(f"{path} has its text in 'text'; it belongs in 'content'", kind=kind)


def _check_value(kind: str, path: str, value: Any, hint: Any) -> None:
    if is_typeddict(hint):
        _check_typed(kind, path, value, hint)
    elif get_origin(hint) is list:
        if not isinstance(value, (list, tuple)):
            raise InvalidEventError(f"{path} is not a list", kind=kind)
        for i, item in enumerate(value):
            _check_value(kind, f"{path}[{i}]", item, get_args(hint)[0])
    elif not _fits(value, hint):
        raise InvalidEventError(f"{path} is {type(value).__name__}, not {_words(hint)}", kind=kind)


def _fits(value: Any, hint: Any) -> bool:
    origin = get_origin(hint)
    if hint is Any:
        return True
    if origin in {Union, UnionType}:
        return any(_fits(value, h) for h in get_args(hint))
    if origin is Literal:
        return value in get_args(hint)
    if origin is dict:
        return isinstance(value, Mapping)
    if origin is list:
        return isinstance(value, (list, tuple))
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)


def _words(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return " or ".join(repr(a) for a in get_args(hint))
    if get_origin(hint) in {Union, UnionType}:
        return " or ".join(_words(a) for a in get_args(hint))
    return "null" if hint is NoneType else getattr(hint, "__name__", str(hint))
