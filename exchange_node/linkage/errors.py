"""What can go wrong at the linkage unit, and with what it sends back."""

from __future__ import annotations

from typing import ClassVar

from exchange_node.errors import ExchangeError, Kind, Says

_SENDER = "The sender must encode and send again; if it happens twice, its operator should look at the node."
_UNIT = "Do not use this answer. Tell the linkage unit's operator; the request can be made again."


class LinkageError(ExchangeError):
    """Encodings, links or lists break a rule. Details name the rule and counts, never a row's content."""

    prefix: ClassVar[str] = "linkage"
    catalogue: ClassVar[dict[str, Says]] = {
        "bad-width": Says(Kind.INVALID, "The encodings do not have the agreed width.", _SENDER),
        "bad-count": Says(Kind.INVALID, "The number of rows is not the one that was signed.", _SENDER),
        "bad-digest": Says(Kind.UNTRUSTED, "A chunk of encodings is not the one that was signed.", _SENDER),
        "not-sorted": Says(Kind.INVALID, "Tokens are doubled or not in order.", _SENDER),
        "bad-filter": Says(Kind.INVALID, "An encoding is empty or too full to be a person's.", _SENDER),
        "bad-statistics": Says(Kind.UNTRUSTED, "The signed statistics do not fit the encodings.", _SENDER),
        "too-many-rows": Says(
            Kind.DENIED,
            "There are more rows than the agreement allows.",
            "Narrow the cohort, or have the agreement's cap changed by its parties.",
        ),
        "not-comparable": Says(
            Kind.CONFLICT,
            "The two parties' encodings were not made with the same key, schema or length.",
            "The key agreement failed or a party made a mistake; the request can be made again.",
        ),
        "wrong-schema": Says(
            Kind.CONFLICT, "The encodings follow another schema than the linkage order names.", _SENDER
        ),
        "too-many-candidates": Says(
            Kind.DENIED,
            "Too many pairs are alike for this threshold, so linking was stopped.",
            "Raise the threshold, narrow the cohort, or encode more fields.",
        ),
        "too-many-links": Says(Kind.DENIED, "There are more links than the agreement allows.", _UNIT),
        "bad-order": Says(
            Kind.INVALID,
            "The linkage order holds a figure outside its range.",
            "The threshold is 0 to 10,000 basis points of Dice; caps are positive.",
        ),
        "no-kernel": Says(
            Kind.UNAVAILABLE,
            "The comparison kernel that was chosen does not run on this machine.",
            "Choose another one (`linkage.kernel` of a node, `--kernel` of a trial); no slower one is taken silently.",
        ),
        "no-runner": Says(
            Kind.NOT_FOUND, "There is no runner of that name.", "Choose `--runner local` or `--runner spark`."
        ),
        "no-spark": Says(
            Kind.UNAVAILABLE,
            "Spark cannot be used here.",
            "It needs PySpark (`make spark-venv` makes build/spark-venv, with `bin/exchange` in it), Java 17 or 21, and"
            " a master that answers (`--spark-master`). Or leave `--runner spark` out.",
        ),
        "runner-failed": Says(
            Kind.UNAVAILABLE,
            "A task failed on Spark more often than it may be tried again.",
            "Spark's own log says which machine and why: most often memory, or another version of this program there.",
        ),
        "too-few-people": Says(
            Kind.INVALID,
            "A file has too few people, or they are too much alike, to learn what tells them apart.",
            "At least two rows that differ are needed; check that the right columns are mapped.",
        ),
        "no-keys": Says(
            Kind.INVALID,
            "There are too many pairs to compare all, and no field says enough for rows to be compared only where it is"
            " the same.",
            "Map more columns, or have all pairs compared if the files are small enough for that.",
        ),
        "too-many-pairs": Says(
            Kind.INVALID,
            "CLKs are compared each with each, and there are too many pairs for that, or it was asked not to.",
            "Compare all pairs nevertheless (`--every-pair`), or link by vectors, which are found by keys as well.",
        ),
        "two-files": Says(
            Kind.INVALID,
            "CLKs link two files, and another number was given.",
            "Choose the method `vectors` for the doubles of one file, or for three files and more.",
        ),
        "unknown-method": Says(
            Kind.NOT_FOUND,
            "There is no linkage method of the name that was asked for.",
            "Choose a method that both nodes have, or update the node; a trial has vectors, clk and weighted-clk.",
        ),
        "unknown-mode": Says(
            Kind.NOT_FOUND,
            "This linkage method does not offer the disclosure mode that was asked for.",
            "Use `provider-decides`.",
        ),
        "bad-list": Says(Kind.UNTRUSTED, "The list from the linkage unit is malformed.", _UNIT),
        "list-rows": Says(Kind.UNTRUSTED, "The list from the linkage unit has a wrong number of rows.", _UNIT),
        "not-one-to-one": Says(Kind.UNTRUSTED, "The list from the linkage unit uses a row or link id twice.", _UNIT),
        "unknown-token": Says(Kind.UNTRUSTED, "The list from the linkage unit names rows that were never sent.", _UNIT),
        "foreign-rows": Says(
            Kind.UNTRUSTED, "The list from the linkage unit is not about the rows that were sent.", _UNIT
        ),
    }
