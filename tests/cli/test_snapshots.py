"""The files of the workspace, in a checkpoint."""

import os

from inline_snapshot import snapshot


def test_a_checkpoint_says_what_of_the_workspace_it_holds(shop):
    (shop.workspace / "prices.txt").write_text("pears 7\n")
    (shop.workspace / ".env").write_text("TOKEN=1")
    assert shop.says("checkpoint", "create") == snapshot("""\
$ segue checkpoint create
RECOVERY-260115-001-093002
with the files of the workspace, 1 left out: .env (secret)
at event 8; come back with: segue checkpoint restore RECOVERY-260115-001-093002
""")
    kept = shop("checkpoint", "create", "--json").json["workspace"]
    assert kept["id"] != kept["tree"]
    del kept["id"], kept["tree"]
    assert kept == snapshot(
        {
            "root": "/shop",
            "full": True,
            "left_out": [{"path": ".env", "reason": "secret", "bytes": 7}],
            "left_out_count": 1,
            "changing": [],
        }
    )


def test_its_event_names_the_snapshot(shop):
    (shop.workspace / "prices.txt").write_text("pears 7\n")
    made = shop("checkpoint", "create", "--json").json
    event = shop("log", "current", "--json").out.splitlines()[-1]
    assert f'"id":"{made["workspace"]["id"]}"' in event.replace('": ', '":')


def test_without_git_a_checkpoint_is_taken_and_says_so(shop):
    shop.env["PATH"] = str(shop.home)
    assert shop.says("checkpoint", "create") == snapshot("""\
$ segue checkpoint create
RECOVERY-260115-001-093002
without the files of the workspace: there is no git on this machine
at event 8; come back with: segue checkpoint restore RECOVERY-260115-001-093002
""")
    assert shop("checkpoint", "create", "--json").json["workspace"] == snapshot(
        {"root": "/shop", "missing": "there is no git on this machine"}
    )


def test_a_git_that_lies_in_the_workspace_is_not_run(shop):
    planted = shop.workspace / "git"
    planted.write_text(f"#!/bin/sh\ntouch {shop.home}/owned\n")
    planted.chmod(0o755)
    shop.env["PATH"] = f":.:{shop.env['PATH']}"
    here = os.getcwd()  # noqa: PTH109 - chdir takes it back
    os.chdir(shop.workspace)
    try:
        shop("checkpoint", "create")
    finally:
        os.chdir(here)
    assert not (shop.home / "owned").exists()


def test_switched_off_it_holds_no_files(shop):
    shop("config", "set", "snapshots.take", "off")
    assert shop.says("checkpoint", "create") == snapshot("""\
$ segue checkpoint create
RECOVERY-260115-001-093003
at event 8; come back with: segue checkpoint restore RECOVERY-260115-001-093003
""")
    assert not (shop.home / "segue" / "workspaces").exists()


def test_limits_are_settings(shop):
    (shop.workspace / "prices.txt").write_bytes(b"x" * ((1 << 20) + 1))
    (shop.workspace / ".env").write_text("T=1")
    shop("config", "set", "snapshots.limit", "1")
    shop("config", "set", "snapshots.secrets", "take")
    assert shop("checkpoint", "create", "--json").json["workspace"]["left_out"] == snapshot(
        [{"path": "prices.txt", "reason": "too-large", "bytes": 1048577}]
    )


def test_no_home_directory_is_taken(shop):
    shop.env["HOME"] = str(shop.workspace)
    assert shop.says("checkpoint", "create") == snapshot("""\
$ segue checkpoint create
RECOVERY-260115-001-093002
without the files of the workspace: that is no project's directory
at event 8; come back with: segue checkpoint restore RECOVERY-260115-001-093002
""")
