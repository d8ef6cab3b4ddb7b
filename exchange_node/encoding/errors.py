"""What can go wrong while records are turned into encodings."""

from __future__ import annotations

from typing import ClassVar

from exchange_node.errors import ExchangeError, Kind, Says


class EncodingError(ExchangeError):
    """A record, key or schema does not allow an encoding. Details name field and row number, never a value."""

    prefix: ClassVar[str] = "encoding"
    catalogue: ClassVar[dict[str, Says]] = {
        "unknown-schema": Says(
            Kind.NOT_FOUND,
            "This node does not have the linkage schema that was asked for.",
            "Both data parties need releases that ship the same schema; update the older node.",
        ),
        "bad-schema": Says(
            Kind.INVALID,
            "The linkage schema is not valid.",
            "Follow clkhash's linkage schema version 3, with a filter length that is a multiple of 64.",
        ),
        "too-many-fields": Says(
            Kind.INVALID,
            "The records have more fields than one comparison can hold.",
            "Name with --map those that tell people apart; a dozen or two are enough.",
        ),
        "no-encoder": Says(
            Kind.UNAVAILABLE,
            "There is no encoder of the name that was chosen.",
            "Choose `native` or `clkhash` (a node's config, --encoder of a trial); no other one is taken silently.",
        ),
        "bad-contribution": Says(
            Kind.INVALID,
            "A contribution to the linkage key is not acceptable.",
            "Each party must send 32 fresh random bytes of its own; start the request again.",
        ),
        "key-destroyed": Says(
            Kind.CONFLICT,
            "The key of this request has already been destroyed.",
            "The request is over; make a new one.",
        ),
        "bad-value": Says(
            Kind.INVALID,
            "A record holds a value that the linkage schema does not allow.",
            "Look up the row and field named in the node's log and mend the mapping or the source.",
        ),
        "duplicate-id": Says(
            Kind.INVALID,
            "Two records of one source have the same local id.",
            "Local ids must be unique within a source; remove or merge the doubles.",
        ),
        "too-many-rows": Says(
            Kind.DENIED,
            "There are more records to encode than the agreement allows.",
            "Narrow the cohort, or have the agreement's cap changed by its parties.",
        ),
        "unknown-count-mode": Says(
            Kind.INVALID,
            "The agreement names an unknown way to state the number of rows.",
            "Use `exact` or `size-class`.",
        ),
    }
