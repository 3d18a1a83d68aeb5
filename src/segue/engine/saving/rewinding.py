"""Going back to a checkpoint: the code, the conversation, or both. What is there is saved first, so that it can be undone.

In this order: the checkpoint of what is there, the intention as an event, code, conversation, the outcome as an event. Where
code cannot be restored the conversation stays as it is. A restore that was killed is named, and can be finished or undone.
"""

from collections.abc import Callable
from contextlib import suppress
from shlex import quote
from typing import Any, Final, Literal, NamedTuple, Protocol

from segue.core.errors import LeaseHeldError, NotFoundError, RestoreError, SegueError, UsageError, WorkspaceError
from segue.core.log.events import Body, Draft, Event
from segue.core.session.state import State
from segue.core.session.tree import active_chain
from segue.engine.loading import Desk, load
from segue.engine.restores import ALL, KEY, Checkpoint, Interrupted, What, find, interrupted, latest, outcome
from segue.engine.resuming.agents import Means as Going
from segue.engine.resuming.agents import catch_up
from segue.engine.saving import turning
from segue.engine.saving.checkpoints import Made
from segue.ports import Lease
from segue.ports.workspace import Preview, Restored, Workspace

TRIGGER: Final = "restore"
"""What the checkpoint of what is there is taken for."""
_TTL: Final = 120.0
"""Seconds for which a restore keeps others out; it asks for as many again before each step."""


class Take(Protocol):
    """Takes a checkpoint of a session, its workspace included."""

    def __call__(self, session: str, *, description: str, trigger: str, root: str) -> Made:
        """Return the checkpoint. It is durable. *root*: the directory that is about to change; empty: none is."""
        ...


class Means(NamedTuple):
    """What going back takes: handed in by the wiring."""

    going: Going
    workspace: Callable[[str], Workspace]
    """Directory -> the workspace there."""
    take: Take
    see: Callable[[str], object]
    """Notes branch, commit and uncommitted changes of a session's workspace, where they are others than before."""


class Wish(NamedTuple):
    """What is asked for."""

    what: tuple[What, ...] = ()
    """Empty: whatever the checkpoint has."""
    take_over: bool = False
    """End the lease that another has on the session."""


class Talk(NamedTuple):
    """What becomes of the conversation."""

    now: int
    then: int
    """Messages on its line, as it is and as it was."""
    last: str
    """What the user had said last."""
    agent: str
    """Whose transcript is written; empty: the session goes on in place."""


class Plan(NamedTuple):
    """What a restore would do, as things are."""

    session: str
    name: str
    checkpoint: Checkpoint
    what: tuple[What, ...]
    code: Preview | None
    talk: Talk | None
    warnings: tuple[str, ...]
    interrupted: Interrupted | None


class Rewound(NamedTuple):
    """What a restore did."""

    plan: Plan
    before: str
    """The checkpoint of what was there: to restore it undoes this."""
    code: Restored | None
    turned: "turning.Turned | None"

    @property
    def session(self) -> str:
        """The session that goes on from there."""
        return (self.turned.continuation if self.turned is not None else "") or self.plan.session


def halves(*, code: bool, conversation: bool) -> tuple[What, ...]:
    """Return what is asked for, as `Wish` has it."""
    return tuple(half for half, wanted in zip(ALL, (code, conversation), strict=True) if wanted)


