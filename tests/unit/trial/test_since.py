"""`exchange trial --since`: a trial that goes on after rows have come, changed and gone."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exchange_node.encoding import vector_schema
from exchange_node.trial.options import Options, Watch
from exchange_node.trial.trial import run
from tests.made_up_registers import FIELDS, Person, Registers, write_csv, written_again
from tests.unit.trial.conftest import Exchange, Result

KNOWN = ("number", "person_id", *FIELDS)


def numbered(people: list[Person], who: list[int], letter: str) -> list[dict[str, str]]:
    return [
        {**one, "person_id": f"p{number:06}", "number": f"{letter}{at}"}
        for at, (one, number) in enumerate(zip(people, who, strict=True))
    ]


@pytest.fixture(scope="module")
def rows(town: Registers) -> list[list[dict[str, str]]]:
    return [numbered(town.left, town.who_left, "a"), numbered(town.right, town.who_right, "b")]


def write(folder: Path, rows: list[list[dict[str, str]]]) -> list[Path]:
    folder.mkdir(exist_ok=True)
    return [write_csv(folder / f"{letter}.csv", side, KNOWN) for letter, side in zip("ab", rows, strict=True)]


def linked(path: Path, rows: list[list[dict[str, str]]]) -> set[tuple[str, str]]:
    """By the rows' own numbers."""
    cells = [line.split(",") for line in (path / "links.csv").read_text().splitlines()[1:]]
    return {(rows[0][int(a)]["number"], rows[1][int(b)]["number"]) for a, b, *_ in cells}


