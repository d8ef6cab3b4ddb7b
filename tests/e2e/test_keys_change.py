"""Keys change while nodes serve and a request is open: as docs/it.md tells it, by the commands it names."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from exchange_cli import main, nodes
from exchange_cli.session import Session, connect

from exchange_node.audit.errors import AuditError
from exchange_node.audit.verify import verify_directory
from exchange_node.homes import renewed_join_request
from exchange_node.rpc.errors import CODE
from exchange_node.trust.certificates import node_name
from exchange_node.trust.join import parse_join_request
from exchange_node.trust.keys import HomeKeys
from exchange_node.trust.manifest import Organisation
from tests.processes import federation, process_homes
from tests.simulator import Simulator
from tests.worlds import HOSPITAL, LANDLORD, NODES, OPEN_AGREEMENT, UNIT, world_of

LET_IN = "protocol.clock-skew"  # what an empty envelope comes to once its sender was let in
UNAVAILABLE = "unavailable"  # TLS let nobody in: the server that knew this connection has handed over to the next


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Simulator:
    """Homes that are ready for a request, each with an administrator."""
    made = process_homes(tmp_path_factory.mktemp("homes"))
    for org in NODES:
        nodes._first_administrator(made.home(org), int(made.time.now))
    return made


def run(*words: str | Path) -> None:
    """One command of `exchange`."""
    assert main.run([str(word) for word in words]) == 0, words


class Office:
    """Whoever keeps the federation's manifest, with the roots' keys, and gives it to members that serve."""

    def __init__(self, homes: Simulator, folder: Path) -> None:
        self.folder, self.office = folder, folder / "office"
        self.office.mkdir()
        self.roots = [self.office / f"root-{number}.key" for number in range(2)]
        for path, key in zip(self.roots, homes.roots, strict=False):
            path.write_bytes(key.to_pem())
        self.newest = self.office / "manifest-1.json"
        with connect(Session(folder / UNIT, "admin")) as desk:
            self.newest.write_text(desk.call("ShowManifest", {})["envelope"])

    def draft(self, *words: str | Path) -> None:
        """The next manifest, signed by two roots."""
        following = self.office / f"manifest-{len(list(self.office.iterdir()))}.json"
        root = self.folder / UNIT / "root.json"
        run("manifest", "draft", "--root", root, "--previous", self.newest, *words, "-o", following)
        run("manifest", "sign", following, "--key", self.roots[0], "--key", self.roots[1])
        self.newest = following

    def give(self, *orgs: str) -> None:
        """It is accepted at these members."""
        for org in orgs:
            self.at(org, "manifest", "accept", self.newest)

    def at(self, org: str, *words: str | Path, user: str = "admin") -> None:
        """One command of a member."""
        run("--home", self.folder / org, "--user", user, *words)


@contextmanager
def connection(homes: Simulator, caller: tuple[bytes, bytes], org: str) -> Iterator[Any]:
    """Calls to a node over one connection, as whoever has this certificate and key; gives the code that comes back."""
    keys = HomeKeys.open(homes.home(org).path)
    credentials = grpc.ssl_channel_credentials(keys.tls_certificate, caller[1], caller[0])
    name = (("grpc.ssl_target_name_override", node_name(org)),)
    with grpc.secure_channel(homes.joins[org].organisation.address, credentials, options=name) as channel:
        submit: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/exchange.v1.LinkageUnit/SubmitOrder")

        def call() -> str:
            with pytest.raises(grpc.RpcError) as error:
                submit(b"", timeout=60)
            if error.value.code() is grpc.StatusCode.UNAVAILABLE:
                return UNAVAILABLE
            trailing: Any = error.value.trailing_metadata() or ()
            return str(dict(trailing).get(CODE, error.value))

        yield call


def test_every_key_of_a_provider_rotates_while_a_request_is_open(homes: Simulator, tmp_path: Path) -> None:
    """It goes down in the middle of a request, and comes back with another key; nobody else restarts."""
    hospital = tmp_path / HOSPITAL
    with federation(homes, tmp_path) as running:
        office, keys = Office(homes, tmp_path), HomeKeys.open(hospital)
        old = keys.tls_certificate, keys.tls_key
        for kind, write in (("tls", 40), ("signing", 90), ("log", 140)):
            office.at(HOSPITAL, "key", "rotate", kind)
            office.draft(hospital / "join.json")
            office.give(*NODES)
            life = running.arm(HOSPITAL, write)
            running.ask()
            running.until(lambda life=life: life.over, again=False)  # type: ignore[misc]
            run("--home", hospital, "key", "rotate", kind, "--promote")
            run("--home", hospital, "audit", "verify")  # by the key that counts now
            running.start(HOSPITAL)
            running.ends()
        for org, role in ((HOSPITAL, "officer"), (LANDLORD, "officer")):
            office.at(org, "user", "add", "olga", "--role", role)
        draft, signed = tmp_path / "agreement.yaml", tmp_path / "agreement.json"
        draft.write_text(OPEN_AGREEMENT)
        office.at(HOSPITAL, "agreement", "sign", draft, "--out", signed, user="olga")
        office.at(LANDLORD, "agreement", "load", signed, user="olga")
        with connection(homes, old, LANDLORD) as call:
            assert call() == LET_IN
            office.draft("--retire", HOSPITAL)
            office.give(*NODES)
            assert call() in ("access.unknown-caller", UNAVAILABLE)  # by the guard at once, by TLS a second later
        running.ask()
        running.ends()
        assert {org: len(lives) for org, lives in running.lives.items()} == {LANDLORD: 1, HOSPITAL: 4, UNIT: 1}


def test_a_log_key_that_was_promoted_by_half_is_taken_up_at_the_start(homes: Simulator, tmp_path: Path) -> None:
    """The key is in its place, and the command was killed before it had signed the log with it."""
    world = world_of(homes, tmp_path)
    node, joined = world.nodes[HOSPITAL], world.joins[HOSPITAL].organisation
    node.keys.rotate("log", HOSPITAL, ["127.0.0.1"], int(world.time.now))
    signed, _ = renewed_join_request(node.keys, world.home(HOSPITAL).config_file.read_text())
    (following,) = parse_join_request(signed).organisation.log_vkeys
    both = Organisation.build(joined.model_dump(exclude_none=True) | {"log_vkeys": (following, *joined.log_vkeys)})
    world.publish(organisations=(both, *(world.joins[org].organisation for org in (LANDLORD, UNIT))))
    node.keys.promote("log", both, int(world.time.now))
    world.kill(HOSPITAL)
    with pytest.raises(AuditError, match=r"audit\.forged"):
        verify_directory(world.home(HOSPITAL).audit, following)
    world.open(HOSPITAL)
    assert verify_directory(world.home(HOSPITAL).audit, following).size == world.nodes[HOSPITAL].log.size()
    world.close()


def let_in_again(call: Callable[[], str]) -> None:
    """TLS let nobody of theirs in any more; within a second of the manifest it does."""
    deadline = time.monotonic() + 20
    while (found := call()) != LET_IN:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def test_a_suspended_member_is_refused_on_its_open_connections(homes: Simulator, tmp_path: Path) -> None:
    keys = HomeKeys.open(homes.home(HOSPITAL).path)
    caller, refused = (keys.tls_certificate, keys.tls_key), {"trust.organisation-suspended", UNAVAILABLE}
    with (
        federation(homes, tmp_path) as running,
        connection(homes, caller, LANDLORD) as landlord,
        connection(homes, caller, UNIT) as unit,
    ):
        office = Office(homes, tmp_path)
        assert (landlord(), unit()) == (LET_IN, LET_IN)
        office.draft("--suspend", HOSPITAL)
        office.give(LANDLORD)
        assert landlord() in refused
        assert unit() == LET_IN
        office.give(UNIT)
        assert {landlord(), unit()} <= refused
        office.draft(tmp_path / HOSPITAL / "join.json")
        office.give(*NODES)
        let_in_again(landlord)
        let_in_again(unit)
        running.ask()
        running.ends()
        assert {len(lives) for lives in running.lives.values()} == {1}
