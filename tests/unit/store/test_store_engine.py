"""How an SQLite database is opened, and what a driver's errors mean."""

from __future__ import annotations

import sqlite3
import stat
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from exchange_node.store import Store, StoreError
from exchange_node.store.engine import Database, _meaning


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("secure_delete", 1),
        ("foreign_keys", 1),
        ("busy_timeout", 5000),
    ],
)
def test_the_settings_durability_rests_on(tmp_path: Path, pragma: str, value: object) -> None:
    with Store.open(f"sqlite:///{tmp_path / 'node.db'}") as store, store.database.read() as connection:
        assert connection.scalar(text(f"PRAGMA {pragma}")) == value


def test_a_transaction_begins_as_a_writer_and_ends_in_a_commit(tmp_path: Path) -> None:
    said: list[str] = []
    with Store.open(f"sqlite:///{tmp_path / 'node.db'}") as store:
        raw = store.database.engine.raw_connection()
        raw.driver_connection.set_trace_callback(said.append)  # type: ignore[union-attr]
        raw.close()
        store.meta.get("key")
        with pytest.raises(RuntimeError), store.database.write("test") as connection:
            connection.execute(text("DELETE FROM meta"))
            raise RuntimeError
    assert [line for line in said if line.split()[0] in ("BEGIN", "COMMIT", "ROLLBACK")] == [
        *("BEGIN IMMEDIATE", "COMMIT"),
        *("BEGIN IMMEDIATE", "ROLLBACK"),
    ]


def test_files_are_the_owners_alone(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path / 'node.db'}", spool=tmp_path / "spool") as store:
        store.meta.set("key", "value")
        store.spool.put("0" * 32, "castle-nhs", "northgate-homes", 0, b"x")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    assert set(modes) >= {"node.db", "node.db-wal", "node.db-shm", "node.db.lock", "00000000"}
    assert {mode & 0o077 for mode in modes.values()} == {0}, modes


def test_threads_take_turns(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path / 'node.db'}") as store:
        together = threading.Barrier(4)

        def work(name: str) -> None:
            together.wait()
            for number in range(50):
                store.meta.set(name, str(number))
                assert store.meta.get(name) == str(number)

        threads = [threading.Thread(target=work, args=(str(number),)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [store.meta.get(str(number)) for number in range(4)] == ["49"] * 4


def test_a_program_that_keeps_the_database_busy_is_named_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exchange_node.store.engine._PRAGMAS", ("PRAGMA journal_mode=WAL",))
    monkeypatch.setattr("exchange_node.store.engine.BUSY_SECONDS", 0)
    with Store.open(f"sqlite:///{tmp_path / 'node.db'}") as store:
        shell = sqlite3.connect(tmp_path / "node.db", isolation_level=None)
        shell.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError) as caught:
            store.meta.set("key", "value")
        assert caught.value.code == "store.locked"
        shell.execute("ROLLBACK")
        store.meta.set("key", "value")
        shell.close()


def test_what_is_no_database_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "node.db").write_bytes(b"something else entirely" * 100)
    with pytest.raises(StoreError) as caught:
        Store.open(f"sqlite:///{tmp_path / 'node.db'}")
    assert caught.value.code == "store.damaged"
    assert (tmp_path / "node.db").read_bytes() == b"something else entirely" * 100


@pytest.mark.parametrize("url", ["mysql://host/db", "no url", "", "sqlite+aiosqlite:///x.db?mode=ro&x"])
def test_other_databases_are_refused(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError) as caught:
        Database(url)
    assert caught.value.code == "store.unsupported"


def test_a_home_that_is_not_there_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        Store.open(f"sqlite:///{tmp_path / 'nowhere' / 'node.db'}")
    assert caught.value.code == "store.cannot-write"


def test_a_server_that_is_down_is_unreachable_and_its_password_stays_unsaid(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        Store.open(f"postgresql://ana:hunter2@/exchange?host={tmp_path}")
    assert caught.value.code == "store.unreachable"
    assert "hunter2" not in str(caught.value)


class _ServerError(Exception):
    def __init__(self, sqlstate: str | None) -> None:
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("sqlstate", "code"),
    [
        *((None, "unreachable"), ("53100", "cannot-write"), ("58030", "cannot-write"), ("40001", "locked")),
        *(("40P01", "locked"), ("55P03", "locked"), ("57P01", "unreachable"), ("28P01", "unreachable")),
        *(("23505", "conflict"), ("23514", "invalid"), ("22P02", "invalid"), ("25006", "cannot-write")),
        *(("XX001", "damaged"), ("42P01", "failed")),
    ],
)
def test_what_a_servers_error_means(sqlstate: str | None, code: str) -> None:
    assert _meaning(_ServerError(sqlstate)).code == f"store.{code}"
