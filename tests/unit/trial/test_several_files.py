"""`exchange trial` of three files and more: people in groups."""

from __future__ import annotations

import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest

from tests.made_up_registers import FIELDS, Town, town_of, write_csv
from tests.unit.trial.conftest import Exchange, Result, with_truth

KEYS = {
    "map", "ignored", "quality", "method", "kernel", "rows", "links", "groups", "grouped_rows", "comparisons",
    "estimated_precision", "precision_interval", "estimated_recall", "recall_interval", "estimated_shared", "uncertain",
    "compared", "plan", "fields", "seconds", "peak_mb", "true_pairs", "precision", "recall", "f1",
}  # fmt: skip


@pytest.fixture(scope="module")
def several() -> Town:
    return town_of(220, 3, seed=5, twice=0.06)


@pytest.fixture(scope="module")
def paths(several: Town, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("several")
    return [
        write_csv(folder / f"{at}.csv", with_truth(people, who), ("person_id", *FIELDS))
        for at, (people, who) in enumerate(zip(several.registers, several.who, strict=True))
    ]


def read(path: Path) -> list[tuple[int, str, int, float]]:
    lines = path.read_text().splitlines()
    assert lines[0] == "group,file,row,probability"
    cells = [line.split(",") for line in lines[1:]]
    return [(int(group), file, int(row), float(probability)) for group, file, row, probability in cells]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `done` wrote."""
    return tmp_path_factory.mktemp("done") / "out"


@pytest.fixture(scope="module")
def done(few_copies: None, exchange: Exchange, paths: list[Path], out: Path) -> Result:
    result = exchange(*paths, "--truth", "person_id", "--out", out, "--json")
    assert (result.code, result.err) == (0, "")
    return result


def test_groups_and_figures(done: Result, several: Town, out: Path) -> None:
    document, found = done.json, read(out / "groups.csv")
    assert set(document) == KEYS
    assert sorted(path.name for path in out.iterdir()) == ["groups.csv", "map.yaml", "report.html"]
    sizes = Counter(group for group, *_ in found)
    assert list(sizes) == list(range(document["groups"])) and min(sizes.values()) > 1
    assert len(found) == document["grouped_rows"] == len({(file, row) for _, file, row, _ in found})
    assert all(0 <= probability <= 1 for *_, probability in found)
    who = {(group, file, row): several.who["abc".index(file)][row] for group, file, row, _ in found}
    pairs = [(one, other) for one, other in combinations(who, 2) if one[0] == other[0]]
    right = sum(who[one] == who[other] for one, other in pairs)
    every = Counter(number for side in several.who for number in side)
    true = sum(count * (count - 1) // 2 for count in every.values())
    assert document["true_pairs"] == true
    assert document["precision"] == pytest.approx(right / len(pairs), abs=1e-6) and document["precision"] > 0.97
    assert document["recall"] == pytest.approx(right / true, abs=1e-6) and document["recall"] > 0.93
    assert document["f1"] == pytest.approx(2 * right / (true + len(pairs)), abs=1e-6)
    assert document["rows"] == list(map(len, several.who))
    assert [one["files"] for one in document["comparisons"]] == ["ab", "ac", "bc", "aa", "bb", "cc"]
    assert sum(one["links"] for one in document["comparisons"]) == document["links"]
    assert document["estimated_shared"] == pytest.approx(true, rel=0.2)
    assert document["precision_interval"][0] <= document["estimated_precision"] <= document["precision_interval"][1]
    assert list(document["map"]) == ["a", "b", "c"] and document["compared"] == document["plan"]["pairs"]


def test_the_same_again_with_the_map_that_was_written(
    done: Result, out: Path, exchange: Exchange, paths: list[Path], tmp_path: Path
) -> None:
    again = exchange(*paths, "--map", out / "map.yaml", "--out", tmp_path / "again", "--json")
    assert again.code == 0 and again.json["map"] == done.json["map"]
    for name in ("groups.csv", "map.yaml"):
        assert (tmp_path / "again" / name).read_bytes() == (out / name).read_bytes()


def test_for_people_and_the_report(exchange: Exchange, paths: list[Path], several: Town, tmp_path: Path) -> None:
    told = exchange(*paths, "--out", tmp_path / "out")
    assert told.code == 0
    for words in ("Column of C", "with more than one row", "Estimated precision", "groups.csv"):
        assert words in told.out
    assert "links.csv" not in told.out
    assert re.search(r"\d+ rows? uncertain", " ".join(told.out.split())), "they are rows, in groups.csv"
    page = (tmp_path / "out" / "report.html").read_text()
    assert (
        "0.csv, 1.csv and 2.csv" in page
        and "people with several rows" in page
        and "uncertain rows" in page
        and "<td>ac</td>" in page
    )
    names = {one["surname"] for people in several.registers for one in people if len(one["surname"]) > 5}
    texts = [told.out, page, (tmp_path / "out" / "groups.csv").read_text(), (tmp_path / "out" / "map.yaml").read_text()]
    assert not [name for name in names for text in texts if name in text.lower()]


def test_only_the_map(exchange: Exchange, paths: list[Path]) -> None:
    shown = exchange(*paths, "--dry-run", "--json")
    assert shown.code == 0 and set(shown.json) == {"map", "ignored", "quality"} and list(shown.json["map"]) == [*"abc"]


def test_more_files_than_letters(exchange: Exchange, paths: list[Path]) -> None:
    result = exchange(*[paths[0]] * 27)
    assert result.code != 0 and "at most 26 files" in result.err + result.out


def test_a_map_of_too_few_files(done: Result, exchange: Exchange, paths: list[Path], out: Path) -> None:
    result = exchange(*paths, paths[0], "--map", out / "map.yaml", "--json")
    assert result.code != 0 and "d is missing" in result.err + result.out


def test_doubles_of_one_file_are_groups(exchange: Exchange, several: Town, tmp_path: Path) -> None:
    people = with_truth(several.registers[0] + several.registers[1], several.who[0] + several.who[1])
    file = write_csv(tmp_path / "one.csv", people, ("person_id", *FIELDS))
    result = exchange(file, "--truth", "person_id", "--out", tmp_path / "out", "--json")
    found = read(tmp_path / "out" / "groups.csv")
    assert {file for _, file, _, _ in found} == {"a"}
    assert len({group for group, *_ in found}) == result.json["groups"]
    assert 0.9 < result.json["pairs_f1"] <= result.json["f1"] + 0.02
