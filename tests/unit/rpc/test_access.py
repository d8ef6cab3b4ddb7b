"""Who may call what: every method, by every kind of caller, over a real server; and what errors tell."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

import exchange_node
from exchange_node.errors import ExchangeError, full_catalogue
from exchange_node.messages import MessageError
from exchange_node.rpc.access import ACCESS, Who
from exchange_node.rpc.errors import CODE, DOCUMENT, KNOWN_SIZE
from exchange_node.rpc.server import build_server, listen
from exchange_node.trust import certificates
from exchange_node.wire.v1 import local_pb2, node_pb2
from tests.simulator import Member, Simulator, Time, free_ports

HERE, THERE = "castle-nhs", "northgate-homes"
DETAIL = "unmistakable-detail"
SERVICES = [*node_pb2.DESCRIPTOR.services_by_name.values(), *local_pb2.DESCRIPTOR.services_by_name.values()]
METHODS = {f"/{service.full_name}/{method.name}": method for service in SERVICES for method in service.methods}


def test_the_table_has_the_methods_of_the_contract_and_no_others() -> None:
    assert set(ACCESS) == set(METHODS)
    for path, who in ACCESS.items():
        assert who, path
        assert (who == {Who.NODE}) == (not path.startswith("/exchange.v1.Desk/")), path


def test_no_one_of_this_agency_can_do_everything() -> None:
    """Whoever asks does not govern, whoever governs does not run the node."""
    for method, alone in (
        ("SubmitRequest", Who.ANALYST),
        ("ApproveRequest", Who.OFFICER),
        ("AddUser", Who.ADMINISTRATOR),
    ):
        assert ACCESS[f"/exchange.v1.Desk/{method}"] == {alone}


class Stub:
    """Stands for spine and desk: every method of both has been reached."""

    def __init__(self, node: Any) -> None:
        self.node = node
        self.error: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in ("take_chunk", "give_chunk"):
            return self._reached
        if name in ("fetch_results", "watch_request"):
            return self._stream
        return self._answer

    def _reached(self, *_: Any) -> Any:
        raise self.error or MessageError("unknown-request", DETAIL)

    async def _answer(self, *arguments: Any) -> Any:
        self._reached(*arguments)

    async def _stream(self, *arguments: Any) -> AsyncIterator[Any]:
        self._reached(*arguments)
        yield None


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    made = Simulator(tmp_path_factory.mktemp("homes"), time=Time(time.time()), ports=free_ports(3))
    made.found([Member(HERE, "health", "Castle NHS Trust"), Member(THERE, "housing", "Northgate Homes")])
    yield made
    made.close()


@pytest.fixture(scope="module")
def callers(federation: Simulator) -> dict[str, tuple[bytes, bytes]]:
    """Certificate and key by kind of caller."""
    here, now = federation.nodes[HERE], int(federation.time.now)
    there = federation.nodes[THERE].keys

    def user(
        name: str, role: str, *, known: bool = True, start: int = 3600, days: int = 30, until: int = 0
    ) -> tuple[bytes, bytes]:
        key = certificates.generate_key()
        keys = here.keys
        pem = certificates.issue_user_certificate(
            keys.user_ca_key, keys.user_ca, name, role, key.public_key(), now - start, days
        )
        _, not_after = certificates.certificate_validity(pem)
        if known:
            digest = certificates.fingerprint(pem)
            here.store.users.add(name, role, digest, digest[:32], until or not_after, now)
        return pem, certificates.key_to_pem(key)

    stranger, theirs = certificates.generate_key(), certificates.generate_key()
    elsewhere = certificates.issue_user_certificate(
        there.user_ca_key, there.user_ca, "ann", "administrator", theirs.public_key(), now - 3600, 30
    )
    made = {
        "node": (there.tls_certificate, there.tls_key),
        **{role: user(f"a-{role}", role) for role in ("analyst", "officer", "administrator")},
        "revoked": user("gone", "administrator"),
        "run out here": user("late", "administrator", until=now - 1),
        "unknown": user("nobody", "administrator", known=False),
        "expired": user("old", "administrator", start=10 * 86_400, days=5),
        "another agency's": (elsewhere, certificates.key_to_pem(theirs)),
        "stranger": (
            certificates.make_node_certificate(stranger, THERE, ["127.0.0.1"], now - 60, 30),
            certificates.key_to_pem(stranger),
        ),
    }
    here.store.users.revoke("gone", now)
    return made


@pytest.fixture
async def served(federation: Simulator) -> AsyncIterator[tuple[Stub, int]]:
    stub = Stub(federation.nodes[HERE])
    server = build_server(stub, stub)  # type: ignore[arg-type]
    port = listen(server, stub.node, "127.0.0.1:0")
    await server.start()
    yield stub, port
    await server.stop(0)


def connect(federation: Simulator, port: int, caller: tuple[bytes, bytes]) -> grpc.aio.Channel:
    node = federation.nodes[HERE]
    credentials = grpc.ssl_channel_credentials(node.keys.tls_certificate, caller[1], caller[0])
    name = (("grpc.ssl_target_name_override", certificates.node_name(HERE)),)
    return grpc.aio.secure_channel(f"127.0.0.1:{port}", credentials, options=name)


async def outcome(channel: grpc.aio.Channel, path: str) -> grpc.aio.AioRpcError:
    """The error that a call ends in; each of them does, for the stub answers with one too."""
    one: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
    many: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(path)
    with pytest.raises(grpc.aio.AioRpcError) as error:
        if path in METHODS and METHODS[path].server_streaming:
            async for _ in many(b"", timeout=20):
                pass
        else:
            await one(b"", timeout=20)
    return error.value


def code_of(error: grpc.aio.AioRpcError) -> str:
    return str(dict(error.trailing_metadata() or ()).get(CODE, ""))


@pytest.mark.parametrize("who", ["node", "analyst", "officer", "administrator"])
async def test_every_method_by_every_kind_of_caller(
    federation: Simulator, callers: dict[str, tuple[bytes, bytes]], served: tuple[Stub, int], who: str
) -> None:
    async with connect(federation, served[1], callers[who]) as channel:
        for path, allowed in ACCESS.items():
            expected = "protocol.unknown-request" if Who(who) in allowed else "access.not-allowed"
            assert code_of(await outcome(channel, path)) == expected, path


@pytest.mark.parametrize(
    ("who", "code"),
    [("revoked", "access.revoked"), ("run out here", "access.revoked"), ("unknown", "access.unknown-caller")],
)
async def test_nobody_who_counts_no_more(
    federation: Simulator, callers: dict[str, tuple[bytes, bytes]], served: tuple[Stub, int], who: str, code: str
) -> None:
    async with connect(federation, served[1], callers[who]) as channel:
        for path in ACCESS:
            assert code_of(await outcome(channel, path)) == code, path


@pytest.mark.parametrize("who", ["expired", "stranger", "another agency's"])
async def test_nobody_whom_tls_does_not_let_in(
    federation: Simulator, callers: dict[str, tuple[bytes, bytes]], served: tuple[Stub, int], who: str
) -> None:
    async with connect(federation, served[1], callers[who]) as channel:
        for path in (next(iter(ACCESS)), "/exchange.v1.Desk/NodeStatus", "/exchange.v1.LinkageUnit/PutChunk"):
            error = await outcome(channel, path)
            assert (error.code(), code_of(error)) == (grpc.StatusCode.UNAVAILABLE, ""), path


async def test_what_is_not_in_the_contract_is_not_there(
    federation: Simulator, callers: dict[str, tuple[bytes, bytes]], served: tuple[Stub, int]
) -> None:
    async with connect(federation, served[1], callers["administrator"]) as channel:
        for path in ("/exchange.v1.Desk/Export", "/exchange.v1.Provider/", "/grpc.reflection.v1.ServerReflection/Info"):
            assert (await outcome(channel, path)).code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_revocation_counts_on_an_open_connection(
    federation: Simulator, callers: dict[str, tuple[bytes, bytes]], served: tuple[Stub, int]
) -> None:
    path = "/exchange.v1.Provider/SubmitRequest"
    async with connect(federation, served[1], callers["node"]) as channel:
        assert code_of(await outcome(channel, path)) == "protocol.unknown-request"
        suspended = tuple(
            join.organisation.model_copy(update={"status": "suspended"} if org == THERE else {})
            for org, join in federation.joins.items()
        )
        federation.publish(organisations=suspended)
        assert code_of(await outcome(channel, path)) == "trust.organisation-suspended"
        federation.publish()
        assert code_of(await outcome(channel, path)) == "protocol.unknown-request"


class Watched(Stub):
    """A stream in which a user is revoked between two messages."""

    async def watch_request(self, user: Any, body: Any) -> AsyncIterator[Any]:
        yield {"told": 1}
        self.node.store.users.revoke(user.name, 1)
        yield {"told": 2}


async def test_a_revocation_counts_in_an_open_stream(
    federation: Simulator, callers: dict[str, tuple[bytes, bytes]]
) -> None:
    here, now = federation.nodes[HERE], int(federation.time.now)
    key, keys = certificates.generate_key(), here.keys
    pem = certificates.issue_user_certificate(
        keys.user_ca_key, keys.user_ca, "watcher", "analyst", key.public_key(), now - 3600, 30
    )
    digest = certificates.fingerprint(pem)
    here.store.users.add("watcher", "analyst", digest, digest[:32], now + 86_400, now)
    stub = Watched(here)
    server = build_server(stub, stub)  # type: ignore[arg-type]
    port = listen(server, here, "127.0.0.1:0")
    await server.start()
    told = []
    async with connect(federation, port, (pem, certificates.key_to_pem(key))) as channel:
        watch: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream("/exchange.v1.Desk/WatchRequest")
        with pytest.raises(grpc.aio.AioRpcError) as error:
            async for data in watch(b"", timeout=20):
                told.append(local_pb2.Document.FromString(data).json)
    await server.stop(0)
    assert (told, code_of(error.value)) == (['{"told": 1}'], "access.revoked")


async def test_peers_get_a_code_and_its_fixed_sentence(
    federation: Simulator, callers: dict[str, tuple[bytes, bytes]], served: tuple[Stub, int]
) -> None:
    stub, port = served
    catalogue = full_catalogue()
    async with connect(federation, port, callers["node"]) as channel:
        for raised in (None, RuntimeError(DETAIL), ValueError(DETAIL), KeyError(DETAIL)):
            stub.error = raised
            for path in (path for path, who in ACCESS.items() if Who.NODE in who):
                error = await outcome(channel, path)
                code = code_of(error)
                assert code == ("exchange.internal" if raised else "protocol.unknown-request")
                assert error.details() == f"{code}: {catalogue[code].sentence}"
                assert {name for name, _ in error.trailing_metadata() or ()} == {CODE, KNOWN_SIZE}
                assert DETAIL not in repr(error)
    async with connect(federation, port, callers["analyst"]) as channel:
        for raised, told in ((None, True), (RuntimeError(DETAIL), False)):
            stub.error = raised
            error = await outcome(channel, "/exchange.v1.Desk/SubmitRequest")
            assert (DETAIL in str(dict(error.trailing_metadata() or ())[DOCUMENT])) == told


# -- the catalogue


def sources() -> list[Path]:
    root = Path(exchange_node.__file__).parent
    return [path for folder in (root, root.parent / "cli") for path in folder.rglob("*.py") if "wire" not in path.parts]


def errors() -> dict[str, type[ExchangeError]]:
    """Every subclass of ExchangeError of the whole package, by its name."""
    for module in pkgutil.walk_packages(exchange_node.__path__, "exchange_node."):
        if ".wire." not in module.name and ".migrations" not in module.name:
            importlib.import_module(module.name)
    found, pending = {"ExchangeError": ExchangeError}, [ExchangeError]
    while pending:
        children = pending.pop().__subclasses__()
        found.update({child.__name__: child for child in children if child.__module__.startswith("exchange_node")})
        pending.extend(children)
    return found


def test_every_code_that_is_raised_is_in_the_catalogue() -> None:
    kinds, seen = errors(), 0
    for path in sources():
        for call in ast.walk(ast.parse(path.read_text())):
            if not (
                isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in kinds and call.args
            ):
                continue
            code = call.args[0]
            if isinstance(code, ast.Constant) and isinstance(code.value, str) and call.func.id != "PeerRefused":
                seen += 1
                assert code.value in kinds[call.func.id].catalogue, f"{path.name}:{call.lineno}"
    assert seen > 150


def test_every_code_of_the_catalogue_is_used_and_says_what_to_do() -> None:
    words = "\n".join(path.read_text() for path in sources())
    unused = []
    for kind in errors().values():
        if kind.prefix == "desk":
            continue  # covered with the desk's own tests
        for name, says in kind.catalogue.items():
            assert says.sentence.endswith(".") and says.mend.endswith("."), name
            if words.count(f'"{name}"') < 2 and f'{kind.prefix}.{name}"' not in words:
                unused.append(f"{kind.prefix}.{name}")
    assert unused == []


def test_prefixes_are_unique() -> None:
    prefixes = [kind.prefix for kind in errors().values()]
    assert len(set(prefixes)) == len(prefixes)
