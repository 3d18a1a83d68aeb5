"""What servers cost and how they were used: counted per agent, asked once, joined with the calls in the log."""

from segue.core.context.definitions import Tool, compact, sent, sent_instructions
from segue.core.log.events import MAIN
from segue.core.session.catalogue import SessionRow
from segue.engine.budget.auditing import Use, Wish, audit, used
from segue.ports.mcp import Listing, Misread, Named, Server
from segue.stores.memory import MemoryStore
from segue.testing.builders import assistant, created, tool_call
from segue.testing.fakes import START, FakeClock, FakeIds, session_id

WEIGH = {"name": "weigh", "description": "Weighs pears.", "inputSchema": {"type": "object"}, "annotations": {"title": "W"}}
PRICE = {"name": "price", "inputSchema": {}}


class Characters:
    """Counts characters: figures can be told by hand."""

    margin = 0.0
    method = "exact"

    def __init__(self, family):
        self.family = family

    def count(self, text):
        return len(text)


class Said:
    """Answers for each server by its name, and keeps who was asked."""

    def __init__(self, **listings):
        self.listings, self.asked = listings, []

    def list(self, servers, heard=lambda _: None):
        self.asked += [(server.agent, server.name) for server in servers]
        return [self.listings[server.name] for server in servers]


def server(agent, name, command="fruit", **more):
    return Server(agent, name, "user", "/x", "stdio", (command,), **more)


def audited(servers, lister, rows=(), store=None, **wish):
    return audit(Named(tuple(servers), ()), lister, store, rows, Characters, START, Wish(**wish))


def test_what_the_agent_sends_is_counted_with_the_raw_listing_beside_it():
    listing = Listing((WEIGH, PRICE), "Weigh first.")
    (agent,) = audited([server("claude-code", "fruit")], Said(fruit=listing)).agents
    weigh = len(sent("claude-code", "fruit", Tool("weigh", "Weighs pears.", {"type": "object"})))
    price = len(sent("claude-code", "fruit", Tool("price")))
    said = len(sent_instructions("claude-code", "fruit", "Weigh first."))
    (cost,) = agent.servers
    assert [tool.tokens for tool in cost.tools] == [weigh, price]
    assert (cost.tokens, agent.tokens, cost.instructions) == (weigh + price + said, weigh + price + said, said)
    assert cost.raw == len(compact(WEIGH)) + len(compact(PRICE))
    assert (agent.family, agent.method, cost.families["gemini"]) == ("claude-4.8", "exact", cost.tokens)


def test_a_server_that_two_agents_name_alike_is_asked_once_and_one_that_is_off_never():
    lister = Said(fruit=Listing((WEIGH,)), veg=Listing())
    named = [
        server("codex", "fruit"),
        server("gemini-cli", "fruit"),
        server("codex", "veg", "veg"),
        server("codex", "nuts", off="by hand"),
    ]
    found = audited(named, lister)
    assert lister.asked == [("codex", "fruit"), ("codex", "veg")]
    assert [(a.agent, [(s.server.name, len(s.tools), s.advice is None) for s in a.servers]) for a in found.agents] == [
        ("codex", [("fruit", 1, False), ("veg", 0, False), ("nuts", 0, True)]),
        ("gemini-cli", [("fruit", 1, False)]),
    ]


def test_tools_that_the_configuration_leaves_out_cost_nothing():
    listing = Listing((WEIGH, PRICE, {"bent": True}))
    lister = Said(only=listing, without=listing, glob=listing)
    named = [
        server("gemini-cli", "only", only=("weigh",)),
        server("codex", "without", "b", without=("weigh",)),
        server("opencode", "glob", "c", without=("glob_p*",)),
    ]
    costs = [cost for agent in audited(named, lister).agents for cost in agent.servers]
    assert [([tool.name for tool in cost.tools], cost.left_out) for cost in costs] == [
        (["weigh"], 1),
        (["price"], 1),
        (["weigh"], 1),
    ]


def test_what_is_sent_on_demand_is_told_apart():
    (agent,) = audited([server("qwen-code", "fruit")], Said(fruit=Listing((WEIGH,)))).agents
    (tool,) = agent.servers[0].tools
    assert tool.tokens == len('- "mcp__fruit__weigh": "Weighs pears."\n')
    assert agent.whole == tool.whole > agent.tokens


def test_files_that_were_not_understood_are_in_the_audit():
    misread = (Misread("codex", "/c", "torn"),)
    assert audit(Named((), misread), Said(), None, (), Characters, START, Wish()) == (
        (),
        misread,
        "",
        "",
        dict.fromkeys(("o200k", "claude-3", "claude-4.8", "gemini", "unknown"), "exact"),
    )


