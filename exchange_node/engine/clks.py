"""Two registers linked by CLKs, as a linkage unit compares them, with a threshold chosen as the engine chooses its own.

A linkage unit knows how alike two filters are and nothing else. How much evidence that is, the parties find out: each
encodes damaged copies of its own people with its register and looks how alike copies and originals are, and copies and
others. A logistic curve through both turns likeness into log odds; then rehearsals and the decision are those of
`link.py`. What two parties would exchange is the curve's two numbers and the rehearsals' curves.

Which rows of a register are one person twice is told by the party's own weighted vectors, which never leave it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from exchange_node.encoding.clk import clk_encoder
from exchange_node.encoding.encode import minimum_popcount
from exchange_node.encoding.keys import KEY_ID_BYTES, LinkageKey
from exchange_node.encoding.schema import LinkageSchema
from exchange_node.encoding.vector_schema import schema_for
from exchange_node.engine.decide import Estimate, estimate
from exchange_node.engine.fit import fit
from exchange_node.engine.link import (
    Links,
    Progress,
    Watcher,
    decided,
    learn,
    rake,
    relatives,
    secret_of,
    see,
    sure,
    together,
)
from exchange_node.engine.party import Party
from exchange_node.engine.plan import EVERY_PAIR_UP_TO, Planned
from exchange_node.engine.rehearse import MOST_OF_COPY, THRESHOLDS, Rehearsal, rehearsed
from exchange_node.engine.search import Found, Plan
from exchange_node.kernels import greedy
from exchange_node.linkage.dice import stripes
from exchange_node.linkage.encodings import Bytes
from exchange_node.linkage.errors import LinkageError
from exchange_node.linkage.kernels import choose_kernel
from exchange_node.linkage.pairs import PAIR, Kernel, Measure
from exchange_node.records.columns import Columns

MOST: Final = 6
"""Pairs kept of each left row, of which one at most becomes a link."""

Floats = NDArray[np.float64]
Step = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class How:
    """What encodes and compares. `encoder`: of `encoding.clk`; `kernel`: of `linkage.kernels`."""

    schema: LinkageSchema
    encoder: str = "native"
    kernel: str = "native"


@dataclass(frozen=True, slots=True)
class Curve:
    """Log odds from how alike two filters are: slope * likeness + constant."""

    slope: float
    constant: float

    def odds(self, likeness: Floats) -> Floats:
        """In natural logarithms, as an engine's score."""
        return likeness * self.slope + self.constant

    def basis_points(self, odds: float) -> int:
        """The likeness of these odds, as an agreement's threshold, 1 to 10,000."""
        return int(np.clip(np.ceil((odds - self.constant) / self.slope * 10_000), 1, 10_000))


@dataclass(frozen=True, slots=True, repr=False)
class Linked:
    """Links whose scores are log odds, and the curve that made those of likenesses."""

    links: Links
    curve: Curve


class _Filters:
    """The CLKs of some rows, shape (rows, bits / 8). Rows with too little in them to be compared are all zeros."""

    def __init__(self, how: How, columns: Columns, key: LinkageKey) -> None:
        with clk_encoder(how.schema, key, how.encoder) as encoder:
            self.filters: Bytes = encoder.encode_columns(how.schema.columns(columns))
        self.filters[_bits(self.filters) < minimum_popcount(how.schema)] = 0

    def __len__(self) -> int:
        return len(self.filters)

    def likeness(self, other: _Filters, other_rows: NDArray[np.int64], measure: Measure) -> Floats:
        """Of each row and a row of the other's."""
        theirs = other.filters[other_rows]
        bits = np.stack([_bits(self.filters), _bits(theirs)])
        counted = measure.shorter * bits.min(axis=0) + measure.longer * bits.max(axis=0)
        shared = _bits(self.filters & theirs)
        return np.asarray((measure.shorter + measure.longer) * shared / np.maximum(counted, 1), np.float64)


class _Unit:
    """Compares."""

    def __init__(self, how: How) -> None:
        self.kernel: Kernel = choose_kernel(how.kernel)
        self.measure = Measure(*how.schema.compared)

    def pairs(self, left: _Filters, right: _Filters, least: int, most: int, step: Step | None = None) -> Found:
        """The `most` rows on the right that are most alike to each on the left, by `least` basis points or more; with
        likenesses as scores.
        """
        found = [np.empty(0, PAIR)]
        for done, pairs in stripes(left, right, len(left), least, most, self.kernel, self.measure):
            found.append(pairs)
            if step is not None:
                step(done, len(left))
        return _found(np.concatenate(found), len(left) * len(right))


