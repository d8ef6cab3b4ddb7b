"""Encode and link, processor seconds and peak memory, next to plain clkhash and plain anonlink in the same run.

    python -m benchmarks.linkage [--rows 10000] [--left 10000] [--large]

`--large` means 100,000 a side (some five minutes). Every measurement runs in a process of its own, so that its peak
memory is its own; people are made up and made in that process, so "encode" counts them too. Ours does more than its
peer: encode also tokenises, shuffles, packs and digests; link also bounds candidates, works in small tiles and
estimates precision. The machine's limit beside it is, for encode, the keyed BLAKE2 hashes of all n-grams and nothing
else, and for link our widest kernel on rows of which no pair can be given up, in the cache.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from array import array
from pathlib import Path
from typing import BinaryIO

import numpy as np
from bitarray import bitarray

from benchmarks.by_hand import pairs_a_second
from benchmarks.processes import Figures, in_a_process, in_short
from exchange_node.encoding.by_clkhash import clear_caches
from exchange_node.encoding.encode import encode
from exchange_node.encoding.tokens import TOKEN_BYTES
from exchange_node.linkage.by_anonlink import Anonlink
from exchange_node.linkage.encodings import Encodings
from exchange_node.linkage.link import link
from tests.made_up_people import SCHEMA, key, token_key, two_registers

THRESHOLD_BP = 7600
clock = time.process_time  # all stages run on one core; what else the machine does must not change the ratio


def our_encode(left: int, right: int, file: Path) -> Figures:
    """Records to signed-off chunks, both sides; leaves the rows in `file` for the link."""
    registers = two_registers(left, right, min(left, right) * 7 // 10, seed=1)
    start = clock()
    for records, letter in zip(registers, "ab", strict=True):
        with open(file.with_suffix(f".{letter}"), "wb") as out:

            def sink(index: int, chunk: bytes, to: BinaryIO = out) -> None:
                to.write(chunk)

            encode(records, SCHEMA, key(), token_key(letter), sink)
    return {"seconds": clock() - start, "units": left + right}


def plain_clkhash(left: int, right: int, file: Path) -> Figures:
    """clkhash's own function, one process, no validation."""
    from clkhash.clk import generate_clks

    registers = two_registers(left, right, min(left, right) * 7 // 10, seed=1)
    start = clock()
    for records in registers:
        rows = [SCHEMA.values(person.fields) for person in records]
        clear_caches()  # two agencies share none
        generate_clks(rows, SCHEMA.clkhash_schema, key().reveal(), validate=False, max_workers=1)
    return {"seconds": clock() - start, "units": left + right}


def hash_limit(left: int, right: int, file: Path) -> Figures:
    """What hashing alone would allow: one keyed BLAKE2b for each n-gram of each record."""
    tokens = 35  # n-grams of an average record under uk-person-1
    count = 200_000
    start = clock()
    for _ in range(count):
        hashlib.blake2b(b"ab", key=b"k" * 64, salt=b"0").digest()
    return {"seconds": (clock() - start) / count * tokens * (left + right), "units": left + right}


def _sides(file: Path) -> list[Encodings]:
    width = TOKEN_BYTES + SCHEMA.bits // 8
    sides = []
    for letter in "ab":
        data = np.fromfile(file.with_suffix(f".{letter}"), np.uint8).reshape(-1, width)
        popcounts = np.bitwise_count(data[:, TOKEN_BYTES:]).sum(axis=1, dtype=np.int32)
        sides.append(Encodings(data, popcounts, SCHEMA.digest, key().key_id()))
    return sides


def our_link(left: int, right: int, file: Path) -> Figures:
    """Candidates, one-to-one and the estimate."""
    ours, theirs = _sides(file)
    start = clock()
    result = link(ours, theirs, THRESHOLD_BP, max_links=10**7)
    return {"seconds": clock() - start, "units": left * right, "links": len(result)}


def plain_anonlink(left: int, right: int, file: Path) -> Figures:
    """All candidates of one call, then anonlink's solver."""
    kernel = Anonlink("anonlink-accelerated").similarity()
    from anonlink.solving import greedy_solve

    ours, theirs = ([bitarray(buffer=row.tobytes()) for row in side.filters] for side in _sides(file))
    start = clock()
    scores, (i, j) = kernel((ours, theirs), THRESHOLD_BP / 10_000, k=None)
    zeros, ones = array("I", bytes(4 * len(scores))), array("I", [1]) * len(scores)
    groups = greedy_solve((scores, (zeros, ones), (i, j)))
    return {"seconds": clock() - start, "units": left * right, "links": len(groups)}


def counting_limit(left: int, right: int, file: Path) -> Figures:
    """Every word of every pair."""
    return {"seconds": left * right / pairs_a_second(), "units": left * right}


def table(left: int, right: int) -> None:
    """Print both stages with their peer, ratio and limit."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "rows"
        for title, unit, stages in (
            ("encode", "records/s", (our_encode, plain_clkhash, hash_limit)),
            ("link", "M pairs/s", (our_link, plain_anonlink, counting_limit)),
        ):
            ours, peer, limit = (in_a_process(stage, left, right, file) for stage in stages)
            scale = 1 if title == "encode" else 1e6
            print(f"{title} {left:,} x {right:,}" + (f", {ours['links']:,.0f} links" if "links" in ours else ""))
            for name, figures in (("ours", ours), ("peer", peer), ("limit", limit)):
                rate = figures["units"] / figures["seconds"] / scale
                memory = f"{figures['megabytes']:7,.0f} MB peak" if name != "limit" else ""
                print(f"  {name:6}{figures['seconds']:9.2f} s {rate:12,.1f} {unit} {memory}")
            in_short(
                f"{title} {left:,} x {right:,}: {ours['units'] / ours['seconds'] / scale:,.1f} {unit}, ratio to peer "
                f"{peer['seconds'] / ours['seconds']:.2f}, to the limit {limit['seconds'] / ours['seconds']:.2f}"
            )


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=10_000, help="rows of the provider")
    parser.add_argument("--left", type=int, help="rows of the requester (as many as --rows)")
    parser.add_argument("--large", action="store_true", help="100,000 x 100,000 as well")
    options = parser.parse_args()
    table(options.left or options.rows, options.rows)
    if options.large:
        table(100_000, 100_000)


if __name__ == "__main__":
    main()
