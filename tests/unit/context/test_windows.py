"""Windows of models: as agents allow, as models read, as configured."""

import pytest

from segue.core.context.windows import AGENTS, UNKNOWN, Window, room, window_of
from segue.transcripts import writers

USUAL = 123_456


@pytest.mark.parametrize(
    ("agent", "model", "tokens"),
    [
        ("claude-code", "claude-opus-4-8", 200_000),
        ("claude-code", "claude-sonnet-4-5[1m]", 1_000_000),
        ("claude-code", "sonnet[1m]", 1_000_000),
        ("codex", "gpt-5.5", 258_400),
        ("codex", "gpt-6.1-terra", 475_000),
        ("gemini-cli", "gemini-3-pro-preview", 1_048_576),
        ("gemini-cli", "gemma-4-31b-it", 256_000),
        ("qwen-code", "qwen3-coder-plus", 1_000_000),
        ("qwen-code", "qwen3-coder-30b", 262_144),
        ("qwen-code", "gpt-5.5", 272_000),
        ("opencode", "claude-opus-4-5", 200_000),
        ("opencode", "anthropic/claude-opus-4.6", 1_000_000),
        ("opencode", "us.anthropic.claude-sonnet-4-5-v1:0", 200_000),
        ("opencode", "claude-sonnet-4-20250514", 200_000),
        ("opencode", "claude-fable-5-1", 1_000_000),
        ("opencode", "gpt-5.4-mini", 400_000),
        ("opencode", "openai/gpt-5.6-sol", 1_050_000),
        ("opencode", "gpt-5.3", 128_000),
        ("opencode", "gpt-5.3-codex", 400_000),
        ("aider", "o3", 200_000),
        ("opencode", "GLM-5.2", 1_000_000),
        ("opencode", "grok-4-fast-reasoning", 2_000_000),
        ("opencode", "moonshotai/kimi-k2-thinking", 262_144),
    ],
)
def test_a_model_has_the_window_that_its_agent_gives_it_or_its_own(agent, model, tokens):
    assert window_of(agent, model, USUAL, {}) == Window(tokens, "model", model)


@pytest.mark.parametrize("model", ["", "my-own", "notgpt-5", "x-o3", "my-gemini-3", "codex-of-mine"])
def test_of_an_unknown_model_the_agents_usual_window_holds(model):
    assert window_of("codex", model, USUAL, {}) == window_of("opencode", model, USUAL, {}) == Window(USUAL, "agent")


def test_what_nobody_knows_is_unknown():
    assert window_of("", "my-own", 0, {}) == UNKNOWN


def test_what_is_configured_goes_before_what_is_known_the_longest_name_first():
    own = {"codex": 1, "gpt": 2, "GPT-5": 3, "gpt-5.5": 4}
    asked = ["gpt-5.5-pro", "gpt-5.1", "gpt-4o", "o3", ""]
    assert [window_of("codex", m, USUAL, own) for m in asked] == [
        *(Window(n, "configuration", m) for n, m in ((4, "gpt-5.5-pro"), (3, "gpt-5.1"), (2, "gpt-4o"))),
        *(Window(1, "configuration") for _ in range(2)),
    ]


def test_the_table_is_of_agents_that_there_are_and_no_pattern_is_hidden_by_an_earlier_one_of_the_same_kind():
    assert set(AGENTS) <= {w.agent for w in writers()}
    for table in AGENTS.values():
        assert len({pattern for pattern, _ in table}) == len(table)


def test_an_agents_usual_window_is_the_one_of_the_models_that_it_runs_by_itself():
    usual = {w.agent: w.accepts.window for w in writers()}
    by_itself = {"claude-code": "claude-sonnet-4-5", "codex": "gpt-5.5", "gemini-cli": "gemini-3-pro-preview"}
    assert {agent: window_of(agent, model, 0, {}).tokens for agent, model in by_itself.items()} == {
        a: usual[a] for a in by_itself
    }


@pytest.mark.parametrize(
    ("window", "most", "given"),
    [(200_000, 40_000, 40_000), (64_000, 40_000, 34_000), (40_000, 24_000, 10_000), (8_000, 5_000, 2_000)],
)
def test_what_a_session_begins_with_leaves_room_to_go_on_in(window, most, given):
    assert room(window, most, 30_000) == given
