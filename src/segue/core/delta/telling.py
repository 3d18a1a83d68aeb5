"""A delta report in words: lines for people and agents, and what to do about it."""

from collections.abc import Iterable, Iterator
from shlex import quote
from typing import Final

from segue.core.delta.manifests import Moved
from segue.core.delta.report import Delta, FileDelta, ManifestDelta, Neighbour
from segue.core.delta.tasks import TaskChange
from segue.core.delta.values import DETACHED, Commit, Lost

Line = tuple[str, str]
"""What it is about, and what there is to say."""

_FEW: Final = 8
_SHORT: Final = 5
_FATES: Final = {
    "edited": "changed further, uncommitted still",
    "new": "uncommitted now",
    "committed": "committed meanwhile",
    "stashed": "in the stash",
    "elsewhere": "committed on another branch",
    "touched": "changed by commits since",
    "gone": "the uncommitted change is gone",
    "unknown": "what became of its uncommitted change cannot be told",
    "same": "uncommitted still",
}


def lines(delta: Delta, most: int = _FEW) -> list[Line]:
    """Return what changed, line by line, what matters most first; at most *most* things by name of each kind."""
    return [
        *_place(delta),
        *_branch(delta),
        *_history(delta, most),
        *_uncommitted(delta, most),
        *_files(delta, most),
        *(("depends on", text) for text in _dependencies(delta, most)),
        *(("notes", text) for text in _notes(delta, most)),
        *(("tasks", _task(task)) for task in delta.tasks[:most]),
        *_more("tasks", len(delta.tasks), most),
        *(("sessions", text) for one in delta.sessions[:most] for text in _neighbour(one)),
        *_more("sessions", delta.session_count, min(most, len(delta.sessions))),
        *(("not seen", text) for text in delta.limits),
    ]


