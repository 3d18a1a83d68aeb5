"""What evidence costs, in what can be counted exactly: events and bytes that are read follow the budget, not the log."""

from contextlib import closing
from pathlib import Path

from benchmarks.corpus import small
from segue.core.context.tokens import Estimator
from segue.core.log.events import Draft
from segue.core.log.ids import named_uuid
from segue.engine.context.evidence import Wanted, gather
from segue.host.clock import SystemClock, SystemIds
from segue.stores.index.index import SqliteIndex
from tests.gates.counting import Counting

S = named_uuid("session")


def read_by_this_process():
    """Bytes that this process has read, by any call (Linux)."""
    with Path("/proc/self/io").open() as f:
        return int(next(line for line in f if line.startswith("rchar:")).split()[1])


def costs(place, messages, *budgets):
    """Events and bytes that evidence takes out of an open log of so many messages, and its tokens, for each budget."""
    made = small(messages, size=300)
    with closing(Counting(place, clock=SystemClock(), ids=SystemIds(), durability="relaxed")) as store:
        store.create(S, [Draft("session.created", {})])
        store.append(S, made)
        with closing(SqliteIndex(store, place / "index.sqlite")) as index:
            index.catch_up()
            wanted = Wanted("import the path of an error")
            index.rank(wanted.query, limit=10)
            found = []
            for budget in budgets:
                store.events, before = 0, read_by_this_process()
                tokens = gather(index, store, wanted, budget, Estimator("o200k")).tokens
                found.append((store.events, read_by_this_process() - before, tokens))
    return found


def test_evidence_reads_what_its_budget_has_room_for_however_long_the_log_is(tmp_path):
    (short,) = costs(tmp_path / "short", 1_000, 2_000)

    small, large = costs(tmp_path / "long", 4_000, 2_000, 8_000)

    assert min(short[2], small[2]) > 1_500
    assert small[0] <= 1.5 * short[0]
    assert small[1] <= 1.5 * short[1] + 2_000_000, (short, small)  # pages of an index that is four times as large
    assert short[0] <= 400
    assert large[2] > 3 * small[2]
    assert large[0] <= 6 * small[0]
