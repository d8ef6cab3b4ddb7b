"""Hostile circumstances: members suspended and manifests swapped on the way, quotas, logs that were rewritten, peers
that keep us busy or asleep.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from exchange_node import papers
from exchange_node.agreements import AgreementError
from exchange_node.audit.errors import AuditError
from exchange_node.desk.desk import Desk
from exchange_node.errors import ExchangeError
from exchange_node.messages import MessageError, sha256
from exchange_node.trust.errors import TrustError
from exchange_node.trust.signing import SigningKey
from exchange_node.wire.v1 import message_pb2 as pb
from exchange_node.wire.v1 import node_pb2 as rpc
from tests.hostile import one_round, resigned, without
from tests.simulator import ANALYST, Simulator
from tests.worlds import (
    HOSPITAL,
    LANDLORD,
    UNIT,
    ask,
    end_of,
    entries,
    is_served,
    nothing_left,
    nothing_released,
    refused_calls,
    until_ended,
    until_step,
)

# -- trust that changes while a request is on its way


@pytest.mark.parametrize(("org", "at", "step"), [(LANDLORD, HOSPITAL, 5), (HOSPITAL, HOSPITAL, 8), (UNIT, LANDLORD, 5)])
async def test_a_member_suspended_on_the_way(world: Simulator, org: str, at: str, step: int) -> None:
    request = await ask(world)
    await until_step(world, request, at, step)
    world.publish(organisations=without(world, org, status="suspended"))
    for _ in range(20):
        await one_round(world)
    assert world.state(LANDLORD, request) != "done"
    nothing_released(world, request)
    with pytest.raises(ExchangeError, match=r"suspended|agreement\.unsigned"):
        await ask(world)
    world.publish()
    world.time.now += 72 * 3600  # those who were not told, or did not listen, end it at its deadline
    await until_ended(world, request)
    await is_served(world)


@pytest.mark.parametrize(("org", "at", "step"), [(LANDLORD, LANDLORD, 4), (HOSPITAL, HOSPITAL, 8), (UNIT, LANDLORD, 5)])
async def test_a_signing_key_revoked_on_the_way(world: Simulator, org: str, at: str, step: int) -> None:
    request = await ask(world)
    await until_step(world, request, at, step)
    (key,) = world.joins[org].organisation.signing_keys
    revoked = key.model_copy(update={"revoked_at": int(world.time.now)})
    world.publish(organisations=without(world, org, signing_keys=(revoked,)))
    await world.run(lambda: world.ended(request, [LANDLORD]))
    assert world.state(LANDLORD, request) == "refused"
    assert end_of(world, LANDLORD, request)["reason"] == "trust.key-revoked"
    nothing_released(world, request)
    if org != UNIT:  # its signature under the agreement counts no longer
        with pytest.raises(AgreementError) as error:
            await ask(world)
        assert error.value.code == "agreement.unsigned"
    world.publish()
    world.time.now += 72 * 3600  # those who were not told, or did not listen, end it at its deadline
    await until_ended(world, request)
    await is_served(world)


async def test_two_manifests_under_one_number_stop_the_node(world: Simulator) -> None:
    request = await ask(world)
    await until_step(world, request, HOSPITAL, 8)
    world.publish()
    world.number -= 1
    other = world.manifest(organisations=without(world, UNIT, status="suspended"))
    desk, envelope = Desk(world.network.exchanges[HOSPITAL]), other.sign(*world.roots[:2]).encode()
    with pytest.raises(TrustError) as error:
        await desk.accept_manifest(ANALYST, {"envelope": envelope.decode()})
    assert error.value.code == "trust.manifest-equivocates"
    (refused,) = [entry.facts for entry in entries(world, HOSPITAL) if entry.action == "manifest.refused"]
    assert refused == {"file": sha256(envelope).hex(), "code": "trust.manifest-equivocates"}
    assert (await desk.node_status(ANALYST, {}))["manifest"]["problem"] == "trust.manifest-equivocates"
    await world.run(lambda: world.ended(request, [LANDLORD]))
    assert end_of(world, LANDLORD, request)["reason"] == "trust.manifest-equivocates"
    nothing_released(world, request)
    close(world, HOSPITAL)
    world.open(HOSPITAL)  # for good: a restart does not forget it
    with pytest.raises(TrustError, match="equivocates"):
        world.network.exchanges[HOSPITAL].manifest()


@pytest.mark.parametrize("keys", [0, 1])
async def test_a_manifest_that_too_few_roots_signed_is_not_swapped_in(world: Simulator, keys: int) -> None:
    request = await ask(world)
    await until_step(world, request, HOSPITAL, 5)
    forged = world.manifest().sign(*world.roots[:keys], SigningKey.generate()).encode()
    for node in world.nodes.values():
        with pytest.raises(TrustError):
            node.federation.accept(forged, int(world.time.now))
    await until_ended(world, request)
    assert world.state(LANDLORD, request) == "done"


async def test_a_manifest_that_one_node_has_first_is_waited_for(world: Simulator) -> None:
    request = await ask(world)
    await until_step(world, request, LANDLORD, 4)
    envelope = world.manifest().sign(*world.roots[:2]).encode()
    world.nodes[LANDLORD].federation.accept(envelope, int(world.time.now))
    for _ in range(10):
        await one_round(world)
    assert world.state(LANDLORD, request) == "open"
    assert (LANDLORD, "protocol.manifest-differs") in refused_calls(world, HOSPITAL)
    for node in world.nodes.values():
        node.federation.accept(envelope, int(world.time.now))
    await until_ended(world, request)
    assert world.state(LANDLORD, request) == "done"


# -- quotas


async def test_a_peer_over_its_quota_of_requests(world: Simulator) -> None:
    node = world.nodes[HOSPITAL]
    node.config = node.config.model_copy(update={"quota": node.config.quota.model_copy(update={"open_requests": 1})})
    first, second = await ask(world), await ask(world)
    await until_ended(world, first)
    await until_ended(world, second)
    assert sorted(world.state(LANDLORD, request) for request in (first, second)) == ["done", "refused"]
    assert (LANDLORD, "protocol.over-quota") in refused_calls(world, HOSPITAL)
    await is_served(world)


async def test_a_peer_over_its_quota_of_disk(world: Simulator) -> None:
    spool = world.nodes[UNIT].store.spool
    spool._limit, limit = 1000, spool._limit
    request = await ask(world)
    await until_ended(world, request)
    assert world.state(LANDLORD, request) == "refused"
    assert "store.quota" in {code for _, code in refused_calls(world, UNIT)}
    nothing_released(world, request)
    spool._limit = limit
    await is_served(world)
    nothing_left(world)


# -- a log that was rewritten


async def test_an_older_log_put_in_its_place_is_not_continued(world: Simulator, tmp_path: Path) -> None:
    home = world.home(LANDLORD)
    close(world, LANDLORD)
    shutil.copytree(home.audit, tmp_path / "older")
    world.open(LANDLORD)
    await is_served(world)
    close(world, LANDLORD)
    shutil.rmtree(home.audit)
    shutil.copytree(tmp_path / "older", home.audit)
    with pytest.raises(AuditError) as error:
        world.open(LANDLORD)
    assert error.value.code == "audit.rolled-back"


@pytest.mark.parametrize(
    ("code", "later", "reopened"),
    [
        ("audit.rolled-back", 0, False),  # its peer cannot tell yet, but asks for a proof that it cannot give
        ("audit.shrunk", 130, False),
        ("audit.shrunk", 250, True),
        ("audit.forked", 0, False),
    ],
)
async def test_an_older_home_put_in_its_place_is_noticed_by_everyone(
    world: Simulator, tmp_path: Path, code: str, later: int, reopened: bool
) -> None:
    """With its database too, the node itself cannot tell; those who hold its checkpoints can."""
    regrown = code == "audit.forked"
    home = world.home(LANDLORD)
    close(world, LANDLORD)
    shutil.copytree(home.path, tmp_path / "older")
    world.open(LANDLORD)
    await is_served(world)
    close(world, LANDLORD)
    shutil.rmtree(home.path)
    shutil.copytree(tmp_path / "older", home.path)
    world.open(LANDLORD)
    if regrown:
        world.network.down.add(LANDLORD)
        for _ in range(30):
            await ask(world)
        await one_round(world)
        exchange = world.network.exchanges[LANDLORD]
        for leg in world.nodes[LANDLORD].store.legs.due(exchange.now()):
            case = exchange.case_at(leg.request_id, leg.provider, "requester")
            exchange.move(case, await exchange.sign(case))
        world.network.down.clear()
    if reopened:
        close(world, HOSPITAL)
        world.open(HOSPITAL)
    world.time.now += later
    request = await ask(world)
    await world.run(lambda: world.ended(request, [LANDLORD]))
    assert end_of(world, LANDLORD, request)["reason"] == code
    assert code == "audit.rolled-back" or (LANDLORD, code) in refused_calls(world, HOSPITAL)
    assert world.state(HOSPITAL, request) == "unknown"
    nothing_released(world, request)


def close(world: Simulator, org: str) -> None:
    world.nodes[org].close()


async def test_an_answer_under_a_log_that_lost_entries(world: Simulator, tmp_path: Path) -> None:
    """The other way round: the provider's log was put back, and the requester hears it in the answer."""
    home = world.home(HOSPITAL)
    close(world, HOSPITAL)
    shutil.copytree(home.path, tmp_path / "older")
    world.open(HOSPITAL)
    await is_served(world)
    close(world, HOSPITAL)
    shutil.rmtree(home.path)
    shutil.copytree(tmp_path / "older", home.path)
    world.open(HOSPITAL)
    world.time.now += 130
    request = await ask(world)
    await world.run(lambda: world.ended(request, [LANDLORD]))
    assert end_of(world, LANDLORD, request)["reason"] == "audit.shrunk"
    nothing_released(world, request)


