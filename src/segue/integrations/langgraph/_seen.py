"""Whether a message is what it was when it was serialised: then it need not be serialised again.

A graph saves the same messages again and again. An object that is the same, with fields that are equal, serialises to the same
bytes; who changed it in place, however deep, is found out by the copy of its fields.
"""

import weakref
from typing import Any, Final

from langchain_core.messages import BaseMessage

_FIXED: Final = frozenset({str, int, float, bool, bytes, type(None)})
_NO_FIELDS: Final[dict[str, Any]] = {}
_NO_VALUES: Final[list[Any]] = []
"""Copies of what is empty; nobody gets hold of them to fill them."""


class Seen:
    """A message as it was. It is not kept alive."""

    __slots__ = ("_extra", "_fields", "_message", "number")

    def __init__(self, message: BaseMessage, fields: Any, extra: Any) -> None:
        """Keep copies of what it consists of."""
        self.number = id(message)
        """The object's, which another one may have when it is no more."""
        self._message = weakref.ref(message)
        self._fields, self._extra = fields, extra

    def is_still(self, value: Any) -> bool:
        """Return whether *value* is that message, unchanged."""
        message = self._message()
        if message is None or message is not value:
            return False
        return bool(message.__dict__ == self._fields and message.__pydantic_extra__ == self._extra)


def seen(value: Any) -> Seen | None:
    """Return what tells later whether *value* is still the same; None for what is no message, or holds more than plain values."""
    if not isinstance(value, BaseMessage):
        return None
    extra = value.__pydantic_extra__
    try:
        return Seen(value, _copied(value.__dict__), None if extra is None else _copied(extra))
    except TypeError:
        return None


def _copied(fields: dict[str, Any]) -> dict[str, Any]:
    """Return a copy that shares nothing which can change. Most of a message's fields are texts, or empty."""
    copied = fields.copy()
    for name, value in fields.items():
        kind = type(value)
        if kind in _FIXED:
            continue
        if kind is dict:
            copied[name] = _copied(value) if value else _NO_FIELDS
        else:
            copied[name] = _listed(value) if value or kind is not list else _NO_VALUES
    return copied


def _listed(values: Any) -> list[Any]:
    if type(values) is not list:
        raise TypeError(type(values).__name__)
    return [v if type(v) in _FIXED else _copied(v) if type(v) is dict else _listed(v) for v in values]
