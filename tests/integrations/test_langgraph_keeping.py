"""What a thread's snapshot keeps is what its log says, and nothing that was erased."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from segue.engine import foreign
from segue.engine.foreign import Foreign
from segue.integrations.langgraph import SegueSaver
from segue.integrations.langgraph._fold import Fold
from segue.integrations.langgraph._keeping import SCHEMA, from_bytes, recall, to_bytes
from segue.integrations.langgraph._record import Kept, Record
from segue.integrations.langgraph._said import Said
from segue.integrations.langgraph._shelf import Shelf
from segue.integrations.langgraph._thread import Thread
from segue.integrations.langgraph._values import Codec
from segue.ports import Snapshot
from tests.integrations.graphs import chat, config_of, say

KNOWN = sorted(vars(Fold()))


def session_of(store):
    return foreign.find(store, Foreign("langgraph", ("t",)))


def talk(app, name, count=300):
    """Say so many things at once, in a run of that name."""
    said = [HumanMessage(f"{name} {n}", id=f"{name}-{n}") for n in range(count)]
    app.invoke({"messages": said}, config_of("t") | {"metadata": {"run_id": name}})


def followed(store):
    """What the log says, read from its beginning."""
    store.drop_snapshots(session_of(store))
    thread = Thread(session_of(store))
    thread.catch_up(store)
    return thread


def known(fold):
    """All that is known of a thread."""
    return {name: getattr(fold, name) for name in KNOWN}


def listed(store):
    """All checkpoints, as somebody gets them who opens the thread anew."""
    return list(SegueSaver(store).list(config_of("t")))


def test_a_kept_thread_is_what_its_log_says(store):
    app = chat(SegueSaver(store))
    talk(app, "first", 20)
    say(app, config_of("t"), 3)
    app.update_state(config_of("t"), {"messages": [RemoveMessage("first-3"), HumanMessage("other", id="first-5")]})
    SegueSaver(store).prune(["t"])
    talk(app, "second", 2)
    say(app, config_of("t"), 1, first=3)
    SegueSaver(store).delete_for_runs(["second"])
    thread, kept = followed(store), Fold()

    from_bytes(to_bytes(thread), kept)

    kept.seq, kept.digest = thread.seq, thread.digest
    assert known(kept) == known(thread)


def test_who_opens_a_thread_anew_goes_on_from_what_was_kept(store):
    app = chat(SegueSaver(store))
    talk(app, "first")
    SegueSaver(store).get_tuple(config_of("t"))
    kept = Fold()
    assert recall(kept, session_of(store), store)
    say(app, config_of("t"), 2)

    anew = listed(store)

    assert kept.seq < store.info(session_of(store)).head.seq
    assert len(anew[0].checkpoint["channel_values"]["messages"]) == 305
    followed(store)
    assert anew == listed(store)


def test_a_snapshot_holds_nothing_that_was_erased_though_somebody_remembers_it(store):
    known_before = SegueSaver(store)
    app = chat(SegueSaver(store))
    talk(app, "other", 2)
    talk(app, "canary", 2)
    app.update_state(config_of("t"), {"messages": [RemoveMessage(f"canary-{n}") for n in range(2)]})
    known_before.get_tuple(config_of("t"))
    SegueSaver(store).delete_for_runs(["canary"])
    talk(app, "more")

    known_before.get_tuple(config_of("t"))

    kept = store.snapshot(session_of(store), SCHEMA)
    assert kept is not None
    assert b"other 1" in kept.data
    assert b"canary 1" not in kept.data
    assert not any("canary 1" in str(event) for event in store.read(session_of(store)))


def test_a_list_that_is_not_one_piece_of_what_was_kept_is_whole_all_the_same(store):
    app = chat(SegueSaver(store))
    talk(app, "first")
    app.update_state(config_of("t"), {"messages": [RemoveMessage(f"first-{n}") for n in (0, 7, 299)]})
    app.update_state(config_of("t"), {"messages": [HumanMessage("in place of another", id="first-20")]})
    SegueSaver(store).get_tuple(config_of("t"))
    kept = Fold()
    assert recall(kept, session_of(store), store)
    app.update_state(config_of("t"), {"messages": [RemoveMessage("first-30"), HumanMessage("new", id="first-40")]})

    anew = listed(store)

    numbers = [n for n in range(300) if n not in {0, 7, 30, 299}]
    others = {20: "in place of another", 40: "new"}
    said = [m.content for m in anew[0].checkpoint["channel_values"]["messages"] if not isinstance(m, AIMessage)]
    assert said == [others.get(n, f"first {n}") for n in numbers]
    followed(store)
    assert anew == listed(store)


def test_lines_are_read_when_asked_for_and_written_again_as_they_were_unless_somebody_may_have_changed_them():
    read = []

    def parse(line):
        read.append(line)
        return json.loads(line)

    shelf = Shelf({1: b"[ 1]", 2: b"[ 2]", 3: b"[ 3]", 4: b"[ 4]"}, parse)
    assert ([*shelf], len(shelf), 2 in shelf, 5 in shelf) == ([1, 2, 3, 4], 4, True, False)
    shelf.setdefault(2, []).append("more")
    shelf[3] = ["other"]
    shelf[5] = ["new"]
    del shelf[4]

    lines = shelf.lines(lambda value: json.dumps(value).encode())

    assert lines == [b"[ 1]", b'[2, "more"]', b'["other"]', b'["new"]']
    assert read == [b"[ 2]"]
    assert shelf == {1: [1], 2: [2, "more"], 3: ["other"], 5: ["new"]}
    assert (shelf.get(4), shelf.get(6)) == (None, None)
    with pytest.raises(KeyError):
        del shelf[4]


def _joined(record, seqs):
    pieces = record.joined(seqs)
    return pieces and [bytes(piece) for piece in pieces if piece]


def test_messages_of_a_snapshot_are_known_by_event_like_others():
    new, kept = Said(None, "main", "new"), [Said(("msgpack", data), "main", data.decode()) for data in (b"a", b"bc", b"")]
    record = Record(Kept({5: 0, 6: 1, 9: 2}, ["main"] * 3, ["a", "bc", ""], [2, 3, 5, 5], b"..abc"))
    known = dict(zip((5, 6, 9), kept, strict=True))
    assert record == known
    assert [_joined(record, seqs) for seqs in ([5, 6, 9], [6], [6, 5], [5, 6, 7], [5, None], [None, 5])] == [
        [b"abc"],
        [b"bc"],
        [b"bc", b"a"],
        None,
        None,
        None,
    ]

    record[6], record[7], record[8] = None, new, Said(("msgpack", b"new"), "main", "other")
    del record[9]

    assert record == {5: kept[0], 6: None, 7: new, 8: record[8]}
    assert (len(record), record.is_kept(6), record.is_kept(5)) == (4, False, True)
    assert [_joined(record, seqs) for seqs in ([5, 8], [8, 5], [5, 6], [5, 7])] == [[b"a", b"new"], [b"new", b"a"], None, None]
    with pytest.raises(KeyError):
        record[9]


@pytest.mark.parametrize("data", [b"", b"{}\n", b"[]\n", b'{"checkpoints": 3}\n', "cut", "longer", "foreign", "fewer", "no end"])
def test_a_snapshot_that_is_none_is_no_obstacle(store, data):
    talk(chat(SegueSaver(store)), "first", 5)
    thread = followed(store)
    before, whole = listed(store), to_bytes(thread)
    forms = {"cut": whole[:-1], "longer": whole + b"x", "foreign": json.dumps({"said": {}}).encode() + b"\n"}
    forms["fewer"] = whole.replace(b'"checkpoints":[', b'"checkpoints":[["","none"],', 1)
    forms["no end"] = whole.replace(b'"streams":[', b'"streams":[["x",999999999999],', 1)
    assert all(form != whole for form in forms.values())
    store.put_snapshot(thread.session, Snapshot(thread.seq, thread.digest, SCHEMA, forms.get(data, data)))

    assert listed(store) == before


_values = (
    st.none()
    | st.binary()
    | st.binary().map(bytearray)
    | st.integers(-9, 9)
    | st.lists(st.integers(0, 9), max_size=3)
    | st.builds(AIMessage, st.text())
)


def _senseless(store):
    """Keep a snapshot of the thread whose lines say nothing, behind a first one that is whole; return the thread."""
    thread = followed(store)
    first, *lines = to_bytes(thread).split(b"\n")
    count = len(thread.checkpoints) + len(thread.writes)
    changed = b"\n".join((first, *[b'{"not": "a checkpoint"}'] * count, *lines[count:]))
    store.put_snapshot(thread.session, Snapshot(thread.seq, thread.digest, SCHEMA, changed))
    return thread


@pytest.mark.parametrize("work", ["list", "latest", "go on", "prune", "drop", "writes"])
def test_lines_of_a_snapshot_that_say_nothing_are_ignored_whatever_is_asked(store, work):
    talk(chat(SegueSaver(store)), "first", 5)
    before = listed(store)
    latest = before[0].config
    works = {
        "list": lambda saver: [*saver.list(config_of("t"))],
        "latest": lambda saver: saver.get_tuple(config_of("t")),
        "go on": lambda saver: say(chat(saver), config_of("t"), 1),
        "prune": lambda saver: saver.prune(["t"]),
        "drop": lambda saver: saver.delete_for_runs(["another"]),
        "writes": lambda saver: saver.put_writes(latest, [("messages", "more")], "task"),
    }
    _senseless(store)
    saver = SegueSaver(store)

    works[work](saver)

    after = [*saver.list(config_of("t"))]
    followed(store)
    assert after == listed(store)
    assert after[0].checkpoint["channel_values"]["messages"][:6] == before[0].checkpoint["channel_values"]["messages"]


def test_a_snapshot_that_says_nothing_is_replaced_by_one_of_the_log(store):
    talk(chat(SegueSaver(store)), "first")
    before = listed(store)
    thread = _senseless(store)

    assert listed(store) == before

    assert store.snapshot(thread.session, SCHEMA).data == to_bytes(followed(store))


@settings(max_examples=40, deadline=None)
@given(st.lists(_values, max_size=20) | st.integers(0, 40).map(lambda n: [HumanMessage(str(i)) for i in range(n)]))
def test_values_loaded_together_are_what_each_is_alone(values):
    serde = JsonPlusSerializer()
    codec = Codec(serde.dumps_typed, serde.loads_typed, joins=True)
    plain = [serde.dumps_typed(value) for value in values]

    assert codec.load_each(plain) == [serde.loads_typed(one) for one in plain] == values


@pytest.mark.parametrize("count", [70_000, 2])
def test_a_list_may_be_as_long_as_it_likes(count):
    serde = JsonPlusSerializer()
    codec = Codec(serde.dumps_typed, serde.loads_typed, joins=True)
    assert codec.load_each([serde.dumps_typed(7)] * count) == [7] * count


def test_one_that_cannot_be_loaded_is_told_as_it_is_alone():
    serde = JsonPlusSerializer()
    codec = Codec(serde.dumps_typed, serde.loads_typed, joins=True)
    broken = ("msgpack", serde.dumps_typed("whole")[1][:-1])
    with pytest.raises(ValueError, match=r".") as alone:
        serde.loads_typed(broken)
    with pytest.raises(type(alone.value)) as together:
        codec.load_each([serde.dumps_typed(1), broken])
    assert str(together.value) == str(alone.value)
