"""Every benchmark, one after another: `make bench`, or `python -m benchmarks policy requests` for some of them.

Each prints our figure, a peer's or the machine's limit measured in the same run, the ratio, and peak memory. Each is a
process of its own, so that one's memory is not another's. Lines that begin with `=>` come again at the end, in short.
Figures are of this machine, now: compare ratios, and believe seconds only if nothing else ran (the load is printed).
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time

from benchmarks.processes import MARK

BENCHMARKS = {
    "policy": "decisions a second, embedded and through an OPA server",
    "audit_log": "entries a second, and the time until a signed checkpoint covers one",
    "clks": "CLKs a second, one process, against clkhash",
    "linkage": "encoding and linking, against clkhash and anonlink",
    "dice": "pairs of CLKs above a Dice coefficient, against anonlink",
    "dot": "dot products of all pairs and of candidates, against BLAS and the machine's limits",
    "vectors": "vectors a second, one process, against CLKs of clkhash and our own",
    "quality": "F1 of a trial without labels, against Splink 5 in the clear",
    "calibration": "scores and probabilities of a trial, against the truth",
    "ablations": "what each part of the engine is worth, against the whole",
    "growth": "time and memory of a trial by size, against Splink 5 in the clear",
    "blocking": "the links that keys miss, against all pairs",
    "blocks": "what the ids of keyed blocks tell an outsider, against chance",
    "hardenings": "what hardening CLKs costs, against plain ones",
    "groups": "F1 of five parties in groups without labels, against anonlink and Splink",
    "records": "reading a register, and that its memory is bounded",
    "requests": "whole requests over gRPC: small ones a second, large ones by step",
}


def run(name: str) -> tuple[bool, list[str]]:
    """One benchmark, printed as it goes; whether it ended well, and its lines in short."""
    words = [sys.executable, "-u", "-m", f"benchmarks.{name}"]
    short = []
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            if line.startswith(MARK):
                short.append(line.removeprefix(MARK).rstrip())
    return process.returncode == 0, short


def load() -> str:
    """How busy the machine is."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def main() -> None:
    """Run those that are named, or all."""
    wanted = sys.argv[1:] or list(BENCHMARKS)
    if unknown := [name for name in wanted if name not in BENCHMARKS]:
        sys.exit(f"unknown: {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}")
    failed, told = [], [f"Python {platform.python_version()}, {platform.machine()}, {load()} at the beginning"]
    for name in wanted:
        print(f"\n== {name}: {BENCHMARKS[name]}", flush=True)
        begun = time.perf_counter()
        well, short = run(name)
        told += [f"{name}: {line}" for line in short]
        if not well:
            failed.append(name)
        print(f"   ({time.perf_counter() - begun:.0f} s)", flush=True)
    print("\n== in short", *told, f"{load()} at the end", sep="\n")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
