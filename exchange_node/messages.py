"""Signed protocol messages as bytes: building, strict reading, and the digests that bind them together.

Pure: bytes and values in, values out. A message is evidence, so it is kept exactly as its sender signed it, and a
reader takes nothing it does not know: an unknown field, a wrong length or a wrong alphabet refuses the message.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from google.protobuf.message import DecodeError
from google.protobuf.message import Message as Protobuf
from google.protobuf.unknown_fields import UnknownFieldSet

from exchange_node.errors import ExchangeError, Kind, Says
from exchange_node.wire.v1 import message_pb2 as pb

MESSAGE_TYPE = "application/vnd.exchange.message.v1+protobuf"
MAX_MESSAGE = 4 * 1024 * 1024 - 64 * 1024  # below gRPC's limit of 4 MiB, framing included
MAX_REPEATED = 65_536
MAX_PARTS = 256  # messages in a message: a person reads reasons, and a request to 64 providers has 128 sections
MAX_TEXT = 1_000

_ORG = re.compile(r"[a-z][a-z0-9-]{1,39}")
_SLUG = re.compile(r"[a-z][a-z0-9_.:-]{0,79}")
_PATTERNS = {
    "request_id": re.compile(r"[0-9a-f]{32}"),
    "requester": _ORG,
    "provider": _ORG,
    "sender": _ORG,
    "recipient": _ORG,
    "linkage_unit": _ORG,
    "agreement_id": _SLUG,
    "purpose": _SLUG,
    "attributes": _SLUG,
    "method": _SLUG,
    "count_mode": _SLUG,
    "disclosure_mode": _SLUG,
    "user_role": _SLUG,
    "name": _SLUG,
    "by": _SLUG,
    # These come to stand in the reader's own log, which others may read: no words, or a peer could write there.
    "code": _SLUG,
    "reason": _SLUG,
    "state": _SLUG,
}
T = TypeVar("T", bound=Protobuf)
_DIGEST = re.compile(r"(^|_)digests?$")


class MessageError(ExchangeError):
    """A message of a peer, or one we were about to send, breaks a rule of PROTOCOL.md."""

    prefix = "protocol"
    catalogue: ClassVar[dict[str, Says]] = {
        "malformed": Says(
            Kind.INVALID,
            "The message does not have the form the protocol prescribes.",
            "Compare the versions of both nodes; `exchange doctor` prints ours.",
        ),
        "too-large": Says(
            Kind.INVALID,
            "The message is larger than the protocol allows.",
            "Compare the versions of both nodes; `exchange doctor` prints ours.",
        ),
        "unexpected": Says(
            Kind.INVALID,
            "This kind of message does not belong to this call or this step.",
            "Nothing to do on this side; the sender must follow the order of steps.",
        ),
        "leg-ended": Says(
            Kind.CONFLICT,
            "The other node has ended its part of the request.",
            "Ask again; if it repeats, the provider's officers or the linkage unit's operator can tell why.",
        ),
        "chunk-gone": Says(
            Kind.NOT_FOUND,
            "The chunk is not here, or not any more.",
            "Nothing to do: a linkage unit that was restarted asks for the encodings again by itself.",
        ),
        "wrong-leg": Says(
            Kind.UNTRUSTED,
            "The message belongs to another request or another pair of agencies.",
            "Nothing to do on this side; ask the sender's operator to look at their log.",
        ),
        "wrong-sender": Says(
            Kind.UNTRUSTED,
            "The message was not sent by the organisation whose connection it came over.",
            "Nothing to do on this side; report it to the federation's operators.",
        ),
        "unknown-request": Says(
            Kind.NOT_FOUND,
            "This node does not know that request.",
            "Check the request's id with `exchange request list`.",
        ),
        "request-differs": Says(
            Kind.CONFLICT,
            "The same request id was used before with other contents.",
            "Submit the question again as a new request.",
        ),
        "message-differs": Says(
            Kind.CONFLICT,
            "A message of this step was received before with other contents.",
            "Nothing to do on this side; the sender must resend what it sent first.",
        ),
        "section-differs": Says(
            Kind.UNTRUSTED,
            "A section of the request does not match the digest that was signed.",
            "Nothing to do on this side; ask the sender's operator to look at their log.",
        ),
        "digest-differs": Says(
            Kind.UNTRUSTED,
            "The data received do not match the digest that was signed.",
            "It is fetched again by itself; if it repeats, ask the sender's operator.",
        ),
        "clock-skew": Says(
            Kind.UNTRUSTED,
            "The clocks of the two nodes differ by more than 120 seconds.",
            "Check time synchronisation on both machines.",
        ),
        "stale": Says(
            Kind.UNTRUSTED, "The message lies outside the time of its request.", "Submit the question as a new request."
        ),
        "checkpoint-gap": Says(
            Kind.CONFLICT,
            "The proof that the sender's log only grew does not start where this node's knowledge ends.",
            "It is sent again with the right proof by itself.",
        ),
        "over-quota": Says(
            Kind.DENIED,
            "The sender has more requests or data open here than it may.",
            "Wait until earlier requests have ended, or agree a larger quota.",
        ),
        "manifest-differs": Says(
            Kind.UNAVAILABLE,
            "The two nodes do not trust the same federation manifest.",
            "Bring both nodes to the newest manifest: `exchange manifest show` tells its number.",
        ),
    }


@dataclass(frozen=True, slots=True)
class LegRef:
    """Which leg a message belongs to: one request to one provider."""

    request_id: str
    request_digest: bytes
    requester: str
    provider: str


def sha256(data: bytes) -> bytes:
    """SHA-256, 32 bytes."""
    return hashlib.sha256(data).digest()


def decode(kind: type[T], data: bytes) -> T:
    """Read one protobuf message strictly; raises MessageError("malformed") or ("too-large")."""
    if len(data) > MAX_MESSAGE:
        raise MessageError("too-large", f"{kind.__name__}: {len(data)} bytes")
    message = kind()
    try:
        message.ParseFromString(data)
    except (DecodeError, RecursionError) as error:
        raise MessageError("malformed", kind.__name__) from error
    check(message)
    return message


def check(message: Protobuf) -> None:
    """Refuse unknown fields, wrong alphabets, wrong lengths; recurses into every part."""
    name = message.DESCRIPTOR.name
    if len(UnknownFieldSet(message)):
        raise MessageError("malformed", f"{name}: unknown field")
    for field, value in message.ListFields():
        items = value if field.is_repeated else [value]
        if len(items) > (MAX_PARTS if field.message_type else MAX_REPEATED):
            raise MessageError("malformed", f"{name}.{field.name}: too many")
        for item in items:
            if isinstance(item, Protobuf):
                check(item)
            elif isinstance(item, str):
                _check_text(name, field.name, item)
            elif isinstance(item, bytes) and _DIGEST.search(field.name) and len(item) != 32:
                raise MessageError("malformed", f"{name}.{field.name}: a digest has 32 bytes")


def _check_text(name: str, field: str, text: str) -> None:
    pattern = _PATTERNS.get(field)
    if len(text) > MAX_TEXT or (pattern and not pattern.fullmatch(text)) or not text.isprintable():
        raise MessageError("malformed", f"{name}.{field}: wrong alphabet or length")


def encode(message: Protobuf) -> bytes:
    """The bytes that are signed and kept; what we would refuse from others we never send."""
    check(message)
    return message.SerializeToString(deterministic=True)


def read_message(payload: bytes, expected: Sequence[str], leg: LegRef | None = None) -> pb.Message:
    """Read a signed payload whose body must be one of `expected` and, if given, belong to `leg`.

    Raises MessageError: malformed, too-large, unexpected, wrong-leg.
    """
    message = decode(pb.Message, payload)
    header = message.header
    if message.WhichOneof("body") not in expected:
        raise MessageError("unexpected", f"body {message.WhichOneof('body')}")
    needed = (header.request_id, header.request_digest, header.requester, header.provider, header.sender,
              header.recipient, header.made_at, header.manifest_digest, header.checkpoint)  # fmt: skip
    if not all(needed):
        raise MessageError("malformed", "Header: a field is missing")
    if leg is not None and leg_of(header) != leg:
        raise MessageError("wrong-leg")
    return message


def leg_of(header: pb.Header) -> LegRef:
    """The leg that a header names."""
    return LegRef(header.request_id, header.request_digest, header.requester, header.provider)


def make_sections(parts: Sequence[pb.Part]) -> list[pb.Section]:
    """Salt every part, in an order that says nothing about how many providers are asked, or who."""
    places = secrets.SystemRandom().sample(range(len(parts)), len(parts))
    return [
        pb.Section(index=place, salt=secrets.token_bytes(32), content=encode(part))
        for place, part in zip(places, parts, strict=True)
    ]


def section_digest(section: pb.Section) -> bytes:
    """SHA-256(salt || content); the salt has a fixed length, so the two cannot run into one another."""
    return sha256(section.salt + section.content)


def open_request(request: pb.Request) -> tuple[pb.RequestCore, bytes, list[pb.Part]]:
    """Check every section shown against the signed digests; returns core, request digest and the parts shown.

    Raises MessageError: malformed, section-differs.
    """
    core = decode(pb.RequestCore, request.core)
    if not (core.request_id and core.requester and core.created_at and core.deadline > core.created_at):
        raise MessageError("malformed", "RequestCore: a field is missing")
    parts = []
    for section in request.sections:
        if len(section.salt) != 32 or section.index >= len(core.section_digests):
            raise MessageError("malformed", "Section: salt or index")
        if section_digest(section) != core.section_digests[section.index]:
            raise MessageError("section-differs", f"section {section.index}")
        parts.append(decode(pb.Part, section.content))
    return core, sha256(request.core), parts


def order_digest(order: pb.LinkageOrder) -> bytes:
    """What a Question says about the order that belongs to it."""
    return sha256(encode(pb.Part(order=order)))
