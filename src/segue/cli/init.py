"""`segue init`: capture what coding agents do, as they do it."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from segue.cli.frame import Frame
from segue.cli.params import AGENT
from segue.cli.params import command as _command
from segue.cli.render import diff, plural
from segue.core.errors import ChangedError, ConfirmationError, UsageError
from segue.host.install import AGENTS, Agent, Change, Receipt, Setup, apply, plan, plan_removal, undo
from segue.host.install import home as own
from segue.ports import Place

_TRIES = 5


@_command("init", short_help="capture coding agents as they work: hooks and slash commands")
@click.argument("agents", nargs=-1, type=AGENT, metavar="[AGENT]...")
@click.option("--user", "scope", flag_value="user", default=True, help="In your own configuration (the default).")
@click.option("--project", "scope", flag_value="project", help="In this project's configuration.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--remove", is_flag=True, help="Take out all that init put in.")
@click.option("--git-hooks", is_flag=True, help="Hooks of this repository: a checkpoint before git commits or rebases.")
@click.option("--statusline", is_flag=True, help="Claude Code's status line: how full the context is, beside your own.")
@click.option("--no-mcp", is_flag=True, help="Do not tell agents of segue's MCP server; they are no longer told where they were.")
@click.option("--no-import", is_flag=True, help="Do not import the transcripts that are there.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def command(
    frame: Frame,
    agents: tuple[str, ...],
    scope: str,
    git_hooks: bool,
    statusline: bool,
    dry_run: bool,
    remove: bool,
    no_mcp: bool,
    no_import: bool,
    yes: bool,
) -> None:
    """Install hooks, slash commands and segue's MCP server for AGENTs (claude-code, ...); without one, for those used here.

    Every change is shown first (of new files the names; --dry-run shows them whole), and every file that is changed is copied.
    Run again it changes nothing. --remove leaves each file as it was before, but for what you changed in it yourself.

    --git-hooks is about the repository of this directory instead. Hooks that are there run as before.
    --statusline is about Claude Code's status line alone. One that is there is shown as before, with segue's below it.
    """
    if statusline:
        from segue.cli.init_statusline import install as install_statusline

        install_statusline(frame, _setup(frame, scope), dry_run=dry_run, remove=remove, yes=yes)
        return
    if git_hooks:
        from segue.cli.git_hooks import install

        if agents:
            raise UsageError("git's hooks are the same for every agent", hint="segue init --git-hooks")
        install(frame, dry_run=dry_run, remove=remove, yes=yes)
        return
    setup = _setup(frame, scope)._replace(serves=not no_mcp)
    receipt = Receipt(setup.home)
    chosen = _chosen(frame, agents, remove=remove)
    planned: Callable[[], list[Change]] = lambda: (plan_removal if remove else plan)(setup, chosen, receipt)  # noqa: E731
    changes = planned()
    work = [c for c in changes if c.action != "keep"]
    if not frame.json:
        frame.write(_shown(work, whole=dry_run))
    if work and not dry_run:
        _confirm(frame, work, yes=yes)
    if not dry_run:
        _do(frame, setup, receipt, chosen, planned, remove=remove)
    document: dict[str, Any] = {
        "agents": [agent.name for agent in chosen],
        "files": [_record(change) for change in changes],
        "changed": 0 if dry_run else len(work),
        "imported": None,
    }
    if not (dry_run or remove or no_import):
        document["imported"] = _import(frame, chosen)
    frame.answer(document, lambda d: _text(d, chosen, work, remove=remove, dry_run=dry_run))


def _setup(frame: Frame, scope: str) -> Setup:
    from segue.host.mcp.claude_code import state_file

    app = frame.app
    home = str(app.config.home)
    for path in (home, app.workspace, sys.executable):
        try:
            path.encode()
        except UnicodeEncodeError:
            raise UsageError(f"directory {path!r} cannot be written into a configuration: it is not UTF-8") from None
    return Setup(
        home=app.config.home,
        python=sys.executable,
        program=own.program(frame.env, home),
        config={place.agent: place.config for place in app.places.all()},
        project=None if scope == "user" else Path(app.workspace),
        state=state_file(app.auditing.ground),
        launch=own.launch(frame.env, home),
    )


def _chosen(frame: Frame, names: Sequence[str], *, remove: bool) -> list[Agent]:
    known = {agent.name: agent for agent in AGENTS}
    for name in names:
        if name not in known:
            raise UsageError(f"agent {name!r} has no hooks that segue knows", hint="one of: " + ", ".join(known))
    if names or remove:
        return [agent for name, agent in known.items() if name in names or not names]
    found = [known[place.agent] for place in frame.app.places.all() if place.agent in known and _is_used(frame, place)]
    if not found:
        raise UsageError("no coding agent was found on this machine", hint=f"name one: segue init {next(iter(known))}")
    return found


def _is_used(frame: Frame, place: Place) -> bool:
    import os
    import shutil

    program = shutil.which(place.program, path=frame.env.get("PATH", os.defpath))
    return program is not None or Path(place.home).is_dir() or Path(place.config).is_dir()


def _confirm(frame: Frame, work: Sequence[Change], *, yes: bool) -> None:
    if yes:
        return
    question = f"change {plural(len(work), 'file')}?"
    if not frame.interactive:
        raise ConfirmationError(f"{question} nobody was there to say so", hint="segue init --yes; or --dry-run to look")
    frame.write(f"{question[:1].upper()}{question[1:]} Enter does it, Ctrl-C does not. ")
    frame.stdout.flush()
    if frame.stdin.readline().strip() not in {b"", b"y", b"yes"}:
        raise click.Abort


def _do(
    frame: Frame,
    setup: Setup,
    receipt: Receipt,
    chosen: Sequence[Agent],
    planned: Callable[[], list[Change]],
    *,
    remove: bool,
) -> None:
    if remove:
        from segue.host.install.statusline import remove as remove_statusline

        remove_statusline(setup)
    else:
        own.prepare(setup, receipt, chosen)
    for attempt in range(1, _TRIES + 1):
        try:
            (undo if remove else apply)(planned(), receipt)
            break
        except ChangedError:
            if attempt == _TRIES:
                raise
    if remove:
        own.clear(setup, receipt, chosen, lambda: _take_in(frame))


def _take_in(frame: Frame) -> None:
    """Bring what hooks spooled into the log."""
    from segue.engine.capture.spooling import ingest

    app = frame.app
    if not app.spools.is_empty():
        ingest(app.store, app.spools, app.transcripts, clock=app.clock)


def _import(frame: Frame, chosen: Sequence[Agent]) -> Any:
    from segue.cli.import_ import take

    places = frame.app.places
    roots = [root for agent in chosen for root in places.roots(places.of(agent.name))]
    return take(frame, roots).to_json() if roots else {"sessions": [], "losses": []}


def _record(change: Change) -> dict[str, Any]:
    return {
        "agent": change.agent,
        "path": str(change.path),
        "action": change.action,
        "diff": _diff(change) if change.action != "keep" else "",
    }


def _shown(work: Sequence[Change], *, whole: bool) -> str:
    """Return what is changed of the user's own files line by line, and of ours the names."""
    ours = [] if whole else [c for c in work if c.action != "change"]
    diffs = [_diff(change) for change in work if change not in ours]
    words = {"create": "new", "remove": "gone"}
    names = "".join(f"{words[change.action]:5}{change.path}\n" for change in ours)
    return "\n".join(filter(None, [*diffs, names]))


