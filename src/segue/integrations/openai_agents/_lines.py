"""The lines of a session's branches, folded from its log: a cache that follows the log, never the truth.

What is said on a branch is an event of that branch. A `head.moved` of ours says where a branch begins, what was popped, what was
cleared; a `compaction` of ours, what a summary stands for. Each names the place that the branch goes back to by the number of the
last event that stays, so a line can be read backwards as well, and a branch shares its past with another by reference.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, Self

from segue.core.log.events import ABSENT, MAIN, Draft, Event
from segue.core.log.kinds import is_node
from segue.engine.kept import check
from segue.integrations.openai_agents._items import AGENT, MAIN_BRANCH, Item, is_user

PRUNED: Final = f"{AGENT}.pruned"
TURN: Final = f"{AGENT}.turn"
"""What a run used in a turn, as the SDK counted."""
SCHEMA: Final = f"{AGENT}.lines.2"
"""The shape of lines that are kept as a snapshot."""
_BACK: Final = frozenset({"branch", "pop", "replace"})


class Said(NamedTuple):
    """An item, at its place in the log, and the branch on which it was said."""

    seq: int
    node: str
    at: str
    item: Item
    branch: str


class Mark(NamedTuple):
    """What an event of ours means for the line of a branch: something `said`, or that it goes back `to` there."""

    branch: str
    said: Said | None = None
    what: str = ""
    to: int = 0
    """The number of the last event that stays; 0: none does."""
    of: str = MAIN_BRANCH
    """The branch on which that was said."""
    frm: str = ""
    """Of a branch that begins: the one that it leaves; of one that was deleted: its name."""


def mark_of(event: Event) -> Mark | None:
    """Return what *event* means for the lines; None where it means nothing."""
    source = event.source
    if source is not None and source.get("agent") == AGENT and "record" in source:
        branch = _text(source, "branch") or MAIN_BRANCH
        return Mark(branch, Said(event.seq, event.node, event.at, source["record"], branch))
    told = event.body.get(AGENT) if event.kind in {"head.moved", "compaction"} else None
    if not isinstance(told, dict) or not (branch := _text(told, "branch")):
        return None
    return Mark(branch, None, _text(told, "what"), _number(told, "to"), _text(told, "of") or MAIN_BRANCH, _text(told, "frm"))


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    return value if isinstance(value, str) else ""


def _number(told: Mapping[str, Any], name: str) -> int:
    value = told.get(name)
    return value if type(value) is int and value > 0 else 0


def moved(branch: str, what: str, to: Said | None, node: str | None = ABSENT, frm: str = "") -> Draft:
    """Return the event by which *branch* goes back to *to* (None: to nothing): the conversation, to that *node* or another."""
    told = _told(branch, what, to) | ({"frm": frm} if frm else {})
    head = (to.node if to else None) if node == ABSENT else node
    return Draft("head.moved", {"to": head, "reason": what, AGENT: told}, actor=AGENT)


def condensed(branch: str, to: Said | None, parent: str | None = ABSENT) -> Draft:
    """Return the event behind which stands what replaces all behind *to*. That stays in sight of who reads the conversation."""
    return Draft("compaction", {"trigger": AGENT, AGENT: _told(branch, "replace", to)}, actor=AGENT, parent=parent)


def _told(branch: str, what: str, to: Said | None) -> dict[str, Any]:
    place = {"to": to.seq, "of": to.branch} if to else {"to": 0}
    return {"branch": branch, "what": what, **place}


class Lines:
    """The branches of a session up to `seq`: each an ordered list of what is said on it."""

    def __init__(self, recall: "Callable[[int], Lines]") -> None:
        """Begin before the first event; *recall* gives the lines as they were at an earlier position."""
        self.seq = 0
        self.digest = ""
        self._recall = recall
        self.active = MAIN_BRANCH
        """The branch that was used last: what is appended without naming a parent follows its head."""
        self.tips: dict[str, str | None] = {}
        """The last node of each branch, as who reads the conversation sees it."""
        self.said: dict[str, list[Said]] = {MAIN_BRANCH: []}
        self.begun: dict[str, str] = {}
        self.taken = {MAIN_BRANCH}
        """Names of branches that were ever used."""
        self.turns: dict[tuple[str, int], Mapping[str, Any]] = {}
        """What was used in the turn of a branch that begins at an event."""

    def to_json(self) -> dict[str, Any]:
        """Return the lines as they are kept: what branches share is in it once, each field of it in a list."""
        said = {one.seq: one for line in self.said.values() for one in line}
        columns: list[Any] = [*zip(*said.values(), strict=True)]
        return {
            "seq": self.seq,
            "digest": self.digest,
            "active": self.active,
            "tips": self.tips,
            "begun": self.begun,
            "taken": sorted(self.taken),
            "turns": [[branch, anchor, used] for (branch, anchor), used in self.turns.items()],
            "said": columns or [[]] * len(Said._fields),
            "lines": {branch: [one.seq for one in line] for branch, line in self.said.items()},
        }

    @classmethod
    def from_json(cls, told: Any, recall: "Callable[[int], Lines]") -> Self:
        """Return the lines that were kept. Raises ValueError, KeyError, TypeError."""
        said = {one.seq: one for one in map(Said, *told["said"])}
        lines = cls(recall)
        lines.seq, lines.digest, lines.active = told["seq"], told["digest"], told["active"]
        lines.tips, lines.begun, lines.taken = told["tips"], told["begun"], set(told["taken"])
        lines.turns = {(branch, anchor): used for branch, anchor, used in told["turns"]}
        lines.said = {branch: [said[seq] for seq in line] for branch, line in told["lines"].items()}
        return lines

    def take(self, events: Iterable[Event]) -> None:
        """Take in the next events of the log. Raises OutdatedError: some of what is here was erased since."""
        known = self.seq
        for event in events:
            check(event, known)
            self.seq, self.digest = event.seq, event.digest
            mark = mark_of(event)
            if mark is not None:
                self._take(mark, event)
            elif event.kind == TURN:
                self.turns[_text(event.body, "branch"), _number(event.body, "anchor")] = event.body
            elif event.kind == PRUNED:
                line, upto = self.said.get(_text(event.body, "branch"), []), _number(event.body, "upto")
                line[:] = [s for s in line if s.seq > upto]
            elif event.stream == MAIN and is_node(event.kind):
                self.tips[self.active] = event.node  # somebody else's, on the line that was used last
            elif event.stream == MAIN and type(event.body.get("position")) is int and event.kind == "head.moved":
                self._go_back(event.body["position"])

    def _take(self, mark: Mark, event: Event) -> None:
        branch = self.active = mark.branch
        if mark.said is not None:
            self.said.setdefault(branch, []).append(mark.said)
            self.begun.setdefault(branch, event.at)
            self.tips[branch] = event.node
            return
        if mark.what == "clear":
            self.said = {MAIN_BRANCH: []}
            self.tips.clear()
            self.begun.clear()
        elif mark.what == "branch":
            self.taken.add(branch)
            self.begun[branch] = event.at
            self.said[branch] = list(self.said.get(mark.frm, ()))
        elif mark.what == "delete":
            self.said.pop(mark.frm, None)
            self.begun.pop(mark.frm, None)
        if mark.what in _BACK:
            line = self.said.setdefault(branch, [])
            while line and line[-1].seq > mark.to:
                line.pop()
        self.tips[branch] = event.node if event.kind == "compaction" else event.body.get("to")

    def _go_back(self, position: int) -> None:
        """A checkpoint was restored: all is as it was at its position, but for names that were used meanwhile."""
        then = self._recall(position)
        self.said, self.tips, self.begun, self.active = then.said, then.tips, then.begun, then.active


def newest(events: Iterable[Event]) -> Iterator[Said]:
    """Yield what is said on the main branch, the newest first, given the events of the log the other way round."""
    branch, upto, behind = MAIN_BRANCH, _END, 0
    for event in events:
        if event.seq <= behind:
            return
        if event.seq > upto:
            continue
        mark = mark_of(event)
        if mark is None:
            position = event.body.get("position")
            if event.kind == PRUNED and event.body.get("branch") == branch:
                behind = max(behind, _number(event.body, "upto"))
            elif event.kind == "head.moved" and event.stream == MAIN and type(position) is int:
                upto = position
        elif mark.what == "clear":
            return
        elif mark.branch == branch and mark.said is not None:
            yield mark.said
        elif mark.branch == branch and mark.what in _BACK:
            upto, branch = mark.to, mark.of


def active(events: Iterable[Event]) -> str | None:
    """Return the branch that was used last, given the events of the log the other way round; None where that cannot be told."""
    for event in events:
        mark = mark_of(event)
        if mark is not None:
            return mark.branch
        if event.kind == "head.moved":
            return None
    return MAIN_BRANCH


class Turn(NamedTuple):
    """What was said since a user's message, that included; turn 0 is what came before the first one."""

    number: int
    said: list[Said]


def turns(line: Iterable[Said]) -> list[Turn]:
    """Return a branch's line by turns."""
    found: list[Turn] = []
    for said in line:
        if is_user(said.item) or not found:
            found.append(Turn((found[-1].number if found else 0) + is_user(said.item), []))
        found[-1].said.append(said)
    return found


_END: Final = 2**63
