"""Where the key of a store is looked for, and what is said where it is not."""

import os
import sys
import types

import pytest

from segue.core.errors import StoreUnusableError, UsageError, WrongKeyError
from segue.core.log.storekeys import from_text, id_of, to_text
from segue.host.keys import MachineKeys, keep, read_file

ONE, TWO = bytes(range(32)), bytes(range(1, 33))


@pytest.fixture
def ring(monkeypatch):
    """A keyring that keeps what it is given, in the place of the system's."""
    kept = {}
    module = types.ModuleType("keyring")
    module.get_password = lambda service, name: kept.get((service, name))
    module.set_password = lambda service, name, text: kept.__setitem__((service, name), text)
    monkeypatch.setitem(sys.modules, "keyring", module)
    return kept


def test_a_key_is_written_down_and_read_again():
    assert from_text(to_text(ONE)) == ONE
    assert from_text(f"  {to_text(ONE).upper()[:30]} {to_text(ONE).upper()[30:]}\n") == ONE
    assert id_of(ONE) != id_of(TWO)


@pytest.mark.parametrize("at", range(12, 68, 5))
def test_a_slip_in_any_character_is_noticed(at):
    text = to_text(ONE)
    other = "b" if text[at] != "b" else "c"
    with pytest.raises(WrongKeyError) as refused:
        from_text(text[:at] + other + text[at + 1 :])
    assert text[12:] not in refused.value.message


@pytest.mark.parametrize(
    "text", ["", "segue-key-1-", "hunter2", to_text(ONE)[:-1], "segue-key-2-" + to_text(ONE)[12:], "\0", "é"]
)
def test_what_is_no_key_is_refused(text):
    with pytest.raises(WrongKeyError):
        from_text(text)


def test_a_key_is_found_in_the_environment_a_file_and_the_keyring_in_this_order(tmp_path, ring):
    file, named = tmp_path / "a", tmp_path / "b"
    keep(ONE, f"file:{file}")
    keep(TWO, f"file:{named}")
    keep(ONE, "keyring")
    assert MachineKeys({"SEGUE_KEY": to_text(TWO)}).key(id_of(TWO)) == TWO
    assert MachineKeys({}, str(file)).key(id_of(ONE)) == ONE
    assert MachineKeys({}, str(file)).key(id_of(TWO), f"file:{named}") == TWO
    assert MachineKeys({}).key(id_of(ONE), "keyring") == ONE
    assert MachineKeys({"SEGUE_KEY": to_text(TWO)}).key(id_of(ONE), "keyring") == ONE


def test_a_key_that_is_nowhere_is_said_to_be_with_all_places(tmp_path, ring):
    keep(TWO, f"file:{tmp_path / 'k'}")
    with pytest.raises(WrongKeyError) as refused:
        MachineKeys({"SEGUE_KEY": to_text(TWO)}, str(tmp_path / "none")).key(id_of(ONE), f"file:{tmp_path / 'k'}")
    assert refused.value.message == (
        f"the store cannot be opened: it is under key {id_of(ONE)}, and that is not in the variable SEGUE_KEY, which has {id_of(TWO)}; "
        f"nor in the file '{tmp_path / 'none'}', which is not there; nor in the file '{tmp_path / 'k'}', which has {id_of(TWO)}"
    )
    assert to_text(TWO) not in refused.value.message


def test_a_key_file_is_the_user_s_alone_holds_several_and_gets_none_twice(tmp_path):
    file = tmp_path / "deep" / "keys"
    assert keep(ONE, f"file:{file}") == f"file:{file}"
    keep(TWO, f"file:{file}")
    keep(ONE, f"file:{file}")
    assert (read_file(file), file.stat().st_mode & 0o777) == ([ONE, TWO], 0o600)
    file.chmod(0o640)
    with pytest.raises(WrongKeyError, match="others may read it"):
        read_file(file)


def test_no_key_is_written_through_a_link_or_into_a_directory(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("link", "."):
        with pytest.raises((StoreUnusableError, WrongKeyError)):
            keep(ONE, f"file:{tmp_path / name}")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("place", ["", "file:", "argv", "keyring:x"])
def test_there_are_no_other_places(place):
    with pytest.raises(UsageError):
        keep(ONE, place)


def test_a_keyring_that_fails_or_forgets_is_not_relied_on(ring, monkeypatch):
    def refuse(*_):
        raise RuntimeError("locked. Unlock it first")

    monkeypatch.setattr(sys.modules["keyring"], "set_password", refuse)
    with pytest.raises(StoreUnusableError, match=r"locked$"):
        keep(ONE, "keyring")
    monkeypatch.setattr(sys.modules["keyring"], "set_password", lambda *_: None)
    with pytest.raises(StoreUnusableError, match="does not give back"):
        keep(ONE, "keyring")


def test_without_the_library_the_keyring_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(StoreUnusableError) as refused:
        keep(ONE, "keyring")
    assert refused.value.hint == "pip install 'segue[encryption]'"
    with pytest.raises(WrongKeyError, match="library is not installed"):
        MachineKeys({}).key(id_of(ONE), "keyring")


def test_a_key_file_of_another_user_is_not_trusted(tmp_path, monkeypatch):
    file = tmp_path / "keys"
    keep(ONE, f"file:{file}")
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    if file.stat().st_uid != 0:
        with pytest.raises(WrongKeyError):
            read_file(file)
