"""Everything that building, reading or exporting a release can complain about. No detail ever holds a
value."""

from __future__ import annotations

from typing import ClassVar

from exchange_node.errors import ExchangeError, Kind, Says


class ReleaseError(ExchangeError):
    """A column, value, release or export that breaks its rule."""

    prefix: ClassVar[str] = "release"
    catalogue: ClassVar[dict[str, Says]] = {
        "bad-column": Says(
            Kind.INVALID,
            "A column of a release is not described in a way that the node understands.",
            "Correct the field that is named in the agreement or the configuration.",
        ),
        "unknown-transform": Says(
            Kind.INVALID,
            "The agreement names a transform that this node does not have.",
            "Use one of the transforms that the documentation lists, or update the node.",
        ),
        "outside-domain": Says(
            Kind.INVALID,
            "A value is not of the sort that its transform takes, so it was not released.",
            "Correct the mapping of that attribute in the configuration, or the value at its source.",
        ),
        "bad-value": Says(
            Kind.INVALID,
            "A value does not fit its column.",
            "Correct the transform or the column's type; nothing was released.",
        ),
        "bad-row": Says(
            Kind.INVALID,
            "A row of a release has no proper link id, no value, or a column that was not agreed.",
            "This is a mistake in the node that built the release; nothing was released.",
        ),
        "bad-capacity": Says(
            Kind.INVALID,
            "The size of the release is not a number of rows that a size class can have.",
            "Use the size class of the cohort.",
        ),
        "too-many-rows": Says(
            Kind.INVALID,
            "There are more people to release than the cohort has rows.",
            "Do not release: the links contradict the request. Report it to the linkage unit's operator.",
        ),
        "repeated-link": Says(
            Kind.INVALID,
            "The same link id occurs twice.",
            "Do not use these links: a row links to one person only. Tell the linkage unit's operator.",
        ),
        "malformed": Says(
            Kind.INVALID,
            "The release is not laid out as the agreement's columns demand.",
            "Do not use it. Ask the provider to compare the versions of both nodes and of the agreement.",
        ),
        "unknown-link": Says(
            Kind.INVALID,
            "The release speaks of a person that was not asked about.",
            "Do not use it, and tell the provider: a release may hold rows of the request's cohort alone.",
        ),
        "bad-cohort": Says(
            Kind.INVALID,
            "The cohort and its link ids do not fit together.",
            "Every row of the cohort needs one id of its own and one link id; ask again with a new request.",
        ),
        "file-exists": Says(
            Kind.CONFLICT,
            "A file of that name is there already.",
            "Choose another folder with --out, or replace it with --overwrite.",
        ),
        "cannot-write": Says(
            Kind.UNAVAILABLE,
            "The result cannot be written to that place.",
            "Check that the folder exists, that you may write there, and that the disk has room.",
        ),
    }
