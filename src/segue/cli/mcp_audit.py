"""`segue mcp audit`: what MCP servers cost, and which a task has no use for."""

from typing import TYPE_CHECKING

import click

from segue.cli import records
from segue.cli.frame import Frame
from segue.cli.mcp_agent import SERVING
from segue.cli.params import command as _command
from segue.cli.render import ago, line, number, plural, style, table
from segue.cli.times import moment
from segue.core.errors import ConfirmationError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segue.engine.budget.auditing import AgentCost, Audit, ServerCost
    from segue.ports.mcp import Named, Server


@_command("audit")
@click.argument("names", nargs=-1, metavar="[SERVER]...")
@click.option("--agent", type=SERVING, default=None, help="Of this agent alone.")
@click.option("--task", default=None, help="What is to be done; else the task of this workspace's session.")
@click.option("--model", default=None, help="Count for this model; else for the one that the agent ran last.")
@click.option("--since", default="90d", show_default=True, help="Look for calls in sessions that were active since then.")
@click.option("--tools", "whole", is_flag=True, help="Show every tool.")
@click.option("--remote", is_flag=True, help="Ask servers on other machines as well.")
@click.option("--timeout", type=click.FloatRange(0.1, 600), default=30.0, show_default=True, help="Seconds for each server.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask before servers are started.")
def audit_(
    frame: Frame,
    names: tuple[str, ...],
    agent: str | None,
    task: str | None,
    model: str | None,
    since: str,
    whole: bool,
    remote: bool,
    timeout: float,
    yes: bool,
) -> None:
    """Start the servers that are on (or the SERVERs), count what their tools cost of every request, and say which to switch off.

    Counted is what each agent sends: names, descriptions, schemas, instructions. It asks before it starts a server for the first
    time; every one is ended again. Whatever a server does, the others are counted.
    """
    from segue.engine.budget.auditing import Wish, audit
    from segue.ports import Filters

    app = frame.app
    named = _chosen(app.auditing.lists.read(), names, agent)
    _agree(frame, [s for s in named.servers if _is_asked(s, remote=remote)], yes=yes)
    began = moment(since, frame.now()) or ""
    wish = Wish(_task(frame) if task is None else task, model or "", began, app.config.numbers("windows"))
    found = audit(
        named,
        app.auditing.lister(timeout, remote=remote),
        app.store,
        app.index.sessions(Filters(since=began)) if named.servers else [],
        app.auditing.counter,
        frame.now(),
        wish,
        lambda done, of: frame.progress(f"asking MCP servers: {done} of {of}"),
    )
    frame.answer(records.mcp_audit(found), lambda _: _text(frame, found, whole=whole))


def _chosen(named: "Named", names: "Sequence[str]", agent: str | None) -> "Named":
    for name in names:
        if name not in {s.name for s in named.servers}:
            raise NotFoundError("MCP server", name, hint="segue mcp list")
    servers = (s for s in named.servers if agent in {None, s.agent} and (not names or s.name in names))
    return named._replace(servers=tuple(s._replace(off="") if names else s for s in servers))


def _is_asked(server: "Server", *, remote: bool) -> bool:
    return not server.off and not server.problem and (server.is_local or remote)


def _agree(frame: Frame, servers: "Sequence[Server]", *, yes: bool) -> None:
    """Ask before servers are started that nobody agreed to yet."""
    agreed = frame.app.auditing.agreed
    new = list({server.launch: server for server in agreed.missing(servers)}.values())
    if not new:
        return
    if not yes:
        question = f"start {plural(len(new), 'MCP server')}?"
        if not frame.interactive:
            raise ConfirmationError(
                f"{question} nobody was there to say so", hint="segue mcp list shows them; segue mcp audit --yes starts them"
            )
        rows = [(s.agent, s.name, s.path, frame.app.auditing.shown(s)) for s in new]
        frame.write(table(rows, ("agent", "server", "named in", "started by"), frame.width))
        frame.write(f"{question[:1].upper()}{question[1:]} Enter does it, Ctrl-C does not. ")
        frame.stdout.flush()
        if frame.stdin.readline().strip() not in {b"", b"y", b"yes"}:
            raise click.Abort
    agreed.keep(new)


def _task(frame: Frame) -> str:
    try:
        return frame.app.index.session(frame.app.resolve("current").session).task
    except NotFoundError:
        return ""


# --- for people


def _text(frame: Frame, found: "Audit", *, whole: bool) -> str:
    from segue.cli.mcp import misread

    if not found.agents:
        return "no MCP server is named in any agent's configuration here\n" + misread(found.misread)
    about = f"for the task: {line(found.task, 200)}\n\n" if found.task else ""
    return about + "\n".join(_agent(frame, one, whole=whole) for one in found.agents) + misread(found.misread)


def _agent(frame: Frame, one: "AgentCost", *, whole: bool) -> str:
    from segue.core.context.tokens import FAMILY_NAMES

    on = sorted((s for s in one.servers if s.listing is not None), key=lambda s: (-s.tokens, s.server.name))
    share = round(100 * one.tokens / one.window)
    of = f", {share} % of a window of {number(one.window)}" if share else ""
    most = "up to " if one.at_most else ""
    head = f"{one.agent}: {most}{number(one.tokens)} tokens of every request{of} ({FAMILY_NAMES[one.family]}, {one.method})"
    if one.whole > one.tokens:
        head += f", up to {number(one.whole)} once the model looked at every tool"
    rows = [_row(frame, cost) for cost in on]
    lines = [
        style("bold", head),
        table(rows, ("server", "tools", "tokens", "raw", "calls", "last", "advice"), frame.width).rstrip(),
    ]
    if whole:
        tools = [(t.called, number(t.tokens), number(t.calls), _last(frame, t.last)) for cost in on for t in cost.tools]
        lines.append(table(tools, ("tool", "tokens", "calls", "last"), frame.width).rstrip())
    lines += [f"{c.server.name}: {c.listing.failure}" for c in on if c.listing and c.listing.failure]
    lines += [f"{c.server.name}: {note}" for c in on if c.listing for note in c.listing.notes]
    lines += [f"{c.server.name} is off: {c.server.off}" for c in one.servers if c.server.off]
    if one.is_much:
        lines.append(style("yellow", f"warning: more than {number(_limit())} tokens, before a word is said"))
    names = [c.server.name for c in on if c.advice and c.advice.say == "off"]
    if names:
        words = " ".join(_quoted(name) for name in names)
        lines.append(f"{number(one.saved)} tokens less: segue mcp off {words} --agent {one.agent}")
    return "\n".join(text for text in lines if text) + "\n"


def _row(frame: Frame, cost: "ServerCost") -> tuple[str, ...]:
    listed = cost.listing is not None and not cost.listing.failure
    said = f"{cost.advice.say}: {cost.advice.why}" if cost.advice else ""
    return (
        cost.server.name,
        number(len(cost.tools)) if listed else "-",
        number(cost.tokens) if listed else "-",
        number(cost.raw) if listed else "-",
        number(cost.calls),
        _last(frame, cost.last),
        said,
    )


def _last(frame: Frame, at: str) -> str:
    from segue.core.log.times import seconds

    return ago(frame.now() - seconds(at)) if at else "never"


def _limit() -> int:
    from segue.engine.budget.auditing import WARN_ABOVE

    return WARN_ABOVE


def _quoted(name: str) -> str:
    import shlex

    return shlex.quote(name)
