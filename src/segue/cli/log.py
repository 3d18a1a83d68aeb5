"""`segue log`: a session's events."""

from collections.abc import Iterator
from typing import Any

import click

from segue.cli import records
from segue.cli.frame import Frame
from segue.cli.params import command as _command
from segue.cli.params import session as _session
from segue.cli.render import line, style
from segue.core.log.events import Damage, Event


@_command("log", short_help="a session's events")
@_session
@click.option("--after", type=click.IntRange(0), default=0, metavar="SEQ", help="Events behind this one.")
@click.option("--upto", type=click.IntRange(0), metavar="SEQ", help="Events up to this one.")
@click.option("--limit", "-n", type=click.IntRange(1), metavar="N", help="The last N of them.")
@click.option("--kind", "kinds", multiple=True, help="Only events of this kind. May be repeated.")
@click.option("--stream", help="Only this stream: main, or a subagent's.")
@click.option("--active", is_flag=True, help="Only the conversation as it stands: abandoned branches left out.")
@click.option("--no-source", is_flag=True, help="Leave out the agents' own records.")
def command(
    frame: Frame,
    session: str | None,
    after: int,
    upto: int | None,
    limit: int | None,
    kinds: tuple[str, ...],
    stream: str | None,
    active: bool,
    no_source: bool,
) -> None:
    """Print the events of SESSION in order; with --json one JSON document a line (JSON Lines)."""
    target = frame.session(session)
    damage: list[Damage] = []
    upto = upto if upto is not None else target.position
    events = _events(frame, target.session, after, upto, damage, stream, active=active)
    chosen: Any = (e for e in events if (not kinds or e.kind in kinds) and (not stream or e.stream == stream))
    if limit is not None:
        from collections import deque

        chosen = deque(chosen, maxlen=limit)
    for event in chosen:
        if frame.json:
            frame.record(records.event(event._replace(source=None) if no_source else event))
        else:
            frame.write(line_of(event, frame.width))
    frame.damage(damage, target.session)


def _events(
    frame: Frame, session: str, after: int, upto: int | None, damage: list[Damage], stream: str | None, *, active: bool
) -> Iterator[Event]:
    events = frame.app.store.read(session, after=0 if active else after, upto=upto, on_damage=damage.append)
    if not active:
        return events
    from segue.core.session.tree import active_chain

    return (e for e in active_chain(events, stream or "main") if e.seq > after)


def line_of(event: Event, width: int) -> str:
    """Return an event on one line, for people."""
    from segue.cli.summary import summary

    where = "" if event.stream == "main" else f"[{event.stream}] "
    head = f"{event.seq:6}  {event.at[:10]} {event.at[11:19]}  "
    kind = f"{event.kind:17}  "
    text = line(where + summary(event), max(width - len(head) - len(kind), 20))
    return f"{style('dim', head)}{kind}{text}".rstrip() + "\n"
