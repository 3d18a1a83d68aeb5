"""Evidence recall on LoCoMo: how much of what answers a question is in what a search packs into a budget of tokens.

All ten conversations lie in one store: 272 sessions, 5,882 turns, some 200,000 tokens. A question is searched for as it
stands, without a model, and what was found is packed: the way of `segue search QUESTION --budget TOKENS`. A turn
counts as found when all its words are in the packed text, verbatim. Questions whose answer is not in the conversation, and
labels that name no turn, are left out: 1,535 remain.
"""

import sys
import time
from collections.abc import Sequence
from datetime import datetime
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from context_data import CATEGORIES, SPLITS, Question, Talk, locomo
from intervals import mean_of, short, without_each

from segue.app.wiring import App
from segue.core.context.pack import Counter
from segue.core.log.times import stamp
from segue.engine.context.evidence import Wanted, gather
from segue.host.tokenizers import exact
from segue.host.vectors import vectors
from segue.ports.nearness import Nearness
from segue.stores.memory import MemoryStore
from segue.testing.builders import user
from segue.testing.fakes import FakeClock, FakeIds

BUDGETS: Final = (1_000, 5_000, 25_000)
TARGETS: Final = {1_000: 0.75, 5_000: 0.89, 25_000: 0.985}
_UTC: Final = "+00:00"


class Found(NamedTuple):
    """What one question found at one budget: the share of its evidence, the size of the answer, and the time it took."""

    question: Question
    budget: int
    share: float
    tokens: int
    seconds: float


def main(arguments: Sequence[str]) -> int:
    """Measure; `--every N` takes every Nth question, `--tuned` and `--held` only those of that split.

    `--vectors WHERE` puts what words find in order by word vectors too: `wordllama`, or a directory of them.
    """
    where = arguments[arguments.index("--vectors") + 1] if "--vectors" in arguments else ""
    every = int(arguments[arguments.index("--every") + 1]) if "--every" in arguments else 1
    talks, questions = locomo()
    counter = exact("o200k")
    if not talks or counter is None:
        print("evidence: nothing measured: no LoCoMo, or no exact tokenizer; docs/context-quality.md says what to fetch")
        return 1
    for option, split in zip(("--tuned", "--held"), SPLITS, strict=True):
        if option in arguments:
            questions = [question for question in questions if question.split == split]
    found = measure(talks, questions[::every], counter, vectors(where) if where else None)
    return report(found)


def measure(
    talks: Sequence[Talk], questions: Sequence[Question], counter: Counter, nearness: Nearness | None = None
) -> list[Found]:
    """Put *talks* into a store and ask it each question at each budget."""
    with TemporaryDirectory() as home:
        app = App({"SEGUE_HOME": home}, cwd=home, store=MemoryStore(clock=FakeClock(), ids=FakeIds()))
        said = fill(app, talks)
        found = []
        for question in questions:
            wanted = [said[turn] for turn in question.evidence]
            for budget in BUDGETS:
                start = time.perf_counter()
                text = gather(app.index, app.store, Wanted(question.text), budget, counter, nearness).text
                seconds = time.perf_counter() - start
                shown = " ".join(text.split())
                share = sum(turn in shown for turn in wanted) / len(wanted)
                found.append(Found(question, budget, share, counter.count(text), seconds))
    return found


def fill(app: App, talks: Sequence[Talk]) -> dict[str, str]:
    """Begin a session for each of *talks*, a message for each turn; return the words of each turn by its id."""
    store, said = app.opened(), {}
    for talk in talks:
        at = stamp(datetime.strptime(f"{talk.at}{_UTC}", "%I:%M %p on %d %B, %Y%z").timestamp())
        session = store.create(task=f"conversation {talk.name}")
        session.append_all([user(f"{turn.speaker}: {turn.text}", at=at) for turn in talk.turns])
        said |= {turn.id: " ".join(turn.text.split()) for turn in talk.turns}
    return said


def report(found: Sequence[Found]) -> int:
    """Print recall by split, budget, conversation and category; return 1 where the held-out part misses a target."""
    missed = 0
    print("evidence recall on LoCoMo, ten conversations in one store, no model; 95 % intervals over questions")
    for split in SPLITS:
        for budget in BUDGETS:
            part = [f for f in found if f.question.split == split and f.budget == budget]
            mean = mean_of([f.share for f in part])
            if mean is None:
                continue
            every = sum(f.share == 1 for f in part) / len(part)
            print(f"{split}, {budget:>6,} tokens: {mean} of {mean.count}; all of it {short(every)}; {_rest(part)}")
            _by_group(part)
            if split == "held out" and mean.mean < TARGETS[budget]:
                missed += 1
                print(f"  MISSED: the target is {TARGETS[budget]}")
    over = sum(f.tokens > f.budget for f in found)
    slow = sorted(f.seconds for f in found)
    print(
        f"{over} of {len(found)} over their budget; search and pack: median {slow[len(slow) // 2]:.2f} s, most {slow[-1]:.2f} s"
    )
    return 1 if missed or over else 0


def _rest(part: Sequence[Found]) -> str:
    kinds = []
    for number, name in CATEGORIES.items():
        shares = [f.share for f in part if f.question.category == number]
        if shares:
            kinds.append(f"{name} {short(sum(shares) / len(shares))}")
    return ", ".join(kinds)


def _by_group(part: Sequence[Found]) -> None:
    groups: dict[str, list[float]] = {}
    for f in part:
        groups.setdefault(str(f.question.conversation), []).append(f.share)
    each = " ".join(f"{name}:{short(sum(shares) / len(shares))}" for name, shares in sorted(groups.items()))
    left = without_each(groups)
    if left:
        print(f"  by conversation {each}; one left out {short(min(left.values()))} to {short(max(left.values()))}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
