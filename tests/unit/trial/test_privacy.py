"""No value of a person leaves the files: not in the report, the links, the map, or on the terminal."""

from __future__ import annotations

import random
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from exchange_node.trial import worth
from tests.made_up_registers import FIELDS, Registers, write_csv
from tests.unit.trial.conftest import Exchange

CANARIES = {
    "forename": "Zyxcanaria",
    "surname": "O'Qwcanary-Plover",
    "date_of_birth": "1907-11-23",
    "postcode": "ZE39 9QQ",
    "address_line": "<b>987 Canarybird & Road</b>",
    "email": "canary.bird@nowhere.example",
    "note": "canary note <script>alert(1)</script>",
}
TRACES = ("canar", "qwc", "23/11", "ze39", "9qq", "alert(1)")
YEAR = re.compile(r"(?<![\d.])1907(?!\d)")  # the canary's, and not digits of a probability
VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """Whether every element that begins ends, and what is fetched."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.wrong += [name for name, _ in attrs if name in ("src", "href") or name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"/{tag}")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)


@pytest.fixture(params=["once", "often", "placeholder"])
def canary_files(request: pytest.FixtureRequest, town: Registers, tmp_path: Path) -> tuple[Path, Path]:
    """One person, many rows, or half of the rows hold what must not be seen."""
    rng = random.Random(1)
    rate = {"once": 0.0, "often": 0.05, "placeholder": 0.5}[request.param]
    sides = []
    for name, people in (("a", town.left), ("b", town.right)):
        rows = [
            {**one, "email": f"{one['surname']}{at}@example.org", "note": f"seen {at}"} for at, one in enumerate(people)
        ]
        for at, row in enumerate(rows):
            if at in (3, 7) or rng.random() < rate:
                row |= CANARIES if rng.random() < 0.5 else {"surname": CANARIES["surname"], "note": CANARIES["note"]}
        sides.append(write_csv(tmp_path / f"{name}.csv", rows, (*FIELDS, "email", "note")))
    return sides[0], sides[1]


def test_no_value_is_shown(
    exchange: Exchange, canary_files: tuple[Path, Path], tmp_path: Path, town: Registers
) -> None:
    pair = exchange(*canary_files, "--out", tmp_path / "pair")
    alone = exchange(canary_files[0], "--out", tmp_path / "alone", "--json")
    shown = exchange(*canary_files, "--dry-run", "--json")
    assert pair.code == alone.code == shown.code == 0
    texts = [result.out + result.err for result in (pair, alone, shown)]
    texts += [path.read_text() for folder in ("pair", "alone") for path in (tmp_path / folder).iterdir()]
    assert len(texts) == 10
    names = {one[name] for one in town.left for name in ("forename", "surname") if len(one[name]) > 5}
    for text in texts:
        assert [trace for trace in TRACES if trace in text.lower()] == YEAR.findall(text) == []
        assert [name for name in names if name in text.lower()] == []


def test_the_report_is_a_page_of_its_own(exchange: Exchange, files: tuple[Path, Path], tmp_path: Path) -> None:
    for at, arguments in enumerate(((*files, "--truth", "person_id"), (files[0],), (*files, "--keys"))):
        assert exchange(*arguments, "--out", tmp_path / str(at), "--json").code == 0
        text = (tmp_path / str(at) / "report.html").read_text()
        page = Page()
        page.feed(text)
        page.close()
        assert text.startswith("<!doctype html>") and page.open == [] and page.wrong == []
        assert {"html", "h1", "h2", "table", "svg", "rect", "polyline"} <= page.seen
        assert not page.seen & {"script", "link", "iframe", "object", "embed", "img", "form"}
        for outside in ("http:", "https:", "url(", "@import", "javascript:"):
            assert outside not in text
        assert "nan" not in text.lower().split(">")[-1] and ">nan" not in text and '"nan' not in text


def test_file_names_are_shown_as_text(exchange: Exchange, town: Registers, tmp_path: Path) -> None:
    a = write_csv(tmp_path / "<i>a&b.csv", town.left[:60])
    assert exchange(a, write_csv(tmp_path / "b.csv", town.right[:60]), "--out", tmp_path / "out", "--json").code == 0
    text = (tmp_path / "out" / "report.html").read_text()
    assert "&lt;i&gt;a&amp;b.csv" in text and "<i>" not in text


def test_column_names_are_shown_as_text(exchange: Exchange, town: Registers, tmp_path: Path) -> None:
    name = "<img src=x onerror=alert(1)>"
    jobs = ("nurse", "baker", "cook", "clerk", "welder")
    people = [[{**one, name: jobs[at % 5]} for at, one in enumerate(side[:80])] for side in (town.left, town.right)]
    paths = [write_csv(tmp_path / f"{at}.csv", side, (*FIELDS, name)) for at, side in enumerate(people)]
    assert exchange(*paths, "--out", tmp_path / "out", "--json").code == 0
    assert "<img" not in (tmp_path / "out" / "report.html").read_text()


def test_small_counts_are_not_shown(exchange: Exchange, town: Registers, tmp_path: Path) -> None:
    few = [write_csv(tmp_path / f"{at}.csv", side[:30]) for at, side in enumerate((town.left, town.right))]
    assert exchange(*few, "--out", tmp_path / "out", "--json").code == 0
    patterns = (tmp_path / "out" / "report.html").read_text().split("How links agree")[1].split("The files")[0]
    cells = [cell.split("</td>")[0] for cell in patterns.split("<td>")[1:]]
    assert all(cell == "&lt;10" or "%" in cell or int(cell) >= 10 for cell in cells)


def test_patterns_of_a_sample_stand_for_all_links(
    exchange: Exchange, files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = []
    for at, sample in enumerate((worth.SAMPLE, 50)):
        monkeypatch.setattr(worth, "SAMPLE", sample)
        assert exchange(*files, "--out", tmp_path / str(at), "--json").code == 0
        page = (tmp_path / str(at) / "report.html").read_text()
        cells = page.split("How links agree")[1].split("under 90 %")[0].split("<td>")[1::2]
        shown.append([int(cell.split("<")[0]) for cell in cells if cell[0].isdigit()])
        assert ("of a sample of the links, multiplied" in page) == (at == 1)
    assert shown[1][0] == pytest.approx(shown[0][0], rel=0.4)


def test_shares_of_links_hide_a_few(exchange: Exchange, files: tuple[Path, Path]) -> None:
    document = exchange(*files, "--json").json
    shares = {name: one[name] for one in document["fields"] for name in one if name.startswith("share_")}
    every = [round(one[name] * document["links"]) for one in document["fields"] for name in shares]
    assert 5 in every and not [count for count in every if 0 < count < 10 and count != 5]
