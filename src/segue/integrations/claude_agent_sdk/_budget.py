"""The limits of a run, watched by the Claude Agent SDK's hooks."""

from typing import Any

from claude_agent_sdk import HookMatcher
from claude_agent_sdk.types import HookEvent

from segue.core.errors import InterruptionError
from segue.engine.runs.metering import Meter, Twin
from segue.engine.runs.running import Run
from segue.host.threads import in_thread


def budget_hooks(run: Run | Twin) -> dict[HookEvent, list[HookMatcher]]:
    """Return hooks that keep an agent within the limits of a run: `ClaudeAgentOptions(..., hooks=budget_hooks(run))`.

    Before each prompt and each tool the limits are looked at: where one is reached, the session is paused as `budget`, with a
    checkpoint, and the agent stops, saying how to go on. `on_crossing` of the run is called once for each threshold that the
    context crosses. What answers used is known when they are in the session store: choose `session_store_flush="eager"`.

    Example:
        >>> import segue
        >>> store = segue.open("memory://")
        >>> with store.create(task="plan a trip").running(budget=200_000) as run:
        ...     sorted(budget_hooks(run))
        ['PreToolUse', 'Stop', 'UserPromptSubmit']
    """
    meter = Meter(run)

    async def asks(_input: Any, _tool: str | None, _context: Any) -> Any:
        try:
            await in_thread(meter.asks)
        except InterruptionError as e:
            return {"continue_": False, "stopReason": f"{e.message}; {e.hint}" if e.hint else e.message}
        return {}

    async def answered(_input: Any, _tool: str | None, _context: Any) -> Any:
        await in_thread(meter.answered)
        return {}

    before, behind = [HookMatcher(hooks=[asks])], [HookMatcher(hooks=[answered])]
    return {"UserPromptSubmit": before, "PreToolUse": before, "Stop": behind}
