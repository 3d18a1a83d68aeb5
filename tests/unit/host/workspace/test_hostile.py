"""A repository is data: no program that it, or the user's configuration, names is run."""

import os
import subprocess

import pytest

from segue.core.errors import NotFoundError
from segue.host.project.looking import look
from segue.host.project.projects import GitProjects
from tests.unit.host.workspace.workspaces import Project, forget, untouched

CONFIG = """\
[core]
	fsmonitor = {run} fsmonitor
	hooksPath = {hooks}
	sshCommand = {run} ssh
	pager = {run} pager
	editor = {run} editor
	askPass = {run} askpass
	gitProxy = {run} proxy
	alternateRefsCommand = {run} alternate
	attributesFile = {attributes}
[alias]
	ls-files = !{run} alias
	status = !{run} alias
	update-index = !{run} alias
[pager]
	ls-files = {run} pager
	diff-tree = {run} pager
	config = {run} pager
[filter "evil"]
	clean = {run} clean
	smudge = {run} smudge
	process = {run} process
	required = true
[filter "a = b.c"]
	clean = {run} second
[diff]
	external = {run} external
[diff "evil"]
	textconv = {run} textconv
	command = {run} driver
[merge "evil"]
	driver = {run} merge
[credential]
	helper = !{run} credential
[gpg]
	program = {run} gpg
[commit]
	gpgSign = true
[uploadpack]
	packObjectsHook = {run} pack
[extensions]
	partialClone = evil
[remote "evil"]
	url = ext::{run} ext
	promisor = true
	partialCloneFilter = blob:none
"""
HOOKS = (
    "post-index-change",
    "reference-transaction",
    "pre-auto-gc",
    "post-checkout",
    "pre-commit",
    "fsmonitor-watchman",
    "proc-receive",
)


