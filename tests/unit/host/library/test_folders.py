"""Folders of notes as people have them: read whatever is in them, written without losing what somebody else writes."""

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from unicodedata import normalize

import pytest

from segue.core.errors import ChangedError, ExistsError, NotFoundError, UsageError
from segue.core.library.editing import made
from segue.host.library import catalogue, files
from segue.host.library.folders import Folders
from segue.testing.fakes import FakeClock

PAST = 1_700_000_000


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "vault"
    place.mkdir()
    return place


@pytest.fixture
def library(folder, tmp_path):
    """Open the folder anew, as another call of the program does."""
    opened = []

    def make(keep=True, *more):
        opened.append(Folders([str(folder), *map(str, more)], tmp_path / "home", FakeClock(), keep=keep))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def put(folder, path, text):
    """Write a note as it was long ago."""
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    os.utime(file, (PAST, PAST))
    return file


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def ids(notes):
    return [note.id for note in notes]


def test_notes_are_found_by_id_path_alias_name_title_and_by_the_beginning_of_one(folder, library):
    put(folder, "a/2026-01-050-pears.md", "---\naliases: [Birnen]\n---\n# On pears\n")
    put(folder, "b/plums.md", "no heading")
    refs = ("2026-01-050", "[[2026-01-050|x]]", "A/2026-01-050-PEARS.md", "birnen", "on  Pears", "2026-01", "b/pl")
    found = library()
    assert [ids(found.find(ref)) for ref in refs] == [["2026-01-050"]] * 6 + [["b/plums"]]
    assert [ids(found.find(ref)) for ref in ("", "none", "../vault/b/plums")] == [[], [], []]


def test_only_what_changed_is_opened(folder, library, tmp_path):
    for n in range(5):
        put(folder, f"n{n}.md", f"# Note {n}\n")
    assert [one.read for one in library().listed()] == [5]
    assert [one.read for one in library().listed()] == [0]
    put(folder, "n1.md", "# Another\n")
    (folder / "n2.md").unlink()
    after = library()
    assert [one.read for one in after.listed()] == [1]
    assert [note.title for note in after.notes()] == ["Note 0", "Another", "Note 3", "Note 4"]
    assert [(one.path, one.title) for one in after.gone(0)] == [("n2.md", "Note 2")]
    assert stat.S_IMODE(next((tmp_path / "home" / "library").glob("*.sqlite")).stat().st_mode) == 0o600


def _other(path):
    with sqlite3.connect(path) as db:
        db.execute("UPDATE meta SET value = 'segue-library-99'")
    db.close()


@pytest.mark.parametrize(
    "damage", [Path.unlink, lambda path: path.write_bytes(b"no database" * 999), _other], ids=["gone", "damaged", "other version"]
)
def test_a_catalogue_that_is_gone_damaged_or_of_another_version_is_made_anew(folder, library, tmp_path, damage):
    put(folder, "a.md", "# Pears\n")
    first = library()
    assert [one.note.id for one in first.search("pears")] == ["a"]
    first.close()
    (catalogue,) = (tmp_path / "home" / "library").glob("*.sqlite")
    damage(catalogue)
    again = library()
    assert [one.note.id for one in again.search("pears")] == ["a"]
    assert [one.read for one in again.listed()] == [1]


def test_a_catalogue_that_somebody_holds_is_left_to_him(folder, library, tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "_PATIENCE", 0.05)
    put(folder, "a.md", "# Pears\n")
    first = library()
    first.notes()
    (place,) = (tmp_path / "home" / "library").glob("*.sqlite")
    put(folder, "b.md", "# Plums\n")
    with sqlite3.connect(place, isolation_level=None) as holder:
        holder.execute("BEGIN IMMEDIATE")
        before = place.stat().st_ino
        assert ids(library().notes()) == ["a", "b"]
        assert place.stat().st_ino == before
        holder.execute("ROLLBACK")
    holder.close()
    assert [one.read for one in library().listed()] == [1]


def test_a_catalogue_that_cannot_be_written_is_held_in_memory(folder, library, tmp_path):
    put(folder, "a.md", "# Pears\n")
    (tmp_path / "home").write_text("a file where a directory should be")
    assert ids(library().notes()) == ["a"]


def test_beside_an_encrypted_store_nothing_is_kept_and_what_was_kept_goes(folder, library, tmp_path):
    put(folder, "a.md", "# Canary pears\n")
    library().notes()
    assert ids(library(keep=False).notes()) == ["a"]
    assert list((tmp_path / "home").rglob("*.sqlite*")) == []


