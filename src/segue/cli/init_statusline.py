"""`segue init --statusline`: Claude Code's status line, beside one that the user has."""

from difflib import unified_diff
from typing import Any

import click

from segue.cli.frame import Frame
from segue.core.errors import ConfirmationError
from segue.host.install import Setup
from segue.host.install import statusline as installing
from segue.host.install.statusline import Plan


def install(frame: Frame, setup: Setup, *, dry_run: bool, remove: bool, yes: bool) -> None:
    """Install the status line, or take it out; show first what will be done."""
    found = installing.plan_removal(setup) if remove else installing.plan(setup)
    work = found.action != "keep"
    if not frame.json and work:
        frame.write(_diff(found))
    if work and not dry_run:
        _confirm(frame, found, remove=remove, yes=yes)
    if not dry_run:
        if remove:
            installing.remove(setup)
        else:
            installing.install(setup, found)
    document: dict[str, Any] = {
        "path": str(found.path),
        "action": found.action,
        "diff": _diff(found) if work else "",
        "own": found.own,
        "changed": int(work and not dry_run),
    }
    frame.answer(document, lambda _: _text(found, remove=remove, dry_run=dry_run))


def _confirm(frame: Frame, found: Plan, *, remove: bool, yes: bool) -> None:
    if yes:
        return
    question = "take the status line out?" if remove else "install the status line?"
    if found.own and not remove:
        question = "install the status line? Your own is shown as before, above it."
    if not frame.interactive:
        raise ConfirmationError(
            f"{question.rstrip('.')}: nobody was there to say so", hint="segue init --statusline --yes; or --dry-run to look"
        )
    frame.write(f"{question[:1].upper()}{question[1:]} Enter does it, Ctrl-C does not. ")
    frame.stdout.flush()
    if frame.stdin.readline().strip() not in {b"", b"y", b"yes"}:
        raise click.Abort


def _diff(found: Plan) -> str:
    before, after = ((data or b"").decode("utf-8", "backslashreplace").splitlines() for data in (found.before, found.after))
    path = str(found.path)
    names = ("/dev/null" if found.before is None else path, "/dev/null" if found.after is None else path)
    return "".join(f"{line}\n" for line in unified_diff(before, after, *names, lineterm=""))


def _text(found: Plan, *, remove: bool, dry_run: bool) -> str:
    if found.action == "keep":
        return f"nothing to change: the status line of segue is {'not ' if remove else ''}in {found.path}\n"
    if dry_run:
        return f"would change {found.path}\n"
    if remove:
        return f"taken out of {found.path}" + (": your own status line is back\n" if found.own else "\n")
    beside = ", below your own" if found.own else ""
    return f"installed in {found.path}{beside}. Take it out with: segue init --statusline --remove\n"
