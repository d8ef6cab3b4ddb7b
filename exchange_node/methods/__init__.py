"""Linkage methods: steps 4 to 7 behind one interface (method.py), and the methods this release has."""

from __future__ import annotations

from collections.abc import Mapping

from exchange_node.linkage.errors import LinkageError
from exchange_node.methods.clk_linkage_unit import ClkLinkageUnit
from exchange_node.methods.method import LinkageMethod

METHODS: Mapping[str, LinkageMethod] = {ClkLinkageUnit.name: ClkLinkageUnit()}


def linkage_method(name: str, version: int) -> LinkageMethod:
    """The method that a request names. Raises LinkageError unknown-method."""
    method = METHODS.get(name)
    if method is None or method.version != version:
        raise LinkageError("unknown-method")
    return method