# -- peers that keep us busy, or asleep


@pytest.mark.parametrize("milliseconds", [0, 2**32 - 1])
async def test_a_peer_that_says_when_to_come_again(world: Simulator, milliseconds: int) -> None:
    """Not at once and over again, and not after the deadline: until then our keys would stay."""

    def wait(peer: str, method: str, reply: Any) -> Any:
        if method != "SubmitRequest":
            return reply
        return resigned(world, peer, reply, lambda m: m.wait.CopyFrom(pb.Wait(milliseconds=milliseconds, state="no")))

    world.network.on_reply = wait
    request = await ask(world)
    await until_step(world, request, LANDLORD, 3)
    await one_round(world)
    leg = world.nodes[LANDLORD].store.legs.get(request, HOSPITAL)
    assert leg is not None and leg.step == 3
    assert world.time.now <= leg.next_at <= leg.deadline and leg.next_at > world.time.now - 1
    world.time.now = leg.deadline
    await until_ended(world, request)
    assert world.state(LANDLORD, request) == "expired"
    nothing_left(world)


async def test_work_that_breaks_off_unforeseen_ends_the_request(world: Simulator) -> None:
    """What two parties sent may be more than a linkage unit's memory: it is not tried for ever."""
    unit, tries = world.network.exchanges[UNIT], []
    link = unit.link_encodings

    def too_much(case: Any) -> Any:
        tries.append(case)
        raise MemoryError

    unit.link_encodings = too_much  # type: ignore[method-assign]
    request = await ask(world)
    await until_ended(world, request)
    assert 1 < len(tries) < 10
    assert end_of(world, UNIT, request)["reason"] == "exchange.internal"
    nothing_released(world, request)
    unit.link_encodings = link  # type: ignore[method-assign]
    await is_served(world)
    nothing_left(world)


