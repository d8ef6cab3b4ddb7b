"""The shared fixtures give what they promise."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import sqlalchemy


@pytest.mark.postgres
def test_postgres_url_is_an_empty_database(postgres_url: str) -> None:
    engine = sqlalchemy.create_engine(postgres_url)
    with engine.connect() as connection:
        assert connection.scalar(sqlalchemy.text("select count(*) from pg_tables where schemaname = 'public'")) == 0
        assert connection.scalar(sqlalchemy.text("show fsync")) == "on"
    engine.dispose()


@pytest.mark.opa
def test_opa_is_the_pinned_version_or_later(opa_binary: Path) -> None:
    said = subprocess.run([opa_binary, "version"], check=True, capture_output=True, text=True).stdout
    version = said.partition("Version: ")[2].split()[0]
    assert tuple(map(int, version.split("."))) >= (1, 22, 2)
