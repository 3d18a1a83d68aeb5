"""Looking: documents, events, search, validation."""

import json

from inline_snapshot import snapshot


def test_a_log_is_a_line_an_event(shop):
    assert shop.says("log") == snapshot("""\
$ segue log
     1  2026-01-15 09:30:00  session.created    SESSION-260115-001
     2  2026-01-15 09:30:00  session.activated
     3  2026-01-15 09:30:01  message            ann: sell pears, never plums
     4  2026-01-15 09:30:01  constraint.set     never plums
     5  2026-01-15 09:30:01  message            assistant: I look at the stock. → Read(file_path: /…
     6  2026-01-15 09:30:01  message            tool: ← pears 7 plums 3
     7  2026-01-15 09:30:01  decision.made      sell by weight
     8  2026-01-15 09:30:01  plan.set           steps: weigh; print a price list
""")


def test_a_log_for_a_script_is_json_lines_with_the_fields_that_are_promised(shop):
    events = [json.loads(line) for line in shop("log", "--json").out.splitlines()]
    promised = ["seq", "id", "at", "kind", "actor", "body", "source", "digest"]
    assert [e["seq"] for e in events] == list(range(1, 9))
    assert all(list(e)[:8] == promised for e in events)


def test_a_log_can_be_narrowed(shop):
    def seqs(*arguments):
        return [json.loads(line)["seq"] for line in shop("log", "--json", *arguments).out.splitlines()]

    assert seqs("--after", "6") == [7, 8]
    assert seqs("--upto", "2") == [1, 2]
    assert seqs("-n", "1") == [8]
    assert seqs("--kind", "message") == [3, 5, 6]
    assert seqs("--active") == [3, 5, 6]
    assert seqs("--active", "-n", "2", "--after", "3") == [5, 6]
    assert seqs("-n", "3", "--upto", "7", "--after", "5") == [6, 7]
    assert seqs("-n", "2", "--kind", "message") == [5, 6]
    assert seqs("--kind", "nothing.such") == []


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


def test_a_search_says_where_it_stands(shop):
    assert shop.says("search", "plums") == snapshot("""\
$ segue search plums
SESSION-260115-001 4  2026-01-15 09:30  constraint.set
  never [plums]
SESSION-260115-001 3  2026-01-15 09:30  user
  sell pears, never [plums]
SESSION-260115-001 6  2026-01-15 09:30  tool
  pears 7 [plums] 3
see one whole: segue show SESSION NUMBER
""")
    assert shop.says("search", "bananas") == snapshot("""\
$ segue search bananas
nothing fits: no event that is asked for has a word of it
""")


def test_a_search_for_a_script(shop):
    found = shop("search", "weight", "--json").json
    assert [(h["seq"], h["kind"], sorted(h)) for h in found["hits"]] == snapshot(
        [(7, "decision.made", ["actor", "at", "kind", "role", "score", "seq", "session", "snippet"])]
    )


def test_evidence_is_packed_into_a_budget(shop):
    found = shop("search", "pears", "--budget", "100", "--json").json
    assert 0 < found["tokens"] * 1.05 <= 100
    assert {item["status"] for item in found["items"]} <= {"loaded", "shortened", "skipped"}
    lines = found["text"].splitlines()
    assert (lines[0][:14], lines[-1][:11]) == ("<<<SEGUE-QUOTE", "SEGUE-QUOTE")
    assert "pears" in "".join(lines[2:-1])


def test_evidence_is_put_in_order_by_word_vectors_where_the_user_has_some(shop):
    plain = shop("search", "pears", "--budget", "100", "--json").json
    shop.env["SEGUE_SEARCH_VECTORS"] = "wordllama"

    found = shop("search", "pears", "--budget", "100", "--json").json

    assert sorted((item["session"], item["seq"]) for item in found["items"]) == sorted(
        (item["session"], item["seq"]) for item in plain["items"]
    )
    assert 0 < found["tokens"] <= 100


def test_word_vectors_that_are_not_there_are_an_error_that_says_what_to_do(shop):
    shop.env["SEGUE_SEARCH_VECTORS"] = "/nowhere"

    said = shop("search", "pears", "--budget", "100")

    assert (said.code, said.err) == (
        2,
        "error: there are no word vectors in /nowhere\nhint: it needs tokenizer.json and one .safetensors file; or say wordllama\n",
    )


def test_a_sound_store_is_said_to_be_sound(shop):
    assert shop.says("validate") == snapshot("""\
$ segue validate
sound: 1 session, 8 events checked
""")
    assert shop("validate", "current", "--json").json == snapshot({"valid": True, "sessions": 1, "events": 8, "findings": []})


