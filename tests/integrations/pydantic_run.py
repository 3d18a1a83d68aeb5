"""A program with an agent of Pydantic AI, which goes on wherever its conversation stands."""

from pydantic_ai import Agent, Conversation
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart, ToolReturnPart, UserPromptPart
from pydantic_ai.models.function import FunctionModel
from pydantic_ai.usage import RequestUsage

from segue.integrations.pydantic_ai import SegueConversationStore


def scripted(calls=True):
    """A model that calls the tool for each question, and answers with what the tool said; or answers without."""

    def answer(said, _info):
        asked = sum(isinstance(part, UserPromptPart) for message in said for part in message.parts)
        last = said[-1].parts[-1]
        usage = RequestUsage(input_tokens=100 * asked, output_tokens=10)
        if isinstance(last, ToolReturnPart) or not calls:
            text = f"answer {asked}" + (f": {last.content}" if calls else "")
            return ModelResponse([TextPart(text)], usage=usage)
        return ModelResponse([ToolCallPart("look", {"n": asked}, f"c{asked}")], usage=usage)

    return FunctionModel(answer)


async def work(store, turns, wait=0, say=print):
    """Ask until *turns* questions are answered; the tool of turn *wait* says so and waits to be killed."""
    import time

    kept = SegueConversationStore(store)
    agent = Agent(scripted())

    @agent.tool_plain
    def look(n: int) -> str:
        if n == wait:
            say("waiting")
            time.sleep(600)
        return f"seen {n}"

    while True:
        conversation = await kept.load("work") or Conversation(conversation_id="work")
        asked = sum(isinstance(part, UserPromptPart) for message in conversation.messages for part in message.parts)
        if asked == turns:
            return
        await kept.save(await agent.run(f"question {asked + 1}", conversation=conversation))
