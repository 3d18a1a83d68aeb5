"""Disks with no more room: what an agent appends is kept, and taken in once."""

import json
import os
import resource
import subprocess
from contextlib import suppress
from pathlib import Path

import segue
from tests.acceptance.interruption_kit import PATIENCE, agent, told

FULL = """
with session.running() as run:
    session.append("message", {"role": "user", "parts": [{"type": "text", "content": "before"}]})
    say("ready")
    sys.stdin.readline()
    try:
        for n in range(10_000):
            session.append("note.kept", {"n": n, "text": "x" * 1000})
    except segue.SegueError as e:
        say(json.dumps([n, e.code, e.fields["kept"]]))
        raise SystemExit(7)
"""


def filled(**more):
    """Run an agent until nothing fits any more; return what it said."""
    with agent("import json, resource\n" + FULL, stdin=subprocess.PIPE, **more) as process:
        out, _ = process.communicate("\n", timeout=PATIENCE)
        assert process.returncode == 7
        return json.loads(out)


def kept_events():
    with segue.open() as store:
        return [e.body["n"] for e in store.session("last").events() if e.kind == "note.kept"]


def test_a_limit_on_file_sizes_loses_nothing(lived_in):
    limit = 60_000
    last, code, kept = filled(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))

    assert (code, Path(kept).exists()) == ("storage-full", True)
    assert kept_events() == list(range(last + 1))
    assert told()[:2] == ("paused", "error")
    assert not Path(kept).exists()


def test_a_full_disk_loses_nothing(tmp_path, monkeypatch):
    if os.geteuid() != 0:
        return  # only root may mount: the limit on file sizes has to do
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "small", str(disk)], check=True)
    try:
        monkeypatch.setenv("SEGUE_HOME", str(disk / "home"))
        monkeypatch.setenv("SEGUE_UPKEEP", "off")
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "none"))
        monkeypatch.setenv("TMPDIR", str(disk))
        with segue.open() as store:
            store.create(task="sell pears")
        last, code, kept = filled()
        assert (code, Path(kept).parent) == ("storage-full", disk / "home" / "emergency")
        with suppress(OSError), (disk / "filler").open("wb", buffering=0) as filler:  # the reserve gave its room back
            while filler.write(bytes(1000)) == 1000:
                pass
        assert told()[0] == "active"
        assert Path(kept).exists()
        subprocess.run(["mount", "-o", "remount,size=32m", str(disk)], check=True)
        assert kept_events() == list(range(last + 1))
        assert told()[:2] == ("paused", "error")
        assert list((disk / "home" / "emergency").iterdir()) == []
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