class Log:
    """A store, and the rows of the sessions in it."""

    def __init__(self):
        self.store, self.rows = MemoryStore(clock=FakeClock(), ids=FakeIds()), []

    def session(self, agent, *calls, model=""):
        """Add a session with calls: (tool, time), or (tool, time, id of the call)."""
        one = session_id(len(self.rows) + 1)
        drafts = [
            assistant(tool_call(name, more[0] if more else f"c{n}"), at=at, node=f"n{n}", stream="side" if n % 2 else MAIN)
            for n, (name, at, *more) in enumerate(calls)
        ]
        self.store.create(one, [created(), *drafts])
        self.rows.append(SessionRow(one, agent=agent, model=model))


def test_calls_are_counted_under_each_agents_own_names():
    log = Log()
    log.session("claude-code", ("mcp__my_fruit__weigh", "2026-01-10T09:00:00Z"), ("Read", "2026-01-11T09:00:00Z"))
    log.session("claude-code", ("mcp__my_fruit__weigh", "2026-01-12T09:00:00Z"), ("mcp__my_fruit__gone", "2026-01-13T09:00:00Z"))
    log.session("gemini-cli", ("mcp_my.fruit_weigh", "2026-01-14T09:00:00Z"))
    log.session("opencode", ("my_fruit_weigh", "2026-01-09T09:00:00Z"), ("my_other", "2026-01-09T10:00:00Z"))
    log.session("codex", ("mcp__my_fruit__weigh", "2026-01-08T09:00:00Z"))
    listing = Listing((WEIGH,))
    agents = ("claude-code", "gemini-cli", "opencode", "codex", "qwen-code")
    found = audited([server(agent, "my.fruit") for agent in agents], Said(**{"my.fruit": listing}), log.rows, log.store)
    assert {a.agent: (a.sessions, a.servers[0].calls, a.servers[0].last, a.servers[0].tools[0].calls) for a in found.agents} == {
        "claude-code": (2, 3, "2026-01-13T09:00:00Z", 2),
        "gemini-cli": (1, 1, "2026-01-14T09:00:00Z", 1),
        "opencode": (1, 1, "2026-01-09T09:00:00Z", 1),
        "codex": (1, 1, "2026-01-08T09:00:00Z", 1),
        "qwen-code": (0, 0, "", 0),
    }


def test_the_server_with_the_longest_name_that_fits_owns_a_tool():
    log = Log()
    log.session("opencode", ("my_fruit_weigh", "2026-01-10T09:00:00Z"), ("my_weigh", "2026-01-10T09:00:00Z"))
    servers = [(server("opencode", "my"), None), (server("opencode", "my_fruit"), None)]
    one = Use(1, "2026-01-10T09:00:00Z")
    assert used(log.store, log.rows, servers) == {"my_fruit": {"my_fruit_weigh": one}, "my": {"my_weigh": one}}


def test_a_call_that_several_records_tell_counts_once():
    log = Log()
    log.session("claude-code", *[("mcp__fruit__weigh", "2026-01-10T09:00:00Z", "same")] * 3)
    assert used(log.store, log.rows, [(server("claude-code", "fruit"), None)])["fruit"]["mcp_fruit_weigh"].calls == 1


def test_the_model_that_ran_last_says_whose_tokens_count():
    log = Log()
    log.session("claude-code", model="claude-sonnet-4-5")
    log.session("opencode", model="gpt-5")
    named = [server("claude-code", "fruit"), server("opencode", "fruit"), server("cursor", "fruit")]
    lister = Said(fruit=Listing((WEIGH,)))
    assert [a.family for a in audited(named, lister, log.rows, log.store).agents] == ["claude-3", "o200k", "unknown"]
    assert [a.family for a in audited(named, lister, log.rows, log.store, model="gemini-3-pro").agents] == ["gemini"] * 3


def test_what_the_advice_saves_is_told():
    log = Log()
    log.session("claude-code", ("mcp__fruit__weigh", "2026-01-14T09:00:00Z"))
    much = tuple({"name": f"tool_{n}", "description": "x" * 300} for n in range(10))
    lister = Said(fruit=Listing(much), veg=Listing(much))
    (agent,) = audited([server("claude-code", "fruit"), server("claude-code", "veg", "v")], lister, log.rows, log.store).agents
    assert [cost.advice.say for cost in agent.servers] == ["keep", "off"]
    assert agent.saved == agent.servers[1].tokens == agent.tokens - agent.servers[0].tokens
    assert agent.is_much  # 7,260 of a family that counts characters
