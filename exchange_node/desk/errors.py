"""What the desk can refuse."""

from __future__ import annotations

from typing import ClassVar

from exchange_node.errors import ExchangeError, Kind, Says


class DeskError(ExchangeError):
    """A call of one of the agency's own people that cannot be carried out."""

    prefix: ClassVar[str] = "desk"
    catalogue: ClassVar[dict[str, Says]] = {
        "invalid": Says(
            Kind.INVALID,
            "The call breaks a rule.",
            "Mend the field named; use the same version of the command line as of the node.",
        ),
        "unknown-request": Says(
            Kind.NOT_FOUND,
            "There is no such request, or it is not yours.",
            "See `exchange request list`; an analyst sees only their own requests, an officer sees all.",
        ),
        "not-ours": Says(
            Kind.DENIED,
            "Another agency asked this; it cannot be cancelled here.",
            "An officer refuses it with `exchange approve REQUEST --refuse` where it waits for approval,"
            " or asks the agency that sent it to cancel.",
        ),
        "not-yours": Says(
            Kind.DENIED,
            "Only the analyst who asked may have the results.",
            "Ask that analyst, or submit a request of your own.",
        ),
        "own-request": Says(
            Kind.DENIED,
            "Nobody approves their own request.",
            "Ask another officer.",
        ),
        "not-waiting": Says(
            Kind.CONFLICT,
            "The request does not wait for an approval here.",
            "See `exchange request status` for where it stands; one that was decided is not decided twice.",
        ),
        "no-results": Says(
            Kind.NOT_FOUND,
            "There are no results from that provider.",
            "See `exchange request status`: results are there once the leg is done.",
        ),
        "cohort-file": Says(
            Kind.INVALID,
            "The node does not read files of the analyst's machine.",
            "Submit the request with `exchange request submit`, which reads the file and sends the ids.",
        ),
        "choices-refused": Says(
            Kind.INVALID,
            "At least one row breaks a rule, so nothing was recorded.",
            "Mend the rows listed and import the file again.",
        ),
        "unknown-choice": Says(
            Kind.NOT_FOUND,
            "No standing choice fits the description.",
            "See `exchange choice list` for what is recorded.",
        ),
        "other-role": Says(
            Kind.CONFLICT,
            "This login has a certificate in another role.",
            "Use another login for the other role, or revoke this one first: `exchange user revoke`.",
        ),
        "last-administrator": Says(
            Kind.CONFLICT,
            "This is the last administrator, and without one nobody can let users in.",
            "Add another administrator first: `exchange user add NAME --role administrator`.",
        ),
        "unknown-user": Says(
            Kind.NOT_FOUND,
            "There is no such user.",
            "See `exchange user list`.",
        ),
    }
