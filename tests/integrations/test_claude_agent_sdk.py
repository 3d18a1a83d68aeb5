"""The Claude Agent SDK's session store on each store: its own suite, and what that does not ask."""

import json
import shutil
import tempfile

import pytest
from claude_agent_sdk import (
    delete_session_via_store,
    fold_session_summary,
    fork_session_via_store,
    get_session_info_from_store,
    get_session_messages_from_store,
    get_subagent_messages_from_store,
    import_session_to_store,
    list_sessions_from_store,
    list_subagents_from_store,
    project_key_for_directory,
    rename_session_via_store,
    tag_session_via_store,
)
from claude_agent_sdk.testing import run_session_store_conformance

from segue.engine.loading import load
from segue.integrations.claude_agent_sdk import SegueSessionStore, _fold
from segue.ports import Snapshot
from tests.integrations.claude import (
    AGENT,
    LIVE,
    PLAN,
    PROJECT,
    entries_of,
    key,
    line_of,
    live,
    records_of,
    run,
    said,
    session_of,
    take_in,
    told,
    write,
)
from tests.integrations.conftest import open_store


@pytest.fixture
def sdk(store):
    return SegueSessionStore(store)


def test_all_14_contracts_of_the_sdks_own_suite_hold(request, tmp_path, store_kind, ids_and_clock):
    made = []

    def fresh():
        made.append(open_store(store_kind, tmp_path / f"{len(made)}", *ids_and_clock))
        return SegueSessionStore(made[-1])

    run(run_session_store_conformance(fresh))

    assert len(made) == 15
    for store in made:
        store.close()


# --- what is kept


def test_an_entry_of_a_known_uuid_adds_nothing_and_one_without_is_kept_each_time(sdk, store):
    said = [{"type": "user", "uuid": f"u{n}", "message": {"role": "user", "content": f"{n}"}} for n in range(3)]
    mode = {"type": "mode", "mode": "plan"}
    run(sdk.append(key(), [said[0], mode, said[1]]))
    run(sdk.append(key(), [said[1], mode, said[0]]))
    run(sdk.append(key(), [mode, mode, said[2], said[2]]))

    assert run(sdk.load(key())) == [said[0], mode, said[1], mode, mode, mode, said[2]]


def test_an_entry_that_comes_again_with_other_content_is_the_later_one_in_the_place_of_the_first(sdk):
    run(sdk.append(key(), [{"type": "user", "uuid": "a", "n": 1}, {"type": "user", "uuid": "b"}]))
    run(sdk.append(key(), [{"type": "user", "uuid": "a", "n": 2}]))

    assert run(sdk.load(key())) == [{"type": "user", "uuid": "a", "n": 2}, {"type": "user", "uuid": "b"}]


def test_nothing_is_appended_of_nothing(sdk, store):
    run(sdk.append(key(), []))

    assert (run(sdk.load(key())), list(store.sessions()), run(sdk.list_sessions(PROJECT))) == (None, [], [])


ODD = [
    {"type": "user", "uuid": "nul", "message": {"role": "user", "content": "a\0b"}},
    {"type": "user", "uuid": "surrogate", "message": {"role": "user", "content": "\ud800 \udfff é😀\u2028\x7f"}},
    {"type": "user", "uuid": "\0\n", "message": {"role": "user", "content": "an id that cannot be printed"}},
    {"type": "user", "uuid": "x" * 5000, "message": []},
    {"type": "", "uuid": "no type"},
    {"type": "user", "uuid": 7, "parentUuid": {"a": 1}, "timestamp": "never", "message": "a text"},
    {"type": "assistant", "uuid": "shape", "message": {"content": [None, 1, {"type": 3}, []], "usage": [1]}},
    {"type": "assistant", "uuid": "numbers", "n": [0.1, 1e300, -0.0, 10**30, True, None], "message": {"content": None}},
    {"type": "next-years", "unknown": {"deep": [{"er": {}}]}, "": "", "$blob": "x", "\ud800": 1},
    {"type": "summary", "summary": "of another conversation", "leafUuid": "somewhere"},
    {"type": "user", "uuid": "large", "message": {"role": "user", "content": "€" * 400_000}},
    {"type": "user", "uuid": "deep", "message": json.loads("[" * 300 + "]" * 300)},
    {"type": "last-prompt", "leafUuid": "nul", "lastPrompt": "x"},
]


