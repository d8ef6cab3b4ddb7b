"""Denied when in doubt: whatever is missing, late, malformed, expired, full or wrong ends in a deny with its reason in
the log, nothing is released, and the node serves the next request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from exchange_node.policy.errors import PolicyError
from exchange_node.refusal import Refusal
from exchange_node.trust.documents import format_time
from exchange_node.trust.errors import TrustError
from exchange_node.trust.manifest import PolicyBundle
from tests.e2e.test_simulated_request import results
from tests.simulator import Simulator
from tests.worlds import (
    HOSPITAL,
    LANDLORD,
    NODES,
    RELEASED,
    UNIT,
    Failing,
    ask,
    end_of,
    entries,
    failing_engine,
    is_served,
    logged_at_once,
    nothing_left,
    nothing_released,
    refused_calls,
    rounds,
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
    until = {"digest": bundle.digest, "revision": "test", "until": format_time(int(world.time.now) + 60)}
    world.publish(policy_bundles=(PolicyBundle.model_validate(until),))
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
