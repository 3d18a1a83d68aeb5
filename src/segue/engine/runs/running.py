"""A run of an agent in a session: whatever ends it, its session is left with a checkpoint, a reason and a way to go on."""

import sys
import threading
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import wraps
from inspect import iscoroutinefunction
from types import CodeType, TracebackType
from typing import Any, Final, ParamSpec, Self, TypeVar

from segue.core.errors import InterruptionError, OutcomeUnknownError, SegueError, StorageFullError, StoreUnusableError, UsageError
from segue.core.log.events import MAIN, Commit, Damage, Draft
from segue.core.log.times import stamp
from segue.core.session.interruptions import OTHER, Interrupt, Limits, Used, exceeded, of_error, of_signal, used
from segue.core.session.state import State
from segue.engine.loading import Desk, load
from segue.engine.runs.ending import PATIENCE, Ending
from segue.engine.runs.patience import within
from segue.engine.saving import checkpoints
from segue.engine.saving.interrupting import Moment
from segue.engine.sessions import Interruption, move
from segue.ports import Asked
from segue.ports.running import Host

P = ParamSpec("P")
R = TypeVar("R")
Cross = Callable[[Callable[[], None]], Awaitable[BaseException | None]]
"""Has something done in a thread, to its end, and returns what came meanwhile to cancel whoever waits."""

_WAKE: Final = 60.0
"""Seconds after which it is seen to that the worker is there."""
_POLL: Final = 1.0
"""Seconds between two looks at a run's limits."""
_REFUSED = (StorageFullError, OutcomeUnknownError, StoreUnusableError)


