"""Hostile peers below the messages: what TLS, HTTP/2 and the guard must hold off, over real gRPC."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from exchange_node.rpc.errors import CODE, AccessError
from exchange_node.rpc.identity import identify
from exchange_node.rpc.limits import MAX_CHUNK, MAX_MESSAGE
from exchange_node.rpc.peers import GrpcPeers
from exchange_node.rpc.server import build_server, listen
from exchange_node.trust import certificates
from exchange_node.wire.v1 import node_pb2 as rpc
from tests.e2e.test_simulated_request import results
from tests.simulator import Simulator, Time, free_ports
from tests.worlds import (
    HOSPITAL,
    LANDLORD,
    NODES,
    RELEASED,
    ask,
    cheaply,
    end_of,
    entries,
    ready_homes,
    refused_calls,
    until_ended,
)

SUBMIT = "/exchange.v1.Provider/SubmitRequest"
PUT = "/exchange.v1.LinkageUnit/PutChunk"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Simulator]:
    """Three nodes that listen."""
    with cheaply():
        made = Simulator(tmp_path, time=Time(time.time()), ports=free_ports(3), connect=lambda node: GrpcPeers(node))
        homes = ready_homes(tmp_path, made)
        servers = []
        for org in NODES:
            exchange = homes.open(org)
            server = build_server(exchange)
            listen(server, exchange.node)
            await server.start()
            servers.append(server)
        yield made
        for node in made.nodes.values():
            await node.peers.close()
        for server in servers:
            await server.stop(0)
        made.close()


def channel(
    world: Simulator, pair: tuple[bytes, bytes] | None = None, org: str = HOSPITAL, packed: bool = False
) -> grpc.aio.Channel:
    """A connection to a node as the landlord, or as somebody else; each is one of its own."""
    node, own = world.nodes[org], world.nodes[LANDLORD].keys
    certificate, key = pair or (own.tls_certificate, own.tls_key)
    credentials = grpc.ssl_channel_credentials(node.keys.tls_certificate, key, certificate)
    options = (
        ("grpc.ssl_target_name_override", certificates.node_name(org)),
        ("grpc.max_send_message_length", -1),
        ("grpc.use_local_subchannel_pool", 1),
    )
    compression = grpc.Compression.Gzip if packed else None
    return grpc.aio.secure_channel(node.config.node.listen, credentials, options=options, compression=compression)


async def error_of(opened: grpc.aio.Channel, path: str, data: bytes) -> grpc.aio.AioRpcError:
    call = opened.unary_unary(path, request_serializer=lambda sent: sent, response_deserializer=lambda got: got)
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call(data, timeout=20)
    return error.value


async def is_served(world: Simulator) -> None:
    request = await ask(world)
    await until_ended(world, request)
    assert {key for key, value in results(world, request).items() if value == "high"} == RELEASED


async def test_what_is_no_message(world: Simulator) -> None:
    async with channel(world) as opened:
        for data in (b"\xff" * 100, b"\x0a\xff\xff\xff\xff\x0f", b"GET / HTTP/1.1\r\n\r\n"):
            for path in (SUBMIT, PUT, "/exchange.v1.Provider/FetchReleaseChunk"):
                error = await error_of(opened, path, data)
                assert dict(error.trailing_metadata() or ())[CODE] == "protocol.malformed", path
                assert data.hex() not in repr(error) and "Traceback" not in repr(error)
        assert (LANDLORD, "protocol.malformed") in refused_calls(world, HOSPITAL)
        empty = await error_of(opened, SUBMIT, b"")
        assert str(dict(empty.trailing_metadata() or ())[CODE]).startswith("protocol.")
        large = await error_of(opened, SUBMIT, b"\x0a" + b"\x00" * (MAX_MESSAGE + 1))
        assert large.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        chunk = rpc.Chunk(ref=rpc.ChunkRef(request_id="f" * 32, provider=HOSPITAL), data=bytes(MAX_CHUNK + 1))
        refused = await error_of(opened, PUT, chunk.SerializeToString())
        assert dict(refused.trailing_metadata() or ())[CODE] == "protocol.too-large"
    assert (LANDLORD, "protocol.too-large") in refused_calls(world, HOSPITAL)
    await is_served(world)


@asynccontextmanager
async def in_place_of_the_hospital(world: Simulator, answer: Any) -> AsyncIterator[None]:
    """A server with the hospital's key and certificate that answers every request as it likes."""
    server = grpc.aio.server()
    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        "SubmitRequest": grpc.unary_unary_rpc_method_handler(answer)
    }
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("exchange.v1.Provider", handlers)])
    port = listen(server, world.nodes[HOSPITAL], "127.0.0.1:0")
    await server.start()
    members = {org: join.organisation for org, join in world.joins.items()}
    elsewhere = members[HOSPITAL].model_copy(update={"address": f"127.0.0.1:{port}"})
    world.publish(organisations=tuple((members | {HOSPITAL: elsewhere}).values()))
    yield
    await server.stop(0)
    world.publish()


