"""What the store promises of requests and their legs."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from exchange_node.store import Store, StoreError
from exchange_node.store.model import Choice, Leg, Opening, Secret
from tests.store_life import ASKED, NOW, a_choice, a_leg, a_message, a_request, fails

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
