"""Any two small registers at all: links are one-to-one rows that exist, or one error of ours says why not."""

from __future__ import annotations

import csv
import io
import json
import math
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from exchange_node.engine import party
from exchange_node.errors import ExchangeError
from exchange_node.trial.options import Options, Watch
from exchange_node.trial.trial import run, understood

HEADERS = ["forename", "surname", "Full Name", "dob", "birth_year", "sex", "postcode", "address", "town", "mobile",
           "email", "NHS Number", "job", "id", "", "surname"]  # fmt: skip
NAMES = ["anna", "ann", "smith", "Smyth", "o'neil", "", "Mr John Mc Donald", "N/A", "x"]
CELLS = st.one_of(
    st.sampled_from(NAMES),
    st.sampled_from(["1980-01-02", "02/01/1980", "1900-01-01", "31/02/1999", "1980", "12", "0"]),
    st.sampled_from(["f", "M", "female", "9", "AB1 2CD", "ab12cd", "ZZ99 3VZ", "1 high street", "Flat 2, 10 Low Rd"]),
    st.sampled_from(
        ["07700 900123", "a@b.co", "943 476 5919", "AB123456C", "محمد", "Øystein", "金", "\u202eabc", "a\x00b"]
    ),
    st.text(max_size=12),
)


LIKELY = {
    "forename": st.sampled_from(["anna", "Ann", "maria", "john", "Jon", "peter"]),
    "surname": st.sampled_from(["smith", "Smyth", "o'neil", "Khan", "patel", "de la Cruz"]),
    "dob": st.dates().map(str),
}


@st.composite
def pairs_of_files(draw: st.DrawFn) -> tuple[bytes, bytes | None]:
    """Rows that come again, so that some people stand in both files or twice in one."""
    known = draw(st.sampled_from([["forename", "surname", "dob"], ["forename", "surname"], ["surname"], []]))
    headers = known + draw(st.lists(st.sampled_from(HEADERS), min_size=not known, max_size=4))
    cells = [st.one_of(LIKELY[name], LIKELY[name], CELLS) if name in LIKELY else CELLS for name in headers]
    people = draw(st.lists(st.tuples(*cells).map(list), min_size=1, max_size=9))
    few = draw(st.sampled_from([0, 4, 4, 4]))
    rows = st.lists(st.sampled_from(people), min_size=few, max_size=25)
    one, other = draw(rows), draw(rows)
    texts = [written(headers, other), written(headers[::-1], [row[::-1] for row in other])]
    second: list[st.SearchStrategy[bytes | None]] = [st.none(), JUNK, *5 * [st.just(text) for text in texts]]
    return written(headers, one), draw(draw(st.sampled_from(second)))


JUNK = st.binary(max_size=60)


def written(headers: list[str], rows: list[list[str]]) -> bytes:
    stream = io.StringIO()
    csv.writer(stream).writerows([headers, *rows])
    return stream.getvalue().encode(errors="surrogatepass")


@pytest.fixture(scope="module", autouse=True)
def few_copies() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(party, "COPIES", 60)
        patch.setattr(party, "COPIES_WITHIN", 120)
        yield


def watched() -> Watch:
    return Watch(lambda *registers: None, lambda plan: None, lambda what, done, of: None)


def finite(value: object) -> bool:
    if isinstance(value, dict):
        return all(map(finite, value.values()))
    if isinstance(value, list):
        return all(map(finite, value))
    return not isinstance(value, float) or math.isfinite(value)


TWICE_THE_SAME = written(["forename", "surname", "forename"], [["anna", "smith", "anna"], ["anna", "smith", "Ann"]])


@settings(max_examples=80)
@example(files=(TWICE_THE_SAME, TWICE_THE_SAME), every_pair=None, truth=None)
@given(files=pairs_of_files(), every_pair=st.sampled_from([None, False]), truth=st.sampled_from([None, None, "dob"]))
def test_any_two_files(files: tuple[bytes, bytes | None], every_pair: bool | None, truth: str | None) -> None:
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("error")
        folder = Path(name)
        a, b = folder / "a.csv", folder / "b.csv" if files[1] is not None else None
        a.write_bytes(files[0])
        if b is not None and files[1] is not None:
            b.write_bytes(files[1])
        paths = [path for path in (a, b) if path is not None]
        out = folder / "out"
        options = Options(truth=truth, out=out, every_pair=every_pair)
        try:
            document = run(paths, options, watched())
        except ExchangeError as error:
            event(error.code)
            assert not out.exists()
            return
        event("linked")
        assert finite(document) and json.dumps(document, allow_nan=False)
        assert understood(paths, options)["map"] == document["map"]
        lines = (out / "links.csv").read_text().splitlines()[1:]
        links = [(int(left), int(right), float(score), float(p)) for left, right, score, p in map(cut, lines)]
        assert len(links) == document["links"]
        assert all(0 <= left < document["rows_a"] and 0 <= right < document["rows_b"] for left, right, _, _ in links)
        assert all(math.isfinite(score) and 0 <= p <= 1 for _, _, score, p in links)
        if b is None:
            assert all(left < right for left, right, _, _ in links)
        else:
            assert len({left for left, *_ in links}) == len(links) == len({right for _, right, *_ in links})


def cut(line: str) -> list[str]:
    return line.split(",")
