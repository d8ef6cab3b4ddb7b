"""Our log before the Go project's own signed-note and tiled-log packages, and what they make before ours."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from exchange_node.audit import merkle
from exchange_node.audit.canonical import JSON
from exchange_node.audit.checkpoint import Checkpoint, check_consistency, open_checkpoint
from exchange_node.audit.entry import Entry, entry_id
from exchange_node.audit.index import MemoryIndex
from exchange_node.audit.log import AuditLog
from exchange_node.audit.note import NoteSigner

PROGRAM = Path(__file__).parent / "tlog_go"
IN_CI = os.environ.get("EXCHANGE_CI") == "1"
SIGNER = NoteSigner.from_seed("fairshire-police.example/audit", b"\x05" * 32)
REQUEST = "00112233445566778899aabbccddeeff"


@pytest.fixture(scope="module")
def checker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Go program, built; without Go or its module it is a skip here and an error in CI."""
    go = shutil.which("go")
    if go is None:
        (pytest.fail if IN_CI else pytest.skip)("Go is not installed")
    fetched = subprocess.run([go, "mod", "download"], cwd=PROGRAM, capture_output=True, text=True)
    if fetched.returncode:
        (pytest.fail if IN_CI else pytest.skip)("the Go module golang.org/x/mod cannot be had: " + fetched.stderr)
    program = tmp_path_factory.mktemp("go") / "tlog_go"
    command = [go, "build", "-mod=readonly", "-o", str(program), "."]
    subprocess.run(command, cwd=PROGRAM, check=True, timeout=300)
    return program


def entry(number: int) -> Entry:
    name = entry_id(REQUEST, "castle-nhs", 5, "requester", "castle-nhs", f"chunk-{number}")
    facts: dict[str, JSON] = {"number": number, "note": "é" * (number % 7)}
    return Entry(name, "fact", number, 5, REQUEST, "requester", "castle-nhs", "chunk.sent", facts)


def log_of(directory: Path, *widths: int) -> AuditLog:
    log = AuditLog.open(directory, SIGNER.name, SIGNER, MemoryIndex(), fsync=False)
    start = 0
    for width in widths:
        log.append([entry(number) for number in range(start, start + width)])
        start += width
    return log


def judge(checker: Path, directory: Path) -> subprocess.CompletedProcess[str]:
    command = [str(checker), str(directory), SIGNER.vkey]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


SMALL = [(), (1,), (2, 5), (255,), (255, 1), (256, 1), (100, 300, 200)]
LARGE = [(65_535,), (65_535, 1), (65_536, 1)]


@pytest.mark.parametrize("widths", [*SMALL, *(pytest.param(widths, marks=pytest.mark.slow) for widths in LARGE)])
def test_go_finds_our_log_good(checker: Path, tmp_path: Path, widths: tuple[int, ...]) -> None:
    log = log_of(tmp_path / "audit", *widths)
    size = sum(widths)
    judged = judge(checker, tmp_path / "audit")
    assert judged.returncode == 0, judged.stderr
    go = json.loads(judged.stdout)
    root = base64.b64decode(go["root"])
    assert (go["origin"], go["size"]) == (SIGNER.name, size)
    assert open_checkpoint(log.checkpoint(), SIGNER.vkey) == Checkpoint(SIGNER.name, size, root)
    for index, proof in go["inclusion"].items():
        ours = log.inclusion(int(index), size)
        assert [base64.b64encode(digest).decode() for digest in ours] == proof
        merkle.verify_inclusion(merkle.leaf_hash(entry(int(index)).encode()), int(index), size, ours, root)
    for first, proof in go["consistency"].items():
        ours = log.consistency(int(first), size)
        assert [base64.b64encode(digest).decode() for digest in ours] == proof
    assert len(go["inclusion"]) == min(size, 3)
    log.close()


def test_go_and_we_read_each_others_notes_and_keys(checker: Path, tmp_path: Path) -> None:
    log = log_of(tmp_path / "audit", 300)
    go = json.loads(judge(checker, tmp_path / "audit").stdout)
    theirs = go["note"].encode()
    assert open_checkpoint(theirs, go["vkey"]).size == 300
    signer = NoteSigner.parse(go["skey"])
    assert (signer.skey(), signer.vkey) == (go["skey"], go["vkey"])
    assert open_checkpoint(log.checkpoint(), SIGNER.vkey).sign(signer) == theirs
    check_consistency(theirs, theirs, [], go["vkey"])
    log.close()


@pytest.mark.parametrize("path", ["checkpoint", "tile/0/000", "tile/1/000.p/1", "tile/entries/001.p/44"])
def test_go_finds_a_changed_log_bad(checker: Path, tmp_path: Path, path: str) -> None:
    """So that the checker is known to look."""
    log_of(tmp_path / "audit", 300).close()
    file = tmp_path / "audit" / path
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    judged = judge(checker, tmp_path / "audit")
    assert judged.returncode == 1
    assert judged.stdout == ""
