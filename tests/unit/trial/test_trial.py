"""`exchange trial` from files to files: what it writes, what it measures, and that it is the same again."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import yaml

from exchange_node.errors import Kind
from tests.made_up_registers import FIELDS, Registers, registers, write_csv
from tests.unit.trial.conftest import Exchange, Result, with_truth

LINE = re.compile(r"\d+,\d+,-?\d+(\.\d{1,3})?,(0|1|0\.\d{1,6}|\d(\.\d+)?e-0[567])")
KEYS = {
    "map", "ignored", "quality", "method", "kernel", "runner", "rows_a", "rows_b", "links", "threshold",
    "estimated_precision", "precision_interval", "estimated_recall", "recall_interval", "estimated_shared", "uncertain",
    "compared", "plan", "fields", "seconds", "peak_mb",
}  # fmt: skip
MEASURED = {"true_pairs", "precision", "recall", "f1", "best_f1"}


def rows(path: Path) -> list[tuple[int, int, float, float]]:
    lines = path.read_text().splitlines()
    assert lines[0] == "row_a,row_b,score,probability"
    assert all(LINE.fullmatch(line) for line in lines[1:])
    cells = [line.split(",") for line in lines[1:]]
    return [(int(a), int(b), float(score), float(probability)) for a, b, score, probability in cells]


def linked(path: Path) -> set[tuple[int, int]]:
    return {(a, b) for a, b, _, _ in rows(path)}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `done` wrote."""
    return tmp_path_factory.mktemp("done") / "out"


@pytest.fixture(scope="module")
def done(few_copies: None, exchange: Exchange, files: tuple[Path, Path], out: Path) -> Result:
    result = exchange(*files, "--truth", "person_id", "--out", out, "--json")
    assert (result.code, result.err) == (0, "")
    return result


def test_links_and_figures(done: Result, town: Registers, out: Path) -> None:
    found = rows(out / "links.csv")
    assert (out / "links.csv").read_bytes().endswith(b"\n")
    a, b, scores, probabilities = zip(*found, strict=True)
    assert list(a) == sorted(a), "in the order of the first file"
    assert len(set(a)) == len(a) and len(set(b)) == len(b), "one-to-one"
    assert max(a) < 250 and max(b) < 200
    assert all(0 <= probability <= 1 for probability in probabilities)
    document = done.json
    assert set(document) == KEYS | MEASURED
    assert min(scores) >= document["threshold"] - 0.001
    assert (document["links"], document["rows_a"], document["rows_b"]) == (len(found), 250, 200)
    assert document["compared"] == document["plan"]["pairs"] == 250 * 200 and document["plan"]["keys"] == []
    right = len(town.true_pairs() & set(zip(a, b, strict=True)))
    assert document["true_pairs"] == 150
    assert document["precision"] == pytest.approx(right / len(found), abs=1e-6) and document["precision"] > 0.95
    assert document["recall"] == pytest.approx(right / 150, abs=1e-6) and document["recall"] > 0.95
    assert document["f1"] == pytest.approx(2 * right / (len(found) + 150), abs=1e-6)
    assert document["f1"] <= document["best_f1"] <= 1
    assert set(document["map"]["a"]) == set(FIELDS) == {field["field"] for field in document["fields"]}
    low, high = document["precision_interval"]
    assert 0 <= low <= high <= 1


def test_the_same_files_and_seed_give_the_same_bytes(
    done: Result, out: Path, exchange: Exchange, files: tuple[Path, Path], tmp_path: Path
) -> None:
    again = exchange(*files, "--truth", "person_id", "--out", tmp_path / "again", "--json", "--seed", 1)
    for name in ("links.csv", "map.yaml"):
        assert (tmp_path / "again" / name).read_bytes() == (out / name).read_bytes()
    measured = {"seconds": 0, "peak_mb": 0}
    figures = [
        result.json | measured | {"plan": result.json["plan"] | {"expected_seconds": 0}} for result in (done, again)
    ]
    assert figures[0] == figures[1]
    pages = [
        re.sub(r"[\d.,]+ seconds, [\d.,]+ MB", "", (folder / "report.html").read_text())
        for folder in (out, tmp_path / "again")
    ]
    assert pages[0] == pages[1]
    assert sorted(path.name for path in out.iterdir()) == ["links.csv", "map.yaml", "report.html"]


def test_the_map_that_was_written_gives_the_same_links(
    done: Result, out: Path, exchange: Exchange, files: tuple[Path, Path], tmp_path: Path
) -> None:
    written = out / "map.yaml"
    again = exchange(*files, "--map", written, "--out", tmp_path / "mapped", "--json")
    assert again.code == 0 and again.json["map"] == done.json["map"]
    assert "person_id" not in str(yaml.safe_load(written.read_text()))
    for name in ("links.csv", "map.yaml"):
        assert (tmp_path / "mapped" / name).read_bytes() == (out / name).read_bytes()


