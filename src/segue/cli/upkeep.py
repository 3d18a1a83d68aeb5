"""`segue upkeep`: the work that nothing waits for. Started by segue itself, in the background."""

from segue.cli.frame import Frame
from segue.cli.params import command as _command


@_command("upkeep", hidden=True)
def command(frame: Frame) -> None:
    """Take in what hooks spooled, seal closed segments and bring the index up to date, if no other process does it now."""
    from segue.engine.upkeep import work

    app = frame.app
    done = work(app.store, app.index, app.spools, app.transcripts, app.clock)
    frame.answer(done._asdict(), lambda d: f"{d['ingested']} taken in, {d['sealed']} sealed, {d['indexed']} indexed\n")
