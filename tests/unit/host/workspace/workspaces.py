"""Projects in repositories, and what can be seen of their files."""

import os
import subprocess
from contextlib import contextmanager

from segue.host.workspace.snapshots import GitSnapshots
from segue.ports.workspace import Released

NAMED = (
    "-c",
    "user.name=ann",
    "-c",
    "user.email=ann@example.org",
    "-c",
    "init.defaultBranch=main",
    "-c",
    "protocol.file.allow=always",
)

TAKEN = {".gitignore": b"*.log\nbuild/\n", "stock.txt": b"pears 7\n", "lib/count.py": b"print(7)\n", "run.sh*": b"#!/bin/sh\n"}
"""What is tracked in the project of the tests, as `tree_of` tells it."""


class Project:
    """A directory with files, most often a git work tree."""

    def __init__(self, root):
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def git(self, *arguments, at=None):
        done = subprocess.run(["git", *NAMED, *arguments], cwd=at or self.root, check=True, capture_output=True)
        return os.fsdecode(done.stdout).strip()

    def write(self, files):
        """Write files by path; None deletes one, a mode and a text gives both."""
        for path, text in files.items():
            place = self.root / path
            if text is None:
                place.unlink()
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(text if isinstance(text, bytes) else text.encode())

    def commit(self, **files):
        self.git("add", "-A")
        self.git("commit", "-qm", "work", "--allow-empty")

    def files(self):
        """Return all files by path, .git left out: bytes, or for a link `-> target`; an executable one has `*` at its name."""
        return picture(self.root)


def picture(root):
    found = {}
    for above, directories, files in os.walk(root):
        if ".git" in directories:
            directories.remove(".git")
        for name in [*files, *(d for d in directories if os.path.islink(os.path.join(above, d)))]:
            place = os.path.join(above, name)
            path = os.path.relpath(place, root)
            if os.path.islink(place):
                found[path] = "-> " + os.readlink(place)
            elif os.path.isfile(place):
                with open(place, "rb") as file:
                    found[path + ("*" if os.access(place, os.X_OK) and os.stat(place).st_mode & 0o100 else "")] = file.read()
    return found


def inside(directory):
    """Return everything of a directory: bytes, modes, times, inodes; of links where they point to."""
    found = {}
    for above, directories, files in os.walk(directory):
        for name in [".", *directories, *files]:
            place = os.path.normpath(os.path.join(above, name))
            status = os.lstat(place)
            data = None
            if os.path.islink(place):
                data = os.readlink(place)
            elif os.path.isfile(place):
                with open(place, "rb") as file:
                    data = file.read()
            found[place] = (status.st_mode, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_nlink, data)
    return found


@contextmanager
def untouched(directory):
    """What is done within leaves every byte and time of *directory* as it is."""
    before = inside(directory)
    yield
    assert inside(directory) == before


def forget(workspace, *snapshots):
    """Let snapshots go, of this workspace or others beside it, and return the bytes that this freed."""
    kept = GitSnapshots(workspace._ours.home, os.environ, workspace._ours.vault)
    going = [Released(one, "", "", "") for one in snapshots]
    kept.release(going)
    return kept.settle(going)