def test_a_claim_of_more_rows_than_its_chunks_can_hold() -> None:
    """A linkage unit makes room by what is claimed, and must not for what nobody can have sent."""
    order = pb.LinkageOrder(requester=LANDLORD, provider=HOSPITAL, max_requester_rows=2**32 - 1)
    claim = pb.EncodingManifest(rows=2**32 - 1, row_width=144, chunk_digests=[b"\x01" * 32] * 3)
    with pytest.raises(MessageError, match="malformed"):
        papers.check_manifest(claim, order, LANDLORD, None)
    claim.rows = 3 * 1024 * 1024 // 144
    papers.check_manifest(claim, order, LANDLORD, None)
    other = pb.EncodingManifest(key_id=b"\x02" * 16, schema_digest=claim.schema_digest)
    with pytest.raises(MessageError, match="digest-differs"):
        papers.check_manifest(claim, order, LANDLORD, other)


async def test_a_linkage_unit_that_never_comes_to_an_end(world: Simulator) -> None:
    """It never has what it announced; the request ends at its deadline."""
    request = await ask(world)
    await until_step(world, request, LANDLORD, 7)

    def gone(method: str, ref: rpc.ChunkRef, caller: str) -> bytes:
        raise MessageError("chunk-gone")

    world.network.exchanges[UNIT].give_chunk = gone  # type: ignore[method-assign]
    for _ in range(20):
        await one_round(world)
    assert world.state(LANDLORD, request) == "open"
    world.time.now += 72 * 3600
    await until_ended(world, request)
    assert world.state(LANDLORD, request) == "expired"
    nothing_released(world, request)
    nothing_left(world)
