"""A session whose agent stopped at a limit: shown, saved, and gone on with as the user has configured."""

import json

import pytest
from inline_snapshot import snapshot

SESSION = "7dcc6b33-a8e7-41fa-a76f-5d0f155f452e"


class Limited:
    """A workspace in which Claude Code stopped at a limit that ends in two hours."""

    def __init__(self, cli):
        self.cli = cli
        self.file = cli.home / ".claude" / "projects" / "-shop" / f"{SESSION}.jsonl"
        self.file.parent.mkdir(parents=True)
        self.parent = None
        self.number = 0
        self.write("user", "sell pears", model=None)
        self.write("assistant", "I weigh them.", model="claude-opus-5-5")
        self.ends = int(cli.clock.now()) + 7200
        self.write("assistant", f"Claude AI usage limit reached|{self.ends}", model="<synthetic>", isApiErrorMessage=True)
        assert cli("import", "--all").code == 0

    def write(self, role, text, *, model, **more):
        self.number += 1
        uuid = f"00000000-0000-4000-8000-{self.number:012d}"
        message = {"role": role, "content": [{"type": "text", "text": text}] if model else text}
        record = {
            "type": role,
            "uuid": uuid,
            "parentUuid": self.parent,
            "sessionId": SESSION,
            "cwd": str(self.cli.workspace),
            "timestamp": f"2026-01-15T09:30:{self.number:02d}Z",
            "message": message | ({"model": model, "id": f"msg_{self.number}"} if model else {}),
            **more,
        }
        self.parent = uuid
        with self.file.open("a") as file:
            file.write(json.dumps(record) + "\n")


@pytest.fixture
def limited(cli):
    return Limited(cli)


def test_it_is_shown_and_saved_as_a_checkpoint_once(limited):
    limited.cli("import", str(limited.file))
    status = limited.cli("status", "last", "--json").json
    (checkpoint,) = limited.cli("checkpoint", "list", "last", "--json").json["checkpoints"]
    assert (status["limits"], checkpoint["name"], checkpoint["description"]) == snapshot(
        (
            [
                {
                    "agent": "claude-code",
                    "kind": "usage",
                    "at": "2026-01-15T09:30:03Z",
                    "resets_at": "2026-01-15T11:30:00.000000Z",
                    "says": "Claude AI usage limit reached|1768476600",
                }
            ],
            "RECOVERY-260115-001-AUTO-SAVE-1",
            "claude-code stopped at its usage limit, which ends at 2026-01-15T11:30:00.000000Z",
        )
    )
    assert "limit" in limited.cli("status", "last").out


def test_by_itself_resume_asks_and_says_what_can_be_done(limited):
    assert limited.cli.says("resume", "last") == snapshot("""\
$ segue resume last
! error: session 'SESSION-260115-001' was not resumed: claude-code stopped at its usage limit, which ends at 2026-01-15T11:30:00.000000Z
! hint: segue resume SESSION-260115-001 --when-reset, or segue resume SESSION-260115-001 --in ANOTHER-AGENT, or --now
[exit code 3]
""")
    assert limited.cli("resume", "last", "--json").error["limit"]["agent"] == "claude-code"


def test_the_user_can_go_on_at_once(limited):
    assert limited.cli("resume", "last", "--now", "--json").json["status"] == "active"


def test_when_it_has_ended_nothing_is_asked(limited):
    limited.cli.clock.advance(7201)
    assert limited.cli("resume", "last", "--json").json["status"] == "active"


def test_when_the_agent_has_gone_on_it_is_forgotten(limited):
    limited.write("assistant", "On I go.", model="claude-opus-5-5")
    limited.cli("import", "--all")
    assert limited.cli("status", "last", "--json").json["limits"] == []
    assert limited.cli("resume", "last").code == 0


def test_as_configured_it_goes_on_in_another_agent(limited):
    limited.cli("config", "set", "limits.then", "codex")
    said = limited.cli("resume", "last", "--print", "--json")
    assert said.code == 0, said
    assert json.loads(said.out)["agent"] == "codex"
    assert said.err == snapshot(
        "warning: claude-code stopped at its usage limit, which ends at 2026-01-15T11:30:00.000000Z: going on in codex, as configured\n"
    )


def test_an_agent_that_is_asked_for_by_name_goes_on_whatever_stopped_another(limited):
    assert limited.cli("resume", "last", "--in", "codex", "--dry-run", "--json").json["agent"] == "codex"


def test_an_agent_that_nobody_knows_is_refused(limited):
    limited.cli("config", "set", "limits.then", "hal")
    assert limited.cli("resume", "last", "--json").error["code"] == "usage"


def test_to_wait_for_an_end_that_nobody_knows_is_refused(limited):
    limited.write("assistant", "5-hour limit reached ∙ resets 3pm", model="<synthetic>", isApiErrorMessage=True)
    limited.cli("import", "--all")
    said = limited.cli("resume", "last", "--when-reset", "--json")
    assert (said.code, said.error["code"], said.error["limit"]["resets_at"]) == (3, "needs-confirmation", "")


def test_a_limit_that_is_long_over_is_not_saved(cli):
    limited = Limited(cli)
    cli.clock.advance(8000)
    cli.env["SEGUE_HOME"] += "-2"
    cli("import", str(limited.file))
    assert cli("checkpoint", "list", "last", "--json").json["checkpoints"] == []
