"""What happened in a repository between a saved look and the present one.

Everything is bounded, and what a bound cut off is named: commits, files, bytes of an answer, the time of all questions.
"""

import os
from collections.abc import Iterator, Sequence
from typing import Final

from segue.core.delta.uncommitted import UNREAD
from segue.core.delta.values import Commit, FileChange, Head, Look, Lost, Relation, Since, Stash, Uncommitted
from segue.host.project.asking import Git, is_object
from segue.host.project.digests import Digests, digest_of_author
from segue.ports.workspace import shown

_COMMITS: Final = 200
"""So many commits are read, the newest first."""
_COUNTED: Final = 10_000
_FILES: Final = 2_000
_LOST: Final = 50
_BACK: Final = 1_000
"""So many commits before the present one are looked through for one that was rewritten."""
_REFS: Final = 5
_STASHES: Final = 5
_ELSEWHERE: Final = 8
_STATUS: Final = {"A": "added", "D": "deleted", "M": "modified", "R": "renamed", "C": "added", "T": "type"}
_FORMAT: Final = "--format=%x01%H%x00%an%x00%ae%x00%ct%x00%at%x00%s"


def since(saved: Look, now: Look, git: Git) -> Since:
    """Return what lies between *saved* and *now*, a look at the repository that *git* asks."""
    relation = _relation(git, saved.commit, now)
    there = relation in {"ahead", "behind", "diverged"}
    commits, count = _new(git, saved.commit, now.commit, relation)
    lost, lost_count = _lost(git, saved, now, relation, commits)
    files, file_count = _files(git, saved.commit, now.commit) if there else ((), 0)
    lost = tuple(one._replace(kept=_is_kept(git, one, files, file_count)) if one.gone else one for one in lost)
    clean = _gone_clean(saved, now)
    digests = Digests(now.root, now.commit)
    on_disk = {f.path: digests.of(f.path) or (UNREAD if _is_there(now.root, f.path) else "") for f in clean}
    stashes = _stashes(git) if clean else ()
    return Since(
        relation=relation,
        commits=commits,
        commit_count=count,
        lost=lost,
        lost_count=lost_count,
        files=files,
        file_count=file_count,
        refs=_refs(git, saved.commit) if relation in {"behind", "diverged"} else (),
        tip=_tip(git, saved.branch) if saved.branch not in {"", now.branch} and not saved.branch.startswith("(") else None,
        operations=_operations(git, saved.commit) if relation not in {"same", "unborn", "unknown"} else (),
        stashes=stashes,
        upstream_rewritten=_is_forced(git, saved, now),
        on_disk=on_disk,
        elsewhere=_elsewhere(git, clean, on_disk, commits),
        limits=tuple(git.limits),
    )


def commit_at(git: Git, when: str, commit: str) -> str:
    """Return the commit that was the present one at the time *when*, as far as the repository can tell; else empty.

    By what HEAD was then, where that is remembered; else the latest one before *commit* that was written by then.
    """
    then = int(_seconds(when))
    if not is_object(commit) or not then:
        return ""
    for moved in git.lines("log", "-g", "--no-decorate", "--max-count=500", "--date=unix", "--format=%gd%x00%H", "HEAD", "--"):
        at, _, found = moved.partition("\0")
        at = at.rpartition("{")[2].rstrip("}")
        if at.isdigit() and int(at) <= then:
            return found
    return (git.ask("rev-list", "-1", "--first-parent", f"--before={then}", commit) or "").strip()


def _seconds(when: str) -> float:
    from segue.core.log.times import seconds

    try:
        return seconds(when)
    except ValueError:
        return 0.0


def _relation(git: Git, saved: str, now: Look) -> Relation:
    if not saved and not now.commit:
        return "same"
    if not is_object(saved) or not is_object(now.commit):
        return "unborn"
    if saved == now.commit:
        return "same"
    if not git.says("cat-file", "-e", f"{saved}^{{commit}}"):
        return "unknown" if now.shallow else "gone"
    counts = git.ask("rev-list", "--count", "--left-right", f"--max-count={_COUNTED}", f"{saved}...{now.commit}", of="history")
    if counts is None:
        return "unknown"
    left, right = (int(number) for number in counts.split()[:2])
    if now.shallow and left and not git.says("merge-base", saved, now.commit):
        return "unknown"
    return "diverged" if left and right else "behind" if left else "ahead"


