"""Linkage methods: steps 4 to 7 behind one interface (method.py), and the methods this release has."""

from __future__ import annotations

from exchange_node.linkage.kernels import DEFAULT_KERNEL
from exchange_node.methods.clk_linkage_unit import ClkLinkageUnit
from exchange_node.methods.method import LinkageMethod


def linkage_methods(kernel: str = DEFAULT_KERNEL) -> dict[str, LinkageMethod]:
    """The methods by name; `kernel` compares, at a linkage unit. Raises LinkageError no-kernel."""
    return {ClkLinkageUnit.name: ClkLinkageUnit(kernel)}
