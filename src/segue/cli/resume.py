"""`segue resume`: go on with a session, in the agent that it has or in another."""

import os
from typing import TYPE_CHECKING, Any

import click

from segue.cli.frame import Frame
from segue.cli.params import AGENT, Tokens
from segue.cli.params import command as _command
from segue.cli.params import session as _session
from segue.cli.render import beside
from segue.core.errors import SegueError, UsageError
from segue.engine.loading import load
from segue.engine.sessions import move

if TYPE_CHECKING:
    from segue.core.session.refs import Target
    from segue.engine.context.stepping import Beginning
    from segue.engine.resuming.resumption import Resumption, Wish


@_command("resume", short_help="go on with a session, here or in another agent")
@_session
@click.option("--step", default="", help="From the beginning of this step of the task's plan: its number, or how it begins.")
@click.option("--note", "-m", default="", help="In your own words.")
@click.option(
    "--in",
    "agent",
    type=AGENT,
    metavar="AGENT",
    help="Go on in this agent: claude-code, codex, gemini-cli, opencode, ...",
)
@click.option(
    "--tools", type=click.Choice(["map", "keep", "text"]), help="Earlier calls: as the agent's own tools, as they were, as text."
)
@click.option("--reasoning", type=click.Choice(["drop", "text"]), help="Earlier reasoning: left out, or as text.")
@click.option("--cwd", metavar="DIR", help="Go on in this directory; paths in the old one follow. [default: the session's own]")
@click.option("--model", help="What the agent will run. [default: its own]")
@click.option(
    "--window",
    type=Tokens(1_000),
    metavar="TOKENS",
    help="What that model reads. [default: as known of it, else the agent's usual]",
)
@click.option("--to-version", default="", metavar="V", help="The agent's version. [default: the one installed]")
@click.option("--fresh", is_flag=True, help="A new session that reads the restored context: 40,000 tokens at most.")
@click.option("--dry-run", is_flag=True, help="Say what would be; write nothing.")
@click.option("--when-reset", is_flag=True, help="Where the agent stopped at a limit, wait until it ends.")
@click.option("--now", is_flag=True, help="Go on at once, whatever limit the agent stopped at.")
@click.option("--check", is_flag=True, help="Only the four checks, and what they compared; nothing is written.")
@click.option("--verified", is_flag=True, help="A person has looked at what the checks say is gone: go on all the same.")
@click.option("--emergency", is_flag=True, help="Go on whatever the checks say, with the minimum of context.")
@click.option("--run/--print", default=None, help="Start the agent, or print the command. [default: start it on a terminal]")
def command(
    frame: Frame,
    session: str | None,
    step: str,
    note: str,
    agent: str | None,
    run: bool | None,
    when_reset: bool,
    now: bool,
    check: bool,
    verified: bool,
    emergency: bool,
    **more: Any,
) -> int | None:
    """Take up SESSION again and print where it is; one that is at work already stays as it is.

    SESSION may be a task, by its id or title: then that is what goes on. With --step, or from a checkpoint, it goes on from an
    earlier place: what came later is left, and where anything did a fork goes on, so that nothing is lost.

    With --in it goes on in an agent: with that agent's own session where there is one, else with a transcript written for it,
    else with the restored context to read. What was kept, mapped, folded into text and dropped is counted, and the command
    printed. What an agent needs to go on as a text is printed by `segue restore`.

    First what the session relies on is compared with what is there: its project, files, tasks, dependencies. Where a commit or
    uncommitted work is gone, or a task that it builds on was reopened, a person is asked, or without one it ends with 3.

    Where its agent stopped at a limit that has not ended, what is done is as configured (`limits.then`): wait, another agent,
    or nothing but a question.
    """
    from segue.cli.limits import mind

    target = frame.session(session)
    session = session or target.session
    if check:
        from segue.cli.checking import show

        return show(frame, target.session)
    if not now:
        agent = mind(frame, session, agent, wait=when_reset)
    if agent is None:
        given = [f"--{name.replace('_', '-')}" for name, value in {**more, "run": run}.items() if value]
        if given:
            raise UsageError(f"{given[0]} says how to go on in an agent", hint="say in which: --in codex")
        _take_up(frame, _from(frame, target, step), note, emergency=emergency, verified=verified)
        return None
    _go_on(frame, _from(frame, target, step), agent, run, more | {"emergency": emergency, "verified": verified})
    return None


def _from(frame: Frame, target: "Target", step: str) -> "Beginning":
    """Return where the session goes on."""
    from segue.engine.context.stepping import beginning

    return beginning(frame.app.store, target.session, task=target.task, step=step, at=target.position)


