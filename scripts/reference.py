"""The generated parts of the documents: each function prints Markdown, called from a cog block in the page that shows it."""

import ast
import inspect
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, get_type_hints


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Print a Markdown table."""
    names = list(header)
    print("| " + " | ".join(names) + " |")
    print("|" + " --- |" * len(names))
    for row in rows:
        print("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |")


def first_sentence(thing: Any) -> str:
    """Return the first paragraph of a docstring, on one line."""
    return " ".join((inspect.getdoc(thing) or "").partition("\n\n")[0].split())


# --- errors --------------------------------------------------------------------------------------

EXIT_CODES = {
    0: "done",
    1: "failed",
    2: "usage: the call's words are off",
    3: "a person must verify",
    4: "not found",
    5: "conflict, or held by another",
    6: "damaged data",
    7: "wrong key",
    8: "the store is newer than the program",
    130: "interrupted",
}
"""The product's meanings; an exit code of an error class that is missing here is a mistake (and a KeyError)."""


def error_classes() -> list[Any]:
    """Return every error class, by exit code and code."""
    from segue.core import errors

    found, queue = [], [errors.SegueError]
    while queue:
        found.append(queue.pop())
        queue += found[-1].__subclasses__()
    own = [one for one in found if one.__module__.startswith("segue.core.")]
    return sorted(own, key=lambda one: (one.exit_code, len(one.__mro__), one.code))


def exit_codes() -> None:
    """Print the exit codes with the errors that lead to them."""
    by_code: dict[int, list[str]] = {code: [] for code in EXIT_CODES}
    for one in error_classes():
        by_code[one.exit_code].append(f"`{one.code}`")
    table(
        ("exit code", "meaning", "errors"),
        ((str(code), EXIT_CODES[code], " ".join(names)) for code, names in by_code.items()),
    )


def errors() -> None:
    """Print every error with its class."""
    table(
        ("code", "exit code", "class", "meaning"),
        ((f"`{e.code}`", str(e.exit_code), f"`{e.__name__}`", first_sentence(e)) for e in error_classes()),
    )


# --- kinds of event ------------------------------------------------------------------------------


def field_docs(typed: Any) -> dict[str, str]:
    """Return the docstrings written under the fields of a class, its bases' included."""
    docs: dict[str, str] = {}
    for base in reversed([typed, *getattr(typed, "__orig_bases__", ())]):
        if not inspect.isclass(base):
            continue
        body = ast.parse(inspect.getsource(base)).body[0]
        statements = body.body if isinstance(body, ast.ClassDef) else []
        for field, doc in pairwise(statements):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(doc, ast.Expr):
                docs[field.target.id] = " ".join(str(ast.literal_eval(doc.value)).split())
    return docs


def type_words(hint: Any) -> str:
    """Return a type the way JSON speaks of it."""
    import types
    import typing

    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return " ".join(f"`{one}`" for one in args)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(type_words(one) for one in args)
    if origin is list:
        inner = type_words(args[0])
        return "list" if inner == "any" else f"list of {inner}"
    names = {str: "string", int: "integer", float: "number", bool: "boolean", dict: "object", types.NoneType: "null", Any: "any"}
    return names.get(origin or hint) or f"[{hint.__name__}](#{hint.__name__.lower()})"


def fields_table(typed: Any) -> None:
    """Print the fields of a body."""
    docs = field_docs(typed)
    hints = {k: v for k, v in get_type_hints(typed).items() if not k.startswith("_")}
    if not hints:
        return
    table(
        ("field", "type", ""),
        (
            (f"`{name}`" + (" (required)" if name in typed.__required_keys__ else ""), type_words(hint), docs.get(name, ""))
            for name, hint in hints.items()
        ),
    )


def kinds() -> None:
    """Print every kind of event with the fields of its body."""
    from segue.core.log.bodies import Part, Usage
    from segue.core.log.kinds import KINDS

    table(
        ("kind", "version", "node", "meaning"),
        (
            (f"[`{k.name}`](#{k.body.__name__.lower()})", str(k.version), "yes" if k.node else "", first_sentence(k.body))
            for k in KINDS.values()
        ),
    )
    bodies = {k.body.__name__: k.body for k in KINDS.values()} | {"Part": Part, "Usage": Usage}
    for name in sorted(bodies):
        used = ", ".join(f"`{k.name}`" for k in KINDS.values() if k.body is bodies[name])
        print(f"\n### {name}\n\n{first_sentence(bodies[name])}" + (f" Body of {used}." if used else "") + "\n")
        fields_table(bodies[name])


# --- state ---------------------------------------------------------------------------------------


def lifecycle() -> None:
    """Print the diagram of the lifecycle, the event that each verb appends, and the words for why."""
    from segue.core.session import lifecycle as life

    print(f"```mermaid\n{life.diagram()}```\n")
    table(("verb", "appends"), ((f"`{name}`", f"`{verb.kind}`") for name, verb in life.VERBS.items()))
    print()
    table(("verb", "reasons"), ((f"`{verb}`", " ".join(f"`{one}`" for one in known)) for verb, known in life.REASONS.items()))


