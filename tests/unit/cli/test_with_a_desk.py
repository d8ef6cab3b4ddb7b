"""Commands that speak to a node: what they send, and how they show what comes back."""

from __future__ import annotations

import io
import json
import os
import stat
import tomllib
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from exchange_cli import output
from rich.console import Console

from exchange_node.audit.entry import Entry, entry_id
from exchange_node.draft import parse_draft
from exchange_node.rpc.desk_client import RemoteError
from exchange_node.trust import certificates

from .conftest import REQUEST, Exchange, FakeDesk

CANARY = "P-canary-4711"
FLAGS = [
    "--agreement", "asthma-mould", "--purpose", "damp-repair-prioritisation", "--provider", "castle-nhs",
    "--attribute", "repair_priority", "--cohort", "damp_reported = yes",
]  # fmt: skip
REASON = {
    "code": "prohibition.crca-s18",
    "statute": "CRCA 2005 s18",
    "condition": "a gateway",
    "sentence": "Revenue information may not be disclosed.",
    "mend": "A named gateway, or the person's consent [in writing].",
}
DECISION: dict[str, Any] = {
    "allow": False,
    "reasons": [REASON],
    "attributes": {
        "repair_priority": {"effect": "deny", "transform": "none", "basis": [], "gateway": "", "reasons": []}
    },
}


def leg(**changes: Any) -> dict[str, Any]:
    return {
        "provider": "castle-nhs", "step": 3, "step_words": "waiting for the answer", "state": "active", "outcome": "",
        "reasons": [], "next_at": "2026-11-24T06:00:00Z", "attempts": 4, "results": False,
        "last_error": {"code": "peer.unavailable", "sentence": "The other node cannot be reached now.", "mend": ""},
    } | changes  # fmt: skip


def status(state: str = "open", **changes: Any) -> dict[str, Any]:
    return {
        "request": REQUEST, "role": "requester", "requester": "northgate-homes", "providers": ["castle-nhs"],
        "agreement": "asthma-mould", "purpose": "damp-repair-prioritisation", "state": state, "reason": "",
        "analyst": "ann", "created_at": "2026-11-24T06:00:00Z", "deadline": "2026-11-27T06:00:00Z",
        "finished_at": None, "waiting_for_approval": False, "legs": [leg()],
    } | changes  # fmt: skip


def test_new_writes_what_submit_reads(exchange: Exchange, desk: FakeDesk, tmp_path: Path) -> None:
    file = tmp_path / "q.yaml"
    assert exchange("request", "new", *FLAGS, "--assert", "necessary:officer:MIN-1", "-o", file).code == 0
    draft = parse_draft(file.read_bytes())
    assert draft.cohort.condition == "damp_reported = yes" and draft.assertions[0].ref == "MIN-1"
    assert file.read_text().count("\n#") > 5
    desk.answers["SubmitRequest"] = {"request": REQUEST, "cohort": 3, "given": None, "deadline": "x"}
    assert exchange("request", "submit", file, "--json").json["request"] == REQUEST
    assert exchange("request", "submit", *FLAGS, "--assert", "necessary:officer:MIN-1", "--json").code == 0
    assert desk.calls[0] == desk.calls[1]
    assert exchange("request", "new", *FLAGS, "-o", file).code == 7
    assert exchange("request", "submit", file, *FLAGS).code == 2


@pytest.mark.parametrize("text", ["", "a: [", "agreement: x", "x" * 2_000_000, "a: &a [*a]", "\x00"])
def test_a_bad_request_file_ends_with_4(exchange: Exchange, desk: FakeDesk, tmp_path: Path, text: str) -> None:
    file = tmp_path / "q.yaml"
    file.write_text(text)
    assert exchange("request", "submit", file).code == 4 and not desk.calls


