"""What the ids of keyed blocks tell whoever sees them without the key, and what hiding it costs (docs/adr/0012).

    python -m benchmarks.blocks [--times 8] [--kind middling]

Two registers of invented people, and the keys that the engine's plan takes for them. Whoever sees a side's block ids
sees which rows share a block, so how large each block is; a new key changes the ids and no size. *Alone*: the share of
rows whose sizes, over the first so many keys, no other row has. *Told*: an attacker makes the same blocks of a list of
names of their own (the other register, with its own errors) and names each row after the person whose sizes are most
like; the share of the people on both lists that are named rightly. Chance would name one in as many as are on the list.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.made_sets import KINDS, write
from benchmarks.processes import in_short
from exchange_node.encoding.vector_schema import schema_for
from exchange_node.engine import link
from exchange_node.engine.party import Party
from exchange_node.engine.plan import CAP, plan_for
from exchange_node.records.register import Register, read_pair

Hashes = NDArray[np.uint32]
Sizes = NDArray[np.int64]
Hiding = tuple[Callable[[Sizes], Sizes], Sizes | None, int]
"""What it makes of sizes, the classes that it pads to, and the fewest rows of a block that it keeps."""
CLASSES = np.array([1, 2, 5, 10, 20, CAP])
"""To which blocks are padded with rows that stand for nobody."""
COARSE = np.array([10, CAP])
RARE = 3
_ASKED = 1_000  # rows that the attacker names
_AN_ERROR = np.float32(1.0)  # a size that is farther off than e times is another value, no matter how far


def sizes_of(hashes: Hashes) -> Sizes:
    """How many rows are in each row's block, shape (keys, rows); 0: in none, or in one that is over the cap."""
    found = np.zeros(hashes.shape, np.int64)
    for at, own in enumerate(hashes):
        _, place, count = np.unique(own, return_inverse=True, return_counts=True)
        found[at] = np.where((own != 0) & (count[place] <= CAP), count[place], 0)
    return found


def padded(sizes: Sizes, classes: NDArray[np.int64] = CLASSES) -> Sizes:
    """Every block filled up to the next class."""
    return np.where(sizes > 0, classes[np.searchsorted(classes, sizes).clip(max=len(classes) - 1)], 0)


def without_rare(sizes: Sizes) -> Sizes:
    """Small blocks left out."""
    return np.where(sizes >= RARE, sizes, 0)


def alone(sizes: Sizes) -> float:
    """The share of rows with sizes that no other row has."""
    _, counts = np.unique(sizes, axis=1, return_counts=True)
    return float(np.sum(counts == 1) / sizes.shape[1])


def told(seen: Sizes, known: Sizes, who_seen: list[str], who_known: list[str]) -> float:
    """The share of people on both lists whom their blocks' sizes name."""
    rows = {who: row for row, who in enumerate(who_known)}
    both = [row for row, who in enumerate(who_seen) if who in rows][:_ASKED]
    ours, theirs = np.log1p(seen).T.astype(np.float32), np.log1p(known).T.astype(np.float32)
    hits = 0
    for row in both:
        apart = np.minimum(np.abs(theirs - ours[row]), _AN_ERROR)
        nearest = int(np.argmin(apart.sum(axis=1)))
        hits += who_known[nearest] == who_seen[row]
    return hits / len(both)


def candidates(left: Hashes, right: Hashes, classes: NDArray[np.int64] | None, least: int) -> float:
    """Pairs of rows in one block for each left row, dummies included, each as often as it is named."""
    pairs = 0
    for ours, theirs in zip(left, right, strict=True):
        a, b = (dict(zip(*np.unique(side[side != 0], return_counts=True), strict=True)) for side in (ours, theirs))
        both = np.array([(a[key], b[key]) for key in a.keys() & b.keys() if max(a[key], b[key]) <= CAP], np.int64)
        both = both.reshape(-1, 2)
        both = both[(both >= least).all(axis=1)]
        pairs += int(np.prod(both if classes is None else padded(both, classes), axis=1).sum())
    return float(pairs / left.shape[1])


def found(left: Hashes, right: Hashes, who_left: list[str], who_right: list[str], least: int) -> float:
    """The share of the people on both sides who share a block."""
    rows = {who: row for row, who in enumerate(who_right)}
    pairs = [(row, rows[who]) for row, who in enumerate(who_left) if who in rows]
    one, other = np.array(pairs).T
    same = (left[:, one] == right[:, other]) & (left[:, one] != 0)
    sizes = sizes_of(left)[:, one], sizes_of(right)[:, other]
    return float((same & (sizes[0] >= max(least, 1)) & (sizes[1] >= max(least, 1))).any(axis=0).mean())


def keyed(kind: str, times: float) -> tuple[list[Hashes], list[list[str]]]:
    """Both registers' hashes under the plan's keys, those first that the plan takes first; and who each row is."""
    with tempfile.TemporaryDirectory() as name:
        write(kind, KINDS[kind].scaled(times), Path(name), 1)
        a, b = (Path(name) / kind / f"{side}.csv" for side in "ab")
        registers: tuple[Register, ...] = read_pair(a, b, None, frozenset(("entity_id",)))
    who = [list(register.column("entity_id")) for register in registers]
    schema = schema_for([(field, column.kind) for field, column in registers[0].columns.items()])
    one, other = (Party(schema, r.columns, link.secret_of(1), 2 + at) for at, r in enumerate(registers))
    plan = plan_for((one, other), one.fit(), every=False)
    return [party.side.keys(plan.plan) for party in (one, other)], who


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=float, default=8, help="5,000 rows a side, so many times")
    parser.add_argument("--kind", choices=sorted(KINDS), default="middling")
    given = parser.parse_args()
    (left, right), (who_left, who_right) = keyed(given.kind, given.times)
    print(f"{left.shape[1]:,} by {right.shape[1]:,} rows, {len(left)} keys, blocks of at most {CAP} rows\n")
    hidings: dict[str, Hiding] = {
        "as they are": (lambda sizes: sizes, None, 0),
        "padded to classes": (padded, CLASSES, 0),
        f"padded to 10 or {CAP}": (lambda sizes: padded(sizes, COARSE), COARSE, 0),
        f"blocks under {RARE} dropped": (without_rare, None, RARE),
        f"under {RARE} dropped, padded to 10 or {CAP}": (lambda s: padded(without_rare(s), COARSE), COARSE, RARE),
    }
    ours, theirs = sizes_of(left), sizes_of(right)
    plain = candidates(left, right, None, 0)
    for name, (hide, classes, least) in hidings.items():
        for keys in sorted({1, 2, 4, 8, len(left)}):
            if keys > len(left):
                continue
            a, b = hide(ours[:keys]), hide(theirs[:keys])
            print(f"{name}, {keys:2} keys: alone {alone(a):6.1%}, told {told(a, b, who_left, who_right):6.1%}")
        cost = candidates(left, right, classes, least)
        there = found(left, right, who_left, who_right, least)
        print(f"  {cost:,.0f} candidates a row, {cost / plain:.1f} times as many; {there:.2%} of people share one\n")
    in_short(f"blocks: the sizes over {len(left)} keys are one row's alone for {alone(ours):.0%} of the rows")


if __name__ == "__main__":
    main()
