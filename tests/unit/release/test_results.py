from __future__ import annotations

import csv
import errno
import hashlib
import json
import os
import stat
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from exchange_node.release import files
from exchange_node.release.build import Counts, Effect, Person, build
from exchange_node.release.columns import Boolean, Code, Column, Date, Integer, Text
from exchange_node.release.errors import ReleaseError
from exchange_node.release.layout import Row, pack, unpack
from exchange_node.release.provenance import Provenance, write_provenance
from exchange_node.release.results import Table, export, join, restore, write_csv, write_parquet
from exchange_node.release.transforms import column

COLUMNS = [
    column("condition", "repair_priority", description="How soon the home should be mended."),
    Column("notes", Text(20)),
    Column("visits", Integer()),
    Column("at_home", Boolean()),
    Column("since", Date()),
]
A, B, C, D = (bytes([first]) * 16 for first in (1, 2, 3, 4))
COHORT = [("T-4", D), ("T-1", A), ("T-3", C), ("T-2", B)]
FULL = Row(A, {"condition": "high", "notes": "damp", "visits": -3, "at_home": False, "since": date(2026, 1, 31)})
FACTS = Provenance(
    request_id="0" * 32,
    request_digest="1" * 64,
    requester="northgate-homes",
    purpose="housing-health",
    provider="castle-nhs",
    agreement_id="damp-homes",
    agreement_version="1",
    agreement_digest="2" * 64,
    agreement_title="Damp homes (invented)",
    decision_engine="wasm",
    bundle_digest="3" * 64,
    method="clk-linkage-unit",
    method_version="1",
    release_digest="4" * 64,
    release_signature="c2ln",
    release_key_id="castle-nhs-1",
    log_origin="northgate-homes",
    log_checkpoint="northgate-homes\n1\n...\n",
    log_inclusion="c2sp.org/tlog-proof@v1\nindex 0\n",
    exported_by="analyst-1",
    exported_at=1_790_000_000,
    retention="Delete after 90 days.",
    onward="Do not pass on.",
    obligations=("Tell the tenant.",),
)


@pytest.fixture
def table() -> Table:
    return join([FULL, Row(B, {"notes": "mould"})], COHORT, COLUMNS)


def written(table: Table, path: Path) -> bytes:
    write_csv(table, path)
    return path.read_bytes()


def test_every_row_of_the_cohort_has_its_line_in_the_cohorts_order(table: Table, tmp_path: Path) -> None:
    assert written(table, tmp_path / "t.csv") == (
        b"cohort_row,condition,notes,visits,at_home,since\r\n"
        b"T-4,,,,,\r\n"
        b"T-1,high,damp,-3,no,2026-01-31\r\n"
        b"T-3,,,,,\r\n"
        b"T-2,,mould,,,\r\n"
    )


def test_three_kinds_of_absence_are_one(tmp_path: Path) -> None:
    """The same cohort, where T-3 is not linked, is linked and denied, or is not known to the provider at
    all."""
    columns = COLUMNS[:2]
    effects = {
        "yes": {"condition": Effect("transform", "repair_priority"), "notes": Effect("release")},
        "no": {name: Effect("deny", reasons=("opted-out",)) for name in ("condition", "notes")},
    }
    linked = Person(A, "yes", {"condition": "J45", "notes": "damp"})
    denied = Person(C, "no", {"condition": "J45", "notes": "damp"})
    unreadable = Person(C, "yes", {"condition": None, "notes": None})
    worlds = {"not-linked": [linked], "denied": [linked, denied], "no-value": [unreadable, linked]}
    releases = {name: pack(build(people, effects, columns, Counts()), columns, 10) for name, people in worlds.items()}
    assert len(set(releases.values())) == 1
    for name, release in releases.items():
        export(join(unpack(release, columns, 10), COHORT, columns), tmp_path, name, FACTS)
    for suffix in (".csv", ".parquet"):
        assert len({(tmp_path / f"{name}{suffix}").read_bytes() for name in worlds}) == 1
    lines = (tmp_path / "denied.csv").read_bytes().splitlines()
    assert lines[1:] == [b"T-4,,", b"T-1,high,damp", b"T-3,,", b"T-2,,"]


def test_a_release_of_nobody_gives_empty_lines(tmp_path: Path) -> None:
    table = join([], COHORT, COLUMNS)
    assert written(table, tmp_path / "t.csv").count(b",,,,,\r\n") == 4
    write_parquet(join([], [], COLUMNS), tmp_path / "t.parquet")
    assert pq.read_table(tmp_path / "t.parquet").num_rows == 0