def test_odd_and_large_entries_come_back_as_they_were_and_hide_no_other(sdk):
    run(sdk.append(key(), ODD))
    run(sdk.append(key(), [e for e in ODD if isinstance(e.get("uuid"), str)]))

    assert run(sdk.load(key())) == ODD


@pytest.mark.parametrize("store_kind", ["log"], indirect=True)
def test_an_entry_larger_than_readers_take_comes_back_whole(sdk):
    entry = {"type": "user", "uuid": "u", "message": {"role": "user", "content": "0123456é" * 2_000_000}}
    after = {"type": "user", "uuid": "v", "parentUuid": "u"}

    run(sdk.append(key(), [entry, after]))

    assert run(sdk.load(key())) == [entry, after]


def test_transcripts_of_one_session_do_not_run_together_whatever_they_are_called(sdk):
    same = {"type": "user", "uuid": "u", "agentId": "x", "isSidechain": True, "n": 1}
    names = [None, "subagents/agent-x", "subagents/workflows/run-1/agent-x", "other", "other/agent-x", "a.b/c"]
    for subpath in names:
        run(sdk.append(key(subpath=subpath), [same, {"type": "note"}]))

    assert [run(sdk.load(key(subpath=subpath))) for subpath in names] == [[same, {"type": "note"}]] * len(names)
    assert sorted(run(sdk.list_subkeys(key()))) == sorted(names[1:])


def test_a_deleted_transcript_of_a_subagent_is_gone_and_can_be_written_again(sdk, store):
    main, below, meta = live()
    run(sdk.append(key(), main))
    run(sdk.append(key(subpath=AGENT), [meta, *below]))

    run(sdk.delete(key(subpath=AGENT)))

    assert (run(sdk.load(key(subpath=AGENT))), run(sdk.list_subkeys(key()))) == (None, [])
    assert run(sdk.load(key())) == main
    assert {e.erased for e in store.read(session_of(store)) if e.stream == AGENT.removeprefix("subagents/agent-")} == {True}
    run(sdk.append(key(subpath=AGENT), [meta, *below]))
    assert run(sdk.load(key(subpath=AGENT))) == [meta, *below]


def test_a_deleted_session_begins_anew(sdk):
    run(sdk.append(key(), [{"type": "user", "uuid": "a"}]))
    run(sdk.delete(key()))
    run(sdk.delete(key()))
    run(sdk.append(key(), [{"type": "user", "uuid": "a", "n": 2}]))

    assert run(sdk.load(key())) == [{"type": "user", "uuid": "a", "n": 2}]
    assert [s["session_id"] for s in run(sdk.list_sessions(PROJECT))] == [LIVE]


def test_a_subagent_that_comes_before_its_session_does_not_put_it_into_the_list(sdk):
    run(sdk.append(key(subpath=AGENT), [{"type": "user", "uuid": "s"}]))
    before = run(sdk.list_sessions(PROJECT)), run(sdk.list_session_summaries(PROJECT))
    run(sdk.append(key(), [{"type": "user", "uuid": "m"}]))

    assert before == ([], [])
    assert [s["session_id"] for s in run(sdk.list_sessions(PROJECT))] == [LIVE]


# --- a session like any other


def test_a_session_that_was_handed_over_is_the_one_that_its_files_are_imported_into(sdk, store, tmp_path):
    main, below, meta = live()
    for start in range(0, len(main), 7):
        run(sdk.append(key(), main[start : start + 7]))
    run(sdk.append(key(subpath=AGENT), [*below[:5], meta, *below[5:]]))
    there = told(store)
    write(tmp_path, main, below, meta)

    (again,) = take_in(store, tmp_path).sessions

    assert again.id == session_of(store)
    assert told(store) == there
    assert {e.kind for e in [*store.read(again.id)][-again.new_events :]} == {"import.advanced"}
    assert run(sdk.load(key())) == main


