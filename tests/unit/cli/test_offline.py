"""Commands that need no node: making a home, manifests, keys, the log's verification, policy's cases."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sqlite3
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from exchange_cli import drafting

from exchange_node.config import Home
from exchange_node.homes import log_origin, log_signer
from exchange_node.store.store import Store
from exchange_node.trust import certificates
from exchange_node.trust.join import parse_join_request
from exchange_node.trust.keys import HomeKeys, Rotating

from .conftest import RECORDS, Exchange, Founded

AGREEMENTS = Path(__file__).parents[3] / "deploy/examples/agreements"
CASES = Path(__file__).parents[3] / "tests/contract/policy_cases"


def test_init_makes_a_closed_home_with_an_administrator(founded: Founded) -> None:
    home = founded.homes["northgate-homes"]
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    for path in (*(home / "keys").glob("*.key"), home / "users/admin.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    pem = (home / "users/admin.pem").read_bytes()
    identity = certificates.verify_user(pem, HomeKeys.open(home).user_ca, certificates.certificate_validity(pem)[0] + 1)
    assert (identity.name, identity.role) == ("admin", "administrator")
    with sqlite3.connect(Home(home).database) as database:
        assert database.execute("select fingerprint from users").fetchall() == [(identity.fingerprint,)]
    database.close()
    assert parse_join_request((home / "join.json").read_bytes()).id == "northgate-homes"


def test_init_twice_changes_nothing(exchange: Exchange, founded: Founded) -> None:
    home = founded.homes["northgate-homes"]
    before = (home / "config.toml").read_bytes()
    told = exchange(
        "--home", home, "init", "--organisation", "castle-nhs", "--type", "health", "--address", "127.0.0.1:1",
        "--root", founded.root,
    )  # fmt: skip
    assert told.code == 7 and (home / "config.toml").read_bytes() == before


@pytest.mark.parametrize("there", [False, True])
def test_init_on_a_full_disk_leaves_what_was_there_and_nothing_more(
    exchange: Exchange, founded: Founded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    home = tmp_path / "home"
    if there:  # as the systemd unit wants it
        home.mkdir()
        (home / "people.csv").write_text("ref,last\n")
    real = Path.write_text
    words = (
        "--home", home, "init", "--organisation", "castle-nhs", "--type", "health", "--address", "127.0.0.1:1",
        "--root", founded.root, "--json",
    )  # fmt: skip

    def full(path: Path, *_: object, **__: object) -> int:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_text", full)
    told = exchange(*words)
    assert told.code == 6 and told.json["error"]["detail"] == f"{home / 'config.toml'}: No space left on device"
    assert [path.name for path in home.iterdir()] == ["people.csv"] if there else not home.exists()
    monkeypatch.setattr(Path, "write_text", real)
    assert exchange(*words).code == 0


@pytest.mark.parametrize(
    ("records", "code"), [(RECORDS, 0), ("[other]\na = 1\n", 4), (RECORDS.replace("surname", "shoe_size"), 4), ("=", 4)]
)
def test_init_takes_a_records_table_that_holds_or_makes_nothing(
    exchange: Exchange, founded: Founded, tmp_path: Path, records: str, code: int
) -> None:
    file, home = tmp_path / "records.toml", tmp_path / "home"
    file.write_text(records)
    told = exchange(
        "--home", home, "init", "--organisation", "castle-nhs", "--type", "health", "--address", "127.0.0.1:1",
        "--root", founded.root, "--records", file, "--json",
    )  # fmt: skip
    assert told.code == code and home.exists() == (code == 0)
    if code == 0:
        assert Home(home).load().records is not None
        assert told.json["fingerprint"] == parse_join_request((home / "join.json").read_bytes()).fingerprint


def test_a_manifest_needs_its_threshold(exchange: Exchange, founded: Founded, tmp_path: Path) -> None:
    draft, joins = tmp_path / "m.json", [home / "join.json" for home in founded.homes.values()]
    told = exchange("manifest", "draft", "--root", founded.root, *joins, "-o", draft, "--json")
    assert told.json["number"] == 1 and set(told.json["fingerprints"]) == set(founded.homes)
    assert exchange("manifest", "show", draft, "--json").json["manifest"]["number"] == 1
    signed = exchange("manifest", "sign", draft, "--key", founded.keys[0], "--json").json
    assert (signed["signatures"], signed["threshold"]) == (1, 2)
    assert exchange("manifest", "verify", draft, "--root", founded.root).code == 5
    exchange("manifest", "sign", draft, "--key", founded.keys[2])
    verified = exchange("manifest", "verify", draft, "--root", founded.root, "--json")
    assert verified.code == 0 and len(verified.json["digest"]) == 64


def test_only_a_root_signs(exchange: Exchange, founded: Founded, tmp_path: Path) -> None:
    stranger, copy = tmp_path / "stranger.key", tmp_path / "m.json"
    exchange("manifest", "keygen", "-o", stranger)
    shutil.copy(founded.manifest, copy)
    assert exchange("manifest", "sign", copy, "--key", stranger).code == 5
    assert copy.read_bytes() == founded.manifest.read_bytes()


def test_a_changed_manifest_does_not_verify(exchange: Exchange, founded: Founded, tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    envelope = json.loads(founded.manifest.read_bytes())
    envelope["signatures"][0]["sig"] = envelope["signatures"][1]["sig"]
    bad.write_text(json.dumps(envelope))
    assert exchange("manifest", "verify", bad, "--root", founded.root, "--json").json["error"]["kind"] == 5


def test_the_next_manifest_continues_suspends_and_removes(exchange: Exchange, founded: Founded, tmp_path: Path) -> None:
    following = tmp_path / "next.json"
    told = exchange(
        "manifest", "draft", "--root", founded.root, "--previous", founded.manifest, "--suspend", "neutral-linkage",
        "-o", following, "--json",
    )  # fmt: skip
    assert told.json["number"] == 2
    exchange("manifest", "sign", following, "--key", founded.keys[0], "--key", founded.keys[1])
    before = ("--root", founded.root, "--previous", founded.manifest)
    verified = exchange("manifest", "verify", following, *before, "--json")
    status = {org["id"]: org["status"] for org in verified.json["manifest"]["organisations"]}
    assert status == {"northgate-homes": "active", "neutral-linkage": "suspended"}
    told = exchange(
        "manifest", "draft", "--root", founded.root, "--previous", founded.manifest, "--remove", "nobody-here",
        "-o", tmp_path / "other.json",
    )  # fmt: skip
    assert told.code == 2 and not (tmp_path / "other.json").exists()


def test_a_draft_keeps_the_previous_policy_for_a_while(
    exchange: Exchange, founded: Founded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Members upgrade one after another; the older release's bundle ends by itself."""
    monkeypatch.setattr(drafting, "bundle_digest", lambda _: "f" * 64)
    monkeypatch.setattr(drafting, "open_bundle", lambda *_: SimpleNamespace(revision="2" * 40))

    def draft(previous: Path, *more: str) -> Path:
        out = tmp_path / f"{len(list(tmp_path.iterdir()))}.json"
        words = ("manifest", "draft", "--root", founded.root, "--previous", previous, "-o", out)
        assert exchange(*words, *more).code == 0
        assert exchange("manifest", "sign", out, "--key", founded.keys[0], "--key", founded.keys[1]).code == 0
        return out

    def bundles(path: Path) -> list[dict[str, str]]:
        found: list[dict[str, str]] = exchange("manifest", "show", path, "--json").json["manifest"]["policy_bundles"]
        return found

    (old,) = bundles(founded.manifest)
    assert [bundle["digest"] for bundle in bundles(draft(founded.manifest))] == ["f" * 64]
    kept = draft(founded.manifest, "--keep-bundles")
    new, older = bundles(kept)
    assert "until" not in new and older["digest"] == old["digest"]
    ends = datetime.fromisoformat(older["until"]) - datetime.now(UTC)
    assert timedelta(days=29) < ends <= timedelta(days=30)
    days = [
        bundle.get("until") for bundle in bundles(draft(founded.manifest, "--keep-bundles", "--until", "2099-01-31"))
    ]
    assert days == [None, "2099-02-01T00:00:00Z"]
    # Kept again it ends no later, unless a day is given.
    assert [bundle.get("until") for bundle in bundles(draft(kept, "--keep-bundles"))] == [None, older["until"]]
    longer = draft(kept, "--keep-bundles", "--until", "2099-01-31")
    assert [bundle.get("until") for bundle in bundles(longer)] == days