def test_words_of_old_versions_are_not_found_and_do_not_pile_up(folder, library, tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "_SLACK", 0)
    one = put(folder, "a.md", "# First pears\n")
    put(folder, "b.md", "# Plums\n")
    for n in range(12):
        library().notes()
        one.write_text(f"# Version {n}\n")
    last = library()
    assert [hit.note.id for hit in last.search("first")] == []
    with sqlite3.connect(next((tmp_path / "home" / "library").glob("*.sqlite"))) as db:
        assert db.execute("SELECT count(*) FROM words_docsize").fetchone()[0] <= 6
    db.close()
    assert [hit.note.id for hit in last.search("version 11")] == ["a"]
    assert [(hit.note.id, hit.snippet) for hit in last.search('"plums OR NEAR(')] == [("b", "# Plums")]


def test_what_nobody_expects_in_a_folder_is_named_and_stops_nothing(folder, library, tmp_path):
    put(tmp_path, "secret/outside.md", "# Outside\n")
    (folder / "link.md").symlink_to(tmp_path / "secret" / "outside.md")
    (folder / "dir").symlink_to(tmp_path / "secret")
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "pipe.md")
    put(folder, ".obsidian/app.md", "hidden")
    put(folder, "bom.md", "\ufeff---\r\nid: PLAY-001\r\ntitle: Bom\r\n---\r\n# Text\r\n")
    put(folder, "latin.md", "# Käse\n".encode("latin-1"))
    put(folder, "wide.md", "# Käse\n".encode("utf-16"))
    put(folder, "huge.md", b"# Huge\n" + b"x" * files.LARGEST)
    put(folder, "bomb.md", "---\na: &a [x]\nb: [*a, *a]\n---\n# Bomb\n")
    put(folder, "open.md", "---\ntitle: never closed\n# Open\n")
    put(folder, "dirs.md/inner.md", "# Inner\n")
    put(folder, "empty.md", "")
    (folder / os.fsdecode(b"bad\xff.md")).write_text("x")
    found = library()
    assert [(note.path, note.id, note.title, note.problems) for note in found.notes()] == [
        ("bom.md", "PLAY-001", "Bom", ()),
        ("bomb.md", "bomb", "Bomb", ("front matter has an alias (*a): it is read up to there",)),
        ("dirs.md/inner.md", "dirs.md/inner", "Inner", ()),
        ("empty.md", "empty", "empty", ()),
        ("huge.md", "huge", "Huge", ("1,048,583 bytes: what is behind the first 1,048,576 is not read",)),
        ("latin.md", "latin", "K\ufffdse", ("no UTF-8: what is none is shown as \ufffd",)),
        ("open.md", "open", "Open", ("front matter that never ends: it is read as text",)),
        ("wide.md", "wide", "Käse", ("UTF-16: it is read, and cannot be edited",)),
    ]
    assert sorted(found.listed()[0].left_out) == [
        ("bad\ufffd.md", "its name is no UTF-8"),
        ("dir", "a symbolic link: it is not followed"),
        ("link.md", "a symbolic link: it is not followed"),
        ("loop", "a symbolic link: it is not followed"),
        ("pipe.md", "no regular file"),
    ]
    assert {problem.path for _, problem in found.problems() if problem.fault == "unread"} >= {"bomb.md", "link.md", "pipe.md"}


def test_a_directory_that_became_a_link_leads_nowhere(folder, library, tmp_path):
    put(folder, "d/n.md", "# Mine\n")
    put(tmp_path, "secret/n.md", "# Secret\n")
    found = library()
    (note,) = found.notes()
    (folder / "d").rename(folder / "e")
    (folder / "d").symlink_to(tmp_path / "secret")
    for read in (lambda: found.content(note), lambda: found.raw(note)):
        with pytest.raises(NotFoundError):
            read()
    with pytest.raises(OSError, match="d"):
        found.write(note, "# Secret\n", "# Overwritten\n")
    assert (tmp_path / "secret" / "n.md").read_text() == "# Secret\n"


def test_a_folder_that_is_missing_has_no_notes(library, folder):
    folder.rmdir()
    assert (library().notes(), library().find("x"), library().problems()) == ([], [], [])


def test_the_first_folder_that_has_a_name_decides_and_links_stay_within_one(folder, library, tmp_path):
    put(folder, "a.md", "[[b]] and [[c]]")
    put(folder, "b.md", "# Here\n")
    put(tmp_path, "other/b.md", "# There\n")
    put(tmp_path, "other/c.md", "# There too\n")
    both = library(True, tmp_path / "other")
    assert [note.title for note in both.find("b")] == ["Here"]
    (a,) = both.find("a")
    assert [[to.title for to in row.to] for row in both.links(a)] == [["Here"], []]
    assert [(row.path, row.line) for row in both.backlinks(both.find("b")[0])] == [("a.md", 1)]


def test_a_note_is_written_whole_with_its_mode_and_nothing_is_left_beside_it(folder, library):
    file = put(folder, "a.md", "# Old\n")
    file.chmod(0o640)
    found = library()
    (note,) = found.notes()
    assert found.write(note, found.raw(note), "# New\n").title == "New"
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode), names(folder)) == ("# New\n", 0o640, ["a.md"])


