"""What goes wrong is one sentence, a hint, and an exit code that scripts can rely on."""

import json

import pytest
from inline_snapshot import snapshot


def test_a_command_that_there_is_not(cli):
    assert cli.says("lst") == snapshot("""\
$ segue lst
! error: there is no command 'lst'
! hint: did you mean: segue list
[exit code 2]
""")
    assert cli.says("frobnicate") == snapshot("""\
$ segue frobnicate
! error: there is no command 'frobnicate'
! hint: segue --help lists the commands
[exit code 2]
""")


@pytest.mark.parametrize("group", ["checkpoint", "mcp", "note"])
def test_a_command_of_several_without_one_of_them(cli, group):
    assert cli(group).err == f"error: missing command\nhint: segue {group} --help\n"


def test_an_option_that_there_is_not(cli):
    assert cli.says("list", "--nope") == snapshot("""\
$ segue list --nope
! error: no such option '--nope'. (Did you mean one of: '--since', '--store', '--type'?)
! hint: segue list --help
[exit code 2]
""")


def test_no_session_given_and_none_here(cli):
    assert cli.says("status") == snapshot("""\
$ segue status
! error: no session was given, and this workspace has none
! hint: begin one: segue start --task "..."; or bring in what your agents did: segue import --all
[exit code 2]
""")


def test_a_session_that_there_is_not(shop):
    assert shop.says("status", "SESSION-260115-777") == snapshot("""\
$ segue status SESSION-260115-777
! error: session 'SESSION-260115-777' was not found
! hint: segue list
[exit code 4]
""")


def test_an_ambiguous_reference_lists_the_candidates(shop):
    shop("start", "--task", "wash apples")
    assert shop.says("status", shop("list", "--json").json["sessions"][0]["id"][:6]) == snapshot("""\
$ segue status 019bc0
! error: reference '019bc0' fits 2 sessions: SESSION-260115-001 (sell pears), SESSION-260115-002 (wash apples)
! hint: name the one you mean as it is called here, such as SESSION-260115-001
[exit code 2]
""")


def test_an_id_that_two_frameworks_use_says_whose_each_session_is_and_how_to_name_one(cli):
    for number, agent in ((1, "langgraph"), (2, "openai_agents")):
        event = {"kind": "session.updated", "body": {"task": "", "agent": agent, "foreign_ids": ["chat-42"]}}
        cli("start", "--task", "x")
        assert cli("append", f"SESSION-260115-00{number}", "--stdin", stdin=json.dumps(event)).code == 0
    assert cli.says("status", "chat-42") == snapshot("""\
$ segue status chat-42
! error: reference 'chat-42' fits 2 sessions: SESSION-260115-002 (openai_agents), SESSION-260115-001 (langgraph)
! hint: name the one you mean as it is called here, such as SESSION-260115-002
[exit code 2]
""")
    assert cli("status", "SESSION-260115-002").code == 0


def test_errors_for_a_script_are_json_on_standard_error(cli):
    assert cli("status", "nope", "--json").error == snapshot(
        {"code": "not-found", "message": "session 'nope' was not found", "hint": "segue list", "what": "session", "ref": "nope"}
    )
    assert cli("list", "--nope", "--json").error == snapshot(
        {
            "code": "usage",
            "message": "no such option '--nope'. (Did you mean one of: '--since', '--store', '--type'?)",
            "hint": "segue list --help",
        }
    )
    assert cli("lst", "--json").error == snapshot(
        {"code": "usage", "message": "there is no command 'lst'", "hint": "did you mean: segue list"}
    )


def test_a_store_of_a_kind_that_there_is_not(cli):
    assert cli.says("list", "--store", "ftp://x/y") == snapshot("""\
$ segue list --store ftp://x/y
! error: store 'ftp://x/y' cannot be opened: there is no 'ftp' store
! hint: log:///directory or memory://
[exit code 2]
""")
    assert cli.says("list", "--store", "log://relative") == snapshot("""\
$ segue list --store log://relative
! error: store 'log://relative' cannot be opened: its directory is not absolute
! hint: log:///absolute/directory
[exit code 2]
""")


def test_a_configuration_that_is_not_toml(cli):
    (cli.home / "segue").mkdir(parents=True)
    (cli.home / "segue" / "config.toml").write_text("store = [")
    assert cli.says("list") == snapshot("""\
$ segue list
! error: configuration '/home/dev/segue/config.toml' is not TOML: Invalid value (at end of document)
! hint: edit the file: /home/dev/segue/config.toml
[exit code 2]
""")


def test_a_bad_line_is_named_and_the_rest_goes_on(shop):
    lines = '{"kind":"x.y"}\nnot json\n\n[1]\n{"body":{}}\n{"kind":"x.y","bodi":{}}\n{"kind":"message","body":{}}\n{"kind":"x.y"}'
    assert shop.says("append", "current", "--stdin", stdin=lines) == snapshot("""\
$ segue append current --stdin
{"seq":9}
{"seq":10}
! error: line 2: event cannot be written: the line is not JSON: Expecting value: line 1 column 1 (char 0)
! error: line 4: event cannot be written: the line is not a JSON object
! error: line 5: event cannot be written: the line lacks a kind
! error: line 6: event of kind 'x.y' cannot be written: the line has a field 'bodi'; what an event says goes into its body
! error: line 7: event of kind 'message' cannot be written: body lacks 'parts'
[exit code 2]
""")