@pytest.mark.parametrize("text", ["T1\nT2\nT1\n\n", "tenancy,area\nT1,N\nT2,S\n", "tenancy\nT1\nT2\n"])
def test_the_ids_of_a_cohort_file_are_sent_and_the_file_is_not(
    exchange: Exchange, desk: FakeDesk, tmp_path: Path, text: str
) -> None:
    (tmp_path / "ids.csv").write_text(text)
    question = yaml.safe_load(
        "{agreement: a1, purpose: p1, providers: [castle-nhs], attributes: {castle-nhs: [x1]}, cohort: {file: ids.csv}}"
    )
    (tmp_path / "q.yaml").write_text(yaml.safe_dump(question))
    desk.answers["NodeStatus"] = {"id_column": "tenancy"}
    desk.answers["SubmitRequest"] = {"request": REQUEST, "cohort": 1, "given": 2, "deadline": "x"}
    told = exchange("request", "submit", tmp_path / "q.yaml")
    assert desk.calls[-1][1]["draft"]["cohort"] == {"ids": ["T1", "T2"]}
    assert "1 person of the 2 ids given" in told.out and "T1" not in told.out + told.err


def test_a_refused_question_is_a_plain_table_and_exit_3(exchange: Exchange, desk: FakeDesk) -> None:
    error = RemoteError(
        {"code": "request.refused", "kind": 3, "sentence": "Policy does not allow this question.", "mend": "",
         "request": REQUEST, "decisions": [DECISION]}
    )  # fmt: skip
    desk.answers["SubmitRequest"] = error
    told = exchange("request", "submit", *FLAGS)
    assert told.code == 3
    for part in (REASON["sentence"], REASON["statute"], "[in writing]", REASON["code"], REQUEST):
        assert part in told.out
    as_json = exchange("request", "submit", *FLAGS, "--json")
    assert as_json.code == 3 and as_json.json["error"]["reasons"] == [REASON]


@pytest.mark.parametrize(("state", "code"), [("done", 0), ("refused", 3), ("failed", 1), ("expired", 1)])
def test_waiting_ends_as_the_request_ends(exchange: Exchange, desk: FakeDesk, state: str, code: int) -> None:
    desk.answers["SubmitRequest"] = {"request": REQUEST, "cohort": 3, "given": None, "deadline": "x"}
    ended = leg(state="ended", outcome=state, reasons=[REASON] if state == "refused" else [])
    desk.answers["WatchRequest"] = [status(), status(state, legs=[ended])]
    told = exchange("request", "submit", *FLAGS, "--wait", "--json")
    assert (told.code, told.json["state"]) == (code, state)
    drawn = exchange("request", "watch", REQUEST)
    assert drawn.code == code and state in drawn.out
    assert (REASON["statute"] in drawn.out) == (state == "refused")


def test_status_and_lists(exchange: Exchange, desk: FakeDesk) -> None:
    desk.answers |= {"ShowRequest": status(), "ListRequests": {"requests": [status(), status()]}}
    told = exchange("request", "status", REQUEST)
    assert "cannot be reached now. (tried 4 times)" in told.out and "2026-11-24T06:00:00Z" in told.out
    assert len(exchange("request", "list", "--json").json["requests"]) == 2
    assert exchange("request", "list", "--waiting", "--json").json["requests"] == []
    desk.answers["CancelRequest"] = status("open")
    assert exchange("request", "cancel", REQUEST, "--json").json["request"] == REQUEST


def test_approving_and_refusing(exchange: Exchange, desk: FakeDesk) -> None:
    desk.answers["ApproveRequest"] = status()
    assert exchange("approve", REQUEST, "--json").code == 0
    assert exchange("approve", REQUEST, "--refuse", "--reason", "no DPIA").code == 0
    assert [body["decision"] for _, body in desk.calls] == ["approve", "refuse"]
    desk.answers["ApproveRequest"] = status(role="provider")
    told = exchange("approve", REQUEST).out
    assert f"{REQUEST}: approved." in told and "northgate-homes hears of it when it asks next" in told
    assert f"{REQUEST}: refused." in exchange("approve", REQUEST, "--refuse", "--reason", "no DPIA").out
    desk.answers["ApproveRequest"] = status()
    assert "hears of it" not in exchange("approve", REQUEST).out


