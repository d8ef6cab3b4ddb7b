"""The attacks that The Update Framework names, tried on the federation manifest."""

from __future__ import annotations

import json

import pytest

from exchange_node.trust.documents import MAX_DOCUMENT_BYTES, digest, format_time
from exchange_node.trust.errors import TrustError
from exchange_node.trust.manifest import MANIFEST_TYPE, RootDocument
from exchange_node.trust.signing import Envelope, SigningKey
from exchange_node.trust.trusted_manifest import TrustedManifest
from tests.unit.trust.builders import (
    DAY,
    NEW_ROOTS,
    NOW,
    ROOTS,
    forge_payload,
    manifest,
    root_document,
    roots,
    signed,
)


def started(number: int = 5) -> TrustedManifest:
    trusted = TrustedManifest.start(root_document())
    trusted.update(signed(manifest(number)), NOW)
    return trusted


def refuses(trusted: TrustedManifest, document: bytes, code: str, now: int = NOW) -> None:
    """The document is refused with `code`, and nothing that was trusted has changed."""
    before = trusted.state()
    with pytest.raises(TrustError) as caught:
        trusted.update(document, now)
    assert caught.value.code == f"trust.{code}"
    assert trusted.state() == before


def test_nothing_is_trusted_at_first() -> None:
    trusted = TrustedManifest.start(root_document())
    assert (trusted.digest, trusted.envelope) == ("", b"")
    with pytest.raises(TrustError, match="no-manifest"):
        trusted.current(NOW)


def test_newer_manifests_are_taken_over_any_gap() -> None:
    trusted = started(5)
    newer = manifest(9)
    document = signed(newer, ROOTS[2], ROOTS[0])
    assert trusted.update(document, NOW) == newer == trusted.current(NOW)
    assert trusted.digest == digest(newer.encode())
    assert trusted.envelope == document


def test_the_same_again_changes_nothing_even_with_more_signatures() -> None:
    trusted = started(5)
    before = trusted.state()
    assert trusted.update(signed(manifest(5), *ROOTS), NOW).number == 5
    assert trusted.state() == before
    with pytest.raises(TrustError, match="manifest-expired"):
        trusted.update(signed(manifest(5)), NOW + 31 * DAY)


def test_forged() -> None:
    trusted = started()
    refuses(trusted, signed(manifest(6), *NEW_ROOTS), "not-enough-signatures")
    other = manifest(6, organisations=[]).encode()
    refuses(trusted, forge_payload(signed(manifest(6)), other), "bad-signature")
    # Signatures of another document under the roots' ids.
    stolen = Envelope(MANIFEST_TYPE, other, tuple((key.key_id, bytes(64)) for key in ROOTS))
    refuses(trusted, stolen.encode(), "bad-signature")


def test_too_few_signatures() -> None:
    trusted = started()
    refuses(trusted, signed(manifest(6), ROOTS[0]), "not-enough-signatures")
    refuses(trusted, signed(manifest(6), ROOTS[0], NEW_ROOTS[0]), "not-enough-signatures")


def test_same_key_twice() -> None:
    one = manifest(6).sign(ROOTS[0])
    twice = Envelope(one.payload_type, one.payload, one.signatures * 2)
    refuses(started(), twice.encode(), "not-enough-signatures")


def test_signed_as_something_else() -> None:
    other = Envelope("application/vnd.exchange.agreement+json", manifest(6).encode())
    document = other.add_signature(ROOTS[0]).add_signature(ROOTS[1]).encode()
    refuses(started(), document, "wrong-type")
    renamed = json.loads(document) | {"payloadType": MANIFEST_TYPE}
    refuses(started(), json.dumps(renamed).encode(), "bad-signature")


def test_rollback() -> None:
    trusted = started(5)
    refuses(trusted, signed(manifest(4)), "manifest-older")


def test_rollback_after_a_restart() -> None:
    trusted = TrustedManifest.restore(started(5).state())
    assert trusted.current(NOW) == manifest(5)
    assert trusted.digest == started(5).digest
    refuses(trusted, signed(manifest(4)), "manifest-older")


def test_freeze() -> None:
    trusted = started(5)
    end = NOW + 30 * DAY
    assert trusted.current(end - 1).number == 5
    with pytest.raises(TrustError, match="manifest-expired"):
        trusted.current(end)
    refuses(trusted, signed(manifest(6)), "manifest-expired", now=end)
    later = manifest(6, expires_at=format_time(end + DAY))
    assert trusted.update(signed(later), end) == later


def test_issued_in_the_future() -> None:
    trusted = started(5)
    early = signed(manifest(6, issued_at=format_time(NOW + 121)))
    refuses(trusted, early, "manifest-not-yet-valid")
    assert trusted.update(early, NOW + 1).number == 6
    with pytest.raises(TrustError, match="manifest-not-yet-valid"):
        trusted.current(NOW)


