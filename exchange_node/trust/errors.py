"""Everything that trust can refuse."""

from __future__ import annotations

from typing import ClassVar

from exchange_node.errors import ExchangeError, Kind, Says

_ASK_SENDER = "Ask its sender for it again; if it comes the same way, the sender's software is wrong."
_ASK_FEDERATION = "Fetch the newest manifest; if it stays so, ask the federation's manifest signers."
_CHECK_CLOCK = "Compare this machine's clock with a time server and correct it, then restart the node."


class TrustError(ExchangeError):
    """A signature, manifest, certificate, key or clock that cannot be relied on."""

    prefix: ClassVar[str] = "trust"
    catalogue: ClassVar[dict[str, Says]] = {
        "malformed": Says(Kind.INVALID, "A document or key is not in the form its format demands.", _ASK_SENDER),
        "too-large": Says(Kind.INVALID, "A document is larger or deeper than its format allows.", _ASK_SENDER),
        "bad-key": Says(
            Kind.INVALID,
            "A key is of the wrong kind or length, or too weak to be used.",
            "Make a new key with `exchange key rotate`, or ask its owner for the right one.",
        ),
        "bad-key-file": Says(
            Kind.INVALID,
            "A key file of this node is damaged.",
            "Put the folder `keys` back from the newest backup; without one, make a new home and ask to be listed.",
        ),
        "wrong-type": Says(Kind.UNTRUSTED, "A signed document is of another type than the one expected.", _ASK_SENDER),
        "bad-signature": Says(
            Kind.UNTRUSTED,
            "A signature does not hold.",
            "Do not rely on the document; check that it was not changed, and that the key is its sender's.",
        ),
        "not-enough-signatures": Says(
            Kind.UNTRUSTED,
            "Fewer of the keys that must sign have signed than the threshold asks for.",
            "Have the missing signers add their signatures.",
        ),
        "no-manifest": Says(
            Kind.UNTRUSTED,
            "The node has no federation manifest yet.",
            "Fetch the manifest, then check it with `exchange manifest verify`.",
        ),
        "manifest-older": Says(
            Kind.UNTRUSTED, "The federation manifest is older than the one already trusted.", _ASK_FEDERATION
        ),
        "manifest-expired": Says(Kind.UNTRUSTED, "The federation manifest has expired.", _ASK_FEDERATION),
        "manifest-not-yet-valid": Says(
            Kind.UNTRUSTED,
            "The federation manifest was issued in the future by this node's clock.",
            _CHECK_CLOCK,
        ),
        "manifest-equivocates": Says(
            Kind.UNTRUSTED,
            "Two different manifests were signed under one number. The node stops.",
            "Keep both as evidence, tell every member, and start again from a new root document.",
        ),
        "manifest-other-federation": Says(
            Kind.UNTRUSTED, "The manifest belongs to another federation.", _ASK_FEDERATION
        ),
        "unknown-organisation": Says(
            Kind.UNTRUSTED, "The organisation is not in the federation manifest.", _ASK_FEDERATION
        ),
        "organisation-suspended": Says(
            Kind.UNTRUSTED,
            "The organisation is suspended in the federation manifest.",
            "Ask the federation's manifest signers why, and when it ends.",
        ),
        "wrong-role": Says(Kind.UNTRUSTED, "The organisation does not have the role that this needs.", _ASK_FEDERATION),
        "operator-conflict": Says(
            Kind.DENIED,
            "The linkage unit's operator also runs a data party of this request.",
            "Choose a linkage unit with another operator.",
        ),
        "unknown-key": Says(
            Kind.UNTRUSTED,
            "The signing key is not one of the organisation's keys in the manifest.",
            _ASK_FEDERATION,
        ),
        "key-revoked": Says(
            Kind.UNTRUSTED,
            "The signing key was revoked.",
            "Ask its owner to sign again with a key that is in the newest manifest.",
        ),
        "key-not-yet-valid": Says(Kind.UNTRUSTED, "The signing key is not valid yet.", _CHECK_CLOCK),
        "unknown-certificate": Says(
            Kind.UNTRUSTED, "The certificate is not one of the federation manifest's.", _ASK_FEDERATION
        ),
        "bad-certificate": Says(
            Kind.UNTRUSTED,
            "A certificate does not hold: wrong issuer, purpose, name or time.",
            "Ask the agency's administrator for a new certificate.",
        ),
        "bad-join-request": Says(
            Kind.UNTRUSTED,
            "A join request does not prove that its sender holds the keys in it.",
            "Make it again on the node that joins, and compare its fingerprint by telephone.",
        ),
        "keys-missing": Says(
            Kind.UNAVAILABLE,
            "A key file of the node is not there or cannot be read.",
            "Restore the keys folder from its copy, or make a new home with `exchange init`.",
        ),
        "keys-exposed": Says(
            Kind.UNTRUSTED,
            "A key file or its folder is open to others, or belongs to somebody else.",
            "Run `chmod 700` on the folder, `chmod 600` on its files, and `chown` both to the node's user;"
            " if others could have read a key, rotate it.",
        ),
        "keys-exist": Says(
            Kind.CONFLICT, "The node already has keys.", "Use `exchange key rotate` to change one of them."
        ),
        "keys-unwritable": Says(
            Kind.UNAVAILABLE,
            "A key file cannot be written.",
            "Make room on the disk or mend its permissions.",
        ),
        "rotation-pending": Says(
            Kind.CONFLICT,
            "A new key of this kind already waits to be listed in the manifest.",
            "Send its public half to the manifest signers, or wait for the next manifest.",
        ),
        "no-rotation": Says(Kind.NOT_FOUND, "No new key of this kind is waiting.", "Start with `exchange key rotate`."),
        "rotation-unlisted": Says(
            Kind.CONFLICT,
            "The new key is not in the federation manifest yet, so peers would refuse it.",
            "Send its public half to the manifest signers and wait for the next manifest.",
        ),
        "cannot-open": Says(
            Kind.UNTRUSTED,
            "A sealed message cannot be opened: altered, cut short, or meant for another key or request.",
            "Ask its sender to seal it again.",
        ),
        "cannot-unwrap": Says(
            Kind.UNTRUSTED,
            "A stored secret cannot be read: it was altered or belongs to another key or name.",
            "Restore the database and the keys folder from copies made at the same time.",
        ),
        "key-destroyed": Says(
            Kind.FAILED,
            "The key was destroyed, as it should be at the end of a request.",
            "Ask the question again.",
        ),
        "clock-set-back": Says(
            Kind.UNTRUSTED, "This machine's clock was set back by more than the node tolerates.", _CHECK_CLOCK
        ),
        "clock-implausible": Says(
            Kind.UNTRUSTED, "This machine's clock shows a time that cannot be right.", _CHECK_CLOCK
        ),
        "clock-skew": Says(
            Kind.UNTRUSTED, "A message's time and this machine's clock are too far apart.", _CHECK_CLOCK
        ),
    }
