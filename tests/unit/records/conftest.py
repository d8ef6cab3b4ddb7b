"""A small invented register, written as a test needs it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from exchange_node.records.mapping import RecordsMapping
from exchange_node.records.source import RecordFile

HEADER = "ref,first,last,born,sex,pc,addr,nhs,damp,beds,dx,died,markers"
TABLE = """
file = "tenants.csv"
id_column = "ref"

[fields]
forename = "first"
surname = "last"
date_of_birth = "born"
sex = "sex"
postcode = "pc"
address_line = "addr"
nhs_number = "nhs"

[cohort]
damp = "boolean"
beds = "integer"

[facts]
at_risk = { derive = "any_of", column = "markers", codes = ["V"] }
deceased = { derive = "present", column = "died" }
flags = { many-rooms = { derive = "greater_than", column = "beds", value = 3 } }

[[attributes]]
name = "respiratory"
type = "boolean"
sensitivity = "special"
derive = "any_of"
column = "dx"
codes = ["R10", "R2*"]

[[attributes]]
name = "age"
type = "integer"
sensitivity = "ordinary"
derive = "age_from_date_of_birth"

[[attributes]]
name = "rooms"
type = "integer"
sensitivity = "ordinary"
column = "beds"

[[attributes]]
name = "home"
type = "text"
sensitivity = "ordinary"
column = "addr"
max_length = 14

[[attributes]]
name = "damp_yes"
type = "boolean"
sensitivity = "ordinary"
derive = "equals"
column = "damp"
value = "YES"

[[attributes]]
name = "birth"
type = "date"
sensitivity = "ordinary"
column = "born"
"""


@pytest.fixture
def table() -> dict[str, object]:
    """The [records] table of the register."""
    return tomllib.loads(TABLE)


@pytest.fixture
def register(tmp_path: Path, table: dict[str, object]) -> Callable[..., RecordFile]:
    """Writes the register from lines or bytes and opens it; keywords change the table."""

    def write(*lines: str, raw: bytes | None = None, **changes: object) -> RecordFile:
        path = tmp_path / "tenants.csv"
        text = "\n".join((HEADER, *lines, "")).encode()
        path.write_bytes(text if raw is None else raw)
        return RecordFile(path, RecordsMapping.parse(table | changes))

    return write
