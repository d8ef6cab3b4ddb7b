"""The life of one leg in a store: every kind of durable write once. For contract and fault tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from exchange_node.store import Store, StoreError
from exchange_node.store.model import Choice, Leg, Message, Request

ASKED = "0" * 31 + "1"
NOW = 1_800_000_000


def a_request(id: str = ASKED, digest: str = "d" * 64, **changes: object) -> Request:
    """A request of the landlord to the health trust."""
    made = Request(id, "northgate-homes", "provider", digest, b"signed", "a" * 64, "b" * 64, "", NOW, NOW + 3600)
    return replace(made, **changes)  # type: ignore[arg-type]


def a_leg(id: str = ASKED, provider: str = "castle-nhs", **changes: object) -> Leg:
    """The leg of `a_request`."""
    made = Leg(id, "northgate-homes", provider, "provider", 3, NOW, NOW + 3600)
    return replace(made, **changes)  # type: ignore[arg-type]


def a_message(kind: str = "SubmitRequest", digest: str = "e" * 64, **changes: object) -> Message:
    """A message of `a_leg`."""
    made = Message(ASKED, "castle-nhs", "received", "northgate-homes", kind, digest, b"body", NOW)
    return replace(made, **changes)  # type: ignore[arg-type]


def a_choice(person: str = "f" * 32, **changes: object) -> Choice:
    """A consent."""
    made = Choice(person, "consent", ("castle-nhs",), ("housing-repair",), NOW, None, NOW, "officer")
    return replace(made, **changes)  # type: ignore[arg-type]


def everything(store: Store) -> None:
    """Each durable write once, in an order that works; run again it changes nothing."""
    store.meta.set("key", "value")
    store.meta.raise_high_water(NOW)
    store.users.add("ana", "analyst", "1" * 64, "s1", NOW + 10, NOW)
    store.users.revoke("ana", NOW)
    store.documents.put_manifest(1, "1" * 64, b"one", NOW)
    store.documents.put_agreement("damp", 1, "1" * 64, b"one", NOW)
    choice = a_choice(id="c" * 32)
    store.choices.add(choice)
    store.choices.add_all([a_choice(id="d" * 32)])
    store.choices.withdraw(choice.id, NOW, "olu")
    store.requests.create(a_request(), [a_leg()])
    store.approvals.add(ASKED, "castle-nhs", "olu", "approve", "", NOW)
    store.messages.put(a_message())
    store.openings.put("entry", "count", b"salt", b"value")
    store.peers.advance("castle-nhs", b"head\n\n", 1)
    store.results.put(ASKED, "castle-nhs", b"box", {}, NOW)
    store.results.delete(ASKED, "castle-nhs")
    store.secrets.put(ASKED, "castle-nhs", "share", b"sealed")
    store.secrets.destroy(ASKED, "castle-nhs")
    if not store.audit_index.size():
        store.audit_index.add([("entry", 0)])
    leg = store.legs.get(ASKED, "castle-nhs")
    assert leg is not None
    if leg.state != "ended":
        leg = store.legs.touch_progress(store.legs.retry_later(leg, NOW, "x"), {})
        leg = store.legs.release_move(leg, store.choices.version(), step=9)
        store.legs.move(leg, step=11, outcome="done")
    store.requests.finish(ASKED, "provider", "done", "", NOW)
    store.spool.put(ASKED, "castle-nhs", "northgate-homes", 0, b"12345")
    store.spool.delete(ASKED, "castle-nhs")


def fails(code: str, call: Callable[[], object]) -> StoreError:
    """The call raises this code of the store."""
    with pytest.raises(StoreError) as caught:
        call()
    assert caught.value.code == f"store.{code}"
    return caught.value
