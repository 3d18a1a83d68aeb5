"""What a writer can rely on in a conversation, as a check."""

import re
from collections.abc import Mapping
from typing import Any, Final

from segue.core.together.conversation import Accepts, Conversation
from segue.core.together.counting import MEDIA, modality_of

__all__ = ["flaws"]

_SOUND: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")


def flaws(conversation: Conversation, accepts: Accepts) -> list[str]:
    """Return what in *conversation* is not as `Turn` promises; nothing: it is as promised."""
    found: list[str] = []
    turns = conversation.turns
    first = next((t for t in turns if not (t.role == "system" and accepts.system)), None)
    if first is not None and first.role != "user":
        found.append(f"it begins with the {first.role}")
    ids: set[str] = set()
    asked: list[str] = []
    for number, turn in enumerate(turns):
        parts = [p for p in turn.parts if p["type"] == "tool_call_response"]
        if [p["id"] for p in parts] != asked or (turn.role == "tool") != bool(asked):
            found.append(f"turn {number} answers {[p['id'] for p in parts]}, asked was {asked}")
        if turn.role == "tool" and len(parts) != len(turn.parts):
            found.append(f"turn {number} of a tool says more than answers")
        if turn.role == "system" and not accepts.system:
            found.append(f"turn {number} is the system's")
        if not turn.parts:
            found.append(f"turn {number} has no parts")
        calls = [p for p in turn.parts if p["type"] == "tool_call"]
        asked = [p["id"] for p in calls]
        if calls and turn.role != "assistant":
            found.append(f"turn {number} of the {turn.role} calls a tool")
        found += [f"turn {number}: id {p['id']!r} came before" for p in calls if p["id"] in ids]
        ids.update(asked)
        for part in turn.parts:
            found += [f"turn {number}: {flaw}" for flaw in _part_flaws(part, accepts)]
    if asked:
        found.append(f"{asked} are not answered")
    return found


def _part_flaws(part: Mapping[str, Any], accepts: Accepts) -> list[str]:
    kind = part["type"]
    if kind == "text":
        return [] if isinstance(part["content"], str) and part["content"].strip() else ["a blank text"]
    if kind == "reasoning":
        return [] if accepts.reasoning and part["content"].strip() else ["reasoning"]
    if kind in MEDIA:
        told = ("mime_type", "content") if kind == "blob" else ("uri",)
        sound = kind != "file" and modality_of(part) in accepts.media and all(part.get(name) for name in told)
        return [] if sound else [f"a {kind} of {modality_of(part)}"]
    if kind == "tool_call":
        sound = _SOUND.match(part["id"]) and _SOUND.match(part["name"]) and isinstance(part["arguments"], dict)
        return [] if sound else [f"call {part['id']!r} of {part['name']!r}"]
    if kind == "tool_call_response":
        response = part["response"]
        if isinstance(response, str):
            return []
        return [flaw for item in response for flaw in _part_flaws(item, accepts)]
    return [f"a part {kind!r}"]
