"""Asking, following, approving, and who may see what."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from exchange_node.desk.clerk import when
from exchange_node.desk.errors import DeskError
from exchange_node.draft import DraftError
from exchange_node.refusal import Refusal
from exchange_node.store.model import Leg

from .conftest import ADA, ANN, BOB, HEALTH, HOUSING, OLGA, OMAR, Town, user


def refused(code: str, town: Town, *call: Any, **body: Any) -> str:
    """The text of the DeskError that a call ends with."""
    with pytest.raises(DeskError) as error:
        town.at(*call, **body)
    assert error.value.code == f"desk.{code}"
    return str(error.value)


def test_a_dry_run_tells_the_decision_and_leaves_nothing(town: Town) -> None:
    before = len(town.at(HOUSING, "list_requests", OLGA)["requests"])
    answer = town.at(HOUSING, "check_request", OLGA, draft=town.draft())
    assert (answer["allow"], answer["cohort"]) == (True, 20)
    assert answer["legs"][0]["decision"]["attributes"]["repair_priority"]["effect"] == "transform"
    assert answer["legs"][0]["explained"][0] == "The question is allowed."
    assert len(town.at(HOUSING, "list_requests", OLGA)["requests"]) == before


def test_a_dry_run_of_what_is_denied_has_its_reasons(town: Town) -> None:
    answer = town.at(HOUSING, "check_request", ANN, draft=town.draft(purpose="tax-collection"))
    reasons = [reason["code"] for reason in answer["legs"][0]["decision"]["reasons"]]
    assert not answer["allow"] and "agreement.purpose" in reasons


def test_a_refused_question_raises_with_its_decisions_and_can_be_explained(town: Town) -> None:
    with pytest.raises(Refusal) as error:
        town.at(HOUSING, "submit_request", ANN, draft=town.draft(purpose="tax-collection"))
    assert error.value.decisions[0].allow is False
    told = town.at(HOUSING, "explain_decision", ANN, request=error.value.request_id)
    assert "agreement.purpose" in told["decisions"][0]["reasons"]
    story = town.at(HOUSING, "show_audit", ANN, request=error.value.request_id)
    assert [item["entry"]["action"] for item in story["entries"]] == ["question.refused"]


def test_ids_that_the_register_does_not_know_are_counted(town: Town) -> None:
    draft = town.draft(cohort={"ids": ["T1", "T2", "nobody-4711"]})
    answer = town.at(HOUSING, "submit_request", ANN, draft=draft)
    assert (answer["given"], answer["cohort"]) == (3, 2)
    assert town.at(HOUSING, "cancel_request", ANN, request=answer["request"])["legs"][0]["outcome"] == "cancelled"


def test_the_node_reads_no_file_that_an_analyst_names(town: Town) -> None:
    refused("cohort-file", town, HOUSING, "submit_request", ANN, draft=town.draft(cohort={"file": "/etc/passwd"}))


def test_a_malformed_call_names_the_field_and_never_the_value(town: Town) -> None:
    text = refused("invalid", town, HOUSING, "show_request", ANN, request="canary-4711")
    assert "request" in text and "canary-4711" not in text
    with pytest.raises(DraftError) as error:
        town.at(HOUSING, "check_request", ANN, draft=town.draft(cohort={"ids": ["canary-4711", ""]}))
    assert "cohort" in str(error.value) and "canary-4711" not in str(error.value)


def test_an_analyst_sees_only_their_own_requests(town: Town, answered: str) -> None:
    assert answered in [r["request"] for r in town.at(HOUSING, "list_requests", ANN)["requests"]]
    assert town.at(HOUSING, "list_requests", BOB)["requests"] == []
    for method in ("show_request", "cancel_request", "show_audit", "explain_decision"):
        refused("unknown-request", town, HOUSING, method, BOB, request=answered)
    for who in (OLGA, ADA):
        assert town.at(HOUSING, "show_request", who, request=answered)["state"] == "done"
    # At the provider the same login is somebody else.
    refused("unknown-request", town, HEALTH, "show_request", ANN, request=answered)


def test_status_tells_each_leg_in_words(town: Town, answered: str) -> None:
    status = town.at(HOUSING, "show_request", ANN, request=answered)
    leg = status["legs"][0]
    assert (status["state"], leg["outcome"], leg["step_words"], leg["results"]) == ("done", "done", "ended", True)
    theirs = town.at(HEALTH, "show_request", OMAR, request=answered)
    assert (theirs["role"], theirs["analyst"], theirs["legs"][0]["approval"]["decision"]) == ("provider", "", "approve")
    units = town.at("neutral-linkage", "show_request", ADA, request=answered)
    assert units["purpose"] == "" and "attributes" not in units["legs"][0]


def test_watching_ends_with_the_request(town: Town, answered: str) -> None:
    assert [found["state"] for found in town.collect(HOUSING, "watch_request", ANN, request=answered)] == ["done"]


def test_a_refusal_needs_a_reason_and_reaches_the_analyst_without_it(town: Town) -> None:
    request = town.submit()
    assert [r["request"] for r in town.at(HEALTH, "list_requests", OMAR)["requests"] if r["waiting_for_approval"]] == [
        request
    ]
    refused("invalid", town, HEALTH, "approve_request", OMAR, request=request, decision="refuse")
    reason = "the DPIA is not ready"
    answer = town.at(HEALTH, "approve_request", OMAR, request=request, decision="refuse", reason=reason)
    assert answer["legs"][0]["step_words"] == "refused; the requester hears of it when it asks next"
    town.run(lambda: town.simulator.ended(request, [HOUSING, HEALTH]))
    status = town.at(HOUSING, "show_request", ANN, request=request)
    assert (status["state"], status["legs"][0]["reasons"][0]["code"]) == ("refused", "approval-refused")
    assert status["legs"][0]["reasons"][0]["sentence"] and reason not in str(status)
    refused("not-waiting", town, HEALTH, "approve_request", OMAR, request=request, decision="approve")


def test_nobody_approves_their_own_request_nor_one_that_does_not_wait(town: Town, answered: str) -> None:
    both = user("ann", "officer")  # the same login, should it ever get the other role
    refused("own-request", town, HOUSING, "approve_request", both, request=answered, decision="approve")
    refused("not-waiting", town, HOUSING, "approve_request", OLGA, request=answered, decision="approve")


def test_only_the_side_that_asked_cancels(town: Town, answered: str) -> None:
    refused("not-ours", town, HEALTH, "cancel_request", OMAR, request=answered)


def test_a_peer_that_is_down_is_told_with_the_next_try(own_town: Town) -> None:
    own_town.simulator.network.down.add(HEALTH)
    try:
        request = own_town.at(HOUSING, "submit_request", ANN, draft=own_town.draft())["request"]
        legs = own_town.simulator.nodes[HOUSING].store.legs
        own_town.run(lambda: (leg := legs.get(request, HEALTH)) is not None and leg.attempts > 0)
        leg = own_town.at(HOUSING, "show_request", ANN, request=request)["legs"][0]
    finally:
        own_town.simulator.network.down.clear()
    assert leg["last_error"]["code"] == "peer.unavailable" and "cannot be reached" in leg["last_error"]["sentence"]
    assert leg["next_at"] and leg["step"] == 3
    own_town.at(HOUSING, "cancel_request", OLGA, request=request)


def test_a_peer_that_is_down_for_an_hour_is_tried_less_and_less_often(own_town: Town) -> None:
    """The pauses double up to retry_max_seconds; `status` shows the next try and how many there were."""
    simulator, node = own_town.simulator, own_town.simulator.nodes[HOUSING]
    request = own_town.at(HOUSING, "submit_request", ANN, draft=own_town.draft())["request"]

    def leg() -> Leg:
        found = node.store.legs.get(request, HEALTH)
        assert found is not None
        return found

    simulator.network.down.add(HEALTH)
    simulator.network.calls.clear()
    end, pauses = simulator.time.now + 3600, list[int]()
    try:
        while simulator.time.now < end:
            own_town.run(lambda: leg().attempts > len(pauses))
            told = own_town.at(HOUSING, "show_request", ANN, request=request)["legs"][0]
            assert (told["attempts"], told["last_error"]["code"]) == (len(pauses) + 1, "peer.unavailable")
            assert told["next_at"] == when(leg().next_at)
            failed_at = int(simulator.time.now) - 1  # `run` has turned the clock by a second since
            pauses.append(leg().next_at - failed_at)
            simulator.time.now = leg().next_at
    finally:
        simulator.network.down.clear()
    most = node.config.exchange.retry_max_seconds
    assert most == 300 and pauses == [min(2**tries, most) for tries in range(len(pauses))]
    assert simulator.network.calls.count((HOUSING, HEALTH, "SubmitRequest")) == len(pauses)
    own_town.run(lambda: leg().attempts == 0)
    told = own_town.at(HOUSING, "show_request", ANN, request=request)["legs"][0]
    assert told["last_error"] is None and simulator.nodes[HEALTH].store.legs.get(request, HEALTH) is not None
    own_town.at(HOUSING, "cancel_request", OLGA, request=request)


def test_a_provider_that_cannot_read_its_register_ends_the_request_in_words(own_town: Town) -> None:
    """The requester's analyst learns that the other side has ended it, and not that a message was wrong."""
    register = own_town.simulator.home(HEALTH).path / "people.csv"
    request = own_town.submit()
    away = register.rename(register.with_name("away.csv"))
    try:
        own_town.at(HEALTH, "approve_request", OMAR, request=request, decision="approve")
        legs = own_town.simulator.nodes[HOUSING].store.legs
        asyncio.run(own_town.simulator.run(lambda: legs.list(request)[0].step == 5, [HOUSING]))
        asyncio.run(own_town.simulator.run(lambda: own_town.simulator.ended(request, [HEALTH]), [HEALTH]))
        own_town.run(lambda: own_town.simulator.ended(request))
    finally:
        away.rename(register)
    assert own_town.at(HEALTH, "show_request", OMAR, request=request)["reason"] == "records.file-missing"
    (leg,) = own_town.at(HOUSING, "show_request", ANN, request=request)["legs"]
    assert [reason["code"] for reason in leg["reasons"]] == ["protocol.leg-ended"]
    assert "has ended its part" in leg["reasons"][0]["sentence"] and "officers" in leg["reasons"][0]["mend"]
