"""Every durable operation of the log killed, torn, robbed of power or failed; nothing acknowledged is lost.

What holds afterwards: the directory verifies, every acknowledged entry stands where it was said to,
none stands twice, every head that anybody can have seen is continued by the new one, no tile ever changes.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from exchange_node.audit.checkpoint import open_checkpoint
from exchange_node.audit.entry import Entry, entry_id
from exchange_node.audit.errors import AuditError
from exchange_node.audit.files import System
from exchange_node.audit.index import MemoryIndex
from exchange_node.audit.log import AuditLog
from exchange_node.audit.note import NoteSigner
from exchange_node.audit.verify import check_consistency, verify_directory

ORIGIN = "castle-nhs.example/audit"
SIGNER = NoteSigner.from_seed(ORIGIN, b"\x07" * 32)
REQUEST = "0123456789abcdef" * 2
BASE = 252
BATCHES = (1, 2, 3)  # the last crosses 256
TOTAL = BASE + sum(BATCHES)


def entry(number: int) -> Entry:
    part = f"chunk-{number}"
    name = entry_id(REQUEST, "castle-nhs", 5, "provider", "northgate-homes", part)
    facts = {"number": number}
    return Entry(name, "fact", 1000 + number, 5, REQUEST, "provider", "northgate-homes", "chunk.sent", facts)


ENTRIES = [entry(number) for number in range(TOTAL)]


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Undo:
    """A change of names that is not on stable storage until its directory is synced."""

    folder: Path
    revert: Callable[[], object]


@dataclass
class Trouble(System):
    """Counts durable operations; the one numbered `at` goes wrong in the way of `mode`.

    kill: it never happens. torn: half of it happens. eio, enospc: it fails and the process lives on.
    power-N: the process dies before it, and N of 4 quarters of the names not synced are lost with it,
    the newest first, and half the bytes of every file that was not synced.
    """

    mode: str
    at: int = -1
    count: int = 0
    history: dict[str, bytes] = field(default_factory=dict)
    pending: list[Undo] = field(default_factory=list)
    unsynced: set[Path] = field(default_factory=set)
    paths: dict[int, Path] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    def step(self, what: str, half: Callable[[], object] | None = None) -> None:
        self.log.append(what)
        number, self.count = self.count, self.count + 1
        if number != self.at:
            return
        if self.mode in ("eio", "enospc"):
            raise OSError(getattr(errno, self.mode.upper()), os.strerror(getattr(errno, self.mode.upper())))
        if self.mode == "torn" and half is not None:
            half()
        if self.mode.startswith("power"):
            self.lose_power(int(self.mode[-1]))
        raise Killed(what)

    def lose_power(self, quarters: int) -> None:
        for path in self.unsynced:
            if path.exists():
                os.truncate(path, path.stat().st_size // 2)
        lost = -(-len(self.pending) * quarters // 4)
        for undo in self.pending[::-1][:lost]:
            undo.revert()

    def open(self, path: Path, flags: int) -> int:
        if flags & os.O_CREAT:
            self.step(f"create {path.name}")
            self.pending.append(Undo(path.parent, lambda: path.unlink(missing_ok=True)))
        fd = os.open(path, flags, 0o600)
        self.paths[fd] = path
        if flags & os.O_CREAT:
            self.unsynced.add(path)
        return fd

    def write(self, fd: int, data: bytes) -> int:
        self.step("write", lambda: os.write(fd, data[: len(data) // 2]))
        return os.write(fd, data[: max(1, len(data) - 3)])  # short writes must be no trouble

    def fsync(self, fd: int) -> None:
        path = self.paths[fd]
        self.step(f"fsync {path.name}")
        self.unsynced.discard(path)
        if path.is_dir():
            # A directory whose removal is durable takes the names in it along.
            self.pending = [undo for undo in self.pending if undo.folder != path and undo.folder.is_dir()]

    def close(self, fd: int) -> None:
        os.close(fd)
        self.paths.pop(fd)

    def rename(self, source: Path, target: Path) -> None:
        self.step(f"rename {target.name}")
        before = target.read_bytes() if target.exists() else None
        content = source.read_bytes()

        def revert() -> None:
            source.write_bytes(content)
            if before is None:
                target.unlink()
            else:
                target.write_bytes(before)

        if target.name != "checkpoint":
            assert self.history.setdefault(str(target), content) == content, f"{target} was changed"
        os.replace(source, target)
        self.unsynced.discard(target)
        if source in self.unsynced:
            self.unsynced ^= {source, target}
        self.pending.append(Undo(target.parent, revert))

    def mkdir(self, path: Path) -> None:
        if path.exists():
            raise FileExistsError(errno.EEXIST, "File exists")
        self.step(f"mkdir {path.name}")
        os.mkdir(path)
        self.pending.append(Undo(path.parent, lambda: shutil.rmtree(path)))

    def unlink(self, path: Path) -> None:
        if not path.exists():
            raise FileNotFoundError(errno.ENOENT, "No such file or directory")
        self.step(f"unlink {path.name}")
        content = path.read_bytes()
        os.unlink(path)
        self.pending.append(Undo(path.parent, lambda: path.write_bytes(content)))

    def rmdir(self, path: Path) -> None:
        self.step(f"rmdir {path.name}")
        os.rmdir(path)
        self.pending.append(Undo(path.parent, lambda: path.mkdir()))


@dataclass
class Story:
    """What the outside knows of a log."""

    system: Trouble
    acknowledged: dict[int, Entry] = field(default_factory=dict)
    notes: list[bytes] = field(default_factory=list)


def open_log(directory: Path, system: System, index: MemoryIndex | None = None) -> AuditLog:
    return AuditLog.open(directory, ORIGIN, SIGNER, index or MemoryIndex(), system=system)


def write_all(directory: Path, story: Story) -> None:
    """Append all batches, noting what is acknowledged; the trouble comes where it comes."""
    log = open_log(directory, story.system)
    try:
        start = BASE
        for width in BATCHES:
            batch = ENTRIES[start : start + width]
            start += width
            for done in log.append(batch):
                story.acknowledged[done.index] = done.entry
            story.notes.append(log.checkpoint())
    except AuditError as error:
        assert error.code == "audit.cannot-write"
        with pytest.raises(AuditError, match=r"audit\.cannot-write"):
            log.append([ENTRIES[0]])  # not even what needs no writing
        raise
    finally:
        log.close()


def check_after(directory: Path, story: Story) -> None:
    """Reopen on a disk that works, and hold the log to everything it said before."""
    visible = (directory / "checkpoint").read_bytes()
    before = verify_directory(directory, SIGNER.vkey)
    assert before.size > max(story.acknowledged, default=-1)  # under a checkpoint, before any recovery
    log = open_log(directory, Trouble("none", history=story.system.history))
    try:
        assert log.size() == before.size + before.beyond  # adopted forward
        stored = dict(log.read(0, log.size()))
        for index, told in story.acknowledged.items():
            assert stored[index] == told
        again = log.append(ENTRIES[BASE:])
        assert [done.index for done in again] == list(range(BASE, TOTAL))
        assert [done.existed for done in again] == [number in stored for number in range(BASE, TOTAL)]
        for note in [*story.notes, visible]:
            size = open_checkpoint(note, SIGNER.vkey).size
            check_consistency(note, log.checkpoint(), log.consistency(size, TOTAL), SIGNER.vkey)
    finally:
        log.close()
    report = verify_directory(directory, SIGNER.vkey)
    assert (report.size, report.beyond, report.findings) == (TOTAL, 0, ())
    partials = sorted(path.relative_to(directory).as_posix() for path in directory.glob("tile/**/*.p"))
    last = f"{TOTAL // 256:03d}.p"
    assert partials == [f"tile/0/{last}", "tile/1/000.p", f"tile/entries/{last}"]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("base") / "audit"
    log = open_log(directory, System(fsync=False))
    log.append(ENTRIES[: BASE - 1])
    log.append(ENTRIES[BASE - 1 : BASE])
    log.close()
    return directory


def fresh_copy(base: Path, tmp_path: Path) -> Path:
    directory = tmp_path / "audit"
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(base, directory)
    return directory


def operations(base: Path, tmp_path: Path) -> list[str]:
    story = Story(Trouble("none"))
    write_all(fresh_copy(base, tmp_path), story)
    assert len(story.acknowledged) == TOTAL - BASE
    return story.system.log


MODES = ("kill", "torn", "power-4", "power-2", "power-0", "eio", "enospc")


def go_wrong(base: Path, tmp_path: Path, mode: str, numbers: Iterable[int], names: list[str]) -> None:
    for at in numbers:
        directory = fresh_copy(base, tmp_path)
        story = Story(Trouble(mode, at))
        # A failure to remove an obsolete partial tile harms nothing, so it is no error.
        harmless = names[at].startswith(("unlink", "rmdir")) and mode in ("eio", "enospc")
        with nullcontext() if harmless else pytest.raises((Killed, AuditError)):
            write_all(directory, story)
        check_after(directory, story)


@pytest.mark.parametrize("mode", MODES)
def test_an_operation_may_go_wrong(base: Path, tmp_path: Path, mode: str) -> None:
    """A part of the matrix: each way of going wrong at every fourth operation, each way at another fourth."""
    names = operations(base, tmp_path)
    assert {name.split()[0] for name in names} == {
        "mkdir", "create", "write", "fsync", "rename", "unlink", "rmdir"
    }  # fmt: skip
    go_wrong(base, tmp_path, mode, range(MODES.index(mode) % 4, len(names), 4), names)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_any_operation_may_go_wrong(base: Path, tmp_path: Path, mode: str) -> None:
    """The whole matrix."""
    names = operations(base, tmp_path)
    go_wrong(base, tmp_path, mode, range(len(names)), names)


@pytest.mark.parametrize(
    "mode", ["kill", "power-2", *(pytest.param(mode, marks=pytest.mark.slow) for mode in ("power-4", "eio"))]
)
def test_recovery_itself_may_go_wrong(base: Path, tmp_path: Path, mode: str) -> None:
    """Crash twice: while appending, and at each operation of the recovery after it."""
    names = operations(base, tmp_path)
    renames = [at for at, name in enumerate(names) if name.startswith("rename")]
    tried = 0
    for first in (renames[1], renames[-3]):
        second = 0
        while True:
            directory = fresh_copy(base, tmp_path)
            story = Story(Trouble("kill", first))
            with pytest.raises(Killed):
                write_all(directory, story)
            trouble = Trouble(mode, second, history=story.system.history)
            try:
                open_log(directory, trouble).close()
            except (Killed, AuditError):
                tried += 1
            story.system = trouble
            check_after(directory, story)
            if second >= trouble.count:
                break
            second += 1
    assert tried > 30


def test_what_is_seen_after_a_failed_sync_is_not_believed(base: Path, tmp_path: Path) -> None:
    """A sync fails, the log is reopened, finds all there and says so; then the power goes."""
    names = operations(base, tmp_path)
    syncs = [at for at, name in enumerate(names) if name.startswith("fsync")]
    for at in syncs[-16:]:
        directory = fresh_copy(base, tmp_path)
        story = Story(Trouble("eio", at))
        with pytest.raises(AuditError):
            write_all(directory, story)
        log = open_log(directory, story.system)  # `at` is behind it: this disk works again
        for done in log.append(ENTRIES[BASE:]):
            story.acknowledged[done.index] = done.entry
        story.notes.append(log.checkpoint())
        log.close()
        story.system.lose_power(4)
        check_after(directory, story)


def test_beginning_may_go_wrong(tmp_path: Path) -> None:
    """A new log, killed at each operation before it has said anything."""
    for mode in ("kill", "torn", "power-4", "eio"):
        for at in range(100):
            directory = tmp_path / f"{mode}-{at}" / "audit"
            trouble = Trouble(mode, at)
            try:
                open_log(directory, trouble).close()
            except (Killed, AuditError):
                log = open_log(directory, System(fsync=False))
                assert log.size() == 0
                log.close()
                assert verify_directory(directory, SIGNER.vkey).size == 0
                continue
            assert at > 5
            break


def test_an_index_that_fails_is_made_up_for(tmp_path: Path) -> None:
    """The index is a cache: a database that is locked for a while neither stops the log nor doubles an entry."""

    class Failing(MemoryIndex):
        failing = True
        late = False

        def add(self, ids: Sequence[tuple[str, int]]) -> None:
            if self.failing and not self.late:
                raise RuntimeError("database is locked")
            assert [index for _, index in ids] == list(range(self.size(), self.size() + len(ids)))
            super().add(ids)
            if self.failing:
                raise RuntimeError("it was written, but the answer got lost")

    index = Failing()
    log = open_log(tmp_path / "audit", System(fsync=False), index)
    for _ in range(2):
        assert [done.index for done in log.append(ENTRIES[:3])] == [0, 1, 2]
    assert index.size() == 0
    assert len(list(log.find(REQUEST))) == 3
    index.late = True
    log.append(ENTRIES[3:4])
    assert index.size() == 4
    index.failing = False
    assert [done.existed for done in log.append(ENTRIES[:5])] == [True, True, True, True, False]
    assert [place for place, _ in log.find(REQUEST)] == list(range(5))
    assert index.size() == 5
    log.close()


WRITER = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[1:2]
from exchange_node.audit.entry import Entry, entry_id
from exchange_node.audit.index import MemoryIndex
from exchange_node.audit.log import AuditLog
from exchange_node.audit.note import NoteSigner
import asyncio
origin, request = "castle-nhs.example/audit", "0123456789abcdef" * 2
log = AuditLog.open(Path(sys.argv[2]), origin, NoteSigner.from_seed(origin, bytes([7]) * 32), MemoryIndex())
async def one(number):
    name = entry_id(request, "castle-nhs", 5, "provider", "northgate-homes", f"chunk-{number}")
    done = await log.record(Entry(name, "fact", 1, 5, request, "provider", "northgate-homes", "chunk.sent"))
    print(done.index, done.entry.id, flush=True)
async def main():
    start = log.size()
    while True:
        await asyncio.gather(*(one(start + offset) for offset in range(7)))
        start += 7
asyncio.run(main())
"""


