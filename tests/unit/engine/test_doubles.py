"""Doubles, relatives and strangers of one register, told apart without labels."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from exchange_node.encoding.vector_schema import schema_for
from exchange_node.engine import doubles
from exchange_node.engine.party import Party
from exchange_node.engine.search import Plan
from tests.made_up_registers import FIELDS, columns_of, person, written_again

Person = Mapping[str, str]
HOME = ("surname", "postcode", "address_line")


def party(people: list[dict[str, str]], fields: Sequence[str] = FIELDS, plan: Plan = Plan()) -> Party:  # noqa: B008
    columns = columns_of(people, fields)
    made = Party(
        schema_for([(name, column.kind) for name, column in columns.items()]), columns, b"k" * 32, 2, within=True
    )
    made.mine(made.fit(), plan)
    made.fit()
    return made


def town(twice: int, twins: int, moved: int = 0) -> list[dict[str, str]]:
    """Three hundred households of two; in so many, the two are twins; so many people stand there twice, behind them,
    of whom the first ones have moved.
    """
    rng = random.Random(1)
    people = []
    for at in range(300):
        one = person(rng)
        shared = (*HOME, "date_of_birth") if at < twins else HOME
        people += [one, person(rng) | {name: one[name] for name in shared}]
    again = [written_again(one, rng, 0.04) for one in people[:twice]]
    homes = [{name: person(rng)[name] for name in HOME[1:]} for _ in range(moved)]
    return people + [one | home for one, home in zip(again, homes, strict=False)] + again[moved:]


def likely(made: Party, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.asarray(made.kinds(made.side.vectors.features(left, made.side.vectors, right))[0])


def test_twins_are_not_doubles_and_doubles_are(monkeypatch: pytest.MonkeyPatch) -> None:
    people, twins = town(60, twins=10), np.arange(0, 20, 2)
    made = party(people)
    assert likely(made, np.arange(60), 600 + np.arange(60)).mean() > 0.9
    assert likely(made, np.arange(60), np.arange(100, 160)).max() < 0.01
    known = likely(made, twins, twins + 1).mean()
    monkeypatch.setattr(doubles, "_KINDS", doubles._KINDS[:1])
    monkeypatch.setattr(doubles, "_OF_KINDS", doubles._OF_KINDS[:1])
    monkeypatch.setattr(doubles, "_AT_LEAST", doubles._AT_LEAST[:0])
    unknown = likely(party(people), twins, twins + 1).mean()
    assert known < 0.6 and known < unknown - 0.2, "who knows of no twins takes them for doubles"


@pytest.mark.parametrize("twice", [0, 60, 300])
def test_how_many_doubles_there_are_is_counted(twice: int) -> None:
    made = party(town(twice, twins=0))
    assert made._doubles.shares[:2].sum() == pytest.approx(2 * twice / (600 + twice), abs=0.03)


def test_some_who_share_a_household_and_a_forename_are_namesakes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a birth date nothing tells them from doubles: only that relatives have some."""
    people, fields = town(60, twins=0), ("forename", "surname", "postcode", "address_line")
    shares = party(people, fields)._doubles.shares
    namesakes = doubles._OF_KINDS[2] / doubles._OF_KINDS[0] * shares[2]
    assert shares[2] > 0.3 and namesakes / 2 - 1e-9 <= shares[4] <= namesakes + 1e-9
    monkeypatch.setattr(doubles, "_AT_LEAST", np.zeros(2))
    assert party(people, fields)._doubles.shares[4] < namesakes / 4


@pytest.mark.parametrize("moved", [0, 40])
def test_how_many_of_them_live_elsewhere_is_counted(monkeypatch: pytest.MonkeyPatch, moved: int) -> None:
    monkeypatch.setattr("exchange_node.engine.party.MOVED_WITHIN", 0.5)  # there are no more than copies
    made = party(town(100, twins=0, moved=moved))
    assert made._doubles.shares[:2] == pytest.approx([2 * (100 - moved) / 700, 2 * moved / 700], abs=0.03)


def test_as_many_copies_as_doubles_live_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exchange_node.engine.party.MOVED_WITHIN", 0.5)
    made = party(town(100, twins=0, moved=10))
    _, worth = made.doubles()
    moved, shares = made._doubles._elsewhere, made._doubles.shares
    assert worth[moved].sum() / worth.sum() == pytest.approx(shares[1] / shares[:2].sum())
    assert worth[moved].sum() / worth.sum() < 0.25 < made.worth[moved].sum() / made.worth.sum()


