"""`segue init --git-hooks`: checkpoints before git changes something, in the repository of this directory."""

import sys
from typing import Any

import click

from segue.cli.frame import Frame
from segue.cli.render import plural
from segue.core.errors import ConfirmationError
from segue.host.install import githooks
from segue.host.install.githooks import Hook, Program


def install(frame: Frame, *, dry_run: bool, remove: bool, yes: bool) -> None:
    """Install the hooks, or take them out; show first what will be done."""
    place = githooks.directory(frame.app.cwd)
    program = Program(sys.executable, str(frame.app.config.home))
    planned = githooks.plan_removal(place) if remove else githooks.plan(place, program)
    work = [hook for hook in planned if hook.action != "keep"]
    if work and not dry_run:
        _confirm(frame, work, remove=remove, yes=yes)
        if remove:
            githooks.remove(place)
        else:
            githooks.install(place, program)
    document: dict[str, Any] = {
        "directory": str(place),
        "hooks": [{"name": h.name, "path": str(h.path), "action": h.action, "chained": h.chained} for h in planned],
        "changed": 0 if dry_run else len(work),
    }
    frame.answer(document, lambda _: _text(work, str(place), remove=remove, dry_run=dry_run))


def _confirm(frame: Frame, work: list[Hook], *, remove: bool, yes: bool) -> None:
    if yes:
        return
    question = f"{'take out' if remove else 'install'} {plural(len(work), 'git hook')}?"
    if not frame.interactive:
        raise ConfirmationError(
            f"{question} nobody was there to say so", hint="segue init --git-hooks --yes; or --dry-run to look"
        )
    frame.write("".join(f"{_line(hook, remove=remove)}\n" for hook in work))
    frame.write(f"{question[:1].upper()}{question[1:]} Enter does it, Ctrl-C does not. ")
    frame.stdout.flush()
    if frame.stdin.readline().strip() not in {b"", b"y", b"yes"}:
        raise click.Abort


def _line(hook: Hook, *, remove: bool) -> str:
    if not hook.chained:
        return f"{hook.name:<14} {'gone' if remove else 'new'}"
    return f"{hook.name:<14} {'the one before it is back' if remove else 'runs the one that is there as well'}"


def _text(work: list[Hook], place: str, *, remove: bool, dry_run: bool) -> str:
    if not work:
        return f"nothing to change: {'no hook of segue is' if remove else 'the hooks of segue are'} in {place}\n"
    lines = "".join(f"{_line(hook, remove=remove)}\n" for hook in work)
    if dry_run:
        return f"{lines}would change {plural(len(work), 'hook')} in {place}\n"
    done = "taken out of" if remove else "installed in"
    return f"{lines}{done} {place}" + ("\n" if remove else ". Take them out with: segue init --git-hooks --remove\n")
