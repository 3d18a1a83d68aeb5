"""Arguments of a tool against its schema: the words of JSON Schema that our own schemas have, and a cap on every text."""

from collections.abc import Mapping
from typing import Any, Final

LONGEST: Final = 8_000
"""Characters of a text, where the schema does not say."""
_TYPES: Final[Mapping[str, tuple[type, ...]]] = {"string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,)}


def problems(schema: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with *given*, each in a sentence that says what is right; nothing where all is well."""
    known = schema["properties"]
    found = [f"{name} is missing" for name in schema.get("required", ()) if name not in given]
    for name, value in given.items():
        if name not in known:
            found.append(f"there is no argument {name[:80]!r}; there are: {', '.join(known) or 'none'}")
        elif problem := _problem(known[name], value):
            found.append(f"{name} {problem}")
    return found


def _problem(schema: Mapping[str, Any], value: Any) -> str:
    kind = schema["type"]
    if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        return f"must be of type {kind}"
    if "enum" in schema and value not in schema["enum"]:
        return f"must be one of: {', '.join(schema['enum'])}"
    if isinstance(value, str):
        if not value.strip() and schema.get("minLength"):
            return "must not be empty"
        if "\0" in value or any("\ud800" <= c <= "\udfff" for c in value):
            return "has characters that are no text"
        if len(value) > (most := schema.get("maxLength", LONGEST)):
            return f"has {len(value):,} characters; at most {most:,} are taken"
    elif isinstance(value, int | float) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        return f"must be between {schema['minimum']:,} and {schema['maximum']:,}"
    return ""