def plan(means: Means, session: str, checkpoint: Checkpoint, wish: Wish) -> Plan:
    """Return what going back to *checkpoint* in *session* would do; nothing is written.

    Raises:
        UsageError: what is asked for cannot be had from this checkpoint, or in this session.
        NotFoundError: the workspace's snapshot is gone.
        UnfinishedRestoreError, WorkspaceError: see `Workspace.preview`.
    """
    store = means.going.desk.store
    state = load(store, session, on_damage=_overlook)
    name = state.header["name"] or session
    open_ = interrupted(store, session)
    warnings = [] if open_ is None else [open_.told()]
    must = bool(wish.what)
    code = _code(means, state, checkpoint, warnings, must=must) if "code" in (wish.what or ALL) else None
    talk = _talk(means, state, checkpoint, warnings, must=must) if "conversation" in (wish.what or ALL) else None
    what: tuple[What, ...] = tuple(half for half, found in zip(ALL, (code, talk), strict=True) if found is not None)
    if not what:
        raise UsageError(
            f"{checkpoint.name} has neither a snapshot of the workspace nor anything said", hint="segue checkpoint list"
        )
    return Plan(session, name, checkpoint, what, code, talk, tuple(warnings), open_)


def carry_out(means: Means, session: str, checkpoint: Checkpoint, wish: Wish) -> Rewound:
    """Go back to *checkpoint* in *session*, and return what was done. It can be undone: by a restore of `before`.

    What the agent wrote since it was last looked at is taken in first. See `plan`; and besides:

    Raises:
        LeaseHeldError: another drives the session, or goes back in it; nothing was done.
        RestoreError: one half could not be restored; the message says what is as it was and what is not.
    """
    desk = means.going.desk
    lease = _lease(desk, session, take_over=wish.take_over)
    try:
        catch_up(means.going, session)
        return _Restore(means, plan(means, session, checkpoint, wish), lease).run()
    finally:
        desk.store.release(lease)


def finish(means: Means, session: str) -> Rewound | Restored | None:
    """Bring an interrupted restore of *session* to its end, and return what was done; None where there is none.

    Where only the files of its workspace were being restored, as far as its log knows, that is what is returned.
    """
    open_, files = _settle(means, session, "finish")
    if open_ is None:
        _tell_done(means, session, files)
        _look(means, session, files)
        return files
    checkpoint = find(means.going.desk.store, session, open_.checkpoint)
    return carry_out(means, session, checkpoint, Wish(open_.what, take_over=True))


def undo(means: Means, session: str) -> Rewound | Restored | None:
    """Take an interrupted restore of *session* back, and return what was done; None where there is nothing to be done.

    A conversation that goes on in a new transcript does so in a session of its own: this one's stayed as it was.
    """
    open_, files = _settle(means, session, "undo")
    if open_ is None:
        _look(means, session, files)
        return files
    store = means.going.desk.store
    what = open_.what
    if "conversation" in what and turning.agent_of(means.going, load(store, session, on_damage=_overlook)):
        what = tuple(half for half in what if half == "code")
    if not what or not open_.before:
        told = outcome(open_.checkpoint, "interrupted", **_continuation(latest(store, session)))
        store.append(session, [told], on_key="replace")
        _look(means, session, files)
        return files
    return carry_out(means, session, find(store, session, open_.before), Wish(what, take_over=True))


def _settle(means: Means, session: str, how: Literal["finish", "undo"]) -> tuple[Interrupted | None, Restored | None]:
    """Have the workspace finish or undo what it began; return what the log says of it, and what became of files."""
    store = means.going.desk.store
    state = load(store, session, on_damage=_overlook)
    open_, root, files = interrupted(store, session), state.header["workspace"], None
    if root and open_ is not None:
        with suppress(NotFoundError):  # a checkpoint that is gone
            root = _directory(state, find(store, session, open_.checkpoint)) or root
    if root:
        workspace = means.workspace(root)
        files = workspace.finish() if how == "finish" else workspace.undo()
    return open_, files


def _tell_done(means: Means, session: str, files: Restored | None) -> None:
    """Tell the log of a restore that failed, as far as it knows, that its code is restored now."""
    store = means.going.desk.store
    known = latest(store, session)
    if files is None or known is None or known.body.get("outcome") != "failed":
        return
    name = str(known.body["checkpoint"])
    with suppress(SegueError):  # a checkpoint that is gone
        if find(store, session, name).snapshot == files.snapshot:
            what = [half for half in ALL if half in {"code", *known.body.get("what", ())}]
            store.append(session, [outcome(name, "done", what=what, **_continuation(known))], on_key="replace")


