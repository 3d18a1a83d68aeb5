"""Clocks that jump: an hour back, ten years on, before 1970, two hosts a day apart. The order is the log's, and nothing is lost."""

import json
import random

import pytest

HOUR, DAY, YEAR = 3_600.0, 86_400.0, 31_557_600.0
JUMPS = {
    "an hour back, as in October": lambda now, rng: now - HOUR,
    "ten years on": lambda now, rng: now + 10 * YEAR,
    "before 1970": lambda now, rng: -rng.randrange(1, 10**9),
    "two hosts a day apart": lambda now, rng: now + rng.choice((-DAY, DAY)),
    "anywhere": lambda now, rng: rng.uniform(-(10**9), 4 * 10**9),
}
SHORT, LONG = 2, 200


def history(cli, jump, rng):
    """Work under a clock that jumps, and return what was appended, in order, and the names that were given."""
    said, names = [], []
    cli.clock.at = 1_768_469_400.0
    cli("start", "--task", "sell pears")
    for number in range(12):
        if rng.random() < 0.5:
            cli.clock.at = jump(cli.clock.at, rng)
        kind = rng.choice(("append", "append", "append", "checkpoint", "automatic", "pause"))
        if kind == "append":
            line = {"kind": "of.ours", "body": {"n": number}}
            done = cli("append", "current", "--stdin", stdin=json.dumps(line))
            said.append(number)
        elif kind == "pause":
            done = cli("pause", "current")
            assert done.code == 0, done
            done = cli("resume", "current", "--print")
        else:
            automatic = ["--automatic"] if kind == "automatic" else []
            done = cli("checkpoint", "create", *automatic, "--json")
            names += [json.loads(done.out)["name"]]
        assert done.code == 0, done
    return said, names


@pytest.mark.parametrize("jump", sorted(JUMPS))
@pytest.mark.parametrize("count", [SHORT, pytest.param(LONG, marks=[pytest.mark.long, pytest.mark.timeout(3_600)])])
def test_the_order_is_the_logs_and_nothing_is_lost_or_named_twice_whatever_the_clock_says(cli, jump, count):
    by_clock_it_would_be_another = 0
    for seed in range(count):
        rng = random.Random(f"{seed}/{jump}")
        said, names = history(cli, JUMPS[jump], rng)
        events = [json.loads(line) for line in cli("log", "current", "--json").out.splitlines()]
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        assert [event["body"]["n"] for event in events if event["kind"] == "of.ours"] == said
        assert len(set(names)) == len(names)
        state = cli("show", "current", "--json").json
        assert all(value >= 0 for name, value in state["lifecycle"].items() if name in {"active_ms", "idle_ms"})
        before = cli("checkpoint", "list", "--json").json
        assert cli("forget", "current").code == 0
        assert cli("checkpoint", "list", "--json").json == before, "no more than the rules keep: a jump makes nothing old"
        assert cli("restore", "current").code == 0
        assert cli("validate").code == 0
        times = [event["at"] for event in events]
        by_clock_it_would_be_another += times != sorted(times)
        assert cli("end", "current").code == 0
    assert by_clock_it_would_be_another or jump == "ten years on", "no clock jumped back: this shows nothing"
