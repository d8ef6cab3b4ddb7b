"""Chunks on disk."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from exchange_node.parcels import links_of, release_of
from exchange_node.store import Spool, StoreError

ASKED = "0" * 31 + "1"
LEG = (ASKED, "castle-nhs")


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """A spool with room for ten bytes a party."""
    return Spool(tmp_path / "spool", limit=10)


def code_of(call: object, *args: object) -> str:
    """The code that a call raises."""
    with pytest.raises(StoreError) as caught:
        call(*args)  # type: ignore[operator]
    return caught.value.code.removeprefix("store.")


def test_chunks_are_put_once_and_read_in_order(spool: Spool) -> None:
    assert spool.put(*LEG, "northgate-homes", 10, b"ten") is True
    assert spool.put(*LEG, "northgate-homes", 2, b"two") is True
    assert spool.put(*LEG, "northgate-homes", 2, b"two") is False
    assert code_of(spool.put, *LEG, "northgate-homes", 2, b"TWO") == "conflict"
    assert spool.indexes(*LEG, "northgate-homes") == [2, 10]
    assert spool.get(*LEG, "northgate-homes", 2) == b"two"
    assert spool.get(*LEG, "northgate-homes", 3) is None
    assert (spool.size(*LEG, "northgate-homes"), spool.size(*LEG, "castle-nhs")) == (6, 0)
    assert spool.indexes(*LEG, "castle-nhs") == []


def test_a_party_has_so_much_room_and_gets_it_back(spool: Spool) -> None:
    spool.put(*LEG, "northgate-homes", 0, b"1234567")
    assert code_of(spool.put, *LEG, "northgate-homes", 1, b"1234") == "quota"
    assert code_of(spool.put, "2" * 32, "castle-nhs", "northgate-homes", 1, b"1234") == "quota"
    assert spool.put(*LEG, "castle-nhs", 1, b"1234567890")
    assert spool.usage("northgate-homes") == 7
    assert spool.delete(*LEG, "northgate-homes") == 7
    assert (spool.usage("northgate-homes"), spool.usage("castle-nhs")) == (0, 10)
    assert spool.put(*LEG, "northgate-homes", 1, b"1234")


def test_deletion_leaves_nothing_of_a_leg(spool: Spool, tmp_path: Path) -> None:
    spool.put(*LEG, "northgate-homes", 0, b"123")
    spool.put(*LEG, "castle-nhs", 0, b"45")
    spool.put(ASKED, "riverside-care", "northgate-homes", 0, b"6")
    assert spool.delete(*LEG) == 5
    assert spool.delete(*LEG) == spool.delete(*LEG, "castle-nhs") == 0
    assert sorted(path.name for path in (tmp_path / "spool").rglob("*")) == sorted(
        [ASKED, "riverside-care", "northgate-homes", "00000000"]
    )
    assert spool.delete(ASKED, "riverside-care", "northgate-homes") == 1
    assert list((tmp_path / "spool").iterdir()) == []


def test_opening_counts_what_is_there_and_drops_what_was_not_finished(spool: Spool, tmp_path: Path) -> None:
    spool.put(*LEG, "northgate-homes", 0, b"123")
    unfinished = tmp_path / "spool" / ASKED / "castle-nhs" / "northgate-homes" / "writing"
    unfinished.write_bytes(b"12")
    again = Spool(tmp_path / "spool", limit=10)
    assert again.usage("northgate-homes") == 3
    assert again.indexes(*LEG, "northgate-homes") == [0]
    assert not unfinished.exists()


@pytest.mark.parametrize(
    ("request_id", "provider", "party", "index"),
    [
        ("../../etc", "castle-nhs", "northgate-homes", 0),
        (ASKED.upper().replace("0", "A"), "castle-nhs", "northgate-homes", 0),
        (ASKED + "\n", "castle-nhs", "northgate-homes", 0),
        (ASKED, "..", "northgate-homes", 0),
        (ASKED, "castle-nhs", "a/b", 0),
        (ASKED, "castle-nhs", "", 0),
        (ASKED, "castle-nhs", "northgate-homes.", 0),
        (ASKED, "castle-nhs", ".links", 0),
        (ASKED, "castle-nhs", "northgate-homes.links.links", 0),
        (ASKED, "castle-nhs.links", "northgate-homes", 0),
        (ASKED, "castle-nhs", "northgate-homes", -1),
        (ASKED, "castle-nhs", "northgate-homes", 100_000_000),
    ],
)
def test_names_hold_ids_alone(
    spool: Spool, tmp_path: Path, request_id: str, provider: str, party: str, index: int
) -> None:
    assert code_of(spool.put, request_id, provider, party, index, b"x") == "invalid"
    assert code_of(spool.get, request_id, provider, party, index) == "invalid"
    if index == 0 and party:
        assert code_of(spool.delete, request_id, provider, party) == "invalid"
    assert list((tmp_path / "spool").iterdir()) == []


def test_what_is_in_a_parcel_stands_beside_a_partys_encodings(spool: Spool) -> None:
    """Of an organisation with the longest id too; and no id is that of another's parcel."""
    for org in ("links", "links-castle-nhs", "release", "a" * 40):
        for party in (org, links_of(org), release_of(org)):
            assert spool.put(ASKED, "castle-nhs", party, 0, party.encode()[:3])
            assert spool.get(ASKED, "castle-nhs", party, 0) == party.encode()[:3]


@pytest.mark.parametrize("call", ["fsync", "rename", "mkdir", "open"])
def test_a_disk_that_fails_leaves_no_chunk_and_no_account(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as full:
        full.setattr(os, call, fail)
        assert code_of(spool.put, *LEG, "northgate-homes", 0, b"123") == "cannot-write"
    assert spool.get(*LEG, "northgate-homes", 0) is None
    assert spool.usage("northgate-homes") == 0
    assert spool.put(*LEG, "northgate-homes", 0, b"123")
    assert Spool(tmp_path / "spool", limit=10).usage("northgate-homes") == 3


def test_every_chunk_and_every_folder_is_synced_before_put_returns(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, rename = os.fsync, os.rename

    def note_sync(handle: int) -> None:
        done.append(f"sync {Path(os.readlink(f'/proc/self/fd/{handle}')).name}")
        fsync(handle)

    def note_rename(old: Path, new: Path) -> None:
        done.append(f"rename {old.name} {new.name}")
        rename(old, new)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "rename", note_rename)
    spool.put(*LEG, "northgate-homes", 7, b"123")
    assert done == [
        *("sync spool", f"sync {ASKED}", "sync castle-nhs"),
        *("sync writing", "rename writing 00000007", "sync northgate-homes"),
    ]


def test_of_many_threads_one_puts_a_chunk(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", limit=100)
    together, won = threading.Barrier(8), []

    def put(number: int) -> None:
        together.wait()
        try:
            won.append(spool.put(*LEG, "northgate-homes", 0, bytes([number])))
        except StoreError as error:
            assert error.code == "store.conflict"

    threads = [threading.Thread(target=put, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == [True]
    assert spool.usage("northgate-homes") == 1
