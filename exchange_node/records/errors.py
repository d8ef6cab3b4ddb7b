"""What can be wrong with a register, its mapping, a condition or a cohort file."""

from __future__ import annotations

from typing import ClassVar

from exchange_node.errors import ExchangeError, Kind, Says


class RecordsError(ExchangeError):
    """Raised for a whole file, mapping or condition.

    Single bad rows are counted in a `ReadReport` instead.
    """

    prefix: ClassVar[str] = "records"
    catalogue: ClassVar[dict[str, Says]] = {
        "mapping": Says(
            Kind.INVALID,
            "The [records] part of the configuration breaks a rule.",
            "Correct the named entry in the configuration, then run `exchange doctor`.",
        ),
        "file-missing": Says(
            Kind.NOT_FOUND,
            "The file is not there or may not be read.",
            "Check the path, and that whoever runs this may read the file.",
        ),
        "file-empty": Says(
            Kind.INVALID,
            "The file is empty.",
            "Export it again, with a header line.",
        ),
        "file-encoding": Says(
            Kind.INVALID,
            "The file is not in the expected encoding.",
            "Set `encoding` under [records] to what the export writes: utf-8, cp1252, latin-1 or utf-16.",
        ),
        "file-format": Says(
            Kind.INVALID,
            "The file is not in the expected format.",
            "Export the file again, as CSV or Parquet; a node is told which by `format` under [records].",
        ),
        "file-changed": Says(
            Kind.CONFLICT,
            "The file changed while it was being read.",
            "Write a new export beside it and rename it into place, then try again.",
        ),
        "column-missing": Says(
            Kind.INVALID,
            "A column that was named is not in the file.",
            "Compare the names and the delimiter ([records] of a node, --truth of a trial) with the file's header.",
        ),
        "column-doubled": Says(
            Kind.INVALID,
            "A column named in the configuration stands more than once in the header.",
            "Rename one of the two columns in the export.",
        ),
        "column-type": Says(
            Kind.INVALID,
            "A column holds data of a type that cannot be read as text, numbers or dates.",
            "Export the column as text, number, date or boolean.",
        ),
        "map": Says(
            Kind.INVALID,
            "The file that maps columns to fields breaks a rule.",
            "Correct the named entry; the documentation of --map has an example.",
        ),
        "map-column": Says(
            Kind.INVALID,
            "The file that maps columns to fields names a column that is not there.",
            "Compare the names with the header of the file.",
        ),
        "fields-none": Says(
            Kind.INVALID,
            "No column was found that tells people apart, or none that both files have.",
            "See whether the file has rows; name its columns with --map.",
        ),
        "since": Says(
            Kind.INVALID,
            "The earlier trial cannot be gone on with.",
            "Give the folder that a trial of two files with --keep has written, the same columns and the same --id; or "
            "link all again.",
        ),
        "ids-doubled": Says(
            Kind.INVALID,
            "Too many ids stand on more than one row.",
            "Check that `id_column` (--id of a trial) names the column with one id for each person.",
        ),
        "attribute-unknown": Says(
            Kind.INVALID,
            "An attribute was asked for that the configuration does not name.",
            "Add it under [[records.attributes]], or leave it out of the agreement.",
        ),
        "condition": Says(
            Kind.INVALID,
            "The cohort's condition cannot be read.",
            "Write it as: column = value, joined by and, or, not and parentheses.",
        ),
        "condition-column": Says(
            Kind.INVALID,
            "The condition names a column that may not be used in conditions.",
            "Use one of the columns that are named; an administrator lists them under [records.cohort].",
        ),
        "cohort-header": Says(
            Kind.INVALID,
            "The cohort file has several columns and none is the id column.",
            "Write one id on each line, or a CSV whose header names the id column.",
        ),
        "cohort-empty": Says(
            Kind.INVALID,
            "The cohort file names nobody.",
            "Write one id on each line.",
        ),
    }