def test_equivocation_stops_the_node_for_good() -> None:
    trusted = started(5)
    other = signed(manifest(5, organisations=[]))
    with pytest.raises(TrustError, match="manifest-equivocates"):
        trusted.update(other, NOW)
    for again in (trusted, TrustedManifest.restore(trusted.state())):
        assert again.conflict == other
        with pytest.raises(TrustError, match="manifest-equivocates"):
            again.current(NOW)
        with pytest.raises(TrustError, match="manifest-equivocates"):
            again.update(signed(manifest(6)), NOW)


def test_equivocation_is_seen_in_an_expired_document_too() -> None:
    trusted = started(5)
    with pytest.raises(TrustError, match="manifest-equivocates"):
        trusted.update(signed(manifest(5, organisations=[])), NOW + 99 * DAY)


def test_nobody_but_the_roots_can_stop_a_node() -> None:
    trusted = started(5)
    refuses(trusted, signed(manifest(5, organisations=[]), ROOTS[0]), "not-enough-signatures")
    refuses(trusted, signed(manifest(5, organisations=[]), *NEW_ROOTS), "not-enough-signatures")
    assert trusted.current(NOW).number == 5


def test_roots_change_with_both_old_and_new_signatures() -> None:
    trusted = started(5)
    changed = manifest(6, roots=roots(NEW_ROOTS))
    refuses(trusted, signed(changed, *NEW_ROOTS), "not-enough-signatures")
    refuses(trusted, signed(changed, *ROOTS), "not-enough-signatures")
    refuses(trusted, signed(changed, *ROOTS[:2], NEW_ROOTS[0]), "not-enough-signatures")
    refuses(trusted, signed(changed, ROOTS[0], *NEW_ROOTS), "not-enough-signatures")
    trusted.update(signed(changed, *ROOTS[:2], *NEW_ROOTS[:2]), NOW)
    for again in (trusted, TrustedManifest.restore(trusted.state())):
        refuses(again, signed(manifest(7), *ROOTS), "not-enough-signatures")
        following = manifest(7, roots=roots(NEW_ROOTS))
        assert again.update(signed(following, *NEW_ROOTS[1:]), NOW) == following


def test_a_lower_threshold_needs_the_old_one() -> None:
    lower = manifest(6, roots=roots(threshold=1))
    trusted = started(5)
    refuses(trusted, signed(lower, ROOTS[0]), "not-enough-signatures")
    trusted.update(signed(lower), NOW)
    assert trusted.update(signed(manifest(7, roots=roots(threshold=1)), ROOTS[0]), NOW).number == 7


def test_a_higher_threshold_is_met_at_once() -> None:
    trusted = started(5)
    higher = manifest(6, roots=roots(threshold=3))
    refuses(trusted, signed(higher), "not-enough-signatures")
    assert trusted.update(signed(higher, *ROOTS), NOW).number == 6


def test_a_node_that_missed_a_change_of_roots_is_led_across() -> None:
    bridge = signed(manifest(6, roots=roots(NEW_ROOTS), expires_at=format_time(NOW + DAY)), *ROOTS[:2], *NEW_ROOTS[:2])
    newest = signed(manifest(7, roots=roots(NEW_ROOTS)), *NEW_ROOTS[:2])
    trusted = started(5)
    refuses(trusted, newest, "not-enough-signatures", now=NOW + 2 * DAY)
    refuses(trusted, bridge, "manifest-expired", now=NOW + 2 * DAY)
    before = trusted.state()
    with pytest.raises(TrustError, match="not-enough-signatures"):  # all or none
        trusted.update(signed(manifest(7), *ROOTS), NOW + 2 * DAY, bridge=[bridge])
    assert trusted.state() == before
    assert trusted.update(newest, NOW + 2 * DAY, bridge=[bridge]).number == 7


def test_swapped_federation() -> None:
    refuses(started(5), signed(manifest(6, federation="othershire")), "manifest-other-federation")
    other = RootDocument.build({"federation": "othershire", "roots": roots()})
    refuses(TrustedManifest.start(other), signed(manifest(6)), "manifest-other-federation")


def test_endless_data() -> None:
    trusted = started(5)
    refuses(trusted, b" " * (MAX_DOCUMENT_BYTES + 1), "too-large")


def test_nonsense_under_good_signatures() -> None:
    trusted = started(5)
    for payload in (b"", b"{}", b"[]", b'{"number":6,"number":7}'):
        envelope = Envelope(MANIFEST_TYPE, payload)
        refuses(trusted, envelope.add_signature(ROOTS[0]).add_signature(ROOTS[1]).encode(), "malformed")


def test_damaged_state_is_refused() -> None:
    state = json.loads(started(5).state())
    envelope = signed(manifest(9), SigningKey.generate())
    import base64

    for damage in (
        b"",
        b"{}",
        json.dumps(state | {"envelope": "AAAA"}).encode(),
        json.dumps(state | {"envelope": base64.b64encode(envelope).decode()}).encode(),
        json.dumps(state | {"roots": None}).encode(),
    ):
        with pytest.raises(TrustError):
            TrustedManifest.restore(damage)