def _diff(change: Change) -> str:
    return diff(str(change.path), change.before, change.after)


def _text(document: dict[str, Any], chosen: Sequence[Agent], work: Sequence[Change], *, remove: bool, dry_run: bool) -> str:
    names = ", ".join(agent.name for agent in chosen)
    if not work and remove:
        return "nothing of segue is in the agents' configuration\n"
    if not work:
        return f"nothing to change: segue is installed for {names}\n" + _imported(document["imported"])
    if dry_run:
        return f"would change {plural(len(work), 'file')}\n"
    if remove:
        names = ", ".join(dict.fromkeys(change.agent for change in work))
        return f"taken out of {names}: {plural(len(work), 'file')} as before. What was captured stays: segue list\n"
    done = f"installed for {names}: {plural(len(work), 'file')}. Take it out with: segue init --remove\n"
    return done + _imported(document["imported"]) + "work as always; in a project's directory `segue` shows where you were\n"


def _imported(found: Any) -> str:
    if not found or not found["sessions"]:
        return ""
    new = sum(session["new_events"] for session in found["sessions"])
    lost = sum(len(session["losses"]) for session in found["sessions"]) + len(found["losses"])
    losses = f", {plural(lost, 'place')} could not be read (segue import tells)" if lost else ""
    return f"imported {plural(len(found['sessions']), 'session')}, {plural(new, 'new event')}{losses}\n"
