"""Contracts of our own for import-linter."""

import sys
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output
from importlinter.contracts.forbidden import ForbiddenContract

SHOWN_LINES = 3


class ForbiddenIfPresent(ForbiddenContract):  # type: ignore[misc]
    """The ``forbidden`` contract for layers of which some are not written yet.

    Modules of segue that do not exist are left out instead of being an error. Others are kept:
    whether the standard library's are in the graph depends on who imports them.
    """

    type_name = "forbidden_if_present"

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: FBT001
        """Check what is there."""
        for name in ("source_modules", "forbidden_modules"):
            expressions = {e for e in getattr(self, name) if self._may_exist(str(e), graph)}
            setattr(self, name, expressions)
        return super().check(graph, verbose)

    def _may_exist(self, name: str, graph: ImportGraph) -> bool:
        internal = name.partition(".")[0] in self.session_options["root_packages"]
        return not internal or "*" in name or name in graph.modules


class StandardLibraryOnly(Contract):  # type: ignore[misc]
    """Holds modules to the standard library and to segue itself.

    A ``forbidden`` contract needs a list of what is forbidden; here everything is, but what
    ``sys.stdlib_module_names`` and the root package name. Modules that do not exist hold it.
    """

    type_name = "standard_library_only"
    source_modules = fields.SetField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: FBT001
        """Collect the imports that leave the standard library."""
        allowed = sys.stdlib_module_names | set(self.session_options["root_packages"])
        found = sorted(
            (importer, imported)
            for importer in self._sources(graph)
            for imported in graph.find_modules_directly_imported_by(importer)
            if imported.partition(".")[0] not in allowed
        )
        lines = [(a, b, self._lines(graph, a, b)) for a, b in found]
        return ContractCheck(kept=not lines, metadata={"found": lines})

    def render_broken_contract(self, check: Any) -> None:
        """Print each import with its place."""
        for importer, imported, lines in check.metadata["found"]:
            output.print_error(f"{importer} -> {imported} ({lines})")

    def _sources(self, graph: ImportGraph) -> list[str]:
        roots = [name for name in self.source_modules if name in graph.modules]
        return sorted(set(roots).union(*(graph.find_descendants(root) for root in roots)))

    @staticmethod
    def _lines(graph: ImportGraph, importer: str, imported: str) -> str:
        details = graph.get_import_details(importer=importer, imported=imported)
        return ", ".join(f"l.{one['line_number']}" for one in details[:SHOWN_LINES])