@pytest.mark.parametrize(
    ("rows", "cohort", "code"),
    [
        ([Row(D, {"notes": "secret"})], COHORT[1:], "release.unknown-link"),
        ([FULL, FULL], COHORT, "release.repeated-link"),
        ([], [("T-1", A), ("T-2", A)], "release.bad-cohort"),
        ([], [("T-1", A), ("T-1", B)], "release.bad-cohort"),
        ([], [("T-1", A[:15])], "release.bad-cohort"),
        ([], [("T-1", b"")], "release.bad-cohort"),
        ([], [("", A)], "release.bad-cohort"),
        ([], [("T-1\ud800", A)], "release.bad-cohort"),
        ([Row(A, {"visits": "secret"})], COHORT, "release.bad-value"),
        ([Row(A, {"notes": "secret" * 9})], COHORT, "release.bad-value"),
    ],
)
def test_what_does_not_fit_is_refused(rows: list[Row], cohort: list[tuple[str, bytes]], code: str) -> None:
    with pytest.raises(ReleaseError) as caught:
        join(rows, cohort, COLUMNS)
    assert caught.value.code == code
    assert "secret" not in str(caught.value)
    assert "T-1" not in str(caught.value)


def test_a_table_survives_its_rest_as_json(table: Table) -> None:
    text = json.dumps([[place, list(cells)] for place, cells in table.released.items()], default=str)
    assert restore(COLUMNS, table.keys, json.loads(text)) == table


@pytest.mark.parametrize(
    "released",
    [
        [(4, ["high", None, None, None, None])],
        [(-1, ["high", None, None, None, None])],
        [(True, ["high", None, None, None, None])],
        [("0", ["high", None, None, None, None])],
        [(0, ["high", None, None, None])],
        [(0, ["high", None, None, None, None])] * 2,
        [(0, ["secret", None, None, None, None])],
        [(0, [None, None, None, None, "secret"])],
        [(0, [None, None, None, None, ["secret"]])],
        [(0, [None, None, 1.5, None, None])],
    ],
)
def test_a_table_that_was_not_kept_so_is_refused(released: list[Any]) -> None:
    with pytest.raises(ReleaseError) as caught:
        restore(COLUMNS, [key for key, _ in COHORT], released)
    assert caught.value.code == "release.bad-value"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "start",
    [
        "=",
        "+",
        "-",
        "@",
        "'",
        "\t",
        "\r",
        "\n",
        "\uff1d",
        "\uff0b",
        "\uff0d",
        "\uff20",
        " =",
        "\u00a0@",
        "\u3000+",
    ],
    ids=ascii,
)
def test_no_text_begins_a_formula(start: str, tmp_path: Path) -> None:
    text = start + "cmd|' /C calc'!A0"
    table = Table(tuple([Column("notes", Text(40))]), [text], {0: (text,)})
    with (tmp_path / "t.csv").open("wb") as file:
        file.write(written(table, tmp_path / "u.csv"))
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file))[1] == ["'" + text, "'" + text]
    write_parquet(table, tmp_path / "t.parquet")
    assert pq.read_table(tmp_path / "t.parquet").to_pylist() == [{"cohort_row": text, "notes": text}]


def test_numbers_dates_and_harmless_texts_stay_as_they_are(tmp_path: Path) -> None:
    table = Table(
        (Column("visits", Integer()), Column("notes", Code(("a=b", "5 to 9")))),
        ["1-2", "2"],
        {0: (-3, "a=b"), 1: (0, "5 to 9")},
    )
    assert written(table, tmp_path / "t.csv").splitlines()[1:] == [b"1-2,-3,a=b", b"2,0,5 to 9"]


def test_commas_quotes_and_other_scripts(tmp_path: Path) -> None:
    cells = ('a,"b"', "Zoë", "\U0001f3e0")
    columns = tuple(Column(f"c{i}", Text(20)) for i in range(3))
    data = written(Table(columns, ["k"], {0: cells}), tmp_path / "t.csv")
    assert data.splitlines()[1] == 'k,"a,""b""",Zoë,\U0001f3e0'.encode()


def test_the_parquet_file(table: Table, tmp_path: Path) -> None:
    write_parquet(table, tmp_path / "t.parquet")
    read = pq.read_table(tmp_path / "t.parquet")
    assert read.schema.names == ["cohort_row", "condition", "notes", "visits", "at_home", "since"]
    assert read.schema.types == [pa.string(), pa.string(), pa.string(), pa.int64(), pa.bool_(), pa.date32()]
    assert not read.schema.field("cohort_row").nullable
    metadata = read.schema.field("condition").metadata
    assert metadata[b"transform"] == b"repair_priority"
    assert metadata[b"description"] == b"How soon the home should be mended."
    nothing = dict.fromkeys(["condition", "notes", "visits", "at_home", "since"])
    assert read.to_pylist() == [
        {"cohort_row": "T-4", **nothing},
        {"cohort_row": "T-1", **FULL.values},
        {"cohort_row": "T-3", **nothing},
        {"cohort_row": "T-2", **nothing, "notes": "mould"},
    ]


def test_a_table_longer_than_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exchange_node.release.results._BATCH", 3)
    cohort = [(f"T-{i}", i.to_bytes(16, "big")) for i in range(1, 8)]
    rows = [Row(i.to_bytes(16, "big"), {"visits": i}) for i in (1, 3, 4, 7)]
    write_parquet(join(rows, cohort, [COLUMNS[2]]), tmp_path / "t.parquet")
    assert pq.read_table(tmp_path / "t.parquet").column("visits").to_pylist() == [
        1,
        None,
        3,
        4,
        None,
        None,
        7,
    ]