@pytest.mark.parametrize(
    "words",
    [
        ["--keep-bundles"],
        ["--previous", "--until", "2099-01-01"],
        ["--previous", "--keep-bundles", "--until", "2001-01-01"],
        ["--previous", "--keep-bundles", "--until", "01/02/2099"],
        ["--previous", "--keep-bundles", "--until", "2099-02-30"],
    ],
)
def test_a_draft_that_keeps_bundles_of_nothing_or_to_no_day_is_refused(
    exchange: Exchange, founded: Founded, tmp_path: Path, words: list[str]
) -> None:
    given = [part for word in words for part in ([word, founded.manifest] if word == "--previous" else [word])]
    told = exchange("manifest", "draft", "--root", founded.root, *given, "-o", tmp_path / "m.json")
    assert told.code == 2 and "--until" in told.err and not (tmp_path / "m.json").exists()


def test_keys_are_not_overwritten(exchange: Exchange, founded: Founded) -> None:
    before = founded.keys[0].read_bytes()
    assert exchange("manifest", "keygen", "-o", founded.keys[0]).code == 7
    assert founded.keys[0].read_bytes() == before


def test_a_manifest_goes_into_a_home_that_does_not_serve(exchange: Exchange, founded: Founded, home: Path) -> None:
    told = exchange("--home", home, "manifest", "accept", founded.manifest, "--json")
    assert told.code == 0 and set(told.json["members"]) == set(founded.homes)
    (home / "root.json").unlink()
    assert exchange("--home", home, "manifest", "accept", founded.manifest).code == 4


