"""Which items and namespaces a search means: filters, paths with wildcards, nearness."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import sqrt
from operator import ge, gt, le, lt, mul
from typing import Any, Final

from langgraph.store.base import InvalidNamespaceError, MatchCondition

Namespace = tuple[str, ...]

_ORDER: Final[dict[str, Callable[[Any, Any], bool]]] = {"$gt": gt, "$gte": ge, "$lt": lt, "$lte": le}


def check_labels(namespace: Namespace) -> None:
    """Refuse a namespace with a label that is none. Raises InvalidNamespaceError."""
    for label in namespace:
        if not isinstance(label, str) or not label or "." in label or "\0" in label:
            raise InvalidNamespaceError(f"a label is text without periods and NUL, not {label!r:.80} in {namespace!r:.200}")


def fits(value: Mapping[str, Any], wanted: Mapping[str, Any] | None) -> bool:
    """Return whether an item's value has all that a filter wants. Raises ValueError for an operator that there is not."""
    return all(_agrees(value.get(name), what) for name, what in (wanted or {}).items())


def _agrees(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        if any(isinstance(name, str) and name.startswith("$") for name in wanted):
            return all(_compares(value, operator, other) for operator, other in wanted.items())
        return isinstance(value, Mapping) and all(_agrees(value.get(name), what) for name, what in wanted.items())
    if isinstance(wanted, (list, tuple)):
        same = isinstance(value, (list, tuple)) and len(value) == len(wanted)
        return same and all(_agrees(one, what) for one, what in zip(value, wanted, strict=True))
    return bool(value == wanted)


def _compares(value: Any, operator: str, other: Any) -> bool:
    if operator == "$eq":
        return bool(value == other)
    if operator == "$ne":
        return bool(value != other)
    order = _ORDER.get(operator)
    if order is None:
        raise ValueError(f"there is no operator {operator!r}: it is one of $eq, $ne, {', '.join(_ORDER)}")
    numbers = _number(value), _number(other)
    if None not in numbers:
        return order(*numbers)
    return isinstance(value, str) and isinstance(other, str) and order(value, other)


def _number(value: Any) -> float | None:
    """Return what counts as a number: also a text that is one."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def named(namespaces: Iterable[Namespace], conditions: Sequence[MatchCondition], depth: int | None) -> list[Namespace]:
    """Return the namespaces that all *conditions* fit, cut to *depth* labels, sorted, each once."""
    found = {ns[:depth] for ns in namespaces if all(_lies(ns, one) for one in conditions)}
    return sorted(found)


def _lies(namespace: Namespace, condition: MatchCondition) -> bool:
    path = tuple(condition.path)
    if condition.match_type not in {"prefix", "suffix"}:
        raise ValueError(f"there is no match type {condition.match_type!r}: it is 'prefix' or 'suffix'")
    if len(namespace) < len(path):
        return False
    part = namespace[: len(path)] if condition.match_type == "prefix" else namespace[len(namespace) - len(path) :]
    return all(wanted in {"*", label} for label, wanted in zip(part, path, strict=True))


def cosines(query: Sequence[float], vectors: Sequence[Sequence[float]]) -> list[float]:
    """Return how near each vector is to *query*, from -1 to 1; 0 for one without length."""
    length = _length(query)
    found = []
    for vector in vectors:
        both = length * _length(vector)
        found.append(sum(map(mul, query, vector)) / both if both else 0.0)
    return found


def _length(vector: Sequence[float]) -> float:
    return sqrt(sum(map(mul, vector, vector)))
