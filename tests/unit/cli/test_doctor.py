"""`exchange doctor`: what is wrong with a home, told once each, and how to mend it."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from exchange_node.config import Home
from exchange_node.store.store import Store
from exchange_node.trust.manifest import Manifest

from .conftest import RECORDS, Exchange, Founded


def test_doctor_finds_what_is_wrong_and_how_to_mend_it(exchange: Exchange, founded: Founded, home: Path) -> None:
    told = exchange("--home", home, "doctor", "--json")
    wrong = {finding["what"]: finding["mend"] for finding in told.json["findings"] if not finding["good"]}
    assert told.code == 1 and {"manifest", "policy", "records"} <= set(wrong) and all(wrong.values())
    exchange("--home", home, "manifest", "accept", founded.manifest)
    (home / "people.csv").write_text("ref,last\n1,Ashdown\n,Birkett\n")
    with (home / "config.toml").open("a") as config:
        config.write(RECORDS)
    findings = exchange("--home", home, "doctor", "--json").json["findings"]
    good = {finding["what"] for finding in findings if finding["good"]}
    assert {"keys", "disk", "database", "clock", "manifest", "membership", "policy", "records"} <= good
    records = " ".join(finding["told"] for finding in findings if finding["what"] == "records")
    assert "1 of 2 rows" in records and "Birkett" not in json.dumps(findings)
    peer = next(finding for finding in findings if finding["what"] == "peer neutral-linkage")
    assert not peer["good"] and "nobody listens there" in peer["told"]


def test_doctor_names_the_command_that_brings_a_manifest(exchange: Exchange, home: Path) -> None:
    findings = exchange("--home", home, "doctor", "--json").json["findings"]
    mends = {finding["what"]: finding["mend"] for finding in findings if not finding["good"]}
    assert all("`exchange manifest accept manifest.json`" in mends[what] for what in ("manifest", "policy"))


def test_doctor_says_that_a_manifest_does_not_approve_our_policy(
    exchange: Exchange, founded: Founded, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange("--home", home, "manifest", "accept", founded.manifest)
    monkeypatch.setattr(Manifest, "bundle", lambda *_: None)
    findings = exchange("--home", home, "doctor", "--json").json["findings"]
    (policy,) = [finding for finding in findings if finding["what"] == "policy"]
    assert not policy["good"] and "does not approve" in policy["told"] and "exchange doctor" not in policy["mend"]


def test_doctor_beside_a_starting_node_tells_that_alone(exchange: Exchange, founded: Founded, home: Path) -> None:
    exchange("--home", home, "manifest", "accept", founded.manifest)
    with Store.open(f"sqlite:///{Home(home).database}"):
        told = exchange("--home", home, "doctor", "--json")
    about = [finding for finding in told.json["findings"] if finding["what"] in ("database", "manifest", "policy")]
    assert [finding["what"] for finding in about] == ["database"] and not about[0]["good"] and told.code == 1
    assert about[0]["told"] == "the node is starting, or another process has it"


def test_doctor_finds_an_open_key_and_a_wrong_manifest_entry(exchange: Exchange, founded: Founded, home: Path) -> None:
    exchange("--home", home, "manifest", "accept", founded.manifest)
    config = home / "config.toml"
    config.write_text(config.read_text().replace('address = "127.0.0.1:7711"', 'address = "127.0.0.1:7999"'))
    os.chmod(home / "users/admin.key", 0o644)
    wrong = [f for f in exchange("--home", home, "doctor", "--json").json["findings"] if not f["good"]]
    assert any("another address" in f["told"] for f in wrong) and any("chmod 600" in f["mend"] for f in wrong)
    os.chmod(home / "keys/log.key", 0o644)
    assert any("open to others" in f["told"] for f in exchange("--home", home, "doctor", "--json").json["findings"])


def test_doctor_sees_that_another_process_has_the_port(exchange: Exchange, founded: Founded, home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        config = home / "config.toml"
        config.write_text(config.read_text().replace('listen = "127.0.0.1:7711"', f'listen = "{taken}"'))
        findings = exchange("--home", home, "doctor", "--json").json["findings"]
    (process,) = [finding for finding in findings if finding["what"] == "process"]
    assert not process["good"] and f"{taken}: address already in use" in process["told"]
    assert taken in process["mend"]


def test_doctor_tells_one_trouble_once(exchange: Exchange, founded: Founded, home: Path) -> None:
    exchange("--home", home, "manifest", "accept", founded.manifest)
    config = home / "config.toml"
    config.write_text(config.read_text().replace("poll_seconds", "poll_secs"))
    findings = exchange("--home", home, "doctor", "--json").json["findings"]
    told = [finding["told"] for finding in findings if not finding["good"]]
    assert sum("exchange.poll_secs: there is no such field" in one for one in told) == 1
