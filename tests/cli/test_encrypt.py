"""The store under a key, from the command line: put, rotated, shown, taken off; and what is said without the key."""

import json
import re
import stat
import sys

import pytest
from inline_snapshot import snapshot

from tests.canary import canaries, traces


@pytest.fixture
def said(shop):
    """Run a command, the names of keys and the store's own hash taken out of its answer."""

    def run(*arguments):
        text = re.sub(r"segue-key-1-[a-z2-7]{56}", "segue-key-1-TEXT", shop.says(*arguments)).replace(str(shop.home), "/home/dev")
        names = dict.fromkeys(re.findall(r"\bkeys?(?: before it:)? ([0-9a-f]{8})\b", text))
        for n, name in enumerate(names, 1):
            text = text.replace(name, f"KEY-{n}")
        return re.sub(r"store-[0-9a-f]{8}", "store-HASH", text)

    return run


@pytest.fixture
def file(shop):
    return shop.home / "segue.key"


def lock(shop, file):
    assert shop("encrypt", "--key-file", str(file)).code == 0


def bytes_of(shop):
    return {path: path.read_bytes() for path in (shop.home / "segue" / "store").rglob("*") if path.is_file()}


def test_a_store_is_encrypted_and_used_as_before(shop, said, file):
    before = shop("log", "last", "--json").out
    assert said("encrypt", "--key-file", str(file)) == snapshot("""\
$ segue encrypt --key-file /home/dev/segue.key
the store is encrypted under key KEY-1: 1 log, 0 large values and 2 other files written anew
the key is in /home/dev/segue.key; keep a copy elsewhere: without it nobody can read the store
""")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert shop("log", "last", "--json").out == before
    assert [path for path, data in bytes_of(shop).items() if b"pears" in data and "index" not in path.name] == []
    assert [hit["session"] for hit in shop("search", "pears", "--json").json["hits"]] != []
    assert said("key") == snapshot("""\
$ segue key
the store is under key KEY-1, which is in /home/dev/segue.key
""")
    assert said("validate") == snapshot("""\
$ segue validate
sound: 1 session, 8 events checked
""")
    assert said("key", "show") == snapshot("""\
$ segue key show
segue-key-1-TEXT
""")
    assert said("encrypt", "--key-file", str(file)) == snapshot("""\
$ segue encrypt --key-file /home/dev/segue.key
! error: the store is encrypted already, under key KEY-1
! hint: segue key rotate
[exit code 2]
""")


def test_without_its_key_a_store_is_not_opened_and_stays_as_it_is(shop, said, file):
    lock(shop, file)
    file.rename(file.with_name("elsewhere"))
    before = bytes_of(shop)
    assert said("list") == snapshot("""\
$ segue list
! error: the store cannot be opened: it is under key KEY-1, and that is not in the variable SEGUE_KEY, which is not set; nor in the file '/home/dev/segue.key', which is not there
! hint: set SEGUE_KEY, or name a file that holds it: SEGUE_KEY_FILE=/path
[exit code 7]
""")
    assert shop("list").code == 7
    assert shop("start", "--task", "more").code == 7
    assert bytes_of(shop) == before
    shop.env["SEGUE_KEY_FILE"] = str(file.with_name("elsewhere"))
    assert shop("list").code == 0


def test_a_key_that_is_wrong_in_a_letter_or_that_others_may_read_is_refused(shop, said, file):
    lock(shop, file)
    text = file.read_text()
    file.write_text(text.replace("-1-", "-1-a", 1))
    assert said("list") == snapshot("""\
$ segue list
! error: the key cannot be read: it is not one that segue wrote, or a character of it is wrong
! hint: a key is one line that begins with segue-key-1-
[exit code 7]
""")
    file.write_text(text)
    file.chmod(0o644)
    assert said("list") == snapshot("""\
$ segue list
! error: key file '/home/dev/segue.key' cannot be trusted: others may read it
! hint: chmod 600 '/home/dev/segue.key'
[exit code 7]
""")


def test_a_key_is_rotated_and_copies_made_before_are_named(shop, said, file):
    lock(shop, file)
    shop("backup")
    assert said("key", "rotate", "--key-file", str(file)) == snapshot("""\
$ segue key rotate --key-file /home/dev/segue.key
the store is encrypted under key KEY-1: 1 log, 0 large values and 2 other files written anew
the key is in /home/dev/segue.key; keep a copy elsewhere: without it nobody can read the store
! warning: backup 000001-20260115T093003Z is under another key: /home/dev/segue/backups/store-HASH/000001-20260115T093003Z
""")
    assert said("key") == snapshot("""\
$ segue key
the store is under key KEY-1, which is in /home/dev/segue.key
keys before it: KEY-2
""")
    shop("restore-store", "last")
    assert shop("list").code == 0


def test_a_store_is_decrypted_when_that_is_confirmed(shop, said, file):
    lock(shop, file)
    assert said("decrypt") == snapshot("""\
$ segue decrypt
! error: the store will lie in the clear: whoever can read its files can read all of it
! hint: segue decrypt --yes
[exit code 3]
""")
    assert said("decrypt", "--yes") == snapshot("""\
$ segue decrypt --yes
the store is in the clear: 1 log, 0 large values and 2 other files written anew
""")
    file.unlink()
    assert shop("list").code == 0
    assert said("decrypt", "--yes") == snapshot("""\
$ segue decrypt --yes
! error: the store cannot be decrypted: it is not encrypted
[exit code 2]
""")


