"""`segue budget`: what it says, in text and in JSON."""

import json

import pytest
from inline_snapshot import snapshot

FOREIGN = "7dcc6b33-a8e7-41fa-a76f-5d0f155f452e"


def message(role, *parts, **more):
    return {"kind": "message", "body": {"role": role, "parts": list(parts), **more}}


def text(content):
    return {"type": "text", "content": content}


def call(name, identity, **arguments):
    return {"type": "tool_call", "id": identity, "name": name, "arguments": arguments}


def answer(identity, response):
    return {"type": "tool_call_response", "id": identity, "response": response}


@pytest.fixture
def sold(cli):
    """A session whose model, with a window of 1,000 tokens, has 700 in its context, and has read a file since."""
    cli.env |= {"SEGUE_WINDOWS": "pear-model=1000", "SEGUE_PRICES": "pear-model=100/500/10"}
    cli("start", "--task", "sell pears")
    usage = {"input_tokens": 650, "output_tokens": 50, "cache_read_tokens": 600}
    lines = [
        message("user", text("sell pears")),
        message("assistant", text("I look."), call("Read", "c1", file_path="/shop/pears.py"), model="pear-model", usage=usage),
        message("tool", answer("c1", "price = 3\n" * 4)),
    ]
    cli("append", "last", "--stdin", stdin="\n".join(map(json.dumps, lines)))
    return cli


def test_it_tells_how_full_the_context_is_of_what_and_what_that_cost(sold):
    assert sold.says("budget", "last") == snapshot("""\
$ segue budget last
SESSION-260115-001  pear-model
  context    735 of 1,000 tokens (73.5 %, disclosure), 265 available
             ████████████████████████████████████████████·│·····│········
  counted    for any model, by the provider's own count, and an estimate of what came since, give or take 0.3%; window as you have set it
  at work    1 s (under 30 minutes)
  used       1 call, 650 tokens in (600 from the cache), 50 out, $0.04

tokens  share   pieces  the context by kind
104     14.1 %  1       calls of tools
35      4.8 %   1       answers of tools
5       0.7 %   1       what the agent said
3       0.4 %   1       what the user said

tokens  share   pieces  by tool
139     18.9 %  2       Read

tokens  share   pieces  by file
139     18.9 %  2       /shop/pears.py
""")


def test_as_json_it_is_one_document(sold):
    assert sold("budget", "last", "--json").json == snapshot(
        {
            "session": "019bc0fd-89c1-7466-ae0c-494e4f11e5ad",
            "name": "SESSION-260115-001",
            "status": "active",
            "agent": "",
            "model": "pear-model",
            "used": 735,
            "window": 1000,
            "window_by": "configuration",
            "available": 265,
            "percent": 73.5,
            "band": "disclosure",
            "thresholds": {"disclosure": 60, "summarisation": 75, "emergency": 85},
            "family": "unknown",
            "method": "anchored",
            "margin": 0.0033,
            "duration": {"seconds": 1.0, "band": "under 30 minutes"},
            "calls": 1,
            "tokens": {"input": 650, "output": 50, "cache_read": 600, "cache_write": 0, "reasoning": 0},
            "cost_usd": 0.036,
            "recorded_usd": 0,
            "unpriced_tokens": 0,
            "shown": 147,
            "consumers": {
                "kinds": [
                    {"name": "call", "tokens": 104, "pieces": 1},
                    {"name": "result", "tokens": 35, "pieces": 1},
                    {"name": "prose", "tokens": 5, "pieces": 1},
                    {"name": "instruction", "tokens": 3, "pieces": 1},
                ],
                "tools": [{"name": "Read", "tokens": 139, "pieces": 2}],
                "files": [{"name": "/shop/pears.py", "tokens": 139, "pieces": 2}],
            },
            "live": None,
            "forgotten": None,
            "history": {
                "day": [
                    {
                        "name": "2026-01-15",
                        "calls": 1,
                        "tokens": {"input": 650, "output": 50, "cache_read": 600, "cache_write": 0, "reasoning": 0},
                        "cost_usd": 0.036,
                        "recorded_usd": 0,
                        "unpriced_tokens": 0,
                    }
                ],
                "agent": [
                    {
                        "name": "(not named)",
                        "calls": 1,
                        "tokens": {"input": 650, "output": 50, "cache_read": 600, "cache_write": 0, "reasoning": 0},
                        "cost_usd": 0.036,
                        "recorded_usd": 0,
                        "unpriced_tokens": 0,
                    }
                ],
                "model": [
                    {
                        "name": "pear-model",
                        "calls": 1,
                        "tokens": {"input": 650, "output": 50, "cache_read": 600, "cache_write": 0, "reasoning": 0},
                        "cost_usd": 0.036,
                        "recorded_usd": 0,
                        "unpriced_tokens": 0,
                    }
                ],
            },
            "crossings": [],
            "condensed": None,
            "successor": None,
            "limit": {"usd": None, "reached_at": None, "choice": ""},
        }
    )


