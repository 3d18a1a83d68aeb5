"""Snapshots of workspaces in backups: copied, verified, linked, and brought back where checkpoints name them."""

import json
import os
import shutil
import subprocess
from hashlib import blake2b

import pytest


@pytest.fixture
def saved(shop):
    """A session with a checkpoint of a file, and a backup of the store."""
    (shop.workspace / "prices.txt").write_text("pears 7\n")
    shop.checkpoint = shop("checkpoint", "create", "--json").json["name"]
    shop.backup = backup(shop)
    return shop


def backup(shop):
    """Take a backup and return its directory."""
    name = shop("backup", "--json").json["name"]
    return next((shop.home / "segue" / "backups").glob(f"*/{name}"))


def repository(shop):
    return shop.home / "segue" / "workspaces"


def packs(place):
    return {path.name: path.stat().st_ino for path in (place / "objects" / "pack").iterdir()}


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.chmod(0o600)
    path.write_bytes(data)


def prices(shop):
    (shop.workspace / "prices.txt").write_text("plums 9\n")
    shop("checkpoint", "restore", shop.checkpoint, "--code", "--json").json  # noqa: B018 - it must be an answer
    return (shop.workspace / "prices.txt").read_text()


def test_a_backup_has_the_snapshots_and_they_are_copies(saved):
    mine, theirs = packs(repository(saved)), packs(saved.backup / "workspaces")
    assert mine.keys() == theirs.keys() != set()
    assert not set(mine.values()) & set(theirs.values())
    git = ["git", "-C", str(saved.backup / "workspaces"), "cat-file", "--batch-all-objects", "--batch-check=%(objecttype)"]
    (saved.backup / "workspaces" / "refs").mkdir()  # git takes no directory without one for a repository
    env = {"PATH": os.environ["PATH"], "GIT_DIR": str(saved.backup / "workspaces")}
    kinds = subprocess.run(git, capture_output=True, check=True, text=True, env=env).stdout.split()
    assert "commit" in kinds
    assert saved("backup", "check", "last").code == 0


def test_what_did_not_change_is_linked_to_the_last_backup(saved):
    (saved.workspace / "prices.txt").write_text("pears 8\n")
    saved("checkpoint", "create")
    second = backup(saved)
    first = packs(saved.backup / "workspaces")
    assert {name: inode for name, inode in packs(second / "workspaces").items() if name in first} == first


def test_a_damaged_byte_of_a_backup_is_found(saved):
    flip(next((saved.backup / "workspaces" / "objects" / "pack").glob("*.pack")))
    said = saved("backup", "check", "last", "--json")
    assert (said.code, said.error["files"][0][:23]) == (6, "workspaces/objects/pack")


@pytest.mark.parametrize("how", ["gone", "flipped", "torn"])
def test_what_is_lost_is_named_by_validate_keeps_backups_from_being_taken_and_comes_back(saved, how):
    place = repository(saved)
    if how == "gone":
        shutil.rmtree(place)
    else:
        for pack in (place / "objects" / "pack").glob("*.pack"):
            if how == "flipped":
                flip(pack)
            else:
                pack.chmod(0o600)
                pack.write_bytes(pack.read_bytes()[:40])

    found = saved("validate", "--full", "--json")
    assert found.code == 6
    assert [f["where"] for f in json.loads(found.out)["findings"]] == [f"checkpoint {saved.checkpoint}"]
    if how != "flipped":  # that all is there is looked at, not each byte
        assert saved("backup", "--json").error["code"] == "damaged"

    told = saved("recover", "--no-import", "--json").json
    assert [s["reason"] for s in told["sources"] if s["kind"] == "snapshots"] == ["1 snapshot of workspaces brought back"]
    assert saved("validate", "--full", "--json").json["findings"] == []
    assert prices(saved) == "pears 7\n"


def test_a_store_that_is_made_anew_has_its_snapshots_again(saved):
    shutil.rmtree(repository(saved))
    assert saved("restore-store", "last", "--json").json["snapshots"] == 1
    assert prices(saved) == "pears 7\n"


def test_what_was_let_go_on_purpose_stays_away(saved):
    saved("checkpoint", "create")
    saved("checkpoint", "forget", saved.checkpoint)
    told = saved("recover", "--no-import", "--json").json
    assert [s for s in told["sources"] if s["kind"] == "snapshots"] == []
    assert saved("validate", "--json").json["findings"] == []


def test_without_git_a_store_is_validated_and_backed_up_all_the_same(saved):
    saved.env["PATH"] = str(saved.home)
    assert saved("backup", "--json").json["snapshots"] > 0
    said = saved("validate")
    assert (said.code, "there is no git" in said.err) == (0, True)


def test_a_backup_of_an_earlier_version_can_still_be_restored(saved):
    shutil.rmtree(saved.backup / "workspaces")
    manifest = saved.backup / "manifest.jsonl"
    lines = [line for line in manifest.read_text().splitlines()[:-1] if '"beside"' not in line]
    lines[0] = lines[0].replace('"segue-backup":2', '"segue-backup":1')
    text = "".join(f"{line}\n" for line in lines)
    sums = json.loads(manifest.read_text().splitlines()[-1])
    sums = {k: v for k, v in sums.items() if k != "beside"} | {"hash": blake2b(text.encode(), digest_size=32).hexdigest()}
    manifest.chmod(0o600)
    manifest.write_text(text + json.dumps(sums) + "\n")
    assert saved("restore-store", "last", "--json").json["snapshots"] == 0
