from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from datetime import date

import pytest

from exchange_node.release.columns import Boolean, Code, Column, Date, Integer, Text, columns_digest
from exchange_node.release.errors import ReleaseError
from exchange_node.release.layout import Row, pack, pack_stream, release_size, unpack, unpack_stream
from exchange_node.sizes import LARGEST

COLUMNS = [Column("priority", Code(("high", "normal"))), Column("note", Text(4))]
A, B, C = (bytes([first]) * 16 for first in (1, 2, 0xFF))
HEADER = b"exchange rel v1\n" + columns_digest(COLUMNS) + (3).to_bytes(8, "big")
ROW_A = A + b"\x80" + b"\0\1" + b"\0\0\0\0\0\0"
ROW_B = B + b"\xc0" + b"\0\0" + b"\0\2ab\0\0"
DUMMY = bytes(25)


def refusal(rows: list[Row], capacity: int = 3) -> str:
    with pytest.raises(ReleaseError) as caught:
        pack(rows, COLUMNS, capacity)
    assert "secret" not in str(caught.value)
    return caught.value.code


def test_the_bytes_of_a_release() -> None:
    rows = [Row(B, {"priority": "high", "note": "ab"}), Row(A, {"priority": "normal"})]
    data = pack(rows, COLUMNS, 3)
    assert data == HEADER + ROW_A + ROW_B + DUMMY
    assert len(data) == release_size(COLUMNS, 3)
    assert unpack(data, COLUMNS, 3) == [rows[1], rows[0]]


def test_a_release_of_nobody_is_as_long_as_any() -> None:
    assert pack([], COLUMNS, 3) == HEADER + 3 * DUMMY
    assert unpack(HEADER + 3 * DUMMY, COLUMNS, 3) == []


def test_every_type_travels() -> None:
    columns = [
        Column("c0", Text(9)),
        Column("c1", Integer(-5, 5)),
        Column("c2", Boolean()),
        Column("c3", Date()),
        Column("c4", Code(("x", "y"))),
        *(Column(f"b{i}", Boolean()) for i in range(4)),  # nine columns: two bytes of presence
    ]
    row = Row(A, {"c0": "é ü", "c1": -5, "c2": False, "c3": date(2026, 2, 28), "c4": "y", "b3": True})
    assert unpack(pack([row], columns, 10), columns, 10) == [row]


@pytest.mark.parametrize("link_id", [b"", bytes(16), b"x" * 15, b"x" * 17, "x" * 16, bytearray(b"x" * 16)])
def test_a_row_needs_a_link_id(link_id: bytes) -> None:
    assert refusal([Row(link_id, {"note": "a"})]) == "release.bad-row"


def test_a_row_needs_a_value_of_an_agreed_column() -> None:
    assert refusal([Row(A, {})]) == "release.bad-row"
    assert refusal([Row(A, {"diagnosis": "secret"})]) == "release.bad-row"
    assert refusal([Row(A, {"note": "a", "diagnosis": "secret"})]) == "release.bad-row"
    assert refusal([Row(A, {"note": "secret"})]) == "release.bad-value"
    assert refusal([Row(A, {"note": None})]) == "release.bad-value"  # type: ignore[dict-item]


def test_a_bad_value_is_named_by_row_and_column() -> None:
    with pytest.raises(ReleaseError) as caught:
        pack([Row(A, {"note": "a"}), Row(B, {"note": "secret"})], COLUMNS, 3)
    assert caught.value.detail == "row 2, note: must be text of 1 to 4 bytes without control characters"
    assert caught.value.__context__ is None


def test_no_more_rows_than_the_cohort_has_and_none_twice() -> None:
    assert refusal([Row(bytes([i]) * 16, {"note": "a"}) for i in range(1, 5)]) == "release.too-many-rows"
    assert refusal([Row(A, {"note": "a"}), Row(B, {"note": "a"}), Row(A, {"note": "b"})]) == "release.repeated-link"
    assert len(pack([Row(x, {"note": "a"}) for x in (C, A, B)], COLUMNS, 3)) == len(HEADER) + 75