def test_the_events_are_those_that_an_import_of_its_files_makes(sdk, store, tmp_path, ids_and_clock):
    main, below, meta = live()
    run(sdk.append(key(), main))
    run(sdk.append(key(subpath=AGENT), [*below, meta]))
    write(tmp_path / "home", main, below, meta)
    other = open_store("memory", tmp_path, *ids_and_clock)
    take_in(other, tmp_path / "home")

    assert told(store) == told(other)
    mine, theirs = (load(s, session_of(s)) for s in (store, other))
    assert mine.header["title"] == theirs.header["title"]
    assert {**mine.usage, "seq": 0} == {**theirs.usage, "seq": 0}
    assert [e.node for e in said(store)] == [e.node for e in said(other)]
    assert {"message", "compaction", "record", "agent.set"} <= {kind for kind, *_ in told(store)}


def test_each_record_is_in_once_where_its_files_were_imported_before_it_was_handed_over(sdk, store, tmp_path):
    main, below, meta = live()
    write(tmp_path, main[:60], below, meta)
    take_in(store, tmp_path)
    assert run(sdk.load(key())) == main[:60]

    run(sdk.append(key(), [e for e in main if e.get("uuid")]))

    assert [e.get("uuid") for e in run(sdk.load(key())) if e.get("uuid")] == [e["uuid"] for e in main if e.get("uuid")]
    said = [e.node for e in store.read(session_of(store)) if e.kind == "message" and e.stream == "main"]
    assert len(said) == len(set(said))


def test_what_is_loaded_is_what_was_handed_over_though_its_file_was_imported_before_or_after(sdk, store, tmp_path):
    plan = entries_of("headless-plan.jsonl")
    write(tmp_path, records_of("headless-plan.jsonl")[:30], session=PLAN)
    take_in(store, tmp_path)
    run(sdk.append(key(PLAN), plan))
    write(tmp_path, records_of("headless-plan.jsonl"), session=PLAN)

    take_in(store, tmp_path)

    loaded = run(sdk.load(key(PLAN)))
    for has_id in (True, False):  # those with an id stand where they were first
        assert [e for e in loaded if ("uuid" in e) == has_id] == [e for e in plan if ("uuid" in e) == has_id]


def test_what_an_entry_means_does_not_depend_on_who_handed_over_the_one_before(store, tmp_path, ids_and_clock):
    main = live()[0][:40]
    for entry in main:
        run(SegueSessionStore(store).append(key(), [entry]))
    other = open_store("memory", tmp_path, *ids_and_clock)
    run(SegueSessionStore(other).append(key(), main))

    assert told(store) == told(other)
    assert run(SegueSessionStore(store).load(key())) == main


def test_the_conversation_is_restored_from_it(sdk, store):
    main, *_ = live()
    run(sdk.append(key(), main))

    state = load(store, session_of(store))

    assert (state.status, state.header["foreign_ids"], state.header["title"]) == ("active", [LIVE], "Please build notes [[plan]]")
    assert [e.body["role"] for e in said(store)][:3] == ["user", "assistant", "assistant"]


# --- what the SDK folds


def test_summaries_are_what_the_sdk_folds_of_the_entries_in_the_order_of_the_log(store, sdk):
    main, below, _ = live()
    for start in range(0, len(main), 20):
        run(SegueSessionStore(store).append(key(), main[start : start + 20]))
    run(sdk.append(key(), [e for e in main[:50] if e.get("uuid")]))
    run(sdk.append(key(subpath=AGENT), below))

    (summary,) = run(sdk.list_session_summaries(PROJECT))

    assert summary["data"] == fold_session_summary(None, key(), main)["data"]
    assert [summary["mtime"]] == [s["mtime"] for s in run(sdk.list_sessions(PROJECT))]


