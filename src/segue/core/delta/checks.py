"""Validation before a session goes on: four checks, each saying what it compared.

A check fails where work that the session relies on is gone or contradicted: a commit lost, uncommitted changes vanished, a task
that it builds on reopened. That others went on is told, and stops nobody.
"""

from collections.abc import Iterator
from shlex import quote
from typing import Any, Final, Literal, NamedTuple

from segue.core.delta import tasks as standing
from segue.core.delta.report import Delta
from segue.core.delta.telling import file_line, manifest_line
from segue.core.session.work import Work

Verdict = Literal["same", "changed", "failed", "unknown"]
"""Nothing is otherwise; something is, and nothing of it is missing; work is gone or contradicted; it cannot be told."""

_FEW: Final = 8


class Compared(NamedTuple):
    """What was looked at: as it was saved, and as it is."""

    what: str
    saved: str
    now: str


class Finding(NamedTuple):
    """Something that is otherwise, and what to do about it."""

    text: str
    critical: bool = False
    hint: str = ""


class Check(NamedTuple):
    """One of the four checks."""

    name: Literal["project", "files", "tasks", "dependencies"]
    critical: bool
    """Whether it can stop a session from going on."""
    compared: tuple[Compared, ...]
    findings: tuple[Finding, ...]
    verdict: Verdict


class Validation(NamedTuple):
    """What the checks found."""

    checks: tuple[Check, ...]

    @property
    def failures(self) -> list[Finding]:
        """What a person must look at before the session goes on."""
        return [finding for check in self.checks if check.critical for finding in check.findings if finding.critical]

    def to_json(self) -> dict[str, Any]:
        """Return the shape that `--json` prints."""
        checks = [
            {
                **check._asdict(),
                "compared": [one._asdict() for one in check.compared],
                "findings": [one._asdict() for one in check.findings],
            }
            for check in self.checks
        ]
        return {"critical": bool(self.failures), "checks": checks}


def validated(delta: Delta, then: Work, now: Work, own: frozenset[str] | None = frozenset()) -> Validation:
    """Return the four checks of a session.

    Args:
        delta: what changed.
        then: the working state that was saved.
        now: the session's own, as its log has it now.
        own: files that the session changed itself after it was saved; None: any. What became of those is its own doing.
    """
    return Validation((_project(delta, own), _files(delta), _tasks(delta, then, now), _dependencies(delta, then, now, own)))


def _project(delta: Delta, own: frozenset[str] | None) -> Check:
    saved, present = delta.saved, delta.now
    if saved is None:
        told = (Compared("workspace", delta.place.before, delta.place.path or "not there"),) if delta.place.before else ()
        return Check("project", True, told, (), "unknown" if delta.place.before else "same")
    compared = [
        Compared("workspace", delta.place.before, delta.place.path if delta.place.state != "gone" else "not there"),
        Compared("branch", saved.branch, present.branch if present else ""),
        Compared("commit", saved.commit[:12], present.commit[:12] if present else ""),
        Compared("uncommitted files", f"{saved.total:,}", f"{present.total:,}" if present else ""),
    ]
    findings = tuple(_found(delta, own))
    known = present is not None and delta.history.relation not in {"unknown", "gone"} and not delta.estimated
    moved = delta.history.relation != "same" or delta.branch_changed or any(f.what != "same" for f in delta.uncommitted)
    return Check("project", True, tuple(compared), findings, _verdict(findings, known=known or bool(findings), changed=moved))


def _found(delta: Delta, own: frozenset[str] | None) -> Iterator[Finding]:
    saved, history, place = delta.saved, delta.history, delta.place
    assert saved is not None  # noqa: S101 - the caller looked
    sure = not delta.estimated
    moved = f"segue moved {quote(place.before)} DIRECTORY, or go on elsewhere with --cwd"
    back = f"segue checkpoint restore {quote(delta.checkpoint)} --code" if delta.checkpoint else ""
    if place.state == "moved":
        yield Finding(f"the project is in {place.path} now", hint=f"segue moved {quote(place.before)} {quote(place.path)}")
    if place.state in {"gone", "removed"}:
        yield Finding(f"the workspace {place.before} is not there", place.state == "gone" and sure, moved)
        if saved.total:
            yield Finding(f"{_files_of(saved.total)} with uncommitted changes went with it", sure, back)
    if delta.now is None and history.relation == "gone":
        yield Finding(f"the repository of {place.path} is gone, and commit {saved.commit[:12]} with it", sure)
    if delta.now is not None and delta.now.doing:
        yield Finding(f"git is in the middle of a {delta.now.doing}", hint="finish it, or abort it")
    for one in delta.lost[:_FEW]:
        rescue = back if history.relation == "gone" else f"git branch rescued {one.id[:12]}"
        said = f"{one.id[:12]} {one.subject}".rstrip()
        yield Finding(f"commit {said} is lost: its work is in the history in no form", sure, rescue)
    if history.lost and not delta.lost:
        where = f"on {', '.join(history.refs[:3])}" if history.refs else "in another form"
        yield Finding(f"the history was rewritten or left; commit {saved.commit[:12]} is there {where}")
    for fate in delta.uncommitted:
        if fate.what in {"gone", "stashed"}:
            yield _vanished(fate.path, fate.where, own, back, sure=sure)


