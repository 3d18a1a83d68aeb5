"""What a restored context costs, in what can be counted exactly: bytes, events and files read, characters counted as tokens.

All follow the budget, not the log.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from segue.core.context.tokens import Estimator
from segue.core.log.ids import named_uuid
from segue.engine.context.outlining import STEP
from segue.engine.context.restoring import Wanted, restore
from segue.host.clock import SystemClock, SystemIds
from segue.stores.log.ending import SEGMENT_BYTES
from segue.testing.builders import assistant, created, tool, tool_call, tool_result, user
from tests.gates.counting import Counting

S = named_uuid("session")


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


class Weighing(Estimator):
    """An estimator that knows how many characters it has looked at."""

    characters = 0

    def count(self, text):
        """See `Estimator.count`."""
        Weighing.characters += len(text)
        return super().count(text)


class Cost(NamedTuple):
    """What a context took."""

    events: int
    bytes: int
    characters: int
    tokens: int


def opened(place):
    return Counting(place, clock=SystemClock(), ids=SystemIds(), durability="relaxed")


def cost(store, budget):
    """What a context costs in a store that was just opened."""
    store.close()
    store = opened(store.path)
    before, Weighing.characters = read_by_this_process(), 0
    context = restore(store, S, Wanted(budget=budget), lambda model: Weighing("o200k")).context
    return Cost(store.events, read_by_this_process() - before, Weighing.characters, context.size.tokens)


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

    short, long = costs.values()
    assert short.tokens > 4_000 < long.tokens
    assert short.events <= 2_048 + 5 * STEP
    assert long.events <= short.events + 2 * STEP  # where parts may begin differs
    assert long.bytes <= short.bytes + 2 * SEGMENT_BYTES, costs  # the end of a segment is looked at, wherever that is
    assert long.characters <= 1.25 * short.characters


def test_what_is_read_grows_with_the_budget(tmp_path):
    store = long_log(tmp_path, 3_000, size=1_600)
    costs = {}
    for budget in (5_000, 33_000, 100_000):
        cost(store, budget)

        costs[budget] = cost(store, budget)

    small, same, large = costs.values()
    assert small.events == same.events  # up to a third of 100,000 tokens the least is read
    assert small.events < 1_200
    assert 2 * small.events <= large.events <= 5 * small.events
    assert small.characters < same.characters < large.characters <= 25 * small.characters


_OPENED = """
import sys
place = sys.argv.pop(1)
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
from segue.__main__ import main
code = main()
print(*(path.removeprefix(place) for path in opened if path.startswith(place)), sep="\\n", file=sys.stderr)
sys.exit(code)
"""


def files_opened(store, *arguments):
    """The files of a store that a command opens, in a process of its own."""
    environment = {**os.environ, "SEGUE_STORE": str(store.path), "SEGUE_HOME": str(store.path), "SEGUE_UPKEEP": "off"}
    command = [sys.executable, "-c", _OPENED, str(store.path), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stderr.split()


def test_the_command_opens_no_more_files_and_reads_no_more_keys_of_a_longer_log(tmp_path):
    opens = {}
    for events in (3_500, 10_500):
        store = long_log(tmp_path / str(events), events, size=900)  # two segments, and six
        store.close()
        for _ in range(2):
            opens[events] = files_opened(store, "restore", S, "--budget", "5000")

    short, long = opens.values()
    assert len(long) <= len(short) + 2, (short, long)
    assert sum("/log/" in path for path in long) <= sum("/log/" in path for path in short) + 1