def test_a_map_chooses_what_is_compared(exchange: Exchange, files: tuple[Path, Path], tmp_path: Path) -> None:
    fields = {"forename": "forename", "surname": "surname", "date_of_birth": "date_of_birth"}
    (tmp_path / "map.yaml").write_text(yaml.safe_dump({"a": fields, "b": dict(fields)}))
    found = exchange(*files, "--map", tmp_path / "map.yaml", "--json")
    assert found.json["map"] == {"a": fields, "b": fields}
    assert [field["field"] for field in found.json["fields"]] == list(fields)


def test_the_truth_is_never_used_to_link(
    done: Result, out: Path, exchange: Exchange, town: Registers, tmp_path: Path
) -> None:
    known = ("person_id", *FIELDS)
    a = write_csv(tmp_path / "a.csv", with_truth(town.left, town.who_left[::-1]), known)
    b = write_csv(tmp_path / "b.csv", with_truth(town.right, town.who_right[5:] + town.who_right[:5]), known)
    turned = exchange(a, b, "--truth", "person_id", "--out", tmp_path / "turned", "--json")
    assert turned.json["f1"] < 0.1 < 0.9 < done.json["f1"]
    links = [(folder / "links.csv").read_bytes() for folder in (tmp_path / "turned", out)]
    assert links[0] == links[1]


def test_for_people(exchange: Exchange, files: tuple[Path, Path], tmp_path: Path) -> None:
    told = exchange(*files, "--truth", "person_id")
    assert (told.code, told.err) == (0, "")
    for words in (
        "Column of A",
        "Comparing 50,000 pairs, all; that should take about ",
        "Estimated precision",
        "Measured against the truth",
    ):
        assert words in told.out
    assert "Nothing was written" in told.out
    assert list(tmp_path.iterdir()) == []


def test_only_the_map(exchange: Exchange, files: tuple[Path, Path], tmp_path: Path) -> None:
    shown = exchange(*files, "--dry-run", "--json", "--out", tmp_path / "out", "--truth", "person_id")
    assert shown.code == 0 and set(shown.json) == {"map", "ignored", "quality"}
    assert not (tmp_path / "out").exists()
    told = exchange(*files, "--dry-run")
    assert told.code == 0 and "date_of_birth" in told.out and "Comparing" not in told.out
    worth = {one["field"]: one["worth"] for one in shown.json["quality"]["b"]["fields"]}
    assert re.search(rf"B *│ *surname *│ *\d+\.\d% *│ *\d+\.\d% *│ *\d+ *│ *{worth['surname']}", told.out)
    assert "A: 250 rows, of which 0 repeat another in every field" in " ".join(told.out.split())


def test_keys_find_nearly_the_same(
    done: Result, out: Path, exchange: Exchange, files: tuple[Path, Path], tmp_path: Path
) -> None:
    keyed = exchange(*files, "--keys", "--out", tmp_path / "keyed", "--json")
    assert keyed.json["plan"]["keys"] and keyed.json["compared"] < done.json["compared"] / 10
    every = linked(out / "links.csv")
    assert len(every ^ linked(tmp_path / "keyed" / "links.csv")) <= 6
    page = (tmp_path / "keyed" / "report.html").read_text()
    assert f"one of {len(keyed.json['plan']['keys'])} keys" in page
    told = " ".join(exchange(*files, "--keys").out.split())
    assert f"Keys: {'; '.join(keyed.json['plan']['keys'])}." in told


def test_doubles_in_one_file(exchange: Exchange, town: Registers, tmp_path: Path) -> None:
    people = with_truth(town.left + town.right[:80], town.who_left + town.who_right[:80])
    file = write_csv(tmp_path / "one.csv", people, ("person_id", *FIELDS))
    found = exchange(file, "--truth", "person_id", "--out", tmp_path / "out", "--json")
    assert found.code == 0 and set(found.json) == KEYS | MEASURED | {"groups", "pairs_f1"}
    assert set(found.json["map"]) == {"a"} and found.json["rows_a"] == found.json["rows_b"] == 330
    assert all(a < b for a, b in linked(tmp_path / "out" / "links.csv"))
    assert found.json["true_pairs"] == len(set(town.who_left) & set(town.who_right[:80]))
    assert found.json["f1"] > 0.8
    again = exchange(file, "--map", tmp_path / "out" / "map.yaml", "--out", tmp_path / "again", "--json")
    assert again.code == 0
    assert (tmp_path / "again" / "links.csv").read_bytes() == (tmp_path / "out" / "links.csv").read_bytes()


