"""The real coding agents, run offline in a home of their own against the model server.

program = Claude(place)
program.run("Please build notes [[plan]]")             # a session of its own
program.run("go on [[say on]]", resume=program.session())  # its own resume, headless
program.run_command(written.command, "go on")         # the command that `segue resume --in` prints, headless
"""

import json
import os
import shlex
import sqlite3
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.agents import processes

TIMEOUT = 240
WRITTEN = 1.0
"""Seconds that an agent has at least for writing down the call that runs: Claude Code writes its transcript in the background."""
WRITTEN_AT_LAST = 6.0
"""The same on a busy machine: the tools that are killed run for nine seconds."""


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
    calls_are_written_first = True
    """Whether a call is in the transcript while its tool runs."""

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

    def session(self) -> str:
        """Return the agent's own id of the session that it wrote last."""
        return self.transcripts()[-1].stem[-36:]

    def headless(self, command: Sequence[str], prompt: str) -> list[str]:
        """Return what says *prompt* without a terminal in the session that the interactive *command* goes on with."""
        raise NotImplementedError

    def start(self, prompt: str, resume: str | None = None) -> "subprocess.Popen[str]":
        """Start a run and return it, running."""
        return self._start(self.command(prompt, resume))

    def run(self, prompt: str, resume: str | None = None) -> str:
        """Run to the end and return what was printed; a failure is an AssertionError that shows it."""
        return self._finish(self.start(prompt, resume))

    def run_command(self, command: Sequence[str], prompt: str) -> str:
        """Run a printed resume command to the end, headless; a failure is an AssertionError that shows it."""
        return self._finish(self._start(self.headless(command, prompt)))

    def run_plainly(self, command: Sequence[str]) -> str:
        """Run any of the agent's commands as it is; a failure is an AssertionError that shows it."""
        return self._finish(self._start(command))

    def compacted(self, prompt: str) -> str:
        """Make the agent condense its last session in its own way, then say *prompt* there."""
        raise NotImplementedError

    def kill_in_tool(self, prompt: str, begun: Path, resume: str | None = None) -> None:
        """Say *prompt*, wait until its tool has made the file *begun*, and kill the agent with -9, tools and all."""
        running = self.start(prompt, resume)
        deadline = time.monotonic() + TIMEOUT / 2
        while not begun.exists():
            if running.poll() is not None or time.monotonic() > deadline:
                processes.kill_tree(running.pid)
                raise AssertionError(f"{self.name} never began its tool:\n{_shown(*running.communicate())}")
            time.sleep(0.02)
        time.sleep(WRITTEN)
        self._wait_for_call()
        processes.kill_tree(running.pid)
        running.communicate()

    def _wait_for_call(self) -> None:
        """Wait until the last thing in the transcript is a call, of a program that writes it before the tool has ended."""
        from tests.agents.model_server import Call
        from tests.agents.own import own

        end = time.monotonic() + WRITTEN_AT_LAST * self.calls_are_written_first
        while time.monotonic() < end:
            with suppress(LookupError, ValueError, sqlite3.Error, OSError):  # it is being written
                if isinstance(own(self).conversation[-1], Call):
                    return
            time.sleep(0.1)

    def _start(self, command: Sequence[str]) -> "subprocess.Popen[str]":
        program, *rest = command
        return subprocess.Popen(
            [program if "/" in program else self.place.program(program), *rest],
            cwd=self.place.project,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def _finish(self, running: "subprocess.Popen[str]") -> str:
        said = f"{self.name}: {shlex.join(map(str, running.args))}"  # type: ignore[arg-type]
        try:
            out, err = running.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            processes.kill_tree(running.pid)
            raise AssertionError(f"{said}\nhas not ended after {TIMEOUT} s:\n{_shown(*running.communicate())}") from None
        assert running.returncode == 0, f"{said}\nended with {running.returncode}:\n{_shown(out, err)}"
        return out


def _shown(out: str, err: str) -> str:
    return f"--- stdout\n{out[-3000:]}\n--- stderr\n{err[-3000:]}"


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
            "MCP_CONNECTION_NONBLOCKING": "0",  # else its first request leaves out a server that is slow to begin
            "MCP_CONNECT_TIMEOUT_MS": "60000",
        }

    def command(self, prompt: str, resume: str | None = None) -> list[str]:
        return self.headless(["claude", "--resume", resume] if resume else ["claude"], prompt)

    def headless(self, command: Sequence[str], prompt: str) -> list[str]:
        return [*command, "-p", prompt, "--output-format", "json", "--dangerously-skip-permissions"]

    def compacted(self, prompt: str) -> str:
        self.run("/compact keep the fact", resume=self.session())
        return self.run(prompt, resume=self.session())

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
        return self.headless(["codex", "resume", resume] if resume else ["codex"], prompt)

    def headless(self, command: Sequence[str], prompt: str) -> list[str]:
        program, *rest = command
        return [program, "exec", "--skip-git-repo-check", *rest, "--json", prompt]

    def compacted(self, prompt: str) -> str:
        command = [*self.command(prompt, resume=self.session()), "--config", "model_auto_compact_token_limit=2000"]
        return self._finish(self._start(command))

    def ask_app_server(self, messages: Sequence[Mapping[str, object]]) -> dict[int, dict]:
        """Send *messages* to the server that other programs show sessions by; return its answers by id, in whatever order they come."""
        running = subprocess.Popen(
            [self.place.program("codex"), "app-server"],
            cwd=self.place.project,
            env=self.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert running.stdin is not None
        assert running.stdout is not None
        answers: dict[int, dict] = {}
        asked = {message["id"] for message in messages if "id" in message}
        try:
            running.stdin.writelines(json.dumps(message) + "\n" for message in messages)
            running.stdin.flush()
            while asked - answers.keys():
                told = json.loads(running.stdout.readline())
                if "result" in told:
                    answers[told["id"]] = told["result"]
                assert "error" not in told, told
        finally:
            processes.kill_tree(running.pid)
            running.communicate()
        return answers

    def transcripts(self) -> list[Path]:
        return _by_age(self.place.home.glob(".codex/sessions/*/*/*/rollout-*.jsonl"))


class Gemini(Program):
    """Gemini CLI."""

    name = "gemini-cli"
    calls_are_written_first = False

    def prepare(self) -> None:
        self._settle({})

    def _settle(self, model: Mapping[str, Any]) -> None:
        home = self.place.home / ".gemini"
        home.mkdir(parents=True, exist_ok=True)
        settings = {
            "security": {"auth": {"selectedType": "gemini-api-key"}},
            "privacy": {"usageStatisticsEnabled": False},
            "telemetry": {"enabled": False},
            "general": {"disableAutoUpdate": True, "sessionRetention": {"enabled": False}},
            "model": {"disableLoopDetection": True, **model},
        }
        (home / "settings.json").write_text(json.dumps(settings))

    def compacted(self, prompt: str) -> str:
        self._settle({"compressionThreshold": 0.002})  # of the model's million tokens
        try:
            return self.run(prompt, resume=self.session())
        finally:
            self._settle({})

    def env(self) -> Mapping[str, str]:
        return {
            "GEMINI_API_KEY": "dummy",
            "GOOGLE_GEMINI_BASE_URL": self.place.url,
            "GEMINI_CLI_TRUST_WORKSPACE": "true",
        }

    def command(self, prompt: str, resume: str | None = None) -> list[str]:
        return self.headless(["gemini", "--resume", resume] if resume else ["gemini"], prompt)

    def headless(self, command: Sequence[str], prompt: str) -> list[str]:
        return [*command, "-p", prompt, "--approval-mode", "yolo", "-m", "gemini-3-pro", "-o", "json"]

    def session(self) -> str:
        with self.transcripts()[-1].open() as lines:
            return str(json.loads(next(lines))["sessionId"])

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
        return self.headless(["opencode", "--session", resume] if resume else ["opencode"], prompt)

    def headless(self, command: Sequence[str], prompt: str) -> list[str]:
        program, *rest = command
        return [program, "run", prompt, "--format", "json", *rest]

    def session(self) -> str:
        with closing(sqlite3.connect(f"file:{self.transcripts()[-1]}?mode=ro", uri=True)) as database:
            (found,) = database.execute("SELECT id FROM session ORDER BY time_created DESC LIMIT 1").fetchone()
        return str(found)

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
        return self.headless(["qwen", "--resume", resume] if resume else ["qwen"], prompt)

    def headless(self, command: Sequence[str], prompt: str) -> list[str]:
        return [*command, "-p", prompt, "--approval-mode", "yolo", "-o", "json"]

    def transcripts(self) -> list[Path]:
        return _by_age(self.place.home.glob(".qwen/projects/*/chats/*.jsonl"))


def _by_age(paths: Iterable[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: path.stat().st_mtime)


PROGRAMS = (Claude, Codex, Gemini, OpenCode, Qwen)
