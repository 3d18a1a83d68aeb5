"""Programs that agents run, as `segue init` writes them: the hook (`segue.hooks`) and the status line (`segue.statusline`), for
one home, without what only a reader needs.

Compiling its source is most of what the hook costs beyond the interpreter, so the file has it compiled as well, for the very
interpreter that wrote it; any other one compiles the source.
"""

import ast
import marshal
import sys
from importlib.resources import files

_FILE = """\
# {what} To take it out: segue init --remove
import marshal
import sys
source = {readable}
compiled = {compiled!r}
exec(marshal.loads(compiled) if (sys.implementation.cache_tag, sys.hexversion) == {version!r} else source)
"""


def hook_text(home: str, agent: str, python: str = "", program: str = "") -> str:
    """Return the source of the stand-alone hook for *agent*, which spools into *home*.

    *python* is what it starts the worker with, *program* a file that is there as long as segue is.
    """
    values = {"HOME": home, "AGENT": agent, "PYTHON": python, "PROGRAM": program}
    return _text("hooks.py", values, "segue's hook: spools its input and is gone.")


def statusline_text(home: str) -> str:
    """Return the source of the stand-alone status line that keeps its figures in *home*."""
    return _text("statusline.py", {"HOME": home}, "segue's status line: prints how full an agent's context is.")


def _text(module: str, values: dict[str, str], what: str) -> str:
    tree = ast.parse(files("segue").joinpath(module).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        if isinstance(node, ast.arg):
            node.annotation = None
        if isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            node.value = _filled(node.targets[0].id, node.value, values)
    source = ast.unparse(tree)
    compiled = marshal.dumps(compile(source, module, "exec"))
    readable = repr(source) if "'''" in source else f"r'''\n{source}\n'''"
    return _FILE.format(what=what, readable=readable, compiled=compiled, version=(sys.implementation.cache_tag, sys.hexversion))


def _filled(name: str, value: ast.expr, values: dict[str, str]) -> ast.expr:
    return ast.Constant(values[name]) if name in values else value