def test_what_was_there_is_replaced(exchange: Exchange, files: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "links.csv").write_text("of yesterday")
    (tmp_path / "notes.txt").write_text("mine")
    assert exchange(*files, "--out", tmp_path, "--json").code == 0
    assert len(linked(tmp_path / "links.csv")) > 100
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert not list(tmp_path.glob(".*"))


def test_other_columns_and_formats(exchange: Exchange, town: Registers, tmp_path: Path) -> None:
    """Other names, a date in three columns, semicolons and an old encoding on one side."""
    lines = ["Vorname;Last Name;birth_day;birth_month;birth_year;Gender;Post Code"]
    for one in town.right:
        year, month, day = (one["date_of_birth"] or "--").split("-")
        sex = {"f": "Female", "m": "Male", "": ""}[one["sex"]]
        lines.append(
            ";".join((one["forename"].title(), one["surname"].upper(), day, month, year, sex, one["postcode"]))
        )
    (tmp_path / "b.csv").write_bytes("\r\n".join(lines).encode("cp1252"))
    a = write_csv(tmp_path / "a.csv", town.left)
    found = exchange(a, tmp_path / "b.csv", "--out", tmp_path / "out", "--json")
    assert set(found.json["map"]["b"]["date_of_birth"]) == {"birth_day", "birth_month", "birth_year"}
    got, true = linked(tmp_path / "out" / "links.csv"), town.true_pairs()
    assert len(got & true) > 0.93 * len(true) and len(got - true) < 10


@pytest.mark.parametrize("method", ["clk", "weighted-clk"])
def test_by_clks(exchange: Exchange, files: tuple[Path, Path], tmp_path: Path, method: str) -> None:
    told = exchange(*files, "--method", method, "--truth", "person_id", "--out", tmp_path / "out", "--json")
    assert (told.code, told.err) == (0, "")
    document = told.json
    assert set(document) == KEYS | MEASURED | {"encoder", "schema", "threshold_bp"}
    assert (document["method"], document["encoder"]) == (method, "native")
    assert document["kernel"].startswith("native-")
    assert 5000 < document["threshold_bp"] < 9500 and document["f1"] > 0.9
    assert len(rows(tmp_path / "out" / "links.csv")) == document["links"]
    assert document["schema"] in (tmp_path / "out" / "report.html").read_text()


def test_clks_for_people(exchange: Exchange, files: tuple[Path, Path]) -> None:
    told = exchange(*files, "--method", "weighted-clk")
    assert told.code == 0 and "Threshold of an agreement on schema uk-person-weighted-1: " in told.out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--method", "magic"), "linkage.unknown-method"),
        (("--method", "clk", "--encoder", "magic"), "encoding.no-encoder"),
        (("--method", "clk", "--kernel", "magic"), "linkage.no-kernel"),
        (("--method", "clk", "--keys"), "linkage.too-many-pairs"),
    ],
)
def test_clks_that_are_not_to_be_had(
    exchange: Exchange, files: tuple[Path, Path], words: tuple[str, ...], code: str
) -> None:
    told = exchange(*files, *words)
    assert told.code != 0 and code in told.err


def test_clks_are_for_two_files(exchange: Exchange, files: tuple[Path, Path]) -> None:
    for some in (files[:1], (*files, files[0])):
        told = exchange(*some, "--method", "clk")
        assert told.code != 0 and "linkage.two-files" in told.err


def test_a_runner_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, exchange: Exchange, files: tuple[Path, Path], tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "pyspark", None)  # as where it is not installed
    for name, code, kind, says in (
        ("spark", "linkage.no-spark", Kind.UNAVAILABLE, "make spark-venv"),
        ("abacus", "linkage.no-runner", Kind.NOT_FOUND, "--runner local"),
    ):
        result = exchange(*files, "--runner", name, "--out", tmp_path / "out")
        assert (result.code, result.out) == (kind.value, "")
        assert code in result.err and says in result.err.replace("\n", " ")
        assert not (tmp_path / "out").exists()


def test_registers_that_share_nobody_have_no_links(exchange: Exchange, tmp_path: Path) -> None:
    strangers = registers(500, 0, 0, seed=4).left
    a, b = (write_csv(tmp_path / f"{at}.csv", side) for at, side in enumerate((strangers[:250], strangers[250:])))
    for number, paths in enumerate(((a, b), (a,))):
        told = exchange(*paths, "--out", tmp_path / str(number))
        assert told.code == 0 and "No link: no pair is likely enough" in told.out and "Estimated" not in told.out
        assert linked(tmp_path / str(number) / "links.csv") == set()
        page = (tmp_path / str(number) / "report.html").read_text()
        assert "<div>links<b>0</b></div>" in page and "estimated precision" not in page.lower()
    assert (tmp_path / "1" / "groups.csv").read_text() == "group,file,row,probability\n"
