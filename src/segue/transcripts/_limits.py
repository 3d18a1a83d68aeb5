"""An agent that stopped at a limit says so in its transcript: each in its own way, and with the time at which it may go on.

Seen with the real programs, refused with status 429: Claude Code 2.1.197, Codex 0.169.0, Qwen Code 0.15.10; forms of a
subscription's limit as read in Claude Code's program and in older transcripts. opencode 1.18.33 goes on trying, and writes
of an error only when it gives up. Gemini CLI 0.61.0 tells its screen, and its
transcript only where it runs on a terminal.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from segue.transcripts._records import dict_of, list_of, short, text_of, time_of

LIMITED: Final = "limited"
"""The status of an agent that stopped at a limit."""
_FULL: Final = 100.0
_SAID = re.compile(
    r"limit reached|hit your .{0,60}limit|reached your .{0,60}limit|usage limit|rate limit|out of (extra )?usage|\b429\b"
    r"|exhausted your|exceeded your current quota|RESOURCE_EXHAUSTED",
    re.IGNORECASE,
)
_SHORT = re.compile(r"\b429\b|rate.?limit|temporarily|too many requests", re.IGNORECASE)
"""The provider's own brake, not what the user has used up."""
_EPOCH = re.compile(r"\|(\d{10})\b")
_AFTER = re.compile(
    r"(?:try again|retry|resets?|reset after)\s+(?:in |after )?"
    r"((?:\d+(?:\.\d+)?\s*(?:d(?:ays?)?|h(?:ours?)?|m(?:in(?:utes?)?)?|s(?:ec(?:onds?)?)?)(?![a-z])[\s,]*(?:and )?)+)",
    re.IGNORECASE,
)
_UNIT = re.compile(r"(\d+(?:\.\d+)?)\s*([dhms])", re.IGNORECASE)
_SECONDS: Final = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_CLOCK = re.compile(
    r"resets? (?:at )?(?:([A-Z][a-z]{2}) (\d{1,2}),? (?:at )?(?:(\d{4}),? )?)?(\d{1,2})(?::(\d\d))?\s?([ap]m)(?: \(([\w/+-]+)\))?"
)
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Limits:
    """Notices, record by record, that the agent stopped at a limit, and that it goes on."""

    def __init__(self, agent: str, state: Mapping[str, Any]) -> None:
        """Go on from the *state* of an earlier stretch."""
        self._agent = agent
        self._find = _FINDERS.get(agent)
        self._limited = state.get("limited") is True
        self._resets = state.get("resets") if isinstance(state.get("resets"), str) else None

    def state(self) -> dict[str, Any]:
        """Return what the next stretch must know; empty: nothing."""
        return ({"limited": True} if self._limited else {}) | ({"resets": self._resets} if self._resets else {})

    def notice(self, record: Mapping[str, Any], at: str | None, *, said: bool) -> dict[str, Any] | None:
        """Return the agent's new status, as the body of `agent.set`; None where it is as before.

        Args:
            record: the next one.
            at: its time.
            said: the model said something in it.
        """
        if self._find is None:
            return None
        if self._agent == "codex":
            self._resets = _codex_resets(record, at) or self._resets
        text = self._find(record)
        if text:
            self._limited = True
            return stopped(self._agent, text, resets(text, at) or self._resets)
        if self._limited and said and record.get("isApiErrorMessage") is not True:
            self._limited = False
            return {"name": self._agent, "status": "active", "set": {"limit": None, "resets_at": None, "says": None}}
        return None


def stopped(agent: str, text: str, until: str | None) -> dict[str, Any]:
    """Return the body of `agent.set` for an agent that stopped at a limit, as it said in *text*."""
    told = {"limit": "rate" if _is_short(text) else "usage", "resets_at": until, "says": short(text, 300)}
    return {"name": agent, "status": LIMITED, "set": told}


def of_error(agent: str, status: int, text: str, retry_after: object, at: str | None) -> dict[str, Any] | None:
    """Return the same for an error of a provider with its HTTP status and `retry-after`; None where it is no limit."""
    if status != 429 and not _SAID.search(text):
        return None
    after = str(retry_after) if retry_after is not None else ""
    until = resets(f"retry in {after}s", at) if after.isascii() and after.isdigit() else None
    return stopped(agent, text or "429", until or resets(text, at))


