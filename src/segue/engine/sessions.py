"""Sessions begin, are named, pause, go on and end."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple

from segue.core.errors import HeadMovedError, IllegalTransitionError, SegueError, UsageError, WithdrawnError
from segue.core.log.events import ANY, Commit, Draft, KeyPolicy
from segue.core.log.ids import session_name, session_prefix, slug_stem
from segue.core.log.kinds import validate
from segue.core.log.times import day, stamp
from segue.core.session.hints import next_actions
from segue.core.session.lifecycle import LIFE, REASONS, VERBS, allowed, check_steps, decide
from segue.core.session.state import State
from segue.engine.loading import TRIES, Desk, Timed, change, load
from segue.ports import Asked, Store

DEFAULT_TYPE: Final = "general"


class Begun(NamedTuple):
    """A session that was begun, by all its names."""

    id: str
    name: str
    slug: str


class Interruption(NamedTuple):
    """A session stopped: what a person wants to know before going away."""

    session: str
    name: str
    status: str
    reason: str
    active_seconds: float
    completed: list[str]
    in_progress: str
    next_actions: list[str]
    head: int
    worked_seconds: float = 0.0
    """The active ones without long silences."""

    @property
    def command(self) -> str:
        """What to type to go on."""
        return f"segue resume {self.name or self.session}"


def start(desk: Desk, header: Mapping[str, Any]) -> Begun:
    """Begin a session without processes, durably, active from now on, and return its names.

    Args:
        desk: where it is begun.
        header: fields of the session's header. What is empty is left out.

    Raises:
        InvalidEventError: a field has another type than it must have.
    """
    at = stamp(desk.clock.now())
    session = desk.ids.uuid7()
    fields = {k: v for k, v in header.items() if v not in (None, "", [], ())}
    validate("session.created", fields)  # before a number is taken
    names = named(desk, session, at, str(fields.get("type", DEFAULT_TYPE)), str(fields.get("project", "")))
    body = {"type": DEFAULT_TYPE} | fields | names
    desk.store.create(session, [Draft("session.created", body, at=at), Draft("session.activated", {}, at=at)])
    return Begun(session, names["name"], names["slug"])


def start_from(desk: Desk, document: Any, header: Mapping[str, Any]) -> Begun:
    """Begin a session with the state of a state document, and return its names.

    It gets a name of this store; its old id and name are kept as foreign ids, by which it is found as well. Fields of *header*
    take the place of the document's.

    Raises:
        UsageError: it is no state document, or one of a newer program.
    """
    from segue.core.session.undocument import from_document

    first, *rest = from_document(document)
    at = stamp(desk.clock.now())
    session = desk.ids.uuid7()
    body = dict(first.body) | {k: v for k, v in header.items() if v not in (None, "", [], ())}
    old = body.get("name")
    names = named(desk, session, at, str(body.get("type", DEFAULT_TYPE)), str(body.get("project", "")))
    foreign = [*body.get("foreign_ids", []), *([old] if old and old != names["name"] else [])]
    desk.store.create(session, [first._replace(body=body | names | {"foreign_ids": foreign}), *rest])
    return Begun(session, names["name"], names["slug"])


def named(desk: Timed, session: str, at: str, type_: str, project: str) -> dict[str, str]:
    """Return the next free `name` and `slug` of the store for a session of that day: no two sessions ever get the same."""
    prefix = session_prefix(day(at))
    stem = slug_stem(at[:10], type_, project)
    return {
        "name": session_name(day(at), desk.store.number(prefix, session)),
        "slug": f"{stem}-{desk.store.number(stem, session):03d}",
    }


def move(desk: Desk, session: str, verb: str, *, reason: str = "", note: str = "", by: str = "") -> State:
    """Take *session* through a transition of its lifecycle and return its state after it.

    Raises:
        IllegalTransitionError: its state does not allow *verb*; nothing was written.
        UsageError: an end for a reason that there is not, or superseded by no other session.
    """
    if verb == "end" and reason and reason not in REASONS["end"]:
        raise UsageError(f"session {session!r} cannot be ended as {reason!r}", hint="one of: " + ", ".join(REASONS["end"]))
    if reason == "superseded" and by in ("", session):
        raise UsageError(
            f"session {session!r} cannot be superseded by nothing, or by itself", hint="--by SESSION names its successor"
        )

    change(desk.store, session, lambda state: step(state, verb, reason=reason, note=note, by=by))
    return load(desk.store, session, on_damage=_pass)


def step(state: State, verb: str, *, reason: str = "", note: str = "", by: str = "") -> list[Draft]:
    """Return the events that take a session through a transition. Raises IllegalTransitionError, in the words of a person."""
    try:
        return decide(state, verb, reason=reason, note=note, by=by)
    except IllegalTransitionError as e:
        raise _by_name(e, verb, state) from None


def append(
    store: Store,
    session: str,
    drafts: Sequence[Draft],
    *,
    expect: int = ANY,
    on_key: KeyPolicy = "ignore",
    fence: int | None = None,
) -> Commit:
    """Append what somebody else made: a step of the lifecycle only from a state that allows it.

    Raises:
        IllegalTransitionError: nothing was written. And what `Store.append` raises.
    """
    if LIFE.isdisjoint(draft.kind for draft in drafts):
        return store.append(session, drafts, expect=expect, on_key=on_key, fence=fence)
    tries = TRIES
    while True:
        head = store.info(session).head.seq
        if not all(draft.key and store.lookup(session, draft.key) for draft in drafts):  # a repeated append is no step
            check_steps(load(store, session, head, on_damage=_pass), drafts)
        try:
            return store.append(session, drafts, expect=head if expect == ANY else expect, on_key=on_key, fence=fence)
        except HeadMovedError:
            tries -= 1
            if expect != ANY or not tries:
                raise


def append_each(store: Store, session: str, asked: Sequence[Asked]) -> list[Commit | SegueError]:
    """Append what several asked for, each for itself, in their order, and return the outcome of each. See `append`."""
    found: list[Commit | SegueError] = []
    for alone, some in groupby(asked, _is_alone):
        if alone:
            found += [_append_alone(store, session, one) for one in some]
        else:
            found += store.append_each(session, list(some))
    return found


def _is_alone(asked: Asked) -> bool:
    """Return whether it is a step of the lifecycle, which the state must allow, or not valid."""
    return not LIFE.isdisjoint(draft.kind for draft in asked.drafts) or _invalid(asked) is not None


def _append_alone(store: Store, session: str, asked: Asked) -> Commit | SegueError:
    if not asked.begins():
        return WithdrawnError("append to", session)
    try:
        return _invalid(asked) or append(
            store, session, asked.drafts, expect=asked.expect, on_key=asked.on_key, fence=asked.fence
        )
    except SegueError as e:
        return e


def _invalid(asked: Asked) -> SegueError | None:
    try:
        for draft in asked.drafts:
            validate(draft.kind, draft.body)
    except SegueError as e:
        return e
    return None


def update(desk: Desk, session: str, fields: Mapping[str, Any]) -> Commit | None:
    """Give fields of the header new values; None where they have them already. Raises InvalidEventError."""
    validate("session.updated", fields)

    def decide_update(state: State) -> list[Draft]:
        header: Mapping[str, Any] = state.header
        new = {k: v for k, v in fields.items() if header.get(k) != v}
        return [Draft("session.updated", new)] if new else []

    return change(desk.store, session, decide_update)


def interruption(state: State) -> Interruption:
    """Return the summary of a session that was paused or ended."""
    return Interruption(
        session=state.session,
        name=state.header["name"],
        status=state.status,
        reason=state.lifecycle["reason"],
        active_seconds=round(state.active_seconds, 3),
        completed=[e["text"] for e in state.work["completed_steps"][-5:]],
        in_progress=current_task(state),
        next_actions=[a["text"] for a in next_actions(state)],
        head=state.seq,
        worked_seconds=round(state.worked_seconds, 3),
    )


def current_task(state: State) -> str:
    """Return what the session works on, in a line: its current task, else the header's, else the last instruction."""
    work = state.work
    task = work["tasks"].get(work["task"])
    said = work["instructions"][-1]["text"] if work["instructions"] else ""
    return (task["title"] if task else "") or state.header["task"] or state.header["title"] or said


def can(state: State) -> list[str]:
    """Return the verbs that the lifecycle allows now."""
    return [v for v in VERBS if v in allowed(state)]


def _by_name(error: IllegalTransitionError, verb: str, state: State) -> IllegalTransitionError:
    """Return the refusal in the words of a person: the session's name, and what to call now."""
    name = state.header["name"] or state.session
    allowed = error.fields["allowed"]
    found = IllegalTransitionError(name, VERBS[verb].done, error.fields["state"], allowed)
    successor = state.lifecycle["by"] or state.budget["successor"]
    found.hint = f"segue resume {name}" if "resume" in allowed else f"segue status {name}"
    if state.lifecycle["reason"] == "superseded" and successor:
        found.hint = f"it went on in another: segue resume {successor}"
    return found


def _pass(_damage: object) -> None:
    """Damage is for `validate`."""
