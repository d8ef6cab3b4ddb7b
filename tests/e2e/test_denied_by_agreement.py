"""Denied when in doubt: agreements that do not count, and what they do not give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from exchange_node.agreements import AGREEMENT_TYPE, AgreementError
from exchange_node.draft import DraftError, RequestDraft, validate_draft
from exchange_node.errors import ExchangeError
from exchange_node.policy.agreement import canonical, parse_agreement
from exchange_node.refusal import Refusal
from exchange_node.trust.errors import TrustError
from exchange_node.trust.signing import Envelope
from tests.e2e.test_simulated_request import DRAFT, results
from tests.simulator import START, Simulator
from tests.worlds import (
    HOSPITAL,
    LANDLORD,
    NODES,
    OPEN_AGREEMENT,
    UNIT,
    ask,
    end_of,
    entries,
    is_served,
    logged_at_once,
    nothing_left,
    nothing_released,
    refused_calls,
    until_ended,
    until_step,
)

# -- agreements


def signed(world: Simulator, text: str, by: Sequence[str], at: Sequence[str]) -> None:
    """Give some nodes an agreement that some parties have signed."""
    agreement = parse_agreement(text.encode())
    envelope = Envelope(AGREEMENT_TYPE, canonical(agreement))
    for org in by:
        envelope = envelope.add_signature(world.nodes[org].signing_key)
    for org in at:
        documents = world.nodes[org].store.documents
        documents.put_agreement(agreement.id, agreement.version, agreement.digest, envelope.encode(), START)


def version_2(*changes: tuple[str, str]) -> str:
    """The agreement's next version."""
    text = OPEN_AGREEMENT.replace("version: 1", "version: 2")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


SUSPENDED = version_2(("status: active", "status: suspended"))
EXPIRED = version_2(("valid_to: 2027-12-31", "valid_to: 2026-06-30"))
UNREVIEWED = version_2(("\nreview_by: 2027-12-31", "\nreview_by: 2026-06-30"))
DRAFTED = version_2(("status: active", "status: draft"))


@pytest.mark.parametrize("text", [SUSPENDED, EXPIRED, UNREVIEWED, DRAFTED])
async def test_an_agreement_that_does_not_count_today(world: Simulator, text: str) -> None:
    signed(world, text, [LANDLORD, HOSPITAL], [LANDLORD, HOSPITAL])
    with pytest.raises(Refusal) as refusal:
        await ask(world)
    codes = [reason.code for reason in refusal.value.decisions[0].reasons]
    (entry,) = entries(world, LANDLORD, refusal.value.request_id)
    logged = entry.facts["reasons"]
    assert isinstance(logged, list) and logged[0] == codes[0] and codes[0].startswith("agreement")
    assert world.network.calls == []


async def test_an_agreement_that_not_all_have_signed(world: Simulator) -> None:
    signed(world, version_2(), [LANDLORD], [LANDLORD])
    with pytest.raises(AgreementError) as error:
        await ask(world)
    assert error.value.code == "agreement.unsigned"
    logged_at_once(world, error.value)
    assert world.network.calls == []


@pytest.mark.parametrize(
    ("text", "by", "code"),
    [
        (SUSPENDED, [HOSPITAL], "agreement.superseded"),
        (SUSPENDED, [LANDLORD, HOSPITAL], "agreement.superseded"),
    ],
)
async def test_an_agreement_that_the_provider_has_suspended(
    world: Simulator, text: str, by: list[str], code: str
) -> None:
    """One party suspends by itself, whatever the other still has."""
    signed(world, text, by, [HOSPITAL])
    request = await ask(world)
    await until_ended(world, request)
    assert end_of(world, LANDLORD, request)["reason"] == code
    assert (LANDLORD, code) in refused_calls(world, HOSPITAL)
    nothing_released(world, request)


async def test_an_agreement_that_the_provider_does_not_know(world: Simulator) -> None:
    signed(world, version_2(), [LANDLORD, HOSPITAL], [LANDLORD])
    request = await ask(world)
    await until_ended(world, request)
    assert end_of(world, LANDLORD, request)["reason"] == "agreement.unknown"
    assert (LANDLORD, "agreement.unknown") in refused_calls(world, HOSPITAL)
    assert world.state(HOSPITAL, request) == "unknown"


