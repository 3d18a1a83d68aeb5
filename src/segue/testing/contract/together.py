"""Clauses: many threads, and many processes where the store can be shared, lose nothing and interleave whole appends."""

import json
import os
import sys
import threading
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from segue.core.errors import ExistsError, HeadMovedError, LeaseHeldError
from segue.ports import Store
from segue.testing.builders import said, user
from segue.testing.contract.base import A, B, C, Clauses, Place, begin, needs, picture
from segue.testing.fakes import session_id

WORKERS = 4
ROUNDS = 12
BATCH = 3
PATIENCE = 60.0

Work = Callable[[Store, int], Any]
Crew = Callable[[Work], list[Any]]


def threads(place: Place) -> Crew:
    """Return what runs some work in several threads at once, half of them on one store, half on another."""

    def crew(work: Work) -> list[Any]:
        stores = [place.open(), place.open()]
        start = threading.Barrier(WORKERS)
        results: list[Any] = [None] * WORKERS
        failed: list[BaseException] = []

        def run(number: int) -> None:
            try:
                start.wait(PATIENCE)
                results[number] = work(stores[number % 2], number)
            except BaseException as e:  # noqa: BLE001  (told by the thread that waits)
                failed.append(e)

        running = [threading.Thread(target=run, args=(n,), daemon=True) for n in range(WORKERS)]
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)  # so that they come in between each other
        try:
            for thread in running:
                thread.start()
            for thread in running:
                thread.join(PATIENCE)
        finally:
            sys.setswitchinterval(interval)
        assert not any(thread.is_alive() for thread in running)
        if failed:
            raise failed[0]
        return results

    return crew


def processes(place: Place) -> Crew:
    """Return what runs some work in several processes at once, forked while this one has the store open."""

    def crew(work: Work) -> list[Any]:
        place.open()
        ready, go = os.pipe(), os.pipe()
        children = [_child(place, work, n, ready[1], go) for n in range(WORKERS)]
        for _ in range(WORKERS):
            os.read(ready[0], 1)
        os.close(go[1])  # all at once
        answers = [_answer(pid, out) for pid, out in children]
        for fd in (*ready, go[0]):
            os.close(fd)
        return [_result(answer) for answer in answers]

    return crew


def _child(place: Place, work: Work, number: int, ready: int, go: tuple[int, int]) -> tuple[int, int]:
    out, into = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a test runner may have threads; the child only runs our work
        pid = os.fork()
    if pid:
        os.close(into)
        return pid, out
    try:
        os.close(go[1])
        store = place.open_in_process(number)
        os.write(ready, b".")
        os.read(go[0], 1)
        answer: Any = {"is": work(store, number)}
        store.close()
    except BaseException:  # noqa: BLE001  (told by the process that waits)
        answer = {"failed": traceback.format_exc()}
        os.write(ready, b".")  # whatever happened, nobody waits for it
    with os.fdopen(into, "w") as pipe:
        json.dump(answer, pipe)
    os._exit(0)


def _answer(pid: int, out: int) -> dict[str, Any]:
    with os.fdopen(out) as pipe:
        answer: dict[str, Any] = json.loads(pipe.read() or '{"failed": "it ended without a word"}')
    os.waitpid(pid, 0)
    return answer


def _result(answer: dict[str, Any]) -> Any:
    assert "is" in answer, answer["failed"]
    return answer["is"]


# --- work that many do at once, and what must then hold


