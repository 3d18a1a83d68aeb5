"""The Claude Agent SDK's hooks within the limits of a run, called as the SDK calls them."""

import asyncio

import segue
from segue.integrations.claude_agent_sdk import budget_hooks


def test_an_agent_whose_limit_is_reached_is_told_to_stop_and_how_to_go_on(tmp_path):
    with segue.open(tmp_path / "store") as store:
        session = store.create(agent="claude-code", workspace="")
        answers = []

        def call(event):
            (matcher,) = hooks[event]
            (hook,) = matcher.hooks
            answers.append(asyncio.run(hook({"hook_event_name": event}, None, {"signal": None})))

        with session.running(budget=1_000) as run:
            hooks = budget_hooks(run)
            for event, tokens in (("UserPromptSubmit", 400), ("PreToolUse", 400), ("PreToolUse", 400), ("PreToolUse", 0)):
                call(event)
                usage = {"input_tokens": tokens}
                session.append("message", {"role": "assistant", "parts": [], "usage": usage})
            call("Stop")

        *going, stopped, end = answers
        assert (going, end) == ([{}, {}, {}], {})
        assert stopped["continue_"] is False
        assert "1,200 of 1,000 tokens are used" in stopped["stopReason"]
        assert "segue resume" in stopped["stopReason"]
        assert session.state().status == "paused"
