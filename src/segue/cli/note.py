"""`segue note`: the notes of the library, or of any folder of Markdown."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import click

from segue.cli.frame import Frame
from segue.cli.note_write import edit_, index_, link_, new_, record
from segue.cli.params import CONTEXT, COUNT, common
from segue.cli.params import command as _command
from segue.cli.render import ago, around, line, plural, style, table
from segue.engine.notes import find, use
from segue.ports.library import LinkRow

_SHOWN = 50


@click.group("note", context_settings=CONTEXT, short_help="notes of the library: find, show, make, change, link, check")
@common
def command() -> None:
    """Work with the notes of the library: Markdown files with front matter and [[links]], in folders of your own.

    The folders are those of the setting `library`: an Obsidian vault, a docs folder, a library of organisations and projects.
    Nothing is written there but by new, edit, link and index --write. Where a NOTE is asked for: its id, path, alias, file name
    or title, or the beginning of one.
    """


@_command("list")
@click.option("--kind", default="", help="Only notes of this kind: note, decision, playbook, map, index, or your own.")
@click.option("--tag", default="", help="Only notes with this tag, or one below it.")
@click.option("--under", default="", metavar="PATH", help="Only notes in this directory of a folder.")
@click.option("--limit", "-n", type=COUNT, default=_SHOWN, show_default=True)
def list_(frame: Frame, kind: str, tag: str, under: str, limit: int) -> None:
    """List the notes, those that were changed last first."""
    library = frame.app.library
    found = sorted(library.notes(kind=kind, tag=tag, under=under), key=lambda n: (-n.mtime, n.folder, n.path))
    folders = library.listed()
    document = {
        "folders": [one._asdict() for one in folders],
        "count": len(found),
        "notes": [note.to_json() for note in found[:limit]],
    }

    def render(_: Any) -> str:
        if not found:
            return f"no notes in {', '.join(library.folders)}; make one: segue note new TITLE\n"
        rows = [(note.id, note.kind, ago(frame.now() - note.mtime), note.title) for note in found[:limit]]
        more = len(found) - len(rows)
        return table(rows, ("id", "kind", "changed", "title"), frame.width) + (
            f"and {more:,} more: -n shows them\n" if more else ""
        )

    frame.answer(document, render)
    left = sum(len(one.left_out) for one in folders)
    if left:
        frame.warn(f"{plural(left, 'file')} left out: segue note check")


@_command("show")
@click.argument("note")
@click.option("--links", is_flag=True, help="What it links to and what links to it, in the place of its text.")
@click.option("--no-record", is_flag=True, help="Do not note in the session of this workspace that it was loaded.")
def show_(frame: Frame, note: str, links: bool, no_record: bool) -> None:
    """Print NOTE. In a session that is at work in this workspace that is noted: the note was loaded."""
    library = frame.app.library
    found = find(library, note)
    content = library.content(found)
    if links or frame.json:
        to, back = library.links(found), library.backlinks(found)
        document = {
            "note": content.note.to_json(),
            "text": content.text,
            "links": [_link(row) for row in to],
            "backlinks": [_link(row) for row in back],
        }
        frame.answer(document, lambda _: _links_text(to, back, frame.width))
    else:
        frame.raw(content.text if content.text.endswith("\n") else content.text + "\n")
        for problem in content.note.problems:
            frame.warn(f"{content.note.path}: {problem}")
    if not no_record and not links:
        record(frame, lambda session: use(frame.app.store, session, content.note, "loaded", content.text))


def _link(row: LinkRow) -> dict[str, Any]:
    return {**row._asdict(), "to": [{"id": one.id, "path": one.path, "title": one.title} for one in row.to]}


def _links_text(to: list[LinkRow], back: list[LinkRow], width: int) -> str:
    lines = []
    for row in to:
        goal = row.to[0] if len(row.to) == 1 else None
        said = f"{goal.id}  {goal.title}" if goal else f"{row.target}  " + ("leads to no note" if not row.to else "is ambiguous")
        lines.append("  -> " + line(said + (f" ({row.rel})" if row.rel != "link" else ""), width - 5))
    lines += ["  <- " + line(row.path + (f", line {row.line}" if row.line else ""), width - 5) for row in back]
    return "\n".join(lines) + "\n" if lines else "no links, and none that lead here\n"


@_command("search")
@click.argument("query")
@click.option("--limit", "-n", type=COUNT, default=20, show_default=True)
def search_(frame: Frame, query: str, limit: int) -> None:
    """Find notes that have all words of QUERY; where none has, some of them. Titles, ids, tags and aliases count more."""
    found = frame.app.library.search(query, limit=limit)
    document = {"notes": [{**one.note.to_json(), "score": one.score, "snippet": one.snippet} for one in found]}

    def render(_: Any) -> str:
        if not found:
            return "nothing fits\n"
        lines = []
        for one in found:
            lines += [style("bold", one.note.id) + "  " + line(one.note.title, frame.width - len(one.note.id) - 2)]
            lines += ["  " + around(one.snippet, frame.width - 2)]
        return "\n".join(lines) + "\n"

    frame.answer(document, render)


@_command("check")
def check_(frame: Frame) -> int:
    """Name what is wrong: links that lead nowhere or to several notes, ids given twice, cycles, files that cannot be read.

    Exit code 1 where something is.
    """
    library = frame.app.library
    found = library.problems()
    notes = sum(one.notes for one in library.listed())
    counts = Counter(problem.fault for _, problem in found)
    document = {"notes": notes, "problems": [{"folder": folder, **problem._asdict()} for folder, problem in found]}

    def lines() -> Iterator[str]:
        for _, problem in found:
            where = f"{problem.path}:{problem.line}" if problem.line else problem.path
            yield f"{where}: {problem.fault}: {problem.what}"
        said = ", ".join(f"{count:,} {fault}" for fault, count in sorted(counts.items()))
        yield f"{plural(notes, 'note')}: {said or 'all is well'}"

    frame.answer(document, lambda _: "\n".join(lines()) + "\n")
    return 1 if found else 0


for _one in (list_, show_, search_, new_, edit_, link_, index_, check_):
    command.add_command(_one)
