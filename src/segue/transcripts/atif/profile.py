"""What the reference's own types (harbor 0.25) demand of an ATIF trajectory, and a strict check of it.

They forbid fields that they do not know, so nothing of ours may stand outside of `extra`.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from segue.ports import Noted
from segue.transcripts._document import read_document
from segue.transcripts._records import dict_of, list_of, parse, text_of


class Profile(NamedTuple):
    """The form of one version of the format."""

    version: str


PROFILES: Final = (Profile("1.8"),)
NEWEST: Final = "1.8"

IMAGES: Final = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
AUDIO: Final = frozenset(
    f"audio/{kind}" for kind in ("wav", "mpeg", "mp4", "aac", "ogg", "flac", "webm", "aiff")
)  # and names that stand for one of them, which are not written
_VERSION = re.compile(r"ATIF-v1\.[0-8]\Z")
_ROOT: Final = frozenset({
    "schema_version", "session_id", "trajectory_id", "agent", "steps", "notes", "final_metrics", "continued_trajectory_ref",
    "extra", "subagent_trajectories",
})  # fmt: skip
_STEP: Final = frozenset({
    "step_id", "timestamp", "source", "model_name", "reasoning_effort", "message", "reasoning_content", "tool_calls",
    "observation", "metrics", "is_copied_context", "llm_call_count", "extra",
})  # fmt: skip
_OF_AGENTS: Final = ("model_name", "reasoning_effort", "reasoning_content", "tool_calls", "metrics")
_AGENT: Final = frozenset({"name", "version", "model_name", "tool_definitions", "extra"})
_CALL: Final = frozenset({"tool_call_id", "function_name", "arguments", "extra"})
_RESULT: Final = frozenset({"source_call_id", "content", "subagent_trajectory_ref", "extra"})


def check(path: str) -> list[Noted]:
    """Return what a validator of the format would refuse in the document at *path*. Raises OSError."""
    parsed = parse(read_document(path))
    if parsed.record is None or parsed.flaw:
        return [Noted(path, f"it is refused: {parsed.flaw or 'not a trajectory'}")]
    return [Noted(f"{path}#{where}" if where else path, reason) for where, reason in _trajectory(parsed.record, "")]


def _trajectory(told: dict[str, Any], within: str) -> Iterator[tuple[str, str]]:
    yield from ((within, f"{name!r} is not a field of a trajectory") for name in sorted(told.keys() - _ROOT))
    if not _VERSION.match(text_of(told, "schema_version")):
        yield within, f"the version {told.get('schema_version')!r} is not known"
    agent = dict_of(told, "agent")
    yield from ((within, f"agent.{name} is missing") for name in ("name", "version") if not isinstance(agent.get(name), str))
    yield from ((within, f"{name!r} is not a field of an agent") for name in sorted(agent.keys() - _AGENT))
    steps = list_of(told, "steps")
    if not steps:
        yield within, "it has no steps"
    for number, step in enumerate(steps, 1):
        where = f"{within}step {number}"
        if not isinstance(step, dict):
            yield where, "it is no step"
            continue
        yield from ((where, reason) for reason in _step(step, number))
    seen: set[str] = set()
    for inner in list_of(told, "subagent_trajectories"):
        found = inner if isinstance(inner, dict) else {}
        name = text_of(found, "trajectory_id")
        if not name or name in seen:
            yield within, "a subagent's trajectory needs an id of its own"
        seen.add(name)
        yield from _trajectory(found, f"{name} ")


def _step(step: dict[str, Any], number: int) -> Iterator[str]:
    yield from (f"{name!r} is not a field of a step" for name in sorted(step.keys() - _STEP))
    if step.get("step_id") != number:
        yield f"step_id is {step.get('step_id')!r}: steps are numbered from 1 without gaps"
    source = step.get("source")
    if source not in {"system", "user", "agent"}:
        yield f"the source {source!r} is not known"
    elif source != "agent":
        yield from (f"{name} is only for steps of the agent" for name in _OF_AGENTS if step.get(name) is not None)
    if step.get("timestamp") is not None and not _is_time(step["timestamp"]):
        yield "timestamp is not a time in ISO 8601"
    if "message" not in step:
        yield "message is missing"
    else:
        yield from _content(step["message"], "message")
    calls: set[str] = set()
    for call in list_of(step, "tool_calls"):
        found = call if isinstance(call, dict) else {}
        yield from (f"{name!r} is not a field of a call" for name in sorted(found.keys() - _CALL))
        yield from (f"a call's {n} is missing" for n in ("tool_call_id", "function_name") if not isinstance(found.get(n), str))
        if not isinstance(found.get("arguments"), dict):
            yield "a call's arguments are not an object"
        calls.add(text_of(found, "tool_call_id"))
    for result in list_of(dict_of(step, "observation"), "results"):
        found = result if isinstance(result, dict) else {}
        yield from (f"{name!r} is not a field of a result" for name in sorted(found.keys() - _RESULT))
        if found.get("source_call_id") is not None and found["source_call_id"] not in calls:
            yield f"a result names the call {found['source_call_id']!r}, which is not in its step"
        if found.get("content") is not None:
            yield from _content(found["content"], "a result's content")


def _content(content: Any, what: str) -> Iterator[str]:
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        yield f"{what} is neither text nor parts"
        return
    for part in content:
        found = part if isinstance(part, dict) else {}
        kind, source = found.get("type"), dict_of(found, "source")
        if kind == "text" and isinstance(found.get("text"), str) and not source:
            continue
        if kind in {"image", "audio"} and "text" not in found and _is_source(source, IMAGES if kind == "image" else AUDIO):
            continue
        yield f"{what} has a part of the type {kind!r} that is not sound"


def _is_source(source: Mapping[str, Any], kinds: frozenset[str]) -> bool:
    return source.get("media_type") in kinds and isinstance(source.get("path"), str)


def _is_time(value: Any) -> bool:
    try:
        datetime.fromisoformat(value)
    except (ValueError, TypeError):
        return False
    return True
