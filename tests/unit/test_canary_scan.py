"""The search for canaries finds them however they are written, so that finding none means something."""

import base64
import gzip
import json
import subprocess
import zlib

import pytest

from segue.stores.log import zstd
from tests.canary import canaries, traces

WORDS = canaries("one", "two")
WORD = WORDS["one"].split()[1]
TEXT = f"xx {WORD} yy"
PLACES = {
    "as it is": TEXT.encode(),
    "in capitals": TEXT.upper().encode(),
    "without its first letter": WORD[1:].encode(),
    "in JSON": json.dumps({"a": TEXT}).encode(),
    "in UTF-16": TEXT.encode("utf-16"),
    "in UTF-16, big-endian": TEXT.encode("utf-16-be"),
    "in hex": TEXT.encode().hex().encode(),
    "in base64": base64.b64encode(TEXT.encode()),
    "in base64, shifted by one": base64.b64encode(b"." + TEXT.encode()),
    "in base64, shifted by two": base64.urlsafe_b64encode(b".." + TEXT.encode()),
    "in zstd": zstd.compress(TEXT.encode() * 9),
    "in zstd behind others": b"head" + zstd.compress(b"no" * 99) + b"\x28\xb5\x2f\xfd" + zstd.compress(TEXT.encode() * 9),
    "in zstd in gzip": gzip.compress(zstd.compress(TEXT.encode() * 9)),
    "in zlib": zlib.compress(TEXT.encode() * 9),
    "in zlib, fast": b".." + zlib.compress(TEXT.encode() * 9, 1),
    "in zlib, cut short": zlib.compress(TEXT.encode() * 9 + bytes(range(256)) * 99)[:-20],
}


@pytest.mark.parametrize("data", PLACES.values(), ids=PLACES)
def test_a_word_is_found(tmp_path, data):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(data)
    assert {(t.word, t.file) for t in traces(tmp_path, WORDS)} == {("one", "deep/file")}


def test_a_word_is_found_in_names_and_links_and_objects_of_git(tmp_path):
    (tmp_path / f"dir-{WORD}").mkdir()
    (tmp_path / "file").write_bytes(WORDS["two"].encode() * 9)
    (tmp_path / "link").symlink_to(f"/nowhere/{WORD}")
    repository = tmp_path / "store.git"
    subprocess.run(["git", "init", "-q", "--bare", repository], check=True)
    subprocess.run(["git", "--git-dir", repository, "hash-object", "-w", tmp_path / "file"], check=True, capture_output=True)
    (tmp_path / "file").unlink()
    found = {(t.word, t.file) for t in traces(tmp_path, WORDS)}
    assert {("one", f"dir-{WORD}"), ("one", "link"), ("two", "store.git/objects")} <= found
    assert {word for word, file in found if file.startswith("store.git")} == {"two"}
    assert traces(tmp_path, WORDS, but=["dir-", "link", "store.git"]) == set()


def test_where_no_word_is_none_is_found(tmp_path):
    (tmp_path / "file").write_bytes(zstd.compress(b"nothing of note" * 99) + bytes(range(256)) * 99)
    (tmp_path / "empty").touch()
    assert traces(tmp_path, WORDS) == set()