def _continuation(known: Event | None) -> Body:
    return {k: v for k, v in known.body.items() if k == "continuation"} if known is not None else {}


def _look(means: Means, session: str, files: Restored | None) -> None:
    """Look at the workspace again where files of it were restored. Where that fails all is done, and the next look tells."""
    if files is not None:
        with suppress(SegueError, OSError):
            means.see(session)


def _lease(desk: Desk, session: str, *, take_over: bool) -> Lease:
    """Return the lease that keeps others out. Where a restore has it that may have been killed, the error says so."""
    try:
        return desk.store.acquire(session, f"restore {desk.ids.uuid7()[-12:]}", _TTL, take_over=take_over)
    except LeaseHeldError as e:
        open_ = interrupted(desk.store, session)
        if open_ is not None:
            at_work = f"a restore of {open_.checkpoint} is at work; if it was killed"
            e.hint = f"{at_work}: segue checkpoint restore --finish, or --undo (what was there: {open_.before})"
        raise


class _Restore:
    """One restore, step by step."""

    def __init__(self, means: Means, planned: Plan, lease: Lease) -> None:
        self.means, self.plan, self.lease = means, planned, lease
        self.store = means.going.desk.store
        self.before = ""
        known = latest(self.store, planned.session)
        self.continuation: Any = known.body.get("continuation") if known is not None else None

    def run(self) -> Rewound:
        checkpoint, what = self.plan.checkpoint, self.plan.what
        if self.plan.interrupted is not None:
            self._tell(outcome(self.plan.interrupted.checkpoint, "interrupted"))
        root = self.plan.code.root if self.plan.code is not None else ""
        made = self.means.take(
            self.plan.session, description=f"before {checkpoint.name} was restored", trigger=TRIGGER, root=root
        )
        self.before = made.name
        intention = {"checkpoint": checkpoint.name, "position": checkpoint.position, "what": list(what), "before": made.name}
        self._tell(Draft("checkpoint.restoring", intention, key=KEY))
        code = self._code(find(self.store, self.plan.session, made.name))
        turned = self._conversation(made, ("code",) if code else ())
        if turned is not None and turned.continuation:
            self.continuation = turned.continuation
        self._tell(outcome(checkpoint.name, "done", what=list(what)))
        done = Rewound(self.plan, made.name, code, turned)
        _look(self.means, done.session, code)
        return done

    def _code(self, saved: Checkpoint) -> Restored | None:
        if self.plan.code is None:
            return None
        if not saved.snapshot:
            kept = saved.body.get("workspace")
            why = kept.get("missing") if isinstance(kept, dict) else "snapshots are switched off"
            raise self._failed("code", f"what is there could not be saved first: {why}", (), back=False)
        self._hold()
        try:
            done = self.means.workspace(self.plan.code.root).restore(self.plan.code)
        except (SegueError, OSError) as e:
            raise self._failed("code", _reason(e), ()) from e
        failed = [one for one in done.leaves if one.why == "failed"]
        if failed:
            more = f", and {len(failed) - 1} more" if len(failed) > 1 else ""
            _look(self.means, self.plan.session, done)
            raise self._failed("code", f"{failed[0].path}: {failed[0].detail or 'the system refused'}{more}", ())
        return done

    def _conversation(self, made: Made, done: tuple[What, ...]) -> "turning.Turned | None":
        if self.plan.talk is None:
            return None
        self._hold()
        try:
            return turning.turn_back(self.means.going, self.plan.session, self.plan.checkpoint, made, self.plan.talk.agent)
        except (SegueError, OSError) as e:
            raise self._failed("conversation", _reason(e), done, back=bool(done)) from e

    def _failed(self, half: What, reason: str, done: tuple[What, ...], *, back: bool = True) -> RestoreError:
        name = self.plan.checkpoint.name
        self._tell(outcome(name, "failed", reason=reason, what=list(done)))
        return RestoreError(name, half, reason, done=done, before=self.before if back else "")

    def _hold(self) -> None:
        """Keep others out for another while."""
        self.lease = self.store.renew(self.lease, _TTL)

    def _tell(self, draft: Draft) -> None:
        """Append an intention or outcome; each knows in which session the conversation went on last."""
        if isinstance(self.continuation, str):
            draft = draft._replace(body={**draft.body, "continuation": self.continuation})
        self.store.append(self.plan.session, [draft], on_key="replace")


