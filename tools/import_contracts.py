"""An import-linter contract that names what may be imported, where its own kinds name what may not."""

from __future__ import annotations

import sys

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class OnlyContract(Contract):
    """A module, and everything it imports in turn, imports the standard library and `allowed` alone.

    Needs `include_external_packages`. Imports of packages outside this project are not followed.
    """

    module = fields.StringField()
    allowed = fields.SetField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        allowed = {str(name) for name in self.allowed}  # type: ignore[attr-defined]  # now it is a set
        strangers = sorted(
            name
            for name in graph.find_upstream_modules(str(self.module))
            if name.partition(".")[0] not in sys.stdlib_module_names
            and not any(name == package or name.startswith(package + ".") for package in allowed)
        )
        return ContractCheck(kept=not strangers, metadata={"strangers": strangers})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for name in check.metadata["strangers"]:
            output.print_error(f"{self.module} reaches {name}, which is not among what it may import.")
