"""`segue checkpoint show` and `diff`: what a checkpoint has, and what lies between two."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from segue.cli.checkpoint_restore import place
from segue.cli.frame import Frame
from segue.cli.params import command as _command
from segue.cli.render import ago, line, plural
from segue.core.errors import UsageError
from segue.core.log.times import seconds

if TYPE_CHECKING:
    from segue.core.log.events import Event
    from segue.engine.restores import Checkpoint

_SHOWN = 20


@_command("show", short_help="what a checkpoint has")
@click.argument("checkpoint")
def show_(frame: Frame, checkpoint: str) -> None:
    """Print what CHECKPOINT is and has: its session and position, the conversation there, git, the snapshot of the workspace."""
    from segue.engine.loading import load

    found = place(frame, checkpoint)
    state = load(frame.app.store, found.session, found.position, on_damage=lambda _: None)
    said = state.work["instructions"]
    document = {
        "name": found.name,
        "session": found.session,
        "session_name": frame.app.index.session(found.session).name,
        "position": found.position,
        "seq": found.seq,
        "at": found.at,
        "description": found.body.get("description", found.body.get("note", "")),
        "trigger": found.body.get("trigger", ""),
        "automatic": found.body.get("automatic") is True,
        "messages": len(_line(frame, found)),
        "last": said[-1]["text"] if said else "",
        **{name: found.body.get(name) for name in ("git", "workspace", "agents", "budget", "memory", "phase", "scopes")},
    }
    frame.answer(document, lambda d: "\n".join(_show_text(d, frame)) + "\n")


@_command("diff", short_help="what lies between two checkpoints, or one and now")
@click.argument("old")
@click.argument("new", required=False)
@click.option("--code", is_flag=True, help="Only the files.")
@click.option("--conversation", is_flag=True, help="Only what was said.")
@click.option("--patch", "-p", is_flag=True, help="The files' differences, line by line.")
def diff_(frame: Frame, old: str, new: str | None, code: bool, conversation: bool, patch: bool) -> None:
    """Print what changed from checkpoint OLD to NEW, or to what is there now: files, and messages."""
    a = place(frame, old)
    b = place(frame, new) if new is not None else None
    if patch:
        _patch(frame, a, b)
        return
    document: dict[str, Any] = {"old": a.name, "new": b.name if b is not None else None, "code": None, "conversation": None}
    if code or not conversation:
        document["code"] = _files(frame, a, b, must=code)
    if conversation or not code:
        document["conversation"] = _said(frame, a, b)
    frame.answer(document, lambda d: "\n".join(_diff_text(d, frame.width)) + "\n")


def _line(frame: Frame, at: "Checkpoint | None", session: str = "") -> "list[Event]":
    """Return the messages of the conversation at a checkpoint, or of *session* as it is."""
    from segue.core.session.tree import active_chain

    name = at.session if at is not None else session
    events = frame.app.store.read(name, upto=at.position if at is not None else None, on_damage=lambda _: None)
    return [e for e in active_chain(events) if e.kind == "message" and e.body.get("meta") is not True]


def _said(frame: Frame, a: "Checkpoint", b: "Checkpoint | None") -> dict[str, Any]:
    from segue.core.session.words import words_of
    from segue.engine.restores import line_of

    old, new = _line(frame, a), _line(frame, b, line_of(frame.app.store, a))
    before, after = {(e.node, e.digest) for e in old}, {(e.node, e.digest) for e in new}

    def told(event: "Event") -> dict[str, Any]:
        words = words_of(event)
        text = " ".join((words.text if words else "").split())[:200]
        return {"seq": event.seq, "at": event.at, "role": event.body.get("role", ""), "text": text}

    return {
        "both": len(before & after),
        "only_old": [told(e) for e in old if (e.node, e.digest) not in after],
        "only_new": [told(e) for e in new if (e.node, e.digest) not in before],
    }


def _snapshots(frame: Frame, a: "Checkpoint", b: "Checkpoint | None", *, must: bool) -> Any:
    """Return the workspace and the snapshots to compare; None where one has none."""
    from segue.engine.restores import line_of

    lacking = next((one.name for one in (a, b) if one is not None and not one.snapshot), None)
    if lacking is not None:
        if must:
            raise UsageError(f"{lacking} has no snapshot of the workspace", hint="segue checkpoint diff --conversation")
        return None
    kept = a.body["workspace"].get("root", "")
    root = frame.app.index.session(line_of(frame.app.store, a)).workspace or kept or frame.app.workspace
    workspace = frame.app.saving.workspace(root)
    if b is None and not workspace.is_there:
        frame.warn(f"{workspace.root} is not there: nothing of {a.name} is")
    return workspace, a.snapshot, b.snapshot if b is not None else None


def _files(frame: Frame, a: "Checkpoint", b: "Checkpoint | None", *, must: bool) -> list[dict[str, str]] | None:
    from segue.ports.workspace import shown

    found = _snapshots(frame, a, b, must=must)
    if found is None:
        return None
    workspace, old, new = found
    return [{"path": shown(change.path), "status": change.status} for change in workspace.diff(old, new)]


def _patch(frame: Frame, a: "Checkpoint", b: "Checkpoint | None") -> None:
    workspace, old, new = _snapshots(frame, a, b, must=True)
    for chunk in workspace.patch(old, new):
        frame.raw(chunk.decode("utf-8", "replace"))


def _show_text(d: dict[str, Any], frame: Frame) -> Iterator[str]:
    yield d["name"] + (f"  {d['description']}" if d["description"] else "")
    taken = f"{ago(frame.now() - seconds(d['at']))}, {d['at'][:19]}Z" if d["at"] else ""
    yield f"  taken         {taken}" + (f", for {d['trigger']}" if d["trigger"] else "")
    yield f"  session       {d['session_name'] or d['session']} at event {d['position']}"
    last = f"; the user had said last: {d['last']}" if d["last"] else ""
    yield "  conversation  " + line(f"{plural(d['messages'], 'message')}{last}", frame.width - 16)
    git = d["git"] if isinstance(d["git"], dict) else None
    if git:
        dirty = ", with uncommitted changes" if git.get("dirty") else ""
        yield f"  git           {git.get('branch') or 'no branch'} at {str(git.get('commit') or 'no commit')[:12]}{dirty}"
    kept = d["workspace"] if isinstance(d["workspace"], dict) else {}
    if not kept.get("id"):
        why = f": {kept['missing']}" if kept.get("missing") else ""
        yield f"  code          no snapshot of the workspace{why}"
    else:
        left = kept.get("left_out_count") or 0
        yield f"  code          {kept.get('root')}" + (f"; {plural(left, 'place')} not taken" if left else "")
        named = kept.get("left_out") or []
        for one in named[:_SHOWN]:
            yield "    not taken   " + line(f"{one.get('path')}: {one.get('reason')}", frame.width - 16)
    yield f"come back with: segue checkpoint restore {d['name']}"


def _diff_text(d: dict[str, Any], width: int) -> Iterator[str]:
    new = d["new"] or "now"
    if d["code"] is not None:
        yield f"code: {plural(len(d['code']), 'file')} from {d['old']} to {new}"
        for one in d["code"][:_SHOWN]:
            yield f"  {one['status']:8}  " + line(one["path"], width - 12)
        if len(d["code"]) > _SHOWN:
            yield f"  and {len(d['code']) - _SHOWN:,} more: --json"
    else:
        yield "code: no snapshot of the workspace to compare"
    said = d["conversation"]
    if said is not None:
        yield f"conversation: {plural(said['both'], 'message')} in both"
        for name, where in (("only_old", d["old"]), ("only_new", new)):
            if said[name]:
                yield f"  {len(said[name]):,} only in {where}"
            for one in said[name][:_SHOWN]:
                yield f"    {one['seq']:>6}  " + line(f"{one['role']}: {one['text']}", width - 12)
            if len(said[name]) > _SHOWN:
                yield f"    and {len(said[name]) - _SHOWN:,} more: --json"
