from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from exchange_node.audit import merkle
from exchange_node.audit.checkpoint import check_consistency, open_checkpoint
from exchange_node.audit.entry import Entry, entry_id
from exchange_node.audit.errors import AuditError
from exchange_node.audit.files import System
from exchange_node.audit.index import MemoryIndex
from exchange_node.audit.log import AuditLog
from exchange_node.audit.note import NoteSigner
from exchange_node.audit.tiles import Edge
from exchange_node.audit.verify import verify_directory, verify_proof

SIGNER = NoteSigner.from_seed("castle-nhs.example/audit", b"\x01" * 32)
REQUEST = "0123456789abcdef" * 2
OTHER_REQUEST = "f" * 32


def entry(number: int, request: str = REQUEST) -> Entry:
    name = entry_id(request, "castle-nhs", 5, "provider", "northgate-homes", f"chunk-{number}")
    return Entry(name, "fact", 1000 + number, 5, request, "provider", "northgate-homes", "chunk.sent", {"n": number})


def open_log(directory: Path, index: Any = None, **options: Any) -> AuditLog:
    return AuditLog.open(directory, SIGNER.name, SIGNER, index or MemoryIndex(), fsync=False, **options)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "audit"


@pytest.fixture
def log(directory: Path) -> Iterator[AuditLog]:
    opened = open_log(directory)
    yield opened
    opened.close()


def files_below(directory: Path) -> list[str]:
    return sorted(p.relative_to(directory).as_posix() for p in directory.rglob("*") if p.is_file())


def test_an_empty_log_has_a_checkpoint_and_no_tiles(log: AuditLog, directory: Path) -> None:
    assert log.size() == 0
    assert open_checkpoint(log.checkpoint(), SIGNER.vkey).size == 0
    assert files_below(directory) == [".lock", "checkpoint"]
    assert (directory / "checkpoint").read_bytes() == log.checkpoint()
    assert log.append([]) == []
    assert verify_directory(directory, SIGNER.vkey).size == 0


def test_what_is_appended_can_be_read_and_proved(log: AuditLog, directory: Path) -> None:
    done = log.append([entry(0), entry(1), entry(2)])
    assert [(one.index, one.entry, one.existed) for one in done] == [(n, entry(n), False) for n in range(3)]
    assert {one.checkpoint for one in done} == {(directory / "checkpoint").read_bytes()}
    assert list(log.read(1, 99)) == [(1, entry(1)), (2, entry(2))]
    assert list(log.read(5, 9)) == []
    assert verify_proof(log.proof(1), SIGNER.vkey, entry(1).encode())[0] == 1
    with pytest.raises(AuditError, match=r"audit\.not-included"):
        verify_proof(log.proof(1), SIGNER.vkey, entry(2).encode())


