"""What `segue budget` does beside looking: limits and their answers, condensing, a successor."""

from typing import Any

from segue.cli.frame import Frame
from segue.cli.render import number, plural
from segue.core.errors import UsageError


def act(frame: Frame, session: str | None, wish: dict[str, Any]) -> bool:
    """Do the one thing that is wished for and say what became of it; False where nothing is. Raises UsageError: several are."""
    asked = [name for name, value in wish.items() if value not in (None, False)]
    if len(asked) > 1:
        raise UsageError("one thing at a time", hint=" or ".join(f"--{name.replace('_', '-')}" for name in asked))
    if not asked:
        return False
    target = frame.session(session).session
    name = asked[0]
    if name == "condense":
        _condense(frame, target)
    elif name == "succeed":
        _succeed(frame, target)
    else:
        _choose(frame, target, name, wish["limit"])
    return True


def _choose(frame: Frame, session: str, name: str, limit: float | None) -> None:
    from segue.engine.budget.crossing import choose

    app = frame.app
    choice = {"limit": "raise", "no_limit": "raise", "react": "continue", "pause": "pause"}[name]
    state = choose(app.desk, session, choice, limit, moment=app.saving.moment)
    document = {
        "session": session,
        "name": state.header["name"],
        "limit_usd": state.budget["limit"],
        "choice": choice,
        "status": state.status,
    }
    says = {
        "limit": f"may cost ${limit or 0:,.2f}",
        "no_limit": "has no limit of its own",
        "react": "goes on with agents that only react",
        "pause": f"is {state.status}; go on with: segue resume {document['name'] or session}",
    }[name]
    frame.answer(document, lambda d: f"{d['name'] or session} {says}\n")


def _condense(frame: Frame, session: str) -> None:
    from segue.engine.budget.succeeding import keep_condensed, text_of

    app = frame.app
    key = f"condensed:{session}:{app.store.info(session).head.seq}"
    body = keep_condensed(app.store, session, "asked for", app.budgets, app.counter, key)
    document = {"session": session, **body, "text": text_of(app.store, session, body, app.counter)}
    frame.answer(document, lambda d: _freed(d) + f"\n{d['text']}")


def _succeed(frame: Frame, session: str) -> None:
    from segue.engine.budget.succeeding import succeed

    app = frame.app
    done = succeed(app.desk, session, "asked for", app.budgets, app.counter, moment=app.saving.moment, force=True)
    if done is None:
        raise UsageError("the session is over: nothing goes on in a successor", hint=f"segue resume {session}")
    document = done._asdict()
    name = done.name or done.successor
    go_on = f"go on with: segue resume {name} --in AGENT --fresh, or segue restore {name}\n"
    frame.answer(document, lambda d: f"{name} succeeds it, from checkpoint {d['checkpoint']}\n{_freed(d['condensed'])}{go_on}")


def _freed(body: dict[str, Any]) -> str:
    lines = [f"{number(body['before'])} tokens condensed to {number(body['after'])}: {number(body['freed'])} freed"]
    for fate in ("kept", "shortened", "dropped"):
        found = body.get(fate) or {}
        pieces, tokens = (sum(one[i] for one in found.values()) for i in (0, 1))
        if pieces:
            size = f", {number(tokens)} tokens" if tokens else ""
            lines.append(f"  {fate:<10} {plural(pieces, 'piece')}{size}")
    return "\n".join(lines) + "\n"
