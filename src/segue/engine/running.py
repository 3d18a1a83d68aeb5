"""A run of an agent in a session: whatever ends it, its session is left with a checkpoint, a reason and a way to go on."""

import sys
import threading
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import wraps
from inspect import iscoroutinefunction
from types import CodeType, TracebackType
from typing import Any, Final, ParamSpec, Self, TypeVar

from segue.core.errors import InterruptionError, OutcomeUnknownError, SegueError, StorageFullError, StoreUnusableError, UsageError
from segue.core.log.events import Commit, Damage, Draft
from segue.core.log.times import stamp
from segue.core.session.interruptions import OTHER, Interrupt, Limits, Used, exceeded, of_error, of_signal, used
from segue.engine import checkpoints
from segue.engine.interrupting import NOTHING, Moment, interrupt, record
from segue.engine.loading import Desk, load
from segue.engine.redacting import without_secrets
from segue.engine.sessions import Interruption, interruption, move
from segue.ports import Asked
from segue.ports.running import Host, Reserve

P = ParamSpec("P")
R = TypeVar("R")
Cross = Callable[[Callable[[], None]], Awaitable[BaseException | None]]
"""Has something done in a thread, to its end, and returns what came meanwhile to cancel whoever waits."""

_APPEND: Final = 1.0
"""Seconds that the store has for an interruption when the process is about to end; then it is kept in an emergency."""
_PATIENCE: Final = 10.0
"""The same, while nothing ends the process."""
_KEEP: Final = 0.3
"""Seconds for each place that it may be kept in."""
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

    interruption: Interruption | None
    """The summary, where the run was interrupted and the store could take it."""

    def __init__(  # noqa: PLR0913, PLR0917 - handed in by `Session.running` alone
        self,
        desk: Desk,
        session: str,
        host: Host,
        limits: Limits,
        agent: str,
        on_interrupt: Callable[[Interruption], object] | None,
        follow: Callable[["Run | None"], None],
        moment: Callable[[str], Moment] | None,
        each: Callable[[], object] | None = None,
    ) -> None:
        """Begin nothing yet; *follow* is told of the run that the session's appends go through, *each* is called after
        each append and by `check`.
        """
        self._make: Callable[[], Run] = lambda: Run(desk, session, host, limits, agent, on_interrupt, follow, moment, each)
        self._each = each
        self._desk, self.session, self._host, self._limits, self.agent = desk, session, host, limits, agent
        self._on_interrupt, self._follow, self._moment = on_interrupt, follow, moment
        self._reserve: Reserve | None = None
        self._leave: Callable[[], None] = lambda: None
        self._lock = threading.RLock()  # a handler of the user's may interrupt the run while this thread does
        self._ready, self._settled, self._over = threading.Event(), threading.Event(), threading.Event()
        self._saving = False
        self._why: Interrupt | None = None
        self._key, self._at, self._since = "", "", 0.0
        self._patience = _PATIENCE
        self._woken = 0.0
        self._process: dict[str, Any] = {}
        self._begun = Used(0, 0)
        self.interruption = None
        self.kept = ""
        """The emergency file that holds what could not be appended; it is taken in when the store is opened next."""

    # --- the run

    def __enter__(self) -> Self:
        """Begin. Raises UsageError (it has begun), IllegalTransitionError (the session cannot be taken up), NotFoundError."""
        if self._key:
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
        if self._key:
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
        if self._why is None:
            state = load(self._desk.store, self.session, on_damage=_pass)
            why = exceeded(state, self._limits, self._begun, self._since, self._desk.clock.now())
            if why is not None:
                self._stop(why)
        if self._why is not None:
            command = self.interruption.command if self.interruption else f"segue resume {self.session}"
            raise InterruptionError(self.session, self._why.reason, self._why.note, command)

    def interrupt(self, reason: str = OTHER, note: str = "") -> None:
        """Interrupt the run: the session is saved and paused now, and `check` raises from now on."""
        self._stop(Interrupt(reason, note))

    # --- what is appended in it

    def note_usage(self, usage: Mapping[str, Any], *, model: str = "", message_id: str = "") -> None:
        """Note what a call of the model used, once for each *message_id*: a message of the same id later corrects it.

        *usage* in the form of `bodies.Usage`. Raises as `append` does.
        """
        body = {**usage, **({"model": model} if model else {}), **({"message_id": message_id} if message_id else {})}
        key = f"usage:{message_id}" if message_id else None
        note = Draft("usage", body, self.agent, key=key)
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
        if self._keep(self._record_of([d if d.at else d._replace(at=at) for d in drafts])):
            error.fields["kept"] = self.kept
            error.hint = f"do not repeat it: it is kept in {self.kept}, and taken in when the store is opened next"

    def _look(self) -> None:
        if self._each is not None:
            self._each()

    # --- inside

    def _listen(self, edges: Collection[CodeType] = ()) -> None:
        """Hear signals: in the thread that can. Who hears them waits until the run is noted."""
        self._process = self._host.me()
        self._key = f"run:{self._desk.ids.uuid7()}"
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
        self._begun = used(state)
        note = {"name": self.agent, "status": "running", "set": {"process": self._process}}
        self._desk.store.append(self.session, [Draft("agent.set", note, self.agent, key=f"{self._key}:begun")])
        self._reserve = self._host.reserve()
        self._wake()
        self._follow(self)
        import atexit

        atexit.register(self._at_exit)
        if self._limits != Limits():
            threading.Thread(target=self._watch, name="segue-limits", daemon=True).start()
        self._ready.set()

    @property
    def _url(self) -> str:
        return self._desk.store.url

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
        why = self._reason(error)
        if why is None and self._why is None:
            why = self._overspent()
        if why is None and self._why is None:
            self._finish()
        if why := why or self._why:  # a signal may be what saves it meanwhile: that is waited for
            self._stop(why)

    def _overspent(self) -> Interrupt | None:
        """Return the interruption of a run that ends by itself with its tokens or its money used up."""
        limits, found = self._limits._replace(timeout=None), list[Interrupt | None]()
        if limits == Limits():
            return None

        def look() -> bool:
            state = load(self._desk.store, self.session, on_damage=_pass)
            found.append(exceeded(state, limits, self._begun, self._since, self._desk.clock.now()))
            return True

        _within(_PATIENCE, look)
        return found[0] if found else None

    def _reason(self, error: BaseException | None) -> Interrupt | None:
        if error is None:
            return None
        kinds = tuple(kind.__name__ for kind in type(error).__mro__)
        ended = isinstance(error, (KeyboardInterrupt, SystemExit)) or "CancelledError" in kinds
        if ended and (number := self._host.heard()):
            self._patience = _APPEND
            return of_signal(number)
        if isinstance(error, SystemExit):
            if not error.code:
                return None
            return of_error(kinds, str(error.code))
        return of_error(kinds, str(error))

    def _hear(self, number: int, ends: bool) -> None:  # noqa: FBT001 - what a `Save` is called with
        """Save because of a signal; in a thread of its own."""
        if not self._ready.wait(_PATIENCE) or self._over.is_set():
            return  # nothing began, or all is saved
        if ends:
            self._patience = _APPEND
            self._stop(of_signal(number))
            return
        try:
            why = of_signal(number)
            checkpoints.create(
                self._desk, self.session, description=why.note, trigger="signal", automatic=True, key=f"{self._key}:{why.note}"
            )
        except (SegueError, OSError):
            return  # whoever handles it goes on, and so does the run

    def _stop(self, why: Interrupt) -> None:
        """Interrupt the session, once, within the seconds that there are; return when it is done or cannot be."""
        with self._lock:
            if self._why is None:
                self._at = stamp(self._desk.clock.now())
                self._why = why
            if not self._saving:  # also where a signal kept the first one from coming so far: twice is once, by its keys
                _start(self._carry_out)
                self._saving = True
        self._settled.wait(self._patience + 2 * _KEEP)

    def _carry_out(self) -> None:
        try:
            if not _within(self._patience, self._pause):
                self._keep(self._record())
        finally:
            self._settled.set()

    def _pause(self) -> bool:
        if self._why is None:
            return False
        seen = self._seen()
        try:
            interrupt(self._desk, self.session, self._why, self._key, at=self._at, moment=lambda _: seen)
        except (SegueError, OSError):
            return False
        try:
            self.interruption = interruption(load(self._desk.store, self.session, on_damage=_pass))
        except (SegueError, OSError):
            return True  # the summary can be had later: segue status
        return True

    def _seen(self) -> Moment:
        """Return what there is beside the log, where there is time to look."""
        moment, found = self._moment, [NOTHING]
        if moment is None or self._patience <= _APPEND:
            return NOTHING

        def look() -> bool:
            found.append(moment(self.session))
            return True

        _within(self._patience / 2, look)
        return found[-1]

    def _record(self) -> bytes:
        why = self._why
        if why is not None:
            (told,) = without_secrets(self._desk.store, [Draft("session.paused", {"note": why.note})])
            why = why._replace(note=told.body["note"])
        return record(self._url, self.session, (), why, key=self._key, at=self._at)

    def _record_of(self, drafts: Sequence[Draft]) -> bytes:
        return record(self._url, self.session, without_secrets(self._desk.store, drafts))

    def _keep(self, payload: bytes) -> bool:
        """Keep *payload* in the reserve, else elsewhere; a disk that hangs is left behind."""
        reserve = self._reserve
        if reserve is None:
            return False
        return _within(_KEEP, lambda: self._kept(reserve.put(payload))) or _within(
            _KEEP, lambda: self._kept(reserve.put_elsewhere(payload))
        )

    def _kept(self, path: str) -> bool:
        self.kept = path
        return True

    def _finish(self) -> None:
        """Note that the run is over, with a checkpoint where there is something new."""
        over = Draft(
            "agent.set",
            {"name": self.agent, "status": "idle", "set": {"process": None}},
            self.agent,
            key=f"{self._key}:over",
            at=stamp(self._desk.clock.now()),
        )

        def finish() -> bool:
            try:
                checkpoints.create(
                    self._desk,
                    self.session,
                    trigger="run ended",
                    automatic=True,
                    key=f"{self._key}:checkpoint",
                    then=lambda _: (over,),
                )
            except (SegueError, OSError):
                return False
            return True

        if not _within(_PATIENCE, finish):
            self._keep(self._record_of([over]))

    def _end(self) -> None:
        import atexit

        self._over.set()
        self._follow(None)
        atexit.unregister(self._at_exit)
        if self._reserve is not None:
            self._reserve.close()
        self._leave()
        if self._why is not None and self.interruption is not None:
            (self._on_interrupt or _say)(self.interruption)

    def _at_exit(self) -> None:
        self._host.leaving(1)
        try:
            if self._is_ours() and not self._over.is_set():
                self._stop(Interrupt(OTHER, "the interpreter ended"))
                self._end()
        finally:
            self._host.leaving(-1)

    def _watch(self) -> None:
        """Look at the limits until the run is over; what is reached interrupts the session, and `check` raises."""
        while not self._over.wait(_POLL) and self._why is None:
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


def _within(limit: float, call: Callable[[], bool]) -> bool:
    """Return what *call* returns; False where it failed, or took more than *limit* seconds and is left to itself."""
    done = threading.Event()
    found: list[bool] = []

    def run() -> None:
        try:
            found.append(call())
        except (SegueError, OSError):
            found.append(False)
        finally:
            done.set()

    _start(run)
    done.wait(limit)
    return bool(found) and found[0]


def _start(call: Callable[[], None]) -> None:
    """Run *call* in a thread; at once, where the interpreter begins no more threads."""
    try:
        threading.Thread(target=call, name="segue-save", daemon=True).start()
    except RuntimeError:
        call()


def _pass(_damage: Damage) -> None:
    """Damage is for `validate`."""