@pytest.mark.parametrize("size", [254, 255, 256, 257, 511, 512, 513])
def test_files_around_full_tiles(log: AuditLog, directory: Path, size: int) -> None:
    log.append([entry(number) for number in range(size - 1)])
    log.append([entry(size - 1)])
    full, width = divmod(size, 256)
    expected = {
        ".lock",
        "checkpoint",
        *(f"tile/{kind}/{n:03d}" for kind in ("0", "entries") for n in range(full)),
    }
    widths = {width, width - 1} - {0, -1}
    expected |= {f"tile/{kind}/{full:03d}.p/{w}" for kind in ("0", "entries") for w in widths}
    before = {(size - 1) // 256} if size > 256 else set()
    expected |= {f"tile/1/000.p/{w}" for w in {full, *before} - {0}}
    assert files_below(directory) == sorted(expected)
    report = verify_directory(directory, SIGNER.vkey)
    assert (report.size, report.beyond, report.findings) == (size, 0, ())
    for first in (1, size // 2, size - 1, size):
        edge = Edge()
        for number in range(first):
            edge.append(merkle.leaf_hash(entry(number).encode()))
        for index in (0, first - 1):
            leaf = merkle.leaf_hash(entry(index).encode())
            merkle.verify_inclusion(leaf, index, first, log.inclusion(index, first), edge.root())
        merkle.verify_consistency(first, size, log.consistency(first, size), edge.root(), report.root)


def test_every_checkpoint_is_continued_by_every_later_one(log: AuditLog) -> None:
    notes = [log.checkpoint()]
    number = 0
    for width in (1, 1, 253, 1, 1, 300):
        log.append([entry(at) for at in range(number, number + width)])
        number += width
        notes.append(log.checkpoint())
    sizes = [open_checkpoint(note, SIGNER.vkey).size for note in notes]
    for i, old in enumerate(notes):
        for j in range(i, len(notes)):
            check_consistency(old, notes[j], log.consistency(sizes[i], sizes[j]), SIGNER.vkey)


def test_an_id_is_written_once(log: AuditLog) -> None:
    log.append([entry(0)])
    note = log.checkpoint()
    again = log.append([replace(entry(0), at=5)])[0]
    assert (again.index, again.existed, again.entry) == (0, True, entry(0))
    assert log.checkpoint() == note
    twice = log.append([entry(1), entry(1), entry(0)])
    assert [(one.index, one.existed) for one in twice] == [(1, False), (1, True), (0, True)]
    assert log.size() == 2


def test_two_stories_under_one_id_are_refused_whole(log: AuditLog) -> None:
    log.append([entry(0)])
    for other in (replace(entry(0), facts={"n": 1}), replace(entry(0), kind="intent")):
        with pytest.raises(AuditError, match=r"audit\.entry-differs.*chunk-0 at index 0"):
            log.append([entry(7), other])
    with pytest.raises(AuditError, match=r"audit\.entry-differs"):
        log.append([entry(8), replace(entry(8), facts={})])
    assert log.size() == 1
    assert [one.index for one in log.append([entry(7)])] == [1]


def test_reopening(directory: Path) -> None:
    for number in range(5):
        log = open_log(directory)
        assert log.size() == number
        assert log.append([entry(number)])[0].index == number
        assert log.append([entry(0)])[0].existed
        log.close()
        log.close()
    with pytest.raises(AuditError, match=r"audit\.closed"):
        log.append([entry(9)])


def test_a_second_writer_is_refused(log: AuditLog, directory: Path) -> None:
    with pytest.raises(AuditError, match=r"audit\.in-use"):
        open_log(directory)
    log.append([entry(0)])


def test_find_by_index_and_by_scan(directory: Path) -> None:
    class NoPrefixes:
        """An index with no more than the port asks for."""

        def __init__(self) -> None:
            self._index = MemoryIndex()
            self.get, self.add, self.size = self._index.get, self._index.add, self._index.size

    own = Entry(entry_id("", "", 0, "node", "", "started-1"), "fact", 1, 0, "", "node", "", "node.started")
    requests = [OTHER_REQUEST if number % 3 else REQUEST for number in range(600)]
    for index in (MemoryIndex(), NoPrefixes()):
        log = open_log(directory, index)
        log.append([entry(number, request) for number, request in enumerate(requests)])
        log.append([own])
        assert [at for at, _ in log.find(REQUEST)] == list(range(0, 600, 3))
        assert [found.facts["n"] for _, found in log.find(REQUEST)] == list(range(0, 600, 3))
        assert list(log.find("")) == [(600, own)]
        assert list(log.find("a" * 32)) == []
        log.close()


def test_the_index_catches_up_and_is_not_believed(directory: Path) -> None:
    index = MemoryIndex()
    log = open_log(directory, index)
    log.append([entry(number) for number in range(300)])
    log.close()
    behind = MemoryIndex()
    behind.add([(entry(number).id, number) for number in range(100)])
    log = open_log(directory, behind)
    assert behind.size() == 300
    assert log.append([entry(299)])[0].existed
    log.close()
    wrong = MemoryIndex()
    wrong.add([(entry(number).id, 299 - number) for number in range(300)])
    log = open_log(directory, wrong)
    with pytest.raises(AuditError, match=r"audit\.damaged.*index of entry ids"):
        log.append([entry(0)])
    assert log.append([entry(300)])[0].index == 300
    log.close()


def test_an_older_copy_is_noticed(directory: Path, tmp_path: Path) -> None:
    """Continuing an old copy would sign a second history."""
    index = MemoryIndex()
    log = open_log(directory, index)
    log.append([entry(0)])
    log.close()
    shutil.copytree(directory, tmp_path / "old")
    log = open_log(directory, index)
    log.append([entry(1)])
    log.close()
    for place in (tmp_path / "old", tmp_path / "none"):
        with pytest.raises(AuditError, match=r"audit\.rolled-back"):
            open_log(place, index)


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        (lambda d: (d / "checkpoint").unlink(), "checkpoint-missing"),
        (lambda d: (d / "checkpoint").write_bytes(b"?"), "malformed-note"),
        (lambda d: (d / "checkpoint").write_bytes(NoteSigner.generate(SIGNER.name).sign("a\n")), "forged"),
        (lambda d: (d / "tile/0/001.p/44").unlink(), "damaged"),
        (lambda d: (d / "tile/0/001.p/44").write_bytes(bytes(44 * 32)), "damaged"),
        (lambda d: (d / "tile/1/000.p/1").write_bytes(bytes(31)), "damaged"),
        (lambda d: (d / "tile/entries/001.p/44").write_bytes(b""), "damaged"),
        (lambda d: (d / "tile/entries/001.p/44").unlink(), "damaged"),
        (lambda d: (d / "tile/entries/001.p/45").write_bytes(b"\0\0" * 45), "damaged"),
        (lambda d: (d / "tile/entries/001").write_bytes(b"\0\0" * 256), "damaged"),
    ],
)
def test_a_damaged_log_is_not_continued(directory: Path, harm: Callable[[Path], Any], code: str) -> None:
    log = open_log(directory)
    log.append([entry(number) for number in range(300)])
    log.close()
    harm(directory)
    for _ in range(2):  # and the lock is let go
        with pytest.raises(AuditError) as caught:
            open_log(directory)
        assert caught.value.code == f"audit.{code}"


