"""Codex's patches, and the edits and new files that they are elsewhere.

The format: `*** Begin Patch`, files with their hunks, `*** End Patch`; as its own tool describes it.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

_WHOLE: Final = re.compile(r"\s*\*\*\* Begin Patch\n(.*)\n\*\*\* End Patch\s*\Z", re.DOTALL)
_FILE: Final = re.compile(r"\*\*\* (Add|Update) File: (.+)\Z")


class Patch(NamedTuple):
    """A patch, and what it does not say, in a clause."""

    text: str
    note: str = ""


class Whole(NamedTuple):
    """What a patch of one file does: `write` (`path`, `content`) or `edit` (`path`, `old`, `new`)."""

    op: str
    fields: dict[str, Any]


def parse(text: str) -> Whole | None:
    """Return what a patch does, where it is one new file or one change to one file; else None."""
    found = _WHOLE.match(text)
    lines = found[1].split("\n") if found else []
    named = _FILE.match(lines[0]) if lines else None
    if named is None or any(line.startswith("*** ") for line in lines[1:]):
        return None
    if named[1] == "Add":
        if not all(line.startswith("+") for line in lines[1:]):
            return None
        return Whole("write", {"path": named[2].strip(), "content": "".join(f"{line[1:]}\n" for line in lines[1:])})
    hunk = lines[2:] if len(lines) > 1 and lines[1].startswith("@@") else lines[1:]
    if not hunk or any(line[:1] not in {" ", "+", "-"} and line for line in hunk):
        return None
    old = [line[1:] for line in hunk if line[:1] != "+"]
    new = [line[1:] for line in hunk if line[:1] != "-"]
    if not old:
        return None
    return Whole("edit", {"path": named[2].strip(), "old": "\n".join(old), "new": "\n".join(new)})


def render(op: str, fields: Mapping[str, Any]) -> Patch | None:
    """Return a `write`, `edit` or `edits` as a patch; None where it is none (an edit wherever a text stands)."""
    path = fields["path"]
    if "\n" in path:
        return None
    if op == "write":
        content = fields["content"]
        lines = content.split("\n")
        whole = lines[-1] == ""
        body = [f"+{line}" for line in (lines[:-1] if whole else lines)]
        note = "" if whole else "; its last line has no end"
        return Patch(_patch(f"Add File: {path}", body), note)
    edits = fields["edits"] if op == "edits" else [fields]
    body = []
    for edit in edits:
        old, new = edit.get("old", edit.get("old_string")), edit.get("new", edit.get("new_string"))
        if not isinstance(old, str) or not isinstance(new, str) or not old:
            return None
        if any(edit.get(word) not in (None, False) for word in ("everywhere", "replace_all", "replaceAll")):
            return None
        body += ["@@", *(f"-{line}" for line in old.split("\n")), *(f"+{line}" for line in new.split("\n"))]
    return Patch(_patch(f"Update File: {path}", body)) if body else None


def _patch(head: str, body: list[str]) -> str:
    return "\n".join(("*** Begin Patch", f"*** {head}", *body, "*** End Patch"))
