"""Whole requests over real gRPC, each role a process of its own: small ones a second, large ones split by step.

    python -m benchmarks.requests [--small 20] [--large 10000x10000 10000x100000] [--consents N]

`10000x100000` asks about a cohort of 10,000 at a provider with 100,000 people. Everything is as in production (mutual
TLS, embedded policy, SQLite with full durability, a log entry synced before every effect), but that all three roles
share this machine and look again after 0.05 seconds, not 2. `--consents` leaves only so many of the provider's people
admitted (all by default).

The peer of a large request is an analyst with both files on one desk: clkhash and anonlink alone, one process, no
network, policy, sealing or log. The ratio says what lawfulness costs. The machine's limits beside it: for encode the
keyed hashes of all n-grams, for link every word of every pair, in the cache, for what goes over the wire AES-GCM.
The peer of small requests is the disk: one after another, the synced appends that their log entries would be at least.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import re
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import structlog

from benchmarks.by_hand import by_hand, durable_writes_a_second, pairs_a_second, sealed_bytes_a_second
from benchmarks.linkage import hash_limit
from benchmarks.processes import SPAWN, forget_peak, in_a_process, in_short, peak_megabytes
from exchange_node.casework import Next
from exchange_node.config import Home
from exchange_node.draft import validate_draft
from exchange_node.exchange import WORK, Exchange
from exchange_node.opening import open_node
from exchange_node.papers import Case
from exchange_node.rpc.peers import GrpcPeers
from exchange_node.rpc.server import build_server, listen
from exchange_node.runner import Runner
from exchange_node.store.model import Choice
from tests.e2e.test_simulated_request import AGREEMENT, FORENAMES, HEALTH, HOUSING, SURNAMES
from tests.simulator import ANALYST, Member, Simulator, Time, free_ports

PURPOSE = "damp-repair-prioritisation"
ROLES = {"northgate-homes": "requester", "castle-nhs": "provider", "neutral-linkage": "linkage"}
Work = Callable[[Exchange, Case], Coroutine[Any, Any, Next]]
CAPS = ("max_cohort_rows", "max_provider_rows", "max_links")
DRAFT = {
    "agreement": "asthma-mould",
    "purpose": PURPOSE,
    "providers": ["castle-nhs"],
    "attributes": {"castle-nhs": ["repair_priority"]},
    "cohort": {"condition": "damp = yes"},
}


# -- made ready: registers, homes, agreement, consents -------------------------------------------------------------


def write_register(path: Path, prefix: str, extra: str, rows: int) -> None:
    """Row for row the same made-up people on both sides; on the provider's, every tenth has a typing error."""
    rng = random.Random(1)
    with path.open("w", encoding="utf-8") as out:
        out.write(f"ref,first,last,born,pc,sex,{extra}\n")
        for number in range(rows):
            first = rng.choice(FORENAMES) + rng.choice("abcdeilmnorst")
            last = rng.choice(SURNAMES) + rng.choice("aeimnorsty")
            born = f"{rng.randint(1, 28):02}/{rng.randint(1, 12):02}/{rng.randint(1935, 2020)}"
            postcode = f"AB{rng.randint(1, 99)} {rng.randint(1, 9)}{rng.choice('ABDEFGHJLN')}{rng.choice('PQRSTUWXYZ')}"
            if prefix == "P" and number % 10 == 0:
                last = last[:-2] + last[-1]
            value = "J45" if extra == "code" else "yes"
            out.write(f"{prefix}{number},{first},{last},{born},{postcode},F,{value}\n")


class RealTime(Time):
    """The machine's clock, where the simulator has one that tests turn."""

    def __init__(self) -> None:
        super().__init__(time.time())

    def __call__(self) -> float:
        return time.time()