def test_a_summary_is_folded_on_from_a_snapshot(store, sdk):
    said = [{"type": "user", "uuid": f"{n}", "parentUuid": f"{n - 1}", "customTitle": f"title {n}"} for n in range(700)]
    for start in range(0, 700, 100):
        run(sdk.append(key(), said[start : start + 100]))
    fresh = SegueSessionStore(store)

    run(fresh.append(key(), [{"type": "user", "uuid": "last", "parentUuid": "3"}, said[5]]))

    (summary,) = run(fresh.list_session_summaries(PROJECT))
    assert summary["data"] == fold_session_summary(None, key(), said)["data"]
    assert not [e for e in store.read(session_of(store)) if e.kind == "loss" and e.seq > 700]
    assert run(fresh.load(key())) == [*said, {"type": "user", "uuid": "last", "parentUuid": "3"}]


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"states": [1], "summary": null}', b'{"states": {"": 3}, "summary": {}}'])
def test_what_is_kept_and_says_nothing_is_as_if_it_were_not_there(store, sdk, data):
    said = [{"type": "user", "uuid": f"{n}", "parentUuid": f"{n - 1}", "customTitle": f"title {n}"} for n in range(20)]
    run(sdk.append(key(), said))
    head = store.info(session_of(store)).head
    store.put_snapshot(session_of(store), Snapshot(head.seq, head.digest, _fold._SCHEMA, data))
    fresh = SegueSessionStore(store)

    run(fresh.append(key(), [{"type": "user", "uuid": "last", "parentUuid": "19"}, said[5]]))

    (summary,) = run(fresh.list_session_summaries(PROJECT))
    assert summary["data"] == fold_session_summary(None, key(), said)["data"]
    assert len(run(fresh.load(key()))) == 21


def test_a_summary_holds_nothing_of_what_was_erased(store, sdk):
    secret = {"type": "user", "uuid": "a", "message": {"role": "user", "content": "a secret prompt"}}
    run(sdk.append(key(), [secret, {"type": "user", "uuid": "b", "message": {"role": "user", "content": "another"}}]))
    assert run(sdk.list_session_summaries(PROJECT))[0]["data"]["first_prompt"] == "a secret prompt"
    at = next(e.seq for e in store.read(session_of(store)) if e.kind == "message")

    store.erase(session_of(store), [at], {"reason": "test"})

    assert run(sdk.list_session_summaries(PROJECT))[0]["data"]["first_prompt"] == "another"


def test_what_the_sdk_does_with_a_store_works_on_this_one(sdk, tmp_path):
    main, below, meta = live()
    here = str(tmp_path)
    project = project_key_for_directory(here)
    mine = key(project=project)
    run(sdk.append(mine, main))
    run(sdk.append(key(subpath=AGENT, project=project), [meta, *below]))
    run(sdk.append(key(PLAN, project=project), entries_of("headless-plan.jsonl")))

    run(rename_session_via_store(sdk, LIVE, "A better name", directory=here))
    run(tag_session_via_store(sdk, LIVE, "kept", directory=here))
    forked = run(fork_session_via_store(sdk, LIVE, directory=here))

    listed = {s.session_id: s for s in run(list_sessions_from_store(sdk, directory=here))}
    assert set(listed) == {LIVE, PLAN, forked.session_id}
    assert (listed[LIVE].custom_title, listed[LIVE].tag) == ("A better name", "kept")
    info = run(get_session_info_from_store(sdk, LIVE, directory=here))
    assert (info.custom_title, info.tag) == ("A better name", "kept")
    said = run(get_session_messages_from_store(sdk, LIVE, directory=here))
    assert len(run(get_session_messages_from_store(sdk, forked.session_id, directory=here))) == len(said) > 2
    assert run(list_subagents_from_store(sdk, LIVE, directory=here)) == [AGENT.removeprefix("subagents/agent-")]
    assert run(get_subagent_messages_from_store(sdk, LIVE, AGENT.removeprefix("subagents/agent-"), directory=here))
    run(delete_session_via_store(sdk, LIVE, directory=here))
    assert {s.session_id for s in run(list_sessions_from_store(sdk, directory=here))} == {PLAN, forked.session_id}


