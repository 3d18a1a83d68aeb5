"""Next-action recall: how much of what an agent did next was in the context that it would have been given.

At a cut, a context of B tokens is built from the history alone. Then the next N tool calls are looked at, and three shares
measured:

- file: of the files that they touch and the history names, how many the context names (by their last two path components);
- identifier: of the snake_case and camelCase identifiers in their arguments that the history has, how many the context has;
- edit line: of the lines (over 15 characters) that they replace and the history has verbatim, how many the context has
  verbatim: content, which no list of paths can stand in for.

A cut is before a tool call; those after a compaction of the agent's own look further ahead. Nothing here knows how contexts
are built.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from segue.core.context.items import Item, command_of, mentions

AHEAD = 15
AHEAD_OF_COMPACTION = 30
EVERY = 13
"""Tool calls between cuts: about a dozen cuts in a session of 150 calls."""
FIRST = 20
SHORTEST_LINE = 15

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_COMPOUND = re.compile(r"[a-z0-9]_[A-Za-z0-9]|[a-z][A-Z]")


class Cut(NamedTuple):
    """A place in a conversation: the event before which it is cut, and the tool calls after it."""

    at: int
    ahead: Sequence[Item]


class Recall(NamedTuple):
    """Hits and chances of one cut, by what is looked for."""

    file: tuple[int, int]
    ident: tuple[int, int]
    edit: tuple[int, int]


def cuts(items: Sequence[Item], *, every: int = EVERY, ahead: int = AHEAD) -> list[Cut]:
    """Return the regular cuts of a conversation: before every *every*-th call from FIRST on that has *ahead* calls to come."""
    calls = [place for place, item in enumerate(items) if item.kind == "call"]
    return [_cut(items, calls[n], ahead) for n in range(FIRST, len(calls) - ahead + 1, every)]


def compaction_cuts(items: Sequence[Item], ahead: int = AHEAD_OF_COMPACTION) -> list[tuple[Cut, str]]:
    """Return the cuts where the agent condensed its context, each with the summary that it went on from."""
    places = [place for place, item in enumerate(items) if item.kind == "summary"]
    return [(_cut(items, place, ahead), items[place].text) for place in places]


def _cut(items: Sequence[Item], place: int, ahead: int) -> Cut:
    return Cut(items[place].seq, [item for item in items[place:] if item.kind == "call"][:ahead])


def recall(cut: Cut, known: "Known", context: str) -> Recall:
    """Return what of the calls ahead of *cut*, as far as it is *known*, is in *context*."""
    words = set(_WORD.findall(context))
    files = {tail for tail in touched(cut.ahead) if tail in known.text}
    idents = {name for name in identifiers(cut.ahead) if name in known.words}
    lines = {line for line in replaced_lines(cut.ahead) if line in known.text}
    return Recall(
        (sum(tail in context for tail in files), len(files)),
        (len(idents & words), len(idents)),
        (sum(line in context for line in lines), len(lines)),
    )


def mean(found: Sequence[tuple[int, int]]) -> float | None:
    """Return the mean share over those cuts that have something to find."""
    shares = [hits / chances for hits, chances in found if chances]
    return sum(shares) / len(shares) if shares else None


class Known:
    """The text of a history, arguments of calls included: what can be known of what comes."""

    def __init__(self, history: Sequence[Item]) -> None:
        """Take all text of *history*."""
        self.text = "\n".join(text for item in history for text in (item.text, *strings(item.arguments)) if text)
        self.words = set(_WORD.findall(self.text))


def strings(value: object) -> list[str]:
    """Return all texts in a JSON value."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for inner in value.values() for text in strings(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in strings(inner)]
    return []


def touched(calls: Sequence[Item]) -> set[str]:
    """Return the files that *calls* touch, by their last two path components."""
    paths = {touch.path for call in calls for touch in call.touches}
    paths |= {path for call in calls for path in mentions(command_of(call.arguments))}
    return {"/".join(path.rstrip("/").split("/")[-2:]) for path in paths if "." in path.rsplit("/", 1)[-1]}


def identifiers(calls: Sequence[Item]) -> set[str]:
    """Return the compound identifiers in the arguments of *calls*."""
    words = {word for call in calls for text in strings(call.arguments) for word in _WORD.findall(text)}
    return {word for word in words if len(word) > 3 and _COMPOUND.search(word)}


def replaced_lines(calls: Sequence[Item]) -> set[str]:
    """Return the lines that *calls* replace, without their indentation."""
    old = [text for call in calls for key in ("old_string", "old_str") for text in strings(call.arguments.get(key))]
    return {line.strip() for text in old for line in text.splitlines() if len(line.strip()) > SHORTEST_LINE}
