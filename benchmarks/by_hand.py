"""A request's peer, the same two files on one desk, and what this machine could do at most."""

from __future__ import annotations

import csv
import os
import random
import time
from array import array
from pathlib import Path

from bitarray import bitarray
from clkhash.clk import generate_clks
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from benchmarks.processes import Figures
from exchange_node.linkage.dice import TILE, choose_kernel
from exchange_node.linkage.link import DEFAULT_KERNEL
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
    scores, (i, j) = choose_kernel(DEFAULT_KERNEL)((ours, theirs), threshold_bp / 10_000, k=None)
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
    """anonlink's kernel on one tile, again and again."""
    rng, kernel = random.Random(1), choose_kernel(DEFAULT_KERNEL)
    tile = [bitarray(buffer=rng.randbytes(128)) for _ in range(TILE)]
    begun, rounds = time.process_time(), 50
    for _ in range(rounds):
        kernel((tile, tile), 0.99, k=1)
    return rounds * TILE * TILE / (time.process_time() - begun)


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
