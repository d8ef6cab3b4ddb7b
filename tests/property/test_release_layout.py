"""Round trips, equal sizes and hostile bytes of releases, over any columns and values."""

from __future__ import annotations

import string
from datetime import date
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from exchange_node.release.columns import (
    Boolean,
    Code,
    Column,
    ColumnType,
    Date,
    Integer,
    Text,
    Value,
    parse_type,
)
from exchange_node.release.errors import ReleaseError
from exchange_node.release.layout import Layout, Row, pack, pack_stream, release_size, unpack, unpack_stream
from exchange_node.sizes import LARGEST, size_class

INT64 = st.integers(-(2**63), 2**63 - 1)
NAMES = st.text(string.ascii_lowercase + string.digits + "_", max_size=8).map(lambda rest: "c" + rest)
PRINTABLE = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp"))
PLAIN = st.text(PRINTABLE, min_size=1, max_size=6)
TYPES: st.SearchStrategy[ColumnType] = st.one_of(
    st.integers(1, 30).map(Text),
    st.tuples(INT64, INT64).map(lambda pair: Integer(min(pair), max(pair))),
    st.just(Boolean()),
    st.just(Date()),
    st.lists(PLAIN, min_size=1, max_size=5, unique=True).map(lambda values: Code(tuple(values))),
)
COLUMNS = st.lists(st.builds(Column, NAMES, TYPES), min_size=1, max_size=10, unique_by=lambda column: column.name)
LINK_IDS = st.binary(min_size=16, max_size=16).filter(any)


def fits(text: str, length: int) -> bool:
    return 1 <= len(text.encode()) <= length


def values_of(kind: ColumnType) -> st.SearchStrategy[Value]:
    match kind:
        case Text(length):
            return st.text(PRINTABLE, min_size=1, max_size=length).filter(lambda text: fits(text, length))
        case Integer(minimum, maximum):
            return st.integers(minimum, maximum)
        case Boolean():
            return st.booleans()
        case Date():
            return st.dates()
        case Code(values):
            return st.sampled_from(values)


@st.composite
def releases(draw: st.DrawFn) -> tuple[list[Row], list[Column], int]:
    """Rows, columns and the capacity of one release; from none to as many rows as it holds."""
    columns = draw(COLUMNS)
    rows = []
    for link_id in draw(st.lists(LINK_IDS, max_size=12, unique=True)):
        present = draw(st.lists(st.sampled_from(columns), min_size=1, unique_by=lambda column: column.name))
        rows.append(Row(link_id, {column.name: draw(values_of(column.type)) for column in present}))
    capacity = size_class(draw(st.integers(len(rows), 60)))
    return rows, columns, capacity