def test_damage_is_named_and_ends_in_its_own_exit_code(shop):
    log = next((shop.home / "segue" / "store" / "sessions").glob("*/log/*.jsonl"))
    data = log.read_bytes()
    log.write_bytes(data.replace(b"never plums", b"never pluns", 1))
    said = shop("validate", "--json")
    assert said.code == 6
    document = json.loads(said.out)
    assert document["valid"] is False
    assert [f["severity"] for f in document["findings"]] == ["damage"]
    assert json.loads(said.err)["error"]["code"] == "damaged"


def test_damage_is_passed_over_by_those_who_look_and_they_say_so(shop):
    log = next((shop.home / "segue" / "store" / "sessions").glob("*/log/*.jsonl"))
    log.write_bytes(log.read_bytes().replace(b"sell by weight", b"sell by weighs", 1))
    said = shop("log", "--json")
    assert [json.loads(line)["seq"] for line in said.out.splitlines()] == [1, 2, 3, 4, 5, 6, 8]
    assert said.err.startswith("warning: 1 damaged place was passed over: segue validate ")


def test_a_parent_is_printed_where_one_was_given(shop):
    lines = ['{"kind":"message","node":"n","parent":null,"body":{"role":"user","parts":[]}}']
    shop("append", "current", "--stdin", stdin="\n".join(lines))
    events = [json.loads(line) for line in shop("log", "--json").out.splitlines()]
    assert [e.get("parent", "absent") for e in events] == ["absent"] * 8 + [None]
    assert shop("show", "current", "3", "--json").json.get("parent", "absent") == "absent"


def test_following_a_session_prints_events_until_the_one_that_is_waited_for(shop):
    assert shop.says("watch", "--after", "6", "--until-seq", "8") == snapshot("""\
$ segue watch --after 6 --until-seq 8
     7  2026-01-15 09:30:01  decision.made      sell by weight
     8  2026-01-15 09:30:01  plan.set           steps: weigh; print a price list
""")


def test_settings_say_where_they_come_from(cli):
    assert cli.says("config") == snapshot("""\
$ segue config
store = log:///home/dev/segue/store  (default)
    URL of the store: log:///directory or memory://; a path is a log store
durability = strict  (default)
    strict: an append that returned survives a power loss; relaxed: it survives the end of the process only
key.file =   (default)
    file that holds the key of an encrypted store, where it is neither in SEGUE_KEY nor where the store says
redact = off  (default)
    on: secrets (keys, tokens, passwords) are taken out of all that comes in, before it is written; emails: addresses too
organisation =   (default)
    organisation of new sessions
project =   (default)
    project of new sessions; else the name of the workspace's directory
type = general  (default)
    type of new sessions: focus, strategic, research, review, ... or one's own
owner =   (default)
    owner of new sessions
model =   (default)
    model that restored contexts are counted for, where a session names none
windows =   (default)
    tokens that models read, by name, by what names begin with, or by agent: `my-model=32768, claude-code=1000000`
prices =   (default)
    what models cost in US dollars per million tokens, by name or what names begin with, as input/output, or with cache read/cache write: `my-model=0.5/2, claude-opus=5/25/0.5/6.25`
budget.disclosure = 60  (default)
    percent of a window from which on progressive disclosure holds
budget.summarisation = 75  (default)
    the same of progressive summarisation: a condensed context is kept at hand
budget.emergency = 85  (default)
    the same of emergency recovery: a successor takes over
budget.reserve = 30000  (default)
    tokens: where fewer are available, resuming and handing over condense first
budget.command =   (default)
    command that a shell runs once for each threshold that a session's context crosses; it gets the crossing as JSON
budget.limit =   (default)
    US dollars that a session may cost, where it has no limit of its own
budget.then = ask  (default)
    what happens when that is reached: ask (shown until the user says), continue (its agents only react), or pause
budget.successor = auto  (default)
    auto: from the emergency band on, or when an agent announces that it compacts its context, a successor takes over; off
restore.level = balanced  (default)
    size of restored contexts
search.vectors =   (default)
    word vectors that packed evidence is put in order by as well: wordllama (the package), or a directory with `tokenizer.json` and one `.safetensors` file; nothing is downloaded
library =   (default)
    folders of notes (a library, an Obsidian vault, a docs folder), divided by `:`; new notes go to the first; else the workspace where it has `organizations`, and `library` in the home of segue
import.exclude =   (default)
    transcripts that are never taken in: patterns of absolute paths, divided by `:` (*/-home-me-private/*)
limits.then = ask  (default)
    what resume does about a limit that an agent stopped at: ask, wait until it ends, or an agent to go on in (codex, ...)
autosave.context = 30  (default)
    seconds between two saves of what is restored
autosave.conversation = 60  (default)
    seconds until what was said is searched
autosave.project = 300  (default)
    seconds between two looks at branch and changes
autosave.checkpoint = 900  (default)
    seconds between two automatic checkpoints; 0: none
autosave.frequent = 600  (default)
    the same, once a session has been at work for long
autosave.long = 1800  (default)
    seconds of work from which on a session is long
autosave.notice = 3600  (default)
    seconds that status counts automatic checkpoints over
autosave.mirror = 60  (default)
    seconds between two looks at what the mirror lacks
timeout = 86400  (default)
    seconds of silence after which a session is paused; 0: never
backup.to =   (default)
    directory of the store's backups; else `backups` in the home of segue
backup.keep = 5  (default)
    how many backups stay
backup.every = off  (default)
    how often a backup is taken in the background, when something is done: hour, day, week, or off
mirror = activity  (default)
    when the worker brings what is new in the logs into the mirror, a git repository in the home of segue: activity, while and after something is done; checkpoints, at checkpoints and when a session rests; off
snapshots.take = on  (default)
    whether a checkpoint holds the files of the workspace
snapshots.limit = 32  (default)
    megabytes of the largest file that a checkpoint holds; larger ones are named, and not taken
snapshots.secrets = leave  (default)
    files that look like secrets (.env, private keys): leave, they are named and not taken; or take
snapshots.scratch =   (default)
    directory where snapshots beside an encrypted store are worked with, in the clear for that moment; without one, memory
retention.last = 5  (default)
    how many of a session's latest checkpoints stay
retention.daily = 7  (default)
    of how many days the last checkpoint stays
retention.weekly = 4  (default)
    of how many weeks the last checkpoint stays
retention.automatic = 10  (default)
    how many further automatic checkpoints stay
retention.forget = auto  (default)
    auto: what no rule keeps is forgotten in the background; off: by segue forget alone
upkeep = off  (SEGUE_UPKEEP)
    auto: seal and index in the background when there is something to do
written to /home/dev/segue/config.toml by: segue config set KEY VALUE
""")


