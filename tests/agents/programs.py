"""The real coding agents, run offline in a home of their own against the model server."""

import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

TIMEOUT = 120


@dataclass(frozen=True)
class Place:
    """Where an agent runs: its home, the project, the programs' prefix, and the model server's address."""

    home: Path
    project: Path
    prefix: Path
    url: str

    def program(self, name: str) -> str:
        """Return the path of an installed program."""
        return str(self.prefix / "node_modules" / ".bin" / name)


class Program:
    """A coding agent's command line."""

    name = ""

    def __init__(self, place: Place) -> None:
        """Prepare the agent's home."""
        self.place = place
        self.prepare()

    def prepare(self) -> None:
        """Write what the agent needs to start without asking."""

    def env(self) -> Mapping[str, str]:
        """Return the agent's own variables."""
        return {}

    def command(self, prompt: str, resume: str | None = None) -> list[str]:
        """Return the command that says *prompt*, in a new session or in *resume*."""
        raise NotImplementedError

    def transcripts(self) -> list[Path]:
        """Return the transcripts that the agent has written, oldest first."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """Return the whole environment of a run."""
        base = {k: v for k, v in os.environ.items() if k in {"PATH", "LANG", "TERM", "TMPDIR"}}
        return base | {"HOME": str(self.place.home), "NO_COLOR": "1", "CI": "1", **self.env()}

    def start(self, prompt: str, resume: str | None = None) -> "subprocess.Popen[str]":
        """Start a run and return it, running."""
        return subprocess.Popen(
            self.command(prompt, resume),
            cwd=self.place.project,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, prompt: str, resume: str | None = None) -> str:
        """Run to the end and return what was printed; a failure is an AssertionError that shows it."""
        running = self.start(prompt, resume)
        out, err = running.communicate(timeout=TIMEOUT)
        assert running.returncode == 0, f"{self.name} ended with {running.returncode}:\n{out[-2000:]}\n{err[-2000:]}"
        return out


class Claude(Program):
    """Claude Code."""

    name = "claude-code"

    def env(self) -> Mapping[str, str]:
        return {
            "ANTHROPIC_BASE_URL": self.place.url,
            "ANTHROPIC_API_KEY": "dummy",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_TELEMETRY": "1",
            "DISABLE_ERROR_REPORTING": "1",
            "DISABLE_AUTOUPDATER": "1",
            "IS_SANDBOX": "1",
        }

    def command(self, prompt: str, resume: str | None = None) -> list[str]:
        more = ["--resume", resume] if resume else []
        return [self.place.program("claude"), "-p", prompt, "--output-format", "json", "--dangerously-skip-permissions", *more]

    def transcripts(self) -> list[Path]:
        return _by_age(self.place.home.glob(".claude/projects/*/*.jsonl"))


class Codex(Program):
    """Codex CLI."""

    name = "codex"

    def prepare(self) -> None:
        home = self.place.home / ".codex"
        home.mkdir(parents=True, exist_ok=True)
        (home / "config.toml").write_text(
            f"""model = "fake-model"