@pytest.mark.parametrize("kind", ["tls", "signing", "log"])
def test_a_key_changes_once_the_manifest_lists_it(
    exchange: Exchange, founded: Founded, home: Path, tmp_path: Path, kind: Rotating
) -> None:
    exchange("--home", home, "manifest", "accept", founded.manifest)
    keys = HomeKeys.open(home)
    before = (keys.tls_certificate, keys.signing.key_id, keys.log.key_id)
    assert exchange("--home", home, "key", "rotate", kind, "--promote").code == 8
    rotated = exchange("--home", home, "key", "rotate", kind, "--json")
    assert rotated.code == 0 and rotated.json["pending"] == keys.pending(kind)
    assert exchange("--home", home, "key", "rotate", kind).code == 7
    assert exchange("--home", home, "key", "rotate", kind, "--promote").code == 7
    following = tmp_path / "next.json"
    exchange(
        "manifest", "draft", "--root", founded.root, "--previous", founded.manifest, home / "join.json", "-o", following
    )
    exchange("manifest", "sign", following, "--key", founded.keys[0], "--key", founded.keys[1])
    assert exchange("--home", home, "manifest", "accept", following).code == 0
    assert exchange("--home", home, "key", "rotate", kind, "--promote").code == 0
    after = (keys.tls_certificate, keys.signing.key_id, keys.log.key_id)
    assert [old != new for old, new in zip(before, after, strict=True)].count(True) == 1
    retired = tmp_path / "third.json"
    exchange(
        "manifest",
        "draft",
        "--root",
        founded.root,
        "--previous",
        following,
        "--retire",
        "northgate-homes",
        "-o",
        retired,
    )
    member = exchange("manifest", "show", retired, "--json").json["manifest"]["organisations"][0]
    assert len(member["tls_certificates"]) == 1
    assert [key["id"] for key in member["signing_keys"] if "revoked_at" not in key] == [keys.signing.key_id]


