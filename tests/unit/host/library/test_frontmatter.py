"""YAML that somebody else wrote is data, and little of it."""

import pytest
import yaml

from segue.host.library.frontmatter import read


def test_what_a_front_matter_says_stays_the_text_that_its_author_wrote():
    text = "id: 2026-01-050\nday: 2026-01-15\nn: 007\nv: 1.10\nt: 12:30\nno: no\nnone:\ntags: [a, 'b c']\nup: [[x]]\n"
    assert read("a: 1\n# c\nd: |\n  x\n  y\n") == ({"a": "1", "d": "x\ny\n"}, [])
    found, problems = read(text)
    assert problems == []
    assert found == {
        "id": "2026-01-050",
        "day": "2026-01-15",
        "n": "007",
        "v": "1.10",
        "t": "12:30",
        "no": "no",
        "none": None,
        "tags": ["a", "b c"],
        "up": [["x"]],
    }


@pytest.mark.parametrize(
    ("text", "found", "problem"),
    [
        ("a: &x [1]\nb: *x\nc: 1\n", {"a": ["1"]}, "an alias (*x)"),
        ("a: &a [x, x]\nb: &b [*a, *a]\n", {"a": ["x", "x"], "b": []}, "an alias (*a)"),
        (
            "t: x\na: !!python/object/apply:os.system [ls]\n",
            {"t": "x"},
            "a tag (tag:yaml.org,2002:python/object/apply:os.system)",
        ),
        ("t: x\nn: !!int 5\n", {"t": "x"}, "a tag (tag:yaml.org,2002:int)"),
        ("a: " + "[" * 500 + "\n", None, "more than a note needs"),
        ("a:\n" + "- x\n" * 12_000, None, "more than a note needs"),
        ("- a\n- b\n", {}, "a list where names"),
        ("just a text\n", {}, "a text where names"),
        ("? [a]\n: b\n", {}, "a name that is a list"),
        ("a: 1\na: 2\n", {"a": "1"}, "twice"),
        ("a: 1\nb: [\n", None, "no YAML"),
        ("a: 1\n\tb: 2\n", None, "no YAML"),
        ("a: \x00\n", {}, "no YAML"),
        ("a: 1\n--- \nb: 2\n", {"a": "1"}, ""),
        ("", {}, ""),
        ("# only a comment\n", {}, ""),
    ],
)
@pytest.mark.parametrize("loader", ["of libyaml", "of Python"])
def test_what_is_hostile_or_broken_is_read_up_to_there_and_named(text, found, problem, loader, monkeypatch):
    if loader == "of Python":
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    said, problems = read(text)
    assert problem in " ".join(problems)
    assert bool(problem) == bool(problems)
    assert found is None or said == found
