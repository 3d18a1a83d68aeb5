"""Checkpoints: a position of a log gets a name that can be come back to."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from segue.core.errors import NotFoundError, WorkspaceError
from segue.core.log.events import Draft
from segue.core.log.ids import autosave_name, continuation_name, name_stem, recovery_name
from segue.core.log.times import stamp
from segue.core.session.state import State
from segue.engine.loading import Desk, Timed, change
from segue.engine.sessions import DEFAULT_TYPE, named

if TYPE_CHECKING:
    from segue.ports.workspace import Workspace


class Made(NamedTuple):
    """A checkpoint that was taken. `continuation` is its second name, where one was asked for."""

    name: str
    session: str
    position: int
    seq: int
    at: str
    description: str
    automatic: bool
    continuation: str | None
    workspace: Mapping[str, Any] | None = None
    """What it has of the workspace, see `save`; None where it was not asked for."""


def save(workspace: "Workspace", touched: Iterable[str] | None = None) -> dict[str, Any]:
    """Take a snapshot of a workspace and return what a checkpoint keeps of it; where that fails, `root` and why, as `missing`."""
    try:
        return workspace.take(touched).to_json()
    except WorkspaceError as e:
        return {"root": e.fields["root"], "missing": e.fields["reason"]}


def create(  # noqa: PLR0913 - what a checkpoint says, each by its name
    desk: Timed,
    session: str,
    *,
    description: str = "",
    trigger: str = "user",
    automatic: bool = False,
    continuation: str | int | None = None,
    facts: Mapping[str, Any] | None = None,
    changes: Mapping[str, Any] | None = None,
    key: str | None = None,
    at: str | None = None,
    actor: str = "",
    source: Mapping[str, Any] | None = None,
    then: Callable[[State], Sequence[Draft]] = lambda _: (),
) -> Made:
    """Name the head of *session* durably, as `RECOVERY-...`, and return the checkpoint.

    The position is that of the last event before it. A session without a name of its own (a framework's) gets one.

    Args:
        desk: where.
        session: its id.
        description: in free text.
        trigger: what it was taken for.
        automatic: name it `...-AUTO-SAVE-N`, N counted in its session.
        continuation: also name the place `CONTINUATION-...-NAME`, or `...-STEP-NNN` for a number.
        facts: what else is known of the moment: `git`, `agents`, `budget`, `workspace`.
        changes: the uncommitted changes of the workspace; where they are others than those last seen, that is recorded too.
        key: the idempotency key of the checkpoint's event.
        at: when, in UTC; now by default.
        actor: who asked for it.
        source: through what it was asked for.
        then: what is appended right behind it, all or nothing. What it raises keeps the checkpoint from being taken.
    """
    made: list[Made] = []
    at = at or stamp(desk.clock.now())
    fresh: dict[str, str] = {}
    workspace = (facts or {}).get("workspace")

    def decide(state: State) -> list[Draft]:
        drafts = []
        name = state.header["name"]
        if not name.startswith("SESSION-"):
            if not fresh:
                header = state.header
                fresh.update(named(desk, session, at, header["type"] or DEFAULT_TYPE, header["project"]))
            name = fresh["name"]
            drafts.append(Draft("session.updated", dict(fresh), at=at))
        if changes is not None and _other(state, changes):
            drafts.append(Draft("changes.seen", changes, at=at))
        stem = name_stem(name)
        own = _name(state, stem, at, automatic=automatic)
        body = {"name": own, "position": state.seq, "trigger": trigger, "automatic": automatic}
        body |= _budget(state) | dict(facts or {})
        if description:
            body["description"] = description
        drafts.append(Draft("checkpoint.created", body, actor, key=key, at=at, source=source))
        place = _continuation(stem, continuation)
        if place:
            note = {"note": description} if description else {}
            drafts.append(Draft("continuation.set", {"name": place, "position": state.seq} | note, at=at))
        seq = state.seq + len(drafts) - (place is not None)
        made[:] = [Made(own, session, state.seq, seq, at, description, automatic, place, workspace)]
        return [*drafts, *then(state)]

    change(desk.store, session, decide)
    return made[0]


def see(desk: Timed, session: str, changes: Mapping[str, Any]) -> None:
    """Note the uncommitted changes of the workspace (`files`, `branch`, `commit`), where they are others than those last seen."""
    change(desk.store, session, lambda state: [Draft("changes.seen", changes)] if _other(state, changes) else [])


def forget(
    desk: Desk, session: str, name: str, why: str = "", *, intend: Callable[[State, Sequence[str]], object] = lambda _, __: None
) -> None:
    """Let the checkpoint *name* go; the log keeps what it named. *intend* is told before. Raises NotFoundError."""

    def decide(state: State) -> list[Draft]:
        if name not in state.checkpoints:
            raise NotFoundError("checkpoint", name, hint=f"segue checkpoint list {session}")
        intend(state, [name])
        return [Draft("checkpoint.forgotten", {"name": name} | ({"why": why} if why else {}))]

    change(desk.store, session, decide)


def _other(state: State, changes: Mapping[str, Any]) -> bool:
    last = state.work["changes"]
    if last is None:
        return True
    known = (last["files"], last["branch"], last["commit"])
    return last["count"] > len(last["files"]) or known != (changes["files"], changes.get("branch"), changes.get("commit"))


def _name(state: State, stem: str, at: str, *, automatic: bool) -> str:
    if not automatic:
        hhmmss = at[11:13] + at[14:16] + at[17:19]
        return recovery_name(stem, hhmmss, frozenset(state.checkpoints))
    return autosave_name(stem, int(state.metrics["counts"].get("autosaves", 0)) + 1)


def _continuation(stem: str, wanted: str | int | None) -> str | None:
    if wanted is None:
        return None
    if isinstance(wanted, int):
        return continuation_name(stem, step=wanted)
    return continuation_name(stem, name=wanted)


def _budget(state: State) -> dict[str, Any]:
    """Return what a checkpoint keeps of the budget and the agents, as they were."""
    found: dict[str, Any] = {}
    if state.usage:
        found["budget"] = {"context_tokens": state.usage["context_tokens"], "model": state.usage["model"]}
    if state.agents:
        found["agents"] = {name: agent["status"] for name, agent in state.agents.items()}
    return found
