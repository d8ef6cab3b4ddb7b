"""Plans: which keys suit the fields at hand, and whether what they were said to miss is what they miss."""

from __future__ import annotations

import os
import random
import time
from dataclasses import replace

import numpy as np
import pytest

from exchange_node.encoding.block_keys import NAMES_EITHER_WAY, Parts, block_keys, possible_keys
from exchange_node.encoding.vector_schema import schema_for
from exchange_node.engine import party, plan
from exchange_node.engine.link import Links, link
from exchange_node.engine.party import COPIES, Party
from exchange_node.engine.plan import CAP, Planned, plan_for
from exchange_node.engine.search import Plan
from exchange_node.linkage.blocks import Buckets
from exchange_node.linkage.errors import LinkageError
from exchange_node.records.column_map import KINDS
from exchange_node.records.columns import Column
from tests.made_up_people import SURNAMES
from tests.made_up_registers import FIELDS, Registers, columns_of, registers


def planned(world: Registers, fields: tuple[str, ...], every: bool | None = False) -> Planned:
    schema = schema_for([(name, KINDS[name]) for name in fields])
    parties = tuple(
        Party(schema, columns_of(people, fields), b"k" * 32, seed)
        for seed, people in enumerate((world.left, world.right))
    )
    return plan_for((parties[0], parties[1]), parties[0].fit(), every=every)


@pytest.mark.parametrize(
    "fields",
    [
        FIELDS,
        ("forename", "surname", "sex", "postcode", "address_line"),
        ("forename", "surname", "date_of_birth", "sex"),
        ("forename", "surname"),
        ("surname", "sex"),
        ("postcode", "address_line"),
    ],
    ids=["all", "no birth date", "no postcode", "names only", "one name", "homes only"],
)
def test_keys_adapt_to_the_fields(town: Registers, fields: tuple[str, ...]) -> None:
    found = planned(town, fields)
    assert found.plan.keys and found.plan.cap == CAP and len(found.keys) == len(set(found.plan.keys))
    assert {field for key in found.plan.keys for field, _ in key} <= set(fields)
    assert set(found.plan.keys) <= set(possible_keys([(name, KINDS[name]) for name in fields]))
    assert 0 <= found.loss < 0.25
    assert found.pairs > 0 or "surname" not in fields, "only made-up homes are nobody else's"


def test_more_fields_miss_less(town: Registers) -> None:
    assert planned(town, FIELDS).loss < planned(town, ("forename", "surname")).loss + 1e-9
    assert planned(town, FIELDS).loss < 0.01


def test_the_loss_foretold_is_the_loss(town: Registers, linked: Links) -> None:
    by_keys = link(columns_of(town.left), columns_of(town.right), every_pair=False)
    full, kept = (set(zip(one.left.tolist(), one.right.tolist(), strict=True)) for one in (linked, by_keys))
    true = town.true_pairs()
    missed = len((full & true) - kept) / len(full & true)
    assert missed <= by_keys.planned.loss + 0.01
    assert by_keys.compared < linked.compared
    assert by_keys.compared <= by_keys.planned.pairs * 1.3 + len(true)  # what it costs counts strangers


def test_names_only_lose_about_what_is_foretold() -> None:
    world = registers(400, 400, 350, seed=5, rate=0.12)
    fields = ("forename", "surname")
    found = planned(world, fields)
    shares = []
    for left, right in world.true_pairs():
        one, other = columns_of([world.left[left]], fields), columns_of([world.right[right]], fields)
        shares.append(bool(shared_keys(one, other, found)))
    assert 1 - np.mean(shares) <= found.loss + 0.06


def shared_keys(one: dict[str, Column], other: dict[str, Column], found: Planned) -> list[int]:
    parts = (Parts(columns, b"k" * 32) for columns in (one, other))
    ours, theirs = (block_keys(of, found.plan.keys, np.arange(1))[:, 0] for of in parts)
    return np.flatnonzero((ours == theirs) & (ours != 0)).tolist()


