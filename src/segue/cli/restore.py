"""`segue restore`: what an agent needs to go on."""

from typing import TYPE_CHECKING, Any, cast

import click

from segue.cli.frame import Frame
from segue.cli.params import Tokens
from segue.cli.params import command as _command
from segue.cli.params import session as _session
from segue.core.errors import SegueError, UsageError

if TYPE_CHECKING:
    from segue.engine.context.restoring import Level, Restored, Wanted


_FOUND = 16
"""Places in a long log that are looked up for a task."""


@_command("restore", short_help="print the context to go on with, within a token budget")
@_session
@click.option("--at", type=click.IntRange(1), metavar="SEQ", help="As it would have been at this position.")
@click.option(
    "--level", type=click.Choice(["minimal", "balanced", "full"]), help="5,000, 25,000 or 40,000 tokens. [default: a setting]"
)
@click.option("--budget", type=Tokens(), metavar="TOKENS", help="At most so many tokens; wins over --level.")
@click.option("--task", "-t", default="", help="What is to be done next. [default: the session's own task]")
@click.option("--step", default="", help="As it was when this step of the plan began: its number, or how it begins.")
@click.option("--model", help="Who will read it: its tokens are counted. [default: the session's own model]")
@click.option(
    "--format",
    "form",
    type=click.Choice(["md", "json", "messages"]),
    help="Markdown for an agent, JSON with every item's fate, or messages for a model's API.",
)
@click.option("--predict", is_flag=True, help="Add what will likely be needed next (see segue predict).")
@click.option(
    "--shape",
    type=click.Choice(["generic", "openai", "anthropic"]),
    help="Of the messages: role and content, or as a provider's API takes them. [default: generic]",
)
@click.option(
    "--protocol",
    type=click.Choice(["auto", "quick", "full", "emergency"]),
    help="In five steps, each reported: quick up to 24 hours after the last activity, full later, emergency the critical facts "
    "alone. auto chooses.",
)
@click.option("--explain", is_flag=True, help="Say what went into it, what did not, and why, instead of printing it.")
def command(
    frame: Frame,
    session: str | None,
    at: int | None,
    level: Any,
    budget: int | None,
    task: str,
    step: str,
    model: str | None,
    form: str | None,
    predict: bool,
    shape: Any,
    protocol: Any,
    explain: bool,
) -> None:
    """Print the context that an agent needs to go on with SESSION (or from a checkpoint), never over its budget.

    What is left out is a pointer that `segue show SESSION NUMBER` expands. The exact tokenizer is used where one is installed.
    """
    from segue.core.context.messages import FRAMING, messages
    from segue.core.context.pack import LEVELS
    from segue.engine.budget.budgets import fitting
    from segue.engine.context.restoring import Wanted, restore
    from segue.engine.context.stepping import beginning

    if shape and form != "messages":
        raise UsageError("--shape is of messages", hint="--format messages")
    app = frame.app
    target = frame.session(session)
    if step and at is not None:
        raise UsageError("--step is a position already", hint="leave out --at")
    place = target.position if at is None else at
    if step or target.task is not None:
        begins = beginning(app.store, target.session, task=target.task, step=step, at=place)
        place, task = begins.position, task or begins.told()
    wanted = Wanted(
        at=place,
        budget=budget,
        level=level or cast("Level", app.config["restore.level"]),
        task=task,
        model=model,
        offer=app.offer_foreseen if predict else app.offer,
        find=lambda about: _found(frame, target.session, about),
        fits=fitting(app.budgets),
        changed=_changed(frame, target.session) if place is None and not protocol else "",
    )
    if form == "messages":
        wanted = wanted._replace(budget=max((wanted.budget or LEVELS[wanted.level]) - FRAMING, 1))
    if protocol:
        _follow(frame, target.session, wanted, None if protocol == "auto" else protocol, form)
        return
    restored = restore(app.store, target.session, wanted, app.counter)
    _say_small(frame, restored, wanted)
    if form == "messages":
        frame.record(messages(restored.context.text, shape or "generic"))
    elif form == "json" or (frame.json and form is None):
        frame.record(restored.to_json())
    elif explain:
        from segue.cli.explained import text

        frame.write(text(restored, frame.width))
    else:
        frame.raw(restored.context.text)
    frame.damage(restored.damage, target.session)


def _say_small(frame: Frame, restored: "Restored", wanted: "Wanted") -> None:
    from segue.core.context.pack import LEVELS

    most, given = LEVELS[wanted.level], restored.context.budget
    if wanted.budget is None and given < most:
        frame.warn(f"{given:,} of {most:,} tokens are used: the model's window is small (--budget TOKENS says otherwise)")


def _changed(frame: Frame, session: str) -> str:
    """Return what changed since the session stopped, and what must be verified; nothing where it cannot be told."""
    from segue.app.delta import check

    try:
        return check(frame.app, session).told()
    except (SegueError, OSError) as e:
        frame.warn(f"what changed cannot be told: {e}")
        return ""


def _follow(frame: Frame, session: str, wanted: "Wanted", protocol: Any, form: str | None) -> None:
    """Follow a protocol, report its steps, and print the context that came of it."""
    from segue.app.protocols import means
    from segue.cli.following import text
    from segue.engine.context.protocols import follow

    outcome = follow(means(frame.app), session, wanted, protocol)
    if form == "json" or (frame.json and form is None):
        frame.record(outcome.to_json())
    else:
        frame.write(text(outcome, frame.width))
        if outcome.restored is not None:
            frame.raw(f"\n{outcome.restored.context.text}")
    if outcome.restored is not None:
        frame.damage(outcome.restored.damage, session)
    if outcome.status == "failed":
        raise click.exceptions.Exit(1)
    if outcome.failures and outcome.protocol != "emergency":
        raise click.exceptions.Exit(3)


def _found(frame: Frame, session: str, about: str) -> list[int]:
    """Return the events of a session that are about something, the best first; none where the index cannot tell."""
    from segue.ports import Filters

    try:
        return [hit.seq for hit in frame.app.index.search(about, Filters(session=session), limit=_FOUND, order="best").hits]
    except SegueError:
        return []
