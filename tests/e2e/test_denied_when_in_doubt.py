"""Denied when in doubt: whatever is missing, late, malformed, expired, full or wrong ends in a deny with its reason in
the log, nothing is released, and the node serves the next request.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from exchange_node.agreements import AGREEMENT_TYPE, AgreementError
from exchange_node.draft import DraftError, RequestDraft, validate_draft
from exchange_node.errors import ExchangeError
from exchange_node.policy.agreement import canonical, parse_agreement
from exchange_node.policy.errors import PolicyError
from exchange_node.refusal import Refusal
from exchange_node.trust.documents import format_time
from exchange_node.trust.errors import TrustError
from exchange_node.trust.manifest import PolicyBundle
from exchange_node.trust.signing import Envelope
from tests.e2e.test_simulated_request import DRAFT, results
from tests.simulator import START, Simulator
from tests.worlds import (
    HOSPITAL,
    LANDLORD,
    NODES,
    OPEN_AGREEMENT,
    RELEASED,
    UNIT,
    Failing,
    ask,
    end_of,
    entries,
    failing_engine,
    is_served,
    nothing_left,
    nothing_released,
    refused_calls,
    until_ended,
    until_step,
    whereabouts,
)

Trouble = Callable[[Mapping[str, Any]], object]


def raising(code: str) -> Trouble:
    def trouble(_: Mapping[str, Any]) -> object:
        raise PolicyError(code)

    return trouble


TROUBLES: dict[str, tuple[Trouble, str]] = {
    "down": (raising("engine-unavailable"), "engine-unavailable"),
    "late": (raising("engine-late"), "engine-late"),
    "erring": (raising("engine-failed"), "engine-failed"),
    "undefined": (raising("engine-undefined"), "engine-undefined"),
    "a number": (lambda _: 1, "engine-malformed"),
    "true": (lambda _: True, "engine-malformed"),
    "nothing": (lambda _: None, "engine-malformed"),
    "an empty object": (lambda _: {}, "engine-malformed"),
    "a bare allow": (lambda _: {"allow": True}, "engine-malformed"),
    "an allow in words": (lambda _: {"decision": "allow"}, "engine-malformed"),
}


def only(operation: str, trouble: Trouble, engine: Failing) -> Trouble:
    """Trouble with one operation alone."""

    def chosen(document: Mapping[str, Any]) -> object:
        wanted = document["request"]["operation"] == operation
        return trouble(document) if wanted else engine.answer(document)

    return chosen


async def rounds(world: Simulator, number: int) -> None:
    """Let some seconds pass."""
    end = world.time.now + number
    await world.run(lambda: world.time.now >= end)


# -- the policy engine


async def test_an_engine_in_trouble_lets_nothing_be_asked(world: Simulator) -> None:
    engine = failing_engine(world, LANDLORD)
    for trouble, code in TROUBLES.values():
        engine.trouble = trouble
        with pytest.raises(Refusal) as refusal:
            await ask(world)
        assert [reason.code for d in refusal.value.decisions for reason in d.all_reasons()] == [code]
        (entry,) = entries(world, LANDLORD, refusal.value.request_id)
        assert (entry.action, entry.facts["allow"], entry.facts["reasons"]) == ("question.refused", False, [code])
    assert world.network.calls == []
    engine.trouble = None
    await is_served(world)
    nothing_left(world)


async def test_an_engine_in_trouble_accepts_nothing(world: Simulator) -> None:
    engine = failing_engine(world, HOSPITAL)
    for trouble, code in TROUBLES.values():
        engine.trouble = trouble
        request = await ask(world)
        await until_ended(world, request)
        assert world.state(LANDLORD, request) == world.state(HOSPITAL, request) == "refused"
        assert world.state(UNIT, request) == "unknown"
        for org in (LANDLORD, HOSPITAL):
            assert end_of(world, org, request) == {**end_of(world, org, request), "outcome": "refused", "reason": code}
        (decision,) = [e for e in entries(world, HOSPITAL, request) if e.action == "decision.ask"]
        assert decision.facts["allow"] is False
        nothing_released(world, request)
    engine.trouble = None
    await is_served(world)
    nothing_left(world)


@pytest.mark.parametrize(("org", "operation"), [(LANDLORD, "link"), (HOSPITAL, "link"), (HOSPITAL, "release")])
async def test_an_engine_in_trouble_later_ends_the_request(world: Simulator, org: str, operation: str) -> None:
    engine = failing_engine(world, org)
    for trouble, code in TROUBLES.values():
        engine.trouble = only(operation, trouble, engine)
        request = await ask(world)
        await until_ended(world, request)
        assert world.state(LANDLORD, request) in ("refused", "failed", "cancelled")
        assert end_of(world, org, request)["reason"] == f"policy.{code}"
        nothing_released(world, request)
        if operation == "link":
            assert "people.encoded" not in [entry.action for entry in entries(world, org, request)]
    engine.trouble = None
    await is_served(world)
    nothing_left(world)


async def test_trouble_that_passes_is_waited_out(world: Simulator) -> None:
    engine = failing_engine(world, HOSPITAL)
    engine.trouble = only("release", raising("engine-late"), engine)
    request = await ask(world)
    await until_step(world, request, HOSPITAL, 8)
    await world.run(lambda: "policy.engine-late" in [w[3] for w in whereabouts(world, request)])
    nothing_released(world, request)
    engine.trouble = None
    await until_ended(world, request)
    assert {key for key, value in results(world, request).items() if value == "high"} == RELEASED


@pytest.mark.parametrize("step", [5, 8])
async def test_a_bundle_that_the_federation_withdraws_decides_no_more(world: Simulator, step: int) -> None:
    request = await ask(world)
    await until_step(world, request, HOSPITAL, step)
    world.publish(policy_bundles=())
    await until_ended(world, request)
    assert world.state(LANDLORD, request) == "refused"
    assert end_of(world, HOSPITAL, request)["reason"] in ("policy.bundle-unapproved", "refused")
    assert "policy.bundle-unapproved" in {end_of(world, org, request)["reason"] for org in (LANDLORD, HOSPITAL)}
    nothing_released(world, request)
    with pytest.raises(Refusal) as refusal:
        await ask(world)
    assert refusal.value.decisions[0].reasons[0].code == "bundle-unapproved"
    world.publish()
    await is_served(world)
    nothing_left(world)


async def test_an_approval_of_a_bundle_that_runs_out(world: Simulator) -> None:
    bundle = world.manifest().policy_bundles[0]
    until = format_time(int(world.time.now) + 60)
    world.publish(policy_bundles=(PolicyBundle(digest=bundle.digest, revision="test", until=until),))
    request = await ask(world)
    await until_step(world, request, HOSPITAL, 8)
    world.time.now += 61
    await until_ended(world, request)
    assert end_of(world, HOSPITAL, request)["reason"] == "policy.bundle-unapproved"
    nothing_released(world, request)
    world.publish()
    await is_served(world)


# -- manifest and clock


@pytest.mark.parametrize(("org", "step"), [(LANDLORD, 2), (HOSPITAL, 5), (UNIT, 6), (HOSPITAL, 8)])
async def test_an_expired_manifest_stops_everything(world: Simulator, org: str, step: int) -> None:
    world.publish(expires_at=format_time(int(world.time.now) + 3600))
    request = await ask(world)
    await until_step(world, request, org, step)
    world.time.now += 3600
    with pytest.raises(TrustError) as error:
        await ask(world)
    assert error.value.code == "trust.manifest-expired"
    logged_at_once(world, error.value)
    await rounds(world, 30)
    world.publish()
    await until_ended(world, request)
    ended = [org for org in NODES if world.state(org, request) != "unknown"]
    assert "trust.manifest-expired" in {end_of(world, org, request)["reason"] for org in ended}
    nothing_released(world, request)
    await is_served(world)
    nothing_left(world)


JUMPS = [(-1000, "trust.clock-set-back"), (500 * 86_400, "trust.clock-implausible")]


@pytest.mark.parametrize(("jump", "code"), JUMPS)
@pytest.mark.parametrize("org", NODES)
async def test_a_clock_out_of_range_stops_the_node(world: Simulator, org: str, jump: int, code: str) -> None:
    clock = world.nodes[org].clock
    clock._time_source = lambda: world.time.now + jump  # type: ignore[attr-defined]
    if org == LANDLORD:
        with pytest.raises(TrustError) as error:
            await ask(world)
        assert error.value.code == code
        assert world.network.calls == []
    else:
        request = await ask(world)
        await world.run(lambda: world.ended(request, [LANDLORD]))
        assert (world.state(LANDLORD, request), end_of(world, LANDLORD, request)["reason"]) == ("refused", code)
        nothing_released(world, request)
    clock._time_source = world.time  # type: ignore[attr-defined]
    await is_served(world)


@pytest.mark.parametrize("jump", [-115, 115, 130, 86_400])
async def test_clocks_apart(world: Simulator, jump: int) -> None:
    """The clock of one node is plausible, but not that of its peers."""
    world.nodes[HOSPITAL].clock._time_source = lambda: world.time.now + jump  # type: ignore[attr-defined]
    request = await ask(world)
    await world.run(lambda: world.ended(request, [LANDLORD]))
    if abs(jump) <= 120:
        assert world.state(LANDLORD, request) == "done"
        return
    assert end_of(world, LANDLORD, request)["reason"] == "protocol.clock-skew"
    assert (LANDLORD, "protocol.clock-skew") in refused_calls(world, HOSPITAL)
    nothing_released(world, request)


# -- disks


class Full:
    """A fault hook: a disk that has no room for some kind of write while it is on."""

    def __init__(self, what: str) -> None:
        self.what, self.on = what, False

    def __call__(self, name: str) -> None:
        if self.on and name.startswith(self.what):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def set_full(world: Simulator, org: str, full: bool) -> None:
    """SQLite's own way to run out of room."""
    with world.nodes[org].store.database.read() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar() if full else 2**30
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")


