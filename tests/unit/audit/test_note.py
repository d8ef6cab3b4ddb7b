from __future__ import annotations

import base64

import pytest

from exchange_node.audit.checkpoint import Checkpoint, check_consistency, open_checkpoint, parse_checkpoint
from exchange_node.audit.errors import AuditError
from exchange_node.audit.merkle import EMPTY_ROOT, leaf_hash, node_hash
from exchange_node.audit.note import NoteSigner, VerifierKey, parse_note

# The example of the signed-note specification.
VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
_SIGNATURE = "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM="
NOTE = f"This is an example message.\n\n— example.com/foo {_SIGNATURE}\n".encode()
SIGNER = NoteSigner.from_seed("castle-nhs.example/audit", b"\x01" * 32)
OTHER = NoteSigner.from_seed("witness.example", b"\x02" * 32)


def signature_lines(note: bytes) -> bytes:
    return note.rpartition(b"\n\n")[2]


def test_the_example_of_the_specification() -> None:
    key = VerifierKey.parse(VKEY)
    assert str(key) == VKEY
    assert key.verify(parse_note(NOTE)) == "This is an example message.\n"


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "example.com/foo",
        "example.com/foo+530d903a",
        VKEY.replace("530d903a", "530D903A"),
        VKEY.replace("530d903a", "530d903b"),
        VKEY.replace("foo", "fo o"),
        VKEY.replace("foo", "fo\u00a0o"),
        VKEY.replace("example.com/foo", ""),
        VKEY + "\n",
        VKEY[:-1],
        VKEY + "=",
        "PRIVATE+KEY+" + VKEY,
        "example.com/foo+530d903a+" + base64.b64encode(b"\x04" + bytes(32)).decode(),
        "example.com/foo+530d903a+" + base64.b64encode(b"\x01" + bytes(31)).decode(),
    ],
)
def test_other_keys_are_refused(vkey: str) -> None:
    with pytest.raises(AuditError, match=r"audit\.malformed-key"):
        VerifierKey.parse(vkey)


def test_a_key_is_split_at_its_first_two_pluses_only() -> None:
    for number in range(60):
        signer = NoteSigner.from_seed("a", bytes([number]) * 32)
        if signer.vkey.count("+") > 2:
            assert VerifierKey.parse(signer.vkey) == signer.verifier
            break
    else:
        pytest.fail("no key with a plus in its base64")


def test_a_secret_key_is_not_shown() -> None:
    assert SIGNER.skey()[-44:] not in repr(SIGNER)
    assert NoteSigner.parse(SIGNER.skey()).vkey == SIGNER.vkey


@pytest.mark.parametrize(
    "change",
    [
        lambda note: note.replace(b"message", b"massage"),
        lambda note: note.replace(b"foo Uw", b"fox Uw"),
        lambda note: note.replace(b"Uw2QOk", b"Uw2QOl"),
        lambda note: note + signature_lines(NOTE).replace(b"kn8", b"kn9"),  # one that is right does not excuse it
    ],
)
def test_a_changed_note_is_forged(change: object) -> None:
    with pytest.raises(AuditError, match=r"audit\.forged"):
        VerifierKey.parse(VKEY).verify(parse_note(change(NOTE)))  # type: ignore[operator]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"text\n\nno dash\n",
        NOTE[:-1],
        NOTE + b"\n",
        NOTE.replace(b"\n\n", b"\n"),
        NOTE.replace(b"\n\n", b"\r\n\r\n"),
        NOTE.replace(b"is an", b"is\tan"),
        NOTE.replace(b"is an", b"is\x00an"),
        NOTE.replace(b"is an", b"is\xffan"),
        NOTE.replace(b"aQM=\n", b"aQN=\n"),  # the same bytes to a decoder that ignores spare bits
        NOTE.replace(b"aQM=\n", b"aQM\n"),
        NOTE.replace(b"aQM=\n", b"aQM= \n"),
        NOTE.replace(b"foo Uw", b"foo  Uw"),
        NOTE.replace(b"example.com/foo", b"example.com+foo"),
        NOTE.replace(b"example.com/foo", "example.com\u2003foo".encode()),
        b"text\n\n" + "— a AAAAAA==\n".encode(),  # a key id and nothing signed with it
        b"text\n\n" + "— a AAAAAAA=\n".encode() * 65,
        b"x" * 300_000 + NOTE,
    ],
)
def test_malformed_notes(data: bytes) -> None:
    with pytest.raises(AuditError, match=r"audit\.malformed-note"):
        parse_note(data)


