"""Secrets: keys and encodings are gone at every end, whichever it is; and absence looks the same whatever its cause."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from exchange_node.parcels import links_of
from exchange_node.trust.vault import Vault
from exchange_node.wire.v1 import message_pb2 as pb
from exchange_node.wire.v1 import node_pb2 as rpc
from tests.e2e.test_simulated_request import results
from tests.simulator import Simulator
from tests.worlds import (
    HOSPITAL,
    LANDLORD,
    NODES,
    UNIT,
    ask,
    cheaply,
    copy_of,
    end_of,
    nothing_left,
    until_ended,
    until_step,
)


class Wiretap:
    """Encodings as they are uploaded, and secrets as they are kept."""

    def __init__(self, world: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
        self.encodings: list[bytes] = []
        self.secrets: list[bytes] = []
        world.network.on_request = self
        wrap = Vault.wrap

        def tapped(vault: Vault, name: str, secret: bytes) -> bytes:
            blob = wrap(vault, name, secret)
            if name.rpartition("/")[2] in ("sealing", "token", "part", "spool", "linkage-key", "link-seed"):
                self.secrets += [secret[:32], blob]
            elif name.rpartition("/")[2] in ("cohort", "links"):
                self.secrets += [secret[:64], blob]
            return blob

        monkeypatch.setattr(Vault, "wrap", tapped)

    def __call__(self, peer: str, method: str, message: Any) -> Any:
        if isinstance(message, rpc.Chunk):
            self.encodings.append(message.data)
        return message

    def pieces(self) -> list[bytes]:
        """Short runs of every row, so that a part of one would be found as well."""
        return [data[at : at + 24] for data in self.encodings for at in range(0, len(data) - 24, 73)]


def disk(world: Simulator, org: str) -> bytes:
    """Every byte of a node's home, except the register it was given."""
    return b"".join(
        path.read_bytes()
        for path in sorted(world.home(org).path.rglob("*"))
        if path.is_file() and path.name != "people.csv"
    )


async def done(world: Simulator, request: str) -> str:
    await until_ended(world, request)
    return "done"


async def refused(world: Simulator, request: str) -> str:
    await until_step(world, request, HOSPITAL, 8)
    world.publish(policy_bundles=())
    await until_ended(world, request)
    return "refused"


async def cancelled(world: Simulator, request: str) -> str:
    await until_step(world, request, UNIT, 6)
    await world.network.exchanges[LANDLORD].cancel(request)
    await until_ended(world, request)
    return "cancelled"


async def expired(world: Simulator, request: str) -> str:
    await until_step(world, request, UNIT, 6)
    world.time.now += 72 * 3600
    await until_ended(world, request)
    return "expired"


async def failed(world: Simulator, request: str) -> str:
    await until_step(world, request, LANDLORD, 4)
    link = world.network.exchanges[UNIT].link_encodings

    def broken(case: Any) -> Any:
        disclosure = link(case)
        parcels = world.network.exchanges[UNIT].parcels
        parcels.put_all(case, links_of(LANDLORD), [b"x" * 31])
        return disclosure

    world.network.exchanges[UNIT].link_encodings = broken  # type: ignore[method-assign]
    await until_ended(world, request)
    return "failed"


