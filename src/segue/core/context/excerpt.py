"""What of a long text is about a question: its lines with most of the question's words, and those beside them."""

from collections.abc import Callable
from typing import Final

from segue.core.context.pack import Counter, shortened
from segue.core.context.relevance import words

_LONGEST_LINE: Final = 400
"""Characters of a line that are shown; of a longer one, those around the question's words."""
_NARROWER: Final = (200, 100, 50)
"""The same, where there is no room for the first line otherwise."""
_MOST_LINES: Final = 20_000


def excerpt(text: str, query: str, tokens: int, *, counter: Counter, render: Callable[[str], str]) -> str:
    """Return the lines of *text* that are about *query*, rendered in at most *tokens*; its two ends where none is.

    Empty: there is no room.
    """
    wanted = set(words(query))
    lines = text.split("\n", _MOST_LINES)[:_MOST_LINES]
    scores = [len(wanted.intersection(words(line[:20_000]))) for line in lines] if wanted else []
    ranked = sorted((place for place, score in enumerate(scores) if score), key=lambda place: (-scores[place], place))
    if not ranked:
        return shortened(text, tokens, counter=counter, render=render)
    room = tokens - counter.count(render("")) - 12
    chosen: dict[int, str] = {}
    for place in (near for found in ranked for near in (found, found + 1, found - 1, found + 2)):
        if not 0 <= place < len(lines) or place in chosen:
            continue
        for most in (_LONGEST_LINE, *(() if chosen else _NARROWER)):
            shown = _cut(lines[place], wanted, most)
            cost = counter.count(f"{shown}\n") + 10  # of a gap beside it
            if cost <= room:
                break
        else:
            break
        chosen[place] = shown
        room -= cost
    found = render(_joined(chosen, len(lines))) if chosen else ""
    return found if found and counter.count(found) <= tokens else shortened(text, tokens, counter=counter, render=render)


def _cut(line: str, wanted: set[str], most: int) -> str:
    """Return a line, of one that is longer than *most* characters the part with the most of the words."""
    if len(line) <= most:
        return line
    parts = [line[at : at + most] for at in range(0, min(len(line), 100 * _LONGEST_LINE), most // 2)]
    best = max(range(len(parts)), key=lambda place: (len(wanted.intersection(words(parts[place]))), -place))
    return f"{'…' if best else ''}{parts[best]}…"


def _joined(chosen: dict[int, str], total: int) -> str:
    shown: list[str] = []
    last = -1
    for place in sorted(chosen):
        if place > last + 1:
            shown.append(f"[... {place - last - 1:,} lines left out ...]")
        shown.append(chosen[place])
        last = place
    if last < total - 1:
        shown.append(f"[... {total - 1 - last:,} lines left out ...]")
    return "\n".join(shown)
