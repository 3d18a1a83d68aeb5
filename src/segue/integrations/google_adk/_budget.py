"""The limits of a run, watched by a plugin of ADK's."""

from typing import Any

from google.adk.plugins.base_plugin import BasePlugin

from segue.engine.runs.metering import Meter, Twin
from segue.engine.runs.running import Run
from segue.host.threads import in_thread


class BudgetPlugin(BasePlugin):
    """A plugin that keeps an agent within the limits of a run: `Runner(..., plugins=[BudgetPlugin(run)])`.

    Before each model is asked, and at the end, the limits are looked at: where one is reached, the session is paused as
    `budget`, with a checkpoint; a model that would be asked then is not, and the run ends with ADK's RuntimeError, whose cause is
    an InterruptionError that says how to go on. `on_crossing` of the run is called once for each threshold that the context
    crosses.

    Example:
        >>> import segue
        >>> store = segue.open("memory://")
        >>> with store.ensure("google_adk", "travel", "ada", "trip-to-oslo").running(budget=200_000) as run:
        ...     plugin = BudgetPlugin(run)
    """

    def __init__(self, run: Run | Twin, name: str = "segue_budget") -> None:
        """Watch *run*, which `running` of a session returned, synchronous or not."""
        super().__init__(name)
        self._meter = Meter(run)

    async def before_model_callback(self, **_: Any) -> None:
        """Look at the limits. Raises InterruptionError."""
        await in_thread(self._meter.asks)

    async def after_run_callback(self, **_: Any) -> None:
        """Look at the limits: what the last answer used is in the log."""
        await in_thread(self._meter.answered)
