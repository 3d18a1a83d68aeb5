"""What agents send of a tool, and what they call it; real agents say the same in tests/agents/test_mcp.py."""

import json

import pytest
from inline_snapshot import snapshot

from segue.core.context.definitions import DefinitionEstimator, Tool, called, folded, prefix, sent, sent_instructions, tool_of
from segue.core.context.tokens import FAMILIES, Estimator

SCHEMA = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "title": "Args",
    "type": "object",
    "properties": {
        "title": {"type": "string", "title": "Title", "description": "its title", "default": "x", "minLength": 1},
        "kind": {"const": 3},
        "tags": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/Tag"}},
        "size": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]},
    },
    "required": ["title"],
    "additionalProperties": False,
    "$defs": {"Tag": {"type": "string", "enum": ["a", "b"], "examples": ["a"]}},
}
TOOL = Tool("get.thing", "Gets.\n\nA thing.", SCHEMA)
LONG = "x" * 3_000


def test_every_agent_has_its_own_names():
    names = {
        agent: [
            called(agent, "my srv.x", "a-b/c"),
            called(agent, "github", "a_name_that_goes_on_until_it_is_beyond_every_limit_of_names"),
        ]
        for agent in ("claude-code", "codex", "gemini-cli", "opencode", "qwen-code", "cursor")
    }
    assert names == snapshot(
        {
            "claude-code": ["mcp__my_srv_x__a-b_c", "mcp__github__a_name_that_goes_on_until_it_is_beyond_every_limit_of_names"],
            "codex": ["mcp__my_srv_x__a_b_c", "mcp__github__a_name_that_goes_on_until_it_is_beyond_every_limit_of_names"],
            "gemini-cli": ["mcp_my_srv.x_a-b_c", "mcp_github_a_name_that_goes_on...is_beyond_every_limit_of_names"],
            "opencode": ["my_srv_x_a-b_c", "github_a_name_that_goes_on_until_it_is_beyond_every_limit_of_names"],
            "qwen-code": ["mcp__my_srv.x__a-b_c", "mcp__github__a_name_that_goe___t_is_beyond_every_limit_of_names"],
            "cursor": ["mcp__my_srv_x__a-b_c", "mcp__github__a_name_that_goes_on_until_it_is_beyond_every_limit_of_names"],
        }
    )


def test_claude_code_sends_the_schema_as_it_is_and_cuts_descriptions():
    assert json.loads(sent("claude-code", "s", TOOL)) == {
        "name": "mcp__s__get_thing",
        "description": "Gets.\n\nA thing.",
        "input_schema": SCHEMA,
    }
    assert json.loads(sent("claude-code", "s", Tool("t", LONG)))["description"] == "x" * 2_048 + "… [truncated]"


def test_codex_leaves_out_most_of_a_schema():
    assert json.loads(sent("codex", "s", TOOL)) == snapshot(
        {
            "type": "function",
            "name": "get_thing",
            "description": """\
Gets.

A thing.\
""",
            "strict": False,
            "parameters": {
                "type": "object",
                "properties": {
                    "title": {"type": "string", "description": "its title"},
                    "kind": {"type": "number", "enum": [3]},
                    "tags": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/Tag"}},
                    "size": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
                },
                "required": ["title"],
                "additionalProperties": False,
                "$defs": {"Tag": {"type": "string", "enum": ["a", "b"]}},
            },
        }
    )


def test_gemini_cli_adds_an_argument_to_every_tool():
    found = json.loads(sent("gemini-cli", "s", TOOL))
    assert list(found["parametersJsonSchema"]["properties"]) == ["title", "kind", "tags", "size", "wait_for_previous"]


def test_qwen_code_sends_a_line_until_the_tool_is_asked_for():
    assert sent("qwen-code", "s", TOOL) == '- "mcp__s__get.thing": "Gets."\n'
    assert sent("qwen-code", "s", Tool("t", LONG)) == f'- "mcp__s__t": "{"x" * 159}…"\n'


@pytest.mark.parametrize("agent", ["claude-code", "codex", "gemini-cli", "opencode", "qwen-code", "vscode"])
@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"properties": None},
        {"properties": [1], "$defs": "x"},
        {"type": ["object"], "items": [True, {"not": 1}], "enum": [[]]},
    ],
)
def test_schemas_of_odd_shapes_are_sent_by_every_agent(agent, schema):
    assert sent(agent, "s", Tool("t", "", schema))


def test_instructions_are_sent_by_those_that_send_them():
    found = {
        agent: len(sent_instructions(agent, "s", LONG))
        for agent in ("claude-code", "codex", "gemini-cli", "opencode", "qwen-code")
    }
    assert found == snapshot({"claude-code": 2068, "codex": 3053, "gemini-cli": 3137, "opencode": 3037, "qwen-code": 0})
    assert sent_instructions("claude-code", "s", " \n") == ""


def test_names_are_compared_whatever_versions_of_agents_made_of_them():
    assert folded("mcp__my-Srv.x__a-b_c") == folded("mcp_my_srv_x_a_b_c") == "mcp_my_srv_x_a_b_c"
    assert prefix("opencode", "my-srv") == "my_srv_"
    assert prefix("gemini-cli", "my-srv") == "mcp_my_srv_"


def test_definitions_are_estimated_below_other_text_and_say_that_it_is_an_estimate():
    counts = {family: (DefinitionEstimator(family).count(LONG), Estimator(family).count(LONG)) for family in FAMILIES}
    assert all(0 < ours < others for ours, others in counts.values())
    assert {DefinitionEstimator(family).method for family in FAMILIES} == {"estimate"}


def test_what_is_no_tool_is_none():
    assert [tool_of(raw) for raw in (None, "t", {}, {"name": ""}, {"name": 7}, {"name": "t", "inputSchema": []})] == [None] * 6
    assert tool_of({"name": "t", "description": 7}) == Tool("t", "", {}, {"name": "t", "description": 7})
