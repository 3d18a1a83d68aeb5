"""Emergency files: what is kept is read back whole, once, by another process, whatever became of the one that kept it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from segue.host.emergency import SIZES, EmergencyFiles, ReserveFile, places


@pytest.fixture
def home(tmp_path):
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def env(tmp_path):
    (tmp_path / "run").mkdir(mode=0o700)
    return {"XDG_RUNTIME_DIR": str(tmp_path / "run")}


def kept_by_another(home, env, program):
    """Run *program*, which has `reserve`, in a process of its own that ends like a killed one."""
    code = (
        "import os, resource\nfrom pathlib import Path\nfrom segue.host.emergency import ReserveFile, places\n"
        f"reserve = ReserveFile(places(Path({str(home)!r}), {env!r}))\n{program}\nos._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def taken(home, env):
    found = EmergencyFiles(home, env).take()
    payloads = [(Path(kept.path).parent, kept.payloads, kept.broken) for kept in found]
    for kept in found:
        kept.done()
    return payloads


def test_a_reserve_is_allocated_private_and_gone_when_it_was_not_needed(home, env):
    reserve = ReserveFile(places(home, env))
    (path,) = (home / "emergency").iterdir()
    found = path.stat()

    assert (found.st_size, found.st_blocks * 512 >= SIZES[0], found.st_mode & 0o777) == (SIZES[0], True, 0o600)
    assert (home / "emergency").stat().st_mode & 0o777 == 0o700
    reserve.close()
    assert list((home / "emergency").iterdir()) == []


def test_what_a_killed_process_kept_is_taken_once(home, env):
    kept_by_another(home, env, "reserve.put(b'one')\nreserve.put(b'two\\n' * 1000)")

    assert taken(home, env) == [(home / "emergency", [b"one", b"two\n" * 1000], 0)]
    assert taken(home, env) == []
    assert EmergencyFiles(home, env).is_empty()


def test_the_unused_reserve_of_a_killed_process_is_removed(home, env):
    kept_by_another(home, env, "")

    assert not EmergencyFiles(home, env).is_empty()
    assert taken(home, env) == []
    assert EmergencyFiles(home, env).is_empty()


def test_what_is_left_is_found_again(home, env):
    kept_by_another(home, env, "reserve.put(b'one')")
    for kept in EmergencyFiles(home, env).take():
        kept.leave()

    assert taken(home, env) == [(home / "emergency", [b"one"], 0)]


def test_a_living_process_keeps_its_own(home, env):
    reserve = ReserveFile(places(home, env))
    reserve.put(b"mine")
    other = "from segue.host.emergency import EmergencyFiles\nfrom pathlib import Path\n"
    other += f"print(EmergencyFiles(Path({str(home)!r}), {env!r}).take())"

    done = subprocess.run([sys.executable, "-c", other], check=True, capture_output=True, text=True)

    assert (done.stdout, taken(home, env)) == ("[]\n", [])
    reserve.close()
    assert taken(home, env) == [(home / "emergency", [b"mine"], 0)]


def test_what_is_larger_than_the_reserve_goes_elsewhere(home, env, tmp_path):
    reserve = ReserveFile(places(home, env))
    path = reserve.put(b"x" * SIZES[0])
    reserve.close()

    assert Path(path).is_relative_to(tmp_path / "run")
    assert [(payloads, broken) for _, payloads, broken in taken(home, env)] == [([b"x" * SIZES[0]], 0)]


def test_a_limit_on_file_sizes_leaves_what_was_set_aside(home, env):
    kept_by_another(home, env, "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\nreserve.put(b'small')")

    assert taken(home, env) == [(home / "emergency", [b"small"], 0)]


def test_where_there_is_little_room_less_is_set_aside(home, env):
    code = "resource.setrlimit(resource.RLIMIT_FSIZE, (70_000, 70_000))\nreserve.close()\n"
    code += f"reserve = ReserveFile(places(Path({str(home)!r}), {env!r}))"
    kept_by_another(home, env, code)

    assert [path.stat().st_size for path in (home / "emergency").iterdir()] == [SIZES[1]]


def test_where_no_reserve_can_be_set_aside_the_next_place_is_used(home, env):
    (home / "emergency").write_text("a file is in the way")
    reserve = ReserveFile(places(home, env))
    reserve.put(b"one")
    reserve.close()
    assert [payloads for _, payloads, _ in taken(home, env)] == [[b"one"]]


@pytest.mark.parametrize("cut", [1, 20, 55, 60])
def test_a_frame_that_was_cut_short_is_set_aside_and_those_before_it_are_taken(home, env, cut):
    kept_by_another(home, env, "reserve.put(b'one')\nreserve.put(b'two' * 9)\nos.ftruncate(reserve._fd, reserve._end)")
    (path,) = (home / "emergency").iterdir()
    os.truncate(path, path.stat().st_size - cut)

    ((_, payloads, broken),) = taken(home, env)
    assert (payloads, broken > 0) == ([b"one"], True)
    assert [p.name for p in (home / "emergency").iterdir()] == [f"{path.name}.broken"]
    assert taken(home, env) == []


def test_a_flipped_bit_loses_that_frame_alone(home, env):
    kept_by_another(home, env, "reserve.put(b'one')\nreserve.put(b'two')\nreserve.put(b'three')")
    (path,) = (home / "emergency").iterdir()
    data = bytearray(path.read_bytes())
    data[data.index(b"two")] ^= 1
    path.write_bytes(data)

    ((_, payloads, broken),) = taken(home, env)
    assert (payloads, broken > 0) == ([b"one", b"three"], True)


def test_a_place_that_others_can_write_to_is_not_used(home, env, tmp_path):
    emergency = home / "emergency"
    emergency.mkdir()
    emergency.chmod(0o777)
    (emergency / f"1-{'a' * 16}").write_bytes(b"planted")

    assert taken(home, env) == []
    reserve = ReserveFile(places(home, env))
    assert Path(reserve.put(b"mine")).is_relative_to(tmp_path / "run")
    reserve.close()


def test_a_link_in_the_place_of_a_file_is_not_followed(home, env, tmp_path):
    (home / "emergency").mkdir(mode=0o700)
    (tmp_path / "secret").write_bytes(b"segue-emergency 1 ")
    (home / "emergency" / f"1-{'a' * 16}").symlink_to(tmp_path / "secret")

    assert taken(home, env) == []
    assert (tmp_path / "secret").exists()
