"""Rehearsals: two falling curves, in registers of which every row has a copy, too."""

from __future__ import annotations

import numpy as np
import pytest

from exchange_node.engine.link import Links, link
from exchange_node.engine.party import Party
from exchange_node.engine.rehearse import THRESHOLDS, Rehearsal, rehearse, rehearse_doubles
from exchange_node.engine.search import Plan
from tests.made_up_registers import Registers, columns_of, registers


@pytest.fixture(scope="module")
def rehearsal(linked: Links) -> Rehearsal:
    return rehearse(linked.parties[0], linked.weights, Plan())


def test_curves_fall_from_nearly_all_to_nothing(rehearsal: Rehearsal) -> None:
    for curve in (rehearsal.found, rehearsal.mistaken, rehearsal.invented):
        assert curve.shape == THRESHOLDS.shape
        assert (np.diff(curve) <= 1e-12).all() and (curve >= 0).all()
    assert 0.97 < rehearsal.found[0] <= 1 + 1e-9 and rehearsal.found[-1] < 0.1


def test_people_who_are_hidden_are_mistaken_for_others_where_anything_passes(linked: Links) -> None:
    """A register of which every row has a copy: who is hidden finds a row that is free all the same."""
    for party in linked.parties:
        found = rehearse(party, linked.weights, Plan())
        strangers = found.invented * party.side.rows
        assert strangers[0] > 0.3, "at the lowest threshold most find somebody"
        assert strangers[np.searchsorted(THRESHOLDS, 5)] < 0.01


def test_what_it_foretells_comes_about() -> None:
    """Registers of different people: pairs of strangers, foretold and counted."""
    counted = foretold = 0.0
    for seed in (9, 10, 11):
        one = registers(300, 300, 0, seed=seed)
        links = link(columns_of(one.left), columns_of(one.right))
        invented = np.mean([rehearse(party, links.weights, Plan()).invented for party in links.parties], axis=0)
        few = (invented * 300 < 0.2) & (invented * 300 > 0.02)
        assert few.any()
        counted += (len(links.candidates) - np.searchsorted(np.sort(links.candidates.scores), THRESHOLDS))[few].sum()
        foretold += (invented[few] * 300 * 300).sum()
    assert 0.4 < counted / foretold < 2.5


def test_the_same_again(linked: Links, rehearsal: Rehearsal) -> None:
    again = rehearse(linked.parties[0], linked.weights, Plan())
    assert (again.found == rehearsal.found).all() and (again.invented == rehearsal.invented).all()


def test_relatives_are_no_strangers(linked: Links, rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    party = linked.parties[0]
    monkeypatch.setattr(type(party), "kinds", lambda _, pairs: np.eye(3)[:, [2] * len(pairs)])
    everybody = rehearse(party, linked.weights, Plan())
    assert (rehearsal.invented <= everybody.invented + 1e-15).all()
    assert rehearsal.invented.sum() < everybody.invented.sum()


def test_two_parties_are_averaged_by_their_rows(rehearsal: Rehearsal) -> None:
    none = np.zeros(len(THRESHOLDS))
    nothing = Rehearsal(none, none, none, 3 * rehearsal.rows)
    assert rehearsal.with_other(nothing).found == pytest.approx(rehearsal.found / 4)
    assert rehearsal.with_other(nothing).invented == pytest.approx(rehearsal.invented / 4)
    assert nothing.with_other(rehearsal).rows == 4 * rehearsal.rows


def test_a_copy_linked_to_a_double_of_its_original_is_found(town: Registers) -> None:
    """Half of the rows stand twice: a copy as like one of the two as the other. Without knowing doubles .73 would be
    found, .33 mistaken, and .62 of the hidden ones linked to somebody else.
    """
    rows = [*town.left, *town.left[:200]]
    links = link(columns_of(rows), columns_of(town.right))
    told = rehearse(links.parties[0], links.weights, Plan())
    at = np.searchsorted(THRESHOLDS, 0)
    assert told.found[at] > 0.9
    assert len(rows) * max(told.mistaken[at], told.invented[at]) < 0.001


def test_of_a_register_against_itself(linked: Links) -> None:
    found = rehearse_doubles(linked.parties[0], linked.weights, Plan())
    assert 0.97 < found.found[0] <= 1 + 1e-9 and (np.diff(found.found) <= 1e-12).all()
    assert (np.diff(found.invented) <= 1e-15).all() and found.invented[0] > 0 and not found.mistaken.any()


def test_copies_that_count_little_tell_little(linked: Links) -> None:
    party = linked.parties[0]
    copies = min(len(party.originals), party.side.rows)
    assert rehearse(party, linked.weights, Plan()).copies < copies == rehearse_unraked(party, linked)


def rehearse_unraked(party: Party, linked: Links) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(party, "worth", np.ones(len(party.originals)))
        return rehearse(party, linked.weights, Plan()).copies
