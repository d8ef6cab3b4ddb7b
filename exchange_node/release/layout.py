"""Rows of a release as bytes whose number depends on columns and size class alone.

    header  16 bytes magic, 32 bytes digest of the columns, 8 bytes capacity (big-endian)
    row     16 bytes link id, presence bits (column i is bit 7 - i % 8 of byte i // 8), one fixed-width cell a
    column dummy   a row of zero bytes

There are always `capacity` rows: real ones in ascending order of their link ids, which are random, so that
order says nothing; then dummies. An absent cell is zero bytes. So one table has exactly one encoding, and
`unpack` accepts no other. Only who opens the seal can tell a dummy from a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from exchange_node.release.columns import Column, Value, check_columns, columns_digest
from exchange_node.release.errors import ReleaseError
from exchange_node.sizes import LARGEST

MAGIC = b"exchange rel v1\n"
LINK_ID = 16
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Row:
    """What is released about one linked person: at least one value. The repr shows neither id nor values."""

    link_id: bytes = field(repr=False)
    values: Mapping[str, Value] = field(repr=False)


class Layout:
    """Widths and codec of one row, worked out once. `capacity` is the cohort's size class
    (`sizes.size_class`).

    Raises ReleaseError `bad-column`, `bad-capacity`.
    """

    def __init__(self, columns: Sequence[Column], capacity: int) -> None:
        self.columns = check_columns(columns)
        if type(capacity) is not int or not 1 <= capacity <= LARGEST:
            raise ReleaseError("bad-capacity")
        self.capacity = capacity
        self.header = MAGIC + columns_digest(self.columns) + capacity.to_bytes(8, "big")
        self._names = frozenset(column.name for column in self.columns)
        self._bits = (len(self.columns) + 7) // 8
        self.width = LINK_ID + self._bits + sum(column.type.width for column in self.columns)
        self.size = len(self.header) + capacity * self.width

    def encode(self, row: Row, number: int) -> bytes:
        """One row. `number` counts from 1 and serves the error alone: `bad-row`, `bad-value`."""
        if type(row.link_id) is not bytes or len(row.link_id) != LINK_ID or not any(row.link_id):
            raise ReleaseError("bad-row", f"row {number}: a link id is {LINK_ID} bytes, not all zero")
        if not row.values or not row.values.keys() <= self._names:
            raise ReleaseError("bad-row", f"row {number}: one value or more, of agreed columns only")
        bits = bytearray(self._bits)
        cells = []
        for place, column in enumerate(self.columns):
            if column.name not in row.values:
                cells.append(bytes(column.type.width))
                continue
            cell = column.type.encode(row.values[column.name])
            if cell is None:
                raise ReleaseError("bad-value", f"row {number}, {column.name}: must be {column.type.rule}")
            cells.append(cell)
            bits[place // 8] |= 0x80 >> place % 8
        return row.link_id + bytes(bits) + b"".join(cells)

    def decode(self, data: bytes, number: int) -> Row | None:
        """One row, None for a dummy. Raises ReleaseError `malformed`."""
        if not any(data):
            return None
        link_id, bits = data[:LINK_ID], data[LINK_ID : LINK_ID + self._bits]
        if not any(link_id) or not any(bits):
            raise ReleaseError("malformed", f"row {number}: without link id or values, but not empty")
        if int.from_bytes(bits, "big") & ((1 << (8 * self._bits - len(self.columns))) - 1):
            raise ReleaseError("malformed", f"row {number}: presence of a column that is not there")
        values: dict[str, Value] = {}
        at = LINK_ID + self._bits
        for place, column in enumerate(self.columns):
            cell = data[at : at + column.type.width]
            at += column.type.width
            if bits[place // 8] & (0x80 >> place % 8):
                value = column.type.decode(cell)
                if value is None:
                    raise ReleaseError("malformed", f"row {number}, {column.name}: not {column.type.rule}")
                values[column.name] = value
            elif any(cell):
                raise ReleaseError("malformed", f"row {number}, {column.name}: bytes in an absent cell")
        return Row(link_id, values)


def release_size(columns: Sequence[Column], capacity: int) -> int:
    """Bytes of every release of these columns and this size class, whoever is in it."""
    return Layout(columns, capacity).size


def pack_stream(rows: Iterable[Row], columns: Sequence[Column], capacity: int, piece: int = _PIECE) -> Iterator[bytes]:
    """The release in pieces of about `piece` bytes; rows may come in any order and are sorted here.

    All errors come before the first piece. Memory: the encoded real rows (at most `capacity` times the row's
    width), some 60 bytes a row for sorting, and one piece; never an object a row.
    Raises ReleaseError `bad-column`, `bad-capacity`, `bad-row`, `bad-value`, `too-many-rows`,
    `repeated-link`.
    """
    layout = Layout(columns, capacity)
    packed = bytearray()
    count = 0
    for count, row in enumerate(rows, start=1):
        if count > capacity:
            raise ReleaseError("too-many-rows")
        packed += layout.encode(row, count)
    table = np.frombuffer(packed, dtype=np.uint8).reshape(count, layout.width)
    order = _ascending(table[:, :LINK_ID])

    yield layout.header
    step = max(1, piece // layout.width)
    for start in range(0, count, step):
        yield table[order[start : start + step]].tobytes()
    for start in range(count, capacity, step):
        yield bytes(layout.width * min(step, capacity - start))


def _ascending(ids: np.ndarray) -> np.ndarray:
    """The order that sorts link ids (n x 16 bytes). Raises ReleaseError `repeated-link`."""
    words = np.ascontiguousarray(ids).view(">u8")
    order = np.lexsort((words[:, 1], words[:, 0]))
    sorted_words = words[order]
    if bool(np.any(np.all(sorted_words[1:] == sorted_words[:-1], axis=1))):
        raise ReleaseError("repeated-link")
    return order


def pack(rows: Iterable[Row], columns: Sequence[Column], capacity: int) -> bytes:
    """`pack_stream` in one piece."""
    return b"".join(pack_stream(rows, columns, capacity))


def unpack_stream(pieces: Iterable[bytes], columns: Sequence[Column], capacity: int) -> Iterator[Row]:
    """The real rows, ascending by link id, from pieces cut anywhere; memory is one piece and one row.

    Strict: another header, length, order or cell than `pack_stream` writes is ReleaseError `malformed`. A
    fault may come after good rows, so use none before the iterator has ended. It stops at the first byte too
    many.
    """
    layout = Layout(columns, capacity)
    cut = _cut(pieces, len(layout.header), layout.width)
    if next(cut, b"") != layout.header:
        raise ReleaseError("malformed", "header: other columns, another size class, or no release at all")
    number, last = 0, bytes(LINK_ID)
    padding = False
    for number, data in enumerate(cut, start=1):
        if number > capacity:
            raise ReleaseError("malformed", "longer than its size class")
        row = layout.decode(data, number)
        if row is None:
            padding = True
            continue
        if padding or row.link_id <= last:
            raise ReleaseError("malformed", f"row {number}: out of order")
        last = row.link_id
        yield row
    if number != capacity:
        raise ReleaseError("malformed", "shorter than its size class")


def unpack(data: bytes, columns: Sequence[Column], capacity: int) -> list[Row]:
    """`unpack_stream` of bytes that are all there."""
    return list(unpack_stream([data], columns, capacity))


def _cut(pieces: Iterable[bytes], first: int, width: int) -> Iterator[bytes]:
    """Cuts a stream into `first` bytes and then `width` bytes each. Raises ReleaseError for a rest."""
    buffer = bytearray()
    wanted = first
    for piece in pieces:
        buffer += piece
        at = 0
        while len(buffer) - at >= wanted:
            yield bytes(buffer[at : at + wanted])
            at += wanted
            wanted = width
        del buffer[:at]
    if buffer:
        raise ReleaseError("malformed", "ends within a row")
