"""A packed file that is spoilt is read as far as it goes, by every reader."""

import gzip

import pytest

from segue.transcripts import readers
from segue.transcripts._lines import open_file


@pytest.mark.parametrize("reader", readers(), ids=lambda reader: reader.agent)
@pytest.mark.parametrize(
    "rest", [b"", b"\x00", b"\x08\xff" * 40, gzip.compress(b'{"a":1}\n' * 900)[2:60]], ids=["cut", "short", "method", "stream"]
)
def test_a_spoilt_header_or_stream_is_no_error(tmp_path, reader, rest):
    path = tmp_path / "packed"
    path.write_bytes(b"\x1f\x8b" + rest)

    for batch in reader.read(str(path), "x"):
        assert batch.drafts or batch.noted


def test_what_comes_before_the_damage_is_read(tmp_path):
    whole = b"".join(b"%d %s\n" % (n, bytes(str(hash(str(n))), "ascii")) for n in range(20_000))
    packed = bytearray(gzip.compress(whole))
    packed[len(packed) // 2] ^= 0xFF
    (tmp_path / "packed").write_bytes(packed)

    with open_file(str(tmp_path / "packed")) as file:
        data = file.read()

    assert len(data) > len(whole) // 4
    assert data[: len(whole) // 4] == whole[: len(whole) // 4]
