"""The agents that name MCP servers: those that segue captures, and two editors."""

from typing import Any, Final

import click

from segue.core.errors import UsageError


class _Serving(click.ParamType[Any]):
    """The name of an agent that names MCP servers, or the beginning of just one."""

    name = "agent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the whole name. Raises UsageError."""
        fits = self._names(value)
        if len(fits) != 1:
            raise UsageError(f"there is no agent {value!r} with MCP servers", hint="one of: " + ", ".join(self._names("")))
        return fits[0]

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        """Return the names that begin so."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(name) for name in self._names(incomplete)]

    @staticmethod
    def _names(begin: str) -> list[str]:
        from segue.host.mcp.lists import READERS

        return [name for name in READERS if name.startswith(begin.lower())]


SERVING: Final = _Serving()
"""An agent that names MCP servers, by its name or the beginning of it."""
