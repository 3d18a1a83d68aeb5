"""Showing: the state document of a session, and one event whole."""

import json

from inline_snapshot import snapshot


def test_a_state_document_in_yaml(shop):
    assert shop.says("show", "--format", "yaml") == snapshot("""\
$ segue show --format yaml
format: segue-state
version: 1
session:
  id: "019bc0fd-89c1-7466-ae0c-494e4f11e5ad"
  name: SESSION-260115-001
  slug: "2026-01-15-general-shop-001"
  title: ""
  organisation: ""
  project: shop
  type: general
  task: sell pears
  model: ""
  owner: ""
  workspace: /shop
  agent: ""
  tags: []
  foreign_ids: []
position:
  seq: 8
  digest: DIGEST
  at: "2026-01-15T09:30:01.000000Z"
  last_activity: "2026-01-15T09:30:01.000000Z"
lifecycle:
  status: active
  reason: ""
  note: ""
  by: ""
  since: "2026-01-15T09:30:00.000000Z"
  created: "2026-01-15T09:30:00.000000Z"
  times:
    created: "2026-01-15T09:30:00.000000Z"
    active: "2026-01-15T09:30:00.000000Z"
  entered:
    created: 1
    active: 1
  active_seconds: 1.0
  idle_seconds: 0.0
work:
  focus: null
  task: null
  tasks: []
  actions: []
  blockers: []
  threads: []
  questions: []
  decisions:
    - id: sell by weight
      title: sell by weight
      reason: pears differ in size
      major: false
      seq: 7
      at: "2026-01-15T09:30:01.000000Z"
  preferences: []
  constraints:
    - id: never plums
      text: never plums
      seq: 4
      at: "2026-01-15T09:30:01.000000Z"
  recent_completions: []
  plan:
    - text: weigh
      status: completed
      id: ""
      begun: 8
      ended: 8
    - text: print a price list
      status: pending
      id: ""
      begun: 8
      ended: 0
  completed_steps: []
  progress: null
  answered: []
  changes: null
project:
  facts: {}
  active_files: []
conversation:
  facts: {}
  instructions:
    - text: "sell pears, never plums"
      seq: 3
      at: "2026-01-15T09:30:01.000000Z"
  last_reply:
    text: I look at the stock.
    seq: 5
    at: "2026-01-15T09:30:01.000000Z"
context: {}
agents: []
memory: []
items: []
metrics:
  tokens:
    input: 1200
    output: 40
    cache_read: 0
    cache_write: 0
    reasoning: 0
  cost_usd: 0
  counts:
    messages: 3
    user_messages: 1
    tool_calls: 1
    decisions: 1
  tools:
    Read: 1
  agents:
    ann:
      tokens:
        input: 0
        output: 0
        cache_read: 0
        cache_write: 0
        reasoning: 0
      cost_usd: 0
      counts:
        messages: 1
        user_messages: 1
  models:
    claude-opus-4-6:
      tokens:
        input: 1200
        output: 40
        cache_read: 0
        cache_write: 0
        reasoning: 0
      cost_usd: 0
      counts: {}
usage:
  context_tokens: 1240
  model: claude-opus-4-6
  message_id: ""
  seq: 5
  at: "2026-01-15T09:30:01.000000Z"
budget:
  band: ""
  window: 0
  crossings: []
  inherited: false
  successor: ""
  condensed: null
  announced: 0
  compaction: 0
  forgotten: null
  limit: null
  reached: null
  choice: ""
hints:
  recommended_context: []
  open_questions: []
  next_actions:
    - text: print a price list
      why: plan
      seq: 8
checkpoints: []
continuations: []
imports: []
lineage:
  parent: null
  origin: null
  predecessor: ""
  merged: []
losses:
  count: 0
  recent: []
unknown: {}
""")


def test_a_state_document_as_it_was(shop):
    assert shop("show", "--at", "2", "--json").json["position"]["seq"] == 2
    assert shop.says("show", "--at", "99") == snapshot("""\
$ segue show --at 99
! error: position '99' was not found
! hint: the log ends at 8
[exit code 4]
""")


def test_a_state_document_begins_a_session_with_that_state(shop):
    text = shop("show", "--json").out
    found = shop("start", "--from", "-", "--json", stdin=text)
    assert found.code == 0, found
    begun = found.json
    assert begun["name"] == "SESSION-260115-002"
    old, new = json.loads(text), shop("show", begun["id"], "--json").json
    assert new["work"]["decisions"][0]["title"] == "sell by weight"
    assert new["session"]["foreign_ids"] == [old["session"]["id"], "SESSION-260115-001"]
    assert shop("validate", "--json").json["valid"] is True


def test_a_state_document_that_is_none_is_named(shop):
    assert shop.says("start", "--from", "-", stdin="{") == snapshot("""\
$ segue start --from -
! error: state document '-' is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)
! hint: segue show SESSION --json prints one
[exit code 2]
""")
    assert shop.says("start", "--from", "-", stdin="[]") == snapshot("""\
$ segue start --from -
! error: this is not a state document: its format is not 'segue-state'
! hint: segue show --format json
[exit code 2]
""")
    assert shop.says("start", "--from", "/nowhere") == snapshot("""\
$ segue start --from /nowhere
! error: state document '/nowhere' cannot be read: No such file or directory
! hint: segue show SESSION --json prints one
[exit code 2]
""")


def test_an_event_is_shown_whole(shop):
    assert shop.says("show", "current", "5") == snapshot("""\
$ segue show current 5
5  2026-01-15T09:30:01.000000Z  message

I look at the stock.

type: tool_call
id: c1
name: Read
arguments:
  file_path: /shop/stock.txt


6  2026-01-15T09:30:01.000000Z  message

(answer of the tool)
pears 7
plums 3
""")
    assert shop.says("show", "current", "6") == snapshot("""\
$ segue show current 6
6  2026-01-15T09:30:01.000000Z  message

(answer of the tool)
pears 7
plums 3
""")
    assert shop.says("show", "current", "77") == snapshot("""\
$ segue show current 77
! error: event '77' was not found
! hint: segue log 019bc0fd-89c1-7466-ae0c-494e4f11e5ad
[exit code 4]
""")


def test_a_tool_call_is_shown_with_what_answered_it(shop):
    large = "apples 5\n" * 20_000
    call = {"type": "tool_call", "id": "c2", "name": "Bash", "arguments": {"command": "stock"}}
    answer = {"type": "tool_call_response", "id": "c2", "response": large}
    lines = [{"role": "assistant", "parts": [call]}, {"role": "user", "parts": []}, {"role": "tool", "parts": [answer]}]
    shop("append", "current", "--stdin", stdin="\n".join(json.dumps({"kind": "message", "body": body}) for body in lines))

    shown = shop("show", "current", "9").out

    assert "command: stock" in shown
    assert shown.count("apples 5") == 20_000
    assert "pears 7" in shop("show", "current", "5").out
    assert json.loads(shop("show", "current", "9", "--json").out)["seq"] == 9