@pytest.mark.parametrize(("org", "step"), [(LANDLORD, 5), (HOSPITAL, 5), (HOSPITAL, 8)])
async def test_an_agreement_suspended_while_a_request_is_on_its_way(world: Simulator, org: str, step: int) -> None:
    request = await ask(world)
    await until_step(world, request, org, step)
    signed(world, SUSPENDED, [org], [org])
    await until_ended(world, request)
    assert world.state(LANDLORD, request) == "refused"
    assert end_of(world, org, request)["reason"] == "agreement.superseded"
    nothing_released(world, request)
    nothing_left(world)


async def test_an_agreement_suspended_after_the_release_was_sealed(world: Simulator) -> None:
    """A release may wait for hours for a requester that is down: what is suspended meanwhile is not handed out."""
    request = await ask(world)
    await until_step(world, request, HOSPITAL, 9)
    signed(world, SUSPENDED, [HOSPITAL], [HOSPITAL])
    await until_ended(world, request)
    assert end_of(world, LANDLORD, request)["reason"] == "agreement.superseded"
    assert (LANDLORD, "agreement.superseded") in refused_calls(world, HOSPITAL)
    nothing_released(world, request)
    nothing_left(world)


# -- questions that the agreement does not give


def draft(**changes: Any) -> RequestDraft:
    """The usual question, changed."""
    value: dict[str, Any] = {
        "agreement": "asthma-mould",
        "purpose": "damp-repair-prioritisation",
        "providers": [HOSPITAL],
        "attributes": {HOSPITAL: ["repair_priority"]},
        "cohort": {"condition": "damp = yes"},
    }
    return validate_draft(value | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"purpose": "rent-arrears"},
        {"attributes": {HOSPITAL: ["diagnosis"]}},
        {"attributes": {HOSPITAL: ["repair_priority", "diagnosis"]}},
        {"providers": [LANDLORD], "attributes": {LANDLORD: ["repair_priority"]}},
        {"providers": [UNIT], "attributes": {UNIT: ["repair_priority"]}},
        {"providers": ["crown-revenue"], "attributes": {"crown-revenue": ["repair_priority"]}},
        {"linkage_unit": HOSPITAL},
        {"linkage_unit": "another-unit"},
        {"method": "weighted-clk"},
        {"agreement": "no-such-agreement"},
        {"cohort": {"condition": "damp = no and damp = yes"}},
    ],
)
async def test_a_question_outside_the_agreement(world: Simulator, changes: dict[str, Any]) -> None:
    with pytest.raises(ExchangeError) as error:
        await ask(world, draft(**changes))
    assert error.value.code in ("request.refused", "draft.not-in-agreement", "agreement.unknown", "draft.empty-cohort")
    assert world.network.calls == []
    assert world.nodes[LANDLORD].store.requests.list() == []
    if isinstance(error.value, Refusal):
        (entry,) = entries(world, LANDLORD, error.value.request_id)
        assert entry.facts["reasons"]
    elif error.value.code == "draft.empty-cohort":  # a mistake, and nobody's refusal
        assert error.value.request_id == ""
    else:
        logged_at_once(world, error.value)


async def test_a_method_that_the_agreement_has_and_the_node_has_not(world: Simulator) -> None:
    text = version_2(("methods: [clk-linkage-unit]", "methods: [clk-linkage-unit, later-method]"))
    signed(world, text, [LANDLORD, HOSPITAL], [LANDLORD, HOSPITAL])
    with pytest.raises(ExchangeError) as error:
        await ask(world, draft(method="later-method"))
    assert error.value.code == "linkage.unknown-method"
    logged_at_once(world, error.value)
    signed(
        world,
        text.replace("version: 2", "version: 3").replace("schema: uk-person-1", "schema: later-schema"),
        NODES[:2],
        NODES[:2],
    )
    with pytest.raises(ExchangeError) as error:
        await ask(world)
    assert error.value.code == "encoding.unknown-schema"
    logged_at_once(world, error.value)
    version_4 = OPEN_AGREEMENT.replace("version: 1", "version: 4")
    signed(world, version_4, NODES[:2], NODES[:2])
    await is_served(world)


