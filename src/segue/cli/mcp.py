"""`segue mcp`: the MCP servers that coding agents name in their configuration."""

from typing import Any

import click

from segue.cli import records
from segue.cli.frame import Frame
from segue.cli.mcp_agent import SERVING
from segue.cli.mcp_audit import audit_
from segue.cli.mcp_serve import serve_
from segue.cli.mcp_switch import off_, on_
from segue.cli.params import CONTEXT, common
from segue.cli.params import command as _command
from segue.cli.render import table
from segue.ports.mcp import Misread, Named, Server


@click.group("mcp", context_settings=CONTEXT, short_help="what agents' MCP servers cost; switch them off and on; be one")
@common
def command() -> None:
    """The MCP servers that coding agents start: what they cost of every request, what they are used for, and switching them.

    serve is one itself: it lets agents ask of this project's sessions.

    Read are the configurations of Claude Code, Codex, Gemini CLI, Qwen Code, opencode, Cursor and VS Code: the user's, and those
    of this project.
    """


@_command("list")
@click.option("--agent", type=SERVING, default=None, help="Of this agent alone.")
def list_(frame: Frame, agent: str | None) -> None:
    """Print the servers that agents name here, where, and whether they are on. Starts nothing."""
    auditing = frame.app.auditing
    named = auditing.lists.read()
    servers = [s for s in named.servers if agent in {None, s.agent}]
    document = {
        "servers": [records.mcp_server(s, auditing.shown(s)) for s in servers],
        "misread": [one._asdict() for one in named.misread],
    }
    frame.answer(document, lambda _: _text(frame, named._replace(servers=tuple(servers))))


def _text(frame: Frame, named: Named) -> str:
    rows = [(s.agent, s.name, s.scope, _state(s), frame.app.auditing.shown(s)) for s in named.servers]
    text = table(rows, ("agent", "server", "scope", "state", "started by"), frame.width)
    why = "".join(f"{s.name} is off in {s.agent}: {s.off}\n" for s in named.servers if s.off)
    return (text or "no MCP server is named in any agent's configuration here\n") + why + misread(named.misread)


def _state(server: Server) -> str:
    return "off" if server.off else "broken" if server.problem else "on" if server.is_local else "on, remote"


def misread(found: Any) -> str:
    """Return the lines about files that were not understood."""
    lines: list[Misread] = list(found)
    return "".join(f"not understood: {one.path} ({one.agent}): {one.reason}\n" for one in lines)


command.add_command(audit_)
command.add_command(list_)
command.add_command(off_)
command.add_command(on_)
command.add_command(serve_)
