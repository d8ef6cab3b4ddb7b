"""A leg's secrets: made fresh, kept sealed under the node's own key, destroyed with the leg."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from exchange_node.encoding.keys import KeyContext, LinkageKey, TokenKey
from exchange_node.messages import MessageError
from exchange_node.methods.method import LinkageMethod
from exchange_node.node import Node
from exchange_node.papers import Case
from exchange_node.store.model import Secret
from exchange_node.trust import sealing
from exchange_node.trust.sealing import SealingKey
from exchange_node.wire.v1 import message_pb2 as pb


class LegKeys:
    """What only this node may know of a leg, by name."""

    def __init__(self, node: Node) -> None:
        self._node = node

    @staticmethod
    def fresh(method: LinkageMethod, sealing_key: SealingKey) -> dict[str, bytes]:
        """What a data party needs for one leg, random and its own."""
        return {
            "sealing": sealing_key.seed,
            "token": TokenKey.fresh().reveal(),
            "part": method.contribution(),
            "spool": secrets.token_bytes(32),
        }

    def sealed(self, request_id: str, provider: str, values: Mapping[str, bytes]) -> list[Secret]:
        """Secrets as they rest."""
        wrap = self._node.vault.wrap
        return [
            Secret(request_id, provider, name, wrap(f"{request_id}/{provider}/{name}", value))
            for name, value in values.items()
        ]

    def get(self, case: Case, name: str) -> bytes:
        """A secret of the leg. Raises MessageError `unexpected` once it is destroyed."""
        sealed = self._node.store.secrets.get(case.ref.request_id, case.ref.provider, name)
        if sealed is None:
            raise MessageError("unexpected", "a key of this request is gone")
        return self._node.vault.unwrap(f"{case.ref.request_id}/{case.ref.provider}/{name}", sealed)

    def has(self, case: Case, name: str) -> bool:
        """Whether the leg has a secret of that name."""
        return self._node.store.secrets.get(case.ref.request_id, case.ref.provider, name) is not None

    def sealing_key(self, case: Case) -> SealingKey:
        """Our HPKE key of this leg."""
        return SealingKey(self.get(case, "sealing"))

    def part(self, case: Case, their_key: bytes) -> pb.Message:
        """[4] Our contribution, sealed to the other data party and bound to the leg and its direction."""
        sealed = sealing.seal(their_key, self.get(case, "part"), part_info(case, True))
        return pb.Message(key_part=pb.KeyPart(sealed=sealed))

    def agree(self, case: Case, method: LinkageMethod, sealed_part: bytes) -> bytes:
        """[4] Open their contribution and derive the pair's key; returns key and key id as they are kept."""
        own = self.get(case, "part")
        theirs = sealing.open(self.sealing_key(case), sealed_part, part_info(case, False))
        parts = (own, theirs) if case.leg.role == "requester" else (theirs, own)
        digest, schema = case.ref.request_digest, case.order.schema_digest
        key = method.agree_key(*parts, KeyContext(digest, case.ref.requester, case.ref.provider, schema))
        try:
            return key.reveal() + key.key_id()
        finally:
            key.destroy()

    def linkage_key(self, case: Case) -> LinkageKey:
        """The pair's key, to be destroyed by whoever asked for it."""
        kept = self.get(case, "linkage-key")
        return LinkageKey(kept[:32], kept[32:])


def part_info(case: Case, ours: bool) -> bytes:
    """What a sealed contribution is bound to. Directions differ, so that a part cannot be sent back."""
    from_requester = (case.leg.role == "requester") == ours
    way = b"requester" if from_requester else b"provider"
    return b"exchange/v1 key part from " + way + b" " + case.ref.request_digest + case.ref.provider.encode()
