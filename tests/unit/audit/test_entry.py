from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from exchange_node.audit.canonical import canonical
from exchange_node.audit.entry import Entry, commit, commitment_salt, entry_id, open_commitment
from exchange_node.audit.errors import AuditError
from exchange_node.audit.tiles import decode_bundle, encode_bundle, parse_path, split_hashes

REQUEST = "0123456789abcdef" * 2
ID = entry_id(REQUEST, "castle-nhs", 8, "provider", "northgate-homes", "release.intent")
ENTRY = Entry(
    ID, "intent", 1_790_000_000, 8, REQUEST, "provider", "northgate-homes", "decision.release",
    {"bundle_digest": "a" * 64, "codes": ["consent"], "done": True}, {"reasons": "b" * 64},
)  # fmt: skip


def test_an_entry_comes_back() -> None:
    assert f"{REQUEST}/castle-nhs/8/provider/northgate-homes/release.intent" == ID
    assert Entry.decode(ENTRY.encode()) == ENTRY
    assert ENTRY.leg == "castle-nhs"
    assert ENTRY.encode() == json.dumps(json.loads(ENTRY.encode()), sort_keys=True, separators=(",", ":")).encode()


def test_the_nodes_own_matters_have_no_request() -> None:
    name = entry_id("", "", 0, "node", "", "started-1")
    assert name == "-/-/0/node/-/started-1"
    entry = Entry(name, "fact", 1, 0, "", "node", "", "node.started")
    assert Entry.decode(entry.encode()) == entry
    assert entry.leg == ""


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", ""),
        ("id", "no"),
        ("id", ID.replace("/8/", "/7/")),
        ("id", ID.replace("castle-nhs", "Castle")),
        ("id", ID + "/x"),
        ("id", ID + " x"),
        ("kind", "guess"),
        ("at", -1),
        ("at", 1.5),
        ("at", True),
        ("step", 11),
        ("step", 8.0),
        ("request", REQUEST.upper()),
        ("role", "analyst"),
        ("peer", "castle-nhs"),
        ("peer", None),
        ("action", "Decision Release"),
        ("facts", {"Bad Name": 1}),
        ("commitments", {"reasons": "B" * 64}),
        ("commitments", {"reasons": "b" * 63}),
    ],
)
def test_entries_that_cannot_be(field: str, value: Any) -> None:
    with pytest.raises(AuditError, match=rf"audit\.malformed-entry.*\((id|leg|part|{field})\b"):
        replace(ENTRY, **{field: value})


@pytest.mark.parametrize("value", [1.5, None, 2**53, {"a": None}, [0.0], {1: 2}, b"x", "\ud800", float("nan")])
def test_facts_that_cannot_be(value: Any) -> None:
    with pytest.raises(AuditError, match=r"audit\.malformed-entry"):
        replace(ENTRY, facts={"fact": value}).encode()


def test_an_error_never_shows_the_value() -> None:
    wrong: list[dict[str, Any]] = [{"Ada Lovelace": 1}, {"fact": 18151210.5}, {"fact": {"Ada Lovelace": None}}]
    for facts in wrong:
        with pytest.raises(AuditError) as caught:
            replace(ENTRY, facts=facts).encode()
        assert "Ada" not in str(caught.value)
        assert "1815" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data + b"\n",
        lambda data: b" " + data,
        lambda data: data.replace(b'"at":', b'"at": '),
        lambda data: data.replace(b'"v":1', b'"v":2'),
        lambda data: data.replace(b'"v":1', b'"v":true'),
        lambda data: data.replace(b'"v":1', b'"v":1,"w":1'),
        lambda data: data.replace(b',"v":1', b""),
        lambda data: data.replace(b'"step":8', b'"step":8.0'),
        lambda data: data.replace(b'"step":8', b'"step":"8"'),
        lambda data: data.replace(b'"kind":"intent"', b'"kind":"intent","kind":"intent"'),
        lambda data: data.replace(b"consent", b"cons\\u0065nt"),
        lambda data: data.replace(b"{", b"[", 1),
        lambda data: b"",
        lambda data: b"null",
        lambda data: b"7",
        lambda data: b" " * 65_536,
    ],
)
def test_only_one_encoding_is_read(change: Any) -> None:
    changed = change(ENTRY.encode())
    assert changed != ENTRY.encode()
    with pytest.raises(AuditError, match=r"audit\.malformed-entry"):
        Entry.decode(changed)


