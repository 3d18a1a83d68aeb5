"""Beginning, looking at, pausing and ending sessions."""

import json

import pytest
from inline_snapshot import snapshot


def test_a_session_is_begun_and_says_how_to_go_on(cli):
    assert cli.says("start", "--task", "sell pears") == snapshot("""\
$ segue start --task 'sell pears'
SESSION-260115-001  2026-01-15-general-shop-001
add events: segue append SESSION-260115-001 --stdin    see it: segue status SESSION-260115-001
""")


def test_a_session_begun_for_a_script_is_its_names(cli):
    assert cli.says("start", "--task", "sell pears", "--json") == snapshot("""\
$ segue start --task 'sell pears' --json
{"id":"019bc0fd-89c1-7466-ae0c-494e4f11e5ad","name":"SESSION-260115-001","slug":"2026-01-15-general-shop-001"}
""")


def test_sessions_of_one_day_are_numbered(cli):
    assert [cli("start", "--json").json["name"] for _ in range(3)] == snapshot(
        ["SESSION-260115-001", "SESSION-260115-002", "SESSION-260115-003"]
    )


def test_where_nothing_was_recorded_bare_segue_says_how_to_begin(cli):
    assert cli.says() == snapshot("""\
$ segue
segue keeps the work of AI agents from being lost. Nothing is recorded for this directory yet.

  bring in what your agents did:  segue import --all
  begin a session here:           segue start --task "what is to be done"
  all commands:                   segue --help
""")


def test_bare_segue_shows_where_you_were(shop):
    assert shop.says() == snapshot("""\
$ segue
SESSION-260115-001  active
  about      sell pears
  project    shop
  in         /shop
  active     just now, 1 s of work
  agent      claude-opus-4-6

  asked      sell pears, never plums
  answered   I look at the stock.
  plan       1 [x] weigh
             2 [ ] print a price list
  keep to    - never plums
  decided    - sell by weight (because pears differ in size)

  log        8 events, 3 messages
  used       1,200 tokens in, 40 out, context at 1,240 (0.1 %)

go on with: segue restore SESSION-260115-001
""")


def test_bare_segue_for_a_script(shop):
    found = shop("--json").json
    assert (found["session"]["name"], found["session"]["status"], found["workspace"]) == snapshot(
        ("SESSION-260115-001", "active", "/shop")
    )


def test_enter_at_bare_segue_prints_the_context_to_go_on_with(shop):
    said = shop(typed="\n")
    assert said.code == 0
    assert "Enter prints the context to go on with" in said.out
    assert "# Restored context of SESSION-260115-001" in said.out


def test_ctrl_d_at_bare_segue_leaves_it_at_the_picture(shop):
    said = shop(typed="")
    assert said.code == 130
    assert "# Restored context" not in said.out


def test_status_tells_what_is_done_open_and_used(shop):
    assert shop.says("status") == snapshot("""\
$ segue status
SESSION-260115-001  active
  about      sell pears
  project    shop
  in         /shop
  active     just now, 1 s of work
  agent      claude-opus-4-6

  asked      sell pears, never plums
  answered   I look at the stock.
  plan       1 [x] weigh
             2 [ ] print a price list
  keep to    - never plums
  decided    - sell by weight (because pears differ in size)

  log        8 events, 3 messages
  used       1,200 tokens in, 40 out, context at 1,240 (0.1 %)
""")


def test_a_list_shows_the_latest_first(shop):
    shop("start", "--task", "wash apples", "--project", "orchard")
    assert shop.says("list") == snapshot("""\
$ segue list
name                status  active    agent  events  project  about
SESSION-260115-002  active  just now         2       orchard  wash apples
SESSION-260115-001  active  just now         8       shop     sell pears
""")


def test_a_list_can_be_narrowed(shop):
    shop("start", "--task", "wash apples", "--project", "orchard")
    assert [r["task"] for r in shop("list", "--project", "orchard", "--json").json["sessions"]] == ["wash apples"]
    assert [r["task"] for r in shop("list", "pears", "--json").json["sessions"]] == ["sell pears"]
    assert shop("list", "--status", "ended", "--json").json == {"sessions": [], "more": False}
    shop.clock.advance(86_400)
    assert shop("list", "--since", "12h", "--json").json["sessions"] == []
    assert len(shop("list", "--since", "2d", "--json").json["sessions"]) == 2


