"""What a framework's hooks tell a run of an agent: when its model is asked, and what the answer used."""

from collections.abc import Mapping
from typing import Any, Protocol

from segue.core.errors import InterruptionError, UsageError
from segue.core.log.events import MAIN
from segue.engine.runs.running import Run


class Twin(Protocol):
    """A run of an asynchronous program, beside its synchronous one."""

    @property
    def sync(self) -> Run:
        """The synchronous one."""
        ...


class Meter:
    """Watches the limits of a run from within a framework. Each framework has hooks that call it."""

    def __init__(self, run: Run | Twin) -> None:
        """Watch *run*, synchronous or not. Raises UsageError where it is none."""
        found = run if isinstance(run, Run) else getattr(run, "sync", None)
        if not isinstance(found, Run):
            raise UsageError(
                f"a run is needed here, and this is {type(run).__name__!r}", hint="with session.running(budget=...) as run: ..."
            )
        self._run = found

    def asks(self) -> None:
        """Let the model be asked, unless a limit is reached. What crosses a threshold is told of first.

        Raises:
            InterruptionError: the session is paused, with a checkpoint, the reason and the way to go on.
        """
        self._run.check()

    def answered(
        self, usage: Mapping[str, Any] | None = None, *, model: str = "", message_id: str = "", stream: str = MAIN
    ) -> None:
        """Look at the limits behind an answer: where one is reached the session is paused; the answer itself is still kept.

        *usage* is what it used, in the form of `bodies.Usage`, where the framework's messages do not say it: it is noted in the
        log, once for each *message_id*; in another *stream* where an agent within the agent asked.
        """
        if usage and any(usage.values()):
            self._run.note_usage(usage, model=model, message_id=message_id, stream=stream)
        try:
            self._run.check()
        except InterruptionError:
            return  # the session is paused; whoever asks next hears of it
