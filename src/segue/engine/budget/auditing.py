"""What MCP servers cost an agent, how they were used, and what to do about it.

Servers are listed, what the agent would send of them is counted, and both are joined with the calls in the log.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final, NamedTuple

from segue.core.context import advice
from segue.core.context.definitions import (
    Tool,
    called,
    compact,
    folded,
    is_deferred,
    is_upper_bound,
    prefix,
    sent,
    sent_instructions,
    tool_of,
)
from segue.core.context.pack import Counter
from segue.core.context.tokens import FAMILIES, Family, family_of
from segue.core.context.windows import window_of
from segue.core.log.times import seconds
from segue.core.session.catalogue import SessionRow
from segue.engine.loading import load
from segue.ports import Store
from segue.ports.mcp import Lister, Listing, Misread, Named, Server

WARN_ABOVE: Final = 5_000
"""Tokens of all servers of an agent together."""
_USUAL: Final[Mapping[str, Family]] = {"claude-code": "claude-4.8", "codex": "o200k", "gemini-cli": "gemini"}
"""Whose models an agent runs where no session tells."""
_USUAL_WINDOW: Final = 200_000
_OTHERS: Final = "(others)"


class Use(NamedTuple):
    """How often a tool was called, and when last (empty: never)."""

    calls: int = 0
    last: str = ""

    def plus(self, at: str) -> "Use":
        """Return the use with a further call."""
        return Use(self.calls + 1, max(self.last, at))


class ToolCost(NamedTuple):
    """A tool: what it is called by its agent, and what its definition costs."""

    name: str
    called: str
    tokens: int
    """Of the agent's family."""
    families: Mapping[Family, int]
    raw: int
    """Tokens of all that the server says of it."""
    whole: int
    """Tokens of the whole definition; more than `tokens` where the agent sends it only when it is asked for."""
    calls: int
    last: str


class ServerCost(NamedTuple):
    """A server of an agent."""

    server: Server
    listing: Listing | None
    """None: it is off, and was not asked."""
    tokens: int
    families: Mapping[Family, int]
    instructions: int
    raw: int
    whole: int
    tools: tuple[ToolCost, ...]
    left_out: int
    """Tools that the agent's configuration leaves out."""
    calls: int
    last: str
    advice: advice.Advice | None


class AgentCost(NamedTuple):
    """All servers of an agent."""

    agent: str
    model: str
    family: Family
    method: str
    tokens: int
    whole: int
    at_most: bool
    """It sends fewer under some settings, which are not known here."""
    window: int
    """Tokens of the context window of its model."""
    saved: int
    """What the advice would save of `tokens`."""
    sessions: int
    """Sessions of it that were looked at."""
    servers: tuple[ServerCost, ...]

    @property
    def is_much(self) -> bool:
        """Whether it is worth a warning."""
        return self.tokens > WARN_ABOVE


class Audit(NamedTuple):
    """What was found."""

    agents: tuple[AgentCost, ...]
    misread: tuple[Misread, ...]
    task: str
    since: str
    families: Mapping[Family, str]
    """How the tokens of each family were counted."""


class Wish(NamedTuple):
    """What an audit is asked."""

    task: str = ""
    model: str = ""
    since: str = ""
    """Only sessions that were active since then are looked at for calls."""
    windows: Mapping[str, int] = {}
    """Context windows by configuration (`window_of`)."""


def audit(
    named: Named,
    lister: Lister,
    store: Store,
    rows: Sequence[SessionRow],
    counter: Callable[[Family], Counter],
    now: float,
    wish: Wish,
    heard: Callable[[int, int], None] = lambda _done, _of: None,
) -> Audit:
    """Return what the servers that are on cost, and how they were used in the sessions of *rows*.

    A server that several agents name alike is started once. *heard* is told how many of how many were asked.
    """
    listings = _listed(named.servers, lister, heard)
    counters = {family: counter(family) for family in FAMILIES}
    agents = tuple(dict.fromkeys(server.agent for server in named.servers))
    found = []
    for agent in agents:
        own = [(server, listing) for server, listing in zip(named.servers, listings, strict=True) if server.agent == agent]
        mine = [row for row in rows if row.agent == agent]
        uses = used(store, mine, own)
        model = wish.model or next((row.model for row in mine if row.model), "")
        family = family_of(model) if model else _USUAL.get(agent, "unknown")
        costs = [_cost(server, listing, uses, counters, family) for server, listing in own]
        costs = _advised(costs, wish.task, now, len(mine))
        window = window_of(agent, model, _USUAL_WINDOW, wish.windows).tokens
        found.append(_of_agent(agent, model, counters[family], window, costs, len(mine)))
    methods = {family: one.method for family, one in counters.items()}
    return Audit(tuple(found), named.misread, wish.task, wish.since, methods)


def _listed(servers: Sequence[Server], lister: Lister, heard: Callable[[int, int], None]) -> list[Listing | None]:
    alike: dict[Any, list[int]] = {}
    for place, one in enumerate(servers):
        if not one.off:
            alike.setdefault(one.launch, []).append(place)
    asked = lister.list([servers[places[0]] for places in alike.values()], lambda done: heard(done, len(alike)))
    found: list[Listing | None] = [None] * len(servers)
    for places, listing in zip(alike.values(), asked, strict=True):
        for place in places:
            found[place] = listing
    return found


