"""`segue upkeep`: the work that nothing waits for. Started by segue itself, in the background."""

from segue.cli.frame import Frame
from segue.cli.params import command as _command


@_command("upkeep", hidden=True)
def command(frame: Frame) -> None:
    """Seal closed segments and bring the index up to date, if no other process does it now."""
    from segue.engine.upkeep import work

    frame.answer(work(frame.app.store, frame.app.index)._asdict(), lambda d: f"{d['sealed']} sealed, {d['indexed']} indexed\n")
