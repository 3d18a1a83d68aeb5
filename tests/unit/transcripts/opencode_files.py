"""Databases as opencode 1.18 has them, made of exports: what its own program would have stored."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

SCHEMA = """
CREATE TABLE session (id text PRIMARY KEY, project_id text NOT NULL, workspace_id text, parent_id text, slug text NOT NULL,
  directory text NOT NULL, path text, title text NOT NULL, version text NOT NULL, share_url text, summary_additions integer,
  summary_deletions integer, summary_files integer, summary_diffs text, metadata text, cost real DEFAULT 0 NOT NULL,
  tokens_input integer DEFAULT 0 NOT NULL, tokens_output integer DEFAULT 0 NOT NULL, tokens_reasoning integer DEFAULT 0 NOT NULL,
  tokens_cache_read integer DEFAULT 0 NOT NULL, tokens_cache_write integer DEFAULT 0 NOT NULL, revert text, permission text,
  agent text, model text, time_created integer NOT NULL, time_updated integer NOT NULL, time_compacting integer,
  time_archived integer);
CREATE TABLE message (id text PRIMARY KEY, session_id text NOT NULL, time_created integer NOT NULL, time_updated integer NOT NULL,
  data text NOT NULL);
CREATE TABLE part (id text PRIMARY KEY, message_id text NOT NULL, session_id text NOT NULL, time_created integer NOT NULL,
  time_updated integer NOT NULL, data text NOT NULL);
CREATE TABLE event_sequence (aggregate_id text PRIMARY KEY, seq integer NOT NULL, owner_id text);
CREATE INDEX message_session_time_created_id_idx ON message (session_id, time_created, id);
CREATE INDEX part_message_id_id_idx ON part (message_id, id);
CREATE INDEX part_session_idx ON part (session_id);
"""


class Store:
    """A database that is written as opencode writes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = 1_795_226_900_000
        self.write(SCHEMA)

    def write(self, script: str) -> None:
        with closing(sqlite3.connect(self.path)) as db:
            db.executescript("PRAGMA journal_mode = WAL;" + script)

    def execute(self, sql: str, *values: object) -> None:
        with closing(sqlite3.connect(self.path)) as db, db:
            db.execute(sql, values)

    def session(self, info: dict, *, updated: int = 0) -> None:
        """Insert or replace a session's own row."""
        tokens, cache = info.get("tokens", {}), info.get("tokens", {}).get("cache", {})
        row = {
            "id": info["id"],
            "project_id": info.get("projectID", "global"),
            "parent_id": info.get("parentID"),
            "slug": info.get("slug", "slug"),
            "directory": info["directory"],
            "title": info["title"],
            "version": info["version"],
            "cost": info.get("cost", 0),
            "tokens_input": tokens.get("input", 0),
            "tokens_output": tokens.get("output", 0),
            "tokens_cache_read": cache.get("read", 0),
            "tokens_cache_write": cache.get("write", 0),
            "revert": json.dumps(info["revert"]) if "revert" in info else None,
            "permission": json.dumps(info["permission"]) if "permission" in info else None,
            "model": json.dumps(info["model"]) if "model" in info else None,
            "time_created": info["time"]["created"],
            "time_updated": updated or info["time"]["updated"],
        }
        self._put("session", row)

    def message(self, info: dict, *, updated: int = 0) -> None:
        """Insert or replace a message."""
        data = {k: v for k, v in info.items() if k not in {"id", "sessionID"}}
        row = {"id": info["id"], "session_id": info["sessionID"], "time_created": info["time"]["created"]}
        self._put("message", row | {"time_updated": updated or self._tick(), "data": json.dumps(data)})

    def part(self, part: dict, *, updated: int = 0) -> None:
        """Insert or replace a part."""
        data = {k: v for k, v in part.items() if k not in {"id", "sessionID", "messageID"}}
        at = updated or self._tick()
        row = {"id": part["id"], "message_id": part["messageID"], "session_id": part["sessionID"], "time_created": at}
        self._put("part", row | {"time_updated": at, "data": json.dumps(data)})

    def whole(self, export: dict) -> None:
        """Insert all of an export."""
        self.session(export["info"])
        for message in export["messages"]:
            self.message(message["info"])
            for part in message["parts"]:
                self.part(part)

    def _tick(self) -> int:
        self.clock += 5_000
        return self.clock

    def _put(self, table: str, row: dict) -> None:
        marks = ", ".join("?" * len(row))
        self.execute(f"INSERT OR REPLACE INTO {table} ({', '.join(row)}) VALUES ({marks})", *row.values())
