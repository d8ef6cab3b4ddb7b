"""The store killed, full, and searched for what it was told to forget."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from exchange_node.store import Store, StoreError
from tests.store_life import ASKED, a_leg, a_message, a_request

ROOT = Path(__file__).parents[2]


def child(work: str, home: Path, *numbers: int) -> subprocess.Popen[str]:
    """Start one of store_child's functions."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.fault.store_child", work, str(home), *map(str, numbers)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def outcome(work: str, home: Path, *numbers: int) -> tuple[int, list[str]]:
    """Run one to its end."""
    process = child(work, home, *numbers)
    said, _ = process.communicate(timeout=300)
    return process.returncode, said.split()


def bytes_in(home: Path) -> bytes:
    """Every byte of every file of a home."""
    return b"".join(path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file())


def test_killed_in_full_flow_it_has_all_it_acknowledged(tmp_path: Path) -> None:
    acknowledged: set[str] = set()
    for lines in (1, 250, 600):
        with child("flow", tmp_path) as process:
            assert process.stdout is not None
            for _ in range(lines):
                acknowledged.add(process.stdout.readline().strip())
            process.send_signal(signal.SIGKILL)
            acknowledged.update(line.strip() for line in process.stdout if line.endswith("\n"))
        assert process.returncode == -signal.SIGKILL
    with Store.open(f"sqlite:///{tmp_path}/node.db") as store:
        kept = {message.kind: message for message in store.messages.list(ASKED)}
        with store.database.read() as connection:
            assert connection.scalar(text("PRAGMA integrity_check")) == "ok"
    assert len(acknowledged) >= 851
    assert acknowledged <= set(kept)
    assert len(set(kept) - acknowledged) <= 3 * 4  # written but not said yet: one a thread, each time
    assert all(len(message.body) == 300 for message in kept.values())


@pytest.mark.parametrize(
    ("first", "stride"), [pytest.param(1, 6, id="some"), pytest.param(0, 1, id="all", marks=pytest.mark.slow)]
)
def test_killed_at_fault_points_it_ends_in_the_same_state(tmp_path: Path, first: int, stride: int) -> None:
    code, said = outcome("killed_everywhere", tmp_path, first, stride)
    assert code == 0
    assert int(said[0]) >= 50  # two for every kind of write


def test_destroyed_secrets_are_in_no_file(tmp_path: Path) -> None:
    chance = random.Random(6)  # with this seed one secret survived where `secure_delete` alone was relied on
    alive: dict[str, list[bytes]] = {}
    gone: list[bytes] = []
    with Store.open(f"sqlite:///{tmp_path}/node.db") as store:
        for number in range(200):
            id = f"{number:032x}"
            alive[id] = [chance.randbytes(chance.choice((40, 100, 700, 1500))) for _ in range(3)]
            for part, secret in enumerate(alive[id]):
                store.secrets.put(id, "castle-nhs", f"s{part}", secret)
            if number % 3:
                id = chance.choice(sorted(alive))
                gone += alive.pop(id)
                assert store.secrets.destroy(id, "castle-nhs") == 3
        found = bytes_in(tmp_path)
        assert (tmp_path / "node.db-wal").stat().st_size == 0
        for id, secrets in alive.items():
            for part, secret in enumerate(secrets):
                assert secret[:16] in found  # the search finds what is there
                assert store.secrets.get(id, "castle-nhs", f"s{part}") == secret
    left = [secret for secret in gone if any(secret[at : at + 16] in found for at in (0, len(secret) // 2))]
    assert len(gone) == 399 and left == []


def test_killed_before_the_log_is_emptied_it_empties_it_when_opened(tmp_path: Path) -> None:
    secret = os.urandom(200)
    with Store.open(f"sqlite:///{tmp_path}/node.db") as store:
        store.secrets.put(ASKED, "castle-nhs", "share", secret)
    code, _ = outcome("destroy_and_die", tmp_path)
    assert code == -signal.SIGKILL
    assert (tmp_path / "node.db-wal").stat().st_size > 0
    assert secret in bytes_in(tmp_path)  # else this test shows nothing
    with Store.open(f"sqlite:///{tmp_path}/node.db") as store:
        assert secret not in bytes_in(tmp_path)
        assert store.secrets.get(ASKED, "castle-nhs", "share") is None


def test_a_reader_from_outside_that_holds_the_log_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exchange_node.store.engine._PRAGMAS", ("PRAGMA journal_mode=WAL", "PRAGMA busy_timeout=0"))
    with Store.open(f"sqlite:///{tmp_path}/node.db") as store:
        store.secrets.put(ASKED, "castle-nhs", "share", b"sealed")
        reader = sqlite3.connect(tmp_path / "node.db", isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM secrets").fetchall()
        with pytest.raises(StoreError) as caught:
            store.secrets.destroy(ASKED, "castle-nhs")
        assert caught.value.code == "store.not-erased"
        reader.close()
        assert store.secrets.destroy(ASKED, "castle-nhs") == 0
        assert (tmp_path / "node.db-wal").stat().st_size == 0


def test_a_full_database_refuses_a_move_as_a_whole(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path}/node.db") as store:
        store.requests.create(a_request(), [a_leg()])
        limit(store, "page_count")
        with pytest.raises(StoreError) as caught:
            store.legs.move(a_leg(), step=4, messages=[a_message(body=bytes(100_000))])
        assert caught.value.code == "store.cannot-write"
        assert store.legs.list(ASKED) == [a_leg()] and store.messages.list(ASKED) == []
        limit(store, "max_page_count = 1000000")
        assert store.legs.move(a_leg(), step=4, messages=[a_message(body=bytes(100_000))]).version == 1


def limit(store: Store, pragma: str) -> None:
    """Let the database grow to its present size, or to what `pragma` says."""
    with store.database.read() as connection:
        value = connection.scalar(text(f"PRAGMA {pragma}"))
        connection.execute(text(f"PRAGMA max_page_count = {value}"))


def test_a_file_that_may_not_grow_is_a_refused_write_and_nothing_worse(tmp_path: Path) -> None:
    code, said = outcome("full", tmp_path)
    assert code == 0
    assert said[0] == "store.cannot-write"
    with Store.open(f"sqlite:///{tmp_path}/node.db") as store:
        kept = [message.kind for message in store.messages.list(ASKED)]
        assert sorted(kept) == sorted(["after", *(f"m{number}" for number in range(int(said[1])))])
        with store.database.read() as connection:
            assert connection.scalar(text("PRAGMA integrity_check")) == "ok"
