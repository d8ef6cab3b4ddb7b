"""The spine: registers of made-up people with a known truth, and registers that nobody would think of."""

from __future__ import annotations

import random
from dataclasses import astuple

import numpy as np
import pytest

from exchange_node.engine.dedupe import dedupe
from exchange_node.engine.link import Links, link, secret_of
from exchange_node.engine.rehearse import THRESHOLDS
from exchange_node.linkage.errors import LinkageError
from tests.made_up_registers import FIELDS, Person, Registers, columns_of, person, registers, written_again


def pairs(links: Links) -> set[tuple[int, int]]:
    return set(zip(links.left.tolist(), links.right.tolist(), strict=True))


def linked_both(world: Registers) -> Links:
    return link(columns_of(world.left), columns_of(world.right))


def quality(links: Links, true: set[tuple[int, int]]) -> tuple[float, float]:
    right = len(pairs(links) & true)
    return right / len(links), right / len(true)


def whole(links: Links, left: int, right: int) -> None:
    """What holds of any linkage."""
    decision = links.decision
    assert np.isfinite(astuple(decision)).all()
    assert 0 <= decision.precision_low <= decision.precision_high <= 1 and 0 <= decision.precision <= 1
    assert 0 <= decision.recall_low <= decision.recall_high <= 1 and 0 <= decision.recall <= 1
    assert len(set(links.left.tolist())) == len(links) == len(set(links.right.tolist()))
    assert not len(links) or (links.left.min() >= 0 and links.left.max() < left and links.right.max() < right)
    assert (np.diff(links.score) <= 0).all() and (links.score >= decision.threshold).all()
    assert ((links.probability >= 0) & (links.probability <= 1)).all()
    assert (np.diff(links.probability) <= 1e-12).all()
    assert len(links.candidates) >= len(links)


@pytest.mark.parametrize(
    ("left", "right", "shared", "seed"), [(400, 350, 250, 1), (300, 500, 60, 2), (500, 300, 295, 3), (300, 300, 300, 4)]
)
def test_people_are_found_and_it_is_known_how_well(left: int, right: int, shared: int, seed: int) -> None:
    world = registers(left, right, shared, seed=seed)
    links = linked_both(world)
    whole(links, left, right)
    precision, recall = quality(links, world.true_pairs())
    assert precision > 0.97 and recall > 0.96
    assert links.decision.precision == pytest.approx(precision, abs=0.04 if shared > 100 else 0.06)
    assert links.decision.recall == pytest.approx(recall, abs=0.15)
    assert links.decision.precision_low - 0.02 <= precision <= links.decision.precision_high + 0.02
    assert links.decision.recall_low - 0.02 <= recall <= links.decision.recall_high + 0.02
    assert links.decision.shared == pytest.approx(shared, rel=0.12, abs=15)


def test_poor_registers() -> None:
    world = registers(400, 400, 200, seed=6, rate=0.25)
    links = linked_both(world)
    precision, recall = quality(links, world.true_pairs())
    assert precision > 0.95 and recall > 0.93


@pytest.mark.parametrize(
    "fields",
    [("forename", "surname", "date_of_birth"), ("forename", "surname", "sex", "postcode"), ("forename", "surname")],
    ids=lambda fields: ",".join(fields),
)
def test_fewer_fields(town: Registers, fields: tuple[str, ...]) -> None:
    links = link(columns_of(town.left, fields), columns_of(town.right, fields))
    whole(links, 400, 350)
    precision, recall = quality(links, town.true_pairs())
    assert precision > 0.7 and recall > 0.75
    assert links.decision.precision == pytest.approx(precision, abs=0.15)


def test_nobody_shared() -> None:
    world = registers(250, 250, 0, seed=7)
    links = linked_both(world)
    whole(links, 250, 250)
    assert len(links) < 25 and links.decision.shared < 15
    assert links.decision.precision_low < 0.2, "what little is linked is not believed in"


def test_the_same_seed_gives_the_same_links(town: Registers, linked: Links) -> None:
    again = linked_both(town)
    for name in ("left", "right", "score", "probability"):
        assert getattr(again, name).tobytes() == getattr(linked, name).tobytes()
    assert again.decision == linked.decision
    other = link(columns_of(town.left), columns_of(town.right), seed=2)
    assert secret_of(2) != secret_of(1) and other.score.tobytes() != linked.score.tobytes()
    assert len(pairs(other) ^ pairs(linked)) < 10


def test_rows_may_come_in_any_order(town: Registers, linked: Links) -> None:
    order = np.random.default_rng(0).permutation(len(town.left))
    links = link(columns_of([town.left[at] for at in order]), columns_of(town.right))
    back = {(int(order[left]), right) for left, right in pairs(links)}
    assert len(back ^ pairs(linked)) < 10


