"""Hostile answers: a peer that lies in what it answers, or a linkage unit that invents links, ends its request only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from exchange_node.linkage.lists import ROW_BYTES
from exchange_node.wire.v1 import message_pb2 as pb
from tests.e2e.test_simulated_request import results
from tests.hostile import Change, lying, one_round, rows
from tests.simulator import Simulator
from tests.worlds import (
    HOSPITAL,
    LANDLORD,
    RELEASED,
    UNIT,
    ask,
    end_of,
    is_served,
    nothing_left,
    until_ended,
    until_step,
)

# -- answers that lie


def refusing(reasons: list[pb.Reason]) -> pb.Answer:
    return pb.Answer(status=pb.Answer.STATUS_REFUSED, reasons=reasons)


LIES: dict[str, tuple[str, str, Change, str]] = {
    "another sender": (HOSPITAL, "SubmitRequest", lambda m: setattr(m.header, "sender", UNIT), "protocol.wrong-sender"),
    "another request": (
        HOSPITAL, "SubmitRequest",
        lambda m: setattr(m.header, "request_id", "e" * 32),
        "protocol.wrong-leg",
    ),
    "a reason that tells of somebody": (
        HOSPITAL, "SubmitRequest",
        lambda m: m.answer.CopyFrom(refusing([pb.Reason(code="Ada Lovelace, born 1815")])),
        "protocol.malformed",
    ),
    "more reasons than anybody reads": (
        HOSPITAL, "SubmitRequest",
        lambda m: m.answer.CopyFrom(refusing([pb.Reason(code="no", sentence="x" * 1000)] * 300)),
        "protocol.malformed",
    ),
    "another body": (HOSPITAL, "SubmitRequest", lambda m: m.receipt.SetInParent(), "protocol.unexpected"),
    "a weak sealing key": (
        HOSPITAL, "SubmitRequest",
        lambda m: setattr(m.answer, "sealing_key", b"\x01" * 33),
        "trust.",
    ),
    "a key part that is noise": (
        HOSPITAL, "ExchangeKeys",
        lambda m: setattr(m.key_part, "sealed", b"y" * 90),
        "trust.",
    ),
    "links of another digest": (
        UNIT, "CollectLinks",
        lambda m: m.link_list.chunk_digests.__setitem__(0, b"\x01" * 32),
        "protocol.digest-differs",
    ),
    "more chunks of links than rows": (
        UNIT, "CollectLinks",
        lambda m: m.link_list.chunk_digests.append(b"\x01" * 32),
        "protocol.too-large",
    ),
    "a precision above one": (
        UNIT, "CollectLinks",
        lambda m: setattr(m.link_list, "precision_bp", 10_001),
        "protocol.malformed",
    ),
    "a precision that is not the requester's to know": (
        UNIT, "CollectLinks",
        lambda m: setattr(m.link_list, "precision_bp", 9_900 if m.header.recipient == LANDLORD else 10_000),
        "protocol.malformed",
    ),
    "more chunks of the release than its size": (
        HOSPITAL, "CollectRelease",
        lambda m: m.release.chunk_digests.append(b"\x01" * 32),
        "protocol.too-large",
    ),
    "a release of another size": (
        HOSPITAL, "CollectRelease",
        lambda m: setattr(m.release, "size", m.release.size + 1),
        "protocol.malformed",
    ),
    "a release with more rows": (
        HOSPITAL, "CollectRelease",
        lambda m: setattr(m.release, "capacity", 500),
        "protocol.malformed",
    ),
    "a release with other columns": (
        HOSPITAL, "CollectRelease",
        lambda m: setattr(m.release, "columns_digest", b"\x01" * 32),
        "protocol.malformed",
    ),
    "a release of another digest": (
        HOSPITAL, "CollectRelease",
        lambda m: setattr(m.release, "digest", b"\x01" * 32),
        "protocol.digest-differs",
    ),
    "a chunk of another digest": (
        HOSPITAL, "CollectRelease",
        lambda m: m.release.chunk_digests.__setitem__(0, b"\x01" * 32),
        "protocol.digest-differs",
    ),
    "one chunk fewer": (HOSPITAL, "CollectRelease", lambda m: m.release.ClearField("chunk_digests"), "trust."),
}  # fmt: skip


@pytest.mark.parametrize("name", LIES)
async def test_an_answer_that_lies_ends_the_request(world: Simulator, name: str) -> None:
    org, method, change, code = LIES[name]
    lying(world, org, method, change)
    request = await ask(world)
    await until_ended(world, request)
    assert world.state(LANDLORD, request) in ("refused", "failed")
    assert str(end_of(world, LANDLORD, request)["reason"]).startswith(code), end_of(world, LANDLORD, request)
    assert world.nodes[LANDLORD].store.results.list(request) == []
    world.network.on_reply = None
    await is_served(world)
    nothing_left(world)


async def test_release_chunks_that_were_changed_on_the_way(world: Simulator) -> None:
    def changed(peer: str, method: str, reply: bytes) -> bytes:
        # Sealed bytes are random: a fixed last byte would be the one that is there already once in 256 runs.
        return reply[:-1] + bytes([reply[-1] ^ 1]) if method == "FetchReleaseChunk" else reply

    world.network.on_reply = changed
    request = await ask(world)
    await until_ended(world, request)
    assert end_of(world, LANDLORD, request)["reason"] == "protocol.digest-differs"
    assert world.nodes[LANDLORD].store.results.list(request) == []


# -- a linkage unit that invents links


def first_token(data: bytes) -> bytes:
    changed = rows(data)
    changed[0] = bytes(16) + changed[0][16:]
    return b"".join(changed)


INVENTED: dict[str, tuple[str, Callable[[bytes], bytes], str, str]] = {
    "an unknown token": ("provider_list", first_token, HOSPITAL, "linkage.unknown-token"),
    "a token twice": (
        "provider_list",
        lambda d: b"".join(rows(d)[:1] + rows(d)[:-1]),
        HOSPITAL, "linkage.not-one-to-one",
    ),
    "a link id twice": (
        "provider_list",
        lambda d: b"".join(r[:16] + d[16:32] for r in rows(d)),
        HOSPITAL, "linkage.not-one-to-one",
    ),
    "half a row": ("provider_list", lambda d: d[:-5], HOSPITAL, "linkage."),
    "more links than rows": (
        "provider_list",
        lambda d: b"".join(n.to_bytes(16, "big") * 2 for n in range(30_000)),
        HOSPITAL, "linkage.too-many-links",
    ),
    "link ids of nobody": (
        "provider_list",
        lambda d: b"".join(r[:16] + b"\x09" * 15 + bytes([n]) for n, r in enumerate(rows(d))),
        LANDLORD, "release.unknown-link",
    ),
    "a row missing": ("requester_list", lambda d: d[ROW_BYTES:], LANDLORD, "linkage.list-rows"),
    "a row too many": ("requester_list", lambda d: d + b"\xff" * ROW_BYTES, LANDLORD, "linkage.list-rows"),
    "a row of somebody else": ("requester_list", first_token, LANDLORD, "linkage.foreign-rows"),
    "one link id for all": (
        "requester_list",
        lambda d: b"".join(r[:16] + bytes(16) for r in rows(d)),
        LANDLORD, "linkage.not-one-to-one",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", INVENTED)
async def test_a_linkage_unit_that_invents_links(world: Simulator, name: str) -> None:
    field, change, victim, code = INVENTED[name]
    unit = world.network.exchanges[UNIT]
    disclose = unit.node.methods["clk-linkage-unit"].disclose

    class Inventing:
        """The method, with one list changed."""

        def __getattr__(self, name: str) -> Any:
            return getattr(method, name)

        def disclose(self, *arguments: Any) -> Any:
            honest = disclose(*arguments)
            changed: dict[str, Any] = {field: change(getattr(honest, field))}
            return replace(honest, **changed)

    method = unit.node.methods["clk-linkage-unit"]
    unit.node.methods = {"clk-linkage-unit": Inventing()}  # type: ignore[dict-item]
    request = await ask(world)
    await until_ended(world, request)
    assert str(end_of(world, victim, request)["reason"]).startswith(code), end_of(world, victim, request)
    assert world.nodes[LANDLORD].store.results.list(request) == []
    unit.node.methods = {"clk-linkage-unit": method}
    await is_served(world)
    nothing_left(world)


async def test_one_acknowledgement_deletes_nothing(world: Simulator) -> None:
    """A party that says it has its list speaks for itself alone: the other's is kept for it."""
    request = await ask(world)
    await until_step(world, request, UNIT, 7)
    world.network.down.add(HOSPITAL)
    await world.run(lambda: (LANDLORD, UNIT, "AcknowledgeLinks") in world.network.calls)
    await one_round(world)
    assert [leg.step for leg in world.nodes[UNIT].store.legs.list(request)] == [7]
    world.network.down.clear()
    await until_ended(world, request)
    assert {key for key, value in results(world, request).items() if value == "high"} == RELEASED
