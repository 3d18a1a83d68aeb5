"""A pytest plugin: the OpenAI Agents SDK's own session tests, with our session in the place of theirs.

Chosen are the cases that say what a session does: all that make one of the SDK's SQLite sessions, less those that reach into it (they
name SQLite, an attribute or a function that begins with an underscore, or another fixture of such), and less those of `_OTHERS`, each
with its reason.
"""

import ast
import inspect
import os
import re
import tempfile
import textwrap
from pathlib import Path

from segue.host.clock import SystemClock, SystemIds
from segue.integrations.openai_agents import SegueSession
from segue.stores.log import LogStore
from segue.stores.memory import MemoryStore

_INSIDE = {"sqlite3", "aiosqlite", "sqlalchemy"}
_SEEN = {"_current_branch_id", "_get_compaction_snapshot"}
"""What ours has as well."""
_CLOSED = "ours has no close: the store is its owner's"
_NATIVE = "the SDK asks its own SQLite session, and no other, to look at an item before it is popped"
_DETAILS = "its case `usage` fails with the SDK's own session too: a newer openai package counts one thing more"
_OTHERS = {
    "test_sqlite_session_closed_rejects_empty_add_items": _CLOSED,
    "test_advanced_sqlite_session_closed_rejects_empty_add_items": _CLOSED,
    "test_async_sqlite_session_close_is_idempotent": _CLOSED,
    "test_async_sqlite_session_closed_rejects_empty_add_items": _CLOSED,
    "test_async_sqlite_session_closed_operations_raise_runtime_error": _CLOSED,
    "test_async_sqlite_session_close_before_use_is_terminal": _CLOSED,
    "test_structure_tables_reject_distinct_non_ascii_identifiers": "names of tables",
    "test_failed_force_delete_keeps_current_branch": "a branch that holds nothing yet is a branch, and can be deleted",
    "test_external_clear_resets_stale_branch_before_default_reads[usage]": _DETAILS,
    "test_pop_item_claim_is_unique_across_processes": "its child makes the SDK's own session: `test_openai_agents_runs` has ours",
    "test_encrypted_pop_rechecks_authentication_after_expired_tail": _NATIVE,
    "test_encrypted_pop_wrong_key_preserves_recoverable_history": _NATIVE,
    "test_encrypted_pop_cancellation_waits_for_authentication_rollback": _NATIVE,
}

_stores = {}


def _store(path):
    """Return the store that stands for a database."""
    parts = {"clock": SystemClock(), "ids": SystemIds()}
    if str(path) == ":memory:":
        if os.environ.get("SEGUE_STORE", "log") == "memory":
            return MemoryStore(**parts)
        path = Path(tempfile.mkdtemp(dir=os.environ["SEGUE_ROOM"]), "db")
    if str(path) not in _stores:
        _stores[str(path)] = LogStore(Path(f"{path}.segue"), **parts)
    return _stores[str(path)]


class SQLiteSession(SegueSession):
    """Ours, made as theirs is."""

    def __init__(self, session_id, db_path=":memory:", session_settings=None, **_options):
        super().__init__(session_id, _store(db_path), session_settings=session_settings)

    @property
    def _current_branch_id(self):
        return self.branch

    def close(self):
        """The store stays its owner's."""


class AdvancedSQLiteSession(SQLiteSession):
    """Likewise."""


class AsyncSQLiteSession(SQLiteSession):
    """Likewise."""

    async def close(self):
        """The store stays its owner's."""


_OURS = {c.__name__: c for c in (SQLiteSession, AdvancedSQLiteSession, AsyncSQLiteSession)}


def _names(function, module, seen):
    """Yield the names that a function and the helpers of its module use."""
    seen.add(function)
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"_[a-z_]+", node.value):
            yield node.value  # of setattr
        elif isinstance(node, ast.Name) and hasattr(module, node.id):
            known = getattr(module, node.id)
            if not inspect.isfunction(known) or known.__module__ != module.__name__:
                yield node.id
            elif known not in seen:
                yield from _names(known, module, seen)


def _why_not(item, sessions):
    """Return why a case is not one of ours to pass; empty: it is."""
    if known := _OTHERS.get(item.name) or _OTHERS.get(item.function.__name__):
        return known
    names = set(_names(item.function, item.module, set()))
    if sessions and "backend" in item.fixturenames:
        names.add(sessions[0])
    private = {n for n in names - _SEEN if n in _INSIDE or re.match(r"_[a-z]", n)}
    if private:
        return f"names {min(private)}"
    return "" if names & set(sessions) else "makes none of these sessions"


def pytest_collection_modifyitems(config, items):
    """Take what says what a session does, and give it our sessions."""
    taken, left = [], []
    for item in items:
        ours = [name for name in _OURS if hasattr(item.module, name)]
        why = _why_not(item, ours)
        (left if why else taken).append(item)
        if why and os.environ.get("SEGUE_WHY"):
            print(f"left out: {item.nodeid}: {why}")
        for name in ours:
            setattr(item.module, name, _OURS[name])
    items[:] = taken
    config.hook.pytest_deselected(items=left)
