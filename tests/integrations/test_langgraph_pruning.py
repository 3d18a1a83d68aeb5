"""What is taken out of a thread is gone, what is left is what it was; copies go their own way."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage
from langgraph.checkpoint.base import empty_checkpoint

from segue.core.errors import ExistsError
from segue.core.log.events import ForkPoint
from segue.engine import foreign
from segue.engine.foreign import Foreign
from segue.host.clock import SystemClock, SystemIds
from segue.integrations.langgraph import SegueSaver
from segue.stores.memory import MemoryStore
from tests.integrations.graphs import chat, config_of, say, texts


def session_of(store, thread="t"):
    return foreign.find(store, Foreign("langgraph", (thread,)))


def held(store, thread="t"):
    """All that the log of a thread holds, as text."""
    return "\n".join(f"{event.body} {event.source}" for event in store.read(session_of(store, thread)))


def state(store, config):
    return texts(chat(SegueSaver(store)).get_state(config).values["messages"])


def test_a_pruned_conversation_goes_on_and_what_was_said_stays(store):
    app = chat(SegueSaver(store))
    say(app, config_of("t"), 5)
    app.update_state(config_of("t"), {"messages": [RemoveMessage(app.get_state(config_of("t")).values["messages"][0].id)]})
    before = state(store, config_of("t"))

    SegueSaver(store).prune(["t"])

    assert state(store, config_of("t")) == before
    say(app, config_of("t"), 1, first=5)  # a saver that knew more than there is now
    assert state(store, config_of("t"))[:-2] == before
    said = [e.body["parts"][0]["content"][:11] for e in store.read(session_of(store)) if e.kind == "message"]
    assert said[:3] == ["question 0:", "answer 1: s", "question 1:"]
    assert len(said) == 12


def test_a_prune_takes_the_contents_of_what_it_drops_out_of_the_log(store):
    app = chat(SegueSaver(store), lambda _: {"messages": [AIMessage("ok")]})
    for n in range(3):
        app.invoke({"messages": [HumanMessage("hi")], "note": n}, config_of("t") | {"metadata": {"canary": f"chirp-{n}"}})
    assert "chirp-0" in held(store)

    SegueSaver(store).prune(["t"])

    assert "chirp-2" in held(store)
    assert "chirp-0" not in held(store)
    assert "chirp-1" not in held(store)


def test_pruning_again_and_again_keeps_a_thread_small(store):
    saver = SegueSaver(store)
    app, sizes = chat(saver), []
    say(app, config_of("t"), 4)
    for _ in range(4):
        saver.prune(["t"])
        app.update_state(config_of("t"), {"messages": [HumanMessage("replaced " + "x" * 20_000, id="same")]})
        sizes.append(len(held(store)))
    assert sizes[3] < sizes[1] + 60_000  # the one message, in the log as often as it was said


def test_a_prune_that_was_interrupted_is_finished_by_the_next(store, monkeypatch):
    say(chat(SegueSaver(store)), config_of("t"), 3)
    before, size = state(store, config_of("t")), len(held(store))
    with monkeypatch.context() as broken:
        broken.setattr(store, "erase", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            SegueSaver(store).prune(["t"])

    assert (state(store, config_of("t")), len(list(SegueSaver(store).list(config_of("t"))))) == (before, 1)
    assert len(held(store)) > size
    SegueSaver(store).prune(["t"])

    assert state(store, config_of("t")) == before
    assert len(held(store)) < size


def _interrupted(*_):
    raise KeyboardInterrupt


def test_there_are_two_strategies(store):
    with pytest.raises(ValueError, match="keep_all"):
        SegueSaver(store).prune(["t"], strategy="keep_all")
    assert list(store.sessions()) == []


def test_what_a_run_said_alone_goes_with_it(store):
    saver = SegueSaver(store)
    app = chat(saver, lambda s: {"messages": [AIMessage(f"reply to {s['messages'][-1].content}")]})
    for n in range(3):
        app.invoke({"messages": [HumanMessage(f"word-{n}")]}, config_of("t", run_id=f"run-{n}"))
    last = app.get_state(config_of("t")).values["messages"]
    app.update_state(config_of("t"), {"messages": [RemoveMessage(m.id) for m in last[2:4]]})
    before = state(store, config_of("t"))
    assert "reply to word-1" in held(store)

    saver.delete_for_runs(["run-1", "run-2"])

    assert state(store, config_of("t")) == before
    assert "word-0" in held(store)
    assert "word-1" not in held(store)
    assert "word-2" in held(store)


def test_a_saver_that_knows_of_no_prune_puts_what_can_be_read(store):
    ours, other = SegueSaver(store), SegueSaver(store)
    say(chat(ours), config_of("t"), 3)
    known = other.get_tuple(config_of("t"))
    ours.prune(["t"])
    say(chat(ours), config_of("t"), 1, first=3)
    ours.prune(["t"])

    values = {"messages": [*known.checkpoint["channel_values"]["messages"], HumanMessage("late")]}
    late = {**known.checkpoint, "id": "f", "channel_values": values}
    other.put(known.config, late, {}, {"messages": late["channel_versions"]["messages"]})

    assert SegueSaver(store).get_tuple(config_of("t")).checkpoint == late
    assert len(values["messages"]) == 7


def test_a_copy_and_its_source_go_their_own_ways(store):
    saver = SegueSaver(store)
    say(chat(saver), config_of("t"), 3)
    saver.copy_thread("t", "copy")
    before = state(store, config_of("t"))

    say(chat(saver), config_of("copy"), 1, first=8)
    saver.prune(["t"])
    say(chat(saver), config_of("t"), 1, first=3)
    saver.copy_thread("copy", "copy of the copy")
    saver.prune(["copy"])
    saver.delete_thread("t")

    assert state(store, config_of("copy"))[:-2] == before
    assert state(store, config_of("copy"))[-2][1].startswith("question 8")
    assert len(list(SegueSaver(store).list(config_of("copy")))) == 1
    assert len(list(SegueSaver(store).list(config_of("copy of the copy")))) == 12
    assert state(store, config_of("copy of the copy")) == state(store, config_of("copy"))


def test_a_copy_is_never_made_over_a_thread(store):
    saver = SegueSaver(store)
    say(chat(saver), config_of("t"), 1)
    say(chat(saver), config_of("u"), 1)
    for target in ("u", "t"):
        with pytest.raises(ExistsError, match=f"thread '{target}' exists"):
            saver.copy_thread("t", target)
    saver.delete_thread("u")
    saver.copy_thread("t", "u")
    assert state(store, config_of("u")) == state(store, config_of("t"))


def test_a_copy_that_began_while_its_source_was_pruned_is_made_again(store, monkeypatch):
    saver, create, late = SegueSaver(store), store.create, []
    say(chat(saver), config_of("t"), 3)
    before = state(store, config_of("t"))

    def slow(session, drafts, *, fork=None):
        if fork is not None and not late:
            late.append(fork)
            SegueSaver(store).prune(["t"])  # it sees no copy yet
        return create(session, drafts, fork=fork)

    monkeypatch.setattr(store, "create", slow)
    saver.copy_thread("t", "copy")

    assert isinstance(late[0], ForkPoint)
    assert state(store, config_of("copy")) == before


def test_state_goes_on_without_a_message_that_was_erased(store):
    saver = SegueSaver(store)
    say(chat(saver), config_of("t"), 3)
    before = state(store, config_of("t"))
    (erased,) = [e.seq for e in store.read(session_of(store)) if e.kind == "message" and "question 1" in str(e.body)]

    store.erase(session_of(store), [erased], {"why": "secret"})

    assert state(store, config_of("t")) == [*before[:2], *before[3:]]
    assert texts(chat(saver).get_state(config_of("t")).values["messages"]) == [*before[:2], *before[3:]]
    say(chat(saver), config_of("t"), 1, first=3)
    assert state(store, config_of("t"))[:-2] == [*before[:2], *before[3:]]


_numbers = st.integers(0, 6)
_put = st.tuples(st.just("put"), _numbers, st.sampled_from(["", "sub"]), st.none() | st.lists(_numbers, max_size=9), _numbers)
_write = st.tuples(st.just("write"), _numbers, st.sampled_from("ab"), st.lists(_numbers, max_size=3))
_drop = st.tuples(st.just("runs"), st.sets(_numbers, max_size=3)) | st.tuples(st.just("prune"))


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(_put | _write | _drop | st.tuples(st.just("copy")), max_size=30))
def test_whatever_is_dropped_what_is_left_reads_as_before(steps):
    store = MemoryStore(clock=SystemClock(), ids=SystemIds())
    saver, placed, thread, version = SegueSaver(store), [], "t", 0
    for what, *more in steps:
        if what == "put":
            parent, ns, values, run = more
            version += 1
            earlier = [c for c in placed if c["checkpoint_ns"] == ns]
            config = {"configurable": earlier[parent % len(earlier)]} if earlier else config_of(thread, checkpoint_ns=ns)
            content = {} if values is None else {"list": [HumanMessage(f"{v}", id=f"{v}") if v % 2 else v for v in values]}
            known = saver.get_tuple(config) if earlier else None
            if known and "other" in known.checkpoint["channel_values"]:
                content["other"] = known.checkpoint["channel_values"]["other"]
            versions = {**(known.checkpoint["channel_versions"] if known else {}), "list": version}
            if run == 6:
                content["other"], versions["other"] = f"other {version}", version
            checkpoint = {**empty_checkpoint(), "id": f"{version:04}", "channel_values": content, "channel_versions": versions}
            new = {"list": version} | ({"other": version} if run == 6 else {})
            placed.append(saver.put(config, checkpoint, {"step": version, "run_id": f"{run}"}, new)["configurable"])
        elif what == "write" and placed:
            where, task, values = more
            saver.put_writes({"configurable": placed[where % len(placed)]}, [("list", v) for v in values], task, "")
        elif what == "copy":
            if placed:
                saver.copy_thread(thread, f"{thread}+")
                thread += "+"
                placed = [c | {"thread_id": thread} for c in placed]
        elif what in {"runs", "prune"}:
            before = _everything(saver, thread)
            if what == "runs":
                left = {k: v for k, v in before.items() if v[0].metadata["run_id"] not in {f"{run}" for run in more[0]}}
                saver.delete_for_runs([f"{run}" for run in more[0]])
            else:
                newest = {ns: max(c for n, c in before if n == ns) for ns, _ in before}
                left = {k: v for k, v in before.items() if newest[k[0]] == k[1]}
                saver.prune([thread])
            placed = [c for c in placed if (c["checkpoint_ns"], c["checkpoint_id"]) in left]
            assert _everything(saver, thread) == left
        assert _everything(SegueSaver(store), thread) == _everything(saver, thread)
    for n in range(len(thread)):
        _everything(SegueSaver(store), "t" + "+" * n)  # what was copied can be read, whatever became of the copies


def _everything(saver, thread):
    """Each checkpoint of a thread, with what a channel is rebuilt from there."""
    return {
        (t.config["configurable"]["checkpoint_ns"], t.checkpoint["id"]): (
            t,
            {}
            if "list" in t.checkpoint["channel_values"]
            else saver.get_delta_channel_history(config=t.config, channels=["list"]),
        )
        for t in saver.list(config_of(thread))
    }
