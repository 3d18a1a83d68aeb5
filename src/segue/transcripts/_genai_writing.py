"""Turns as content in Google's GenAI form: what the writers for Gemini CLI and Qwen Code have in common."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from segue.transcripts._writing import Tally, as_text, media_of, said_of, what_of

_DOCUMENTS: Final = frozenset({"application/pdf"})
_IMAGES: Final = frozenset({"image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"})
_BREAKS: Final = {"\u2028": "\\u2028", "\u2029": "\\u2029"}


def unbroken(lines: bytes) -> bytes:
    """Return JSON Lines with U+2028 and U+2029 escaped: there are programs to which a line ends there."""
    for character, escaped in _BREAKS.items():
        lines = lines.replace(character.encode(), escaped.encode())
    return lines


class Content:
    """Makes parts, and counts what they do not hold as it was."""

    def __init__(self, tally: Tally, modalities: frozenset[str], agent: str) -> None:
        """Take media of these *modalities*; *agent* is the program's name for people."""
        self._tally = tally
        self._modalities = modalities
        self._agent = agent

    def part(self, part: Mapping[str, Any]) -> dict[str, Any]:
        """Return a part of a message, or the text that stands for it."""
        kind = part["type"]
        if kind == "text":
            return {"text": said_of(part)}
        if kind == "reasoning":
            return {"text": said_of(part), "thought": True}
        if kind == "tool_call":
            return {"functionCall": {"id": part["id"], "name": part["name"], "args": part["arguments"]}}
        media = self._media(part)
        if media is not None:
            return media
        self._tally.add(what_of(part), "folded", f"{self._agent} has no place for it")
        return {"text": as_text(part)}

    def answer(self, part: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
        """Return the parts of a tool's answer: the first is the answer itself, those that came with it follow."""
        response = part.get("response")
        beside: list[dict[str, Any]] = []
        if isinstance(response, list) and all(isinstance(item, Mapping) and "type" in item for item in response):
            found = [self.part(item) for item in response]
            text = found.pop(0)["text"] if found and "text" in found[0] else ""
            beside = found
        else:
            text = said_of(part, "response")
        body = {"error" if part.get("is_error") else "output": text}
        return [{"functionResponse": {"id": part["id"], "name": name, "response": body}}, *beside]

    def _media(self, part: Mapping[str, Any]) -> dict[str, Any] | None:
        media = media_of(part)
        if media is None or media.modality not in self._modalities or not media.data:
            return None
        kind = media.mime.partition("/")[0]
        taken = media.mime in _IMAGES | _DOCUMENTS or kind in {"audio", "video", "text"}
        return {"inlineData": {"mimeType": media.mime, "data": media.data}} if taken else None


def names_of(parts: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the tools' names of the calls in *parts*, by the calls' ids."""
    return {part["id"]: part["name"] for part in parts if part["type"] == "tool_call"}
