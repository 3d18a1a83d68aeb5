"""Restoration protocols: how much is looked at before a session goes on, in five steps, each with what came of it.

    quick       up to 24 hours after the last activity: what changed is told from git and the tasks, the context is restored
    full        later: the log is verified too, and what changed is looked at in depth, snapshots and neighbours included
    emergency   critical facts only, at most 5,000 tokens; nothing but the log is asked

A step that fails stops none after it: what failed is said, and the outcome is `partial`. It is `failed` where no context could
be made.
"""

from collections.abc import Callable
from time import perf_counter
from typing import Any, Final, Literal, NamedTuple, Protocol

from segue.core.context.pack import LEVELS, Counter
from segue.core.context.tokens import FAMILY_NAMES
from segue.core.delta.checks import Finding
from segue.core.delta.telling import away, lines, suggestions
from segue.core.errors import SegueError, UsageError
from segue.core.log.times import seconds
from segue.core.session.hints import hints
from segue.core.session.state import State
from segue.engine.context.going_on import Checked
from segue.engine.context.restoring import Restored, Wanted, restore
from segue.engine.loading import load
from segue.engine.recovery.validating import validate
from segue.ports import Clock, Store

Name = Literal["quick", "full", "emergency"]
NAMES: Final = ("quick", "full", "emergency")
Status = Literal["success", "partial", "failed", "skipped"]
QUICK_SECONDS: Final = 24 * 3_600
"""Up to so long after the last activity `quick` is enough."""
_FEW: Final = 8
_TOLD: Final = 24


class Look(Protocol):
    """Tells what changed around a session: in depth, with snapshots and neighbours, where it is *thorough*."""

    def __call__(self, session: str, *, thorough: bool) -> Checked:
        """Return it. Nothing is written."""
        ...


class Means(NamedTuple):
    """What a protocol takes: handed in by the wiring."""

    store: Store
    clock: Clock
    counter: Callable[[str | None], Counter]
    look: Look
    elapsed: Callable[[], float] = perf_counter
    """Seconds, of any beginning."""


class Step(NamedTuple):
    """One of the five steps: what came of it, and how long it took."""

    name: Literal["identify", "load", "compare", "update", "plan"]
    status: Status
    seconds: float
    output: dict[str, Any]
    warnings: tuple[str, ...] = ()


class Outcome(NamedTuple):
    """What a protocol came to."""

    protocol: Name
    why: str
    status: Status
    steps: tuple[Step, ...]
    summary: str
    next_steps: tuple[str, ...]
    warnings: tuple[str, ...]
    failures: tuple[Finding, ...]
    """What a person must verify before the session goes on."""
    restored: Restored | None

    def to_json(self) -> dict[str, Any]:
        """Return the shape that `segue restore --protocol --json` prints."""
        shape = self._asdict() | {
            "steps": [step._asdict() for step in self.steps],
            "failures": [finding._asdict() for finding in self.failures],
            "context": self.restored.to_json() if self.restored else None,
        }
        del shape["restored"]
        return shape


def chosen(state: State, now: float) -> tuple[Name, str]:
    """Return the protocol for a session as it is, and why that one."""
    if state.status == "emergency":
        return "emergency", "the session is in an emergency"
    idle = max(now - seconds(state.activity or state.at), 0.0) if state.activity or state.at else 0.0
    if idle <= QUICK_SECONDS:
        return "quick", f"away for {away(idle)}, up to 24 hours"
    return "full", f"away for {away(idle)}, more than 24 hours"


def follow(means: Means, session: str, wanted: Wanted, protocol: Name | None = None) -> Outcome:
    """Return what a protocol, by default the one for the session's age, comes to. Nothing is written.

    Raises:
        NotFoundError: no such session or position.
        UsageError: see `restore`.
    """
    return _Following(means, session, wanted, protocol).outcome()