def _code(means: Means, state: State, checkpoint: Checkpoint, warnings: list[str], *, must: bool) -> Preview | None:
    if not checkpoint.snapshot:
        missing = f"{checkpoint.name} has no snapshot of the workspace"
        if must:
            raise UsageError(missing, hint=f"segue checkpoint restore {checkpoint.name} --conversation")
        warnings.append(f"{missing}: code stays as it is")
        return None
    directory = _directory(state, checkpoint) or means.going.cwd
    workspace = means.workspace(directory)
    if directory == _kept(checkpoint) != workspace.root and f"{directory}/".startswith(f"{workspace.root.rstrip('/')}/"):
        around = f"it is no work tree of its own any more, and {workspace.root} around it has other files"
        raise WorkspaceError(directory, around, hint=f"git init {quote(directory)}    (then it can be restored there)")
    if not workspace.is_there:
        history = ", without the history of its repository" if "git" in checkpoint.body else ""
        moved = f"if it was moved, say so first: segue moved {quote(workspace.root)} DIRECTORY"
        warnings.append(f"{workspace.root} is not there: it is made anew{history}; {moved}")
    return workspace.preview(checkpoint.snapshot)


def _directory(state: State, checkpoint: Checkpoint) -> str:
    """Return where the files of a checkpoint belong: in the directory that they were taken of, as long as the session works
    there or below (whose repository may be gone by now); else where the session works now. Empty: nobody knows.
    """
    works, kept = state.header["workspace"], _kept(checkpoint)
    if kept and f"{works or kept}/".startswith(f"{kept}/"):
        return kept
    return str(works)


def _kept(checkpoint: Checkpoint) -> str:
    """Return the directory that the files of a checkpoint were taken of; empty where it does not say."""
    saved = checkpoint.body.get("workspace")
    kept = saved.get("root") if isinstance(saved, dict) else None
    return kept if isinstance(kept, str) else ""


def _talk(means: Means, state: State, checkpoint: Checkpoint, warnings: list[str], *, must: bool) -> Talk | None:
    store, session = means.going.desk.store, state.session
    try:
        agent = turning.agent_of(means.going, state)
    except UsageError as e:
        if must:
            raise
        warnings.append(f"{e.message}: it stays as it is")
        return None
    events = list(store.read(session, blobs=False, on_damage=_overlook))
    now, then = _messages(events), _messages([e for e in events if e.seq <= checkpoint.position])
    if agent and not then:
        nothing = f"nothing had been said yet at {checkpoint.name}"
        if must:
            raise UsageError(nothing, hint=f"begin a new session of {agent}; segue checkpoint restore {checkpoint.name} --code")
        warnings.append(f"{nothing}: the conversation stays as it is")
        return None
    past = load(store, session, checkpoint.position, on_damage=_overlook)
    said = past.work["instructions"]
    return Talk(len(now), len(then), said[-1]["text"] if said else "", agent)


def _messages(events: list[Event]) -> list[Event]:
    return [e for e in active_chain(events) if e.kind == "message" and e.body.get("meta") is not True]


def _reason(error: SegueError | OSError) -> str:
    return error.message if isinstance(error, SegueError) else f"{error.strerror or error}"


def _overlook(_damage: object) -> None:
    """What is damaged is told of by `validate`."""