def lines_until(process: subprocess.Popen[str], wanted: int) -> Iterator[str]:
    assert process.stdout is not None
    for _ in range(wanted):
        yield process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    yield from process.stdout  # what it could still say


def test_sigkill_in_full_flow(tmp_path: Path) -> None:
    """Real processes, real SIGKILL, wherever it meets them."""
    directory = tmp_path / "audit"
    repository = Path(__file__).parents[2]
    acknowledged: dict[int, str] = {}
    notes: list[bytes] = []
    for wanted in (3, 40, 150, 151, 152, 153):
        command = [sys.executable, "-c", WRITER, str(repository), str(directory)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for line in lines_until(process, wanted):
                if line.endswith("\n"):  # else the kill met the print, not the log
                    index, name = line.split()
                    assert acknowledged.setdefault(int(index), name) == name
        assert process.returncode == -signal.SIGKILL
        report = verify_directory(directory, SIGNER.vkey)
        assert report.size >= max(acknowledged) + 1
        notes.append((directory / "checkpoint").read_bytes())
    log = open_log(directory, System(fsync=False))
    stored = {index: told.id for index, told in log.read(0, log.size())}
    assert len(set(stored.values())) == len(stored)
    assert all(stored[index] == name for index, name in acknowledged.items())
    for note in notes:
        proof = log.consistency(open_checkpoint(note, SIGNER.vkey).size, log.size())
        check_consistency(note, log.checkpoint(), proof, SIGNER.vkey)
    log.close()