def make_ready(folder: Path, cohort: int, people: int, consents: int, poll_seconds: float) -> None:
    """The homes of a landlord, a hospital and a linkage unit; closed."""
    made = Simulator(folder, time=RealTime(), ports=free_ports(3))
    for org, prefix, extra, rows in (("northgate-homes", "T", "damp", cohort), ("castle-nhs", "P", "code", people)):
        (folder / org).mkdir()
        write_register(folder / org / "people.csv", prefix, extra, rows)
    made.found(
        [
            Member("northgate-homes", "housing", "Northgate Homes", HOUSING),
            Member("castle-nhs", "health", "Castle NHS Trust", HEALTH),
            Member("neutral-linkage", "linkage-unit", "Neutral Operator Ltd", regime="none"),
        ]
    )
    text = AGREEMENT.replace("approval: provider", "approval: none")
    for cap in CAPS:
        text = re.sub(rf"{cap}: \d+", f"{cap}: 1000000", text)
    made.agree(text)
    health = made.nodes["castle-nhs"]
    health.store.choices.add_all(
        Choice(health.vault.person_ref(f"P{n}"), "consent", ("northgate-homes",), (PURPOSE,), 1, None, 1, "officer")
        for n in range(consents)
    )
    made.close()
    for org in ROLES:
        config = made.home(org).config_file
        config.write_text(config.read_text().replace("poll_seconds = 0.05 ", f"poll_seconds = {poll_seconds} "))


# -- one role in a process of its own ------------------------------------------------------------------------------


@dataclass
class Role:
    """What a role needed: seconds and peak megabytes of each step, and of the whole process."""

    name: str
    idle: float = 0.0
    peak: float = 0.0
    processor: float = 0.0
    entries: int = 0
    waited: float = 0.0  # the requester's, from the first question to the last table
    steps: dict[int, list[float]] = field(default_factory=lambda: defaultdict(lambda: [0.0, 0.0]))

    def mark(self) -> float:
        """The peak since the last mark."""
        found = peak_megabytes()
        self.peak = max(self.peak, found)
        forget_peak()
        return found


@contextmanager
def measured_steps(role: Role) -> Iterator[None]:
    """Each step that the node carries out is timed, and its memory looked at."""
    plain = dict(WORK)

    def timed(step: int, work: Work) -> Work:
        async def run(exchange: Exchange, case: Case) -> Next:
            role.mark()
            begun, found = time.perf_counter(), role.steps[step]
            try:
                return await work(exchange, case)
            finally:
                found[0] += time.perf_counter() - begun
                found[1] = max(found[1], role.mark())

        return run

    WORK.update({(who, step): timed(step, work) for (who, step), work in plain.items()})  # type: ignore[misc]  # no methods
    try:
        yield
    finally:
        WORK.update(plain)


async def ask_all(exchange: Exchange, requests: int) -> None:
    """Ask so many questions at once and wait until each has its table."""
    draft, requests_here = validate_draft(DRAFT), exchange.node.store.requests
    for _ in range(requests):
        await exchange.ask(draft, ANALYST)
    while open_ones := requests_here.list(state="open", limit=1):
        await asyncio.sleep(0.02 * len(open_ones))
    ended = {request.state for request in requests_here.list(limit=None)}
    if ended != {"done"}:
        raise SystemExit(f"requests ended as {ended}")


async def serve(home: Path, pipe: Connection) -> None:
    """As `exchange serve`, until the other end says stop; a number is so many questions to ask."""
    node = open_node(Home(home), GrpcPeers)
    exchange, role = Exchange(node), Role(ROLES[node.org])
    server = build_server(exchange)
    listen(server, node)
    await server.start()
    role.idle = role.mark()
    with measured_steps(role):
        running = asyncio.create_task(Runner(exchange).run())
        pipe.send("serving")
        before, processor = node.log.size(), time.process_time()
        while requests := await asyncio.to_thread(pipe.recv):
            begun = time.perf_counter()
            await ask_all(exchange, requests)
            role.waited = time.perf_counter() - begun
            pipe.send("done")
        role.mark()
        role.processor, role.entries = time.process_time() - processor, node.log.size() - before
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    await server.stop(0)
    await node.peers.close()
    node.log.close()
    node.store.close()
    role.steps = dict(role.steps)
    pipe.send(role)


