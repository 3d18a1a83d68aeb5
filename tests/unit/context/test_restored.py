"""A restored context keeps its budget, what the user said, and the reason for whatever it leaves out."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.core.context.condense import units
from segue.core.context.items import from_events
from segue.core.context.known import Fact, Known, Note, known_of
from segue.core.context.lanes import restore, restored
from segue.core.context.pack import divide
from segue.core.context.tokens import FAMILIES, Estimator
from segue.core.log.events import Draft
from segue.core.session.state import fold
from segue.host.tokenizers import exact
from segue.testing.builders import assistant, created, decision, user
from segue.testing.events import written
from tests.unit.context.test_items import edit, read, run

MODULE = "\n".join(f"{n}\tdef function_{n}(argument_{n}): return compute_{n}(argument_{n})" for n in range(1, 120))


def work(rounds=40):
    """A session of so many rounds of reading, editing, testing and talking."""
    drafts = [created(name="SESSION-260115-001", workspace="/w"), user("Port the parser to the new reader. Never touch vendor/.")]
    for n in range(rounds):
        path = f"/w/src/module_{n % 7}.py"
        drafts += [assistant(f"Round {n}: the reader of module_{n % 7} comes next.")]
        drafts += read(f"r{n}", path, MODULE)
        drafts += edit(f"e{n}", path, f"def function_{n + 1}(", f"def renamed_function_{n + 1}(")
        drafts += run(f"t{n}", f"make test-{n}", f"{n} passed\n" * 30, is_error=n % 9 == 8)
        if n % 10 == 5:
            drafts.append(user(f"Also keep rule number {n} in mind: commit in small steps."))
    return written(drafts)


EVENTS = work()
STATE = fold(EVENTS)
UNITS = units(from_events(EVENTS))


@pytest.mark.parametrize("budget", [0, 1, 40, 200, 1_000, 2_000, 5_000, 25_000, 40_000])
def test_by_an_exact_tokenizer_a_context_never_exceeds_its_budget(budget):
    context = restored(EVENTS, STATE, budget, exact("o200k"))

    assert exact("o200k").count(context.text) == context.size.tokens <= budget


@pytest.mark.parametrize("budget", [1_000, 2_000, 5_000, 25_000])
def test_where_there_is_more_to_say_a_context_is_at_least_95_percent_full(budget):
    events = work(150)

    context = restored(events, fold(events), budget, exact("o200k"))

    assert context.size.tokens >= 0.95 * budget


class Slow:
    """An exact tokenizer that is too slow to count every part, and counts how much it counted."""

    family, method, margin, slow = "o200k", "exact", 0.0, True

    def __init__(self):
        self.characters = 0

    def count(self, text):
        self.characters += len(text)
        return exact("o200k").count(text)


@pytest.mark.parametrize("budget", [0, 40, 1_000, 5_000, 25_000])
def test_a_slow_tokenizer_counts_the_whole_a_few_times_and_the_budget_is_kept_and_used(budget):
    counter = Slow()
    events = work(150)

    context = restored(events, fold(events), budget, counter)

    assert exact("o200k").count(context.text) == context.size.tokens <= budget
    assert context.size.tokens >= 0.95 * budget or budget < 1_000
    assert context.size[1:] == ("o200k", "exact", 0.0)
    assert counter.characters <= 6 * (len(context.text) + 3_000)


@pytest.mark.parametrize("family", FAMILIES)
def test_by_the_estimator_the_margin_is_kept_free(family):
    context = restored(EVENTS, STATE, 5_000, Estimator(family))

    assert (context.size.family, context.size.method) == (family, "estimate")
    assert 0.9 * 5_000 <= context.size.upper <= 5_000


def test_the_same_log_gives_the_same_context():
    assert restored(EVENTS, STATE, 5_000) == restored(work(), fold(work()), 5_000)


@pytest.mark.parametrize("budget", [5_000, 25_000, 40_000])
def test_everything_that_the_user_said_is_in_it_from_the_smallest_level_on(budget):
    said = [item.text for item in from_events(EVENTS) if item.kind == "instruction"]

    text = restored(EVENTS, STATE, budget).text

    assert [words for words in said if words not in text] == []


def test_of_very_long_instructions_each_keeps_its_beginning_and_end():
    drafts = [user(f"start {n} " + "many words of a pasted document " * 2_000 + f" end {n}") for n in range(6)]

    text = restored(written(drafts), fold(written(drafts)), 5_000).text

    assert [n for n in range(6) if f"start {n}" not in text or f"end {n}" not in text] == []


def test_constraints_decisions_threads_and_next_steps_are_in_every_level():
    drafts = [
        created(name="S", workspace="/w"),
        Draft("task.set", {"title": "Port the parser"}),
        Draft("constraint.set", {"text": "never touch vendor/"}),
        Draft("preference.set", {"text": "small commits"}),
        decision("Use the streaming reader", "files are large"),
        Draft("thread.set", {"topic": "unicode names", "notes": "ask upstream"}),
        Draft("question.asked", {"text": "Which encodings matter?"}),
        Draft("action.next", {"text": "run the long tests"}),
        Draft("changes.seen", {"files": ["src/a.py"], "branch": "port"}),
    ]
    events = written(drafts) + [e._replace(seq=e.seq + len(drafts)) for e in work(20)]

    text = restored(events, fold(written(drafts)), 5_000, changed="2 files changed by build-bot").text

    sections = dict(re.findall(r"^## (.+)\n((?:.+\n)+)", text, re.MULTILINE))
    assert sections["Task"] == "- Port the parser §2\n"
    assert (
        sections["Constraints and preferences of the user"]
        == "- constraint: never touch vendor/ §3\n- preference: small commits §4\n"
    )
    assert sections["Decisions"] == "- Use the streaming reader (because files are large) §5\n"
    assert sections["Open threads, questions, blockers"] == (
        "- unicode names (open): ask upstream §6\n- question: Which encodings matter? §7\n"
    )
    assert sections["Next steps"] == "- run the long tests §8\n"
    assert sections["Project state"] == "- port: 1 uncommitted: src/a.py §9\n"
    assert sections["What changed since"] == "- 2 files changed by build-bot\n"


def test_at_first_five_decisions_are_given_and_the_others_where_there_is_room():
    drafts = [decision(f"decision number {n}") for n in range(30)]

    facts = known_of(fold(written(drafts))).facts

    assert [fact.text for fact in facts if fact.must] == [f"decision number {n}" for n in range(29, 24, -1)]
    assert len(facts) == 30


def test_each_thing_is_loaded_or_shortened_or_skipped_with_its_reason():
    context = restored(EVENTS, STATE, 5_000)

    by_seq = {}
    for entry in context.items:
        by_seq.setdefault(entry.seq, []).append(entry)
    assert {unit.seq for unit in UNITS} <= by_seq.keys()
    assert {entry.status for entry in context.items} == {"loaded", "shortened", "skipped"}
    assert [entry for entry in context.items if entry.status != "loaded" and not entry.reason] == []
    assert [
        entry
        for entry in context.items
        if entry.status == "loaded" and f"§{entry.seq}" not in context.text and "file" not in entry.what
    ] == []


def test_what_had_no_room_is_pointed_to_by_its_event():
    text = restored(EVENTS, STATE, 5_000).text

    left = text.split("## Left out\n")[1].split("\nSEGUE-QUOTE")[0].splitlines()
    assert re.fullmatch(r"- \d+ elements from §\d+ to §\d+ had no room", left[0])
    assert all(re.fullmatch(r"- §\d+ .+ \([\d,]+ tokens\)", pointer) for pointer in left[1:])


@pytest.mark.parametrize("budget", range(2_000, 3_000, 100))
def test_what_has_no_room_is_never_announced_without_being_there(budget):
    assert not restored(EVENTS, STATE, budget).text.split("\nSEGUE-QUOTE")[0].endswith(":")


def test_a_file_is_shown_as_it_stands_and_its_reads_and_edits_are_not_repeated():
    drafts = [
        user("go"),
        *read("c1", "/w/a.py", "1\tbefore\n2\tlines"),
        *edit("c2", "/w/a.py", "before", "after"),
        assistant("done"),
    ]

    text = restored(written(drafts), fold(written(drafts)), 5_000).text

    assert "File /w/a.py as last known\n[1-2]\nafter\nlines\n" in text
    assert "before" not in text.split("## Previous context")[1].split(">>>")[0]


def test_what_is_about_the_next_task_comes_before_what_is_only_newer():
    early = run("early", "psql -c 'explain invoices'", "Seq Scan on invoice_totals: the missing index on customer_id\n" * 5)
    noise = [draft for n in range(200) for draft in run(f"n{n}", f"make lint-{n}", f"clean {n}\n" * 20)]
    events = written([user("look at the database"), *early, *noise])

    without = restored(events, fold(events), 5_000).text
    given = restored(events, fold(events), 5_000, task="Add the index for invoice totals by customer").text

    assert "missing index on customer_id" not in without
    assert "missing index on customer_id" in given


def test_a_task_that_nothing_is_about_changes_nothing_but_the_task():
    without = restored(EVENTS, STATE, 5_000)
    given = restored(EVENTS, STATE, 5_000, task="zzz qqq")

    assert "- zzz qqq\n" in given.text
    assert {e.seq for e in given.items} == {e.seq for e in without.items} | {0}


def test_an_open_error_is_kept_and_one_that_was_mended_is_not_kept_for_that():
    noise = [draft for n in range(200) for draft in run(f"n{n}", f"make lint-{n}", f"clean {n}\n" * 20)]
    drafts = [
        *run("c1", "make docs", "docs: broken link in a.md", is_error=True),
        *run("c2", "make test", "test: 3 failed in b.py", is_error=True),
        *run("c3", "make test", "all passed"),
        *noise,
    ]

    text = restored(written(drafts), fold(written(drafts)), 2_000).text

    assert "broken link in a.md" in text
    assert "3 failed" not in text


def test_an_erased_message_is_reported_missing():
    events = written([user("keep"), user("secret")])
    events[1] = events[1]._replace(erased=True, body={})

    context = restored(events, fold(events), 5_000)

    assert [(e.seq, e.status, e.reason) for e in context.items] == [(1, "loaded", ""), (2, "missing", "its content was erased")]


def test_json_has_what_the_product_fixes():
    shape = restored(EVENTS, STATE, 5_000, exact("o200k")).to_json()

    assert {name: shape[name] for name in ("budget", "family", "method", "margin")} == {
        "budget": 5_000, "family": "o200k", "method": "exact", "margin": 0.0,
    }  # fmt: skip
    assert shape["items"][0].keys() == {"seq", "what", "status", "reason", "tokens", "lane", "priority", "relevance"}
    assert {lane["name"]: lane["cap"] for lane in shape["lanes"]} == {
        "said": 2_000, "facts": 1_250, "last": 625, "errors": 300, "files": 955, "more": 500, "left": 125,
    } | {"history": next(lane["cap"] for lane in shape["lanes"] if lane["name"] == "history")}  # fmt: skip
    assert all(lane["used"] <= lane["cap"] + 8 for lane in shape["lanes"])


def test_a_session_in_which_nothing_happened_has_a_context():
    context = restored([], fold([]), 5_000)

    assert context.text.startswith("# Restored context of a session\n")
    assert context.items == ()


@given(
    texts=st.lists(st.text(max_size=200), max_size=12),
    budget=st.integers(0, 600),
    facts=st.lists(st.text(max_size=80), max_size=4),
)
def test_whatever_was_said_the_budget_holds_and_nothing_is_unaccounted_for(texts, budget, facts):
    events = written([user(text) if n % 2 else assistant(text) for n, text in enumerate(texts)])
    known = Known("S", 9, "", tuple(Fact("decision", text, 1) for text in facts))
    conversation = units(from_events(events))

    context = restore(conversation, known, budget, exact("o200k"))

    assert exact("o200k").count(context.text) <= budget
    assert {unit.seq for unit in conversation} <= {entry.seq for entry in context.items}


@given(costs=st.lists(st.integers(0, 1000), max_size=20), room=st.integers(0, 5000))
def test_what_one_does_not_need_is_divided_among_the_others(costs, room):
    each = divide(costs, room)

    assert sum(min(cost, each) for cost in costs) <= max(room, 0) or not costs
    assert sum(costs) > room or all(cost <= each for cost in costs)


def test_notes_of_the_library_have_lanes_of_their_own_and_none_is_lost_quietly():
    notes = [
        Note("00-INDEX", "Index", "where everything stands", "the organisation's index", essential=True),
        Note("2026-01-050", "Retry budgets", "waiting doubles each time\n" * 400),
        Note("PLAY-7", "Release", "tag, then build"),
    ]

    context = restore(UNITS, known_of(STATE, notes=notes), 5_000, exact("o200k"))

    section = context.text.split("## Notes of the library\n")[1].split("\n\n## ")[0]
    assert section.startswith("§note 00-INDEX: Index\nwhere everything stands\n§note 2026-01-050: Retry budgets\nwaiting doubles")
    assert section.endswith("\n§note PLAY-7: Release\ntag, then build")
    assert [(e.what, e.status) for e in context.items if e.what.startswith("note")] == [
        ("note 00-INDEX: Index", "loaded"),
        ("note 2026-01-050: Retry budgets", "shortened"),
        ("note PLAY-7: Release", "loaded"),
    ]
    assert exact("o200k").count(section) <= 5_000 * 22 // 100
    assert context.size.tokens <= 5_000


def test_notes_that_have_no_room_are_named():
    notes = [Note(f"N-{n}", "", "every word of it counts\n" * 300) for n in range(40)]

    context = restore(UNITS, known_of(STATE, notes=notes), 1_000, exact("o200k"))

    said = {e.what: e.status for e in context.items if e.what.startswith("note")}
    assert len(said) == 40
    assert set(said.values()) == {"skipped", "shortened"}
