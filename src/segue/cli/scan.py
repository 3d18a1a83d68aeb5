"""`segue scan`: where secrets stand."""

import os
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import click

from segue.cli.frame import Frame
from segue.cli.params import command as _command
from segue.cli.render import plural, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from segue.engine.secrecy.detecting import Detected

_FOUND: Final = 3
_SHOWN: Final = 100


@_command("scan", short_help="tell where secrets stand in files or sessions, without showing them")
@click.argument("targets", nargs=-1, required=True, metavar="PATH|SESSION|-...")
@click.option("--emails", is_flag=True, help="Addresses count as well.")
def command(frame: Frame, targets: tuple[str, ...], emails: bool) -> int:
    """Print what redaction would take out of files and directories, of sessions in the log, or of standard input (-).

    Nothing is changed, and no secret is shown: its kind and its place are. The exit code is 3 where something was found.
    Values of the environment's variables whose names say that they are secret are looked for too.
    """
    found = list(_detect(frame, targets, emails))
    counts = Counter(one.kind for one in found)
    document = {"findings": [one._asdict() for one in found], "counts": dict(sorted(counts.items()))}
    frame.answer(document, lambda _: _text(frame, found, counts))
    return _FOUND if found else 0


def _detect(frame: Frame, targets: tuple[str, ...], emails: bool) -> "Iterator[Detected]":
    from segue.engine.secrecy import detecting

    detector = frame.app.make_redactor(emails=emails)
    for target in targets:
        path = os.path.expanduser(target)  # noqa: PTH111  (as the shell would have)
        if target == "-":
            yield from detecting.in_lines("-", frame.stdin, detector)
        elif os.path.lexists(path):
            yield from detecting.in_paths([path], detector)
        else:
            session = frame.app.resolve(target).session
            yield from detecting.in_session(frame.app.store, session, detector, lambda _: None)


def _text(frame: Frame, found: "list[Detected]", counts: "Counter[str]") -> str:
    if not found:
        return "no secret was found\n"
    lines: list[Any] = [table([(one.kind, one.where) for one in found[:_SHOWN]], ("kind", "where"), frame.width).rstrip("\n")]
    if len(found) > _SHOWN:
        lines.append(f"and {len(found) - _SHOWN:,} more: --json has all")
    kinds = ", ".join(f"{number:,} {kind}" for kind, number in counts.most_common())
    lines.append(f"{plural(len(found), 'secret')}: {kinds}")
    return "\n".join(lines) + "\n"
