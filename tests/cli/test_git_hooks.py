"""Git's hooks, on demand: they save, run what was there before, never stop git, and leave no trace."""

import json
import os
import subprocess
import time

import pytest
from inline_snapshot import snapshot

PATIENCE = 120


@pytest.fixture
def repo(cli):
    """A workspace that is a repository with a commit, and a session in it. What hooks leave running has ended with it."""
    over, cli.running = os.pipe()
    git(cli, "init", "-q", "-b", "main")
    (cli.workspace / "a.txt").write_text("one\n")
    git(cli, "add", ".")
    git(cli, "commit", "-qm", "one")
    cli("start", "--task", "sell pears")
    yield cli
    os.close(cli.running)
    os.read(over, 1)  # returns when the last process that git began has ended
    os.close(over)


def git(cli, *args, check=True):
    names = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
    env = {"PATH": os.environ["PATH"], "HOME": str(cli.home), "SEGUE_UPKEEP": "off", **names}
    return subprocess.run(
        ["git", *args], cwd=cli.workspace, env=env, capture_output=True, text=True, check=check, pass_fds=[cli.running]
    )


def tree(place):
    """Return every file below a directory: its mode and its bytes, or where it leads."""
    return {
        str(path.relative_to(place)): (
            path.lstat().st_mode,
            str(path.readlink()) if path.is_symlink() else path.is_file() and path.read_bytes(),
        )
        for path in sorted(place.rglob("*"))
    }


def triggers(cli):
    return [line["trigger"] for line in checkpoints(cli)]


def checkpoints(cli):
    log = cli("log", "last", "--json", "--kind", "checkpoint.created").out
    return [json.loads(line)["body"] for line in log.splitlines()]


def until(cli, holds):
    end = time.monotonic() + PATIENCE
    while not holds() and time.monotonic() < end:
        time.sleep(0.1)
    assert holds()


def test_hooks_are_installed_once_and_taken_out_byte_for_byte(repo):
    before = tree(repo.workspace / ".git")
    said = [
        repo.says("init", "--git-hooks", "--yes"),
        repo.says("init", "--git-hooks", "--yes"),
        repo.says("init", "--git-hooks", "--remove", "--yes"),
        repo.says("init", "--git-hooks", "--remove", "--yes"),
    ]

    assert "".join(said) == snapshot("""\
$ segue init --git-hooks --yes
pre-commit     new
pre-rebase     new
post-checkout  new
post-merge     new
installed in /shop/.git/hooks. Take them out with: segue init --git-hooks --remove
$ segue init --git-hooks --yes
nothing to change: the hooks of segue are in /shop/.git/hooks
$ segue init --git-hooks --remove --yes
pre-commit     gone
pre-rebase     gone
post-checkout  gone
post-merge     gone
taken out of /shop/.git/hooks
$ segue init --git-hooks --remove --yes
nothing to change: no hook of segue is in /shop/.git/hooks
""")
    assert tree(repo.workspace / ".git") == before


def test_a_dry_run_and_nobody_to_ask_change_nothing(repo):
    before = tree(repo.workspace / ".git")

    assert repo.says("init", "--git-hooks", "--dry-run") == snapshot("""\
$ segue init --git-hooks --dry-run
pre-commit     new
pre-rebase     new
post-checkout  new
post-merge     new
would change 4 hooks in /shop/.git/hooks
""")
    assert repo.says("init", "--git-hooks") == snapshot("""\
$ segue init --git-hooks
! error: install 4 git hooks? nobody was there to say so
! hint: segue init --git-hooks --yes; or --dry-run to look
[exit code 3]
""")
    assert tree(repo.workspace / ".git") == before


def test_a_person_is_asked(repo):
    assert repo("init", "--git-hooks", typed="n\n").code == 130
    assert repo("init", "--git-hooks", typed="\n").code == 0
    assert (repo.workspace / ".git/hooks/pre-commit").exists()


def be_patient(repo):
    """Let the hooks take their time: on a busy machine saving may take longer than a rebase waits for it."""
    for hook in (repo.workspace / ".git/hooks").glob("p*-*"):
        text = hook.read_text()
        if " git-hook " in text:
            hook.write_text(text.replace(" git-hook ", f" git-hook --within {PATIENCE} "))


def test_a_commit_is_saved_before_and_a_checkout_noted_after(repo):
    repo("init", "--git-hooks", "--yes")
    be_patient(repo)
    (repo.workspace / "a.txt").write_text("two\n")
    git(repo, "commit", "-qam", "two")
    until(repo, lambda: triggers(repo) == ["git pre-commit"])
    git(repo, "checkout", "-q", "-b", "pears")
    until(repo, lambda: repo("show", "last", "--json").json["work"]["changes"]["branch"] == "pears")
    git(repo, "commit", "-q", "--no-verify", "--allow-empty", "-m", "here")
    git(repo, "checkout", "-q", "main")
    git(repo, "commit", "-q", "--no-verify", "--allow-empty", "-m", "there")
    git(repo, "rebase", "-q", "pears")

    assert triggers(repo) == ["git pre-commit", "git pre-rebase"]  # a rebase waits for it


