"""How many tokens models read: what an agent allows its models, and what models read where the agent runs any.

Figures of agents are those of their own programs: Claude Code 2.1.197 (200,000 unless the model's name asks for more; some it
runs at a million for some of its users, which a transcript does not tell), Codex 0.169.0 (its list of models, of which it uses
95 %), Gemini CLI 0.61.0 and Qwen Code 0.15.10 (`tokenLimits`). Figures of models are those of `models`. Where neither knows a
model, the agent's usual window holds (`Accepts.window`), or it is unknown. Checked in November 2026.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from segue.core.context.models import model_of

By = Literal["wish", "configuration", "told", "model", "agent", "unknown"]
"""Who says so: the caller, the configuration, the agent, the table by the model's name, the agent's usual one, or nobody."""

_QWEN_CODE: Final = (
    (r"gemini-|qwen3-coder-(plus|flash)|qwen3\.\d|qwen-(plus|flash)-latest$|coder-model$|deepseek-v4", 1_000_000),
    (r"gpt-5", 272_000),
    (r"o\d|claude-|minimax-(?!m2\.5)", 200_000),
    (r"qwen|kimi-", 262_144),
    (r"glm-", 202_752),
    (r"minimax-m2\.5", 196_608),
    (r"gpt-|deepseek", 131_072),
)
AGENTS: Final[Mapping[str, Sequence[tuple[str, int]]]] = {
    "claude-code": ((r".*\[1m\]$", 1_000_000), (r"", 200_000)),
    "codex": (
        (r"gpt-6\.1-terra", 475_000),
        (r"gpt-daybreak-red", 353_400),
        (r"gpt-(5\.[5-9]|6|daybreak)|codex-auto-review", 258_400),
    ),
    "gemini-cli": ((r"gemma-4", 256_000), (r"", 1_048_576)),
    "qwen-code": _QWEN_CODE,
}
"""Agent -> what its models' names begin with, as a regular expression, and the window: the first that fits holds."""
_BEFORE: Final = r"(?:^|[/.:])"
"""A provider's name may stand before a model's: `openrouter/anthropic/claude-...`, `us.anthropic.claude-...`."""


class Window(NamedTuple):
    """A window in tokens, who says so, and of which model (empty: whichever the agent runs)."""

    tokens: int
    by: By
    model: str = ""


UNKNOWN: Final = Window(0, "unknown")
"""Nobody knows the model: the configuration can say (`windows`)."""


def room(window: int, most: int, reserve: int) -> int:
    """Return how many tokens of a window a session may begin with: *most*, as far as *reserve* is left, a quarter at least."""
    return min(most, max(window - reserve, window // 4))


def window_of(agent: str, model: str, usual: int, own: Mapping[str, int]) -> Window:
    """Return the window of *model* in *agent*, whose usual one is *usual* (0: it has none).

    *own* is the configuration's: by a model's name or what it begins with, or by an agent's; the longest name that fits holds.
    """
    name = model.lower()
    mine = [key for key in own if key == agent or (name and name.startswith(key.lower()))]
    if mine:
        key = max(mine, key=lambda k: (k != agent, len(k)))
        return Window(own[key], "configuration", "" if key == agent else model)
    if name:
        for pattern, tokens in AGENTS.get(agent, ()):
            if re.search(f"{_BEFORE}(?:{pattern})", name):
                return Window(tokens, "model", model)
        known = model_of(name) if agent not in AGENTS else None
        if known and known.window:
            return Window(known.window, "model", model)
    return Window(usual, "agent") if usual else UNKNOWN
