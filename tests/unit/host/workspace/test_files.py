"""What a restore that was killed in the very moment of an exchange left beside a file."""

import os
from hashlib import sha1

import pytest

from segue.host.workspace.files import OURS, Blocked, Files
from segue.ports.workspace import Entry
from tests.unit.host.workspace.workspaces import picture


def entry(data):
    return Entry("100644", sha1(b"blob %d\0%s" % (len(data), data), usedforsecurity=False).hexdigest())


OLD, NEW = entry(b"old"), entry(b"new")


@pytest.fixture
def place(tmp_path):
    (tmp_path / "root/dir").mkdir(parents=True)
    return tmp_path / "root"


@pytest.mark.parametrize(
    ("there", "aside", "after"),
    [
        (b"new", b"old", {"dir/a": b"new"}),  # exchanged, not yet compared
        (b"old", b"new", {"dir/a": b"old"}),  # not yet exchanged
        (b"new", b"an edit", {"dir/a": b"an edit"}),  # exchanged with somebody's edit
        (None, b"an edit", {"dir/a": b"an edit"}),  # moved aside to be deleted, an edit by then
        (None, b"old", {}),  # moved aside to be deleted
    ],
)
def test_what_lies_beside_a_file_goes_and_an_edit_goes_back(place, there, aside, after):
    if there is not None:
        (place / "dir/a").write_bytes(there)
    (place / f"dir/{OURS}7").write_bytes(aside)
    (place / f"dir/{OURS}7.part").write_bytes(b"half wri")
    Files(str(place)).recover("dir/a", (OLD, NEW), 7)
    assert picture(place) == after


def test_of_two_edits_both_are_kept(place):
    (place / "dir/a").write_bytes(b"the later edit")
    (place / f"dir/{OURS}7").write_bytes(b"the earlier edit")
    with pytest.raises(Blocked, match="changed") as told:
        Files(str(place)).recover("dir/a", (OLD, NEW), 7)
    found = picture(place)
    assert found.pop("dir/a") == b"the later edit"
    assert list(found.values()) == [b"the earlier edit"]
    assert [f"an edit of a is in {name.removeprefix('dir/')}" for name in found] == [told.value.detail]


@pytest.mark.parametrize("path", ["../out", "dir/../../out", ".git/config", "dir/.GIT/config", "", "dir//a", "/etc/x"])
def test_a_path_that_leads_elsewhere_is_not_written(place, path):
    with pytest.raises(Blocked):
        Files(str(place)).put(path, None, NEW, lambda _, give: give(b"new"), 0)
    assert picture(place) == {}
    assert sorted(os.listdir(place.parent)) == [place.name]