def test_a_session_that_is_not_at_work_is_left_alone(repo):
    repo("pause", "--no-checkpoint")
    assert (repo("git-hook", "pre-commit").code, triggers(repo)) == (0, [])


def test_hooks_that_were_there_run_as_ever_and_decide(repo):
    hook = repo.workspace / ".git/hooks/pre-commit"
    hook.write_text('#!/bin/sh\necho "mine: $0 $*" >&2\nexit 3\n')
    hook.chmod(0o700)
    (repo.workspace / ".git/hooks/post-checkout").symlink_to("../../after.sh")
    (repo.workspace / "after.sh").write_text('#!/bin/sh\necho "after $3" >> after.log\n')
    (repo.workspace / "after.sh").chmod(0o755)
    (repo.workspace / ".git/hooks/post-merge").write_text("not executable\n")
    before = tree(repo.workspace / ".git/hooks")
    repo("init", "--git-hooks", "--yes")

    refused = git(repo, "commit", "--allow-empty", "-qm", "two", check=False)
    git(repo, "checkout", "-q", "-b", "pears")

    assert (refused.returncode, refused.stderr) == (1, "mine: .git/hooks/pre-commit.segue-kept \n")
    assert (repo.workspace / "after.log").read_text() == "after 1\n"
    repo("init", "--git-hooks", "--remove", "--yes")
    assert tree(repo.workspace / ".git/hooks") == before


def test_git_goes_on_when_segue_is_gone(repo):
    repo("init", "--git-hooks", "--yes")
    for hook in (repo.workspace / ".git/hooks").glob("p*-*"):
        if not hook.name.endswith(".sample"):
            hook.write_text(hook.read_text().replace(" -m segue ", " -m segue_that_is_gone "))
    git(repo, "commit", "--allow-empty", "-qm", "two")
    done = git(repo, "rebase", "-q", "main")
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_directory_that_the_user_configured_is_used_and_made_and_removed(repo):
    place = repo.home / "my hooks"
    git(repo, "config", "core.hooksPath", str(place))
    repo("init", "--git-hooks", "--yes")
    assert sorted(path.name for path in place.iterdir()) == ["post-checkout", "post-merge", "pre-commit", "pre-rebase"]
    git(repo, "commit", "--allow-empty", "-qm", "two")
    until(repo, lambda: triggers(repo) == ["git pre-commit"])

    repo("init", "--git-hooks", "--remove", "--yes")
    assert not place.exists()


def test_hooks_that_are_files_of_the_repository_are_left_alone(repo):
    git(repo, "config", "core.hooksPath", "githooks")
    assert repo.says("init", "--git-hooks", "--yes") == snapshot("""\
$ segue init --git-hooks --yes
! error: file '/shop/githooks' cannot be changed: the hooks there belong to the repository's own files
! hint: call it from them: segue git-hook pre-commit
[exit code 1]
""")


def test_a_linked_worktree_has_the_hooks_of_its_repository(repo):
    git(repo, "worktree", "add", "-q", str(repo.home / "linked"))
    repo.workspace = repo.home / "linked"
    assert repo("init", "--git-hooks", "--yes", "--json").json["directory"].endswith("/shop/.git/hooks")


def test_where_another_program_put_its_hook_nothing_is_lost(repo):
    hook = repo.workspace / ".git/hooks/pre-commit"
    hook.write_text("#!/bin/sh\n# mine\n")
    repo("init", "--git-hooks", "--yes")
    hook.write_text("#!/bin/sh\n# another program's\n")

    assert repo.says("init", "--git-hooks", "--yes") == snapshot("""\
$ segue init --git-hooks --yes
! error: file '/shop/.git/hooks/pre-commit' cannot be changed: another hook took the place of segue's
! hint: put them together by hand: /shop/.git/hooks/pre-commit.segue-kept was there first
[exit code 1]
""")
    repo("init", "--git-hooks", "--remove", "--yes")
    assert (hook.read_text(), hook.with_name("pre-commit.segue-kept").read_text()) == (
        "#!/bin/sh\n# another program's\n",
        "#!/bin/sh\n# mine\n",
    )


def test_elsewhere_than_in_a_repository_there_is_nothing_to_install_in(cli):
    assert cli.says("init", "--git-hooks") == snapshot("""\
$ segue init --git-hooks
! error: file '/shop' cannot be changed: it is in no git repository
! hint: run it in one
[exit code 1]
""")
    assert cli("init", "--git-hooks", "codex").code == 2