@pytest.mark.parametrize("answer", [b"\xff" * 100, b"", b"\xfa\x06\x01x", b"\x0a\xff\xff\xff\xff\x0f"])
async def test_an_answer_that_is_no_message(world: Simulator, answer: bytes) -> None:
    """Noise ends the request with its reason, and not in a leg that is tried for ever."""

    async def noise(message: bytes, context: Any) -> bytes:
        return answer

    async with in_place_of_the_hospital(world, noise):
        request = await ask(world)
        await until_ended(world, request)
    assert end_of(world, LANDLORD, request)["reason"] in ("protocol.malformed", "protocol.clock-skew")
    await is_served(world)


async def test_a_refusal_that_tells_of_somebody(world: Simulator) -> None:
    """What a peer calls a code would stand in our log, which others read: it must look like one."""

    async def loud(message: bytes, context: Any) -> bytes:
        context.set_trailing_metadata(((CODE, "Ada Lovelace, born 1815"),))
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, "Ada Lovelace")
        return b""

    async with in_place_of_the_hospital(world, loud):
        request = await ask(world)
        await until_ended(world, request)
    assert end_of(world, LANDLORD, request)["reason"] == "grpc.permission_denied"
    assert not [entry for entry in entries(world, LANDLORD, request) if b"Ada" in entry.encode()]


async def test_a_stranger_and_nobody(world: Simulator) -> None:
    key = certificates.generate_key()
    forged = certificates.make_node_certificate(key, LANDLORD, ["127.0.0.1"], int(world.time.now) - 60, 30)
    async with channel(world, (forged, certificates.key_to_pem(key))) as opened:
        assert (await error_of(opened, SUBMIT, b"")).code() is grpc.StatusCode.UNAVAILABLE
    listening = world.nodes[HOSPITAL].config.node.listen
    async with grpc.aio.insecure_channel(listening) as opened:
        assert (await error_of(opened, SUBMIT, b"")).code() is grpc.StatusCode.UNAVAILABLE
    bare = grpc.ssl_channel_credentials(world.nodes[HOSPITAL].keys.tls_certificate)
    name = (("grpc.ssl_target_name_override", certificates.node_name(HOSPITAL)),)
    async with grpc.aio.secure_channel(listening, bare, options=name) as opened:
        assert (await error_of(opened, SUBMIT, b"")).code() is grpc.StatusCode.UNAVAILABLE
    await is_served(world)


async def test_tls_below_1_3_gets_no_answer(world: Simulator, tmp_path: Path) -> None:
    own = world.nodes[LANDLORD].keys
    (tmp_path / "c.pem").write_bytes(own.tls_certificate)
    (tmp_path / "k.pem").write_bytes(own.tls_key)
    host, _, port = world.nodes[HOSPITAL].config.node.listen.rpartition(":")

    async def handshake(newest: ssl.TLSVersion) -> str | None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.maximum_version = newest
        context.load_cert_chain(tmp_path / "c.pem", tmp_path / "k.pem")
        context.set_alpn_protocols(["h2"])
        reader, writer = await asyncio.open_connection(host, int(port), ssl=context)
        version = writer.get_extra_info("ssl_object").version()
        writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
        data = await asyncio.wait_for(reader.read(9), 5)
        writer.close()
        return str(version) if data else None

    assert await handshake(ssl.TLSVersion.TLSv1_3) == "TLSv1.3"
    try:
        older = await handshake(ssl.TLSVersion.TLSv1_2)
    except (ssl.SSLError, ConnectionError, TimeoutError):
        older = None
    assert older is None
    with pytest.raises(AccessError, match="weak-transport"):  # were it let in, the guard would refuse its calls
        identify(world.nodes[HOSPITAL], {"x509_pem_cert": [own.tls_certificate], "ssl_tls_version": [b"TLSv1.2"]})
    await is_served(world)


async def test_what_unfolds_is_measured_unfolded(world: Simulator) -> None:
    """A message that gzip makes small is as long as what it unfolds to."""
    async with channel(world, packed=True) as opened:
        large = await error_of(opened, SUBMIT, b"\x0a" + b"\x00" * (64 * MAX_MESSAGE))
        assert large.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    await is_served(world)


async def test_many_who_connect_and_stall(world: Simulator) -> None:
    """Connections that say nothing, and calls whose message never ends, keep nobody else out, however many."""
    host, _, port = world.nodes[HOSPITAL].config.node.listen.rpartition(":")
    silent = [await asyncio.open_connection(host, int(port)) for _ in range(50)]
    async with AsyncExitStack() as connections:
        stalled = []
        for _ in range(5):
            opened = await connections.enter_async_context(channel(world))
            submit: grpc.aio.StreamUnaryMultiCallable[bytes, bytes] = opened.stream_unary(SUBMIT)
            stalled += [submit(forever(), timeout=60) for _ in range(120)]
        await asyncio.gather(*(call.wait_for_connection() for call in stalled))
        await asyncio.wait_for(is_served(world), 60)
        for call in stalled:
            call.cancel()
    for _, writer in silent:
        writer.close()


async def test_strangers_who_shake_hands_without_end(world: Simulator) -> None:
    """Many handshakes at once, hardly one of which gets anywhere: gRPC does them on several threads of its own."""
    host, _, port = world.nodes[HOSPITAL].config.node.listen.rpartition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    async def knock(number: int) -> None:
        with suppress(OSError, TimeoutError):
            _, writer = await asyncio.wait_for(
                asyncio.open_connection(host, int(port), ssl=context if number % 3 == 0 else None), 10
            )
            if number % 3 == 1:
                writer.write(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")  # a ClientHello that stops
            writer.close()

    served = asyncio.create_task(is_served(world))
    for _ in range(30):
        await asyncio.gather(*map(knock, range(60)))
    await asyncio.wait_for(served, 120)
    await is_served(world)


async def forever() -> AsyncIterator[bytes]:
    await asyncio.sleep(3600)
    yield b""


async def test_a_peer_that_calls_too_often(world: Simulator) -> None:
    node = world.nodes[HOSPITAL]
    quota = node.config.quota.model_copy(update={"calls_per_minute": 20})
    node.config = node.config.model_copy(update={"quota": quota})
    async with channel(world) as opened:
        codes: list[Any] = [
            dict((await error_of(opened, SUBMIT, b"")).trailing_metadata() or ()).get(CODE) for _ in range(25)
        ]
    assert codes[20:] == ["access.too-many-calls"] * 5 and "access.too-many-calls" not in codes[:20]
    assert (LANDLORD, "access.too-many-calls") in refused_calls(world, HOSPITAL)
    node.config = node.config.model_copy(update={"quota": quota.model_copy(update={"calls_per_minute": 6000})})
    await is_served(world)
