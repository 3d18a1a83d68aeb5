"""JSON Schema (2020-12) of segue's documents, written from the types that the code uses."""

import inspect
import types
import typing
from typing import Any

from reference import field_docs

SCALARS: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    types.NoneType: {"type": "null"},
}


def of_type(hint: Any, defs: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a type; classes go to *defs* and are referred to."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return {}
    if hint in SCALARS:
        return SCALARS[hint]
    if origin is typing.Literal:
        return {"enum": list(args)}
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [of_type(one, defs) for one in args]}
    if origin in (list, tuple):
        return {"type": "array", "items": of_type(args[0], defs)}
    if origin is dict or hint is dict:
        return {"type": "object", "additionalProperties": of_type(args[1], defs) if args else {}}
    if hint.__name__ not in defs:
        defs[hint.__name__] = {}  # against endless recursion
        defs[hint.__name__] = of_fields(
            typing.get_type_hints(hint), field_docs(hint), defs, doc=inspect.getdoc(hint) or "", required=hint.__required_keys__
        )
    return {"$ref": f"#/$defs/{hint.__name__}"}


def of_fields(
    hints: dict[str, Any], docs: dict[str, str], defs: dict[str, Any], *, doc: str, required: typing.Collection[str]
) -> dict[str, Any]:
    """Return the schema of an object."""
    fields = {
        name: of_type(hint, defs) | ({"description": docs[name]} if name in docs else {}) for name, hint in sorted(hints.items())
    }
    return {"description": doc, "type": "object", "properties": fields, "required": sorted(required)}


def state() -> dict[str, Any]:
    """Return the schema of the state document: what `core.session.document.document` gives."""
    from segue.core.session.document import Document

    defs: dict[str, Any] = {}
    of_type(Document, defs)
    whole = defs.pop("Document")
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "segue state document"}
    return {**head, **whole, "$defs": dict(sorted(defs.items()))}