def resets(text: str, at: str | None) -> str | None:
    """Return when a limit ends, in UTC, as a message of the time *at* tells it; None where it does not."""
    if epoch := _EPOCH.search(text):
        return time_of(int(epoch[1]))
    if at is None:
        return None
    now = datetime.fromisoformat(at)
    if after := _AFTER.search(text):
        seconds = sum(float(n) * _SECONDS[unit.lower()] for n, unit in _UNIT.findall(after[1]))
        return time_of((now + timedelta(seconds=seconds)).isoformat())
    if clock := _CLOCK.search(text):
        return _on_the_clock(clock, now)
    return None


def _on_the_clock(told: "re.Match[str]", now: datetime) -> str | None:
    """Return the next time at which a clock shows what was told; without the zone of the clock, nobody knows."""
    month, day, year, hour, minute, half, zone = told.groups()
    try:
        local = now.astimezone(ZoneInfo(zone) if zone else None) if zone else None
        if local is None:
            return None
        found = local.replace(hour=int(hour) % 12 + 12 * (half == "pm"), minute=int(minute or 0), second=0, microsecond=0)
        if month:
            found = found.replace(year=int(year or local.year), month=_MONTHS.index(month) + 1, day=int(day))
            if found < local and not year:
                found = found.replace(year=local.year + 1)
        elif found <= local:
            found += timedelta(days=1)
    except (ValueError, KeyError, OSError):  # no such day, no such zone
        return None
    return time_of(found.astimezone(UTC).isoformat())


def _is_short(text: str) -> bool:
    return bool(_SHORT.search(text)) and not re.search(
        r"(?<!not your )usage limit|hit your|exhausted your|current quota", text, re.IGNORECASE
    )


# --- where each agent says it


def _claude(record: Mapping[str, Any]) -> str:
    """Return what is said in a message of the program's own: no model's, no user's."""
    message = dict_of(record, "message")
    if record.get("isApiErrorMessage") is not True and message.get("model") != "<synthetic>":
        return ""
    blocks = [b for b in list_of(message, "content") if isinstance(b, dict)]
    text = next((text_of(b, "text") for b in blocks if b.get("type") == "text"), "") or text_of(message, "content")
    told = record.get("error") in {"rate_limit", "billing_error"} or record.get("apiErrorStatus") == 429
    return text if told or _SAID.search(text) else ""


def _codex(record: Mapping[str, Any]) -> str:
    payload = dict_of(record, "payload")
    error = dict_of(payload, "error") if payload.get("type") == "task_complete" else payload
    if record.get("type") != "event_msg" or payload.get("type") not in {"task_complete", "error", "stream_error"}:
        return ""
    known = error.get("codex_error_info") in {"usage_limit_exceeded", "usage_limit_reached", "quota_exceeded"}
    text = text_of(error, "message")
    return (text or "usage limit") if known or (payload["type"] == "error" and _SAID.search(text)) else ""


def _codex_resets(record: Mapping[str, Any], at: str | None) -> str | None:
    """Return when the fullest window of a `token_count` is empty again, if one is full."""
    limits = dict_of(dict_of(record, "payload"), "rate_limits")
    if not limits:
        return None
    windows = [w for w in (dict_of(limits, "primary"), dict_of(limits, "secondary")) if w]
    full = [w for w in windows if isinstance(w.get("used_percent"), (int, float)) and w["used_percent"] >= _FULL]
    found = []
    for window in full:
        left = window.get("resets_in_seconds")
        if isinstance(left, (int, float)) and at is not None and "resets_at" not in window:
            found.append(time_of((datetime.fromisoformat(at) + timedelta(seconds=min(left, 1e8))).isoformat()))
        else:
            found.append(time_of(window.get("resets_at")))
    return max(filter(None, found), default=None)


def _gemini(record: Mapping[str, Any]) -> str:
    content = record.get("content")
    text = (
        content
        if isinstance(content, str)
        else "".join(text_of(b, "text") for b in list_of(record, "content") if isinstance(b, dict))
    )
    return text if record.get("type") in {"error", "warning", "info"} and _SAID.search(text) else ""


def _qwen(record: Mapping[str, Any]) -> str:
    event = dict_of(dict_of(record, "systemPayload"), "uiEvent")
    if record.get("subtype") != "ui_telemetry" or not text_of(event, "event.name").endswith(".api_error"):
        return ""
    text = text_of(event, "error_message")
    return text if event.get("status_code") == 429 or _SAID.search(text) else ""


_FINDERS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "claude-code": _claude,
    "codex": _codex,
    "gemini-cli": _gemini,
    "qwen-code": _qwen,
}
