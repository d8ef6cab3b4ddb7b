"""Linkage methods: steps 4 to 7 behind one interface (method.py), and the methods this release has."""

from __future__ import annotations

from exchange_node.encoding.clk import DEFAULT_ENCODER
from exchange_node.linkage.kernels import DEFAULT_KERNEL
from exchange_node.methods.clk_linkage_unit import ClkLinkageUnit
from exchange_node.methods.method import LinkageMethod


def linkage_methods(kernel: str = DEFAULT_KERNEL, encoder: str = DEFAULT_ENCODER) -> dict[str, LinkageMethod]:
    """The methods by name; `kernel` compares, at a linkage unit, and `encoder` encodes, at a data party.

    Raises LinkageError no-kernel, EncodingError no-encoder.
    """
    return {ClkLinkageUnit.name: ClkLinkageUnit(kernel, encoder)}
