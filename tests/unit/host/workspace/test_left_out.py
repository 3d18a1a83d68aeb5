"""What is not in a snapshot, and that it is named: secrets, what is too large, what is no file, what is ignored."""

import os
import socket
import zlib

from segue.host.workspace.workspace import GitWorkspace
from segue.ports.workspace import LeftOut
from segue.testing.fakes import FakeClock
from tests.unit.host.workspace.workspaces import TAKEN


def test_a_secret_that_went_with_its_directory_is_named_no_more(project, workspace):
    project.write({"conf/.env": "TOKEN=1", "other/.env": "TOKEN=1"})
    workspace.take()
    project.write({"conf/.env": None})
    assert workspace.take(["conf"]).left_out == [LeftOut("other/.env", "secret", 7)]


def test_what_looks_like_a_secret_is_named_and_not_taken_unless_wanted(project, workspace, open_workspace, tree_of):
    key = "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n"
    project.write(
        {".env": "TOKEN=1", "certs/server.pem": key, "odd-name.txt": key, ".env.example": "TOKEN=", "conf/prod.env": "A=1"}
    )
    project.git("add", "-f", "certs/server.pem")
    taken = workspace.take()
    assert taken.left_out == [
        LeftOut(".env", "secret", 7),
        LeftOut("certs/server.pem", "secret", 40),
        LeftOut("conf/prod.env", "secret", 3),
        LeftOut("odd-name.txt", "secret", 40),
    ]
    assert tree_of(taken) == TAKEN | {"notes.md": b"untracked\n", ".env.example": b"TOKEN="}
    wanted = open_workspace(project.root, secrets=True).take()
    assert wanted.left_out == []
    assert tree_of(wanted).keys() >= {".env", "certs/server.pem", "odd-name.txt", "conf/prod.env"}


def test_no_byte_of_a_secret_gets_into_the_repository_of_snapshots(project, workspace, home):
    project.write({".env": "TOKEN=canary-4711", "id_ed25519": "canary-4711"})
    project.git("add", "-f", "id_ed25519")
    project.git("commit", "-qm", "oh no")
    for _ in range(2):
        workspace.take()
    objects = workspace._ours.git.run("cat-file", "--batch", "--batch-all-objects")
    assert b"canary-4711" not in objects
    for above, _, files in os.walk(home / "segue"):
        for name in files:
            with open(os.path.join(above, name), "rb") as file:
                data = file.read()
            assert b"canary-4711" not in data
            assert zlib.compress(b"canary-4711")[2:8] not in data


def test_a_file_over_the_limit_is_named_tracked_or_not_and_taken_when_it_is_small_again(project, open_workspace, tree_of):
    project.write({"stock.txt": "x" * 101, "fat.bin": "y" * 101, "fits.bin": "z" * 100})
    project.commit()
    workspace = open_workspace(project.root, file_bytes=100)
    taken = workspace.take()
    assert taken.left_out == [LeftOut("fat.bin", "too-large", 101), LeftOut("stock.txt", "too-large", 101)]
    assert "stock.txt" not in tree_of(taken, workspace)
    assert workspace.take(["notes.md"]).left_out == taken.left_out
    project.write({"stock.txt": "small again"})
    again = workspace.take()
    assert again.left_out == [LeftOut("fat.bin", "too-large", 101)]
    assert tree_of(again, workspace)["stock.txt"] == b"small again"


def test_too_many_files_are_named(project, open_workspace):
    project.write({f"many/{n:02}": "x" for n in range(30)})
    taken = open_workspace(project.root, files=20).take()
    assert {one.reason for one in taken.left_out} == {"too-many"}
    assert len(taken.left_out) == 11  # notes.md is one of them, too


