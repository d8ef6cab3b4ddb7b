"""Hostile peers: whatever is replayed, reordered, cut, forged, stale or invented is refused with a code and logged; no
table comes of it, and the node serves the next request.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from exchange_node import papers
from exchange_node.agreements import AgreementError
from exchange_node.audit.checkpoint import Checkpoint
from exchange_node.audit.entry import Entry, entry_id
from exchange_node.audit.errors import AuditError
from exchange_node.audit.note import NoteSigner
from exchange_node.desk.desk import Desk
from exchange_node.errors import ExchangeError
from exchange_node.linkage.lists import ROW_BYTES
from exchange_node.messages import MESSAGE_TYPE, LegRef, MessageError, leg_of, sha256
from exchange_node.ports import PeerRefused, PeerUnavailable
from exchange_node.trust.errors import TrustError
from exchange_node.trust.signing import SigningKey, sign
from exchange_node.wire.v1 import message_pb2 as pb
from exchange_node.wire.v1 import node_pb2 as rpc
from tests.e2e.test_simulated_request import results
from tests.simulator import ANALYST, Simulator
from tests.worlds import (
    HOSPITAL,
    LANDLORD,
    NODES,
    RELEASED,
    UNIT,
    ask,
    end_of,
    entries,
    is_served,
    nothing_left,
    nothing_released,
    refused_calls,
    until_ended,
    until_step,
)

Change = Callable[[pb.Message], object]


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
    """A request on its way, and everything that was said, by receiver and method."""
    said: dict[tuple[str, str], pb.Envelope] = {}

    def listen(peer: str, method: str, message: Any) -> Any:
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


# -- one message, changed


def flipped(world: Simulator, envelope: pb.Envelope) -> pb.Envelope:
    payload = bytearray(envelope.signed.payload)
    payload[len(payload) // 2] ^= 1
    made = pb.Envelope.FromString(envelope.SerializeToString())
    made.signed.payload = bytes(payload)
    return made


def by_header(**fields: Any) -> Callable[[Simulator, pb.Envelope], pb.Envelope]:
    def change(message: pb.Message) -> None:
        for name, value in fields.items():
            setattr(message.header, name, value)

    return lambda world, envelope: resigned(world, LANDLORD, envelope, change)


def by_body(change: Change) -> Callable[[Simulator, pb.Envelope], pb.Envelope]:
    return lambda world, envelope: resigned(world, LANDLORD, envelope, change)


def stranger(world: Simulator, envelope: pb.Envelope) -> pb.Envelope:
    return signed(SigningKey.generate(), envelope, envelope.signed.payload)


def stranger_as_known(world: Simulator, envelope: pb.Envelope) -> pb.Envelope:
    made = stranger(world, envelope)
    made.signed.key_id = world.nodes[LANDLORD].signing_key.key_id
    return made


def cut(world: Simulator, envelope: pb.Envelope) -> pb.Envelope:
    return signed(world.nodes[LANDLORD].signing_key, envelope, envelope.signed.payload[:-7])


def grown(size: int) -> Callable[[Simulator, pb.Envelope], pb.Envelope]:
    return lambda world, envelope: signed(
        world.nodes[LANDLORD].signing_key, envelope, envelope.signed.payload + b"\x1a" + bytes([1]) * size
    )


def unknown_field(world: Simulator, envelope: pb.Envelope) -> pb.Envelope:
    return signed(world.nodes[LANDLORD].signing_key, envelope, envelope.signed.payload + b"\xfa\x06\x01x")


def clock(seconds: int) -> Callable[[Simulator, pb.Envelope], pb.Envelope]:
    def change(world: Simulator, envelope: pb.Envelope) -> pb.Envelope:
        made = pb.Envelope.FromString(envelope.SerializeToString())
        made.now += seconds
        return made

    return change


def another_log(world: Simulator, envelope: pb.Envelope) -> pb.Envelope:
    """A checkpoint of the landlord's name under a key that is not its own."""
    node = world.nodes[LANDLORD]
    forger = NoteSigner.from_seed(node.log._writer._origin, b"\x01" * 32)
    note = Checkpoint(node.log._writer._origin, 10_000, b"\x02" * 32).sign(forger)
    return resigned(world, LANDLORD, envelope, lambda message: setattr(message.header, "checkpoint", note))


def another_past(world: Simulator, envelope: pb.Envelope) -> pb.Envelope:
    """A checkpoint under the right key over another history, as long as the one that was shown."""
    log = world.nodes[LANDLORD].log
    note = Checkpoint(log._writer._origin, log.size(), b"\x02" * 32).sign(log._writer._signer)
    made = resigned(world, LANDLORD, envelope, lambda message: setattr(message.header, "checkpoint", note))
    held = world.nodes[HOSPITAL].store.peers.get(LANDLORD)
    assert held is not None
    made.proof_from = int(held.split(b"\n")[1])
    return made


async def test_messages_that_overtake_one_another(world: Simulator) -> None:
    """What is older is proven against any checkpoint that was held; what has grown, against the newest alone."""
    log, post = world.nodes[LANDLORD].log, world.network.exchanges[HOSPITAL].post

    def grown() -> tuple[int, bytes]:
        name, now = entry_id("", "", 0, "node", "", f"part.{log.size()}"), int(world.time.now)
        log.append([Entry(name, "fact", now, 0, "", "node", "", "call.refused", {"code": "none"})])
        return log.size(), log.checkpoint()

    def shown(size: int, note: bytes, since: int) -> None:
        proof = log.consistency(*sorted((since, size))) if since else []
        post._witness(LANDLORD, note, pb.Envelope(proof_from=since, proof=proof))

    notes = [grown() for _ in range(5)]
    (size, _), first, second, third, fourth = notes
    shown(*second, since=0)
    shown(*third, since=second[0])
    shown(*first, since=second[0])  # signed before the second, and on its way when the third came
    forged = Checkpoint(log._writer._origin, size, b"\x02" * 32).sign(log._writer._signer)
    with pytest.raises(AuditError) as error:
        shown(size, forged, since=second[0])
    assert error.value.code == "audit.forked"
    for since in (second[0], fourth[0]):
        with pytest.raises(MessageError) as gap:
            shown(*fourth, since=since)
        assert gap.value.code == "protocol.checkpoint-gap"
    assert world.nodes[HOSPITAL].store.peers.get(LANDLORD) == third[1]
    shown(*fourth, since=third[0])
    assert world.nodes[HOSPITAL].store.peers.get(LANDLORD) == fourth[1]


