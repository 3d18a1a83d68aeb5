"""The Python API: a session of an open store."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from segue.core.errors import SegueError
from segue.core.log.events import ANY, MAIN, Appended, Commit, Draft, Event, KeyPolicy
from segue.core.log.kinds import validate
from segue.core.session.catalogue import PlaceRow
from segue.core.session.state import State
from segue.engine import forks, sessions
from segue.engine.api_parts import Open
from segue.engine.loading import load
from segue.engine.saving import checkpoints
from segue.ports import Asked, OnDamage
from segue.ports import Store as Port

if TYPE_CHECKING:
    from segue.core.context.pack import Context
    from segue.core.session.plan import Planned
    from segue.core.together.converting import Conversion, Target
    from segue.engine.api_budget import SessionBudget
    from segue.engine.context.going_on import Checked
    from segue.engine.context.protocols import Outcome
    from segue.engine.context.summarising import Summariser
    from segue.engine.restores import Checkpoint
    from segue.engine.runs.running import Run
    from segue.engine.saving.rewinding import Plan, Rewound, Wish
    from segue.engine.sessions import Interruption
    from segue.ports.workspace import Restored


class Session:
    """A session of an open store. It holds no state of its own: every call asks the log."""

    def __init__(self, parts: Open, session: str, position: int | None = None, task: str | None = None) -> None:
        self._parts, self._task = parts, task
        self.id = session
        self.position = position
        """The position that a checkpoint's or continuation's reference named; else None, the head."""
        self._runs: list[Run] = []

    @property
    def name(self) -> str:
        """`SESSION-YYMMDD-NNN`; empty where it has none."""
        return self.state().header["name"]

    def append(
        self,
        kind: str | Draft,
        body: Mapping[str, Any] | None = None,
        *,
        actor: str = "",
        key: str | None = None,
        stream: str = MAIN,
        expect: int = ANY,
        on_key: KeyPolicy = "ignore",
        fence: int | None = None,
    ) -> Appended:
        """Append one event and return its place once it is on disk; an event whose *key* is known adds nothing.

        What was said is kept whatever state the session is in, also when it is over. A step of its lifecycle
        (`session.resumed`, ...) must be allowed by that state: `pause`, `resume` and `end` write them.

        Raises:
            InvalidEventError, HeadMovedError, DuplicateKeyError, FencedError, StorageFullError: nothing was written.
            IllegalTransitionError: the state does not allow it; nothing was written.
            OutcomeUnknownError: the disk did not confirm; append it again with the same key.
        """
        draft = kind if isinstance(kind, Draft) else Draft(kind, body or {}, actor=actor, key=key, stream=stream)
        return self.append_all([draft], expect=expect, on_key=on_key, fence=fence).entries[0]

    def append_all(
        self, drafts: Sequence[Draft], *, expect: int = ANY, on_key: KeyPolicy = "ignore", fence: int | None = None
    ) -> Commit:
        """Append several events, all or none, with one sync. See `append`."""
        for draft in drafts:
            validate(draft.kind, draft.body)

        def call(drafts: Sequence[Draft]) -> Commit:
            return sessions.append(self._store, self.id, drafts, expect=expect, on_key=on_key, fence=fence)

        run = self._run()
        return call(drafts) if run is None else run.append(call, drafts)

    def append_each(self, asked: Sequence[Asked]) -> list[Commit | SegueError]:
        """Do several appends, each for itself, in their order, with one sync; return for each its commit, or the error that
        `append_all` would have raised. What is refused keeps none of the others from being written.

        Raises:
            NotFoundError: the session is not there; nothing was written.
        """

        def call(asked: Sequence[Asked]) -> list[Commit | SegueError]:
            return sessions.append_each(self._store, self.id, asked)

        run = self._run()
        return call(asked) if run is None else run.append_each(call, asked)

    def events(
        self, after: int = 0, upto: int | None = None, *, reverse: bool = False, on_damage: OnDamage | None = None
    ) -> Iterator[Event]:
        """Yield the events with after < seq <= upto; a damaged place goes to *on_damage*, or is a DamagedError."""
        upto = self.position if upto is None else upto
        return self._store.read(self.id, after=after, upto=upto, reverse=reverse, on_damage=on_damage)

    def conversation(self, at: int | None = None, stream: str = MAIN) -> list[Event]:
        """Return the conversation as it stands (or stood, *at* a position): abandoned branches left out."""
        from segue.core.session.tree import active_chain

        return active_chain(self.events(upto=at), stream)

    def state(self, at: int | None = None) -> State:
        """Return the state at the head, or *at* a position: cheap in a long log too.

        Raises NotFoundError, UsageError (positions begin at 1), DamagedError.
        """
        return load(self._store, self.id, self.position if at is None else at)

    def checkpoint(
        self,
        description: str = "",
        *,
        name: str | None = None,
        trigger: str = "user",
        automatic: bool = False,
        workspace: bool = False,
    ) -> str:
        """Name the head durably and return the checkpoint's name (`RECOVERY-...`); *name* also makes a `CONTINUATION-...`.

        With *workspace* it keeps the files of the session's workspace and git's state too, as `segue checkpoint create` does.
        """
        facts, changes = self._parts.moment(self.id) if workspace else ({}, None)
        made = checkpoints.create(
            self._parts.desk,
            self.id,
            description=description,
            trigger=trigger,
            automatic=automatic,
            continuation=name,
            facts=facts,
            changes=changes,
        )
        return made.name

    def checkpoints(self) -> list[PlaceRow]:
        """Return the checkpoints and continuations, latest first."""
        return self._parts.catalogue.places(self.id)

    def plan_restore(self, checkpoint: str = "last", *, code: bool = False, conversation: bool = False) -> "Plan":
        """Return what `restore_checkpoint` would do, as things are; nothing is written. See there."""
        from segue.engine.saving.rewinding import plan

        found, wish = self._wish(checkpoint, code=code, conversation=conversation)
        return plan(self._parts.rewinding, self.id, found, wish)

    def restore_checkpoint(
        self, checkpoint: str = "last", *, code: bool = False, conversation: bool = False, take_over: bool = False
    ) -> "Rewound":
        """Bring code, conversation, or both back to what they were at a checkpoint, and return what was done.

        A checkpoint of what is there is taken first, `before`: to restore that one undoes this. Ignored files stay, and what
        changes in the very moment stays and is named. A conversation that a coding agent keeps goes on in a session of its own,
        `session`.

        Args:
            checkpoint: one that this session knows: `last`, a name, its beginning or end.
            code: only the files of the workspace; with *conversation* both, or nothing. By default what the checkpoint has.
            conversation: only what was said.
            take_over: end the lease that another has on the session.

        Raises:
            NotFoundError, AmbiguousError: there is no such checkpoint, or several.
            UsageError: what is asked for cannot be had from it.
            LeaseHeldError: another drives the session; nothing was done.
            RestoreError: one half could not be restored; the message says what is as it was and what is not.
            UnfinishedRestoreError: an earlier restore was interrupted; see `settle_restore`.
            WorkspaceError: git is not there, or failed.

        Example:
            >>> import segue
            >>> with segue.open("memory://") as store:
            ...     session = store.create(task="price the plums", workspace="")
            ...     _ = session.append("task.set", {"id": "plums", "title": "price the plums", "status": "pending"})
            ...     name = session.checkpoint("before the plums were priced")
            ...     _ = session.append("task.set", {"id": "plums", "status": "active"})
            ...     session.plan_restore(name).what
            ...     done = session.restore_checkpoint(name)
            ...     session.state().work["tasks"]["plums"]["status"]
            ...     undone = session.restore_checkpoint(done.before)
            ...     session.state().work["tasks"]["plums"]["status"]
            ('conversation',)
            'pending'
            'active'
        """
        from segue.engine.saving.rewinding import carry_out

        found, wish = self._wish(checkpoint, code=code, conversation=conversation)
        return carry_out(self._parts.rewinding, self.id, found, wish._replace(take_over=take_over))

    def settle_restore(self, how: Literal["finish", "undo"]) -> "Rewound | Restored | None":
        """Bring a restore of this session that was killed to its end, or take it back; None where there is none."""
        from segue.engine.saving.rewinding import finish, undo

        return finish(self._parts.rewinding, self.id) if how == "finish" else undo(self._parts.rewinding, self.id)

    def _wish(self, checkpoint: str, *, code: bool, conversation: bool) -> "tuple[Checkpoint, Wish]":
        from segue.engine.saving.placing import known
        from segue.engine.saving.rewinding import Wish, halves

        return known(self._store, self.id, checkpoint), Wish(halves(code=code, conversation=conversation))

    def fork(self, /, at: int | None = None, **header: Any) -> "Session":
        """Begin a session that shares this one's past up to *at* (its head), and return it. Nothing is copied."""
        position = self.position if at is None else at
        return Session(self._parts, forks.fork(self._parts.desk, self.id, position, header).id)

    def restore(
        self,
        budget: int | None = None,
        *,
        level: Literal["minimal", "balanced", "full"] = "balanced",
        at: int | None = None,
        task: str = "",
        step: int | str = "",
        model: str | None = None,
        summarise: "Summariser | None" = None,
    ) -> "Context":
        """Return the context to go on with, in at most *budget* tokens: `text`, `size`, and what became of each item.

        Args:
            budget: tokens; else those of the level.
            level: `minimal` 5,000, `balanced` 25,000, `full` 40,000 tokens; fewer where the model's window is small.
            at: as it would have been at this position.
            task: what is to be done next; the session's own task otherwise.
            step: as it was when this step of the plan began (see `steps`), which is what is to be done next.
            model: who will read it, for the counting; the session's own otherwise.
            summarise: writes a summary of what has no room, given its text and a number of tokens: `engine.context.summarising`.
        """
        from segue.engine.budget.budgets import fitting
        from segue.engine.context.restoring import Wanted, restore

        place = self.position if at is None else at
        if step:
            from segue.engine.context.stepping import beginning

            begins = beginning(self._store, self.id, task=self._task, step=str(step), at=place)
            place, task = begins.position, task or begins.told()
        wanted = Wanted(at=place, budget=budget, level=level, task=task, model=model, offer=self._parts.offer)
        wanted = wanted._replace(summarise=summarise, fits=fitting(self._parts.rules))
        return restore(self._store, self.id, wanted, self._parts.counter).context

    def protocol(
        self,
        name: Literal["quick", "full", "emergency"] | None = None,
        budget: int | None = None,
        *,
        level: Literal["minimal", "balanced", "full"] = "balanced",
        task: str = "",
        model: str | None = None,
    ) -> "Outcome":
        """Go through the five steps before the session goes on; return what came of each, and the context. Nothing is written.

        They are: identify the session, load what is known of it, compare that with what is there, bring it up to date as a
        context (`restored`), plan how to go on (`next_steps`). A step that fails stops none after it: `status` is `partial`,
        and `failed` only without a context; `failures` are what a person must verify first.

        Args:
            name: `quick`; `full`: the log is verified, and what changed is looked at in depth; `emergency`: critical facts
                only, at most 5,000 tokens. By default as the session's age asks for: `full` after 24 hours.
            budget: tokens; else those of the level.
            level: as for `restore`.
            task: what is to be done next; the session's own task otherwise.
            model: who will read it, for the counting.

        Example:
            >>> import segue
            >>> with segue.open("memory://") as store:
            ...     outcome = store.create(task="build the parser", workspace="").protocol(budget=1_000)
            ...     outcome.protocol, outcome.status, [step.name for step in outcome.steps]
            ('quick', 'success', ['identify', 'load', 'compare', 'update', 'plan'])
        """
        from segue.engine.budget.budgets import fitting
        from segue.engine.context.protocols import follow
        from segue.engine.context.restoring import Wanted

        wanted = Wanted(at=self.position, budget=budget, level=level, task=task, model=model, offer=self._parts.offer)
        return follow(self._parts.following, self.id, wanted._replace(fits=fitting(self._parts.rules)), name)

    def convert(self, target: "Target | None" = None, *, at: int | None = None) -> "Conversion":
        """Return the conversation for another agent or framework to go on with: whole where it fits *target*, else condensed.

        `conversation.turns` are messages in a form that every provider can be given: see `core.together.conversation.Turn`;
        `carried` says what became of everything that the log holds. The frameworks' adapters make their own messages of it.

        Args:
            target: what can be carried; by default calls by their own names, all media, system messages, and 200,000 tokens.
            at: as it was at this position.

        Example:
            >>> import segue
            >>> with segue.open("memory://") as store:
            ...     session = store.create(workspace="")
            ...     _ = session.append("message", {"role": "user", "parts": [{"type": "text", "content": "hello"}]})
            ...     [(turn.role, turn.parts) for turn in session.convert().conversation.turns]
            [('user', ({'type': 'text', 'content': 'hello'},))]
        """
        from segue.engine.conversing import converse

        return converse(self._store, self.id, target, self._parts.counter, self.position if at is None else at)

    def steps(self, task: str | None = None) -> "list[Planned]":
        """Return the steps of the plan of a task (by its id; the current one's otherwise), each with its number, status, and the
        events with which it began and ended, 0 where it did not. Plans are set by `plan.set` events and by the tools with which
        coding agents keep their own lists.
        """
        from segue.engine.context.stepping import steps

        return steps(self._store, self.id, task if task is not None else self._task or "", self.position)

    def from_step(self, step: int | str, *, task: str | None = None) -> "Session":
        """Return the session that goes on from the beginning of a step; its log says at which task and step it is.

        Where anything came later that is a fork, which leaves it behind, else this session itself.

        Args:
            step: its number from 1 on, its text, or the beginning of that.
            task: the id of the task; the current one otherwise.

        Raises:
            NotFoundError: there is no such task or step.
            UsageError: it has no plan, or several steps begin so.

        Example:
            >>> import segue
            >>> with segue.open("memory://") as store:
            ...     session = store.create(task="price the plums", workspace="")
            ...     _ = session.append("plan.set", {"steps": ["count them", "write the prices"]})
            ...     _ = session.append("step.completed", {"text": "count them"})
            ...     _ = session.append("message", {"role": "assistant", "parts": [{"type": "text", "content": "badly priced"}]})
            ...     again = session.from_step(2)
            ...     [(one.number, one.text, one.status) for one in again.steps()], again.conversation()
            ([(1, 'count them', 'completed'), (2, 'write the prices', 'pending')], [])
        """
        from segue.engine.context.stepping import beginning, go_on

        begins = beginning(self._store, self.id, task=self._task if task is None else task, step=str(step), at=self.position)
        return Session(self._parts, go_on(self._parts.desk, begins))

    def check(self) -> "Checked":
        """Return what changed since the session stopped (`delta`), the four checks before it goes on (`validation`), and what a
        person must verify first (`failures`): work that it relies on and that is gone or contradicted. Nothing is written.

        Example:
            >>> import segue
            >>> with segue.open("memory://") as store:
            ...     session = store.create(task="build the parser", workspace="")
            ...     checked = session.check()
            ...     [(check.name, check.verdict) for check in checked.validation.checks], checked.failures
            ([('project', 'same'), ('files', 'same'), ('tasks', 'same'), ('dependencies', 'same')], ())
        """
        return self._parts.check(self.id)

    def pause(self, reason: str = "user", note: str = "") -> State:
        """Pause it. Raises IllegalTransitionError."""
        return sessions.move(self._parts.desk, self.id, "pause", reason=reason, note=note)

    def resume(self, note: str = "") -> State:
        """Take it up again. Raises IllegalTransitionError."""
        return sessions.move(self._parts.desk, self.id, "resume", note=note)

    def end(self, reason: str = "done", note: str = "") -> State:
        """End it: `done`, `abandoned`. Raises IllegalTransitionError."""
        return sessions.move(self._parts.desk, self.id, "end", reason=reason, note=note)

    @property
    def budget(self) -> "SessionBudget":
        """How full its context is, what it cost, condensing, and a successor."""
        from segue.engine.api_budget import SessionBudget

        return SessionBudget(self._parts, self.id)

    def running(
        self,
        *,
        timeout: float | None = None,
        budget: int | None = None,
        cost: float | None = None,
        agent: str = "agent",
        workspace: bool = False,
        on_interrupt: "Callable[[Interruption], object] | None" = None,
        on_crossing: "Callable[[Mapping[str, Any]], object] | None" = None,
    ) -> "Run":
        """Return a run of an agent in this session: for a `with` (or `async with`) statement, or as a decorator of a function.

        Whatever ends it early leaves the session with a checkpoint, paused with the reason (`user`, `budget`, `timeout`,
        `error`, `system`, `other`): an exception, which goes on as it is; SIGTERM, SIGINT, SIGHUP or SIGQUIT, after which the
        process ends within two seconds, with 128 plus the signal's number; a limit; the end of the interpreter. A process that
        is killed is noticed by the next `segue status`, `segue resume` or by the worker (`unknown`). Handlers of signals that
        are there are called as before. What this session's `append` cannot store, because the disk is full or fails, is kept in
        an emergency file and taken in when the store is opened next, once.

        Args:
            timeout: seconds without an event after which the session is interrupted.
            budget: tokens that the run may use, as its messages' usage tells.
            cost: US dollars, likewise: as its records say, else by the prices of its models that are known, or configured.
            agent: who it is that runs.
            workspace: keep the files of the session's workspace too where an error or a limit interrupts it. Where a signal
                does there is no time: what the worker saved last has to do.
            on_interrupt: is given the summary, with the command to go on with; by default a terminal's user is told.
            on_crossing: is called once for each threshold (60, 75, 85 % by default) that the context crosses, with `band`, `frm`,
                `percent`, `at` and `seq`, after the append that crossed it, or by `check`; what it raises goes on to the caller.

        Example:
            >>> import segue
            >>> with segue.open("memory://") as store:
            ...     session = store.create(task="build the parser")
            ...     with session.running(budget=200_000) as run:
            ...         _ = session.append("step.completed", {"text": "the lexer"})
            ...         run.check()  # raises InterruptionError where a limit is reached
            ...     [place["trigger"] for place in session.state().checkpoints.values()]
            ['run ended']
        """
        from segue.core.session.interruptions import limits
        from segue.engine.runs.running import Run

        found = limits(timeout, budget, cost)
        parts = self._parts
        each = price = None
        if cost is not None:
            from segue.engine.budget.budgets import cost_of

            def price(state: "State") -> float:
                return cost_of(state, parts.rules)

        if on_crossing is not None:
            from segue.engine.budget.calling import Calls

            each = Calls(parts.desk, self.id, lambda: parts.rules, on_crossing).look
        moment = parts.moment if workspace else None
        return Run(parts.desk, self.id, parts.host, found, agent, on_interrupt, self._follow, moment, each, price)

    def _follow(self, run: "Run", goes_on: bool) -> None:  # noqa: FBT001 - what a run tells of itself
        """Take in that appends go through *run* as well from now on, or no longer."""
        if goes_on:
            self._runs.append(run)
        elif run in self._runs:
            self._runs.remove(run)

    def _run(self) -> "Run | None":
        """Return the run that appends go through: the latest of those that go on."""
        last = self._runs[-1:]
        return last[0] if last else None

    def update(self, /, **header: Any) -> Commit | None:
        """Give fields of the header new values."""
        return sessions.update(self._parts.desk, self.id, header)

    def watch(self, after: int | None = None, *, stop: Callable[[], bool]) -> Iterator[Event]:
        """Yield events behind *after* (the head) as they come, until *stop* returns true."""
        begin = self._store.info(self.id).head.seq if after is None else after
        return self._store.watch(self.id, after=begin, stop=stop)

    def delete(self) -> None:
        """Take the session away; forks keep what they share with it."""
        self._store.delete(self.id)

    @property
    def _store(self) -> Port:
        return self._parts.desk.store

    def __repr__(self) -> str:
        return f"<segue session {self.id}>"