STEPS = [(LANDLORD, 2), (LANDLORD, 5), (HOSPITAL, 5), (HOSPITAL, 8), (UNIT, 5), (UNIT, 6)]


@pytest.mark.parametrize(("org", "step"), STEPS)
async def test_a_full_database(world: Simulator, org: str, step: int) -> None:
    request = await ask(world)
    await until_step(world, request, org, step)
    set_full(world, org, True)
    await rounds(world, 20)
    assert world.state(LANDLORD, request) == "open"
    assert world.nodes[LANDLORD].store.results.list(request) == []
    set_full(world, org, False)
    await until_ended(world, request)
    assert {key for key, value in results(world, request).items() if value == "high"} == RELEASED
    nothing_left(world)


async def test_a_full_database_lets_nothing_be_asked(world: Simulator) -> None:
    set_full(world, LANDLORD, True)
    with pytest.raises(ExchangeError) as error:
        for _ in range(20):  # the pages that are there may have room for one or two
            await ask(world)
    assert error.value.code == "store.cannot-write"
    assert world.network.calls == []
    set_full(world, LANDLORD, False)
    await is_served(world)


@pytest.mark.parametrize("org", NODES)
async def test_a_full_spool(world: Simulator, org: str) -> None:
    world.nodes[org].store.faults = full = Full("store.spool")
    full.on = True
    request = await ask(world)
    await rounds(world, 20)
    assert world.state(LANDLORD, request) == "open"
    stuck = {place[3] for place in whereabouts(world, request)}
    assert ("peer.unavailable" if org == UNIT else "store.cannot-write") in stuck
    nothing_released(world, request)
    full.on = False
    await until_ended(world, request)
    assert {key for key, value in results(world, request).items() if value == "high"} == RELEASED


