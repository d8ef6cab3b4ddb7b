"""What the store promises, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import traceback
from dataclasses import replace

import pytest
from sqlalchemy import select

from exchange_node.audit.index import PrefixIndex
from exchange_node.store import Store, StoreError
from exchange_node.store.tables import metadata
from tests.store_life import ASKED, NOW, a_choice, a_leg, a_message, a_request, everything, fails

CANARY = "Zebediah Quillfeather"


# -- the node itself


def test_meta_keeps_the_last_value_of_a_key(store: Store) -> None:
    assert store.meta.get("origin") is None
    store.meta.set("origin", "one")
    store.meta.set("origin", "two")
    assert store.meta.get("origin") == "two"


def test_high_water_never_falls(store: Store) -> None:
    assert [store.meta.raise_high_water(now) for now in (NOW, NOW - 5, NOW + 1, NOW)] == [
        NOW,
        NOW,
        NOW + 1,
        NOW + 1,
    ]


def test_what_was_written_is_there_after_reopening(url: str) -> None:
    with Store.open(url) as first:
        first.meta.set("origin", "one")
    with Store.open(url) as second:
        assert second.meta.get("origin") == "one"


def test_a_second_process_is_kept_out_and_a_closed_store_says_so(url: str) -> None:
    first = Store.open(url)
    fails("in-use", lambda: Store.open(url))
    first.close()
    first.close()
    fails("closed", lambda: first.meta.get("origin"))
    Store.open(url).close()


# -- messages, sealed things, evidence


def test_nobody_says_two_things_in_one_place(store: Store) -> None:
    message = a_message()
    assert store.messages.put(message) is True
    assert store.messages.put(replace(message, at=NOW + 4)) is False
    fails("message-differs", lambda: store.messages.put(a_message(digest="c" * 64)))
    assert store.messages.put(replace(message, direction="sent")) is True
    fails("invalid", lambda: store.messages.put(replace(message, direction="sideways")))
    key = (ASKED, "castle-nhs", "received", "northgate-homes", "SubmitRequest")
    assert store.messages.get(*key) == message
    assert store.messages.get(*key[:-1], "Other") is None
    assert len(store.messages.list(ASKED)) == 2


def test_secrets_are_kept_until_they_are_destroyed(store: Store) -> None:
    store.secrets.put(ASKED, "castle-nhs", "share", b"sealed")
    store.secrets.put(ASKED, "castle-nhs", "share", b"sealed")
    store.secrets.put(ASKED, "castle-nhs", "seed", bytes(range(256)))
    store.secrets.put(ASKED, "riverside-care", "seed", b"theirs")
    fails("conflict", lambda: store.secrets.put(ASKED, "castle-nhs", "share", b"other"))
    assert store.secrets.get(ASKED, "castle-nhs", "seed") == bytes(range(256))
    assert store.secrets.destroy(ASKED, "castle-nhs") == 2
    assert store.secrets.destroy(ASKED, "castle-nhs") == 0
    assert store.secrets.get(ASKED, "castle-nhs", "seed") is None
    assert store.secrets.get(ASKED, "riverside-care", "seed") == b"theirs"


def test_openings_and_results(store: Store) -> None:
    store.openings.put("e1", "linked", b"s1", b"v1")
    store.openings.put("e1", "denied", b"s2", b"v2")
    store.openings.put("e1", "linked", b"s1", b"sealed again")
    assert [(made.name, made.value) for made in store.openings.get("e1")] == [
        ("denied", b"v2"),
        ("linked", b"v1"),
    ]
    assert store.openings.get("e2") == []
    store.results.put(ASKED, "castle-nhs", b"box", {"rows": 3}, NOW)
    store.results.put(ASKED, "castle-nhs", b"box", {"rows": 3}, NOW)
    result = store.results.get(ASKED, "castle-nhs")
    assert result is not None and (result.sealed, result.summary) == (b"box", {"rows": 3})
    assert store.results.list(ASKED) == [result]
    fails("conflict", lambda: store.results.put(ASKED, "castle-nhs", b"other", {}, NOW))
    assert [store.results.delete(ASKED, "castle-nhs") for _ in range(2)] == [True, False]
    assert store.results.get(ASKED, "castle-nhs") is None


def test_a_peers_checkpoint_only_advances(store: Store) -> None:
    assert store.peers.get("castle-nhs") is None
    for note, size in ((b"head 5\n\nsig", 5), (b"head 5\n\nsig and another", 5), (b"head 9\n\nsig", 9)):
        store.peers.advance("castle-nhs", note, size)
        assert store.peers.get("castle-nhs") == note
    fails("conflict", lambda: store.peers.advance("castle-nhs", b"head 8\n\nsig", 8))
    fails("conflict", lambda: store.peers.advance("castle-nhs", b"another head 9\n\nsig", 9))
    assert store.peers.get("castle-nhs") == b"head 9\n\nsig"


def test_the_audit_index_has_no_gaps_and_finds_prefixes(store: Store) -> None:
    index = store.audit_index
    assert isinstance(index, PrefixIndex)
    assert (index.size(), index.get("x"), index.starting("")) == (0, None, [])
    names = ["-/-/0/node/-/start", f"{ASKED}/a", f"{ASKED}0/a", f"{ASKED}/B", f"{ASKED}/-", "É"]
    index.add(list(zip(names[:2], (0, 1), strict=True)))
    index.add([])
    index.add(list(zip(names[2:], (2, 3, 4, 5), strict=True)))
    assert (index.size(), index.get(f"{ASKED}/a")) == (6, 1)
    assert index.by_request(ASKED) == [1, 3, 4]
    assert index.starting(ASKED) == [1, 2, 3, 4]
    assert index.starting("-/") == [0]
    assert index.starting("") == [0, 1, 2, 3, 4, 5]
    for wrong in ([("new", 7)], [("new", 5)], [("new", 6), ("newer", 8)], [("new", 6), (f"{ASKED}/a", 7)]):
        fails("conflict", lambda wrong=wrong: index.add(wrong))  # type: ignore[misc]
    assert index.size() == 6


def test_the_quota_counts_a_partys_chunks(store: Store) -> None:
    store.spool.put(ASKED, "castle-nhs", "northgate-homes", 0, b"12345")
    assert store.quota.bytes_held("northgate-homes") == 5
    assert store.quota.bytes_held("castle-nhs") == 0


# -- what holds for all of it


def test_the_fault_hook_stands_before_and_after_every_write(store: Store) -> None:
    names: list[str] = []
    store.faults = names.append
    everything(store)
    pairs = list(zip(names[::2], names[1::2], strict=True))
    assert all(one.removesuffix(".before") == two.removesuffix(".after") for one, two in pairs)
    emptied = {"store.log.empty.before"} if store.database.engine.dialect.name == "sqlite" else set()
    assert {one for one, _ in pairs} - emptied == {
        f"store.{subject}.before"
        for subject in (
            *("meta.set", "meta.raise-high-water", "users.add", "users.revoke", "documents.put-manifest"),
            *(
                "documents.put-agreement",
                "choices.add",
                "choices.add-all",
                "choices.withdraw",
                "requests.create",
                "approvals.add",
            ),
            *(
                "messages.put",
                "openings.put",
                "peers.advance",
                "results.put",
                "results.delete",
                "secrets.put",
            ),
            *("secrets.destroy", "audit-index.add", "legs.touch-progress", "legs.retry-later", "legs.move"),
            *("legs.release-move", "requests.finish", "spool.put", "spool.delete"),
        )
    }


def test_a_write_is_wholly_undone_before_its_fault_point_and_wholly_done_after(store: Store) -> None:
    seen: list[tuple[str, object]] = []

    def look(point: str) -> None:
        with store.database.read() as connection:
            rows = {name: connection.execute(select(table)).all() for name, table in metadata.tables.items()}
        seen.append((point, (rows, sorted(store.spool.indexes(ASKED, "castle-nhs", "northgate-homes")))))

    store.faults = look
    everything(store)
    for (before, at_first), (after, at_last) in zip(seen[::2], seen[1::2], strict=True):
        assert before.endswith(".before") and after.endswith(".after")
        assert (at_first == at_last) is before.startswith("store.log.empty"), before
    for (_, left), (_, found) in zip(seen[1::2], seen[2::2], strict=False):
        assert left == found


def test_values_that_no_database_can_carry_are_invalid(store: Store) -> None:
    for call in (
        lambda: store.meta.set("key", f"{CANARY} \ud800"),
        lambda: store.meta.get(f"{CANARY} \ud800"),
        lambda: store.meta.raise_high_water(2**70),
        lambda: store.requests.create(a_request(deadline=-(2**70)), []),
    ):
        assert CANARY not in "".join(traceback.format_exception(fails("invalid", call)))
    store.meta.set("key", "value")


def test_errors_and_reprs_hold_no_value(store: Store) -> None:
    store.users.add(CANARY, "analyst", "1" * 64, "s1", NOW, NOW)
    store.requests.create(a_request(analyst=CANARY, reason=CANARY), [a_leg(progress={CANARY: CANARY})])
    store.choices.add(a_choice(CANARY, recorded_by=CANARY, ref=CANARY))
    store.approvals.add(ASKED, "castle-nhs", CANARY, "refuse", CANARY, NOW)
    kept = [store.users.list(), store.requests.list(), store.legs.list(ASKED), store.choices.list()]
    assert CANARY not in repr([*kept, store.approvals.get(ASKED, "castle-nhs")])
    for call in (
        lambda: store.users.add("other", "analyst", "1" * 64, CANARY, NOW, NOW),
        lambda: store.users.add(CANARY, CANARY, "2" * 64, CANARY, NOW, NOW),
        lambda: store.users.revoke(CANARY + "!", NOW),
        lambda: store.choices.add(a_choice(CANARY, kind=CANARY)),
        lambda: store.choices.withdraw(CANARY, NOW, CANARY),
        lambda: store.requests.create(a_request(role=CANARY), []),
        lambda: store.requests.finish(ASKED, "provider", CANARY, CANARY, NOW),
        lambda: store.messages.put(a_message(kind=CANARY, direction=CANARY)),
        lambda: store.users.add(CANARY, None, "2" * 64, CANARY, NOW, NOW),  # type: ignore[arg-type]
        lambda: store.users.add(CANARY, "analyst", "2" * 64, CANARY, {CANARY}, NOW),  # type: ignore[arg-type]
        lambda: store.legs.touch_progress(a_leg(), {CANARY: {CANARY}}),
    ):
        with pytest.raises(StoreError) as caught:
            call()
        assert CANARY not in "".join(traceback.format_exception(caught.value))