def test_a_local_session_is_imported_by_the_sdk_and_again_adds_nothing_that_has_an_id(sdk, tmp_path, monkeypatch):
    main, below, meta = live()
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path))
    write(tmp_path, main, below, meta)

    run(import_session_to_store(LIVE, sdk))
    run(import_session_to_store(LIVE, sdk))

    loaded = run(sdk.load(key()))
    assert loaded[: len(main)] == main
    assert not any(e.get("uuid") for e in loaded[len(main) :])
    assert run(sdk.load(key(subpath=AGENT)))[: len(below) + 1] == [*below, meta]


# --- after a crash


def test_what_the_local_file_has_and_the_store_has_not_is_taken_in_once_in_its_order(sdk, store, tmp_path):
    main, below, meta = live()
    write(tmp_path, main, below, meta)
    run(sdk.append(key(), main[:40]))

    first = run(sdk.reconcile(LIVE, local=tmp_path))
    second = run(sdk.reconcile(LIVE, project_key=PROJECT, local=tmp_path))

    assert (first > 60, second) == (True, 0)
    assert run(sdk.load(key())) == main
    assert run(sdk.load(key(subpath=AGENT))) == [*below, meta]


def test_a_stretch_that_was_lost_in_the_middle_stands_where_it_does_in_the_file(sdk, store, tmp_path, ids_and_clock):
    main, *_ = live()
    write(tmp_path, main)
    run(sdk.append(key(), [*main[5:30], *main[52:70], *main[71:]]))
    run(sdk.reconcile(LIVE, local=tmp_path))

    assert run(sdk.load(key())) == main
    other = open_store("memory", tmp_path, *ids_and_clock)
    run(SegueSessionStore(other).append(key(), main))
    assert [e.node for e in said(store)] == [e.node for e in said(other)]


def test_loading_takes_in_what_the_local_file_has_where_it_is_told_of_it(store, tmp_path):
    main, below, meta = live()
    write(tmp_path, main, below, meta)
    sdk = SegueSessionStore(store, local=tmp_path)
    run(sdk.append(key(), main[:40]))

    assert run(sdk.load(key())) == main
    assert run(sdk.load(key(subpath=AGENT))) == [*below, meta]
    assert run(sdk.load(key("../../../etc/passwd"))) is None
    shutil.rmtree(tmp_path / "projects")
    assert run(SegueSessionStore(store, local=tmp_path).load(key())) == main


def test_what_a_killed_program_left_among_the_temporary_files_is_taken_in(sdk, tmp_path, monkeypatch):
    main, below, meta = live()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    write(tmp_path / "home", main[:40])
    write(tmp_path / "tmp" / "claude-resume-x", main, below, meta)
    run(sdk.append(key(), main[:42]))
    run(sdk.append(key(subpath=AGENT), [meta, *below[:3]]))

    run(sdk.reconcile(LIVE, local=tmp_path / "home"))

    assert run(sdk.load(key())) == main
    assert run(sdk.load(key(subpath=AGENT))) == [meta, *below]


def test_a_torn_line_of_the_local_file_is_left_and_requests_are_not_taken_in(sdk, tmp_path):
    main, *_ = live()
    file = write(tmp_path, [*main[:3], {"type": "api-request-blob", "blob": "x"}, *main[3:6]])
    file.write_text(file.read_text() + line_of(main[6])[:30])

    run(sdk.reconcile(LIVE, local=tmp_path))

    assert run(sdk.load(key())) == main[:6]


def test_a_session_that_has_no_local_file_cannot_be_reconciled(sdk, tmp_path):
    with pytest.raises(FileNotFoundError, match="no file of session"):
        run(sdk.reconcile(LIVE, local=tmp_path))
