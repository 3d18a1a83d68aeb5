"""What an agent sent and what the model answers, in one shape for all providers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4


@dataclass(frozen=True)
class Said:
    """A text of a role (`user`, `assistant`, `system`)."""

    role: str
    text: str


@dataclass(frozen=True)
class Call:
    """A tool call of the model."""

    id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Result:
    """What a tool gave back."""

    id: str
    text: str


@dataclass(frozen=True)
class Request:
    """One request: the conversation so far and the tools on offer."""

    provider: str
    model: str
    conversation: tuple[Said | Call | Result, ...]
    tools: tuple[str, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def said(self, role: str) -> list[str]:
        """Return the texts of a role, in order."""
        return [item.text for item in self.conversation if isinstance(item, Said) and item.role == role]

    @property
    def calls(self) -> list[Call]:
        """The calls, in order."""
        return [item for item in self.conversation if isinstance(item, Call)]

    @property
    def results(self) -> list[Result]:
        """The results, in order."""
        return [item for item in self.conversation if isinstance(item, Result)]


@dataclass(frozen=True)
class Answer:
    """What the model does next: says something, or calls tools."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    delay: float = 0.0
    """Seconds between the pieces of a streamed text."""
    status: int = 200
    """Another one is an error of the provider."""
    input_tokens: int = 0
    output_tokens: int = 0
    id: str = field(default_factory=lambda: uuid4().hex)
    """No two answers have the same: agents and readers tell messages apart by it."""


def text_of(content: Any) -> str:
    """Return the text of a provider's content: a string, or blocks with `text`, `content` or `output`."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, Mapping):
        for name in ("text", "content", "output", "stdout", "result"):
            if name in content:
                return text_of(content[name])
        return str(dict(content))
    return "\n".join(filter(None, (text_of(part) for part in content)))
