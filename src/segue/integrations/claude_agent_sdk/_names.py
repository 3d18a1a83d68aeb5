"""What the SDK calls a transcript, and where its records are said to stand."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from segue.transcripts.claude_code.reader import AGENT

_SUBAGENT: Final = re.compile(r"subagents/(?:.*/)?agent-[^/]+", re.DOTALL)
_META: Final = ".meta.json"
HANDED: Final = "handed"
"""The field of an event's source that says in which transcript, by its subpath, the record was handed over."""
_LINES: Final = ".jsonl"


class Name(NamedTuple):
    """A transcript: of a project, a session, and of a subagent where the subpath is not empty."""

    project: str
    session: str
    subpath: str = ""

    @property
    def file(self) -> str:
        """Where it would stand below the agent's `projects`."""
        return "/".join(filter(None, self)) + _LINES

    @property
    def meta(self) -> str:
        """Where what is told of a subagent would stand."""
        return self.file.removesuffix(_LINES) + _META

    @property
    def read_as(self) -> str:
        """The file whose stream its records are in: no other subpath than a subagent's is the main line."""
        if not self.subpath or _SUBAGENT.fullmatch(self.subpath):
            return self.file
        return f"{self.project}/{self.session}/subagents/agent-{self.subpath.replace('/', '.')}{_LINES}"


def name_of(key: Mapping[str, Any]) -> Name:
    """Return the name that a key of the SDK is."""
    return Name(key["project_key"], key["session_id"], key.get("subpath") or "")


def scope_of(project: str) -> str:
    """Return the shared state in which the sessions of a project stand."""
    return json.dumps(["claude_agent_sdk", project], separators=(",", ":"))


class Stands(NamedTuple):
    """In which transcript of its session an event's record stands."""

    subpath: str
    is_meta: bool = False
    is_handed: bool = False
    """It was handed over; else it was read from a file of the agent's own."""


def stands(source: Mapping[str, Any] | None, session: str) -> Stands | None:
    """Return where a record of the session *session* stands, by its event's source; None: it is none of the agent's.

    Of what was handed over the source says it, of what was read its file's name does, on whatever machine that was.
    """
    if source is None or source.get("agent") != AGENT or not isinstance(file := source.get("file"), str):
        return None
    if isinstance(handed := source.get(HANDED), str):
        return Stands(handed, file.endswith(_META), is_handed=True)
    file = file.replace("\\", "/").removesuffix(".gz")
    is_meta = file.endswith(_META)
    stem = file.removesuffix(_META).removesuffix(_LINES)
    _, found, subpath = f"/{stem}".rpartition(f"/{session}/")
    if found:
        return Stands(subpath, is_meta)
    below = re.search(r"/(subagents/(?:[^/]+/)*agent-[^/]+)\Z", stem)  # of a directory that is named otherwise
    return Stands(below[1] if below else "", is_meta)
