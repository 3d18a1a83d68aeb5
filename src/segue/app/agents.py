"""Wiring of going on in an agent."""

from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from segue.engine.resuming.agents import Means
from segue.transcripts import writers

if TYPE_CHECKING:
    from segue.app.wiring import App


def means(app: "App") -> Means:
    """Return what going on in another agent takes."""
    return Means(
        desk=app.desk,
        writers={writer.agent: writer for writer in writers()},
        transcripts=app.transcripts,
        places=app.places,
        env=app.env,
        counter=app.counter,
        keeping=app.keeping,
        scratch=TemporaryDirectory,
        cwd=app.cwd,
        windows=app.config.numbers("windows"),
        offer=app.offer,
        reserve=app.budgets.reserve,
    )