def _new(git: Git, saved: str, now: str, relation: Relation) -> tuple[tuple[Commit, ...], int]:
    if relation not in {"ahead", "diverged"}:
        return (), 0
    commits = _commits(git, f"--max-count={_COMMITS}", f"{saved}..{now}")
    if len(commits) < _COMMITS:
        return commits, len(commits)
    count = git.ask("rev-list", "--count", f"--max-count={_COUNTED}", f"{saved}..{now}")
    number = int(count) if count and count.strip().isdigit() else len(commits)
    git.limits.append(f"commits: the last {_COMMITS} of {min(_COUNTED, number):,} were read")
    return commits, number


def _commits(git: Git, *which: str) -> tuple[Commit, ...]:
    """Return commits with what each changed, as `git log` tells it."""
    how = ("log", "-z", "--raw", "--no-abbrev", "--no-ext-diff", "--no-textconv", "--no-renames", "--no-decorate", "--no-notes")
    said = git.ask(*how, "--no-mailmap", "--ignore-submodules=dirty", _FORMAT, *which, "--", of="commits")
    return tuple(_parsed(said or ""))


def _parsed(said: str) -> Iterator[Commit]:
    tokens = iter(said.split("\0"))
    found: Commit | None = None
    files: list[tuple[str, str, str]] = []
    for token in tokens:
        word = token.lstrip("\n")
        if word.startswith("\x01"):
            if found is not None:
                yield found._replace(files=tuple(files))
            author, email, at, authored, subject = (next(tokens, "") for _ in range(5))
            found = Commit(word[1:], shown(author), shown(email), _int(at), _int(authored), shown(subject)[:200])
            files = []
        elif word.startswith(":"):
            modes = word.split(" ")
            path = next(tokens, "")
            files.append(
                ("submodule" if "160000" in word[:14] else _STATUS.get(modes[-1][:1], "modified"), shown(path), modes[3])
            )
    if found is not None:
        yield found._replace(files=tuple(files))


