"""Wiring of audits of MCP servers: configurations, servers, counters, and who may start what."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from segue.app.wiring import App
    from segue.core.context.pack import Counter
    from segue.core.context.tokens import Family
    from segue.host.install import Receipt
    from segue.host.mcp.agreed import Agreed
    from segue.host.mcp.ground import Ground
    from segue.ports.mcp import Lister, Server, ServerLists


class Auditing:
    """What an audit of the MCP servers of this user, in this workspace, works with."""

    def __init__(self, app: "App") -> None:
        """Work for *app*."""
        self._app = app

    @cached_property
    def ground(self) -> "Ground":
        """Where agents look for their configuration."""
        from segue.host.mcp.ground import Ground

        app = self._app
        configs = {place.agent: place.config for place in app.places.all()}
        return Ground(Path(app.env.get("HOME") or Path.home()), Path(app.workspace), app.env, configs)

    @property
    def lists(self) -> "ServerLists":
        """The agents' lists of servers."""
        from segue.host.mcp.lists import ConfiguredServers

        return ConfiguredServers(self.ground)

    def lister(self, limit: float, *, remote: bool) -> "Lister":
        """Return what starts servers: *limit* seconds for each, those on other machines only where *remote* says so."""
        from segue.host.mcp.listing import Servers

        return Servers(self._app.env, self._app.workspace, limit=limit, remote=remote)

    @property
    def agreed(self) -> "Agreed":
        """Which servers a person agreed to have started here."""
        from segue.host.mcp.agreed import Agreed

        return Agreed(self._app.config.home, self._app.workspace)

    @property
    def receipt(self) -> "Receipt":
        """What was switched off, and copies of the files as they were before."""
        from segue.host.install import Receipt
        from segue.host.mcp.switching import FOLDER

        return Receipt(self._app.config.home, FOLDER)

    def shown(self, server: "Server") -> str:
        """Return how a server is started or reached, without what it was configured with in secret."""
        import shlex

        return self.hidden(shlex.join(server.command), [server]) if server.command else server.host

    def hidden(self, text: str, servers: "Iterable[Server]") -> str:
        """Return *text* without what *servers* were configured with, and whatever else looks like a secret."""
        from segue.host.mcp.listing import hiding

        return hiding(list(servers), self._app.env)(text)

    @staticmethod
    def counter(family: "Family") -> "Counter":
        """Return what counts the tokens of definitions best here for a family."""
        from segue.core.context.definitions import DefinitionEstimator
        from segue.host.tokenizers import exact

        return exact(family) or DefinitionEstimator(family)
