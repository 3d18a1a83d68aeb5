"""JSON Schema (2020-12) of segue's documents, written from the types that the code uses."""

import ast
import inspect
import textwrap
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


def attributes(made: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Return types and docstrings of the attributes that an object's `__init__` sets: as annotated, else of the value."""
    module = inspect.getmodule(type(made))
    tree = ast.parse(textwrap.dedent(inspect.getsource(type(made).__init__)))
    body = tree.body[0].body if isinstance(tree.body[0], ast.FunctionDef) else []
    hints, docs, last = {}, {}, ""
    for one in body:
        target = one.target if isinstance(one, ast.AnnAssign) else one.targets[0] if isinstance(one, ast.Assign) else None
        if isinstance(target, ast.Attribute):
            last = target.attr
            annotated = ast.unparse(one.annotation) if isinstance(one, ast.AnnAssign) else ""
            hints[last] = eval(annotated, vars(module)) if annotated else type(getattr(made, last))  # noqa: S307 (our own source)
        elif isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant) and last:
            docs[last] = " ".join(str(one.value.value).split())
    return hints, docs


def state() -> dict[str, Any]:
    """Return the schema of the state document: what `State.to_json` gives."""
    from segue.core.session.state import SCHEMA, State

    defs: dict[str, Any] = {}
    hints, docs = attributes(State())
    whole = of_fields(hints, docs, defs, doc=inspect.getdoc(State) or "", required={"schema", *hints})
    whole["properties"] = {"schema": {"const": SCHEMA}, **whole["properties"]}
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": SCHEMA}
    return {**head, **whole, "$defs": dict(sorted(defs.items()))}
