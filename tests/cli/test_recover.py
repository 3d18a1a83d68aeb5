"""Recovery on the command line: each source is told of, what is lost is named, and the agents' own transcripts are asked."""

import json
import re
import shutil

import pytest
from inline_snapshot import snapshot

SESSION = "7dcc6b33-a8e7-41fa-a76f-5d0f155f452e"


def store_of(cli):
    return cli.home / "segue" / "store"


def harm(cli):
    """Change a word of the first thing that the user said."""
    (log,) = store_of(cli).glob("sessions/*/log/000001.jsonl")
    log.write_bytes(log.read_bytes().replace(b"never plums", b"never grape", 1))


@pytest.fixture
def said(shop):
    """Run a command, what is new in every run taken out of its answer."""
    return lambda *arguments: re.sub(r"store-[0-9a-f]{8}", "store-HASH", shop.says(*arguments))


def test_what_would_be_done_is_said_and_then_done(shop, said):
    shop("backup")
    harm(shop)
    assert said("recover", "--dry-run") == snapshot("""\
$ segue recover --dry-run
source  is       sessions  events  newest               where
store   damaged  1         7                            /home/dev/segue/store
backup  intact   1         8       2026-01-15T09:30:01  /home/dev/segue/backups/store-…
019bc0fd-89c1-7466-ae0c-494e4f11e5ad: damaged (digest does not fit its bytes); 8 events would be there, 7 were
  from /home/dev/segue/backups/store-HASH/000001-20260115T093002Z/store
0 logs are sound
""")
    assert shop("validate").code == 6
    assert said("recover") == snapshot("""\
$ segue recover
source  is       sessions  events  newest               where
store   damaged  1         7                            /home/dev/segue/store
backup  intact   1         8       2026-01-15T09:30:01  /home/dev/segue/backups/store-…
019bc0fd-89c1-7466-ae0c-494e4f11e5ad: damaged (digest does not fit its bytes); 8 events are there, 7 were
  from /home/dev/segue/backups/store-HASH/000001-20260115T093002Z/store
  as it was: /home/dev/segue/store/sessions/019bc0fd-89c1-7466-ae0c-494e4f11e5ad/aside/log-1
0 logs are sound
""")
    assert shop("validate").code == 0
    assert shop("recover", "--json").json["logs"] == []


def test_what_no_copy_has_is_lost_and_the_exit_code_says_so(shop, said):
    harm(shop)
    assert said("repair") == snapshot("""\
$ segue repair
source  is       sessions  events  newest  where
store   damaged  1         7               /home/dev/segue/store
019bc0fd-89c1-7466-ae0c-494e4f11e5ad: damaged (digest does not fit its bytes); 7 events are there, 7 were
  lost: 3
  as it was: /home/dev/segue/store/sessions/019bc0fd-89c1-7466-ae0c-494e4f11e5ad/aside/log-1
0 logs are sound
[exit code 6]
""")
    assert said("validate") == snapshot("""\
$ segue validate
finding  session             event  where and why
aside    SESSION-260115-001  3      lost.json: event 3 is lost: no copy had them when the log was r…
aside    SESSION-260115-001         aside/log-1: the log before it was repaired
1 session, 8 events checked
""")
    assert shop("repair", "--json").code == 0
    assert "sell pears" in shop("status").out
    assert [e["kind"] for e in map(json.loads, shop("log", "last", "--json").out.splitlines())][-1] == "loss"


def test_one_session_is_repaired_by_its_name(shop):
    harm(shop)
    name = shop("list", "--json").json["sessions"][0]["name"]
    assert shop("repair", name, "--json").code == 6
    assert shop("recover", "SESSION-999999-001", "--json").error["code"] == "not-found"


def transcript(cli, *texts):
    """Write a transcript of Claude Code's, and import it."""
    records = [
        {
            "type": "user",
            "uuid": f"00000000-0000-4000-8000-{n:012d}",
            "parentUuid": f"00000000-0000-4000-8000-{n - 1:012d}" if n > 1 else None,
            "sessionId": SESSION,
            "cwd": str(cli.workspace),
            "timestamp": f"2026-01-15T09:30:{n:02d}Z",
            "message": {"role": "user", "content": text},
        }
        for n, text in enumerate(texts, 1)
    ]
    file = cli.home / ".claude" / "projects" / "-x" / f"{SESSION}.jsonl"
    file.parent.mkdir(parents=True)
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    assert cli("import", "--all").code == 0


def test_an_agents_own_transcript_brings_a_session_back_that_no_copy_has(cli):
    transcript(cli, "sell pears")
    shutil.rmtree(store_of(cli))
    said = cli("recover", "--json").json
    assert [(s["kind"], s["place"], s["state"], s["sessions"], s["events"] > 0) for s in said["sources"]] == [
        ("store", "/home/dev/segue/store", "missing", 0, False),
        ("transcripts", "claude-code", "intact", 1, True),
    ]
    assert len(cli("list", "--json").json["sessions"]) == 1
    assert cli("search", "pears", "--json").json["hits"]


def test_an_agents_own_transcript_gives_again_what_a_log_lost_in_its_middle(cli):
    transcript(cli, "sell pears", "never plums", "weigh them")
    harm(cli)
    assert cli("recover", "--json").code == 6
    texts = [
        e["body"]["parts"][0]["content"]
        for e in map(json.loads, cli("log", "last", "--kind", "message", "--json").out.splitlines())
    ]
    assert texts == ["sell pears", "weigh them", "never plums"]
    assert cli("validate").code == 0
    restored = cli("restore", "last").out
    assert restored.index("sell pears") < restored.index("never plums") < restored.index("weigh them")
    again = cli("recover", "--json")
    assert (again.code, [s["events"] for s in again.json["sources"] if s["kind"] == "transcripts"]) == (0, [0])


def test_where_something_else_is_in_the_stores_place_only_force_moves_it(shop):
    shop("backup")
    shutil.rmtree(store_of(shop))
    store_of(shop).mkdir()
    (store_of(shop) / "holiday.jpg").write_bytes(b"pears")
    assert shop("recover", "--json").error["code"] == "store-unusable"
    assert shop("recover", "--force-recovery", "--json").code == 0
    assert len(shop("list", "--json").json["sessions"]) == 1


def test_a_session_begins_whatever_has_become_of_the_store(shop, said):
    shop("backup")
    (store_of(shop) / "format.json").write_text("{")
    assert shop("start", "--task", "weigh them", "--json").error["code"] == "damaged"
    assert said("start", "--task", "weigh them", "--force-recovery") == snapshot("""\
$ segue start --task 'weigh them' --force-recovery
SESSION-260115-002  2026-01-15-general-shop-002
add events: segue append SESSION-260115-002 --stdin    see it: segue status SESSION-260115-002
! warning: format.json was damaged: it is made anew, the damaged one is kept
""")
    assert len(shop("list", "--json").json["sessions"]) == 2
