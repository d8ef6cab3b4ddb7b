"""Key files: closed to others, whole, and rotated without a moment in which peers would refuse us."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from exchange_node.audit.note import NoteSigner
from exchange_node.trust import certificates, key_files
from exchange_node.trust.documents import b64encode, format_time
from exchange_node.trust.errors import TrustError
from exchange_node.trust.keys import HomeKeys, Rotating
from exchange_node.trust.manifest import Organisation
from exchange_node.trust.signing import SigningKey
from tests.unit.trust.builders import NOW, organisation

FILES = {"tls.key", "tls.pem", "signing.key", "log.key", "seal.key", "user-ca.key", "user-ca.pem"}
HOSTS = ["localhost", "127.0.0.1"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    HomeKeys.create(tmp_path, "castle-nhs", HOSTS, NOW)
    return tmp_path


def test_a_new_home_has_its_keys_and_nobody_else_does(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        HomeKeys.create(tmp_path / "node", "castle-nhs", HOSTS, NOW)
    finally:
        os.umask(old)
    folder = tmp_path / "node" / "keys"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {path.name for path in folder.iterdir()} == FILES
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    keys = HomeKeys.open(tmp_path / "node")
    certificates.check_node_certificate(keys.tls_certificate, "castle-nhs")
    assert len(keys.seal) == 32
    assert keys.signing.public != keys.log.public
    user = certificates.generate_key()
    issued = certificates.issue_user_certificate(
        keys.user_ca_key, keys.user_ca, "r-patel", "officer", user.public_key(), NOW, 1
    )
    assert certificates.verify_user(issued, keys.user_ca, NOW).role == "officer"


def test_keys_are_never_overwritten(home: Path) -> None:
    before = (home / "keys" / "signing.key").read_bytes()
    with pytest.raises(TrustError, match="keys-exist"):
        HomeKeys.create(home, "castle-nhs", HOSTS, NOW)
    assert (home / "keys" / "signing.key").read_bytes() == before


@pytest.mark.parametrize(
    ("name", "mode"), [*((name, 0o640) for name in sorted(FILES)), *(("seal.key", m) for m in (0o604, 0o620, 0o601))]
)
def test_open_files_are_refused(home: Path, name: str, mode: int) -> None:
    (home / "keys" / name).chmod(mode)
    with pytest.raises(TrustError, match="keys-exposed") as caught:
        HomeKeys.open(home)
    assert name in caught.value.detail
    assert f"{mode:04o}" in caught.value.detail


@pytest.mark.parametrize("mode", [0o750, 0o705, 0o777])
def test_an_open_folder_is_refused(home: Path, mode: int) -> None:
    (home / "keys").chmod(mode)
    with pytest.raises(TrustError, match="keys-exposed"):
        HomeKeys.open(home)


def test_somebody_elses_keys_are_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(TrustError, match="keys-exposed") as caught:
        HomeKeys.open(home)
    assert "belongs to user" in caught.value.detail
    with pytest.raises(TrustError, match="keys-exposed"):
        key_files.read_secret(home / "keys" / "seal.key")


def test_links_and_pipes_are_refused(home: Path, tmp_path: Path) -> None:
    seal = home / "keys" / "seal.key"
    seal.rename(home / "elsewhere")
    seal.symlink_to(home / "elsewhere")
    with pytest.raises(TrustError, match="keys-missing"):
        HomeKeys.open(home)
    seal.unlink()
    os.mkfifo(seal, 0o600)
    with pytest.raises(TrustError, match="keys-exposed"):
        HomeKeys.open(home)
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "keys").symlink_to(home / "keys")
    with pytest.raises(TrustError, match="keys-exposed"):
        HomeKeys.open(linked)


@pytest.mark.parametrize("name", sorted(FILES))
def test_missing_and_damaged_files(home: Path, name: str) -> None:
    path = home / "keys" / name
    path.write_bytes(b"\xff" * 31)
    if name != "seal.key":
        with pytest.raises(TrustError, match=r"bad-key|bad-certificate"):
            HomeKeys.open(home)
    path.unlink()
    with pytest.raises(TrustError, match="keys-missing") as caught:
        HomeKeys.open(home)
    assert name in caught.value.detail


def test_no_home(tmp_path: Path) -> None:
    with pytest.raises(TrustError, match="keys-missing"):
        HomeKeys.open(tmp_path)


def test_a_certificate_of_another_key_is_refused(home: Path, tmp_path: Path) -> None:
    HomeKeys.create(tmp_path / "other", "castle-nhs", HOSTS, NOW)
    (tmp_path / "other" / "keys" / "tls.pem").rename(home / "keys" / "tls.pem")
    with pytest.raises(TrustError, match="bad-key"):
        HomeKeys.open(home)


def member(keys: HomeKeys, *, following: bool, **changes: Any) -> Organisation:
    """The node's entry in the manifest, with the next keys too if `following`."""
    signing, logs, pems = [keys.signing], [keys.log], [keys.tls_certificate]
    if following:
        signing += [key] if (key := keys.next_key("signing")) else []
        logs += [key] if (key := keys.next_key("log")) else []
        pems += [pem] if (pem := keys.next_certificate()) else []
    values = {
        "signing_keys": [{"id": key.key_id, "public": b64encode(key.public)} for key in signing],
        "log_vkeys": [NoteSigner("castle-nhs/log", key.private).vkey for key in logs],
        "tls_certificates": [pem.decode() for pem in pems],
    }
    return Organisation.build(organisation("castle-nhs", **{**values, **changes}))


