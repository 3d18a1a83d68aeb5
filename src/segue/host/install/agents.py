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

CODEX: Final = Agent(
    "codex",
    ".codex",
    "hooks.json",
    "hooks.json",
    tools=("PreToolUse", "PostToolUse"),
    events=("SessionStart", "SessionEnd", "UserPromptSubmit", "Stop", "SubagentStop", "PreCompact"),
    timeout=3,  # the most that it grants at the end of a session
)

GEMINI_CLI: Final = Agent(
    "gemini-cli",
    ".gemini",
    "settings.json",
    "settings.json",
    # not BeforeModel, AfterModel, BeforeToolSelection and PreCompress: they come with every request or every chunk of an
    # answer, and the first ones hold the whole conversation each time
    tools=("BeforeTool", "AfterTool"),
    events=("SessionStart", "SessionEnd", "BeforeAgent", "AfterAgent", "Notification"),
    timeout=10_000,
)

QWEN_CODE: Final = Agent(
    "qwen-code",
    ".qwen",
    "settings.json",
    "settings.json",
    tools=("PreToolUse", "PostToolUse"),
    events=("SessionStart", "SessionEnd", "UserPromptSubmit", "Stop", "SubagentStop", "PreCompact", "Notification"),
    timeout=10_000,
)

OPENCODE: Final = Agent("opencode", ".opencode", "", "")

AGENTS: Final = (CLAUDE_CODE, CODEX, GEMINI_CLI, QWEN_CODE, OPENCODE)