def batches(crew: Crew, store: Store) -> None:
    """Nothing is lost, nothing is doubled, each append is whole and each worker's are in its order."""
    begin(store, A)

    def work(at: Store, number: int) -> list[list[int]]:
        return [
            [e.seq for e in at.append(A, [user(f"{number} {r} {i}", key=f"{number}-{r}-{i}") for i in range(BATCH)]).entries]
            for r in range(ROUNDS)
        ]

    placed = crew(work)
    events = list(store.read(A))
    assert [e.seq for e in events] == list(range(1, 2 + WORKERS * ROUNDS * BATCH))
    texts = [said(e.body) for e in events[1:]]
    runs = [list(group) for _, group in groupby(texts, key=lambda t: t.split()[:2])]
    assert all([t.split()[2] for t in run] == [str(i) for i in range(BATCH)] for run in runs)
    for number in range(WORKERS):
        mine = [t for t in texts if t.split()[0] == str(number)]
        assert mine == [f"{number} {r} {i}" for r in range(ROUNDS) for i in range(BATCH)]
        assert [texts[seq - 2] for seqs in placed[number] for seq in seqs] == mine
    assert picture(store)["findings"] == []


def counting(crew: Crew, store: Store) -> None:
    """Of those who expect one head, one wins; who is refused reads and tries again; no step is lost."""
    begin(store, A, user("0"))

    def work(at: Store, _: int) -> int:
        steps = refusals = 0
        while steps < ROUNDS:
            last = next(at.read(A, reverse=True))
            try:
                at.append(A, [user(str(int(said(last.body)) + 1))], expect=last.seq)
                steps += 1
            except HeadMovedError:
                refusals += 1
            assert refusals <= WORKERS * ROUNDS  # each means that another went on
        return refusals

    crew(work)
    assert [said(e.body) for e in store.read(A)] == [str(n) for n in range(WORKERS * ROUNDS + 1)]


def same_keys(crew: Crew, store: Store) -> None:
    """An event that all append at once is there once, and all are told its place."""
    begin(store, A)

    def work(at: Store, number: int) -> list[list[Any]]:
        return [list(at.append(A, [user(f"{number}", key=f"k{r}")]).entries[0]) for r in range(ROUNDS)]

    answers = crew(work)
    assert Counter(e.key for e in store.read(A) if e.key) == {f"k{r}": 1 for r in range(ROUNDS)}
    for told in zip(*answers, strict=True):
        assert len({(seq, id_) for seq, id_, _ in told}) == 1
        assert sum(new for _, _, new in told) == 1


def beginnings(crew: Crew, store: Store) -> None:
    """Of those who create one session, one does; of those who take one lease, one has it."""
    sessions = [session_id(100 + r) for r in range(ROUNDS)]  # whoever is late finds them made, and catches up

    def work(at: Store, number: int) -> list[list[bool]]:
        return [[_creates(at, session, number), _acquires(at, session, number)] for session in sessions]

    for session, answers in zip(sessions, zip(*crew(work), strict=True), strict=True):
        creators, holders = (list(column) for column in zip(*answers, strict=True))
        assert [sum(creators), sum(holders)] == [1, 1]
        first, second, lease = store.read(session)
        assert said(first.body) == said(second.body) == str(creators.index(True))
        held = store.lease(session)
        assert held is not None
        assert (held.holder, held.token) == (str(holders.index(True)), lease.seq)


def _creates(store: Store, session: str, number: int) -> bool:
    try:
        begin(store, session, user(str(number)), user(str(number)))
    except ExistsError:
        return False
    return True


def _acquires(store: Store, session: str, number: int) -> bool:
    try:
        store.acquire(session, str(number), 60)
    except LeaseHeldError:
        return False
    return True


def numbers(crew: Crew, store: Store) -> None:
    """Each number is given once, and none is left out."""
    begin(store, A)
    given = crew(lambda at, _: [at.number("SESSION-260115", A) for _ in range(ROUNDS)])
    assert sorted(n for mine in given for n in mine) == list(range(1, WORKERS * ROUNDS + 1))


