"""Results with their provenance, the log's story, and explanations."""

from __future__ import annotations

import json
from typing import Any

import pytest

from exchange_node.audit.canonical import canonical
from exchange_node.audit.entry import Entry
from exchange_node.audit.proof import verify_proof
from exchange_node.audit.story import compare
from exchange_node.desk.errors import DeskError
from exchange_node.homes import log_signer
from exchange_node.messages import MESSAGE_TYPE
from exchange_node.release.columns import Column, parse_type
from exchange_node.release.results import restore
from exchange_node.trust.documents import b64decode
from exchange_node.trust.signing import verify
from exchange_node.wire.v1 import message_pb2 as pb

from .conftest import ADA, ANN, BOB, HEALTH, HOUSING, OLGA, OMAR, Town


def fetched(town: Town, request: str) -> dict[str, Any]:
    pieces = town.collect(HOUSING, "fetch_results", ANN, request=request, provider=HEALTH)
    document: dict[str, Any] = json.loads(b"".join(pieces))
    return document


def test_the_table_has_every_row_and_only_those_who_agreed_have_a_value(town: Town, answered: str) -> None:
    document = fetched(town, answered)
    told = document["columns"][0]
    kind = {name: value for name, value in told.items() if name not in ("name", "transform", "description")}
    column = Column(told["name"], parse_type(kind), told["transform"], told["description"])
    table = restore([column], document["keys"], document["released"])
    assert sorted(table.keys) == sorted(f"T{n}" for n in range(20))
    assert {key for key, cells in table.lines() if cells == ("high",)} == {f"T{n}" for n in range(10)}


def test_the_provenance_holds_what_proves_the_release(town: Town, answered: str) -> None:
    facts = fetched(town, answered)["provenance"]
    node = town.simulator.nodes[HOUSING]
    stored = node.store.messages.get(answered, HEALTH, "received", HEALTH, "CollectRelease.reply")
    assert stored is not None
    signed = pb.Signed.FromString(stored.body)
    key = town.simulator.nodes[HEALTH].signing_key
    assert facts["release_key_id"] == key.key_id
    verify(MESSAGE_TYPE, signed.payload, b64decode(facts["release_signature"]), key.verify_key)
    entries = [e for _, e in node.log.find(answered) if e.action == "collect-release.answered"]
    verify_proof(facts["log_inclusion"].encode(), log_signer(node.keys, HOUSING).vkey, entries[0].encode())
    assert facts["requester"] == HOUSING and facts["exported_by"] == "ann" and "delete after" in facts["retention"]


def test_each_export_stands_in_the_log_before_it_leaves(town: Town, answered: str) -> None:
    def exports() -> int:
        return sum(e.action == "results.exported" for _, e in town.simulator.nodes[HOUSING].log.find(answered))

    town.simulator.time.now += 5
    before = exports()
    fetched(town, answered)
    assert exports() == before + 1


@pytest.mark.parametrize(
    ("who", "code"),
    [(BOB, "unknown-request"), (OLGA, "not-yours"), (ADA, "not-yours")],
)
def test_only_the_analyst_who_asked_fetches(town: Town, answered: str, who: Any, code: str) -> None:
    with pytest.raises(DeskError) as error:
        town.collect(HOUSING, "fetch_results", who, request=answered, provider=HEALTH)
    assert error.value.code == f"desk.{code}"


def test_results_that_are_not_there_are_said_not_to_be(town: Town, answered: str) -> None:
    with pytest.raises(DeskError) as error:
        town.collect(HOUSING, "fetch_results", ANN, request=answered, provider="riverside-care")
    assert error.value.code == "desk.no-results"


def test_a_story_opens_counts_for_officers_and_never_who_they_were(town: Town, answered: str) -> None:
    story = town.at(HEALTH, "show_audit", OMAR, request=answered)
    release = next(line for line in story["lines"] if "sealed release" in line["text"])
    opened = release["opened"]["story"]
    assert (opened["linked"], opened["values"], "people" in opened) == (10, 10, False)
    assert (opened["people_released"], opened["people_denied"]) == (10, 0)
    admitted = next(line["opened"]["admission"] for line in story["lines"] if "admission" in line["opened"])
    assert (admitted["left_out"]["choice.opt-out"], sum(admitted["left_out"].values())) == (5, 50)
    assert (admitted["people_encoded"], admitted["thin"]) == (10, 0) and admitted["encoded"] >= 10
    assert any("recorded what an officer decided (approve)" in line["text"] for line in story["lines"])
    closed = town.at(HEALTH, "show_audit", ADA, request=answered)
    assert not any(line["opened"] for line in closed["lines"])
    assert any(line["sealed"] for line in closed["lines"])


def test_two_sides_stories_agree_and_a_changed_one_does_not(town: Town, answered: str) -> None:
    stories = (
        town.at(HOUSING, "show_audit", ANN, request=answered),
        town.at(HEALTH, "show_audit", OMAR, request=answered),
    )
    sides = [[Entry.decode(canonical(item["entry"])) for item in story["entries"]] for story in stories]
    assert compare(*sides, us=HOUSING, them=HEALTH) == []
    without = [entry for entry in sides[1] if entry.action != "send-receipt.received"]
    assert [found.name for found in compare(sides[0], without, us=HOUSING, them=HEALTH)] == ["message"]


def test_decisions_are_explained_at_both_sides(town: Town, answered: str) -> None:
    ours = town.at(HOUSING, "explain_decision", ANN, request=answered)["decisions"]
    assert [(d["step"], d["allow"], d["people"]) for d in ours] == [(2, True, None)]
    theirs = town.at(HEALTH, "explain_decision", OMAR, request=answered)["decisions"]
    assert sum(d["people"] for d in theirs if d["step"] == 8) == 10
    (person,) = (d for d in theirs if d["explained"][0] == "omar looked at the request and approved it.")
    assert (person["step"], person["allow"], person["people"]) == (3, True, None)
    assert all(d["explained"][-1].startswith("Decided by embedded") for d in theirs if d is not person)


def test_an_officers_no_is_explained_with_its_reason(town: Town) -> None:
    request = town.submit()
    town.at(HEALTH, "approve_request", OMAR, request=request, decision="refuse", reason="DPIA 14 is not signed off yet")
    town.run(lambda: town.simulator.ended(request))
    *_, person = town.at(HEALTH, "explain_decision", OMAR, request=request)["decisions"]
    assert person["explained"] == [
        "omar looked at the request and refused it.",
        "Reason: DPIA 14 is not signed off yet",
    ]
    assert (person["allow"], person["reasons"]) == (False, ["approval-refused"])
    theirs = json.dumps(town.at(HOUSING, "explain_decision", ANN, request=request))
    assert "DPIA 14" not in theirs and "omar" not in theirs


def test_nothing_that_a_desk_tells_names_a_person(town: Town, answered: str) -> None:
    told = [
        town.at(HEALTH, method, OMAR, request=answered) for method in ("show_request", "show_audit", "explain_decision")
    ]
    told.append(town.at(HEALTH, "list_choices", OMAR))
    text = json.dumps(told)
    for canary in ('"P3"', "Ashdown", "Birkett", "AB1 1CD", "01/01/1950", "J45"):
        assert canary not in text
