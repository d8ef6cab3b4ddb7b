"""A whole federation in one process, for tests: real homes, stores, logs and policy; only the network is simulated.

Every message is serialised and parsed as on the wire, so a test can look at it, hold it back, or change it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from exchange_node.agreements import AGREEMENT_TYPE
from exchange_node.audit.files import System
from exchange_node.config import Home
from exchange_node.errors import ExchangeError, Kind
from exchange_node.exchange import Exchange
from exchange_node.homes import init_home
from exchange_node.node import Node
from exchange_node.opening import open_node
from exchange_node.policy.agreement import canonical, parse_agreement
from exchange_node.policy.bundle import bundle_digest, packaged_bundle
from exchange_node.ports import PeerRefused, Peers, PeerUnavailable, no_faults
from exchange_node.rpc.guard import Guard
from exchange_node.runner import Runner
from exchange_node.store.model import User
from exchange_node.trust.documents import format_time
from exchange_node.trust.join import JoinRequest
from exchange_node.trust.manifest import Manifest, PolicyBundle, PublicKey, RootDocument, Roots
from exchange_node.trust.signing import Envelope, SigningKey, VerifyKey
from exchange_node.wire.v1 import message_pb2 as pb
from exchange_node.wire.v1 import node_pb2 as rpc

START = 1_795_500_000  # 2026-11-24
ANALYST = User("ann", "analyst", "0" * 64, "1", 2**40, START)
Tamper = Callable[[str, str, Any], Any]


class Killed(BaseException):
    """The process is gone: nothing catches this, and what it had in memory is lost."""


class LogFaults(System):
    """Tells a fault hook of every file of the audit log, before and after it gets its name."""

    def __init__(self, faults: Callable[[str], None], *, fsync: bool = False) -> None:
        super().__init__(fsync=fsync)
        self._faults = faults

    def rename(self, source: Path, target: Path) -> None:
        self._faults("audit.publish.before")
        super().rename(source, target)
        self._faults("audit.publish.after")


class Time:
    """A clock that tests turn."""

    def __init__(self, start: float = START) -> None:
        self.now = float(start)

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Member:
    """One organisation to be: what `exchange init` would be told, and the [records] table of its config."""

    id: str
    type: str
    operator: str
    records: str = ""
    regime: str = "uk-gdpr"


def members(*more: Member) -> list[Member]:
    """A landlord, a hospital and a linkage unit; all invented."""
    return [
        Member("northgate-homes", "housing", "Northgate Homes"),
        Member("castle-nhs", "health", "Castle NHS Trust"),
        Member("neutral-linkage", "linkage-unit", "Neutral Operator Ltd", regime="none"),
        *more,
    ]


class Network:
    """Carries calls between the nodes of one process, as bytes."""

    def __init__(self) -> None:
        self.exchanges: dict[str, Exchange] = {}
        self.down: set[str] = set()
        self.on_request: Tamper | None = None
        self.on_reply: Tamper | None = None
        self.calls: list[tuple[str, str, str]] = []

    def peers_of(self, org: str) -> _Peers:
        """The `Peers` of one node."""
        return _Peers(self, org)


@dataclass
class _Peers:
    network: Network
    org: str

    @asynccontextmanager
    async def _connection(self, peer: str) -> AsyncIterator[Exchange]:
        """As over gRPC: an error comes as its code and is logged; who dies while it answers says nothing."""
        self._reach(peer)
        target = self.network.exchanges[peer]
        try:
            yield target
        except Killed:
            self._reach(peer)
            raise
        except ExchangeError as error:
            self._reach(peer)
            await Guard(target.node)._note(self.org, error)
            if error.kind is Kind.UNAVAILABLE:
                raise PeerUnavailable("unavailable", f"{peer}: {error.code}") from error
            held = target.node.store.peers.get(self.org)
            raise PeerRefused(error.code, int(held.split(b"\n")[1]) if held else 0) from error
        self._reach(peer)

    def _reach(self, peer: str) -> None:
        if peer in self.network.down or self.org in self.network.down:
            raise PeerUnavailable("unavailable", peer)

    async def call(self, peer: str, method: str, envelope: pb.Envelope) -> pb.Envelope:
        self.network.calls.append((self.org, peer, method))
        async with self._connection(peer) as target:
            if self.network.on_request:
                envelope = self.network.on_request(peer, method, envelope)
            wire = pb.Envelope.FromString(envelope.SerializeToString())
            reply = await dispatch(target, method, wire, self.org)
        if self.network.on_reply:
            reply = self.network.on_reply(peer, method, reply)
        return pb.Envelope.FromString(reply.SerializeToString())

    async def put_chunk(self, peer: str, chunk: rpc.Chunk) -> None:
        async with self._connection(peer) as target:
            if self.network.on_request:
                chunk = self.network.on_request(peer, "PutChunk", chunk)
            target.take_chunk(rpc.Chunk.FromString(chunk.SerializeToString()), self.org)

    async def fetch_chunk(self, peer: str, method: str, ref: rpc.ChunkRef) -> bytes:
        async with self._connection(peer) as target:
            data = target.give_chunk(method, ref, self.org)
        return self.network.on_reply(peer, method, data) if self.network.on_reply else data

    async def close(self) -> None:
        pass


def dispatch(exchange: Exchange, method: str, envelope: pb.Envelope, caller: str) -> Awaitable[pb.Envelope]:
    """The spine's function for a method of node.proto."""
    handlers = {
        "SubmitRequest": exchange.answer_request,
        "ExchangeKeys": exchange.answer_keys,
        "CollectRelease": exchange.give_release,
        "SendReceipt": exchange.take_receipt,
        "SubmitOrder": exchange.answer_order,
        "OfferEncodings": exchange.take_offer,
        "CollectLinks": exchange.give_links,
        "AcknowledgeLinks": exchange.take_acknowledgement,
    }
    if method == "CancelRequest":
        return exchange.take_cancel(envelope, caller, "provider")
    if method == "CancelOrder":
        return exchange.take_cancel(envelope, caller, "linkage")
    return handlers[method](envelope, caller)