def test_what_was_used_is_summed_up_by_agent_model_day_or_session(sold):
    assert [sold.says("budget", "--by", by, "--all") for by in ("session", "agent", "model", "day")] == snapshot(
        [
            """\
$ segue budget --by session --all
session             calls  in   from cache  out  cost
SESSION-260115-001  1      650  600         50   $0.04
""",
            """\
$ segue budget --by agent --all
agent        calls  in   from cache  out  cost
(not named)  1      650  600         50   $0.04
""",
            """\
$ segue budget --by model --all
model       calls  in   from cache  out  cost
pear-model  1      650  600         50   $0.04
""",
            """\
$ segue budget --by day --all
day         calls  in   from cache  out  cost
2026-01-15  1      650  600         50   $0.04
""",
        ]
    )


def test_a_model_that_nobody_knows_has_no_window_and_no_price_until_the_user_says_so(sold):
    sold.env |= {"SEGUE_WINDOWS": "", "SEGUE_PRICES": ""}
    found = sold("budget", "last", "--json").json
    assert (found["window"], found["window_by"], found["band"], found["cost_usd"], found["unpriced_tokens"]) == (
        None,
        "unknown",
        None,
        0,
        700,
    )
    assert "segue config set windows 'MODEL=TOKENS'" in sold("budget", "last").out


@pytest.mark.parametrize(
    ("variable", "value", "hint"),
    [
        ("SEGUE_BUDGET_DISCLOSURE", "80", "budget.disclosure"),
        ("SEGUE_PRICES", "x=cheap", "my-model=0.5/2"),
        ("SEGUE_PRICES", "1/2", "my-model=0.5/2"),
        ("SEGUE_BUDGET_LIMIT", "nothing", "2.50"),
        ("SEGUE_BUDGET_LIMIT", "-1", "2.50"),
    ],
)
def test_settings_that_make_no_sense_are_refused_with_what_does(sold, variable, value, hint):
    sold.env[variable] = value
    said = sold("budget", "last")
    assert (said.code, hint in said.err) == (2, True)


def test_a_session_without_a_word_has_an_empty_context(cli):
    cli("start", "--task", "sell pears")
    assert cli.says("budget", "last") == snapshot("""\
$ segue budget last
SESSION-260115-001  \n\
  context    0 tokens; the window of its model is not known: segue config set windows 'MODEL=TOKENS'
  counted    for any model, estimated; what the agent does not write down (system prompt, tools) is missing, give or take 7.0%
  at work    0 s (under 30 minutes)
  used       nothing that its agent told
""")


def test_one_session_or_all_of_them(sold):
    assert sold.says("budget", "last", "--by", "day", "--all") == snapshot("""\
$ segue budget last --by day --all
! error: either one session or all of them
! hint: segue budget --by day --all
[exit code 2]
""")


def test_a_limit_is_set_and_answered(sold):
    said = [sold.says("budget", "last", *args) for args in (["--limit", "2"], ["--react"], ["--pause"], ["--no-limit"])]
    assert said == snapshot(
        [
            """\
$ segue budget last --limit 2
SESSION-260115-001 may cost $2.00
""",
            """\
$ segue budget last --react
SESSION-260115-001 goes on with agents that only react
""",
            """\
$ segue budget last --pause
SESSION-260115-001 is paused; go on with: segue resume SESSION-260115-001
""",
            """\
$ segue budget last --no-limit
SESSION-260115-001 has no limit of its own
""",
        ]
    )


def test_one_thing_at_a_time(sold):
    assert sold.says("budget", "last", "--limit", "2", "--pause") == snapshot("""\
$ segue budget last --limit 2 --pause
! error: one thing at a time
! hint: --limit or --pause
[exit code 2]
""")


def test_a_condensed_context_is_had_with_what_it_frees(sold):
    found = sold("budget", "last", "--condense", "--json").json
    assert (found["before"], found["trigger"], "sell pears" in found["text"]) == (735, "asked for", True)
    assert sold("budget", "last", "--json").json["condensed"]["freed"] == found["freed"]


def test_a_successor_takes_over_and_both_know_each_other(sold):
    old = sold("status", "last", "--json").json
    done = sold("budget", "last", "--succeed", "--json").json
    new = sold("status", done["successor"], "--json").json
    old = sold("status", old["id"], "--json").json
    assert (old["status"], old["reason"], [one["session"] for one in old["went_on"]]) == ("ended", "superseded", [new["id"]])
    assert (new["came_from"]["session"], new["came_from"]["by"], new["status"]) == (old["id"], "superseded", "active")
    assert sold("budget", old["id"], "--succeed", "--json").json == done
    shown = sold("show", new["id"], "3").out
    assert "sell pears" in shown  # numbers of the past mean the same


