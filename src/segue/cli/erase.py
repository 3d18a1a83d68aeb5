"""`segue erase`: contents taken away for good, with a proof."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from segue.cli import records
from segue.cli.frame import Frame
from segue.cli.params import command as _command
from segue.cli.render import number, plural, size, style, table
from segue.core.errors import ConfirmationError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from segue.core.log.needles import Needle
    from segue.ports.erasing import Scan

_SHOWN = 10


@_command("erase", short_help="take contents away for good, everywhere, with a proof")
@click.argument("sessions", metavar="[SESSION[#EVENTS]]...", nargs=-1)
@click.option("--pattern-file", metavar="FILE", help="Erase what holds a text of FILE, one a line; - is standard input.")
@click.option("--pattern", metavar="TEXT", help="Erase what holds TEXT. Arguments can be seen: --pattern-file is safer.")
@click.option("--ask", is_flag=True, help="Ask for the text on the terminal, without showing it.")
@click.option("--regex", is_flag=True, help="The pattern is a regular expression (one line).")
@click.option("--verify", is_flag=True, help="Only look: is it anywhere? Exit code 3 if so.")
@click.option("--why", metavar="TEXT", default="", help="What the log is to tell of it.")
@click.option("--yes", is_flag=True, help="Do it. Without it, what would be erased is shown.")
def command(
    frame: Frame,
    sessions: tuple[str, ...],
    pattern_file: str | None,
    pattern: str | None,
    ask: bool,
    regex: bool,
    verify: bool,
    why: str,
    yes: bool,
) -> int:
    """Erase the contents of events (SESSION#7 or SESSION#5,7-9), of whole sessions, or of all that holds a pattern.

    They go from the log, large values, cached states, the search index, backups, forks, the mirror, workspace snapshots, spools,
    emergency files and kept copies. The events stay as tombstones: the log still verifies, and tells that something was erased.
    A pattern is also found escaped, in base64, percent-encoded and in hex. Afterwards every byte that is left is looked at.

    What was copied elsewhere (an agent's own transcript, a backup in another place, a bundle) is not segue's to erase.
    """
    from segue.app.erasing import erasing
    from segue.engine.secrecy import erasing as use

    needle = _needle(frame, pattern_file, pattern, ask=ask, regex=regex)
    if not sessions and needle is None:
        raise UsageError("there is nothing to erase: name a session, events, or a pattern", hint="segue erase --help")
    if sessions and needle is not None:
        raise UsageError("a pattern is erased everywhere, whatever the session: give one or the other")
    store = frame.app.store
    named = [use.parsed(one) for one in sessions]
    found = [(frame.session(ref).session, seqs) for ref, seqs in named]
    whole = {session for session, seqs in found if seqs is None}
    wanted: dict[str, list[int]] = {}
    for session, seqs in found:
        wanted.setdefault(session, []).extend(use.all_of(store, session) if seqs is None else seqs)
    use.check(store, wanted)
    needle = use.needle_of(store, wanted) if needle is None else needle
    if frame.app.spools.is_new():
        from segue.engine.capture.spooling import ingest

        ingest(store, frame.app.spools, frame.app.transcripts, clock=frame.app.clock)
    work = erasing(frame.app)
    if verify:
        return _told(frame, {"erased": False, "sessions": []}, work.prove(needle))
    if not yes:
        plan = work.plan(needle, wanted)
        document = {
            "erased": False,
            "sessions": [{"id": name, "events": len(seqs)} for name, seqs in sorted(plan.events.items())],
        }
        _told(frame, document, plan.scans)
        return 0
    note = {key: value for key, value in (("by", frame.app.config["owner"]), ("why", why)) if value}
    done = work.erase(needle, wanted, note, whole)
    document = {"erased": True, "sessions": [{"id": name, "events": n} for name, n in sorted(done.events.items())]}
    return _told(frame, document, done.scans)


def _needle(frame: Frame, pattern_file: str | None, pattern: str | None, *, ask: bool, regex: bool) -> "Needle | None":
    """Return what is looked for; None without a pattern. Raises UsageError."""
    from segue.core.log.needles import expression, literal

    given = [one for one in (pattern_file, pattern, ask or None) if one is not None]
    if len(given) > 1:
        raise UsageError("one pattern at a time: give one of --pattern-file, --pattern, --ask")
    if not given:
        return None
    if ask:
        texts = [click.prompt("text to erase", hide_input=True, err=True)]
    elif pattern is not None:
        texts = [pattern]
    else:
        texts = _read(frame, str(pattern_file)).splitlines()
    if regex:
        return expression("\n".join(texts))
    return literal(texts)


def _read(frame: Frame, path: str) -> str:
    try:
        return frame.stdin.read().decode() if path == "-" else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise UsageError(f"the pattern cannot be read from {path!r}: {e}") from e


def _told(frame: Frame, document: dict[str, Any], scans: "Mapping[str, Scan]") -> int:
    """Answer; return 3 where something is left that should not be, or what could not be looked into may hold it."""
    document |= {"places": [records.scanned(name, scan) for name, scan in scans.items()]}
    frame.answer(document, lambda _: _text(frame, document, scans))
    return ConfirmationError.exit_code if any(scan.left or scan.unread for scan in scans.values()) else 0


def _text(frame: Frame, document: dict[str, Any], scans: "Mapping[str, Scan]") -> str:
    events = sum(one["events"] for one in document["sessions"])
    what = f"{plural(events, 'event')} in {plural(len(document['sessions']), 'log')}"
    said = f"erased: {what}\n" if document["erased"] else f"would be erased: {what}; do it with --yes\n" if events else ""
    rows = [(name, number(scan.files), size(scan.bytes), number(scan.times)) for name, scan in scans.items()]
    left = [f"  {one.where}{f': {one.why}' if one.why else ''}\n" for scan in scans.values() for one in scan.left]
    unread = [f"  {one.where}: {one.why}\n" for scan in scans.values() for one in scan.unread]
    told = style("bold", said) + table(rows, ("place", "files", "bytes", "found"), frame.width)
    for head, lines in (("it stands in", left), ("could not be looked into", unread)):
        if lines:
            more = f"  and {len(lines) - _SHOWN} more\n" if len(lines) > _SHOWN else ""
            told += f"{head}:\n" + "".join(lines[:_SHOWN]) + more
    return told
