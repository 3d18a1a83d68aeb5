"""How `segue restore --protocol` reads: five steps, what came of each, and what to do next."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from segue.cli.render import line, plural, style
from segue.core.context.tokens import FAMILY_NAMES

if TYPE_CHECKING:
    from segue.engine.context.protocols import Outcome, Step

_TITLES = {
    "identify": "identify the session",
    "load": "load what is known of it",
    "compare": "compare it with what is there now",
    "update": "bring the knowledge up to date",
    "plan": "plan how to go on",
}
_COLOURS = {"success": "green", "partial": "yellow", "failed": "red", "skipped": "dim"}


def text(outcome: "Outcome", width: int) -> str:
    """Return the report: the context itself follows it."""
    head = f"{style('bold', outcome.protocol)} protocol ({outcome.why}): {_status(outcome.status)}"
    told = [head, line(outcome.summary, width * 4), ""]
    for number, step in enumerate(outcome.steps, 1):
        told.append(f"{number} {_TITLES[step.name]}  {_status(step.status)}  {style('dim', f'{step.seconds * 1000:,.0f} ms')}")
        told += [f"    {line(each, width - 4)}" for each in _output(step)]
    told += ["", "next steps", *(f"  - {line(each, width - 4)}" for each in outcome.next_steps)] if outcome.next_steps else []
    told += (
        ["", *(f"{style('yellow', 'warning')}: {line(each, width - 9)}" for each in outcome.warnings)] if outcome.warnings else []
    )
    return "\n".join([*told, "", f"go on with: {outcome.steps[-1].output.get('command', '')}"]) + "\n"


def _status(status: str) -> str:
    return style(_COLOURS[status], status)


def _output(step: "Step") -> Iterator[str]:
    out: dict[str, Any] = step.output
    if not out or "reason" in out:
        yield from filter(None, [out.get("reason")])
    elif step.name == "identify":
        where = f" in {out['workspace']}" if out["workspace"] else ""
        yield f"{out['name']} ({out['status']}){where}, event {out['position']:,}, last active {out['last_activity'][:16]}"
    elif step.name == "load":
        counts = ("decisions", "constraints", "open_threads", "open_questions")
        yield ", ".join(plural(out[name], name.replace("_", " ").removesuffix("s")) for name in counts)
        if "verified_events" in out:
            yield f"{plural(out['verified_events'], 'event')} verified, {plural(out['damaged'], 'place')} damaged"
    elif step.name == "compare":
        yield from out["changed"] or ["nothing changed"]
    elif step.name == "update":
        counted = [f"{out[name]:,} {name}" for name in ("loaded", "shortened", "skipped", "missing") if out[name]]
        models = FAMILY_NAMES[out["family"]]
        yield f"{out['tokens']:,} of {out['budget']:,} tokens for {models} ({out['method']}): {', '.join(counted)}"
    elif step.name == "plan":
        yield f"{plural(len(out['next_steps']), 'next step')}"
