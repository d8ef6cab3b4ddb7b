from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from exchange_node.audit import merkle
from exchange_node.audit.checkpoint import Checkpoint
from exchange_node.audit.entry import Entry, entry_id
from exchange_node.audit.errors import AuditError
from exchange_node.audit.index import MemoryIndex
from exchange_node.audit.log import AuditLog
from exchange_node.audit.note import NoteSigner
from exchange_node.audit.tiles import Edge, encode_bundle
from exchange_node.audit.verify import verify_directory

SIGNER = NoteSigner.from_seed("castle-nhs.example/audit", b"\x01" * 32)
REQUEST = "0123456789abcdef" * 2


def entry(number: int) -> Entry:
    name = entry_id(REQUEST, "castle-nhs", 5, "provider", "northgate-homes", f"chunk-{number}")
    return Entry(name, "fact", number, 5, REQUEST, "provider", "northgate-homes", "chunk.sent", {"n": number})


def make_log(directory: Path, *widths: int) -> Path:
    log = AuditLog.open(directory, SIGNER.name, SIGNER, MemoryIndex(), fsync=False)
    start = 0
    for width in widths:
        log.append([entry(number) for number in range(start, start + width)])
        start += width
    log.close()
    return directory


def hand_made(directory: Path, entries: list[bytes]) -> Path:
    """A small log as somebody else's software might write it: right in all but its entries."""
    edge = Edge()
    for data in entries:
        edge.append(merkle.leaf_hash(data))
    for tile, data in edge.partials():
        path = directory / tile.path()
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
    bundle = directory / f"tile/entries/000.p/{len(entries)}"
    bundle.parent.mkdir(parents=True)
    bundle.write_bytes(encode_bundle(entries))
    (directory / "checkpoint").write_bytes(Checkpoint(SIGNER.name, edge.size, edge.root()).sign(SIGNER))
    return directory


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_log(tmp_path_factory.mktemp("good") / "audit", 200, 60, 3)


@pytest.fixture
def copy(good: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(good, tmp_path / "audit"))


def test_a_good_log(good: Path) -> None:
    report = verify_directory(good, SIGNER.vkey)
    assert (report.origin, report.size, report.beyond, report.findings) == (SIGNER.name, 263, 0, ())
    assert report.kinds == {"fact": 263}
    assert report.files == 2 + 2 * 2 + 1  # full ones, two partial ones each of entries and hashes, one at level 1


@pytest.mark.slow
@pytest.mark.parametrize("size", [65_535, 65_536, 65_537])
def test_a_large_log(tmp_path: Path, size: int) -> None:
    directory = make_log(tmp_path / "audit", size - 100, 99, 1)
    assert verify_directory(directory, SIGNER.vkey).size == size
    assert (directory / "tile/2/000.p/1").exists() == (size >= 65_536)
    assert (directory / "tile/1/000").exists() == (size >= 65_536)
    assert not (directory / "tile/1/001.p").exists()
    log = AuditLog.open(directory, SIGNER.name, SIGNER, MemoryIndex(), fsync=False)
    assert log.append([entry(size)])[0].index == size
    log.close()
    assert verify_directory(directory, SIGNER.vkey).size == size + 1