def test_what_was_paused_lately_is_resumable(shop):
    shop("start", "--task", "wash apples")
    shop("pause", "SESSION-260115-001")
    assert [r["name"] for r in shop("list", "--resumable", "--json").json["sessions"]] == ["SESSION-260115-001"]
    assert [r["resumable"] for r in shop("list", "--json").json["sessions"]] == [True, False]
    shop.clock.advance(8 * 86_400)
    assert shop("list", "--resumable", "--json").json["sessions"] == []


def test_an_empty_list_says_what_to_do(cli):
    assert cli.says("list") == snapshot("""\
$ segue list
no session yet
begin one:           segue start --task "..."
or bring yours in:   segue import --all
""")


def test_an_age_that_is_none_is_named(cli):
    assert cli.says("list", "--since", "yesterday") == snapshot("""\
$ segue list --since yesterday
! error: 'yesterday' is neither an age nor a date
! hint: such as 90m, 12h, 7d, 2026-01-15, 2026-01-15T09:30Z
[exit code 2]
""")


def test_a_pause_says_what_is_next_and_how_to_go_on(shop):
    assert shop.says("pause", "-m", "lunch") == snapshot("""\
$ segue pause -m lunch
SESSION-260115-001 is paused after 2 s of work.
  doing      sell pears
  next       print a price list
  saved      RECOVERY-260115-001-093002 (10 events)
go on with: segue resume SESSION-260115-001
""")


def test_a_pause_for_a_script(shop):
    assert shop("pause", "--json").json == snapshot(
        {
            "session": "019bc0fd-89c1-7466-ae0c-494e4f11e5ad",
            "name": "SESSION-260115-001",
            "status": "paused",
            "reason": "user",
            "active_seconds": 2.0,
            "completed": [],
            "in_progress": "sell pears",
            "next_actions": ["print a price list"],
            "head": 10,
            "worked_seconds": 2.0,
            "checkpoint": "RECOVERY-260115-001-093002",
            "command": "segue resume SESSION-260115-001",
        }
    )


def test_a_pause_and_its_checkpoint_are_one_append(shop):
    shop("pause", "-m", "lunch")
    saved, paused = [json.loads(one) for one in shop("log", "current", "--json").out.splitlines()][-2:]
    assert (saved["kind"], paused["kind"], saved["at"]) == ("checkpoint.created", "session.paused", paused["at"])
    assert saved["body"]["trigger"] == "pause: user"


def test_a_paused_session_cannot_be_paused_again(shop):
    shop("pause")
    assert shop.says("pause") == snapshot("""\
$ segue pause
! error: session 'SESSION-260115-001' cannot be paused: it is paused; allowed now: archive, emergency, end, recover, resume
! hint: segue resume SESSION-260115-001
[exit code 5]
""")


def test_a_session_is_taken_up_again(shop):
    shop("pause")
    assert shop.says("resume") == snapshot("""\
$ segue resume
SESSION-260115-001  active
  about      sell pears
  project    shop
  in         /shop
  active     just now, 2 s of work
  agent      claude-opus-4-6

  asked      sell pears, never plums
  answered   I look at the stock.
  plan       1 [x] weigh
             2 [ ] print a price list
  keep to    - never plums
  decided    - sell by weight (because pears differ in size)

  log        11 events, 3 messages, 1 checkpoint
  used       1,200 tokens in, 40 out, context at 1,240 (0.1 %)

checked: project unknown, files same, tasks same, dependencies unknown
what changed: segue delta SESSION-260115-001
what the agent needs: segue restore SESSION-260115-001
another agent: segue resume SESSION-260115-001 --in AGENT
""")


def test_a_session_that_is_at_work_already_stays_as_it_is(shop):
    before = shop("log", "--json").out
    said = shop("resume")
    assert (said.code, said.err) == (0, "")
    assert "what the agent needs: segue restore SESSION-260115-001" in said.out
    assert shop("log", "--json").out == before


def test_an_ended_session_says_what_it_was(shop):
    assert shop.says("end") == snapshot("""\
$ segue end
SESSION-260115-001 is ended (done) after 2 s of work, 9 events.
""")


