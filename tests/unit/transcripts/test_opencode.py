"""opencode's database: read from its rows, in steps or at once, also where it is damaged."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from segue.core.errors import ExistsError
from segue.core.log.kinds import is_node, validate
from segue.core.session.state import fold
from segue.core.session.tree import active_chain
from segue.engine.capture.importing import import_paths
from segue.host.clock import SystemIds
from segue.ports import Destination
from segue.stores.log import LogStore
from segue.testing import FakeClock
from segue.testing.writers import plain
from segue.transcripts import transcripts
from segue.transcripts.opencode.reader import OpenCode
from segue.transcripts.opencode.writer import OpenCodeWriter
from tests.unit.transcripts.opencode_files import Store

FIXTURES = Path(__file__).parents[2] / "fixtures" / "transcripts" / "opencode"
EXPORT = json.loads((FIXTURES / "export-plan.json").read_text())
SESSION = EXPORT["info"]["id"]


def export():
    return json.loads(json.dumps(EXPORT))


@pytest.fixture
def database(tmp_path):
    return Store(tmp_path / "opencode.db")


@pytest.fixture
def segue(tmp_path):
    return LogStore(tmp_path / "store", clock=FakeClock(), ids=SystemIds())


def read(path, position=None, session=SESSION):
    """Read a session, and return its drafts and the position behind them."""
    drafts = []
    for batch in OpenCode().read(f"{path}#{session}", session, position):
        drafts += batch.drafts
        position = json.loads(json.dumps(batch.position)) if batch.position else position
    return drafts, position


def took(segue, *paths):
    return import_paths(segue, transcripts(), [str(p) for p in paths], clock=FakeClock())


def said(events):
    """Return what a conversation says, part by part."""
    found = []
    for event in events:
        for part in event.body["parts"] if event.kind == "message" else ():
            if part["type"] == "tool_call":
                found.append(("call", part["id"], part["name"], part["arguments"]))
            elif part["type"] == "tool_call_response":
                found.append(("result", part["id"], part["response"]))
            else:
                found.append((event.body["role"], part["content"]))
    return found


def told(export):
    """Return the same, straight from an export."""
    found = []
    for message in export["messages"]:
        for part in message["parts"]:
            if part["type"] == "text":
                found.append((message["info"]["role"], part["text"]))
            elif part["type"] == "tool":
                found.append(("call", part["callID"], part["tool"], part["state"]["input"]))
                found.append(("result", part["callID"], part["state"]["output"]))
    return found


def test_a_session_is_in_the_log_as_it_was_said(database, segue):
    database.whole(export())
    report = took(segue, database.path)
    assert (len(report.sessions), report.losses, report.sessions[0].losses) == (1, (), ())
    assert report.sessions[0].foreign_id == SESSION
    assert said(active_chain(segue.read(report.sessions[0].id))) == told(EXPORT)


def test_every_record_is_kept_as_an_export_has_it(database):
    database.whole(export())
    drafts, _ = read(database.path)
    raws = [json.loads(d.source["raw"]) for d in drafts if "raw" in d.source]
    records = [r for m in EXPORT["messages"] for r in (m["info"], *m["parts"])]
    assert raws[1:] == [{**r} for r in records]
    assert raws[0]["id"] == SESSION
    assert raws[0]["tokens"] == EXPORT["info"]["tokens"]


def test_every_event_is_sound_and_names_where_it_is_from(database):
    database.whole(export())
    drafts, _ = read(database.path)
    for draft in drafts:
        validate(draft.kind, draft.body)
    ids = {SESSION + ":session", SESSION} | {r["id"] for m in EXPORT["messages"] for r in (m["info"], *m["parts"])}
    assert {(d.source["agent"], d.source["file"], d.source["reader"]) for d in drafts} == {
        ("opencode", str(database.path), "opencode/1")
    }
    assert {d.source["record"] for d in drafts} <= ids
    nodes = [d.node for d in drafts if is_node(d.kind)]
    assert len(set(nodes)) == len(nodes)
    assert None not in nodes
    keys = [d.key for d in drafts]
    assert len(set(keys)) == len(keys)


def test_what_a_session_cost_is_what_opencode_counted(database, segue):
    database.whole(export())
    state = fold(segue.read(took(segue, database.path).sessions[0].id))
    tokens = EXPORT["info"]["tokens"]
    cache = tokens["cache"]
    assert state.metrics["tokens"]["input"] == tokens["input"] + cache["read"] + cache["write"]
    assert state.metrics["tokens"]["output"] == tokens["output"]
    assert state.metrics["cost_usd"] == pytest.approx(EXPORT["info"]["cost"])


def test_reading_again_yields_nothing_and_adds_nothing(database, segue):
    database.whole(export())
    _, position = read(database.path)
    assert list(OpenCode().read(f"{database.path}#{SESSION}", SESSION, position)) == []
    first = took(segue, database.path)
    again = took(segue, database.path)
    assert (again.sessions[0].events, again.sessions[0].new_events) == (first.sessions[0].events, 0)


def test_reading_row_by_row_as_they_are_written_is_reading_at_once(database):
    database.whole(export())
    at_once, _ = read(database.path)
    steps, position = [], None
    grown = Store(database.path.with_name("grown-opencode.db"))
    grown.session(EXPORT["info"])
    for message in EXPORT["messages"]:
        grown.message(message["info"])
        found, position = read(grown.path, position)
        steps += found
        for part in message["parts"]:
            grown.part(part)
            found, position = read(grown.path, position)
            steps += found
    usage = {d.key for d in steps if d.kind == "usage"} - {d.key for d in at_once}
    assert [(d.kind, d.node, d.body) for d in steps if d.key not in usage] == [(d.kind, d.node, d.body) for d in at_once]


def test_a_tool_that_runs_is_a_call_and_once_it_ends_one_answer(database):
    whole = export()
    tool = next(p for m in whole["messages"] for p in m["parts"] if p["type"] == "tool")
    over = json.loads(json.dumps(tool))
    tool["state"] = {"status": "pending", "input": {}, "raw": ""}
    database.whole(whole)
    first, position = read(database.path)
    found = []
    for output in ("a", "ab", "abc"):
        tool["state"] = {
            "status": "running",
            "input": over["state"]["input"],
            "metadata": {"output": output},
            "time": {"start": 1795226876846},
        }
        database.part(tool)
        step, position = read(database.path, position)
        found += step
    database.part(over)
    last, position = read(database.path, position)
    calls = {d.key: d for d in [*first, *found, *last] if d.node == tool["id"]}
    assert [d.body["parts"][0]["arguments"] for d in calls.values()] == [{}, over["state"]["input"]]
    results = [d for d in [*first, *found, *last] if d.node == f"{tool['id']}:result"]
    assert [d.body["parts"][0]["response"] for d in results] == [over["state"]["output"]]
    assert json.loads(results[0].source["raw"]) == over


def test_messages_that_are_taken_back_leave_the_conversation_and_come_back(database, segue):
    database.whole(export())
    session = took(segue, database.path).sessions[0].id
    third = EXPORT["messages"][3]["info"]["id"]
    database.session({**EXPORT["info"], "revert": {"messageID": third}}, updated=1795226999001)
    took(segue, database.path)
    before = told({"messages": EXPORT["messages"][:3]})
    assert said(active_chain(segue.read(session))) == before
    database.session(EXPORT["info"], updated=1795226999002)
    took(segue, database.path)
    assert said(active_chain(segue.read(session))) == told(EXPORT)


def test_a_session_that_goes_on_from_an_earlier_message_goes_on_there_in_the_log(database, segue):
    database.whole(export())
    session = took(segue, database.path).sessions[0].id
    for gone in EXPORT["messages"][3:]:
        database.execute("DELETE FROM message WHERE id = ?", gone["info"]["id"])
        database.execute("DELETE FROM part WHERE message_id = ?", gone["info"]["id"])
    new = export()["messages"][0]
    new["info"] |= {"id": "msg_1fbdd000000100000000000000", "time": {"created": 1795226999003}}
    new["parts"] = [new["parts"][0] | {"id": "prt_1fbdd000000100000000000000", "messageID": new["info"]["id"], "text": "anew"}]
    database.message(new["info"])
    database.part(new["parts"][0])
    took(segue, database.path)
    assert said(active_chain(segue.read(session))) == [*told({"messages": EXPORT["messages"][:3]}), ("user", "anew")]


def test_a_subagent_is_a_stream_of_the_session_that_began_it(database, segue):
    database.whole(export())
    child = json.loads(
        json.dumps(EXPORT).replace(SESSION, "ses_child").replace("msg_1fbd", "msg_1fbe").replace("prt_1fbd", "prt_1fbe")
    )
    child["info"]["parentID"] = SESSION
    database.whole(child)
    report = took(segue, database.path)
    assert {s.foreign_id for s in report.sessions} == {SESSION}
    events = list(segue.read(report.sessions[0].id))
    assert said(active_chain(events)) == told(EXPORT)
    assert said(active_chain(events, "ses_child")) == told(EXPORT)


def test_a_fork_names_what_it_is_from_and_what_was_copied_is_not_paid_again(database, segue):
    database.whole(export())
    copy = json.loads(
        json.dumps(EXPORT).replace(SESSION, "ses_fork").replace("msg_1fbd", "msg_1fbe").replace("prt_1fbd", "prt_1fbe")
    )
    copy["info"]["time"] = {"created": 1795226999000, "updated": 1795226999000}
    copy["info"]["title"] += " (fork #1)"
    database.whole(copy)
    first, fork = took(segue, database.path).sessions
    assert next(segue.read(fork.id)).body["forked_from"]["session"] == first.id
    assert "forked_from" not in next(segue.read(first.id)).body
    assert said(active_chain(segue.read(fork.id))) == told(EXPORT)
    assert fold(segue.read(fork.id)).metrics["cost_usd"] == 0


def test_a_summary_is_a_compaction_when_it_is_finished(database):
    whole = export()
    last = whole["messages"][-1]
    last["info"] |= {"summary": True, "mode": "compaction"}
    database.whole(whole)
    found = [d for d in read(database.path)[0] if d.kind == "compaction"]
    assert [d.body for d in found] == [{"summary": next(p["text"] for p in last["parts"] if p["type"] == "text")}]
    del last["info"]["finish"]
    unfinished = Store(database.path.with_name("opencode-2.db"))
    unfinished.whole(whole)
    assert [d for d in read(unfinished.path)[0] if d.kind == "compaction"] == []


# --- the agent is not disturbed


def test_an_agent_that_writes_is_not_kept_out_and_nothing_is_left_beside_its_database(database):
    database.whole(export())
    before = sorted(database.path.parent.iterdir())
    writer = sqlite3.connect(database.path, timeout=0, isolation_level=None)
    with closing(writer):
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE session SET title = 'changed'")
        reading = OpenCode().read(f"{database.path}#{SESSION}", SESSION)
        next(reading)
        writer.execute("COMMIT")
        list(reading)
    assert sorted(database.path.parent.iterdir()) == before


# --- sessions that were carried over


def test_a_session_is_found_where_the_import_put_it_and_not_before(database, tmp_path):
    to = Destination(str(tmp_path), str(tmp_path))
    written = OpenCodeWriter().write(plain(), to)
    assert OpenCodeWriter().find(written.foreign_id, to) is None
    database.whole(json.loads(Path(written.files[0]).read_text()))
    assert OpenCodeWriter().find(written.foreign_id, to) == f"{database.path}#{written.foreign_id}"
    assert OpenCodeWriter().write(plain(), to) == written


def test_a_session_that_opencode_went_on_with_is_not_written_again(database, tmp_path):
    to = Destination(str(tmp_path), str(tmp_path))
    written = OpenCodeWriter().write(plain(), to)
    database.whole(json.loads(Path(written.files[0]).read_text()))
    new = EXPORT["messages"][0]["info"] | {"sessionID": written.foreign_id}
    database.message(new)
    with pytest.raises(ExistsError):
        OpenCodeWriter().write(plain(), to)


@pytest.mark.parametrize(
    ("model", "config", "found"),
    [
        ("openai/gpt-5", '{"model": "x/y"}', ("openai", "gpt-5")),
        ("", '{"small_model": "a/b", "model": "x/y/z"}', ("x", "y/z")),
        ("", '{ // mine\n  "model": "x/y",\n}', ("x", "y")),
        ("gpt-5", "{}", ("anthropic", "claude-sonnet-4-5")),
        ("", "[]", ("anthropic", "claude-sonnet-4-5")),
    ],
)
def test_the_model_is_one_that_the_user_has(tmp_path, model, config, found):
    (tmp_path / "opencode.json").write_text(config)
    home = tmp_path / "home" / ".local" / "share" / "opencode"
    written = OpenCodeWriter().write(plain(), Destination(str(home), str(tmp_path), model=model))
    named = json.loads(Path(written.files[0]).read_text())["messages"][0]["info"]["model"]
    assert (named["providerID"], named["modelID"]) == found


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda d: d["info"].pop("slug"), "slug is missing"),
        (lambda d: d["info"].update(id="x"), "id is not an id that begins with ses"),
        (lambda d: d["messages"][0]["info"]["model"].pop("modelID"), "model.modelID is missing"),
        (lambda d: d["messages"][1]["info"].pop("path"), "path is missing"),
        (lambda d: d["messages"][1]["info"].update(cost="0"), "cost is not a number"),
        (lambda d: d["messages"][1]["info"].update(parentID="msg_x"), "it answers no message of the user that is before it"),
        (
            lambda d: d["messages"][1]["info"]["time"].update(created=1),
            "it is not behind the message before it: neither later, nor of a higher id",
        ),
        (lambda d: d["messages"][1]["parts"][1]["state"].update(status="completed", output=1), "state.output is not a text"),
        (
            lambda d: d["messages"][1]["parts"][1]["state"].update(status="running"),
            "the call has no answer: the model is told that it was interrupted",
        ),
        (lambda d: d["messages"][1]["parts"][1].update(tool="a b"), "providers refuse its tool: at most 64 of A-Z a-z 0-9 _ -"),
        (lambda d: d["messages"][1]["parts"][0].update(type="poem"), "a part of the type 'poem' is refused"),
        (lambda d: d["messages"][1]["parts"][0].update(messageID="msg_x"), "it names another message"),
        (lambda d: d["messages"][2]["info"].update(role="system"), "a message of the role 'system' is refused"),
        (lambda d: d["messages"].append(d["messages"][-1]), "a message of that id is there already: this one is dropped"),
        (lambda d: d.update(messages=[]), "it is empty: nothing was said in it"),
    ],
)
def test_what_the_import_would_refuse_is_found(tmp_path, spoil, reason):
    written = OpenCodeWriter().write(plain(), Destination(str(tmp_path), str(tmp_path)))
    document = json.loads(Path(written.files[0]).read_text())
    spoil(document)
    file = tmp_path / "spoilt.json"
    file.write_text(json.dumps(document))
    assert reason in {noted.reason for noted in OpenCodeWriter().validate(str(file))}


def test_what_opencode_itself_exports_is_sound():
    assert OpenCodeWriter().validate(str(FIXTURES / "export-plan.json")) == []
    assert OpenCodeWriter().validate(str(FIXTURES / "minimal-importable.json")) == []


def test_a_message_that_ended_at_a_limit_of_the_provider_says_so(database):
    whole = export()
    info = whole["messages"][-1]["info"]
    data = {"message": "Rate limit reached for requests.", "statusCode": 429, "responseHeaders": {"retry-after": "20"}}
    info["error"] = {"name": "APIError", "data": data}
    database.whole(whole)
    (stopped,) = [d for d in read(database.path)[0] if d.kind == "agent.set"]
    assert (stopped.body["name"], stopped.body["status"], stopped.body["set"]["limit"]) == ("opencode", "limited", "rate")
    assert stopped.body["set"]["resets_at"] > stopped.at
