"""What moved in the files that say what a project depends on, of each tool."""

import json

import pytest

from segue.core.delta.manifests import Moved, is_manifest, moved, packages

YARN = """\
"@babel/core@^7.0.0", "@babel/core@^7.1.0":
  version "7.24.0"
  resolved "x"

left-pad@^1.0.0:
  version "1.3.0"
"""
BERRY = """\
__metadata:
  version: 8

"left-pad@npm:^1.0.0":
  version: 1.3.0
  resolution: "left-pad@npm:1.3.0"
"""
PNPM = """\
lockfileVersion: '9.0'

packages:

  '@babel/core@7.24.0':
    resolution: {integrity: sha512-x}

  left-pad@1.3.0:
    resolution: {integrity: sha512-x}
"""
PYPROJECT = """\
[project]
requires-python = ">=3.11"
dependencies = ["click>=8"]
[project.optional-dependencies]
x = ["rich"]
[dependency-groups]
dev = ["pytest>=8", {include-group = "x"}]
[tool.poetry.dependencies]
attrs = {version = "^23"}
"""
GEMS = """\
GEM
  remote: x
  specs:
    rack (3.0.8)
    rails (7.1.2)
      rack (>= 2.2.4)
"""
GO = """\
module example.org/shop

go 1.22

require (
	github.com/pkg/errors v0.9.1
	golang.org/x/sync v0.6.0 // indirect
)
require github.com/one/line v1.0.0
"""


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        (
            "requirements.txt",
            "# a note\n-r other.txt\nClick==8.1.7\nrich[jupyter] >= 13 ; python_version > '3'\nzope.interface\n",
            {"click": "8.1.7", "rich": ">= 13", "zope-interface": "*"},
        ),
        ("dev-requirements.in", "pytest\n", {"pytest": "*"}),
        ("requirements-dev.txt", "pytest==8 \\\n    --hash=sha256:0\n", {"pytest": "8"}),
        (
            "pyproject.toml",
            PYPROJECT,
            {"click": ">=8", "rich": "*", "pytest": ">=8", "python": ">=3.11", "attrs": "^23"},
        ),
        ("uv.lock", '[[package]]\nname = "click"\nversion = "8.1"\n', {"click": "8.1"}),
        ("poetry.lock", '[[package]]\nname = "a"\nversion = "1"\n[[package]]\nname = "a"\nversion = "2"\n', {"a": "1, 2"}),
        ("Pipfile.lock", '{"default": {"click": {"version": "==8.1"}}, "develop": {}}', {"click": "8.1"}),
        ("package.json", '{"dependencies": {"left-pad": "^1"}, "engines": {"node": ">=20"}}', {"left-pad": "^1", "node": ">=20"}),
        (
            "package-lock.json",
            '{"packages": {"": {"version": "1"}, "node_modules/a": {"version": "1"}, "node_modules/b/node_modules/@x/a": {"version": "2"}}}',
            {"a": "1", "@x/a": "2"},
        ),
        (
            "package-lock.json",
            '{"dependencies": {"a": {"version": "1", "dependencies": {"b": {"version": "2"}}}}}',
            {"a": "1", "b": "2"},
        ),
        ("yarn.lock", YARN, {"@babel/core": "7.24.0", "left-pad": "1.3.0"}),
        ("yarn.lock", BERRY, {"left-pad": "1.3.0"}),
        ("pnpm-lock.yaml", PNPM, {"@babel/core": "7.24.0", "left-pad": "1.3.0"}),
        ("bun.lock", '{\n  "packages": {\n    "left-pad": ["left-pad@1.3.0", "", {}],\n  }\n}', {"left-pad": "1.3.0"}),
        (
            "Cargo.toml",
            '[dependencies]\nserde = { version = "1.0", features = [] }\nlog = "0.4"\n',
            {"serde": "1.0", "log": "0.4"},
        ),
        ("Cargo.lock", '[[package]]\nname = "serde"\nversion = "1.0.200"\n', {"serde": "1.0.200"}),
        (
            "go.mod",
            GO,
            {"go": "1.22", "github.com/pkg/errors": "v0.9.1", "golang.org/x/sync": "v0.6.0", "github.com/one/line": "v1.0.0"},
        ),
        ("Gemfile.lock", GEMS, {"rack": "3.0.8", "rails": "7.1.2"}),
        ("Gemfile", "gem 'rails', '~> 7.1'\n", {"rails": "~> 7.1"}),
        ("composer.lock", '{"packages": [{"name": "a/b", "version": "v1"}], "packages-dev": []}', {"a/b": "v1"}),
        ("gradle.lockfile", "com.google.guava:guava:33.0-jre=compileClasspath\n", {"com.google.guava:guava": "33.0-jre"}),
        (".nvmrc", "20.11\n", {"node": "20.11"}),
        (".tool-versions", "python 3.12.1\nnodejs 20\n", {"python": "3.12.1", "nodejs": "20"}),
    ],
)
def test_packages_and_their_versions_are_read(name, text, found):
    assert packages(f"web/{name}", text) == found


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "nonsense",
        "\0",
        "{" * 100_000,
        "[" * 100_000,
        '{"packages": 3}',
        "[[package]]\n",
        "[project]\ndependencies = 3",
    ],
)
@pytest.mark.parametrize(
    "name", ["package-lock.json", "package.json", "uv.lock", "pyproject.toml", "Cargo.toml", "Pipfile.lock", "composer.lock"]
)
def test_what_is_not_as_it_should_be_says_nothing_and_breaks_nothing(name, text):
    assert packages(name, text) in (None, {})


def test_a_long_line_takes_no_time():
    for name in ("yarn.lock", "pnpm-lock.yaml", "go.mod", "Gemfile.lock", "bun.lock", "requirements.txt"):
        assert len(packages(name, "a" * 300_000 + "@" * 300_000) or {}) <= 1


def test_what_moved_is_named_with_both_versions():
    before, now = (json.dumps({"dependencies": d}) for d in ({"a": "1", "b": "1", "c": "1"}, {"a": "1", "b": "2", "d": "1"}))
    assert moved("package.json", before, now) == [Moved("b", "1", "2"), Moved("c", "1", ""), Moved("d", "", "1")]
    assert moved("package.json", "", now) == [Moved("a", "", "1"), Moved("b", "", "2"), Moved("d", "", "1")]
    assert moved("package.json", "{", now) is None
    assert moved("pom.xml", "<a/>", "<b/>") is None


def test_names_of_manifests():
    names = ["requirements.txt", "requirements-dev.txt", "requirements.lock.txt", "go.mod", "README.md", "my_requirements.py"]
    assert [name for name in names if is_manifest(name)] == [
        "requirements.txt",
        "requirements-dev.txt",
        "requirements.lock.txt",
        "go.mod",
    ]