def test_an_edit_of_the_author_is_kept_whenever_it_comes(folder, library, monkeypatch):
    file = put(folder, "a.md", "# Old\n")
    found = library()
    (note,) = found.notes()
    file.write_text("# His\n")
    with pytest.raises(ChangedError):
        found.write(note, "# Old\n", "# Ours\n")

    real = files.exchange

    def late(directory, one, other):
        monkeypatch.setattr(files, "exchange", real)
        (folder / "saved").write_text("# In the last moment\n")
        (folder / "saved").rename(file)
        real(directory, one, other)

    monkeypatch.setattr(files, "exchange", late)
    with pytest.raises(ChangedError):
        found.write(note, "# His\n", "# Ours\n")
    assert (file.read_text(), names(folder)) == ("# In the last moment\n", ["a.md"])


def test_what_is_no_utf8_or_too_large_is_not_edited(folder, library):
    put(folder, "latin.md", b"# K\xe4se\n")
    put(folder, "huge.md", b"x" * (files.LARGEST + 1))
    found = library()
    for note in found.notes():
        with pytest.raises(UsageError):
            found.raw(note)


def test_new_notes_get_the_next_free_number_of_their_kind(folder, library):
    put(folder, "x.md", "---\nid: play-041\n---\n")
    found = library()
    made_ = [
        found.create(kind, lambda id_: (f"n/{id_}.md", made({"id": id_}, ""))).id
        for kind in ("playbook", "playbook", "note", "note", "map", "decision")
    ]
    assert made_ == ["PLAY-042", "PLAY-043", "2026-01-001", "2026-01-002", "MAP-001", "DEC-001"]
    with pytest.raises(ExistsError):
        found.put("n/MAP-001.md", "x")
    for path in ("../out.md", "n/../../out.md", "/etc/x.md", "a//b.md"):
        with pytest.raises(FileNotFoundError):
            found.put(path, "x")


PROGRAM = """
import sys
from pathlib import Path
from segue.host.library.folders import Folders
from segue.core.library.editing import made
from segue.testing.fakes import FakeClock
library = Folders([sys.argv[1]], Path(sys.argv[2]), FakeClock())
for n in range(8):
    print(library.create("decision", lambda id_: (f"{id_}-{sys.argv[3]}-{n}.md", made({"id": id_}, ""))).id)
"""


def test_processes_that_make_notes_at_once_never_give_the_same_number(folder, tmp_path):
    call = [sys.executable, "-c", PROGRAM, str(folder), str(tmp_path / "home")]
    env = {**os.environ, "PYTHONPATH": str(Path(files.__file__).parents[3])}
    running = [subprocess.Popen([*call, name], stdout=subprocess.PIPE, text=True, env=env) for name in ("a", "b", "c")]
    given = [line for process in running for line in process.communicate(timeout=120)[0].split()]
    assert sorted(given) == [f"DEC-{n:03}" for n in range(1, 25)]


def test_where_no_note_has_all_words_common_ones_find_nothing(folder, library):
    put(folder, "a.md", "# The price of pears\n")
    put(folder, "b.md", "# What the till is for\n")
    assert [hit.note.id for hit in library().search("what should the pears do")] == ["a"]
    assert [hit.note.id for hit in library().search("what the")] == ["b"]


def test_a_note_is_found_by_where_it_is_and_by_when_it_changed(folder, library, tmp_path):
    put(folder, "d/Name.md", "---\nid: d/other\n---\n")
    new = put(folder, "d/other.md", "# New\n")
    os.utime(new, (PAST + 100, PAST + 100))
    put(tmp_path, "outside.md", "# Outside\n")
    found = library()
    paths = ("d/name.md", f"{folder}/d/Name.md", "d/other.md", "d/none.md", f"{tmp_path}/outside.md", "../outside.md")
    assert [note and note.path for note in map(found.at, paths)] == ["d/Name.md", "d/Name.md", "d/other.md", None, None, None]
    assert [note.path for note in found.notes(since=PAST + 50)] == ["d/other.md"]
    assert found.notes(kind="decision", since=PAST) == []


@pytest.mark.parametrize("query", ["索引", "バッグ", normalize("NFD", "バッグ"), "tieng", "ฐานข้อมูล"])
def test_a_note_is_found_by_part_of_a_sentence_in_any_script(folder, library, query):
    put(folder, "a.md", normalize("NFD", "# データベースの索引をデバッグ\n\ntiếng Việt ระบบฐานข้อมูลขัดข้อง\n"))
    put(folder, "b.md", "# Pears\n")

    assert [hit.note.path for hit in library().search(query)] == ["a.md"]
