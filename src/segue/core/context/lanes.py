"""The lanes of a restored context: what is considered, in which order, and the share of the budget that it may take.

    said      what the user said: all of it from 5K on, within 40 %, or 70 % where that holds it whole
    facts     working state that must be known (task, constraints, decisions, threads, ...): 25 %
    last      the last thing said, and in two lines the last thing done: 6 % each
    notes     of the library: those that are essential 12 %, the others 10 %, each at most a half of that where there are more
    errors    the last two that no later success of the same call closed: 3 % each
    files     the ledger: most of a small budget, at most 1,500 tokens of a large one
    more      working state that is good to know: 10 %
    history   the conversation, newest first, exchanges whole: what is left

Shares are first guesses confirmed on real sessions: `docs/context-quality.md`, `benchmarks/context.py`.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from math import inf
from typing import Final, NamedTuple

from segue.core.context.condense import Unit, units
from segue.core.context.estimating import by_estimate
from segue.core.context.fileblocks import as_it_stands, ledger_line, share_of
from segue.core.context.files import File, file_of, files, home_of
from segue.core.context.items import from_events
from segue.core.context.known import Fact, Known, Note, known_of
from segue.core.context.ledger import ledger
from segue.core.context.outline import Outline
from segue.core.context.pack import Candidate, Context, Counter, Packer, divide, shortened
from segue.core.context.paths import with_one_name
from segue.core.context.prompt import SECTION_OF, Block, Section, exchange_block, fact_line, frame, note_block, said_block
from segue.core.context.quoting import MARK, line
from segue.core.context.relevance import relevance
from segue.core.context.tokens import Estimator, Method
from segue.core.log.events import MAIN, Event
from segue.core.session.state import State

ESSENTIAL: Final = 1.0
RECOMMENDED: Final = 0.9
RECENT: Final = 0.8
FORMER: Final = 0.5
_PRIORITY: Final[dict[str, float]] = {"task": ESSENTIAL, "focus": ESSENTIAL}
"""Topic of a fact -> its priority, where it is not its lane's."""
_ALL_SAID_FROM: Final = 5_000
_LEFT_FROM: Final = 2_000
_LAST_FROM: Final = 2_000
_SMALLEST: Final = 8
"""Tokens below which nothing more is tried."""
_LEAST_NAMED: Final = 12
"""Tokens below which nothing more is named."""
_CHARACTERS: Final = 2
"""Of a line, for each token of the room: so it fits nearly always."""
_SMALL_NOTE: Final = 200
"""Tokens that a note may take of its lane even where that is more than half of what is left of it."""
_LATEST: Final = 0.5
"""The share of the room that goes to what came last; then files come before other exchanges."""
_LATEST_BESIDE_AIM: Final = 0.35
"""The same where a task was given: more is left for what is about it."""
_WHO: Final = {"instruction": "user", "prose": "agent", "reasoning": "agent (thinking)", "injected": "agent's program"}


def restored(
    events: Iterable[Event],
    state: State,
    budget: int,
    counter: Counter | None = None,
    *,
    task: str = "",
    changed: str = "",
    summary: str = "",
    stream: str = MAIN,
) -> Context:
    """Return the context of at most *budget* tokens that a session's *events* and their fold, *state*, make.

    *task* replaces the session's task, *changed* is a report of what changed since, *summary* one that a model wrote.
    """
    found = units(from_events(events, stream))
    return restore(found, known_of(state, task=task, changed=changed, summary=summary), budget, counter)


def restore(
    conversation: Sequence[Unit], known: Known, budget: int, counter: Counter | None = None, older: Outline | None = None
) -> Context:
    """Return the context of at most *budget* tokens (*counter*'s margin included) from a condensed conversation.

    *older* is the outline of what was before *conversation*. Deterministic. What became of each unit and fact is in `items`.
    Where not even the frame fits, it is cut.
    """
    counter = counter or Estimator()
    known = known._replace(workspace=known.workspace or home_of(conversation))
    past = Past(older.conversation(), older) if older else Past([*conversation], None)
    if older:
        past.units.extend(conversation)
    past = past._replace(units=with_one_name(past.units, known.workspace))
    if getattr(counter, "slow", False):
        return by_estimate(lambda estimator: _packed(past, known, budget, estimator, counter.method), budget, counter)
    return _packed(past, known, budget, counter, counter.method)


class Past(NamedTuple):
    """What was said and done, the latest last, and the outline of what is before it: its own units are among these."""

    units: list[Unit]
    older: Outline | None


