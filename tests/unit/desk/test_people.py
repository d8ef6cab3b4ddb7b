"""Users and choices."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from exchange_node.config import ConfigError, NodeTable
from exchange_node.desk.errors import DeskError
from exchange_node.desk.people import reached_at
from exchange_node.trust import certificates

from .conftest import ADA, HEALTH, HOUSING, OMAR, Town


def public(key: EllipticCurvePrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def code_of(town: Town, *call: Any, **body: Any) -> str:
    with pytest.raises((DeskError, ConfigError)) as error:
        town.at(*call, **body)
    assert "P9" not in str(error.value)
    return error.value.code


def add(town: Town, name: str, role: str) -> dict[str, Any]:
    key = certificates.generate_key()
    answer: dict[str, Any] = town.at(HOUSING, "add_user", ADA, name=name, role=role, public_key=public(key))
    return answer


def test_a_certificate_is_for_the_key_that_was_sent_and_is_known_to_the_node(town: Town) -> None:
    answer = add(town, "carla", "analyst")
    node = town.simulator.nodes[HOUSING]
    identity = certificates.verify_user(answer["certificate"].encode(), node.keys.user_ca, node.clock.now())
    assert (identity.name, identity.role) == ("carla", "analyst")
    known = node.store.users.by_fingerprint(identity.fingerprint)
    assert known is not None and known.revoked_at is None
    assert town.at(HOUSING, "revoke_user", ADA, name="carla") == {"name": "carla", "revoked": 1}
    revoked = node.store.users.by_fingerprint(identity.fingerprint)
    assert revoked is not None and revoked.revoked_at is not None


def test_a_login_has_one_role(town: Town) -> None:
    add(town, "dora", "officer")
    key = certificates.generate_key()
    body = {"name": "dora", "role": "analyst", "public_key": public(key)}
    assert code_of(town, HOUSING, "add_user", ADA, **body) == "desk.other-role"
    town.at(HOUSING, "revoke_user", ADA, name="dora")
    assert town.at(HOUSING, "add_user", ADA, **body)["user"]["role"] == "analyst"


@pytest.mark.parametrize("pem", ["", "no key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_what_is_no_public_key_is_refused(town: Town, pem: str) -> None:
    assert code_of(town, HOUSING, "add_user", ADA, name="eve", role="analyst", public_key=pem) == "desk.invalid"


def test_the_last_administrator_stays(town: Town) -> None:
    add(town, "root-one", "administrator")
    assert code_of(town, HOUSING, "revoke_user", ADA, name="root-one") == "desk.last-administrator"
    add(town, "root-two", "administrator")
    assert town.at(HOUSING, "revoke_user", ADA, name="root-one")["revoked"] == 1
    assert code_of(town, HOUSING, "revoke_user", ADA, name="nobody") == "desk.unknown-user"


def row(local_id: str, **more: Any) -> dict[str, Any]:
    return {"local_id": local_id, "kind": "objection", **more}


def test_one_bad_row_keeps_all_out_and_is_named_by_line_and_rule(town: Town) -> None:
    rows = [
        row("P40", line=2),
        row("P9999", line=3),
        row("P41", line=4, kind="maybe"),
        row("P42", line=5, valid_from="2026-02-30"),
        row("P43", line=6, valid_from="2026-03-01", valid_to="2026-01-01"),
        row("P44", line=7, kind="consent", scope=["northgate-homes"]),
    ]
    answer = town.at(HEALTH, "add_choices", OMAR, rows=rows)
    assert answer["added"] == 0 and [problem["line"] for problem in answer["problems"]] == [3, 4, 5, 6, 7]
    assert not any("P9999" in p["rule"] or "maybe" in p["rule"] for p in answer["problems"])
    assert answer["problems"][2]["rule"] == "valid_from: a day of the calendar as YYYY-MM-DD is expected"
    assert town.at(HEALTH, "list_choices", OMAR, local_id="P40")["choices"] == []


def test_a_dry_run_records_nothing_and_a_repeat_nothing_twice(town: Town) -> None:
    rows = [row("P50", scope=["northgate-homes"]), row("P51")]
    assert town.at(HEALTH, "add_choices", OMAR, rows=rows, dry_run=True)["added"] == 0
    assert town.at(HEALTH, "add_choices", OMAR, rows=[*rows, *rows])["added"] == 2
    again = town.at(HEALTH, "add_choices", OMAR, rows=rows)
    assert (again["added"], again["known"]) == (0, 2)
    found = town.at(HEALTH, "list_choices", OMAR, local_id="P50")["choices"]
    assert [(c["kind"], c["scope"], c["withdrawn_at"]) for c in found] == [("objection", ["northgate-homes"], None)]
    assert "P50" not in str(found)


def test_dates_are_whole_days_and_the_last_day_counts(town: Town) -> None:
    town.at(HEALTH, "add_choices", OMAR, rows=[row("P52", valid_from="2026-01-01", valid_to="2026-12-31")])
    found = town.at(HEALTH, "list_choices", OMAR, local_id="P52")["choices"][0]
    assert (found["valid_from"], found["valid_to"]) == ("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z")


def test_a_choice_is_withdrawn_by_id_or_by_person_and_may_be_given_anew(town: Town) -> None:
    consent = {"local_id": "P53", "kind": "consent", "scope": ["northgate-homes"], "purposes": ["repairs"]}
    first = town.at(HEALTH, "add_choices", OMAR, rows=[consent])["choices"][0]
    assert town.at(HEALTH, "withdraw_choice", OMAR, choice=first)["withdrawn"] == [first]
    second = town.at(HEALTH, "add_choices", OMAR, rows=[consent])["choices"][0]
    assert second != first
    body = {"local_id": "P53", "kind": "consent"}
    other = code_of(town, HEALTH, "withdraw_choice", OMAR, **body, scope=["fairshire-police"])
    assert other == "desk.unknown-choice"
    assert town.at(HEALTH, "withdraw_choice", OMAR, **body)["withdrawn"] == [second]
    assert code_of(town, HEALTH, "withdraw_choice", OMAR, **body) == "desk.unknown-choice"
    assert code_of(town, HEALTH, "withdraw_choice", OMAR, local_id="P9") == "desk.invalid"


def test_choices_stand_in_the_log_as_commitments(town: Town) -> None:
    town.at(HEALTH, "add_choices", OMAR, rows=[row("P53", kind="restriction")])
    town.at(HEALTH, "withdraw_choice", OMAR, local_id="P53", kind="restriction")
    node = town.simulator.nodes[HEALTH]
    entries = [entry for _, entry in node.log.find("") if entry.action.startswith("choice.")]
    assert {entry.action for entry in entries} == {"choice.recorded", "choice.withdrawn"}
    text = b"".join(entry.encode() for entry in entries).decode()
    assert all(entry.commitments for entry in entries) and node.vault.person_ref("P53") not in text


def test_a_choice_that_would_count_for_nothing_is_taken_and_told(town: Town) -> None:
    """Somebody opted out towards a misspelt organisation: nobody would be kept out, and nobody would notice."""
    rows = [
        row("P55", line=2, kind="opt-out", scope=["nortgate-homes"]),
        row("P56", line=3, kind="opt-out", scope=["neutral-linkage"]),
        row("P57", line=4, purposes=["damp-repairs"]),
        row("P58", line=5, purposes=["damp-repairs"]),
    ]
    for dry_run in (True, False):
        notes = town.at(HEALTH, "add_choices", OMAR, rows=rows, dry_run=dry_run)["notes"]
        assert [(note["rule"].split(":")[0], note["rows"], note["line"]) for note in notes] == [
            ("scope", 1, 2),
            ("purposes", 2, 4),
        ]
        assert "nortgate" not in str(notes)


@pytest.mark.parametrize(
    ("listen", "told"),
    [("0.0.0.0:7400", "node.example:7400"), ("[::]:7400", "node.example:7400"), ("10.1.2.3:7401", "10.1.2.3:7401")],
)
def test_users_are_sent_to_an_address_that_they_can_reach(listen: str, told: str) -> None:
    node = NodeTable(
        organisation="castle-nhs", name="C", operator="C", type="health", address="node.example:7400", listen=listen
    )
    assert reached_at(node) == told


def test_a_node_without_a_register_takes_no_choices(town: Town) -> None:
    assert code_of(town, "neutral-linkage", "add_choices", OMAR, rows=[row("P9")]) == "config.no-records"
