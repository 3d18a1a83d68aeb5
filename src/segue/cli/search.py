"""`segue search`: what was said and done."""

from collections.abc import Callable
from functools import cache
from typing import Any

import click

from segue.cli.frame import Frame
from segue.cli.params import AGENT, COUNT
from segue.cli.params import command as _command
from segue.cli.render import line, style
from segue.ports import Filters, Hits


@_command("search", short_help="find what was said and done")
@click.argument("query")
@click.option("--session", help="Only in this session.")
@click.option("--limit", "-n", type=COUNT, show_default="20; with --budget what fits")
@click.option("--budget", type=click.IntRange(1), metavar="TOKENS", help="Pack the evidence into so many tokens, as `text`.")
@click.option("--order", type=click.Choice(["newest", "best"]), show_default="newest; with --budget best")
@click.option("--kind", help="Only events of this kind.")
@click.option("--role", type=click.Choice(["system", "user", "assistant", "tool"]), help="Only messages of this role.")
@click.option("--project")
@click.option("--agent", type=AGENT, metavar="AGENT")
@click.option("--here", is_flag=True, help="Only sessions of this workspace.")
@click.option("--since", metavar="AGE", help="Only what is not older than this age (12h, 7d), or since a date.")
def command(
    frame: Frame,
    query: str,
    session: str | None,
    limit: int | None,
    budget: int | None,
    order: Any,
    here: bool,
    since: str | None,
    kind: str | None,
    role: str | None,
    **given: Any,
) -> None:
    """Find events that have all words of QUERY; "quoted words" are a phrase.

    What a fork shares with its parent is shown once, as the parent's; with --session FORK, or when the parent was deleted, as the
    fork's.
    """
    from segue.cli.times import moment

    app = frame.app
    filters = Filters(
        session=app.resolve(session).session if session else None,
        workspace=app.workspace if here else None,
        since=moment(since, frame.now()),
        **given,
    )
    name = cache(lambda session: app.index.session(session).name or session)
    order = order or ("newest" if budget is None else "best")
    packed: dict[str, Any] = {}
    if budget is None:
        found = app.index.search(query, filters, kind=kind, role=role, limit=limit or 20, order=order)
    else:
        from segue.engine.evidence import hits_for, pack_evidence

        most = limit or hits_for(budget)
        found = app.index.search(query, filters, kind=kind, role=role, limit=most, order=order, around=order == "best")
        packed = pack_evidence(app.store, found.hits, budget, app.counter(None), name)
    document: dict[str, Any] = {"hits": [h._asdict() for h in found.hits], "more": found.more, "window": found.window} | packed
    frame.answer(document, lambda d: d["text"] if budget is not None else _text(found, name, frame.width))


def _text(found: Hits, name: Callable[[str], str], width: int) -> str:
    if not found.hits:
        return "nothing fits; words are looked for as they stand, all of them: try fewer\n"
    lines = []
    for hit in found.hits:
        head = f"{name(hit.session)} {hit.seq}  {hit.at[:16].replace('T', ' ')}  {hit.role or hit.kind}"
        lines += [style("bold", head), "  " + line(hit.snippet, width - 2)]
    if found.more:
        lines.append(style("dim", "and more: -n gives more of them"))
    lines.append(style("dim", "see one whole: segue show SESSION NUMBER"))
    return "\n".join(lines) + "\n"
