"""A node's audit log: entries under deterministic ids, written in shared batches, and their proofs."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from exchange_node.audit import merkle
from exchange_node.audit.entry import Entry
from exchange_node.audit.errors import AuditError
from exchange_node.audit.files import Files, System
from exchange_node.audit.index import EntryIndex, PrefixIndex
from exchange_node.audit.note import NoteSigner
from exchange_node.audit.proof import make_proof
from exchange_node.audit.writer import Writer, decode_entry

_CATCH_UP = 4096  # entries given to the index at a time
_WRONG_INDEX = "the index of entry ids is wrong; remove it, and it is built anew"


@dataclass(frozen=True, slots=True)
class Appended:
    """Where an entry stands, and the checkpoint (signed note) that covers it."""

    index: int
    entry: Entry
    checkpoint: bytes
    existed: bool  # it was there before; `entry` is then the one that was stored


@dataclass(frozen=True, slots=True)
class _Ticket:
    """A caller's entries with their bytes, waiting to be written together with others."""

    entries: Sequence[tuple[Entry, bytes]]
    done: Future[list[Appended]] = field(default_factory=Future)


@dataclass(slots=True)
class _Batch:
    """What one checkpoint will cover: new entries by id, and where each ticket's entries stand."""

    start: int
    new: dict[str, tuple[int, Entry, bytes]] = field(default_factory=dict)
    places: list[tuple[_Ticket, list[tuple[int, Entry, bool]]]] = field(default_factory=list)


