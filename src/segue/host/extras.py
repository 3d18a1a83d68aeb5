"""What an adapter needs is looked for first, so that who lacks it is told what to install."""

from importlib.util import find_spec


def needs(module: str, extra: str) -> None:
    """Return where *module* of a framework can be imported.

    Raises:
        ModuleNotFoundError: it is not installed, or of a version that has no such module yet; the message names the *extra*.
    """
    try:
        there = find_spec(module) is not None
    except ModuleNotFoundError as e:
        if not f"{module}.".startswith(f"{e.name}."):  # the framework is there, and lacks something itself
            raise
        there = False
    if not there:
        raise ModuleNotFoundError(f"{module} is not installed, or is too old: pip install 'segue[{extra}]'", name=module)
