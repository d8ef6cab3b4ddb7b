"""Canary: unmistakable people are planted in the records and searched for everywhere else: in clear, as standardised,
and as hashes without a key.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from exchange_node.draft import validate_draft
from exchange_node.errors import ExchangeError
from exchange_node.store.model import Choice
from exchange_node.wire.v1 import message_pb2 as pb
from tests.e2e.test_simulated_request import results
from tests.simulator import Simulator
from tests.worlds import (
    HOSPITAL,
    LANDLORD,
    NODES,
    Failing,
    ask,
    cheaply,
    copy_of,
    failing_engine,
    nothing_left,
    until_ended,
    until_step,
)

# Invented, and in no other place: forename, surname, date of birth, postcode, and what the hospital does not release.
CANARIES = [
    ("Zephyrquill", "Wobblethwaite", (17, 10, 1909), "QX90 9QA", "Q99ultramarine"),
    ("Quaxolotl", "Vexillumbury", (18, 10, 1910), "QX91 9QB", "Q99vermilion"),
    ("Juxtaposia", "Knobblestoke", (19, 10, 1911), "QX92 9QD", "Q99chartreuse"),
]
DAMAGED = ("Fjordwyck", "Glimmerzant", "QX93 9QE", "31/31/heliotrope")  # a row that cannot be read
LOCAL_IDS = ["TENANT-canarybird-77", "PATIENT-canarybird-88"]


def plant(home: Path, number: int) -> None:
    """Put the canaries at the head of a register, known under ids of its own."""
    file = home / "people.csv"
    header, *rows = file.read_text().splitlines()
    planted = []
    for index, (forename, surname, (day, month, year), postcode, code) in enumerate(CANARIES):
        last = "yes" if number == 0 else f"J45;{code}"
        planted.append(f"{LOCAL_IDS[number]}{index},{forename},{surname},{day}/{month}/{year},{postcode},F,{last}")
    forename, surname, postcode, born = DAMAGED
    planted.append(f"{LOCAL_IDS[number]}9,{forename},{surname},{born},{postcode},F,{'yes' if number == 0 else 'J45'}")
    file.write_text("\n".join([header, *planted, *rows]))


def needles() -> dict[str, bytes]:
    """Everything to search for, by a name that may be told: clear, standardised, encoded and hashed."""
    values: dict[str, set[str]] = {}
    for number, (forename, surname, (day, month, year), postcode, code) in enumerate(CANARIES):
        dates = {f"{day}/{month}/{year}", f"{year}-{month:02}-{day:02}", f"{year}{month:02}{day:02}"}
        values |= {f"date {number}": dates, f"code {number}": {code}, f"forename {number}": {forename}}
        values |= {f"surname {number}": {surname}, f"postcode {number}": {postcode}}
        values |= {
            f"{kind} id {number}": {f"{LOCAL_IDS[at]}{number}"} for at, kind in enumerate(("landlord", "hospital"))
        }
    values |= {f"damaged {number}": {value} for number, value in enumerate(DAMAGED)}
    found: dict[str, bytes] = {}
    for name, given in values.items():
        forms = {form for value in given for form in (value, value.lower(), value.upper(), value.replace(" ", ""))}
        for number, form in enumerate(sorted(forms | {form.replace(" ", "").lower() for form in forms})):
            raw = form.encode()
            found[f"{name}/{number}/clear"] = raw
            found[f"{name}/{number}/hex"] = raw.hex().encode()
            found[f"{name}/{number}/base64"] = base64.b64encode(raw).rstrip(b"=")[:-1]
            for algorithm in ("md5", "sha1", "sha256", "sha512"):
                digest = hashlib.new(algorithm, raw).digest()
                found[f"{name}/{number}/{algorithm}"] = digest
                found[f"{name}/{number}/{algorithm} hex"] = digest.hex().encode()
                found[f"{name}/{number}/{algorithm} base64"] = base64.b64encode(digest).rstrip(b"=")[:-1]
    # Eight digits of a date alone may stand in any large file by chance.
    return {name: needle for name, needle in found.items() if len(needle) >= 7}


NEEDLES = needles()


def search(where: str, haystack: bytes) -> list[str]:
    """What was found, and where."""
    return [f"{name} in {where}" for name, needle in NEEDLES.items() if needle in haystack]


@pytest.fixture
def world(homes: Simulator, tmp_path: Path) -> Iterator[Simulator]:
    with cheaply():
        made: Simulator = copy_of(homes, tmp_path / "world")
        for number, org in enumerate((LANDLORD, HOSPITAL)):
            plant(made.home(org).path, number)
        for org in NODES:
            made.open(org)
        hospital = made.nodes[HOSPITAL]
        for index in range(len(CANARIES)):
            hospital.store.choices.add(
                Choice(
                    person=hospital.vault.person_ref(f"{LOCAL_IDS[1]}{index}"), kind="consent", scope=(LANDLORD,),
                    purposes=("damp-repair-prioritisation",), valid_from=1, valid_to=None, recorded_at=1,
                    recorded_by="officer",
                )
            )  # fmt: skip
        yield made
        made.close()


class Listener:
    """Everything that is said on the network, opened as far as its receiver could."""

    def __init__(self, world: Simulator) -> None:
        self.said: list[tuple[str, bytes]] = []
        world.network.on_request = world.network.on_reply = self

    def __call__(self, peer: str, method: str, message: Any) -> Any:
        if isinstance(message, bytes):
            self.said.append((method, message))
        else:
            self.said.append((method, message.SerializeToString()))
        if isinstance(message, pb.Envelope):
            self.said.append((method, str(pb.Message.FromString(message.signed.payload)).encode()))
        return message


async def test_the_needles_would_be_found(world: Simulator) -> None:
    """The search itself works: it finds all of it in the source, and a planted hash."""
    source = b"".join((world.home(org).path / "people.csv").read_bytes() for org in (LANDLORD, HOSPITAL))
    clear = {finding.split("/")[0] for finding in search("source", source)}
    assert {name.split("/")[0] for name in NEEDLES} == clear
    assert search("a log", b"x" + hashlib.sha1(b"wobblethwaite").hexdigest().encode() + b"y")


@pytest.mark.parametrize("trouble", ["none", "refused", "killed", "failed", "restarted"])
async def test_no_canary_outside_the_source(
    world: Simulator, trouble: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    engines: list[Failing] = [failing_engine(world, org) for org in (LANDLORD, HOSPITAL)]
    heard, told = Listener(world), list[str]()
    with structlog.testing.capture_logs() as logged:
        request = await ask(world)
        if trouble == "refused":
            await until_step(world, request, HOSPITAL, 8)
            world.publish(policy_bundles=())
        elif trouble == "failed":
            await until_step(world, request, HOSPITAL, 5)
            engines[1].trouble = lambda _: {"decision": "allow"}
        elif trouble == "killed":
            await until_step(world, request, UNIT := NODES[2], 6)
            world.kill(UNIT)
            found = homes_of(world, without_source=True)
            world.open(UNIT)
        elif trouble == "restarted":
            await until_step(world, request, HOSPITAL, 8)
            found = homes_of(world, without_source=True)  # in mid-request
        if trouble in ("killed", "restarted"):
            assert not [hit for where, data in found for hit in search(where, data)]
        await until_ended(world, request)
        for draft in (
            {"condition": "damp = Wobblethwaite"},
            {"condition": "surname = Wobblethwaite"},
            {"file": "x.csv"},
        ):
            with pytest.raises(ExchangeError) as error:
                await ask(world, validate_draft(DRAFT | {"cohort": draft}))
            if "Wobblethwaite" not in str(draft):
                told.append(repr(error.value))
    for org in NODES:
        told += [
            repr(node) for node in (world.nodes[org].store.requests.list(), world.nodes[org].store.legs.list(request))
        ]
    assert (world.state(LANDLORD, request) == "done") == (trouble in ("none", "killed", "restarted"))
    if world.state(LANDLORD, request) == "done":
        table = results(world, request)
        assert len(table) == 44  # 40, three canaries, and one whose row could not be encoded
        assert {table[f"{LOCAL_IDS[0]}{index}"] for index in range(3)} == {"high"}
    nothing_left(world)
    asked = json.dumps([document for engine in engines for document in engine.asked], default=dict).encode()
    assert len(asked) > 1000 and len(heard.said) > 20
    # What was released, opened as its receiver does: the tenants' ids are the landlord's own, all else is not.
    opened = [
        world.nodes[LANDLORD].vault.unwrap(f"results/{request}/{HOSPITAL}", result.sealed)
        for result in world.nodes[LANDLORD].store.results.list(request)
    ]
    assert [b'"high"' in table for table in opened] == [True] * (world.state(LANDLORD, request) == "done")
    hits = [hit for table in opened for hit in search("opened release", table)]
    assert [hit for hit in hits if not hit.startswith("landlord id")] == []
    outputs = capfd.readouterr()
    places = [
        *homes_of(world, without_source=True),
        *heard.said,
        ("policy inputs", asked),
        ("structured log", repr(logged).encode()),
        ("stdout", outputs.out.encode()),
        ("stderr", outputs.err.encode()),
        ("logging", caplog.text.encode()),
        ("errors and reprs", "\n".join(told).encode()),
    ]
    assert [hit for where, data in places for hit in search(where, data)] == []


DRAFT: dict[str, Any] = {
    "agreement": "asthma-mould",
    "purpose": "damp-repair-prioritisation",
    "providers": [HOSPITAL],
    "attributes": {HOSPITAL: ["repair_priority"]},
}


def homes_of(world: Simulator, *, without_source: bool) -> list[tuple[str, bytes]]:
    """Every file of every home: database pages, write-ahead logs, spools, tiles, keys."""
    files = [path for org in NODES for path in world.home(org).path.rglob("*") if path.is_file()]
    kept = [path for path in files if not (without_source and path.name == "people.csv")]
    assert {path.suffix for path in kept} >= {".sqlite", ".toml"}
    return [(str(path.relative_to(world.folder)), path.read_bytes()) for path in kept]
