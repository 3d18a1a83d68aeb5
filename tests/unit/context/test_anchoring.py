"""What a session's usage records teach: how full its context is, and how far the estimate is off."""

import pytest

from segue.core.context.anchoring import anchor_of, anchored
from segue.core.context.tokens import Estimator, estimate
from segue.core.log.events import Draft
from segue.host.tokenizers import exact
from segue.testing.builders import assistant, tool, tool_call, tool_result, user
from segue.testing.events import written

OUTPUT = "a line of output of some tool, as tools write it\n" * 200
MODEL = "claude-opus-4-6"


def conversation(off=1.0, rounds=8, model=MODEL):
    """A session whose provider counts *off* times what is estimated; each message is two records, the first with no figure."""
    drafts = [user("go")]
    size = 10_000.0
    for n in range(rounds):
        call = tool_call("Bash", f"c{n}", command="make")
        usage = {"input_tokens": round(size), "output_tokens": 5}
        drafts.append(assistant("next", message_id=f"m{n}", model=model, usage={"input_tokens": 1, "output_tokens": 1}))
        drafts.append(assistant(call, message_id=f"m{n}", model=model, usage=usage))
        drafts.append(tool(tool_result(OUTPUT, f"c{n}")))
        step = estimate("next", "claude-3") + estimate('{"command": "make"}', "claude-3") + 88 + estimate(OUTPUT, "claude-3")
        size += step * off
    return written(drafts), size


@pytest.mark.parametrize("off", [0.8, 1.0, 1.3])
def test_the_factor_approaches_what_the_provider_counts(off):
    events, _ = conversation(off, rounds=40)

    assert anchor_of(events, "claude-3").factor == pytest.approx(off, rel=0.03)


def test_the_size_of_the_context_is_the_last_record_and_what_came_after_it():
    events, size = conversation(1.3, rounds=40)

    measured = anchor_of(events, "claude-3").measure()

    assert measured.method == "anchored"
    assert measured.tokens == pytest.approx(size, rel=0.005)


def test_records_of_a_model_of_another_family_teach_nothing():
    events, _ = conversation(1.3, model="gpt-5")

    assert anchor_of(events, "claude-3").factor == 1.0


def test_behind_a_compaction_the_size_is_an_estimate_again():
    events, _ = conversation()
    events += written([Draft("compaction", {"summary": "short"})], after=len(events), prev=events[-1].digest)

    assert anchor_of(events, "claude-3").measure().method == "estimate"


def test_an_estimator_takes_the_factor_and_says_so_and_an_exact_counter_stays_as_it_is():
    events, _ = conversation(1.3, rounds=40)

    counter = anchored(Estimator("claude-3"), events)

    assert (counter.method, counter.family) == ("anchored", "claude-3")
    assert counter.count(OUTPUT) == pytest.approx(1.3 * estimate(OUTPUT, "claude-3"), rel=0.03)
    assert anchored(exact("o200k"), events) is exact("o200k")
    assert anchored(Estimator("unknown"), events).method == "estimate"


def test_where_no_record_teaches_anything_nothing_is_counted_for_it():
    events, _ = conversation(model="gpt-5")
    counter = Estimator("claude-3", 1.1)

    assert anchored(counter, iter(events)) is counter


@pytest.mark.parametrize("usage", [None, [], {"input_tokens": "many"}, {"input_tokens": -5}, {"input_tokens": None}])
def test_a_usage_record_of_any_shape_is_no_error(usage):
    events = [e._replace(body=e.body | {"usage": usage}) if e.body["role"] == "assistant" else e for e in conversation()[0]]

    assert anchor_of(events, "claude-3").factor == 1.0
