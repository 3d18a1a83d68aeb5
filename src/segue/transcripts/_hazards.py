"""What an installed agent will destroy of its own transcripts, by its version and its settings."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from segue.ports.places import Hazard, Place

_LIMIT: Final = 4 * 1024 * 1024
_COMMENT = re.compile(r'("(?:[^"\\]|\\.)*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_AGE = re.compile(r"(\d+)([hdwm])\Z")
_DAYS: Final = {"h": 1 / 24, "d": 1, "w": 7, "m": 30}


class _Rule(NamedTuple):
    """One way in which an agent loses transcripts."""

    agent: str
    seen: str
    """The version that it was seen in; whether others do it too is not known."""
    since: tuple[int, ...]
    """From this version on it is to be expected."""
    days: Callable[[Mapping[str, Any]], float | None]
    """By the agent's settings: the age in days at which it deletes, 0 for at once, None for never."""
    what: str
    against: str
    """What the user can write into the agent's settings."""


def _claude_days(settings: Mapping[str, Any]) -> float | None:
    days = settings.get("cleanupPeriodDays")
    return float(days) if isinstance(days, (int, float)) and not isinstance(days, bool) and days >= 0 else 30.0


def _gemini_days(settings: Mapping[str, Any]) -> float | None:
    retention = _gemini_retention(settings)
    if retention.get("enabled", True) is not True:
        return None
    age = _AGE.match(str(retention.get("maxAge", "30d")))
    return int(age[1]) * _DAYS[age[2]] if age else None


def _gemini_stubs(settings: Mapping[str, Any]) -> float | None:
    return 0.0 if _gemini_retention(settings).get("enabled", True) is True else None


def _gemini_retention(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    general = settings.get("general")
    retention = general.get("sessionRetention") if isinstance(general, dict) else None
    return retention if isinstance(retention, dict) else {}


RULES: Final = (
    _Rule(
        "claude-code",
        "2.1.197",
        (0,),
        _claude_days,
        "deletes what was not written to for {days} days, whenever it starts",
        '"cleanupPeriodDays": 3650',
    ),
    _Rule(
        "gemini-cli",
        "0.61.0",
        (0, 40),
        _gemini_days,
        "deletes what was not written to for {days} days, whenever it starts",
        '"general": {{"sessionRetention": {{"enabled": false}}}}',
    ),
    _Rule(
        "gemini-cli",
        "0.61.0",
        (0, 61),
        _gemini_stubs,
        "after `gemini -p --resume`, its next start deletes the session that was resumed, with all of its files",
        '"general": {{"sessionRetention": {{"enabled": false}}}}',
    ),
)
"""Seen by running the programs, and read in them."""


def hazards(place: Place, version: str) -> list[Hazard]:
    """Return what the installed *version* of an agent (empty: not known) will destroy, by the user's settings for it."""
    file = Path(place.config, "settings.json")
    settings = _settings(file)
    found = []
    for rule in RULES:
        days = rule.days(settings) if rule.agent == place.agent else None
        if days is None or (version and _numbers(version) < rule.since):
            continue
        other = f" (seen in {rule.seen}, {version} is installed)" if version not in {"", rule.seen} else ""
        what = rule.what.format(days=f"{days:g}") + other
        found.append(Hazard(place.agent, what, days, f"{rule.against.format()} in {file}"))
    return found


def _settings(file: Path) -> Mapping[str, Any]:
    """Return the settings in a file, comments left out; none where it cannot be read: then the defaults hold."""
    try:
        with file.open("rb") as opened:
            text = opened.read(_LIMIT).decode("utf-8-sig", "replace")
        found = json.loads(_COMMENT.sub(lambda m: m[1] or "", text))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", version.split("-", maxsplit=1)[0].split("+", maxsplit=1)[0]))