def _take_up(frame: Frame, begins: "Beginning", note: str, *, emergency: bool, verified: bool) -> None:
    from segue.cli.checking import mind, summary
    from segue.cli.picture import picture, text
    from segue.cli.stepping import told
    from segue.engine.context.stepping import go_on

    if begins.left:
        session = go_on(frame.app.desk, begins)
        document = picture(load(frame.app.store, session), frame.app) | {"from": begins.to_json(), "validation": None}
        frame.answer(document, lambda d: text(d, frame.width) + told(begins, d["name"], frame.width))
        return
    target = begins.session
    checked = mind(frame, target, emergency=emergency, verified=verified)  # before anything is noted of now
    if emergency:
        from segue.engine.context.going_on import go_on_in_emergency

        go_on_in_emergency(frame.app.desk, target, checked)
    state = frame.app.settled(load(frame.app.store, target, on_damage=lambda _: None))
    if state.status not in {"created", "active"}:
        state = move(frame.app.desk, target, "resume", note=note)
    if begins.is_asked:
        go_on(frame.app.desk, begins)
        state = frame.app.settled(load(frame.app.store, target, on_damage=lambda _: None))
    document = picture(state, frame.app) | {"from": begins.to_json(), "validation": checked.validation.to_json()}
    name = document["name"] or document["id"]
    level = " --level minimal" if emergency else ""
    needs = f"what the agent needs: segue restore {name}{level}"
    hint = "\n" + beside(frame.width, f"checked: {summary(checked)}", f"what changed: segue delta {name}")
    hint += beside(frame.width, needs, f"another agent: segue resume {name} --in AGENT")
    frame.answer(document, lambda d: text(d, frame.width) + hint)


def _go_on(frame: Frame, target: "Beginning", agent: str, run: bool | None, more: dict[str, Any]) -> None:
    from segue.cli import going
    from segue.cli.stepping import about
    from segue.engine.context.stepping import note
    from segue.engine.resuming.conversion import resume_in

    app = frame.app
    wish = _wish(frame, agent, target.position, more)._replace(task=target.told() if target.is_asked else "")
    if target.position is None:
        wish, validation = _checked(frame, target.session, wish, emergency=more["emergency"], verified=more["verified"])
    else:
        validation = None  # it goes on from an earlier place: what came later is left on purpose
    found = resume_in(app.means, target.session, wish)
    if target.is_asked and not found.dry and (found.continuation or not target.left):
        note(app.desk, found.continuation or target.session, target)
    if found.command and found.workspace != app.cwd and not os.path.isdir(found.workspace):  # noqa: PTH112
        missing = f"{found.workspace} is not there: say where it goes on with --cwd DIR"
        found = found._replace(warnings=(*found.warnings, missing))
    start = (frame.interactive if run is None else run) and not found.dry and bool(found.command)
    document = found.to_json() | {"name": found.name or found.session, "command_line": going.command_line(found, app.cwd)}
    document |= {"validation": validation, "from": target.to_json()}
    frame.answer(document, lambda d: going.text(found, d["command_line"], frame, about(target)))
    if start:
        _start(frame, found)


def _checked(
    frame: Frame, session: str, wish: "Wish", *, emergency: bool, verified: bool
) -> "tuple[Wish, dict[str, Any] | None]":
    """Return the wish with what changed, after the checks; in an emergency it is for a new session with the minimum to read."""
    from segue.cli.checking import mind

    checked = mind(frame, session, emergency=emergency, verified=verified, dry=wish.dry, workspace=wish.workspace)
    wish = wish._replace(changed=checked.told())
    if emergency:
        wish = wish._replace(fresh=True, level="minimal")
        if not wish.dry:
            from segue.engine.context.going_on import go_on_in_emergency

            go_on_in_emergency(frame.app.desk, session, checked)
    return wish, checked.validation.to_json()


def _wish(frame: Frame, agent: str, position: int | None, more: dict[str, Any]) -> "Wish":
    from segue.engine.resuming.resumption import Wish

    cwd = more["cwd"]
    if cwd is not None:
        cwd = os.path.abspath(os.path.join(frame.app.cwd, os.path.expanduser(cwd)))  # noqa: PTH100, PTH111, PTH118  (as the shell would)
        if not os.path.isdir(cwd):  # noqa: PTH112
            raise UsageError(
                f"a session cannot go on in {cwd!r}: there is no such directory", hint="make it, or give another --cwd"
            )
    return Wish(
        agent=agent,
        position=position,
        workspace=cwd or "",
        tools=more["tools"],
        reasoning=more["reasoning"],
        version=more["to_version"],
        model=more["model"] or "",
        window=more["window"],
        fresh=more["fresh"],
        dry=more["dry_run"],
    )


def _start(frame: Frame, found: "Resumption") -> None:
    import subprocess

    from segue.host.processes import go

    frame.stdout.flush()
    frame.app.close()
    try:
        go(found.prepare, found.command, found.workspace)
    except FileNotFoundError as e:
        raise SegueError(
            f"{found.agent} cannot be started: {e.filename!r} is not there", hint="install it, or say where: --cwd DIR"
        ) from e
    except subprocess.CalledProcessError as e:
        raise SegueError(f"{found.agent} cannot be started: {e.cmd[0]!r} failed with {e.returncode}", hint="segue doctor") from e