def serve_role(home: Path, pipe: Connection) -> None:
    """The main of a role's process."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    asyncio.run(serve(home, pipe))


def run(folder: Path, requests: int) -> dict[str, Role]:
    """Start the three, have the landlord ask, and stop them."""
    started: dict[str, tuple[SpawnProcess, Connection]] = {}
    try:
        for org in ROLES:
            ours, theirs = SPAWN.Pipe()
            process = SPAWN.Process(target=serve_role, args=(folder / org, theirs))
            process.start()
            theirs.close()
            started[org] = process, ours
        for _, pipe in started.values():
            pipe.recv()
        asking = started["northgate-homes"][1]
        asking.send(requests)
        asking.recv()
        roles = {}
        for org, (process, pipe) in started.items():
            pipe.send(0)
            roles[ROLES[org]] = pipe.recv()
            process.join()
        return roles
    except EOFError:
        raise SystemExit("a role ended early") from None
    finally:
        for process, _ in started.values():
            process.kill()


# -- the tables ----------------------------------------------------------------------------------------------------


def small(requests: int, poll_seconds: float, folder: Path) -> None:
    """So many requests of 40 x 200 people at once."""
    make_ready(folder, 40, 200, 200, poll_seconds)
    limit = durable_writes_a_second(folder)
    roles = run(folder, requests)
    waited = roles["requester"].waited
    entries, processor = (sum(getattr(role, name) for role in roles.values()) for name in ("entries", "processor"))
    peer = limit / entries * requests
    name = f"{requests} of 40 x 200 at once, polling {poll_seconds} s"
    in_short(f"{name}: {waited:.1f} s, {requests / waited:.2f}/s, {processor / requests:.2f} processor seconds each")
    print(f"  {entries / requests:.0f} log entries a request, all roles; this disk syncs {limit:,.0f} of them a second")
    print(f"  limit {peer:.1f} requests/s, ratio {requests / waited / peer:.3f}")
    print("  peak memory", ", ".join(f"{role.name} {role.peak:.0f} MB" for role in roles.values()))


def large(cohort: int, people: int, consents: int, folder: Path) -> None:
    """One request, split by step, and the same work by hand."""
    make_ready(folder, cohort, people, consents, 0.05)
    roles = run(folder, 1)
    threshold = int(re.search(r"threshold_bp: (\d+)", AGREEMENT)[1])  # type: ignore[index]
    waited, processor = roles["requester"].waited, sum(role.processor for role in roles.values())
    name = f"{cohort:,} x {people:,}"
    peaks = ", ".join(f"{role.name} {role.peak:.0f} MB" for role in roles.values())
    in_short(f"{name}: {waited:.1f} s, {processor:.1f} processor seconds; peak {peaks}")
    for step, who in sorted((step, who) for who, role in roles.items() for step in role.steps):
        seconds, megabytes = roles[who].steps[step]
        print(f"  step {step:>2} {who:<10}{seconds:9.2f} s {megabytes:7.0f} MB peak")
    for role in roles.values():
        print(f"  whole   {role.name:<10}{role.processor:9.2f} s {role.peak:7.0f} MB peak, {role.idle:.0f} MB idle")
    encoded, pairs, sealed = cohort + consents, cohort * consents, sealed_bytes_a_second()
    hashes = hash_limit(cohort, consents, folder)["seconds"]
    wire = encoded * 144 + cohort * 200  # encodings there, lists and release back
    print(f"  limits: hashes {hashes:.1f} s, pairs {pairs / pairs_a_second():.1f} s, "
          f"{wire / 1e6:.0f} MB on the wire {wire / sealed:.2f} s at {sealed / 1e6:,.0f} MB/s")  # fmt: skip
    if consents < people:
        print("  no peer: by hand there is nobody who may not be encoded")
        return
    hand = in_a_process(by_hand, folder, threshold)
    print(f"  peer, by hand: {hand['waited']:.1f} s, {hand['processor']:.1f} processor seconds "
          f"(encode {hand['encode']:.1f}, link {hand['link']:.1f}), {hand['links']:,.0f} links, "
          f"{hand['megabytes']:.0f} MB peak")  # fmt: skip
    in_short(f"{name}: {waited / hand['waited']:.2f} times as long as by hand, "
             f"{processor / hand['processor']:.2f} times the processor")  # fmt: skip


def main() -> None:
    """Small requests alone and at once, then the large ones."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", type=int, default=20, help="how many small requests at once; 0 for none")
    parser.add_argument("--large", nargs="*", default=["10000x10000", "10000x100000"], metavar="COHORTxPEOPLE")
    parser.add_argument("--consents", type=int, help="how many of the provider's people consented (all)")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    for requests, poll_seconds in ((1, 2.0), (options.small, 0.05)) if options.small else ():
        with tempfile.TemporaryDirectory() as name:
            small(requests, poll_seconds, Path(name))
    for size in options.large:
        cohort, people = map(int, size.split("x"))
        with tempfile.TemporaryDirectory() as name:
            large(cohort, people, min(options.consents or people, people), Path(name))


if __name__ == "__main__":
    main()
