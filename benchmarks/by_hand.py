"""A request's peer, the same two files on one desk, and what this machine could do at most."""

from __future__ import annotations

import csv
import os
import time
from array import array
from pathlib import Path

import numpy as np
from bitarray import bitarray
from clkhash.clk import generate_clks
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from benchmarks.processes import Figures
from exchange_node.kernels import dice
from exchange_node.linkage.by_anonlink import Anonlink
from exchange_node.linkage.pairs import DICE
from tests.made_up_people import SCHEMA


def by_hand(folder: Path, threshold_bp: int) -> Figures:
    """The same two files with clkhash and anonlink alone."""
    from anonlink.solving import greedy_solve  # only a linkage unit loads it, and this peer

    begun, processor = time.perf_counter(), time.process_time()
    columns = {"forename": "first", "surname": "last", "postcode": "pc", "sex": "sex"}
    sides = []
    for org in ("northgate-homes", "castle-nhs"):
        with (folder / org / "people.csv").open(newline="") as file:
            rows = [
                SCHEMA.values(
                    {name: row[column].lower() for name, column in columns.items()}
                    | {"date_of_birth": "-".join(reversed(row["born"].split("/")))}
                )
                for row in csv.DictReader(file)
            ]
        sides.append(
            generate_clks(rows, SCHEMA.clkhash_schema, b"a secret of both sides", validate=False, max_workers=1)
        )
    encoded = time.process_time()
    ours, theirs = ([bitarray(clk) for clk in side] for side in sides)
    scores, (i, j) = Anonlink("anonlink-accelerated").similarity()((ours, theirs), threshold_bp / 10_000, k=None)
    zeros, ones = array("I", bytes(4 * len(scores))), array("I", [1]) * len(scores)
    links = greedy_solve((scores, (zeros, ones), (i, j)))
    ended = time.process_time()
    return {
        "waited": time.perf_counter() - begun,
        "processor": ended - processor,
        "encode": encoded - processor,
        "link": ended - encoded,
        "links": len(links),
    }


def pairs_a_second() -> float:
    """Every word of every pair, by our widest kernel in the cache: rows of one length, and hardly a pair to keep."""
    rows, rounds = 1024, 50
    filters = np.packbits(np.random.default_rng(1).permuted(np.tile(np.arange(1024) < 410, (rows, 1)), axis=1), axis=1)
    words, bits = filters.view(np.uint64), np.full(rows, 410, np.int32)
    laid = np.ascontiguousarray(words.reshape(-1, 8, 16).transpose(0, 2, 1))
    ends, need = np.array([16], np.int32), np.full(2049, 410, np.int32)
    counts_for = np.array([DICE.shorter, DICE.longer], np.int32)
    order = np.arange(rows, dtype=np.uint32)
    arguments = (words, bits, bits, laid, bits, bits[: rows // 8], order, need, ends, counts_for)
    begun = time.process_time()
    for _ in range(rounds):
        dice.search(dice.kernels()[0], 1, *arguments)
    return rounds * rows**2 / (time.process_time() - begun)


def sealed_bytes_a_second() -> float:
    """AES-256-GCM, which TLS, chunks at rest and releases each need once."""
    cipher, block = AESGCM(bytes(32)), bytes(1 << 20)
    begun, rounds = time.process_time(), 200
    for number in range(rounds):
        cipher.encrypt(number.to_bytes(12), block, None)
    return rounds * len(block) / (time.process_time() - begun)


def durable_writes_a_second(folder: Path, seconds: float = 1.0) -> float:
    """How often this disk syncs a log entry's 600 bytes."""
    done, begun = 0, time.perf_counter()
    with (folder / "limit").open("wb") as out:
        while time.perf_counter() < begun + seconds:
            out.write(bytes(600))
            out.flush()
            os.fdatasync(out.fileno())
            done += 1
    return done / (time.perf_counter() - begun)
