"""A sealed segment's seek table saves reading and is never believed: whichever bit of it is wrong, all lines are read, and it is told."""

import contextlib
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from segue.core.log.storekeys import id_of
from segue.stores.log import sealing
from segue.stores.log.cipher import PLAIN, SCHEME, Cipher, Scheme, write_scheme
from tests.encryption import KEY, Ring

LINES = b"".join(b'{"v":1,"seq":%d,"of":"a line"}\n' % n for n in range(1, 40))


def encrypting(place):
    write_scheme(place / SCHEME, Scheme(id_of(KEY)))
    return Cipher(place, Ring(KEY)).refresh()


@pytest.fixture(params=["plain", "encrypted"])
def cipher(request, tmp_path):
    return PLAIN if request.param == "plain" else encrypting(tmp_path)


def opened(path, data):
    path.write_bytes(data)
    return os.open(path, os.O_RDONLY)


def flipped(data, bit):
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def read(fd, cipher):
    return b"".join(sealing.content(fd, frame, cipher) for frame in sealing.frames(fd))


def test_it_reads_back_with_its_table(tmp_path, cipher):
    fd = opened(tmp_path / "sealed", sealing.seal(LINES, cipher))

    assert (read(fd, cipher), len(sealing.frames(fd)), sealing.has_table(fd, cipher)) == (LINES, 3, True)
    os.close(fd)


def test_each_wrong_bit_of_the_table_is_told_and_costs_no_line(tmp_path, cipher):
    whole = sealing.seal(LINES, cipher)
    fd = opened(tmp_path / "sealed", whole)
    last = sealing.frames(fd)[-1]
    os.close(fd)
    wrong = []

    for bit in range((last.offset + last.size) * 8, len(whole) * 8):
        fd = opened(tmp_path / "sealed", flipped(whole, bit))
        if (read(fd, cipher), sealing.has_table(fd, cipher)) != (LINES, False):
            wrong.append((bit // 8 - len(whole), bit % 8))
        os.close(fd)

    assert wrong == []


def test_a_frame_is_read_as_it_was_written_after_one_that_could_not_be_in_whatever_thread():
    frames = [(content, sealing.frame(content)) for content in (LINES, LINES[:80], bytes(100_000))]
    broken = [flipped(frames[0][1], bit) for bit in range(0, 8 * len(frames[0][1]), 7)]

    def read_all(_thread):
        found = []
        for data in broken:
            with contextlib.suppress(sealing.zstd.BadFrame):
                sealing.zstd.decompress(data, len(LINES))
            found += [sealing.zstd.decompress(frame, 1 << 20) == content for content, frame in frames]
        return all(found)

    with ThreadPoolExecutor(4) as pool:
        assert [*pool.map(read_all, range(4))] == [True] * 4


def test_each_wrong_bit_of_an_encrypted_frame_is_found(tmp_path):
    cipher = encrypting(tmp_path)
    whole = sealing.seal(LINES[:80], cipher)
    fd = opened(tmp_path / "sealed", whole)
    (frame,) = sealing.frames(fd)
    os.close(fd)
    unseen = []

    for bit in range(frame.size * 8):
        fd = opened(tmp_path / "sealed", flipped(whole, bit))
        try:
            read(fd, cipher)
        except sealing.zstd.BadFrame:
            pass
        else:
            unseen.append(bit)
        os.close(fd)

    assert unseen == []


def test_each_wrong_bit_of_an_encrypted_line_is_found(tmp_path):
    cipher = encrypting(tmp_path)
    lines = [b'{"v":1,"seq":%d,"of":"%s"}\n' % (n, b"a" * n) for n in (7, 8, 9)]  # each needs another padding
    for line in lines:
        boxed = cipher.box_line(line)[:-1]
        assert cipher.open_line(boxed) == line[:-1]
        opened_ = [bit for bit in range(len(boxed) * 8) if cipher.open_line(flipped(boxed, bit)) == line[:-1]]
        assert opened_ == []
