"""What counts as the end of a log whose last write was a long one."""

import pytest

from segue.core.log.codec import encode_content, encode_line, genesis
from segue.core.log.events import Draft, Head
from segue.stores.log.tail import Tail, examine

BEFORE = Head(0, genesis("s"))


def written(of):
    """The lines of one write, and the digest of the last."""
    lines, prev = [], BEFORE.digest
    for n in range(of):
        draft = Draft("note", {"n": n, "text": "x" * 40})
        content = encode_content(draft, "0" * 32)
        line, prev = encode_line(draft, content, seq=n + 1, id=f"{n}", at="then", prev=prev, more=of - n - 1, of=of)
        lines.append(line)
    return lines, prev


def never_written(line):
    return line[:60] + b"\0" * 20 + line[80:]


def damaged(line):
    return line.replace(b"xxxx", b"yxxx")


@pytest.mark.parametrize(
    ("what", "torn"),
    [
        ("as it was", False),
        ("damaged in the middle", False),
        ("its first line damaged", False),
        ("a block in the middle never written", True),
        ("the block of its first line never written", True),
        ("a line of it is missing", True),
    ],
)
def test_a_long_write_is_torn_where_the_disk_never_got_all_of_it(what, torn):
    lines, digest = written(6)
    if what == "damaged in the middle":
        lines[3] = damaged(lines[3])
    elif what == "its first line damaged":
        lines[0] = damaged(lines[0])
    elif what == "a block in the middle never written":
        lines[3] = never_written(lines[3])
    elif what == "the block of its first line never written":
        lines[0] = never_written(lines[0])
    elif what == "a line of it is missing":
        del lines[3]
    data = b"".join(lines)

    found = examine(data, BEFORE)

    assert found == (Tail(0, None, torn=True) if torn else Tail(len(data), Head(6, digest), torn=False))
