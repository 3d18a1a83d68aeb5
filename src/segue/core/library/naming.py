"""How a library names things: where indexes and notes are, and which number a new note gets."""

import re
from collections.abc import Iterable
from typing import Final
from unicodedata import normalize

from segue.core.library.notes import key

KINDS: Final = {"note": "", "decision": "DEC", "playbook": "PLAY", "map": "MAP"}
"""What `note new` makes, and what the id of each begins with: a note's is the year and the month."""
FOLDERS: Final = {"note": "notes", "decision": "decisions", "playbook": "playbooks", "map": "maps"}
ORGANISATION_INDEX: Final = "00-INDEX.md"
PROJECT_INDEX: Final = "00-PROJECT-INDEX.md"
ENTRANCES: Final = (ORGANISATION_INDEX, "INDEX.md", "HOME.md", "README.md")
"""What a folder of Markdown that is no library is entered by; the first that is there."""
_LONGEST_SLUG: Final = 60
_UNFIT: Final = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')


def organisation_place(organisation: str) -> str:
    """Return where an organisation's notes are, within a library."""
    return f"organizations/{organisation}/context-library"


def project_place(organisation: str, project: str) -> str:
    """Return where a project's notes are, within a library."""
    return f"organizations/{organisation}/projects/{project}/context-library"


def is_name(name: str) -> bool:
    """Return whether *name* may be a directory's: an organisation, a project."""
    return bool(name) and name not in {".", ".."} and not _UNFIT.search(name) and len(name) <= 100


def slug(title: str) -> str:
    """Return *title* as a part of a file's name: letters and digits of any script, joined by `-`."""
    words = re.findall(r"\w+", normalize("NFC", title).casefold().replace("_", " "))
    found = "-".join(words)[:_LONGEST_SLUG].strip("-")
    return found if len(found.encode("utf-8", "replace")) <= 180 else found[:40]


def prefix_of(kind: str, day: str) -> str:
    """Return what the id of a new note of *kind* begins with, on *day* (2026-01-15): `2026-01-`, `PLAY-`."""
    begin = KINDS.get(kind, "")
    return f"{begin}-" if begin else f"{day[:7]}-"


def next_id(kind: str, day: str, ids: Iterable[str]) -> str:
    """Return the id of a new note: the number after the highest of *ids* that begin so."""
    begin = prefix_of(kind, day)
    numbers = [0]
    for identity in ids:
        rest = key(identity).removeprefix(begin.casefold())
        if len(rest) < len(key(identity)) and rest.isascii() and rest.isdigit() and len(rest) <= 6:
            numbers.append(int(rest))
    return f"{begin}{max(numbers) + 1:03d}"
