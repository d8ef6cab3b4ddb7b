"""Sealing before others' eyes: the published vectors, Go's own HPKE both ways, and vectors that Go made."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import cryptography_vectors
import pytest
from cryptography.hazmat.bindings._rust import openssl
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from exchange_node.trust import sealing
from exchange_node.trust.errors import TrustError
from exchange_node.trust.sealing import HYBRID, X25519, SealingKey

PROGRAM = Path(__file__).parent / "hpke_go"
GO_VECTORS: list[dict[str, Any]] = json.loads((PROGRAM / "vectors.json").read_text())
IN_CI = os.environ.get("EXCHANGE_CI") == "1"
SUITES = pytest.mark.parametrize("suite", [X25519, HYBRID])
SEED = bytes(range(32))


def published(name: str, kem: int, aead: int) -> list[dict[str, Any]]:
    path = Path(cryptography_vectors.__file__).parent / "HPKE" / name
    vectors: list[dict[str, Any]] = json.loads(path.read_text())
    wanted = {"mode": 0, "kem_id": kem, "kdf_id": 1, "aead_id": aead}
    return [vector for vector in vectors if wanted.items() <= vector.items()]


def test_hybrid_keys_and_texts_of_the_published_vectors() -> None:
    """Its AEAD is ChaCha20-Poly1305, the only one published with HKDF-SHA256; the KEM and the keys are ours."""
    vectors = published("hpke-pq-test-vectors.json", 0x647A, 3)
    assert vectors
    for vector in vectors:
        key = SealingKey(bytes.fromhex(vector["skRm"]), HYBRID)
        assert key.public[1:].hex() == vector["pkRm"]
        suite = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)
        private = hpke.MLKEM768X25519PrivateKey(*key._hybrid())
        check_first_text(suite, private, vector)


def test_x25519_texts_of_the_published_vectors() -> None:
    vectors = published("test-vectors.json", 0x20, 2)
    assert vectors
    for vector in vectors:
        private = X25519PrivateKey.from_private_bytes(bytes.fromhex(vector["skRm"]))
        check_first_text(sealing._hpke(X25519), private, vector)


def check_first_text(suite: hpke.Suite, private: Any, vector: dict[str, Any]) -> None:
    # Single-shot HPKE is the first text of a context; the vectors bind it to some aad, which our interface leaves out.
    first = vector["encryptions"][0]
    sealed = bytes.fromhex(vector["enc"] + first["ct"])
    info, aad = bytes.fromhex(vector["info"]), bytes.fromhex(first["aad"])
    plaintext = openssl.hpke._decrypt_with_aad(suite, sealed, private, info, aad)
    assert plaintext.hex() == first["pt"]


@pytest.mark.parametrize("vector", GO_VECTORS, ids=lambda vector: f"suite {vector['suite']}")
def test_what_go_sealed_once_opens(vector: dict[str, Any]) -> None:
    key = SealingKey(bytes.fromhex(vector["seed"]), vector["suite"])
    assert key.public.hex() == vector["public"]
    sealed, info = bytes.fromhex(vector["sealed"]), bytes.fromhex(vector["info"])
    assert sealing.open(key, sealed, info).hex() == vector["text"]
    with pytest.raises(TrustError, match="cannot-open"):
        sealing.open(key, sealed, info + b"x")


@pytest.fixture(scope="module")
def go_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Go program, built; without a Go that has crypto/hpke it is a skip here and an error in CI."""
    go = shutil.which("go")
    if go is None:
        (pytest.fail if IN_CI else pytest.skip)("Go is not installed")
    program = tmp_path_factory.mktemp("go") / "hpke_go"
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": ""}
    command = [go, "build", "-o", str(program), "."]
    built = subprocess.run(command, cwd=PROGRAM, env=environment, capture_output=True, text=True, timeout=300)
    if built.returncode:
        (pytest.fail if IN_CI else pytest.skip)("Go 1.26 or later is needed: " + built.stderr)
    return program


def ask(program: Path, *questions: dict[str, Any]) -> list[dict[str, str]]:
    lines = "".join(json.dumps(question) + "\n" for question in questions)
    done = subprocess.run([program], input=lines, capture_output=True, text=True, check=True, timeout=60)
    return [json.loads(line) for line in done.stdout.splitlines()]


def question(do: str, suite: int, text: bytes, info: bytes = b"request 1") -> dict[str, Any]:
    return {"do": do, "suite": suite, "seed": SEED.hex(), "info": info.hex(), "text": text.hex()}


@SUITES
@pytest.mark.parametrize("plaintext", [b"", b"a release", bytes(100_000)], ids=len)
def test_go_opens_what_we_seal_and_we_open_what_go_seals(go_program: Path, suite: int, plaintext: bytes) -> None:
    key = SealingKey(SEED, suite)
    ours = sealing.seal(key.public, plaintext, b"request 1")
    opened, sealed, refused = ask(
        go_program,
        question("open", suite, ours),
        question("seal", suite, plaintext),
        question("open", suite, ours, b"request 2"),
    )
    assert opened["public"] == key.public.hex()
    assert opened["text"] == plaintext.hex()
    assert sealing.open(key, bytes.fromhex(sealed["text"]), b"request 1") == plaintext
    assert "error" in refused
