"""The limits of a run, watched by the SDK's hooks."""

from typing import Any

from agents import RunHooks

from segue.engine.runs.metering import Meter, Twin
from segue.engine.runs.running import Run
from segue.host.threads import in_thread


class BudgetHooks(RunHooks[Any]):
    """Hooks that keep an agent within the limits of a run: `Runner.run(agent, ..., session=..., hooks=BudgetHooks(run))`.

    Before each model is asked the limits are looked at: where one is reached, the session is paused as `budget`, with a
    checkpoint, and the agent ends with an InterruptionError that says how to go on. `on_crossing` of the run is called once for
    each threshold that the context crosses. What was used is known as `SegueSession` notes it: with what each turn adds.

    Example:
        >>> import segue
        >>> store = segue.open("memory://")
        >>> with store.ensure("openai_agents", "trip-to-oslo").running(budget=200_000) as run:
        ...     hooks = BudgetHooks(run)
    """

    def __init__(self, run: Run | Twin) -> None:
        """Watch *run*, which `running` of a session returned, synchronous or not."""
        self._meter = Meter(run)

    async def on_llm_start(self, *_: Any, **__: Any) -> None:
        """Look at the limits. Raises InterruptionError."""
        await in_thread(self._meter.asks)
