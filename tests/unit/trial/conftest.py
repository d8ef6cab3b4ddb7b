"""Two files of made-up people, and the command line that tries them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from exchange_cli import main

from exchange_node.engine import party
from tests.made_up_registers import FIELDS, Registers, registers, write_csv

Exchange = Callable[..., "Result"]


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


@pytest.fixture(scope="package", autouse=True)
def few_copies() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(party, "COPIES", 600)
        patch.setattr(party, "COPIES_WITHIN", 1200)
        yield


@pytest.fixture(scope="session")
def exchange() -> Exchange:
    """`exchange trial` with these arguments."""

    def call(*arguments: object) -> Result:
        with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
            code = main.run(["trial", *map(str, arguments)])
        return Result(code, out.getvalue(), err.getvalue())

    return call


@pytest.fixture(scope="package")
def town() -> Registers:
    return registers(250, 200, 150)


@pytest.fixture(scope="package")
def files(town: Registers, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """With a column that says who is who."""
    folder = tmp_path_factory.mktemp("registers")
    known = ("person_id", *FIELDS)
    return (
        write_csv(folder / "a.csv", with_truth(town.left, town.who_left), known),
        write_csv(folder / "b.csv", with_truth(town.right, town.who_right), known),
    )


def with_truth(people: list[dict[str, str]], who: list[int]) -> list[dict[str, str]]:
    return [{**one, "person_id": f"p{number:06}"} for one, number in zip(people, who, strict=True)]