def test_the_key_may_be_in_the_environment_alone(shop, said):
    key, other = (shop("key", "new").out.strip() for _ in range(2))
    assert said("encrypt", "--key-env") == snapshot("""\
$ segue encrypt --key-env
! error: there is no key in the variable SEGUE_KEY
! hint: SEGUE_KEY=$(segue key new) segue ...
[exit code 2]
""")
    shop.env["SEGUE_KEY"] = key
    assert said("encrypt", "--key-env") == snapshot("""\
$ segue encrypt --key-env
the store is encrypted under key KEY-1: 1 log, 0 large values and 2 other files written anew
the key is the one in your environment: segue needs it there (SEGUE_KEY) from now on
""")
    shop.env["SEGUE_NEW_KEY"] = other
    assert shop("key", "rotate", "--key-env").code == 0
    assert shop("list").code == 7
    shop.env["SEGUE_KEY"] = other
    assert shop("list").code == 0


def test_what_was_interrupted_is_named_and_gone_on_with(shop, said, file):
    lock(shop, file)
    scheme = shop.home / "segue" / "store" / "encryption.json"
    scheme.write_text(scheme.read_text().replace('"changing": false', '"changing": true'))
    assert said("key") == snapshot("""\
$ segue key
the store is under key KEY-1, which is in /home/dev/segue.key
not everything is under it yet: segue key continue
""")
    assert said("key", "rotate", "--key-file", str(file)) == snapshot("""\
$ segue key rotate --key-file /home/dev/segue.key
! error: the key cannot be changed: an earlier change is not done
! hint: segue key continue
[exit code 5]
""")
    assert said("key", "continue") == snapshot("""\
$ segue key continue
the store is encrypted under key KEY-1: 0 logs, 0 large values and 0 other files written anew
the key is in /home/dev/segue.key; keep a copy elsewhere: without it nobody can read the store
""")
    assert shop("key", "--json").json["changing"] is False


def test_doctor_says_under_which_key_the_store_is(shop, file):
    def row():
        return [(c["status"], c["what"], c["hint"]) for c in shop("doctor", "--json").json["checks"] if c["check"] == "key"]

    assert row() == []
    lock(shop, file)
    key = shop("key", "--json").json["key"]
    what = f"the store is under key {key}; the key is in /home/dev/segue.key; keep a copy elsewhere: without it nobody can read the store"
    assert row() == [("ok", what, None)]
    scheme = shop.home / "segue" / "store" / "encryption.json"
    scheme.write_text(scheme.read_text().replace('"changing": false', '"changing": true'))
    assert row() == [("warn", f"{what}; not everything is under it yet", "segue key continue")]


def test_the_background_worker_goes_on_with_what_was_interrupted(shop, file):
    lock(shop, file)
    scheme = shop.home / "segue" / "store" / "encryption.json"
    scheme.write_text(scheme.read_text().replace('"changing": false', '"changing": true'))
    assert shop("upkeep").code == 0
    assert shop("key", "--json").json["changing"] is False


def test_what_lies_beside_the_store_is_under_its_key_too(shop, file):
    words = canaries("title", "text")
    shop("start", "--task", words["title"])
    shop("append", "last", "--kind", "note.added", "--body", json.dumps({"text": words["text"]}))
    shop.env["SEGUE_MIRROR"] = "activity"
    shop("upkeep")
    home = shop.home / "segue"
    assert {trace.file.split("/")[0] for trace in traces(home, words)} >= {"store", "mirrors"}
    lock(shop, file)
    shop("upkeep")
    assert traces(home, words) == set()
    assert shop("key", "rotate", "--key-file", str(file)).code == 0
    assert traces(home, words) == set()
    assert (home / "mirrors").is_dir()
    shop.home.joinpath("segue", "store").rename(shop.home / "lost")
    assert shop("recover").code in {0, 6}


def test_without_the_library_no_key_is_left_behind_and_it_is_said_what_to_install(shop, said, file, monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    assert said("encrypt", "--key-file", str(file)) == snapshot("""\
$ segue encrypt --key-file /home/dev/segue.key
! error: no store can be put under a key or opened with one: the library for that is not installed
! hint: pip install 'segue[encryption]'
[exit code 7]
""")
    assert not file.exists()


def test_one_place_is_given_for_a_key(shop, said):
    assert said("encrypt", "--keyring", "--key-env") == snapshot("""\
$ segue encrypt --keyring --key-env
! error: a key is kept in one place: give one of --keyring, --key-file, --key-env
[exit code 2]
""")


def test_a_backup_in_the_clear_is_named(shop, said, file):
    shop("backup")
    assert said("encrypt", "--key-file", str(file)) == snapshot("""\
$ segue encrypt --key-file /home/dev/segue.key
the store is encrypted under key KEY-1: 1 log, 0 large values and 2 other files written anew
the key is in /home/dev/segue.key; keep a copy elsewhere: without it nobody can read the store
! warning: backup 000001-20260115T093002Z is in the clear: /home/dev/segue/backups/store-HASH/000001-20260115T093002Z
""")
