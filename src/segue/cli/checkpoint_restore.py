"""`segue checkpoint restore`: code, conversation, or both go back to a checkpoint."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from segue.cli.frame import Frame
from segue.cli.params import command as _command
from segue.cli.render import line, plural
from segue.core.errors import ConfirmationError, NotFoundError, UsageError

if TYPE_CHECKING:
    from segue.engine.restores import Checkpoint
    from segue.engine.saving.rewinding import Means, Plan, Rewound
    from segue.ports.workspace import Untouched

_SHOWN = 20
"""Files that are named one by one; all of them are in --json."""


@_command("restore", short_help="bring code, conversation, or both back to a checkpoint")
@click.argument("checkpoint", required=False)
@click.option("--code", is_flag=True, help="Only the files of the workspace.")
@click.option("--conversation", is_flag=True, help="Only the conversation.")
@click.option("--both", is_flag=True, help="Both, or nothing. [default: what the checkpoint has]")
@click.option("--session", metavar="SESSION", help="What goes back. [default: the session that went on from the checkpoint last]")
@click.option("--dry-run", is_flag=True, help="Say what would be; write nothing.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--take-over", is_flag=True, help="Also where another drives the session.")
@click.option("--finish", "settle", flag_value="finish", help="Bring an interrupted restore to its end.")
@click.option("--undo", "settle", flag_value="undo", help="Take an interrupted restore back.")
def restore_(
    frame: Frame,
    checkpoint: str | None,
    code: bool,
    conversation: bool,
    both: bool,
    session: str | None,
    dry_run: bool,
    yes: bool,
    take_over: bool,
    settle: str | None,
) -> None:
    """Bring the workspace, the conversation, or both back to what they were at CHECKPOINT.

    A checkpoint of what is there is taken first: to restore that one undoes it. Ignored files stay, and so does what no
    checkpoint has. For a coding agent a new transcript is written, and the command printed that goes on from it; the agent's
    own files stay as they are.
    """
    from segue.engine.restores import line_of
    from segue.engine.saving.rewinding import Wish, carry_out, halves, plan

    means = frame.app.saving.rewinding
    if settle is not None:
        _settle(frame, means, session, settle)
        return
    if checkpoint is None:
        raise UsageError("no checkpoint was given", hint="segue checkpoint list")
    found = place(frame, checkpoint)
    target = frame.app.resolve(session).session if session else line_of(frame.app.store, found)
    wish = Wish(halves(code=code or both, conversation=conversation or both), take_over)
    if session:
        found = _known(means, target, found)
    if dry_run or (frame.interactive and not yes):
        planned = plan(means, target, found, wish)
        _answer(frame, planned, None)
        if dry_run:
            return
        _ask(frame)
    _answer(frame, None, carry_out(means, target, found, wish))


def place(frame: Frame, ref: str) -> "Checkpoint":
    """Return the checkpoint or continuation that *ref* means, see `engine.saving.placing`. Raises as that does."""
    from segue.engine.saving.placing import place

    return place(frame.app.store, frame.app.index, frame.app.resolve, ref)


def _known(means: "Means", session: str, found: "Checkpoint") -> "Checkpoint":
    """Return the checkpoint as *session* knows it: another one's positions mean nothing here."""
    from segue.engine.restores import find

    known = find(means.going.desk.store, session, found.name)
    if known.seq != found.seq:
        raise NotFoundError("checkpoint", found.name, hint="segue checkpoint list")
    return known


def _settle(frame: Frame, means: "Means", session: str | None, how: str) -> None:
    from segue.engine.saving.rewinding import Rewound, finish, undo

    target = frame.session(session).session
    done = finish(means, target) if how == "finish" else undo(means, target)
    if isinstance(done, Rewound):
        _answer(frame, None, done)
        return
    files = _files(done.written, done.deleted, done.leaves) if done is not None else None
    text = "no restore is open here\n" if files is None else "".join(f"{row}\n" for row in _rows(files, frame.width))
    frame.answer({"session": target, "checkpoint": None, "code": files}, lambda _: text)


def _ask(frame: Frame) -> None:
    frame.write("Go back? Enter does it, Ctrl-C does not. ")
    frame.stdout.flush()
    if frame.stdin.readline().strip() not in {b"", b"y", b"yes"}:
        raise ConfirmationError("nothing was restored", hint="segue checkpoint restore --yes does not ask")


