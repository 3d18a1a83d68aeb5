"""The short form of `make fuzz`: what was once found, and a few hundred spoilt inputs of each target."""

from random import Random

import pytest

from tests.fuzz.mutate import spoil, spoil_document
from tests.fuzz.promises import check
from tests.fuzz.subjects import agents, reader_of, seeds
from tests.fuzz.target import found
from tests.fuzz.targets import TARGETS

ROUNDS = 100
FOUND = [(name, path) for name in TARGETS for path in found(name)]
OTHERS = sorted(set(TARGETS) - set(agents()))


@pytest.mark.parametrize(("name", "path"), FOUND, ids=[f"{name}-{path.name}" for name, path in FOUND])
def test_what_once_broke_a_promise_does_not_any_more(name, path, tmp_path):
    data = path.read_bytes()
    TARGETS[name]().check(data, tmp_path)
    for cut in (0, len(data) // 3, len(data) // 2, len(data)) if name in agents() else ():
        check(reader_of(name), tmp_path / path.name, data, cut, lines=path.suffix == ".jsonl")


@pytest.mark.parametrize("name", TARGETS)
def test_sound_inputs_keep_all_promises(name, tmp_path):
    target = TARGETS[name]()
    given = target.seeds()
    for data in given:
        target.check(data, tmp_path)
    assert given


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


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_spoilt_in_any_way_keeps_all_promises(name, tmp_path):
    target = TARGETS[name]()
    given = target.seeds()
    for number in range(ROUNDS):
        random = Random(number)
        data = target.spoil(random.choice(given), random, 1 << 20)
        try:
            target.check(data, tmp_path)
        except Exception as e:
            e.add_note(f"{name}: Random({number})")
            raise
