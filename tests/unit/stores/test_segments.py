"""An event is found in an open segment wherever it is, whatever is beside it, and what is not there is not found."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from segue.core.log.events import Head
from segue.stores.log.segments import Segment, View, blocks

lengths = st.lists(st.sampled_from([0, 40, 700, 9_000, 30_000, 70_000]), min_size=1, max_size=60)


def segment_of(place, first, sizes):
    lines = [b'{"v":1,"seq":%d,"body":"%s"}' % (first + n, b"x" * size) for n, size in enumerate(sizes)]
    path = place / f"{first:06d}.jsonl"
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return lines, View((Segment(first, path, sealed=False),), path.stat().st_size, Head(first + len(lines) - 1, ""))


@settings(max_examples=40, deadline=None)
@given(first=st.sampled_from([1, 1_484]), sizes=lengths, data=st.data())
def test_the_lines_from_any_event_on_are_those_that_were_written(tmp_path_factory, first, sizes, data):
    lines, view = segment_of(tmp_path_factory.mktemp("log"), first, sizes)
    at = data.draw(st.integers(0, len(lines) - 1))

    found = [(block.first, list(block.lines)) for block in blocks(view, first + at)]

    assert found == [(first + at, lines[at:])]


@settings(max_examples=20, deadline=None)
@given(sizes=lengths, data=st.data())
def test_where_a_line_is_damaged_all_lines_are_given_and_none_is_lost(tmp_path_factory, sizes, data):
    lines, view = segment_of(tmp_path_factory.mktemp("log"), 1, sizes)
    at = data.draw(st.integers(0, len(lines) - 1))
    path = view.segments[0].path
    path.write_bytes(path.read_bytes().replace(b'{"v":1,"seq":%d,' % (at + 1), b'#"v":1,"seq":%d,' % (at + 1)))

    given = {line for block in blocks(view, at + 1) for line in block.lines}

    assert given >= {*lines[at + 1 :], b"#" + lines[at][1:]}


@settings(max_examples=30, deadline=None)
@given(first=st.sampled_from([1, 1_484]), sizes=lengths, data=st.data())
def test_backwards_the_lines_down_to_any_event_are_given_in_pieces_that_say_where_they_stand(
    tmp_path_factory, first, sizes, data
):
    lines, view = segment_of(tmp_path_factory.mktemp("log"), first, sizes)
    at = data.draw(st.integers(0, len(lines) - 1))

    found = {
        block.first + n: (line, block.skipped + n)
        for block in blocks(view, first + at, reverse=True)
        for n, line in enumerate(block.lines)
    }

    assert [found[first + n] for n in range(at, len(lines))] == [(lines[n], n) for n in range(at, len(lines))]
    assert found.items() <= {first + n: (line, n) for n, line in enumerate(lines)}.items()


@settings(max_examples=30, deadline=None)
@given(sizes=lengths, data=st.data(), end=st.sampled_from([b"", b'{"v":1,"seq":999,"later":1}\n', b"\0" * 70_000]))
def test_backwards_all_lines_are_given_whatever_was_done_to_one(tmp_path_factory, sizes, data, end):
    lines, view = segment_of(tmp_path_factory.mktemp("log"), 1, sizes)
    at = data.draw(st.integers(0, len(lines) - 1))
    made = data.draw(st.sampled_from([b"", b"#" + lines[at], lines[at][:30], lines[at] + b"\n" + lines[at]]))
    path = view.segments[0].path
    path.write_bytes(b"".join(line + b"\n" for line in [*lines[:at], made, *lines[at + 1 :]]) + end)
    view = view._replace(end=path.stat().st_size)

    given = {line for block in blocks(view, 1, reverse=True) for line in block.lines}

    assert given >= {*lines[:at], *lines[at + 1 :], *made.split(b"\n")} - {b""}


def test_an_event_that_is_not_there_yet_is_not_found_among_the_others(tmp_path):
    lines, view = segment_of(tmp_path, 1, [5_000] * 60)

    given = [line for block in blocks(view, 61) for line in block.lines]

    assert given == lines  # whoever reads tells by their numbers that none is wanted


def test_lines_that_are_not_wanted_are_not_read(tmp_path):
    _, view = segment_of(tmp_path, 1, [1_000] * 4_000)
    before = read_by_this_process()

    lines = [next(iter(next(blocks(view, seq)).lines)) for seq in (2_000, 1_000)]

    assert [line[:18] for line in lines] == [b'{"v":1,"seq":2000,', b'{"v":1,"seq":1000,']
    assert read_by_this_process() - before < 400_000  # of twice four millions


def test_backwards_no_more_than_the_end_is_read_for_the_last_lines(tmp_path):
    _, view = segment_of(tmp_path, 1, [1_000] * 4_000)
    before = read_by_this_process()

    block = next(blocks(view, 1, reverse=True))

    assert [*block.lines][-1][:18] == b'{"v":1,"seq":4000,'
    assert read_by_this_process() - before < 200_000  # of four millions


def read_by_this_process():
    with Path("/proc/self/io").open() as f:
        return int(next(line for line in f if line.startswith("rchar:")).split()[1])
