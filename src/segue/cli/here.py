"""Bare `segue`: where you were in this workspace, and Enter goes on from there."""

from typing import Any

from segue.cli.frame import Frame
from segue.cli.render import line, plural, style
from segue.core.errors import NotFoundError
from segue.core.session.state import State

_WELCOME = """segue keeps the work of AI agents from being lost. Nothing is recorded for this directory yet.

  bring in what your agents did:  segue import --all
  begin a session here:           segue start --task "what is to be done"
  all commands:                   segue --help
"""


def here(frame: Frame) -> None:
    """Show the session of this workspace, its state and what changed since; on a terminal, Enter prints what to go on with."""
    from segue.cli.picture import picture, text
    from segue.engine.loading import load

    app = frame.app
    try:
        target = app.resolve("current")
    except NotFoundError:
        frame.answer({"session": None, "workspace": app.workspace}, lambda _: _welcome(frame))
        return
    state = app.settled(load(app.store, target.session, on_damage=lambda _: None))
    _say_moved(frame, state)
    changed = _changed(state)
    document: dict[str, Any] = {"session": picture(state, app), "workspace": app.workspace, "changed": changed}
    name = state.header["name"] or state.session
    frame.answer(
        document,
        lambda d: text(d["session"], frame.width) + _changed_text(changed, frame.width) + f"\ngo on with: segue restore {name}\n",
    )
    if frame.interactive:
        _ask(frame, name)


def _say_moved(frame: Frame, state: State) -> None:
    """Say so where the session's project was in another directory, and seems to be here now."""
    import os

    old, new = state.header["workspace"], frame.app.workspace
    if old and not frame.app.cwd.startswith(old) and not os.path.isdir(old):  # noqa: PTH112
        frame.warn(f"{old} is gone, and its commit is here: if the project has moved, say so: segue moved {old} {new}")


def _welcome(frame: Frame) -> str:
    others = len(frame.app.index.sessions(limit=100))
    more = f"\n{plural(others, 'session')} elsewhere: segue list\n" if others else ""
    return _WELCOME + more


def _changed(state: State) -> dict[str, Any] | None:
    """Return what git says happened in the session's workspace since the session last looked at it."""
    from pathlib import Path

    from segue.host.git import commits_since, look

    workspace = state.header["workspace"]
    seen = look(workspace) if workspace and Path(workspace).is_dir() else None
    if seen is None:
        return None
    last = state.work["changes"]
    since = commits_since(workspace, last["commit"]) if last else None
    before = {f.get("path") for f in last["files"] if isinstance(f, dict)} if last else set()
    return {
        "branch": seen.branch,
        "branch_before": last["branch"] if last else None,
        "commit": seen.commit,
        "commits": since,
        "rewritten": bool(last and last["commit"] and since is None),
        "uncommitted": [f["path"] for f in seen.files],
        "no_longer_uncommitted": sorted(p for p in before if p and p not in {f["path"] for f in seen.files}),
    }


def _changed_text(changed: dict[str, Any] | None, width: int) -> str:
    if changed is None:
        return ""
    lines = []
    if changed["branch_before"] and changed["branch_before"] != changed["branch"]:
        lines.append(f"branch is {changed['branch']}, it was {changed['branch_before']}")
    if changed["rewritten"]:
        lines.append("the commit of the last look is no longer in the history")
    if changed["commits"]:
        lines.append(f"{plural(len(changed['commits']), 'commit')} since: {'; '.join(changed['commits'][:5])}")
    if changed["uncommitted"]:
        lines.append(f"{plural(len(changed['uncommitted']), 'uncommitted file')}: {', '.join(changed['uncommitted'][:8])}")
    if changed["no_longer_uncommitted"]:
        lines.append(f"no longer uncommitted: {', '.join(changed['no_longer_uncommitted'][:8])}")
    shown = [f"  {style('dim', ('changed' if i == 0 else '').ljust(10))} {line(one, width - 13)}" for i, one in enumerate(lines)]
    return "".join(f"\n{one}" for one in shown) + ("\n" if shown else "")


def _ask(frame: Frame, name: str) -> None:
    """Print what the agent needs when the person presses Enter; anything else leaves it at the picture."""
    frame.stdout.write("Enter prints the context to go on with, Ctrl-C leaves: ")
    frame.stdout.flush()
    typed = frame.stdin.readline()
    if not typed:
        raise KeyboardInterrupt
    if not typed.strip():
        from segue.cli.main import call

        call(["restore", name], frame)
