from __future__ import annotations

import hashlib
from datetime import date

import pytest

from exchange_node.release.columns import (
    Boolean,
    Code,
    Column,
    ColumnType,
    Date,
    Integer,
    Text,
    check_columns,
    columns_digest,
    parse_type,
)
from exchange_node.release.errors import ReleaseError

TYPES: list[ColumnType] = [
    Text(5),
    Integer(),
    Integer(1900, 2099),
    Boolean(),
    Date(),
    Code(("high", "normal")),
]


@pytest.mark.parametrize("kind", TYPES, ids=str)
def test_a_type_survives_its_document(kind: ColumnType) -> None:
    assert parse_type(kind.document()) == kind


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"type": "float"},
        {"type": ["text"]},
        {"type": "text"},
        {"type": "text", "max_length": "5"},
        {"type": "text", "max_length": True},
        {"type": "text", "max_length": 0},
        {"type": "text", "max_length": 4097},
        {"type": "text", "max_length": 5, "values": ["a"]},
        {"type": "integer", "minimum": None},
        {"type": "integer", "maximum": "9"},
        {"type": "integer", "maximum": 9, "values": ["a"]},
        {"type": "integer", "minimum": 2, "maximum": 1},
        {"type": "integer", "minimum": 0, "maximum": 2**63},
        {"type": "integer", "minimum": False, "maximum": True},
        {"type": "boolean", "max_length": 5},
        {"type": "date", "format": "%Y"},
        {"type": "code"},
        {"type": "code", "values": []},
        {"type": "code", "values": ["a", "a"]},
        {"type": "code", "values": ["a", ""]},
        {"type": "code", "values": ["a", 1]},
        {"type": "code", "values": [["a"]]},
        {"type": "code", "values": "ab"},
    ],
    ids=str,
)
def test_a_document_that_is_not_understood_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(ReleaseError) as caught:
        parse_type(document)
    assert caught.value.code == "release.bad-column"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Text(5), ""),
        (Text(5), "sixsix"),
        (Text(5), "ééé"),  # three characters, six bytes
        (Text(5), "a\tb"),
        (Text(5), "a\nb"),
        (Text(5), "a\x00"),
        (Text(5), "a\u2028b"),
        (Text(5), "\ud800"),
        (Text(5), 5),
        (Text(5), None),
        (Text(5), b"abc"),
        (Integer(0, 9), -1),
        (Integer(0, 9), 10),
        (Integer(0, 9), True),
        (Integer(0, 9), "1"),
        (Integer(0, 9), 1.0),
        (Integer(), 2**63),
        (Boolean(), 1),
        (Boolean(), "yes"),
        (Date(), "2026-01-01"),
        (Date(), 739000),
        (Code(("high", "normal")), "low"),
        (Code(("high", "normal")), 0),
        (Code(("high", "normal")), None),
    ],
    ids=lambda case: ascii(case),
)
def test_a_value_outside_its_type_has_no_cell(kind: ColumnType, value: object) -> None:
    assert kind.encode(value) is None


@pytest.mark.parametrize(
    ("kind", "value", "cell"),
    [
        (Text(5), "a", b"\0\1a\0\0\0\0"),
        (Text(5), "ééa", b"\0\5\xc3\xa9\xc3\xa9a"),
        (Integer(), -2, b"\xff" * 7 + b"\xfe"),
        (Integer(), 2**63 - 1, b"\x7f" + b"\xff" * 7),
        (Boolean(), False, b"\0"),
        (Boolean(), True, b"\1"),
        (Date(), date(1, 1, 1), b"\0\0\0\1"),
        (Date(), date(9999, 12, 31), b"\x00\x37\xb9\xdb"),
        (Code(("high", "normal")), "normal", b"\0\1"),
    ],
    ids=lambda case: ascii(case),
)
def test_cells_byte_for_byte(kind: ColumnType, value: object, cell: bytes) -> None:
    assert kind.encode(value) == cell
    assert len(cell) == kind.width
    decoded = kind.decode(cell)
    assert decoded == value
    assert type(decoded) is type(value)


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        (Text(5), b"\0\0\0\0\0\0\0"),  # empty
        (Text(5), b"\0\6abcde"),  # longer than it may be
        (Text(5), b"\0\1a\0\0\0b"),  # bytes after the text
        (Text(5), b"\0\1\xff\0\0\0\0"),
        (Text(5), b"\0\2a\n\0\0\0"),
        (Text(5), b"\0\3\xed\xa0\x80\0\0"),  # a surrogate in UTF-8
        (Integer(0, 9), b"\0" * 7 + b"\x0a"),
        (Boolean(), b"\2"),
        (Date(), b"\0\0\0\0"),
        (Date(), b"\x00\x37\xb9\xdc"),
        (Code(("high", "normal")), b"\0\2"),
    ],
    ids=lambda case: ascii(case),
)
def test_a_cell_that_no_value_makes_is_refused(kind: ColumnType, cell: bytes) -> None:
    assert kind.decode(cell) is None


def test_an_integer_may_have_one_bound_or_none() -> None:
    assert parse_type({"type": "integer"}) == Integer()
    assert parse_type({"type": "integer", "minimum": 0}) == Integer(0, 2**63 - 1)
    assert parse_type({"type": "integer", "maximum": 9}) == Integer(-(2**63), 9)


@pytest.mark.parametrize("name", ["", "Name", "1a", "a-b", "a b", "a" * 64, "é", "a\n"])
def test_names_of_columns(name: str) -> None:
    with pytest.raises(ReleaseError) as caught:
        Column(name, Boolean())
    assert caught.value.code == "release.bad-column"


def test_a_release_has_columns_and_no_name_twice() -> None:
    for columns in (
        [],
        [Column("a", Boolean()), Column("a", Date())],
        [Column(f"a{i}", Date()) for i in range(257)],
    ):
        with pytest.raises(ReleaseError) as caught:
            check_columns(columns)
        assert caught.value.code == "release.bad-column"
    assert len(check_columns([Column(f"a{i}", Date()) for i in range(256)])) == 256


def test_the_digest_knows_everything_but_the_description() -> None:
    base = [Column("a", Text(5)), Column("b", Date())]
    others = [
        [Column("b", Date()), Column("a", Text(5))],
        [Column("a", Text(6)), Column("b", Date())],
        [Column("c", Text(5)), Column("b", Date())],
        [Column("a", Text(5), "month"), Column("b", Date())],
        [Column("a", Text(5))],
    ]
    assert columns_digest(base) == columns_digest([Column("a", Text(5), description="words"), base[1]])
    assert columns_digest(base) not in [columns_digest(other) for other in others]


def test_the_digest_is_over_this_text() -> None:
    # A change here makes two versions of the node unable to exchange: bump the layout's version with it.
    text = '[{"name":"condition","transform":"repair_priority","type":"code","values":["high","normal"]}]'
    expected = hashlib.sha256(b"exchange release columns v1\n" + text.encode()).digest()
    assert columns_digest([Column("condition", Code(("high", "normal")), "repair_priority")]) == expected
