"""What a conversation tells of the files that come next: those at hand, those that were named, what is talked about."""

from collections.abc import Sequence
from typing import Final

from segue.core.context.items import Item, command_of, mentions
from segue.core.context.prediction import Group

_TALK: Final = 3
"""Things said last by the agent that are looked at."""
_SAID: Final = 4_000
_SHOWN: Final = 400
"""Items back to which paths in outputs are looked for."""
_LISTED: Final = 20_000
_NAMERS: Final = {
    "instruction": (1.0, "by the user"),
    "prose": (1.0, "by the agent"),
    "result": (0.8, "in an output"),
    "error": (1.0, "in an error"),
}
"""Who names paths: what that weighs, and how it is called."""
_NAMED_FADES: Final = 0.95
_ASKED: Final = 0.35
SESSION_WEIGHT: Final = 1.5
"""What an earlier session counts beside a commit."""


def at_hand(items: Sequence[Item], workspace: str) -> list[str]:
    """Return the files that a conversation touched, relative to its workspace, each once, that touched last first."""
    found: dict[str, None] = {}
    for item in reversed(items):
        for path in _touched(item):
            found.setdefault(relative(path, workspace))
    found.pop("", None)
    return list(found)


def named_in(items: Sequence[Item], workspace: str, touched: Sequence[str]) -> list[tuple[str, float, str]]:
    """Return the paths that were named and not touched, what that weighs, and where: by the user, the agent, or in an output.

    Those named last weigh most; what the user named never weighs less than a part.
    """
    known = set(touched)
    last: dict[str, str] = {}
    asked: set[str] = set()
    for item in reversed(items[-_SHOWN:]):
        if item.kind in _NAMERS:
            for path in _named(item, workspace):
                if path not in known:
                    last.setdefault(path, item.kind)
    for item in items:
        if item.kind == "instruction":
            asked.update(path for path in _named(item, workspace) if path not in known)
    found = {}
    for n, (path, kind) in enumerate(last.items()):
        weight, where = _NAMERS[kind]
        found[path] = (weight * _NAMED_FADES**n, where)
    for path in asked:
        if found.get(path, (0.0, ""))[0] < _ASKED:
            found[path] = (_ASKED, _NAMERS["instruction"][1])
    return [(path, *found[path]) for path in sorted(found, key=lambda path: (-found[path][0], path))]


def _named(item: Item, workspace: str) -> list[str]:
    return [name for path in mentions(item.text[:_LISTED]) if (name := relative(path, workspace))]


def talk_of(items: Sequence[Item], task: str = "") -> list[tuple[str, float]]:
    """Return what is talked about: the task, what the user said last and first, what the agent said last."""
    said = [item.text[:_SAID] for item in items if item.kind == "instruction"]
    found = [(task, 1.0)] if task else []
    found += [(said[-1], 1.0), (said[0], 0.4)] if said else []
    prose = [item.text[:_SAID] for item in items[-200:] if item.kind == "prose"][-_TALK:]
    return found + [(text, 0.8 - 0.2 * n) for n, text in enumerate(reversed(prose))]


def session_group(name: str, items: Sequence[Item], workspace: str) -> Group:
    """Return the files of a session, as those that went together."""
    return Group(name, frozenset(at_hand(items, workspace)[:60]), SESSION_WEIGHT)


def relative(path: str, workspace: str) -> str:
    """Return *path* relative to *workspace*; empty where it is elsewhere."""
    home = workspace.rstrip("/")
    if path.startswith("/"):
        return path[len(home) + 1 :] if home and path.startswith(f"{home}/") else ""
    name = path.removeprefix("./")
    return "" if name.startswith(("../", "~")) else name


def _touched(item: Item) -> list[str]:
    if item.kind not in {"call", "result"}:
        return []
    paths = [touch.path for touch in item.touches if touch.path]
    if item.kind == "call":
        paths += mentions(command_of(item.arguments))
    return [path for path in paths if "." in path.rsplit("/", 1)[-1]]