def test_two_manifests_under_one_number_are_reported_by_log_and_doctor(
    exchange: Exchange, founded: Founded, home: Path, tmp_path: Path
) -> None:
    exchange("--home", home, "manifest", "accept", founded.manifest)
    other = tmp_path / "other.json"
    exchange("manifest", "draft", "--root", founded.root, founded.homes["northgate-homes"] / "join.json", "-o", other)
    exchange("manifest", "sign", other, "--key", founded.keys[0], "--key", founded.keys[1])
    told = exchange("--home", home, "manifest", "accept", other, "--json")
    assert (told.code, told.json["error"]["code"]) == (5, "trust.manifest-equivocates")
    (found,) = [f for f in exchange("--home", home, "doctor", "--json").json["findings"] if f["what"] == "manifest"]
    assert not found["good"] and "Two different manifests" in found["told"] and "evidence" in found["mend"]
    bundle = next(path for path in (home / "audit").rglob("*") if path.is_file() and "entries" in path.parts)
    assert exchange("--home", home, "audit", "verify", "--json").json["size"] == 2
    assert b'"manifest.accepted"' in bundle.read_bytes() and b'"trust.manifest-equivocates"' in bundle.read_bytes()


def _log(home: Path) -> None:
    """Three entries in the home's log."""
    from exchange_node.audit.entry import Entry, entry_id
    from exchange_node.audit.log import AuditLog

    org = "northgate-homes"
    with Store.open(f"sqlite:///{Home(home).database}") as store:
        signer = log_signer(HomeKeys.open(home), org)
        log = AuditLog.open(Home(home).audit, log_origin(org), signer, store.audit_index, fsync=False)
        names = [entry_id("", "", 0, "node", "", f"start.{n}") for n in range(3)]
        log.append([Entry(name, "fact", 1, 0, "", "node", "", "node.started") for name in names])
        log.close()


def test_a_node_does_not_start_with_an_empty_database_beside_an_old_log(
    exchange: Exchange, founded: Founded, home: Path
) -> None:
    """Whoever opted out would be forgotten."""
    exchange("--home", home, "manifest", "accept", founded.manifest)
    _log(home)
    findings = exchange("--home", home, "doctor", "--json").json["findings"]
    assert not [f for f in findings if f["what"] == "audit log" and not f["good"]]
    shutil.rmtree(home / "data")
    for command in (("manifest", "accept", founded.manifest), ("serve",), ("serve",)):
        told = exchange("--home", home, *command)
        assert told.code == 1 and "store.lost" in told.err and "4 entries in the log" in told.err
    findings = exchange("--home", home, "doctor", "--json").json["findings"]
    assert [f["told"] for f in findings if f["what"] == "audit log"][-1].startswith("The database is new")