def test_the_largest_entry() -> None:
    spare = 65_535 - len(replace(ENTRY, facts={"text": ""}).encode())
    full = replace(ENTRY, facts={"text": "x" * spare})
    assert len(full.encode()) == 65_535
    assert decode_bundle(encode_bundle([full.encode()]), 1) == [full.encode()]
    with pytest.raises(AuditError, match=r"audit\.too-large"):
        replace(ENTRY, facts={"text": "x" * (spare + 1)}).encode()
    with pytest.raises(AuditError, match=r"audit\.too-large"):
        encode_bundle([b"x" * 65_536])


def test_the_same_story_at_another_time() -> None:
    assert ENTRY.says_the_same(replace(ENTRY, at=5))
    for other in (
        replace(ENTRY, kind="fact"), replace(ENTRY, action="release.fixed"), replace(ENTRY, facts={}),
        replace(ENTRY, commitments={}),
    ):  # fmt: skip
        assert not ENTRY.says_the_same(other)
    assert not ENTRY.says_the_same(replace(ENTRY, facts={**ENTRY.facts, "done": 1}))  # 1 is not true


def test_a_caller_who_reuses_a_dictionary_changes_nothing() -> None:
    facts: dict[str, Any] = {"count": 1}
    entry = replace(ENTRY, facts=facts)
    facts["count"] = 2
    assert entry.facts["count"] == 1
    with pytest.raises(TypeError):
        entry.facts["count"] = 3  # type: ignore[index]


def test_canonical_json_sorts_by_utf16() -> None:
    """The order of RFC 8785, which is not that of code points: U+1F600 comes before U+FB33."""
    assert canonical({"\ufb33": 1, "\U0001f600": 2, "1": 3}) == '{"1":3,"\U0001f600":2,"\ufb33":1}'.encode()
    assert canonical(['\x00\x1f\n"\\\x7f/']) == b'["\\u0000\\u001f\\n\\"\\\\\x7f/"]'
    with pytest.raises(AuditError, match=r"audit\.malformed-entry"):
        nested: list[Any] = []
        for _ in range(20):
            nested = [nested]
        canonical(nested)


def test_commitments() -> None:
    salt = bytes(range(32))
    commitment = commit({"linked": 12, "released": 7}, salt)
    assert commitment == hashlib.sha256(salt + b'{"linked":12,"released":7}').hexdigest()
    open_commitment(commitment, {"released": 7, "linked": 12}, salt)
    for value, other in (({"linked": 12, "released": 8}, salt), ({"linked": 12, "released": 7}, bytes(32))):
        with pytest.raises(AuditError, match=r"audit\.commitment-mismatch"):
            open_commitment(commitment, value, other)
    with pytest.raises(AuditError, match=r"audit\.malformed-entry"):
        commit(1, b"short")


def test_salts_come_back_and_differ() -> None:
    key = b"\x05" * 32
    salts = {commitment_salt(key, name, what) for name in (ID, ID + "x") for what in ("reasons", "counts")}
    salts.add(commitment_salt(b"\x06" * 32, ID, "reasons"))
    assert len(salts) == 5
    assert commitment_salt(key, ID, "reasons") in salts
    with pytest.raises(AuditError, match=r"audit\.malformed-entry"):
        commitment_salt(b"short", ID, "reasons")


BROKEN_PATHS = (
    "checkpoint /tile/0/000 tile/0/000/ tile/0/0 tile/0/0000 tile/00/000 tile/64/000 tile/-1/000 "
    "tile/data/000 tile/entry/000 tile/0/x000 tile/0/x000/000 tile/0/x000/x001/000 tile/0/001/000 "
    "tile/0/X001/000 tile/0/٠٠٠ tile/0/000.p tile/0/000.p/0 tile/0/000.p/256 tile/0/000.p/01 "
    "tile/0/000.p/1/2"
)


@pytest.mark.parametrize("path", ["", "tile/0/000\n", "tile/0/" + "x999/" * 30 + "999", *BROKEN_PATHS.split(" ")])
def test_paths_that_are_none(path: str) -> None:
    with pytest.raises(AuditError, match=r"audit\.malformed-tile"):
        parse_path(path)


BROKEN_BUNDLES = [(b"\0", 1), (b"\0\2a", 1), (b"\0\1a", 2), (b"\0\1ab", 1), (b"", 1), (b"\0\0", 0)]


@pytest.mark.parametrize(("data", "width"), BROKEN_BUNDLES)
def test_bundles_that_are_none(data: bytes, width: int) -> None:
    with pytest.raises(AuditError, match=r"audit\.malformed-tile"):
        decode_bundle(data, width)
    with pytest.raises(AuditError, match=r"audit\.malformed-tile"):
        split_hashes(data + b"x", width)


def test_empty_entries_are_legal() -> None:
    assert decode_bundle(b"\0\0\0\0", 2) == [b"", b""]
