"""Several processes at once, and files that cannot be read."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from segue.core.errors import WorkspaceError
from segue.host.workspace.workspace import GitWorkspace
from segue.testing.fakes import FakeClock
from tests.unit.host.workspace.workspaces import forget

TAKE = """
import sys
from pathlib import Path
from segue.host.workspace.workspace import GitWorkspace
from segue.testing.fakes import FakeClock
workspace = GitWorkspace(sys.argv[1], Path(sys.argv[2]), FakeClock())
for n in range(int(sys.argv[3])):
    Path(sys.argv[1], sys.argv[4]).write_text(str(n))
    taken = workspace.take([sys.argv[4]] if n % 2 else None)
    print(taken.id, n, flush=True)
"""


def test_many_processes_take_snapshots_of_one_workspace_and_each_has_its_own_file(project, workspace, home):
    command = [sys.executable, "-c", TAKE, str(project.root), str(home / "segue"), "6"]
    running = [subprocess.Popen([*command, f"file-{n}"], stdout=subprocess.PIPE, text=True) for n in range(4)]
    said = [process.communicate()[0].splitlines() for process in running]
    assert [process.returncode for process in running] == [0, 0, 0, 0]
    for n, lines in enumerate(said):
        for line in lines:
            snapshot, text = line.split()
            assert workspace.content(snapshot, f"file-{n}") == text.encode()
    whole = subprocess.run(["git", "fsck", "--full"], cwd=home / "segue/workspaces", capture_output=True, check=False)
    assert whole.returncode == 0


def test_snapshots_are_forgotten_while_others_are_taken(project, workspace, home, open_workspace, tmp_path):
    command = [sys.executable, "-c", TAKE, str(project.root), str(home / "segue"), "12", "busy"]
    other = tmp_path / "other"
    other.mkdir()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    beside = open_workspace(other)
    while process.poll() is None:
        (other / "a.txt").write_bytes(os.urandom(100))
        forget(beside, beside.take().id)
    for line in process.communicate()[0].splitlines():
        snapshot, text = line.split()
        assert workspace.content(snapshot, "busy") == text.encode()


def test_one_who_looks_for_an_interrupted_restore_does_not_wait_for_one_at_work(project, workspace):
    workspace.take()
    with workspace._ours.held():
        assert workspace.unfinished() is None


UNREADABLE = """
import os, sys
from pathlib import Path
from segue.host.workspace.workspace import GitWorkspace
from segue.testing.fakes import FakeClock
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
os.environ["HOME"] = sys.argv[2]
root = Path(sys.argv[1])
workspace = GitWorkspace(str(root), Path(sys.argv[2]), FakeClock())
first = workspace.take()
(root / "stock.txt").write_text("22")
(root / "new.txt").touch()
for path in ("stock.txt", "lib", "new.txt"):
    (root / path).chmod(0)
(root / "closed").mkdir()
(root / "closed/in.txt").write_text("1")
(root / "closed").chmod(0)
second = workspace.take()
for one in second.left_out:
    print(*one)
for one in workspace.restore(workspace.preview(first.id)).leaves:
    print(*one)
(root / "lib").chmod(0o700)
(root / "closed").chmod(0o700)
(root / "stock.txt").chmod(0o600)
(root / "new.txt").chmod(0o600)
print(workspace.take().left_out)
"""


def test_what_cannot_be_read_is_named_and_left_alone(tmp_path):
    place = Path(os.path.realpath("/tmp")) / f"segue-unreadable-{os.getpid()}"
    (place / "home").mkdir(parents=True)
    (place / "project/lib").mkdir(parents=True)
    for path in ("stock.txt", "lib/count.py"):
        (place / "project" / path).write_text("1")
    if os.getuid() == 0:
        for one in [place, *place.rglob("*")]:
            os.chown(one, 65534, 65534)
    code = [sys.executable, "-c", UNREADABLE, str(place / "project"), str(place / "home")]
    try:
        done = subprocess.run(code, capture_output=True, text=True, check=False)
    finally:
        subprocess.run(["chmod", "-R", "u+rwx", str(place)], check=True)
        subprocess.run(["rm", "-rf", str(place)], check=True)
    assert done.stderr == ""
    assert done.stdout == snapshot("""\
closed/ unreadable 0
lib/ unreadable 0
lib/count.py unreadable 0
new.txt unreadable 0
stock.txt unreadable 2
closed/ not-saved unreadable
lib/ not-saved unreadable
lib/count.py not-saved unreadable
new.txt not-saved unreadable
stock.txt not-saved unreadable
[]
""")


def test_a_home_that_cannot_be_written_is_an_error_with_its_name(project, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError, match="cannot be written"):
        GitWorkspace(str(project.root), tmp_path / "file", FakeClock()).take()
