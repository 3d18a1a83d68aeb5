"""Which MCP servers a task has no use for: by what they cost, by when they were used, by what the task is about. No model.

A server is about a task where the task names it, or one of its tools by a word that few other servers have, or where several
words of the task stand in its descriptions. What agents do without any server (read, write, run, test, ...) says nothing.
"""

from collections import Counter
from collections.abc import Sequence
from math import log
from typing import Final, Literal, NamedTuple

from segue.core.context.definitions import Tool
from segue.core.context.relevance import words

Say = Literal["keep", "off", "mend", "look"]
"""`mend`: it costs time and gives nothing as it is. `look`: too little is known."""

LATELY: Final = 7 * 86_400
"""Seconds within which a use speaks for a server whatever the task is."""
LITTLE: Final = 300
"""Tokens that are not worth a switch."""
ENOUGH: Final = 0.6
"""Share of the best server's score from which on another one is about the task as well."""
LEAST: Final = 2.0
"""The score below which a server is not about the task."""
_LONGEST: Final = 10_000
_NAME, _TOOL, _SAID = 4.0, 2.0, 0.5
_OWN: Final = frozenset(
    words(
        """file files code test tests read write edit run list get set add create make fix update change delete find search use
        using project app new data text name function line work user bug error build issue value type call check server tool mcp
        open close start stop show return input output path content string object result item first last need want feature
        support handle implement api post patch request step time
        a about after an as at be before by do down if in is it of on or over so to up we what"""
    )
)
"""Words of nearly every task and nearly every tool."""


class Candidate(NamedTuple):
    """A server that might be switched off."""

    name: str
    tools: Sequence[Tool]
    tokens: int
    calls: int
    """How often it was called in the sessions that were looked at."""
    ago: float | None
    """Seconds since it was called last; None: never in those sessions."""
    sessions: int
    """How many sessions of its agent were looked at."""
    failure: str = ""
    is_remote: bool = False


class Advice(NamedTuple):
    """What to do with a server, and why."""

    say: Say
    why: str


def advise(candidates: Sequence[Candidate], task: str) -> list[Advice]:
    """Return what to do with each of the servers of one agent, for a *task* (empty: for none in particular)."""
    about = topics(candidates, task)
    return [_advice(one, about[place], has_task=bool(words(task))) for place, one in enumerate(candidates)]


def _advice(one: Candidate, about: Sequence[str], *, has_task: bool) -> Advice:
    used = f"called {one.calls:,} {'time' if one.calls == 1 else 'times'}"
    if about:
        return Advice("keep", f"the task is about {', '.join(about[:3])}")
    if one.failure and not one.is_remote:
        return Advice("mend", "it lists no tools here")
    if one.ago is not None and one.ago <= LATELY and (not has_task or one.calls > 1):
        return Advice("keep", f"{used} lately")
    if one.failure:
        return Advice("look", "what it costs is not known: --remote asks it")
    if one.tokens < LITTLE:
        return Advice("keep", "it costs little")
    if has_task:
        return Advice("off", "the task is about something else" + (f"; {used}" if one.calls else ", and it was not called"))
    if one.ago is not None:
        return Advice("keep", used)
    if not one.sessions:
        return Advice("look", "no session of this agent is known: segue import")
    return Advice("off", f"not called in {one.sessions:,} {'session' if one.sessions == 1 else 'sessions'}")


def topics(candidates: Sequence[Candidate], task: str) -> list[list[str]]:
    """Return for each server the words of *task* that it is about, those that say most first; none: it is about other things."""
    named = [_words(c.name) for c in candidates]
    tools = [_words(" ".join(tool.name for tool in c.tools)) for c in candidates]
    said = [_words(" ".join(tool.description[:_LONGEST] for tool in c.tools)) for c in candidates]
    wanted = _wanted(task, set().union(*named, *tools, *said)) - _OWN
    seen = Counter(w for parts in zip(named, tools, said, strict=True) for w in set().union(*parts) & wanted)
    scored = []
    for own, offered, told in zip(named, tools, said, strict=True):
        weights = {
            w: (_NAME if w in own else _TOOL if w in offered else _SAID if w in told else 0.0) * _rarity(len(candidates), seen[w])
            for w in wanted
        }
        scored.append({w: weight for w, weight in weights.items() if weight})
    most = max((sum(weights.values()) for weights in scored), default=0.0)
    return [
        sorted(weights, key=lambda w: (-weights[w], w)) if sum(weights.values()) >= max(LEAST, ENOUGH * most) else []
        for weights in scored
    ]


def _wanted(task: str, known: set[str]) -> set[str]:
    """Return the words of *task*: each whole where a server has it so, else its parts."""
    found: set[str] = set()
    for word in task.split():
        whole = set(words(word.lower()))
        found |= whole if whole & known else set(words(word))
    return found


def _words(text: str) -> set[str]:
    """Return the words of *text*, and what stands in one as one: GitHub is no Git, and no hub."""
    return {*words(text), *words(text.lower())}


def _rarity(servers: int, having: int) -> float:
    """Return how much a word says that *having* of the *servers* have: 1 where one has it, little where all do."""
    return 1.0 if having <= 1 else log(1 + servers / having) / log(1 + servers)
