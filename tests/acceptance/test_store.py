"""Which store is used, and stores that are empty, read-only, damaged, or none."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.acceptance.conftest import obey_permissions


def test_the_store_is_that_of_the_flag_then_of_the_variable_then_of_the_home(segue, tmp_path):
    segue.json("start", "--task", "home")
    segue.env["SEGUE_STORE"] = f"log://{tmp_path / 'variable'}"
    segue.json("start", "--task", "variable")
    segue.json("start", "--task", "flag", "--store", str(tmp_path / "flag"))
    segue.json("--store", f"log://{tmp_path / 'flag'}", "start", "--task", "flag")

    def tasks(*arguments: str) -> list[str]:
        return [row["task"] for row in segue.json("list", *arguments)["sessions"]]

    assert tasks() == ["variable"]
    assert tasks("--store", str(tmp_path / "flag")) == ["flag", "flag"]
    del segue.env["SEGUE_STORE"]
    assert tasks() == ["home"]


def test_an_empty_store_answers_every_question(segue):
    assert segue.json("list") == {"sessions": [], "more": False}
    assert segue.json("search", "anything")["hits"] == []
    assert segue.json("validate") == {"valid": True, "sessions": 0, "events": 0, "findings": []}
    assert segue("restore", "last").returncode == 4
    assert segue("status").returncode == 2


def test_files_are_for_the_user_alone(segue):
    session = segue.json("start")["id"]
    segue("append", session, "--stdin", stdin=json.dumps({"kind": "x.y", "body": {"t": "x" * 100_000}}).encode())
    segue.json("list")
    segue("config", "set", "owner", "ann")
    home = segue.home / "segue"
    modes = {p.relative_to(home): p.stat().st_mode & 0o777 for p in [home, *home.rglob("*")]}
    assert {str(p): oct(m) for p, m in modes.items() if m & 0o077} == {}


def test_a_place_that_cannot_be_written_is_named(segue, tmp_path):
    place = tmp_path / "locked"
    place.mkdir(mode=0o500)
    done = segue("start", "--store", str(place / "store"), preexec_fn=obey_permissions)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"error: ")
    assert b"Traceback" not in done.stderr


def test_a_store_that_cannot_be_written_can_be_read(segue):
    segue.env["SEGUE_UPKEEP"] = "off"
    session = segue.json("start", "--task", "sell pears")["id"]
    segue("append", session, "--kind", "decision.made", "--body", '{"title": "by weight"}')
    store = segue.home / "segue" / "store"
    before = {p: p.read_bytes() for p in store.rglob("*") if p.is_file()}
    for path in [store, *store.rglob("*")]:
        path.chmod(path.stat().st_mode & 0o555)
    try:
        for arguments in (["list"], ["status", "last"], ["log", "last"], ["restore", "last"], ["search", "weight"], ["validate"]):
            done = segue(*arguments, preexec_fn=obey_permissions)
            assert (done.returncode, done.stderr) == (0, b""), arguments
        for arguments in (["start"], ["append", session, "--kind", "x.y"], ["pause", session]):
            done = segue(*arguments, preexec_fn=obey_permissions)
            assert done.returncode == 1, arguments
            assert done.stderr.startswith(b"error: ")
            assert b"Traceback" not in done.stderr
    finally:
        for path in [store, *store.rglob("*")]:
            path.chmod(path.stat().st_mode | 0o200)
    assert {p: p.read_bytes() for p in store.rglob("*") if p.is_file()} == before


def test_a_file_in_the_place_of_a_store_is_named_and_left_alone(segue, tmp_path):
    place = tmp_path / "file"
    place.write_text("not a store")
    done = segue("list", "--store", str(place))
    assert done.returncode == 1
    assert done.stderr.startswith(b"error: ")
    assert b"Traceback" not in done.stderr
    assert place.read_text() == "not a store"


def test_a_store_of_a_newer_program_is_refused_with_its_own_exit_code(segue):
    segue.json("start")
    file = segue.home / "segue" / "store" / "format.json"
    written = json.loads(file.read_text())
    file.write_text(json.dumps({**written, "segue": 99}))
    done = segue("list", "--json")
    assert done.returncode == 8
    assert json.loads(done.stderr)["error"]["code"] == "store-too-new"


def test_a_lost_index_is_made_again_by_the_next_question(segue):
    session = segue.json("start", "--task", "sell pears")["id"]
    before = segue.json("list")
    for file in (segue.home / "segue" / "store").glob("index.sqlite*"):
        file.write_bytes(b"rubbish" * 100)
    assert segue.json("list") == before
    assert segue.json("status", "last")["id"] == session


def test_one_damaged_session_hides_no_other(segue):
    bad, good = segue.json("start", "--task", "bad")["id"], segue.json("start", "--task", "good")["id"]
    log = segue.home / "segue" / "store" / "sessions" / bad / "log" / "000001.jsonl"
    log.write_bytes(log.read_bytes().replace(b'"task":"bad"', b'"task":"bat"'))
    assert segue.json("status", good)["task"] == "good"
    assert len(segue.json("list")["sessions"]) == 2
    done = segue("validate", "--json")
    assert done.returncode == 6
    assert {f["session"] for f in json.loads(done.stdout)["findings"]} == {bad}


def test_a_reader_that_goes_away_ends_us_without_a_word(segue):
    session = segue.json("start")["id"]
    lines = b"".join(b'{"kind":"x.y","body":{"t":"%s"}}\n' % (b"x" * 1000) for _ in range(500))
    assert segue("append", session, "--stdin", stdin=lines).returncode == 0
    process = segue.start("log", session, "--json")
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(120) == 130
    process.stderr.close()


def test_ctrl_c_ends_a_watch_without_a_word(segue):
    session = segue.json("start")["id"]
    process = segue.start("watch", session, "--json", "--after", "0")
    assert json.loads(process.stdout.readline())["seq"] == 1
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (130, b"")


def test_a_watch_sees_what_another_process_appends(segue):
    session = segue.json("start")["id"]
    process = segue.start("watch", session, "--json", "--after", "2", "--until-seq", "4")
    for _ in range(2):
        segue("append", session, "--kind", "x.y")
    out, err = process.communicate(timeout=120)
    assert ([json.loads(line)["seq"] for line in out.splitlines()], err) == ([3, 4], b"")


def test_text_that_the_terminal_cannot_show_is_escaped_not_fatal(segue):
    session = segue.json("start", "--task", "p\u00e4ars \U0001f350")["id"]
    segue("append", session, "--kind", "x.y", "--body", '{"t": "\\ud800 lone"}')
    segue.env |= {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = segue("status", session)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"p\\xe4ars" in done.stdout
    assert segue.json("list")["sessions"][0]["task"] == "p\u00e4ars \U0001f350"


def test_the_worker_seals_what_waits(segue):
    segue.env["SEGUE_UPKEEP"] = "off"
    session = segue.json("start")["id"]
    text = "x" * 20_000
    lines = b"".join(b'{"kind":"x.y","body":{"n":%d,"t":"%s"}}\n' % (n, text.encode()) for n in range(1500))
    assert segue("append", session, "--stdin", stdin=lines).returncode == 0
    log = segue.home / "segue" / "store" / "sessions" / session / "log"
    assert not list(log.glob("*.zst"))
    workers = [segue.start("upkeep", "--json") for _ in range(2)]
    sealed = [json.loads(w.communicate(timeout=120)[0])["sealed"] for w in workers]
    assert sum(sealed) == len(list(log.glob("*.zst"))) > 0
    assert [e["body"]["n"] for e in segue.events(session)[2:]] == list(range(1500))


def test_a_process_without_a_home_says_what_is_missing(segue):
    env = {"PATH": segue.env["PATH"], "SEGUE_HOME": "/proc/nowhere/segue"}
    done = subprocess.run([sys.executable, "-m", "segue", "list"], env=env, cwd=Path("/"), capture_output=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(b"error: ")
    assert b"Traceback" not in done.stderr


def test_a_worker_is_started_by_itself_when_there_is_something_to_seal(segue):
    session = segue.json("start")["id"]
    lines = b"".join(b'{"kind":"x.y","body":{"n":%d,"t":"%s"}}\n' % (n, b"x" * 20_000) for n in range(1000))
    assert segue("append", session, "--stdin", stdin=lines).returncode == 0
    log = segue.home / "segue" / "store" / "sessions" / session / "log"
    end = time.monotonic() + 120
    while not list(log.glob("*.jsonl.zst")) and time.monotonic() < end:
        time.sleep(0.1)
    assert list(log.glob("*.jsonl.zst"))
    assert segue.json("validate")["valid"] is True


def test_a_shell_is_told_what_words_can_follow(segue):
    name = segue.json("start", "--task", "sell pears")["name"]

    def words(line: str) -> set[str]:
        segue.env |= {"_SEGUE_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
        out = segue().stdout.decode()
        return {word.partition(",")[2] for word in out.splitlines()}

    assert words("segue sta") == {"start", "status", "statusline"}
    assert words("segue status ") == {"last", "current", "paused", name}
    assert words("segue status SES") == {name}
    assert words("segue restore --lev") == {"--level"}
