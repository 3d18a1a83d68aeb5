"""What is in the repository: no address, no path of a machine, no broken link, no stale document."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Spelled with `(?:)` or `~` inside, so that this file does not contain what it looks for.
REGISTRY = re.compile(
    r"py(?:)pi\.org|python(?:)hosted\.org|registry\.npm(?:)js|index(?:)-url|find(?:)-links|deb\.deb(?:)ian\.org", re.IGNORECASE
)
MACHINE = re.compile(r"(?<![\w.$~}/-])/(?:work|root)/[\w.]", re.ASCII)
LOCKED = re.compile(r"(?:[a-z0-9][a-z0-9._-]*(?:\[[a-z,]+\])?==[\w.!+-]+(?: ; .+)? \\|    --hash=sha256:[0-9a-f]{64}(?: \\)?)\Z")
FRAMEWORKS = ("langgraph", "openai-agents", "google-adk", "claude-agent-sdk", "pydantic-ai")
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")


def tracked(*patterns: str) -> list[str]:
    done = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in done.stdout.split("\0") if name]


def text(name: str) -> str:
    path = ROOT / name
    return path.read_bytes().decode("utf-8", "replace") if path.is_file() else ""


def found(pattern: re.Pattern[str], names: list[str]) -> list[str]:
    return [f"{name}: {hit.group()!r}" for name in names for hit in pattern.finditer(text(name))]


@pytest.mark.parametrize("pattern", [REGISTRY, MACHINE], ids=["registry", "machine"])
def test_no_file_names_a_registry_or_a_place_on_some_machine(pattern):
    names = tracked()
    assert len(names) > 20
    assert found(pattern, names) == []


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (REGISTRY, "--index~-url=x"),
        (REGISTRY, "files.python~hosted.org"),
        (MACHINE, 'open("/~work/project/x")'),
        (MACHINE, "cd /~root/.cache"),
    ],
)
def test_what_must_not_be_there_would_be_found(pattern, line):
    assert pattern.search(line.replace("~", ""))


def test_a_lock_holds_versions_and_hashes_and_nothing_else():
    locks = tracked("requirements/*.txt")
    wanted = {name.removesuffix(".in") for name in tracked("requirements/*.in")}
    assert {name.removesuffix(".txt") for name in locks} == wanted
    odd = [f"{name}:{i}: {line}" for name in locks for i, line in enumerate(text(name).splitlines(), 1) if not LOCKED.match(line)]
    assert odd == []


def test_every_locked_package_has_a_hash():
    for name in tracked("requirements/*.txt"):
        blocks = re.split(r"(?m)^(?=\S)", text(name))
        assert [block for block in blocks if block and "--hash" not in block] == []


def test_locks_of_one_environment_agree():
    versions: dict[str, set[str]] = {}
    for name in set(tracked("requirements/*.txt")) - {"requirements/frameworks-oldest.txt"}:  # an environment of its own
        for package, version, marker in re.findall(r"(?m)^([a-z0-9._-]+)(?:\[.*\])?==(\S+)( ; .+)? \\$", text(name)):
            versions.setdefault(package + marker, set()).add(version)  # one version for each Python, where they differ
    assert {package: found for package, found in versions.items() if len(found) > 1} == {}


def test_the_oldest_versions_that_the_extras_let_in_are_those_that_are_tested():
    extras = tomllib.loads(text("pyproject.toml"))["project"]["optional-dependencies"]
    tested = dict(re.findall(r"(?m)^([a-z0-9._-]+)==(\S+)", text("requirements/frameworks-oldest.txt")))
    bounds = {one.partition(">=")[::2] for name in FRAMEWORKS for one in extras[name]}
    assert [(name, bound, tested[name]) for name, bound in bounds if not f"{tested[name]}.".startswith(f"{bound}.")] == []
    assert len(bounds) == len(FRAMEWORKS) + 1  # LangGraph's checkpoints are a package of their own


def test_every_relative_link_of_a_document_leads_somewhere():
    broken = [
        f"{name} -> {link}"
        for name in tracked("*.md")
        for link in LINK.findall(text(name))
        if not (ROOT / name).parent.joinpath(link).exists()
    ]
    assert broken == []


def test_every_document_can_be_reached_from_the_overview():
    seen, queue = set(), [ROOT / "README.md", ROOT / "docs" / "README.md"]
    while queue:
        page = queue.pop().resolve()
        if page in seen or page.suffix != ".md" or not page.exists():
            continue
        seen.add(page)
        queue += [page.parent / link for link in LINK.findall(page.read_text())]
    lost = [name for name in tracked("docs/*.md") if (ROOT / name).resolve() not in seen and "0000-template" not in name]
    assert lost == []


def test_generated_documents_are_current():
    done = subprocess.run(
        [sys.executable, "scripts/generate_docs.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_changelog_fragment_is_of_a_known_type_and_says_something():
    fragments = [name for name in tracked("changelog.d/*") if not name.endswith((".jinja", "README.md"))]
    odd = [name for name in fragments if not re.search(r"\.(added|changed|fixed)\.md\Z", name) or not text(name).strip()]
    assert odd == []
