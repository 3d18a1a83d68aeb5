"""What a person types becomes a query that FTS5 cannot misunderstand, and filters become SQL."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from segue.ports import Filters
from segue.stores.index.feeding import scope_word, second_of
from segue.stores.index.schema import SLOTS

MOST_TERMS: Final = 32
_TERM = re.compile(r'"([^"]*)"|([^\s"]+)')
_WORD = re.compile(r"[^\W_]", re.UNICODE)
_STOP: Final = frozenset(
    {
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "been",
        "but",
        "by",
        "can",
        "did",
        "do",
        "does",
        "for",
        "from",
        "had",
        "has",
        "have",
        "he",
        "her",
        "his",
        "how",
        "i",
        "if",
        "in",
        "is",
        "it",
        "its",
        "me",
        "my",
        "not",
        "of",
        "on",
        "or",
        "our",
        "she",
        "so",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "they",
        "this",
        "to",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "whom",
        "why",
        "will",
        "with",
        "would",
        "you",
        "your",
    }
)
"""English words that say nothing: left out of a ranked query, where it has others. None is ever left out of an exact one."""


class Query(NamedTuple):
    """The terms of a query, each quoted: to FTS5 they are text."""

    terms: tuple[str, ...]
    telling: tuple[str, ...]
    """The terms without stop words."""

    def all_of(self, scope: Sequence[str] = ()) -> str:
        """Return the expression for entries that have every term."""
        return within(" AND ".join(self.terms), scope)

    def any_of(self, scope: Sequence[str] = ()) -> str:
        """Return the expression for entries that have some telling term."""
        return within(" OR ".join(self.telling), scope)

    def shown(self) -> str:
        """Return the expression for pieces of an entry that have some term."""
        return within(" OR ".join(self.terms), ())


def parse(query: str) -> Query:
    """Return the terms of what was typed: words, and phrases between quotes. Anything else in it is no syntax."""
    terms: list[str] = []
    telling: list[str] = []
    for phrase, word in _TERM.findall(query.replace("\0", " ").encode("utf-8", "replace").decode()):
        said = phrase or word
        if _WORD.search(said) and len(terms) < MOST_TERMS:
            term = f'"{said}"'
            terms.append(term)
            if phrase or said.lower().strip(".,:;!?()'") not in _STOP:
                telling.append(term)
    return Query(tuple(dict.fromkeys(terms)), tuple(dict.fromkeys(telling or terms)))


def scope_of(sessions: Sequence[int] | None, kind: str | None, role: str | None) -> list[str]:
    """Return the words of the scope column that an entry must have: one of each group."""
    groups: list[list[str]] = []
    if sessions is not None:
        groups.append([scope_word("s", str(no)) for no in sessions])
    groups += [[scope_word(what, value)] for what, value in (("k", kind), ("r", role)) if value]
    return [" OR ".join(group) for group in groups]


def within(terms: str, scope: Sequence[str] = ()) -> str:
    """Return the expression for entries that have *terms* in what they say, and a word of each of *scope*."""
    parts = [f"{{text names}}: ({terms})", *(f"scope: ({words})" for words in scope)]
    return " AND ".join(f"({part})" for part in parts)


def numbers(found: Iterable[int]) -> str:
    """Return numbers as SQL lists them, each once."""
    return ", ".join(str(number) for number in dict.fromkeys(found))


class Where(NamedTuple):
    """A condition of SQL and its values."""

    sql: str
    values: list[Any]


def sessions_where(filters: Filters, text: str = "", *, times: bool = True) -> Where:
    """Return the condition on rows of `live`; *times* counts the filter's times as of the last activity."""
    parts: list[str] = []
    values: list[Any] = []
    if filters.session is not None:
        parts.append("id = ?")
        values.append(filters.session)
    for name in ("organisation", "project", "type", "workspace", "owner"):
        value = getattr(filters, name)
        if value is not None:
            parts.append(f"{name} = ?")
            values.append(value)
    for name, value in (("agents", filters.agent), ("tags", filters.tag)):
        if value is not None:
            parts.append(f"EXISTS (SELECT 1 FROM json_each(live.{name}) WHERE json_each.value = ?)")
            values.append(value)
    if filters.status:
        parts.append(f"status IN ({', '.join('?' * len(filters.status))})")
        values += filters.status
    if times:
        for operator, time in ((">=", filters.since), ("<", filters.until)):
            if time is not None:
                parts.append(f"last_activity {operator} ?")
                values.append(time)
    if text:
        looked = ("id", "name", "slug", "title", "task", "project", "tags", "foreign_ids")
        parts.append(f"({' OR '.join(f'instr(lower({name}), ?)' for name in looked)})")
        values += [text.lower()] * len(looked)
    return Where(" AND ".join(parts) or "1", [v.encode("utf-8", "replace").decode() if isinstance(v, str) else v for v in values])


def id_range(filters: Filters) -> tuple[int, int]:
    """Return the ids that a filter's times leave, both ends included."""
    first = second_of(filters.since) * SLOTS if filters.since else 0
    last = second_of(filters.until) * SLOTS - 1 if filters.until else 2**62
    return first, last
