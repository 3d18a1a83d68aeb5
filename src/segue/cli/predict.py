"""`segue predict`: what will likely be needed next."""

import click

from segue.cli.frame import Frame
from segue.cli.params import COUNT
from segue.cli.params import command as _command
from segue.cli.params import session as _session
from segue.cli.render import line, style


@_command("predict", short_help="what will likely be needed next: files, notes, and why")
@_session
@click.option("--task", "-t", default="", help="What is to be done next. [default: the session's own task]")
@click.option("--limit", "-n", type=COUNT, default=10, show_default=True, help="So many files, and so many notes.")
def command(frame: Frame, session: str | None, task: str, limit: int) -> None:
    """Print the files and notes that SESSION will likely need next and did not touch yet, the likeliest first, with reasons.

    From what is at hand and talked about in it, the files and commits of its workspace, other sessions on the same files, and
    links between notes. How often that is right: docs/context-quality.md.
    """
    from segue.app.foreseeing import foreseen
    from segue.engine.loading import load

    app = frame.app
    target = frame.session(session)
    state = load(app.store, target.session, target.position, on_damage=lambda _: None)
    found = foreseen(app, state, task, limit)

    def render(_: object) -> str:
        lines = []
        for name, why in [(one.path, one.why) for one in found.files]:
            lines += [name, style("dim", "  " + line("; ".join(why), frame.width - 2))]
        for one in found.notes:
            lines += [f"note {one.note.id}: {line(one.note.title, frame.width - len(one.note.id) - 7)}"]
            lines += [style("dim", "  " + line("; ".join(one.why), frame.width - 2))]
        return "\n".join(lines) + "\n" if lines else "nothing tells what comes next: no files, no commits, no notes\n"

    frame.answer({"session": state.session, "name": state.header["name"], **found.to_json()}, render)
