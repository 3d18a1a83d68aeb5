"""`segue start`: a session begins."""

from typing import Any, Final

import click

from segue.cli import records
from segue.cli.frame import Frame
from segue.cli.params import command as _command
from segue.cli.render import beside

_LONGEST: Final = 64_000_000
"""Bytes of a state document: a hundred times what a long session's has."""


@_command("start", short_help="begin a session")
@click.option("--task", "-t", default="", help="What is to be done.")
@click.option("--title", default="", help="A short name for people.")
@click.option("--project", default=None, help="Default: the setting, else the name of the workspace's directory.")
@click.option("--organisation", default=None)
@click.option(
    "--type",
    "type_",
    default=None,
    help="focus, strategic, research, meeting-prep, review, task-execution, general, or your own.",
)
@click.option("--model", default=None, help="The model that will read restored contexts.")
@click.option("--owner", default=None)
@click.option("--tag", "tags", multiple=True, help="May be repeated.")
@click.option("--foreign-id", "foreign_ids", multiple=True, help="An agent's own id for this session. May be repeated.")
@click.option(
    "--from", "document", metavar="FILE", help="Begin with the state of a document (- reads it): segue show --json prints one."
)
@click.option(
    "--force-recovery",
    is_flag=True,
    help="Put the store together first, as segue recover --force-recovery does: what does not open is moved aside.",
)
def command(
    frame: Frame, tags: tuple[str, ...], foreign_ids: tuple[str, ...], document: str | None, *, force_recovery: bool, **given: Any
) -> None:
    """Begin a session without processes, in this workspace, and print its name.

    Events are added with `segue append`, transcripts with `segue import`.
    """
    from segue.engine.sessions import start, start_from

    app = frame.app
    if force_recovery:
        _recover(frame)
    given["type"] = given.pop("type_")
    said = {k: v for k, v in given.items() if v is not None} | {"tags": list(tags), "foreign_ids": list(foreign_ids)}
    if document is None:
        begun = start(app.desk, app.header | {"workspace": app.workspace} | said)
    else:
        begun = start_from(app.desk, _read(frame, document), {"workspace": app.workspace} | said)
    frame.answer(
        records.begun(begun),
        lambda d: (
            f"{d['name']}  {d['slug']}\n"
            + beside(frame.width, f"add events: segue append {d['name']} --stdin", f"see it: segue status {d['name']}")
        ),
    )


def _recover(frame: Frame) -> None:
    """Put the store together from all copies, and say what was done."""
    from segue.cli.backup import shown
    from segue.engine.recovery.recovering import recover

    app = frame.app
    found, kept = recover(app.copies.recovery(None, shown(frame), force=True), lambda: app.desk)
    if found.logs or kept:
        app.index.rebuild()
    lost = sum(1 for one in found.logs if one.lost or one.blobs or not one.after)
    told = [*found.others, *([f"{len(found.logs)} logs were put together"] if found.logs else [])]
    told += [f"of {lost} of them something is in no copy: segue validate"] if lost else []
    for one in told:
        frame.warn(one)


def _read(frame: Frame, name: str) -> Any:
    import contextlib
    import json
    from pathlib import Path

    from segue.core.errors import UsageError

    hint = "segue show SESSION --json prints one"
    try:
        with contextlib.nullcontext(frame.stdin) if name == "-" else Path(name).open("rb") as file:
            data = file.read(_LONGEST + 1)
        if len(data) > _LONGEST:
            raise UsageError(f"state document {name!r} cannot be read: it has more than {_LONGEST:,} bytes", hint=hint)
        return json.loads(data)
    except OSError as e:
        raise UsageError(f"state document {name!r} cannot be read: {e.strerror}", hint=hint) from e
    except (ValueError, RecursionError) as e:
        raise UsageError(f"state document {name!r} is not JSON: {e}", hint=hint) from e
