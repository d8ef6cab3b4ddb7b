"""Bring a database to this version of the node, in one transaction: all of it or nothing."""

from __future__ import annotations

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from exchange_node.store.engine import Database
from exchange_node.store.errors import StoreError

SCRIPTS = Path(__file__).parent / "migrations"
VERSION_TABLE = "schema_version"

_alembic = threading.Lock()  # its environment is a module-level object


def migrate(database: Database, scripts: Path = SCRIPTS) -> None:
    """Upgrade to the newest revision of `scripts`.

    Raises StoreError: newer-schema if a revision unknown to this version was applied; migration-failed, with
    nothing changed.
    """
    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    directory = ScriptDirectory.from_config(config)
    with database.write("schema.upgrade") as connection, _alembic:
        applied = revision(connection)
        if applied == directory.get_current_head():
            return
        if applied is not None and applied not in {script.revision for script in directory.walk_revisions()}:
            raise StoreError("newer-schema", f"revision {applied}")
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except (CommandError, SQLAlchemyError) as error:
            raise StoreError("migration-failed", f"from {applied}: {type(error).__name__}") from None


def revision(connection: Connection) -> str | None:
    """The revision that was applied last, or None for a new database."""
    return MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()
