"""Bulk data of a leg: encodings on their way to the linkage unit, link lists on their way back, sealed releases.

All of it travels as chunks whose digests stand in a signed message, so that every chunk can be checked before it is
kept, and fetched or sent again after a break. At rest every chunk is encrypted: at a data party under a key that is
destroyed with the leg's secrets, at a linkage unit under one that is in the memory of this process alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from exchange_node.casework import Casework
from exchange_node.encoding.keys import TokenKey
from exchange_node.messages import MessageError, sha256
from exchange_node.methods.method import Encoded, Encodings
from exchange_node.papers import Case
from exchange_node.records.model import StandardRecord
from exchange_node.trust.vault import EphemeralKey, Vault
from exchange_node.wire.v1 import message_pb2 as pb
from exchange_node.wire.v1 import node_pb2 as rpc

CHUNK = 1_000_000  # bytes, below the limit of a message
MISSING_AT_ONCE = 1024


def links_of(party: str) -> str:
    """The parcel with a party's link list. No id of an organisation has a dot: its encodings are another parcel."""
    return f"{party}.links"


def release_of(provider: str) -> str:
    """The parcel with the sealed release."""
    return f"{provider}.release"


class Parcels:
    """Chunks of a leg in the spool of this node. `party` says whose: an organisation's encodings, list or release."""

    def __init__(self, work: Casework) -> None:
        self._work = work
        self._node = work.node

    # -- at rest

    def put(self, case: Case, party: str, index: int, data: bytes) -> None:
        """Keep one chunk, encrypted. Raises StoreError `quota`, `cannot-write`."""
        name = f"{case.ref.request_id}/{case.ref.provider}/{party}/{index}"
        sealed = self._key(case).wrap(name, data)
        self._node.store.spool.put(case.ref.request_id, case.ref.provider, party, index, sealed)

    def get(self, case: Case, party: str, index: int) -> bytes:
        """One chunk. Raises MessageError `chunk-gone`, TrustError `cannot-unwrap`."""
        name = f"{case.ref.request_id}/{case.ref.provider}/{party}/{index}"
        sealed = self._node.store.spool.get(case.ref.request_id, case.ref.provider, party, index)
        if sealed is None:
            raise MessageError("chunk-gone", f"chunk {index}")
        return self._key(case).unwrap(name, sealed)

    def put_all(self, case: Case, party: str, pieces: Iterable[bytes]) -> list[bytes]:
        """Replace a parcel by these pieces, cut to chunks; returns the chunks' digests."""
        self.drop(case, party)
        digests = []
        for index, chunk in enumerate(_cut(pieces)):
            self.put(case, party, index, chunk)
            digests.append(sha256(chunk))
        return digests

    def read(self, case: Case, party: str) -> Iterator[bytes]:
        """The chunks of a parcel in order."""
        for index in self.indexes(case, party):
            yield self.get(case, party, index)

    def indexes(self, case: Case, party: str) -> list[int]:
        """Which chunks of a parcel are here."""
        return sorted(self._node.store.spool.indexes(case.ref.request_id, case.ref.provider, party))

    def drop(self, case: Case, party: str | None = None) -> int:
        """Delete a parcel, or all of the leg's; returns the number of chunks."""
        return self._node.store.spool.delete(case.ref.request_id, case.ref.provider, party)

    def _key(self, case: Case) -> Vault | EphemeralKey:
        if case.leg.role == "linkage":
            return self._node.memory_key
        return Vault(self._work.keys.get(case, "spool"))

    # -- [5] a data party's encodings

    def encode(self, case: Case, records: Iterable[StandardRecord]) -> tuple[pb.EncodingManifest, Encoded]:
        """Encode people into our parcel; returns what is to be signed about it, and the figures for us alone."""
        own = self._node.org
        self.drop(case, own)
        key, token_key = self._work.keys.linkage_key(case), TokenKey(self._work.keys.get(case, "token"))
        try:
            encoded = self._work.method(case).encode(
                records, key, token_key, case.order, cap_of(case.order, own),
                lambda index, chunk: self.put(case, own, index, chunk), self._node.store.spool.directory,
            )  # fmt: skip
        finally:
            key.destroy()
            token_key.destroy()
        summary = encoded.summary
        manifest = pb.EncodingManifest(
            schema_digest=summary.schema_digest,
            key_id=summary.key_id,
            rows=summary.rows,
            row_width=summary.row_width,
            chunk_digests=summary.chunk_digests,
            popcount_mean_milli=summary.popcount_mean_milli,
            popcount_min=summary.popcount_min,
            popcount_max=summary.popcount_max,
        )
        return manifest, encoded

    async def upload(self, case: Case, missing: Sequence[int]) -> None:
        """Send the chunks that the linkage unit misses. Raises PeerUnavailable, PeerRefused."""
        for index in missing:
            chunk = rpc.Chunk(ref=self._ref(case, index), data=self.get(case, self._node.org, index))
            await self._node.peers.put_chunk(case.linkage_unit, chunk)

    # -- [5-7] at the linkage unit

    def claim(self, case: Case, party: str) -> pb.EncodingManifest | None:
        """What a data party signed about its encodings, if it has announced any."""
        offer = self._work.post.found(case.ref, "received", party, "OfferEncodings", "encoding_manifest")
        return offer.encoding_manifest if offer else None

    def missing(self, case: Case, party: str) -> list[int]:
        """Announced chunks that are not here."""
        claim = self.claim(case, party)
        if claim is None:
            return []
        here = set(self.indexes(case, party))
        return [index for index in range(len(claim.chunk_digests)) if index not in here]

    def complete(self, case: Case) -> bool:
        """Whether everything that both parties announced is here."""
        parties = (case.ref.requester, case.ref.provider)
        return all(self.claim(case, party) is not None and not self.missing(case, party) for party in parties)

    def take(self, case: Case, party: str, index: int, data: bytes) -> None:
        """Check one chunk of encodings against the signed digest and keep it. Raises MessageError."""
        claim = self.claim(case, party)
        if claim is None or index >= len(claim.chunk_digests):
            raise MessageError("unexpected", "a chunk that was not announced")
        if sha256(data) != claim.chunk_digests[index]:
            raise MessageError("digest-differs", f"chunk {index}")
        if index not in self.indexes(case, party):
            self.put(case, party, index, data)

    def encodings(self, case: Case, party: str) -> Encodings:
        """A party's encodings, strictly checked against its claim. Raises LinkageError."""
        claim = self.claim(case, party)
        if claim is None:
            raise MessageError("unexpected", "no encodings were announced")
        cap = cap_of(case.order, party)
        return self._work.method(case).accept(self.read(case, party), claim, case.order, cap)

    # -- [7, 8] what is fetched from others

    async def fetch(self, case: Case, peer: str, method: str, party: str, digests: Sequence[bytes], size: int) -> None:
        """Fetch a parcel, chunk by chunk, going on where a break left off.

        Raises MessageError `digest-differs`; `too-large` for more than the `size` bytes that it can have, so that
        nobody fills our disk before the whole is looked at.
        """
        if len(digests) > -(-size // CHUNK):
            raise MessageError("too-large", f"{len(digests)} chunks for {size} bytes")
        here = set(self.indexes(case, party))
        for index, digest in enumerate(digests):
            if index in here:
                continue
            data = await self._node.peers.fetch_chunk(peer, method, self._ref(case, index))
            if len(data) > CHUNK:
                raise MessageError("too-large", f"chunk {index}")
            if sha256(data) != digest:
                raise MessageError("digest-differs", f"chunk {index}")
            self.put(case, party, index, data)

    def _ref(self, case: Case, index: int) -> rpc.ChunkRef:
        ref = case.ref
        return rpc.ChunkRef(request_id=ref.request_id, requester=ref.requester, provider=ref.provider, index=index)


def cap_of(order: pb.LinkageOrder, party: str) -> int:
    """The most rows that a party may encode."""
    return order.max_requester_rows if party == order.requester else order.max_provider_rows


def _cut(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in chunks of `CHUNK`, the last one shorter; nothing gives no chunk."""
    buffer = bytearray()
    for piece in pieces:
        buffer += piece
        while len(buffer) >= CHUNK:
            yield bytes(buffer[:CHUNK])
            del buffer[:CHUNK]
    if buffer:
        yield bytes(buffer)
