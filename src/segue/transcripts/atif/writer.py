"""A conversation as an ATIF trajectory. No agent goes on from one: it is for tools that read the format."""

import mimetypes
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from segue.core.together.conversation import Accepts, Conversation, Turn
from segue.ports import Destination, Noted
from segue.transcripts._writer import FileWriter, Made
from segue.transcripts._writing import (
    Tally,
    as_text,
    encode,
    media_of,
    milliseconds,
    said_of,
    well_formed,
    what_of,
)
from segue.transcripts.atif.profile import AUDIO, IMAGES, NEWEST, PROFILES, Profile, check
from segue.transcripts.atif.reader import AGENT, RESULTS
from segue.transcripts.places import Machine

_SOURCES: Final = {"user": "user", "assistant": "agent", "system": "system"}
_METRICS: Final = {"input_tokens": "prompt_tokens", "output_tokens": "completion_tokens", "cache_read_tokens": "cached_tokens"}


class AtifWriter(FileWriter[Profile]):
    """Writes ATIF trajectories. See `ports.TranscriptWriter`; its command is empty."""

    agent = AGENT
    accepts = Accepts(tools="keep", media=frozenset({"image", "audio"}), reasoning=True, system=True, window=10_000_000)
    program = "ATIF"
    forms = PROFILES
    newest = NEWEST

    def home(self, env: Mapping[str, str]) -> str:
        """See `TranscriptWriter.home`: a directory of ours, since the format has none."""
        return str(Path(Machine(env).shared("XDG_DATA_HOME", ".local", "share"), "segue", "trajectories"))

    def find(self, foreign_id: str, to: Destination) -> str | None:
        """See `TranscriptWriter.find`."""
        path = _path(foreign_id, to)
        return str(path) if path.is_file() else None

    def command(self, foreign_id: str, to: Destination) -> tuple[str, ...]:
        """See `TranscriptWriter.command`: there is none."""
        return ()

    def _make(self, conversation: Conversation, session: str, form: Profile, to: Destination, tally: Tally) -> Made:
        made = _Steps(conversation, tally)
        document = {
            "schema_version": f"ATIF-v{form.version}",
            "session_id": session,
            "trajectory_id": session,
            "agent": _agent(conversation),
            "extra": {
                "segue": {"session": conversation.session, "seq": conversation.seq},
                "title": conversation.title,
                "workspace": conversation.workspace,
            },
            "steps": made.steps,
            "final_metrics": {"total_steps": len(made.steps)},
        }
        return Made(str(_path(session, to)), well_formed(encode(document), tally).encode() + b"\n", made.nodes)

    def validate(self, path: str) -> list[Noted]:
        """See `TranscriptWriter.validate`."""
        return check(path)


def _path(session: str, to: Destination) -> Path:
    return Path(to.home, f"{session}.trajectory.json")


def _agent(conversation: Conversation) -> dict[str, str]:
    model = {"model_name": conversation.model} if conversation.model else {}
    return {"name": conversation.agent or "segue", "version": "unknown", **model}


class _Steps:
    """The steps of a trajectory: a turn each, the answers of tools with their calls."""

    def __init__(self, conversation: Conversation, tally: Tally) -> None:
        self.steps: list[dict[str, Any]] = []
        self.nodes: list[tuple[str, str]] = []
        self._tally = tally
        self._at = milliseconds("")
        for turn in conversation.turns:
            if turn.role == "tool" and self.steps:
                self._observe(turn)
            else:
                self._add(turn)

    def _add(self, turn: Turn) -> None:
        number = len(self.steps) + 1
        self._at = milliseconds(turn.at, self._at)
        step: dict[str, Any] = {"step_id": number, "timestamp": self._at, "source": _SOURCES.get(turn.role, "user")}
        thoughts = [said_of(p) for p in turn.parts if p.get("type") == "reasoning"]
        calls = [_call(p) for p in turn.parts if p.get("type") == "tool_call"]
        step["message"] = self._content([p for p in turn.parts if p.get("type") not in {"reasoning", "tool_call"}])
        if turn.role == "assistant":
            step |= {"model_name": turn.model} if turn.model else {}
            step |= {"reasoning_content": "\n\n".join(thoughts)} if thoughts else {}
            step |= {"tool_calls": calls} if calls else {}
            step |= {"metrics": _metrics(turn.usage)} if turn.usage else {}
        extra = {"meta": turn.meta, "summary": turn.summary, "message_id": turn.message_id if turn.role == "assistant" else ""}
        if extra := {name: value for name, value in extra.items() if value}:
            step["extra"] = extra | ({"meta": True} if turn.summary else {})
        self.steps.append(step)
        if turn.node:
            self.nodes.append((f"step-{number}", turn.node))

    def _observe(self, turn: Turn) -> None:
        step = self.steps[-1]
        results = []
        for part in turn.parts:
            told = part.get("response")
            content = self._content(told) if isinstance(told, (list, tuple)) else said_of(part, "response")
            result = {"source_call_id": said_of(part, "id"), "content": content}
            results.append(result | ({"extra": {"is_error": True}} if part.get("is_error") is True else {}))
        step["observation"] = {"results": results}
        if turn.node:
            self.nodes.append((f"step-{step['step_id']}{RESULTS}", turn.node))

    def _content(self, parts: Sequence[Any]) -> Any:
        """Return a message's content: text where it is one text, else its parts."""
        found = list(self._parts(parts))
        if not found:
            return ""
        return found[0]["text"] if len(found) == 1 and found[0]["type"] == "text" else found

    def _parts(self, parts: Sequence[Any]) -> Iterator[dict[str, Any]]:
        for part in parts:
            media = media_of(part)
            kinds = {"image": IMAGES, "audio": AUDIO}.get(media.modality) if media else None
            mime = (media.mime or mimetypes.guess_type(media.url)[0] or "") if media else ""
            if part.get("type") == "text":
                yield {"type": "text", "text": said_of(part)}
            elif media and kinds and mime in kinds:
                path = media.url or f"data:{mime};base64,{media.data}"
                yield {"type": media.modality, "source": {"media_type": mime, "path": path}}
            else:
                self._tally.add(what_of(part), "folded", "the format has no part for it")
                yield {"type": "text", "text": as_text(part)}


def _call(part: Mapping[str, Any]) -> dict[str, Any]:
    arguments = part.get("arguments")
    found = {"tool_call_id": said_of(part, "id"), "function_name": said_of(part, "name")}
    return found | {"arguments": dict(arguments) if isinstance(arguments, Mapping) else {}}


def _metrics(usage: Mapping[str, Any]) -> dict[str, Any]:
    found = {theirs: usage[ours] for ours, theirs in _METRICS.items() if isinstance(usage.get(ours), int)}
    return found | ({"cost_usd": usage["cost_usd"]} if "cost_usd" in usage else {})
