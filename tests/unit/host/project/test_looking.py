"""A work tree as it is, asked of real repositories."""

import hashlib

import pytest

from segue.core.delta.values import Uncommitted, look_from
from segue.host.project.digests import digest_of_author
from segue.host.project.looking import look
from tests.unit.host.workspace.workspaces import Project, untouched


def blob(text):
    return hashlib.sha1(b"blob %d\0%b" % (len(text), text), usedforsecurity=False).hexdigest()


@pytest.fixture
def project(tmp_path):
    found = Project(tmp_path / "shop")
    found.git("init", "-q")
    found.write({"stock.txt": "pears 7\n"})
    found.commit()
    return found


def test_a_clean_work_tree(project):
    seen = look(str(project.root))
    head = project.git("rev-parse", "HEAD")
    assert (seen.root, seen.branch, seen.commit, seen.files, seen.total) == (str(project.root), "main", head, (), 0)
    assert (seen.head.tree, seen.head.author, seen.head.subject) == (
        project.git("rev-parse", "HEAD^{tree}"),
        digest_of_author("ann@example.org"),
        "work",
    )
    assert seen.common == str(project.root / ".git")
    assert seen.to_git() == {"branch": "main", "commit": head, "dirty": False}


def test_what_is_not_committed_is_named_whatever_it_is_called_with_its_digest(project):
    project.write({"stock.txt": "pears 6\n", "new file\nwith a line.txt": "x", "a": "x", "sub/deep.txt": "x"})
    project.git("add", "a")
    project.git("mv", "a", "b c")
    seen = look(str(project.root / "sub"))
    assert seen.root == str(project.root)
    assert seen.files == (
        Uncommitted("b c", "A ", blob(b"x")),
        Uncommitted("stock.txt", " M", blob(b"pears 6\n")),
        Uncommitted("new file\nwith a line.txt", "??", blob(b"x")),
        Uncommitted("sub/", "??"),
    )


def test_a_renamed_file_goes_by_its_new_name_and_one_that_is_gone_has_no_digest(project):
    project.write({"plums.txt": "3"})
    project.commit()
    project.git("mv", "stock.txt", "store.txt")
    (project.root / "plums.txt").unlink()
    assert look(str(project.root)).files == (Uncommitted("plums.txt", " D"), Uncommitted("store.txt", "R ", blob(b"pears 7\n")))


def test_a_link_is_where_it_points_to_and_nothing_behind_it_is_read(project):
    (project.root / "link").symlink_to("/etc/passwd")
    assert look(str(project.root)).files == (Uncommitted("link", "??", blob(b"/etc/passwd")),)


def test_a_name_that_is_no_utf8_can_be_written_into_a_log(project):
    with open(bytes(project.root) + b"/\xff.txt", "wb") as file:  # noqa: PTH123
        file.write(b"x")
    assert look(str(project.root)).files == (Uncommitted("\\xff.txt", "??", blob(b"x")),)


def test_of_very_many_files_a_hundred_are_named_and_all_are_counted(project):
    project.write({f"f{n:03d}": "x" for n in range(130)})
    seen = look(str(project.root))
    assert (len(seen.files), seen.total) == (100, 130)
    assert look_from(seen.to_body(), seen.root).total == 130


def test_what_the_project_depends_on_is_known_by_its_digest(project):
    project.write(
        {
            "requirements.txt": "click\n",
            "web/package.json": "{}",
            "a/b/go.mod": "module x\n",
            "a/b/c/go.mod": "module y\n",
            "node_modules/x/package.json": "{}",
            ".venv/requirements.txt": "x",
        }
    )
    assert look(str(project.root)).manifests == {
        "a/b/go.mod": blob(b"module x\n"),
        "requirements.txt": blob(b"click\n"),
        "web/package.json": blob(b"{}"),
    }


def test_what_git_is_in_the_middle_of_is_said(project):
    project.git("switch", "-qc", "other")
    project.write({"stock.txt": "pears 1\n"})
    project.commit()
    project.git("switch", "-q", "main")
    project.write({"stock.txt": "pears 2\n"})
    project.commit()
    with pytest.raises(Exception, match="merge"):
        project.git("merge", "other")
    assert look(str(project.root)).doing == "merge"


def test_a_repository_without_a_commit(tmp_path):
    project = Project(tmp_path / "fresh")
    project.git("init", "-q")
    seen = look(str(project.root))
    assert (seen.branch, seen.commit, seen.files) == ("main", "", ())


def test_no_repository_and_no_directory_are_nothing(tmp_path):
    assert look(str(tmp_path)) is None
    assert look(str(tmp_path / "gone")) is None


def test_a_look_that_is_kept_in_a_log_is_the_same_when_it_is_read(project):
    project.git("remote", "add", "origin", str(project.root))
    project.git("fetch", "-q", "origin")
    project.git("branch", "-q", "--set-upstream-to=origin/main")
    project.write({"stock.txt": "pears 6\n", "go.mod": "module x\n"})
    project.git("stash", "push", "-q", "stock.txt")
    seen = look(str(project.root))
    assert (seen.upstream, seen.upstream_commit, seen.stashes) == ("origin/main", seen.commit, 1)
    assert look_from(seen.to_body(), seen.root) == seen


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"files": None, "branch": 3, "commit": "--output=/tmp/x", "head": [], "manifests": {"a": 1}, "count": "many"},
        {"files": [{"path": "../x"}, "/etc/passwd", "a/../../b"], "manifests": {"../go.mod": "a", "/go.mod": "b"}},
        {"files": [None, {}, {"path": 3}], "commit": "HEAD", "upstream": {"commit": "main"}, "stashes": -1},
    ],
)
def test_of_an_odd_event_nothing_is_known(body):
    assert look_from(body, "/shop") == look_from({"files": []}, "/shop")._replace(total=len(body.get("files") or ()))


def test_nothing_of_the_repository_s_configuration_is_run_and_nothing_is_written(project):
    ran = project.root.parent / "ran"
    project.git("config", "core.fsmonitor", f"touch {ran}; false")
    project.git("config", "log.showSignature", "true")
    project.git("config", "gpg.program", f"touch {ran}")
    hook = project.root / ".git" / "hooks" / "post-index-change"
    hook.write_text(f"#!/bin/sh\ntouch {ran}\n")
    hook.chmod(0o755)
    project.write({"stock.txt": "pears 6\n"})
    with untouched(project.root):
        assert [f.path for f in look(str(project.root)).files] == ["stock.txt"]
    assert not ran.exists()


def test_of_what_looks_like_a_secret_no_digest_is_kept(project):
    project.write({".env": "TOKEN=x", "notes.txt": "x"})
    assert look(str(project.root)).files == (Uncommitted(".env", "??"), Uncommitted("notes.txt", "??", blob(b"x")))
