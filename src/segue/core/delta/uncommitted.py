"""What became of changes that were not committed when a session stopped."""

from typing import Final, Literal, NamedTuple

from segue.core.delta.values import Commit, Look, Since, Uncommitted

What = Literal["same", "edited", "new", "committed", "stashed", "elsewhere", "touched", "gone", "unknown"]
"""It is as it was; it is uncommitted still, and was changed further; it was not there before; it is in the present commit; it is
in git's stash alone; it is in a commit of another branch alone; the file was changed by commits since, and whether the change is
among them cannot be told; it is nowhere; it could not be told."""

UNREAD: Final = "?"
"""What stands for the digest of something that is there and was not read."""


class Fate(NamedTuple):
    """An uncommitted change, then or now."""

    path: str
    what: What
    where: str = ""
    """The commit, or the entry of the stash, that has it."""


def fates(saved: Look, now: Look, since: Since) -> list[Fate]:
    """Return what became of each uncommitted change of *saved*, and the new ones of *now*; by path."""
    there = {f.path: f for f in now.files}
    before = {f.path for f in saved.files}
    found = [_fate(file, there, since) for file in saved.files]
    found += [Fate(f.path, "new") for f in now.files if f.path not in before]
    return sorted(found)


def _fate(file: Uncommitted, there: dict[str, Uncommitted], since: Since) -> Fate:
    present = there.get(file.path)
    if present is not None:
        same = present.digest == file.digest if file.digest or present.digest else present.status == file.status
        return Fate(file.path, "same" if same else "edited")
    if any(file.path.startswith(path) for path in there if path.endswith("/")):
        return Fate(file.path, "same")  # all of its directory is new
    on_disk = since.on_disk.get(file.path)
    if on_disk is None:
        return Fate(file.path, "unknown")
    commit = next((c.id for c in since.commits if _has(c, file, anywhere=not on_disk)), "") if file.digest else ""
    if commit or (file.digest and on_disk == file.digest):
        return Fate(file.path, "committed", commit)
    for stash in since.stashes:
        if file.path in stash.files and (not file.digest or stash.files[file.path] == file.digest):
            return Fate(file.path, "stashed", stash.name)
    if where := since.elsewhere.get(file.digest, ""):
        return Fate(file.path, "elsewhere", where)
    toucher = next((c for c in since.commits if any(_covers(file.path, path) for _, path, _ in c.files)), None)
    if toucher is not None:
        return Fate(file.path, "touched", toucher.id)
    if file.status == "??" and on_disk not in {"", UNREAD} and since.relation == "same":
        return Fate(file.path, "edited")  # it is ignored by now
    deleted = "D" in file.status
    if since.relation in {"gone", "unknown", "unborn"}:
        return Fate(file.path, "unknown")
    kept = (deleted and not on_disk) or (file.status == "??" and on_disk == UNREAD)
    return Fate(file.path, "committed" if kept else "gone")


def _has(commit: Commit, file: Uncommitted, *, anywhere: bool) -> bool:
    """Return whether a commit brought the file as it was: under its own path, or, once nothing is there, under another."""
    return any(digest == file.digest and (anywhere or path == file.path) for _, path, digest in commit.files)


def _covers(saved: str, path: str) -> bool:
    return path.startswith(saved) if saved.endswith("/") else path == saved