def test_what_is_over_has_no_successor(sold):
    sold("end", "last")
    assert sold.says("budget", "last", "--succeed") == snapshot("""\
$ segue budget last --succeed
! error: the session is over: nothing goes on in a successor
! hint: segue resume 019bc0fd-89c1-7466-ae0c-494e4f11e5ad
[exit code 2]
""")


def test_where_little_is_left_an_agent_goes_on_from_the_condensed_context(cli):
    cli.env |= {"SEGUE_WINDOWS": "claude-code=40000", "SEGUE_BUDGET_RESERVE": "30000"}
    file = cli.home / ".claude" / "projects" / "-shop" / f"{FOREIGN}.jsonl"
    file.parent.mkdir(parents=True)
    usage = {"input_tokens": 20_000, "output_tokens": 1}
    records = [
        {"type": "user", "uuid": "a", "parentUuid": None, "message": {"role": "user", "content": "sell pears"}},
        {
            "type": "assistant",
            "uuid": "b",
            "parentUuid": "a",
            "message": {
                "role": "assistant",
                "id": "m",
                "model": "pear",
                "content": [{"type": "text", "text": "so"}],
                "usage": usage,
            },
        },
    ]
    common = {"sessionId": FOREIGN, "cwd": str(cli.workspace), "timestamp": "2026-01-15T09:30:00Z"}
    file.write_text("".join(json.dumps(common | record) + "\n" for record in records))
    cli("import", str(file))
    said = [cli("resume", "last", "--in", "claude-code", "--dry-run", "--json").json for _ in range(1)]
    cli.env["SEGUE_BUDGET_RESERVE"] = "1000"
    said.append(cli("resume", "last", "--in", "claude-code", "--dry-run", "--json").json)
    assert [any("budget.reserve" in warning for warning in one["warnings"]) for one in said] == [True, False]
    assert (said[0]["way"], said[1]["way"]) == ("prompt", "native")


def test_what_the_agent_told_its_status_line_last_holds(cli):
    cli("start", "--task", "sell pears")
    lines = [
        {"kind": "session.updated", "body": {"agent": "claude-code", "foreign_ids": [FOREIGN]}},
        message("assistant", text("so"), model="pear-model", usage={"input_tokens": 650}),
    ]
    cli("append", "last", "--stdin", stdin="\n".join(map(json.dumps, lines)))
    live = cli.home / "segue" / "live"
    live.mkdir()
    for at, used in ((cli.clock.now() - 60, 900), (cli.clock.now(), 901)):
        told = {"session": FOREIGN, "used": used, "window": 1000, "cost_usd": 0.5, "model": "pear-model", "at": at}
        (live / f"claude-code~{FOREIGN}.json").write_text(json.dumps(told))
        found = cli("budget", "last", "--json").json
        assert (found["window"], found["window_by"], found["used"]) == (1000, "told", 650 if used == 900 else 901)
    assert "  told       901 of 1,000 tokens, $0.50 since it was started, to the status line\n" in cli("budget", "last").out


def test_a_session_that_was_superseded_says_where_it_went_on_and_is_not_the_last_one(sold):
    successor = sold("budget", "last", "--succeed", "--json").json["successor"]
    assert sold("show", "last", "--json").json["session"]["id"] == successor
    error = sold("resume", "SESSION-260115-001", "--json").error
    assert (error["code"], error["hint"]) == ("illegal-transition", f"it went on in another: segue resume {successor}")


def test_a_setting_that_makes_no_sense_is_refused_before_it_is_written(cli):
    for key, value in (("prices", "pears"), ("budget.limit", "much"), ("budget.disclosure", "80")):
        assert cli("config", "set", key, value).code == 2
        assert cli("config", "get", key).out != f"{value}\n"
    assert cli("config", "set", "prices", "pear-model=1/2").code == 0
    assert cli("config", "set", "budget.emergency", "90").code == 0


def test_files_of_the_workspace_go_by_one_name(sold):
    lines = [message("assistant", call("Read", "c2", file_path="pears.py")), message("tool", answer("c2", "price = 4"))]
    sold("append", "last", "--stdin", stdin="\n".join(map(json.dumps, lines)))
    sold("config", "set", "project", "x")
    found = sold("budget", "last", "--json").json["consumers"]["files"]
    assert [one["name"].rsplit("/", 1)[-1] for one in found] == ["pears.py", "pears.py"]  # /shop is not the workspace here
    lines = [message("assistant", call("Read", "c3", file_path=f"{sold.workspace}/pears.py")), message("tool", answer("c3", "5"))]
    sold("append", "last", "--stdin", stdin="\n".join(map(json.dumps, lines)))
    again = sold("budget", "last", "--json").json["consumers"]["files"]
    assert {one["name"]: one["pieces"] for one in again}["pears.py"] == 4
