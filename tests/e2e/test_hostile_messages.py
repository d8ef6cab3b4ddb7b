"""Hostile peers: whatever is replayed, reordered, cut, forged, stale or asks for too much is refused with a code and
logged; no table comes of it, and the node serves the next request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from exchange_node.audit.checkpoint import Checkpoint
from exchange_node.audit.entry import Entry, entry_id
from exchange_node.audit.errors import AuditError
from exchange_node.audit.note import NoteSigner
from exchange_node.messages import LegRef, MessageError, leg_of, sha256
from exchange_node.ports import PeerRefused, PeerUnavailable
from exchange_node.trust.signing import SigningKey
from exchange_node.wire.v1 import message_pb2 as pb
from exchange_node.wire.v1 import node_pb2 as rpc
from tests.e2e.test_simulated_request import results
from tests.hostile import Change, Edit, heard, refusal, resigned, rewritten, say, signed
from tests.simulator import Simulator
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
    refused_calls,
    until_ended,
    until_step,
)

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
        header = pb.Header(checkpoint=note, made_at=int(world.time.now))
        post._witness(LANDLORD, header, pb.Envelope(proof_from=since, proof=proof))

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


def lasting(created: int, deadline: int) -> Edit:
    """A request from and until some seconds from now."""

    def edit(core: pb.RequestCore, order: pb.LinkageOrder, question: pb.Question) -> None:
        core.created_at, core.deadline = core.created_at + created, core.created_at + deadline
        order.expires_at = core.deadline

    return edit


def in_both(field: str, value: object) -> Edit:
    """The same in the request and in the order."""

    def edit(core: pb.RequestCore, order: pb.LinkageOrder, question: pb.Question) -> None:
        setattr(core, field, value)
        setattr(order, field, value)

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
    "an agreement of nobody": (in_both("agreement_digest", b"\x07" * 32), "agreement.unknown"),
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
    "another requester": (in_both("requester", UNIT), "protocol.wrong-leg"),
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
