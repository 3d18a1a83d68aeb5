"""The limits of a run, watched by a capability of Pydantic AI's."""

from typing import Any

from pydantic_ai.capabilities import AbstractCapability
from pydantic_ai.messages import ModelResponse

from segue.engine.runs.metering import Meter, Twin
from segue.engine.runs.running import Run
from segue.host.threads import in_thread


class BudgetCapability(AbstractCapability[Any]):
    """A capability that keeps an agent within the limits of a run: `Agent(..., capabilities=[BudgetCapability(run)])`.

    Before each model is asked the limits are looked at: where one is reached, the session is paused as `budget`, with a
    checkpoint, and the agent ends with an InterruptionError that says how to go on. `on_crossing` of the run is called once for
    each threshold that the context crosses. What an answer with its provider's id used is in the log at once, the conversation
    itself when it is saved.

    Example:
        >>> import segue
        >>> store = segue.open("memory://")
        >>> with store.ensure("pydantic_ai", "trip-to-oslo").running(budget=200_000) as run:
        ...     capability = BudgetCapability(run)
    """

    def __init__(self, run: Run | Twin) -> None:
        """Watch *run*, which `running` of a session returned, synchronous or not."""
        self._meter = Meter(run)

    async def before_model_request(self, ctx: Any, request_context: Any) -> Any:
        """Look at the limits. Raises InterruptionError."""
        await in_thread(self._meter.asks)
        return request_context

    async def after_model_request(self, ctx: Any, *, request_context: Any, response: ModelResponse) -> ModelResponse:
        """Note what the answer used."""
        used = response.usage
        counted = {
            "input_tokens": used.input_tokens,
            "output_tokens": used.output_tokens,
            "cache_read_tokens": used.cache_read_tokens,
            "cache_write_tokens": used.cache_write_tokens,
            "reasoning_tokens": used.output_reasoning_tokens,
        }
        message = response.provider_response_id or ""  # without an id it would be counted again when the conversation is saved
        noted = counted if message else None
        await in_thread(lambda: self._meter.answered(noted, model=response.model_name or "", message_id=message))
        return response
