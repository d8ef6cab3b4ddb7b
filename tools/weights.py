"""Learn the bits of the weighted schema from made-up registers (`make weights`), or compare them with what is committed
(`make weights-check`). A minute of one core.

Three pairs of registers of invented households (`demo/population.py`, with more and rarer names) are damaged by the
engine's public error model, and who is who is known. Pairs of one person, pairs of others that are most alike, and
random ones are examples for a logistic regression on how alike two filters are expected to be. What is learned is how
many bits each feature sets, on a logarithmic scale, so that none is below 0. No agency's data is in it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exchange_node.encoding.clk import clk_encoder
from exchange_node.encoding.keys import LinkageKey
from exchange_node.encoding.schema import WEIGHTED_SCHEMA, LinkageSchema
from exchange_node.linkage.dice import stripes
from exchange_node.linkage.kernels import choose_kernel
from exchange_node.linkage.pairs import PAIR, Measure
from exchange_node.records.columns import Column
from tools.made_registers import Registers, registers

FILE = Path(__file__).resolve().parents[1] / f"exchange_node/encoding/schemas/{WEIGHTED_SCHEMA}.json"
BITS, FULL = 2048, 0.42  # of a filter, and how full that of a complete record is
COMPARED = Measure(4, 1)
NAME, SECOND, FAMILY = ("forename",), ("middle_names",), ("surname",)
BORN, POSTCODE, ADDRESS = ("date_of_birth",), ("postcode",), ("address_line",)
FEATURES: tuple[tuple[tuple[str, ...], str], ...] = (
    (NAME, "bigrams"), (NAME, "sounds"), (NAME, "initials"), (SECOND, "bigrams"), (SECOND, "initials"),
    (FAMILY, "bigrams"), (FAMILY, "sounds"), (BORN, "year"), (BORN, "year-digits"), (BORN, "month"), (BORN, "day"),
    (BORN, "month-day"), (("sex",), "whole"), (POSTCODE, "whole"), (POSTCODE, "characters"), (ADDRESS, "bigrams"),
    (ADDRESS, "number-word"), (NAME + FAMILY, "either-way"), (NAME + BORN, "together"), (NAME + POSTCODE, "together"),
)  # fmt: skip
DAMAGE = ((21, 0, 1), (22, 1, 1), (23, 1, 2))  # seed, and how often each side is damaged
RANDOM, ALIKE = 30_000, 8  # random pairs of a set, and most alike ones of each row
ROUNDS = 2  # the second looks for alike pairs by what the first learned
RIDGE = 4e-3  # pull of all logarithms towards their mean
Floats = NDArray[np.float64]


def document(bits: Sequence[int]) -> dict[str, Any]:
    """The schema with these bits."""
    features = [
        {"fields": list(fields), "tokens": tokens, "bits": count}
        for (fields, tokens), count in zip(FEATURES, bits, strict=True)
    ]
    compared = {"shorter": COMPARED.shorter, "longer": COMPARED.longer}
    info = f"exchange-node/{WEIGHTED_SCHEMA}"
    return {
        "kind": "weighted-clk",
        "version": 1,
        "bits": BITS,
        "info": info,
        "compared": compared,
        "features": features,
    }


def written(made: Mapping[str, Any]) -> str:
    """The document as text, a feature a line."""
    lines = ",\n".join(f"    {json.dumps(feature)}" for feature in made["features"])
    head = "".join(f"  {json.dumps(name)}: {json.dumps(part)},\n" for name, part in made.items() if name != "features")
    return f'{{\n{head}  "features": [\n{lines}\n  ]\n}}\n'


# -- examples ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Examples:
    """Pairs, a row each, and features, a column each: what share of a feature's bits both have, and whether either
    side has any; who is one person, and how many pairs each stands for.
    """

    shared: Floats
    left: Floats
    right: Floats
    same: Floats
    count: Floats


def examples(made: Registers, bits: Sequence[int]) -> Examples:
    """Pairs of one person, the most alike others by these bits, and random ones."""
    schema = LinkageSchema.from_json("learned", json.dumps(document(bits)))
    sides = [schema.columns(side) for side in (made.left, made.right)]
    rows = len(sides[0][0]), len(sides[1][0])
    alike = _alike(schema, *sides)
    others = alike[alike["left"] != alike["right"] + made.first]
    random = np.random.default_rng(0)
    one, other = random.integers(0, rows[0], RANDOM), random.integers(0, rows[1], RANDOM)
    apart = one != other + made.first
    people = np.arange(made.first, rows[0])
    left = np.concatenate([people, others["left"].astype(np.int64), one[apart]])
    right = np.concatenate([people - made.first, others["right"].astype(np.int64), other[apart]])
    counts = (len(people), 1.0), (len(others), 1.0), (int(apart.sum()), rows[0] * rows[1] / RANDOM)
    shares = [
        _shared(one, other, spec.hashing_properties.comparator.tokenize, left, right)
        for one, other, spec in zip(*sides, schema.clkhash_schema.fields, strict=True)
    ]
    known = [np.stack([(c.codes[at] > 0) for c in side], axis=1) for side, at in zip(sides, (left, right), strict=True)]
    return Examples(
        np.stack(shares, axis=1),
        known[0].astype(np.float64),
        known[1].astype(np.float64),
        (np.arange(len(left)) < len(people)).astype(np.float64),
        np.concatenate([np.full(number, count) for number, count in counts]),
    )


def _alike(schema: LinkageSchema, left: list[Column], right: list[Column]) -> NDArray[np.void]:
    @dataclass
    class Side:
        filters: NDArray[np.uint8]

        def __len__(self) -> int:
            return len(self.filters)

    with clk_encoder(schema, LinkageKey(b"nobody".ljust(32, b"."), bytes(16))) as encoder:
        ours, theirs = (Side(encoder.encode_columns(side)) for side in (left, right))
    found = [pairs for _, pairs in stripes(ours, theirs, len(ours), 4000, ALIKE, choose_kernel("native"), COMPARED)]
    return np.concatenate([np.empty(0, PAIR), *found])


def _shared(
    one: Column, other: Column, cut: Callable[[str], Sequence[str]], left: NDArray[np.int64], right: NDArray[np.int64]
) -> Floats:
    """Of each pair of values, the tokens that both have among those of the value with more."""
    sides = [[frozenset(cut(value)) for value in column.values] for column in (one, other)]
    both, place = np.unique(np.stack([one.codes[left], other.codes[right]]), axis=1, return_inverse=True)
    shares = [len(sides[0][a] & sides[1][b]) / max(len(sides[0][a]), len(sides[1][b]), 1) for a, b in both.T.tolist()]
    return np.array(shares)[place.ravel()]


# -- learning ------------------------------------------------------------------------------------------------------


def loss(at: Floats, sets: Sequence[Examples]) -> tuple[float, Floats]:
    """Of logarithms of the features' bits, of the steepness of the curve, and its middle; and its slope by each.

    Of w bits that are set at random in a filter of L, L (1 - exp(-w / L)) are expected to differ.
    """
    logs, steep, middle = at[:-2], np.exp(at[-2]), at[-1]
    mean = np.mean([each.left[each.same == 1].mean(axis=0) for each in sets], axis=0)
    bits = np.exp(logs) * (-BITS * np.log(1 - FULL) / (mean @ np.exp(logs)))
    total, by_bits, by_more = 0.0, np.zeros(len(logs)), np.zeros(2)
    whole = COMPARED.shorter + COMPARED.longer
    for each in sets:
        x, y = each.left @ bits, each.right @ bits
        either = np.exp(-(x + y - each.shared @ bits) / BITS)
        left, right = np.exp(-x / BITS), np.exp(-y / BITS)
        set_left, set_right = BITS * (1 - left), BITS * (1 - right)
        short = set_left <= set_right
        counted = np.where(
            short,
            COMPARED.shorter * set_left + COMPARED.longer * set_right,
            COMPARED.shorter * set_right + COMPARED.longer * set_left,
        ) / whole + 1e-3  # fmt: skip
        alike = (set_left + set_right - BITS * (1 - either)) / counted
        odds = steep * (alike - middle)
        total += float(each.count @ (np.logaddexp(0, odds) - each.same * odds))
        by_odds = each.count * (1 / (1 + np.exp(-np.clip(odds, -500, 500))) - each.same)
        by_alike = by_odds * steep / counted
        of_left = np.where(short, COMPARED.shorter, COMPARED.longer) / whole
        from_left = by_alike * (1 - alike * of_left) * left
        from_right = by_alike * (1 - alike * (1 - of_left)) * right
        by_bits += (from_left - by_alike * either) @ each.left + (from_right - by_alike * either) @ each.right
        by_bits += (by_alike * either) @ each.shared
        by_more += by_odds @ odds, -steep * by_odds.sum()
    slope = by_bits * bits - (by_bits @ bits) * mean * np.exp(logs) / (mean @ np.exp(logs))
    people = sum(float(each.same.sum()) for each in sets)
    off = logs - logs.mean()
    return total / people + RIDGE * float(off @ off) / 2, np.append(slope / people + RIDGE * off, by_more / people)


def least(fun: Callable[[Floats], tuple[float, Floats]], at: Floats, steps: int = 200, kept: int = 10) -> Floats:
    """Where the function is least: L-BFGS (Liu and Nocedal 1989) with step halving."""
    value, slope = fun(at)
    moves: list[tuple[Floats, Floats]] = []
    for _ in range(steps):
        way, factors = slope.copy(), []
        for step, change in reversed(moves):
            factors.append(step @ way / (step @ change))
            way -= factors[-1] * change
        way *= moves[-1][0] @ moves[-1][1] / (moves[-1][1] @ moves[-1][1]) if moves else 1.0
        for (step, change), factor in zip(moves, reversed(factors), strict=True):
            way += step * (factor - change @ way / (step @ change))
        way *= -min(1.0, 1 / float(np.abs(way).max()))
        length = 1.0
        while (there := fun(at + length * way))[0] > value + 1e-4 * length * (way @ slope) and length > 1e-6:
            length /= 2
        if length <= 1e-6:
            break
        step, change = length * way, there[1] - slope
        if step @ change > 1e-10:
            moves = [*moves[1 - kept :], (step, change)]
        done = abs(value - there[0]) < 1e-7 * abs(value)
        at, (value, slope) = at + step, there
        if done:
            break
    return at


def learn(sets: Sequence[Registers]) -> list[int]:
    """The bits of each feature."""
    bits = [45] * len(FEATURES)
    for _ in range(ROUNDS):
        found = [examples(made, bits) for made in sets]
        start = np.append(np.zeros(len(FEATURES)), [np.log(40.0), 0.7])
        logs = least(lambda at, found=found: loss(at, found), start)[:-2]  # type: ignore[misc]
        mean = np.mean([each.left[each.same == 1].mean(axis=0) for each in found], axis=0)
        bits = np.maximum(1, np.rint(np.exp(logs) * (-BITS * np.log(1 - FULL) / (mean @ np.exp(logs))))).tolist()
        bits = [int(count) for count in bits]
    return bits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where the committed bits differ")
    check = parser.parse_args().check
    bits = learn([registers(*how) for how in DAMAGE])
    if not check:
        FILE.write_text(written(document(bits)), encoding="utf-8")
        return
    committed = [feature["bits"] for feature in json.loads(FILE.read_text())["features"]]
    if any(abs(one - other) > 1 + other // 50 for one, other in zip(bits, committed, strict=True)):
        sys.exit(f"{FILE.name} has other bits than are learned: {committed}, {bits}")


if __name__ == "__main__":
    main()
