"""The limits of a run, watched by LangChain's callbacks."""

from collections.abc import Mapping
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage
from langchain_core.outputs import LLMResult

from segue.core.log.events import MAIN
from segue.engine.runs.metering import Meter, Twin
from segue.engine.runs.running import Run
from segue.integrations.langgraph._streams import stream


class BudgetHandler(BaseCallbackHandler):
    """A callback handler that keeps a graph within the limits of a run: give it to the graph as `config["callbacks"]`.

    Before each model is asked the limits are looked at: where one is reached, the session is paused as `budget`, with a
    checkpoint, and the graph ends with an InterruptionError that says how to go on. `on_crossing` of the run is called once for
    each threshold that the context crosses. What each answer used is in the log at once. The context is that of the models that
    the graph itself asks, or of those of its subgraphs where it asks none: what is asked further within has another one.

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
        self._asked: dict[Any, str] = {}
        self._outermost = 1 << 30

    def on_chat_model_start(self, *_: Any, run_id: Any = None, metadata: Mapping[str, Any] | None = None, **__: Any) -> None:
        """Look at the limits. Raises InterruptionError."""
        self._asks(run_id, metadata or {})

    def on_llm_start(self, *_: Any, run_id: Any = None, metadata: Mapping[str, Any] | None = None, **__: Any) -> None:
        """Look at the limits. Raises InterruptionError."""
        self._asks(run_id, metadata or {})

    def on_llm_error(self, *_: Any, run_id: Any = None, **__: Any) -> None:
        """Await no answer any more."""
        self._asked.pop(run_id, None)

    def on_llm_end(self, response: LLMResult, *, run_id: Any = None, **_: Any) -> None:
        """Note what the answer used."""
        place = self._asked.pop(run_id, MAIN)
        for generations in response.generations:
            for generation in generations[:1]:
                message = getattr(generation, "message", None)
                if isinstance(message, AIMessage):
                    self._meter.answered(usage_of(message), model=model_of(message), message_id=message.id or "", stream=place)

    def _asks(self, run: Any, metadata: Mapping[str, Any]) -> None:
        self._meter.asks()
        task = metadata.get("langgraph_checkpoint_ns")
        graph = task.rpartition("|")[0] if isinstance(task, str) else ""
        depth = len(graph.split("|")) if graph else 0
        self._outermost = min(self._outermost, depth)
        self._asked[run] = MAIN if depth <= self._outermost else stream(graph)


def model_of(message: AIMessage) -> str:
    """Return the model that made a message; empty where it does not say."""
    told = message.response_metadata
    return next((told[name] for name in ("model_name", "model") if isinstance(told.get(name), str)), "")


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