model_provider = "fake"
approval_policy = "never"
sandbox_mode = "danger-full-access"
check_for_update_on_startup = false
[analytics]
enabled = false
[model_providers.fake]
name = "fake"
base_url = "{self.place.url}/v1"
wire_api = "responses"
env_key = "FAKE_KEY"
supports_websockets = false
request_max_retries = 0
stream_max_retries = 0
"""
        )

    def env(self) -> Mapping[str, str]:
        return {"CODEX_HOME": str(self.place.home / ".codex"), "FAKE_KEY": "dummy"}

    def command(self, prompt: str, resume: str | None = None) -> list[str]:
        more = ["resume", resume] if resume else []
        return [self.place.program("codex"), "exec", "--skip-git-repo-check", *more, "--json", prompt]

    def transcripts(self) -> list[Path]:
        return _by_age(self.place.home.glob(".codex/sessions/*/*/*/rollout-*.jsonl"))


class Gemini(Program):
    """Gemini CLI."""

    name = "gemini-cli"

    def prepare(self) -> None:
        home = self.place.home / ".gemini"
        home.mkdir(parents=True, exist_ok=True)
        settings = {
            "security": {"auth": {"selectedType": "gemini-api-key"}},
            "privacy": {"usageStatisticsEnabled": False},
            "telemetry": {"enabled": False},
            "general": {"disableAutoUpdate": True, "sessionRetention": {"enabled": False}},
        }
        (home / "settings.json").write_text(json.dumps(settings))

    def env(self) -> Mapping[str, str]:
        return {
            "GEMINI_API_KEY": "dummy",
            "GOOGLE_GEMINI_BASE_URL": self.place.url,
            "GEMINI_CLI_TRUST_WORKSPACE": "true",
        }

    def command(self, prompt: str, resume: str | None = None) -> list[str]:
        more = ["--resume", resume] if resume else []
        return [self.place.program("gemini"), "-p", prompt, "--approval-mode", "yolo", "-m", "gemini-3-pro", "-o", "json", *more]

    def transcripts(self) -> list[Path]:
        return _by_age(self.place.home.glob(".gemini/tmp/*/chats/session-*.jsonl"))


class OpenCode(Program):
    """opencode."""

    name = "opencode"

    def prepare(self) -> None:
        home = self.place.home / ".config" / "opencode"
        home.mkdir(parents=True, exist_ok=True)
        settings = {
            "model": "anthropic/claude-sonnet-4-5",
            "small_model": "anthropic/claude-sonnet-4-5",
            "provider": {"anthropic": {"options": {"baseURL": f"{self.place.url}/v1", "apiKey": "dummy"}}},
            "autoupdate": False,
            "share": "disabled",
            "permission": {"*": "allow"},
        }
        (home / "opencode.json").write_text(json.dumps(settings))

    def env(self) -> Mapping[str, str]:
        return {
            "XDG_CONFIG_HOME": str(self.place.home / ".config"),
            "XDG_DATA_HOME": str(self.place.home / ".local" / "share"),
            "XDG_CACHE_HOME": str(self.place.home / ".cache"),
            "XDG_STATE_HOME": str(self.place.home / ".local" / "state"),
            "OPENCODE_DISABLE_AUTOUPDATE": "1",
            "OPENCODE_DISABLE_MODELS_FETCH": "1",
            "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
        }

    def command(self, prompt: str, resume: str | None = None) -> list[str]:
        more = ["--session", resume] if resume else []
        return [self.place.program("opencode"), "run", prompt, "--format", "json", *more]

    def transcripts(self) -> list[Path]:
        return _by_age(self.place.home.glob(".local/share/opencode/opencode.db"))


class Qwen(Program):
    """Qwen Code."""

    name = "qwen-code"

    def prepare(self) -> None:
        home = self.place.home / ".qwen"
        home.mkdir(parents=True, exist_ok=True)
        settings = {
            "security": {"auth": {"selectedType": "openai"}},
            "privacy": {"usageStatisticsEnabled": False},
            "telemetry": {"enabled": False},
            "general": {"disableAutoUpdate": True},
        }
        (home / "settings.json").write_text(json.dumps(settings))

    def env(self) -> Mapping[str, str]:
        return {"OPENAI_API_KEY": "dummy", "OPENAI_BASE_URL": f"{self.place.url}/v1", "OPENAI_MODEL": "fake-model"}

    def command(self, prompt: str, resume: str | None = None) -> list[str]:
        more = ["--resume", resume] if resume else []
        return [self.place.program("qwen"), "-p", prompt, "--approval-mode", "yolo", "-o", "json", *more]

    def transcripts(self) -> list[Path]:
        return _by_age(self.place.home.glob(".qwen/projects/*/chats/*.jsonl"))


def _by_age(paths: Iterable[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: path.stat().st_mtime)


PROGRAMS = (Claude, Codex, Gemini, OpenCode, Qwen)
