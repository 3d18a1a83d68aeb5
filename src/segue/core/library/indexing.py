"""An index of notes as Markdown: the part that segue writes stands between two marks, and the rest is its author's."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from segue.core.library.notes import Note, stem

BEGIN: Final = "<!-- segue index: what stands here is written by `segue note index --write` -->"
END: Final = "<!-- end of segue index -->"
_MOST: Final = 200
"""Notes of one kind that are listed; how many more there are is said."""
_ORDER: Final = ("index", "map", "playbook", "decision", "note")
_TITLES: Final = {"index": "Projects", "map": "Maps", "playbook": "Playbooks", "decision": "Decisions", "note": "Notes"}


def index(notes: Sequence[Note]) -> str:
    """Return the list of *notes* by kind, those with the latest ids first; the same notes give the same text."""
    counts = Counter(note.id for note in notes)
    kinds = sorted({note.kind for note in notes}, key=lambda kind: (_ORDER.index(kind) if kind in _ORDER else 9, kind))
    parts = []
    for kind in kinds:
        found = sorted((n for n in notes if n.kind == kind), key=lambda n: (n.id, n.path), reverse=kind != "index")
        lines = [f"- [[{n.id if counts[n.id] == 1 else stem(n.path)}|{shown(n.title)}]]" for n in found[:_MOST]]
        if len(found) > _MOST:
            lines.append(f"- and {len(found) - _MOST:,} more: `segue note list --kind {kind}`")
        parts.append("\n".join([f"## {_TITLES.get(kind, kind.capitalize() + 's')}", "", *lines]))
    return "\n\n".join(parts) + "\n" if parts else "There are no notes yet.\n"


def put(text: str, content: str, title: str) -> str:
    """Return the text of an index note with *content* between the marks, which are put at its end where it has none."""
    if not text.strip():
        return f"# {title}\n\n{BEGIN}\n{content}{END}\n"
    newline = "\r\n" if "\r\n" in text else "\n"
    new = f"{BEGIN}\n{content}{END}".replace("\n", newline)
    marked = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    if marked.search(text):
        return marked.sub(lambda _: new, text, count=1)
    gap = "" if text.endswith("\n") else newline
    return f"{text}{gap}{newline}{new}{newline}"


def shown(title: str) -> str:
    """Return a title as it may stand in a link."""
    return " ".join(title.replace("[", "(").replace("]", ")").replace("|", "/").split())