@dataclass
class Simulator:
    """The homes of a federation, and its nodes while they run."""

    folder: Path
    time: Time = field(default_factory=Time)
    network: Network = field(default_factory=Network)
    roots: list[SigningKey] = field(default_factory=lambda: [SigningKey.generate() for _ in range(3)])
    joins: dict[str, JoinRequest] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    number: int = 0
    ports: Sequence[int] = range(7400, 7500)
    connect: Callable[[Node], Peers] | None = None
    fsync: bool = False

    def found(self, wanted: Iterable[Member]) -> None:
        """Make a home for each member, and open its node."""
        root = self.root_document().encode()
        for port, member in zip(self.ports, wanted, strict=False):
            address = f"127.0.0.1:{port}"
            home = self.home(member.id)
            self.joins[member.id] = init_home(
                home.path, organisation=member.id, name=member.id, operator=member.operator, type=member.type,
                address=address, listen=address, now=int(self.time.now), regime=member.regime, roots=root,
            )  # fmt: skip
            text = home.config_file.read_text().replace("poll_seconds = 2.0 ", "poll_seconds = 0.05 ")
            home.config_file.write_text(text.replace("pace_seconds = 30 ", "pace_seconds = 1 ") + member.records)
            self.open(member.id)
        self.publish()

    def home(self, org: str) -> Home:
        """The home of an organisation."""
        return Home(self.folder / org)

    def open(self, org: str, faults: Callable[[str], None] | None = None) -> Exchange:
        """Open a node, as after a start."""
        node = open_node(
            self.home(org),
            self.connect or (lambda _: self.network.peers_of(org)),
            time_source=self.time,
            fsync=self.fsync,
            faults=faults or no_faults,
            log_system=LogFaults(faults) if faults else None,
        )
        self.nodes[org] = node
        self.network.exchanges[org] = Exchange(node)
        Runner(self.network.exchanges[org]).recover()
        return self.network.exchanges[org]

    def kill(self, org: str) -> None:
        """What SIGKILL leaves: the files as they are now, and nobody's locks. `open` starts it again."""
        home, left = self.home(org).path, self.folder / f"{org}.left"
        shutil.copytree(home, left)
        node = self.nodes.pop(org, None)
        self.network.exchanges.pop(org, None)
        if node is not None:
            node.log._worker.shutdown(wait=False, cancel_futures=True)
            os.close(node.log._writer.files._lock)
            node.store.close()
            node.policy.close()
        shutil.rmtree(home)
        left.rename(home)

    def close(self) -> None:
        """Close every node."""
        for node in self.nodes.values():
            node.close()
        self.nodes.clear()

    def root_document(self) -> RootDocument:
        """Two of three roots must sign."""
        keys = tuple(PublicKey.of(VerifyKey(key.public)) for key in self.roots)
        return RootDocument(federation="fairshire", roots=Roots(threshold=2, keys=keys))

    def manifest(self, **changes: Any) -> Manifest:
        """The next manifest."""
        self.number += 1
        value: dict[str, Any] = {
            "federation": "fairshire",
            "number": self.number,
            "issued_at": format_time(int(self.time.now)),
            "expires_at": format_time(int(self.time.now) + 30 * 86_400),
            "roots": self.root_document().roots,
            "organisations": tuple(join.organisation for join in self.joins.values()),
            "policy_bundles": (PolicyBundle(digest=bundle_digest(packaged_bundle()), revision="test"),),
        }
        return Manifest(**(value | changes))

    def publish(self, **changes: Any) -> bytes:
        """Sign the next manifest and give it to every node."""
        envelope = self.manifest(**changes).sign(*self.roots[:2]).encode()
        for node in self.nodes.values():
            node.federation.accept(envelope, int(self.time.now))
        return envelope

    def agree(self, text: str) -> str:
        """Have every party sign an agreement, and give it to all of them; returns its digest."""
        agreement = parse_agreement(text.encode())
        envelope = Envelope(AGREEMENT_TYPE, canonical(agreement))
        for party in agreement.parties:
            envelope = envelope.add_signature(self.nodes[party.org].signing_key)
        for party in agreement.parties:
            self.nodes[party.org].store.documents.put_agreement(
                agreement.id, agreement.version, agreement.digest, envelope.encode(), START
            )
        return agreement.digest

    async def run(self, until: Callable[[], bool], orgs: Sequence[str] | None = None, rounds: int = 400) -> None:
        """Advance legs round by round, a second of simulated time each, until the condition holds."""
        for _ in range(rounds):
            if until():
                return
            for org in list(orgs or self.nodes):
                if org in self.network.down:
                    continue
                with suppress(ExchangeError):  # the real runner logs it and comes again
                    exchange = self.network.exchanges[org]
                    for leg in self.nodes[org].store.legs.due(exchange.now()):
                        await Runner(exchange).advance(leg)
            self.time.now += 1
            await asyncio.sleep(0)
        raise AssertionError("the condition was not reached")

    def state(self, org: str, request: str) -> str:
        """The state of a request at a node."""
        found = self.nodes[org].store.requests.get(request)
        return found.state if found else "unknown"

    def ended(self, request: str, orgs: Iterable[str] | None = None) -> bool:
        """Whether a request has ended at every node that knows it."""
        return all(self.state(org, request) not in ("open",) for org in orgs or self.nodes)


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [opened.getsockname()[1] for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports
