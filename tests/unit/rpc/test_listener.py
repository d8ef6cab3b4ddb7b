"""Who may connect changes with the manifest, while the node serves and without a restart."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import grpc
import grpc.aio
import pytest

from exchange_node.rpc import listener as listener_module
from exchange_node.rpc.errors import CODE
from exchange_node.rpc.listener import Listener
from exchange_node.rpc.server import listen, may_connect
from exchange_node.trust import certificates
from exchange_node.trust.errors import TrustError
from exchange_node.wire.v1 import node_pb2 as rpc
from tests.simulator import Member, Simulator, Time, free_ports

HERE, FRIEND, LATER = "castle-nhs", "northgate-homes", "riverside-care"
PUT, EXCHANGE_KEYS = "/exchange.v1.LinkageUnit/PutChunk", "/exchange.v1.Provider/ExchangeKeys"
CHUNK = rpc.Chunk(ref=rpc.ChunkRef(request_id="f" * 32, provider=HERE), data=b"x").SerializeToString()


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Simulator, Listener]]:
    """A hospital that listens; a member to be has no place in the manifest yet."""
    monkeypatch.setattr(listener_module, "LOOK_EVERY", 0.02)
    made = Simulator(tmp_path, time=Time(time.time()), ports=free_ports(3))
    made.found(
        [
            Member(HERE, "health", "Castle NHS Trust"),
            Member(FRIEND, "housing", "Northgate Homes"),
            Member(LATER, "social-care", "Riverside Council"),
        ]
    )
    publish(made, HERE, FRIEND)
    listener = Listener(made.network.exchanges[HERE])
    await listener.open()
    keeping = asyncio.create_task(listener.keep_up())
    yield made, listener
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    await listener.close(0)
    made.close()


def publish(made: Simulator, *orgs: str) -> None:
    made.publish(organisations=tuple(made.joins[org].organisation for org in orgs))


def channel(made: Simulator, org: str) -> grpc.aio.Channel:
    """A connection of its own, made anew at each call that finds it broken."""
    keys, node = made.nodes[org].keys, made.nodes[HERE]
    credentials = grpc.ssl_channel_credentials(node.keys.tls_certificate, keys.tls_key, keys.tls_certificate)
    options = (
        ("grpc.ssl_target_name_override", certificates.node_name(HERE)),
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.max_reconnect_backoff_ms", 100),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 100),
    )
    return grpc.aio.secure_channel(node.config.node.listen, credentials, options=options)


def bare(opened: grpc.aio.Channel, path: str) -> grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]:
    return opened.unary_unary(path)


async def answer(opened: grpc.aio.Channel) -> str:
    """What a call comes to: the code it is refused with, or `unavailable` if TLS lets nobody in."""
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await bare(opened, PUT)(CHUNK, timeout=5)
    if error.value.code() is grpc.StatusCode.UNAVAILABLE:
        return "unavailable"
    return str(dict(error.value.trailing_metadata() or ()).get(CODE, ""))


async def until(opened: grpc.aio.Channel, wanted: Callable[[str], bool]) -> str:
    """Ask until the answer is the one wanted; a server may be handing over to the next."""
    async with asyncio.timeout(20):
        while not wanted(found := await answer(opened)):
            await asyncio.sleep(0.02)
    return found


SERVED = "protocol.unknown-request"  # the chunk of a request that nobody knows, put by somebody who may put chunks


async def test_a_new_member_is_let_in_and_a_former_one_shut_out(world: tuple[Simulator, Listener]) -> None:
    made, _ = world
    async with channel(made, FRIEND) as friend, channel(made, LATER) as later:
        assert (await answer(friend), await answer(later)) == (SERVED, "unavailable")
        publish(made, HERE, FRIEND, LATER)
        await until(later, SERVED.__eq__)
        await until(friend, SERVED.__eq__)
        publish(made, HERE, LATER)
        assert await answer(friend) in ("access.unknown-caller", "unavailable")  # at once, on its open connection too
        await until(friend, "unavailable".__eq__)
        await until(later, SERVED.__eq__)


async def test_a_call_outlives_the_server_it_began_on(
    world: tuple[Simulator, Listener], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _ = world
    exchange, begun, go_on = made.network.exchanges[HERE], asyncio.Event(), asyncio.Event()

    async def slow(envelope: object, caller: str) -> object:
        begun.set()
        await go_on.wait()
        return await plain(envelope, caller)  # type: ignore[arg-type]

    plain = exchange.answer_keys
    monkeypatch.setattr(exchange, "answer_keys", slow)
    publish(made, HERE, FRIEND, LATER)  # the next server has the slow answer
    async with channel(made, FRIEND) as friend, channel(made, LATER) as later:
        await until(later, SERVED.__eq__)
        call = bare(friend, EXCHANGE_KEYS)(b"", timeout=30)
        await begun.wait()
        publish(made, HERE, FRIEND)
        await until(later, "unavailable".__eq__)
        go_on.set()
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await call
    assert str(dict(error.value.trailing_metadata() or ())[CODE]).startswith("protocol.")


async def test_a_stop_ends_calls_on_a_replaced_server_too(
    world: tuple[Simulator, Listener], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else they would go on while log and store are closed."""
    made, listener = world
    exchange, begun, ended = made.network.exchanges[HERE], asyncio.Event(), asyncio.Event()

    async def endless(envelope: object, caller: str) -> object:
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()
        return envelope

    monkeypatch.setattr(exchange, "answer_keys", endless)
    publish(made, HERE, FRIEND, LATER)  # the next server has the endless answer
    async with channel(made, FRIEND) as friend, channel(made, LATER) as later:
        await until(later, SERVED.__eq__)
        call = bare(friend, EXCHANGE_KEYS)(b"", timeout=60)
        await begun.wait()
        publish(made, HERE, FRIEND)
        await until(later, "unavailable".__eq__)
        assert not ended.is_set()
        async with asyncio.timeout(20):
            await listener.close(0)
            await ended.wait()
        with pytest.raises(grpc.aio.AioRpcError):
            await call


