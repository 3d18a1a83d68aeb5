"""The short form of `make fuzz`: what was once found, and a few hundred spoilt transcripts of each agent."""

from random import Random

import pytest

from tests.fuzz.mutate import spoil, spoil_document
from tests.fuzz.promises import check
from tests.fuzz.subjects import agents, found, reader_of, seeds

ROUNDS = 100
FOUND = [(agent, path) for agent in agents() for path in found(agent)]


@pytest.mark.parametrize(("agent", "path"), FOUND, ids=[f"{agent}-{path.name}" for agent, path in FOUND])
def test_what_once_broke_a_promise_does_not_any_more(agent, path, tmp_path):
    data = path.read_bytes()
    for cut in (0, len(data) // 3, len(data) // 2, len(data)):
        check(reader_of(agent), tmp_path / path.name, data, cut, lines=path.suffix == ".jsonl")


@pytest.mark.parametrize("agent", agents())
def test_every_reader_has_seeds(agent):
    assert seeds(agent)


@pytest.mark.parametrize("agent", agents())
@pytest.mark.parametrize("part", range(3))
def test_a_transcript_spoilt_in_any_way_is_read_and_every_line_accounted_for(agent, part, tmp_path):
    reader, given = reader_of(agent), seeds(agent)
    for number in range(part * ROUNDS, (part + 1) * ROUNDS):
        random = Random(number)
        seed = random.choice(given)
        others = [other.data for other in given]
        data = spoil(seed.data, random, others) if seed.is_lines else spoil_document(seed.data, random)
        try:
            check(reader, tmp_path / seed.name, data, random.randint(0, len(data)), lines=seed.is_lines)
        except Exception as e:
            e.add_note(f"{agent}: Random({number}), {seed.name}")
            raise