def results() -> bytes:
    hexes = dict.fromkeys(("request_digest", "agreement_digest", "bundle_digest", "release_digest"), "0" * 64)
    provenance = hexes | {
        "request_id": REQUEST, "requester": "northgate-homes", "purpose": "p1", "provider": "castle-nhs",
        "agreement_id": "a1", "agreement_version": "1", "agreement_title": "t", "decision_engine": "embedded",
        "method": "clk-linkage-unit", "method_version": "1", "release_signature": "s", "release_key_id": "k",
        "log_origin": "o", "log_checkpoint": "c", "log_inclusion": "i", "exported_by": "ann", "exported_at": 1,
        "retention": "r", "onward": "none", "obligations": ["r"], "decision_id": None, "input_digest": None,
    }  # fmt: skip
    columns = [
        {"name": "repair_priority", "transform": "repair_priority", "type": "code", "values": ["high", "normal"],
         "description": "d"},
        {"name": "seen_on", "transform": "exact", "type": "date", "description": "d"},
    ]  # fmt: skip
    keys, released = ["T1", "=T2", "T3"], [[1, ["high", "2026-01-31"]]]
    return json.dumps({"keys": keys, "released": released, "columns": columns, "provenance": provenance}).encode()


def test_results_are_csv_parquet_and_provenance(exchange: Exchange, desk: FakeDesk, tmp_path: Path) -> None:
    done = leg(state="ended", outcome="done", results=True)
    desk.answers |= {"ShowRequest": status("done", legs=[done]), "FetchResults": results()}
    told = exchange("request", "results", REQUEST, "--out", tmp_path / "out", "--json")
    assert told.code == 0 and told.json["results"][0]["rows"] == 3 and told.json["results"][0]["with_values"] == 1
    csv, parquet, facts = (Path(path) for path in told.json["results"][0]["files"])
    assert csv.read_text().splitlines()[2] == "'=T2,high,2026-01-31"
    assert str(pq.read_table(parquet).column("seen_on")[1].as_py()) == "2026-01-31"
    assert json.loads(facts.read_text())["request"]["id"] == REQUEST
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in (csv, parquet, facts))
    assert exchange("request", "results", REQUEST, "--out", tmp_path / "out").code == 7
    assert exchange("request", "results", REQUEST, "--out", tmp_path / "out", "--overwrite").code == 0


def test_policy_check_tells_each_attribute(exchange: Exchange, desk: FakeDesk, tmp_path: Path) -> None:
    exchange("request", "new", *FLAGS, "-o", tmp_path / "q.yaml")
    body = {"agreement": "asthma-mould", "version": 1, "cohort": 3, "deadline": "x", "allow": False}
    desk.answers["CheckRequest"] = {**body, "legs": [{"provider": "castle-nhs", "decision": DECISION}]}
    told = exchange("policy", "check", tmp_path / "q.yaml")
    assert told.code == 3 and "repair_priority" in told.out and REASON["mend"] in told.out
    assert exchange("policy", "check", tmp_path / "q.yaml", "--json").json["allow"] is False
    explained = [{"leg": "castle-nhs", "step": 8, "people": 5, "allow": False, "reasons": [], "explained": ["Denied."]}]
    desk.answers["ExplainDecision"] = {"request": REQUEST, "decisions": explained}
    assert "5 people" in exchange("policy", "explain", REQUEST).out
    assert exchange("policy", "explain", REQUEST, "--json").json["decisions"] == explained


def test_equal_decisions_about_many_classes_are_told_once(exchange: Exchange, desk: FakeDesk) -> None:
    def decided(people: int | None, step: int, *words: str) -> dict[str, Any]:
        told = [*words, f"Decided by embedded, decision {people}"]
        return {"leg": "castle-nhs", "step": step, "people": people, "allow": False, "reasons": [], "explained": told}

    decisions = [
        decided(None, 3, "The question is allowed."),
        decided(5, 8, "Denied.", "Opted out."),
        decided(1, 8, "Denied.", "No consent."),
        decided(7, 8, "Denied.", "Opted out."),
    ]
    desk.answers["ExplainDecision"] = {"request": REQUEST, "decisions": decisions}
    told = exchange("policy", "explain", REQUEST).out
    assert told.count("Opted out.") == 1 and "12 people" in told and "1 more decision " in told
    assert "castle-nhs, step 8, 1 person\n" in told and "castle-nhs, step 3\n" in told
    assert exchange("policy", "explain", REQUEST, "--json").json["decisions"] == decisions


