"""Beside an encrypted store snapshots are in boxes: nothing of a workspace is readable, and all that snapshots do they do."""

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from segue.core.errors import NotFoundError, WorkspaceError
from segue.core.log.storekeys import id_of
from segue.host import memory
from segue.host.workspace import vault as module
from segue.host.workspace.copies import SnapshotCopies
from segue.host.workspace.snapshots import GitSnapshots
from segue.host.workspace.units import SEALED
from segue.host.workspace.vault import Vault
from segue.host.workspace.workspace import GitWorkspace
from segue.stores.log.cipher import SCHEME, Cipher, Scheme, write_scheme
from segue.testing.fakes import FakeClock
from tests.canary import canaries, traces
from tests.encryption import KEY, OTHER, Ring
from tests.unit.host.workspace.test_restoring import *  # noqa: F403 - all of it, in boxes

RING = Ring(KEY, OTHER)


@pytest.fixture(params=["hollow", "whole"])
def packs(request, monkeypatch):
    """Large packs are opened when they are needed; small ones always."""
    monkeypatch.setattr(module, "SMALL", {"hollow": 0, "whole": 1 << 30}[request.param])


@pytest.fixture(autouse=True)
def hollow(monkeypatch):
    monkeypatch.setattr(module, "SMALL", 0)


@pytest.fixture
def vault_of():
    """Where snapshots are: in boxes."""

    def made(home, ring=RING):
        if not (home / SCHEME).exists():
            under(home, KEY)
        return Vault(home / "workspaces", Cipher(home, ring), {})

    return made


@pytest.fixture
def ours(home):
    return home / "segue" / "workspaces"


@pytest.fixture
def opened(project, home, vault_of):
    """The workspace of the project as another process sees it."""
    return lambda *keys: GitWorkspace(
        str(project.root), home / "segue", FakeClock(), vault=vault_of(home / "segue", Ring(*(keys or (KEY, OTHER))))
    )


def under(home, key, *older):
    home.mkdir(parents=True, exist_ok=True)
    write_scheme(home / SCHEME, Scheme(id_of(key) if key else "", {id_of(one): None for one in older}))


def boxes(ours):
    return {path.name: path.read_bytes() for path in (ours / SEALED).iterdir()}


def test_nothing_of_a_workspace_can_be_read_in_the_home(project, home, opened, vault_of, packs):
    words = canaries("file", "name", "untracked", "deleted", "ignored")
    name = words["name"].replace(" ", "-")
    project.write({"f.txt": words["file"], f"{name}/x.txt": "x", "gone.txt": words["deleted"], ".gitignore": words["ignored"]})
    project.commit()
    project.write({"new.txt": words["untracked"]})
    first = opened().take()
    project.write({"gone.txt": None, "f.txt": "other"})
    opened().take(["f.txt", "gone.txt"])
    opened().restore(opened().preview(first.id))

    assert traces(home / "segue", words) == set()
    assert traces(project.root, words)  # they would be found
    assert sorted(p.name for p in (home / "segue" / "workspaces").iterdir()) == [SEALED, "segue"]
    assert not vault_of(home / "segue")._room.exists()


def test_what_a_snapshot_has_is_what_was_there(project, opened, tree_of, packs):
    first, before = opened().take(), project.files()
    project.write({"stock.txt": "pears 6\n", "lib/new.py": "new\n", "notes.md": None})
    second, after = opened().take(["stock.txt", "lib/new.py", "notes.md"]), project.files()
    third = opened().take()

    ignored = {"trace.log", "build/out.bin"}
    for taken, files in ((first, before), (second, after), (third, after)):
        assert tree_of(taken, opened()) == {path: data for path, data in files.items() if path not in ignored}
    assert (opened().get(second.id).tree, second.tree) == (third.tree, third.tree)
    assert [change.path for change in opened().diff(first.id, second.id)] == ["lib/new.py", "notes.md", "stock.txt"]
    assert b"+pears 6" in b"".join(opened().patch(first.id, second.id))
    assert opened().content(first.id, "stock.txt") == b"pears 7\n"


