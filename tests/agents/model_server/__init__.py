"""A model server on loopback that says what a script says: what real coding agents talk to in the tests.

    with ModelServer() as server:
        ... run an agent against server.url ...
        server.last.calls

It speaks Anthropic Messages, OpenAI Responses and Chat, and Gemini, streamed or not. What the model does is written in the
user's prompt (`scenario`), so an agent needs no other script; what the agent sent is kept, in one shape for all (`Request`).
"""

from .server import ModelServer
from .shapes import Call, Request, Result, Said

__all__ = ["Call", "ModelServer", "Request", "Result", "Said"]