def test_what_is_no_file_is_passed_over_and_one_in_the_place_of_a_file_is_named(project, workspace, tree_of):
    workspace.take()
    project.write({"stock.txt": None, "run.sh": None})
    os.mkfifo(project.root / "stock.txt")
    os.mkfifo(project.root / "pipe")
    server = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(project.root)  # the name of a socket is short
    try:
        server.bind("run.sh")
    finally:
        os.chdir(here)
    taken = workspace.take()
    server.close()
    assert taken.left_out == [LeftOut("run.sh", "special", 0), LeftOut("stock.txt", "special", 0)]
    assert tree_of(taken).keys() == {".gitignore", "lib/count.py", "notes.md"}


def test_what_is_ignored_from_now_on_is_in_no_later_snapshot(project, workspace, tree_of):
    workspace.take()
    project.write({".gitignore": "*.log\nbuild/\nnotes.md\nstock.txt\n"})
    assert tree_of(workspace.take()).keys() == {".gitignore", "stock.txt", "lib/count.py", "run.sh*"}
    project.git("rm", "-q", "--cached", "stock.txt")
    assert tree_of(workspace.take()).keys() == {".gitignore", "lib/count.py", "run.sh*"}


def test_the_lists_of_the_clone_and_of_the_user_are_honoured(project, workspace, tree_of, home):
    project.write({"mine.tmp": "1", "every.bak": "2", "kept.bak": "3"})
    (project.root / ".git/info/exclude").write_text("*.tmp\n!kept.bak\n")
    listed = home / "ignored everywhere"
    listed.write_text("*.bak")
    (home / ".gitconfig").write_text(f'[core]\n\texcludesFile = "{listed}"\n')
    assert tree_of(workspace.take()).keys() == {*TAKEN, "notes.md", "kept.bak"}


def test_the_users_list_is_found_in_its_usual_place(project, workspace, tree_of, home):
    (home / ".config/git").mkdir(parents=True)
    (home / ".config/git/ignore").write_text("notes.md\n")
    assert tree_of(workspace.take()) == TAKEN


def test_a_tracked_file_is_taken_though_a_pattern_ignores_it(project, workspace, tree_of):
    project.write({"kept.log": "tracked"})
    project.git("add", "-f", "kept.log")
    assert tree_of(workspace.take())["kept.log"] == b"tracked"
    project.write({"kept.log": "changed", ".gitignore": "*.log\nbuild/\n#\n"})
    assert tree_of(workspace.take())["kept.log"] == b"changed"


def test_our_own_home_within_the_workspace_is_not_taken(tmp_path, tree_of):
    (tmp_path / "p").mkdir()
    (tmp_path / "p/a.txt").write_text("1")
    workspace = GitWorkspace(str(tmp_path / "p"), tmp_path / "p" / "my [home]", FakeClock())
    workspace.take()
    assert tree_of(workspace.take(), workspace) == {"a.txt": b"1"}


def test_what_is_ignored_is_taken_once_the_user_tracks_it(project, workspace, tree_of):
    workspace.take()
    project.git("add", "-f", "trace.log")
    assert "trace.log" not in tree_of(workspace.take(["stock.txt"]))
    assert tree_of(workspace.take())["trace.log"] == b"ignored\n"


def test_what_is_ignored_and_tracked_is_taken_when_it_is_there_again(project, workspace, tree_of):
    project.git("add", "-f", "trace.log")
    workspace.take()
    project.write({"trace.log": None})
    assert "trace.log" not in tree_of(workspace.take())
    project.write({"trace.log": "again\n"})
    assert tree_of(workspace.take())["trace.log"] == b"again\n"


def test_what_is_ignored_and_tracked_no_more_is_not_taken_when_it_is_there_again(project, workspace, tree_of):
    project.git("add", "-f", "trace.log")
    workspace.take()
    project.write({"trace.log": None})
    workspace.take()
    project.git("rm", "-q", "--cached", "trace.log")
    workspace.take()
    project.write({"trace.log": "again\n"})
    assert "trace.log" not in tree_of(workspace.take())
