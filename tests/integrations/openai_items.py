"""Items of the OpenAI Agents SDK, and a look at the session that they are in."""

import asyncio

from segue.core.session.tree import active_chain
from segue.engine import foreign
from segue.engine.foreign import Foreign


def user(text):
    return {"role": "user", "content": text}


def answer(text):
    return {
        "id": f"m-{text}",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": text, "annotations": []}],
    }


def call(n, name="look"):
    return {"type": "function_call", "call_id": f"c{n}", "name": name, "arguments": f'{{"n": {n}}}'}


def output(n, text="seen"):
    return {"type": "function_call_output", "call_id": f"c{n}", "output": text}


def run(awaitable):
    return asyncio.run(awaitable)


def at(store, session_id="s"):
    return foreign.find(store, Foreign("openai_agents", (session_id,)))


def conversation(store, session_id="s"):
    return [(e.body["role"], e.body["parts"]) for e in active_chain(store.read(at(store, session_id))) if e.kind == "message"]
