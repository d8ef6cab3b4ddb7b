"""What every test may ask for: the pinned OPA, a PostgreSQL of its own, and the container's image.

On a developer's machine each may be missing, and the tests that need it say so and are skipped. With
EXCHANGE_CI=1 that is an error.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import psycopg
import pytest
from hypothesis import settings

from tools import image as built

# Several test processes at a time: the threads of numpy's BLAS spin where cores are busy, ten times as slow.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# The same examples on every machine and every run: a failure can be had again, and nobody meets a stranger's.
settings.register_profile("exchange", derandomize=True, deadline=None)
settings.load_profile("exchange")

ROOT = Path(__file__).resolve().parent.parent


def missing(what: str) -> NoReturn:
    """Skip for lack of `what`, or fail where it must be there."""
    if os.environ.get("EXCHANGE_CI") == "1":
        pytest.fail(f"{what} (EXCHANGE_CI=1 makes this an error)")
    pytest.skip(what)


@pytest.fixture(scope="session")
def opa_binary() -> Path:
    """Path of the OPA to test with: EXCHANGE_OPA, else what `make opa` built, else the one in PATH."""
    for name in (os.environ.get("EXCHANGE_OPA"), ROOT / "build" / "bin" / "opa", "opa"):
        if name and (found := shutil.which(name)):
            return Path(found)
    missing("OPA is not there: run `make opa`, or name it in EXCHANGE_OPA")


@pytest.fixture(scope="session")
def image() -> str:
    """Name of the image that `make image` built."""
    if os.geteuid() != 0 or not shutil.which("podman") or not built.is_there(built.IMAGE):
        missing("The container's image is not there: install podman and mmdebstrap, and run `make image` as root")
    return built.IMAGE


@pytest.fixture(scope="session")
def postgres_socket() -> Iterator[Path]:
    """Folder with the socket of a PostgreSQL that lives as long as the test run and listens nowhere else."""
    server = Path("/usr/lib/postgresql")
    newest = sorted(server.glob("*/bin"), key=lambda path: float(path.parent.name))[-1:]
    path = os.pathsep.join([os.environ["PATH"], *map(str, newest)])
    initdb, pg_ctl = shutil.which("initdb", path=path), shutil.which("pg_ctl", path=path)
    if not initdb or not pg_ctl:
        missing("PostgreSQL is not there: initdb and pg_ctl are neither in PATH nor in /usr/lib/postgresql")
    folder = Path(tempfile.mkdtemp(prefix="exchange-pg-"))  # short: a socket's path has room for 107 bytes
    someone: dict[str, Any] = {"check": True, "stdout": subprocess.DEVNULL, "cwd": folder}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        user = pwd.getpwnam("nobody")
        os.chown(folder, user.pw_uid, user.pw_gid)
        someone |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    data = str(folder / "data")
    try:
        subprocess.run([initdb, "-A", "trust", "-U", "exchange", "-E", "UTF8", "--no-sync", "-D", data], **someone)
        options = f"-k {folder} -c listen_addresses=''"
        subprocess.run([pg_ctl, "-D", data, "-l", f"{data}/log", "-w", "-o", options, "start"], **someone)
        yield folder
        subprocess.run([pg_ctl, "-D", data, "-m", "immediate", "stop"], **someone)
    finally:
        shutil.rmtree(folder)


databases = itertools.count(1)


@pytest.fixture
def postgres_url(postgres_socket: Path) -> str:
    """SQLAlchemy URL of an empty PostgreSQL database made for this test."""
    name = f"test_{next(databases)}"
    with psycopg.connect(f"host={postgres_socket} user=exchange dbname=postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return f"postgresql+psycopg://exchange@/{name}?host={postgres_socket}"
