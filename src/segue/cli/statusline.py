"""`segue statusline`: what an agent shows of its context. Answered by `segue.statusline` before any of this is loaded."""

from segue.cli.frame import Frame
from segue.cli.params import command as _command


@_command("statusline", short_help="print an agent's status line, and take its figures in")
def command(frame: Frame) -> None:
    """Read the figures that an agent tells its status line on standard input (Claude Code's JSON), keep them for `segue budget`,
    and print one line: how full the context is, in which band, what is left of it, what the session cost.

    `segue init --statusline` installs it, beside a status line that is there.
    """
    from segue import statusline

    told = statusline.figures(_parsed(frame))
    home = str(frame.app.config.home)
    more = ""
    if "session" in told:
        statusline.keep(home, told)
        more = statusline.note(home, told["session"])
    frame.answer({**told, "note": more}, lambda _: statusline.line(told, statusline.thresholds(home), more, colour=False) + "\n")


def _parsed(frame: Frame) -> object:
    import json

    from segue import statusline

    try:
        return json.loads(frame.stdin.read(statusline.LARGEST))
    except (ValueError, RecursionError):
        return None
