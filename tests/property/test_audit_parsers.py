"""Every parser of the log, fed with anything: a value that writes back as it was read, or AuditError."""

from __future__ import annotations

import base64
import contextlib

from hypothesis import example, given, settings
from hypothesis import strategies as st

from exchange_node.audit.canonical import canonical, parse_canonical
from exchange_node.audit.checkpoint import Checkpoint, check_consistency, open_checkpoint, parse_checkpoint
from exchange_node.audit.entry import Entry, entry_id
from exchange_node.audit.errors import AuditError
from exchange_node.audit.note import NoteSigner, VerifierKey, parse_note
from exchange_node.audit.proof import make_proof, parse_proof, verify_proof
from exchange_node.audit.tiles import Tile, decode_bundle, encode_bundle, parse_path, split_hashes

SIGNER = NoteSigner.from_seed("castle-nhs.example/audit", b"\x01" * 32)
NOTE = Checkpoint(SIGNER.name, 7, b"\x09" * 32).sign(SIGNER)
PROOF = make_proof(3, [b"\x02" * 32, b"\x03" * 32], NOTE, b"extra")
REQUEST = "0123456789abcdef" * 2
ENTRY = Entry(
    entry_id(REQUEST, "castle-nhs", 8, "provider", "northgate-homes", "release.intent"),
    "intent", 1, 8, REQUEST, "provider", "northgate-homes", "decision.release",
    {"bundle_digest": "a" * 64, "codes": ["consent"], "ok": True, "count": 3, "deep": {"ü": "\u2028"}},
    {"reasons": "b" * 64},
).encode()  # fmt: skip

PIECES = (
    *(b"\n", b"\n\n", b"\r\n", b" ", b"+", b"=", b"\x00", b"0", b"x", b"/", b'"', b",", b"{", b"}", b"["),
    *(b"null", b"1.5", b"-0", b"\xe2\x80\x94 ", b"\xc2\xa0", b"\xed\xa0\x80", b"\xc2\x85"),
)


def mangled(seed: bytes) -> st.SearchStrategy[bytes]:
    """The seed with a few pieces removed, replaced or inserted, so that the fuzz reaches deep rules."""
    piece = st.one_of(st.binary(max_size=4), st.sampled_from(PIECES))
    cut = st.tuples(st.integers(0, len(seed)), st.integers(0, 3), piece)

    def apply(cuts: list[tuple[int, int, bytes]]) -> bytes:
        data = seed
        for at, length, new in cuts:
            data = data[:at] + new + data[at + length :]
        return data

    return st.lists(cut, max_size=3).map(apply)


def anything(seed: bytes) -> st.SearchStrategy[bytes]:
    return st.one_of(st.binary(max_size=300), mangled(seed))


def text_of(seed: str) -> st.SearchStrategy[str]:
    return st.one_of(st.text(max_size=100), anything(seed.encode()).map(lambda data: data.decode("utf-8", "replace")))


many = settings(max_examples=400, deadline=None, derandomize=True)


@many
@given(anything(NOTE))
@example(NOTE)
@example(b"\n\n\xe2\x80\x94 a AAAAAAA=\n")
def test_notes(data: bytes) -> None:
    with contextlib.suppress(AuditError):
        note = parse_note(data)
        lines = "".join(
            f"— {line.name} {base64.b64encode(line.key_id + line.signature).decode()}\n" for line in note.signatures
        )
        assert f"{note.text}\n{lines}".encode() == data
        assert 1 <= len(note.signatures) <= 64
    with contextlib.suppress(AuditError):
        assert open_checkpoint(data, SIGNER.vkey).size == 7, "only what we signed can pass"
    with contextlib.suppress(AuditError):
        assert check_consistency(NOTE, data, [], SIGNER.vkey).root == b"\x09" * 32


@many
@given(text_of(Checkpoint("a", 7, b"\x09" * 32).text()))
def test_checkpoints(text: str) -> None:
    with contextlib.suppress(AuditError):
        assert parse_checkpoint(text).text() == text


@many
@given(text_of(SIGNER.vkey))
def test_verifier_keys(text: str) -> None:
    with contextlib.suppress(AuditError):
        assert str(VerifierKey.parse(text)) == text


@many
@given(text_of(SIGNER.skey()))
def test_private_keys(text: str) -> None:
    with contextlib.suppress(AuditError):
        assert NoteSigner.parse(text).skey() == text


@many
@given(st.one_of(text_of("tile/0/x001/234.p/17"), text_of("tile/entries/x001/x234/067")))
@example("tile/entries/x000/005")
def test_paths(path: str) -> None:
    with contextlib.suppress(AuditError):
        assert parse_path(path).path() == path


@given(st.integers(-1, 63), st.one_of(st.integers(0, 2**56 - 1), st.integers(0, 1100)), st.integers(1, 256))
def test_paths_come_back(level: int, index: int, width: int) -> None:
    tile = Tile(level, index, width)
    assert parse_path(tile.path()) == tile


@many
@given(st.one_of(st.binary(max_size=64), mangled(encode_bundle([b"", b"abc", b"d" * 300]))), st.integers(0, 256))
@example(encode_bundle([b"", b"abc", b"d" * 300]), 3)
def test_bundles(data: bytes, width: int) -> None:
    with contextlib.suppress(AuditError):
        entries = decode_bundle(data, width)
        assert len(entries) == width
        assert encode_bundle(entries) == data
    with contextlib.suppress(AuditError):
        assert b"".join(split_hashes(data, width)) == data


@given(st.lists(st.binary(max_size=300), max_size=256))
def test_bundles_come_back(entries: list[bytes]) -> None:
    assert decode_bundle(encode_bundle(entries), len(entries)) == entries


@many
@given(anything(PROOF), anything(ENTRY))
@example(PROOF, ENTRY)
def test_proofs(data: bytes, entry: bytes) -> None:
    with contextlib.suppress(AuditError):
        proof = parse_proof(data)
        assert make_proof(proof.index, proof.path, proof.note, proof.extra) == data
    with contextlib.suppress(AuditError):
        verify_proof(data, SIGNER.vkey, entry)
        raise AssertionError("no entry is under that root")


@many
@given(anything(ENTRY))
@example(b"[" * 65_535)
@example(b'{"a":' * 9_000)
@example(b"1" * 9_999)
def test_entries(data: bytes) -> None:
    with contextlib.suppress(AuditError):
        assert Entry.decode(data).encode() == data


values = st.recursive(
    st.one_of(st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
    max_leaves=12,
)


@given(values)
def test_canonical_json_comes_back(value: object) -> None:
    with contextlib.suppress(AuditError):  # lone surrogates cannot be drawn, depth can
        assert parse_canonical(canonical(value)) == value


@given(st.dictionaries(st.text(), st.integers(0, 9), max_size=6))
def test_the_order_of_keys_does_not_matter(value: dict[str, int]) -> None:
    assert canonical(dict(reversed(value.items()))) == canonical(value)