def test_sixteen_signatures_and_unknown_keys_are_accepted() -> None:
    others = [NoteSigner.from_seed(f"witness-{number}.example", bytes([number]) * 32) for number in range(15)]
    same_name = NoteSigner.from_seed("example.com/foo", b"\x11" * 32)
    text = "This is an example message.\n"
    lines = b"".join(signature_lines(signer.sign(text)) for signer in [*others, same_name])
    assert VerifierKey.parse(VKEY).verify(parse_note(NOTE + lines)) == text
    with pytest.raises(AuditError, match=r"audit\.forged"):
        VerifierKey.parse(VKEY).verify(parse_note(text.encode() + b"\n" + lines))


def test_the_text_ends_at_the_last_empty_line() -> None:
    text = "one\n\ntwo\n\n\n"
    assert SIGNER.verifier.verify(parse_note(SIGNER.sign(text))) == text
    for wrong in ("no newline", "a\tb\n", "\ud800\n"):
        with pytest.raises(AuditError, match=r"audit\.malformed-note"):
            SIGNER.sign(wrong)


def test_a_checkpoint_comes_back() -> None:
    checkpoint = Checkpoint(SIGNER.name, 20852163, b"\x07" * 32)
    note = checkpoint.sign(SIGNER)
    assert open_checkpoint(note, SIGNER.vkey) == checkpoint
    assert note == checkpoint.sign(SIGNER)
    with pytest.raises(AuditError, match=r"audit\.malformed-checkpoint"):
        checkpoint.sign(OTHER)


ROOT = base64.b64encode(b"\x07" * 32).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\n7\n",
        f"a\n7\n{ROOT}",
        f"a\n7\n{ROOT}\n\n",
        f"\n7\n{ROOT}\n",
        f"a b\n7\n{ROOT}\n",
        f"a\n07\n{ROOT}\n",
        f"a\n+7\n{ROOT}\n",
        f"a\n-7\n{ROOT}\n",
        f"a\n٧\n{ROOT}\n",
        f"a\n7 \n{ROOT}\n",
        f"a\n{2**63}\n{ROOT}\n",
        f"a\n7\n{ROOT[:-2]}9=\n",
        f"a\n7\n{ROOT[:40]}\n",
        f"a\n0\n{ROOT}\n",
    ],
)
def test_malformed_checkpoints(text: str) -> None:
    with pytest.raises(AuditError, match=r"audit\.malformed-checkpoint"):
        parse_checkpoint(text)


def test_extension_lines_are_kept_and_signed() -> None:
    checkpoint = Checkpoint(SIGNER.name, 0, EMPTY_ROOT, ("more", "and more"))
    assert open_checkpoint(checkpoint.sign(SIGNER), SIGNER.vkey) == checkpoint


def test_a_key_signs_for_its_own_origin_only() -> None:
    text = Checkpoint(OTHER.name, 7, b"\x07" * 32).text()
    with pytest.raises(AuditError, match=r"audit\.forged"):
        open_checkpoint(SIGNER.sign(text), SIGNER.vkey)


LEAF = leaf_hash(b"first")
SECOND = leaf_hash(b"second")


def head(size: int, root: bytes) -> bytes:
    return Checkpoint(SIGNER.name, size, root).sign(SIGNER)


def test_what_a_counterparty_checks() -> None:
    one, two = head(1, LEAF), head(2, node_hash(LEAF, SECOND))
    assert check_consistency(one, two, [SECOND], SIGNER.vkey).size == 2
    assert check_consistency(one, one, [], SIGNER.vkey).size == 1
    assert check_consistency(head(0, EMPTY_ROOT), two, [], SIGNER.vkey).size == 2
    for old, new, proof, code in (
        (two, one, [], "shrunk"),
        (one, two, [], "forked"),
        (one, two, [LEAF], "forked"),
        (one, head(1, SECOND), [], "forked"),
        (head(1, SECOND), two, [SECOND], "forked"),
        (one, two.replace(b"\n2\n", b"\n3\n"), [SECOND], "forged"),
        (one, Checkpoint(OTHER.name, 2, LEAF).sign(OTHER), [SECOND], "forged"),
        (one, b"rubbish", [], "forged"),
        (one.replace(b"\n1\n", b"\n0\n"), two, [], "forged"),
    ):
        with pytest.raises(AuditError) as caught:
            check_consistency(old, new, proof, SIGNER.vkey)
        assert caught.value.code == f"audit.{code}"
    with pytest.raises(AuditError, match=r"audit\.malformed-key"):
        check_consistency(one, two, [SECOND], "not a key")