def test_a_rare_surname_alone_is_enough_where_few_fields_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(party, "COPIES", COPIES)  # as shipped: of fewer the plan knows less and compares more
    fields = ("forename", "surname", "sex", "postcode")
    world, rng = registers(2000, 2000, 1400, seed=5, rate=0.12), random.Random(7)
    common = {surname: SURNAMES[rng.randrange(16)] for surname in SURNAMES[:1500]}
    for one in {id(person): person for person in (*world.left, *world.right)}.values():
        one["surname"] = common.get(one["surname"], one["surname"])
    found = planned(world, fields)
    alone = [key for key in found.plan.keys if len(key) == 1 and key[0][0] == "surname"]
    assert alone
    parts = [Parts(columns_of(people, fields), b"k" * 32) for people in (world.left, world.right)]
    for key in alone:
        left, right = (block_keys(side, [key], np.arange(2000)) for side in parts)
        rare, every = (len(Buckets(right, cap).candidates(left)) for cap in (found.plan.cap, 2000))
        assert 0 < 3 * rare < every, "common ones alone would cost too much"


def test_swapped_names_are_a_key_of_their_own_and_sex_one_only_beside_another_part() -> None:
    fields = ("forename", "surname", "sex", "town")
    keys = possible_keys([(name, KINDS[name]) for name in fields])
    one, other = (
        columns_of([{"forename": forename, "surname": surname, "sex": "f", "town": town}], fields)
        for forename, surname, town in (("Ann", "Lee", "York"), ("Lee", "Ann", "Hull"))
    )
    both = (block_keys(Parts(columns, b"k" * 32), keys, np.arange(1))[:, 0] for columns in (one, other))
    same = {key for key, ours, theirs in zip(keys, *both, strict=True) if ours == theirs != 0}
    either = ("forename", NAMES_EITHER_WAY)
    assert same == {(either,), (("sex", "letter"), either)}
    assert possible_keys([("sex", "sex")]) == []


def test_no_sample_is_so_small_that_every_key_seems_to_cost_nothing(
    monkeypatch: pytest.MonkeyPatch, town: Registers
) -> None:
    monkeypatch.setattr(plan, "_SAMPLE", 100)
    left = columns_of(town.left, FIELDS)
    kinds = [(name, column.kind) for name, column in left.items()]
    costs, _ = plan._try(Party(schema_for(kinds), left, b"k" * 32, 0), possible_keys(kinds), 100 * CAP)
    assert costs.max() > 0


def test_few_pairs_are_compared_all(monkeypatch: pytest.MonkeyPatch, town: Registers) -> None:
    fields = ("surname", "date_of_birth")
    found = planned(town, fields, every=None)
    assert replace(found, seconds=0.0) == Planned(Plan(), 400 * 350, 0.0, ())
    monkeypatch.setattr(plan, "EVERY_PAIR_UP_TO", 400 * 350 - 1)
    assert planned(town, fields, every=None).keys
    assert planned(town, fields, every=True).plan.keys == ()


def test_without_any_key_nothing_is_compared_silently(town: Registers) -> None:
    with pytest.raises(LinkageError, match="no-keys"):
        planned(town, ("sex",))


def test_keys_whose_buckets_are_all_too_large_are_none(monkeypatch: pytest.MonkeyPatch, town: Registers) -> None:
    monkeypatch.setattr(plan, "PER_ROW", 0.0)
    with pytest.raises(LinkageError, match="no-keys"):
        planned(town, ("forename", "surname"))


def test_how_long_it_will_take_is_told_by_how_long_it_took_and_by_how_quick_the_kernel_is(
    monkeypatch: pytest.MonkeyPatch, town: Registers
) -> None:
    monkeypatch.setattr(time, "monotonic", iter(range(0, 1000, 10)).__next__)
    monkeypatch.setattr(plan, "pace", lambda kernel, width: 400 * 350 / 7)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1})
    fields = ("surname", "date_of_birth")  # both parties begin, then the plan
    assert planned(town, fields, every=True).seconds == plan.AS_LONG * 20 + 2 * 7 / 2
    assert planned(town, fields, every=False).seconds == plan.AS_LONG * 20