def added(body: dict[str, Any]) -> dict[str, Any]:
    bad = [{"line": row["line"], "rule": "local_id: nobody"} for row in body["rows"] if row["local_id"] == CANARY]
    count = 0 if bad or body["dry_run"] else len(body["rows"])
    return {"rows": len(body["rows"]), "added": count, "known": 0, "problems": bad, "choices": []}


def test_importing_choices_is_all_or_nothing(
    exchange: Exchange, desk: FakeDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.answers["AddChoices"] = added
    file = tmp_path / "c.csv"
    lines = ["local_id,kind,scope,purposes,valid_from,valid_to,ref", "P1,consent,a1;b2,repairs,2026-01-01,,box 3"]
    file.write_text("\n".join([*lines, f"{CANARY},opt-out,,,,,"]))
    told = exchange("choice", "import", file)
    assert told.code == 4 and "nothing was recorded" in told.out and CANARY not in told.out + told.err
    assert exchange("choice", "import", file, "--json").json["problems"][0]["line"] == 3
    file.write_text("\n".join(lines))
    assert exchange("choice", "import", file, "--dry-run", "--json").json["added"] == 0
    assert exchange("choice", "import", file, "--json").json["added"] == 1
    row = desk.calls[-1][1]["rows"][0]
    assert row == {"line": 2, "local_id": "P1", "kind": "consent", "scope": ["a1", "b2"], "purposes": ["repairs"],
                   "valid_from": "2026-01-01", "ref": "box 3"}  # fmt: skip
    # A file of several calls: the bad row in the second call keeps the first out as well.
    monkeypatch.setattr("exchange_cli.choices.CHUNK", 100)
    file.write_text("\n".join([*lines, *lines[1:], f"{CANARY},opt-out,,,,,"]))
    desk.calls.clear()
    assert exchange("choice", "import", file).code == 4
    assert len(desk.calls) > 1 and all(body["dry_run"] for _, body in desk.calls)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "local_id\n",
        "local_id,kind,shoe\nP-canary-4711,consent,9\n",
        "local_id,kind\nP-canary-4711\n",
        "local_id,kind\n",
    ],
)
def test_a_bad_choice_file_is_refused_by_line(exchange: Exchange, desk: FakeDesk, tmp_path: Path, text: str) -> None:
    file = tmp_path / "c.csv"
    file.write_text(text)
    told = exchange("choice", "import", file)
    assert told.code == 4 and not desk.calls and CANARY not in told.out + told.err


def test_choices_that_count_for_nothing_are_told_by_rule(exchange: Exchange, desk: FakeDesk) -> None:
    note: dict[str, Any] = {"rule": "scope: an organisation that nobody knows", "rows": 1, "line": 1}
    desk.answers["AddChoices"] = lambda body: added(body) | {"notes": [note]}
    words = ("choice", "add", "--local-id", "P1", "--kind", "opt-out", "--scope", "casle-nhs")
    told = exchange(*words)
    assert told.code == 0 and "counts for nothing" in told.out and note["rule"] in told.out
    assert exchange(*words, "--json").json["notes"] == [note]