def test_an_export_and_its_provenance(table: Table, tmp_path: Path) -> None:
    paths = export(table, tmp_path, "damp", FACTS)
    assert [path.name for path in paths] == ["damp.csv", "damp.parquet", "damp.provenance.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in paths)
    for path in paths:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    facts = json.loads(paths[2].read_text())
    assert facts["format"] == "exchange-provenance-v1"
    assert facts["exported"] == {"by": "analyst-1", "at": "2026-09-21T14:13:20Z"}
    assert facts["decision"] == {"engine": "wasm", "bundle_digest": "3" * 64}
    assert facts["agreement"]["title"] == "Damp homes (invented)"
    assert facts["duties"]["retention"] == "Delete after 90 days."
    assert [item["name"] for item in facts["columns"]] == [item.name for item in COLUMNS]
    assert facts["columns"][0]["description"] == "How soon the home should be mended."
    assert "Hides the diagnosis" in facts["columns"][0]["meaning"]
    assert any("apostrophe" in sentence for sentence in facts["how_to_read"])
    for path, file in zip(paths, facts["files"], strict=False):
        data = path.read_bytes()
        assert file == {"name": path.name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    text = paths[2].read_text()
    assert not [word for word in ("T-1", "T-4", 'damp"', "mould", "2026-01-31") if word in text]


def test_what_the_provider_says_of_its_decision_is_kept(tmp_path: Path) -> None:
    facts = replace(FACTS, decision_id="d-1", input_digest="5" * 64)
    write_provenance(tmp_path / "p.json", facts, COLUMNS, [])
    decision = json.loads((tmp_path / "p.json").read_text())["decision"]
    assert decision == {"engine": "wasm", "bundle_digest": "3" * 64, "id": "d-1", "input_digest": "5" * 64}


@pytest.mark.parametrize("name", ["damp.csv", "damp.parquet", "damp.provenance.json"])
def test_nothing_is_overwritten_unless_asked(table: Table, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(ReleaseError) as caught:
        export(table, tmp_path, "damp", FACTS)
    assert caught.value.code == "release.file-exists"
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"
    export(table, tmp_path, "damp", FACTS, overwrite=True)
    assert len(list(tmp_path.iterdir())) == 3
    assert (tmp_path / name).read_bytes() != b"mine"
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_a_link_in_the_way_is_a_file_in_the_way(table: Table, tmp_path: Path) -> None:
    (tmp_path / "t.csv").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ReleaseError) as caught:
        write_csv(table, tmp_path / "t.csv")
    assert caught.value.code == "release.file-exists"
    write_csv(table, tmp_path / "t.csv", overwrite=True)
    assert not (tmp_path / "t.csv").is_symlink()
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_that_comes_meanwhile_is_kept(table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fsync

    def racing(descriptor: int) -> None:
        (tmp_path / "t.csv").write_text("mine")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", racing)
    with pytest.raises(ReleaseError) as caught:
        write_csv(table, tmp_path / "t.csv")
    assert caught.value.code == "release.file-exists"
    assert (tmp_path / "t.csv").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_full_disk_leaves_nothing(table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ReleaseError) as caught:
        export(table, tmp_path, "damp", FACTS)
    assert caught.value.code == "release.cannot-write"
    assert "No space left" in caught.value.detail
    assert list(tmp_path.iterdir()) == []


def test_three_files_or_none(table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.link
    done: list[Path] = []

    def failing(source: Path, target: Path) -> None:
        if len(done) == 2:
            raise OSError(5, "Input/output error")
        done.append(target)
        real(source, target)

    monkeypatch.setattr(os, "link", failing)
    with pytest.raises(ReleaseError) as caught:
        export(table, tmp_path, "damp", FACTS)
    assert caught.value.code == "release.cannot-write"
    assert len(done) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_as_such_though_closing_fails_as_well(table: Table) -> None:
    with open("/dev/full", "w+b") as full, pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "_new", lambda _: full)
        with pytest.raises(ReleaseError) as caught:
            export(table, Path("/nowhere"), "damp", FACTS)
    assert caught.value.code == "release.cannot-write"


def test_a_share_without_hard_links_takes_results(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    names = sorted(path.name for path in export(table, tmp_path, "damp", FACTS))
    assert names == sorted(path.name for path in tmp_path.iterdir()) and len(names) == 3
    with pytest.raises(ReleaseError) as caught:
        export(table, tmp_path, "damp", FACTS)
    assert caught.value.code == "release.file-exists"


def test_a_mistake_while_writing_leaves_nothing(tmp_path: Path) -> None:
    broken = Table((Column("visits", Integer()),), ["k"], {0: ("secret",)})
    with pytest.raises(pa.ArrowInvalid):  # `join` lets no such table come to be
        export(broken, tmp_path, "damp", FACTS)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(table: Table, tmp_path: Path) -> None:
    with pytest.raises(ReleaseError) as caught:
        write_csv(table, tmp_path / "missing" / "t.csv")
    assert caught.value.code == "release.cannot-write"


def test_reprs_tell_nothing(table: Table) -> None:
    assert "T-1" not in repr(table)
    assert "damp" not in repr(table)
