"""The index's tables, and what stands in them for times, kinds and texts.

`sessions` is the catalogue (`live`: those that the store has), `shares` what a fork reads of another's log, `refs` the names that
sessions and their tasks go by, `places` their checkpoints and continuations, `events` where an entry of the full text stands in a
log. The full text keeps no text (contentless): a hit's text is read from its log.

An entry's id is its time: seconds since START in the high bits, a number within the second in the low ten. So the order of ids
is the order of time however often the index is rebuilt, and a span of time is a span of ids.
`scope` holds words that stand for the session, the kind and the role of an entry, so that FTS5 itself intersects them.
`place` counts the entries of a log, so that neighbours are found whatever silent events lie between them; `size` is the length of
an entry's text, `what` its kind and role; `meta` has the number of entries and the sum of their sizes.
"""

from typing import Final

from segue.core.log.times import seconds
from segue.core.session.state import SCHEMA as STATE_SCHEMA

VERSION: Final = f"segue-index-5 {STATE_SCHEMA}"
"""Another version in the file: it is built anew."""

START: Final = 946_684_800
"""2000-01-01 in seconds since 1970: ids begin here."""
SLOTS: Final = 1024
"""Entries in one second; more than these go to the next."""

DEAD: Final = 0
"""The session number of entries that are gone; no session has it."""

COLUMNS: Final = (
    "name",
    "slug",
    "title",
    "organisation",
    "project",
    "type",
    "task",
    "model",
    "owner",
    "workspace",
    "agent",
    "agents",
    "tags",
    "foreign_ids",
    "status",
    "reason",
    "since",
    "created",
    "last_activity",
    "head",
    "messages",
    "tokens",
    "cost_usd",
    "context_tokens",
    "progress",
    "parent",
    "origin",
    "losses",
    "tasks",
)
"""The fields of `SessionRow` behind its id; `agents`, `tags`, `foreign_ids` and `tasks` as JSON."""

TABLES: Final = f"""
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE sessions (
  no INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
  stamp TEXT NOT NULL, seq INTEGER NOT NULL, digest TEXT NOT NULL, damaged INTEGER NOT NULL, gone INTEGER NOT NULL,
  entries INTEGER NOT NULL DEFAULT 0,
  {", ".join(COLUMNS)}
);
CREATE INDEX sessions_activity ON sessions (last_activity DESC, id DESC);
CREATE INDEX sessions_workspace ON sessions (workspace, last_activity DESC, id DESC);
CREATE INDEX sessions_project ON sessions (project, last_activity DESC, id DESC);
CREATE INDEX sessions_parent ON sessions (parent) WHERE parent <> '';
CREATE INDEX sessions_origin ON sessions (origin) WHERE origin <> '';
CREATE INDEX sessions_gone ON sessions (no) WHERE gone;
CREATE VIEW live AS SELECT * FROM sessions WHERE NOT gone;
CREATE TABLE shares (
  no INTEGER NOT NULL, log INTEGER NOT NULL, first INTEGER NOT NULL, upto INTEGER NOT NULL, PRIMARY KEY (log, no)
) WITHOUT ROWID;
CREATE INDEX shares_session ON shares (no);
CREATE TABLE refs (ref TEXT NOT NULL, no INTEGER NOT NULL, PRIMARY KEY (ref, no)) WITHOUT ROWID;
CREATE INDEX refs_session ON refs (no);
CREATE TABLE places (
  no INTEGER NOT NULL, name TEXT NOT NULL COLLATE NOCASE, position INTEGER NOT NULL, seq INTEGER NOT NULL,
  at TEXT NOT NULL, automatic INTEGER NOT NULL, description TEXT NOT NULL, PRIMARY KEY (name, no)
) WITHOUT ROWID;
CREATE INDEX places_session ON places (no);
CREATE TABLE events (
  id INTEGER PRIMARY KEY, no INTEGER NOT NULL, seq INTEGER NOT NULL,
  place INTEGER NOT NULL, size INTEGER NOT NULL, what INTEGER NOT NULL
);
CREATE TABLE sorts (what INTEGER PRIMARY KEY, kind TEXT NOT NULL, role TEXT NOT NULL, UNIQUE (kind, role));
CREATE VIRTUAL TABLE words USING fts5(text, names, scope, content='', tokenize='porter unicode61 remove_diacritics 2');
"""

SCRATCH: Final = """
CREATE VIRTUAL TABLE temp.scratch USING fts5(text, names, scope, tokenize='porter unicode61 remove_diacritics 2');
"""
"""Where the few entries of an answer get their snippets and scores."""


def scope_word(what: str, value: str) -> str:
    """Return the word of the scope column for a session's number (`s`), a kind (`k`), a role (`r`): letters and digits only."""
    return f"x{what}x{value.encode('utf-8', 'replace').hex() if what != 's' else value}"


def storable(value: str) -> str:
    """Return a text that SQLite takes: lone surrogates have no UTF-8."""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def second_of(at: str) -> int:
    """Return the second of an event's time, counted from START; 0 for one that is none or before."""
    try:
        return min(max(int(seconds(at)) - START, 0), 2**40)
    except (ValueError, TypeError):
        return 0
