"""JSON with comments, edited as text: what is put in is one piece of text, and taking it out leaves every other byte.

Nothing is ever written from a parsed document: order, comments, indentation and line ends are the user's. New members go
first into their object, a new item goes behind the last one of its list (Codex knows a user's hooks by their number), and the
comma is part of the piece that was put in, so that what a person adds around it later needs no change when it is taken out.
"""

import json
import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

_TRIVIA: Final = re.compile(r"(?>[ \t\r\n]+|//[^\r\n]*|/\*.*?\*/)*+", re.DOTALL)
_SPACE_OR_COMMENT: Final = re.compile(r"[ \t\r\n]+|//[^\r\n]*|/\*.*?\*/", re.DOTALL)
_SPACE: Final = " \t\r\n"
_STRING: Final = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_SCALAR: Final = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null")
_REST_OF_LINE: Final = re.compile(r"(?>[ \t]+|/\*[^\r\n]*?\*/)*+(?://[^\r\n]*)?(?=\r?\n)")
_DEPTH: Final = 100


class NotJsonError(ValueError):
    """A text that is not JSON, with comments or without; the message says where and why."""


class Element(NamedTuple):
    """A member of an object or an item of an array: its text is `[start, end)`."""

    key: str | None
    start: int
    end: int
    node: "Node"


class Node(NamedTuple):
    """A value: its text is `[start, end)`."""

    start: int
    end: int
    value: Any
    elements: tuple[Element, ...] = ()

    def get(self, key: str) -> "Node | None":
        """Return a member's value, the last one of that key as every reader of JSON does; None where there is none."""
        return next((e.node for e in reversed(self.elements) if e.key == key), None)


class Piece(NamedTuple):
    """A text to be put in at an offset."""

    at: int
    text: str


def parse(text: str) -> Node:
    """Return the document of *text*, comments and trailing commas allowed.

    Raises:
        NotJsonError: it is none, or nested more than 100 deep.
    """
    at = _skip(text, 1 if text.startswith("\ufeff") else 0)
    node = _value(text, at, 0)
    if (end := _skip(text, node.end)) != len(text):
        raise _error(text, end, "there is more behind the document")
    return node


def put(text: str, pieces: list[Piece]) -> str:
    """Return *text* with all *pieces* put in; their offsets are those of *text*."""
    for piece in sorted(pieces, reverse=True):
        text = text[: piece.at] + piece.text + text[piece.at :]
    return text


def first_in(text: str, node: Node, rendered: Callable[[str], str]) -> Piece:
    """Return the piece that makes elements the first ones of the object or array *node*.

    *rendered* is given the line end and indentation between elements (a single space where they stand on one line), and
    returns the elements with commas between them.
    """
    opened = node.start + 1
    line_end = "\r\n" if "\r\n" in text else "\n"
    line = text[text.rfind("\n", 0, node.start) + 1 : node.start]
    base = line[: len(line) - len(line.lstrip(" \t"))]
    rest = _REST_OF_LINE.match(text, opened)
    if not node.elements:
        between = line_end + base + indentation(text)
        if rest and rest.end() < node.end:
            return Piece(rest.end(), between + rendered(between))
        return Piece(opened, between + rendered(between) + line_end + base)
    first = node.elements[0].start
    if rest and rest.end() < first:
        line = text[text.rfind("\n", 0, first) + 1 : first]
        between = line_end + (base + indentation(text) if line.strip(" \t") else line)
        return Piece(rest.end(), between + rendered(between) + ",")
    at = first if not text[opened:first].strip(" ") else opened
    return Piece(at, rendered(" ") + ", ")


def last_in(text: str, node: Node, rendered: str) -> Piece:
    """Return the piece that makes *rendered* the last item of the array *node*."""
    if not node.elements:
        return first_in(text, node, lambda _: rendered)
    last = node.elements[-1]
    line = text[text.rfind("\n", 0, last.start) + 1 : last.start]
    between = " " if line.strip(" \t") else ("\r\n" if "\r\n" in text else "\n") + line
    comma = _skip(text, last.end)
    if text[comma] == ",":
        return Piece(comma + 1, f"{between}{rendered},")
    return Piece(last.end, f",{between}{rendered}")


def indentation(text: str) -> str:
    """Return one step of indentation as *text* has it; two spaces where it has none."""
    found = re.search(r'^([ \t]+)"', text, re.MULTILINE)
    return found[1] if found else "  "


def without(text: str, ours: Callable[[Any], bool], emptied: Callable[[tuple[str, ...]], bool]) -> str:
    """Return *text* without the items of arrays that are *ours*, and without what that left empty where *emptied* says so.

    *emptied* is given the keys that lead there. Comments stay. For texts that were reformatted since a piece was put in;
    where the piece is still there word for word, it is taken out by itself.

    Raises:
        NotJsonError: the text is not JSON.
    """
    while True:
        found = _ours(parse(text), (), ours, emptied)
        if found is None:
            return text
        text = cut(text, *found)