def test_a_bad_line_for_a_script(shop):
    said = shop("append", "current", "--stdin", "--json", stdin='{"kind":"x.y"}\n{"kind":"message","body":{"role":7}}\n')
    assert said.code == 2
    assert said.out == '{"seq":9}\n'
    assert json.loads(said.err)["error"] == snapshot(
        {
            "code": "invalid-event",
            "message": "line 2: event of kind 'message' cannot be written: body lacks 'parts'",
            "hint": None,
            "line": 2,
            "kind": "message",
            "reason": "body lacks 'parts'",
        }
    )


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xfe",
        b'{"kind":"x.y","body":{"n":NaN}}',
        b'{"kind":"x.y","body":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"kind":"x.y","body":[1]}',
        b'{"kind":"X y"}',
        b'{"kind":"x.y","actor":7}',
        b'{"kind":"x.y","key":""}',
        b'{"kind":"x.y","at":"noon"}',
        b'{"kind":"x.y","stream":["main"]}',
        b'{"kind":"x.y","node":{"a":1}}',
        b'{"kind":"x.y","source":"me"}',
        b"{",
    ],
)
def test_no_line_whatever_is_in_it_stops_the_others(shop, line):
    said = shop("append", "current", "--stdin", stdin=line + b'\n{"kind":"x.y"}\n')
    assert (said.code, said.out) == (2, '{"seq":9}\n')
    assert said.err.startswith("error: line 1: event")


def test_an_event_with_a_known_key_adds_nothing(shop):
    lines = '{"kind":"x.y","key":"a"}\n{"kind":"x.y","key":"a"}\n'
    assert shop("append", "current", "--stdin", stdin=lines).out == '{"seq":9}\n{"seq":9}\n'
    assert shop("append", "current", "--stdin", stdin=lines).out == '{"seq":9}\n{"seq":9}\n'
    assert shop.says("append", "current", "--kind", "x.y", "--key", "a", "--on-key", "refuse") == snapshot("""\
$ segue append current --kind x.y --key a --on-key refuse
! error: append to session '019bc0fd-89c1-7466-ae0c-494e4f11e5ad' was refused: key 'a' is taken by event 9
[exit code 5]
""")


def test_an_import_of_nothing_says_what_can_be_given(cli):
    assert cli.says("import") == snapshot("""\
$ segue import
! error: nothing to import was named
! hint: segue import --all, or give files or directories
[exit code 2]
""")


def test_an_append_of_nothing_is_a_usage_error(shop):
    assert shop.says("append", "current") == snapshot("""\
$ segue append current
! error: an append takes either --stdin, or --kind and --body
! hint: segue append --help
[exit code 2]
""")
    assert shop.says("append", "current", "--kind", "x.y", "--body", "{") == snapshot("""\
$ segue append current --kind x.y --body '{'
! error: the body is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)
! hint: quote it for the shell: --body '{"text": "..."}'
[exit code 2]
""")


def test_a_transcript_is_not_obeyed_by_the_terminal(shop):
    evil = "\x1b]0;owned\x07\x1b[2J\u202etxt.exe\r\x9b1m"
    line = {"kind": "message", "body": {"role": "user", "parts": [{"type": "text", "content": evil}]}}
    shop("append", "current", "--stdin", stdin=json.dumps(line))
    for arguments in (
        ["log"],
        ["status"],
        ["show", "current", "9"],
        ["search", "owned"],
        ["list"],
        ["show", "--format", "text"],
        [],
    ):
        said = shop(*arguments)
        assert said.code == 0
        assert not set("\x1b\x07\x9b\u202e\r") & set(said.out), arguments
    assert "\\x1b]0;owned" in shop("show", "current", "9").out


def test_colours_are_for_terminals_and_only_where_they_are_wanted(shop):
    assert "\x1b[1m" in shop("status", "current", typed="").out
    shop.env["NO_COLOR"] = "1"
    assert "\x1b" not in shop("status", "current", typed="").out


def test_where_a_session_is_left_out_a_person_is_asked(shop):
    shop("start", "--task", "wash apples")
    said = shop("status", typed="pears\n")
    assert said.code == 0
    assert "number, words, or Enter for the first:" in said.out
    assert "sell pears, never plums" in said.out.split("first: ")[1]


def test_the_picker_is_a_table_and_words_narrow_it(shop):
    shop("start", "--task", "wash apples")
    shop("start", "--task", "wash pears")
    assert shop("status", typed="wash\n2\n").out.partition("\x1b[1mSESSION")[0] == snapshot("""\
\x1b[2m   name                status  active    about\x1b[0m
1  SESSION-260115-003  active  just now  wash pears
2  SESSION-260115-002  active  just now  wash apples
3  SESSION-260115-001  active  just now  sell pears
number, words, or Enter for the first: \x1b[2m   name                status  active    about\x1b[0m
1  SESSION-260115-003  active  just now  wash pears
2  SESSION-260115-002  active  just now  wash apples
number, words, or Enter for the first: \
""")


def test_who_would_rather_not_pick_is_let_go(shop):
    assert shop("status", typed="").code == 130


def test_a_reference_of_any_length_makes_an_error_that_can_be_read(shop):
    said = shop("status", "x" * 100_000)
    assert said.code == 4
    assert said.err.startswith("error: session 'xxxx")
    assert said.err.endswith("xxxx' was not found\nhint: segue list\n")
    assert " characters ...]" in said.err
    assert len(said.err) < 1_100
    found = json.loads(shop("status", "x" * 100_000, "--json").err)["error"]
    assert len(found["ref"]) < 1_100
