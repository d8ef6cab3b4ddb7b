"""A hostile peer's hands: messages changed, signed anew, held back, and answers that lie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from exchange_node.linkage.lists import ROW_BYTES
from exchange_node.messages import MESSAGE_TYPE, sha256
from exchange_node.ports import PeerRefused
from exchange_node.trust.signing import SigningKey, sign
from exchange_node.wire.v1 import message_pb2 as pb
from tests.simulator import Simulator
from tests.worlds import (
    HOSPITAL,
    LANDLORD,
    ask,
    refused_calls,
    until_step,
)

Change = Callable[[pb.Message], object]
Edit = Callable[[pb.RequestCore, pb.LinkageOrder, pb.Question], object]


def resigned(world: Simulator, org: str, envelope: pb.Envelope, change: Change) -> pb.Envelope:
    """The envelope with a changed message, signed by the key of `org` all the same."""
    message = pb.Message.FromString(envelope.signed.payload)
    change(message)
    return signed(world.nodes[org].signing_key, envelope, message.SerializeToString(deterministic=True))


def signed(key: SigningKey, envelope: pb.Envelope, payload: bytes) -> pb.Envelope:
    """The envelope with another payload under a good signature of a key."""
    made = pb.Envelope.FromString(envelope.SerializeToString())
    made.signed.CopyFrom(pb.Signed(payload=payload, key_id=key.key_id, signature=sign(MESSAGE_TYPE, payload, key)))
    return made


async def heard(world: Simulator, step: int = 5) -> tuple[str, dict[tuple[str, str], pb.Envelope]]:
    """A request on its way, and every envelope that was sent, by receiver and method."""
    said: dict[tuple[str, str], pb.Envelope] = {}

    def listen(peer: str, method: str, message: Any) -> Any:
        if isinstance(message, pb.Envelope):
            said[peer, method] = message
        return message

    world.network.on_request = listen
    request = await ask(world)
    await until_step(world, request, LANDLORD, step)
    world.network.on_request = None
    return request, said


async def refusal(world: Simulator, caller: str, peer: str, method: str, envelope: pb.Envelope) -> str:
    """The code with which a call is refused; it must be in the receiver's log."""
    with pytest.raises(PeerRefused) as error:
        await world.network.peers_of(caller).call(peer, method, envelope)
    if error.value.remote != "protocol.checkpoint-gap":
        assert (caller, error.value.remote) in refused_calls(world, peer)
    return error.value.remote


def say(world: Simulator, sender: str, peer: str, ref: Any, message: pb.Message) -> pb.Envelope:
    """A well-formed, well-signed message that has no business being sent."""
    post = world.network.exchanges[sender].post
    held = world.nodes[peer].store.peers.get(sender)
    return post._envelope(peer, post._sign(ref, peer, message), int(held.split(b"\n")[1]) if held else 0)


def rewritten(
    world: Simulator, request: str, original: pb.Message, edit: Edit, *, tied: bool = True, more: pb.Part | None = None
) -> pb.Envelope:
    """The landlord's request with other contents, every digest made anew, so that only what it says is wrong."""
    message = pb.Message.FromString(original.SerializeToString())
    core = pb.RequestCore.FromString(message.request.core)
    parts = [pb.Part.FromString(section.content) for section in message.request.sections]
    (order,) = [part.order for part in parts if part.HasField("order")]
    question = next((part.question for part in parts if part.HasField("question")), pb.Question())
    core.request_id = "0" * 32
    edit(core, order, question)
    if more is not None:
        parts.append(more)
        message.request.sections.add(index=len(core.section_digests), salt=bytes(32))
        core.section_digests.append(b"")
    if tied:
        question.order_digest = sha256(pb.Part(order=order).SerializeToString(deterministic=True))
    for section, part in zip(message.request.sections, parts, strict=True):
        section.content = part.SerializeToString(deterministic=True)
        core.section_digests[section.index] = sha256(section.salt + section.content)
    message.request.core = core.SerializeToString(deterministic=True)
    ref = replace(
        world.network.exchanges[LANDLORD].case_at(request, HOSPITAL, "requester").ref,
        request_id=core.request_id,
        request_digest=sha256(message.request.core),
    )
    return say(world, LANDLORD, message.header.recipient, ref, message)


def lying(world: Simulator, org: str, method: str, change: Change) -> None:
    """Every answer of a node to one method is changed, and signed by the node itself."""

    def answer(peer: str, called: str, reply: Any) -> Any:
        if (peer, called) != (org, method) or pb.Message.FromString(reply.signed.payload).HasField("wait"):
            return reply
        return resigned(world, org, reply, change)

    world.network.on_reply = answer


def rows(data: bytes) -> list[bytes]:
    return [data[at : at + ROW_BYTES] for at in range(0, len(data), ROW_BYTES)]


def without(world: Simulator, org: str, **changes: Any) -> tuple[Any, ...]:
    """The members, one of them changed."""
    return tuple(
        join.organisation.model_copy(update=changes) if name == org else join.organisation
        for name, join in world.joins.items()
    )


async def one_round(world: Simulator) -> None:
    """One second for everyone."""
    end = world.time.now + 1
    await world.run(lambda: world.time.now >= end)