class Run:
    """A run of an agent in a session; made by `Session.running`. Use it in a `with` statement, or as a decorator.

    While it lasts, the session is noted as driven by this process. An exception that leaves it, a signal that ends the
    process, a limit that is reached and the end of the interpreter interrupt the session: it gets a checkpoint and is paused
    with the reason. The exception goes on as it is. A run that ends by itself takes a checkpoint, and pauses nothing unless its
    tokens or its money are used up.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - handed in by `Session.running` alone
        self,
        desk: Desk,
        session: str,
        host: Host,
        limits: Limits,
        agent: str,
        on_interrupt: Callable[[Interruption], object] | None,
        follow: Callable[["Run", bool], None],
        moment: Callable[[str], Moment] | None,
        each: Callable[[], object] | None = None,
        cost_of: Callable[[State], float] | None = None,
    ) -> None:
        """Begin nothing yet; *follow* is told when the session's appends go through this run and when not; *each* is called
        after each append and by `check`; *cost_of* knows prices.
        """
        self._make: Callable[[], Run] = lambda: Run(
            desk, session, host, limits, agent, on_interrupt, follow, moment, each, cost_of
        )
        self._each, self._cost_of = each, cost_of
        self._desk, self.session, self._host, self._limits, self.agent = desk, session, host, limits, agent
        self._on_interrupt, self._follow = on_interrupt, follow
        self._ending = Ending(desk, session, agent, moment)
        self._leave: Callable[[], None] = lambda: None
        self._ready, self._over = threading.Event(), threading.Event()
        self._ended = threading.Lock()
        self._since = self._woken = 0.0
        self._process: dict[str, Any] = {}
        self._begun = Used(0, 0)

    @property
    def interruption(self) -> Interruption | None:
        """The summary, where the run was interrupted and the store could take it."""
        return self._ending.interruption

    @property
    def kept(self) -> str:
        """The emergency file that holds what could not be appended; it is taken in when the store is opened next."""
        return self._ending.kept

    # --- the run

    def __enter__(self) -> Self:
        """Begin. Raises UsageError (it has begun), IllegalTransitionError (the session cannot be taken up), NotFoundError."""
        if self._ending.key:
            raise UsageError("the run has begun already", hint="session.running() makes another one")
        try:
            self._host.leaving(1)
            try:
                self._listen()
                self._take_up()
            finally:
                self._host.leaving(-1)
        except BaseException as e:
            if self._ready.is_set():  # what came meanwhile is raised now: no `with` has it yet
                self.__exit__(type(e), e, e.__traceback__)
            else:
                self._leave()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End: interrupted by *error*, or by itself. Nothing that goes wrong here takes the place of *error*."""
        self._host.leaving(1)
        try:
            if self._over.is_set() or not self._is_ours():
                return
            self._save(error)
            self._end()
        finally:
            self._host.leaving(-1)

    async def __aenter__(self) -> Self:
        """See `__enter__`."""
        return self.__enter__()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """See `__exit__`."""
        self.__exit__(kind, error, trace)

    async def begin(self, cross: Cross, edges: Collection[CodeType] = ()) -> None:
        """Begin as `__enter__` does, what waits for a disk in *cross*; *edges* are the functions that call this and `finish`."""
        if self._ending.key:
            raise UsageError("the run has begun already", hint="session.running() makes another one")
        try:
            self._host.leaving(1)
            try:
                self._listen(edges)
                came = await cross(self._take_up)
            finally:
                self._host.leaving(-1)
        except BaseException as e:
            if self._ready.is_set():
                await self.finish(e, cross)
            else:
                self._leave()
            raise
        if came is not None:
            await self.finish(came, cross)
            raise came

    async def finish(self, error: BaseException | None, cross: Cross) -> None:
        """End as `__exit__` does, what waits for a disk in *cross*. Raises what came meanwhile to cancel it."""
        self._host.leaving(1)
        try:
            if self._over.is_set() or not self._is_ours():
                return
            came = await cross(lambda: self._save(error))
            self._end()
        finally:
            self._host.leaving(-1)
        if came is not None and type(came) is not type(error):
            raise came

    def again(self) -> "Run":
        """Return another run like this one, that has not begun."""
        return self._make()

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Return *function*, each call of it a run of its own; a coroutine function as well."""
        if iscoroutinefunction(function):

            @wraps(function)
            async def run_async(*args: P.args, **kwargs: P.kwargs) -> Any:
                async with self.again():
                    return await _awaited(function(*args, **kwargs))

            return run_async  # type: ignore[return-value]

        @wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            with self.again():
                return function(*args, **kwargs)

        return run

    def check(self) -> None:
        """Raise InterruptionError where the run is interrupted, or a limit is reached; call it between two steps."""
        self._look()
        self._check()

    def _check(self) -> None:
        if self._ending.why is None:
            state = load(self._desk.store, self.session, on_damage=_pass)
            why = self._exceeded(state, self._limits)
            if why is not None:
                self._ending.interrupt(why)
        if (why := self._ending.why) is not None:
            command = self.interruption.command if self.interruption else f"segue resume {self.session}"
            raise InterruptionError(self.session, why.reason, why.note, command)

    def _exceeded(self, state: State, limits: Limits) -> Interrupt | None:
        cost = self._cost_of and self._cost_of(state)
        return exceeded(state, limits, self._begun, self._since, self._desk.clock.now(), cost)

    def interrupt(self, reason: str = OTHER, note: str = "") -> None:
        """Interrupt the run: the session is saved and paused now, and `check` raises from now on."""
        self._ending.interrupt(Interrupt(reason, note))

    # --- what is appended in it

    def note_usage(self, usage: Mapping[str, Any], *, model: str = "", message_id: str = "", stream: str = MAIN) -> None:
        """Note what a call of the model used, once for each *message_id*: a message of the same id later corrects it.

        *usage* in the form of `bodies.Usage`. Another *stream* than the main one: an agent within the agent asked, which has
        a context of its own. Raises as `append` does.
        """
        body = {**usage, **({"model": model} if model else {}), **({"message_id": message_id} if message_id else {})}
        key = f"usage:{message_id}" if message_id else None
        note = Draft("usage", body, self.agent, stream=stream, key=key)
        self.append(lambda drafts: self._desk.store.append(self.session, drafts), [note])

    def append(self, call: Callable[[Sequence[Draft]], Commit], drafts: Sequence[Draft]) -> Commit:
        """Return what *call* makes of *drafts*. Where the disk refuses them they are kept in an emergency file, and the error
        says so: they come into the log when the store is opened next, once.
        """
        self._wake()
        keyed = self._keyed(drafts)
        try:
            commit = call(keyed)
        except _REFUSED as e:
            self._keep_refused(keyed, e)
            raise
        self._look()
        return commit

    def append_each(
        self, call: Callable[[Sequence[Asked]], list[Commit | SegueError]], asked: Sequence[Asked]
    ) -> list[Commit | SegueError]:
        """Return what *call* makes of several appends; see `append`."""
        self._wake()
        keyed = [one._replace(drafts=self._keyed(one.drafts)) for one in asked]
        found = call(keyed)
        for one, outcome in zip(keyed, found, strict=True):
            if isinstance(outcome, _REFUSED):
                self._keep_refused(one.drafts, outcome)
        self._look()
        return found

    def _keyed(self, drafts: Sequence[Draft]) -> list[Draft]:
        return [draft if draft.key else draft._replace(key=f"run:{self._desk.ids.uuid7()}") for draft in drafts]

    def _keep_refused(self, drafts: Sequence[Draft], error: SegueError) -> None:
        at = stamp(self._desk.clock.now())
        if self._ending.keep([d if d.at else d._replace(at=at) for d in drafts]):
            error.fields["kept"] = self.kept
            error.hint = f"do not repeat it: it is kept in {self.kept}, and taken in when the store is opened next"

    def _look(self) -> None:
        if self._each is not None:
            self._each()

    # --- inside

    def _listen(self, edges: Collection[CodeType] = ()) -> None:
        """Hear signals: in the thread that can. Who hears them waits until the run is noted."""
        self._process = self._host.me()
        self._ending.key = f"run:{self._desk.ids.uuid7()}"
        self._since = self._desk.clock.now()
        own = (self.__enter__, self.__exit__, self.__aenter__, self.__aexit__, self.begin, self.finish, self._at_exit)
        self._leave = self._host.listen(self._hear, [*(method.__code__ for method in own), *edges])

    def _take_up(self) -> None:
        """Note that the session is driven by this process."""
        state = load(self._desk.store, self.session, on_damage=_pass)
        if state.status in {"paused", "ended", "recovering", "emergency"}:
            state = move(self._desk, self.session, "resume")
        elif state.status != "active":
            state = move(self._desk, self.session, "start")
        self._begun = used(state, self._cost_of and self._cost_of(state))
        note = {"name": self.agent, "status": "running", "set": {"process": self._process}}
        self._desk.store.append(self.session, [Draft("agent.set", note, self.agent, key=f"{self._ending.key}:begun")])
        self._ending.reserve = self._host.reserve()
        self._wake()
        self._follow(self, True)
        import atexit

        atexit.register(self._at_exit)
        if self._limits != Limits():
            threading.Thread(target=self._watch, name="segue-limits", daemon=True).start()
        self._ready.set()

    def _wake(self) -> None:
        """Have somebody save by itself, as long as there is something to save."""
        now = self._desk.clock.now()
        if abs(now - self._woken) >= _WAKE:
            self._woken = now
            self._host.wake()

    def _is_ours(self) -> bool:
        """Return whether this is the process that the run began in, not a forked child."""
        return bool(self._host.me().get("pid") == self._process.get("pid"))

    def _save(self, error: BaseException | None) -> None:
        ending = self._ending
        why = self._reason(error)
        if why is None and ending.why is None:
            why = self._overspent()
        if why is None and ending.why is None:
            ending.finish()
        if why := why or ending.why:  # a signal may be what saves it meanwhile: that is waited for
            ending.interrupt(why)

    def _overspent(self) -> Interrupt | None:
        """Return the interruption of a run that ends by itself with its tokens or its money used up."""
        limits, found = self._limits._replace(timeout=None), list[Interrupt | None]()
        if limits == Limits():
            return None

        def look() -> bool:
            state = load(self._desk.store, self.session, on_damage=_pass)
            found.append(self._exceeded(state, limits))
            return True

        within(PATIENCE, look)
        return found[0] if found else None

    def _reason(self, error: BaseException | None) -> Interrupt | None:
        if error is None:
            return None
        kinds = tuple(kind.__name__ for kind in type(error).__mro__)
        ended = isinstance(error, (KeyboardInterrupt, SystemExit)) or "CancelledError" in kinds
        if ended and (number := self._host.heard()):
            self._ending.hurry()
            return of_signal(number)
        if isinstance(error, SystemExit):
            if not error.code:
                return None
            return of_error(kinds, str(error.code))
        return of_error(kinds, str(error))

    def _hear(self, number: int, ends: bool) -> None:  # noqa: FBT001 - what a `Save` is called with
        """Save because of a signal; in a thread of its own."""
        if not self._ready.wait(PATIENCE) or self._over.is_set():
            return  # nothing began, or all is saved
        if ends:
            self._ending.hurry()
            self._ending.interrupt(of_signal(number))
            return
        try:
            why = of_signal(number)
            checkpoints.create(
                self._desk,
                self.session,
                description=why.note,
                trigger="signal",
                automatic=True,
                key=f"{self._ending.key}:{why.note}",
            )
        except (SegueError, OSError):
            return  # whoever handles it goes on, and so does the run

    def _end(self) -> None:
        import atexit

        if not self._ended.acquire(blocking=False):
            return  # by another thread, as the interpreter ends
        self._over.set()
        self._follow(self, False)
        atexit.unregister(self._at_exit)
        if self._ending.reserve is not None:
            self._ending.reserve.close()
        self._leave()
        if self._ending.why is not None and self.interruption is not None:
            (self._on_interrupt or _say)(self.interruption)

    def _at_exit(self) -> None:
        self._host.leaving(1)
        try:
            if self._is_ours() and not self._over.is_set():
                self._ending.interrupt(Interrupt(OTHER, "the interpreter ended"))
                self._end()
        finally:
            self._host.leaving(-1)

    def _watch(self) -> None:
        """Look at the limits until the run is over; what is reached interrupts the session, and `check` raises."""
        while not self._over.wait(_POLL) and self._ending.why is None:
            try:
                self._check()
            except InterruptionError:
                return
            except (SegueError, OSError):
                continue


def _say(found: Interruption) -> None:
    """Tell a person at the terminal how to go on."""
    if sys.stderr is not None and sys.stderr.isatty():
        sys.stderr.write(f"segue: {found.name or found.session} is paused ({found.reason}); go on with: {found.command}\n")


async def _awaited(coroutine: Any) -> Any:
    return await coroutine


def _pass(_damage: Damage) -> None:
    """Damage is for `validate`."""
