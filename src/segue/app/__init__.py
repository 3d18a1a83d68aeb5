"""Wiring: configuration to ports to engine. The only layer that knows every other; one file for each part of it."""

from segue.app.wiring import App, open  # noqa: A004 - segue.open

__all__ = ["App", "open"]
