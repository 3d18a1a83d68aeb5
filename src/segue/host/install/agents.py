"""Where each coding agent looks for hooks and commands, and what it must be told.

Formats as found in the programs themselves: Claude Code 2.1, Codex 0.169, Gemini CLI 0.61, Qwen Code 0.15, opencode 1.18.
"""

from typing import Final, NamedTuple


class Agent(NamedTuple):
    """A coding agent, as far as its hooks go."""

    name: str
    folder: str
    """Its directory in a project."""
    hooks: str
    """The file of its hooks in its configuration; empty: it has a plugin instead."""
    local_hooks: str
    """The same in a project's folder: the one that is not shared, where there are two."""
    tools: tuple[str, ...] = ()
    """Events that are asked for by tool: their groups want a matcher."""
    events: tuple[str, ...] = ()
    """The other ones."""
    timeout: int = 0
    """Ten seconds, in the agent's own unit."""


CLAUDE_CODE: Final = Agent(
    "claude-code",
    ".claude",
    "settings.json",
    "settings.local.json",
    # those that every version since hooks have ended sessions knows: an older one refuses a file with a name that is new to it
    tools=("PreToolUse", "PostToolUse"),
    events=("SessionStart", "SessionEnd", "UserPromptSubmit", "Stop", "SubagentStop", "PreCompact", "Notification"),
    timeout=10,
)

AGENTS: Final = (CLAUDE_CODE,)