def test_a_superseded_session_names_its_successor_and_stays_ended(shop):
    shop("start", "--task", "sell more pears")
    said = shop("end", "SESSION-260115-001", "--by", "SESSION-260115-002", "--json")
    assert (said.code, said.json["status"], said.json["reason"]) == (0, "ended", "superseded")
    assert shop.says("resume", "SESSION-260115-001") == snapshot("""\
$ segue resume SESSION-260115-001
! error: session 'SESSION-260115-001' cannot be resumed: it is ended (superseded); allowed now: archive
! hint: it went on in another: segue resume 019bc0fd-89d2-71c8-a7a8-196230a9e5e9
[exit code 5]
""")


@pytest.mark.parametrize("how", [["--reason", "superseded"], ["--by", "current"]])
def test_a_session_without_a_successor_is_not_superseded(shop, how):
    said = shop("end", "current", *how, "--json")
    assert (said.code, said.error["code"]) == (2, "usage")
    assert shop("status", "--json").json["status"] == "active"


def test_a_checkpoint_is_taken_listed_shown_and_forgotten(shop):
    assert shop.says("checkpoint", "create", "-m", "before the prices") == snapshot("""\
$ segue checkpoint create -m 'before the prices'
RECOVERY-260115-001-093002
with the files of the workspace
at event 8; come back with: segue checkpoint restore RECOVERY-260115-001-093002
""")
    shop("checkpoint", "create", "--name", "price list")
    shop("checkpoint", "create", "--automatic")
    assert shop.says("checkpoint", "list") == snapshot("""\
$ segue checkpoint list
name                                event  taken     about
RECOVERY-260115-001-AUTO-SAVE-1     11     just now
CONTINUATION-260115-001-PRICE-LIST  9      just now
RECOVERY-260115-001-093003          9      just now
RECOVERY-260115-001-093002          8      just now  before the prices
""")
    assert shop.says("checkpoint", "forget", "RECOVERY-260115-001-093002") == snapshot("""\
$ segue checkpoint forget RECOVERY-260115-001-093002
RECOVERY-260115-001-093002 is forgotten
""")
    assert len(shop("checkpoint", "list", "--json").json["checkpoints"]) == 3


def test_a_checkpoint_is_a_reference_to_its_position(shop):
    shop("checkpoint", "create", "--name", "prices")
    shop("append", "current", "--kind", "progress.set", "--body", '{"percent": 50}')
    assert shop("show", "CONTINUATION-260115-001-PRICES", "--json").json["position"]["seq"] == 8
    assert shop("show", "current", "--json").json["position"]["seq"] == 11


def test_a_fork_shares_the_past(shop):
    assert shop.says("fork", "--at", "5", "--title", "plums after all") == snapshot("""\
$ segue fork --at 5 --title 'plums after all'
SESSION-260115-002  2026-01-15-general-shop-002
shares 5 events with its parent; see it: segue status SESSION-260115-002
""")
    assert "  log        7 events, 5 of them shared, 0 messages of its own\n" in shop("status", "last").out
    assert [json.loads(line)["seq"] for line in shop("log", "last", "--json").out.splitlines()] == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("command", ["list", "log"])
def test_a_limit_that_no_machine_can_count_to_is_a_usage_error(shop, command):
    said = shop(command, "-n", "9" * 30, "--json")
    assert (said.code, said.error["code"]) == (2, "usage")


def test_a_step_of_the_lifecycle_is_refused_line_by_line_where_the_state_does_not_allow_it(shop):
    lines = ['{"kind":"session.resumed","body":{}}', '{"kind":"x.note","body":{}}', '{"kind":"session.created","body":{}}']
    session = shop("show", "--json").json["session"]["id"]
    said = shop("append", "current", "--stdin", stdin="\n".join(lines))
    assert (said.code, said.out) == (2, '{"seq":9}\n')
    assert [line for line in said.err.splitlines() if line.startswith("error")] == [
        f"error: line 1: session '{session}' cannot be resumed: it is active; allowed now: emergency, end, pause, recover",
        "error: line 3: event of kind 'session.created' cannot be written: the session has begun",
    ]
