"""Which files agents touched, as events tell: what a snapshot within a turn has to look at.

Events tell it whole as long as every call of a tool says what it did to which file. A command in a shell may have done anything,
so may a tool that nobody knows, and the user once the turn is his: then the whole work tree is to be looked at.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from segue.core.log.events import Event

_CHANGES: Final = frozenset({"write", "edit", "delete"})
_LOOKS: Final = frozenset({"read", "search"})
_HARMLESS: Final = frozenset({
    "TodoWrite", "TodoRead", "todowrite", "todoread", "todo_write", "write_todos", "update_plan", "ExitPlanMode", "WebFetch",
    "WebSearch", "webfetch", "web_fetch", "web_search", "google_web_search", "ToolSearch", "AskUserQuestion",
})  # fmt: skip
"""Tools that change no file."""


def touched(events: Iterable[Event]) -> list[str] | None:
    """Return the files that were changed in *events*, sorted, as absolute paths; None where that cannot be known.

    Args:
        events: all since the last snapshot, of all streams, oldest first.
    """
    seen = _Seen()
    for event in events:
        if event.kind == "loss" or event.erased or (event.kind == "message" and not seen.take(event.body)):
            return None
    return seen.files()


def changed(events: Iterable[Event]) -> frozenset[str] | None:
    """Return the files that agents changed in *events*, whatever the user did meanwhile; None where it cannot be known."""
    seen = _Seen(turns=False)
    if all(seen.take(event.body) for event in events if event.kind == "message" and not event.erased):
        found = seen.files()
        return None if found is None else frozenset(found)
    return None


class _Seen:
    """What the messages so far told. *turns*: at the end of one, anybody may have changed any file."""

    def __init__(self, *, turns: bool = True) -> None:
        self._turns = turns
        self._paths: set[str] = set()
        self._open: dict[str, str] = {}
        self._over = False

    def take(self, body: Mapping[str, Any]) -> bool:
        """Take a message; return whether all is known still."""
        role = body.get("role")
        parts = [part for part in _list(body.get("parts")) if isinstance(part, dict)]
        calls = [part for part in parts if part.get("type") == "tool_call"]
        answers = [part for part in parts if part.get("type") == "tool_call_response"]
        if self._turns and role == "user" and not answers and body.get("meta") is not True:
            return False  # between two turns the user had the files to himself
        self._over = role == "assistant" and not calls if role in ("assistant", "tool", "user") else self._over
        for call in calls:
            self._open[str(call.get("id"))] = str(call.get("name"))
        told = set()
        for effect in _list(body.get("effects")):
            if not self._effect(effect):
                return False
            told.add(str(effect.get("call")))
        return all(self._answer(str(answer.get("id")), told) for answer in answers)

    def files(self) -> list[str] | None:
        """Return what was changed; None at the end of a turn, and while a tool is at work."""
        return None if (self._turns and self._over) or self._open else sorted(self._paths)

    def _answer(self, call: str, told: set[str]) -> bool:
        name = self._open.pop(call, "")
        return call in told or name in _HARMLESS

    def _effect(self, effect: Any) -> bool:
        if not isinstance(effect, dict):
            return False
        path = effect.get("path")
        if effect.get("op") in _CHANGES and isinstance(path, str) and path.startswith("/"):
            self._paths.add(path)
            return True
        return effect.get("op") in _LOOKS


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