class _Side:
    """A party that links by CLKs: its register, and the copies that it learns from."""

    def __init__(self, party: Party, how: How, key: LinkageKey, unit: _Unit) -> None:
        self.party = party
        self.filters = _Filters(how, party.side.columns, key)
        self._copies = _Filters(how, party.copies.columns, key)
        self.found = unit.pairs(self._copies, self.filters, 1, MOST_OF_COPY)
        self._same = self._copies.likeness(self.filters, party.originals, unit.measure)

    def rehearse(self, curve: Curve) -> Rehearsal:
        """What it foretells of links between two registers."""
        return rehearsed(self.party, _in_odds(self.found, curve))

    def accepted(self, curve: Curve, least: float) -> NDArray[np.bool_]:
        """Which copies would have been linked to their originals."""
        return curve.odds(self._same) >= least

    def curve(self) -> Curve:
        """What likeness is worth, by this register alone. Raises LinkageError too-few-people."""
        party, found = self.party, self.found
        others = found.only(found.right != party.originals[found.left])
        if not len(others):
            raise LinkageError("too-few-people", f"{party.side.rows} rows")
        of_originals = party.side.vectors.features(party.originals[others.left], party.side.vectors, others.right)
        single = 1 - party.kinds(of_originals)[0]
        learned = fit(_feature(self._same), _feature(others.scores), party.worth, np.maximum(single, 1e-6))
        if not learned.features[0] > 0:
            raise LinkageError("too-few-people", f"{party.side.rows} rows")
        return Curve(float(learned.features[0]), learned.constant)


def link_by_clks(
    left: Columns,
    right: Columns,
    how: How,
    *,
    seed: int = 1,
    every_pair: bool | None = None,
    planned: Watcher | None = None,
    progress: Progress | None = None,
) -> Linked:
    """Link two registers with the same fields, one-to-one. The same input and seed give the same links.

    Raises EncodingError no-encoder, LinkageError no-kernel, too-few-people, too-many-pairs.
    """
    tell = progress or (lambda what, done, of: None)
    unit = _Unit(how)
    plan = _plan(_rows(left) * _rows(right), every_pair, planned)
    vectors = schema_for([(name, column.kind) for name, column in left.items()])
    secret, key = secret_of(seed), LinkageKey(secret_of(seed), bytes(KEY_ID_BYTES))
    both = (Party(vectors, left, secret, 2 * seed), Party(vectors, right, secret, 2 * seed + 1))
    weights = learn(both, together(both), plan, "native", rounds=1, tell=tell)
    tell("encoding", 0, 2)
    ours, theirs = (_Side(party, how, key, unit) for party in both)
    key.destroy()
    curve = _mean([ours, theirs])
    least = curve.basis_points(THRESHOLDS[0])
    found = unit.pairs(ours.filters, theirs.filters, least, MOST, lambda done, of: tell("comparing", done, of))
    found = found.only(greedy.take(found.left.astype(np.uint32), found.right.astype(np.uint32)))

    def explain() -> Estimate:
        foretold = ours.rehearse(curve).with_other(theirs.rehearse(curve))
        pairs, rows = _in_odds(found, curve), len(ours.filters)
        return estimate(pairs.scores, rows, len(theirs.filters), foretold, relatives(both, pairs, rows))

    tell("rehearsing", 0, 2)
    curve = _raked((ours, theirs), found, curve, sure(explain()))
    tell("rehearsing", 1, 2)
    return Linked(decided(_in_odds(found, curve), explain(), plan, weights, both), curve)


def _plan(pairs: int, every: bool | None, watch: Watcher | None) -> Planned:
    """All pairs, since filters have no keys. Raises LinkageError too-many-pairs."""
    if every is False or (every is None and pairs > EVERY_PAIR_UP_TO):
        raise LinkageError("too-many-pairs", f"{pairs} pairs")
    plan = Planned(Plan(), pairs, 0.0, ())
    if watch is not None:
        watch(plan)
    return plan


def _mean(sides: Sequence[_Side]) -> Curve:
    found = [side.curve() for side in sides]
    return Curve(sum(one.slope for one in found) / len(found), sum(one.constant for one in found) / len(found))


def _raked(sides: tuple[_Side, _Side], found: Found, curve: Curve, least: float) -> Curve:
    """What likeness is worth where copies differ as the pairs that are surely right do.

    Those pairs' mean features are what `link.py` opens, too. A trial has them; a linkage unit does not.
    """
    ours, theirs = sides
    accepted = [side.accepted(curve, least) for side in sides]
    parties = (ours.party, theirs.party)
    raked = rake(parties, see(parties, _in_odds(found, curve), len(ours.filters)), least, accepted)
    return _mean(sides) if raked else curve


def _in_odds(found: Found, curve: Curve) -> Found:
    return Found(curve.odds(found.scores), found.left, found.right, found.compared)


def _found(pairs: NDArray[np.void], compared: int) -> Found:
    pairs = pairs[np.lexsort((pairs["right"], pairs["left"], -pairs["score"]))]
    left, right = pairs["left"].astype(np.int64), pairs["right"].astype(np.int64)
    return Found(np.ascontiguousarray(pairs["score"]), left, right, compared)


def _feature(likeness: Floats) -> NDArray[np.float32]:
    return likeness.astype(np.float32)[:, None]


def _bits(filters: Bytes) -> NDArray[np.int64]:
    return np.asarray(np.bitwise_count(filters).sum(axis=1, dtype=np.int64))


def _rows(columns: Columns) -> int:
    return len(next(iter(columns.values())))
