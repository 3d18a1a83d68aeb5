"""A long log is read with the budget: its newest part as it is, the outline of what is before that, whatever is kept of it."""

import re

import pytest

from segue.core.context.outline import SCHEMA
from segue.core.context.tokens import Estimator
from segue.core.log.events import Draft
from segue.core.log.ids import named_uuid
from segue.engine.context.outlining import STEP, outline_at, read
from segue.engine.context.restoring import Wanted, restore
from segue.ports import Snapshot
from segue.stores.memory import MemoryStore
from segue.testing.builders import assistant, created, tool, tool_call, tool_result, user
from segue.testing.fakes import FakeClock, FakeIds

S = named_uuid("a long session")
ROUNDS = 1_500
SAID_EVERY = 60


def rounds(count, start=0):
    """So many rounds of a call and its answer; now and then the user says something."""
    for n in range(start, start + count):
        if n % SAID_EVERY == 0:
            yield user(f"Rule {n}: module_{n % 5} is done in small steps.")
        command = f"make check-{n % 50}"
        yield assistant(tool_call("Bash", f"c{n}", command=f"{command} src/module_{n % 5}.py"))
        yield tool(tool_result(f"{n} passed", f"c{n}", is_error=n == 11))


def begun(drafts):
    store = MemoryStore(clock=FakeClock(), ids=FakeIds())
    store.create(S, [created(name="SESSION-260115-001", workspace="/w", task="Port the parser")])
    for at in range(0, len(drafts), 500):
        store.append(S, drafts[at : at + 500])
    return store


@pytest.fixture(scope="module")
def store():
    return begun([*rounds(ROUNDS)])


def restored(store, budget=5_000, **more):
    return restore(store, S, Wanted(budget=budget, **more), lambda model: Estimator("o200k"))


def unheard(_damage):
    raise AssertionError


def test_everything_that_the_user_said_is_in_it_however_long_ago(store):
    text = restored(store).context.text

    assert [n for n in range(0, ROUNDS, SAID_EVERY) if f"Rule {n}: module" not in text] == []


def test_files_of_long_ago_are_counted_and_an_open_error_of_long_ago_is_given(store):
    text = restored(store).context.text

    ledger = text.split("\n## Files, most relevant first\n")[1].split("\n\n")[0]
    assert ledger.splitlines()[0].startswith(f"- src/module_{(ROUNDS - 1) % 5}.py ")
    assert "run300" in ledger  # all of them, not only those that were read
    assert "make check-11" in text


def test_what_is_before_the_part_that_was_read_is_named(store):
    found = restored(store).context

    older = [entry for entry in found.items if "elements up to" in entry.what]
    assert [(e.status, e.reason.split(":")[0]) for e in older] == [
        ("skipped", "before the part of the log that this budget reads")
    ]
    assert f"- before all that, {older[0].what}: their outline alone is here" in found.text


@pytest.mark.parametrize("budget", [1_000, 25_000])
def test_the_same_position_gives_the_same_text_with_whatever_is_kept(store, budget):
    first = restored(store, budget, at=2_900).context

    store.append(S, [user("later")])
    later = restored(store, budget, at=2_900).context
    store.drop_snapshots(S)
    anew = restored(store, budget, at=2_900).context

    assert later == first
    assert anew == first


def test_a_kept_outline_that_is_damaged_is_made_anew():
    store = begun([*rounds(ROUNDS)])
    base = read(store, S, 2_900, 1_000).older.seq
    text = restored(store, at=2_900).context.text
    digest = next(iter(store.read(S, after=base - 1, upto=base))).digest
    store.drop_snapshots(S)
    store.put_snapshot(S, Snapshot(base, digest, SCHEMA, b"{}"))

    assert restored(store, at=2_900).context.text == text


def test_a_conversation_that_goes_back_before_the_part_that_is_read_is_restored_as_it_is_now():
    drafts = [draft._replace(node=f"n{n}") for n, draft in enumerate(rounds(ROUNDS))]
    store = begun(drafts)
    store.append(S, [user("Start again from here.", node="back", parent="n100"), assistant("As you like.")])

    text = restored(store).context.text

    assert "Start again from here." in text
    assert [n for n in range(0, ROUNDS, SAID_EVERY) if f"Rule {n}: module" in text] == [0]


def test_after_going_back_the_outline_follows_the_line_that_holds():
    drafts = [draft._replace(node=f"n{n}") for n, draft in enumerate(rounds(200))]
    drafts += [user("Start again from here.", node="back", parent="n100"), *rounds(1_400, 2_000)]
    store = begun(drafts)

    text = restored(store).context.text

    assert "Start again from here." in text
    assert [n for n in range(0, 200, SAID_EVERY) if f"Rule {n}: module" in text] == [0]


def test_what_is_about_the_task_is_read_however_old_it_is(store):
    early = 2 + 2 * 30 + 1  # the call of round 30; the one rule before it counts
    task = "why did check-30 of module_0 fail"

    without = restored(store, task=task).context.text
    found = restored(store, task=task, find=lambda about: [early, 10**6, 0]).context

    assert "\n30 passed" not in without
    assert f"§{early} Bash $ make check-30 src/module_0.py\n30 passed\n" in found.text
    assert found.size.upper <= 5_000


def test_what_was_left_on_a_branch_is_not_retrieved():
    drafts = [draft._replace(node=f"n{n}") for n, draft in enumerate(rounds(200))]
    drafts += [user("Start again from here.", node="back", parent="n100"), *rounds(1_400, 2_000)]
    store = begun(drafts)
    seqs = {event.node: event.seq for event in store.read(S, upto=400)}

    text = restored(store, task="why did check-44 fail", find=lambda about: [seqs["n300"], seqs["n90"]]).context.text

    assert f"§{seqs['n90'] - 1} Bash $ make check-44 src/module_4.py\n44 passed\n" in text
    assert not re.search(rf"§({'|'.join(str(seqs['n300'] + step) for step in (-1, 0, 1))}) ", text)


def test_an_outline_is_kept_where_a_part_may_begin_and_made_from_the_nearest(store):
    store.drop_snapshots(S)

    outline_at(store, S, 5 * STEP, unheard)

    kept = [store.snapshot(S, SCHEMA, upto).seq for upto in (5 * STEP, 5 * STEP - 1)]
    assert kept == [5 * STEP, 4 * STEP]


def test_a_short_session_is_read_whole(store):
    found = read(store, S, 2_000, 5_000)

    assert found.older is None
    assert found.events[0].seq == 1


def test_events_of_subagents_do_not_crowd_out_the_conversation():
    drafts = []
    for n, draft in enumerate(rounds(300)):
        drafts += [draft, *[Draft("message", {"role": "assistant", "parts": []}, stream=f"sub-{n}") for _ in range(8)]]
    store = begun(drafts)

    text = restored(store, 25_000).context.text

    assert "make check-1 " in text.split("## Previous context")[1]
