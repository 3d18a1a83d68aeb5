"""`segue follow`: capture without hooks."""

import os

import click

from segue.cli.frame import Frame
from segue.cli.import_ import everywhere, follow
from segue.cli.params import AGENT
from segue.cli.params import command as _command
from segue.core.errors import UsageError


@_command("follow", short_help="take in what every agent writes, as it is written")
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--agent", type=AGENT, metavar="AGENT", help="Only this agent's.")
def command(frame: Frame, paths: tuple[str, ...], agent: str | None) -> None:
    """Import what is in PATHS and then what is written to them, within a second, until Ctrl-C.

    Without PATHS: the transcripts of every agent on this machine. With hooks (segue init) this is not needed.
    """
    found = [os.path.expanduser(path) for path in paths]  # noqa: PTH111  (as the shell would have)
    found = found or [path for root in everywhere(frame, agent) for path in root.paths]
    if not found:
        raise UsageError("no agent that is known has transcripts on this machine", hint="name a directory: segue follow DIR")
    follow(frame, found, agent)