def swapped_section(message: pb.Message) -> None:
    section = message.request.sections[0]
    part = pb.Part.FromString(section.content)
    if part.HasField("order"):
        part.order.max_links += 1
    else:
        part.question.purpose = "rent-arrears"
    section.content = part.SerializeToString(deterministic=True)


def swapped_core(message: pb.Message) -> None:
    core = pb.RequestCore.FromString(message.request.core)
    core.created_at += 1
    message.request.core = core.SerializeToString(deterministic=True)
    message.header.request_digest = sha256(message.request.core)


def many(message: pb.Message) -> None:
    del message.request.sections[:]
    message.request.sections.extend([pb.Section()] * 70_000)


CHANGES: dict[str, tuple[Callable[[Simulator, pb.Envelope], pb.Envelope], set[str]]] = {
    "a bit flipped": (flipped, {"trust.bad-signature"}),
    "signed by a stranger": (stranger, {"trust.unknown-key"}),
    "signed by a stranger under a known id": (stranger_as_known, {"trust.bad-signature"}),
    "cut short": (cut, {"protocol.malformed"}),
    "an unknown field": (unknown_field, {"protocol.malformed"}),
    "too long": (grown(4 * 1024 * 1024), {"protocol.too-large"}),
    "too many parts": (by_body(many), {"protocol.malformed"}),
    "another body": (by_body(lambda m: m.poll.SetInParent()), {"protocol.unexpected"}),
    "no body": (by_body(lambda m: m.ClearField("request")), {"protocol.unexpected"}),
    "no header": (by_body(lambda m: m.ClearField("header")), {"protocol.malformed"}),
    "another sender": (by_header(sender=UNIT), {"protocol.wrong-sender"}),
    "another recipient": (by_header(recipient=UNIT), {"protocol.wrong-sender"}),
    "another request": (by_header(request_id="f" * 32), {"protocol.wrong-leg"}),
    "another provider": (by_header(provider=LANDLORD), {"protocol.wrong-leg", "protocol.malformed"}),
    "another digest": (by_header(request_digest=b"\x07" * 32), {"protocol.wrong-leg"}),
    "an id that is none": (by_header(request_id="../../etc/passwd"), {"protocol.malformed"}),
    "another manifest": (by_header(manifest_digest=b"\x07" * 32), {"protocol.manifest-differs"}),
    "made in the future": (by_header(made_at=2**40), {"protocol.stale"}),
    "made long before the request": (by_header(made_at=1), {"protocol.stale"}),
    "a clock far ahead": (clock(121), {"protocol.clock-skew"}),
    "a clock far behind": (clock(-121), {"protocol.clock-skew"}),
    "a section that was not signed": (by_body(swapped_section), {"protocol.section-differs"}),
    "a request too long": (
        by_body(lambda m: setattr(m.request.sections[0], "salt", bytes(300_000))),
        {"protocol.too-large"},
    ),
    "the same id with other contents": (by_body(swapped_core), {"protocol.request-differs"}),
    "a log under another key": (another_log, {"audit.forged"}),
    "a log with another past": (another_past, {"audit.forked"}),
}


async def test_a_changed_message_is_refused_and_the_rest_goes_on(world: Simulator) -> None:
    request, said = await heard(world)
    envelope = said[HOSPITAL, "SubmitRequest"]
    before = len(world.nodes[HOSPITAL].store.messages.list(request))
    for name, (change, codes) in CHANGES.items():
        made = change(world, fresh(world, envelope))
        if "protocol.manifest-differs" in codes:
            with pytest.raises(Exception, match="manifest-differs"):
                await world.network.peers_of(LANDLORD).call(HOSPITAL, "SubmitRequest", made)
            continue
        assert await refusal(world, LANDLORD, HOSPITAL, "SubmitRequest", made) in codes, name
    assert len(world.nodes[HOSPITAL].store.messages.list(request)) == before
    await until_ended(world, request)
    assert {key for key, value in results(world, request).items() if value == "high"} == RELEASED
    await is_served(world)
    nothing_left(world)


def fresh(world: Simulator, envelope: pb.Envelope) -> pb.Envelope:
    """The same message with the clock and the proof that a retry has."""
    message = pb.Message.FromString(envelope.signed.payload)
    leg = message.header
    held = world.nodes[leg.recipient].store.peers.get(leg.sender)
    known = int(held.split(b"\n")[1]) if held else 0
    return world.network.exchanges[leg.sender].post._envelope(leg.recipient, envelope.signed, known)


async def test_the_same_message_again_is_answered_word_for_word(world: Simulator) -> None:
    request, said = await heard(world)
    calls = world.network.peers_of(LANDLORD)

    def later(message: pb.Message) -> None:
        message.header.made_at += 1

    for peer, method in ((HOSPITAL, "SubmitRequest"), (UNIT, "SubmitOrder"), (HOSPITAL, "ExchangeKeys")):
        answers = {(await calls.call(peer, method, fresh(world, said[peer, method]))).signed.payload for _ in range(3)}
        stored = world.nodes[LANDLORD].store.messages.get(request, HOSPITAL, "received", peer, f"{method}.reply")
        assert stored is not None
        assert answers == {pb.Signed.FromString(stored.body).payload}
        # Another message in its place is refused: the same words said again at another time are one too.
        again = resigned(world, LANDLORD, fresh(world, said[peer, method]), later)
        assert await refusal(world, LANDLORD, peer, method, again) == "protocol.message-differs"
    await until_ended(world, request)
    assert world.state(LANDLORD, request) == "done"