async def test_a_disk_that_stays_full_ends_the_request_at_its_deadline(world: Simulator) -> None:
    world.nodes[UNIT].store.faults = full = Full("store.spool.put")
    full.on = True
    request = await ask(world)
    await until_step(world, request, LANDLORD, 5)
    await rounds(world, 5)
    world.time.now += 72 * 3600
    await until_ended(world, request)
    assert [world.state(org, request) for org in NODES] == ["expired"] * 3
    assert end_of(world, LANDLORD, request)["reason"] == "deadline"
    nothing_released(world, request)
    nothing_left(world)


@pytest.mark.parametrize(("org", "step"), [*STEPS, (LANDLORD, 3), (LANDLORD, 9), (HOSPITAL, 4), (UNIT, 7)])
async def test_a_log_that_cannot_be_written(world: Simulator, org: str, step: int) -> None:
    """What the log would have to record does not happen: no message goes out, no answer is given."""
    full = Full("audit.publish")
    reopen(world, org, full)
    request = await ask(world)
    await until_step(world, request, org, step)
    full.on = True
    said, size = len(world.network.calls), world.nodes[org].log.size()
    sent = {
        (m.direction, m.peer, m.kind) for m in world.nodes[org].store.messages.list(request) if m.direction == "sent"
    }
    await rounds(world, 20)
    assert world.state(LANDLORD, request) == "open"
    assert world.nodes[org].log.size() == size
    polls = {"CollectLinks", "CollectRelease"}  # questions without an effect, and so without an entry
    assert {call[2] for call in world.network.calls[said:] if call[0] == org} <= polls
    for peer in set(NODES) - {org}:
        theirs = world.nodes[peer].store.messages.list(request)
        assert {(m.peer, m.kind) for m in theirs if m.direction == "received" and m.peer == org} <= {
            (org, kind) for _, to, kind in sent if to == peer
        }
    full.on = False
    reopen(world, org)
    await until_ended(world, request)
    assert {key for key, value in results(world, request).items() if value == "high"} == RELEASED
    nothing_left(world)


async def test_a_log_that_stays_unwritable_ends_the_request(world: Simulator) -> None:
    full = Full("audit.publish")
    reopen(world, HOSPITAL, full)
    request = await ask(world)
    await until_step(world, request, HOSPITAL, 8)
    full.on = True
    await rounds(world, 80)
    nothing_released(world, request)
    assert [leg.step for leg in world.nodes[HOSPITAL].store.legs.list(request)] == [10]
    reopen(world, HOSPITAL)
    await until_ended(world, request)
    assert end_of(world, HOSPITAL, request) == end_of(world, HOSPITAL, request) | {
        "outcome": "failed", "reason": "audit.cannot-write",
    }  # fmt: skip
    nothing_left(world)


def reopen(world: Simulator, org: str, faults: Callable[[str], None] | None = None) -> None:
    """Stop and start a node."""
    world.nodes[org].log.close()
    world.nodes[org].store.close()
    world.open(org, faults)


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
    assert entry.facts["reasons"][0] == codes[0] and codes[0].startswith("agreement")
    assert world.network.calls == []


def logged_at_once(world: Simulator, error: ExchangeError) -> None:
    """A question that could not even be put to policy is in the log, under the id that its error names."""
    (entry,) = entries(world, LANDLORD, error.request_id)
    assert (entry.action, entry.facts, entry.commitments) == (
        "question.refused", {"allow": False, "reasons": [error.code]}, {},
    )  # fmt: skip


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
