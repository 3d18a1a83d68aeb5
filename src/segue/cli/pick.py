"""The picker: where a session is left out and a person sits there, he is asked which one."""

from typing import TYPE_CHECKING, Final

from segue.core.errors import UsageError
from segue.core.log.times import seconds
from segue.core.session.catalogue import SessionRow

if TYPE_CHECKING:
    from segue.cli.frame import Frame

_SHOWN: Final = 15


def pick(frame: "Frame") -> str:
    """Return the id of the session that the person chooses; words narrow the list, Enter takes the first.

    Raises:
        UsageError: there is none to choose from.
        KeyboardInterrupt: he would rather not.
    """
    rows = [r for r in frame.app.index.sessions() if r.status != "archived"]
    if not rows:
        raise UsageError("there is no session yet", hint='segue start --task "..." or: segue import ~/.claude/projects')
    rows.sort(key=lambda r: r.workspace != frame.app.workspace)
    shown = rows
    while True:
        frame.write(_list(frame, shown))
        answer = _ask(frame)
        if not answer:
            return shown[0].id
        if answer.isascii() and answer.isdigit() and 1 <= int(answer) <= min(len(shown), _SHOWN):
            return shown[int(answer) - 1].id
        found = [r for r in rows if all(word in _words(r) for word in answer.lower().split())]
        if len(found) == 1:
            return found[0].id
        if found:
            shown = found
        else:
            frame.write("nothing fits\n")
            shown = rows


def _list(frame: "Frame", rows: list[SessionRow]) -> str:
    from segue.cli.render import ago, style, table

    lines = [
        (
            str(number),
            row.name or row.id,
            row.status,
            ago(frame.now() - seconds(row.last_activity)) if row.last_activity else "",
            row.about or row.workspace,
        )
        for number, row in enumerate(rows[:_SHOWN], 1)
    ]
    more = f"and {len(rows) - _SHOWN} more: type a word to narrow the list\n" if len(rows) > _SHOWN else ""
    return table(lines, ("", "name", "status", "active", "about"), frame.width) + (style("dim", more) if more else "")


def _ask(frame: "Frame") -> str:
    frame.stdout.write("number, words, or Enter for the first: ")
    frame.stdout.flush()
    data = frame.stdin.readline()
    if not data:
        raise KeyboardInterrupt
    return data.decode("utf-8", "replace").strip()


def _words(row: SessionRow) -> str:
    return " ".join((row.name, row.slug, row.title, row.task, row.project, row.workspace, *row.tags, row.id)).lower()
