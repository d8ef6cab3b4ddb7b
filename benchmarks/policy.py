"""Decisions a second: the embedded engine next to an OPA server on this machine, same rules, same questions.

    python -m benchmarks.policy [--seconds 2]

A decision counts as a node counts it: the input is built and checked, and the answer is read and checked. The machine's
limit beside the embedded engine is the same call with an input that no rule takes (another version), so that only the
way into the module and back is left; beside the server it is a health check on the same connection. One thread; a
processor's seconds would leave the server out, so these are wall-clock seconds.
"""

from __future__ import annotations

import argparse
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import requests

from benchmarks.processes import in_short, peak_megabytes
from exchange_node.policy.bundle import packaged_bundle
from exchange_node.policy.decision import Facts
from exchange_node.policy.input import policy_input
from exchange_node.policy.opa_server import OpaServerEngine
from exchange_node.policy.policy import BATCH, Policy
from tests.policy_engines import CONSENTED, ROOT, approvals, damp_question, embedded, opa_server

BUNDLE = ROOT / "exchange_node" / "policy" / "bundle" / "policies-opa.tar.gz"
PEOPLE = 100_000


def rate(call: Callable[[], object], seconds: float) -> float:
    """Calls a second, after one to warm up."""
    call()
    start, calls = time.perf_counter(), 0
    while (spent := time.perf_counter() - start) < seconds:
        call()
        calls += 1
    return calls / spent


def classes(number: int) -> list[Facts]:
    """Distinct classes of facts, most of them granted."""
    marks = (f"mark-{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(number))
    return [replace(CONSENTED, flags=(mark,), opt_out=place % 9 == 0) for place, mark in enumerate(marks)]


def measure(policy: Policy, seconds: float) -> tuple[float, float]:
    """Questions a second, and classes of people a second in full batches."""
    question, batch = damp_question(), classes(BATCH)
    asks = rate(lambda: policy.ask(question), seconds)
    return asks, BATCH * rate(lambda: policy.release(question, batch), seconds)


def find_opa() -> Path | None:
    """As the tests find it."""
    for name in (os.environ.get("EXCHANGE_OPA"), ROOT / "build" / "bin" / "opa", "opa"):
        if name and (found := shutil.which(name)):
            return Path(found)
    return None


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    seconds = parser.parse_args().seconds
    engine = embedded()
    ours = measure(Policy(engine), seconds)
    nothing = {**policy_input(damp_question(), "ask", ()), "v": 2}
    limit = rate(lambda: engine.evaluate(nothing), seconds)
    question, distinct = damp_question(), classes(BATCH)
    people = [distinct[number % BATCH] for number in range(PEOPLE)]
    start = time.perf_counter()
    found = list(dict.fromkeys(people))
    decided = dict(zip(found, Policy(engine).release(question, found), strict=True))
    granted = sum(decided[facts].allow for facts in people)
    mapped = PEOPLE / (time.perf_counter() - start)
    engine.close()
    print("policy: decisions a second, one thread")
    print(f"  embedded    questions {ours[0]:8,.0f}   classes of people {ours[1]:8,.0f}")
    print(f"  limit       the same call with no rule to carry out {limit:,.0f}; ratio {ours[0] / limit:.2f}")
    print(f"  people      {mapped:,.0f} a second by {BATCH} classes ({granted:,} of {PEOPLE:,} granted)")
    opa = find_opa()
    if opa is None:
        in_short(f"embedded {ours[0]:,.0f} questions/s, limit {limit:,.0f}; no OPA server: run `make opa` first")
        return
    with opa_server(opa, BUNDLE) as url, requests.Session() as session:
        server = OpaServerEngine.from_bundle(url, packaged_bundle(), approvals(), 0, timeout_seconds=10)
        theirs = measure(Policy(server), seconds)
        trips = rate(lambda: session.get(f"{url}/health", timeout=5), seconds)
        server.close()
    print(f"  OPA server  questions {theirs[0]:8,.0f}   classes of people {theirs[1]:8,.0f}")
    print(f"  limit       health checks on one connection {trips:,.0f}; ratio {theirs[0] / trips:.2f}")
    print(f"  peak memory {peak_megabytes():.0f} MB, of which the embedded engine's module is most")
    in_short(f"embedded {ours[0]:,.0f} questions/s (limit {limit:,.0f}), {ours[1]:,.0f} classes of people/s")
    in_short(f"OPA server {theirs[0]:,.0f} questions/s (limit {trips:,.0f}), {theirs[1]:,.0f} classes of people/s")
    in_short(f"embedded to server: questions {ours[0] / theirs[0]:.1f}, classes {ours[1] / theirs[1]:.1f}")


if __name__ == "__main__":
    main()
