"""What the tools cost every request of every agent, and what their definitions say."""

import pytest
from inline_snapshot import snapshot

from segue.core.context.definitions import DefinitionEstimator, compact, sent, sent_instructions, tool_of
from segue.host.tokenizers import exact
from segue.mcp.definitions import TOOLS
from segue.mcp.revisions import INSTRUCTIONS

MOST = 1_500
LISTED = [tool.listed() for tool in TOOLS]


@pytest.mark.parametrize("agent", ["claude-code", "codex", "gemini-cli", "qwen-code", "opencode", "raw"])
@pytest.mark.parametrize("count", [exact("o200k"), DefinitionEstimator("o200k")], ids=["exact", "estimate"])
def test_the_definitions_cost_at_most_1500_tokens_in_each_agent(agent, count):
    told = [compact(one) if agent == "raw" else sent(agent, "segue", tool_of(one)) for one in LISTED]
    assert 0 < sum(count.count(text) for text in told) <= MOST


def test_what_is_said_of_the_server_as_a_whole_is_short():
    assert exact("o200k").count(sent_instructions("claude-code", "segue", INSTRUCTIONS)) < 100


def test_each_tool_says_whether_it_writes():
    hints = {one["name"]: one["annotations"] for one in LISTED}
    shown = {
        name: (found["readOnlyHint"], found.get("destructiveHint"), found.get("idempotentHint")) for name, found in hints.items()
    }
    assert shown == snapshot(
        {
            "where_was_i": (True, None, None),
            "restore": (True, None, None),
            "search": (True, None, None),
            "checkpoint": (False, False, False),
            "decision": (False, False, True),
            "thread": (False, False, True),
            "question": (False, False, False),
            "task": (False, False, False),
            "memory": (False, False, False),
            "budget": (True, None, None),
        }
    )


def test_a_schema_is_one_of_json_schema():
    from jsonschema import Draft202012Validator

    for one in LISTED:
        Draft202012Validator.check_schema(one["inputSchema"])
    for tool in TOOLS:
        Draft202012Validator.check_schema(tool.schema)
