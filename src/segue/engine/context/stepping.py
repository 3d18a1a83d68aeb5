"""Going on with a task from a step of its plan: where the step began, and a session that goes on from there.

What came later is left on purpose, and stays: where anything did, it is a fork that goes on.
"""

from typing import Any, Final, NamedTuple

from segue.core.errors import NotFoundError, UsageError
from segue.core.log.events import Draft, Event
from segue.core.session.autosave import is_news
from segue.core.session.plan import Planned, planned
from segue.core.session.state import State
from segue.engine.forks import fork
from segue.engine.loading import Desk, change, event_at, load
from segue.engine.restores import find as find_place
from segue.engine.restores import known_places
from segue.ports import Store

_NEAR: Final = 16
"""Events behind a call among which its answer is looked for."""
_LOOKED: Final = 20
"""Checkpoints that are looked at for one that has the files."""

_ASIDE: Final = ("session.", "record")
"""What kinds begin with of which no work tells."""


class Beginning(NamedTuple):
    """Where a session goes on with a task."""

    session: str
    name: str
    task: str
    """The task's id; empty: the session's own."""
    title: str
    step: Planned | None
    """None: wherever the task is."""
    position: int | None
    """Where the step began, or the place that was asked for; None: at the head."""
    left: int
    """Events of the log behind that, which are left; 0 where none of them says anything."""
    files: str
    """The latest checkpoint before that which has the workspace's files; empty where there is none, or none is needed."""

    is_asked: bool
    """Whether a task or a step was asked for."""

    def told(self) -> str:
        """Return what is to be done, in a line: the task of a restored context."""
        return " - go on with ".join(filter(None, (self.title, self.step.told() if self.step else "")))

    def to_json(self) -> dict[str, Any]:
        """Return the shape that `--json` prints as `from`."""
        step = self.step
        return {
            "task": self.task,
            "title": self.title,
            "step": {"number": step.number, "of": step.of, "text": step.text, "status": step.status} if step else None,
            "session": self.session,
            "position": self.position,
            "left": self.left,
            "files": self.files or None,
        }


def steps(store: Store, session: str, task: str = "", at: int | None = None) -> list[Planned]:
    """Return the steps of a task's plan, by default of the one that is shown. Raises NotFoundError."""
    return planned(load(store, session, at, on_damage=_overlook).work, task)


def beginning(store: Store, session: str, *, task: str | None = None, step: str = "", at: int | None = None) -> Beginning:
    """Return where *session* goes on with a task. Nothing is written.

    Args:
        store: where.
        session: its id.
        task: the task's id; None: the current one.
        step: its number, its text or the beginning of it; empty: wherever the task is.
        at: as it was at this position.

    Raises:
        NotFoundError: no such session, task or step.
        UsageError: there is no plan, or several steps begin so.
    """
    state = load(store, session, at, on_damage=_overlook)
    head = state.seq if at is None else store.info(session).head.seq
    work, name = state.work, state.header["name"] or session
    key = work["task"] if task is None else task
    known = work["tasks"].get(key)
    done = next((e["text"] for e in reversed(work["recent_completions"]) if e["id"] == key and key), "")
    if key and known is None and not done:
        raise NotFoundError("task", key, hint=f"segue status {name}")
    title = (known["title"] if known else done) or (key or state.header["task"] or state.header["title"])
    found = _step(planned(work, key), step, name) if step else None
    is_asked = bool(step) or task is not None
    position = _begun(store, state, found) if found is not None and found.begun else at
    if position is None or not _came_later(store, session, position, head, found):
        return Beginning(session, name, key, title, found, at, 0, "", is_asked)
    files = _files(store, session, position)
    return Beginning(session, name, key, title, found, position, head - position, files, is_asked)


def go_on(desk: Desk, found: Beginning) -> str:
    """Return the session that goes on, its task and step noted where one was asked for: the same, or a fork."""
    session = fork(desk, found.session, found.position).id if found.left else found.session
    if found.is_asked:
        note(desk, session, found)
    return session


def note(desk: Desk, session: str, found: Beginning) -> None:
    """Make the task the current one of *session*, and say at which step it is, where that is not known there."""

    def decide(state: State) -> list[Draft]:
        known = state.work["tasks"].get(found.task)
        body: dict[str, Any] = {"id": found.task}
        if state.work["task"] != found.task or (known is not None and known["status"] not in {"active", "reopened"}):
            body["status"] = "active" if known is not None and known["status"] == "pending" else "reopened"
            if known is None and found.title:
                body["title"] = found.title
        if found.step is not None and (known is None or known["step"] != found.step.told()):
            body["step"] = found.step.told()
        return [Draft("task.set", body)] if len(body) > 1 else []

    change(desk.store, session, decide)


def _step(plan: list[Planned], wanted: str, name: str) -> Planned:
    if not plan:
        raise UsageError(f"{name} has no plan whose steps are known", hint=f"go on where it is: segue resume {name}")
    hint = f"one of 1 to {len(plan)}: segue status {name}"
    if wanted.isascii() and wanted.isdigit():
        if 1 <= int(wanted) <= len(plan):
            return plan[int(wanted) - 1]
        raise NotFoundError("step", wanted, hint=hint)
    low = wanted.casefold().strip()
    for fits in (str.__eq__, str.startswith):
        found = [one for one in plan if fits(one.text.casefold().strip(), low)]
        if len(found) > 1:
            raise UsageError(
                f"{len(found)} steps are called {wanted!r}: {', '.join(str(one.number) for one in found)}", hint="give the number"
            )
        if found:
            return found[0]
    raise NotFoundError("step", wanted, hint=hint)


def _begun(store: Store, state: State, step: Planned) -> int:
    """Return the position at which a step began: behind the answer to the call that said so, where a call did."""
    event = event_at(store, state.session, step.begun)
    calls = {part.get("id") for part in _parts(event) if part.get("type") == "tool_call"}
    position = event.seq
    for later in store.read(state.session, after=position, upto=min(position + _NEAR, state.seq), on_damage=_overlook):
        if later.kind != "message" or later.stream != event.stream:
            continue
        answered = {part.get("id") for part in _parts(later) if part.get("type") == "tool_call_response"}
        if not calls or answered.isdisjoint(calls):
            break
        position = later.seq
    return position


def _parts(event: Event) -> list[dict[str, Any]]:
    parts = event.body.get("parts") if event.kind == "message" else None
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []


def _came_later(store: Store, session: str, position: int, head: int, step: Planned | None) -> bool:
    """Return whether anything was said or done behind *position*; that the step was gone on from before is nothing."""
    events = store.read(session, after=position, upto=head, blobs=False, on_damage=_overlook)
    told = step.told() if step is not None else ""
    again = ((e.kind == "task.set" and e.body.get("step") == told) or e.kind.startswith(_ASIDE) for e in events if is_news(e))
    return not all(again)


def _files(store: Store, session: str, position: int) -> str:
    places = [p for p in known_places(store, session) if p.name.startswith("RECOVERY-") and p.position <= position]
    return next((p.name for p in places[:_LOOKED] if find_place(store, session, p.name).snapshot), "")


def _overlook(_damage: object) -> None:
    """What is damaged is told of by `validate`."""
