"""Files and options that cannot be right: one clear error, the right exit code, nothing written, no value shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.made_up_registers import FIELDS, Registers, write_csv
from tests.unit.trial.conftest import Exchange

HEADER = ",".join(FIELDS) + "\n"
FILES: dict[str, tuple[bytes, str, int]] = {
    "empty": (b"", "records.file-empty", 4),
    "blank": (b"\n\n  \n", "records.", 4),
    "header only": (HEADER.encode(), "records.fields-none", 4),
    "bytes": (bytes(range(256)) * 20, "records.file-format", 4),
    "archive": (b"PK\x03\x04" + bytes(200), "records.file-format", 4),
    "parquet cut off": (b"PAR1" + b"x" * 50, "records.file-format", 4),
    "other columns": (b"colour,size\n" + b"red,1\nblue,2\ngreen,3\n" * 20, "records.fields-none", 4),
    "nothing in it": (HEADER.encode() + b",,,,,\n" * 30, "records.fields-none", 4),
    "one row": (HEADER.encode() + b"anna,canary,1980-01-02,f,AB1 2CD,1 high street\n", "linkage.too-few-people", 4),
    "all the same": (
        HEADER.encode() + b"anna,canary,1980-01-02,f,AB1 2CD,1 high street\n" * 40,
        "records.fields-none",
        4,
    ),
}


def refused(exchange: Exchange, code: str, number: int, out: Path, *arguments: object) -> None:
    for more in ((), ("--json",)):
        result = exchange(*arguments, "--out", out, *more)
        assert result.code == number, result.err
        assert code in result.out + result.err
        assert "Traceback" not in result.out + result.err and "canary" not in result.out + result.err
        assert not more or "cli.mistake" not in result.err
    assert not out.exists()


@pytest.mark.parametrize("what", FILES)
@pytest.mark.parametrize("place", ["first", "second", "alone"])
def test_hostile_files(exchange: Exchange, files: tuple[Path, Path], tmp_path: Path, what: str, place: str) -> None:
    content, code, number = FILES[what]
    (tmp_path / "x.csv").write_bytes(content)
    arguments = {"first": (tmp_path / "x.csv", files[1]), "second": (files[0], tmp_path / "x.csv")}
    if place == "alone" and what in ("other columns",):
        return  # a register of colours may be looked through for doubles
    refused(exchange, code, number, tmp_path / "out", *arguments.get(place, (tmp_path / "x.csv",)))


def test_what_is_not_there(exchange: Exchange, files: tuple[Path, Path], tmp_path: Path) -> None:
    refused(exchange, "records.file-missing", 8, tmp_path / "out", files[0], tmp_path / "gone.csv")
    refused(exchange, "records.file-missing", 8, tmp_path / "out", files[0], tmp_path)
    refused(exchange, "records.file-missing", 8, tmp_path / "out", *files, "--map", tmp_path / "gone.yaml")
    refused(exchange, "records.column-missing", 4, tmp_path / "out", *files, "--truth", "who")
    refused(exchange, "records.column-missing", 4, tmp_path / "out", *files, "--truth", "who", "--dry-run")
    refused(exchange, "linkage.no-kernel", 6, tmp_path / "out", *files, "--kernel", "abacus")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: [", "records.map"),
        ("", "records.map"),
        ("- a\n- b\n", "records.map"),
        ("a:\n  surname: surname\n", "records.map"),
        ("a:\n  surname: surname\nb:\n  surname: family_name\n", "records.map-column"),
        ("a:\n  surname: surname\nb:\n  forename: forename\n", "records.fields-none"),
        ("a:\n  hat: surname\nb:\n  hat: surname\n", "records.map"),
        ("a:\n  hat: {columns: surname, kind: hats}\nb:\n  hat: {columns: surname, kind: hats}\n", "records.map"),
        ("a: &x\n  surname: *x\nb: *x\n", "records.map"),
        ("a:\n  surname: person_id\nb:\n  surname: person_id\n", "records.map-column"),
    ],
)
def test_bad_maps(exchange: Exchange, files: tuple[Path, Path], tmp_path: Path, text: str, code: str) -> None:
    (tmp_path / "map.yaml").write_text(text)
    arguments = (*files, "--map", tmp_path / "map.yaml", "--truth", "person_id")
    refused(exchange, code, 4, tmp_path / "out", *arguments)


def test_sex_alone_needs_all_pairs(exchange: Exchange, files: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "map.yaml").write_text("a:\n  sex: sex\nb:\n  sex: sex\n")
    refused(exchange, "linkage.no-keys", 4, tmp_path / "out", *files, "--map", tmp_path / "map.yaml", "--keys")
    assert exchange(*files, "--map", tmp_path / "map.yaml").code == 0


def test_one_column(exchange: Exchange, town: Registers, tmp_path: Path) -> None:
    paths = [write_csv(tmp_path / f"{at}.csv", side, ("surname",)) for at, side in enumerate((town.left, town.right))]
    found = exchange(*paths, "--json")
    assert found.code == 0 and list(found.json["map"]["a"]) == ["surname"]
    assert 0 < found.json["links"] <= 200


def test_a_place_that_cannot_be_written(exchange: Exchange, files: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    result = exchange(*files, "--out", tmp_path / "file", "--json")
    assert result.code == 6 and "cli.system" in result.err + result.out
    assert "Comparing" not in exchange(*files, "--out", tmp_path / "file").out, "told before the work"


def test_what_may_be_chosen_is_told(exchange: Exchange, files: tuple[Path, Path], tmp_path: Path) -> None:
    for words, said in (
        (("--kernel", "abacus"), "abacus; here are native, "),
        (("--method", "clk", "--kernel", "abacus"), "abacus; here are native, native-"),
        (("--encoder", "clkhash"), "--encoder goes with --method clk"),
        (("--method", "magic"), "a trial has vectors, clk and weighted-clk"),
    ):
        result = exchange(*files, *words)
        assert result.code != 0 and said in " ".join((result.out + result.err).split()), words
    (tmp_path / "x.csv").write_text(HEADER)
    assert "See whether the file has rows" in exchange(tmp_path / "x.csv", files[1]).err


def test_damaged_rows_are_counted_and_keep_their_numbers(exchange: Exchange, town: Registers, tmp_path: Path) -> None:
    a, b = (write_csv(tmp_path / f"{at}.csv", side) for at, side in enumerate((town.left, town.right)))
    lines = b.read_bytes().split(b"\r\n")
    lines.insert(1, b"\x00\xff,,,\xfe")
    b.write_bytes(b"\r\n".join(lines))
    found = exchange(a, b, "--out", tmp_path / "out", "--json")
    assert found.code == 0 and found.json["rows_b"] == 201
    pairs = [line.split(",")[:2] for line in (tmp_path / "out" / "links.csv").read_text().splitlines()[1:]]
    true = town.true_pairs()
    assert sum((int(left), int(right) - 1) in true for left, right in pairs) > 0.9 * len(true)