def drop(text: str, key: str) -> str:
    """Return *text*, an object, without its last member *key*; comments stay. Raises NotJsonError."""
    root = parse(text)
    number = max((n for n, element in enumerate(root.elements) if element.key == key), default=None)
    return text if number is None else cut(text, root, number)


def _ours(
    node: Node, keys: tuple[str, ...], ours: Callable[[Any], bool], emptied: Callable[[tuple[str, ...]], bool]
) -> tuple[Node, int] | None:
    """Return the container and the position of the outermost element that holds nothing but what is ours."""
    for number, element in enumerate(node.elements):
        path = keys if element.key is None else (*keys, element.key)
        inner = element.node
        if element.key is None and ours(inner.value):
            return node, number
        found = _ours(inner, path, ours, emptied)
        if found is None:
            continue
        container, _ = found
        alone = container is inner and len(inner.elements) == 1
        return (node, number) if alone and emptied(path) else found
    return None


def cut(text: str, node: Node, number: int) -> str:
    """Return *text* without an element, its comma and the space in front of it; comments stay."""
    element = node.elements[number]
    comma = _skip(text, node.elements[number - 1].end) if number else -1
    first = comma + 1 if number else node.start + 1
    start = _end_of_comments(text, first, element.start)
    end, after = element.end, _skip(text, element.end)
    if text[after] == ",":
        kept, rest = text[:start], text[end:after] + text[after + 1 :]
    elif number:
        kept, rest = text[:comma] + text[comma + 1 : start], text[end:]
    else:
        kept, rest = text[:start], text[end:].lstrip(_SPACE)
    return kept + (_line_end(text, start, element.start, rest) if start > first else "") + rest


def _end_of_comments(text: str, start: int, end: int) -> int:
    """Return where the last comment in a stretch of space and comments ends; its start where there is none."""
    at = start
    for found in _SPACE_OR_COMMENT.finditer(text, start, end):
        if found[0][0] == "/":
            at = found.end()
    return at


def _line_end(text: str, start: int, end: int, rest: str) -> str:
    """Return the line end that keeps a comment at *start* from running on into the *rest*."""
    line = text[text.rfind("\n", 0, start) + 1 : start]
    gap = text[start:end].lstrip(" \t\r")
    if "//" not in line or not gap.startswith("\n") or rest.lstrip(" \t\r").startswith("\n"):
        return ""
    return "\n"


# --- parsing


def _skip(text: str, at: int) -> int:
    found = _TRIVIA.match(text, at)
    return found.end() if found else at


def _value(text: str, at: int, depth: int) -> Node:
    opening = text[at : at + 1]
    if opening in {"{", "["} and opening:
        if depth == _DEPTH:
            raise _error(text, at, f"nested more than {_DEPTH} deep")
        return _container(text, at, depth)
    found = (_STRING if opening == '"' else _SCALAR).match(text, at)
    if found is None:
        raise _error(text, at, "no value" if opening else "it ends too early")
    try:
        return Node(at, found.end(), json.loads(found[0]))
    except ValueError:
        raise _error(text, at, "no value") from None


def _container(text: str, start: int, depth: int) -> Node:
    is_object = text[start] == "{"
    closing = "}" if is_object else "]"
    elements: list[Element] = []
    at = _skip(text, start + 1)
    while text[at : at + 1] != closing:
        element = _element(text, at, depth, is_object=is_object)
        elements.append(element)
        at = _skip(text, element.end)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
        elif text[at : at + 1] != closing:
            raise _error(text, at, f"',' or '{closing}' is missing" if at < len(text) else "it ends too early")
    value = {e.key: e.node.value for e in elements} if is_object else [e.node.value for e in elements]
    return Node(start, at + 1, value, tuple(elements))


def _element(text: str, at: int, depth: int, *, is_object: bool) -> Element:
    if not is_object:
        node = _value(text, at, depth + 1)
        return Element(None, at, node.end, node)
    key = _STRING.match(text, at)
    if key is None:
        raise _error(text, at, "a key in quotes is missing" if at < len(text) else "it ends too early")
    colon = _skip(text, key.end())
    if text[colon : colon + 1] != ":":
        raise _error(text, colon, "':' is missing")
    node = _value(text, _skip(text, colon + 1), depth + 1)
    try:
        name = json.loads(key[0])
    except ValueError:
        raise _error(text, at, "not a key") from None
    return Element(name, at, node.end, node)


def _error(text: str, at: int, reason: str) -> NotJsonError:
    line = text.count("\n", 0, at) + 1
    column = at - text.rfind("\n", 0, at)
    return NotJsonError(f"line {line}, column {column}: {reason}")
