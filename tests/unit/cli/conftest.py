"""The command line as people call it, over a desk that answers what a test tells it to."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import structlog
from exchange_cli import main, session

from exchange_node.errors import ExchangeError

REQUEST = "0123456789abcdef0123456789abcdef"
RECORDS = '[records]\nfile = "people.csv"\nformat = "csv"\nid_column = "ref"\nfields = { surname = "last" }\n'


@dataclass
class Result:
    """What one command line came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as the one JSON document it must be."""
        return json.loads(self.out)


@dataclass
class FakeDesk:
    """Stands where `DeskClient` does. `answers` by method: a document, a list for streams, bytes, or an error."""

    answers: dict[str, Any] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __enter__(self) -> FakeDesk:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def _answer(self, method: str, body: dict[str, Any]) -> Any:
        self.calls.append((method, body))
        answer = self.answers[method]
        if isinstance(answer, ExchangeError):
            raise answer
        return answer(body) if callable(answer) else answer

    call = _answer

    def stream(self, method: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        yield from self._answer(method, body)

    def fetch(self, method: str, body: dict[str, Any]) -> Iterator[bytes]:
        data = self._answer(method, body)
        yield from (data[:7], data[7:])


Exchange = Callable[..., Result]


@pytest.fixture
def exchange(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Exchange]:
    """Run one command line in this process."""
    for name in ("EXCHANGE_HOME", "EXCHANGE_USER"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: object) -> Result:
        capsys.readouterr()
        code = main.run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return Result(code, said.out, said.err)

    yield run
    structlog.reset_defaults()  # `serve` has it print to the standard error of this test


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> FakeDesk:
    """The desk that commands reach."""
    fake = FakeDesk()
    monkeypatch.setattr(session, "connect", lambda _: fake)
    return fake


@dataclass
class Founded:
    """Files of a federation of two that the command line made."""

    folder: Path
    root: Path
    keys: list[Path]
    homes: dict[str, Path]
    manifest: Path


MEMBERS = (("northgate-homes", "housing", 7711), ("neutral-linkage", "linkage-unit", 7712))


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Founded:
    """A federation made by commands alone."""
    folder = tmp_path_factory.mktemp("founded")
    keys = [folder / f"root-{n}.key" for n in (1, 2, 3)]

    def run(*arguments: object) -> None:
        assert main.run([str(argument) for argument in arguments]) == 0

    for key in keys:
        run("manifest", "keygen", "-o", key)
    root, manifest = folder / "root.json", folder / "manifest.json"
    run("manifest", "root", "--federation", "fairshire", *(f"{key}.pub" for key in keys), "-o", root)
    homes = {}
    for org, kind, port in MEMBERS:
        homes[org] = folder / org
        run(
            "--home", homes[org], "init", "--organisation", org, "--operator", f"{org} Ltd", "--type", kind,
            "--address", f"127.0.0.1:{port}", "--root", root,
        )  # fmt: skip
    run("manifest", "draft", "--root", root, *(home / "join.json" for home in homes.values()), "-o", manifest)
    run("manifest", "sign", manifest, "--key", keys[0], "--key", keys[1])
    return Founded(folder, root, keys, homes, manifest)


@pytest.fixture
def home(founded: Founded, tmp_path: Path) -> Path:
    """A copy of the landlord's home, to be changed."""
    return Path(shutil.copytree(founded.homes["northgate-homes"], tmp_path / "home"))
