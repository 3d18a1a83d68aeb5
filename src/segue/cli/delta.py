"""`segue delta`: what changed while a session was away."""

from textwrap import wrap
from typing import TYPE_CHECKING

import click

from segue.cli.frame import Frame
from segue.cli.params import command as _command
from segue.cli.params import session as _session
from segue.cli.render import line, style

if TYPE_CHECKING:
    from segue.core.delta.report import Delta

_LABEL = 12


@_command("delta", short_help="what changed while a session was away")
@_session
@click.option(
    "--since",
    metavar="SEQ|CHECKPOINT",
    help="Since this position or checkpoint. [default: since the workspace of the session was last looked at]",
)
@click.option("--most", type=click.IntRange(1, 1_000), default=8, show_default=True, help="Name so many of each kind.")
def command(frame: Frame, session: str | None, since: str | None, most: int) -> None:
    """Report what changed while SESSION was away: commits and by whom, files, uncommitted changes then and now, the branch,
    rewritten history, dependencies, notes, tasks, and what other sessions did in its workspace; and what to do about it.

    Nothing is written, and nothing that a repository's configuration names is run. A large repository is looked at up to limits;
    what they cut off is named.
    """
    from segue.app.delta import means
    from segue.engine.context.delta import compare

    target = frame.session(session)
    wanted = since if since is not None else target.place
    position = target.position if wanted is None else _position(frame, target.session, wanted)
    delta = compare(means(frame.app), target.session, position).delta
    document = delta.to_json()
    frame.answer(document, lambda d: _text(delta, d["suggestions"], frame.width, most))


def _position(frame: Frame, session: str, since: str) -> int:
    """Return the position of a checkpoint of the session, or the number itself."""
    from segue.engine.saving.placing import known

    if since.isascii() and since.isdigit():
        return int(since)
    return known(frame.app.store, session, since).seq


def _text(delta: "Delta", suggestions: list[str], width: int, most: int) -> str:
    from segue.core.delta.telling import away, lines

    since = f"since {delta.since[:16].replace('T', ' ')} UTC" if delta.since else "since it began"
    head = f"{style('bold', delta.name or delta.session)}  {since}, away for {away(delta.away)}"
    told = [*([("nothing", "changed")] if delta.is_empty else []), *lines(delta, most)]
    return "\n".join([head, "", *rows(told, width), *_suggested(suggestions, width)]) + "\n"


def rows(lines: list[tuple[str, str]], width: int) -> list[str]:
    """Return the lines behind what they are about, which is said once."""
    found, last = [], ""
    for label, text in lines:
        room = max(width - _LABEL - 3, 20)
        for part in wrap(text, room, break_on_hyphens=False) if label == "workspace" else [line(text, room)]:
            first = style("dim", ("" if label == last else label).ljust(_LABEL))
            found.append(f"  {first} {part}")
            last = label
    return found


def _suggested(suggestions: list[str], width: int) -> list[str]:
    return ["", *rows([("do", text) for text in suggestions], width * 4)] if suggestions else []
