"""CLKs a second in one process, bit for bit clkhash's, against clkhash itself on the same records in the same run.

    python -m benchmarks.clks [--rows 1000000] [--peer 100000]

The schema is `uk-person-1`. Names follow Zipf's law with many rare ones; dates and postcodes are nearly a person's own.
Ours and the peer start from the very same Python list of rows of strings, each string an object of its own, as a reader
of files makes them. The peer is `clkhash.clk.generate_clks` with one worker and without validation; it and ours encode
the first `--peer` people, then ours alone encodes all. "Columns" is ours from distinct values and codes, the form in
which `records.columns` holds a register. Processor seconds, each in a process of its own; making the people is not
counted, and what they take is named beside the peak. The machine's limit is what any encoder must do at least: take the
strings' bytes, and write filters.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from itertools import chain

import numpy as np

from benchmarks.processes import Figures, forget_peak, in_a_process, in_short, peak_megabytes
from exchange_node.encoding.clk import clk_encoder
from exchange_node.records.columns import Column
from tests.made_up_people import FORENAMES, SCHEMA, SURNAMES, key

clock = time.process_time
Rows = list[tuple[str, ...]]


def people(count: int, of: int) -> Rows:
    """The first `count` of so many invented people, the same in every process."""
    rng = np.random.default_rng(1)
    syllables = ["".join(pair) for pair in np.stack([rng.choice(list("bcdfghjklmnprstw"), 60_000),
                 rng.choice(list("aeiou"), 60_000)], axis=1)]  # fmt: skip
    rare = ["".join(syllables[at : at + 3]) for at in range(0, len(syllables) - 3)]

    def names(common: list[str]) -> list[str]:
        every = np.array([*common, *rare])
        chance = 1 / np.arange(1, len(every) + 1)
        chosen: list[str] = rng.choice(every, of, p=chance / chance.sum())[:count].tolist()
        return chosen

    def letters(alphabet: str) -> np.ndarray:
        return rng.choice(np.array(list(alphabet)), of)[:count]

    def digits(most: int) -> np.ndarray:
        return rng.integers(1, most + 1, of)[:count].astype(str)

    days = (np.datetime64("1930-01-01") + rng.integers(0, 86 * 365, of))[:count]
    postcodes = letters("BCDELMNSW")
    for part in (letters("ABDHLNRSTW"), digits(29), np.full(count, " "), digits(9), letters("ABDEFGHJLN"),
                 letters("ABDEFGHJLN")):  # fmt: skip
        postcodes = np.char.add(postcodes, part)
    columns = (names(FORENAMES), names(SURNAMES), days.astype(str).tolist(), letters("fm").tolist(), postcodes.tolist())
    return list(zip(*columns, strict=True))


def figures(seconds: float, before: float, filters: bytes) -> Figures:
    """What each stage gives back; the number that stands for the filters tells whether two are the same."""
    return {
        "seconds": seconds,
        "before": before,
        "filters": int(hashlib.sha256(filters).hexdigest()[:12], 16),
    }


def ours(count: int, of: int, peer: int) -> Figures:
    """From rows of strings."""
    rows = people(count, of)
    forget_peak()
    before, start = peak_megabytes(), clock()
    with clk_encoder(SCHEMA, key()) as encoder:
        filters = encoder.encode_rows(rows)
    return figures(clock() - start, before, filters[:peer].tobytes())


def ours_by_columns(count: int, of: int, peer: int) -> Figures:
    """From distinct values and codes."""
    columns = [Column.of(name, "text", list(values)) for name, values in
               zip(SCHEMA.fields, zip(*people(count, of), strict=True), strict=True)]  # fmt: skip
    forget_peak()
    before, start = peak_megabytes(), clock()
    with clk_encoder(SCHEMA, key()) as encoder:
        filters = encoder.encode_columns(columns)
    return figures(clock() - start, before, filters[:peer].tobytes())


def clkhash_alone(count: int, of: int, peer: int) -> Figures:
    """clkhash's own function."""
    from clkhash.clk import generate_clks

    rows = people(count, of)
    forget_peak()
    before, start = peak_megabytes(), clock()
    filters = generate_clks(rows, SCHEMA.clkhash_schema, key().reveal(), validate=False, max_workers=1)
    seconds = clock() - start
    return figures(seconds, before, b"".join(clk.tobytes() for clk in filters))


def limit(count: int, of: int, peer: int) -> Figures:
    """The strings' bytes in one piece, and as many filters written."""
    rows = people(count, of)
    forget_peak()
    before, start = peak_megabytes(), clock()
    taken = [len("\0".join(chain.from_iterable(rows[at : at + 10_000])).encode()) for at in range(0, count, 10_000)]
    filters = np.full((count, SCHEMA.bits // 8), sum(taken) % 255, np.uint8)
    return figures(clock() - start, before, filters[:1].tobytes())


def main() -> None:
    """Measure, print, and fail where the bits are not the peer's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--peer", type=int, default=100_000, help="of them also by clkhash")
    options = parser.parse_args()
    rows, few = options.rows, min(options.peer, options.rows)
    found = {}
    for title, stage, count in (
        ("clkhash", clkhash_alone, few),
        ("ours", ours, few),
        ("ours, columns", ours_by_columns, few),
        ("ours", ours, rows),
        ("ours, columns", ours_by_columns, rows),
        ("limit", limit, rows),
    ):  # fmt: skip
        got = found[title, count] = in_a_process(stage, count, rows, few)
        print(
            f"  {title:14}{count:10,} {got['seconds']:8.2f} s {count / got['seconds']:12,.0f} CLKs/s   "
            f"people {got['before']:6,.0f} MB, peak {got['megabytes']:6,.0f} MB",
            flush=True,
        )
    peer = found["clkhash", few]
    if any(got["filters"] != peer["filters"] for (title, _), got in found.items() if title != "limit"):
        raise SystemExit("the bits are not those of clkhash")
    for title, count in dict.fromkeys((("ours", few), ("ours, columns", few), ("ours", rows), ("ours, columns", rows))):
        got = found[title, count]
        each, peers, least = got["seconds"] / count, peer["seconds"] / few, found["limit", rows]["seconds"] / rows
        in_short(
            f"{title} {count:,} rows: {1 / each:,.0f} CLKs/s, ratio to clkhash {peers / each:.0f}, to the limit "
            f"{least / each:.2f}, {got['megabytes'] - got['before']:,.0f} MB more than the people"
        )


if __name__ == "__main__":
    main()
