"""JSON Schema of typed dictionaries, for the published schema of the state document."""

from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

_SIMPLE = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}


def object_of(typed: Any) -> dict[str, Any]:
    """Return the schema of a TypedDict's objects; further fields are allowed, a newer program may write them."""
    hints = get_type_hints(typed)
    about = (typed.__doc__ or "").strip().split("\n")[0]
    return {
        "type": "object",
        "description": about,
        "properties": {name: _of(hint) for name, hint in hints.items()},
        "required": sorted(typed.__required_keys__),
    }


def _of(hint: Any) -> dict[str, Any]:
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any:
        return {}
    if is_typeddict(hint):
        return object_of(hint)
    if origin is list:
        return {"type": "array", "items": _of(args[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _of(args[1])}
    if origin is Literal:
        return {"enum": list(args)}
    if origin in {Union, UnionType}:
        return {"anyOf": [_of(a) for a in args]}
    return {"type": _SIMPLE[hint]}
