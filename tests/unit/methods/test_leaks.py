"""What any linkage method must hold to: it says what each role learns, and no block leaves a data party (ADR 12)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

import pytest
from google.protobuf.descriptor import Descriptor, FileDescriptor

from exchange_node.methods.clk_linkage_unit import ClkLinkageUnit
from exchange_node.wire import v1

BLOCKS = re.compile(r"block|bucket|candidate|vector", re.IGNORECASE)
FILES = [
    import_module(f"{v1.__name__}.{module.name}").DESCRIPTOR
    for module in iter_modules(v1.__path__)
    if module.name.endswith("_pb2")
]


def messages(inside: FileDescriptor | Descriptor) -> Iterator[Descriptor]:
    """All that are defined there, at any depth."""
    inner = inside.message_types_by_name if isinstance(inside, FileDescriptor) else inside.nested_types_by_name
    for message in inner.values():
        yield message
        yield from messages(message)


def test_no_message_has_room_for_blocks() -> None:
    fields = [(one.full_name, field.name) for file in FILES for one in messages(file) for field in one.fields]
    assert len(fields) > 100
    assert [field for field in fields if BLOCKS.search(field[1])] == []


@pytest.mark.parametrize("method", [ClkLinkageUnit], ids=lambda method: method.name)
def test_a_method_says_what_each_role_learns(method: type[ClkLinkageUnit]) -> None:
    assert set(method.leaks) == {"requester", "provider", "linkage"}
    assert all(len(words) > 20 for words in method.leaks.values())
    assert not any(BLOCKS.search(words) for words in method.leaks.values()), "version 1 shows none"