def _int(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


def _lost(git: Git, saved: Look, now: Look, relation: Relation, commits: Sequence[Commit]) -> tuple[tuple[Lost, ...], int]:
    """Return the commits of the saved past that the present does not have, each with what became of it."""
    if relation == "gone":
        return (_by_memory(git, saved, now),), 1
    if relation not in {"behind", "diverged"}:
        return (), 0
    range_ = f"{now.commit}..{saved.commit}"
    old = _commits(git, f"--max-count={_LOST}", "--no-merges", range_)
    count = git.ask("rev-list", "--count", "--no-merges", f"--max-count={_COUNTED}", range_)
    equal: set[str] = set()
    if relation == "diverged":
        marks = ("rev-list", "--cherry-mark", "--left-only", "--no-merges", f"--max-count={_LOST}")
        equal = {line[1:] for line in git.lines(*marks, f"{saved.commit}...{now.commit}") if line.startswith("=")}
    lost = tuple(Lost(c.id, c.author, c.subject, _successor(c, commits), c.id in equal) for c in old)
    return lost, max(_int((count or "").strip()), len(lost))


def _successor(old: Commit, commits: Sequence[Commit]) -> str:
    """Return the commit that has taken the place of one: written by the same at the same time, and about the same."""
    paths = {path for _, path, _ in old.files}
    for new in commits:
        same = (new.email, new.authored) == (old.email, old.authored)
        if same and (new.subject == old.subject or paths & {path for _, path, _ in new.files}):
            return new.id
    return ""


def _by_memory(git: Git, saved: Look, now: Look) -> Lost:
    """Return the saved commit that the repository has no more, and which one has taken its place, by what is known of it."""
    head = saved.head
    lost = Lost(saved.commit, "", head.subject)
    if head == Head():
        return lost
    known = git.says("cat-file", "-e", f"{head.parent}^{{commit}}") if head.parent else False
    which = [now.commit, f"^{head.parent}"] if known else [now.commit]
    for line in git.lines("log", "--no-decorate", f"--max-count={_BACK}", "--format=%H%x00%T%x00%ae%x00%at", *which, "--"):
        commit, tree, author, authored = line.split("\0")
        if tree == head.tree or (digest_of_author(author) == head.author and _int(authored) == head.authored):
            return lost._replace(became=commit)
    return lost


def _is_kept(git: Git, lost: Lost, files: Sequence[FileChange], count: int) -> bool:
    """Return whether all that a lost commit changed is as it left it."""
    if count > len(files) or not is_object(lost.id):
        return False
    differs = {name for change in files for name in (change.path, change.before)}
    said = git.ask("diff-tree", "-r", "-z", "--no-commit-id", "--name-only", "--root", lost.id)
    touched = {shown(path) for path in (said or "").split("\0") if path}
    return bool(touched) and not touched & differs


def _files(git: Git, old: str, new: str) -> tuple[tuple[FileChange, ...], int]:
    said = git.ask("diff-tree", "-r", "-z", "--raw", "-M", "-l400", "--no-ext-diff", old, new, of="changed files")
    found = []
    count = 0
    tokens = iter((said or "").split("\0"))
    for token in tokens:
        if not token.startswith(":"):
            continue
        letter = token.rpartition(" ")[2][:1]
        path = next(tokens, "")
        before, path = (path, next(tokens, "")) if letter in {"R", "C"} else ("", path)
        count += 1
        if count <= _FILES:
            status = "submodule" if "160000" in token[:14] else _STATUS.get(letter, "modified")
            found.append(FileChange(shown(path), status, shown(before) if letter == "R" else ""))
    if count > _FILES:
        git.limits.append(f"changed files: the first {_FILES:,} of {count:,} are named")
    return tuple(found), count


def _refs(git: Git, commit: str) -> tuple[str, ...]:
    """Return branches and tags that have a commit."""
    command = ("for-each-ref", f"--count={_REFS}", f"--contains={commit}", "--format=%(refname:short)")
    return tuple(shown(name) for name in git.lines(*command, "refs/heads", "refs/remotes", "refs/tags", of="branches"))


def _tip(git: Git, branch: str) -> str:
    return (git.ask("rev-parse", "--verify", "-q", f"refs/heads/{branch}^{{commit}}") or "").strip()


def _operations(git: Git, saved: str) -> tuple[str, ...]:
    """Return what moved HEAD since it was at *saved*, by its own log; none where that does not go back so far."""
    found: list[str] = []
    for line in git.lines("log", "-g", "--no-decorate", "--max-count=100", "--format=%H%x00%gs", "HEAD", "--"):
        commit, _, what = line.partition("\0")
        if commit == saved:
            return tuple(found)
        found.append(shown(what)[:200])
    return ()


def _is_forced(git: Git, saved: Look, now: Look) -> bool:
    old, new = saved.upstream_commit, now.upstream_commit
    if saved.upstream != now.upstream or not is_object(old) or not is_object(new) or old == new:
        return False
    return git.says("cat-file", "-e", f"{old}^{{commit}}") and not git.says("merge-base", "--is-ancestor", old, new)


def _gone_clean(saved: Look, now: Look) -> list[Uncommitted]:
    """Return the files that had uncommitted changes and have none now."""
    dirty = {f.path for f in now.files}
    if now.total > len(now.files):
        return []  # which ones is not known
    return [f for f in saved.files if f.path not in dirty and not any(f.path.startswith(d) for d in dirty if d.endswith("/"))]


def _is_there(root: str, path: str) -> bool:
    """Return whether there is something at *path* of the kind that it names: a directory is no file that had its name."""
    place = f"{root}/{path}"
    return os.path.lexists(place) and (path.endswith("/") or os.path.islink(place) or not os.path.isdir(place))  # noqa: PTH112, PTH114


def _stashes(git: Git) -> tuple[Stash, ...]:
    found: list[Stash] = []
    for line in git.lines("log", "-g", "--no-decorate", f"--max-count={_STASHES}", "--format=%H%x00%gs", "refs/stash", "--"):
        commit, _, subject = line.partition("\0")
        files: dict[str, str] = {}
        said = git.ask("diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", f"{commit}^1", commit) or ""
        tokens = iter(said.split("\0"))
        for token in tokens:
            if token.startswith(":"):
                files[shown(next(tokens, ""))] = token.split(" ")[3]
        for entry in (git.ask("ls-tree", "-r", "-z", f"{commit}^3") or "").split("\0"):
            meta, _, path = entry.partition("\t")
            if path:
                files[shown(path)] = meta.split(" ")[2]
        found.append(Stash(f"stash@{{{len(found)}}}", shown(subject)[:200], files))
    return tuple(found)


def _elsewhere(git: Git, clean: Sequence[Uncommitted], on_disk: dict[str, str], commits: Sequence[Commit]) -> dict[str, str]:
    """Return in which commit of any branch a file is as it was when its change was not committed."""
    came = {digest for commit in commits for _, _, digest in commit.files}
    found = {}
    for file in [f for f in clean if is_object(f.digest) and on_disk.get(f.path) != f.digest and f.digest not in came][
        :_ELSEWHERE
    ]:
        if not git.says("cat-file", "-e", file.digest):
            continue
        command = (
            "log",
            "--branches",
            "--tags",
            "--remotes",
            "-1",
            "--no-decorate",
            "--format=%H",
            f"--find-object={file.digest}",
        )
        if commit := (git.ask(*command, "--", of="commits of other branches") or "").strip():
            found[file.digest] = commit
    return found
