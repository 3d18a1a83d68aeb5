"""A program with an agent of the OpenAI Agents SDK, which goes on wherever its session stands."""

import json
import time

from agents import Agent, RunConfig, Runner, function_tool
from agents.items import ModelResponse
from agents.models.interface import Model
from agents.usage import Usage
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

from segue.integrations.openai_agents import SegueSession


class Scripted(Model):
    """A model that calls the tool for each question, and answers with what the tool said; or answers without."""

    def __init__(self, calls=True):
        self.calls = calls

    async def get_response(self, system_instructions, input, *_args, **_more):
        items = [{"role": "user", "content": input}] if isinstance(input, str) else list(input)
        last = items[-1]
        number = sum(1 for i in items if i.get("role") == "user")
        if last.get("type") == "function_call_output" or not self.calls:
            told = f": {last['output']}" if self.calls else ""
            text = ResponseOutputText(text=f"answer {number}{told}", type="output_text", annotations=[])
            said = [ResponseOutputMessage(id=f"m{number}", content=[text], role="assistant", status="completed", type="message")]
        else:
            arguments = json.dumps({"n": number})
            said = [ResponseFunctionToolCall(call_id=f"c{number}", name="look", arguments=arguments, type="function_call")]
        usage = Usage(requests=1, input_tokens=100 * number, output_tokens=10, total_tokens=100 * number + 10)
        return ModelResponse(output=said, usage=usage, response_id=f"r{number}")

    def stream_response(self, *_args, **_more):
        raise NotImplementedError


async def work(store, turns, wait=0, say=print):
    """Ask until *turns* questions are answered; the tool of turn *wait* says so and waits to be killed."""

    @function_tool
    def look(n: int) -> str:
        """Look."""
        if n == wait:
            say("waiting")
            time.sleep(600)
        return f"seen {n}"

    agent = Agent(name="looker", model=Scripted(), tools=[look])
    session = SegueSession("work", store)
    while True:
        items = await session.get_items()
        asked = sum(1 for i in items if i.get("role") == "user")
        if items and items[-1].get("role") != "assistant":  # a run that was cut: what it left is popped, and asked again
            while items and items[-1].get("role") != "assistant":
                await session.pop_item()
                items.pop()
            continue
        if asked == turns:
            return
        await Runner.run(agent, f"question {asked + 1}", session=session, run_config=RunConfig(tracing_disabled=True))