async def test_after_the_end_nothing_begins_again(world: Simulator) -> None:
    request, said = await heard(world, step=11)
    await until_ended(world, request)
    for (peer, method), envelope in said.items():
        if not isinstance(envelope, pb.Envelope):
            continue
        caller = pb.Message.FromString(envelope.signed.payload).header.sender
        try:
            await world.network.peers_of(caller).call(peer, method, fresh(world, envelope))
        except PeerRefused as error:
            assert error.remote in ("protocol.unexpected", "protocol.chunk-gone")
    assert [world.state(org, request) for org in NODES] == ["done"] * 3
    nothing_left(world)


async def test_messages_out_of_order(world: Simulator) -> None:
    """Each call before its time, and each by the wrong party."""
    request, said = await heard(world, step=4)
    sealed = pb.Message(key_part=pb.KeyPart(sealed=b"x" * 80))
    early = {
        (HOSPITAL, "SendReceipt"): pb.Message(receipt=pb.Receipt(release_digest=b"\x01" * 32)),
        (UNIT, "OfferEncodings"): pb.Message(encoding_manifest=pb.EncodingManifest(rows=2**31)),
        (UNIT, "ExchangeKeys"): sealed,
        (HOSPITAL, "SubmitOrder"): pb.Message(
            request=pb.Message.FromString(said[UNIT, "SubmitOrder"].signed.payload).request
        ),
        (UNIT, "SubmitRequest"): pb.Message(
            request=pb.Message.FromString(said[HOSPITAL, "SubmitRequest"].signed.payload).request
        ),
    }
    ref = world.network.exchanges[LANDLORD].case_at(request, HOSPITAL, "requester").ref
    for (peer, method), message in early.items():
        envelope = say(world, LANDLORD, peer, ref, message)
        assert await refusal(world, LANDLORD, peer, method, envelope) in (
            "protocol.unexpected", "protocol.wrong-leg", "protocol.over-quota", "protocol.unknown-request",
        ), (peer, method)  # fmt: skip
    loud = say(world, LANDLORD, HOSPITAL, ref, pb.Message(cancel=pb.Cancel(reason="cancelled")))
    loud = resigned(world, LANDLORD, loud, lambda m: setattr(m.cancel, "reason", "Ada Lovelace, born 1815"))
    assert await refusal(world, LANDLORD, HOSPITAL, "CancelRequest", loud) == "protocol.malformed"
    for peer, method, message in (
        (HOSPITAL, "ExchangeKeys", sealed),
        (HOSPITAL, "CollectRelease", pb.Message(poll=pb.Poll())),
        (HOSPITAL, "CancelRequest", pb.Message(cancel=pb.Cancel(reason="cancelled"))),
    ):
        envelope = say(world, UNIT, peer, ref, message)
        assert await refusal(world, UNIT, peer, method, envelope) == "protocol.wrong-leg", method
    await until_ended(world, request)
    assert world.state(LANDLORD, request) == "done"
    nothing_left(world)


def say(world: Simulator, sender: str, peer: str, ref: Any, message: pb.Message) -> pb.Envelope:
    """A well-formed, well-signed message that has no business being sent."""
    post = world.network.exchanges[sender].post
    held = world.nodes[peer].store.peers.get(sender)
    return post._envelope(peer, post._sign(ref, peer, message), int(held.split(b"\n")[1]) if held else 0)


Edit = Callable[[pb.RequestCore, pb.LinkageOrder, pb.Question], object]


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


def lasting(created: int, deadline: int) -> Edit:
    """A request from and until some seconds from now."""

    def edit(core: pb.RequestCore, order: pb.LinkageOrder, question: pb.Question) -> None:
        core.created_at, core.deadline = core.created_at + created, core.created_at + deadline
        order.expires_at = core.deadline

    return edit


ASKED_TOO_MUCH: dict[str, tuple[Edit, str]] = {
    "from the future": (lasting(500, 600), "protocol.stale"),
    "over already": (lasting(-600, -1), "protocol.stale"),
    "without an end": (lasting(0, 31 * 86_400), "protocol.stale"),
    "no time at all": (lasting(0, 0), "protocol.malformed"),
    "before all time": (lasting(-(2**40), 600), "protocol.stale"),
    "at the end of time": (lasting(0, 2**62), "protocol.stale"),
    "an order that outlives it": (lambda c, o, q: setattr(o, "expires_at", c.deadline + 1), "protocol.wrong-leg"),
    "an order of another requester": (lambda c, o, q: setattr(o, "requester", UNIT), "protocol.wrong-leg"),
    "an order under another agreement": (
        lambda c, o, q: setattr(o, "agreement_digest", b"\x07" * 32),
        "protocol.wrong-leg",
    ),
    "an agreement of nobody": (
        lambda c, o, q: (setattr(o, "agreement_digest", b"\x07" * 32), setattr(c, "agreement_digest", b"\x07" * 32)),
        "agreement.unknown",
    ),
    "another agreement's name": (lambda c, o, q: setattr(q, "agreement_id", "tax"), "draft.not-in-agreement"),
    "another agreement's name in the order": (
        lambda c, o, q: setattr(o, "agreement_id", "tax"),
        "draft.not-in-agreement",
    ),
    "another version": (lambda c, o, q: setattr(q, "agreement_version", 2), "draft.not-in-agreement"),
    "another linkage unit": (lambda c, o, q: setattr(o, "linkage_unit", LANDLORD), "draft.not-in-agreement"),
    "another method": (lambda c, o, q: setattr(o, "method", "later-method"), "draft.not-in-agreement"),
    "another schema": (lambda c, o, q: setattr(o, "schema_digest", b"\x07" * 32), "draft.not-in-agreement"),
    "a lower threshold": (lambda c, o, q: setattr(o, "threshold_bp", o.threshold_bp - 1), "draft.not-in-agreement"),
    "more rows of the requester": (lambda c, o, q: setattr(o, "max_requester_rows", 10**9), "draft.not-in-agreement"),
    "more rows of the provider": (lambda c, o, q: setattr(o, "max_provider_rows", 10**9), "draft.not-in-agreement"),
    "a cohort above its rows": (lambda c, o, q: setattr(q, "cohort_class", 10**9), "draft.not-in-agreement"),
    "more links": (lambda c, o, q: setattr(o, "max_links", o.max_links + 1), "draft.not-in-agreement"),
    "counts that tell": (lambda c, o, q: setattr(o, "count_mode", "other"), "draft.not-in-agreement"),
    "another disclosure": (lambda c, o, q: setattr(o, "disclosure_mode", "both"), "draft.not-in-agreement"),
    "another requester": (
        lambda c, o, q: (setattr(c, "requester", UNIT), setattr(o, "requester", UNIT)),
        "protocol.wrong-leg",
    ),
}


