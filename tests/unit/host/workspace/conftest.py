"""A project in a repository, and the workspace that snapshots are taken of."""

import os

import pytest

from segue.host.workspace.judging import Limits
from segue.host.workspace.vault import Vault
from segue.host.workspace.workspace import GitWorkspace
from segue.testing.fakes import FakeClock
from tests.unit.host.workspace.workspaces import Project


@pytest.fixture
def project(tmp_path):
    """A repository with a commit, and things that are in none."""
    made = Project(tmp_path / "project")
    made.git("init", "-q")
    made.write({".gitignore": "*.log\nbuild/\n", "stock.txt": "pears 7\n", "lib/count.py": "print(7)\n", "run.sh": "#!/bin/sh\n"})
    (made.root / "run.sh").chmod(0o755)
    made.commit()
    made.write({"notes.md": "untracked\n", "trace.log": "ignored\n", "build/out.bin": "ignored too\n"})
    return made


@pytest.fixture
def vault_of():
    """Where snapshots are: in the open."""
    return lambda home: Vault(home / "workspaces")


@pytest.fixture
def open_workspace(home, vault_of):
    """Open the workspace of a directory."""
    return lambda root, **limits: GitWorkspace(
        str(root), home / "segue", FakeClock(), Limits(**limits), vault=vault_of(home / "segue")
    )


@pytest.fixture
def workspace(project, open_workspace):
    """The workspace of the project."""
    return open_workspace(project.root)


@pytest.fixture
def tree_of(workspace):
    """Return the files of a snapshot, as `Project.files` does, read with git alone."""

    def read(snapshot, workspace=workspace):
        with workspace._ours.vault.opened(whole=True):
            return read_in(workspace._ours.git, snapshot)

    def read_in(git, snapshot):
        found = {}
        for record in git.run("ls-tree", "-r", "-z", "--full-tree", snapshot.id).split(b"\0"):
            if record:
                facts, _, path = record.partition(b"\t")
                mode, kind, name = facts.decode().split(" ")
                data = git.run("cat-file", "blob", name) if kind == "blob" else name
                if mode == "120000":
                    data = "-> " + os.fsdecode(data)
                found[os.fsdecode(path) + ("*" if mode == "100755" else "")] = data
        return found

    return read