def test_a_setting_is_written_read_and_taken_out(cli):
    assert cli.says("config", "set", "restore.level", "minimal") == snapshot("""\
$ segue config set restore.level minimal
restore.level = minimal  (from /home/dev/segue/config.toml)
""")
    assert cli("config", "get", "restore.level", "--json").json["source"] == "/home/dev/segue/config.toml"
    assert cli.says("config", "set", "restore.level", "tiny") == snapshot("""\
$ segue config set restore.level tiny
! error: setting 'restore.level' cannot be 'tiny', as the command line says
! hint: one of: minimal, balanced, full
[exit code 2]
""")
    assert cli.says("config", "unset", "restore.level") == snapshot("""\
$ segue config unset restore.level
restore.level = balanced  (from default)
""")


def test_a_variable_that_wins_over_what_is_written_is_named(cli):
    cli.env["SEGUE_LEVEL"] = "full"
    assert cli.says("config", "set", "restore.level", "minimal") == snapshot("""\
$ segue config set restore.level minimal
restore.level = full  (from SEGUE_LEVEL)
! warning: restore.level is 'full' all the same: SEGUE_LEVEL wins over the file
""")


def test_a_doctor_finds_this_machine_healthy(cli):
    said = cli("doctor", "--json")
    assert said.code == 0, said
    found = said.json
    assert found["healthy"] is True
    names = [c["check"] for c in found["checks"]]
    assert names == [
        "python",
        "compression",
        "sqlite",
        "git",
        "permissions",
        "disk",
        "sync",
        "locks",
        "capture",
        "agent",
        "store",
        "index",
        "backup",
    ]


def test_every_shell_gets_its_completion(cli):
    for shell in ("bash", "zsh", "fish"):
        said = cli("completion", shell)
        assert said.code == 0
        assert "_SEGUE_COMPLETE" in said.out


def test_what_could_not_be_read_is_not_said_to_be_known(cli):
    assert cli.says("import", "/dev/null") == snapshot("""\
$ segue import /dev/null
! error: '/dev/null' was not imported: cannot be read: not a regular file
! hint: segue why /dev/null
[exit code 1]
""")