def state() -> None:
    """Print the sections of the state document and their fields."""
    import schema

    whole = schema.state()
    schema_table(whole)
    for name, section in whole["$defs"].items():
        print(f"\n## {name}\n\n{' '.join(section['description'].split())}\n")
        schema_table(section)


def schema_table(section: dict[str, Any]) -> None:
    """Print the fields of an object's schema."""
    table(
        ("field", "type", ""),
        ((f"`{name}`", schema_words(field), field.get("description", "")) for name, field in section["properties"].items()),
    )


def schema_words(field: dict[str, Any]) -> str:
    """Return a schema in a few words."""
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in field:
        return " or ".join(schema_words(one) for one in field["anyOf"])
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return " ".join(f"`{one}`" for one in field["enum"])
    inner = field.get("items") or field.get("additionalProperties")
    word = str(field.get("type", "any"))
    return f"{word} of {schema_words(inner)}" if inner else word


# --- commands and settings -----------------------------------------------------------------------


def commands() -> None:
    """Print the help of segue and of each command, as it is shown at 100 columns."""
    import click

    from segue.cli.main import SECTIONS, cli

    width = {"terminal_width": 100, "max_content_width": 100}
    top = click.Context(cli, info_name="segue", **width)
    print(f"```text\n{cli.get_help(top).strip()}\n```")
    for section, names in SECTIONS.items():
        print(f"\n## {section}")
        for name in names:
            command_help(cli.get_command(top, name), name, top, width)


def command_help(command: Any, name: str, above: Any, width: dict[str, int]) -> None:
    """Print the help of a command and of those below it."""
    import click

    ctx = click.Context(command, info_name=name, parent=above, **width)
    print(f"\n### {ctx.command_path}\n\n```text\n{command.get_help(ctx).strip()}\n```")
    for below in command.list_commands(ctx) if isinstance(command, click.Group) else []:
        command_help(command.get_command(ctx, below), below, ctx, width)


def settings() -> None:
    """Print every setting."""
    from segue.host.config import KEYS

    table(
        ("setting", "variable", "default", ""),
        (
            (
                f"`{key.name}`",
                f"`{key.variable}`",
                f"`{key.default}`" if key.default else "",
                key.what + (f" (one of {', '.join(f'`{one}`' for one in key.choices)})" if key.choices else ""),
            )
            for key in KEYS
        ),
    )


# --- Python --------------------------------------------------------------------------------------


LONGEST_DEFAULT = 30


def python_names() -> None:
    """Print every public name of `segue` with what it is."""
    import segue

    table(
        ("name", "what it is"),
        ((f"`segue.{name}`", first_sentence(getattr(segue, name))) for name in segue.__all__ if not name.startswith("_")),
    )


def python_aio() -> None:
    """Print what the asynchronous API has beside the synchronous one's names, and what its twins are."""
    import segue
    from segue import aio

    own = [name for name in aio.__all__ if getattr(aio, name) is not getattr(segue, name, None)]
    table(("name", "what it is"), ((f"`aio.{name}`", first_sentence(getattr(aio, name))) for name in own))
    for name in ("outcome", "Outcome.state", "Outcome.result", "Outcome.error", "Outcome.settled", "Session.watch"):
        kind, _, method = name.partition(".")
        made = inspect.getattr_static(getattr(aio, kind), method) if method else getattr(aio, kind)
        call = f".{method}" if method else f"aio.{kind}"
        call += "" if isinstance(made, property) else signature(made)
        print(f"\n### aio.{name}\n\n```python\n{call}\n```\n\n```text\n{inspect.getdoc(made)}\n```")


def python_class(name: str) -> None:
    """Print the public methods of a class of `segue`, with their whole docstrings."""
    import segue

    found = getattr(segue, name)
    for method, made in vars(found).items():
        if not method.startswith("_"):
            call = f".{method}" if isinstance(made, property) else f".{method}{signature(made)}"
            print(f"\n### {name}.{method}\n\n```python\n{call}\n```\n\n```text\n{inspect.getdoc(made)}\n```")


def signature(function: Any) -> str:
    """Return a function's signature with the annotations as they are written; `self` is left out, long defaults are dots."""
    whole = inspect.signature(function)
    shown = [
        one.replace(
            annotation=plain_type(one.annotation),
            default=_Written("...") if len(repr(one.default)) > LONGEST_DEFAULT else one.default,
        )
        for name, one in whole.parameters.items()
        if name != "self"
    ]
    return str(whole.replace(parameters=shown, return_annotation=plain_type(whole.return_annotation)))


class _Written(str):
    """An annotation that shows itself as it is written."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def plain_type(hint: Any) -> Any:
    """Return an annotation without the modules of its names."""
    import re

    if hint is inspect.Parameter.empty:
        return hint
    text = hint if isinstance(hint, str) else inspect.formatannotation(hint)
    return _Written(re.sub(r"\b(?:\w+\.)+(?=\w)", "", text))