def shared_state(crew: Crew, store: Store) -> None:
    """Changes of several sessions to several scopes all count, whatever the order in which an event names them."""
    sessions = (A, B, C, A)
    for session in sessions[:3]:
        begin(store, session)

    def work(at: Store, number: int) -> None:
        for r in range(ROUNDS):
            names = ["app:x", "user:y"] if (r + number) % 2 else ["user:y", "app:x"]
            at.append(sessions[number], [user("x", scopes={name: {f"{number}-{r}": r, "last": number} for name in names})])

    crew(work)
    for name in ("app:x", "user:y"):
        values = dict(store.scope(name).values)
        assert values.pop("last") in range(WORKERS)
        assert values == {f"{n}-{r}": r for n in range(WORKERS) for r in range(ROUNDS)}


class Together(Clauses):
    """All methods may be called from many threads and many processes at once."""

    @pytest.fixture
    def threads(self, place: Place) -> Crew:
        """Several threads."""
        return threads(place)

    @pytest.fixture
    def processes(self, place: Place) -> Crew:
        """Several processes."""
        return processes(place)

    def test_threads_interleave_whole_appends(self, store: Store, threads: Crew) -> None:
        """Nothing lost, nothing doubled."""
        batches(threads, store)

    def test_threads_that_expect_a_head_lose_no_step(self, store: Store, threads: Crew) -> None:
        """Optimistic concurrency holds."""
        counting(threads, store)

    def test_threads_with_one_key_write_it_once(self, store: Store, threads: Crew) -> None:
        """Idempotency holds."""
        same_keys(threads, store)

    def test_of_threads_that_begin_one_session_one_does(self, store: Store, threads: Crew) -> None:
        """And one drives it."""
        beginnings(threads, store)

    def test_threads_are_given_different_numbers(self, store: Store, threads: Crew) -> None:
        """No two calls ever get the same."""
        numbers(threads, store)

    def test_threads_change_shared_state_together(self, store: Store, threads: Crew) -> None:
        """No change is lost, and nobody waits for ever."""
        shared_state(threads, store)

    @needs("shared_between_processes")
    def test_processes_interleave_whole_appends(self, store: Store, processes: Crew) -> None:
        """Nothing lost, nothing doubled."""
        batches(processes, store)

    @needs("shared_between_processes")
    def test_processes_that_expect_a_head_lose_no_step(self, store: Store, processes: Crew) -> None:
        """Optimistic concurrency holds."""
        counting(processes, store)

    @needs("shared_between_processes")
    def test_processes_with_one_key_write_it_once(self, store: Store, processes: Crew) -> None:
        """Idempotency holds."""
        same_keys(processes, store)

    @needs("shared_between_processes")
    def test_of_processes_that_begin_one_session_one_does(self, store: Store, processes: Crew) -> None:
        """And one drives it."""
        beginnings(processes, store)

    @needs("shared_between_processes")
    def test_processes_are_given_different_numbers(self, store: Store, processes: Crew) -> None:
        """No two calls ever get the same."""
        numbers(processes, store)

    @needs("shared_between_processes")
    def test_processes_change_shared_state_together(self, store: Store, processes: Crew) -> None:
        """No change is lost, and nobody waits for ever."""
        shared_state(processes, store)

    @needs("shared_between_processes")
    def test_a_child_that_inherited_an_open_store_appends_beside_its_parent(self, store: Store, tmp_path: Path) -> None:
        """A forked child may go on with its parent's store, while the parent does."""
        begin(store, A)
        store.append(A, [user("before")])
        place = Place(lambda *_: store, tmp_path, shared=True, durable=True)
        ready, go = os.pipe(), os.pipe()

        def work(at: Store, number: int) -> list[int]:
            return [at.append(A, [user(str(number))]).head.seq for _ in range(ROUNDS)]

        child = _child(place, work, 1, ready[1], go)
        os.read(ready[0], 1)
        os.close(go[1])
        seqs = sorted(work(store, 0) + _result(_answer(*child)))
        for fd in (*ready, go[0]):
            os.close(fd)
        assert seqs == list(range(3, 3 + 2 * ROUNDS))
        assert Counter(said(e.body) for e in store.read(A, after=2)) == {"0": ROUNDS, "1": ROUNDS}
