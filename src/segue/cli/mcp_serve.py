"""`segue mcp serve`: an MCP server of the sessions of a project."""

import contextlib
import signal
import sys
import threading

import click

from segue.cli.frame import Frame
from segue.cli.params import command as _command
from segue.core.errors import UsageError

PORT = 8737


@_command("serve")
@click.option(
    "--http", is_flag=True, help="Over HTTP on this machine's loopback, with a token; by default over standard streams."
)
@click.option("--port", type=click.IntRange(0, 65_535), help=f"With --http; 0: any free one. [default: {PORT}]")
@click.option("--new-token", is_flag=True, help="With --http: make a new token; the one before is no longer taken.")
@click.option("--all", "everything", is_flag=True, help="Serve the sessions of all projects, not of this one alone.")
def serve_(frame: Frame, http: bool, port: int | None, new_token: bool, everything: bool) -> None:
    """Serve this project's sessions to an agent, as an MCP server: where was I, restore, search, checkpoints, decisions, notes.

    Agents start it themselves once `segue init` has told them of it. What it may be asked, and by whom, is in
    docs/how-to/mcp-serve.md.
    """
    if http:
        _over_http(frame, PORT if port is None else port, new_token=new_token, everything=everything)
        return
    if port is not None or new_token:
        raise UsageError("--port and --new-token are of --http", hint="segue mcp serve --http")
    from segue.mcp.stdio import serve

    _keep_interrupts_out(frame)
    with contextlib.redirect_stdout(frame.stderr):  # a stray word of a library's would be no message
        serve(frame.app, frame.stdin, frame.stdout.buffer, everything=everything)


def _keep_interrupts_out(frame: Frame) -> None:
    """A Ctrl-C in the terminal is the agent's: it is sent to all that the terminal runs, and the agent ends us by our input."""
    if threading.current_thread() is threading.main_thread() and not frame.stdin.isatty() and frame.stdin is sys.stdin.buffer:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _over_http(frame: Frame, port: int, *, new_token: bool, everything: bool) -> None:
    from segue.host.mcp.token import token_of
    from segue.mcp.http import listen

    path, token = token_of(frame.app.config.home, new=new_token)
    with listen(frame.app, port, token, everything=everything) as served:
        frame.answer(
            {"url": served.url, "token_file": str(path)},
            lambda d: (
                f"serving {d['url']}\nits token is in {d['token_file']}: clients send it as Authorization: Bearer TOKEN\n"
                "Ctrl-C ends it\n"
            ),
        )
        frame.stdout.flush()
        served.forever()
