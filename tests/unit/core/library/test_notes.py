"""What a note says: its id, its names, its links."""

import pytest

from segue.core.library.notes import Link, content_of, is_attachment, names_of, target_key


def note(path, front=None, text=""):
    return content_of(path, front or {}, text).note


@pytest.mark.parametrize(
    ("path", "front", "known"),
    [
        ("notes/2026-01-050-pears.md", {}, ("2026-01-050", "note", True)),
        ("PLAY-012.md", {}, ("PLAY-012", "playbook", True)),
        ("a/MAP-7 the shop.md", {}, ("MAP-7", "map", True)),
        ("ADR-0004.markdown", {}, ("ADR-0004", "decision", True)),
        ("x.md", {"id": "2026-01-051", "type": "Decision"}, ("2026-01-051", "decision", True)),
        ("how-to/append.md", {}, ("how-to/append", "note", False)),
        ("organizations/o/context-library/00-INDEX.md", {}, ("organizations/o/context-library/00-INDEX", "index", False)),
    ],
)
def test_a_note_is_known_by_what_its_author_calls_it_else_by_its_number_else_by_its_path(path, front, known):
    found = note(path, front)
    assert (found.id, found.kind, found.stated) == known


def test_a_title_is_that_of_the_front_matter_else_the_first_heading_else_the_files_name():
    text = "```\n# no heading\n```\n# The `real` one #\n"
    assert [note("a/b.md", front, body).title for front, body in (({"title": "T"}, text), ({}, text), ({}, ""))] == [
        "T",
        "The `real` one",
        "b",
    ]


def test_links_are_found_wherever_prose_is_and_nowhere_in_code():
    text = (
        "[[2026-01-050|Pears]] and ![[map#Prices]] in a | table [[a\\|b]] |\n"
        "`[[code]]` ``[[code]]``\n"
        "~~~md\n[[fenced]]\n```\n~~~\n"
        "[how](../how-to/a%20b.md#x) [out](https://x.test/a.md) ![img](p.md) [anchor](#here) [other](a.txt)\n"
        "[[#heading of this note]] [[ ]] [[not\nclosed]]"
    )
    content = content_of("d/n.md", {"parent": "[[MAP-1|the map]]", "supersedes": ["2025-12-001", "[[x]]"]}, text)
    assert list(content.links) == [
        Link("MAP-1", "", 0, "parent"),
        Link("2025-12-001", "", 0, "supersedes"),
        Link("x", "", 0, "supersedes"),
        Link("2026-01-050", "Pears", 1),
        Link("map#Prices", "", 1, "embed"),
        Link("a", "b", 1),
        Link("../how-to/a b.md#x", "how", 7, relative=True),
    ]


@pytest.mark.parametrize(
    ("link", "goal"),
    [
        (Link("2026-01-050"), "2026-01-050"),
        (Link("Ünïcode  Name#part"), "ünïcode name"),
        (Link("deep/er/x.md"), "deep/er/x"),
        (Link("x.md", relative=True), "d/x"),
        (Link("../x.md#y", relative=True), "x"),
        (Link("/top.md", relative=True), "top"),
        (Link("../../etc/passwd.md", relative=True), ""),
        (Link("../../../x"), ""),
    ],
)
def test_a_link_looks_for_a_name_in_the_folder_and_for_nothing_outside(link, goal):
    assert target_key(link, "d/n.md") == goal


def test_images_and_other_files_are_no_broken_links_to_notes():
    attached = [is_attachment(Link(t)) for t in ("a.png", "v1.2", "a.md", "x.canvas", "note", "a/b.pdf#page=2", "e.g. this")]
    assert attached == [True, False, False, False, False, True, False]


def test_names_do_not_depend_on_case_or_on_the_form_of_letters():
    composed, decomposed = note("\u00dcber.md"), note("U\u0308BER.md")
    assert {name for _, name in names_of(composed)} == {name for _, name in names_of(decomposed)} == {"über"}


def test_more_links_than_anybody_writes_are_passed_over_and_counted():
    assert [link.line for link in content_of("n.md", {"parent": "x"}, "[[a]]\n\n[[b]]", before=4).links] == [0, 5, 7]
    content = content_of("n.md", {}, "[[a]] " * 6_000)
    assert len(content.links) == 5_000
    assert content.note.problems == ("6,000 links: those behind the first 5,000 are passed over",)
