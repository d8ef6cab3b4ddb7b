"""No benchmark rots unseen: figures are taken seldom, so here is whether they still can be."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from benchmarks.__main__ import BENCHMARKS
from benchmarks.ablations import PARTS, SCHEMA_FOR
from benchmarks.quality import PEERS
from exchange_node.engine import damage, link, party

ROOT = Path(__file__).resolve().parents[2]
FILES = {path.stem: path for path in sorted((ROOT / "benchmarks").glob("[!_]*.py"))}
MODULES = [*FILES, *(f"peers.{path.stem}" for path in sorted((ROOT / "benchmarks/peers").glob("[!_]*.py")))]
WITH_OPTIONS = [name for name, path in FILES.items() if "import argparse" in path.read_text()]
OF_BENCH_VENV = {"duckdb", "splink"}
SMALLEST = {
    "ablations": "--size 0.05 --seeds 1 --only no-date --parts sounds",
    "audit_log": "--seconds 0.05 --directory {tmp}",
    "blocking": "--size 0.05 --only cohort",
    "blocks": "--times 0.1",
    "calibration": "--rows 300",
    "clks": "--rows 1000 --peer 500",
    "dice": "--left 300 --size 0.02",
    "dot": "--rows 512 --large 5000",
    "groups": "--people 100 --parties 3 --only clean",
    "growth": "--rows 300 --peer 0",
    "hardenings": "--size 0.05 --kinds middling",
    "linkage": "--rows 500",
    "policy": "--seconds 0.05",
    "quality": "--size 0.04 --only clean",
    "records": "--rows 2000 --cohort 50 --directory {tmp}",
    "requests": "--small 1 --large 100x200",
    "vectors": "--rows 2000 --peer 500",
}
FIELDS = [("forename", "name"), ("surname", "name"), ("sex", "sex"), ("postcode", "postcode")]
DATED = [*FIELDS, ("date_of_birth", "date")]
OF_FEATURES = ["rarity", "names and dates swapped", "two fields together", "sounds", "missing values", "parts of dates"]


def module(name: str) -> ModuleType:
    return importlib.import_module(f"benchmarks.{name}")


@pytest.mark.parametrize("name", MODULES)
def test_a_module_lacks_nothing_but_a_peer(name: str) -> None:
    try:
        module(name)
    except ModuleNotFoundError as missing:
        assert missing.name in OF_BENCH_VENV


@pytest.mark.parametrize("name", WITH_OPTIONS)
def test_a_benchmark_says_what_it_takes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as ended:
        module(name).main()
    assert ended.value.code == 0


def test_every_benchmark_is_run_at_its_smallest() -> None:
    assert SMALLEST.keys() == BENCHMARKS.keys() | set(WITH_OPTIONS)


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALLEST)
def test_a_benchmark_runs(name: str, tmp_path: Path) -> None:
    if name == "quality" and not PEERS.exists():
        pytest.skip("Splink is not installed: make bench-venv")
    words = [sys.executable, "-m", f"benchmarks.{name}", *SMALLEST[name].format(tmp=tmp_path).split()]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture
def whole_engine() -> Iterator[list[dict[str, object]]]:
    """What ablations may replace, as it is; put back afterwards."""
    places = (link, party.Party, damage)
    kept = [dict(vars(place)) for place in places]
    yield kept
    for place, names in zip(places, kept, strict=True):
        for name in vars(place).keys() - names.keys():
            delattr(place, name)
        for name, value in names.items():
            if vars(place)[name] is not value:
                setattr(place, name, value)


@pytest.mark.parametrize("part", list(PARTS)[1:])
def test_an_ablation_replaces_what_is_there(part: str, whole_engine: list[dict[str, object]]) -> None:
    PARTS[part]()
    now = [vars(place) for place in (link, party.Party, damage)]
    assert [names.keys() for names in now] == [names.keys() for names in whole_engine]
    assert any(names[name] is not value for names, was in zip(now, whole_engine, strict=True)
               for name, value in was.items())  # fmt: skip


@pytest.mark.parametrize("part", OF_FEATURES)
@pytest.mark.usefixtures("whole_engine")
def test_an_ablation_finds_its_features(part: str) -> None:
    """They are known by their names alone, which the engine may change."""
    PARTS[part]()
    schema_for = vars(link)["schema_for"]
    assert any(len(schema_for(kinds).features) < len(SCHEMA_FOR(kinds).features) for kinds in (FIELDS, DATED))
