"""`segue watch`: follow a session live."""

import click

from segue.cli import records
from segue.cli.frame import Frame
from segue.cli.params import command as _command
from segue.cli.params import session as _session


@_command("watch", short_help="follow a session live")
@_session
@click.option("--after", type=click.IntRange(0), metavar="SEQ", help="Begin behind this event. [default: the last one there is]")
@click.option("--until-seq", type=click.IntRange(1), metavar="SEQ", help="Stop when this event is there.")
@click.option("--kind", "kinds", multiple=True, help="Only events of this kind. May be repeated.")
def command(frame: Frame, session: str | None, after: int | None, until_seq: int | None, kinds: tuple[str, ...]) -> None:
    """Print the events of SESSION as they come, until Ctrl-C; with --json one JSON document a line."""
    from segue.cli.log import line_of

    target = frame.session(session).session
    store = frame.app.store
    begin = store.info(target).head.seq if after is None else after
    seen = begin

    def stop() -> bool:
        return until_seq is not None and seen >= until_seq

    for event in store.watch(target, after=begin, stop=stop):
        seen = event.seq
        if not kinds or event.kind in kinds:
            if frame.json:
                frame.record(records.event(event))
            else:
                frame.write(line_of(event, frame.width))
                frame.stdout.flush()
        if stop():
            return
