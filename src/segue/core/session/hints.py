"""Resumption hints: what one who goes on needs first."""

from math import exp2
from typing import Final, TypedDict

from segue.core.session.sections import Item
from segue.core.session.state import State
from segue.core.session.tables import HALF_LIFE
from segue.core.session.values import clip

_MOST: Final = 20
_PATHS: Final = 5


class Recommended(TypedDict):
    """An item that was used often or lately. `score` is the number of uses, each halved for every HALF_LIFE events since."""

    id: str
    kind: str
    path: str
    uses: int
    score: float
    tokens: int
    seq: int


class Action(TypedDict):
    """Something to do next, why it is thought of, and the event that says so."""

    text: str
    why: str
    seq: int


class Hints(TypedDict):
    """Where to go on: context to load, questions to ask, things to do; each the most important first."""

    recommended_context: list[Recommended]
    open_questions: list[str]
    next_actions: list[Action]


def hints(state: State) -> Hints:
    """Return the resumption hints of *state*: a function of it alone, so the same for everybody who reads it."""
    return Hints(
        recommended_context=recommended(state),
        open_questions=[q["text"] for q in reversed(state.work["questions"].values())],
        next_actions=next_actions(state),
    )


def recommended(state: State, most: int = _MOST, kind: str = "") -> list[Recommended]:
    """Return the items (of one *kind*, or all) that were used most often and most lately."""
    found = [
        Recommended(
            id=name, kind=i["kind"], path=i["path"], uses=i["uses"], score=weight(state, i), tokens=i["tokens"], seq=i["seq"]
        )
        for name, i in state.items.items()
        if not kind or i["kind"] == kind
    ]
    return sorted(found, key=lambda r: (-r["score"], -r["seq"], r["id"]))[:most]


def weight(state: State, item: Item) -> float:
    """Return what an item's uses weigh at the state's own position."""
    return round(item["score"] * exp2((item["seq"] - state.seq) / HALF_LIFE), 4)


def next_actions(state: State) -> list[Action]:
    """Return what to do next: what was noted, what blocks, the plan, uncommitted changes, open threads."""
    work = state.work
    found = [Action(text=e["text"], why="noted", seq=e["seq"]) for e in work["actions"].values()]
    found += [Action(text=f"Resolve: {e['text']}", why="blocker", seq=e["seq"]) for e in work["blockers"].values()]
    open_steps = [s for s in work["plan"] if s["status"] not in {"completed", "done", "cancelled", "dropped"}]
    found += [Action(text=s["text"], why="plan", seq=work["plan_seq"]) for s in open_steps]
    changes = work["changes"]
    if changes and changes["count"]:
        found.append(Action(text=_uncommitted(changes["files"], changes["count"]), why="uncommitted changes", seq=changes["seq"]))
    for thread in reversed(work["threads"].values()):
        notes = f": {thread['notes']}" if thread["notes"] else ""
        said = clip(f"Go on with {thread['topic']}{notes}", 500)
        found.append(Action(text=said, why=f"{thread['status']} thread", seq=thread["seq"]))
    return found


def _uncommitted(files: list[object], total: int) -> str:
    paths = [p for p in (f.get("path") if isinstance(f, dict) else f for f in files) if isinstance(p, str)][:_PATHS]
    rest = f" and {total - len(paths)} more" if paths and total > len(paths) else ""
    named = f": {', '.join(paths)}{rest}" if paths else ""
    return f"Commit or discard {total} uncommitted {'change' if total == 1 else 'changes'}{named}"