def test_a_process_id_that_a_crash_left_behind_is_not_taken_for_the_node(
    exchange: Exchange, founded: Founded, home: Path
) -> None:
    exchange("--home", home, "manifest", "accept", founded.manifest)
    _log(home)
    (home / "serving.pid").write_text(f"{os.getpid()}\n")  # some process has it by now
    told = exchange("--home", home, "key", "rotate", "log", "--promote")
    assert told.code == 8 and "trust.no-rotation" in told.err
    with (home / "audit/.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert exchange("--home", home, "key", "rotate", "log", "--promote").code == 7


def test_without_root_keys_it_says_to_copy_them(exchange: Exchange, home: Path) -> None:
    (home / "root.json").unlink()
    told = exchange("--home", home, "serve")
    assert told.code == 4 and "config.no-root" in told.err and "Copy root.json there" in told.err
    findings = exchange("--home", home, "doctor", "--json").json["findings"]
    wrong = {finding["what"]: finding["mend"] for finding in findings if not finding["good"]}
    assert "manifest" not in wrong and wrong["policy"] == wrong["root.json"]


def test_a_signed_manifest_is_replaced_whole_or_not_at_all(
    exchange: Exchange, founded: Founded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "manifest.json"
    shutil.copy(founded.manifest, file)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert exchange("manifest", "sign", file, "--key", founded.keys[2]).code == 6
    assert file.read_bytes() == founded.manifest.read_bytes()
    assert exchange("manifest", "keygen", "-o", tmp_path / "new.key").code == 6
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


def test_a_folder_without_a_log_is_no_forgery(exchange: Exchange, home: Path, tmp_path: Path) -> None:
    for words in (["audit", "verify", tmp_path / "none", "--key", "k"], ["--home", home, "audit", "verify"]):
        told = exchange(*words, "--json")
        assert told.code == 8 and told.json["error"]["code"] == "cli.no-log"


def test_audit_verifies_on_bytes_alone(exchange: Exchange, founded: Founded, home: Path, tmp_path: Path) -> None:
    _log(home)
    vkey = exchange("--home", home, "audit", "key").out.strip()
    assert exchange("--home", home, "audit", "verify", "--json").json["size"] == 3
    copy = Path(shutil.copytree(home / "audit", tmp_path / "copy"))
    told = exchange("audit", "verify", copy, "--key", vkey)
    assert told.code == 0 and "3 entries (3 facts)" in told.out
    assert exchange("audit", "verify", copy).code == 2
    bundle = next(path for path in copy.rglob("*") if path.is_file() and "entries" in path.parts)
    bundle.write_bytes(bundle.read_bytes().replace(b"node.started", b"node.stopped"))
    told = exchange("audit", "verify", copy, "--key", vkey, "--json")
    assert told.code == 5 and told.json["error"]["code"].startswith("audit.")


def test_policy_runs_an_officers_cases(exchange: Exchange, tmp_path: Path) -> None:
    file = sorted(CASES.glob("tax-connections*.yaml"))[0]
    told = exchange("policy", "test", file, "--agreements", AGREEMENTS, "--json")
    assert told.code == 0 and told.json["failed"] == 0 and len(told.json["cases"]) > 3
    changed = tmp_path / "changed.yaml"
    changed.write_text(file.read_text().replace("allow: false", "allow: true", 1))
    told = exchange("policy", "test", changed, "--agreements", AGREEMENTS)
    assert told.code == 1 and "allow: expected True, got False" in told.out


def test_an_agreement_file_is_shown_without_a_node(exchange: Exchange) -> None:
    assert "cli.cannot-read" in exchange("agreement", "show", "no-such-file.yaml").err
    file = AGREEMENTS / "asthma-mould.yaml"
    told = exchange("agreement", "show", file)
    assert told.code == 0 and "repair_priority" in told.out and "northgate-homes" in told.out
    assert exchange("agreement", "show", file, "--json").json["text"]["id"] == "asthma-mould"


def test_a_threshold_that_nobody_can_reach_is_named(exchange: Exchange, founded: Founded, tmp_path: Path) -> None:
    key = f"{founded.keys[0]}.pub"
    told = exchange("manifest", "root", "--federation", "fairshire", key, "-o", tmp_path / "root.json")
    assert told.code == 2 and "--threshold: 2 of 1 key cannot sign" in told.err
    assert not (tmp_path / "root.json").exists()


def test_a_damaged_key_file_is_named_and_stays_unread(exchange: Exchange, home: Path) -> None:
    (home / "keys/signing.key").write_text("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n")
    told = exchange("--home", home, "serve")
    assert told.code == 4 and "keys/signing.key" in told.err.replace("\n", "") and "trust.bad-key-file" in told.err
    assert "c2VjcmV0" not in told.err
