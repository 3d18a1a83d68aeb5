"""What a mirror has of a store: its files byte for byte, only what is new each time, and never less than before."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from segue.core.errors import MirrorError
from segue.testing.fakes import session_id

LOGS = ("sessions", "scopes")
LEFT_OUT = {"lock", ".lock", "keys", "lease.json", "aside", "snapshots"}
"""Files beside a log that can be made anew, or were never a part of it."""


def contents(root, below):
    """Return the files below a directory of a store, with their bytes."""
    files = [path for path in (root / below).rglob("*") if path.is_file()]
    found = {str(path.relative_to(root)): path.read_bytes() for path in files}
    return {name: data for name, data in found.items() if not LEFT_OUT & {*Path(name).parts}}


def exported(shop):
    """Return all files that the mirror has, as a store has them."""
    room = shop.home / "exported"
    shutil.rmtree(room, ignore_errors=True)
    for one in shop.mirror().logs():
        to = room / "parted" / one.id if one.parted else room if one.log == "store" else room / one.log
        assert shop.mirror().export(one, str(to)) == 0
    found = {}
    for path in room.rglob("*"):
        if path.is_file():
            name = str(path.relative_to(room))
            found["blobs/" + name.partition("/blobs/")[2] if "/blobs/" in name else name] = path.read_bytes()
    return found


def whole(shop):
    found = {name: data for below in (*LOGS, "blobs", "numbers") for name, data in contents(shop.store.path, below).items()}
    gone = {f"sessions/{path.parent.name}/deleted" for path in shop.store.path.glob("sessions/*/deleted")}
    return {name: data for name, data in found.items() if name not in gone} | {
        "format.json": (shop.store.path / "format.json").read_bytes()
    }


def git(shop, *arguments):
    done = subprocess.run(
        ["git", "--git-dir", str(shop.home / "mirror"), *arguments],
        capture_output=True,
        check=True,
        env={"PATH": os.environ["PATH"]},
    )
    return done.stdout.decode("utf-8", "replace")


def size(shop):
    return sum(path.stat().st_size for path in (shop.home / "mirror" / "objects").rglob("*") if path.is_file())


def test_every_file_of_a_store_is_in_its_mirror_byte_for_byte(shop):
    shop.fill()
    shop.mirrored()
    assert exported(shop) == whole(shop)
    git(shop, "fsck", "--strict")
    assert git(shop, "count-objects").startswith("0 objects")


def test_what_is_appended_sealed_and_forked_later_is_there_too(shop):
    first = shop.begin(1)
    for n in range(40):
        shop.say(1, f"round {n}", count=1 + n % 3)
        shop.mirrored()
    shop.store.seal(first, whole=True)
    shop.mirrored()
    shop.say(1, "after it was sealed")
    shop.mirrored()
    assert exported(shop) == whole(shop)
    kinds = [line.split()[1] for line in git(shop, "ls-tree", f"refs/segue/sessions/{first}:log").splitlines()]
    assert kinds == ["blob", "tree"]  # what is sealed is whole, what grows is in parts


def test_an_open_segment_is_kept_in_few_parts_however_often_it_grows(shop):
    first = shop.begin(1)
    for n in range(60):
        shop.say(1, f"round {n}")
        shop.mirrored()
    parts = git(shop, "ls-tree", "--name-only", f"refs/segue/sessions/{first}:log/000001.jsonl").split()
    assert len(parts) <= 17
    ends = [int(part.partition("-")[2]) for part in parts]
    assert [int(part.partition("-")[0]) for part in parts] == [0, *ends[:-1]]
    assert exported(shop) == whole(shop)


def test_what_a_step_costs_does_not_grow_with_what_is_there(shop):
    shop.begin(1)
    shop.mirrored()
    costs = []
    for history in (10, 3_000):
        shop.say(1, "pears " * 40, count=history)
        shop.mirrored()
        before = size(shop)
        shop.say(1, "one more")
        shop.mirrored()
        costs.append(size(shop) - before)
    assert costs[1] <= 2 * costs[0] + 1_000, costs


def test_nothing_new_is_nothing_written(shop):
    shop.fill()
    shop.mirrored()
    before = {path: path.stat().st_mtime_ns for path in (shop.home / "mirror").rglob("*") if path.is_file()}
    assert shop.mirrored().logs == ()
    assert {path: path.stat().st_mtime_ns for path in (shop.home / "mirror").rglob("*") if path.is_file()} == before


def test_what_the_store_loses_stays_in_the_mirror(shop):
    first = shop.begin(1)
    shop.say(1, "kept", count=20)
    shop.store.seal(first, whole=True)
    shop.say(1, "and on", count=3)
    shop.mirrored()
    before = exported(shop)
    sealed = shop.store.path / "sessions" / first / "log" / "000001.jsonl.zst"
    sealed.write_bytes(sealed.read_bytes()[:100] + b"?" * 60 + sealed.read_bytes()[160:])
    shop.say(1, "after the damage")
    shop.mirrored()
    name = f"sessions/{first}/log/000001.jsonl.zst"
    assert exported(shop)[name] == before[name]
    sealed.unlink()
    shop.say(1, "after the loss")
    shop.mirrored()
    assert exported(shop)[name] == before[name]


def test_a_log_that_went_on_otherwise_is_mirrored_beside_what_it_was(shop):
    first = shop.begin(1)
    shop.store.close()
    shutil.copytree(shop.store.path, shop.home / "older")
    shop.say(1, "before", count=3)
    shop.mirrored()
    shop.store.close()
    shutil.rmtree(shop.store.path)
    (shop.home / "older").rename(shop.store.path)
    shop.say(1, "instead")
    shop.mirrored()
    kept = [(one.log, one.seq, one.parted) for one in shop.mirror().logs() if one.log != "store"]
    assert kept == [(f"sessions/{first}", 2, False), (f"sessions/{first}", 4, True)]
    shop.recovery().run()
    shop.store.close()
    shop.mirrored()
    assert max((one.seq, one.parted) for one in shop.mirror().logs() if one.log != "store") == (4, True)


def test_a_log_that_was_repaired_is_mirrored_anew_and_leaves_nothing_beside_it(shop):
    first = shop.begin(1)
    shop.say(1, count=9)
    shop.store.close()
    shop.series().take()
    shop.mirrored()
    log = shop.store.path / "sessions" / first / "log" / "000001.jsonl"
    log.write_bytes(log.read_bytes().replace(b"pears 4", b"plums 4"))
    shop.recovery().run()
    shop.mirrored()
    assert [(one.log, one.parted) for one in shop.mirror().logs() if one.log != "store"] == [(f"sessions/{first}", False)]
    assert exported(shop) == whole(shop)


def test_a_session_that_is_deleted_goes_and_one_whose_forks_need_it_stays(shop):
    shop.fill()
    shop.mirrored()
    shop.store.delete(session_id(1))
    shop.store.delete(session_id(2))
    shop.mirrored()
    found = {one.log: one.deleted for one in shop.mirror().logs() if one.log.startswith("sessions/")}
    assert found == {f"sessions/{session_id(1)}": True, f"sessions/{session_id(3)}": False}


def test_of_what_is_dropped_no_byte_is_left(shop):
    shop.begin(1)
    shop.begin(2)
    for text in ("xylophone", "zither " * 30_000):
        shop.say(1, text)
        shop.mirrored()
    assert shop.mirror().drop([f"sessions/{session_id(1)}"]) > 0
    left = git(shop, "cat-file", "--batch-all-objects", "--batch")
    assert (session_id(2) in left, session_id(1) in left, "xylophone" in left) == (True, False, False)
    shop.mirrored()
    assert exported(shop) == whole(shop)
    shop.mirror().drop()
    assert git(shop, "cat-file", "--batch-all-objects", "--batch") == ""
    assert list((shop.home / "mirror" / "objects" / "pack").iterdir()) == []


def test_packs_are_joined_and_what_nothing_needs_goes(shop):
    shop.begin(1)
    for n in range(100):
        shop.say(1, f"{n} " + os.urandom(50).hex())
        shop.mirrored()
    packs = list((shop.home / "mirror" / "objects" / "pack").glob("*.pack"))
    assert len(packs) <= 41


def hostile(shop, script):
    """Return an environment whose git is a program of ours, that ends in the real one."""
    place = shop.home / "bin"
    place.mkdir(exist_ok=True)
    program = place / "git"
    program.write_text(f'#!/bin/sh\n{script}\nexec {shutil.which("git")} "$@"\n')
    program.chmod(0o755)
    return {"PATH": f"{place}:{os.environ['PATH']}"}


@pytest.mark.parametrize("step", ["index-pack", "update-ref"])
def test_a_change_that_fails_half_way_changes_nothing_and_is_made_up_for(shop, step):
    shop.begin(1)
    shop.mirrored()
    before = exported(shop)
    shop.say(1, "more", count=5)
    env = hostile(shop, f'case "$*" in *{step}*) kill -9 $$;; esac')
    with pytest.raises(MirrorError):
        shop.mirrored(**env)
    assert exported(shop) == before
    shop.mirrored()
    assert exported(shop) == whole(shop)


def test_nothing_of_the_users_git_runs(shop):
    hooks = shop.home / "hooks"
    hooks.mkdir()
    for name in ("reference-transaction", "post-index-change", "pre-auto-gc"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {shop.home}/ran\n")
        (hooks / name).chmod(0o755)
    settings = f"[core]\n\thooksPath = {hooks}\n[commit]\n\tgpgSign = true\n[gpg]\n\tprogram = {hooks}/pre-auto-gc\n"
    (shop.home / ".gitconfig").write_text(settings)
    shop.begin(1)
    env = {"HOME": str(shop.home), "GIT_DIR": str(shop.home / "elsewhere"), "GIT_CONFIG_GLOBAL": str(shop.home / ".gitconfig")}
    shop.mirrored(**env)
    assert exported(shop) == whole(shop)
    assert not (shop.home / "ran").exists()
    assert not (shop.home / "elsewhere").exists()


def test_a_mirror_that_is_damaged_is_moved_aside_and_made_anew(shop):
    shop.begin(1)
    shop.say(1, count=30)
    shop.mirrored()
    for pack in (shop.home / "mirror" / "objects" / "pack").glob("*.pack"):
        pack.chmod(0o600)
        pack.write_bytes(pack.read_bytes()[:40])
    shop.say(1, "more")
    shop.mirrored()
    assert exported(shop) == whole(shop)
    assert [one.path.name for one in shop.mirror().aside()] == ["mirror.aside-1"]
    shop.mirror().drop()
    assert shop.mirror().aside() == []


def test_two_at_once_write_one_mirror(shop):
    shop.begin(1)
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path; from conftest import Shop; shop = Shop(Path(sys.argv[2]))\n"
        "for n in range(5): shop.say(1, f'round {n}'); shop.mirrored()"
    )
    arguments = ["-c", program, str(Path(__file__).parents[1]), str(shop.home)]
    import sys

    running = [subprocess.Popen([sys.executable, *arguments]) for _ in range(2)]
    assert [one.wait(timeout=120) for one in running] == [0, 0]
    shop.mirrored()
    assert exported(shop) == whole(shop)
