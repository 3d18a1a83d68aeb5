"""The status line of a coding agent: reads its figures from standard input, keeps them for `segue budget`, prints one line.

Stand-alone, the standard library only: `segue init --statusline` writes it as a file of its own, since an agent runs it several
times a minute (`python -S -E`). The shape of the input is Claude Code's (2.1): `context_window`, `cost`, `model`, `session_id`.

What is told is kept in `HOME/live/AGENT~SESSION.json`, written anew where it changed; the worker answers in a file beside it
(`.note`, one line), which is shown as well. Nothing of a conversation is in either. Whatever goes wrong, the line is printed.
"""

import json
import os
import sys
import time
from contextlib import suppress

HOME = ""
AGENT = "claude-code"

LARGEST = 1 << 20
BANDS = (("disclosure", 60.0), ("summarisation", 75.0), ("emergency", 85.0))
COLOURS = {"": "32", "disclosure": "33", "summarisation": "33", "emergency": "31"}
WIDTH = 10
AGE = 120.0
"""Seconds for which an answer of the worker's is shown."""


def figures(told: object) -> dict[str, object]:
    """Return what an agent's input tells: `session`, `used`, `window`, `cost_usd`, `model`; without what it does not."""
    found: dict[str, object] = {}
    if not isinstance(told, dict):
        return found
    session = told.get("session_id")
    if isinstance(session, str) and 0 < len(session) <= 64 and session.replace("-", "").replace("_", "").isalnum():
        found["session"] = session
    window, cost, model = told.get("context_window"), told.get("cost"), told.get("model")
    if isinstance(window, dict):
        usage = window.get("current_usage")
        parts = [whole(value) for value in usage.values()] if isinstance(usage, dict) else []
        found["used"] = sum(parts) or whole(window.get("total_input_tokens")) + whole(window.get("total_output_tokens"))
        found["window"] = whole(window.get("context_window_size"))
    if isinstance(cost, dict) and isinstance(cost.get("total_cost_usd"), (int, float)):
        found["cost_usd"] = round(cost["total_cost_usd"], 6)
    if isinstance(model, dict) and isinstance(model.get("id"), str):
        found["model"] = model["id"][:100]
    return found


def whole(value: object) -> int:
    """Return a count; 0 for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9 else 0


def keep(home: str, told: dict[str, object]) -> None:
    """Keep the figures for whoever asks, where they are others than before. Raises OSError."""
    directory = home + "/live"
    path = f"{directory}/{AGENT}~{told['session']}.json"
    try:
        with open(path, "rb") as file:
            before = json.loads(file.read(4096))
        if {name: value for name, value in before.items() if name != "at"} == told:
            return
    except (OSError, ValueError, AttributeError):
        pass
    os.makedirs(directory, 0o700, exist_ok=True)
    temporary = f"{path}.{os.getpid()}"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        os.write(fd, json.dumps({**told, "at": round(time.time(), 3)}).encode())
    finally:
        os.close(fd)
    os.replace(temporary, path)


def note(home: str, session: object) -> str:
    """Return what the worker has to say of a session, if it said so lately."""
    try:
        with open(f"{home}/live/{AGENT}~{session}.note", "rb") as file:
            if time.time() - os.fstat(file.fileno()).st_mtime > AGE:
                return ""
            text = file.read(300).decode("utf-8", "replace")
    except OSError:
        return ""
    return "".join(c if c.isprintable() else " " for c in text.split("\n")[0]).strip()


def thresholds(home: str) -> list[tuple[str, float]]:
    """Return the bands and where they begin, as configured in the file."""
    found = dict(BANDS)
    try:
        with open(home + "/config.toml", "rb") as file:
            text = file.read(LARGEST)
        if b"budget" in text:
            import tomllib

            budget = tomllib.loads(text.decode()).get("budget", {})
            found |= {name: float(budget[name]) for name in found if name in budget}
    except (OSError, ValueError, TypeError, AttributeError):
        pass  # they are as usual; `segue budget` says what is wrong with the file
    return sorted(found.items(), key=lambda one: one[1])


def line(told: dict[str, object], bands: list[tuple[str, float]], more: str = "", *, colour: bool = True) -> str:
    """Return the line: how full the context is, what is left, what it cost, and what the worker says."""
    used, window, parts = whole(told.get("used")), whole(told.get("window")), ["segue"]
    if window:
        percent = 100 * used / window
        band = ([""] + [name for name, least in bands if percent >= least])[-1]
        full = min(round(percent * WIDTH / 100), WIDTH)
        bar = "█" * full + "░" * (WIDTH - full)
        parts = [
            f"segue {bar} {percent:.0f} %{' ' + band if band else ''}",
            f"{short(max(window - used, 0))} of {short(window)} left",
        ]
        if colour:
            parts[0] = f"\x1b[{COLOURS.get(band, '33')}m{parts[0]}\x1b[0m"
    elif used:
        parts.append(f"{short(used)} used")
    cost = told.get("cost_usd")
    if isinstance(cost, (int, float)) and cost:
        parts.append(f"${cost:.2f}")
    return " · ".join([*parts, more] if more else parts)


def short(tokens: int) -> str:
    """Return a number of tokens in few characters: 850, 94k, 1.2M."""
    if tokens < 1_000:
        return str(tokens)
    return f"{tokens / 1_000_000:.1f}M" if tokens >= 999_500 else f"{tokens / 1_000:.0f}k"


def run(home: str, colour: bool) -> None:  # noqa: FBT001 - what two callers have to say
    """Read, keep and print."""
    told: dict[str, object] = {}
    with suppress(OSError, ValueError, RecursionError):
        told = figures(json.loads(sys.stdin.buffer.read(LARGEST)))
    more = ""
    if home and "session" in told:
        with suppress(OSError):  # the line is what counts
            keep(home, told)
        more = note(home, told["session"])
    text = line(told, thresholds(home) if home else list(BANDS), more, colour=colour)
    sys.stdout.buffer.write(text.encode() + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    with suppress(OSError):  # nobody reads it
        run(HOME, colour="NO_COLOR" not in os.environ)
