"""What makes legs go on: picks those that are due, carries out their next step, and deals with what goes wrong.

Only the spine says what a step is. Here is when it runs, how often it is tried again, and that nothing runs for ever.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial

import structlog

from exchange_node.casework import ENDED, Next
from exchange_node.errors import ExchangeError, Kind, mistake
from exchange_node.exchange import WORK, Exchange
from exchange_node.store.model import Leg

CONCURRENT = 32
FIRST_RETRY = 1  # seconds
OWN_ATTEMPTS = 6  # of what fails here and not at a peer, such as a policy engine that does not answer
_PASSING = (Kind.UNAVAILABLE, Kind.INTERNAL)  # what may be otherwise the next time

log = structlog.get_logger()


class Runner:
    """Runs the legs of one node until it is stopped."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._node = exchange.node
        self._running: dict[tuple[str, str], asyncio.Task[None]] = {}

    def recover(self) -> None:
        """After a start: what a linkage unit held under the key in its memory is gone, and must be sent again."""
        for request in self._node.store.requests.list(role="linkage", state="open", limit=None):
            for leg in self._node.store.legs.list(request.id):
                case = self._exchange.case(request, leg)
                self._exchange.parcels.drop(case)
                if leg.step in (6, 7):
                    self._exchange.move(case, Next(5))

    async def run(self) -> None:
        """Until cancelled: carry out due legs, a bounded number at a time."""
        try:
            while True:
                self._exchange.moved.clear()
                self._start_due()
                # Not wait_for: before Python 3.12 it may lose the cancellation that comes as the event is set.
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._node.config.exchange.poll_seconds):
                        await self._exchange.moved.wait()
        finally:
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    def _start_due(self) -> None:
        try:
            due = self._node.store.legs.due(self._exchange.now(), limit=4 * CONCURRENT)
        except ExchangeError as error:
            log.error("runner.blocked", code=error.code, detail=error.detail)
            return
        for leg in due:
            key = (leg.request_id, leg.provider)
            if key not in self._running and len(self._running) < CONCURRENT:
                task = asyncio.create_task(self._advance_logged(leg))
                self._running[key] = task
                task.add_done_callback(partial(self._done, key))

    def _done(self, key: tuple[str, str], _: asyncio.Task[None]) -> None:
        self._running.pop(key, None)
        self._exchange.moved.set()

    async def _advance_logged(self, leg: Leg) -> None:
        try:
            await self.advance(leg)
        except ExchangeError as error:
            log.error("leg.blocked", request=leg.request_id, leg=leg.provider, code=error.code, detail=error.detail)
            await asyncio.sleep(FIRST_RETRY)
        except Exception as error:
            log.error("leg.crashed", request=leg.request_id, leg=leg.provider, mistake=mistake(error))
            await asyncio.sleep(FIRST_RETRY)

    async def advance(self, leg: Leg) -> None:
        """Carry out one step of a leg, or end it if its time is over or it cannot go on."""
        exchange = self._exchange
        async with exchange.lock(leg):
            found = self._node.store.legs.with_request(leg.request_id, leg.provider)
            if found is None or found[1].step >= ENDED:
                return
            case, current = exchange.case(*found), found[1]
            if current.step < 10 and exchange.now() >= current.deadline:
                exchange.move(case, Next(10, outcome="expired", reason="deadline"))
                return
            work = WORK.get((current.role, current.step))
            if work is None:
                return
            try:
                exchange.move(case, await work(exchange, case))
            except ExchangeError as error:
                self._failed(error, current)
            except Exception as error:
                self._failed(ExchangeError("internal", mistake(error)), current)

    def _failed(self, error: ExchangeError, leg: Leg) -> None:
        """Try again later, or end the leg with the reason."""
        current = self._node.store.legs.get(leg.request_id, leg.provider)
        if current is None or current.version != leg.version or error.code == "store.choices-changed":
            return  # the leg or a choice moved meanwhile: the next round sees it as it is now
        log.warning(
            "leg.failed",
            request=leg.request_id,
            leg=leg.provider,
            step=current.step,
            code=error.code,
            detail=error.detail,
        )
        peer = error.code == "peer.unavailable"
        over = self._exchange.now() >= current.deadline
        if current.step == 10 and over:
            case = self._exchange.case_at(leg.request_id, leg.provider, current.role)
            self._exchange.move(case, Next(ENDED))
        elif peer or current.step == 10 or (error.kind in _PASSING and current.attempts < OWN_ATTEMPTS):
            wait = min(FIRST_RETRY << min(current.attempts, 16), self._node.config.exchange.retry_max_seconds)
            self._node.store.legs.retry_later(current, self._exchange.now() + wait, error.code)
        else:
            case = self._exchange.case_at(leg.request_id, leg.provider, current.role)
            refused = error.kind in (Kind.DENIED, Kind.UNTRUSTED)
            reason = getattr(error, "remote", "") or error.code
            self._exchange.move(case, Next(10, outcome="refused" if refused else "failed", reason=reason))
