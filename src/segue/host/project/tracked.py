"""What git tracks, and which files changed together: bounded, and nothing where there is no git."""

from typing import Final

from segue.core.session.values import clip
from segue.host.project.asking import Git

_COMMITS: Final = 500
_SECONDS: Final = 4.0


def tracked(directory: str) -> tuple[list[str], list[tuple[str, frozenset[str]]]]:
    """Return the files that git tracks in *directory*, relative to it, and the latest commits.

    Of each commit (no merges, the newest first) a line that says which it is, and the files that it changed.
    """
    git = Git(directory, _SECONDS)
    files = (git.ask("ls-files", "-z") or "").split("\0")
    told = git.ask(
        "log", "-z", "--no-merges", "--name-only", "--relative", f"--max-count={_COMMITS}", "--format=%x01%h %s", "HEAD", "--"
    )
    return [path for path in files if _is_text(path)], commits_of(told or "")


def commits_of(log: str) -> list[tuple[str, frozenset[str]]]:
    """Return what `git log -z --name-only --format=%x01%h %s` says: commits with their files."""
    found = []
    for entry in log.split("\x01")[1:]:
        head, *paths = entry.split("\0")
        found.append((_shown(head.strip()), frozenset(name for path in paths if _is_text(name := path.lstrip("\n")))))
    return found


def _is_text(path: str) -> bool:
    return bool(path) and not any("\ud800" <= c <= "\udfff" for c in path)


def _shown(head: str) -> str:
    """Return a commit's line, short enough to be one reason among others."""
    return f"commit {clip(head.encode('utf-8', 'replace').decode(), 60)}"
