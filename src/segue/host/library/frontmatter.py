"""YAML of others, as data: texts, lists and tables of texts, and nothing that grows, runs or refers to something else.

PyYAML's parser says what the document is made of; no constructor of it is called. A plain scalar stays the text that its author
wrote: `2026-01-050`, `007`, `1.10` and `12:30` are what they look like, in YAML 1.1 some of them are not.
"""

from typing import Any, Final

_DEPTH: Final = 16
_MOST: Final = 10_000
"""Nodes of one front matter."""
_QUOTES: Final = frozenset("'\"|>")
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})


def read(text: str) -> tuple[dict[str, Any], list[str]]:
    """Return what a front matter says, as far as it can be read, and what is wrong with it."""
    import yaml

    builder = _Builder()
    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        for event in yaml.parse(text, Loader=loader):
            if not builder.take(event):
                break
    except yaml.YAMLError as e:
        mark = getattr(e, "problem_mark", None)
        where = f", line {mark.line + 2}" if mark is not None else ""
        builder.problems.append(
            f"front matter is no YAML{where}: {getattr(e, 'problem', None) or 'it has characters of no text'}"
        )
    except (ValueError, RecursionError) as e:  # of PyYAML itself: an escape that is no character
        builder.problems.append(f"front matter is no YAML: {type(e).__name__}")
    return builder.value, builder.problems


class _Builder:
    """Puts values together from the events of a parser, without recursion."""

    def __init__(self) -> None:
        self.value: dict[str, Any] = {}
        self.problems: list[str] = []
        self._stack: list[tuple[Any, str | None]] = []
        """Lists and tables that are open, each with the key that a value is awaited for."""
        self._seen = 0

    def take(self, event: Any) -> bool:
        """Take an event; return whether there is more to read."""
        name = type(event).__name__
        self._seen += 1
        if name in {"StreamStartEvent", "DocumentStartEvent"}:
            return True
        if name == "AliasEvent":
            return self._refuse(f"an alias (*{event.anchor})")
        if getattr(event, "tag", None) not in {None, "!"}:
            return self._refuse(f"a tag ({event.tag[:60]})")
        if len(self._stack) >= _DEPTH or self._seen > _MOST:
            return self._refuse("more than a note needs")
        if name == "ScalarEvent":
            return self._scalar(event)
        if name in {"MappingStartEvent", "SequenceStartEvent"}:
            return self._open({} if name[0] == "M" else [])
        if name in {"MappingEndEvent", "SequenceEndEvent"}:
            self._stack.pop()
        return bool(self._stack)

    def _scalar(self, event: Any) -> bool:
        value = None if event.style not in _QUOTES and event.value in _NULLS else event.value
        if not self._stack:
            return self._refuse("a text where names with values should be") if value else False
        holder, key = self._stack[-1]
        if isinstance(holder, dict) and key is None:
            self._stack[-1] = (holder, event.value)
            return True
        return self._put(value)

    def _open(self, value: Any) -> bool:
        if not self._stack:
            if isinstance(value, list):
                return self._refuse("a list where names with values should be")
            self.value = value
        elif self._stack[-1][1] is None and isinstance(self._stack[-1][0], dict):
            return self._refuse("a name that is a list or a table")
        else:
            self._put(value)
        self._stack.append((value, None))
        return True

    def _put(self, value: Any) -> bool:
        holder, key = self._stack[-1]
        if key is None:
            holder.append(value)
            return True
        if key in holder:
            self.problems.append(f"front matter has {key[:60]!r} twice: the first counts")
        else:
            holder[key] = value
        self._stack[-1] = (holder, None)
        return True

    def _refuse(self, what: str) -> bool:
        self.problems.append(f"front matter has {what}: it is read up to there")
        return False
