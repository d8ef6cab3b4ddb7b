"""Every benchmark, one after another: `make bench`, or `python -m benchmarks policy requests` for some of them.

Each prints our figure, a peer's or the machine's limit measured in the same run, the ratio, and peak memory. Each is a
process of its own, so that one's memory is not another's. Figures are of this machine, now: compare ratios.
"""

from __future__ import annotations

import subprocess
import sys
import time

BENCHMARKS = {
    "policy": "decisions a second, embedded and through an OPA server",
    "audit_log": "entries a second, and the time until a signed checkpoint covers one",
    "linkage": "encoding and linking, against clkhash and anonlink",
    "requests": "whole requests over gRPC: small ones a second, a large one by step",
}


def main() -> None:
    """Run those that are named, or all."""
    wanted = sys.argv[1:] or list(BENCHMARKS)
    if unknown := [name for name in wanted if name not in BENCHMARKS]:
        sys.exit(f"unknown: {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}")
    failed = []
    for name in wanted:
        print(f"\n== {name}: {BENCHMARKS[name]}", flush=True)
        begun = time.perf_counter()
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode:
            failed.append(name)
        print(f"   ({time.perf_counter() - begun:.0f} s)", flush=True)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
