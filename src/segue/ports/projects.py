"""The projects on this machine, as their repositories and files have them."""

from typing import NamedTuple, Protocol

from segue.core.delta.values import Look, Since


class Modified(NamedTuple):
    """Files that were written to lately, by their own times."""

    paths: tuple[str, ...]
    total: int
    limit: str = ""
    """Where not all was looked at: what, and why."""


class Projects(Protocol):
    """What there is to be known of a directory that a session works in.

    A repository is data: nothing that its configuration, or the user's, names is run; nothing is written. Every call comes to an
    end within seconds, however large the repository is, and says what it did not look at. No call fails: what cannot be told is
    None or empty.
    """

    def is_there(self, directory: str) -> bool:
        """Return whether there is such a directory."""
        ...

    def look(self, directory: str) -> Look | None:
        """Return how the git work tree around *directory* is; None where there is none."""
        ...

    def unread(self, directory: str) -> str:
        """Return why `look` has nothing to tell of the repository around *directory*; empty where there is no repository."""
        ...

    def since(self, saved: Look, now: Look) -> Since:
        """Return what lies between *saved* and *now*, a look at a work tree, or at a repository whose work tree was removed."""
        ...

    def commit_at(self, now: Look, when: str) -> str:
        """Return the commit that was the present one at the time *when* (UTC), as far as can be told; else empty."""
        ...

    def has_commit(self, directory: str, commit: str) -> bool:
        """Return whether the repository around *directory*, or there, has a commit."""
        ...

    def work_tree(self, repository: str, branch: str) -> str:
        """Return the directory in which a work tree of *repository* has *branch* checked out; empty where none has."""
        ...

    def without_work_tree(self, repository: str, branch: str) -> Look:
        """Return a repository of which no work tree is asked for: where *branch* is."""
        ...

    def text(self, look: Look, path: str) -> str:
        """Return a file as it is; empty where it is not there, or large."""
        ...

    def text_of(self, look: Look, digest: str, commit: str, path: str) -> str | None:
        """Return a file as it was: by the *digest* of its content, else as *commit* has it; None where neither is there."""
        ...

    def modified(self, directory: str, after: float) -> Modified:
        """Return the files below *directory* that were written to after a time, in seconds since 1970."""
        ...
