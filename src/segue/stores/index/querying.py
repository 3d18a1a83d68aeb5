"""What a person types becomes a query that FTS5 cannot misunderstand, and filters become SQL."""

import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from segue.core.session.scripts import composed, parts, spaced, unaccented
from segue.ports import Filters
from segue.stores.index.schema import SLOTS, scope_word, second_of

MOST_TERMS: Final = 32
"""Words of a query that are looked for: the first that are no stop words."""
_MOST_READ: Final = 20_000
"""Characters of a query that are looked at."""
_TERM = re.compile(r'"([^"]*)"|([^\s"]+)')
_APOSTROPHE = re.compile("['\u2019]")
_WORD = re.compile(r"[^\W_]", re.UNICODE)
_WORDS = re.compile(r"[^\W_]+", re.UNICODE)
_STOP: Final = frozenset(
    """a about after again all also am an and any are as at be because been before being between both but by can could d did
    didn do does doesn don during each few for from further get got had has have he her here him his how i if in into is
    isn it its just like ll m me more most much my no nor not now of off on once only or other our out over own re s
    same she should so some such t than that the their them then there these they this those through to too under until
    up us ve very was we were what when where which while who whom why will with won would you your""".split()  # noqa: SIM905
)
"""English words that say nothing: left out of a ranked query, where it has others. None is ever left out of an exact one."""


class Query(NamedTuple):
    """The terms of a query, each quoted: to FTS5 they are text."""

    terms: tuple[str, ...]
    telling: tuple[str, ...]
    """The terms without stop words."""
    phrases: tuple[str, ...] = ()
    """What stood between quotes: an entry must have it, word for word."""

    def all_of(self, scope: Sequence[str] = ()) -> str:
        """Return the expression for entries that have every term."""
        return within(" AND ".join(self.terms), scope)

    def any_of(self) -> str:
        """Return the expression for entries that have some telling term."""
        return within(" OR ".join(self.telling))

    def shown(self) -> str:
        """Return the expression for pieces of an entry that have some term."""
        return within(" OR ".join(self.terms))

    def must(self) -> list[str]:
        """Return the expressions that an entry must fit, whatever else it has."""
        return [f"{{text names}}: {_term(phrase)}" for phrase in self.phrases]

    def is_in(self, text: str) -> bool:
        """Return whether what stood between quotes is in *text*, word for word: case and what is between words do not count."""
        if not self.phrases:
            return True
        said = _plain(text)
        return all(_plain(phrase) in said for phrase in self.phrases)


def _plain(text: str) -> str:
    return f" {' '.join(_WORDS.findall(spaced(unaccented(text))))} "


def parse(query: str) -> Query:
    """Return the terms of what was typed: words, and phrases between quotes. Anything else in it is no syntax."""
    terms: dict[str, None] = {}
    telling: dict[str, None] = {}
    phrases: dict[str, None] = {}
    for phrase, word in _TERM.findall(composed(query[:_MOST_READ].replace("\0", " ").encode("utf-8", "replace").decode())):
        for said in [phrase] if phrase else [part for piece in _APOSTROPHE.split(word) for part in parts(piece)]:
            if not _WORD.search(said):
                continue
            terms[_term(said)] = None
            if phrase:
                phrases[phrase] = None
            if phrase or said.lower().strip(".,:;!?()") not in _STOP:
                telling[_term(said)] = None
    return Query(tuple(terms)[:MOST_TERMS], tuple(telling or terms)[:MOST_TERMS], tuple(phrases)[:MOST_TERMS])


def _term(said: str) -> str:
    return f'"{spaced(said)}"'


def scope_of(sessions: Sequence[int] | None, kind: str | None, role: str | None) -> list[str]:
    """Return the expressions for the sessions, the kind and the role that an entry must have."""
    groups: list[list[str]] = []
    if sessions is not None:
        groups.append([scope_word("s", str(no)) for no in sessions])
    groups += [[scope_word(what, value)] for what, value in (("k", kind), ("r", role)) if value]
    return [f"scope: ({' OR '.join(group)})" for group in groups]


def file_of(path: str) -> list[str]:
    """Return the expression for entries that may be about a file or a directory; nothing for a path without a word."""
    said = path.replace('"', " ").replace("\0", " ").encode("utf-8", "replace").decode()
    return [f"names: {_term(said)}"] if _WORD.search(said) else []


def within(terms: str, scope: Sequence[str] = ()) -> str:
    """Return the expression for entries whose text or names have what *terms* say, and that fit *scope*."""
    return " AND ".join(f"({part})" for part in (f"{{text names}}: ({terms})", *scope))


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
