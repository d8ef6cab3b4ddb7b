"""Audit appends a second, and the time until a signed checkpoint covers an entry, next to what the disk can do.

    python -m benchmarks.audit_log [--seconds 3] [--directory build/bench]

The machine's limit is measured in the same run: one file that grows by as many bytes, with fdatasync after every
write. That is what a log without a tree, signatures or a name for each state would cost, so the ratio says what these
cost. The second limit publishes one small file durably (write, fsync, rename, directory fsync); an append publishes
at least three.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.processes import in_short, peak_megabytes
from exchange_node.audit.entry import Entry, entry_id
from exchange_node.audit.files import Files, System
from exchange_node.audit.index import MemoryIndex
from exchange_node.audit.log import AuditLog
from exchange_node.audit.note import NoteSigner
from exchange_node.audit.verify import verify_directory

BATCHES = (1, 16, 256)
ORIGIN = "castle-nhs.example/audit"
REQUEST = "0123456789abcdef" * 2


@dataclass
class Measured:
    """Entries written, the wall-clock seconds it took, and the seconds each caller waited."""

    entries: int
    seconds: float
    waits: list[float]

    @property
    def rate(self) -> float:
        """Entries a second."""
        return self.entries / self.seconds

    def wait(self, share: float) -> float:
        """The wait in milliseconds that this share of callers did not exceed."""
        return sorted(self.waits)[min(len(self.waits) - 1, int(share * len(self.waits)))] * 1000


def entry(number: int) -> Entry:
    """An entry of the usual length, some 600 bytes."""
    part = f"chunk-{number}"
    facts = {name: f"{number:064x}" for name in ("message_digest", "release_digest", "bundle_digest")}
    name = entry_id(REQUEST, "castle-nhs", 5, "provider", "northgate-homes", part)
    return Entry(name, "fact", 1_790_000_000, 5, REQUEST, "provider", "northgate-homes", "chunk.sent", facts)


def repeat(seconds: float, width: int, write: Callable[[int], None]) -> Measured:
    """Call `write` with a running number until the time is over; each call writes `width` entries."""
    waits: list[float] = []
    start = now = time.perf_counter()
    while now - start < seconds:
        write(len(waits) * width)
        waits.append(time.perf_counter() - now)
        now += waits[-1]
    return Measured(len(waits) * width, now - start, waits)


def plain_file(directory: Path, seconds: float, width: int) -> Measured:
    """The limit: append the same bytes to one file, fdatasync."""
    fd = os.open(directory / f"plain-{width}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    data = entry(0).encode() * width

    def write(_: int) -> None:
        os.write(fd, data)
        os.fdatasync(fd)

    try:
        return repeat(seconds, width, write)
    finally:
        os.close(fd)


def small_files(directory: Path, seconds: float) -> Measured:
    """What it costs to publish one small file durably."""
    files = Files(directory / "small", System())
    data = entry(0).encode()
    try:
        return repeat(seconds, 1, lambda number: files.publish(f"file-{number % 100}", data))
    finally:
        files.close()


def one_caller(log: AuditLog, seconds: float, width: int) -> Measured:
    """One thread that appends so many entries at a time."""

    def write(start: int) -> None:
        log.append([entry(start + at) for at in range(width)])

    return repeat(seconds, width, write)


def many_callers(log: AuditLog, seconds: float, width: int) -> Measured:
    """So many coroutines, each of which records one entry after another and waits for it."""
    waits: list[float] = []
    end = time.perf_counter() + seconds

    async def caller(who: int) -> None:
        number = 0
        while (start := time.perf_counter()) < end:
            await log.record(entry(who + number * width))
            waits.append(time.perf_counter() - start)
            number += 1

    async def all_callers() -> None:
        await asyncio.gather(*(caller(who) for who in range(width)))

    start = time.perf_counter()
    asyncio.run(all_callers())
    return Measured(len(waits), time.perf_counter() - start, waits)


def report(name: str, width: int, measured: Measured, limit: float) -> None:
    """One line of the table."""
    waits = " ".join(f"{measured.wait(share):8.2f}" for share in (0.5, 0.95, 0.99))
    print(f"{name:<34} {width:>5} {measured.rate:>10,.0f} {waits}  {measured.rate / limit:>7.2f}")


def main(argv: list[str] | None = None) -> int:
    """Measure and print. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0, help="time for each line of the table")
    parser.add_argument("--directory", type=Path, default=Path("build/bench"), help="on the disk to measure")
    options = parser.parse_args(argv)
    options.directory.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="audit-", dir=options.directory))
    try:
        measure(directory, options.seconds)
    finally:
        shutil.rmtree(directory)
    return 0


def measure(directory: Path, seconds: float) -> None:
    """The whole table; every line on fresh files of the same disk."""
    print(f"{'':<34} {'':>5} {'entries/s':>10} {'wait until covered, ms':>26}  {'ratio to':>8}")
    print(f"{'':<34} {'batch':>5} {'':>10} {'p50':>8} {'p95':>8} {'p99':>8}  {'limit':>8}")
    small = small_files(directory, seconds)
    for width in BATCHES:
        limit = plain_file(directory, seconds, width)
        report("limit: one file, fdatasync", width, limit, limit.rate)
        if width == 1:
            report("limit: one small file published", width, small, limit.rate)
        place = directory / f"batch-{width}"
        for name, run in (("append, one caller", one_caller), ("record, so many callers", many_callers)):
            measured = on_a_new_log(place, partial(run, seconds=seconds, width=width))
            report(name, width, measured, limit.rate)
            if name.startswith("record"):
                in_short(
                    f"{width} callers {measured.rate:,.0f} entries/s, covered in {measured.wait(0.5):.1f} ms (p50), "
                    f"{measured.wait(0.99):.1f} ms (p99); ratio to the limit {measured.rate / limit.rate:.2f}"
                )
    print(f"peak memory {peak_megabytes():,.0f} MB, with the index of entry ids in memory")


def on_a_new_log(place: Path, run: Callable[[AuditLog], Measured]) -> Measured:
    """Measure, and verify the log afterwards: what does not verify is not worth a figure."""
    shutil.rmtree(place, ignore_errors=True)
    signer = NoteSigner.generate(ORIGIN)
    log = AuditLog.open(place, ORIGIN, signer, MemoryIndex())
    try:
        measured = run(log)
    finally:
        log.close()
    if verify_directory(place, signer.vkey).size != measured.entries:
        raise SystemExit("the log does not hold what was appended")
    return measured


if __name__ == "__main__":
    raise SystemExit(main())