async def test_a_request_that_asks_for_too_much(world: Simulator) -> None:
    """Well formed and well signed, and refused for what it says, before anything is kept of it."""
    request, said = await heard(world, step=4)
    original = pb.Message.FromString(said[HOSPITAL, "SubmitRequest"].signed.payload)
    for name, (edit, code) in ASKED_TOO_MUCH.items():
        envelope = rewritten(world, request, original, edit)
        assert await refusal(world, LANDLORD, HOSPITAL, "SubmitRequest", envelope) == code, name
        assert world.state(HOSPITAL, "0" * 32) == "unknown", name

    def doubled(core: pb.RequestCore, order: pb.LinkageOrder, question: pb.Question) -> None:
        core.request_id, core.created_at = request, core.created_at - 1

    twice = rewritten(world, request, original, doubled)
    assert await refusal(world, LANDLORD, HOSPITAL, "SubmitRequest", twice) == "protocol.request-differs"
    astray = pb.Message.FromString(said[UNIT, "SubmitOrder"].signed.payload)
    astray.header.recipient = HOSPITAL  # which is not the linkage unit that the order names
    order = rewritten(world, request, astray, lambda c, o, q: None)
    assert await refusal(world, LANDLORD, HOSPITAL, "SubmitOrder", order) == "protocol.wrong-leg"
    astray.header.recipient = UNIT
    order = rewritten(world, request, astray, lambda c, o, q: None)
    message = pb.Message.FromString(order.signed.payload)  # and now the provider submits it, in the requester's name
    stolen = say(world, HOSPITAL, UNIT, leg_of(message.header), message)
    assert await refusal(world, HOSPITAL, UNIT, "SubmitOrder", stolen) == "protocol.wrong-sender"
    others = pb.Part(order=pb.LinkageOrder(requester=LANDLORD, provider=UNIT))
    shown = rewritten(world, request, original, lambda c, o, q: None, more=others)
    assert await refusal(world, LANDLORD, HOSPITAL, "SubmitRequest", shown) == "protocol.unexpected"
    loose = rewritten(world, request, original, lambda c, o, q: setattr(q, "order_digest", b"\x07" * 32), tied=False)
    assert await refusal(world, LANDLORD, HOSPITAL, "SubmitRequest", loose) == "protocol.wrong-leg"
    unknown = rewritten(world, request, original, lambda c, o, q: setattr(c, "manifest_digest", b"\x07" * 32))
    with pytest.raises(PeerUnavailable, match="manifest-differs"):  # it may come yet
        await world.network.peers_of(LANDLORD).call(HOSPITAL, "SubmitRequest", unknown)
    # The same edits of nothing are accepted: it is what they say that is refused.
    same = rewritten(world, request, original, lambda c, o, q: None)
    answer = await world.network.peers_of(LANDLORD).call(HOSPITAL, "SubmitRequest", same)
    assert pb.Message.FromString(answer.signed.payload).answer.status == pb.Answer.STATUS_ACCEPTED
    await until_ended(world, request)
    assert {key for key, value in results(world, request).items() if value == "high"} == RELEASED


async def test_somebody_elses_request_id_opens_nothing(world: Simulator) -> None:
    """An id is known to all who take part: the hospital uses it for an order of its own, and gets nowhere."""
    request, said = await heard(world, step=5)
    message = pb.Message.FromString(said[UNIT, "SubmitOrder"].signed.payload)
    core = pb.RequestCore.FromString(message.request.core)
    (section,) = message.request.sections
    part = pb.Part.FromString(section.content)
    core.requester = part.order.requester = HOSPITAL
    for provider, code in ((HOSPITAL, "protocol.request-differs"), (LANDLORD, "protocol.request-differs")):
        part.order.provider = provider
        section.content = part.SerializeToString(deterministic=True)
        core.section_digests[section.index] = sha256(section.salt + section.content)
        message.request.core = core.SerializeToString(deterministic=True)
        ref = LegRef(request, sha256(message.request.core), HOSPITAL, provider)
        envelope = say(world, HOSPITAL, UNIT, ref, message)
        assert await refusal(world, HOSPITAL, UNIT, "SubmitOrder", envelope) == code
    await until_ended(world, request)
    assert world.state(LANDLORD, request) == "done"


async def test_a_release_is_not_fetched_before_its_time_nor_by_others(world: Simulator) -> None:
    request = await ask(world)
    await until_step(world, request, HOSPITAL, 9)
    ref = rpc.ChunkRef(request_id=request, requester=LANDLORD, provider=HOSPITAL, index=0)
    given = world.nodes[HOSPITAL].store.messages.get(request, HOSPITAL, "sent", LANDLORD, "CollectRelease.reply")
    assert given is None
    for caller in (LANDLORD, UNIT):
        with pytest.raises(PeerRefused) as error:
            await world.network.peers_of(caller).fetch_chunk(HOSPITAL, "FetchReleaseChunk", ref)
        assert error.value.remote == "protocol.unexpected"
    receipt = pb.Message(receipt=pb.Receipt(release_digest=b"\x01" * 32))
    leg = world.network.exchanges[LANDLORD].case_at(request, HOSPITAL, "requester").ref

    def other_receipt(peer: str, method: str, message: Any) -> Any:
        return say(world, LANDLORD, HOSPITAL, leg, receipt) if method == "SendReceipt" else message

    world.network.on_request = other_receipt
    await world.run(lambda: world.ended(request, [LANDLORD]))
    assert end_of(world, LANDLORD, request)["reason"] == "protocol.digest-differs"
    assert (LANDLORD, "protocol.digest-differs") in refused_calls(world, HOSPITAL)
    assert not [e for e in entries(world, HOSPITAL, request) if e.action == "send-receipt.received"]