def _packed(past: Past, known: Known, budget: int, counter: Counter, method: Method) -> Context:
    edges = frame(known, budget=budget, family=counter.family, method=method)
    lanes = _Lanes(Packer(edges, budget, counter), past, known)
    lanes.said()
    lanes.facts("facts", [fact for fact in known.facts if fact.must], budget // 4)
    lanes.notes("indexes", [note for note in known.notes if note.essential], budget * 12 // 100)
    if budget >= _LAST_FROM:
        lanes.last()
    lanes.errors()
    lanes.files()
    lanes.facts("more", [fact for fact in known.facts if not fact.must], budget // 10)
    lanes.notes("notes", [note for note in known.notes if not note.essential], budget // 10)
    lanes.history()
    if budget < _LAST_FROM:
        lanes.last()  # a small context ends in it anyway: only if there is room left
    return lanes.packer.finish()


class _Lanes:
    """The lanes of one context."""

    def __init__(self, packer: Packer, past: Past, known: Known) -> None:
        conversation, older = past
        home = known.workspace
        self.packer = packer
        self.units = conversation
        self._older = older
        self._home = f"{home.rstrip('/')}/" if home else ""
        self._budget = packer.budget
        self._aim = known.aim
        self._relevance = relevance(conversation, known.aim) if known.aim else [0.0] * len(conversation)
        self._files = files(conversation)
        """What is known of files and not yet in the text."""
        self._done: set[int] = set()
        """Places of the units that are in the text whole, or left out with a reason."""
        self._last_said = max((place for place, unit in enumerate(conversation) if unit.kind == "instruction"), default=-1)
        self._noted = 0
        self._without_room: list[int] = []
        """Places of the units for which there was no room, latest first."""

    def said(self) -> None:
        """What the user said."""
        places = [place for place, unit in enumerate(self.units) if unit.kind == "instruction"]
        if self._budget >= _ALL_SAID_FROM:
            cap, chosen = self._budget * 2 // 5, places
        else:
            cap, chosen = self._budget // 4, sorted({*places[:1], *places[-6:]})
        found = {place: self._candidate(place, "said") for place in chosen}
        most = self._budget * 7 // 10 if self._budget >= _ALL_SAID_FROM else cap
        costs = [self._cost(candidate, most) for candidate in found.values()]
        cap = most if cap < sum(costs) <= most else cap  # whole, rather than all of it shortened
        self.packer.begin("said", RECOMMENDED, cap)
        each = divide(costs, cap)
        for place in [*chosen[:1], *reversed(chosen[1:])]:
            if not self._take(place, found[place], each):
                self._leave(place, "no room")
        for place in sorted(set(places) - set(chosen), reverse=True):
            self.packer.put_off(self._candidate(place, "said"), "older than the last six of a small budget")

    def _cost(self, found: Candidate, cap: int) -> int:
        """Return what a candidate costs; what is more than *cap* need not be known."""
        text = found.whole(cap)
        return cap + 1 if text is None else self.packer.cost(text)

    def facts(self, lane: str, facts: Iterable[Fact], cap: int) -> None:
        """Working state."""
        self.packer.begin(lane, RECOMMENDED if lane == "facts" else RECENT, cap)
        for place, fact in enumerate(facts):
            section = SECTION_OF[fact.topic]
            as_said = section == "summary"
            render = partial(said_block, fact.seq, "summary") if as_said else partial(fact_line, fact.topic, fact.seq)
            found = self._part(Block(section, place, fact.text), fact.seq, f"{fact.topic}: {fact.text[:200]}", render)
            found = found._replace(
                block=found.block._replace(text=render(fact.text)), render=None, priority=_PRIORITY.get(fact.topic)
            )
            entry = self.packer.take(found, cap)
            if entry is None:
                self.packer.put_off(found, "no room in its lane")
            else:
                cap -= entry.tokens

    def notes(self, lane: str, notes: Sequence[Note], cap: int) -> None:
        """Notes of the library, in the order in which they are given."""
        if notes:
            self.packer.begin(lane, ESSENTIAL if lane == "indexes" else RECOMMENDED, cap)
        for note in notes:
            render = partial(note_block, note.name, note.title)
            self._noted += 1
            found = self._part(Block("notes", self._noted, note.text), 0, f"note {note.name}: {note.title}", render)
            found = found._replace(priority=note.priority)
            entry = self.packer.take(found, cap if len(notes) == 1 else max(cap // 2, min(cap, _SMALL_NOTE)))
            if entry is not None:
                cap -= entry.tokens
            elif note.priority >= RECOMMENDED:
                self.packer.put_off(found, "no room in its lane")
            else:
                self.packer.leave(0, found.what, "skipped", "less important than what its lane has room for")

    def last(self) -> None:
        """The last thing that the agent said, and in two lines the last thing that it did: the history has it whole."""
        self.packer.begin("last", RECENT, max(self._budget // 8, 80))
        said, did = (self._latest(kind) for kind in ("prose", "exchange"))
        most = max(self._budget // 16, 40)
        if said is not None and not self._is_in(said) and self._take(said, self._candidate(said, "last"), most):
            self._done.add(said)  # shortened or not: once is enough
        if did is not None:
            unit = self.units[did]
            outcome = next((each.strip()[:200] for each in reversed(unit.text.splitlines()) if each.strip()), "(no output)")
            text = exchange_block(unit.seq, line(self._label(unit), 300), outcome)
            self.packer.take(Candidate(Block("last", did, text), unit.seq, ""), most)

    def _is_in(self, place: int) -> bool:
        """Return whether a unit stands in the text by itself already."""
        return place in self._done and place not in self._without_room and not self.units[place].needless

    def _latest(self, kind: str) -> int | None:
        return next((place for place in range(len(self.units) - 1, -1, -1) if self.units[place].kind == kind), None)

    def errors(self) -> None:
        """Errors that are still open."""
        each = max(int(self._budget * 0.03), 60)
        self.packer.begin("errors", RECOMMENDED, 2 * each)
        fixed: set[str] = set()
        shown = 0
        for place in range(len(self.units) - 1, -1, -1):
            unit = self.units[place]
            if unit.kind != "exchange":
                continue
            head = unit.head.removesuffix(" (failed)")
            if not unit.failed:
                fixed.add(head)
            elif head not in fixed and shown < 2:
                shown += 1
                if place not in self._done and self._take(place, self._candidate(place, "history"), each):
                    self._done.add(place)

    def files(self) -> None:
        """The ledger of files."""
        cap = min(self._budget * 13 // 20, max(400 + self._budget // 9, 630), 1_800)
        self.packer.begin("files", RECENT, cap)
        for place, entry in enumerate(ledger(self.units, self._older.files() if self._older else {}, self._home)):
            names = 10 if place < 4 else 5 if place < 10 else 0
            names = names if self._budget > 3_000 else names // 2
            block = Block("files", place, ledger_line(entry, self._named(entry.path), names))
            found = Candidate(block, entry.seq, f"file {self._short(entry.path)}")
            taken = self.packer.take(found, cap)
            if taken is None:
                self.packer.put_off(found, "no room in the ledger")
            else:
                cap -= taken.tokens

    def _named(self, path: str) -> str:
        """Return how the ledger names a file: one of the top directory by its whole path, since names like its own are many."""
        short = self._short(path)
        return path if self._budget >= _LEFT_FROM and "/" not in short else short

    def history(self) -> None:
        """The conversation, newest first; behind the latest, what is about the aim comes before what is only newer."""
        aim = self._aim
        self.packer.begin("history", RECENT, self.packer.room)
        if self._older is not None and self._older.units:
            self._point_back(self._older)
        left_cap = min(self._budget // 40, 600) if self._budget >= _LEFT_FROM else 0
        self.packer.room -= left_cap
        room = self.packer.room
        newest = list(range(len(self.units) - 1, -1, -1))
        self._walk(newest, least=int(room * (1 - (_LATEST_BESIDE_AIM if aim else _LATEST))))
        if aim:
            newest = self._about(newest)
        self._walk(newest, files_only=not aim)
        self.packer.widen()
        self._walk(newest)
        self.packer.widen()
        self._once_more()
        self.packer.room += left_cap
        if left_cap:
            self.packer.begin("left", FORMER, left_cap)
            self._pointers()
            self.packer.widen(notes=True)

    def _about(self, newest: list[int]) -> list[int]:
        """Return places, those that are most about the aim first, where they are about as much the newer ones."""
        return sorted(newest, key=lambda place: (-round(self._relevance[place], 1), -place))

    def _walk(self, places: Sequence[int], *, least: float = -inf, files_only: bool = False) -> None:
        """Take the units at *places* in that order, down to *least* tokens of room; or only the files as they stand."""
        for place in places:
            if self.packer.room <= least:
                return  # the rest is for those that come first
            unit = self.units[place]
            if place in self._done or unit.kind == "instruction":
                continue
            file = self._file_of(place)
            if files_only and not file:
                continue
            self._done.add(place)
            if unit.kind == "missing":
                self.packer.leave(unit.seq, "erased", "missing", "its content was erased")
            elif unit.needless:
                self._leave(place, unit.needless)
            elif file and self.packer.room >= _SMALLEST and self._take_file(place, file, lately=not files_only):
                self._files.pop(file.path)
                for source in self._done.symmetric_difference({*self._done, *file.sources}):
                    self._leave(source, f"in the lines of {self._short(file.path)}, {MARK}{unit.seq}")
                self._done.update(file.sources)
            elif self.packer.room < _SMALLEST or not self._take(place, self._candidate(place, "history"), self._limit(unit)):
                self._leave(place, "no room")
                self._without_room.append(place)

    def _once_more(self) -> None:
        """Give what is left to what was left out because it was long for its kind, not because the room was full."""
        for place in sorted(self._without_room, reverse=True):
            if self.packer.room < _SMALLEST:
                return
            if self._take(place, self._candidate(place, "history"), self.packer.room):
                self._without_room.remove(place)
        if self._budget < _LEFT_FROM:
            self.packer.widen()
        self.packer.once_more()
        self.packer.widen(notes=True)
        if self._budget < _LEFT_FROM:
            self._headings()

    def _headings(self) -> None:
        """Name of what is left out the latest, in what is left of a small budget."""
        for place in sorted(self._without_room, reverse=True):
            if self.packer.room < _LEAST_NAMED:
                return
            unit = self.units[place]
            text = said_block(unit.seq, "left out", line(self._label(unit), (self.packer.room - _SMALLEST) * _CHARACTERS))
            if self.packer.take(Candidate(Block("history", place, text), unit.seq, "")) is None:
                return

    def _pointers(self) -> None:
        """Name what is left out for want of room, newest first, one line each; and how much more there is."""
        rest = sorted(self._without_room, reverse=True)
        if not rest:
            return
        first, last = self.units[rest[-1]].seq, self.units[rest[0]].seq
        more = f"- {len(rest):,} elements from {MARK}{first} to {MARK}{last} had no room"
        if self.packer.take(Candidate(Block("left", 0, more), 0, "")) is None:
            return
        for order, place in enumerate(rest, 1):
            unit = self.units[place]
            text = f"- {MARK}{unit.seq} {line(self._label(unit), 90)} ({self.packer.cost(unit.text):,} tokens)"
            if self.packer.take(Candidate(Block("left", order, text), unit.seq, "")) is None:
                return

    def _point_back(self, older: Outline) -> None:
        """Name the part of the conversation of which only the outline was looked at."""
        what = f"{older.units:,} elements up to {MARK}{older.seq}"
        if self._budget >= _LEFT_FROM:
            self.packer.take(Candidate(Block("left", -1, f"- before all that, {what}: their outline alone is here"), 0, ""))
        reason = (
            "before the part of the log that this budget reads: what the user said, files and open errors of it are considered"
        )
        self.packer.leave(older.seq, what, "skipped", reason)

    def _file_of(self, place: int) -> File | None:
        file = self._files.get(file_of(self.units[place]))
        return file if file and (place in file.sources or self.units[place].op != "search") else None

    def _take_file(self, place: int, file: File, *, lately: bool) -> bool:
        """Take a file as it stands, or its latest lines."""
        found = as_it_stands(file, self._short(file.path), place, self.units[place].seq, self.packer.counter)
        how = {self.units[source].op for source in file.sources}
        return self.packer.take(found, share_of(how, self._budget, lately=lately)) is not None

    def _limit(self, unit: Unit) -> int:
        budget = self._budget
        if unit.kind == "reasoning":
            return min(budget // 40, 300)
        if unit.op in {"run", "search", "other"} and unit.kind == "exchange":
            return min(budget // 6, 800)
        if unit.kind in {"summary", "injected"}:
            return budget // 20
        return budget // 6

    def _candidate(self, place: int, section: Section) -> Candidate:
        unit = self.units[place]
        who = _WHO.get(unit.kind, unit.kind)
        head = self._short(unit.head)
        render = partial(exchange_block, unit.seq, head) if unit.kind == "exchange" else partial(said_block, unit.seq, who)
        found = self._part(Block(section, place, unit.text), unit.seq, self._label(unit), render)
        last = unit.kind == "instruction" and place == self._last_said
        return found._replace(priority=ESSENTIAL if last else None, relevance=round(self._relevance[place], 2))

    def _label(self, unit: Unit) -> str:
        if unit.kind == "exchange":
            return self._short(unit.head[:400])
        return f"{_WHO.get(unit.kind, unit.kind)}: {unit.text[:200]}"

    def _part(self, raw: Block, seq: int, what: str, render: Callable[[str], str]) -> Candidate:
        """Return a candidate of what *render* makes of a raw text, or of its beginning and end."""
        shorter = partial(shortened, raw.text, counter=self.packer.counter, render=render)
        return Candidate(raw, seq, line(what, 90), shorter, render)

    def _take(self, place: int, found: Candidate, limit: int) -> bool:
        entry = self.packer.take(found, limit)
        if entry and entry.status == "loaded":
            self._done.add(place)
        return entry is not None

    def _leave(self, place: int, reason: str) -> None:
        unit = self.units[place]
        self.packer.leave(unit.seq, line(self._label(unit), 90), "skipped", reason, round(self._relevance[place], 2))

    def _short(self, text: str) -> str:
        return text.replace(self._home, "") if self._home else text
