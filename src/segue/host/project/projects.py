"""The projects on this machine. See `ports.projects`."""

import os
from typing import Final

from segue.core.delta.values import Look, Since
from segue.host.project import history, looking, manifests
from segue.host.project.asking import Git, is_object
from segue.ports.projects import Modified
from segue.ports.workspace import shown

_ENTRIES: Final = 50_000
_NAMED: Final = 500


class GitProjects:
    """Projects that git knows, and directories that it does not. See `ports.projects.Projects`."""

    def is_there(self, directory: str) -> bool:
        """See `Projects.is_there`."""
        return bool(directory) and os.path.isdir(directory)  # noqa: PTH112

    def look(self, directory: str) -> Look | None:
        """See `Projects.look`."""
        return looking.look(directory)

    def unread(self, directory: str) -> str:
        """See `Projects.unread`."""
        return looking.unread(directory)

    def since(self, saved: Look, now: Look) -> Since:
        """See `Projects.since`."""
        return history.since(saved, now, Git(now.root))

    def commit_at(self, now: Look, when: str) -> str:
        """See `Projects.commit_at`."""
        return history.commit_at(Git(now.root), when, now.commit)

    def has_commit(self, directory: str, commit: str) -> bool:
        """See `Projects.has_commit`."""
        return self.is_there(directory) and looking.has_commit(directory, commit)

    def work_tree(self, repository: str, branch: str) -> str:
        """See `Projects.work_tree`."""
        if not self.is_there(repository) or not branch:
            return ""
        place = ""
        for line in (Git(repository).ask("worktree", "list", "--porcelain", "-z") or "").split("\0"):
            if line.startswith("worktree "):
                place = line[9:]
            elif line == f"branch refs/heads/{branch}" and self.is_there(place):
                return shown(place)
        return ""

    def without_work_tree(self, repository: str, branch: str) -> Look:
        """See `Projects.without_work_tree`."""
        git = Git(repository)
        tip = git.ask("rev-parse", "--verify", "-q", f"refs/heads/{branch}^{{commit}}") if branch else None
        stashes = len(git.lines("log", "-g", "--no-decorate", "--format=%H", "refs/stash", "--"))
        return Look(repository, branch if tip else "", (tip or "").strip(), common=repository, stashes=stashes)

    def text(self, look: Look, path: str) -> str:
        """See `Projects.text`."""
        return manifests.read(look.root, path)

    def text_of(self, look: Look, digest: str, commit: str, path: str) -> str | None:
        """See `Projects.text_of`."""
        git = Git(look.root)
        found = git.ask("cat-file", "blob", digest) if is_object(digest) else None
        if found is None and is_object(commit):
            found = git.ask("cat-file", "blob", f"{commit}:{path}")
        return None if found is None else shown(found)

    def modified(self, directory: str, after: float) -> Modified:
        """See `Projects.modified`."""
        found, seen = [], 0
        for place, names, files in os.walk(directory):
            names[:] = sorted(name for name in names if not name.startswith(".") and name not in manifests.OTHERS)
            for name in sorted(files):
                seen += 1
                path = f"{place}/{name}"
                if _written(path) > after:
                    found.append(shown(os.path.relpath(path, directory)))
            if seen > _ENTRIES:
                return Modified(tuple(found[:_NAMED]), len(found), f"files: only the first {seen:,} were looked at")
        return Modified(tuple(found[:_NAMED]), len(found))


def _written(path: str) -> float:
    try:
        return os.lstat(path).st_mtime
    except OSError:
        return 0.0
