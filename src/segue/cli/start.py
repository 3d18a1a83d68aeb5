"""`segue start`: a session begins."""

from typing import Any

import click

from segue.cli import records
from segue.cli.frame import Frame
from segue.cli.params import command as _command


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
def command(frame: Frame, tags: tuple[str, ...], foreign_ids: tuple[str, ...], **given: Any) -> None:
    """Begin a session without processes, in this workspace, and print its name.

    Events are added with `segue append`, transcripts with `segue import`.
    """
    from segue.engine.sessions import start

    app = frame.app
    given["type"] = given.pop("type_")
    header = app.header | {k: v for k, v in given.items() if v is not None}
    begun = start(app.desk, header | {"workspace": app.workspace, "tags": list(tags), "foreign_ids": list(foreign_ids)})
    frame.answer(
        records.begun(begun),
        lambda d: f"{d['name']}  {d['slug']}\nadd events: segue append {d['name']} --stdin    see it: segue status {d['name']}\n",
    )
