"""What the fault tests of the store run in processes of their own, to be killed."""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from exchange_node.store import Store, StoreError
from tests.store_life import ASKED, a_message, everything


def open_store(home: Path) -> Store:
    """The store under test."""
    return Store.open(f"sqlite:///{home}/node.db", spool=home / "spool")


def say(line: str) -> None:
    """Acknowledge to the parent, in one write."""
    os.write(1, f"{line}\n".encode())


def flow(home: Path) -> None:
    """Write messages from four threads without end, and say each after the store has said yes."""
    store = open_store(home)
    start = len(store.messages.list(ASKED))

    def work(name: str) -> None:
        number = start
        while True:
            kind = f"{name}{number}"
            store.messages.put(a_message(kind, body=os.urandom(300)))
            say(kind)
            number += 1

    for name in "abcd":
        threading.Thread(target=work, args=(name,)).start()


def killed_everywhere(home: Path, first: int, stride: int) -> None:
    """A life killed at one fault point and taken up again, for every `stride`-th point, each in its own home."""
    number = first
    while True:
        own = home / str(number)
        own.mkdir()
        point = in_child(lambda own=own, number=number: killed_at(own, number))  # type: ignore[misc]
        if point != -signal.SIGKILL:
            assert point == 0
            break
        assert in_child(lambda own=own: lived(own)) == 0  # type: ignore[misc]
        number += stride
    say(str(number))


def killed_at(home: Path, number: int) -> None:
    """One life up to a fault point."""
    left = [None] * number

    def hook(_: str) -> None:
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        left.pop()

    with open_store(home) as store:
        store.faults = hook
        everything(store)


def lived(home: Path) -> None:
    """The same life again from the beginning, to its end."""
    with open_store(home) as store:
        everything(store)
        ended, leg = store.requests.get(ASKED), store.legs.get(ASKED, "castle-nhs")
        assert ended is not None and ended.state == "done"
        assert leg is not None and (leg.state, leg.outcome) == ("ended", "done")
        assert len(store.messages.list(ASKED)) == 1 and len(store.choices.list()) == 2
        assert store.secrets.get(ASKED, "castle-nhs", "share") is None
        assert store.results.get(ASKED, "castle-nhs") is None
        assert store.spool.usage("northgate-homes") == 0
        with store.database.read() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


def destroy_and_die(home: Path) -> None:
    """Killed after a secret's deletion is committed and before the write-ahead log is emptied."""
    with open_store(home) as store:
        store.faults = lambda point: os.kill(os.getpid(), signal.SIGKILL) if point == "store.log.empty.before" else None
        store.secrets.destroy(ASKED, "castle-nhs")


def full(home: Path) -> None:
    """Write until a file may not grow any more; say how that was told, and how many writes were acknowledged."""
    store = open_store(home)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, hard))
    written = 0
    try:
        while True:
            store.messages.put(a_message(f"m{written}", body=os.urandom(50_000)))
            written += 1
    except StoreError as error:
        say(error.code)
    assert len(store.messages.list(ASKED)) == written  # reading goes on
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    store.messages.put(a_message("after", body=b"room again"))
    say(str(written))
    store.close()


def in_child(work: Callable[[], None]) -> int:
    """Run in a forked process; its exit status, or minus the signal that ended it."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    globals()[sys.argv[1]](Path(sys.argv[2]), *map(int, sys.argv[3:]))
