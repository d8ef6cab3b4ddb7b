"""Whole requests over real gRPC, all three roles in one process: small ones a second, and large ones split by step.

    python -m benchmarks.requests [--small 20] [--rows 10000]

Everything is as in production (mutual TLS, embedded policy, SQLite with full durability, a log entry synced before
every effect), but requester, provider and linkage unit share two cores, so a deployment on three machines is faster.
The machine's limit stated beside the small requests is the rate of its durable writes: each request needs so many of
them, on all sides together, that no implementation of this protocol could do more on this disk without batching.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import random
import resource
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import structlog

from exchange_node import runner as runner_module
from exchange_node.draft import RequestDraft, validate_draft
from exchange_node.rpc.peers import GrpcPeers
from exchange_node.rpc.server import build_server, listen
from exchange_node.runner import Runner
from exchange_node.store.model import Choice
from tests.e2e.test_simulated_request import AGREEMENT, FORENAMES, HEALTH, HOUSING, SURNAMES
from tests.simulator import ANALYST, Member, Simulator, Time, free_ports

PURPOSE = "damp-repair-prioritisation"


class RealTime(Time):
    """The machine's clock, where the simulator has one that tests turn."""

    def __init__(self) -> None:
        super().__init__(time.time())

    def __call__(self) -> float:
        return time.time()


def write_register(path: Path, prefix: str, extra: str, rows: int, cohort: int) -> None:
    """The same made-up people for both sides; every tenth record has a typing error on the second side."""
    rng = random.Random(1)
    with path.open("w", encoding="utf-8") as out:
        out.write(f"ref,first,last,born,pc,sex,{extra}\n")
        for number in range(rows):
            first, last = (
                rng.choice(FORENAMES) + rng.choice("abcdeilmnorst"),
                rng.choice(SURNAMES) + rng.choice("aeimnorsty"),
            )
            born = f"{rng.randint(1, 28):02}/{rng.randint(1, 12):02}/{rng.randint(1935, 2020)}"
            postcode = f"AB{rng.randint(1, 99)} {rng.randint(1, 9)}{rng.choice('ABDEFGHJLN')}{rng.choice('PQRSTUWXYZ')}"
            if prefix == "P" and number % 10 == 0:
                last = last[:-2] + last[-1]
            value = "J45" if extra == "code" else "yes" if number < cohort else "no"
            out.write(f"{prefix}{number},{first},{last},{born},{postcode},F,{value}\n")


async def run(rows: int, cohort: int, requests: int, folder: Path) -> dict[str, float]:
    """Ask `requests` questions at once; returns seconds in all and by step."""
    simulator = Simulator(folder, time=RealTime(), ports=free_ports(3), connect=GrpcPeers, fsync=True)
    for org, prefix, extra in (("northgate-homes", "T", "damp"), ("castle-nhs", "P", "code")):
        (folder / org).mkdir()
        write_register(folder / org / "people.csv", prefix, extra, rows, cohort)
    simulator.found(
        [
            Member("northgate-homes", "housing", "Northgate Homes", HOUSING),
            Member("castle-nhs", "health", "Castle NHS Trust", HEALTH),
            Member("neutral-linkage", "linkage-unit", "Neutral Operator Ltd", regime="none"),
        ]
    )
    text = AGREEMENT.replace("approval: provider", "approval: none")
    simulator.agree(
        text.replace("max_cohort_rows: 50000", "max_cohort_rows: 200000").replace(
            "max_links: 50000", "max_links: 200000"
        )
    )
    health = simulator.nodes["castle-nhs"]
    health.store.choices.add_all(
        Choice(health.vault.person_ref(f"P{n}"), "consent", ("northgate-homes",), (PURPOSE,), 1, None, 1, "officer")
        for n in range(rows)
    )
    spent: dict[str, float] = defaultdict(float)
    plain = dict(runner_module.WORK)
    for (role, step), work in plain.items():

        async def timed(exchange, case, work=work, name=f"{step} {role}"):  # type: ignore[no-untyped-def]
            begun = time.perf_counter()
            try:
                return await work(exchange, case)
            finally:
                spent[name] += time.perf_counter() - begun

        runner_module.WORK[role, step] = timed
    servers, runners = [], []
    for org, node in simulator.nodes.items():
        server = build_server(simulator.network.exchanges[org])
        listen(server, node)
        await server.start()
        servers.append(server)
        runners.append(asyncio.create_task(Runner(simulator.network.exchanges[org]).run()))
    draft: RequestDraft = validate_draft(
        {
            "agreement": "asthma-mould",
            "purpose": PURPOSE,
            "providers": ["castle-nhs"],
            "attributes": {"castle-nhs": ["repair_priority"]},
            "cohort": {"condition": "damp = yes"},
        }
    )
    begun = time.perf_counter()
    asked = [await simulator.network.exchanges["northgate-homes"].ask(draft, ANALYST) for _ in range(requests)]
    while not all(simulator.state("northgate-homes", request) == "done" for request in asked):
        failed = [r for r in asked if simulator.state("northgate-homes", r) not in ("open", "done")]
        if failed:
            raise SystemExit(f"a request ended as {simulator.state('northgate-homes', failed[0])}")
        await asyncio.sleep(0.05)
    total = time.perf_counter() - begun
    entries = sum(node.log.size() for node in simulator.nodes.values())
    for task in runners:
        task.cancel()
    await asyncio.gather(*runners, return_exceptions=True)
    for node in simulator.nodes.values():
        await node.peers.close()
    for server in servers:
        await server.stop(0)
    simulator.close()
    runner_module.WORK.update(plain)
    return {"total": total, "entries": entries, **dict(sorted(spent.items()))}


def durable_writes_a_second(folder: Path, seconds: float = 1.0) -> float:
    """How often this disk syncs 300 bytes."""
    done, begun = 0, time.perf_counter()
    with (folder / "limit").open("wb") as out:
        while time.perf_counter() < begun + seconds:
            out.write(bytes(300))
            out.flush()
            os.fdatasync(out.fileno())
            done += 1
    return done / (time.perf_counter() - begun)


def main() -> None:
    """Print small requests a second, and one large request by step, with the machine's limit and peak memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", type=int, default=20, help="how many requests of 40 x 200 rows at once")
    parser.add_argument("--rows", type=int, default=10_000, help="rows a side of the large request")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    if options.small:
        with tempfile.TemporaryDirectory() as name:
            limit = durable_writes_a_second(Path(name))
            found = asyncio.run(run(200, 40, options.small, Path(name)))
        per_request = found["entries"] / options.small
        rate, total = options.small / found["total"], found["total"]
        print(f"small requests (40 x 200): {rate:.2f}/s, {total:.1f} s for {options.small} at once")
        print(f"  log entries a request, all sides: {per_request:.0f}; durable writes of this disk: {limit:.0f}/s")
    if options.rows:
        with tempfile.TemporaryDirectory() as name:
            found = asyncio.run(run(options.rows, options.rows, 1, Path(name)))
        print(f"one request, {options.rows:,} x {options.rows:,}: {found['total']:.1f} s")
        for step, seconds in found.items():
            if step not in ("total", "entries"):
                print(f"  step {step:<14} {seconds:8.2f} s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of the process, all three roles: {peak:.0f} MiB")


if __name__ == "__main__":
    main()
