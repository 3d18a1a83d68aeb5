"""Bare `segue`: where you were in this workspace, and Enter goes on from there."""

from typing import TYPE_CHECKING, Any, Final

from segue.cli.frame import Frame
from segue.cli.render import plural, style
from segue.core.errors import NotFoundError
from segue.core.session.state import State

if TYPE_CHECKING:
    from segue.core.delta.report import Delta

_FEW: Final = 5
_MOST: Final = 12
"""Lines of what changed."""
_WELCOME = """segue keeps the work of AI agents from being lost. Nothing is recorded for this directory yet.

  bring in what your agents did:  segue import --all
  begin a session here:           segue start --task "what is to be done"
  all commands:                   segue --help
"""


def here(frame: Frame) -> None:
    """Show the session of this workspace, its state and what changed since; on a terminal, Enter prints what to go on with."""
    from segue.app.delta import check
    from segue.cli.picture import picture, text
    from segue.engine.loading import load

    app = frame.app
    try:
        target = app.resolve("current")
    except NotFoundError:
        frame.answer({"session": None, "workspace": app.workspace}, lambda _: _welcome(frame))
        return
    checked = check(app, target.session)  # before anything is noted of now
    delta = checked.delta
    state = app.settled(load(app.store, target.session, on_damage=lambda _: None))
    _say_moved(frame, state, delta)
    document: dict[str, Any] = {"session": picture(state, app), "workspace": app.workspace, "changed": _changed(delta)}
    name = state.header["name"] or state.session
    frame.answer(
        document,
        lambda d: text(d["session"], frame.width) + _changed_text(delta, frame.width) + f"\ngo on with: segue restore {name}\n",
    )
    for failure in checked.failures:
        frame.warn(f"{failure.text}: segue resume {name} --check")
    if frame.interactive:
        _ask(frame, name)


def _say_moved(frame: Frame, state: State, delta: "Delta") -> None:
    """Say so where the session's project was in another directory, and seems to be here now."""
    import os
    from shlex import quote

    old, new = state.header["workspace"], frame.app.workspace
    if old and delta.place.state != "removed" and not f"{frame.app.cwd}/".startswith(f"{old}/") and not os.path.isdir(old):  # noqa: PTH112
        moved = f"segue moved {quote(old)} {quote(new)}"
        frame.warn(f"{old} is gone, and its commit is here: if the project has moved, say so: {moved}")


def _welcome(frame: Frame) -> str:
    others = len(frame.app.index.sessions(limit=100))
    more = f"\n{plural(others, 'session')} elsewhere: segue list\n" if others else ""
    return _WELCOME + more


def _changed(delta: "Delta") -> dict[str, Any] | None:
    """Return what git says happened in the session's workspace since the session last looked at it."""
    saved, seen, history = delta.saved, delta.now, delta.history
    if seen is None:
        return None
    return {
        "branch": seen.branch,
        "branch_before": saved.branch if saved and not delta.estimated else None,
        "commit": seen.commit,
        "commits": [f"{one.id[:10]} {one.subject}" for one in history.commits] if history.relation in {"same", "ahead"} else None,
        "rewritten": history.relation in {"behind", "diverged", "gone"},
        "uncommitted": [f.path for f in seen.files],
        "no_longer_uncommitted": [one.path for one in delta.uncommitted if one.what not in {"same", "edited", "new"}],
    }


def _changed_text(delta: "Delta", width: int) -> str:
    """Return what changed, in a few lines; `segue delta` says more."""
    from segue.cli.delta import rows
    from segue.core.delta.telling import lines

    told = lines(delta, _FEW)
    if not told:
        return ""
    more = [("more", f"segue delta {delta.name}")] if len(told) > _MOST else []
    return "\n".join(["", style("dim", "  what changed since"), *rows([*told[:_MOST], *more], width)]) + "\n"


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
