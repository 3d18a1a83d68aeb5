"""`segue log`: a session's events."""

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

import click

from segue.cli import records
from segue.cli.frame import Frame
from segue.cli.params import COUNT
from segue.cli.params import command as _command
from segue.cli.params import session as _session
from segue.cli.render import line, style
from segue.core.log.events import MAIN, Damage, Event
from segue.ports import OnDamage, Store


@_command("log", short_help="a session's events")
@_session
@click.option("--after", type=click.IntRange(0), default=0, metavar="SEQ", help="Events behind this one.")
@click.option("--upto", type=click.IntRange(0), metavar="SEQ", help="Events up to this one.")
@click.option("--limit", "-n", type=COUNT, metavar="N", help="The last N of them.")
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
    wanted = Wanted(after, target.position if upto is None else upto, limit, kinds, stream, active)
    for event in chosen(frame.app.store, target.session, wanted, damage.append):
        if frame.json:
            frame.record(records.event(event._replace(source=None) if no_source else event))
        else:
            frame.write(line_of(event, frame.width))
    frame.damage(damage, target.session)


class Wanted(NamedTuple):
    """Which events: see the options."""

    after: int
    upto: int | None
    limit: int | None
    kinds: tuple[str, ...]
    stream: str | None
    active: bool


def chosen(store: Store, session: str, wanted: Wanted, on_damage: OnDamage) -> Iterable[Event]:
    """Yield the events that are wanted. The last ones are read from the end: what is before them is not touched."""
    backwards = wanted.limit is not None and not wanted.active
    after = 0 if wanted.active else wanted.after
    events: Iterable[Event] = store.read(session, after=after, upto=wanted.upto, reverse=backwards, on_damage=on_damage)
    if wanted.active:
        from segue.core.session.tree import active_chain

        line = [e for e in active_chain(events, wanted.stream or MAIN) if e.seq > wanted.after]
        events = reversed(line) if wanted.limit is not None else line
    events = (e for e in events if _fits(e, wanted))
    return events if wanted.limit is None else reversed(list(islice(events, wanted.limit)))


def _fits(event: Event, wanted: Wanted) -> bool:
    return (not wanted.kinds or event.kind in wanted.kinds) and (not wanted.stream or event.stream == wanted.stream)


def line_of(event: Event, width: int) -> str:
    """Return an event on one line, for people."""
    from segue.cli.summary import summary

    where = "" if event.stream == "main" else f"[{event.stream}] "
    head = f"{event.seq:6}  {event.at[:10]} {event.at[11:19]}  "
    kind = f"{event.kind:17}  "
    text = line(where + summary(event), max(width - len(head) - len(kind), 20))
    return f"{style('dim', head)}{kind}{text}".rstrip() + "\n"
