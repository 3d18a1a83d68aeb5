"""Retention on the command line: what would go and why, and what went."""

import re

import pytest
from inline_snapshot import snapshot


@pytest.fixture
def kept(shop):
    """A session with five automatic checkpoints and a described one, of which two further ones may stay."""
    shop("checkpoint", "create", "-m", "the prices are agreed")
    for _ in range(5):
        shop("checkpoint", "create", "--automatic")
    assert shop("config", "set", "retention.last", "1").code == 0
    assert shop("config", "set", "retention.automatic", "2").code == 0
    return shop


def sized(said):
    """Return what was said, with a size that another git or zlib has otherwise left out."""
    return re.sub(r"[\d.]+ k?B of", "SIZE of", said)


def test_a_dry_run_says_what_would_go_and_why_the_others_stay(kept):
    assert sized(kept.says("forget", "--dry-run")) == snapshot("""\
$ segue forget --dry-run
SESSION-260115-001: 2 checkpoints would be forgotten, 4 stay
name                             event  taken     and    why
RECOVERY-260115-001-AUTO-SAVE-5  13     just now  stays  last 1, last of its day, last of its week
RECOVERY-260115-001-AUTO-SAVE-4  12     just now  stays  one of 2 further automatic ones
RECOVERY-260115-001-AUTO-SAVE-3  11     just now  stays  one of 2 further automatic ones
RECOVERY-260115-001-AUTO-SAVE-2  10     just now  goes   no rule keeps it
RECOVERY-260115-001-AUTO-SAVE-1  9      just now  goes   no rule keeps it
RECOVERY-260115-001-093002       8      just now  stays  named
SIZE of snapshots would go
""")
    assert len(kept("checkpoint", "list", "--json").json["checkpoints"]) == 6
    assert kept("forget", "--dry-run", "--json").json["bytes"] > 0


def test_what_no_rule_keeps_goes_and_the_second_time_nothing_does(kept):
    assert sized(kept.says("forget")) == snapshot("""\
$ segue forget
SESSION-260115-001: 2 checkpoints forgotten, 4 stay
name                             event  taken     and   why
RECOVERY-260115-001-AUTO-SAVE-2  10     just now  goes  no rule keeps it
RECOVERY-260115-001-AUTO-SAVE-1  9      just now  goes  no rule keeps it
SIZE of snapshots went
""")
    assert kept("forget", "--json").json["sessions"][0]["forgotten"] == []
    assert len(kept("checkpoint", "list", "--json").json["checkpoints"]) == 4


def test_numbers_can_be_given_for_once(kept):
    said = kept("forget", "--keep-automatic", "0", "--keep-last", "2", "--json").json
    assert [one["name"][-2:] for one in said["sessions"][0]["forgotten"]] == ["-3", "-2", "-1"]
    assert said["sessions"][0]["kept"] == snapshot(
        [
            {
                "name": "RECOVERY-260115-001-AUTO-SAVE-5",
                "position": 13,
                "at": "2026-01-15T09:30:07.000000Z",
                "automatic": True,
                "why": "last 2, last of its day, last of its week",
            },
            {
                "name": "RECOVERY-260115-001-AUTO-SAVE-4",
                "position": 12,
                "at": "2026-01-15T09:30:06.000000Z",
                "automatic": True,
                "why": "last 2",
            },
            {
                "name": "RECOVERY-260115-001-093002",
                "position": 8,
                "at": "2026-01-15T09:30:02.000000Z",
                "automatic": False,
                "why": "named",
            },
        ]
    )


def test_all_sessions_are_forgotten_in_and_those_with_nothing_to_forget_are_left_out(kept):
    kept("start", "--task", "sell plums")
    kept("checkpoint", "create", "last", "--automatic")
    said = kept("forget", "--all", "--json").json
    assert [len(one["forgotten"]) for one in said["sessions"]] == [2]
    assert kept.says("forget", "--all") == "$ segue forget --all\nnothing is to be forgotten\n"


def test_upkeep_forgets_unless_it_is_told_not_to(kept):
    kept.env["SEGUE_RETENTION_FORGET"] = "off"
    assert kept("upkeep", "--json").json["forgotten"] == 0
    kept.env["SEGUE_RETENTION_FORGET"] = "auto"
    assert kept("upkeep", "--json").json["forgotten"] == 2


@pytest.mark.parametrize("value", ["-1", "many", "1.5", "9" * 30])
def test_a_number_that_is_none_is_refused(cli, value):
    assert cli("config", "set", "--json", "--", "retention.daily", value).error["code"] == "usage"
