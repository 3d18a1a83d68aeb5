"""The limits of a run, watched by LangChain's callbacks."""

from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage
from langchain_core.outputs import LLMResult

from segue.engine.metering import Meter, Twin
from segue.engine.running import Run


class BudgetHandler(BaseCallbackHandler):
    """A callback handler that keeps a graph within the limits of a run: give it to the graph as `config["callbacks"]`.

    Before each model is asked the limits are looked at: where one is reached, the session is paused as `budget`, with a
    checkpoint, and the graph ends with an InterruptionError that says how to go on. `on_crossing` of the run is called once for
    each threshold that the context crosses. What each answer used is in the log at once.

    Example:
        >>> import segue
        >>> store = segue.open("memory://")
        >>> with store.ensure("langgraph", "trip-to-oslo").running(budget=200_000) as run:
        ...     config = {"configurable": {"thread_id": "trip-to-oslo"}, "callbacks": [BudgetHandler(run)]}
    """

    raise_error = True

    def __init__(self, run: Run | Twin) -> None:
        """Watch *run*, which `running` of a session returned, synchronous or not."""
        self._meter = Meter(run)

    def on_chat_model_start(self, *_: Any, **__: Any) -> None:
        """Look at the limits. Raises InterruptionError."""
        self._meter.asks()

    def on_llm_start(self, *_: Any, **__: Any) -> None:
        """Look at the limits. Raises InterruptionError."""
        self._meter.asks()

    def on_llm_end(self, response: LLMResult, **_: Any) -> None:
        """Note what the answer used."""
        for generations in response.generations:
            for generation in generations[:1]:
                message = getattr(generation, "message", None)
                if isinstance(message, AIMessage):
                    self._note(message)

    def _note(self, message: AIMessage) -> None:
        model = message.response_metadata.get("model_name")
        self._meter.answered(usage_of(message), model=model if isinstance(model, str) else "", message_id=message.id or "")


def usage_of(message: AIMessage) -> dict[str, int]:
    """Return what a message used, in the form of our `usage`; empty where it does not say."""
    told = message.usage_metadata
    if not told:
        return {}
    read, made = told.get("input_token_details", {}), told.get("output_token_details", {})
    found = {
        "input_tokens": told["input_tokens"],
        "output_tokens": told["output_tokens"],
        "cache_read_tokens": read.get("cache_read", 0),
        "cache_write_tokens": read.get("cache_creation", 0),
        "reasoning_tokens": made.get("reasoning", 0),
    }
    return {name: count for name, count in found.items() if count}
