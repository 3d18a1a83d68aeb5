"""Bare `segue` in a workspace with a repository: what changed since the session last looked."""

import re
import subprocess

from inline_snapshot import snapshot

from segue.app.wiring import App


def git(cli, *arguments):
    subprocess.run(
        ["git", "-c", "user.name=ann", "-c", "user.email=ann@example.org", "-c", "init.defaultBranch=main", *arguments],
        cwd=cli.workspace,
        check=True,
        capture_output=True,
    )


def commit(cli, message):
    git(cli, "add", ".")
    git(cli, "commit", "-qm", message)


def changed(cli):
    return cli("--json").json["changed"]


def test_what_changed_in_the_workspace_since_the_last_checkpoint_is_shown(shop):
    git(shop, "init", "-q")
    (shop.workspace / "stock.txt").write_text("pears 7\n")
    commit(shop, "stock")
    (shop.workspace / "stock.txt").write_text("pears 6\n")
    shop("checkpoint", "create", "-m", "before lunch")
    commit(shop, "one pear sold")
    (shop.workspace / "prices.txt").write_text("pears 2.10\n")
    git(shop, "switch", "-qc", "prices")
    text = shop().out
    block = text[text.index("  what changed since") : text.index("\ngo on with")]
    assert re.sub("[0-9a-f]{10}", "COMMIT", block) == snapshot("""\
  what changed since
  branch       branch is prices, it was main
  commits      1 commit since
               COMMIT ann: one pear sold (1 file)
  uncommitted  committed meanwhile (COMMIT): stock.txt
               uncommitted now: prices.txt
  files        1 file changed
               stock.txt: modified, ann in COMMIT
""")
    found = changed(shop)
    assert (found["branch"], found["branch_before"], found["rewritten"]) == ("prices", "main", False)
    assert [line.partition(" ")[2] for line in found["commits"]] == ["one pear sold"]
    assert (found["uncommitted"], found["no_longer_uncommitted"]) == (["prices.txt"], ["stock.txt"])


def test_a_history_that_was_rewritten_is_said_to_be(shop):
    git(shop, "init", "-q")
    (shop.workspace / "stock.txt").write_text("pears 7\n")
    commit(shop, "stock")
    shop("checkpoint", "create")
    git(shop, "commit", "-q", "--amend", "--allow-empty", "-m", "stock, said better")
    assert changed(shop)["rewritten"] is True
    assert "done here: commit (amend): stock, said better" in shop().out


def test_a_checkpoint_has_the_state_of_git_and_of_what_is_not_committed(shop):
    git(shop, "init", "-q")
    (shop.workspace / "stock.txt").write_text("pears 7\n")
    shop("checkpoint", "create")
    shop("checkpoint", "create")
    import json

    events = [json.loads(line) for line in shop("log", "--json").out.splitlines()][8:]
    assert [e["kind"] for e in events] == snapshot(["changes.seen", "checkpoint.created", "checkpoint.created"])
    assert events[1]["body"]["git"] == {"branch": "main", "commit": "", "dirty": True}
    assert "commit or discard 1 uncommitted change: stock.txt" in shop("status").out.lower()


def test_the_workspace_is_the_root_of_the_repository(shop):
    git(shop, "init", "-q")
    below = shop.workspace / "src" / "deep"
    below.mkdir(parents=True)
    top, shop.workspace = shop.workspace, below
    begun = shop("start", "--task", "from below", "--json").json
    assert shop("status", "--json").json["id"] == begun["id"]
    shop.workspace = top
    assert shop("status", "--json").json["id"] == begun["id"]


def test_a_workspace_that_is_gone_is_no_error(shop):
    shop.workspace.rename(shop.workspace.with_name("moved"))
    assert shop("status", "last").code == 0
    assert shop("checkpoint", "create", "last").code == 0


def test_what_is_gone_is_warned_of(shop):
    git(shop, "init", "-q")
    (shop.workspace / "stock.txt").write_text("pears 7\n")
    commit(shop, "stock")
    (shop.workspace / "stock.txt").write_text("pears 6\n")
    shop("pause", "current")
    git(shop, "checkout", "-q", "stock.txt")
    assert shop().err == snapshot(
        "warning: the uncommitted change of stock.txt is gone: segue resume SESSION-260115-001 --check\n"
    )


def test_where_the_directory_is_gone_we_are_there_all_the_same(tmp_path, monkeypatch):
    place = tmp_path / "gone"
    place.mkdir()
    monkeypatch.chdir(place)
    place.rmdir()
    home = {"HOME": str(tmp_path)}
    assert [App(home | {"PWD": where}).cwd for where in (str(place), "gone")] == [str(place), "/"]