def test_a_snapshot_writes_what_is_new_and_no_more(project, ours, opened):
    opened().take()
    before = boxes(ours)
    project.write({"stock.txt": "pears 6\n"})
    opened().take()
    after = boxes(ours)
    kept = [name for name in before if after.get(name) == before[name]]
    assert (len(before), len(kept), len(after)) == (6, 4, 8)  # refs and the index are others; a pack and its index are new


def test_many_snapshots_are_joined_and_forgotten(project, ours, opened, home, tree_of, vault_of, monkeypatch):
    monkeypatch.setattr("segue.host.workspace.repository._MOST_PACKS", 4)
    taken = []
    for n in range(9):
        project.write({"stock.txt": f"pears {n}\n"})
        taken.append(opened().take())
    assert len(boxes(ours)) < 2 + 2 * 8
    assert [tree_of(one, opened())["stock.txt"] for one in taken] == [f"pears {n}\n".encode() for n in range(9)]

    forget(opened(), *(one.id for one in taken[:-1]))  # noqa: F405

    kept = GitSnapshots(home / "segue", os.environ, vault_of(home / "segue"))
    assert kept.check([taken[-1].id], every_byte=True) == {}
    assert tree_of(taken[-1], opened())["stock.txt"] == b"pears 8\n"
    with pytest.raises(NotFoundError):
        opened().get(taken[0].id)


@pytest.mark.parametrize(("before", "after"), [(None, KEY), (KEY, OTHER), (KEY, None)], ids=["encrypted", "rotated", "decrypted"])
def test_snapshots_follow_the_key_of_the_store(project, home, ours, opened, tree_of, vault_of, before, after):
    under(home / "segue", before)
    first = opened().take()
    project.write({"stock.txt": "pears 6\n"})
    second = opened().take()
    under(home / "segue", after, *([before] if before else []))

    for _ in range(2):
        assert vault_of(home / "segue").rekey() == []

    under(home / "segue", after)
    assert sorted(p.name for p in ours.iterdir() if p.is_dir()) == (
        [SEALED, "segue"] if after else ["info", "objects", "refs", "segue"]
    )
    known = [after] if after else []
    assert [tree_of(one, opened(*known))["stock.txt"] for one in (first, second)] == [b"pears 7\n", b"pears 6\n"]
    third = opened(*known).take(["stock.txt"])
    assert third.tree == second.tree


@pytest.mark.parametrize(("before", "after"), [(None, KEY), (KEY, None)], ids=["encrypted", "decrypted"])
def test_a_change_that_was_cut_short_anywhere_is_gone_on_with(
    project, home, ours, opened, tree_of, vault_of, monkeypatch, before, after
):
    under(home / "segue", before)
    taken = opened().take()
    under(home / "segue", after, *([before] if before else []))
    whole = home / "whole"
    shutil.copytree(ours, whole, symlinks=True)
    steps = 0
    while True:
        shutil.rmtree(ours)
        shutil.copytree(whole, ours, symlinks=True)
        with monkeypatch.context() as patch:
            left = iter([None] * steps)
            for owner, name in (
                (os, "replace"),
                (os, "unlink"),
                (os, "utime"),
                (os, "rmdir"),
                (Path, "unlink"),
                (Path, "replace"),
            ):
                patch.setattr(owner, name, dying(getattr(owner, name), left))
            try:
                vault_of(home / "segue").rekey()
            except Killed:
                steps += 3
            else:
                break
        assert tree_of(opened().get(taken.id), opened())["stock.txt"] == b"pears 7\n", steps
    assert steps > 10


class Killed(BaseException):
    """The process ends."""


def dying(call, left):
    def wrapped(*arguments, **more):
        try:
            next(left)
        except StopIteration:
            raise Killed from None
        return call(*arguments, **more)

    return wrapped