class _Following:
    """One protocol being followed."""

    def __init__(self, means: Means, session: str, wanted: Wanted, protocol: Name | None) -> None:
        self.means, self.session, self.wanted = means, session, wanted
        began = means.elapsed()
        self.state = load(means.store, session, wanted.at, on_damage=_overlook)
        chose, why = chosen(self.state, means.clock.now())
        self.protocol: Name = protocol or chose
        self.why = why if protocol in (None, chose) else f"asked for; {why}, it would be {chose}"
        self.looked: Checked | None = None
        self.restored: Restored | None = None
        self.steps = [self._step("identify", self._identify, began)]

    def outcome(self) -> Outcome:
        """Return what came of all steps."""
        self.steps.append(self._step("load", self._load))
        self.steps.append(self._step("compare", self._compare))
        self.steps.append(self._step("update", self._update))
        self.steps.append(self._step("plan", self._plan))
        statuses = {step.status for step in self.steps}
        status: Status = "failed" if self.restored is None else "partial" if statuses & {"partial", "failed"} else "success"
        plan = self.steps[-1].output
        return Outcome(
            self.protocol,
            self.why,
            status,
            tuple(self.steps),
            self._summary(),
            tuple(plan.get("next_steps", ())),
            tuple(warning for step in self.steps for warning in step.warnings),
            self.looked.failures if self.looked else (),
            self.restored,
        )

    def _step(self, name: Any, do: Callable[[], tuple[Status, dict[str, Any], list[str]]], began: float | None = None) -> Step:
        began = self.means.elapsed() if began is None else began
        try:
            status, output, warnings = do()
        except UsageError:
            raise
        except (SegueError, OSError) as e:
            status, output, warnings = "failed", {}, [f"{name}: {getattr(e, 'message', e)}"]
        return Step(name, status, round(self.means.elapsed() - began, 4), output, tuple(warnings))

    # --- the five steps

    def _identify(self) -> tuple[Status, dict[str, Any], list[str]]:
        state, header = self.state, self.state.header
        held = self.means.store.lease(self.session)
        warnings = [f"it is driven by {held.holder}"] if held else []
        return (
            "success",
            {
                "session": state.session,
                "name": header["name"],
                "status": state.status,
                "agent": header["agent"],
                "workspace": header["workspace"],
                "position": state.seq,
                "last_activity": state.activity or state.at,
                "driven_by": held.holder if held else None,
            },
            warnings,
        )

    def _load(self) -> tuple[Status, dict[str, Any], list[str]]:
        state, work = self.state, self.state.work
        latest = max(state.checkpoints.items(), key=lambda entry: entry[1]["seq"], default=None)
        output: dict[str, Any] = {
            "checkpoint": latest[0] if latest else None,
            "decisions": len(work["decisions"]),
            "constraints": len(work["constraints"]),
            "open_threads": len(work["threads"]),
            "open_questions": len(work["questions"]),
            "instructions": round(state.metrics["counts"].get("user_messages", 0)),
            "losses": state.losses["count"],
        }
        warnings = [f"{state.losses['count']} records could not be taken in"] if state.losses["count"] else []
        if self.protocol != "full":
            return ("partial" if warnings else "success"), output, warnings
        checked, findings = validate(self.means.store, self.session)
        bad = [f for f in findings if f.severity in {"damage", "gap"}]
        output |= {"verified_events": checked.events, "damaged": len(bad)}
        warnings += [f"{f.where}: {f.reason}" for f in bad[:_FEW]]
        return ("partial" if warnings else "success"), output, warnings

    def _compare(self) -> tuple[Status, dict[str, Any], list[str]]:
        if self.protocol == "emergency":
            return "skipped", {"reason": "an emergency asks nothing but the log"}, []
        if self.wanted.at is not None:
            return "skipped", {"reason": "an earlier position is not compared with what is there now"}, []
        self.looked = looked = self.means.look(self.session, thorough=self.protocol == "full")
        found = looked.delta
        changed = [f"{what}: {text}" for what, text in lines(found, _FEW)]
        output = {
            "away_seconds": found.away,
            "since": found.since,
            "changed": changed,
            "suggestions": suggestions(found),
            "checks": looked.validation.to_json()["checks"],
        }
        verify = [f"verify: {one.text}" + (f" ({one.hint})" if one.hint else "") for one in looked.failures]
        return ("partial" if verify else "success"), output, verify

    def _update(self) -> tuple[Status, dict[str, Any], list[str]]:
        wanted = self.wanted._replace(at=self.state.seq)
        if self.protocol == "emergency":
            budget = min(wanted.budget or LEVELS["minimal"], LEVELS["minimal"])
            wanted = wanted._replace(budget=budget, changed="", offer=None)
        elif self.looked is not None and not wanted.changed:
            wanted = wanted._replace(changed=self.looked.told())
        self.restored = restore(self.means.store, self.session, wanted, self.means.counter)
        context, damage = self.restored.context, self.restored.damage
        statuses = [entry.status for entry in context.items]
        output = {
            "tokens": context.size.tokens,
            "budget": context.budget,
            "family": context.size.family,
            "method": context.size.method,
            **{status: statuses.count(status) for status in ("loaded", "shortened", "skipped", "missing")},
            "notes": [e.what.removeprefix("note ") for e in context.items if e.what.startswith("note ") and e.status == "loaded"],
        }
        missing = [f"missing: {e.what} ({e.reason})" for e in context.items if e.status == "missing" and e.lane == ""]
        return ("partial" if damage else "success"), output, missing[:_FEW]

    def _plan(self) -> tuple[Status, dict[str, Any], list[str]]:
        found = hints(self.state)
        steps = [f"verify: {one.text}" for one in (self.looked.failures if self.looked else ())]
        steps += [action["text"] for action in found["next_actions"]]
        steps += [f"answer: {question}" for question in found["open_questions"]]
        steps += self.steps[2].output.get("suggestions", [])
        name = self.state.header["name"] or self.session
        agent = self.state.header["agent"]
        output = {
            "next_steps": list(dict.fromkeys(steps))[:_TOLD],
            "recommended_context": [item["path"] or item["id"] for item in found["recommended_context"]][:_FEW],
            "command": f"segue resume {name}" + (f" --in {agent}" if agent else ""),
        }
        return "success", output, []

    def _summary(self) -> str:
        """Return in a few sentences where the session stands."""
        state, work = self.state, self.state.work
        current = work["tasks"].get(work["task"])
        told = work["instructions"][-1]["text"] if work["instructions"] else ""
        asked = f"the user asked last: {told}" if told else "no task was named"
        task = (current["title"] if current else "") or state.header["task"] or asked
        progress = f", {work['progress']:g} % done" if work["progress"] is not None else ""
        said = [f"{state.header['name'] or state.session}: {' '.join(task.split())[:300].rstrip('.?!')}{progress}."]
        kinds = {"decisions": "decision", "threads": "open thread", "blockers": "blocker"}
        sizes = {what: len(work[kind]) for kind, what in kinds.items()}  # type: ignore[literal-required]
        counts = [f"{n} {what}{'' if n == 1 else 's'}" for what, n in sizes.items() if n]
        said += [f"{', '.join(counts)}."] if counts else []
        changed = len(self.steps[2].output.get("changed", ()))
        if self.looked:
            what = f"{changed} change{'' if changed == 1 else 's'} while it was away" if changed else "nothing changed"
            said.append(f"Away for {away(self.looked.delta.away)}: {what}.")
        if self.restored:
            size = self.restored.context.size
            said.append(f"Context of {size.tokens:,} tokens for {FAMILY_NAMES[size.family]}.")
        return " ".join(said)


def _overlook(_damage: object) -> None:
    """What is damaged is told of by the context, and by `validate`."""