async def test_chunks_that_were_not_announced(world: Simulator) -> None:
    seen: list[str] = []

    def meddle(peer: str, method: str, message: Any) -> Any:
        if method != "PutChunk" or seen:
            return message
        unit, ref = world.network.exchanges[UNIT], message.ref
        case = unit.case_at(ref.request_id, ref.provider, "linkage")
        claims = {party: unit.parcels.claim(case, party) for party in (LANDLORD, HOSPITAL)}
        (owner,) = [p for p, c in claims.items() if c is not None and sha256(message.data) in c.chunk_digests]
        far = rpc.ChunkRef(request_id=ref.request_id, requester=ref.requester, provider=ref.provider, index=9)
        gone = rpc.ChunkRef(request_id="f" * 32, requester=ref.requester, provider=ref.provider)
        for chunk, caller in (
            (rpc.Chunk(ref=ref, data=message.data[:-1]), owner),
            (rpc.Chunk(ref=ref, data=message.data + b"x"), owner),
            (rpc.Chunk(ref=far, data=message.data), owner),
            (rpc.Chunk(ref=gone, data=message.data), owner),
            (rpc.Chunk(ref=ref, data=message.data), "riverside-care"),
        ):
            with pytest.raises(Exception) as error:
                unit.take_chunk(chunk, caller)
            seen.append(error.value.code)  # type: ignore[attr-defined]
        return message

    world.network.on_request = meddle
    request = await ask(world)
    await until_ended(world, request)
    differs, unexpected = "protocol.digest-differs", "protocol.unexpected"
    assert seen == [differs, differs, unexpected, "protocol.unknown-request", unexpected]
    assert world.state(LANDLORD, request) == "done"


# -- answers that lie


def lying(world: Simulator, org: str, method: str, change: Change) -> None:
    """Every answer of a node to one method is changed, and signed by the node itself."""

    def answer(peer: str, called: str, reply: Any) -> Any:
        if (peer, called) != (org, method) or pb.Message.FromString(reply.signed.payload).HasField("wait"):
            return reply
        return resigned(world, org, reply, change)

    world.network.on_reply = answer


LIES: dict[str, tuple[str, str, Change, str]] = {
    "another sender": (HOSPITAL, "SubmitRequest", lambda m: setattr(m.header, "sender", UNIT), "protocol.wrong-sender"),
    "another request": (
        HOSPITAL, "SubmitRequest",
        lambda m: setattr(m.header, "request_id", "e" * 32),
        "protocol.wrong-leg",
    ),
    "a reason that tells of somebody": (
        HOSPITAL, "SubmitRequest",
        lambda m: m.answer.CopyFrom(pb.Answer(status=2, reasons=[pb.Reason(code="Ada Lovelace, born 1815")])),
        "protocol.malformed",
    ),
    "more reasons than anybody reads": (
        HOSPITAL, "SubmitRequest",
        lambda m: m.answer.CopyFrom(pb.Answer(status=2, reasons=[pb.Reason(code="no", sentence="x" * 1000)] * 300)),
        "protocol.malformed",
    ),
    "another body": (HOSPITAL, "SubmitRequest", lambda m: m.receipt.SetInParent(), "protocol.unexpected"),
    "a weak sealing key": (
        HOSPITAL, "SubmitRequest",
        lambda m: setattr(m.answer, "sealing_key", b"\x01" * 33),
        "trust.",
    ),
    "a key part that is noise": (
        HOSPITAL, "ExchangeKeys",
        lambda m: setattr(m.key_part, "sealed", b"y" * 90),
        "trust.",
    ),
    "links of another digest": (
        UNIT, "CollectLinks",
        lambda m: m.link_list.chunk_digests.__setitem__(0, b"\x01" * 32),
        "protocol.digest-differs",
    ),
    "more chunks of links than rows": (
        UNIT, "CollectLinks",
        lambda m: m.link_list.chunk_digests.append(b"\x01" * 32),
        "protocol.too-large",
    ),
    "a precision above one": (
        UNIT, "CollectLinks",
        lambda m: setattr(m.link_list, "precision_bp", 10_001),
        "protocol.malformed",
    ),
    "a precision that is not the requester's to know": (
        UNIT, "CollectLinks",
        lambda m: setattr(m.link_list, "precision_bp", 9_900 if m.header.recipient == LANDLORD else 10_000),
        "protocol.malformed",
    ),
    "more chunks of the release than its size": (
        HOSPITAL, "CollectRelease",
        lambda m: m.release.chunk_digests.append(b"\x01" * 32),
        "protocol.too-large",
    ),
    "a release of another size": (
        HOSPITAL, "CollectRelease",
        lambda m: setattr(m.release, "size", m.release.size + 1),
        "protocol.malformed",
    ),
    "a release with more rows": (
        HOSPITAL, "CollectRelease",
        lambda m: setattr(m.release, "capacity", 500),
        "protocol.malformed",
    ),
    "a release with other columns": (
        HOSPITAL, "CollectRelease",
        lambda m: setattr(m.release, "columns_digest", b"\x01" * 32),
        "protocol.malformed",
    ),
    "a release of another digest": (
        HOSPITAL, "CollectRelease",
        lambda m: setattr(m.release, "digest", b"\x01" * 32),
        "protocol.digest-differs",
    ),
    "a chunk of another digest": (
        HOSPITAL, "CollectRelease",
        lambda m: m.release.chunk_digests.__setitem__(0, b"\x01" * 32),
        "protocol.digest-differs",
    ),
    "one chunk fewer": (HOSPITAL, "CollectRelease", lambda m: m.release.ClearField("chunk_digests"), "trust."),
}  # fmt: skip


