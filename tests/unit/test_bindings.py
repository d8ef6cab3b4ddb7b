"""What seals and signatures are bound to: nothing made for one leg, way or kind of document serves for another."""

from __future__ import annotations

from itertools import permutations
from types import SimpleNamespace
from typing import Any

import pytest

from exchange_node.agreements import AGREEMENT_TYPE
from exchange_node.legkeys import part_info
from exchange_node.messages import MESSAGE_TYPE, LegRef
from exchange_node.releases import info_of
from exchange_node.trust.errors import TrustError
from exchange_node.trust.join import JOIN_TYPE
from exchange_node.trust.manifest import MANIFEST_TYPE
from exchange_node.trust.sealing import SealingKey, open, seal
from exchange_node.trust.signing import SigningKey, sign, verify


def case(role: str = "requester", digest: bytes = b"\x01" * 32, provider: str = "castle-nhs") -> Any:
    ref = LegRef("0" * 32, digest, "northgate-homes", provider)
    return SimpleNamespace(leg=SimpleNamespace(role=role), ref=ref)


def test_a_seal_is_bound_to_leg_way_and_content() -> None:
    infos = []
    for leg in ({}, {"digest": b"\x02" * 32}, {"provider": "riverside-care"}):
        ours, theirs = case("requester", **leg), case("provider", **leg)
        assert part_info(ours, True) == part_info(theirs, False)
        assert part_info(ours, False) == part_info(theirs, True)
        infos += [part_info(ours, True), part_info(ours, False), info_of(ours)]
        assert info_of(ours) == info_of(theirs)
    assert len(set(infos)) == len(infos)
    key = SealingKey.generate()
    for made, asked in permutations(infos, 2):
        with pytest.raises(TrustError, match="cannot-open"):
            open(key, seal(key.public, b"part", made), asked)


def test_a_signature_is_of_one_kind_of_document() -> None:
    key, kinds = SigningKey.generate(), (MESSAGE_TYPE, AGREEMENT_TYPE, MANIFEST_TYPE, JOIN_TYPE)
    for made, asked in permutations(kinds, 2):
        with pytest.raises(TrustError, match="bad-signature"):
            verify(asked, b"{}", sign(made, b"{}", key), key.verify_key)