@pytest.mark.parametrize("capacity", [0, -1, LARGEST + 1, True, 10.0])
def test_capacities(capacity: int) -> None:
    for call in (lambda: pack([], COLUMNS, capacity), lambda: unpack(b"", COLUMNS, capacity)):
        with pytest.raises(ReleaseError) as caught:
            call()
        assert caught.value.code == "release.bad-capacity"


def test_ids_are_sorted_as_bytes_over_their_whole_length() -> None:
    ids = [b"\x80" + bytes(15), b"\x7f" * 16, bytes(15) + b"\1", bytes(15) + b"\xff", b"\0" * 8 + b"\xff" * 8]
    rows = [Row(link_id, {"note": "a"}) for link_id in ids]
    assert [row.link_id for row in unpack(pack(rows, COLUMNS, 5), COLUMNS, 5)] == sorted(ids)


@pytest.mark.parametrize(
    "body",
    [
        ROW_A + ROW_B,  # short by a row
        ROW_A + ROW_B + DUMMY + DUMMY,  # long by a row
        ROW_A + ROW_B + DUMMY[:-1],
        ROW_A + ROW_B + DUMMY + b"\0",
        b"",
        ROW_B + ROW_A + DUMMY,  # order
        ROW_A + ROW_A + DUMMY,  # the same twice
        ROW_A + DUMMY + ROW_B,  # a person among the dummies
        bytes(16) + ROW_A[16:] + ROW_B + DUMMY,  # values of nobody
        A + bytes(9) + ROW_B + DUMMY,  # a person without values
        A + b"\xa0" + ROW_A[17:] + ROW_B + DUMMY,  # a third column of two
        A + b"\x80" + b"\0\2" + bytes(6) + ROW_B + DUMMY,  # a third code of two
        A + b"\x80" + b"\0\1" + b"\0\1a\0\0\0" + ROW_B + DUMMY,  # bytes in an absent cell
        A + b"\xc0" + b"\0\1" + b"\0\1a\0\0b" + ROW_B + DUMMY,  # bytes after a text
    ],
)
def test_any_other_body_is_refused(body: bytes) -> None:
    with pytest.raises(ReleaseError) as caught:
        unpack(HEADER + body, COLUMNS, 3)
    assert caught.value.code == "release.malformed"


def test_any_other_header_is_refused() -> None:
    data = pack([], COLUMNS, 10)
    for columns, capacity in [(COLUMNS, 20), (COLUMNS[::-1], 10), (COLUMNS[:1], 10)]:
        with pytest.raises(ReleaseError) as caught:
            unpack(data, columns, capacity)
        assert caught.value.code == "release.malformed"
    for place in range(len(HEADER)):
        broken = bytearray(data)
        broken[place] ^= 1
        with pytest.raises(ReleaseError, match="header"):
            unpack(bytes(broken), COLUMNS, 10)


def test_a_stream_that_never_ends_is_left_at_its_first_byte_too_many() -> None:
    given = 0

    def endless() -> Iterator[bytes]:
        nonlocal given
        yield HEADER
        while True:
            given += 1
            yield DUMMY

    with pytest.raises(ReleaseError, match="longer"):
        list(unpack_stream(endless(), COLUMNS, 3))
    assert given == 4


def test_an_error_comes_before_the_first_piece() -> None:
    rows = [Row(A, {"note": "a"}), Row(A, {"note": "b"})]
    with pytest.raises(ReleaseError):
        next(pack_stream(rows, COLUMNS, 10))


def test_reprs_tell_nothing() -> None:
    assert repr(Row(A, {"note": "secret"})) == "Row()"


def test_large_releases_come_in_bounded_pieces_and_bounded_memory() -> None:
    columns = [Column("note", Text(1000))]
    few = [Row(i.to_bytes(16, "big"), {"note": "x"}) for i in range(1, 100)]
    piece = 1 << 16
    tracemalloc.start()
    sizes = 0
    rows = 0

    def pieces() -> Iterator[bytes]:
        nonlocal sizes
        for part in pack_stream(few, columns, 50_000, piece):
            assert len(part) <= piece
            sizes += len(part)
            yield part

    for _ in unpack_stream(pieces(), columns, 50_000):
        rows += 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows == len(few)
    assert sizes == release_size(columns, 50_000) > 50_000_000
    assert peak < 2_000_000