@pytest.mark.parametrize("name", LIES)
async def test_an_answer_that_lies_ends_the_request(world: Simulator, name: str) -> None:
    org, method, change, code = LIES[name]
    lying(world, org, method, change)
    request = await ask(world)
    await until_ended(world, request)
    assert world.state(LANDLORD, request) in ("refused", "failed")
    assert str(end_of(world, LANDLORD, request)["reason"]).startswith(code), end_of(world, LANDLORD, request)
    assert world.nodes[LANDLORD].store.results.list(request) == []
    world.network.on_reply = None
    await is_served(world)
    nothing_left(world)


async def test_release_chunks_that_were_changed_on_the_way(world: Simulator) -> None:
    world.network.on_reply = lambda peer, method, reply: reply[:-1] + b"?" if method == "FetchReleaseChunk" else reply
    request = await ask(world)
    await until_ended(world, request)
    assert end_of(world, LANDLORD, request)["reason"] == "protocol.digest-differs"
    assert world.nodes[LANDLORD].store.results.list(request) == []


# -- a linkage unit that invents links


def rows(data: bytes) -> list[bytes]:
    return [data[at : at + ROW_BYTES] for at in range(0, len(data), ROW_BYTES)]


def first_token(data: bytes) -> bytes:
    changed = rows(data)
    changed[0] = bytes(16) + changed[0][16:]
    return b"".join(changed)