def identity(keys: HomeKeys, kind: Rotating) -> str:
    if kind == "tls":
        return certificates.fingerprint(keys.tls_certificate)
    return keys.signing.key_id if kind == "signing" else keys.log.key_id


@pytest.mark.parametrize("kind", ["tls", "signing", "log"])
def test_rotation_waits_for_the_manifest(home: Path, kind: Rotating) -> None:
    keys = HomeKeys.open(home)
    old = identity(keys, kind)
    assert keys.pending(kind) is None
    with pytest.raises(TrustError, match="no-rotation"):
        keys.promote(kind, member(keys, following=True), NOW)
    new = keys.rotate(kind, "castle-nhs", HOSTS, NOW)
    assert new == keys.pending(kind) != old
    assert identity(HomeKeys.open(home), kind) == old
    with pytest.raises(TrustError, match="rotation-pending"):
        keys.rotate(kind, "castle-nhs", HOSTS, NOW)
    with pytest.raises(TrustError, match="rotation-unlisted"):
        keys.promote(kind, member(keys, following=False), NOW)
    keys.promote(kind, member(keys, following=True), NOW)
    assert identity(HomeKeys.open(home), kind) == new
    assert keys.pending(kind) is None
    assert {path.name for path in keys.folder.iterdir()} == FILES


@pytest.mark.parametrize("field", ["not_before", "revoked_at"])
def test_a_listed_key_that_does_not_count_is_not_promoted(home: Path, field: str) -> None:
    keys = HomeKeys.open(home)
    keys.rotate("signing", "castle-nhs", HOSTS, NOW)
    key = keys.next_key("signing")
    assert key
    when = NOW + 1 if field == "not_before" else NOW
    listed = {"id": key.key_id, "public": b64encode(key.public), field: format_time(when)}
    with pytest.raises(TrustError, match="rotation-unlisted"):
        keys.promote("signing", member(keys, following=False, signing_keys=[listed]), NOW)


def test_a_promotion_cut_in_two_is_finished(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = HomeKeys.open(home)
    new = keys.rotate("tls", "castle-nhs", HOSTS, NOW)
    entry = member(keys, following=True)
    from exchange_node.trust import keys as module

    def killed(path: Path, by: Path) -> None:
        if path.name == "tls.key":
            raise KeyboardInterrupt
        key_files.replace_secret(path, by)

    with monkeypatch.context() as patched:
        patched.setattr(module, "replace_secret", killed)
        with pytest.raises(KeyboardInterrupt):
            keys.promote("tls", entry, NOW)
    assert identity(HomeKeys.open(home), "tls") == new
    assert {path.name for path in keys.folder.iterdir()} == FILES


def test_a_rotation_cut_in_two_is_begun_again(home: Path) -> None:
    keys = HomeKeys.open(home)
    old = identity(keys, "tls")
    keys.rotate("tls", "castle-nhs", HOSTS, NOW)
    (keys.folder / "tls.next.pem").unlink()
    assert identity(HomeKeys.open(home), "tls") == old
    new = keys.rotate("tls", "castle-nhs", HOSTS, NOW)
    keys.promote("tls", member(keys, following=True), NOW)
    assert identity(HomeKeys.open(home), "tls") == new


def test_a_failed_write_leaves_the_old_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = home / "keys" / "signing.key"
    before = path.read_bytes()

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(TrustError, match="keys-unwritable") as caught:
            key_files.write_secret(path, SigningKey.generate().to_pem())
    assert "No space left" in caught.value.detail
    assert path.read_bytes() == before
    assert {entry.name for entry in path.parent.iterdir()} == FILES
