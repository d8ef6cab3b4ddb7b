"""Any sequence of manifests, judged by the machine and by the rules written down a second time."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import event, given, settings
from hypothesis import strategies as st

from exchange_node.trust.documents import digest, format_time
from exchange_node.trust.errors import TrustError
from exchange_node.trust.manifest import Manifest
from exchange_node.trust.trusted_manifest import TrustedManifest
from tests.unit.trust.builders import DAY, NEW_ROOTS, NOW, ROOTS, manifest, root_document, roots, signed

KEYS = (*ROOTS, *NEW_ROOTS)


@dataclass(frozen=True)
class Offer:
    """A manifest that somebody offers: who signed it, and what it says."""

    number: int
    signers: frozenset[int]
    holders: tuple[int, ...]  # of the roots it names
    threshold: int
    federation: str
    issued: int
    lifetime: int
    variant: str

    @property
    def document(self) -> Manifest:
        return manifest(
            self.number,
            federation=self.federation,
            roots=roots(tuple(KEYS[holder] for holder in self.holders), self.threshold),
            issued_at=format_time(NOW + self.issued),
            expires_at=format_time(NOW + self.issued + self.lifetime),
            organisations=[],
            policy_bundles=[{"digest": self.variant * 64, "revision": "1"}],
        )


holders = st.sampled_from([(0, 1, 2), (0, 1, 2), (3, 4, 5), (0, 3)])
offers = holders.flatmap(
    lambda chosen: st.builds(
        Offer,
        number=st.integers(1, 5),
        signers=st.frozensets(st.integers(0, 5), min_size=1) | st.just(frozenset(range(6))),
        holders=st.just(chosen),
        threshold=st.integers(1, len(chosen)),
        federation=st.sampled_from(["fairshire"] * 5 + ["othershire"]),
        issued=st.sampled_from([-60, -60, -60, 120, 121, -2 * DAY]),
        lifetime=st.sampled_from([DAY, 30 * DAY]),
        variant=st.sampled_from("aaab"),
    )
)


@settings(max_examples=250, deadline=None, derandomize=True)
@given(sequence=st.lists(offers, min_size=1, max_size=6), restart=st.booleans())
def test_machine_and_rules_agree(sequence: list[Offer], restart: bool) -> None:
    machine = TrustedManifest.start(root_document())
    trusted: Offer | None = None
    believed, needed = frozenset({0, 1, 2}), 2
    stopped = False
    for offer in sequence:
        here = offer.document
        enough = len(offer.signers & believed) >= needed
        enough_new = len(offer.signers & set(offer.holders)) >= offer.threshold
        same_number = trusted is not None and trusted.number == offer.number
        same = same_number and trusted is not None and trusted.document == here
        signed_well = enough and enough_new and offer.federation == "fairshire"
        stopped = stopped or (signed_well and same_number and not same)
        in_time = offer.issued <= 120 and offer.issued + offer.lifetime > 0
        newer = trusted is None or offer.number > trusted.number
        accepted = not stopped and signed_well and in_time and (newer or same)
        try:
            result = machine.update(signed(here, *(KEYS[signer] for signer in sorted(offer.signers))), NOW)
        except TrustError as error:
            event(error.code)
            assert not accepted
            assert (error.code == "trust.manifest-equivocates") == stopped
        else:
            event("accepted")
            assert accepted
            assert result == here
            trusted, believed, needed = offer, frozenset(offer.holders), offer.threshold
        if restart:
            machine = TrustedManifest.restore(machine.state())
    expected = digest(trusted.document.encode()) if trusted else ""
    assert machine.digest == expected
