"""The index of an encrypted store where there is no sqlcipher3: in memory, and said so."""

import sys

import pytest
from inline_snapshot import snapshot

from segue.stores.index.driver import ENCRYPTED


@pytest.fixture
def locked(shop, monkeypatch):
    """A shop whose store is encrypted, on a machine without sqlcipher3."""
    assert shop("encrypt", "--key-file", str(shop.home / "segue.key")).code == 0
    monkeypatch.setitem(sys.modules, ENCRYPTED, None)
    for file in (shop.home / "segue" / "store").glob("index.sqlite*"):
        file.unlink()
    return shop


def test_without_sqlcipher_search_and_list_answer_and_write_nothing(locked):
    hits = locked("search", "pears", "--json").json["hits"]
    assert {hit["session"] for hit in hits} == {row["id"] for row in locked("list", "--json").json["sessions"]} != set()
    assert [file.name for file in (locked.home / "segue" / "store").glob("index.sqlite*")] == ["index.sqlite.lock"]


def test_doctor_and_status_say_that_sqlcipher_is_missing(locked):
    (found,) = [check for check in locked("doctor", "--json").json["checks"] if check["check"] == "index"]
    what = found.pop("what").partition(" is not used, ")[2]
    assert (found, what) == snapshot(
        (
            {"check": "index", "status": "warn", "hint": "pip install 'segue[encryption]'"},
            "questions are answered without it: sqlcipher3 is not installed, and the index of an encrypted store is never written in the clear",
        )
    )
    assert locked("status", "last").err == snapshot(
        "warning: the index is in memory and made anew by each command: sqlcipher3 is not installed, and the index of an encrypted store is never written in the clear (pip install 'segue[encryption]')\n"
    )


def test_with_sqlcipher_they_say_nothing(shop):
    assert shop("encrypt", "--key-file", str(shop.home / "segue.key")).code == 0
    (found,) = [check for check in shop("doctor", "--json").json["checks"] if check["check"] == "index"]
    assert (found["status"], found["hint"]) == ("ok", None)
    assert shop("status", "last").err == ""
