"""What a restored context costs, in what can be counted exactly: bytes and events read. Both follow the budget, not the log."""

from pathlib import Path

import pytest

from segue.core.context.tokens import Estimator
from segue.core.log.ids import named_uuid
from segue.engine.outlining import STEP
from segue.engine.restoring import Wanted, restore
from segue.host.clock import SystemClock, SystemIds
from segue.stores.log import LogStore
from segue.stores.log.ending import SEGMENT_BYTES
from segue.testing.builders import assistant, created, tool, tool_call, tool_result, user

S = named_uuid("session")


class Counting(LogStore):
    """A store that counts the events that are read from it."""

    events = 0

    def read(self, *args, **kwargs):
        """See `Store.read`."""
        for event in super().read(*args, **kwargs):
            self.events += 1
            yield event


def rounds(start, count, size):
    for n in range(start, start + count):
        if n % 50 == 0:
            yield user(f"Rule {n}: in small steps.")
        yield assistant(tool_call("Bash", f"c{n}", command=f"make check-{n % 50} src/module_{n % 5}.py"))
        yield tool(tool_result(f"{n} of {n} passed\n" * (size // 16), f"c{n}"))


def long_log(place, events, size=80):
    store = opened(place)
    store.create(S, [created(name="SESSION-260115-001", workspace="/w")])
    for n in range(0, events // 2, 500):
        store.append(S, [*rounds(n, min(500, events // 2 - n), size)])
    return store


def opened(place):
    return Counting(place, clock=SystemClock(), ids=SystemIds(), durability="relaxed")


def cost(store, budget):
    """The events and the bytes that are read for a context, in a store that was just opened; and the context."""
    store.close()
    store = opened(store.path)
    before = read_by_this_process()
    context = restore(store, S, Wanted(budget=budget), lambda model: Estimator("o200k")).context
    return store.events, read_by_this_process() - before, context


def read_by_this_process():
    """Bytes that this process has read, by any call (Linux)."""
    with Path("/proc/self/io").open() as f:
        return int(next(line for line in f if line.startswith("rchar:")).split()[1])


@pytest.mark.parametrize("sealed", [False, True], ids=["open", "sealed"])
def test_a_context_costs_the_same_out_of_a_log_that_is_three_times_as_long(tmp_path, sealed):
    costs = {}
    for events in (3_500, 10_500):
        store = long_log(tmp_path / str(events), events)
        if sealed:
            store.seal(S, whole=True)
        cost(store, 5_000)  # makes the outline
        store.append(S, [*rounds(events, 20, 80)])

        costs[events] = cost(store, 5_000)

    (few, some, context), (many, more, longer) = costs.values()
    assert context.size.tokens > 4_000 < longer.size.tokens
    assert few <= 2_048 + 5 * STEP
    assert many <= few + 2 * STEP  # where parts may begin differs
    assert more <= some + 2 * SEGMENT_BYTES, costs  # the end of a segment is looked at, wherever that is


def test_what_is_read_grows_with_the_budget(tmp_path):
    store = long_log(tmp_path, 3_000, size=1_600)
    costs = {}
    for budget in (5_000, 33_000, 100_000):
        cost(store, budget)

        costs[budget] = cost(store, budget)[0]

    small, same, large = costs.values()
    assert small == same  # up to a third of 100,000 tokens the least is read
    assert small < 1_200
    assert 2 * small <= large <= 5 * small
