"""What `segue note` writes: new notes, changes, links, indexes. Everything else of a folder is its author's alone."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from segue.cli.frame import Frame
from segue.cli.params import command as _command
from segue.cli.render import plural
from segue.core.errors import NotFoundError, UsageError
from segue.core.library.naming import KINDS
from segue.engine.notes import Change, Place, edit, find, index, link, make, place_of_new, use

if TYPE_CHECKING:
    from segue.core.library.notes import Note

_LONGEST = 1 << 20
"""Bytes of a note's text that are taken from standard input."""


def record(frame: Frame, append: Callable[[str], None]) -> None:
    """Let *append* note something in the session that is at work in this workspace, if one is."""
    app = frame.app
    try:
        row = app.index.session(app.resolve("current").session)
    except NotFoundError:
        return
    if row.status == "active":
        append(row.id)


def _place(frame: Frame, organisation: str | None, project: str | None) -> Place:
    config = frame.app.config
    header = frame.app.header
    return Place(organisation or config["organisation"] or "default", header["project"] if project is None else project)


@_command("new")
@click.argument("title")
@click.option("--kind", "-k", type=click.Choice(list(KINDS)), default="note", show_default=True)
@click.option("--tag", "-t", "tags", multiple=True, help="May be repeated.")
@click.option("--stdin", is_flag=True, help="Take its text from standard input.")
@click.option("--in", "place", metavar="PATH", help="The directory for it. [default: by organisation, project and kind]")
@click.option("--organisation", help="Whose it is. [default: a setting]")
@click.option("--project", help="Which project's it is; empty: the organisation's. [default: a setting]")
def new_(
    frame: Frame,
    title: str,
    kind: str,
    tags: tuple[str, ...],
    stdin: bool,
    place: str | None,
    organisation: str | None,
    project: str | None,
) -> None:
    """Make a note titled TITLE under the next free id (2026-01-050, DEC-012, PLAY-003, MAP-001), and print where it is."""
    from segue.app.library import is_structured

    app = frame.app
    where = _place(frame, organisation, project)
    directory = place_of_new(where, kind, structured=is_structured(app)) if place is None else place.strip("/")
    note = make(app.library, app.clock, title, kind, directory, tags=tags, body=_text(frame) if stdin else "")
    _answer(frame, note, "created")


@_command("edit")
@click.argument("note")
@click.option("--title", help="Another title.")
@click.option("--tag", "-t", "tags", multiple=True, help="Add a tag; may be repeated.")
@click.option("--untag", multiple=True, metavar="TAG", help="Take a tag away; may be repeated.")
@click.option(
    "--set", "fields", multiple=True, metavar="KEY=VALUE", help="Set a key of the front matter; an empty VALUE takes it out."
)
@click.option("--append", default="", metavar="TEXT", help="Put a paragraph at its end.")
@click.option("--stdin", is_flag=True, help="Take its text, all below the front matter, from standard input.")
def edit_(
    frame: Frame,
    note: str,
    title: str | None,
    tags: tuple[str, ...],
    untag: tuple[str, ...],
    fields: tuple[str, ...],
    append: str,
    stdin: bool,
) -> None:
    """Change NOTE; without an option, in your editor (VISUAL, EDITOR). What is not asked for stays as it is, byte for byte.

    A change that somebody makes meanwhile is never lost: then nothing is written, exit code 5.
    """
    app = frame.app
    found = find(app.library, note)
    if not any((title, tags, untag, fields, append.strip(), stdin)):
        _editor(frame, found)
        now = app.library.content(found).note
    else:
        body = _text(frame) if stdin else None
        change = Change(title or None, tags, untag, dict(_field(one) for one in fields), body, append)
        now = edit(app.library, app.clock, found, change)
    if now.digest == found.digest:
        frame.answer({"note": now.to_json(), "changed": False}, lambda _: "nothing was changed\n")
    else:
        _answer(frame, now, "updated")


@_command("link")
@click.argument("note")
@click.argument("to")
@click.option("--title", default="", help="How the link reads. [default: the title of the note that it leads to]")
def link_(frame: Frame, note: str, to: str, title: str) -> None:
    """Put a link to the note TO at the end of NOTE, unless it has one."""
    app = frame.app
    source = find(app.library, note)
    now, new = link(app.library, app.clock, source, find(app.library, to), title)
    if new:
        _answer(frame, now, "updated")
    else:
        frame.answer({"note": now.to_json(), "changed": False}, lambda _: "it is linked already\n")


@_command("index")
@click.option("--write", is_flag=True, help="Write it into the index note, between two marks; what else stands there stays.")
@click.option("--organisation", help="Whose index. [default: a setting]")
@click.option("--project", help="Of which project; empty: the organisation's own. [default: a setting]")
def index_(frame: Frame, write: bool, organisation: str | None, project: str | None) -> None:
    """Print the index of a project's or an organisation's notes, and whether its index note is current."""
    where = _place(frame, organisation, project)
    text, note, current = index(frame.app.library, where, write=write)
    path = note.path if note is not None else where.written
    document = {"path": path, "text": text, "current": current, "written": write}
    state = (
        "is current" if current else "is not current: --write brings it up to date" if note is not None else "is not there yet"
    )
    frame.answer(document, lambda d: f"{d['text']}\n{path} {'is current' if current else state}\n")


def _answer(frame: Frame, note: "Note", action: Any) -> None:
    record(frame, lambda session: use(frame.app.store, session, note, action))
    document = {"note": note.to_json(), "changed": True}
    frame.answer(document, lambda _: f"{note.id}  {note.folder}/{note.path}\n")


def _field(given: str) -> tuple[str, str | None]:
    name, equals, value = given.partition("=")
    if not equals or not name.strip().replace("-", "_").isidentifier():
        raise UsageError(f"{given!r} sets no key of a front matter", hint="--set status=draft")
    return name.strip(), value.strip() or None


def _text(frame: Frame) -> str:
    data = frame.stdin.read(_LONGEST + 1)
    if len(data) > _LONGEST:
        raise UsageError(f"a note's text has at most {plural(_LONGEST, 'byte')}", hint="make several notes of it")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as e:
        raise UsageError("the text on standard input is not UTF-8") from e


def _editor(frame: Frame, note: "Note") -> None:
    """Open a note in the person's editor, and wait until it is closed."""
    import shlex
    import subprocess

    command = frame.env.get("VISUAL") or frame.env.get("EDITOR")
    if not frame.interactive or not command:
        raise UsageError("it was not said what to change", hint="--title, --tag, --set, --append or --stdin; or set EDITOR")
    frame.stdout.flush()
    done = subprocess.run([*shlex.split(command), f"{note.folder}/{note.path}"], check=False)
    if done.returncode:
        raise UsageError(f"the editor ended with {done.returncode}")
