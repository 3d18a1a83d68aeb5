"""A session as a conversation for another agent, and what became of each thing in it.

The line from the root to the main stream's head, across the agent's own compactions. Nothing is lost quietly: the lines of
the report, but for what was `added`, add up to what `counting.things` finds in the log.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from segue.core.context.items import plain
from segue.core.context.known import known_of
from segue.core.context.pack import Counter
from segue.core.context.prompt import fact_line
from segue.core.context.tokens import Count
from segue.core.context.windows import room
from segue.core.log.events import MAIN, Event
from segue.core.log.kinds import is_node
from segue.core.session.budget import RESERVE
from segue.core.session.state import State
from segue.core.session.tree import tree
from segue.core.together.conversation import Accepts, Carried, Conversation, ToolChoice, Turn
from segue.core.together.counting import Tally
from segue.core.together.fitting import SHARE, fit
from segue.core.together.pairing import messages
from segue.core.together.shaping import Fated, Made, ReasoningChoice, Shape, Shaper

BOOKKEEPING: Final = ("session.", "import.", "lease.", "checkpoint.", "continuation.", "scope.", "loss")
"""What kinds begin with that say nothing new of the work: they do not move the position that a conversation is taken at."""
_BESIDE: Final = "[segue: what is known of this session beside what was said]"
_BEGINS: Final = "[segue: the conversation begins here]"


class Target(NamedTuple):
    """Whom a conversation is for, and what the caller chose. None and empty: what the target tolerates best."""

    agent: str
    accepts: Accepts
    workspace: str = ""
    """Where it goes on; empty: where the session worked."""
    tools: ToolChoice | None = None
    reasoning: ReasoningChoice | None = None
    window: int | None = None
    """Tokens that the target's model reads."""
    beside: bool = True
    """What segue knows of the session beside what was said is told at its end."""
    task: str = ""
    """What is to be done next; by default the session's own task."""
    reserve: int = RESERVE
    """Tokens of the window that are left to go on in."""


class Conversion(NamedTuple):
    """A conversation, and what became of everything that the log holds."""

    conversation: Conversation
    carried: tuple[Carried, ...]
    size: Count
    """About what the conversation costs its reader."""
    window: int
    condensed: int
    """Turns that a summary stands for: 0 where the whole past is there."""
    freed: int
    """Tokens that this takes less."""
    paths: int
    """Places at which the old workspace was named, and the new one is now."""


def convert(events: Iterable[Event], state: State, target: Target, counter: Counter) -> Conversion:
    """Return the conversation of a session for *target*, with the whole past where it fits, else with the older turns condensed.

    What segue knows of the session beside the conversation (decisions, constraints, the plan) is told at its end, or in the
    summary. Deterministic: the same events and wishes give the same conversation. *state* is the fold of *events* up to
    their `position`.
    """
    events = list(events)
    tally = Tally()
    chain = _line(events, tally)
    header = state.header
    workspace = target.workspace or header["workspace"]
    moved = Moved(header["workspace"], workspace)
    shape = Shape(target.agent, target.accepts, target.tools or target.accepts.tools, target.reasoning, moved)
    window = target.window or target.accepts.window
    shaper = Shaper(shape)
    made = [one for entry in messages(chain, header["agent"], tally) for one in shaper.turns(entry)]
    fitted = (
        fit(made, chain, state, room(window, int(window * SHARE), target.reserve), counter, _agents_summary(chain), target.task)
        if made
        else None
    )
    for event in chain:
        if event.kind == "compaction" and fitted and fitted.condensed:
            tally.event(event, "folded", "condensed into a summary")
        elif event.kind == "compaction":
            tally.event(event, "dropped", "what it stands for is there itself")
    made = _begun(fitted.made if fitted else [], target.accepts)
    if target.beside and made and fitted and not fitted.condensed:
        made += _known(state, made[-1], target.task)
    for one in (*made, *(Made(_NOTHING, (fate,), 0) for fate in shaper.leftover())):
        for fated in one.fates:
            tally.add(fated.what, fated.fate, fated.why)
    last = position(events)
    foreign = header["foreign_ids"]
    conversation = Conversation(
        session=state.session,
        seq=last.seq if last else 0,
        digest=last.digest if last else "",
        agent=header["agent"],
        foreign_id=foreign[0] if foreign else "",
        title=header["title"] or header["task"] or header["name"],
        workspace=workspace,
        model=header["model"],
        turns=tuple(one.turn for one in made),
    )
    size = fitted.size if fitted else Count(0, counter.family, counter.method, counter.margin)
    condensed, freed = (fitted.condensed, fitted.freed) if fitted else (0, 0)
    return Conversion(conversation, tally.carried(), size, window, condensed, freed, moved.places)