def test_keys_rotate(directory: Path) -> None:
    log = open_log(directory)
    log.append([entry(0)])
    log.close()
    new = NoteSigner.from_seed(SIGNER.name, b"\x02" * 32)
    with pytest.raises(AuditError, match=r"audit\.forged"):
        AuditLog.open(directory, new.name, new, MemoryIndex(), fsync=False)
    log = AuditLog.open(directory, new.name, new, MemoryIndex(), fsync=False, previous=[SIGNER.vkey])
    assert verify_directory(directory, new.vkey).size == 1
    log.close()
    with pytest.raises(AuditError, match=r"audit\.malformed-key"):
        AuditLog.open(directory, "other", new, MemoryIndex())


def test_proofs_outside_the_log(log: AuditLog) -> None:
    log.append([entry(0)])
    for ask, code in (
        (lambda: log.inclusion(0, 2), "out-of-range"),
        (lambda: log.inclusion(1, 1), "no-proof"),
        (lambda: log.proof(1), "no-proof"),
        (lambda: log.consistency(0, 2), "out-of-range"),
        (lambda: log.consistency(1, 0), "no-proof"),
        (lambda: list(log.read(2, 1)), "out-of-range"),
        (lambda: list(log.read(-1, 1)), "out-of-range"),
    ):
        with pytest.raises(AuditError) as caught:
            ask()
        assert caught.value.code == f"audit.{code}"


class Counting(System):
    """Counts checkpoints, and can hold the disk back."""

    def __init__(self) -> None:
        super().__init__(fsync=False)
        self.checkpoints = 0
        self.go = threading.Event()
        self.go.set()

    def rename(self, source: Path, target: Path) -> None:
        self.go.wait(30)
        self.checkpoints += target.name == "checkpoint"
        super().rename(source, target)