def test_any_byte_of_any_file(copy: Path) -> None:
    files = [path for path in copy.rglob("*") if path.is_file() and path.stat().st_size]
    assert len(files) == 8
    for path in files:
        data = path.read_bytes()
        step = max(1, len(data) // 15)
        for at in {*range(0, len(data), step), len(data) - 1}:
            changed = bytearray(data)
            changed[at] ^= 1 << at % 8
            path.write_bytes(changed)
            with pytest.raises(AuditError):
                verify_directory(copy, SIGNER.vkey)
        for other in (data[:-1], data + b"\n", b""):
            path.write_bytes(other)
            with pytest.raises(AuditError):
                verify_directory(copy, SIGNER.vkey)
        path.write_bytes(data)
    verify_directory(copy, SIGNER.vkey)


@pytest.mark.parametrize("path", ["checkpoint", "tile/0/000", "tile/0/001.p/7", "tile/1/000.p/1", "tile/entries/000"])
def test_any_file_gone(copy: Path, path: str) -> None:
    (copy / path).unlink()
    with pytest.raises(AuditError, match=r"audit\.(checkpoint-missing|damaged)"):
        verify_directory(copy, SIGNER.vkey)


def test_an_older_partial_tile_may_be_gone(copy: Path) -> None:
    (copy / "tile/0/001.p/4").unlink()
    verify_directory(copy, SIGNER.vkey)


STRAYS = (
    "tile/0/002 tile/0/001.p/8 tile/0/001 tile/1/000 tile/1/000.p/2 tile/2/000.p/1 tile/entries/003 "
    "tile/0/001.p/0 tile/0/001.p/07 tile/0/001.p/256 tile/0/1 tile/0/000.tmp tile/7 tile/0/x000/000 "
    "tile/.hidden tile/entries/001.p/7.bak"
)


@pytest.mark.parametrize("path", STRAYS.split(" "))
def test_stray_files(copy: Path, path: str) -> None:
    (copy / path).parent.mkdir(parents=True, exist_ok=True)
    (copy / path).write_bytes(bytes(32))
    with pytest.raises(AuditError, match=r"audit\.stray-file"):
        verify_directory(copy, SIGNER.vkey)


def test_links_are_no_files_of_a_log(copy: Path) -> None:
    (copy / "tile/0/000").rename(copy.parent / "elsewhere")
    (copy / "tile/0/000").symlink_to(copy.parent / "elsewhere")
    with pytest.raises(AuditError, match=r"audit\.stray-file.*regular"):
        verify_directory(copy, SIGNER.vkey)


def test_what_lies_beside_the_tiles_is_only_remarked(copy: Path) -> None:
    (copy / ".pending").write_bytes(b"half")
    (copy / "README").write_bytes(b"hello")
    (copy / "tile/0/005.p").mkdir()
    findings = verify_directory(copy, SIGNER.vkey).findings
    assert [finding.split(":")[0] for finding in findings] == [".pending", "README"]


def test_what_lies_beyond_the_checkpoint_must_agree(tmp_path: Path) -> None:
    short, long = make_log(tmp_path / "short", 250), make_log(tmp_path / "long", 250, 20)
    shutil.copy(short / "checkpoint", long / "checkpoint")
    report = verify_directory(long, SIGNER.vkey)
    assert (report.size, report.beyond, report.kinds) == (250, 20, {"fact": 250})
    path = long / "tile/0/001.p/14"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(AuditError, match=r"audit\.damaged.*tile/0/001.p/14"):
        verify_directory(long, SIGNER.vkey)
    shutil.rmtree(long / "tile/entries")
    shutil.copytree(short / "tile/entries", long / "tile/entries")
    with pytest.raises(AuditError, match=r"audit\.stray-file"):
        verify_directory(long, SIGNER.vkey)


@pytest.mark.parametrize(
    ("entries", "what"),
    [
        ([b"", entry(0).encode()], "entry 0"),
        ([entry(0).encode(), entry(1).encode() + b" "], "entry 1"),
        ([entry(0).encode(), entry(1).encode(), entry(0).encode()], "entry 2.*twice"),
    ],
)
def test_entries_that_are_none(tmp_path: Path, entries: list[bytes], what: str) -> None:
    with pytest.raises(AuditError, match=rf"audit\.damaged.*{what}"):
        verify_directory(hand_made(tmp_path / "audit", entries), SIGNER.vkey)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda c: Checkpoint(c.origin, c.size, bytes(32)), "damaged"),
        (lambda c: Checkpoint(c.origin, c.size - 1, c.root), "damaged"),
        (lambda c: Checkpoint(c.origin, 0, merkle.EMPTY_ROOT), ""),
        (lambda c: Checkpoint(c.origin, 2**62, c.root), "damaged"),
    ],
)
def test_signed_checkpoints_that_do_not_fit(
    tmp_path: Path, change: Callable[[Checkpoint], Checkpoint], code: str
) -> None:
    directory = hand_made(tmp_path / "audit", [entry(0).encode(), entry(1).encode()])
    root = merkle.node_hash(merkle.leaf_hash(entry(0).encode()), merkle.leaf_hash(entry(1).encode()))
    (directory / "checkpoint").write_bytes(change(Checkpoint(SIGNER.name, 2, root)).sign(SIGNER))
    if not code:  # what a crash before the first checkpoint over entries leaves
        assert verify_directory(directory, SIGNER.vkey).beyond == 2
        return
    with pytest.raises(AuditError, match=rf"audit\.{code}"):
        verify_directory(directory, SIGNER.vkey)


def test_another_key(good: Path, tmp_path: Path) -> None:
    with pytest.raises(AuditError, match=r"audit\.forged"):
        verify_directory(good, NoteSigner.generate(SIGNER.name).vkey)
    with pytest.raises(AuditError, match=r"audit\.malformed-key"):
        verify_directory(good, "no key")
    with pytest.raises(AuditError, match=r"audit\.checkpoint-missing"):
        verify_directory(tmp_path / "nowhere", SIGNER.vkey)


def test_the_checker_stands_alone() -> None:
    """It loads nothing of the node but its own modules, so that it can be shipped without the rest."""
    code = "import sys, exchange_node.audit.verify; print(*sys.modules)"
    root = str(Path(__file__).parents[3])
    listed = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    loaded = {name for name in listed.stdout.split() if name.startswith("exchange")}
    own = (
        "canonical",
        "checkpoint",
        "entry",
        "errors",
        "layout",
        "merkle",
        "note",
        "proof",
        "tiles",
        "verify",
    )
    expected = {"exchange_node", "exchange_node.errors", "exchange_node.audit"}
    assert loaded == expected | {f"exchange_node.audit.{name}" for name in own}
    assert "fcntl" not in listed.stdout.split()  # an auditor's machine may not be a Unix