@given(releases(), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_what_is_packed_is_unpacked_whatever_order_it_came_in(
    release: tuple[list[Row], list[Column], int], random: Any
) -> None:
    rows, columns, capacity = release
    data = pack(rows, columns, capacity)
    read = unpack(data, columns, capacity)
    assert read == sorted(rows, key=lambda row: row.link_id)
    for row in read:
        written = next(other for other in rows if other.link_id == row.link_id)
        assert {name: type(value) for name, value in row.values.items()} == {
            name: type(value) for name, value in written.values.items()
        }
    random.shuffle(rows)
    assert pack(rows, columns, capacity) == data


@given(releases(), st.data())
@settings(deadline=None)
def test_the_size_says_nothing_about_who_is_in_it(
    release: tuple[list[Row], list[Column], int], data: st.DataObject
) -> None:
    rows, columns, capacity = release
    subset = [row for row in rows if data.draw(st.booleans())]
    thinner = [Row(row.link_id, dict([next(iter(row.values.items()))])) for row in rows]
    sizes = {len(pack(some, columns, capacity)) for some in (rows, subset, thinner, [])}
    assert sizes == {release_size(columns, capacity)}


@given(releases(), st.integers(1, 300))
@settings(deadline=None)
def test_the_pieces_of_a_stream_are_the_whole(release: tuple[list[Row], list[Column], int], piece: int) -> None:
    rows, columns, capacity = release
    layout = Layout(columns, capacity)
    pieces = list(pack_stream(rows, columns, capacity, piece))
    assert b"".join(pieces) == pack(rows, columns, capacity)
    assert max(map(len, pieces)) <= max(piece, layout.width, len(layout.header))
    data = b"".join(pieces)
    cut = [data[at : at + piece] for at in range(0, len(data), piece)]
    assert list(unpack_stream(cut, columns, capacity)) == unpack(data, columns, capacity)


@given(releases(), st.data())
@settings(deadline=None, max_examples=300)
def test_altered_bytes_are_refused_or_read_as_another_proper_release(
    release: tuple[list[Row], list[Column], int], data: st.DataObject
) -> None:
    """Layout is no seal: a flipped bit may make another value. But what is accepted has one encoding."""
    rows, columns, capacity = release
    broken = bytearray(pack(rows, columns, capacity))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(broken) - 1))
        broken[place] = data.draw(st.integers(0, 255))
    length = data.draw(st.sampled_from([len(broken), len(broken), len(broken) - 1, len(broken) // 2]))
    hostile = bytes(broken[:length]) + data.draw(st.sampled_from([b"", b"", b"\0", bytes(100)]))
    try:
        read = unpack(hostile, columns, capacity)
    except ReleaseError as error:
        assert error.code == "release.malformed"
    else:
        assert pack(read, columns, capacity) == hostile


@given(st.binary(max_size=400), COLUMNS, st.integers(0, 60))
@settings(deadline=None)
def test_any_bytes_at_all(body: bytes, columns: list[Column], rows: int) -> None:
    capacity = size_class(rows)
    header = Layout(columns, capacity).header
    for hostile in (body, header + body, header + body.ljust(release_size(columns, capacity), b"\0")):
        try:
            read = unpack(hostile, columns, capacity)
        except ReleaseError as error:
            assert error.code == "release.malformed"
        else:
            assert pack(read, columns, capacity) == hostile


@given(TYPES, st.binary(max_size=40))
def test_a_cell_is_read_only_if_writing_gives_it_back(kind: ColumnType, cell: bytes) -> None:
    cell = cell.ljust(kind.width, b"\0")[: kind.width]
    value = kind.decode(cell)
    assert value is None or kind.encode(value) == cell


ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.dates(), st.datetimes(),
    st.lists(st.text(), max_size=2),
)  # fmt: skip


@given(TYPES, ANYTHING)
def test_any_object_at_all_has_a_proper_cell_or_none(kind: ColumnType, value: object) -> None:
    cell = kind.encode(value)
    if cell is not None:
        assert len(cell) == kind.width
        assert kind.decode(cell) == value
        assert isinstance(value, str | int | date)


@given(TYPES)
def test_a_type_survives_its_document(kind: ColumnType) -> None:
    assert parse_type(kind.document()) == kind


@given(
    st.dictionaries(
        st.sampled_from(["type", "max_length", "minimum", "maximum", "values", "x"]),
        st.one_of(ANYTHING, st.sampled_from(["text", "integer", "boolean", "date", "code"])),
    )
)
def test_any_document_gives_a_type_or_a_plain_refusal(document: dict[str, object]) -> None:
    try:
        kind = parse_type(document)
    except ReleaseError as error:
        assert error.code == "release.bad-column"
    else:
        assert parse_type(kind.document()) == kind


@given(st.integers(0, LARGEST))
def test_a_size_class_holds_its_rows_and_wastes_no_more_than_it_must(rows: int) -> None:
    found = size_class(rows)
    assert found >= rows
    assert found == 10 or found <= 2.5 * rows
    assert str(found).strip("0") in {"1", "2", "5"}
    assert size_class(found) == found
