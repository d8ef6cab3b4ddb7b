"""The invented population: the same under the same seed, damaged as registers are, and rich enough for
the scenarios.
"""

from __future__ import annotations

import csv
import hashlib
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from demo.people import ORGANISATIONS, World, make_world
from demo.population import _nhs_numbers
from exchange_node.records.cohort import parse_condition
from exchange_node.records.facts import PersonFacts
from exchange_node.records.mapping import RecordsMapping
from exchange_node.records.model import StandardRecord
from exchange_node.records.report import ReadReport
from exchange_node.records.source import RecordFile
from exchange_node.records.standardise import nhs_number

NOW = 1_780_272_000  # 1 June 2026


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(1, canaries=True)


@pytest.fixture(scope="module")
def folder(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("people")
    world.write(folder)
    return folder


def register(world: World, folder: Path, org: str) -> RecordFile:
    mapping = RecordsMapping.parse(tomllib.loads(world.mapping(org))["records"])
    return RecordFile(folder / org / mapping.file, mapping)


def standard(world: World, folder: Path, org: str) -> dict[str, StandardRecord]:
    return {found.local_id: found for found in register(world, folder, org).stream(ReadReport())}


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        make_world(seed, people=300).write(tmp_path / name)
    first, second, other = (digests(tmp_path / name) for name in "abc")
    assert first == second
    assert first.keys() == other.keys()
    differing = {path for path, digest in first.items() if other[path] != digest}
    assert differing == {path for path in first if not path.endswith("records.toml")}


def test_the_bytes_are_the_same_on_every_version_of_python(tmp_path: Path) -> None:
    make_world(7, people=300).write(tmp_path)
    whole = "".join(digest for path, digest in sorted(digests(tmp_path).items()) if path.endswith(".csv"))
    assert (
        hashlib.sha256(whole.encode()).hexdigest() == "8e9efdf825e0ff20226397fd95ef1429c82b3fe8c8242631f59e847b7d583b07"
    )


@pytest.mark.parametrize("org", ORGANISATIONS)
def test_every_register_is_read_without_loss(world: World, folder: Path, org: str) -> None:
    report = register(world, folder, org).check()
    assert report.read == report.rows == len(world.register(org)) > 2000
    placeholders = ("date-placeholder", "postcode-pseudo", "sex-not-stated", "name-placeholder")
    assert {rule for tallies in report.fields.values() for rule in tallies} <= set(placeholders)
    assert all(filled / report.rows > 0.35 for filled in report.filled.values())


def test_agencies_write_differently(world: World) -> None:
    headers = {org: set(world.register(org)[0]) for org in ORGANISATIONS}
    assert all(len(headers[a] & headers[b]) <= 4 for a in headers for b in headers if a < b)
    assert (
        len({RecordsMapping.parse(tomllib.loads(world.mapping(org))["records"]).date_formats for org in headers}) >= 4
    )


def test_truth_names_every_row_once_and_stands_outside_the_agencies(world: World, folder: Path) -> None:
    with (folder / "truth.csv").open() as stream:
        truth = [(row["agency"], row["local_id"], int(row["person"])) for row in csv.DictReader(stream)]
    assert truth == list(world.truth)
    for org in ORGANISATIONS:
        ids = {local_id for agency, local_id, _ in truth if agency == org}
        assert ids == set(register(world, folder, org).ids())
        people = [person for agency, _, person in truth if agency == org]
        assert len(people) == len(set(people)) == len(ids)
        assert {path.name for path in (folder / org).iterdir()} == {"records.csv", "choices.csv", "records.toml"}


def test_the_same_person_looks_alike_and_yet_not_the_same(world: World, folder: Path) -> None:
    homes, health = (standard(world, folder, org) for org in ("northgate-homes", "castle-nhs"))
    pairs = world.true_pairs("northgate-homes", "castle-nhs")
    assert len(pairs) > 2500
    agree: Counter[str] = Counter()
    for tenant, patient in pairs:
        for name in ("forename", "surname", "date_of_birth", "sex", "postcode", "address_line"):
            agree[name] += homes[tenant].fields[name] == health[patient].fields[name] != ""
    shares = {name: count / len(pairs) for name, count in agree.items()}
    assert all(0.80 < share < 0.985 for share in shares.values()), shares


def test_strangers_with_one_name_and_twins_are_there(world: World) -> None:
    names = Counter((person.forename, person.surname) for person in world.people)
    assert sum(count > 1 for count in names.values()) > 100
    twins = Counter((person.surname, person.born, person.home.line, person.home.postcode) for person in world.people)
    assert sum(count > 1 for count in twins.values()) > 20


def test_nhs_numbers_are_valid_and_of_the_range_that_is_never_issued(world: World) -> None:
    numbers = [person.nhs_number for person in world.people]
    assert len(set(numbers)) == len(numbers)
    assert all(number.startswith("999") and nhs_number(number) == number for number in numbers)


def test_the_range_of_nhs_numbers_is_used_up_and_no_number_comes_twice() -> None:
    numbers = _nhs_numbers(910_000)
    first_without = numbers.index("")
    assert first_without > 909_000 and not any(numbers[first_without:])
    assert len(set(numbers[:first_without])) == first_without


def test_postcodes_are_in_no_area_in_use(world: World) -> None:
    assert {person.home.postcode[0] for person in world.people} <= {"Q", "X"}


def test_asthma_mould_finds_enough_people(world: World, folder: Path) -> None:
    cohort = list(register(world, folder, "northgate-homes").select(parse_condition("damp_reported = yes")))
    linked = {patient for _, patient in world.true_pairs("northgate-homes", "castle-nhs", cohort)}
    found = register(world, folder, "castle-nhs").attributes(linked, ["repair_priority"], NOW)
    respiratory = {patient for patient, values in found if values["repair_priority"] is True}
    consented = {
        row["local_id"] for row in world.choices("castle-nhs") if row["purposes"] == "damp-repair-prioritisation"
    }
    assert len(respiratory) > 150
    assert 100 < len(respiratory & consented) < len(respiratory)
    assert linked - consented


def test_early_help_finds_enough_people_and_one_to_withdraw(world: World, folder: Path) -> None:
    cohort = list(register(world, folder, "riverside-care").select(parse_condition("new_arrears_notice = yes")))
    assert len(cohort) > 150
    for provider in ("northgate-homes", "castle-nhs"):
        assert len(world.true_pairs("riverside-care", provider, cohort)) > 100
    chosen = world.withdrawal
    assert chosen is not None
    assert chosen.requester_local_id in cohort
    assert (chosen.requester_local_id, chosen.local_id) in world.true_pairs(chosen.requester, chosen.agency)
    choices = [row for row in world.choices(chosen.agency) if row["local_id"] == chosen.local_id]
    assert {row["kind"] for row in choices} == {"consent"}
    assert chosen.ref in [row["ref"] for row in choices if row["purposes"] == "early-help-referral"]
    castle = register(world, folder, chosen.agency)
    assert dict(castle.attributes({chosen.local_id}, ["mental_health_support"], NOW)) == {
        chosen.local_id: {"mental_health_support": True}
    }
    facts = dict(castle.facts({chosen.local_id}, NOW))[chosen.local_id]
    assert facts == PersonFacts(facts.age_band)
    assert facts.age_band not in ("0-4", "5-10", "11-15", "16-17", "unknown")


@pytest.mark.parametrize("seed", range(2, 6))
def test_every_seed_has_someone_to_withdraw(seed: int) -> None:
    assert make_world(seed, people=3000).withdrawal is not None


def test_tax_connections_has_a_cohort(world: World, folder: Path) -> None:
    cohort = list(register(world, folder, "riverside-care").select(parse_condition("council_tax_help = yes")))
    assert len(world.true_pairs("riverside-care", "crown-revenue", cohort)) > 50


def test_choices_are_of_the_known_kinds_and_about_people_on_the_register(world: World) -> None:
    refs: list[str] = []
    for org in ORGANISATIONS:
        ids = {local_id for agency, local_id, _ in world.truth if agency == org}
        choices = world.choices(org)
        assert {row["kind"] for row in choices} <= {"consent", "objection", "opt-out", "restriction"}
        assert {row["local_id"] for row in choices} <= ids
        refs += [row["ref"] for row in choices]
        assert all(
            list(row) == ["local_id", "kind", "scope", "purposes", "valid_from", "valid_to", "ref"] for row in choices
        )
    assert len(refs) == len(set(refs))


def test_canaries_stand_in_the_files_and_nobody_else_has_their_values(world: World, folder: Path) -> None:
    plain = make_world(1)
    assert not plain.canaries
    assert {canary.agency for canary in world.canaries} == set(ORGANISATIONS)
    text = {
        org: (folder / org / "records.csv").read_bytes().decode("cp1252", "replace").lower() for org in ORGANISATIONS
    }
    others = " ".join(" ".join(row.values()).lower() for org in ORGANISATIONS for row in plain.register(org))
    for canary in world.canaries:
        if canary.kind in ("forename", "surname", "address", "note", "local_id"):
            assert canary.value.lower() in text[canary.agency], canary.kind
        if canary.kind != "local_id":
            assert canary.value.lower() not in others, canary.kind


def test_canaries_are_released_but_one(world: World, folder: Path) -> None:
    ids = {
        canary.person: canary.value
        for canary in world.canaries
        if (canary.agency, canary.kind) == ("castle-nhs", "local_id")
    }
    values = dict(register(world, folder, "castle-nhs").attributes(set(ids.values()), ["repair_priority"], NOW))
    assert [found["repair_priority"] for found in values.values()] == [True] * 4
    kinds = [
        {row["kind"] for row in world.choices("castle-nhs") if row["local_id"] == local_id} for local_id in ids.values()
    ]
    assert sorted(map(sorted, kinds)) == [["consent"]] * 3 + [["consent", "restriction"]]
