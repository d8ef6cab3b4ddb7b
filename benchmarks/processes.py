"""Work in processes of their own, so that one's memory is not another's, and what is known of such memory."""

from __future__ import annotations

import multiprocessing
import resource
import warnings
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

Figures = dict[str, float]
MARK = "=> "  # begins a line that `python -m benchmarks` prints again at the end
SPAWN = multiprocessing.get_context("spawn")


def in_a_process(measure: Callable[..., Figures], *arguments: object) -> Figures:
    """Call it in a fresh process; what it returns, with the process's peak memory as `megabytes`."""
    receive, send = SPAWN.Pipe(duplex=False)
    process = SPAWN.Process(target=_child, args=(send, measure, arguments))
    process.start()
    send.close()
    try:
        figures: Figures = receive.recv()
    except EOFError:
        raise SystemExit(f"{measure.__name__} failed") from None
    finally:
        process.join()
    return figures


def _child(pipe: Connection, measure: Callable[..., Figures], arguments: tuple[object, ...]) -> None:
    warnings.simplefilter("ignore")
    figures = measure(*arguments)
    pipe.send(figures | {"megabytes": peak_megabytes()})


def in_short(line: str) -> None:
    """Print a line that sums up."""
    print(f"{MARK}{line}", flush=True)


def peak_megabytes() -> float:
    """The most memory that this process ever held, or since `forget_peak`.

    Not `ru_maxrss`, which begins with what the parent held when it forked.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def forget_peak() -> None:
    """Let `peak_megabytes` begin anew from what is held now; where the kernel has no such switch it goes on."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
