"""Where agents are at home."""

import json
from pathlib import Path

import pytest

from segue.core.errors import UsageError
from segue.transcripts.places import Machine


def test_without_variables_every_agent_is_at_its_own_place_below_home() -> None:
    found = {p.agent: (p.home, p.config, p.transcripts) for p in Machine({"HOME": "/h"}).all()}

    assert found == {
        "claude-code": ("/h/.claude", "/h/.claude", ("/h/.claude/projects",)),
        "codex": ("/h/.codex", "/h/.codex", ("/h/.codex/sessions", "/h/.codex/archived_sessions")),
        "gemini-cli": ("/h/.gemini", "/h/.gemini", ("/h/.gemini/tmp/*/chats",)),
        "opencode": ("/h/.local/share/opencode", "/h/.config/opencode", ("/h/.local/share/opencode/opencode*.db",)),
        "qwen-code": (
            "/h/.qwen",
            "/h/.qwen",
            ("/h/.qwen/projects/*/chats", "/h/.qwen/projects/*/subagents", "/h/.qwen/tmp/*/chats"),
        ),
        "aider": ("/h/.aider", "/h", ()),
    }


@pytest.mark.parametrize(
    ("agent", "env", "home", "config", "first"),
    [
        ("claude-code", {"CLAUDE_CONFIG_DIR": "/c"}, "/c", "/c", "/c/projects"),
        ("claude-code", {"CLAUDE_CONFIG_DIR": "~/c"}, "/h/c", "/h/c", "/h/c/projects"),
        ("codex", {"CODEX_HOME": "/c[1]"}, "/c[1]", "/c[1]", "/c[[]1]/sessions"),
        ("gemini-cli", {"GEMINI_CLI_HOME": "/g"}, "/g/.gemini", "/g/.gemini", "/g/.gemini/tmp/*/chats"),
        ("qwen-code", {"QWEN_HOME": "/q"}, "/q", "/q", "/q/projects/*/chats"),
        ("qwen-code", {"QWEN_HOME": "/q", "QWEN_RUNTIME_DIR": "/r"}, "/r", "/q", "/r/projects/*/chats"),
        ("opencode", {"XDG_DATA_HOME": "/d"}, "/d/opencode", "/h/.config/opencode", "/d/opencode/opencode*.db"),
        ("opencode", {"XDG_DATA_HOME": "d"}, "/h/.local/share/opencode", "/h/.config/opencode", None),
        ("opencode", {"OPENCODE_DB": "x.db"}, "/h/.local/share/opencode", "/h/.config/opencode", None),
        ("opencode", {"OPENCODE_DB": "/x.db"}, "/h/.local/share/opencode", "/h/.config/opencode", "/x.db"),
        ("aider", {"AIDER_CHAT_HISTORY_FILE": "/a.md"}, "/h/.aider", "/h", "/a.md"),
    ],
)
def test_an_agents_own_variables_move_it(agent: str, env: dict[str, str], home: str, config: str, first: str | None) -> None:
    found = Machine({"HOME": "/h", **env}).of(agent)

    assert (found.home, found.config) == (home, config)
    assert first is None or found.transcripts[0] == first


def test_an_agent_that_nobody_knows_is_an_error_which_names_those_that_are() -> None:
    with pytest.raises(UsageError, match="no agent 'hal'") as e:
        Machine({"HOME": "/h"}).of("hal")

    assert e.value.hint == "one of: claude-code, codex, gemini-cli, opencode, qwen-code, aider"


def test_roots_are_what_is_there(tmp_path: Path) -> None:
    for below in (".gemini/tmp/one/chats", ".gemini/tmp/two/chats", ".gemini/tmp/three/logs", ".codex/sessions"):
        (tmp_path / below).mkdir(parents=True)
    machine = Machine({"HOME": str(tmp_path)})

    found = {p.agent: machine.roots(p) for p in machine.all()}

    gemini = tmp_path / ".gemini/tmp"
    assert found == {
        "claude-code": [],
        "codex": [str(tmp_path / ".codex/sessions")],
        "gemini-cli": [str(gemini / "one/chats"), str(gemini / "two/chats")],
        "opencode": [],
        "qwen-code": [],
        "aider": [],
    }


def _link(bin_: Path, name: str, program: Path) -> None:
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text("#!/bin/sh\ntouch started\nexit 1\n")
    program.chmod(0o755)
    bin_.mkdir(exist_ok=True)
    (bin_ / name).symlink_to(program)


def _npm(root: Path, package: str, version: object) -> Path:
    directory = root / "node_modules" / package
    directory.mkdir(parents=True)
    (directory / "package.json").write_text(json.dumps({"name": package, "version": version}))
    return directory


def test_the_version_is_that_of_the_package_or_of_the_directory_around_the_program(tmp_path: Path) -> None:
    bin_ = tmp_path / "bin"
    machine = Machine({"HOME": str(tmp_path), "PATH": str(bin_)})
    _link(bin_, "gemini", _npm(tmp_path, "@google/gemini-cli", "0.61.0") / "bundle" / "gemini.js")
    _link(bin_, "claude", tmp_path / "share" / "claude" / "versions" / "2.1.329")
    _link(bin_, "codex", tmp_path / "Cellar" / "codex" / "0.169.0" / "bin" / "codex")
    _link(bin_, "qwen", _npm(tmp_path, "@qwen-code/qwen-code", ["0"]) / "cli.js")
    _link(bin_, "opencode", tmp_path / "node" / "v22.3.0" / "bin" / "opencode")
    _link(bin_, "aider", tmp_path / "python" / "3.12.1" / "bin" / "aider")
    (tmp_path / "python/3.12.1/lib/python3.12/site-packages/aider_chat-0.86.2.dist-info").mkdir(parents=True)

    found = {p.agent: machine.version(p) for p in machine.all()}

    assert found == {
        "claude-code": "2.1.329",
        "codex": "0.169.0",
        "gemini-cli": "0.61.0",
        "opencode": "",
        "qwen-code": "",
        "aider": "0.86.2",
    }
    assert not list(tmp_path.rglob("started"))