@pytest.mark.parametrize(
    "changes", [{"purpose": "rent-arrears"}, {"attributes": {HOSPITAL: ["repair_priority", "diagnosis"]}}]
)
async def test_a_provider_decides_for_itself(
    world: Simulator, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A requester whose own policy allows everything gets no further than the provider."""
    exchange = world.network.exchanges[LANDLORD]
    allowed = exchange.plan(DRAFT, "analyst").legs[0].decision
    monkeypatch.setattr(exchange, "decide", lambda question: allowed)
    request = await ask(world, draft(**changes))
    await until_ended(world, request)
    assert world.state(HOSPITAL, request) == world.state(LANDLORD, request) == "refused"
    assert end_of(world, HOSPITAL, request)["reason"]
    assert world.state(UNIT, request) == "unknown"
    nothing_released(world, request)


# -- linkage


async def test_precision_below_the_minimum_releases_nobody(world: Simulator) -> None:
    unit = world.network.exchanges[UNIT]
    link = unit.link_encodings
    unit.link_encodings = lambda case: replace(link(case), precision_bp=9799)  # type: ignore[method-assign]
    request = await ask(world)
    await until_ended(world, request)
    assert world.state(LANDLORD, request) == "done"
    assert set(results(world, request).values()) == {""}
    (release,) = [entry for entry in entries(world, HOSPITAL, request) if entry.action == "release.sealed"]
    story, _ = world.network.exchanges[HOSPITAL].notes.kept(release.id) or ({}, b"")
    assert story["rows"] == 0 and any("precision" in code for code in story["reasons"]), story


@pytest.mark.parametrize("blind", [[], ["exchange"], ["exchange", "casework"]])
async def test_a_linkage_unit_that_a_party_operates_is_refused(
    world: Simulator, blind: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the requester, by the provider, and by the unit itself: each looks into the manifest."""
    operated = [
        join.organisation.model_copy(update={"operator": "castle  NHS Trust"}) if org == UNIT else join.organisation
        for org, join in world.joins.items()
    ]
    world.publish(organisations=tuple(operated))
    for module in blind:
        monkeypatch.setattr(f"exchange_node.{module}.operator_conflict", lambda *_: None)
    if not blind:
        with pytest.raises(TrustError) as error:
            await ask(world)
        assert error.value.code == "trust.operator-conflict"
        logged_at_once(world, error.value)
        return
    request = await ask(world)
    await until_ended(world, request)
    assert world.state(LANDLORD, request) == "refused"
    assert "operator-conflict" in end_of(world, LANDLORD, request)["reason"]
    if len(blind) == 1:
        assert (LANDLORD, "trust.operator-conflict") in refused_calls(world, HOSPITAL)
    else:
        assert end_of(world, UNIT, request)["reason"] == "operator-conflict"
    nothing_released(world, request)
    nothing_left(world)


@pytest.mark.parametrize(
    ("cap", "org", "reason"),
    [
        ("max_links: 50000", UNIT, "linkage.too-many-links"),
        ("max_provider_rows: 1000000", HOSPITAL, "encoding.too-many-rows"),
    ],
)
async def test_over_a_cap_of_the_agreement(world: Simulator, cap: str, org: str, reason: str) -> None:
    text = version_2((cap, cap.partition(":")[0] + ": 9"))
    signed(world, text, [LANDLORD, HOSPITAL], [LANDLORD, HOSPITAL])
    request = await ask(world)
    await until_ended(world, request)
    assert world.state(LANDLORD, request) in ("refused", "failed")
    assert end_of(world, org, request)["reason"] == reason
    nothing_released(world, request)
    nothing_left(world)


async def test_a_cohort_above_the_cap_is_not_asked_about(world: Simulator) -> None:
    text = version_2(("max_cohort_rows: 50000", "max_cohort_rows: 39"))
    signed(world, text, [LANDLORD, HOSPITAL], [LANDLORD, HOSPITAL])
    with pytest.raises(DraftError) as error:
        await ask(world)
    assert error.value.code == "draft.not-in-agreement"
    logged_at_once(world, error.value)
    assert world.network.calls == []
