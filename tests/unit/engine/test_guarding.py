"""Doctor warns of what agents will delete of their own, while it is not in the log."""

import json
import os
import shutil
from pathlib import Path

import pytest

from segue.engine.capture.discovery import import_all, roots
from segue.engine.capture.guarding import agents
from segue.host.seen import SeenFile
from segue.stores.memory import MemoryStore
from segue.testing import FakeClock, FakeIds
from segue.transcripts import transcripts
from segue.transcripts.places import Machine

FIXTURES = Path(__file__).parents[2] / "fixtures" / "transcripts"
NOW = FakeClock().now()
DAY = 86_400


class Home:
    def __init__(self, place):
        self.place = place
        self.store = MemoryStore(clock=FakeClock(), ids=FakeIds())
        self.seen = SeenFile(place / "segue", self.store.url, "r/1")
        self.machine = Machine({"HOME": str(place), "PATH": str(place / "bin")})

    def transcript(self, sample, below, days):
        file = self.place / below
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(FIXTURES / sample, file)
        os.utime(file, (NOW - days * DAY, NOW - days * DAY))

    def settings(self, below, value):
        (self.place / below).parent.mkdir(parents=True, exist_ok=True)
        (self.place / below).write_text(value if isinstance(value, str) else json.dumps(value))

    def installed(self, program, package, version):
        directory = self.place / "lib" / program
        directory.mkdir(parents=True)
        (directory / "package.json").write_text(json.dumps({"name": package, "version": version}))
        (directory / program).touch(mode=0o755)
        (self.place / "bin").mkdir(exist_ok=True)
        (self.place / "bin" / program).symlink_to(directory / program)

    def take(self):
        import_all(self.store, transcripts(), roots(self.machine, transcripts(), []), self.seen, clock=FakeClock())

    def warnings(self):
        return [c["what"] for c in agents(self.machine, transcripts(), self.seen, NOW) if c["status"] == "warn"]


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


CLAUDE = ".claude/projects/-p/7dcc6b33-a8e7-41fa-a76f-5d0f155f452e.jsonl"
GEMINI = ".gemini/tmp/p/chats/session-2026-11-21T01-48-00000000.jsonl"


def test_a_machine_without_agents(home):
    assert agents(home.machine, transcripts(), home.seen, NOW) == [
        {"check": "agent", "status": "ok", "what": "no coding agent was used on this machine", "hint": None}
    ]


def test_what_claude_code_deletes_soon_is_warned_of_until_it_is_in_the_log(home):
    home.transcript("claude/headless-plan.jsonl", CLAUDE, days=25)
    before = home.warnings()
    home.take()
    assert before == [
        (
            "Claude Code deletes what was not written to for 30 days, whenever it starts; "
            "not in the log and at stake within 7 days: 1 of its files"
        )
    ]
    assert home.warnings() == []


@pytest.mark.parametrize(
    ("settings", "days", "warned"),
    [
        ({}, 22, False),
        ({}, 24, True),
        ({"cleanupPeriodDays": 3650}, 400, False),
        ({"cleanupPeriodDays": 3}, 0, True),
        ({"cleanupPeriodDays": 0}, 0, True),
        ({"cleanupPeriodDays": "never"}, 24, True),
        ("not json", 24, True),
        ('{"cleanupPeriodDays": 3650, "x": "// no comment" /* but this is */} // as is this', 24, False),
    ],
)
def test_the_agents_own_settings_count(home, settings, days, warned):
    home.transcript("claude/headless-plan.jsonl", CLAUDE, days)
    home.settings(".claude/settings.json", settings)
    assert bool(home.warnings()) is warned


def test_geminis_stub_bug_is_warned_of_whatever_the_age_and_the_version_is_told(home):
    home.transcript("gemini/headless-plan-and-resume.jsonl", GEMINI, days=0)
    home.installed("gemini", "@google/gemini-cli", "0.62.0")
    assert home.warnings() == [
        (
            "Gemini CLI after `gemini -p --resume`, its next start deletes the session that was resumed, with all of its files "
            "(seen in 0.61.0, 0.62.0 is installed); not in the log and at stake: 1 of its files"
        )
    ]


@pytest.mark.parametrize("version", ["0.30.0", "0.61.0"])
def test_a_version_from_before_or_one_that_was_told_to_keep_all_is_not_warned_of(home, version):
    home.transcript("gemini/headless-plan-and-resume.jsonl", GEMINI, days=100)
    home.installed("gemini", "@google/gemini-cli", version)
    if version == "0.61.0":
        home.settings(".gemini/settings.json", {"general": {"sessionRetention": {"enabled": False}}})
    assert home.warnings() == []


def test_an_agent_that_deletes_nothing_is_told_with_its_version(home):
    home.installed("codex", "@openai/codex", "0.169.0")
    assert [c["what"] for c in agents(home.machine, transcripts(), home.seen, NOW)] == [
        f"Codex 0.169.0: 0 files of transcripts in {home.place}/.codex"
    ]


def test_what_is_not_in_the_log_is_counted_until_it_is(home):
    home.transcript("claude/headless-plan.jsonl", CLAUDE, days=1)
    said = []
    for take in (home.take, lambda: None):
        one = agents(home.machine, transcripts(), home.seen, NOW)[0]
        said.append((one["what"], one["hint"]))
        take()
    files = f"Claude Code (not installed now): 1 file of transcripts in {home.place}/.claude"
    assert said == [
        (f"{files}, 1 of them not in the log as they are now", "segue import --all"),
        (f"{files}, all in the log", None),
    ]