INVENTED: dict[str, tuple[str, Callable[[bytes], bytes], str, str]] = {
    "an unknown token": ("provider_list", first_token, HOSPITAL, "linkage.unknown-token"),
    "a token twice": (
        "provider_list",
        lambda d: b"".join(rows(d)[:1] + rows(d)[:-1]),
        HOSPITAL, "linkage.not-one-to-one",
    ),
    "a link id twice": (
        "provider_list",
        lambda d: b"".join(r[:16] + d[16:32] for r in rows(d)),
        HOSPITAL, "linkage.not-one-to-one",
    ),
    "half a row": ("provider_list", lambda d: d[:-5], HOSPITAL, "linkage."),
    "more links than rows": (
        "provider_list",
        lambda d: b"".join(n.to_bytes(16, "big") * 2 for n in range(30_000)),
        HOSPITAL, "linkage.too-many-links",
    ),
    "link ids of nobody": (
        "provider_list",
        lambda d: b"".join(r[:16] + b"\x09" * 15 + bytes([n]) for n, r in enumerate(rows(d))),
        LANDLORD, "release.unknown-link",
    ),
    "a row missing": ("requester_list", lambda d: d[ROW_BYTES:], LANDLORD, "linkage.list-rows"),
    "a row too many": ("requester_list", lambda d: d + b"\xff" * ROW_BYTES, LANDLORD, "linkage.list-rows"),
    "a row of somebody else": ("requester_list", first_token, LANDLORD, "linkage.foreign-rows"),
    "one link id for all": (
        "requester_list",
        lambda d: b"".join(r[:16] + bytes(16) for r in rows(d)),
        LANDLORD, "linkage.not-one-to-one",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", INVENTED)
async def test_a_linkage_unit_that_invents_links(world: Simulator, name: str) -> None:
    field, change, victim, code = INVENTED[name]
    unit = world.network.exchanges[UNIT]
    disclose = unit.node.methods["clk-linkage-unit"].disclose

    class Inventing:
        """The method, with one list changed."""

        def __getattr__(self, name: str) -> Any:
            return getattr(method, name)

        def disclose(self, *arguments: Any) -> Any:
            honest = disclose(*arguments)
            return replace(honest, **{field: change(getattr(honest, field))})

    method = unit.node.methods["clk-linkage-unit"]
    unit.node.methods = {"clk-linkage-unit": Inventing()}  # type: ignore[dict-item]
    request = await ask(world)
    await until_ended(world, request)
    assert str(end_of(world, victim, request)["reason"]).startswith(code), end_of(world, victim, request)
    assert world.nodes[LANDLORD].store.results.list(request) == []
    unit.node.methods = {"clk-linkage-unit": method}
    await is_served(world)
    nothing_left(world)


async def test_one_acknowledgement_deletes_nothing(world: Simulator) -> None:
    """A party that says it has its list speaks for itself alone: the other's is kept for it."""
    request = await ask(world)
    await until_step(world, request, UNIT, 7)
    world.network.down.add(HOSPITAL)
    await world.run(lambda: (LANDLORD, UNIT, "AcknowledgeLinks") in world.network.calls)
    await one_round(world)
    assert [leg.step for leg in world.nodes[UNIT].store.legs.list(request)] == [7]
    world.network.down.clear()
    await until_ended(world, request)
    assert {key for key, value in results(world, request).items() if value == "high"} == RELEASED


# -- trust that changes while a request is on its way


def without(world: Simulator, org: str, **changes: Any) -> tuple[Any, ...]:
    """The members, one of them changed."""
    return tuple(
        join.organisation.model_copy(update=changes) if name == org else join.organisation
        for name, join in world.joins.items()
    )


@pytest.mark.parametrize(("org", "at", "step"), [(LANDLORD, HOSPITAL, 5), (HOSPITAL, HOSPITAL, 8), (UNIT, LANDLORD, 5)])
async def test_a_member_suspended_on_the_way(world: Simulator, org: str, at: str, step: int) -> None:
    request = await ask(world)
    await until_step(world, request, at, step)
    world.publish(organisations=without(world, org, status="suspended"))
    for _ in range(20):
        await one_round(world)
    assert world.state(LANDLORD, request) != "done"
    nothing_released(world, request)
    with pytest.raises(ExchangeError, match=r"suspended|agreement\.unsigned"):
        await ask(world)
    world.publish()
    world.time.now += 72 * 3600  # those who were not told, or did not listen, end it at its deadline
    await until_ended(world, request)
    await is_served(world)


async def one_round(world: Simulator) -> None:
    """One second for everyone."""
    end = world.time.now + 1
    await world.run(lambda: world.time.now >= end)


@pytest.mark.parametrize(("org", "at", "step"), [(LANDLORD, LANDLORD, 4), (HOSPITAL, HOSPITAL, 8), (UNIT, LANDLORD, 5)])
async def test_a_signing_key_revoked_on_the_way(world: Simulator, org: str, at: str, step: int) -> None:
    request = await ask(world)
    await until_step(world, request, at, step)
    (key,) = world.joins[org].organisation.signing_keys
    revoked = key.model_copy(update={"revoked_at": int(world.time.now)})
    world.publish(organisations=without(world, org, signing_keys=(revoked,)))
    await world.run(lambda: world.ended(request, [LANDLORD]))
    assert world.state(LANDLORD, request) == "refused"
    assert end_of(world, LANDLORD, request)["reason"] == "trust.key-revoked"
    nothing_released(world, request)
    if org != UNIT:  # its signature under the agreement counts no longer
        with pytest.raises(AgreementError) as error:
            await ask(world)
        assert error.value.code == "agreement.unsigned"
    world.publish()
    world.time.now += 72 * 3600  # those who were not told, or did not listen, end it at its deadline
    await until_ended(world, request)
    await is_served(world)


async def test_two_manifests_under_one_number_stop_the_node(world: Simulator) -> None:
    request = await ask(world)
    await until_step(world, request, HOSPITAL, 8)
    world.publish()
    world.number -= 1
    other = world.manifest(organisations=without(world, UNIT, status="suspended"))
    desk, envelope = Desk(world.network.exchanges[HOSPITAL]), other.sign(*world.roots[:2]).encode()
    with pytest.raises(TrustError) as error:
        await desk.accept_manifest(ANALYST, {"envelope": envelope.decode()})
    assert error.value.code == "trust.manifest-equivocates"
    (refused,) = [entry.facts for entry in entries(world, HOSPITAL) if entry.action == "manifest.refused"]
    assert refused == {"file": sha256(envelope).hex(), "code": "trust.manifest-equivocates"}
    assert (await desk.node_status(ANALYST, {}))["manifest"]["problem"] == "trust.manifest-equivocates"
    await world.run(lambda: world.ended(request, [LANDLORD]))
    assert end_of(world, LANDLORD, request)["reason"] == "trust.manifest-equivocates"
    nothing_released(world, request)
    close(world, HOSPITAL)
    world.open(HOSPITAL)  # for good: a restart does not forget it
    with pytest.raises(TrustError, match="equivocates"):
        world.network.exchanges[HOSPITAL].manifest()


@pytest.mark.parametrize("keys", [0, 1])
async def test_a_manifest_that_too_few_roots_signed_is_not_swapped_in(world: Simulator, keys: int) -> None:
    request = await ask(world)
    await until_step(world, request, HOSPITAL, 5)
    forged = world.manifest().sign(*world.roots[:keys], SigningKey.generate()).encode()
    for node in world.nodes.values():
        with pytest.raises(TrustError):
            node.federation.accept(forged, int(world.time.now))
    await until_ended(world, request)
    assert world.state(LANDLORD, request) == "done"


async def test_a_manifest_that_one_node_has_first_is_waited_for(world: Simulator) -> None:
    request = await ask(world)
    await until_step(world, request, LANDLORD, 4)
    envelope = world.manifest().sign(*world.roots[:2]).encode()
    world.nodes[LANDLORD].federation.accept(envelope, int(world.time.now))
    for _ in range(10):
        await one_round(world)
    assert world.state(LANDLORD, request) == "open"
    assert (LANDLORD, "protocol.manifest-differs") in refused_calls(world, HOSPITAL)
    for node in world.nodes.values():
        node.federation.accept(envelope, int(world.time.now))
    await until_ended(world, request)
    assert world.state(LANDLORD, request) == "done"


# -- quotas


async def test_a_peer_over_its_quota_of_requests(world: Simulator) -> None:
    node = world.nodes[HOSPITAL]
    node.config = node.config.model_copy(update={"quota": node.config.quota.model_copy(update={"open_requests": 1})})
    first, second = await ask(world), await ask(world)
    await until_ended(world, first)
    await until_ended(world, second)
    assert sorted(world.state(LANDLORD, request) for request in (first, second)) == ["done", "refused"]
    assert (LANDLORD, "protocol.over-quota") in refused_calls(world, HOSPITAL)
    await is_served(world)


async def test_a_peer_over_its_quota_of_disk(world: Simulator) -> None:
    spool = world.nodes[UNIT].store.spool
    spool._limit, limit = 1000, spool._limit
    request = await ask(world)
    await until_ended(world, request)
    assert world.state(LANDLORD, request) == "refused"
    assert "store.quota" in {code for _, code in refused_calls(world, UNIT)}
    nothing_released(world, request)
    spool._limit = limit
    await is_served(world)
    nothing_left(world)


# -- a log that was rewritten


async def test_an_older_log_put_in_its_place_is_not_continued(world: Simulator, tmp_path: Path) -> None:
    home = world.home(LANDLORD)
    close(world, LANDLORD)
    shutil.copytree(home.audit, tmp_path / "older")
    world.open(LANDLORD)
    await is_served(world)
    close(world, LANDLORD)
    shutil.rmtree(home.audit)
    shutil.copytree(tmp_path / "older", home.audit)
    with pytest.raises(AuditError) as error:
        world.open(LANDLORD)
    assert error.value.code == "audit.rolled-back"


@pytest.mark.parametrize(
    ("code", "later", "reopened"),
    [
        ("audit.rolled-back", 0, False),  # its peer cannot tell yet, but asks for a proof that it cannot give
        ("audit.shrunk", 130, False),
        ("audit.shrunk", 250, True),
        ("audit.forked", 0, False),
    ],
)
async def test_an_older_home_put_in_its_place_is_noticed_by_everyone(
    world: Simulator, tmp_path: Path, code: str, later: int, reopened: bool
) -> None:
    """With its database too, the node itself cannot tell; those who hold its checkpoints can."""
    regrown = code == "audit.forked"
    home = world.home(LANDLORD)
    close(world, LANDLORD)
    shutil.copytree(home.path, tmp_path / "older")
    world.open(LANDLORD)
    await is_served(world)
    close(world, LANDLORD)
    shutil.rmtree(home.path)
    shutil.copytree(tmp_path / "older", home.path)
    world.open(LANDLORD)
    if regrown:
        world.network.down.add(LANDLORD)
        for _ in range(30):
            await ask(world)
        await one_round(world)
        exchange = world.network.exchanges[LANDLORD]
        for leg in world.nodes[LANDLORD].store.legs.due(exchange.now()):
            case = exchange.case_at(leg.request_id, leg.provider, "requester")
            exchange.move(case, await exchange.sign(case))
        world.network.down.clear()
    if reopened:
        close(world, HOSPITAL)
        world.open(HOSPITAL)
    world.time.now += later
    request = await ask(world)
    await world.run(lambda: world.ended(request, [LANDLORD]))
    assert end_of(world, LANDLORD, request)["reason"] == code
    assert code == "audit.rolled-back" or (LANDLORD, code) in refused_calls(world, HOSPITAL)
    assert world.state(HOSPITAL, request) == "unknown"
    nothing_released(world, request)


def close(world: Simulator, org: str) -> None:
    world.nodes[org].log.close()
    world.nodes[org].store.close()


async def test_an_answer_under_a_log_that_lost_entries(world: Simulator, tmp_path: Path) -> None:
    """The other way round: the provider's log was put back, and the requester hears it in the answer."""
    home = world.home(HOSPITAL)
    close(world, HOSPITAL)
    shutil.copytree(home.path, tmp_path / "older")
    world.open(HOSPITAL)
    await is_served(world)
    close(world, HOSPITAL)
    shutil.rmtree(home.path)
    shutil.copytree(tmp_path / "older", home.path)
    world.open(HOSPITAL)
    world.time.now += 130
    request = await ask(world)
    await world.run(lambda: world.ended(request, [LANDLORD]))
    assert end_of(world, LANDLORD, request)["reason"] == "audit.shrunk"
    nothing_released(world, request)


# -- peers that keep us busy, or asleep


@pytest.mark.parametrize("milliseconds", [0, 2**32 - 1])
async def test_a_peer_that_says_when_to_come_again(world: Simulator, milliseconds: int) -> None:
    """Not at once and over again, and not after the deadline: until then our keys would stay."""

    def wait(peer: str, method: str, reply: Any) -> Any:
        if method != "SubmitRequest":
            return reply
        return resigned(world, peer, reply, lambda m: m.wait.CopyFrom(pb.Wait(milliseconds=milliseconds, state="no")))

    world.network.on_reply = wait
    request = await ask(world)
    await until_step(world, request, LANDLORD, 3)
    await one_round(world)
    leg = world.nodes[LANDLORD].store.legs.get(request, HOSPITAL)
    assert leg is not None and leg.step == 3
    assert world.time.now <= leg.next_at <= leg.deadline and leg.next_at > world.time.now - 1
    world.time.now = leg.deadline
    await until_ended(world, request)
    assert world.state(LANDLORD, request) == "expired"
    nothing_left(world)


async def test_work_that_breaks_off_unforeseen_ends_the_request(world: Simulator) -> None:
    """What two parties sent may be more than a linkage unit's memory: it is not tried for ever."""
    unit, tries = world.network.exchanges[UNIT], []
    link = unit.link_encodings

    def too_much(case: Any) -> Any:
        tries.append(case)
        raise MemoryError

    unit.link_encodings = too_much  # type: ignore[method-assign]
    request = await ask(world)
    await until_ended(world, request)
    assert 1 < len(tries) < 10
    assert end_of(world, UNIT, request)["reason"] == "exchange.internal"
    nothing_released(world, request)
    unit.link_encodings = link  # type: ignore[method-assign]
    await is_served(world)
    nothing_left(world)


def test_a_claim_of_more_rows_than_its_chunks_can_hold() -> None:
    """A linkage unit makes room by what is claimed, and must not for what nobody can have sent."""
    order = pb.LinkageOrder(requester=LANDLORD, provider=HOSPITAL, max_requester_rows=2**32 - 1)
    claim = pb.EncodingManifest(rows=2**32 - 1, row_width=144, chunk_digests=[b"\x01" * 32] * 3)
    with pytest.raises(MessageError, match="malformed"):
        papers.check_manifest(claim, order, LANDLORD, None)
    claim.rows = 3 * 1024 * 1024 // 144
    papers.check_manifest(claim, order, LANDLORD, None)
    other = pb.EncodingManifest(key_id=b"\x02" * 16, schema_digest=claim.schema_digest)
    with pytest.raises(MessageError, match="digest-differs"):
        papers.check_manifest(claim, order, LANDLORD, other)


async def test_a_linkage_unit_that_never_comes_to_an_end(world: Simulator) -> None:
    """It never has what it announced; the request ends at its deadline."""
    request = await ask(world)
    await until_step(world, request, LANDLORD, 7)

    def gone(*_: Any) -> bytes:
        raise MessageError("chunk-gone")

    world.network.exchanges[UNIT].give_chunk = gone  # type: ignore[method-assign]
    for _ in range(20):
        await one_round(world)
    assert world.state(LANDLORD, request) == "open"
    world.time.now += 72 * 3600
    await until_ended(world, request)
    assert world.state(LANDLORD, request) == "expired"
    nothing_released(world, request)
    nothing_left(world)
