"""Databases of other versions: older ones are brought here, newer ones are left alone."""

from __future__ import annotations

import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from exchange_node.store import Store, StoreError
from exchange_node.store.engine import Database
from exchange_node.store.migrate import SCRIPTS, migrate, revision
from exchange_node.store.tables import metadata

# A database as revision 0001 left it. Its schema was written down then, and is never edited.
FIRST = (
    (Path(__file__).parent / "schema_0001.sql").read_text()
    + """
CREATE TABLE schema_version (version_num VARCHAR(32) NOT NULL);
INSERT INTO schema_version VALUES ('0001');
INSERT INTO meta VALUES ('origin', 'kept');
INSERT INTO requests VALUES
    ('r1', 'northgate-homes', 'provider', 'd', x'00ff', 'a', 'm', 'ana', 1, 2, 'open', '', NULL);
INSERT INTO legs VALUES
    ('r1', 'castle-nhs', 'northgate-homes', 'provider', 3, 'active', '', 7, 0, 1, 2, '', '{"a":1}');
INSERT INTO choices VALUES
    ('c1', 'p1', 'consent', '["castle-nhs"]', '["repair"]', 1, NULL, 1, 'olu', '', NULL, NULL);
UPDATE counters SET value = 5 WHERE name = 'choices';
"""
)
NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("meta", sa.Column("note", sa.Text()))
    {more}
"""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'node.db'}"
    return str(request.getfixturevalue("postgres_url"))


def scripts_with(tmp_path: Path, more: str) -> Path:
    """The migrations of a later version of the node."""
    scripts = tmp_path / "migrations"
    shutil.copytree(SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    (scripts / "versions" / "r0002_next.py").write_text(NEXT.format(more=more))
    return scripts


def test_the_migrations_lead_to_the_tables_of_the_code(url: str) -> None:
    with Store.open(url) as store, store.database.read() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "schema_version", "compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_a_database_of_the_first_version_keeps_what_it_holds(tmp_path: Path) -> None:
    file = tmp_path / "node.db"
    with sqlite3.connect(file) as made:
        made.executescript(FIRST)
    made.close()
    with Store.open(f"sqlite:///{file}") as store:
        assert store.meta.get("origin") == "kept"
        request, leg = store.requests.get("r1"), store.legs.get("r1", "castle-nhs")
        assert request is not None and request.content == b"\x00\xff"
        assert leg is not None and (leg.version, leg.progress) == (7, {"a": 1})
        assert store.choices.for_people(["p1"])["p1"][0].scope == ("castle-nhs",)
        assert store.choices.version() == 5
        store.meta.raise_high_water(9)


def test_a_newer_database_is_refused_and_left_as_it_is(url: str, tmp_path: Path) -> None:
    with Store.open(url) as store:
        store.meta.set("origin", "kept")
    later = scripts_with(tmp_path, "pass")
    database = Database(url)
    migrate(database, later)
    database.close()
    with pytest.raises(StoreError) as refused:
        Store.open(url)
    assert refused.value.code == "store.newer-schema" and "0002" in refused.value.detail
    database = Database(url)  # nothing is left locked
    with database.read() as connection:
        assert revision(connection) == "0002"
        assert connection.exec_driver_sql("SELECT value, note FROM meta").one() == ("kept", None)
    database.close()


def test_a_migration_that_fails_leaves_the_former_version_whole(url: str, tmp_path: Path) -> None:
    with Store.open(url) as store:
        store.meta.set("origin", "kept")
    broken = scripts_with(tmp_path, 'op.execute("UPDATE nothing SET x = 1")')
    database = Database(url)
    with pytest.raises(StoreError) as failed:
        migrate(database, broken)
    assert failed.value.code == "store.migration-failed"
    database.close()
    with Store.open(url) as store, store.database.read() as connection:
        assert revision(connection) == "0001"
        assert connection.exec_driver_sql("SELECT * FROM meta").all() == [("origin", "kept")]


def test_two_stores_of_one_process_migrate_at_the_same_time(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as threads:
        for store in threads.map(lambda number: Store.open(f"sqlite:///{tmp_path}/{number}.db"), range(4)):
            assert store.choices.version() == 0
            store.close()
