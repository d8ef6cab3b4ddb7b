"""The demo's scenarios as a reader runs them: a command, a folder that it leaves, and no process after it."""

from __future__ import annotations

import datetime
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from demo import measure
from demo.paperwork import adapt_agreement, today
from demo.people import make_world
from exchange_node.policy.agreement import parse_agreement

ROOT = Path(__file__).parents[2]
PEOPLE = 2500
SECONDS = 300  # a loaded machine is slow; what hangs must still end


def start(scenario: str, folder: Path, people: int) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "demo", scenario, "--folder", str(folder), "--people", str(people)]
    # Whoever runs the tests in the background may have Ctrl-C ignored; a person at a terminal has not.
    heeds = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    return subprocess.Popen(
        words, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=heeds
    )


def play(scenario: str, folder: Path, people: int = PEOPLE) -> tuple[dict[str, Any], str]:
    running = start(scenario, folder, people)
    try:
        told, _ = running.communicate(timeout=SECONDS)
    finally:
        running.kill()
    assert running.returncode == 0, told[-6000:]
    assert max(map(len, told.splitlines())) <= 80
    summary = json.loads((folder / scenario / "summary.json").read_text())
    assert_nothing_runs(folder / scenario)
    assert set(summary["logs"]) == set(summary["processes"])
    assert all(summary["logs"].values())
    return summary, told


def assert_nothing_runs(folder: Path) -> None:
    def serving() -> list[str]:
        found = []
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = process.read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            if "serve" in words and any(word.startswith(str(folder)) for word in words):
                found.append(" ".join(words))
        return found

    assert serving() == []


def assert_right(summary: dict[str, Any]) -> None:
    """What was released is right by the truth, and its precision above what the agreement asks."""
    least = summary["agreement"]["minimum_precision_bp"] / 10_000
    for found in summary["quality"].values():
        assert found["released"] > 50
        assert found["precision"] >= least
        assert found["estimated_precision"] >= least
        assert found["recall"] > 0.9
        assert found["unexpected"] <= found["released"] - found["right"]
    assert set(summary["stories"].values()) == {0}
    assert set(summary["states"].values()) == {"done"}


def test_asthma_and_mould_from_homes_to_verified_logs(tmp_path: Path) -> None:
    summary, told = play("asthma-mould", tmp_path)
    assert_right(summary)
    assert summary["approved_by"] == ["castle-nhs"]
    values = summary["released"]["castle-nhs"]["values"]
    assert set(values) == {"repair_priority"} and set(values["repair_priority"]) == {"high", "normal"}
    assert len(set(summary["processes"].values())) == 3
    for words in ("Direct referral by consent", "Never learns", "Precision", "The person has opted out"):
        assert words in told
    assert "R10" not in told  # no diagnosis on any screen


@pytest.mark.slow
def test_a_consent_withdrawn_meanwhile_keeps_the_person_out(tmp_path: Path) -> None:
    summary, told = play("early-help", tmp_path)
    assert_right(summary)
    gone = summary["withdrawn"]
    assert gone["released"] is False and set(gone["ids"]) >= {"riverside-care", "northgate-homes", "castle-nhs"}
    for held in summary["held_back"].values():
        assert held["linked"] - held["rows"] == 1
        assert held["reasons"]["gateway.direct-referral-consent.consent"] >= 1
    assert "tries again by itself" in told and "The linkage unit is back" in told
    results = tmp_path / "early-help" / "riverside-care" / "results"
    lines = [line for file in results.glob("*.csv") for line in file.read_text().splitlines()]
    mine = [line for line in lines if line.startswith(gone["ids"]["riverside-care"])]
    assert len(mine) == 2 and all(set(line.partition(",")[2]) <= {","} for line in mine)


@pytest.mark.slow
def test_the_prohibition_denies_and_consent_would_lift_it(tmp_path: Path) -> None:
    summary, told = play("tax-connections", tmp_path)
    assert summary["exit_code"] == 3
    assert [reason["code"] for reason in summary["reasons"]] == ["prohibition.crca-s18"]
    assert "Commissioners for Revenue and Customs Act 2005" in summary["reasons"][0]["statute"]
    assert summary["log"] == ["question.refused"] and "crown-revenue" in summary["never_heard"]
    assert summary["version_2"]["allow"] is True
    assert "What would change it" in told


@pytest.mark.slow
def test_an_interrupted_demo_leaves_no_process(tmp_path: Path) -> None:
    running = start("asthma-mould", tmp_path, 500)
    deadline = time.monotonic() + SECONDS
    while len(list(tmp_path.glob("asthma-mould/*/serving.pid"))) < 3:
        assert running.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    os.kill(running.pid, signal.SIGINT)
    told, _ = running.communicate(timeout=SECONDS)
    assert running.returncode == 130 and "Interrupted" in told
    assert_nothing_runs(tmp_path)


@pytest.mark.slow
def test_a_demo_that_cannot_go_on_says_where_and_stops(tmp_path: Path) -> None:
    running = start("early-help", tmp_path, 40)  # so few that there is nobody to tell about
    told, _ = running.communicate(timeout=SECONDS)
    assert running.returncode == 1 and "Stopped at step" in told
    assert_nothing_runs(tmp_path)


@pytest.mark.parametrize("name", ["asthma-mould", "early-help", "tax-connections"])
def test_the_demo_s_agreements_hold_today(tmp_path: Path, name: str) -> None:
    adapt_agreement(name, tmp_path / "agreement.yaml")
    agreement = parse_agreement((tmp_path / "agreement.yaml").read_bytes())
    assert agreement.valid_from < today() < min(agreement.valid_to, agreement.review_by, agreement.dpia.review_by)


def test_the_truth_leaves_out_whom_their_choices_keep_out() -> None:
    world = make_world(1, 600)
    rules = measure.Rules("damp-repair-prioritisation", frozenset({"northgate-homes"}), True, lambda _: False)
    cohort = [row["tenancy_ref"] for row in world.registers["northgate-homes"]]
    on = datetime.date(2026, 6, 1)
    still = datetime.timedelta(0)
    pairs = measure.allowed_pairs(world, "northgate-homes", "castle-nhs", cohort, rules, still, on)
    assert 0 < len(pairs) < len(world.true_pairs("northgate-homes", "castle-nhs", cohort))
    out = {c.local_id for c in world.all_choices["castle-nhs"] if c.kind != "consent"}
    assert not out & set(pairs.values())
    late = measure.allowed_pairs(world, "northgate-homes", "castle-nhs", cohort, rules, still, on.replace(year=2028))
    assert late == {}


def test_a_released_row_of_the_wrong_person_or_value_is_not_right() -> None:
    table = {"T1": {"x": "high"}, "T2": {"x": "high"}, "T3": {"x": ""}, "T4": {"x": "high"}}
    found = measure.quality(
        table,
        {"T1": "P1", "T2": "P2", "T3": "P3"},
        4,
        {p: {"x": "normal" if p == "P2" else "high"} for p in ("P1", "P2", "P3")},
    )
    assert (found.released, found.right, found.unexpected, found.allowed) == (3, 1, 1, 3)