@pytest.fixture
def planted(project, home, tmp_path, monkeypatch):
    """A project whose configuration, hooks, attributes and environment name programs; the set of those that were run."""
    ran = tmp_path / "ran"
    ran.mkdir()
    run = tmp_path / "evil"
    run.write_text(f'#!/bin/sh\ntouch "{ran}/${{1:-hook}}"\nexit 1\n')
    run.chmod(0o755)
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    inner = Project(project.root / "inner")
    inner.git("init", "-q")
    inner.write({"a.txt": "1"})
    inner.commit()
    project.git("add", "inner")
    project.git("commit", "-qm", "inner")
    for place in (hooks, project.root / ".git/hooks", inner.root / ".git/hooks"):
        place.mkdir(exist_ok=True)
        for name in HOOKS:
            (place / name).write_text(run.read_text())
            (place / name).chmod(0o755)
    attributes = tmp_path / "attributes"
    attributes.write_text("* filter=evil diff=evil merge=evil\n")
    text = CONFIG.format(run=run, hooks=hooks, attributes=attributes)
    for config in (project.root / ".git/config", inner.root / ".git/config"):
        config.write_text(config.read_text() + text)
    (home / ".gitconfig").write_text(text.partition("[extensions]")[0])
    project.write({".gitattributes": "* filter=evil diff=evil merge=evil\n", "inner/a.txt": "2"})
    (project.root / ".git/info/attributes").write_text("* filter=evil diff=evil merge=evil\n")
    for name in ("GIT_EXTERNAL_DIFF", "GIT_SSH_COMMAND", "GIT_EDITOR", "GIT_PAGER", "GIT_ASKPASS", "GIT_PROXY_COMMAND"):
        monkeypatch.setenv(name, f"{run} environment")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.fsmonitor")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", f"{run} counted")
    monkeypatch.setenv("GIT_DIR", str(inner.root / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "wrong"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(tmp_path / "wrong"))
    return lambda: set(os.listdir(ran))


def test_what_is_planted_bites_whoever_asks_git_plainly(project, planted, monkeypatch):
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    project.write({"stock.txt": "pears 6\n"})
    subprocess.run(["git", "--no-pager", "diff"], cwd=project.root, capture_output=True, check=False)
    assert planted() >= {"fsmonitor", "process"}


def test_no_program_runs_whatever_is_done(project, workspace, planted):
    with untouched(project.root / ".git"), untouched(project.root / "inner"):
        first = workspace.take()
        project.write({"stock.txt": "pears 6\n", "fresh.txt": "1"})
        second = workspace.take(["stock.txt", "fresh.txt"])
        project.write({"stock.txt": "pears 5\n"})
        workspace.take()
        workspace.diff(first.id, second.id)
        assert b"+pears 5" in b"".join(workspace.patch(first.id))
        back = workspace.restore(workspace.preview(first.id))
        workspace.restore(workspace.preview(back.before))
        forget(workspace, first.id, second.id)
    assert (back.written, back.deleted) == (["stock.txt"], ["fresh.txt"])
    assert planted() == set()


def test_looking_at_the_state_of_git_runs_none_either(project, planted):
    project.write({"stock.txt": "pears 6\n"})
    (project.root / ".git/info/attributes").write_text('* filter=evil\nlib/* "filter=a = b.c"\n')
    seen = look(str(project.root))
    assert ("stock.txt", " M") in [(file.path, file.status) for file in seen.files]
    assert planted() == set()


@pytest.fixture
def saved(project):
    """A look at the project before things happened in it, and before anything was planted."""
    project.write({"stock.txt": "pears 6\n", "shelf.txt": "1", "gone.txt": "1"})
    found = GitProjects().look(str(project.root))
    project.git("stash", "push", "-q", "-u", "shelf.txt")
    (project.root / "gone.txt").unlink()
    project.git("commit", "-qm", "sold", "stock.txt")
    project.git("commit", "-q", "--amend", "-m", "said better")
    return found


def test_what_happened_meanwhile_is_asked_without_running_any(project, saved, planted):
    projects, before = GitProjects(), planted()
    with untouched(project.root):
        now = projects.look(str(project.root))
        found = projects.since(saved, now)
        projects.since(now, now._replace(commit=saved.commit))
        projects.since(saved._replace(commit="f" * 40), now)
        projects.commit_at(now, "2026-01-01T00:00:00Z")
        projects.text_of(now, "", now.commit, "stock.txt")
        projects.work_tree(now.common, "main")
    assert [commit.subject for commit in found.commits] == ["inner", "said better"]
    assert [stash.files.keys() for stash in found.stashes] == [{"shelf.txt"}]
    assert planted() == before == set()


def test_an_object_that_is_missing_is_not_fetched(project, workspace, planted, tree_of):
    for above, _, files in os.walk(project.root / ".git/objects"):
        for name in files:
            os.unlink(os.path.join(above, name))
    assert tree_of(workspace.take())["stock.txt"] == b"pears 7\n"
    assert planted() == set()


@pytest.mark.parametrize("said", ["gitdir: ../../elsewhere", "gitdir: \0", "gitdir: " + "x" * 9000, "", "nonsense"])
def test_a_git_file_that_leads_nowhere_is_no_repository(tmp_path, open_workspace, tree_of, said):
    place = tmp_path / "place"
    place.mkdir()
    (place / ".git").write_text(said)
    (place / "a.txt").write_text("1")
    workspace = open_workspace(place)
    assert tree_of(workspace.take(), workspace) == {"a.txt": b"1"}


@pytest.mark.parametrize("name", ["--upload-pack=touch x", "$(touch x)", ";touch x", "-c", "--", "--output=x"])
def test_names_are_never_options(project, workspace, name):
    first = workspace.take()
    project.write({name: "1\n"})
    taken = workspace.take([name])
    assert [change.path for change in workspace.diff(first.id, taken.id, [name])] == [name]
    assert workspace.content(taken.id, name) == b"1\n"
    assert not (project.root / "x").exists()


@pytest.mark.parametrize("ref", ["HEAD", "--all", "", "refs/segue/latest/x", "0" * 40, "a" * 39, "f" * 41, "main@{1}"])
def test_an_id_is_an_id_and_nothing_else(project, workspace, ref):
    workspace.take()
    for ask in (workspace.get, workspace.diff, workspace.preview, lambda ref: workspace.content(ref, "stock.txt")):
        with pytest.raises(NotFoundError):
            ask(ref)


def test_a_commit_of_another_kind_is_no_snapshot(project, workspace):
    taken = workspace.take()
    other = (
        workspace._ours.git.run("-c", "user.name=a", "-c", "user.email=b", "commit-tree", taken.tree, stdin=b"hello\n")
        .decode()
        .strip()
    )
    with pytest.raises(NotFoundError):
        workspace.get(other)
