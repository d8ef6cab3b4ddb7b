"""The method as the spine uses it: two data parties, a linkage unit, and what each of them ends up with."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import pytest

from exchange_node.encoding.encode import Encoded
from exchange_node.encoding.errors import EncodingError
from exchange_node.encoding.schema import WEIGHTED_SCHEMA, LinkageSchema, load_schema
from exchange_node.encoding.tokens import find_tokens
from exchange_node.linkage.encodings import Encodings
from exchange_node.linkage.errors import LinkageError
from exchange_node.methods import linkage_methods
from exchange_node.methods.method import Disclosure, LinkageMethod, Topology
from tests.made_up_people import SCHEMA, into, key, order, token_key, two_registers

METHOD = linkage_methods()["clk-linkage-unit"]
SEED = bytes(range(32))


@dataclass
class Leg:
    """Steps 5 to 7 of one leg in one place."""

    shared: int = 600
    count_mode: str = "exact"
    threshold_bp: int = 7600
    schema: LinkageSchema = SCHEMA
    encoded: list[Encoded] = field(default_factory=list)
    chunks: list[list[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.order = order(threshold_bp=self.threshold_bp, count_mode=self.count_mode, schema_digest=self.schema.digest)
        self.left, self.right = two_registers(1000, 1200, self.shared, seed=4)
        for records, letter in ((self.left, "a"), (self.right, "b")):
            chunks: list[bytes] = []
            self.chunks.append(chunks)
            self.encoded.append(
                METHOD.encode(
                    records,
                    key(),
                    token_key(letter),
                    self.order,
                    10_000,
                    into(chunks),
                )
            )

    @classmethod
    @cache
    def of(cls, shared: int = 600, count_mode: str = "exact") -> Leg:
        """One that was made before: nothing in it is changed by a test."""
        return cls(shared, count_mode)

    def encodings(self) -> list[Encodings]:
        sides = zip(self.chunks, self.encoded, strict=True)
        return [METHOD.accept(chunks, encoded.summary, self.order, 10_000) for chunks, encoded in sides]

    def disclose(self) -> Disclosure:
        requester, provider = self.encodings()
        return METHOD.disclose(METHOD.link(requester, provider, self.order), requester.rows, "provider-decides", SEED)

    def provider_links(self, data: bytes) -> dict[str, bytes]:
        ids = [person.local_id for person in self.right]
        return METHOD.read_provider_list(data, token_key("b"), ids, self.encoded[1].summary.rows, self.order)


@pytest.mark.parametrize("count_mode", ["exact", "size-class"])
@pytest.mark.parametrize("schema", [SCHEMA, load_schema(WEIGHTED_SCHEMA)], ids=lambda schema: schema.name)
def test_from_records_to_people_linked_on_both_sides(schema: LinkageSchema, count_mode: str) -> None:
    leg = Leg.of(600, count_mode) if schema is SCHEMA else Leg(600, count_mode, 7600, schema)
    disclosure = leg.disclose()
    ours = leg.encoded[0]
    requester = METHOD.read_requester_list(disclosure.requester_list, ours.summary.rows, ours.tokens_digest)
    provider = leg.provider_links(disclosure.provider_list)
    tokens = requester.tokens_of(provider.values())
    owners = find_tokens(
        token_key("a"), [person.local_id for person in leg.left], set(tokens.values()), ours.summary.rows
    )
    pairs = {(owners[tokens[link_id]], local_id) for local_id, link_id in provider.items()}
    right = sum(a is not None and a[1:] == b[1:] and int(a[1:]) < 600 for a, b in pairs)
    assert right >= 0.95 * len(pairs)
    assert right >= 0.9 * 600
    assert len(requester) == ours.summary.rows == 1000
    assert disclosure.links >= len(provider) > 0


def test_the_requesters_list_says_nothing_about_who_linked() -> None:
    """With everyone linked, and with nobody: the same rows, the same size, and ids that tell nothing."""
    somebody, nobody = Leg.of().disclose(), Leg.of(0).disclose()
    assert somebody.links > 500 > nobody.links
    assert len(somebody.requester_list) == len(nobody.requester_list)
    assert somebody.requester_list[16::32] == nobody.requester_list[16::32]  # the seed alone decides the ids


def test_the_provider_gets_its_own_linked_rows_and_nothing_else() -> None:
    leg = Leg.of()
    disclosure = leg.disclose()
    sent = {row[:16] for row in _rows(leg.chunks[1], 144)}
    listed = [row[:16] for row in _rows([disclosure.provider_list], 32)]
    assert len(listed) == disclosure.links < len(sent)
    assert set(listed) <= sent
    requester_tokens = {row[:16] for row in _rows(leg.chunks[0], 144)}
    assert not any(token in disclosure.provider_list for token in requester_tokens)
    assert not any(token in disclosure.requester_list for token in sent)


def _rows(chunks: list[bytes], width: int) -> list[bytes]:
    packed = b"".join(chunks)
    return [packed[at : at + width] for at in range(0, len(packed), width)]


def test_a_killed_unit_gives_the_same_lists_again() -> None:
    assert Leg.of().disclose() == Leg().disclose()


def test_a_link_to_padding_is_dropped_and_an_invented_one_refused() -> None:
    leg = Leg.of(600, "size-class")
    ids = [person.local_id for person in leg.right]
    rows = _rows(leg.chunks[1], 144)
    assert len(rows) == 2000
    owners = find_tokens(token_key("b"), ids, {row[:16] for row in rows}, 2000)
    padding = next(row[:16] for row in rows if owners[row[:16]] is None)
    assert leg.provider_links(padding + b"i" * 16) == {}
    person = next(row[:16] for row in rows if owners[row[:16]] is not None)
    assert leg.provider_links(person + b"i" * 16) == {owners[person]: b"i" * 16}
    with pytest.raises(LinkageError) as caught:
        leg.provider_links(b"invented token!!" + b"i" * 16)
    assert caught.value.code == "linkage.unknown-token"


def test_unknown_schemas_modes_and_wrong_row_counts_are_refused() -> None:
    leg = Leg.of()
    requester, provider = leg.encodings()
    result = METHOD.link(requester, provider, leg.order)
    for attempt, code in (
        (lambda: METHOD.disclose(result, 1000, "blind", SEED), "linkage.unknown-mode"),
        (lambda: METHOD.disclose(result, 999, "provider-decides", SEED), "linkage.bad-count"),
        (
            lambda: METHOD.accept([], leg.encoded[0].summary, order(schema_digest=b"x" * 32), 10),
            "linkage.wrong-schema",
        ),
        (
            lambda: METHOD.accept(leg.chunks[0], leg.encoded[0].summary, leg.order, 999),
            "linkage.too-many-rows",
        ),
    ):
        with pytest.raises(LinkageError) as caught:
            attempt()
        assert caught.value.code == code
    with pytest.raises(EncodingError) as refused:
        METHOD.encode([], key(), token_key("a"), order(schema_digest=b"x" * 32), 10, lambda _, chunk: None)
    assert refused.value.code == "encoding.unknown-schema"


def test_the_encoder_is_chosen_by_name_and_gives_the_same_bytes() -> None:
    chunks: list[bytes] = []
    by_clkhash = linkage_methods(encoder="clkhash")["clk-linkage-unit"]
    leg = Leg.of()
    encoded = by_clkhash.encode(leg.left, key(), token_key("a"), leg.order, 10_000, into(chunks))
    assert (encoded.encoder, leg.encoded[0].encoder) == ("clkhash", "native")
    assert (encoded.summary, chunks) == (leg.encoded[0].summary, leg.chunks[0])
    with pytest.raises(EncodingError) as caught:
        linkage_methods(encoder="fastest")
    assert caught.value.code == "encoding.no-encoder"


def test_two_keys_are_noticed_before_anything_is_compared() -> None:
    leg = Leg.of()
    chunks: list[bytes] = []
    other = METHOD.encode(leg.right, key("two"), token_key("b"), leg.order, 10_000, into(chunks))
    with pytest.raises(LinkageError) as caught:
        METHOD.link(leg.encodings()[0], METHOD.accept(chunks, other.summary, leg.order, 10_000), leg.order)
    assert caught.value.code == "linkage.not-comparable"


def test_an_empty_cohort_goes_the_whole_way() -> None:
    encoded = METHOD.encode([], key(), token_key("a"), order(), 10, lambda _, chunk: None)
    requester = METHOD.accept([], encoded.summary, order(), 10)
    leg = Leg.of()
    result = METHOD.link(requester, leg.encodings()[1], leg.order)
    disclosure = METHOD.disclose(result, 0, "provider-decides", SEED)
    assert (disclosure.requester_list, disclosure.provider_list, disclosure.links) == (b"", b"", 0)
    assert len(METHOD.read_requester_list(b"", 0, encoded.tokens_digest)) == 0
    assert leg.provider_links(b"") == {}


def test_no_identifier_leaves_in_chunks_or_lists() -> None:
    """In clear, and as an unkeyed hash: neither may be found."""
    import hashlib

    leg = Leg.of()
    disclosure = leg.disclose()
    everything = b"".join([*leg.chunks[0], *leg.chunks[1], disclosure.requester_list, disclosure.provider_list])
    for person in [*leg.left[:100], *leg.right[:100]]:
        for value in (person.local_id, *person.fields.values()):
            if len(value) > 3:
                assert value.encode() not in everything
            for name in ("md5", "sha1", "sha256"):
                assert hashlib.new(name, value.encode()).digest()[:8] not in everything


def test_every_method_says_what_each_role_learns() -> None:
    for name, method in linkage_methods().items():
        checked: LinkageMethod = method
        assert checked.name == name
        assert checked.topology in Topology
        assert set(checked.leaks) == {"requester", "provider", "linkage"}
        assert all(checked.leaks.values())


def test_signed_messages_can_be_passed_as_they_are() -> None:
    """The order and the manifest of the wire contract have the shape that the method reads."""
    from exchange_node.wire.v1 import message_pb2 as pb

    leg = Leg.of()
    wire_order = pb.LinkageOrder(
        schema_digest=SCHEMA.digest,
        threshold_bp=7600,
        max_links=1200,
        count_mode="exact",
        disclosure_mode="provider-decides",
    )
    sides = []
    for encoded, chunks, records, letter in zip(leg.encoded, leg.chunks, (leg.left, leg.right), "ab", strict=True):
        again = METHOD.encode(records, key(), token_key(letter), wire_order, 1200, lambda _, chunk: None)
        assert again == encoded
        names = ("rows", "row_width", "schema_digest", "key_id", "chunk_digests")
        popcounts = ("popcount_min", "popcount_mean_milli", "popcount_max")
        manifest = pb.EncodingManifest(**{name: getattr(again.summary, name) for name in (*names, *popcounts)})
        sides.append(
            METHOD.accept(chunks, pb.EncodingManifest.FromString(manifest.SerializeToString()), wire_order, 1200)
        )
    result = METHOD.link(sides[0], sides[1], wire_order)
    assert METHOD.disclose(result, 1000, wire_order.disclosure_mode, SEED) == leg.disclose()
