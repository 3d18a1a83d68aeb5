"""Whether a message is what it was when it was serialised: then it need not be serialised again.

A graph saves the same messages again and again. An object that is the same, with fields that are equal, serialises to the same
bytes; who changed it in place, however deep, is found out by the copy of its fields.
"""

import weakref
from typing import Any, Final

from langchain_core.messages import BaseMessage

_FIXED: Final = (str, int, float, bool, bytes, type(None))


class Seen:
    """A message as it was. It is not kept alive."""

    __slots__ = ("_extra", "_fields", "_message")

    def __init__(self, message: BaseMessage, fields: Any, extra: Any) -> None:
        """Keep copies of what it consists of."""
        self._message = weakref.ref(message)
        self._fields, self._extra = fields, extra

    @property
    def number(self) -> int:
        """Return the id of the object, or 0 where it is no more."""
        message = self._message()
        return 0 if message is None else id(message)

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
    try:
        return Seen(value, _copy(value.__dict__), _copy(value.__pydantic_extra__))
    except TypeError:
        return None


def _copy(value: Any) -> Any:
    if type(value) in _FIXED:
        return value
    if type(value) is dict:
        return {name: _copy(inner) for name, inner in value.items()}
    if type(value) is list:
        return [_copy(inner) for inner in value]
    raise TypeError(type(value).__name__)
