"""The garbage collector, put off for a while."""

import gc
import os
from contextlib import suppress

import pytest

from segue.host.collecting import put_off


@pytest.fixture(autouse=True)
def _as_it_was():
    was = gc.isenabled()
    gc.enable()
    yield
    (gc.enable if was else gc.disable)()


def test_it_is_off_within_and_on_behind_also_where_what_is_within_fails():
    with suppress(ZeroDivisionError), put_off():
        within = gc.isenabled()
        _ = 1 / 0
    assert (within, gc.isenabled()) == (False, True)


def test_one_within_another_leaves_it_off_until_the_outer_one_ends():
    with put_off():
        with put_off():
            inner = gc.isenabled()
        between = gc.isenabled()
    assert (inner, between, gc.isenabled()) == (False, False, True)


def test_where_it_is_turned_off_already_it_stays_so():
    gc.disable()
    with put_off():
        within = gc.isenabled()
    assert (within, gc.isenabled()) == (False, False)


def test_two_that_overlap_leave_it_on_whoever_is_last_and_it_is_on_in_between():
    """Where one after the other is always within, as in a busy server, garbage is still collected."""
    first, second, third = put_off(), put_off(), put_off()
    seen = []
    for step in (first.__enter__, second.__enter__, lambda: first.__exit__(None, None, None), third.__enter__):
        step()
        seen.append(gc.isenabled())
    for one in (second, third):
        one.__exit__(None, None, None)
        seen.append(gc.isenabled())
    assert seen == [False, False, True, False, False, True]


def test_a_child_forked_while_it_is_off_has_it_on():
    with put_off():
        child = os.fork()
        if child == 0:
            os._exit(0 if gc.isenabled() else 1)
        _, status = os.waitpid(child, 0)
    assert (os.waitstatus_to_exitcode(status), gc.isenabled()) == (0, True)