@pytest.mark.parametrize("end", [done, refused, cancelled, expired, failed])
async def test_at_every_end_keys_and_encodings_are_gone(
    world: Simulator, end: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tap = Wiretap(world, monkeypatch)
    request = await ask(world)
    wanted = await end(world, request)
    state = world.state(LANDLORD, request)
    assert state == wanted or (wanted == "failed" and state == "refused")
    assert all(end_of(world, org, request)["outcome"] for org in NODES)
    nothing_left(world)
    assert len(tap.encodings) >= 2 and len(tap.secrets) >= 20
    for org in NODES:  # while it runs, so that the write-ahead log is as the node leaves it
        held = disk(world, org)
        assert [len(piece) for piece in tap.secrets if piece in held] == [], org
        assert [len(piece) for piece in tap.pieces() if piece in held] == [], org


@pytest.mark.parametrize("step", [5, 6, 7])
async def test_at_no_time_does_the_linkage_unit_have_readable_encodings_on_disk(
    world: Simulator, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    tap = Wiretap(world, monkeypatch)
    request = await ask(world)
    await until_step(world, request, UNIT, step)
    if step == 5:
        await world.run(lambda: bool(tap.encodings))
    assert list(world.home(UNIT).spool.rglob("0*"))
    held = disk(world, UNIT)
    assert not any(piece in held for piece in tap.pieces())
    world.kill(UNIT)
    world.open(UNIT)
    assert not [path for path in world.home(UNIT).spool.rglob("*") if path.is_file()]
    await until_ended(world, request)
    assert world.state(LANDLORD, request) == "done"
    nothing_left(world)


# -- absence looks the same


class Seen:
    """All that the requester sees: kinds, sizes and times of the answers it gets; it stands before its peers."""

    def __init__(self, world: Simulator) -> None:
        self.world, self.peers, self.start = world, world.nodes[LANDLORD].peers, world.time.now
        self.answers: list[tuple[str, str, int, float]] = []
        world.nodes[LANDLORD].peers = self

    def note(self, method: str, kind: str, size: int) -> None:
        """One answer."""
        self.answers.append((method, kind, size, self.world.time.now - self.start))

    async def call(self, peer: str, method: str, envelope: pb.Envelope) -> pb.Envelope:
        """As `Peers.call`."""
        reply = await self.peers.call(peer, method, envelope)
        message = pb.Message.FromString(reply.signed.payload)
        # The checkpoint's digits grow with the sender's log, which has entries for steps and none for people.
        message.header.ClearField("checkpoint")
        self.note(method, str(message.WhichOneof("body")), len(message.SerializeToString()))
        return reply

    async def put_chunk(self, peer: str, chunk: rpc.Chunk) -> None:
        """As `Peers.put_chunk`."""
        await self.peers.put_chunk(peer, chunk)
        self.note("PutChunk", "ref", 0)

    async def fetch_chunk(self, peer: str, method: str, ref: rpc.ChunkRef) -> bytes:
        """As `Peers.fetch_chunk`."""
        data = await self.peers.fetch_chunk(peer, method, ref)
        self.note(method, "chunk", len(data))
        return data

    async def close(self) -> None:
        """As `Peers.close`."""


def not_linked(rows: list[str]) -> list[str]:
    """The hospital has other people in their place, of whom the landlord knows nobody."""
    return [
        ",".join((row.split(",")[0], f"Oth{number}er", f"Per{number}son", "1/1/1901", "ZZ99 9ZZ", "M", "J45"))
        if number < 20
        else row
        for number, row in enumerate(rows)
    ]


def no_such_person(rows: list[str]) -> list[str]:
    """The hospital does not have them at all."""
    return rows[20:]


def withdraw_all(world: Simulator) -> None:
    """The twenty who consented do so no longer."""
    node = world.nodes[HOSPITAL]
    people = [node.vault.person_ref(f"P{number}") for number in range(20)]
    for choices in node.store.choices.for_people(people).values():
        for choice in choices:
            node.store.choices.withdraw(choice.id, int(world.time.now), "officer")


def in_clear(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What everybody can read in an entry, without digests, of which only those who have the thing know what of."""
    return {name: value for name, value in facts.items() if not re.fullmatch("[0-9a-f]{32,}", str(value))}


async def what_is_seen(homes: Simulator, folder: Path, change: Any, withdrawn: str) -> tuple[Any, ...]:
    """A request about 40 people, 20 of whom are as `change` makes them; nobody else has consented."""
    world: Simulator = copy_of(homes, folder)
    file = world.home(HOSPITAL).path / "people.csv"
    header, *rows = file.read_text().splitlines()
    file.write_text("\n".join([header, *change(rows)]))
    for org in NODES:
        world.open(org)
    if withdrawn == "before":
        withdraw_all(world)
    seen = Seen(world)
    request = await ask(world)
    await until_step(world, request, HOSPITAL, 8)
    if withdrawn == "between":
        withdraw_all(world)
    await until_ended(world, request)
    table = results(world, request)
    size = len(world.nodes[LANDLORD].store.results.list(request)[0].sealed)
    logs = [(org, entry) for org in NODES for _, entry in world.nodes[org].log.find(request)]
    entries = [(org, entry.action, entry.at - seen.start, in_clear(entry.facts)) for org, entry in logs]
    kinds = Counter(kind for _, kind, _, _ in seen.answers)
    world.close()
    return seen.answers, table, size, entries, kinds


async def test_a_withdrawal_while_the_release_is_being_made_counts(world: Simulator) -> None:
    """After everything was decided and before it is fixed: it is decided anew."""
    releases = world.network.exchanges[HOSPITAL].releases
    make, made = releases.make, list[Any]()

    def slowly(case: Any) -> Any:
        made.append(make(case))
        if len(made) == 1:
            withdraw_all(world)
        return made[-1]

    releases.make = slowly  # type: ignore[method-assign]
    request = await ask(world)
    await until_ended(world, request)
    assert [one.story["rows"] for one in made] == [20, 0]
    assert world.state(LANDLORD, request) == "done" and set(results(world, request).values()) == {""}


async def test_a_release_is_given_at_the_end_of_a_slot(world: Simulator) -> None:
    """However soon it was ready: how long it took follows from how many people are in it."""
    node = world.nodes[HOSPITAL]
    paced = node.config.exchange.model_copy(update={"pace_seconds": 120})
    node.config = node.config.model_copy(update={"exchange": paced})
    request = await ask(world)
    await until_step(world, request, HOSPITAL, 9)
    (leg,) = node.store.legs.list(request)
    slot = leg.progress["release_at"]
    assert slot % 120 == 0 and world.time.now < slot - 1
    await until_ended(world, request)
    given = node.store.messages.get(request, HOSPITAL, "sent", LANDLORD, "CollectRelease.reply")
    assert given is not None and slot <= given.at < slot + 5


async def test_absence_looks_the_same_whatever_its_cause(homes: Simulator, tmp_path: Path) -> None:
    """Linked and not released, not linked, not there: the same rows, messages, sizes and times."""
    with cheaply():
        worlds = {
            "linked, not released": await what_is_seen(homes, tmp_path / "1", list, "between"),
            "not admitted": await what_is_seen(homes, tmp_path / "2", list, "before"),
            "not linked": await what_is_seen(homes, tmp_path / "3", not_linked, ""),
            "no such person": await what_is_seen(homes, tmp_path / "4", no_such_person, ""),
        }
        released = await what_is_seen(homes, tmp_path / "5", list, "")
    first = worlds["linked, not released"]
    assert len(first[1]) == 40 and set(first[1].values()) == {""} and len(first[0]) > 10
    for name, other in worlds.items():
        for one, another in zip(other, first, strict=True):
            assert one == another, name
    # Where twenty people were released, all but the table is the same as well.
    assert [value for value in released[1].values() if value]
    assert (released[0], released[3], released[4]) == (first[0], first[3], first[4])
