"""One call of a client: what it works with, who calls, and what it may say while it works."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from segue.core.context.quoting import fence, line, quoted
from segue.mcp.scope import Meant, Scope

if TYPE_CHECKING:
    from segue.app import App

_LEVELS: Final = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
Notify = Callable[[str, Mapping[str, Any]], None]


class Call:
    """What a tool, a resource or a prompt is given."""

    def __init__(
        self,
        app: "App",
        scope: Scope,
        key: str,
        notify: Notify,
        *,
        token: str | int | None = None,
        level: str | None = None,
    ) -> None:
        """Take what the request brings: *key* names it among all, *token* asks for progress, *level* says what is logged."""
        self.app, self.scope, self.key = app, scope, key
        self._notify, self._token, self._level = notify, token, level
        self._steps = 0.0

    def source(self, tool: str) -> dict[str, str]:
        """Return what an event says of how it came about."""
        caller = self.scope.caller
        found = {"protocol": "mcp", "client": line(caller.client, 100), "version": line(caller.version, 50), "tool": tool}
        return {name: value for name, value in found.items() if value}

    @property
    def actor(self) -> str:
        """Who did it."""
        return line(self.scope.caller.agent, 100) or "mcp"

    def progress(self, done: float, of: float, what: str) -> None:
        """Tell a client that asked for it how far a call is; never back."""
        if self._token is not None and done > self._steps:
            self._steps = done
            self._notify("notifications/progress", {"progressToken": self._token, "progress": done, "total": of, "message": what})

    def warn(self, text: str) -> None:
        """Tell a client that listens to warnings."""
        if self._level is not None and _LEVELS.index(self._level) <= _LEVELS.index("warning"):
            self._notify("notifications/message", {"level": "warning", "logger": "segue", "data": text})


def is_level(level: str) -> bool:
    """Return whether there is such a level of logging."""
    return level in _LEVELS


def head(meant: Meant) -> str:
    """Return the line that says which session an answer is about."""
    return f"session {meant.name or meant.session} ({meant.why})"


def framed(lines: Iterable[str]) -> str:
    """Return what was said or written by others between marks that it cannot contain: data to whoever reads it."""
    content = quoted("\n".join(lines))
    before, after = fence(content)
    return f"{before}\n{content}\n{after}"
