"""MCP servers: which ones the coding agents of this machine name, what they list, and how they are switched off and on."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, Protocol

_HOST: Final = re.compile(r"https?://(?:[^/?#@]*@)?(\[[^]/]*\]|[^:/?#@]*)", re.IGNORECASE)
Transport = Literal["stdio", "http", "sse", ""]


class Server(NamedTuple):
    """A server as one agent's configuration names it. What is secret in it (`env`, `headers`, `url`) is never shown."""

    agent: str
    name: str
    scope: str
    """`user`, `project`, `local` (the user's, for this project alone), `managed` or `plugin`."""
    path: str
    """The file that names it, absolute."""
    transport: Transport = ""
    """How it is reached; empty: `problem` says why that is not known."""
    command: tuple[str, ...] = ()
    """The program and its arguments (stdio)."""
    env: Mapping[str, str] = {}
    """Variables that it gets besides the user's own."""
    cwd: str = ""
    """Where it is started; empty: in the workspace."""
    url: str = ""
    headers: Mapping[str, str] = {}
    off: str = ""
    """Where it was switched off; empty: it is on."""
    problem: str = ""
    """Why it can be neither started nor asked."""
    only: tuple[str, ...] | None = None
    """The tools that the agent offers of it, where it names them; None: all."""
    without: tuple[str, ...] = ()
    """Tools that the agent leaves out, patterns with `*` allowed."""

    @property
    def host(self) -> str:
        """Return the host of a server that is reached by a network, without what may be secret in the address."""
        found = _HOST.match(self.url)
        return found[1].strip("[]").lower() if found else ""

    @property
    def launch(self) -> tuple[Any, ...]:
        """Return what it is started or reached by: equal for servers of which one need be asked."""
        variables = tuple(sorted(self.env.items())), tuple(sorted(self.headers.items()))
        return self.transport, self.command, variables, self.cwd, self.url, self.problem

    @property
    def is_local(self) -> bool:
        """Return whether asking it leaves this machine alone: a program, or an address of loopback."""
        return self.transport == "stdio" or self.host in {"localhost", "127.0.0.1", "::1"}


class Listing(NamedTuple):
    """What a server said when it was asked, or why it said nothing."""

    tools: tuple[Mapping[str, Any], ...] = ()
    """Its tools, as it lists them."""
    instructions: str = ""
    version: str = ""
    """Its own name and version."""
    seconds: float = 0.0
    """Until it had listed all."""
    failure: str = ""
    """Why there is no listing, in a sentence; empty: there is one."""
    notes: tuple[str, ...] = ()
    """What was odd about it."""


class Misread(NamedTuple):
    """A file of an agent's configuration that cannot be understood."""

    agent: str
    path: str
    reason: str


class Named(NamedTuple):
    """The servers that the agents' configurations name, and what of them could not be read."""

    servers: tuple[Server, ...]
    misread: tuple[Misread, ...]


class ServerLists(Protocol):
    """The agents' configurations, as far as MCP servers go."""

    def read(self) -> Named:
        """Return the servers that agents start in this workspace. Nothing is started, and nothing is changed."""
        ...


class Lister(Protocol):
    """Starts servers and asks them what they have."""

    def list(self, servers: Sequence[Server], heard: Callable[[int], None] = ...) -> list[Listing]:
        """Return what each of *servers* lists, in their order; several are asked at a time, and none is left running.

        Whatever a server does, there is a listing or a failure for it within the time limit, and no others are disturbed.
        *heard* is told how many are done.
        """
        ...
