"""What is wrong with the notes of a folder."""

from segue.core.library.checking import Names, Problem, cycles, problems_of
from segue.core.library.notes import content_of


def folder(**texts):
    contents = [content_of(path.replace("__", "/") + ".md", front, text) for path, (front, text) in texts.items()]
    return [c.note for c in contents], {c.note.path: c.links for c in contents}


def test_links_that_lead_nowhere_or_to_several_notes_are_named_with_their_line():
    notes, links = folder(
        a=({}, "fine: [[b]]\n\nbroken: [[gone|Gone]]"),
        b=({}, "image ![[x.png]], [md](gone.md)"),
        one__same=({}, ""),
        two__same=({}, "[[same]] is the one beside this"),
        c=({}, "[[same]]"),
    )
    assert problems_of(notes, links) == [
        Problem("broken", "a.md", 3, "[[gone]] leads to no note"),
        Problem("broken", "b.md", 1, "(gone.md) leads to no note"),
        Problem("ambiguous", "c.md", 1, "[[same]] may be one/same.md, two/same.md"),
    ]


def test_ids_given_twice_and_paths_that_differ_in_case_alone_are_named():
    notes, links = folder(
        a=({"id": "PLAY-001"}, ""), b=({"id": "play-001"}, ""), Readme=({}, ""), README=({}, ""), x__n=({}, ""), y__n=({}, "")
    )
    assert [(p.fault, p.path, p.what) for p in problems_of(notes, links)] == [
        ("case", "README.md", "where case does not count this is the same file as Readme.md"),
        ("duplicate", "b.md", "id PLAY-001 is that of a.md too"),
    ]


def test_notes_may_link_in_a_round_but_not_contain_or_follow_themselves():
    notes, links = folder(
        a=({}, "[[b]]"),
        b=({}, "[[a]] ![[c]]"),
        c=({}, "![[d]]"),
        d=({}, "![[b]]"),
        e=({"parent": "e"}, ""),
        f=({"supersedes": "g"}, ""),
        g=({"supersedes": "f"}, ""),
    )
    assert [(p.path, p.what) for p in problems_of(notes, links)] == [
        ("b.md", "embed: b.md -> c.md -> d.md -> b.md"),
        ("e.md", "parent: e.md -> e.md"),
        ("f.md", "supersedes: f.md -> g.md -> f.md"),
    ]


def test_a_chain_as_long_as_there_are_notes_is_followed_without_recursion():
    graph = {f"{n:06}": [f"{n + 1:06}"] for n in range(5_000)} | {"005000": ["000000"]}
    assert [len(found) for found in cycles(graph)] == [5_001]


def test_an_id_wins_over_a_path_and_that_over_an_alias_a_files_name_and_a_title():
    notes, _ = folder(
        x__pears=({}, ""), pears=({}, ""), a=({"id": "plums"}, ""), plums=({}, ""), b=({"aliases": "figs, dates"}, "# Kiwi")
    )
    names = Names(notes)
    assert [names.paths(name) for name in ("plums", "x/pears", "dates", "kiwi", "none")] == [
        ["a.md", "plums.md"],
        ["x/pears.md"],
        ["b.md"],
        ["b.md"],
        [],
    ]
