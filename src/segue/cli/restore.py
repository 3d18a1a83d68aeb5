"""`segue restore`: what an agent needs to go on."""

from typing import TYPE_CHECKING, Any, cast

import click

from segue.cli.frame import Frame
from segue.cli.params import command as _command
from segue.cli.params import session as _session

if TYPE_CHECKING:
    from segue.engine.restoring import Level


@_command("restore", short_help="print the context to go on with, within a token budget")
@_session
@click.option("--at", type=click.IntRange(1), metavar="SEQ", help="As it would have been at this position.")
@click.option(
    "--level", type=click.Choice(["minimal", "balanced", "full"]), help="5,000, 25,000 or 40,000 tokens. [default: a setting]"
)
@click.option("--budget", type=click.IntRange(1), metavar="TOKENS", help="At most so many tokens; wins over --level.")
@click.option("--task", "-t", default="", help="What is to be done next. [default: the session's own task]")
@click.option("--model", help="Who will read it: its tokens are counted. [default: the session's own model]")
@click.option(
    "--format", "form", type=click.Choice(["md", "json"]), help="Markdown for an agent, or JSON with every item's fate."
)
@click.option("--predict", is_flag=True, help="Add what will likely be needed next (see segue predict).")
def command(
    frame: Frame,
    session: str | None,
    at: int | None,
    level: Any,
    budget: int | None,
    task: str,
    model: str | None,
    form: str | None,
    predict: bool,
) -> None:
    """Print the context that an agent needs to go on with SESSION (or from a checkpoint), never over its budget.

    What is left out is a pointer that `segue show SESSION NUMBER` expands. The exact tokenizer is used where one is installed.
    """
    from segue.engine.restoring import Wanted, restore

    app = frame.app
    target = frame.session(session)
    wanted = Wanted(
        at=target.position if at is None else at,
        budget=budget,
        level=level or cast("Level", app.config["restore.level"]),
        task=task,
        model=model,
        offer=app.offer_foreseen if predict else app.offer,
    )
    restored = restore(app.store, target.session, wanted, app.counter)
    if form == "json" or (frame.json and form is None):
        frame.record(restored.to_json())
    else:
        frame.raw(restored.context.text)
    frame.damage(restored.damage, target.session)
