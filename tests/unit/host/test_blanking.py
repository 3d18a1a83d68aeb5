"""What is erased in files beside the store: only that, and whoever reads them reads the rest."""

import pytest

from segue.core.log.needles import literal
from segue.host.emergency import EmergencyFiles, ReserveFile
from segue.host.erasing import HomeGround
from segue.host.keeping import Keeping
from segue.ports.boxes import CLEAR
from segue.stores.log.cipher import Cipher, Scheme

NEEDLE = literal(["hunter2hunter2"])


@pytest.fixture(params=["in the open", "encrypted"])
def boxes(request):
    if request.param == "in the open":
        return CLEAR
    cipher = Cipher()
    cipher.scheme = Scheme(cipher.adopt(b"k" * 32))
    return cipher


def test_what_was_kept_in_an_emergency_is_taken_in_without_what_was_erased(tmp_path, boxes):
    reserve = ReserveFile([tmp_path / "emergency"], boxes)
    for payload in (b"first", b"it is hunter2hunter2.", b"third"):
        reserve.put(payload)
    reserve.close()
    ground = HomeGround(tmp_path, (), boxes)
    assert ground.scan(NEEDLE).times > 0

    assert ground.purge(NEEDLE) == 1

    assert ground.scan(NEEDLE)[2:] == ([], [])
    (kept,) = EmergencyFiles(tmp_path, {"TMPDIR": str(tmp_path / "none")}, lambda: boxes).take()
    assert (kept.payloads, kept.broken) == ([b"first", b"it is xxxxxxxxxxxxxx.", b"third"], 0)
    kept.leave()


def test_a_kept_copy_is_the_same_but_for_what_was_erased(tmp_path, boxes):
    (tmp_path / "agent.jsonl").write_bytes(b"before\nit is hunter2hunter2.\nafter\n")
    keeping = Keeping(tmp_path / "home", boxes)
    copy = keeping.keep(str(tmp_path / "agent.jsonl"), "codex")

    assert HomeGround(tmp_path / "home", (), boxes).purge(NEEDLE) == 1

    assert b"".join(keeping.content(copy)) == b"before\nit is xxxxxxxxxxxxxx.\nafter\n"


def test_a_box_whose_key_is_not_at_hand_is_named(tmp_path):
    cipher = Cipher()
    cipher.scheme = Scheme(cipher.adopt(b"k" * 32))
    (tmp_path / "agent.jsonl").write_bytes(b"it is hunter2hunter2.")
    copy = Keeping(tmp_path / "home", cipher).keep(str(tmp_path / "agent.jsonl"), "codex")
    other = Cipher()
    other.scheme = Scheme(other.adopt(b"o" * 32))

    scan = HomeGround(tmp_path / "home", (), other).scan(NEEDLE)

    assert [(one.where, one.times) for one in scan.unread] == [(copy, 0)]
