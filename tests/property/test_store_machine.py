"""Requests and legs against a dictionary that does the same."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from exchange_node.store import Store, StoreError
from exchange_node.store.model import Leg, Message, Request
from tests.store_life import NOW, a_choice, a_leg, a_message, a_request

ids = st.sampled_from([f"{number:032x}" for number in range(3)])
digests = st.sampled_from(["a" * 64, "b" * 64])
providers = st.sampled_from(["castle-nhs", "riverside-care"])
ends = st.sampled_from(["done", "refused"])
times = st.integers(NOW - 3, NOW + 3)
ages = st.integers(0, 2)  # how many versions a caller's copy of a leg is behind


class StoreMachine(RuleBasedStateMachine):
    """Every rule does one thing to both, and expects the same answer or the same refusal."""

    @initialize()
    def begin(self) -> None:
        """An empty store and an empty model."""
        self.home = Path(tempfile.mkdtemp(prefix="store-machine-"))
        self.store = Store.open(f"sqlite:///{self.home}/node.db")
        self.requests: dict[str, Request] = {}
        self.legs: dict[tuple[str, str], list[Leg]] = {}  # each with its history
        self.messages: dict[tuple[str, str, str], Message] = {}
        self.choices = 0

    def teardown(self) -> None:
        """Remove both."""
        self.store.close()
        shutil.rmtree(self.home)

    def both(self, refusal: str | None, call: Callable[[], object]) -> object:
        """The store's answer, which must be a refusal exactly if the model says so."""
        try:
            answer = call()
        except StoreError as error:
            assert error.code == f"store.{refusal}"
            return None
        assert refusal is None
        return answer

    @rule(id=ids, digest=digests, wanted=st.sets(providers))
    def create(self, id: str, digest: str, wanted: set[str]) -> None:
        """A request arrives, perhaps again, perhaps with a further leg, perhaps altered."""
        asked, legs = a_request(id, digest), [a_leg(id, provider) for provider in sorted(wanted)]
        known = self.requests.get(id)
        joining = [leg for leg in legs if (id, leg.provider) not in self.legs]
        refused = known is not None and (known.digest != digest or (bool(joining) and known.state != "open"))
        new = self.both("conflict" if refused else None, lambda: self.store.requests.create(asked, legs))
        if not refused:
            assert new is (known is None)
            self.requests.setdefault(id, asked)
            self.legs.update({(id, leg.provider): [leg] for leg in joining})

    @rule(id=ids, end=ends, at=times)
    def finish(self, id: str, end: str, at: int) -> None:
        """A request ends, perhaps again, perhaps otherwise."""
        known = self.requests.get(id)
        refusal = "not-found" if known is None else None if known.state in ("open", end) else "conflict"
        self.both(refusal, lambda: self.store.requests.finish(id, "provider", end, "why", at))
        if known is not None and known.state == "open":
            self.requests[id] = replace(known, state=end, reason="why", finished_at=at)

    @rule(id=ids, provider=providers, age=ages, step=st.integers(1, 11), at=times, digest=digests, stale=st.booleans())
    def move(self, id: str, provider: str, age: int, step: int, at: int, digest: str, stale: bool) -> None:
        """A leg moves with a message: from an old copy, to its end, by release on choices that changed."""
        history = self.legs.get((id, provider), [])
        if not history:
            return
        leg = history[max(0, len(history) - 1 - age)]
        message = a_message(f"step{step}", digest, request_id=id, provider=provider)
        known = self.messages.get((id, provider, message.kind))
        refusal = None
        if stale:
            refusal = "choices-changed"
        elif leg != history[-1] or leg.state == "ended":
            refusal = "conflict"
        elif known is not None and known.digest != digest:
            refusal = "message-differs"
        decided = self.choices - stale
        moved = self.both(
            refusal,
            lambda: self.store.legs.release_move(leg, decided, step=step, next_at=at, messages=[message]),
        )
        if refusal is None:
            state = "ended" if step == 11 else "active"
            expected = replace(
                leg, step=step, next_at=at, state=state, attempts=0, last_error="", version=leg.version + 1
            )
            assert moved == expected
            history.append(expected)
            self.messages.setdefault((id, provider, message.kind), message)

    @rule(id=ids, provider=providers, age=ages, at=times)
    def retry_later(self, id: str, provider: str, age: int, at: int) -> None:
        """An attempt failed."""
        history = self.legs.get((id, provider), [])
        if not history:
            return
        leg = history[max(0, len(history) - 1 - age)]
        refused = leg != history[-1] or leg.state == "ended"
        self.both("conflict" if refused else None, lambda: self.store.legs.retry_later(leg, at, "peer.unavailable"))
        if not refused:
            history.append(
                replace(
                    leg, next_at=at, attempts=leg.attempts + 1, last_error="peer.unavailable", version=leg.version + 1
                )
            )

    @rule()
    def choose(self) -> None:
        """Somebody records a choice."""
        self.store.choices.add(a_choice())
        self.choices += 1

    @rule()
    def restart(self) -> None:
        """The node stops and starts."""
        self.store.close()
        self.store = Store.open(f"sqlite:///{self.home}/node.db")

    @rule(now=times)
    def due(self, now: int) -> None:
        """The scheduler looks."""
        waiting = [history[-1] for history in self.legs.values()]
        due = [leg for leg in waiting if leg.state != "ended" and leg.next_at <= now]
        due.sort(key=lambda leg: (leg.next_at, leg.request_id, leg.provider))
        assert self.store.legs.due(now) == due

    @invariant()
    def they_agree(self) -> None:
        """Both hold the same."""
        if not hasattr(self, "store"):
            return
        assert {one.id: one for one in self.store.requests.list()} == self.requests
        assert self.store.choices.version() == self.choices
        for id in self.requests:
            legs = {(leg.request_id, leg.provider): leg for leg in self.store.legs.list(id)}
            assert legs == {key: history[-1] for key, history in self.legs.items() if key[0] == id}
            kinds = {(id, message.provider, message.kind): message for message in self.store.messages.list(id)}
            assert kinds == {key: message for key, message in self.messages.items() if key[0] == id}


TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