def test_without_the_key_nothing_is_touched(project, home, ours, opened):
    opened().take()
    before = boxes(ours)
    under(home / "segue", OTHER)
    with pytest.raises(WorkspaceError, match="under another key"):
        opened(OTHER).take()
    in_the_open = GitWorkspace(str(project.root), home / "segue", FakeClock())
    with pytest.raises(WorkspaceError, match="not at hand"):
        in_the_open.take()
    assert boxes(ours) == before


def test_a_damaged_pack_is_named_and_the_other_snapshots_are_whole(project, home, ours, opened, tree_of, vault_of):
    first = opened().take()
    names = set(boxes(ours))
    project.write({"stock.txt": "pears 6\n"})
    second = opened().take()
    for name in set(boxes(ours)) - names:
        path = ours / SEALED / name
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    kept = GitSnapshots(home / "segue", os.environ, vault_of(home / "segue"))

    assert set(kept.check([first.id, second.id], every_byte=True)) == {second.id}
    assert tree_of(first, opened())["stock.txt"] == b"pears 7\n"
    assert tree_of(opened().take(), opened())["stock.txt"] == b"pears 6\n"


def test_what_a_killed_process_had_open_is_gone_with_the_next_one(project, home, opened):
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom segue.host.workspace.vault import Vault\n"
        "from segue.stores.log.cipher import Cipher\nfrom tests.encryption import KEY, Ring\n"
        "home = Path(sys.argv[1])\nvault = Vault(home / 'workspaces', Cipher(home, Ring(KEY)), {})\n"
        "with vault.opened(whole=True):\n    print(vault.path, flush=True)\n    os._exit(9)\n"
    )
    taken = opened().take()
    done = subprocess.run([sys.executable, "-c", code, str(home / "segue")], capture_output=True, check=False, env=environment())
    left = Path(done.stdout.decode().strip())
    assert (left.is_dir(), left.parent.stat().st_mode & 0o777) == (True, 0o700), done.stderr.decode()

    assert opened().get(taken.id).id == taken.id

    assert not left.exists()


def environment():
    return os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}


def test_one_at_a_time_works_with_the_snapshots_of_a_home(project, opened):
    taken, failed = [], []

    def take():
        try:
            taken.append(opened().take().id)
        except BaseException as e:  # noqa: BLE001
            failed.append(e)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (failed, len({opened().get(one).id for one in taken})) == ([], 4)


def test_where_there_is_no_memory_a_directory_must_be_named(project, home, vault_of, monkeypatch):
    monkeypatch.setattr(memory, "place", lambda env: None)
    vault_of(home / "segue")
    cipher = Cipher(home / "segue", RING)
    with pytest.raises(WorkspaceError, match="no place in memory") as caught:
        GitWorkspace(
            str(project.root), home / "segue", FakeClock(), vault=Vault(home / "segue" / "workspaces", cipher, {})
        ).take()
    assert "snapshots.scratch" in caught.value.hint

    (home / "scratch").mkdir()
    scratch = Vault(home / "segue" / "workspaces", cipher, {}, str(home / "scratch"))
    GitWorkspace(str(project.root), home / "segue", FakeClock(), vault=scratch).take()
    assert list((home / "scratch").iterdir()) == []


def test_backups_have_the_boxes_and_give_snapshots_back(project, home, ours, opened, tree_of, vault_of):
    words = canaries("file")
    project.write({"f.txt": words["file"]})
    taken = opened().take()
    copies = SnapshotCopies(home / "segue", os.environ, lambda: vault_of(home / "segue"))
    backup = home / "backup"
    with copies.captured() as found:
        for name, path in found.items():
            (backup / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, backup / name)
    assert traces(home, words) == set()
    assert copies.check(str(backup)) == ""
    shutil.rmtree(ours)

    assert copies.bring_back(str(backup), [taken.id, "0" * 40]) == {taken.id}

    assert tree_of(opened().get(taken.id), opened())["f.txt"] == words["file"].encode()
    assert traces(home / "segue", words) == set()
    pack = max((backup / SEALED).iterdir(), key=lambda path: path.stat().st_size)
    pack.write_bytes(pack.read_bytes()[:-1] + b"x")
    assert "damaged" in copies.check(str(backup))
