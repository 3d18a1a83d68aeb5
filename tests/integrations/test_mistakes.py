"""What is easily done wrong with an adapter is said at once, in our words, with what to do."""

import subprocess
import sys
from uuid import UUID

import pytest

import segue
from segue import aio
from segue.core.errors import UsageError
from segue.integrations import claude_agent_sdk, google_adk, langgraph, openai_agents, pydantic_ai

ADAPTERS = {
    "LangGraph's saver": langgraph.SegueSaver,
    "LangGraph's memory": langgraph.SegueStore,
    "OpenAI": lambda store: openai_agents.SegueSession("trip", store),
    "ADK": google_adk.SegueSessionService,
    "Claude": claude_agent_sdk.SegueSessionStore,
    "Pydantic AI": pydantic_ai.SegueConversationStore,
}
BUDGETS = [
    langgraph.BudgetHandler,
    openai_agents.BudgetHooks,
    google_adk.BudgetPlugin,
    claude_agent_sdk.budget_hooks,
    pydantic_ai.BudgetCapability,
]
MODULES = [claude_agent_sdk, google_adk, langgraph, openai_agents, pydantic_ai]


@pytest.fixture
def store():
    with segue.open("memory://") as found:
        yield found


@pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=ADAPTERS)
@pytest.mark.parametrize(("wrong", "kind"), [("/tmp/store", "str"), (None, "NoneType"), (aio.open("memory://"), "Opening")])
def test_what_is_no_open_store_is_refused(adapter, wrong, kind):
    with pytest.raises(UsageError, match=f"an open store is needed here, and this is '{kind}'") as told:
        adapter(wrong)
    assert "segue.open()" in told.value.hint


@pytest.mark.parametrize("budget", BUDGETS, ids=lambda found: found.__name__)
def test_what_is_no_run_is_refused(store, budget):
    with pytest.raises(UsageError, match="a run is needed here, and this is 'Session'") as told:
        budget(store.create(task="trip"))
    assert "session.running" in told.value.hint


@pytest.mark.parametrize("module", MODULES, ids=lambda found: found.__name__.rpartition(".")[2])
def test_what_is_no_session_has_no_messages(module):
    with pytest.raises(UsageError, match="an open session is needed here, and this is 'str'"):
        module.messages("last")


@pytest.mark.parametrize("wrong", [{"budget": "200k"}, {"budget": -1}, {"cost": float("nan")}, {"timeout": "1h"}], ids=repr)
def test_a_limit_that_is_none_is_refused_before_the_run_begins(store, wrong):
    (name,) = wrong
    with pytest.raises(UsageError, match=f"the {name} of a run is a number from 0 on"):
        store.create(task="trip").running(**wrong)


@pytest.mark.parametrize("ids", [("google_adk", "trip"), ("langgraph", "trip", "main"), ("langgraph",), ("mine",)], ids=str)
def test_a_session_of_another_number_of_ids_is_refused(store, ids):
    with pytest.raises(UsageError, match=r"has .* ids?, not") as told:
        store.ensure(*ids)
    assert told.value.hint.startswith(f"store.ensure('{ids[0]}', ")


@pytest.mark.parametrize("thread", [42, UUID(int=7)], ids=str)
def test_a_thread_is_found_by_its_id_of_whatever_type_it_is(store, thread):
    checkpoint = {"v": 4, "id": "1", "ts": "", "channel_values": {}, "channel_versions": {}, "versions_seen": {}}
    langgraph.SegueSaver(store).put({"configurable": {"thread_id": thread, "checkpoint_ns": ""}}, checkpoint, {}, {})
    assert [row.id for row in store.sessions()] == [store.ensure("langgraph", thread).id]


ABSENT = """
import sys
for name in ("langgraph", "google.adk", "agents", "pydantic_ai", "claude_agent_sdk"):
    sys.modules[name] = None
for name in ("langgraph", "google_adk", "openai_agents", "pydantic_ai", "claude_agent_sdk"):
    try:
        __import__(f"segue.integrations.{name}")
    except ModuleNotFoundError as e:
        print(e)
"""


def test_who_lacks_a_framework_is_told_what_to_install():
    done = subprocess.run([sys.executable, "-c", ABSENT], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.splitlines() == [
        "langgraph.checkpoint.base is not installed, or is too old: pip install 'segue[langgraph]'",
        "google.adk.sessions is not installed, or is too old: pip install 'segue[google-adk]'",
        "agents.memory.session_settings is not installed, or is too old: pip install 'segue[openai-agents]'",
        "pydantic_ai.conversation_store is not installed, or is too old: pip install 'segue[pydantic-ai]'",
        "claude_agent_sdk.types is not installed, or is too old: pip install 'segue[claude-agent-sdk]'",
    ]
