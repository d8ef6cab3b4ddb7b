"""Everything that can go wrong between a question and its decision. Each of these ends in a deny."""

from __future__ import annotations

from typing import ClassVar

from exchange_node.errors import ExchangeError, Kind, Says

_ENGINE = "Run `exchange doctor`; it names the engine, the bundle and what is wrong with them."


class PolicyError(ExchangeError):
    """No decision could be had. Whoever catches it denies: see `decision.deny_from_error`."""

    prefix = "policy"
    catalogue: ClassVar[dict[str, Says]] = {
        "engine-unavailable": Says(
            Kind.UNAVAILABLE, "The policy engine cannot be reached, so nothing is released.", _ENGINE
        ),
        "engine-late": Says(
            Kind.UNAVAILABLE, "The policy engine did not answer in time, so nothing is released.", _ENGINE
        ),
        "engine-failed": Says(Kind.UNAVAILABLE, "The policy engine could not finish, so nothing is released.", _ENGINE),
        "engine-undefined": Says(
            Kind.DENIED, "The policy gave no answer to this question, so nothing is released.", _ENGINE
        ),
        "engine-malformed": Says(
            Kind.INVALID, "The policy gave an answer that cannot be read, so nothing is released.", _ENGINE
        ),
        "bundle-unapproved": Says(
            Kind.UNTRUSTED,
            "The policy bundle is not one that the federation approved, so nothing is released.",
            "Install the bundle whose digest the manifest lists, or have the manifest list this one.",
        ),
        "bundle-stale": Says(
            Kind.UNTRUSTED,
            "The approval of the policy bundle has run out, so nothing is released.",
            "Fetch the newest manifest and the bundle it approves.",
        ),
        "bundle-malformed": Says(
            Kind.INVALID,
            "The policy bundle cannot be read, so nothing is released.",
            "Install the node again, or rebuild the bundle with `make policies`.",
        ),
        "bad-question": Says(
            Kind.INVALID,
            "The question has a field that policy cannot take.",
            "Correct the field named in the message.",
        ),
        "bad-agreement": Says(
            Kind.INVALID,
            "The agreement breaks a rule of its form.",
            "Correct the field named in the message and check again with `exchange agreement show`.",
        ),
        "bad-cases": Says(
            Kind.INVALID,
            "The file of policy cases breaks a rule of its form.",
            "Correct the field named in the message; `exchange policy test --help` shows an example.",
        ),
    }
