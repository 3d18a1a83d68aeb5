"""`segue show`: a session's state as a document, or one event."""

from typing import TYPE_CHECKING, Any

import click

from segue.cli import records
from segue.cli.frame import Frame
from segue.cli.params import command as _command
from segue.cli.params import session as _session

if TYPE_CHECKING:
    from segue.core.log.events import Damage


@_command("show", short_help="a session's state as a document, or one event of it")
@_session
@click.argument("seq", required=False, type=click.IntRange(1))
@click.option("--at", type=click.IntRange(1), metavar="SEQ", help="The state as it was at this position.")
@click.option(
    "--format", "form", type=click.Choice(["text", "yaml", "json"]), default=None, help="Default: text; json with --json."
)
def command(frame: Frame, session: str | None, seq: int | None, at: int | None, form: str | None) -> None:
    """Print the state of SESSION as a document; with SEQ, that event whole, and as text what answered the tools that it called.

    The document is described in docs/reference/state.schema.json. A pointer in a restored context (`segue show NAME SEQ`)
    is expanded by this command.
    """
    target = frame.session(session)
    form = form or ("json" if frame.json else "text")
    damage: list[Damage] = []
    if seq is not None:
        event = _event(frame, target.session, seq)
        _print(frame, records.event(event), form, lambda: _told(frame, target.session, event))
        return
    from segue.core.session.document import document as document_of
    from segue.engine.loading import load

    state = load(frame.app.store, target.session, at or target.position, on_damage=damage.append)
    found: Any = document_of(state)
    _print(frame, found, form, lambda: _state_text(frame, state))
    frame.damage(damage, target.session)


def _event(frame: Frame, session: str, seq: int) -> Any:
    from segue.engine.loading import event_at

    return event_at(frame.app.store, session, seq)


def _print(frame: Frame, document: Any, form: str, text: Any) -> None:
    if form == "json":
        frame.record(document)
    elif form == "yaml":
        from segue.cli.yaml import dump

        frame.stdout.write(dump(document))
    else:
        frame.write(text())


def _state_text(frame: Frame, state: Any) -> str:
    from segue.cli.picture import picture, text

    return text(picture(state, frame.app), frame.width)


def _told(frame: Frame, session: str, event: Any) -> str:
    from segue.engine.loading import answers_to

    shown = (event, *answers_to(frame.app.store, session, event))
    return "\n".join(_event_text(records.event(one)) for one in shown)


def _event_text(document: dict[str, Any]) -> str:
    from segue.cli.render import style

    head = f"{document['seq']}  {document['at']}  {document['kind']}  {document['actor']}".rstrip()
    return style("bold", head) + "\n\n" + _body(document["kind"], document["body"]) + "\n"


def _body(kind: str, body: Any) -> str:
    from segue.cli.yaml import dump

    parts = body.get("parts") if isinstance(body, dict) else None
    if kind != "message" or not isinstance(parts, list):
        return dump(body)
    return "\n\n".join(map(_part, parts))


def _part(part: Any) -> str:
    from segue.cli.yaml import dump

    if not isinstance(part, dict):
        return dump(part)
    kind, content = part.get("type"), part.get("content")
    if kind == "text" and isinstance(content, str):
        return content
    response = part.get("response")
    if kind == "tool_call_response" and isinstance(response, str):
        return f"({'error from' if part.get('is_error') else 'answer of'} the tool)\n{response}"
    return dump(part)
