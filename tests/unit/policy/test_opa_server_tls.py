"""An OPA server over https: our own CA and nobody else's, whatever the environment says."""

from __future__ import annotations

import datetime
import socket
import subprocess
import time
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from exchange_node.config import PolicyTable
from exchange_node.deciding import open_engine
from exchange_node.policy.bundle import bundle_digest, open_bundle, packaged_bundle
from exchange_node.policy.errors import PolicyError
from exchange_node.policy.opa_server import OpaServerEngine
from exchange_node.policy.policy import Policy
from tests.policy_engines import ROOT, approvals, damp_question

pytestmark = pytest.mark.opa
BUNDLES = ROOT / "exchange_node" / "policy" / "bundle"


class Authority:
    """A CA of this test; `issue` writes NAME.pem and NAME.key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test CA")])
        self.file = folder / "ca.pem"
        self.file.write_bytes(self._sign(self.name, self.key.public_key(), True))

    def issue(self, name: str) -> tuple[Path, Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        pem, secret = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        pem.write_bytes(self._sign(subject, key.public_key(), False))
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        secret.write_bytes(key.private_bytes(*form))
        return pem, secret

    def _sign(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, ca: bool) -> bytes:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder(self.name, subject, key, x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca, None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        )
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = builder.add_extension(issuer_key, critical=False)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        if ca:
            usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
            builder = builder.add_extension(usage, critical=True)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("opa-ca"))


@pytest.fixture(scope="module")
def url(opa_binary: Path, authority: Authority) -> Iterator[str]:
    """A server that wants a certificate of the test's CA from whoever asks."""
    pem, key = authority.issue("opa")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command: list[str | Path] = [
        opa_binary, "run", "--server", "--skip-version-check", "--log-level", "error", "--authentication", "tls",
        "--tls-cert-file", pem, "--tls-private-key-file", key, "--tls-ca-cert-file", authority.file,
        "--min-tls-version", "1.3", "--addr", f"https://127.0.0.1:{port}",
        "--bundle", BUNDLES / "policies-opa.tar.gz",
    ]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            end = time.monotonic() + 20
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    if time.monotonic() > end or server.poll() is not None:
                        raise
                    time.sleep(0.02)
            yield f"https://127.0.0.1:{port}"
        finally:
            server.terminate()


def _ask(url: str, ca: Path, certificate: tuple[Path, Path] | None) -> bool:
    bundle = open_bundle(packaged_bundle(), approvals(), 0)
    engine = OpaServerEngine(url, bundle, ca=ca, certificate=certificate, timeout_seconds=5)
    try:
        return Policy(engine).ask(damp_question()).allow
    finally:
        engine.close()


def test_with_our_ca_and_certificate(url: str, authority: Authority) -> None:
    assert _ask(url, authority.file, authority.issue("node"))


def test_as_config_toml_names_them(url: str, authority: Authority) -> None:
    """Relative to the home, here the folder of the CA."""
    authority.issue("node")
    table = PolicyTable(
        engine="server", url=url, ca="ca.pem", certificate="node.pem", key="node.key", deadline_seconds=5
    )
    bundle = bundle_digest(packaged_bundle())
    manifest = SimpleNamespace(bundle=lambda digest, _: digest == bundle or None)
    engine = open_engine(table, authority.folder, lambda _: manifest, 0)  # type: ignore[arg-type, return-value]
    assert Policy(engine).ask(damp_question()).allow
    lost = table.model_copy(update={"key": "lost.key"})
    with pytest.raises(PolicyError, match=r"policy\.key"):
        open_engine(lost, authority.folder, lambda _: manifest, 0)  # type: ignore[arg-type, return-value]


def test_without_a_certificate(url: str, authority: Authority) -> None:
    with pytest.raises(PolicyError, match="engine-unavailable"):
        _ask(url, authority.file, None)


def test_a_server_of_another_ca(
    url: str, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where the environment would have requests trust it."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.file))
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    with pytest.raises(PolicyError, match="engine-unavailable"):
        _ask(url, Authority(tmp_path).file, authority.issue("node"))
