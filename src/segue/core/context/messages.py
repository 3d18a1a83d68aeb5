"""A restored context as messages for a model: what segue says is the system's, the record is quoted data of the user's."""

import re
from typing import Any, Final, Literal

Shape = Literal["generic", "openai", "anthropic"]
FRAMING: Final = 16
"""Tokens that two messages cost beside their texts: a budget is kept with these left free."""

_RECORD: Final = re.compile(r"\n\n(<<<SEGUE-QUOTE ([0-9a-f]+)\n.*\nSEGUE-QUOTE \2>>>)\n\n", re.DOTALL)


def messages(text: str, shape: Shape = "generic") -> Any:
    """Return a restored context as JSON data for whoever calls a model.

    `generic`: a list of `role` and `content`, the system's message first; frameworks take it as it is.
    `openai`: a list for the Chat Completions and Responses APIs, contents in typed parts (`developer` speaks for the system).
    `anthropic`: `system` and `messages` of the Messages API.
    """
    found = _RECORD.search(text)
    if found is None:  # so small a budget that the frame itself was cut
        said, record = "", text
    else:
        said, record = f"{text[: found.start()]}\n\n{text[found.end() :].strip()}", found[1]
    if shape == "anthropic":
        system = {"system": [{"type": "text", "text": said}]} if said else {}
        return {**system, "messages": [{"role": "user", "content": [{"type": "text", "text": record}]}]}
    if shape == "openai":
        first = [{"role": "developer", "content": said}] if said else []
        return [*first, {"role": "user", "content": [{"type": "text", "text": record}]}]
    first = [{"role": "system", "content": said}] if said else []
    return [*first, {"role": "user", "content": record}]
