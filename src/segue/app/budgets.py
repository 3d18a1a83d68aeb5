"""Wiring of budgets: what the user says of windows, prices, thresholds and limits."""

from typing import TYPE_CHECKING

from segue.core.context.models import price_of
from segue.core.errors import UsageError
from segue.core.session.budget import Thresholds
from segue.engine.budget.budgets import Rules
from segue.host.config import Config

if TYPE_CHECKING:
    from segue.app.wiring import App
    from segue.engine.budget.crossing import Keeper


def rules(config: Config) -> Rules:
    """Return the settings of budgets. Raises UsageError: thresholds that do not rise, prices or a limit that are none."""
    thresholds = Thresholds(*(config.number(f"budget.{name}") for name in Thresholds._fields))
    if not 0 < thresholds.disclosure < thresholds.summarisation < thresholds.emergency <= 100:
        shown = ", ".join(f"{value:g}" for value in thresholds)
        raise UsageError(
            f"the thresholds of a budget cannot be {shown}: each must be above the one before, and none above 100",
            hint="`segue config` shows them: budget.disclosure, budget.summarisation, budget.emergency",
        )
    return Rules(
        config.numbers("windows"),
        _prices(config["prices"]),
        thresholds,
        config.number("budget.reserve"),
        _limit(config["budget.limit"]),
    )


def keeper(app: "App") -> "Keeper":
    """Return what looks after the budgets of sessions that somebody works in."""
    from segue.engine.budget.crossing import Keeper, Tools
    from segue.host.notifying import notifier

    config, command = app.config, app.config["budget.command"]
    notify = notifier(command, app.env) if command.strip() else None
    successor = config["budget.successor"] == "auto"
    moment = app.saving.moment
    return Keeper(Tools(app.desk, app.budgets, app.counter, moment, notify, app.lives, successor, config["budget.then"]))


def _prices(value: str) -> dict[str, str]:
    found = {}
    for entry in filter(None, map(str.strip, value.split(","))):
        name, _, figures = (part.strip() for part in entry.rpartition("="))
        if not name or price_of(figures) is None:
            raise UsageError(
                f"setting 'prices' cannot have {entry!r}",
                hint="names and US dollars per million tokens: segue config set prices 'my-model=0.5/2'",
            )
        found[name] = figures
    return found


def _limit(value: str) -> float | None:
    if not value.strip():
        return None
    try:
        found = float(value)
    except ValueError:
        found = -1.0
    if not 0 < found < 1e9:
        raise UsageError(f"setting 'budget.limit' cannot be {value!r}", hint="US dollars, such as 2.50")
    return found
