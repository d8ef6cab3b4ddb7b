"""Signed messages, each sent once and received once, whatever is killed when: *log and effect* in one place.

Sending: the message is signed and stored; an *intent* entry that binds its digest is durable and under a signed
checkpoint; only then does it go out; the reply is verified and stored; an *outcome* entry binds the reply. A retry
sends the stored bytes. Receiving is the mirror image. Every message carries its sender's checkpoint, and the receiver
requires proof that the sender's log only grew, so that a log rewritten later is noticed by every counterparty.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from exchange_node.audit.checkpoint import Checkpoint, open_checkpoint
from exchange_node.audit.entry import Entry, entry_id
from exchange_node.audit.errors import AuditError
from exchange_node.audit.merkle import verify_consistency
from exchange_node.messages import MESSAGE_TYPE, LegRef, MessageError, encode, leg_of, read_message, sha256
from exchange_node.node import Node
from exchange_node.ports import PeerRefused, PeerUnavailable
from exchange_node.store.errors import StoreError
from exchange_node.store.model import Message
from exchange_node.trust.signing import sign, verify
from exchange_node.wire.v1 import message_pb2 as pb

SKEW_SECONDS = 120
GAP_RETRIES = 6
REMEMBERED = 64  # checkpoints of a peer, newest last, that need no proof when they come again
_opened = lru_cache(maxsize=1024)(open_checkpoint)  # the same few notes come with every message


@dataclass(frozen=True, slots=True)
class Received:
    """A verified message of a peer, and what is needed to answer it."""

    message: pb.Message
    signed: bytes
    digest: bytes
    sender: str
    method: str
    known_size: int

    @property
    def leg(self) -> LegRef:
        """The leg the message belongs to."""
        return leg_of(self.message.header)


class Correspondence:
    """What this node says to others about its legs, and what they say to it."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._shown: dict[str, tuple[int, bytes]] = {}
        self._held: dict[str, bytes] = {}  # as in the store, which no other process writes
        self._seen: dict[str, dict[int, bytes]] = {}
        self._known: dict[str, int] = {}  # size of our checkpoint that a peer holds, as far as we know
        self._held_at: dict[str, int] = {}  # when a peer made the message with its checkpoint that we hold
        self._began = node.clock.now()

    async def send(
        self,
        leg: LegRef,
        role: str,
        step: int,
        peer: str,
        method: str,
        message: pb.Message,
        *,
        final: str,
        again: bool = False,
    ) -> pb.Message:
        """Send the message of one step, or the stored one again, and return the peer's reply.

        A reply of the kind `final` ends the matter: it is stored and logged, and asked for no more, unless `again`.
        The other reply there can be is `wait`. Raises PeerUnavailable, PeerRefused, MessageError, TrustError,
        AuditError.
        """
        if not again and (known := await self._kept_reply(leg, role, step, peer, method, final)) is not None:
            return known
        stored = self._node.store.messages.get(leg.request_id, leg.provider, "sent", peer, method)
        signed = pb.Signed.FromString(stored.body) if stored else self._sign(leg, peer, message)
        if stored is None:
            self._keep(leg, "sent", peer, method, signed)
        await self._log(leg, role, step, peer, method, "intent", f"{_slug(method)}.sent", sha256(signed.payload))
        received = await self._call(leg, peer, method, signed, (final, "wait"))
        if _ends(received.message):
            await self._keep_reply(received, role, step)
        return received.message

    async def collect(
        self, leg: LegRef, role: str, step: int, peer: str, method: str, final: Sequence[str]
    ) -> pb.Message:
        """Ask whether something is ready; the question has no effect and is signed afresh. Else as `send`."""
        if (known := await self._kept_reply(leg, role, step, peer, method, *final)) is not None:
            return known
        signed = self._sign(leg, peer, pb.Message(poll=pb.Poll()))
        received = await self._call(leg, peer, method, signed, (*final, "wait"))
        if _ends(received.message):
            await self._keep_reply(received, role, step)
        return received.message

    def receive(self, envelope: pb.Envelope, caller: str, method: str, *expected: str) -> Received:
        """Verify what a peer sent, from the outside in; nothing is stored yet.

        Raises MessageError (clock-skew, wrong-sender, malformed, unexpected, checkpoint-gap ...), TrustError
        (signature, revoked key), AuditError (a log that does not continue what we saw).
        """
        now = self._node.clock.now()
        if abs(envelope.now - now) > SKEW_SECONDS:
            raise MessageError("clock-skew", caller)
        manifest = self._node.federation.manifest(now)
        signed = envelope.signed
        verify(MESSAGE_TYPE, signed.payload, signed.signature, manifest.signing_key(caller, signed.key_id, now))
        message = read_message(signed.payload, expected)
        header = message.header
        if header.sender != caller or header.recipient != self._node.org:
            raise MessageError("wrong-sender", "the header names another sender or recipient")
        if header.made_at > now + SKEW_SECONDS:
            raise MessageError("stale", "made in the future")
        self._node.federation.require_known(header.manifest_digest)
        self._witness(caller, header, envelope)
        return Received(message, encode(signed), sha256(signed.payload), caller, method, envelope.known_size)

    async def accept(self, received: Received, role: str, step: int) -> None:
        """Store and log a peer's message before acting on it; the same message again is no news."""
        leg, sender, method = received.leg, received.sender, received.method
        self._keep(leg, "received", sender, method, pb.Signed.FromString(received.signed))
        await self._log(leg, role, step, sender, method, "fact", f"{_slug(method)}.received", received.digest)

    async def reply(
        self, received: Received, role: str, step: int, message: pb.Message | Callable[[], pb.Message]
    ) -> pb.Envelope:
        """Answer a peer for good: logged before it goes out, and given again word for word ever after."""
        leg, peer, kind = received.leg, received.sender, f"{received.method}.reply"
        stored = self._node.store.messages.get(leg.request_id, leg.provider, "sent", peer, kind)
        if stored:
            signed = pb.Signed.FromString(stored.body)
        else:
            signed = self._sign(leg, peer, message() if callable(message) else message)
            self._keep(leg, "sent", peer, kind, signed)
        action = f"{_slug(received.method)}.replied"
        await self._log(leg, role, step, peer, kind, "intent", action, sha256(signed.payload))
        return self._envelope(peer, signed, received.known_size)

    def say(self, received: Received, message: pb.Message) -> pb.Envelope:
        """Answer a peer for now: not stored, not logged."""
        signed = self._sign(received.leg, received.sender, message)
        return self._envelope(received.sender, signed, received.known_size)

    def wait(self, received: Received, seconds: float, state: str, *, upload_again: bool = False) -> pb.Envelope:
        """Tell a peer to come back; nothing in it depends on people."""
        wait = pb.Wait(milliseconds=round(seconds * 1000), state=state, upload_again=upload_again)
        return self.say(received, pb.Message(wait=wait))

    async def refuse(self, received: Received, role: str, step: int, code: str) -> pb.Envelope:
        """Tell a peer that the leg has ended here."""
        answer = pb.Answer(status=pb.Answer.STATUS_REFUSED, reasons=[pb.Reason(code=code)])
        return await self.reply(received, role, step, pb.Message(answer=answer))

    def found(self, leg: LegRef, direction: str, peer: str, kind: str, *expected: str) -> pb.Message | None:
        """A message of the leg that was `sent` or `received`, if there was one; replies are `<Method>.reply`."""
        stored = self._node.store.messages.get(leg.request_id, leg.provider, direction, peer, kind)
        return None if stored is None else read_message(pb.Signed.FromString(stored.body).payload, expected, leg)

    def required(self, leg: LegRef, direction: str, peer: str, kind: str, *expected: str) -> pb.Message:
        """As `found`. Raises MessageError `unexpected` if there was none: the step that needs it comes too early."""
        message = self.found(leg, direction, peer, kind, *expected)
        if message is None:
            raise MessageError("unexpected", f"{kind} was not {direction}")
        return message

    def was_sent(self, leg: LegRef, peer: str, kind: str) -> bool:
        """Whether a peer may have had this message or reply from us."""
        return self._node.store.messages.get(leg.request_id, leg.provider, "sent", peer, kind) is not None

    # -- below: one message on its way ---------------------------------------------------------------------------

    async def _keep_reply(self, received: Received, role: str, step: int) -> None:
        leg, peer, method = received.leg, received.sender, received.method
        self._keep(leg, "received", peer, f"{method}.reply", pb.Signed.FromString(received.signed))
        await self._log_reply(leg, role, step, peer, method, received.digest)

    async def _kept_reply(
        self, leg: LegRef, role: str, step: int, peer: str, method: str, *expected: str
    ) -> pb.Message | None:
        """The reply that ended the matter, if it is here; a kill may have come between it and its entry."""
        stored = self._node.store.messages.get(leg.request_id, leg.provider, "received", peer, f"{method}.reply")
        if stored is None:
            return None
        await self._log_reply(leg, role, step, peer, method, bytes.fromhex(stored.digest))
        return read_message(pb.Signed.FromString(stored.body).payload, expected, leg)

    async def _log_reply(self, leg: LegRef, role: str, step: int, peer: str, method: str, digest: bytes) -> None:
        action = f"{_slug(method)}.answered"
        await self._log(leg, role, step, peer, f"{method}.reply", "outcome", action, digest)

    def _sign(self, leg: LegRef, peer: str, message: pb.Message) -> pb.Signed:
        now = self._node.clock.now()
        message.header.CopyFrom(
            pb.Header(
                request_id=leg.request_id,
                request_digest=leg.request_digest,
                requester=leg.requester,
                provider=leg.provider,
                sender=self._node.org,
                recipient=peer,
                made_at=now,
                manifest_digest=self._node.federation.digest,
                checkpoint=self._checkpoint_for(peer),
            )
        )
        payload, key = encode(message), self._node.signing_key
        return pb.Signed(payload=payload, key_id=key.key_id, signature=sign(MESSAGE_TYPE, payload, key))

    async def _call(self, leg: LegRef, peer: str, method: str, signed: pb.Signed, expected: Sequence[str]) -> Received:
        """Call until both sides agree up to where they know one another's logs."""
        for _ in range(GAP_RETRIES):
            try:
                outgoing = self._envelope(peer, signed, self._known.get(peer, 0))
                envelope = await self._node.peers.call(peer, method, outgoing)
                received = self.receive(envelope, peer, method, *expected)
            except PeerRefused as refused:
                if refused.remote != "protocol.checkpoint-gap":
                    raise
                if refused.known_size > self._node.log.size():  # our log was replaced by an older copy
                    raise AuditError("rolled-back", f"{peer} knows {refused.known_size} entries") from refused
                self._known[peer] = refused.known_size
                continue
            except MessageError as error:
                if error.code != "protocol.checkpoint-gap":
                    raise
                continue
            self._known[peer] = envelope.known_size
            if received.leg != leg:
                raise MessageError("wrong-leg")
            return received
        raise PeerUnavailable("unavailable", f"{peer}: busy with other messages of ours")

    def _envelope(self, peer: str, signed: pb.Signed, known: int) -> pb.Envelope:
        """The signed bytes, with what is fresh at every call: our clock, and proof that our log only grew."""
        checkpoint = pb.Message.FromString(signed.payload).header.checkpoint
        size, known = self._open_note(self._node.org, checkpoint).size, min(known, self._node.log.size())
        held = self._held_of(peer)
        return pb.Envelope(
            signed=signed,
            now=self._node.clock.now(),
            known_size=0 if held is None else self._open_note(peer, held).size,
            proof_from=known,
            proof=self._node.log.consistency(*sorted((known, size))) if known and size else [],
        )

    def _open_note(self, org: str, note: bytes) -> Checkpoint:
        """A checkpoint under any key that the manifest lists for the organisation's log, retired ones included."""
        keys = self._node.federation.manifest(self._node.clock.now()).org(org).log_vkeys
        for vkey in keys[:-1]:
            try:
                return _opened(note, vkey)
            except AuditError:
                continue
        return _opened(note, keys[-1])

    def _held_of(self, peer: str) -> bytes | None:
        """The newest checkpoint we have of a peer."""
        if peer not in self._held and (note := self._node.store.peers.get(peer)) is not None:
            self._held[peer] = note
        return self._held.get(peer)

    def _checkpoint_for(self, peer: str) -> bytes:
        """Our newest checkpoint; within one second always the same, so that messages in flight need one proof."""
        now = self._node.clock.now()
        at, note = self._shown.get(peer, (0, b""))
        if at != now:
            note = self._node.log.checkpoint()
            self._shown[peer] = (now, note)
        return note

    def _witness(self, peer: str, header: pb.Header, envelope: pb.Envelope) -> None:
        """Require that the peer's log continues what we held, and hold the newer checkpoint.

        A checkpoint that was held before is no news. One that grew must be proven against the newest; one that is
        older, against any that we held, since all those are one history: messages overtake one another. A shorter log
        is shown by what was made earlier and comes late; in what was made later it has lost entries.
        """
        seen, note = self._seen.setdefault(peer, {}), header.checkpoint
        new, held = self._open_note(peer, note), self._held_of(peer)
        old = self._open_note(peer, held) if held is not None else None
        if old is not None and old.size:
            # Two tolerances where we held it before we started: its maker's clock, and what it shows at most late.
            held_at = self._held_at.get(peer, self._began + SKEW_SECONDS)
            if new.size < old.size and header.made_at > held_at + SKEW_SECONDS:
                raise AuditError("shrunk", f"{peer}: size {old.size} before, {new.size} now")
            if seen.get(new.size) == new.root:
                return
            seen.setdefault(old.size, old.root)
            size = envelope.proof_from
            if size != old.size and (new.size > size or size not in seen):
                raise MessageError("checkpoint-gap", peer)
            first, second = sorted(((size, seen[size]), (new.size, new.root)))
            verify_consistency(first[0], second[0], list(envelope.proof), first[1], second[1])
        if old is None or new.size > old.size:
            self._node.store.peers.advance(peer, note, new.size)
            self._held[peer], self._held_at[peer] = note, header.made_at
        seen[new.size] = new.root
        if len(seen) > REMEMBERED:
            del seen[min(seen)]

    def _keep(self, leg: LegRef, direction: str, peer: str, kind: str, signed: pb.Signed) -> None:
        message = Message(
            request_id=leg.request_id,
            provider=leg.provider,
            direction=direction,
            peer=peer,
            kind=kind,
            digest=sha256(signed.payload).hex(),
            body=encode(signed),
            at=self._node.clock.now(),
        )
        try:
            self._node.store.messages.put(message)
        except StoreError as error:
            if error.code != "store.message-differs":
                raise
            raise MessageError("message-differs", f"{kind} of {peer}") from None

    async def _log(
        self, leg: LegRef, role: str, step: int, peer: str, part: str, kind: str, action: str, digest: bytes
    ) -> None:
        await self._node.log.record(
            Entry(
                id=entry_id(leg.request_id, leg.provider, step, role, peer, part),
                kind=kind,
                at=self._node.clock.now(),
                step=step,
                request=leg.request_id,
                role=role,
                peer=peer,
                action=action,
                facts={"request": leg.request_digest.hex(), "message": digest.hex()},
            )
        )


def _ends(message: pb.Message) -> bool:
    """Whether a reply is the last word: a wait is not, nor is an upload that still misses chunks."""
    return not (message.HasField("wait") or (message.HasField("upload_state") and not message.upload_state.complete))


def _slug(method: str) -> str:
    """SubmitRequest -> submit-request."""
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in method).lstrip("-")