def test_the_plan_is_told_before_it_runs_and_may_stop_it(town: Registers) -> None:
    told: list[str] = []

    def stop(plan: object) -> None:
        assert not any(what.startswith("comparing") for what in told)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        link(
            columns_of(town.left),
            columns_of(town.right),
            planned=stop,
            progress=lambda what, done, of: told.append(what),
        )


def test_progress_never_goes_beyond_its_end(town: Registers) -> None:
    told: list[tuple[str, int, int]] = []
    link(columns_of(town.left[:200]), columns_of(town.right[:200]), progress=lambda *step: told.append(step))
    assert all(0 <= done <= of for _, done, of in told)
    assert {"comparing: a first pass", "comparing: the links", "rehearsing"} <= {what for what, _, _ in told}


@pytest.mark.parametrize("every", [None, False], ids=["all pairs", "keys"])
@pytest.mark.parametrize(("left", "right", "shared"), [(2, 2, 1), (2, 300, 2), (5, 5, 3), (5, 5, 0), (300, 5, 5)])
def test_few_rows(left: int, right: int, shared: int, every: bool | None) -> None:
    world = registers(left, right, shared, seed=8)
    links = link(columns_of(world.left), columns_of(world.right), every_pair=every)
    whole(links, left, right)
    assert shared < 3 or len(pairs(links) & world.true_pairs()) >= shared - 1


ONE = registers(1, 0, 0).left
NOBODY: list[Person] = [dict.fromkeys(FIELDS, "")] * 30
SAME = ONE * 30


@pytest.mark.parametrize("every", [None, False], ids=["all pairs", "keys"])
@pytest.mark.parametrize("people", [[], ONE, SAME, NOBODY], ids=["none", "one", "all the same", "nothing known"])
def test_a_register_that_tells_nobody_apart(town: Registers, people: list[Person], every: bool | None) -> None:
    ours, theirs = columns_of(people), columns_of(town.right[:40])
    for one, other in ((ours, theirs), (theirs, ours), (ours, ours)):
        with pytest.raises(LinkageError, match="too-few-people"):
            link(one, other, every_pair=every)
    with pytest.raises(LinkageError, match="too-few-people"):
        dedupe(ours, every_pair=every)


@pytest.mark.parametrize("field", FIELDS)
def test_one_field_alone(town: Registers, field: str) -> None:
    links = link(columns_of(town.left[:80], (field,)), columns_of(town.right[:80], (field,)))
    whole(links, 80, 80)


@pytest.mark.parametrize("every", [None, False], ids=["all pairs", "keys"])
@pytest.mark.parametrize("gone", ["surname", "date_of_birth", "sex", "address_line"])
def test_a_field_that_is_missing_everywhere_on_one_side(town: Registers, gone: str, every: bool | None) -> None:
    without = [{**one, gone: ""} for one in town.left[:150]]
    links = link(columns_of(without), columns_of(town.right), every_pair=every)
    whole(links, 150, 350)
    true = {pair for pair in town.true_pairs() if pair[0] < 150}
    assert len(pairs(links) & true) > 0.9 * len(true)


def test_an_unknown_kernel(town: Registers) -> None:
    with pytest.raises(LinkageError, match="no-kernel"):
        link(columns_of(town.left[:5]), columns_of(town.right[:5]), kernel="abacus")


def households(twins: int, seed: int) -> Registers:
    """Eight hundred of two people, in so many of them twins; each person stands in either register, some in both."""
    world, rng = Registers([], [], [], []), random.Random(seed)
    for home in range(800):
        one, other = person(rng), person(rng)
        same = ("surname", "postcode", "address_line", *(["date_of_birth"] if home < twins else []))
        for who, human in enumerate((one, other | {name: one[name] for name in same}), 2 * home):
            left, right = rng.choice([(True, False), (False, True)]) if rng.random() < 0.9 else (True, True)
            world.left.extend([human] * left)
            world.who_left.extend([who] * left)
            world.right.extend([written_again(human, rng, 0.08)] * right)
            world.who_right.extend([who] * right)
    return world


@pytest.mark.parametrize("seed", [7, 8, 9])
def test_twins_of_whom_each_register_has_one_are_counted(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """They look like people whom both have, who are few; rehearsals do not know how many of them the other has."""
    world = households(30, seed)
    known = linked_both(world)
    monkeypatch.setattr("exchange_node.engine.link.relatives", lambda *_: 0 * THRESHOLDS)
    unknown = linked_both(world)
    f1s = []
    for links, held in ((known, True), (unknown, False)):
        precision, recall = quality(links, world.true_pairs())
        assert (links.decision.precision_low <= precision <= links.decision.precision_high) == held
        f1s.append(2 * precision * recall / (precision + recall))
    assert f1s[0] > f1s[1] + 0.005