async def test_coroutines_share_checkpoints(directory: Path) -> None:
    system = Counting()
    log = open_log(directory, system=system)
    done = await asyncio.gather(*(log.record(entry(number)) for number in range(500)))
    assert sorted(one.index for one in done) == list(range(500))
    assert all(one.entry == entry(number) for number, one in enumerate(done))
    assert system.checkpoints < 50
    assert verify_directory(directory, SIGNER.vkey).size == 500
    log.close()
    with pytest.raises(AuditError, match=r"audit\.closed"):
        await log.record(entry(0))


async def test_one_callers_mistake_is_not_the_others(log: AuditLog) -> None:
    bad = replace(entry(1), facts={"n": 99})
    outcomes = await asyncio.gather(
        *(log.record(one) for one in (entry(0), entry(1), bad, entry(1), entry(2))), return_exceptions=True
    )
    codes = [one.code if isinstance(one, AuditError) else "" for one in outcomes]
    assert codes == ["", "", "audit.entry-differs", "", ""]
    assert log.size() == 3


async def test_a_cancelled_caller_leaves_nothing_behind(directory: Path) -> None:
    system = Counting()
    log = open_log(directory, system=system)
    system.go.clear()
    first = asyncio.create_task(log.record(entry(0)))
    await asyncio.sleep(0)
    while not log._writing.locked() or log._queue:  # until the first is being written
        await asyncio.sleep(0)
    second = asyncio.create_task(log.record(entry(1)))
    await asyncio.sleep(0)
    second.cancel()
    first.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    await asyncio.sleep(0)  # a task's end reaches its ticket by a callback of the loop
    system.go.set()
    done = await log.record(entry(2))
    assert [found.facts["n"] for _, found in log.read(0, 9)] == [0, 2]  # the first had begun
    assert done.index == 1
    log.close()


def test_threads_share_checkpoints_and_readers_go_on(directory: Path) -> None:
    system = Counting()
    log = open_log(directory, system=system)
    log.append([entry(1000 + number) for number in range(200)])  # so that a tile becomes full meanwhile
    stop = threading.Event()
    seen: list[int] = []

    def look() -> None:
        while not stop.is_set():
            size = log.size()
            assert len(list(log.read(0, size))) == size
            assert verify_directory(directory, SIGNER.vkey).size >= size
            seen.append(size)

    def write(start: int) -> Sequence[int]:
        return [log.append([entry(start + number)])[0].index for number in range(40)]

    with ThreadPoolExecutor(7) as pool:
        looking = pool.submit(look)
        indices = [index for some in pool.map(write, range(0, 240, 40)) for index in some]
        stop.set()
        looking.result()
    assert sorted(indices) == list(range(200, 440))
    assert len(seen) > 1
    assert verify_directory(directory, SIGNER.vkey).size == 440
    log.close()


def test_a_full_disk_stops_the_log(directory: Path) -> None:
    class Full(System):
        full = False

        def write(self, fd: int, data: bytes) -> int:
            if self.full:
                raise OSError(28, "No space left on device")
            return super().write(fd, data)

    system = Full(fsync=False)
    log = open_log(directory, system=system)
    log.append([entry(0)])
    system.full = True
    with pytest.raises(AuditError, match=r"audit\.cannot-write.*No space left"):
        log.append([entry(1)])
    system.full = False
    with pytest.raises(AuditError, match=r"audit\.cannot-write"):
        log.append([entry(0)])
    assert [found for _, found in log.read(0, 9)] == [entry(0)]
    log.close()
    log = open_log(directory)
    assert [one.existed for one in log.append([entry(0), entry(1)])] == [True, False]
    log.close()
    system.full = True
    with pytest.raises(AuditError, match=r"audit\.cannot-write"):
        open_log(directory, system=system)