@pytest.mark.parametrize("fields", [("date_of_birth", "postcode"), ("forename", "surname")], ids=" and ".join)
def test_strangers_who_are_alike_by_chance_are_no_doubles(fields: tuple[str, ...]) -> None:
    rng = random.Random(5)
    made = party([person(rng) for _ in range(2500)], fields)
    assert made._doubles.shares[:2].sum() < 0.05


def test_a_register_of_nobody_has_everybodys_values() -> None:
    columns = columns_of(town(0, twins=0))
    mixed, sources = doubles._mixed(columns, 1000, np.random.default_rng(1))
    for name, column in columns.items():
        assert sorted(mixed[name].codes) == sorted(column.codes)
        assert any((mixed[name].codes == column.codes[people]).all() for people in sources)
    for one, other, together in (("forename", "surname", True), ("forename", "date_of_birth", False)):
        before, after = (set(zip(of[one].codes, of[other].codes, strict=True)) for of in (columns, mixed))
        assert (after == before) == together


@pytest.mark.parametrize(("within", "rows"), [(True, 300), (False, 100)])
def test_of_nobody_there_are_more_where_a_large_register_is_held_against_itself(
    monkeypatch: pytest.MonkeyPatch, within: bool, rows: int
) -> None:
    monkeypatch.setattr(doubles, "NOBODIES", 100)
    monkeypatch.setattr(doubles, "ROWS_OF_NOBODY", 2)
    columns = columns_of(town(0, twins=0))
    schema = schema_for([(name, column.kind) for name, column in columns.items()])
    assert Party(schema, columns, b"k" * 32, 2, within=within)._doubles._nobody.rows == rows


def test_more_relatives_are_counted_where_there_are_any() -> None:
    rng = random.Random(4)
    alone = party([person(rng) for _ in range(600)])
    households = party(town(0, twins=0))
    assert households._doubles.shares[2] > 1.5 * alone._doubles.shares[2]


@pytest.mark.usefixtures("as_shipped")
def test_relatives_whom_keys_do_not_name_are_counted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    people, plan = town(60, twins=0), Plan(((("forename", "initial"), ("postcode", "sector")),), 300)
    made = party(people, plan=plan)._doubles
    assert made._named[2] < 0.2, "others of a household seldom have the same initial"
    assert made.shares[2] == pytest.approx(1, rel=0.3)
    monkeypatch.setattr(doubles.Doubles, "measure_keys", lambda *_: None)
    assert party(people, plan=plan)._doubles.shares[2] < 0.3


def test_nothing_is_a_double_of_nothing() -> None:
    made = party(town(0, twins=0))
    assert likely(made, np.empty(0, np.intp), np.empty(0, np.intp)).shape == (0,)


def test_no_more_pairs_are_related_than_there_may_be() -> None:
    alone, households = (party(people, FIELDS) for people in (town(0, twins=0)[::2], town(0, twins=0)))
    assert alone.relatives_of_a_row < 0.05 < 0.4 < households.relatives_of_a_row
    vectors = households.side.vectors
    pairs = vectors.features(np.arange(0, 600, 2), vectors, np.arange(1, 600, 2))
    assert households.others(pairs, 300)[0].sum() > 250
    assert households.others(pairs, 20)[0].sum() == pytest.approx(20)


@pytest.mark.parametrize(("relatives", "least"), [(0, 0.0), (1000, 0.0), (0, 1.0)])
def test_relatives_count_beside_strangers_as_they_do_between_registers(relatives: float, least: float) -> None:
    """Who shares a home with the other counts as one person the more, the fewer pairs of relatives are there."""
    made = party(town(0, twins=0), FIELDS)
    before = made.fit()
    made.balance(relatives, 1000 - relatives, least, before, 0.0)
    after = made.fit()
    vectors = made.side.vectors
    pairs = vectors.features(np.arange(0, 600, 2), vectors, np.arange(1, 600, 2))
    more = np.mean(pairs @ after.features + after.constant) - np.mean(pairs @ before.features + before.constant)
    assert more == pytest.approx(0, abs=0.01) if relatives or least else more > 1
