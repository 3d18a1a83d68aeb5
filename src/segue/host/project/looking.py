"""A work tree as it is now."""

import os
from typing import Final

from segue.core.delta.values import Head, Look, Uncommitted
from segue.host.project.asking import Git, is_object
from segue.host.project.digests import Digests, digest_of_author
from segue.host.project.manifests import manifests
from segue.host.workspace.judging import looks_secret
from segue.ports.workspace import shown

_NAMED: Final = 100
"""So many files with uncommitted changes are kept by name: a state has no more."""
_DOING: Final = {
    "rebase-merge": "rebase", "rebase-apply": "rebase", "MERGE_HEAD": "merge", "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert", "BISECT_LOG": "bisect",
}  # fmt: skip


def look(directory: str, git: Git | None = None) -> Look | None:
    """Return how the work tree around *directory* is; None where there is none, or no git."""
    git = git or Git(directory)
    where = git.ask("rev-parse", "--show-toplevel", "--absolute-git-dir", "--git-common-dir", "--is-shallow-repository")
    if where is None or len(places := where.splitlines()) != 4:
        return None
    root, own, common, shallow = places
    git.unfiltered()
    command = ("status", "--porcelain=v2", "--branch", "--show-stash", "-z", "--untracked-files=normal")
    status = git.ask(*command, "--ignore-submodules=dirty", of="uncommitted changes")
    if status is None:
        return None
    found = _parsed(status)
    digests = Digests(root, found.commit)
    files = tuple(Uncommitted(shown(f.path), f.status, _digest(digests, f)) for f in found.files[:_NAMED])
    tip = git.ask("rev-parse", "--verify", "-q", f"refs/remotes/{found.upstream}^{{commit}}") if found.upstream else None
    return found._replace(
        root=shown(root),
        branch=shown(found.branch),
        files=files,
        head=_head(git, found.commit),
        upstream=shown(found.upstream),
        upstream_commit=(tip or "").strip(),
        manifests=manifests(root, digests),
        common=shown(os.path.realpath(os.path.join(directory, common))),  # noqa: PTH118
        doing=next((what for name, what in _DOING.items() if os.path.lexists(f"{own}/{name}")), ""),
        shallow=shallow == "true",
    )


def unread(directory: str) -> str:
    """Return why git tells nothing of the repository around *directory*; empty where there is none."""
    above = os.path.realpath(directory)
    while not os.path.lexists(f"{above}/.git"):
        if above == "/":
            return ""
        above = os.path.dirname(above)  # noqa: PTH120
    return Git(directory).complaint("rev-parse", "--show-toplevel") or f"git tells nothing of {shown(above)}"


def commit_of(directory: str) -> str:
    """Return the commit that a work tree is at; empty where there is none, or no such directory."""
    return (Git(directory).ask("rev-parse", "--verify", "--quiet", "HEAD^{commit}") or "").strip()


def has_commit(directory: str, commit: str) -> bool:
    """Return whether the repository around *directory* has a commit, on whatever branch."""
    return is_object(commit) and Git(directory).says("cat-file", "-e", f"{commit}^{{commit}}")


def _digest(digests: Digests, file: Uncommitted) -> str:
    """Return the digest of a changed file; of one that looks like a secret none is kept: it would tell what was guessed right."""
    return "" if "D" in file.status or looks_secret(file.path) else digests.of(file.path)


def _head(git: Git, commit: str) -> Head:
    if not commit:
        return Head()
    said = git.ask("log", "-1", "--no-decorate", "--format=%T%x00%ae%x00%at%x00%P%x00%s", commit, "--")
    fields = (said or "").rstrip("\n").split("\0")
    if len(fields) != 5:
        return Head()
    tree, author, authored, parents, subject = fields
    return Head(
        tree,
        digest_of_author(author),
        int(authored) if authored.isdigit() else 0,
        shown(subject)[:200],
        parents.partition(" ")[0],
    )


def _parsed(status: str) -> Look:
    branch, commit, upstream, stashes = "", "", "", 0
    files: list[Uncommitted] = []
    records = iter(status.split("\0"))
    for record in records:
        if record.startswith("# branch.oid "):
            commit = record[13:].removeprefix("(initial)")
        elif record.startswith("# branch.head "):
            branch = record[14:]
        elif record.startswith("# branch.upstream "):
            upstream = record[18:]
        elif record.startswith("# stash "):
            stashes = int(record[8:]) if record[8:].isdigit() else 0
        elif record[:2] in {"1 ", "2 ", "u "}:
            files.append(_file(record, {"1": 8, "2": 9, "u": 10}[record[0]]))
            if record[0] == "2":
                next(records, None)  # where it was renamed from
        elif record.startswith("? "):
            files.append(Uncommitted(record[2:], "??"))
    return Look("", branch, commit, tuple(files), len(files), upstream=upstream, stashes=stashes)


def _file(record: str, fields: int) -> Uncommitted:
    parts = record.split(" ", fields)
    return Uncommitted(parts[-1], parts[1].replace(".", " "))