async def test_the_port_is_open_while_servers_change(world: tuple[Simulator, Listener]) -> None:
    """A call that meets the change itself may break off and is tried again; the port is never closed."""
    made, _ = world
    host, _, port = made.nodes[HERE].config.node.listen.rpartition(":")
    for number in range(30):
        publish(made, HERE, FRIEND, *([LATER] if number % 2 else []))
        for _ in range(3):
            _, writer = await asyncio.open_connection(host, int(port))
            writer.close()
            async with channel(made, FRIEND) as friend:
                await until(friend, SERVED.__eq__)


async def test_a_port_that_cannot_be_had_leaves_the_old_server(
    world: tuple[Simulator, Listener], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _ = world
    taken = [True] * 3

    def refused_at_first(*arguments: object) -> int:
        if taken:
            taken.pop()
            raise RuntimeError("taken")
        return listen(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(listener_module, "listen", refused_at_first)
    publish(made, HERE, FRIEND, LATER)
    async with channel(made, FRIEND) as friend, channel(made, LATER) as later:
        assert await answer(friend) == SERVED
        await until(later, SERVED.__eq__)
    assert not taken


async def test_a_key_file_that_cannot_be_read_for_a_while(
    world: tuple[Simulator, Listener], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _ = world
    troubles = [TrustError("keys-exposed"), OSError("busy"), TrustError("bad-key")]

    def read(node: object) -> bytes:
        if troubles:
            raise troubles.pop()
        return may_connect(node)  # type: ignore[arg-type]

    monkeypatch.setattr(listener_module, "may_connect", read)
    publish(made, HERE, FRIEND, LATER)
    async with channel(made, LATER) as later:
        await until(later, SERVED.__eq__)
    assert not troubles


async def test_a_port_of_somebody_else_is_not_shared(tmp_path: Path) -> None:
    made = Simulator(tmp_path, time=Time(time.time()), ports=free_ports(1))
    made.found([Member(HERE, "health", "Castle NHS Trust")])
    host, _, port = made.nodes[HERE].config.node.listen.rpartition(":")
    with socket.create_server((host, int(port))), pytest.raises(RuntimeError):
        await Listener(made.network.exchanges[HERE]).open()
    first = Listener(made.network.exchanges[HERE])
    await first.open()
    with pytest.raises(RuntimeError):  # nor with another node of ours
        await Listener(made.network.exchanges[HERE]).open()
    await first.close(0)
    made.close()
