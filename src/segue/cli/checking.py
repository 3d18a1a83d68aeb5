"""The four checks before a session goes on: shown, and where work that it relies on is gone, asked about."""

from typing import TYPE_CHECKING

from segue.cli.frame import Frame
from segue.cli.render import line, style

if TYPE_CHECKING:
    from segue.core.delta.checks import Check
    from segue.engine.context.going_on import Checked

_SHOWN = 6
"""Findings of a check that are told; all of them are in --json."""
_COLOURS = {"failed": "red", "changed": "yellow", "unknown": "yellow", "same": "green"}


def mind(frame: Frame, session: str, *, emergency: bool, verified: bool, dry: bool = False, workspace: str = "") -> "Checked":
    """Return the checks of a session, after a person verified what failed, or the call said that one has.

    Raises:
        UnverifiedError: something failed, and nobody has.
    """
    from segue.app.delta import check
    from segue.engine.context.going_on import verify

    checked = check(frame.app, session, workspace)
    if not checked.failures or dry:
        return checked
    if not (emergency or verified or (frame.interactive and _agrees(frame, checked))):
        raise checked.refusal()
    verify(frame.app.desk, checked, "emergency" if emergency else "verified")
    return checked


def show(frame: Frame, session: str) -> int:
    """Print the checks of a session and what they compared; return the exit code: 3 where a person must verify."""
    from segue.app.delta import check

    checked = check(frame.app, session)
    document = {"session": checked.session, "name": checked.name, **checked.validation.to_json()}
    document["unverified"] = [one.text for one in checked.failures]
    frame.answer(document, lambda _: text(checked, frame.width, compared=True))
    return checked.refusal().exit_code if checked.failures else 0


def text(checked: "Checked", width: int, *, compared: bool = False) -> str:
    """Return the checks for people."""
    lines = [f"{style('bold', checked.name or checked.session)}  before it goes on"]
    for one in checked.validation.checks:
        lines += _check(one, width, compared=compared)
    return "\n".join(lines) + "\n"


def summary(checked: "Checked") -> str:
    """Return the verdicts in a line."""
    return ", ".join(f"{one.name} {one.verdict}" for one in checked.validation.checks)


def _check(check: "Check", width: int, *, compared: bool) -> list[str]:
    told = style(_COLOURS[check.verdict], check.verdict)
    lines = [f"  {check.name.ljust(13)} {told}" + ("" if check.critical else "  (stops nobody)")]
    if compared:
        differ = [one for one in check.compared if one.saved != one.now]
        rows = [line(f"{one.what}: {one.saved or 'none'}, now {one.now or 'none'}", width - 6) for one in differ[:_SHOWN]]
        lines += [f"      {style('dim', one)}" for one in rows]
    shown = sorted(check.findings, key=lambda one: not one.critical)[:_SHOWN]
    hint = ""
    for one in shown:
        lines.append(f"    {'!' if one.critical else '-'} {line(one.text, width - 6)}")
        if one.critical and one.hint not in {"", hint}:
            hint = one.hint
            lines.append(f"      {hint}")
    rest = len(check.findings) - len(shown)
    return [*lines, *([f"      and {rest} more: segue delta"] if rest else [])]


def _agrees(frame: Frame, checked: "Checked") -> bool:
    frame.write(text(checked, frame.width))
    frame.stdout.write("work that the session relies on is gone or contradicted; go on all the same? [y/N] ")
    frame.stdout.flush()
    return frame.stdin.readline().strip().lower() in {b"y", b"yes"}
