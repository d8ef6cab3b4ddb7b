"""A linkage that goes on: after any series of changes its links are those of a whole search with the same weights."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from exchange_node.engine.incremental import Change, Register, Standing
from exchange_node.engine.link import Links, link
from exchange_node.kernels import greedy
from tests.made_up_registers import Person, Registers, columns_of, person, written_again

Named = dict[tuple[bytes, bytes], float]


def ids_of(letter: str, count: int) -> list[bytes]:
    return [f"{letter}{at}".encode() for at in range(count)]


def ids_of_both(links: Links) -> tuple[list[bytes], list[bytes]]:
    left, right = links.parties
    return ids_of("a", left.side.rows), ids_of("b", right.side.rows)


@pytest.fixture(scope="module")
def keyed(few_copies: None, town: Registers) -> Links:
    return link(columns_of(town.left), columns_of(town.right), every_pair=False)


def standing_of(links: Links, most: int, lower: float = 0.0) -> Standing:
    """With a lower threshold more pairs compete."""
    decision = replace(links.decision, threshold=links.decision.threshold - lower)
    standing = Standing.of(replace(links, decision=decision), *ids_of_both(links))
    standing.search = replace(standing.search, most=most)
    standing.pairs = standing.search.pairs(
        standing.left.side, standing.left.rows(), standing.right.side, standing.right.rows()
    )
    return standing


def named(standing: Standing) -> Named:
    found = standing.links()
    return {
        (standing.left.ids[left], standing.right.ids[right]): score
        for score, left, right in zip(found.scores.tolist(), found.left, found.right, strict=True)
    }


def whole(standing: Standing) -> Named:
    """A whole search of the rows that are there, and one-to-one links of those that nobody holds apart."""
    left, right = standing.left, standing.right
    found = standing.search.pairs(left.side, left.rows(), right.side, right.rows())
    apart = [(left.ids[a], right.ids[b]) in standing.apart for a, b in zip(found.left, found.right, strict=True)]
    found = found.only(~np.array(apart, np.bool_))
    found = found.only(greedy.take(found.left.astype(np.uint32), found.right.astype(np.uint32)))
    return {
        (left.ids[a], right.ids[b]): score
        for score, a, b in zip(found.scores.tolist(), found.left, found.right, strict=True)
    }


class World:
    """People and who has them now, changed at random."""

    def __init__(self, town: Registers, seed: int) -> None:
        self.rng = random.Random(seed)
        self.sides = [dict(zip(ids_of("a", len(town.left)), town.left, strict=True)),
                      dict(zip(ids_of("b", len(town.right)), town.right, strict=True))]  # fmt: skip
        self.number = 0

    def change(self, which: int, most: int) -> Change:
        """Some rows go, some change, some come: new people, and ones that the other side has."""
        side, other = self.sides[which], self.sides[1 - which]
        gone = self.rng.sample(sorted(side), min(self.rng.randrange(most), len(side) - 2))
        fresh: dict[bytes, Person] = {}
        for at, id in enumerate(gone):
            one = side.pop(id)
            if at % 2:
                fresh[id] = written_again(one, self.rng, 0.1)
        for _ in range(self.rng.randrange(most)):
            self.number += 1
            like = self.rng.choice([*other.values(), *side.values(), person(self.rng)])
            fresh[b"new%d" % self.number] = written_again(like, self.rng, 0.1)
        side |= fresh
        return Change(gone, list(fresh), columns_of(list(fresh.values())) if fresh else {})


@pytest.mark.parametrize("plan", ["all pairs", "keys"])
@pytest.mark.parametrize("seed", range(4))
def test_any_series_of_changes_gives_the_links_of_a_whole_search(
    linked: Links, keyed: Links, town: Registers, plan: str, seed: int
) -> None:
    standing = standing_of(linked if plan == "all pairs" else keyed, most=2 + seed % 2, lower=6.0 * (seed % 3))
    world = World(town, seed)
    for step in range(6):
        before = named(standing)
        if step % 2 and before:
            standing.unlink(*world.rng.choice(sorted(before)))
        before = named(standing)
        which = [world.rng.random() < 0.7 for _ in "ab"]
        changes = [world.change(at, 25) if change else None for at, change in enumerate(which)]
        told = standing.update(*changes)
        after = named(standing)
        assert after == whole(standing)
        assert (told.kept, told.new, told.undone) == (
            len(before.keys() & after.keys()), len(after.keys() - before.keys()), len(before.keys() - after.keys())
        )  # fmt: skip
        for at, register in enumerate((standing.left, standing.right)):
            assert {register.ids[row] for row in register.rows()} == set(world.sides[at])


def test_at_first_the_links_are_those_of_the_linkage(linked: Links) -> None:
    standing = Standing.of(linked, *ids_of_both(linked))
    found = standing.links()
    for name in ("left", "right", "score"):
        assert getattr(linked, name).tolist() == getattr(found, name.replace("score", "scores")).tolist()


def test_new_rows_change_no_score_of_others(linked: Links, town: Registers) -> None:
    """What is rare stays as it was learned: a hundred new people of one name change nothing for who had it."""
    standing = standing_of(linked, most=6)
    before = named(standing)
    common = [{**one, "surname": town.right[0]["surname"]} for one in (person(random.Random(at)) for at in range(100))]
    standing.update(right=Change((), ids_of("n", 100), columns_of(common)))
    after = named(standing)
    assert {pair: score for pair, score in after.items() if pair in before} == before


def test_few_new_rows_are_few_comparisons(linked: Links, town: Registers) -> None:
    standing = standing_of(linked, most=6)
    standing.update(left=Change((), [b"x"], columns_of(town.left[:1])), right=Change([b"b3"]))
    assert standing.pairs.compared < 3 * len(town.right)


def test_a_decision_holds_until_a_row_is_gone_for_good(linked: Links, town: Registers) -> None:
    standing = standing_of(linked, most=6)
    pair = next(iter(named(standing)))
    row = int(pair[0][1:])
    standing.unlink(*pair)
    assert pair not in named(standing)
    told = standing.update(left=Change([pair[0]], [pair[0]], columns_of(town.left[row : row + 1])))
    assert pair not in named(standing) and told.new == 0
    standing.update(left=Change([pair[0]], [b"other"], columns_of(town.left[row : row + 1])))
    assert (b"other", pair[1]) in named(standing)


def test_nothing_changes(linked: Links) -> None:
    standing = standing_of(linked, most=6)
    before = named(standing)
    told = standing.update()
    assert (told.kept, told.new, told.undone) == (len(before), 0, 0) and named(standing) == before


def test_changes_that_do_not_fit(linked: Links, town: Registers) -> None:
    standing = standing_of(linked, most=6)
    before, one = named(standing), columns_of(town.left[:1])
    with pytest.raises(KeyError):
        standing.update(left=Change([b"nobody"]))
    for ids in ([b"a1"], [b"x", b"x"], [b"x", b"y"]):
        with pytest.raises(ValueError, match=r"ids|columns"):
            standing.update(left=Change((), ids, one))
    with pytest.raises(ValueError, match="ids"):
        Register.of(standing.left.side, [b"x"] * standing.left.side.rows)
    assert named(standing) == before == whole(standing)
