"""The log: a line an event, narrowed, followed."""

import json

from inline_snapshot import snapshot


def test_a_log_is_a_line_an_event(shop):
    assert shop.says("log") == snapshot("""\
$ segue log
     1  2026-01-15 09:30:00  session.created    SESSION-260115-001
     2  2026-01-15 09:30:00  session.activated
     3  2026-01-15 09:30:01  message            ann: sell pears, never plums
     4  2026-01-15 09:30:01  constraint.set     never plums
     5  2026-01-15 09:30:01  message            assistant: I look at the stock. → Read(file_path: /…
     6  2026-01-15 09:30:01  message            tool: ← pears 7 plums 3
     7  2026-01-15 09:30:01  decision.made      sell by weight
     8  2026-01-15 09:30:01  plan.set           steps: weigh; print a price list
""")


def test_a_log_for_a_script_is_json_lines_with_the_fields_that_are_promised(shop):
    events = [json.loads(line) for line in shop("log", "--json").out.splitlines()]
    promised = ["seq", "id", "at", "kind", "actor", "body", "source", "digest"]
    assert [e["seq"] for e in events] == list(range(1, 9))
    assert all(list(e)[:8] == promised for e in events)


def test_a_log_can_be_narrowed(shop):
    def seqs(*arguments):
        return [json.loads(line)["seq"] for line in shop("log", "--json", *arguments).out.splitlines()]

    assert seqs("--after", "6") == [7, 8]
    assert seqs("--upto", "2") == [1, 2]
    assert seqs("-n", "1") == [8]
    assert seqs("--kind", "message") == [3, 5, 6]
    assert seqs("--active") == [3, 5, 6]
    assert seqs("--active", "-n", "2", "--after", "3") == [5, 6]
    assert seqs("-n", "3", "--upto", "7", "--after", "5") == [6, 7]
    assert seqs("-n", "2", "--kind", "message") == [5, 6]
    assert seqs("--kind", "nothing.such") == []


def test_a_parent_is_printed_where_one_was_given(shop):
    lines = ['{"kind":"message","node":"n","parent":null,"body":{"role":"user","parts":[]}}']
    shop("append", "current", "--stdin", stdin="\n".join(lines))
    events = [json.loads(line) for line in shop("log", "--json").out.splitlines()]
    assert [e.get("parent", "absent") for e in events] == ["absent"] * 8 + [None]
    assert shop("show", "current", "3", "--json").json.get("parent", "absent") == "absent"


def test_following_a_session_prints_events_until_the_one_that_is_waited_for(shop):
    assert shop.says("watch", "--after", "6", "--until-seq", "8") == snapshot("""\
$ segue watch --after 6 --until-seq 8
     7  2026-01-15 09:30:01  decision.made      sell by weight
     8  2026-01-15 09:30:01  plan.set           steps: weigh; print a price list
""")