def _cost(
    server: Server,
    listing: Listing | None,
    uses: Mapping[str, Mapping[str, Use]],
    counters: Mapping[Family, Counter],
    family: Family,
) -> ServerCost:
    every = [tool for raw in (listing.tools if listing else ()) if (tool := tool_of(raw))]
    offered = [tool for tool in every if _is_offered(server, tool.name)]
    own = uses.get(server.name, {})
    tools = tuple(_tool_cost(server, tool, own, counters, family) for tool in offered)
    said = sent_instructions(server.agent, server.name, listing.instructions) if listing else ""
    instructions = {name: one.count(said) if said else 0 for name, one in counters.items()}
    total = {name: instructions[name] + sum(tool.families[name] for tool in tools) for name in counters}
    return ServerCost(
        server=server,
        listing=listing,
        tokens=total[family],
        families=total,
        instructions=instructions[family],
        raw=sum(tool.raw for tool in tools),
        whole=instructions[family] + sum(tool.whole for tool in tools),
        tools=tools,
        left_out=len(every) - len(offered),
        calls=sum(use.calls for use in own.values()),
        last=max((use.last for use in own.values()), default=""),
        advice=None,
    )


def _tool_cost(
    server: Server, tool: Tool, uses: Mapping[str, Use], counters: Mapping[Family, Counter], family: Family
) -> ToolCost:
    text = sent(server.agent, server.name, tool)
    families = {name: one.count(text) for name, one in counters.items()}
    name = called(server.agent, server.name, tool.name)
    whole = families[family]
    if is_deferred(server.agent):
        whole += counters[family].count(sent("", server.name, tool))
    use = uses.get(folded(name), Use())
    return ToolCost(
        tool.name, name, families[family], families, counters[family].count(compact(tool.raw)), whole, use.calls, use.last
    )


def _is_offered(server: Server, tool: str) -> bool:
    if server.only is not None and tool not in server.only:
        return False
    name = called(server.agent, server.name, tool)
    return not any(fnmatchcase(one, pattern) for pattern in server.without for one in (tool, name))


def _advised(costs: Sequence[ServerCost], task: str, now: float, sessions: int) -> list[ServerCost]:
    on = [cost for cost in costs if cost.listing is not None]
    said = advice.advise([_candidate(cost, now, sessions) for cost in on], task)
    of = {cost.server.name: one for cost, one in zip(on, said, strict=True)}
    return [cost._replace(advice=of.get(cost.server.name)) for cost in costs]


def _candidate(cost: ServerCost, now: float, sessions: int) -> advice.Candidate:
    assert cost.listing is not None  # noqa: S101 - it was asked
    tools = [tool for raw in cost.listing.tools if (tool := tool_of(raw))]
    ago = max(now - seconds(cost.last), 0.0) if cost.last else None
    remote = not cost.server.is_local and not cost.server.problem
    return advice.Candidate(
        cost.server.name, tools, cost.tokens, cost.calls, ago, sessions, cost.listing.failure, is_remote=remote
    )


def _of_agent(agent: str, model: str, counter: Counter, window: int, costs: Sequence[ServerCost], sessions: int) -> AgentCost:
    return AgentCost(
        agent,
        model,
        counter.family,
        counter.method,
        tokens=sum(cost.tokens for cost in costs),
        whole=sum(cost.whole for cost in costs),
        at_most=is_upper_bound(agent),
        window=window,
        saved=sum(cost.tokens for cost in costs if cost.advice and cost.advice.say == "off"),
        sessions=sessions,
        servers=tuple(costs),
    )


# --- use


def used(store: Store, rows: Iterable[SessionRow], servers: Sequence[tuple[Server, Listing | None]]) -> dict[str, dict[str, Use]]:
    """Return by server, and by tool as its agent calls it (folded), how it was called in sessions of that agent.

    Sessions whose figures say that no such tool was called are not read.
    """
    owners = _Owners(servers)
    found: dict[str, dict[str, Use]] = {}
    seen: set[tuple[str, str]] = set()
    for row in rows if servers else ():
        tools = load(store, row.id, on_damage=lambda _: None).metrics["tools"]
        if not any(name == _OTHERS or owners.of(name) for name in tools):
            continue
        for event in store.read(row.id, blobs=False, on_damage=lambda _: None):
            parts = event.body.get("parts") if event.kind == "message" else None
            for place, part in enumerate(parts if isinstance(parts, list) else ()):
                name = part.get("name") if isinstance(part, dict) and part.get("type") == "tool_call" else None
                owner = owners.of(name) if isinstance(name, str) else ""
                call = (row.id, str(part.get("id") or f"{event.id}/{place}")) if owner else ("", "")
                if owner and isinstance(name, str) and call not in seen:
                    seen.add(call)
                    own = found.setdefault(owner, {})
                    own[folded(name)] = own.get(folded(name), Use()).plus(event.at)
    return found


class _Owners:
    """Tells whose a tool is by its name in a transcript."""

    def __init__(self, servers: Sequence[tuple[Server, Listing | None]]) -> None:
        self._prefixes = sorted(((prefix(s.agent, s.name), s.name) for s, _ in servers), key=lambda p: -len(p[0]))
        self._known: dict[str, str] = {}
        for server, listing in servers:
            for tool in map(tool_of, listing.tools if listing else ()):
                if tool is not None:
                    self._known[folded(called(server.agent, server.name, tool.name))] = server.name

    def of(self, name: str) -> str:
        """Return the server's name, empty where it is no server's tool."""
        one = folded(name)
        known = self._known.get(one)
        return known or next((server for begin, server in self._prefixes if one.startswith(begin)), "")