class AuditLog:
    """An append-only transparency log in a directory; its only writer; all methods are thread-safe."""

    def __init__(self, writer: Writer, index: EntryIndex) -> None:
        """Use `open`."""
        self._writer = writer
        self._index = index
        self._queue: deque[_Ticket] = deque()
        self._writing = threading.Lock()
        self._stopped: tuple[str, str] | None = None  # code and detail of why nothing is written any more
        self._unindexed: dict[str, int] = {}  # ids that the index could not take yet
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="audit")

    @classmethod
    def open(
        cls,
        directory: Path,
        origin: str,
        signer: NoteSigner,
        index: EntryIndex,
        *,
        fsync: bool = True,
        previous: Sequence[str] = (),
        system: System | None = None,
    ) -> AuditLog:
        """Open a log for writing, or begin one where the directory is empty; recovers after a crash.

        `previous` are vkeys the log was signed with before its key was rotated; `system` is for tests of
        faults. `fsync=False` is for tests only: it gives up every promise of `append`.

        Raises:
            AuditError: `in-use`, `damaged`, `forged`, `checkpoint-missing`, `rolled-back` (the index knows
                more entries than the log has), `cannot-write`, `cannot-read`, `malformed-*`.
        """
        if signer.name != origin:
            raise AuditError("malformed-key", "the key's name is not the log's origin")
        try:
            files = Files(directory, system or System(fsync=fsync))
        except OSError as error:
            raise AuditError("cannot-write", _reason(error)) from error
        try:
            writer = Writer(files, origin, signer)
            writer.recover([signer.vkey, *previous])
            log = cls(writer, index)
            log._catch_up()
        except BaseException as error:
            files.close()
            if isinstance(error, OSError):
                raise AuditError("cannot-write", _reason(error)) from error
            raise
        return log

    def append(self, entries: Sequence[Entry]) -> list[Appended]:
        """Write entries and wait. Blocks; callers at the same time share one checkpoint.

        This MUST NOT return before every entry is durable in the tiles and covered by a signed checkpoint
        that is durable itself; an effect that an entry announces MUST NOT begin before. If it raises, a
        caller MUST treat the entry as not written and MUST NOT go on to the effect; it MAY stand in the log
        all the same, and a later append of the same entry then finds it.

        An id that the log has already gives the index and entry that are stored, whatever `at` says now. All
        entries of a call are written or none.

        Raises:
            AuditError: `entry-differs` if the log tells another story under an id; `cannot-write` if anything
                failed on the way to the disk, now or ever since `open`: nothing is tried again after that,
                because a disk that failed to sync may have dropped what it said it kept; `closed`,
                `too-large`, `malformed-entry`.
        """
        ticket = self._enqueue(entries)
        self._drain()
        return ticket.done.result()

    async def record(self, entry: Entry) -> Appended:
        """`append` of one entry for coroutines: those that wait at the same time are written together.

        A caller that is cancelled before its entry's turn leaves nothing behind; later, the entry is written.
        """
        ticket = self._enqueue([entry])
        try:
            self._worker.submit(self._drain)
        except RuntimeError:
            raise AuditError("closed") from None
        return (await asyncio.wrap_future(ticket.done))[0]

    def checkpoint(self) -> bytes:
        """The newest signed checkpoint, durable."""
        return self._writer.head.note

    def size(self) -> int:
        """How many entries are under the newest checkpoint."""
        return self._writer.head.size

    def consistency(self, first: int, second: int) -> list[bytes]:
        """Proof that the log of `second` entries continues that of `first`. May raise `out-of-range`."""
        return merkle.consistency_proof(self._node(second), first, second)

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """Proof that an entry is in the tree of `size`. Raises `out-of-range`, `no-proof`."""
        return merkle.inclusion_proof(self._node(size), index, size)

    def proof(self, index: int) -> bytes:
        """A `tlog-proof@v1` file for an entry, against the newest checkpoint. Raises `no-proof`."""
        head = self._writer.head
        return make_proof(index, self.inclusion(index, head.size), head.note)

    def read(self, start: int, end: int) -> Iterator[tuple[int, Entry]]:
        """Entries from `start` up to `end`, which may be beyond the last. May raise `damaged`."""
        if not 0 <= start <= end:
            raise AuditError("out-of-range", f"entries {start} to {end}")
        size = self.size()
        for index, data in self._writer.reader.entries(start, min(end, size), size):
            yield index, decode_entry(index, data)

    def find(self, request: str) -> Iterator[tuple[int, Entry]]:
        """The entries of one request in their order; `""` gives the node's own matters.

        By the index if it can list ids by prefix; else by a scan of the whole log, which reads but does not
        parse what belongs to other requests.
        """
        size = self.size()
        prefix = f"{request or '-'}/"
        if isinstance(self._index, PrefixIndex):
            waiting = [index for name, index in self._unindexed.items() if name.startswith(prefix)]
            for index in sorted({*self._index.starting(prefix), *waiting}):
                if index < size:
                    yield index, self._entry(index)
            return
        mark = f'"id":"{prefix}'.encode()
        for index, data in self._writer.reader.entries(0, size, size):
            if mark in data and (entry := decode_entry(index, data)).request == request:
                yield index, entry

    def close(self) -> None:
        """Finish what waits, then let another writer in. Later appends raise `closed`."""
        self._worker.shutdown(wait=True)
        self._drain()
        with self._writing:
            if self._stopped is None or self._stopped[0] != "closed":
                self._stopped = ("closed", "")
                self._writer.files.close()

    def _enqueue(self, entries: Sequence[Entry]) -> _Ticket:
        ticket = _Ticket([(entry, entry.encode()) for entry in entries])
        self._queue.append(ticket)
        return ticket

    def _drain(self) -> None:
        """Write all that waits as one batch. Whoever comes second finds its ticket done by the first."""
        with self._writing:
            tickets = []
            while self._queue:
                ticket = self._queue.popleft()
                if ticket.done.set_running_or_notify_cancel():
                    tickets.append(ticket)
            try:
                self._settle(tickets)
            except BaseException as error:
                self._stopped = self._stopped or ("cannot-write", _reason(error))
                for ticket in tickets:
                    if not ticket.done.done():
                        failure = AuditError(*self._stopped)
                        failure.__cause__ = error
                        ticket.done.set_exception(failure)
                if not isinstance(error, Exception):
                    raise

    def _settle(self, tickets: Sequence[_Ticket]) -> None:
        if self._stopped is not None:
            raise AuditError(*self._stopped)
        batch = _Batch(self.size())
        for ticket in tickets:
            try:
                self._place(ticket, batch)
            except Exception as error:  # one caller's mistake is theirs alone
                ticket.done.set_exception(error)
        if batch.new:
            self._writer.commit([data for _, _, data in batch.new.values()])
            self._remember({name: index for name, (index, _, _) in batch.new.items()})
        note = self.checkpoint()
        for ticket, places in batch.places:
            ticket.done.set_result([Appended(at, entry, note, existed) for at, entry, existed in places])

    def _place(self, ticket: _Ticket, batch: _Batch) -> None:
        """Find each entry's index; what is new joins the batch once the whole ticket is found to be good."""
        places: list[tuple[int, Entry, bool]] = []
        new: dict[str, tuple[int, Entry, bytes]] = {}
        for entry, data in ticket.entries:
            waiting = new.get(entry.id) or batch.new.get(entry.id)
            known = waiting[:2] if waiting else self._stored(entry.id)
            if known is None:
                index = batch.start + len(batch.new) + len(new)
                new[entry.id] = (index, entry, data)
                places.append((index, entry, False))
            elif known[1].says_the_same(entry):
                places.append((*known, True))
            else:
                raise AuditError("entry-differs", f"{entry.id} at index {known[0]}")
        batch.new |= new
        batch.places.append((ticket, places))

    def _remember(self, ids: dict[str, int]) -> None:
        """Tell the index. The tiles are the truth: what it cannot take now waits for the next batch or start."""
        self._unindexed = {**self._unindexed, **ids}
        with suppress(Exception):
            known = self._index.size()
            self._index.add([(name, index) for name, index in self._unindexed.items() if index >= known])
            self._unindexed = {}

    def _stored(self, entry_id: str) -> tuple[int, Entry] | None:
        index = self._unindexed.get(entry_id)
        if index is None and (index := self._index.get(entry_id)) is None:
            return None
        entry = self._entry(index)
        if entry.id != entry_id:
            raise AuditError("damaged", _WRONG_INDEX)
        return index, entry

    def _entry(self, index: int) -> Entry:
        size = self.size()
        if not 0 <= index < size:
            raise AuditError("damaged", _WRONG_INDEX)
        _, data = next(self._writer.reader.entries(index, index + 1, size))
        return decode_entry(index, data)

    def _node(self, size: int) -> merkle.Node:
        current = self.size()
        if not 0 <= size <= current:
            raise AuditError("out-of-range", f"size {size}")
        return self._writer.reader.node(current)  # older sizes need not have had tiles of their own

    def _catch_up(self) -> None:
        known, size = self._index.size(), self.size()
        if known > size:
            raise AuditError("rolled-back", f"{size} entries, {known} known")
        for start in range(known, size, _CATCH_UP):
            self._index.add([(entry.id, index) for index, entry in self.read(start, start + _CATCH_UP)])


def _reason(error: BaseException) -> str:
    """Why writing failed, in the system's words and without a path."""
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
