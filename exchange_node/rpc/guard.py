"""The outermost layer of every call: who is it, may they, not too often; and no error leaves but by the catalogue."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import grpc
import grpc.aio
import structlog

from exchange_node.audit.entry import Entry, entry_id
from exchange_node.errors import ExchangeError, mistake
from exchange_node.node import Node
from exchange_node.rpc.access import Who, may_call
from exchange_node.rpc.errors import AccessError, private_metadata, public_metadata, status_of
from exchange_node.rpc.identity import Caller, identify

log = structlog.get_logger()
GAP = "protocol.checkpoint-gap"  # no refusal: the caller comes again at once, with the proof that is asked for
Context = grpc.aio.ServicerContext[Any, Any]
Handler = Callable[[Any, Caller], Awaitable[Any]]


class Guard:
    """Wraps handlers. One for a node; every method of every service goes through `unary` or `stream`."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._calls: dict[str, deque[float]] = {}

    def unary(self, method: str, handler: Handler) -> Callable[[Any, Context], Awaitable[Any]]:
        """A handler of one message for one."""

        async def call(message: Any, context: Context) -> Any:
            caller: Caller | None = None
            try:
                caller = identify(self._node, context.auth_context())
                self._admit(method, caller)
                return await handler(message, caller)
            except ExchangeError as error:
                await self._abort(method, caller, context, error)
            except Exception as error:
                await self._abort(method, caller, context, _unforeseen(method, error))

        return call

    def stream(
        self, method: str, handler: Callable[[Any, Caller], AsyncIterator[Any]]
    ) -> Callable[[Any, Context], AsyncIterator[Any]]:
        """A handler of one message for many."""

        async def call(message: Any, context: Context) -> AsyncIterator[Any]:
            caller: Caller | None = None
            try:
                caller = identify(self._node, context.auth_context())
                self._admit(method, caller)
                async for reply in handler(message, caller):
                    identify(self._node, context.auth_context())  # a stream may outlive its caller's certificate
                    yield reply
            except ExchangeError as error:
                await self._abort(method, caller, context, error)
            except Exception as error:
                await self._abort(method, caller, context, _unforeseen(method, error))

        return call

    def _admit(self, method: str, caller: Caller) -> None:
        if not may_call(caller.who, method):
            raise AccessError("not-allowed", f"{caller.who.value}: {method}")
        self._count(caller)

    def _count(self, caller: Caller) -> None:
        """At most so many calls in any minute, each caller on its own."""
        now, calls = time.monotonic(), self._calls.setdefault(caller.name, deque())
        while calls and calls[0] < now - 60:
            calls.popleft()
        if len(calls) >= self._node.config.quota.calls_per_minute:
            raise AccessError("too-many-calls", caller.name)
        calls.append(now)

    async def _abort(self, method: str, caller: Caller | None, context: Context, error: ExchangeError) -> None:
        name = caller.name if caller else "unknown"
        if error.code != GAP:
            log.warning("call.refused", method=method, caller=name, code=error.code, detail=error.detail)
        if caller is None or caller.who is Who.NODE:
            await self._note(caller.org if caller else "", error)
            held = self._node.store.peers.get(caller.org) if caller else None
            context.set_trailing_metadata(public_metadata(error, _size(held)))
        else:
            context.set_trailing_metadata(private_metadata(error))
        await context.abort(status_of(error), f"{error.code}: {error.says.sentence}")

    async def _note(self, org: str, error: ExchangeError) -> None:
        """A peer's refused call leaves an entry, the first of its kind in an hour: a peer cannot fill our disk."""
        if error.code == GAP:
            return
        try:
            now = self._node.clock.now()
            part = f"{error.code}.{now // 3600}"
            await self._node.log.record(
                Entry(
                    id=entry_id("", "", 0, "node", org, part),
                    kind="fact",
                    at=now,
                    step=0,
                    request="",
                    role="node",
                    peer=org,
                    action="call.refused",
                    facts={"code": error.code, "hour": now // 3600},
                )
            )
        except ExchangeError as failed:
            log.error("log.blocked", code=failed.code, detail=failed.detail)


def _unforeseen(method: str, error: Exception) -> ExchangeError:
    """The caller is told a reference, by which the node's log has kind and place."""
    reference = uuid4().hex[:12]
    log.error("call.crashed", method=method, mistake=mistake(error), reference=reference)
    return ExchangeError("internal", f"reference {reference}")


def _size(note: bytes | None) -> int:
    return int(note.split(b"\n", 2)[1]) if note else 0