def away(seconds: float) -> str:
    """Return a time of absence, in its two largest units."""
    minutes = int(seconds // 60)
    days, hours = minutes // 1_440, minutes // 60 % 24
    if days:
        return _plural(days, "day") + (f" {_plural(hours, 'hour')}" if hours else "")
    if hours:
        return _plural(hours, "hour") + (f" {_plural(minutes % 60, 'minute')}" if minutes % 60 else "")
    return _plural(minutes, "minute") if minutes else "less than a minute"


def suggestions(delta: Delta) -> list[str]:
    """Return what to do about it, the most urgent first."""
    return list(dict.fromkeys(_suggested(delta)))


def _suggested(delta: Delta) -> Iterator[str]:
    now, history, place = delta.now, delta.history, delta.place
    if place.state == "moved":
        yield f"say that the project has moved: segue moved {quote(place.before)} {quote(place.path)}"
    if now and now.doing:
        yield f"finish or abort the {now.doing} that git is in the middle of"
    gone = [fate.path for fate in delta.uncommitted if fate.what == "gone"]
    lost = delta.lost
    if history.relation != "gone" and lost:
        yield f"bring the lost commits back to a branch of their own: git branch rescued {lost[0].id[:12]}"
    if (gone or place.state in {"removed", "gone"} or (history.relation == "gone" and lost)) and delta.checkpoint:
        yield f"bring the files back as the checkpoint has them: segue checkpoint restore {quote(delta.checkpoint)} --code"
    for where in sorted({fate.where for fate in delta.uncommitted if fate.what == "stashed"}):
        yield f"take the stashed changes back: git stash pop {where}"
    if delta.branch_changed and delta.saved and now and history.tip and history.relation in {"behind", "diverged"}:
        yield f"go back to the branch: git switch {quote(delta.saved.branch)}"
    fresh = [note.id for note in delta.notes if note.what == "created"]
    old = [note.id for note in delta.notes if note.what == "updated"]
    if fresh:
        yield f"load the new notes: {_names(fresh, _FEW)}"
    if old:
        yield f"refresh the updated notes: {_names(old, _FEW)}"
    if delta.stale:
        yield f"read again before relying on them: {_names(delta.stale, _FEW)}"
    if delta.dependencies:
        yield f"install the dependencies again: {_names([one.path for one in delta.dependencies], _SHORT)} changed"
    for one in delta.sessions[:3]:
        yield f"see what {one.name or one.session} did here: segue status {one.name or one.session}"


def _place(delta: Delta) -> Iterator[Line]:
    place = delta.place
    told = {
        "moved": f"the project is in {place.path} now, it was in {place.before}",
        "removed": f"the work tree {place.before} was removed; its repository is {place.path}",
        "gone": f"{place.before} is not there",
    }
    if place.state in told:
        yield "workspace", told[place.state]


def _branch(delta: Delta) -> Iterator[Line]:
    saved, now, history = delta.saved, delta.now, delta.history
    if saved is None or now is None:
        return
    if delta.branch_changed:
        tip = {None: "", "": ", which is not there any more"}.get(history.tip, "")
        present = "HEAD is detached" if now.branch == DETACHED else f"branch is {now.branch}"
        was = "it was detached" if saved.branch == DETACHED else f"it was {saved.branch}{tip}"
        yield "branch", f"{present}, {was}"
    if history.upstream_rewritten:
        yield "branch", f"{now.upstream} was rewritten: somebody forced a push"
    if now.doing:
        yield "branch", f"git is in the middle of a {now.doing}"
    if now.stashes != saved.stashes and not delta.estimated:
        yield "branch", f"{_plural(now.stashes, 'entry', 'entries')} in the stash, it had {saved.stashes}"


def _history(delta: Delta, most: int) -> Iterator[Line]:
    saved, now, history = delta.saved, delta.now, delta.history
    about = " since then, by its time" if delta.estimated else ""
    if history.commit_count:
        yield "commits", f"{_plural(history.commit_count, 'commit')}{about or ' since'}"
        yield from (("commits", commit_line(one)) for one in history.commits[:most])
        yield from _more("commits", history.commit_count, most)
    if saved is not None and now is None and history.relation == "gone":
        yield "history", f"there is no repository any more, it was at {saved.commit[:10]}"
    if saved is None or now is None:
        return
    if history.relation == "unknown" and saved.commit:
        yield "history", f"how it is to {saved.commit[:10]} cannot be told" + (": the clone is shallow" if now.shallow else "")
    elif history.relation == "gone":
        yield "history", f"the repository has {saved.commit[:10]} no more"
    elif history.relation in {"behind", "diverged"}:
        yield "history", _rewritten(delta)
    for operation in history.operations[:3] if history.relation in {"behind", "diverged", "gone"} else ():
        yield "history", f"done here: {operation}"
    yield from (("history", _lost(one)) for one in history.lost[:most])
    yield from _more("history", history.lost_count, most)


def _rewritten(delta: Delta) -> str:
    saved, now, history = delta.saved, delta.now, delta.history
    assert saved is not None  # noqa: S101 - there is a history
    assert now is not None  # noqa: S101
    if history.refs:
        return f"{saved.commit[:10]} is not checked out, it is on {_names(history.refs, 3)}"
    if history.relation == "behind":
        return f"HEAD went back from {saved.commit[:10]} to {now.commit[:10]}"
    return f"rewritten: {saved.commit[:10]} is not in the history of {now.commit[:10]}"


def commit_line(commit: Commit) -> str:
    """Return a commit in a line."""
    return f"{commit.id[:10]} {commit.author}: {commit.subject} ({_plural(len(commit.files), 'file')})"


def _lost(lost: Lost) -> str:
    said = f"{lost.id[:10]} {lost.author + ': ' if lost.author else ''}{lost.subject}".rstrip()
    if lost.became:
        return f"{said}: is {lost.became[:10]} now"
    return f"{said}: its changes are there" if lost.kept else f"{said}: its work is not in the history"


def _uncommitted(delta: Delta, most: int) -> Iterator[Line]:
    for what in ("gone", "stashed", "elsewhere", "touched", "unknown", "committed", "edited", "new", "same"):
        found = [fate for fate in delta.uncommitted if fate.what == what]
        if found:
            places = sorted({fate.where[:10] for fate in found if fate.where})
            where = f" ({_names(places, 3)})" if places else ""
            yield "uncommitted", f"{_FATES[what]}{where}: {_names([fate.path for fate in found], most)}"


def _files(delta: Delta, most: int) -> Iterator[Line]:
    if not delta.file_count:
        return
    how = {"snapshot": " since the checkpoint", "times": ", by their times"}.get(delta.files_by, "")
    yield "files", f"{_plural(delta.file_count, 'file')} changed{how}"
    yield from (("files", file_line(one)) for one in delta.files[:most])
    yield from _more("files", delta.file_count, most)


def file_line(file: FileDelta) -> str:
    """Return a changed file in a line."""
    was = f" (was {file.before})" if file.before else ""
    by = f", {_names(file.authors, 2)} in {_names([c[:10] for c in file.commits], 2)}" if file.commits else ""
    return f"{file.path}{was}: {file.status}{by}"


def _dependencies(delta: Delta, most: int) -> Iterator[str]:
    for one in delta.dependencies:
        yield manifest_line(one, most)


def manifest_line(one: ManifestDelta, most: int = _FEW) -> str:
    """Return what moved in a manifest, in a line."""
    if one.total is None or not one.total:
        return f"{one.path}: {one.status}"
    rest = one.total - min(most, len(one.moved))
    return f"{one.path}: " + "; ".join(map(_moved, one.moved[:most])) + (f" and {rest:,} more" if rest else "")


def _moved(one: Moved) -> str:
    if not one.before:
        return f"{one.package} {one.now} is new"
    return f"{one.package} {one.before} to {one.now}" if one.now else f"{one.package} {one.before} is gone"


def _notes(delta: Delta, most: int) -> Iterator[str]:
    for what in ("created", "updated", "deleted"):
        found = [note.id + (" (loaded)" if note.loaded else "") for note in delta.notes if note.what == what]
        if found:
            yield f"{what}: {_names(found, most)}"


def _task(task: TaskChange) -> str:
    name = task.title or task.id or "the session's task"
    by = f", in {task.by}" if task.by else ""
    if not task.now:
        return f"{name}: was {task.before}, is dropped{by}"
    return f"{name}: is {task.now}, was {task.before}{by}" if task.before else f"{name}: is {task.now}{by}"


def _neighbour(one: Neighbour) -> Iterator[str]:
    who = f"{one.name or one.session} ({', '.join(filter(None, (one.agent, one.status)))})"
    yield f"{who}, last {one.at[:16]}Z" + (f": {one.about}" if one.about else "")
    if one.completed:
        yield f"{one.name or one.session} completed: {'; '.join(one.completed[:_SHORT])}"
    if one.decisions:
        yield f"{one.name or one.session} decided: {'; '.join(one.decisions[:_SHORT])}"
    if one.written:
        yield f"{one.name or one.session} wrote: {_names(one.written, _FEW)}"


def _more(what: str, total: int, shown: int) -> Iterator[Line]:
    if total > shown:
        yield what, f"and {total - shown:,} more"


def _names(names: Iterable[str], most: int) -> str:
    found = list(names)
    rest = len(found) - most
    return ", ".join(found[:most]) + (f" and {rest:,} more" if rest > 0 else "")


def _plural(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