def _vanished(path: str, stash: str, own: frozenset[str] | None, back: str, *, sure: bool) -> Finding:
    if own is None or path in own:
        return Finding(
            f"the uncommitted change of {path} is not there: the session went on after it was saved, and may have undone it"
        )
    if stash:
        return Finding(f"the uncommitted change of {path} is in {stash} alone", sure, f"git stash pop {stash}")
    return Finding(f"the uncommitted change of {path} is gone", sure, back)


def _files(delta: Delta) -> Check:
    others = [fate for fate in delta.uncommitted if fate.what in {"edited", "touched", "new"}]
    findings = [Finding(file_line(one)) for one in delta.files[:_FEW]]
    findings += [
        Finding(f"{fate.path}: {'uncommitted now' if fate.what == 'new' else 'changed further'}") for fate in others[:_FEW]
    ]
    compared = (
        Compared("changed files", "0", f"{delta.file_count:,}"),
        Compared("of those it knows", "0", f"{len(delta.stale):,}"),
    )
    known = delta.now is not None or bool(delta.files_by) or not delta.place.before
    return Check("files", False, compared, tuple(findings), _verdict(findings, known=known, changed=bool(findings)))


def _tasks(delta: Delta, then: Work, now: Work) -> Check:
    task = standing.current(then)
    findings = []
    for change in delta.tasks:
        mine = task is not None and change.id == task["id"] and not change.by
        dropped = change.now in {"", "dropped"}
        findings.append(Finding(_told(change), mine and dropped))
    compared = [Compared(standing.title(then, name) or name or "the session's task", standing.status(then, name),
                         standing.status(now, name)) for name in dict.fromkeys([*then["tasks"], *now["tasks"]])]  # fmt: skip
    return Check("tasks", True, tuple(compared[:50]), tuple(findings), _verdict(findings, known=True, changed=bool(findings)))


def _dependencies(delta: Delta, then: Work, now: Work, own: frozenset[str] | None) -> Check:
    task = standing.current(then)
    wanted = task["depends_on"] if task is not None else []
    others = {change.id: change for change in delta.tasks}
    compared, findings = [], []
    for name in wanted:
        before, after = standing.status(then, name), others[name].now if name in others else standing.status(now, name)
        compared.append(Compared(f"task {name}", before, after))
        if before == "done" and after not in {"", "done"}:
            findings.append(Finding(f"task {name}, which the current one builds on, is {after}: it was done", critical=True))
        elif after == "reopened" and before != "reopened":
            findings.append(Finding(f"task {name}, which the current one builds on, is reopened", critical=True))
        elif after == "dropped" or (before not in {"", "done"} and not after):
            findings.append(Finding(f"task {name}, which the current one builds on, is dropped", critical=True))
    saved, present = delta.saved, delta.now
    vanished = {fate.path for fate in delta.uncommitted if fate.what == "gone"} if own is not None else set()
    for one in delta.dependencies:
        compared.append(
            Compared(one.path, *_digests(one.path, saved.manifests if saved else {}, present.manifests if present else {}))
        )
        gone = one.path in vanished - (own or frozenset()) and not delta.estimated
        findings.append(Finding(manifest_line(one), gone))
    known = saved is not None and present is not None
    verdict = _verdict(findings, known=known or bool(wanted) or not delta.place.before, changed=bool(findings))
    return Check("dependencies", True, tuple(compared[:50]), tuple(findings), verdict)


def _digests(path: str, saved: Any, present: Any) -> tuple[str, str]:
    return saved.get(path, "")[:12], present.get(path, "")[:12]


def _told(change: standing.TaskChange) -> str:
    name = change.title or change.id or "the session's task"
    return f"{name}: {change.before or 'not known'} before, {change.now or 'dropped'} now" + (
        f", in {change.by}" if change.by else ""
    )


def _files_of(number: int) -> str:
    return f"{number:,} file" if number == 1 else f"{number:,} files"


def _verdict(findings: Any, *, known: bool, changed: bool) -> Verdict:
    if any(finding.critical for finding in findings):
        return "failed"
    if not known:
        return "unknown"
    return "changed" if changed else "same"
