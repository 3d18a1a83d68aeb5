"""`segue search`: what was said and done."""

from collections.abc import Callable
from functools import cache
from typing import Any

import click

from segue.cli.frame import Frame
from segue.cli.params import AGENT, COUNT, Tokens
from segue.cli.params import command as _command
from segue.cli.render import around, style
from segue.ports import Filters, Hits


@_command("search", short_help="find what was said and done")
@click.argument("query")
@click.option("--session", help="Only in this session.")
@click.option("--limit", "-n", type=COUNT, default=20, show_default=True)
@click.option("--budget", type=Tokens(), metavar="TOKENS", help="Pack the evidence into so many tokens, as `text`.")
@click.option("--model", metavar="MODEL", help="Count the budget's tokens as this model does.")
@click.option("--order", type=click.Choice(["best", "newest"]), default="best", show_default=True)
@click.option("--kind", help="Only events of this kind.")
@click.option("--role", type=click.Choice(["system", "user", "assistant", "tool"]), help="Only messages of this role.")
@click.option("--file", metavar="PATH", help="Only what touched this file or directory: a path, or the end of one.")
@click.option("--project")
@click.option("--agent", type=AGENT, metavar="AGENT")
@click.option("--here", is_flag=True, help="Only sessions of this workspace.")
@click.option("--since", metavar="AGE", help="Only what is not older than this age (12h, 7d), or since a date.")
@click.option("--until", metavar="AGE", help="Only what is older than this age, or before a date.")
def command(
    frame: Frame,
    query: str,
    session: str | None,
    limit: int,
    budget: int | None,
    model: str | None,
    order: Any,
    here: bool,
    since: str | None,
    until: str | None,
    kind: str | None,
    role: str | None,
    file: str | None,
    **given: Any,
) -> None:
    """Find events by the words of QUERY, the best first.

    Words are found by their stems, names in camel case by their parts; "quoted words" must be there word for word. With --order
    newest: what has all of the words, the latest first.

    With --budget: the evidence, what fits best and what stands beside it, to read in place of the logs.

    What a fork shares with its parent is shown once, as the parent's; with --session FORK, or when the parent was deleted, as the
    fork's.
    """
    from segue.cli.times import moment

    app = frame.app
    filters = Filters(
        session=app.resolve(session).session if session else None,
        workspace=app.workspace if here else None,
        since=moment(since, frame.now()),
        until=moment(until, frame.now()),
        **given,
    )
    narrowed: dict[str, Any] = {"kind": kind, "role": role, "file": file}
    found = app.index.search(query, filters, limit=limit, order=order, **narrowed)
    name = cache(lambda session: app.index.session(session).name or session)
    document: dict[str, Any] = {"hits": [h._asdict() for h in found.hits], "more": found.more, "window": found.window}
    if budget is not None:
        from segue.engine.context.evidence import Wanted, gather

        wanted = Wanted(query, filters, **narrowed)
        document |= gather(app.index, app.store, wanted, budget, app.counter(model), app.nearness).to_json()
    packed = budget is not None and (found.hits or document["text"])
    frame.answer(document, lambda d: d["text"] if packed else _text(found, name, frame.width, query))
    if packed and not document["text"]:
        frame.warn(f"nothing of what was found has room in {budget:,} tokens")


def _text(found: Hits, name: Callable[[str], str], width: int, query: str) -> str:
    if not found.hits and not any(character.isalnum() for character in query):
        return "nothing to look for: there is no word in it\n"
    if not found.hits:
        return "nothing fits: no event that is asked for has a word of it\n"
    lines = []
    for hit in found.hits:
        head = f"{name(hit.session)} {hit.seq}  {hit.at[:16].replace('T', ' ')}  {hit.role or hit.kind}"
        lines += [style("bold", head), "  " + around(hit.snippet, width - 2)]
    if found.more:
        lines.append(style("dim", "and more: -n gives more of them"))
    if found.window is not None:
        lines.append(style("dim", f"common words: the newest {found.window:,} entries were ranked"))
    lines.append(style("dim", "see one whole: segue show SESSION NUMBER"))
    return "\n".join(lines) + "\n"
