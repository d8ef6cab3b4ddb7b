"""What the store promises, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import select

from exchange_node.audit.index import PrefixIndex
from exchange_node.store import Store, StoreError
from exchange_node.store.model import Choice, Leg, Opening, Secret
from exchange_node.store.tables import metadata
from tests.store_life import ASKED, NOW, a_choice, a_leg, a_message, a_request, everything

CANARY = "Zebediah Quillfeather"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'node.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def store(url: str, tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with Store.open(url, spool=tmp_path / "spool") as opened:
        yield opened


def fails(code: str, call: Callable[[], object]) -> StoreError:
    """The call raises this code."""
    with pytest.raises(StoreError) as caught:
        call()
    assert caught.value.code == f"store.{code}"
    return caught.value


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


# -- people


def test_users_are_found_by_certificate_and_revoked_by_name(store: Store) -> None:
    added = store.users.add("ana", "analyst", "1" * 64, "s1", NOW + 10, NOW)
    store.users.add("ana", "analyst", "2" * 64, "s2", NOW + 99, NOW + 5)
    store.users.add("olu", "officer", "3" * 64, "s3", NOW + 10, NOW)
    assert store.users.by_fingerprint("1" * 64) == added
    assert store.users.by_fingerprint("9" * 64) is None
    assert store.users.revoke("ana", NOW + 7) == 2
    assert store.users.revoke("ana", NOW + 8) == 0
    assert [(user.name, user.revoked_at) for user in store.users.list()] == [
        ("ana", NOW + 7),
        ("ana", NOW + 7),
        ("olu", None),
    ]
    fails("not-found", lambda: store.users.revoke("nobody", NOW))
    fails("conflict", lambda: store.users.add("olu", "analyst", "1" * 64, "s1", NOW + 10, NOW))
    fails("invalid", lambda: store.users.add("eve", "king", "4" * 64, "s4", NOW + 10, NOW))


def test_a_leg_is_approved_or_refused_once(store: Store) -> None:
    assert store.approvals.get(ASKED, "castle-nhs") is None
    made = store.approvals.add(ASKED, "castle-nhs", "olu", "approve", "in order", NOW)
    store.approvals.add(ASKED, "castle-nhs", "olu", "approve", "in order", NOW + 9)
    assert store.approvals.get(ASKED, "castle-nhs") == made
    fails("conflict", lambda: store.approvals.add(ASKED, "castle-nhs", "olu", "refuse", "in order", NOW))
    fails("conflict", lambda: store.approvals.add(ASKED, "castle-nhs", "eve", "approve", "in order", NOW))


# -- documents


def test_a_manifest_number_stands_for_one_digest(store: Store) -> None:
    documents = store.documents
    assert documents.latest_manifest() is None
    documents.put_manifest(2, "2" * 64, b"two", NOW)
    documents.put_manifest(1, "1" * 64, b"one", NOW + 1)
    documents.put_manifest(2, "2" * 64, b"two, signed again", NOW + 2)
    latest = documents.latest_manifest()
    assert latest is not None and (latest.number, latest.envelope, latest.at) == (
        2,
        b"two, signed again",
        NOW,
    )
    assert documents.manifest("2" * 64) == latest
    assert documents.manifest("3" * 64) is None
    fails("conflict", lambda: documents.put_manifest(2, "3" * 64, b"other", NOW))
    fails("conflict", lambda: documents.put_manifest(3, "2" * 64, b"other", NOW))
    assert documents.latest_manifest() == latest


def test_an_agreement_gathers_signatures_and_versions(store: Store) -> None:
    documents = store.documents
    documents.put_agreement("damp", 1, "1" * 64, b"one", NOW)
    documents.put_agreement("damp", 10, "3" * 64, b"ten", NOW)
    documents.put_agreement("damp", 2, "2" * 64, b"two", NOW)
    documents.put_agreement("damp", 1, "1" * 64, b"one, by both", NOW + 1)
    latest, first = documents.agreement("damp"), documents.agreement_by_digest("1" * 64)
    assert latest is not None and latest.version == 10
    assert first is not None and first.envelope == b"one, by both"
    assert documents.agreement("other") is None and documents.agreement_by_digest("9" * 64) is None
    assert [(made.id, made.version) for made in documents.agreements()] == [
        ("damp", 1),
        ("damp", 2),
        ("damp", 10),
    ]
    fails("conflict", lambda: documents.put_agreement("damp", 2, "4" * 64, b"other", NOW))


# -- choices


def test_choices_are_withdrawn_beside_what_was_said(store: Store) -> None:
    choice = a_choice(valid_to=NOW + 5, ref="form 7")
    assert store.choices.add(choice) == store.choices.add(choice) == choice.id
    assert store.choices.list() == [choice]
    store.choices.withdraw(choice.id, NOW + 3, "olu")
    store.choices.withdraw(choice.id, NOW + 4, "eve")
    withdrawn = replace(choice, withdrawn_at=NOW + 3, withdrawn_by="olu")
    assert store.choices.list(active=False) == [withdrawn]
    assert store.choices.list(active=True) == []
    assert store.choices.add(choice) == choice.id  # an import that is run again
    fails("conflict", lambda: store.choices.add(replace(choice, kind="objection")))
    fails("not-found", lambda: store.choices.withdraw("0" * 32, NOW, "olu"))


def test_every_change_of_choices_and_nothing_else_raises_their_version(store: Store) -> None:
    choice, versions = a_choice(), [store.choices.version()]
    for change in (
        lambda: store.choices.add(choice),
        lambda: store.choices.add(choice),
        lambda: store.choices.add(a_choice()),
        lambda: store.choices.withdraw(choice.id, NOW, "olu"),
        lambda: store.choices.withdraw(choice.id, NOW, "olu"),
        lambda: fails("invalid", lambda: store.choices.add(a_choice(kind="wish"))),
    ):
        change()
        versions.append(store.choices.version())
    assert [after - before for before, after in pairwise(versions)] == [
        1,
        0,
        1,
        1,
        0,
        0,
    ]


def test_an_import_of_choices_is_recorded_whole_or_not_at_all(store: Store) -> None:
    some = [a_choice(), a_choice()]
    assert (store.choices.add_all(some), store.choices.version()) == (2, 1)
    assert (store.choices.add_all([*some, a_choice()]), store.choices.version()) == (1, 2)
    assert (store.choices.add_all(some), store.choices.version()) == (0, 2)
    fails("invalid", lambda: store.choices.add_all([a_choice(), a_choice(kind="wish")]))
    fails("conflict", lambda: store.choices.add_all([a_choice(), replace(some[0], kind="objection")]))
    assert (len(store.choices.list()), store.choices.version()) == (3, 2)


def test_choices_of_many_people_are_read_in_chunks(store: Store) -> None:
    people = [f"{number:032x}" for number in range(1201)]
    made = [store.choices.add(a_choice(person)) for person in people[::100]]
    store.choices.withdraw(made[0], NOW, "olu")
    found = store.choices.for_people(iter(people))
    assert list(found) == people
    assert {ref for ref, theirs in found.items() if theirs} == set(people[::100])
    assert found[people[0]][0].withdrawn_at == NOW
    assert store.choices.for_people([]) == {}
    assert len(store.choices.list(limit=5, offset=10)) == 3
    assert [choice.person for choice in store.choices.list(person=people[100])] == [people[100]]


# -- requests


def test_a_request_is_created_once(store: Store) -> None:
    asked, leg, message = a_request(), a_leg(), a_message()
    secret = Secret(ASKED, "castle-nhs", "seed", b"sealed")
    assert store.requests.create(asked, [leg], [message], [secret]) is True
    assert store.requests.create(replace(asked, created_at=NOW + 9), [leg], [message], [secret]) is False
    assert store.secrets.get(ASKED, "castle-nhs", "seed") == b"sealed"
    assert store.requests.get(ASKED) == asked
    assert store.legs.list(ASKED) == [leg]
    assert store.messages.list(ASKED) == [message]
    for other in ({"digest": "c" * 64}, {"requester": "riverside-care"}, {"role": "requester"}):
        fails("conflict", lambda other=other: store.requests.create(replace(asked, **other), []))  # type: ignore[misc]
    assert store.requests.get("1" * 32) is None


def test_a_failed_creation_leaves_nothing(store: Store) -> None:
    store.messages.put(a_message())
    two = [a_message("Other"), a_message(digest="c" * 64)]
    fails("message-differs", lambda: store.requests.create(a_request(), [a_leg()], two))
    fails("conflict", lambda: store.requests.create(a_request(), [a_leg("2" * 32)]))
    assert store.requests.list() == [] and store.legs.list(ASKED) == []
    assert store.messages.list(ASKED) == [a_message()]


def test_a_leg_may_join_an_open_request_only(store: Store) -> None:
    asked = a_request()
    store.requests.create(asked, [a_leg()])
    assert store.requests.create(asked, [a_leg(provider="riverside-care")]) is False
    assert [leg.provider for leg in store.legs.list(ASKED)] == ["castle-nhs", "riverside-care"]
    store.requests.finish(ASKED, "provider", "done", "", NOW)
    assert store.requests.create(asked, [a_leg()]) is False
    fails("conflict", lambda: store.requests.create(asked, [a_leg(provider="fairshire-police")]))
    assert len(store.legs.list(ASKED)) == 2


def test_requests_are_listed_and_finished(store: Store) -> None:
    ids = [f"{number:032x}" for number in range(4)]
    for number, id in enumerate(ids):
        store.requests.create(a_request(id, created_at=NOW + number, analyst="ana" if number % 2 else "ben"), [])
    assert store.quota.open_requests("northgate-homes") == 4
    store.requests.finish(ids[3], "provider", "refused", "no basis", NOW + 9)
    store.requests.finish(ids[3], "provider", "refused", "again", NOW + 10)
    ended = store.requests.get(ids[3])
    assert ended is not None and (ended.state, ended.reason, ended.finished_at) == (
        "refused",
        "no basis",
        NOW + 9,
    )
    assert [one.id for one in store.requests.list(state="open", limit=2)] == [ids[2], ids[1]]
    assert [one.id for one in store.requests.list(analyst="ana", role="provider")] == [ids[3], ids[1]]
    assert store.requests.list(requester="riverside-care") == []
    assert store.quota.open_requests("northgate-homes") == 3
    fails("conflict", lambda: store.requests.finish(ids[3], "provider", "done", "", NOW))
    fails("not-found", lambda: store.requests.finish(ids[2], "requester", "done", "", NOW))
    fails("not-found", lambda: store.requests.finish("f" * 32, "provider", "done", "", NOW))
    fails("invalid", lambda: store.requests.finish(ids[2], "provider", "lost", "", NOW))


# -- legs


def test_legs_are_due_in_the_order_of_their_time(store: Store) -> None:
    for number in range(4):
        id = f"{number:032x}"
        store.requests.create(a_request(id), [a_leg(id, next_at=NOW - number)])
    assert [leg.next_at for leg in store.legs.due(NOW - 1)] == [NOW - 3, NOW - 2, NOW - 1]
    assert len(store.legs.due(NOW, limit=2)) == 2
    first, second, *_ = store.legs.due(NOW)
    store.legs.move(first, step=11, outcome="done")
    store.legs.move(second, step=4, state="waiting")
    assert [(leg.next_at, leg.state) for leg in store.legs.due(NOW - 1)] == [
        (NOW - 2, "waiting"),
        (NOW - 1, "active"),
    ]


def test_a_leg_comes_with_its_request(store: Store) -> None:
    request, leg = a_request(), a_leg()
    store.requests.create(request, [leg])
    assert store.legs.with_request(ASKED, "castle-nhs") == (request, leg)
    assert store.legs.with_request(ASKED, "riverside-care") is None
    assert store.legs.with_request("0" * 32, "castle-nhs") is None


def test_a_move_writes_everything_that_belongs_to_it(store: Store) -> None:
    store.requests.create(a_request(), [a_leg(attempts=3, last_error="peer.unavailable")])
    leg = store.legs.get(ASKED, "castle-nhs")
    assert leg is not None
    moved = store.legs.move(
        leg,
        step=4,
        next_at=NOW + 30,
        progress={"chunks": 3, "left": ["a"]},
        messages=[a_message()],
        secrets=[Secret(ASKED, "castle-nhs", "share", b"sealed")],
        openings=[Opening("entry", "count", b"salt", b"value")],
    )
    assert moved == store.legs.get(ASKED, "castle-nhs")
    assert moved == replace(
        leg,
        step=4,
        next_at=NOW + 30,
        progress={"chunks": 3, "left": ["a"]},
        version=1,
        attempts=0,
        last_error="",
    )
    assert store.messages.list(ASKED) == [a_message()]
    assert store.secrets.get(ASKED, "castle-nhs", "share") == b"sealed"
    assert store.openings.get("entry") == [Opening("entry", "count", b"salt", b"value")]


def test_a_move_that_fails_anywhere_changes_nothing(store: Store) -> None:
    leg = a_leg()
    store.requests.create(a_request(), [leg])
    store.messages.put(a_message())
    store.secrets.put(ASKED, "castle-nhs", "share", b"sealed")
    store.openings.put("entry", "count", b"salt", b"value")
    others = [a_message("Other")]
    for code, changes in (
        ("message-differs", {"messages": [*others, a_message(digest="c" * 64)]}),
        ("conflict", {"messages": others, "secrets": [Secret(ASKED, "castle-nhs", "share", b"other")]}),
        ("conflict", {"messages": others, "openings": [Opening("entry", "count", b"other", b"value")]}),
        ("invalid", {"messages": others, "progress": {"not json": {1, 2}}}),
        ("invalid", {"messages": others, "progress": {"not json": float("nan")}}),
        ("invalid", {"messages": others, "state": "ended"}),
        ("invalid", {"messages": others, "state": "lost"}),
    ):
        fails(code, lambda changes=changes: store.legs.move(leg, step=4, **changes))  # type: ignore[misc]
    for step in (0, 12):
        fails("invalid", lambda step=step: store.legs.move(leg, step=step, messages=others))  # type: ignore[misc]
    fails("invalid", lambda: store.legs.move(leg, step=11, state="active", messages=others))
    assert store.legs.list(ASKED) == [leg]
    assert store.messages.list(ASKED) == [a_message()]


def test_a_leg_is_changed_by_its_latest_version_alone(store: Store) -> None:
    old = a_leg()
    store.requests.create(a_request(), [old])
    leg = store.legs.retry_later(old, NOW + 5, "peer.unavailable")
    leg = store.legs.touch_progress(leg, {"chunks": 1})
    assert leg == store.legs.get(ASKED, "castle-nhs")
    assert (leg.attempts, leg.last_error, leg.next_at, leg.version) == (1, "peer.unavailable", NOW + 5, 2)
    for change in (
        lambda: store.legs.move(old, step=4),
        lambda: store.legs.retry_later(old, NOW, "x"),
        lambda: store.legs.touch_progress(old, {}),
        lambda: store.legs.release_move(old, store.choices.version(), step=8),
        lambda: store.legs.move(a_leg("2" * 32), step=4),
    ):
        fails("conflict", change)
    ended = store.legs.move(leg, step=11, outcome="done")
    assert ended.state == "ended"
    fails("conflict", lambda: store.legs.move(ended, step=4))
    fails("conflict", lambda: store.legs.retry_later(ended, NOW, "x"))
    assert store.legs.get(ASKED, "castle-nhs") == ended


def test_the_last_leg_ends_the_request_in_the_same_transaction(store: Store) -> None:
    legs = [a_leg(), a_leg(provider="riverside-care")]
    store.requests.create(a_request(), legs)
    moved = store.legs.move(legs[0], step=4, finish=("failed", "too early", NOW))
    store.legs.move(moved, step=11, outcome="done", finish=("done", "one of two", NOW))
    open_still = store.requests.get(ASKED)
    assert open_still is not None and open_still.state == "open"
    fails("invalid", lambda: store.legs.move(legs[1], step=11, finish=("lost", "", NOW)))
    assert store.legs.get(ASKED, "riverside-care") == legs[1]
    store.legs.move(legs[1], step=11, outcome="refused", finish=("done", "both", NOW + 1))
    ended = store.requests.get(ASKED)
    assert ended is not None and (ended.state, ended.reason, ended.finished_at) == ("done", "both", NOW + 1)


def test_legs_that_end_at_once_end_their_request(store: Store) -> None:
    together = threading.Barrier(2)

    def end(leg: Leg) -> None:
        together.wait()
        store.legs.move(leg, step=11, outcome="done", finish=("done", "", NOW))

    with ThreadPoolExecutor(2) as threads:
        for number in range(15):
            id = f"{number:032x}"
            legs = [a_leg(id), a_leg(id, "riverside-care")]
            store.requests.create(a_request(id), legs)
            list(threads.map(end, legs))
    assert store.requests.list(state="open") == []


def test_of_two_threads_that_move_a_leg_exactly_one_wins(store: Store) -> None:
    store.requests.create(a_request(), [a_leg()])
    together = threading.Barrier(2)

    def race(leg: Leg, kind: str) -> str:
        together.wait()
        try:
            store.legs.move(leg, step=4, messages=[a_message(kind)])
        except StoreError as error:
            assert error.code == "store.conflict"
            return ""
        return kind

    with ThreadPoolExecutor(2) as threads:
        for turn in range(25):
            leg = store.legs.get(ASKED, "castle-nhs")
            assert leg is not None and leg.version == turn
            won = list(threads.map(race, [leg, leg], [f"a{turn}", f"b{turn}"]))
            assert sorted(map(bool, won)) == [False, True]
            assert [message.kind for message in store.messages.list(ASKED) if message.kind[1:] == str(turn)] == [
                kind for kind in won if kind
            ]


def test_a_release_fails_when_choices_changed_meanwhile(store: Store) -> None:
    store.requests.create(a_request(), [a_leg()])
    leg, choice = a_leg(), a_choice()
    store.choices.add(choice)
    decided = store.choices.version()
    store.choices.withdraw(choice.id, NOW, "olu")
    fails("choices-changed", lambda: store.legs.release_move(leg, decided, step=9, messages=[a_message()]))
    assert store.legs.list(ASKED) == [leg] and store.messages.list(ASKED) == []
    moved = store.legs.release_move(leg, store.choices.version(), step=9, messages=[a_message()])
    assert moved == store.legs.get(ASKED, "castle-nhs")


def test_a_withdrawal_counts_or_comes_after_the_release(store: Store) -> None:
    """Whichever of two threads comes first, no release stands on an older register than it says."""
    store.requests.create(a_request(), [a_leg()])
    together = threading.Barrier(2)

    def withdraw(choice: Choice) -> int:
        together.wait()
        store.choices.withdraw(choice.id, NOW, "olu")
        return store.choices.version()

    def release(leg: Leg, decided: int) -> bool:
        together.wait()
        try:
            store.legs.release_move(leg, decided, step=9, progress={"decided": decided})
        except StoreError as error:
            assert error.code == "store.choices-changed"
            return False
        return True

    seen: set[bool] = set()
    with ThreadPoolExecutor(2) as threads:
        for _ in range(25):
            choice = a_choice()
            store.choices.add(choice)
            leg = store.legs.get(ASKED, "castle-nhs")
            assert leg is not None
            version = store.choices.version()
            withdrawn, released = threads.submit(withdraw, choice), threads.submit(release, leg, version)
            assert withdrawn.result() == version + 1
            after = store.legs.get(ASKED, "castle-nhs")
            assert after is not None and (after.version == leg.version + 1) is released.result()
            seen.add(released.result())
    assert seen  # one order or both: the scheduler's choice


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
