"""Real coding agents go on with a transcript that was deleted and put back, also in a project that has moved."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from segue.engine.capture.importing import import_paths
from segue.engine.capture.returning import kept_files, put_back
from segue.host.clock import SystemClock, SystemIds
from segue.stores.log import LogStore
from segue.transcripts import shelf, transcripts
from segue.transcripts.places import Machine
from tests.agents.programs import Claude, Codex, Gemini, Qwen

pytestmark = pytest.mark.long


class Desk:
    """A store that took in what an agent wrote."""

    def __init__(self, path, program):
        self.program = program
        self.store = LogStore(path / "store", clock=SystemClock(), ids=SystemIds())
        found = import_paths(self.store, transcripts(), [str(p) for p in program.transcripts()], clock=SystemClock())
        self.session = found.sessions[-1]

    def back(self, **how):
        return put_back(kept_files(self.store, self.session.id), shelf(Machine(self.program.environment())), **how)


@pytest.mark.parametrize("kind", [Claude, Codex, Gemini, Qwen])
def test_an_agent_goes_on_with_what_it_had_deleted(tmp_path, place, server, kind):
    program = kind(place)
    program.run("Please build notes [[plan]]")
    desk = Desk(tmp_path, program)
    before = {path: path.read_bytes() for path in program.transcripts()}
    for path in before:
        path.unlink()

    done = desk.back()

    assert {Path(d.path): Path(d.path).read_bytes() for d in done} == before
    program.run("What did you build?", resume=desk.session.foreign_id)
    seen = server.last
    assert len(seen.calls) == 4
    assert {r.id for r in seen.results} == {c.id for c in seen.calls}  # Gemini CLI sends each of its own results twice


def test_claude_code_goes_on_in_a_project_that_has_moved(tmp_path, place, server, project):
    program = Claude(place)
    program.run("Please build notes [[plan]]")
    desk = Desk(tmp_path, program)
    shutil.rmtree(place.home / ".claude" / "projects")
    moved = project.rename(project.with_name("elsewhere"))

    desk.back(moved=(str(project), str(moved)), rewrite=True)

    there = Claude(replace(place, project=moved))
    there.run("What did you build?", resume=desk.session.foreign_id)
    assert len(server.last.calls) == 4