_NOTHING: Final = Turn("user", (), "", "")


class Moved:
    """Rewrites a workspace's paths, and counts the places. Without a move a text stays as it is."""

    def __init__(self, old: str, new: str) -> None:
        """Rewrite what lies in *old* to *new*; a path that only begins alike is another one."""
        self.places = 0
        old, new = old.rstrip("/\\"), new.rstrip("/\\")
        self._new = new
        self._old: re.Pattern[str] | None = None
        if old and new and old != new:
            self._old = re.compile(rf"(?<![\w/.~-]){re.escape(old)}(?![\w-]|\.\w)")

    def __call__(self, text: str) -> str:
        """Return *text* with its paths in the new workspace."""
        if self._old is None:
            return text
        text, places = self._old.subn(lambda _: self._new, text)
        self.places += places
        return text


def _line(events: Sequence[Event], tally: Tally) -> list[Event]:
    """Return the main line, and count what is not on it."""
    trees = tree(events)
    chain = trees.chain()
    on = {event.node for event in chain}
    for event in events:
        if not is_node(event.kind):
            tally.event(event, "dropped", "it could not be read")  # of these only a loss holds something
    for name, stream in trees.streams.items():
        for node, event in stream.events.items():
            if event.kind == "record":
                if name != MAIN or node not in on:
                    tally.event(event, "dropped", "no part of what was said")
            elif name != MAIN:
                tally.event(event, "folded", "a subagent's: its result is the answer of the call that started it")
            elif node not in on:
                tally.event(event, "dropped", "on a branch that was left")
    return chain


def _agents_summary(chain: Sequence[Event]) -> str:
    """Return the summary that the agent itself made at its last compaction, if it did."""
    for place in range(len(chain) - 1, -1, -1):
        event = chain[place]
        if event.kind != "compaction":
            continue
        if told := plain(event.body.get("summary")):
            return told
        behind = chain[place + 1 : place + 4]
        return next((plain(e.body.get("parts")) for e in behind if e.kind == "message" and e.body.get("meta") is True), "")
    return ""


def _begun(made: list[Made], accepts: Accepts) -> list[Made]:
    """Return the turns with a first one that every provider takes as such: the user's."""
    place = next((i for i, one in enumerate(made) if not (one.turn.role == "system" and accepts.system)), None)
    if place is None or made[place].turn.role == "user":
        return made
    first = made[place]
    opening = Turn("user", ({"type": "text", "content": _BEGINS},), first.turn.at, first.turn.node, meta=True)
    added = Fated("text", "added", "a conversation begins with the user")
    return [*made[:place], Made(opening, (added,), first.place), *made[place:]]


def _known(state: State, last: Made, task: str) -> list[Made]:
    """Return what is known beside the conversation as a turn behind the *last* one; none where nothing is."""
    facts = [fact for fact in known_of(state, task=task).facts if fact.seq or fact.topic in {"task", "progress"}]
    if not facts:
        return []
    told = "\n".join((_BESIDE, *(fact_line(fact.topic, fact.seq, fact.text) for fact in facts)))
    turn = Turn("user", ({"type": "text", "content": told},), last.turn.at, last.turn.node, meta=True)
    return [Made(turn, (Fated("text", "added", "what segue knows beside the conversation"),), last.place)]


def position(events: Sequence[Event]) -> Event | None:
    """Return the last event that says more than bookkeeping, so that handing a session over does not move its position."""
    return next((e for e in reversed(events) if not e.kind.startswith(BOOKKEEPING)), events[-1] if events else None)
