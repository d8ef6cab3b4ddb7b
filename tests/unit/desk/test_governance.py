"""Agreements, the manifest, and the node's status."""

from __future__ import annotations

import inspect

import pytest

from exchange_node.agreements import AgreementError
from exchange_node.desk.desk import Desk
from exchange_node.policy.errors import PolicyError
from exchange_node.rpc.access import ACCESS
from exchange_node.trust.errors import TrustError

from .conftest import ADA, AGREEMENT, HEALTH, HOUSING, OLGA, OMAR, Town

SECOND = AGREEMENT.replace("id: asthma-mould", "id: second-one", 1)


def snake(method: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in method).lstrip("_")


def test_the_desk_has_every_method_of_the_contract() -> None:
    for path in ACCESS:
        service, _, method = path.rpartition("/")
        if service.endswith("Desk"):
            found = getattr(Desk, snake(method))
            assert inspect.iscoroutinefunction(found) or inspect.isasyncgenfunction(found)


def test_an_agreement_is_in_force_once_each_has_the_others_signature(town: Town) -> None:
    ours = town.at(HOUSING, "sign_agreement", OLGA, text=SECOND)
    assert (ours["signed_by"], ours["missing"], ours["in_force"]) == ([HOUSING], [HEALTH], False)
    theirs = town.at(HEALTH, "sign_agreement", OMAR, text=ours["envelope"])
    assert theirs["in_force"]
    loaded = town.at(HOUSING, "sign_agreement", OLGA, text=theirs["envelope"], sign=False)
    assert loaded["in_force"]
    shown = town.at(HOUSING, "show_agreement", OLGA, id="second-one")
    assert shown["text"]["id"] == "second-one" and shown["in_force"]
    listed = {a["id"]: a["in_force"] for a in town.at(HOUSING, "list_agreements", OLGA)["agreements"]}
    assert listed == {"asthma-mould": True, "second-one": True}
    actions = [entry.action for _, entry in town.simulator.nodes[HOUSING].log.find("")]
    assert actions.count("agreement.signed") == 1 and actions.count("agreement.accepted") == 1


def test_an_unsigned_draft_is_not_taken_in_and_nobody_else_signs(town: Town) -> None:
    with pytest.raises(AgreementError) as error:
        town.at(HOUSING, "sign_agreement", OLGA, text=SECOND.replace("second-one", "third-one"), sign=False)
    assert error.value.code == "agreement.unsigned"
    with pytest.raises(AgreementError) as error:
        town.at("neutral-linkage", "sign_agreement", OLGA, text=SECOND)
    assert error.value.code == "agreement.not-a-party"
    with pytest.raises(PolicyError):
        town.at(HOUSING, "sign_agreement", OLGA, text="id: only")
    with pytest.raises(AgreementError):
        town.at(HOUSING, "show_agreement", OLGA, id="nowhere")


def test_what_runs_out_soon_is_said(town: Town) -> None:
    soon = SECOND.replace("second-one", "short-one").replace("valid_to: 2027-12-31", "valid_to: 2026-12-10")
    assert soon.count("2026-12-10") == 1
    answer = town.at(HOUSING, "sign_agreement", OLGA, text=soon)
    assert any("the agreement ends on 2026-12-10" in reminder for reminder in answer["reminders"])


def test_a_manifest_is_accepted_shown_and_an_older_one_refused(town: Town) -> None:
    old = town.simulator.manifest().sign(*town.simulator.roots[:2]).encode()
    new = town.simulator.manifest().sign(*town.simulator.roots[:2]).encode()
    for org in town.desks:
        accepted = town.at(org, "accept_manifest", ADA, envelope=new.decode())
    shown = town.at(HOUSING, "show_manifest", ADA)
    assert shown["number"] == accepted["number"] and shown["digest"] == accepted["digest"]
    assert {org["id"] for org in shown["text"]["organisations"]} == set(town.desks)
    with pytest.raises(TrustError) as error:
        town.at(HOUSING, "accept_manifest", ADA, envelope=old.decode())
    assert error.value.code == "trust.manifest-older"
    actions = [entry.action for _, entry in town.simulator.nodes[HOUSING].log.find("")]
    assert "manifest.accepted" in actions and "manifest.refused" in actions


def test_status_in_a_few_facts(town: Town) -> None:
    status = town.at(HOUSING, "node_status", OLGA)
    assert status["organisation"] == HOUSING and status["id_column"] == "ref" and status["user"]["role"] == "officer"
    assert status["log"]["key"].startswith(f"{HOUSING}.node.exchange.internal/log+")
    assert town.at("neutral-linkage", "node_status", ADA)["records"] is False