def test_single_choices(exchange: Exchange, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.answers |= {"AddChoices": added, "WithdrawChoice": {"withdrawn": [REQUEST], "at": "x"}}
    told = exchange("choice", "add", "--local-id", "P1", "--kind", "opt-out", "--json")
    assert told.code == 0 and desk.calls[-1][1]["rows"][0]["local_id"] == "P1"
    monkeypatch.setattr("sys.stdin", io.StringIO("P2\n"))
    assert exchange("choice", "add", "--local-id", "-", "--kind", "opt-out").code == 0
    assert desk.calls[-1][1]["rows"][0]["local_id"] == "P2"
    assert exchange("choice", "withdraw", REQUEST, "--json").code == 0
    assert exchange("choice", "withdraw", "--local-id", "P1", "--kind", "consent").code == 0
    assert desk.calls[-1][1] == {"local_id": "P1", "kind": "consent", "scope": []}
    choice: dict[str, Any] = {
        "id": REQUEST, "person": "0" * 32, "kind": "consent", "scope": [], "purposes": [],
        "valid_from": "2026-01-01T00:00:00Z", "withdrawn_at": None,
    }  # fmt: skip
    desk.answers["ListChoices"] = {"choices": [choice]}
    assert REQUEST in exchange("choice", "list").out
    assert exchange("choice", "list", "--local-id", "P1", "--json").json["choices"] == [choice]


def test_user_add_sends_the_public_half_alone(exchange: Exchange, desk: FakeDesk, tmp_path: Path) -> None:
    desk.answers["AddUser"] = {
        "user": {"name": "ann", "role": "analyst"}, "certificate": "PEM", "node_certificate": "NODE",
        "organisation": "northgate-homes", "address": "127.0.0.1:7401",
    }  # fmt: skip
    out = tmp_path / "ann"
    assert exchange("user", "add", "ann", "--role", "analyst", "--out", out, "--json").code == 0
    sent = desk.calls[0][1]["public_key"]
    key = certificates.key_from_pem((out / "user.key").read_bytes())
    assert load_pem_public_key(sent.encode()) == key.public_key() and "PRIVATE" not in sent
    assert stat.S_IMODE((out / "user.key").stat().st_mode) == 0o600 and stat.S_IMODE(out.stat().st_mode) == 0o700
    client = tomllib.loads((out / "client.toml").read_text())
    assert client == {"organisation": "northgate-homes", "address": "127.0.0.1:7401", "user": "ann"}
    told = exchange("--home", tmp_path, "user", "add", "olga", "--role", "officer")
    assert f"Try it: exchange --home {tmp_path} --user olga request list" in told.out
    assert exchange("user", "add", "ann", "--role", "analyst", "--out", out).code == 7
    user = {"name": "ann", "role": "analyst", "not_after": "x", "revoked_at": None, "fingerprint": "0" * 64}
    desk.answers |= {"ListUsers": {"users": [user]}, "RevokeUser": {"name": "ann", "revoked": 1}}
    assert exchange("user", "list", "--json").json == {"users": [user]}
    assert "ann" in exchange("user", "list").out
    assert exchange("user", "revoke", "ann", "--json").json["revoked"] == 1


@pytest.mark.parametrize("out", ["no/such/../place", "ann"])
def test_no_certificate_is_issued_whose_key_cannot_be_kept(
    exchange: Exchange, desk: FakeDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str
) -> None:
    if out == "ann":
        monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    else:
        (tmp_path / "no").write_text("a file, and no folder")
    told = exchange("user", "add", "ann", "--role", "analyst", "--out", tmp_path / out)
    assert told.code == 6 and "cli.cannot-write" in told.err and not desk.calls
    assert not (tmp_path / "ann").exists()


def test_a_user_whom_the_node_refuses_leaves_no_folder(exchange: Exchange, desk: FakeDesk, tmp_path: Path) -> None:
    refused = {"code": "desk.other-role", "kind": 7, "sentence": "Another role.", "mend": "Another login."}
    desk.answers["AddUser"] = RemoteError(refused)
    assert exchange("user", "add", "ann", "--role", "officer", "--out", tmp_path / "ann").code == 7
    assert not (tmp_path / "ann").exists()


def test_an_id_can_be_copied_from_a_narrow_terminal(
    exchange: Exchange, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = {"request": REQUEST, "role": "requester", "requester": "northgate-homes", "providers": ["castle-nhs"],
            "agreement": "asthma-mould", "purpose": "damp-repair-prioritisation", "state": "done",
            "waiting_for_approval": False, "created_at": "2026-06-01T00:00:00Z"}  # fmt: skip
    desk.answers["ListRequests"] = {"requests": [line]}
    monkeypatch.setattr(output, "out", lambda: Console(markup=False, force_terminal=True, width=60))
    told = exchange("request", "list").out
    assert f"Request    {REQUEST}\n" in told and "State      done\n" in told and "┃" not in told


AGREEMENT = {
    "id": "a1", "version": 1, "title": "T", "status": "active", "digest": "0" * 64, "signed_by": ["northgate-homes"],
    "missing": ["castle-nhs"], "in_force": False, "valid_to": "2027-01-01", "reminders": ["ends soon"], "envelope": "E",
    "cautions": ["flow f: gateways: this release does not know s116."],
}  # fmt: skip


def test_agreements_go_from_party_to_party(exchange: Exchange, desk: FakeDesk, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("id: a1")
    desk.answers |= {"SignAgreement": AGREEMENT, "ListAgreements": {"agreements": [AGREEMENT]}}
    told = exchange("agreement", "sign", tmp_path / "a.yaml", "--out", tmp_path / "a.json")
    assert "Look twice: flow f: gateways: this release does not know s116." in told.out
    assert "Yet to sign: castle-nhs" in told.out and (tmp_path / "a.json").read_text() == "E"
    assert exchange("agreement", "load", tmp_path / "a.json", "--json").json["in_force"] is False
    assert [body["sign"] for _, body in desk.calls] == [True, False]
    told = exchange("agreement", "list")
    assert "waiting for signatures of castle-nhs" in told.out and "active" not in told.out and "ends soon" in told.out
    signed = AGREEMENT | {"in_force": True, "missing": [], "signed_by": ["northgate-homes", "castle-nhs"]}
    desk.answers |= {"SignAgreement": signed, "ListAgreements": {"agreements": [signed]}}
    told = exchange("agreement", "list")
    assert "active" in told.out and "waiting" not in told.out
    told = exchange("agreement", "sign", tmp_path / "a.json", "--out", tmp_path / "a2.json")
    assert "next party" not in told.out and f"Send {tmp_path / 'a2.json'} to the other parties." in told.out
    assert exchange("agreement", "sign", tmp_path / "none.yaml").code == 8


def story(org: str, digest: str) -> dict[str, Any]:
    peer = "castle-nhs" if org == "northgate-homes" else "northgate-homes"
    role = "requester" if org == "northgate-homes" else "provider"
    name = entry_id(REQUEST, "castle-nhs", 3, role, peer, "SubmitRequest")
    facts = {"request": "1" * 64, "message": digest}
    entry = Entry(name, "fact", 1, 3, REQUEST, role, peer, "submit-request.received", facts)
    admission = {"people_encoded": 321, "encoded": 500, "thin": 1, "left_out": {}, "unreadable": 0}
    release = {"linked": 5, "rows": 3, "people_released": 3, "people_denied": 2, "reasons": {"choice.opt-out": 4}}
    opened = {"admission": admission, "story": release | {"precision_bp": 9959}}
    lines = [{"text": "It was so.", "opened": opened}]
    return {
        "request": REQUEST, "organisation": org, "log": {}, "checkpoint": "c", "lines": lines,
        "entries": [{"index": 0, "entry": json.loads(entry.encode())}],
    }  # fmt: skip


def test_stories_are_told_exported_and_compared(exchange: Exchange, desk: FakeDesk, tmp_path: Path) -> None:
    desk.answers["ShowAudit"] = story("castle-nhs", "a" * 64)
    theirs = tmp_path / "theirs.json"
    told = exchange("audit", "show", REQUEST, "--export", theirs)
    for line in (
        "people encoded: 321", "rows sent, filled up to a size class: 500", "people linked: 5",
        "people with a released value: 3", "people linked, nothing released: 2",
        "values held back, by each of their reasons: choice.opt-out: 4", "estimated precision: 99.59 %",
    ):  # fmt: skip
        assert line in told.out
    assert "opt-out" not in theirs.read_text() and "lines" not in json.loads(theirs.read_text())
    desk.answers["ShowAudit"] = story("northgate-homes", "a" * 64)
    told = exchange("audit", "show", REQUEST, "--compare", theirs)
    assert told.code == 0 and "The two logs agree." in told.out
    desk.answers["ShowAudit"] = story("northgate-homes", "b" * 64)
    told = exchange("audit", "show", REQUEST, "--compare", theirs, "--json")
    assert told.code == 5 and [found["name"] for found in told.json["differences"]] == ["message"]
    theirs.write_text("[]")
    assert exchange("audit", "show", REQUEST, "--compare", theirs).code == 4


def test_a_piped_table_is_not_cut_and_brackets_stay(exchange: Exchange, desk: FakeDesk) -> None:
    long = "[red]" + "x" * 150
    desk.answers["ListRequests"] = {"requests": [status(purpose=long)]}
    told = exchange("request", "list").out
    assert "[red]" in told and "…" not in told and told.count("x") >= 150