@pytest.fixture(scope="module", params=["known by id", "known by contents"])
def known(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return ("--id", "number") if request.param == "known by id" else ()


@pytest.fixture(scope="module")
def first(
    few_copies: None, rows: list[list[dict[str, str]]], known: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("first")
    id_column = known[1] if known else None
    options = Options(truth="person_id", out=folder / "out", keep=True, id_column=id_column)
    run(write(folder, rows), options, Watch(lambda *of: None, lambda of: None, lambda *of: None))
    return folder / "out"


@pytest.fixture
def begun(first: Path, tmp_path: Path) -> Path:
    return shutil.copytree(first, tmp_path / "begun")


def go_on(exchange: Exchange, paths: list[Path], begun: Path, known: tuple[str, ...], *more: object) -> Result:
    map_file = ("--map", begun / "map.yaml")
    return exchange(*paths, *known, *map_file, "--truth", "person_id", "--since", begun, *more, "--json")


def changed(rows: list[list[dict[str, str]]]) -> list[list[dict[str, str]]]:
    """Twelve rows of each side gone, six written differently, and on the right six who are known on the left new."""
    rng = random.Random(3)
    ours, theirs = ([dict(row) for row in side] for side in rows)
    del ours[20:32], theirs[50:62]
    for side in (ours, theirs):
        for at in range(5, 11):
            side[at]["surname"] += "x"
    missing = {row["person_id"] for row in ours} - {row["person_id"] for row in theirs}
    fresh = [row for row in ours if row["person_id"] in missing][:6]
    theirs += [written_again(row, rng, 0.02) | {"number": f"new{at}", "person_id": row["person_id"]}
               for at, row in enumerate(fresh)]  # fmt: skip
    return [rng.sample(ours, len(ours)), rng.sample(theirs, len(theirs))]


def test_what_changed_is_told_and_linked(
    exchange: Exchange, begun: Path, rows: list[list[dict[str, str]]], tmp_path: Path, known: tuple[str, ...]
) -> None:
    before, now = linked(begun, rows), changed(rows)
    paths = write(tmp_path / "now", now)
    result = go_on(exchange, paths, begun, known, "--out", tmp_path / "next")
    assert (result.code, result.err) == (0, "")
    document: dict[str, Any] = result.json
    different = (0, 6) if known else (6, 0)
    assert document["changes"]["a"] == {
        "same": 250 - 12 - 6, "new": different[0], "changed": different[1], "gone": 12 + different[0]
    }  # fmt: skip
    assert document["changes"]["b"]["new"] == 6 + different[0]
    after = linked(tmp_path / "next", now)
    assert document["links"] == len(after)
    assert {a for a, b in after if b.startswith("new")} and len(after - before) >= 4
    if known:
        assert (document["kept"], document["new"], document["undone"]) == (
            len(after & before), len(after - before), len(before - after)
        )  # fmt: skip
    assert document["precision"] > 0.95 and document["recall"] > 0.95
    assert document["compared"] < 0.2 * 250 * 200
    whole = exchange(*paths, "--truth", "person_id", "--out", tmp_path / "whole", "--json")
    assert whole.code == 0 and len(linked(tmp_path / "whole", now) ^ after) <= 6, "nearly what linking anew gives"


def test_nothing_changed(
    exchange: Exchange, begun: Path, rows: list[list[dict[str, str]]], tmp_path: Path, known: tuple[str, ...]
) -> None:
    paths = write(tmp_path / "first", rows)
    result = go_on(exchange, paths, begun, known, "--out", tmp_path / "next")
    assert (result.json["new"], result.json["undone"], result.json["compared"]) == (0, 0, 0)
    assert (tmp_path / "next" / "links.csv").read_bytes() == (begun / "links.csv").read_bytes()


def test_a_link_that_a_person_undid_stays_undone(
    exchange: Exchange, begun: Path, rows: list[list[dict[str, str]]], tmp_path: Path, known: tuple[str, ...]
) -> None:
    paths = write(tmp_path / "first", rows)
    row_a, row_b = (begun / "links.csv").read_text().splitlines()[1].split(",")[:2]
    pair = rows[0][int(row_a)]["number"], rows[1][int(row_b)]["number"]
    (tmp_path / "undo.csv").write_text(f"row_a,row_b\n{row_a},{row_b}\n")
    result = go_on(exchange, paths, begun, known, "--unlink", tmp_path / "undo.csv", "--out", begun)
    assert result.json["undone"] == 1 and result.json["held_apart"] == 1 and pair not in linked(begun, rows)
    now = [side[::-1] for side in rows]
    result = go_on(exchange, write(tmp_path / "now", now), begun, known, "--out", tmp_path / "next")
    assert result.code == 0 and pair not in linked(tmp_path / "next", now)


def test_what_is_kept_holds_no_value(begun: Path, rows: list[list[dict[str, str]]], known: tuple[str, ...]) -> None:
    path = begun / "standing.npz"
    assert path.stat().st_mode & 0o077 == 0
    with np.load(path, allow_pickle=False) as found:
        text = b"".join(found[name].tobytes() for name in found.files).lower()
        assert found["ids_a"].shape == (250, 16)
    values = {row[name].lower() for side in rows for row in side for name in row if len(row[name]) > 5}
    assert len(values) > 500 and not [value for value in values if value.encode() in text]


@pytest.mark.parametrize("known", ["by contents"], indirect=True)
def test_for_people(
    exchange: Exchange, begun: Path, rows: list[list[dict[str, str]]], tmp_path: Path, known: object
) -> None:
    told = exchange(*write(tmp_path / "first", rows), "--map", begun / "map.yaml", "--since", begun)
    assert told.code == 0 and "0 new, 0 undone" in told.out and "Rows as they were" in told.out


@pytest.mark.parametrize("known", ["by contents"], indirect=True)
def test_what_cannot_go_on(
    exchange: Exchange,
    begun: Path,
    rows: list[list[dict[str, str]]],
    tmp_path: Path,
    known: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paths = write(tmp_path / "first", rows)
    since = ("--since", begun, "--json")
    other = write(tmp_path / "other", [[{**row, "surname": f"q{at}", "postcode": ""} for at, row in enumerate(side)]
                                       for side in rows])  # fmt: skip
    (tmp_path / "undo.csv").write_text("row_a,row_b\n250,1\n")
    (tmp_path / "odd.csv").write_text("left,right\n1,1\n")
    for words, error in (
        ((*paths, *since, "--id", "number"), "records.since"),
        ((*paths, *paths, *since), "records.since"),
        ((paths[0], *since), "records.since"),
        ((*other, *since), "records.since"),
        ((*paths, "--since", tmp_path, "--json"), "records.file-missing"),
        ((*paths, *since, "--unlink", tmp_path / "undo.csv"), "records.since"),
        ((*paths, *since, "--unlink", tmp_path / "odd.csv"), "records.column-missing"),
        ((*paths, "--id", "sex", "--keep", "--out", tmp_path / "n", "--json"), "records.ids-doubled"),
    ):
        result = exchange(*words)
        assert result.code != 0 and error in result.out + result.err, words
    with monkeypatch.context() as another:
        another.setitem(vector_schema._BLOCKS, "sex", ())
        result = exchange(*paths, "--map", begun / "map.yaml", *since)
        assert result.code != 0 and "of another version" in result.out + result.err
    for damage in (b"", b"PK", (begun / "standing.npz").read_bytes()[:500]):
        (begun / "standing.npz").write_bytes(damage)
        result = exchange(*paths, "--map", begun / "map.yaml", *since)
        assert result.code != 0 and "records.since" in result.out + result.err
    assert exchange(*paths, "--keep").code != 0 and exchange(*paths, "--unlink", tmp_path / "undo.csv").code != 0
