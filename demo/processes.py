"""The command line and the nodes as processes of their own; nothing that was started here outlives the demo."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

COMMAND_SECONDS: Final = 120
START_SECONDS: Final = 60
STOP_SECONDS: Final = 15
_STRANGERS: Final = ("EXCHANGE_HOME", "EXCHANGE_USER")  # the reader's own settings must not reach the demo's nodes


class DemoError(Exception):
    """The story cannot go on; the message says what happened and to whom."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command printed, and its exit code."""

    words: tuple[str, ...]
    code: int
    out: str
    error: str

    @property
    def document(self) -> dict[str, Any]:
        """Its JSON. Raises DemoError if it printed none."""
        try:
            found: dict[str, Any] = json.loads(self.out)
        except ValueError:
            raise DemoError(f"`exchange {' '.join(self.words)}` printed no JSON: {self.error.strip()[-500:]}") from None
        return found


def exchange(words: Sequence[str | Path], *, home: Path | None = None, user: str = "", expect: int = 0) -> Answer:
    """Run one command of `exchange`. Raises DemoError if it ends otherwise than expected."""
    told = tuple(map(str, words))
    try:
        done = subprocess.run(
            [*program(), *_where(home, user), *told],
            capture_output=True, text=True, env=_environment(), timeout=COMMAND_SECONDS, stdin=subprocess.DEVNULL,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise DemoError(f"`exchange {' '.join(told)}` did not end within {COMMAND_SECONDS} seconds") from None
    if done.returncode != expect:
        said = "\n".join(part.strip()[-1500:] for part in (done.stderr, done.stdout) if part.strip())
        raise DemoError(f"`exchange {' '.join(told)}` ended with {done.returncode} and not {expect}:\n{said}")
    return Answer(told, done.returncode, done.stdout, done.stderr)


def program() -> list[str]:
    """The command beside this Python; without one, the same by its module."""
    script = Path(sys.executable).with_name("exchange")
    return [str(script)] if script.exists() else [sys.executable, "-m", "exchange_cli.main"]


class NodeProcess:
    """One agency's node: `exchange serve` in a process of its own, its log in `node.log` of its home."""

    def __init__(self, org: str, home: Path) -> None:
        self.org = org
        self.home = home
        self.log = home / "node.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Of the running process."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start, without waiting until it serves."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*program(), "--home", str(self.home), "serve", "--json"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=_environment(),
                start_new_session=True,  # Ctrl-C is for the demo, which stops its nodes in order
            )  # fmt: skip

    def wait_until_serving(self) -> None:
        """Raises DemoError if it ends or does not serve in time."""
        ready, process = self.home / "serving.pid", self._process
        deadline = time.monotonic() + START_SECONDS
        while process is not None and time.monotonic() < deadline:
            with suppress(OSError, ValueError):
                if int(ready.read_text()) == process.pid:
                    return
            if process.poll() is not None:
                raise DemoError(f"the node of {self.org} ended with {process.returncode} while it started")
            time.sleep(0.05)
        raise DemoError(f"the node of {self.org} did not serve within {START_SECONDS} seconds")

    def stop(self) -> None:
        """Ask it to end; after a while, make it."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """As when the power fails."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(how)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def tail(self, lines: int = 8) -> str:
        """The end of its log."""
        try:
            text = self.log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])


def stop_leftovers(folder: Path) -> None:
    """Stop nodes of an earlier run in this folder whose demo was killed before it could."""
    for ready in folder.glob("*/serving.pid"):
        with suppress(OSError, ValueError):
            pid = int(ready.read_text())
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
            if "serve" in words and str(ready.parent) in words:
                os.kill(pid, signal.SIGKILL)


def _where(home: Path | None, user: str) -> list[str]:
    where = ["--home", str(home)] if home else []
    return [*where, "--user", user] if user else where


def _environment() -> Mapping[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _STRANGERS} | {"PYTHONUTF8": "1"}
