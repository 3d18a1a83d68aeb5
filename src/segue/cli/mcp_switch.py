"""`segue mcp off` and `segue mcp on`: a server in the configuration of the agents that name it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from segue.cli.frame import Frame
from segue.cli.mcp_agent import SERVING
from segue.cli.params import command as _command
from segue.cli.render import diff, plural
from segue.core.errors import ChangedError, ConfirmationError, NotFoundError

if TYPE_CHECKING:
    from segue.host.install import Change
    from segue.ports.mcp import Server

_TRIES = 5


@_command("off")
@click.argument("names", nargs=-1, required=True, metavar="SERVER...")
@click.option("--agent", type=SERVING, default=None, help="For this agent alone.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def off_(frame: Frame, names: tuple[str, ...], agent: str | None, dry_run: bool, yes: bool) -> None:
    """Switch SERVERs off in the configuration of the agents that name them, in the agents' own words.

    The change is shown first, and the file is copied. In Claude Code it holds for this project alone; elsewhere wherever the file
    does that names the server. An agent that runs already goes on with what it has.
    """
    _switch(frame, names, agent, on=False, dry_run=dry_run, yes=yes)


@_command("on")
@click.argument("names", nargs=-1, required=True, metavar="SERVER...")
@click.option("--agent", type=SERVING, default=None, help="For this agent alone.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def on_(frame: Frame, names: tuple[str, ...], agent: str | None, dry_run: bool, yes: bool) -> None:
    """Switch SERVERs on again. A file that nobody changed since `off` is then as it was, byte for byte."""
    _switch(frame, names, agent, on=True, dry_run=dry_run, yes=yes)


def _switch(frame: Frame, names: Sequence[str], agent: str | None, *, on: bool, dry_run: bool, yes: bool) -> None:
    servers = _chosen(frame, names, agent, on=on)
    if on:  # the last one first: each finds its file as it left it, which is then as it was byte for byte
        switched = {entry.place: place for place, entry in enumerate(frame.app.auditing.receipt)}
        servers.sort(key=lambda server: switched.get(server.name, -1), reverse=True)
    planned = [(server, _plan(frame, server, on=on)) for server in servers]
    first = [change for _, change in planned if change.action != "keep"]
    left = [server for server, change in planned if change.action == "keep"] if on else []
    if not frame.json:
        shown = "\n".join(diff(str(c.path), c.before, c.after) for c in first)
        frame.write(frame.app.auditing.hidden(shown, [*frame.app.auditing.lists.read().servers, *servers]))
    if first and not dry_run:
        _confirm(frame, first, names, on=on, yes=yes)
        for server in servers:
            _do(frame, server, on=on)
    word = "on" if on else "off"
    done = [{"agent": c.agent, "server": c.entry.place, "path": str(c.path), "state": word} for c in first]
    stays = [{"agent": s.agent, "server": s.name, "why": s.off} for s in left]
    document: dict[str, Any] = {"switched": done, "left": stays, "changed": 0 if dry_run else len(first)}
    told = "".join(f"{s.name} stays off in {s.agent}: {s.off}\n" for s in left)
    frame.answer(document, lambda _: ("" if told and not first else _text(first, names, on=on, dry_run=dry_run)) + told)


def _chosen(frame: Frame, names: Sequence[str], agent: str | None, *, on: bool) -> "list[Server]":
    from segue.host.mcp.switching import taken_out

    auditing = frame.app.auditing
    named = auditing.lists.read()
    known = [*named.servers, *(taken_out(auditing.receipt) if on else ())]
    found = []
    for name in names:
        own = [s for s in known if s.name == name and agent in {None, s.agent}]
        if not own:
            raise NotFoundError("MCP server", name, hint="segue mcp list")
        found += [s for s in own if bool(s.off) is on]
    return found


def _plan(frame: Frame, server: "Server", *, on: bool) -> "Change":
    from segue.host.mcp.switching import plan

    return plan(server, frame.app.auditing.ground, frame.app.auditing.receipt, on=on)


def _do(frame: Frame, server: "Server", *, on: bool) -> None:
    from segue.host.mcp.switching import apply

    for attempt in range(1, _TRIES + 1):
        try:
            apply(_plan(frame, server, on=on), frame.app.auditing.receipt, on=on)
        except ChangedError:  # agents write these files often
            if attempt == _TRIES:
                raise
        else:
            return


def _confirm(frame: Frame, work: "Sequence[Change]", names: Sequence[str], *, on: bool, yes: bool) -> None:
    if yes:
        return
    word = "on" if on else "off"
    question = f"switch {', '.join(dict.fromkeys(c.entry.place for c in work))} {word} in {plural(_files(work), 'file')}?"
    if not frame.interactive:
        hint = f"segue mcp {word} {' '.join(names)} --yes; or --dry-run to look"
        raise ConfirmationError(f"{question} nobody was there to say so", hint=hint)
    frame.write(f"{question[:1].upper()}{question[1:]} Enter does it, Ctrl-C does not. ")
    frame.stdout.flush()
    if frame.stdin.readline().strip() not in {b"", b"y", b"yes"}:
        raise click.Abort


def _files(work: "Sequence[Change]") -> int:
    return len({change.path for change in work})


def _text(work: "Sequence[Change]", names: Sequence[str], *, on: bool, dry_run: bool) -> str:
    word = "on" if on else "off"
    if not work:
        return f"nothing to change: {', '.join(names)} {'is' if len(names) == 1 else 'are'} {word}\n"
    if dry_run:
        return f"would change {plural(_files(work), 'file')}\n"
    done = "".join(f"{change.entry.place} is {word} in {change.agent} ({change.path})\n" for change in work)
    again = " ".join(dict.fromkeys(change.entry.place for change in work))
    return done + ("" if on else f"switch back on with: segue mcp on {again}\n")