# --- answers


def _answer(frame: Frame, planned: "Plan | None", done: "Rewound | None") -> None:
    document = _document(frame, planned, done)
    frame.answer(document, lambda d: "\n".join(_text(d, frame.width)) + "\n")


def _document(frame: Frame, planned: "Plan | None", done: "Rewound | None") -> dict[str, Any]:
    """Return the shape that `--json` prints."""
    from segue.cli.going import command_line

    it = done.plan if done is not None else planned
    assert it is not None  # noqa: S101 - one of the two is given
    turned = done.turned if done is not None else None
    talk = None
    if it.talk is not None:
        talk = it.talk._asdict()
        if turned is not None:
            carried = [c._asdict() for c in turned.carried]
            talk |= turned._asdict() | {"carried": carried, "agent": it.talk.agent}
            talk["name"] = frame.app.index.session(turned.continuation).name if turned.continuation else ""
            del talk["warnings"]
    return {
        "session": it.session,
        "name": it.name,
        "checkpoint": it.checkpoint.name,
        "position": it.checkpoint.position,
        "what": list(it.what),
        "dry": done is None,
        "before": done.before if done is not None else None,
        "code": _code(it, done),
        "conversation": talk,
        "command_line": command_line(turned, frame.app.cwd) if turned is not None else "",
        "warnings": [*it.warnings, *(turned.warnings if turned is not None else ())],
    }


def _code(it: "Plan", done: "Rewound | None") -> dict[str, Any] | None:
    from segue.ports.workspace import shown

    if it.code is None:
        return None
    if done is not None and done.code is not None:
        files = _files(done.code.written, done.code.deleted, done.code.leaves)
    else:
        files = _files([c.path for c in it.code.writes], [c.path for c in it.code.deletes], it.code.leaves)
    return {"root": shown(it.code.root), **files}


def _files(written: Iterable[str], deleted: Iterable[str], left: "Iterable[Untouched]") -> dict[str, Any]:
    from segue.ports.workspace import shown

    return {
        "written": [shown(path) for path in written],
        "deleted": [shown(path) for path in deleted],
        "left": [{"path": shown(one.path), "why": one.why, "detail": one.detail} for one in left],
    }


def _text(d: dict[str, Any], width: int) -> Iterator[str]:
    """Yield the answer for people."""
    what, dry = " and ".join(d["what"]), " (nothing was written)" if d["dry"] else ""
    yield f"{d['name']} {'would go' if d['dry'] else 'went'} back to {d['checkpoint']}: {what}{dry}"
    if d["code"] is not None:
        yield from _code_text(d["code"], width)
    talk = d["conversation"]
    if talk is not None:
        last = f"; the user had said last: {talk['last']}" if talk["last"] else ""
        was = f"{talk['now']:,} {'now' if d['dry'] else 'before'}"
        yield "conversation  " + line(f"{plural(talk['then'], 'message')} ({was}){last}", width - 14)
        if talk.get("name"):
            yield f"goes on as    {talk['name']} in {talk['agent']}, with a transcript of its own"
        elif d["dry"] and talk["agent"]:
            yield f"goes on as    a session of its own in {talk['agent']}, with a new transcript"
    for warning in d["warnings"]:
        yield f"warning: {warning}"
    if d["before"]:
        yield f"what was there: {d['before']}; undo with: segue checkpoint restore {d['before']}"
    if d["command_line"]:
        yield ""
        yield d["command_line"]


def _code_text(code: dict[str, Any], width: int) -> Iterator[str]:
    counts = [f"{len(code[name]):,} {name}" for name in ("written", "deleted", "left") if code[name]]
    yield "code          " + line(f"{code['root']}: {', '.join(counts) or 'nothing differs'}", width - 14)
    yield from _rows(code, width)


def _rows(code: dict[str, Any], width: int) -> Iterator[str]:
    rows = [*(f"writes {p}" for p in code["written"]), *(f"deletes {p}" for p in code["deleted"])]
    rows += [f"leaves {one['path']}: {one['why']}" + (f", {one['detail']}" if one["detail"] else "") for one in code["left"]]
    for row in rows[:_SHOWN]:
        yield "  " + line(row, width - 2)
    if len(rows) > _SHOWN:
        yield f"  and {len(rows) - _SHOWN:,} more: --json"
