"""The hook as `segue init` writes it: `segue.hooks` for one home and one agent, without what only a reader needs.

Compiling its source is most of what the hook costs beyond the interpreter, so docstrings, comments and annotations go.
"""

import ast
from importlib.resources import files

_RARE = {"drop", "start"}
"""Functions that are mostly not called: their bodies stay text until they are."""


def hook_text(home: str, agent: str, python: str = "", program: str = "") -> str:
    """Return the source of the stand-alone hook for *agent*, which spools into *home*.

    *python* is what it starts the worker with, *program* a file that is there as long as segue is.
    """
    values = {"HOME": home, "AGENT": agent, "PYTHON": python, "PROGRAM": program}
    tree = ast.parse(files("segue").joinpath("hooks.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
        if isinstance(node, ast.FunctionDef):
            node.returns = None
            if node.name in _RARE:
                node.body = ast.parse(f"exec({ast.unparse(ast.Module(node.body, []))!r})").body
        if isinstance(node, ast.arg):
            node.annotation = None
        if isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            node.value = _filled(node.targets[0].id, node.value, values)
    return f"# segue's hook: spools its input and is gone. To take it out: segue init --remove\n{ast.unparse(tree)}\n"


def _filled(name: str, value: ast.expr, values: dict[str, str]) -> ast.expr:
    return ast.Constant(values[name]) if name in values else value
