"""Cohort files: the agency's own ids, and what is told of the lines that name nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from exchange_node.records.cohort import CohortFile, read_cohort_file
from exchange_node.records.errors import RecordsError


def read(path: Path, raw: bytes, known: str = "T1 T2 T3") -> CohortFile:
    path = path / "cohort.csv"
    path.write_bytes(raw)
    return read_cohort_file(path, iter(known.split()), "ref")


@pytest.mark.parametrize(
    "raw",
    [
        b"T3\nT1\n",
        b"T3\r\n\r\n T1 \r\n",
        b"\xef\xbb\xbfT3\nT1",
        b"ref\nT3\nT1\n",
        b"name,ref\nx,T3\ny,T1\n",
        b'"ref","name"\n"T3","x"\n"T1","y"\n',
    ],
)
def test_ids_in_the_order_of_the_file(tmp_path: Path, raw: bytes) -> None:
    found = read(tmp_path, raw)
    assert found.ids == ("T3", "T1")
    assert (found.unknown.count, found.doubled.count, found.unreadable) == (0, 0, {})


def test_lines_that_name_nobody_are_counted(tmp_path: Path) -> None:
    found = read(tmp_path, b"ref\nT1\nT8\nT1\nT9\nT2,x\n\xff\nT3\n")
    assert found.ids == ("T1", "T3")
    assert found.unknown.rows == [3, 5]
    assert found.doubled.rows == [4]
    assert {rule: tally.rows for rule, tally in found.unreadable.items()} == {
        "row-columns": [6],
        "row-encoding": [7],
    }
    assert "T8" not in repr(found)
    assert "T1" not in repr(found)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "file-empty"),
        (b"ref\n", "cohort-empty"),
        (b"ref\n\n\n", "cohort-empty"),
        (b"a,b\nT1,x\n", "cohort-header"),
    ],
)
def test_a_file_without_ids_is_refused(tmp_path: Path, raw: bytes, code: str) -> None:
    with pytest.raises(RecordsError, match=code):
        read(tmp_path, raw)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match="file-missing"):
        read_cohort_file(tmp_path / "none", [], "ref")


def test_nobody_known(tmp_path: Path) -> None:
    assert read(tmp_path, b"T8\nT9\n").ids == ()
