from random import Random

from inline_snapshot import snapshot

from tests.unit.core.redaction.corpus import ALNUM, _some

TOKEN = "gh" + "p_" + _some(Random(11), ALNUM, 36)


def test_scan_tells_where_secrets_stand_and_shows_none(cli):
    place = cli.workspace / "notes"
    place.mkdir()
    (place / "deploy.sh").write_text(f"#!/bin/sh\nexport GH={TOKEN}\ncurl -u me:hunter22! https://x\n")
    (place / "log.jsonl").write_text('{"n": 1}\n{"env": {"DB_PASSWORD": "s3cret-enough"}}\nplain password: hunter22\n')
    (place / "nothing.md").write_text("the password is not here\n")

    assert cli.says("scan", str(place)).replace(str(place), "/shop/notes") == snapshot("""\
$ segue scan /shop/notes
kind          where
github-token  /shop/notes/deploy.sh:2
password      /shop/notes/deploy.sh:3
password      /shop/notes/log.jsonl:2 $.env.DB_PASSWORD
password      /shop/notes/log.jsonl:3
4 secrets: 3 password, 1 github-token
[exit code 3]
""")


def test_scan_of_a_session_that_is_in_the_log_already_names_its_events(shop):
    shop("append", "last", "--kind", "decision.made", "--body", f'{{"title": "use {TOKEN}", "reason": "it is there"}}')

    said = shop("scan", "last", "--json")

    assert said.code == 3
    assert said.json == snapshot(
        {"findings": [{"kind": "github-token", "where": "event 9 $.body.title"}], "counts": {"github-token": 1}}
    )


def test_scan_of_what_holds_no_secret_ends_well(cli):
    said = cli("scan", "-", stdin=b"just words\n")

    assert (said.code, said.out, said.err) == (0, "no secret was found\n", "")


def test_an_import_with_redaction_on_tells_what_it_took_out(cli):
    path = cli.workspace / "chat.jsonl"
    path.write_text(f'{{"role": "user", "content": "use {TOKEN}"}}\n{{"role": "assistant", "content": "done"}}\n')
    cli.env["SEGUE_REDACT"] = "on"

    said = cli("import", str(path), "--agent", "messages", "--json")

    assert said.json["sessions"][0]["redacted"] == {"github-token": 3}
    assert "3 secrets taken out" in cli("status", "last").out
    assert cli("status", "last", "--json").json["counts"]["redacted:github-token"] == 3
    assert cli("scan", "last").code == 0
    assert TOKEN not in cli("log", "last", "--json").out
