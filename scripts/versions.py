"""Which versions of the agent frameworks are tested: a table for a document, called from a cog block."""

import re
import tomllib
from pathlib import Path

from reference import table

ROOT = Path(__file__).parents[1]
TITLES = {
    "langgraph": "LangGraph",
    "openai-agents": "OpenAI Agents SDK",
    "google-adk": "Google ADK",
    "claude-agent-sdk": "Claude Agent SDK",
    "pydantic-ai": "Pydantic AI",
}


def extras() -> dict[str, list[tuple[str, str]]]:
    """Return the packages of each framework's extra, with the oldest version that it lets in."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {name: [_split(one) for one in project["optional-dependencies"][name]] for name in TITLES}


def locked(lock: str) -> dict[str, str]:
    """Return the version of each package that *lock* (`requirements/LOCK.txt`) names."""
    text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"(?m)^([a-z0-9._-]+)(?:\[.*\])?==(\S+)", text))


def table_of_versions() -> None:
    """Print the oldest and the newest version of each package that the tests run with."""
    oldest, newest = locked("frameworks-oldest"), locked("frameworks")
    packages = [(title, package) for name, title in TITLES.items() for package, _ in extras()[name]]
    table(
        ("framework", "package", "oldest", "newest"),
        ((title, f"`{package}`", oldest[package], newest[package]) for title, package in packages),
    )


def _split(requirement: str) -> tuple[str, str]:
    package, _, version = requirement.partition(">=")
    return package, version
