"""A cohort given as a file of the agency's own ids."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from exchange_node.records.condition import Condition, parse_condition
from exchange_node.records.errors import RecordsError
from exchange_node.records.report import ReadReport, Tally
from exchange_node.records.table import read_header, read_list, read_rows

__all__ = ["CohortFile", "Condition", "parse_condition", "read_cohort_file"]


@dataclass(frozen=True, slots=True, repr=False)
class CohortFile:
    """The ids of a cohort file that the register knows, in the file's order, each once.

    The tallies count lines and give the numbers of the first ones, the top line of the file being 1;
    `unreadable` is by rule.
    """

    ids: tuple[str, ...]
    unknown: Tally = field(default_factory=Tally)
    doubled: Tally = field(default_factory=Tally)
    unreadable: dict[str, Tally] = field(default_factory=dict)


def read_cohort_file(path: Path, known: Iterable[str], id_column: str, *, encoding: str = "utf-8") -> CohortFile:
    """Ids one on each line, or a CSV whose header names `id_column`; `known` are the register's ids,
    streamed.

    Raises RecordsError: file-missing, file-encoding, cohort-header, cohort-empty.
    """
    header, report = read_header(path, encoding=encoding), ReadReport()
    if id_column in header:
        rows = read_rows(path, [id_column], report, encoding=encoding)
    elif len(header) == 1:
        rows = read_list(path, report, encoding)
    else:
        raise RecordsError("cohort-header", f"the column {id_column} is expected")
    lines: dict[str, int] = {}
    doubled, unknown = Tally(), Tally()
    for line, cells in rows:
        local_id = cells[0].strip()
        if local_id in lines:
            doubled.add(line)
        elif local_id:
            lines[local_id] = line
    if not lines:
        raise RecordsError("cohort-empty")
    strangers = set(lines)
    strangers.difference_update(known)
    for local_id, line in lines.items():
        if local_id in strangers:
            unknown.add(line)
    ids = tuple(local_id for local_id in lines if local_id not in strangers)
    return CohortFile(ids, unknown, doubled, report.skipped)
